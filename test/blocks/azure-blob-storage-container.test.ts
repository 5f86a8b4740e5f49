/** URLs and clients of an `AzureBlobStorageContainer`, in its base folder; bytes go through @azure/storage-blob to a real Azurite. */
import { RestError } from "@azure/storage-blob";
import { openStore } from "ashlar";
import { AzureBlobStorageContainer } from "ashlar/blocks/azure-blob-storage-container";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Azurite, startAzurite } from "../azurite.ts";
import { logged, refusalOf } from "./refusal.ts";
import { CANARY, KEY } from "./samples.ts";

const connectionString = `AccountName=mtademo;AccountKey=${KEY}`;
const make = (baseFolder?: string, given = connectionString) =>
  new AzureBlobStorageContainer({ containerName: "mta-demo", credentials: { connectionString: given }, baseFolder });

describe("url", () => {
  const root = "https://mtademo.blob.core.windows.net/mta-demo";

  it.each([
    [undefined, undefined, root],
    [undefined, "/a b/ä?#%.json", `${root}/a%20b/%C3%A4%3F%23%25.json`],
    ["stage", undefined, `${root}/stage`],
    ["stage/", "data.json", `${root}/stage/data.json`],
    ["a b//c", "/date=2024-01-01/x", `${root}/a%20b/c/date=2024-01-01/x`],
  ])("of folder %j and path %j is percent-encoded", (folder, path, expected) => {
    expect(make(folder).url({ path })).toBe(expected);
    expect(new URL(expected).href).toBe(expected);
  });

  it("has the protocol that the account has, or the one asked for", () => {
    const emulator = make("stage", `${connectionString};BlobEndpoint=http://127.0.0.1:10000/mtademo`);
    expect(emulator.url()).toBe("http://127.0.0.1:10000/mtademo/mta-demo/stage");
    expect(make("stage").url({ path: "x", protocol: "abfss" })).toBe("abfss://mta-demo@mtademo.dfs.core.windows.net/stage/x");
  });

  it.each(["../x", "a/./b", "a/.."])("refuses %j", async (bad) => {
    expect(await refusalOf(() => make("stage").url({ path: bad }), [CANARY])).toMatchObject({ code: "ERR_INVALID" });
    expect(await refusalOf(() => make("stage").blobClient(bad), [CANARY])).toMatchObject({ code: "ERR_INVALID" });
  });

  it("refuses a base folder outside of the container", async () => {
    for (const folder of ["..", "a/../.."])
      expect(await refusalOf(() => make(folder).url(), [CANARY])).toMatchObject({ code: "ERR_INVALID" });
  });
});

it("asks for credentials, which Python's schema says may be left out", () => {
  // @ts-expect-error They are not given.
  const withoutCredentials = () => new AzureBlobStorageContainer({ containerName: "mta-demo" });
  expect(withoutCredentials).toThrow(/credentials: there is no account; give connectionString or accountUrl/);
});

it("needs a blob's name", async () => {
  for (const path of ["", "/"])
    expect(await refusalOf(() => make("stage").blobClient(path), [CANARY])).toMatchObject({
      code: "ERR_INVALID",
      details: { path: "name" },
    });
});

describe("against Azurite", () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
    await (await make(undefined, azurite.connectionString).client()).create();
  });
  afterAll(() => azurite.stop());

  it.each([undefined, "stage", "a b/ä", "/leading"])("bytes go up and come down in folder %j, where its URL says", async (folder) => {
    const container = make(folder, azurite.connectionString);
    await (await container.blobClient("/in here/x=1.json")).uploadData(Buffer.from(`in ${folder}`));
    expect((await (await container.blobClient("in here/x=1.json")).downloadToBuffer()).toString()).toBe(`in ${folder}`);
    const names: string[] = [];
    for await (const { name } of (await container.client()).listBlobsFlat()) names.push(name);
    const path = decodeURIComponent(new URL(container.url({ path: "in here/x=1.json" })).pathname);
    expect(names).toContain(path.slice("/mtademo/mta-demo/".length));
  });

  it("comes back from a store, its credentials by reference, and works", async () => {
    const store = await openStore("memory:");
    const saved = make("stored", azurite.connectionString);
    await saved.credentials.save("credentials", { store });
    await saved.save("container", { store });
    const loaded = await AzureBlobStorageContainer.load("container", { store });
    expect(loaded.credentials.document?.name).toBe("credentials");
    await (await loaded.blobClient("x")).uploadData(Buffer.from("x"));
    expect(await (await make(undefined, azurite.connectionString).blobClient("stored/x")).exists()).toBe(true);
  });

  it("fails as the SDK fails for a wrong key, with no secret in what is logged of it", async () => {
    const container = make("stage", azurite.connectionString.replace(azurite.key, KEY));
    const blob = await container.blobClient("x", { retryOptions: { maxTries: 1 } });
    const thrown: unknown = await blob.uploadData(Buffer.from("x")).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(RestError);
    expect((thrown as RestError).statusCode).toBe(403);
    for (const secret of [CANARY, azurite.key]) expect(logged(thrown)).not.toContain(secret);
  });
});

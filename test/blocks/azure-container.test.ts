/** URLs and clients of an `AzureContainer`; the clients send real bytes through @azure/storage-blob to a real Azurite. */
import { inspect } from "node:util";
import { ClientSecretCredential, DefaultAzureCredential } from "@azure/identity";
import {
  AnonymousCredential,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  RestError,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { Block, Secret } from "ashlar";
import { AzureBlobStorageCredentials } from "ashlar/blocks/azure-blob-storage-credentials";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { accountOfName } from "ashlar/blocks/azure-storage-account";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { type Azurite, startAzurite } from "../azurite.ts";
import { CANARY, KEY } from "./samples.ts";

/** What the real ClientSecretCredential was made with, each time; it shows none of it itself. */
const signIns = vi.hoisted((): unknown[] => []);
vi.mock("@azure/identity", async (original) => {
  const real = await original<typeof import("@azure/identity")>();
  class Recorded extends real.ClientSecretCredential {
    constructor(...given: ConstructorParameters<typeof real.ClientSecretCredential>) {
      super(...given);
      signIns.push(given);
    }
  }
  return { ...real, ClientSecretCredential: Recorded };
});

type Credentials = ConstructorParameters<typeof AzureContainer>[0]["credentials"];
const byKey = { bucketPath: "b", azureStorageAccountName: "mtademo", azureStorageAccountKey: KEY };
const byString = (azureStorageConnectionString: string) => ({ bucketPath: "b", azureStorageConnectionString });
const make = (credentials: Credentials = byKey, container = "mta-demo") => new AzureContainer({ container, credentials });
/** A failure at once; the SDK's default is to try for minutes. */
const once = { retryOptions: { maxTries: 1 } };

class OtherContainer extends AzureContainer.extend({ title: "AzureContainer", fields: { credentials: AzureBlobStorageCredentials } }) {}

describe("url", () => {
  const path = "stage/data.json";
  it.each([
    [undefined, "abfss://mta-demo@mtademo.dfs.core.windows.net"],
    ["abfss", "abfss://mta-demo@mtademo.dfs.core.windows.net"],
    ["wasbs", "wasbs://mta-demo@mtademo.blob.core.windows.net"],
    ["https", "https://mtademo.blob.core.windows.net/mta-demo"],
    ["http", "http://mtademo.blob.core.windows.net/mta-demo"],
  ] as const)("has the container in it, by %s", (protocol, expected) => {
    expect(make().url({ protocol })).toBe(expected);
    expect(make().url({ protocol, path })).toBe(`${expected}/${path}`);
  });

  it.each([
    ["", ""],
    ["/", "/"],
    ["/stage/", "/stage/"],
    ["//stage//x", "/stage//x"],
    ["a b/ä?#%/x+y&z;'\\", "/a%20b/%C3%A4%3F%23%25/x%2By%26z%3B'%5C"],
    ["date=2024-01-01/a:b@c,$d.parquet", "/date=2024-01-01/a:b@c,$d.parquet"],
    ["%2e%2e/x", "/%252e%252e/x"],
    [".../..x", "/.../..x"],
  ])("encodes %j by parts, slashes neither doubled nor lost", (given, expected) => {
    for (const protocol of ["abfss", "https"] as const)
      expect(make().url({ path: given, protocol })).toBe(make().url({ protocol }) + expected);
    // What a URL parser makes of it stays in the container.
    expect(new URL(make().url({ path: given, protocol: "https" })).pathname).toBe(`/mta-demo${expected}`);
  });

  it.each([".", "..", "a/../../other", "a/./b", "/..", "x/..", "a/\ud800"])("refuses %j", async (bad) => {
    expect(() => make().url({ path: bad })).toThrow(expect.objectContaining({ code: "ERR_INVALID" }));
    await expect(make().blobClient(bad)).rejects.toMatchObject({ code: "ERR_INVALID" });
  });

  it("encodes the container too, and refuses one that would not be there", () => {
    expect(make(byKey, "a/b c").url()).toBe("abfss://a%2Fb%20c@mtademo.dfs.core.windows.net");
    expect(make(byKey, "$web").url({ protocol: "https" })).toBe("https://mtademo.blob.core.windows.net/$web");
    for (const container of ["", ".", ".."])
      expect(() => make(byKey, container).url()).toThrow(expect.objectContaining({ code: "ERR_INVALID" }));
  });

  it("leads where the connection string leads", () => {
    const china = make(byString(`AccountName=mtademo;AccountKey=${KEY};EndpointSuffix=core.chinacloudapi.cn`));
    expect(china.url()).toBe("abfss://mta-demo@mtademo.dfs.core.chinacloudapi.cn");
    expect(china.url({ protocol: "https" })).toBe("https://mtademo.blob.core.chinacloudapi.cn/mta-demo");
    const emulator = make(byString(`AccountName=mtademo;AccountKey=${KEY};BlobEndpoint=http://127.0.0.1:10000/mtademo`));
    expect(emulator.url({ protocol: "http", path })).toBe("http://127.0.0.1:10000/mtademo/mta-demo/stage/data.json");
    expect(emulator.url({ protocol: "https" })).toBe("https://127.0.0.1:10000/mtademo/mta-demo");
    expect(emulator.url()).toBe("abfss://mta-demo@mtademo.dfs.core.windows.net");
  });

  it("refuses another protocol", () => {
    expect(() => make().url({ protocol: "ftp" as never })).toThrow(TypeError);
  });
});

describe("a client", () => {
  /** What the SDK was given to let itself in; its own fields, which its types keep private. */
  const given = async (container: AzureContainer | OtherContainer) =>
    (await container.containerClient()) as unknown as { url: string; credential: unknown };
  const name = { bucketPath: "b", azureStorageAccountName: "mtademo" };
  const principal = { azureStorageTenantId: "tenant", azureStorageClientId: "client", azureStorageClientSecret: CANARY };

  it("lets itself in by what the credentials hold", async () => {
    expect((await given(make())).credential).toBeInstanceOf(StorageSharedKeyCredential);
    expect((await given(make({ ...name, ...principal }))).credential).toBeInstanceOf(ClientSecretCredential);
    expect((await given(make({ ...name, azureStorageAnon: false }))).credential).toBeInstanceOf(DefaultAzureCredential);
    expect((await given(make(name))).credential).toBeInstanceOf(AnonymousCredential);
    const other = new OtherContainer({ container: "mta-demo", credentials: { accountUrl: "https://mtademo.blob.core.windows.net" } });
    expect((await given(other)).credential).toBeInstanceOf(DefaultAzureCredential);
    expect((await given(other)).url).toBe("https://mtademo.blob.core.windows.net/mta-demo");
  });

  it("signs in at the authority of the account's cloud", async () => {
    for (const domain of ["core.windows.net", "core.usgovcloudapi.net"]) {
      const credentials = { tenantId: "tenant", clientId: "client", clientSecret: CANARY, accountUrl: `https://mtademo.blob.${domain}` };
      await new OtherContainer({ container: "mta-demo", credentials }).containerClient();
    }
    expect(signIns.slice(-2)).toEqual([
      ["tenant", "client", CANARY, {}],
      ["tenant", "client", CANARY, { authorityHost: "https://login.microsoftonline.us" }],
    ]);
  });

  it("is refused for what cannot be right, before anything is sent and without a secret", async () => {
    const cases: readonly Credentials[] = [
      byString(CANARY),
      byString(`AccountName=mtademo;AccountKey=${CANARY}!`),
      byString(`BlobEndpoint=https://mtademo.blob.core.windows.net?${CANARY};SharedAccessSignature=${CANARY}`),
      { ...name, azureStorageAccountKey: `${CANARY}$` },
      { ...name, azureStorageTenantId: CANARY },
      { ...name, ...principal, azureStorageTenantId: `${CANARY}/x y` },
      { ...name, azureStorageAccountName: `${CANARY}.example/` },
    ];
    for (const credentials of cases) {
      const thrown: unknown = await make(credentials)
        .blobClient("x")
        .then(
          () => undefined,
          (error: unknown) => error,
        );
      expect(thrown).toBeInstanceOf(Error);
      expect(inspect(thrown, { depth: 20, showHidden: true, customInspect: false })).not.toContain(CANARY);
    }
  });

  it("needs a blob's name, and credentials that know their account", async () => {
    await expect(make().blobClient("/")).rejects.toMatchObject({ code: "ERR_INVALID" });
    class Nothing extends Block.define({ name: "Nothing", fields: { note: z.string() } }) {}
    class Odd extends AzureContainer.extend({ name: "Odd", fields: { credentials: Nothing } }) {}
    expect(() => new Odd({ container: "c", credentials: { note: "" } }).url()).toThrow(/a block with a method storageAccount\(\)/);
  });

  it("takes any credentials that know their account", async () => {
    class Vending extends Block.define({ name: "Vending", fields: { account: z.string() } }) {
      storageAccount() {
        return accountOfName(this.account, "account", { kind: "sas", sas: new Secret("sig=x") });
      }
    }
    class Vended extends AzureContainer.extend({ name: "Vended", fields: { credentials: Vending } }) {}
    const { url } = await new Vended({ container: "mta-demo", credentials: { account: "vended" } }).containerClient();
    expect(url).toBe("https://vended.blob.core.windows.net/mta-demo?sig=x");
  });
});

describe("against Azurite", () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
    await (await make(byString(azurite.connectionString)).containerClient()).create();
  });
  afterAll(() => azurite.stop());

  /** A signature for the container, good for a minute. */
  const signature = (): string =>
    generateBlobSASQueryParameters(
      { containerName: "mta-demo", expiresOn: new Date(Date.now() + 60_000), permissions: ContainerSASPermissions.parse("rcw") },
      new StorageSharedKeyCredential(azurite.account, azurite.key),
    ).toString();

  it.each(["stage/data.json", "/a b/ä?#%+&'.json", "date=2024-01-01/a:b@c,$d/x//y", "%2e%2e/x"])(
    "bytes go up and come down at %j, and lie where the URL says",
    async (path) => {
      const container = make(byString(azurite.connectionString));
      await (await container.blobClient(path)).uploadData(Buffer.from(path));
      expect((await (await container.blobClient(path)).downloadToBuffer()).toString()).toBe(path);
      const answer = await fetch(`${container.url({ path, protocol: "http" })}?${signature()}`);
      expect(await answer.text()).toBe(path);
      const names: string[] = [];
      for await (const item of (await container.containerClient()).listBlobsFlat()) names.push(item.name);
      expect(names).toContain(path.replace(/^\//, ""));
    },
  );

  it("lets in by shared access signature, and by either type of credentials", async () => {
    const bySas = make(byString(`BlobEndpoint=${azurite.endpoint};SharedAccessSignature=${signature()}`));
    await (await bySas.blobClient("by-sas")).uploadData(Buffer.from("sas"));
    const other = new OtherContainer({ container: "mta-demo", credentials: { connectionString: azurite.connectionString } });
    expect((await (await other.blobClient("by-sas")).downloadToBuffer()).toString()).toBe("sas");
  });

  it.each([
    ["a wrong key", 403, (): string => azurite.connectionString.replace(azurite.key, KEY), "mta-demo"],
    ["a missing container", 404, (): string => azurite.connectionString, "no-such-container"],
    [
      "a wrong signature",
      403,
      (): string => `BlobEndpoint=${azurite.endpoint};SharedAccessSignature=sv=2022-11-02&sr=c&sig=${CANARY}`,
      "mta-demo",
    ],
    ["no server", undefined, (): string => `BlobEndpoint=http://127.0.0.1:1/mtademo;SharedAccessSignature=sig=${CANARY}`, "mta-demo"],
  ])("fails as the SDK fails for %s, with no secret in what is logged of it", async (_what, statusCode, connection, container) => {
    const blob = await make(byString(connection()), container).blobClient("x", once);
    const thrown: unknown = await blob.uploadData(Buffer.from("x")).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(RestError);
    expect(thrown).toMatchObject({ statusCode });
    const { message, stack } = thrown as RestError;
    const logged = `${message}${stack}${inspect(thrown, { depth: 20 })}${JSON.stringify(thrown)}`;
    for (const secret of [CANARY, azurite.key, Buffer.from(KEY, "base64").toString("hex")]) expect(logged).not.toContain(secret);
  });
});

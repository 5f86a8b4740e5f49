/** What connection strings, names and URLs say of a storage account, and that no refusal quotes them. */
import { inspect } from "node:util";
import { isAshlarError, Secret } from "ashlar";
import {
  type AzureStorageAccount,
  accessByKey,
  accessByServicePrincipal,
  accountOfConnectionString,
  accountOfName,
  accountOfUrl,
  hadoopHost,
  signInHost,
} from "ashlar/blocks/azure-storage-account";
import { describe, expect, it } from "vitest";
import { CANARY, KEY } from "./samples.ts";

const parse = (text: string): AzureStorageAccount => accountOfConnectionString(new Secret(text), "connectionString");

/** What a function throws, checked to be ours and to hold no canary anywhere. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(isAshlarError(error, "ERR_INVALID")).toBe(true);
    const all = `${(error as Error).stack}${inspect(error, { depth: 20, showHidden: true })}${JSON.stringify(error)}`;
    expect(all).not.toContain(CANARY);
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}

describe("a connection string", () => {
  it("names account, key and cloud", () => {
    const account = parse(`DefaultEndpointsProtocol=https;AccountName=mtademo;AccountKey=${KEY};EndpointSuffix=core.windows.net`);
    expect(account).toMatchObject({ name: "mtademo", blobEndpoint: "https://mtademo.blob.core.windows.net", access: { kind: "key" } });
    expect(account.access.kind === "key" && account.access.key.reveal()).toBe(KEY);
  });

  it("is read as Python reads it: names in any case, protocol and cloud left out, a semicolon at the end", () => {
    expect(parse(`accountname=mtademo;ACCOUNTKEY=${KEY};`).blobEndpoint).toBe("https://mtademo.blob.core.windows.net");
  });

  it.each([
    ["EndpointSuffix=core.chinacloudapi.cn", "mtademo.dfs.core.chinacloudapi.cn", "https://login.chinacloudapi.cn"],
    ["BlobEndpoint=https://mtademo.blob.core.usgovcloudapi.net/", "mtademo.dfs.core.usgovcloudapi.net", "https://login.microsoftonline.us"],
    ["BlobEndpoint=https://mtademo.z13.blob.storage.azure.net", "mtademo.z13.dfs.storage.azure.net", "https://login.microsoftonline.com"],
    ["BlobEndpoint=https://data.example.com", "mtademo.dfs.core.windows.net", "https://login.microsoftonline.com"],
    [
      "BlobEndpoint=http://127.0.0.1:10000/mtademo;EndpointSuffix=core.example",
      "mtademo.dfs.core.example",
      "https://login.microsoftonline.com",
    ],
  ])("may lead elsewhere: %s", (where, dfs, signIn) => {
    const account = parse(`AccountName=mtademo;AccountKey=${KEY};${where}`);
    expect(hadoopHost(account, "dfs")).toBe(dfs);
    expect(hadoopHost(account, "blob")).toBe(dfs.replace(".dfs.", ".blob."));
    expect(signInHost(account)).toBe(signIn);
  });

  it("may hold a shared access signature, with or without its question mark, and name the account in the URL only", () => {
    for (const mark of ["", "?"]) {
      const account = parse(`BlobEndpoint=https://mtademo.blob.core.windows.net/;SharedAccessSignature=${mark}sv=2022-11-02&sig=a%2Bb%3D`);
      expect(account.name).toBe("mtademo");
      expect(account.access.kind === "sas" && account.access.sas.reveal()).toBe("sv=2022-11-02&sig=a%2Bb%3D");
    }
  });

  it("may mean the emulator", () => {
    expect(parse("UseDevelopmentStorage=true")).toMatchObject({
      name: "devstoreaccount1",
      blobEndpoint: "http://127.0.0.1:10000/devstoreaccount1",
      access: { kind: "key" },
    });
  });

  it.each([
    [CANARY, /is no connection string/],
    [`=${CANARY}`, /is no connection string/],
    ["", /names no account/],
    [`AccountKey=${KEY}`, /names no account/],
    ["AccountName=mtademo", /neither AccountKey nor SharedAccessSignature/],
    [`AccountName=${CANARY}.evil.example/;AccountKey=${KEY}`, /no storage account's name/],
    [`AccountName=mtademo;AccountKey=${CANARY}!`, /AccountKey in connectionString is no account key/],
    [`AccountName=mtademo;AccountKey=${KEY.slice(0, -1)}`, /is no account key: not base64, or cut/],
    [`BlobEndpoint=https://data.example.com;AccountKey=${KEY}`, /an AccountKey but no AccountName/],
    [`BlobEndpoint=${CANARY};AccountName=mtademo;AccountKey=${KEY}`, /no plain account URL/],
    [`BlobEndpoint=https://mtademo.blob.core.windows.net/?sig=${CANARY};SharedAccessSignature=sig=x`, /no plain account URL/],
    [`BlobEndpoint=https://${CANARY}@mtademo.blob.core.windows.net;SharedAccessSignature=sig=x`, /no plain account URL/],
    [`BlobEndpoint=https://mtademo.blob.core.windows.net/${CANARY};SharedAccessSignature=sig=x`, /no plain account URL/],
    [`BlobEndpoint=ftp://mtademo.blob.core.windows.net;SharedAccessSignature=sig=${CANARY}`, /no plain account URL/],
    [`AccountName=mtademo;AccountKey=${KEY};EndpointSuffix=evil.example/${CANARY}`, /no plain account URL/],
    [`AccountName=mtademo;SharedAccessSignature=sv=${CANARY}`, /has no sig, or is cut/],
    [`AccountName=mtademo;SharedAccessSignature=sv=1&sig=${CANARY} x`, /has no sig, or is cut/],
    [`UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://${CANARY}`, /not supported/],
  ])("is refused without being quoted (%#)", (text, message) => {
    expect(refusal(() => parse(text))).toMatch(message);
  });

  it("without a name cannot be used by Hadoop", () => {
    const account = parse("BlobEndpoint=https://data.example.com;SharedAccessSignature=sig=x");
    expect(account.name).toBeNull();
    expect(refusal(() => hadoopHost(account, "dfs"))).toMatch(/add AccountName/);
  });
});

describe("an account's URL", () => {
  const access = { kind: "default" } as const;

  it("tells the name, and is that of the blobs", () => {
    expect(accountOfUrl("https://mtademo.dfs.core.windows.net/", "accountUrl", access)).toMatchObject({
      name: "mtademo",
      blobEndpoint: "https://mtademo.blob.core.windows.net",
    });
    expect(accountOfUrl("http://azurite:10000/devstoreaccount1", "accountUrl", access).name).toBe("devstoreaccount1");
  });

  it.each([
    "",
    "mtademo",
    "https://mtademo.blob.core.windows.net/container",
    "https://data.example.com/a/b",
    `https://x.example/?${CANARY}`,
  ])("is refused unless it is plain (%#)", (url) => {
    expect(refusal(() => accountOfUrl(url, "accountUrl", access))).toMatch(/^accountUrl has no plain account URL/);
  });
});

describe("ways in", () => {
  it("refuse a name, a key and half a service principal without quoting them", () => {
    expect(refusal(() => accountOfName(`${CANARY}/x`, "azureStorageAccountName", { kind: "default" }))).toMatch(/^azureStorageAccountName/);
    expect(refusal(() => accessByKey(new Secret(`${CANARY}$`), "azureStorageAccountKey"))).toMatch(
      /^azureStorageAccountKey is no account key/,
    );
    const half = { tenantId: undefined, clientId: CANARY, clientSecret: "" };
    expect(refusal(() => accessByServicePrincipal(half))).toMatch(/^tenantId and clientSecret is missing/);
  });

  it("take a key that was pasted with a line's end", () => {
    const access = accessByKey(new Secret(`${KEY}\n`), "key");
    expect(access.kind === "key" && access.key.reveal()).toBe(KEY);
  });

  it("count empty texts as left out", () => {
    expect(accessByServicePrincipal({ tenantId: "", clientId: undefined, clientSecret: new Secret("") })).toBeUndefined();
  });
});

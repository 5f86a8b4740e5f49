/**
 * What `AzureCosmosDbCredentials` gives the real @azure/cosmos. No Cosmos DB can run here: the server on the other end is a double, which knows one
 * document and answers in Cosmos DB's form. That the requests are signed with the account's key is checked by the documented algorithm.
 */
import { createHmac } from "node:crypto";
import { inspect } from "node:util";
import { AzureCosmosDbCredentials } from "ashlar/blocks/azure-cosmos-db-credentials";
import { describe, expect, it } from "vitest";
import { httpServer, type Received } from "../http-server.ts";
import { cosmosDouble } from "./cosmos-double.ts";
import { logged, refusalOf } from "./refusal.ts";
import { CANARY, KEY } from "./samples.ts";

const make = (connectionString: string) => new AzureCosmosDbCredentials({ connectionString });
const json = (value: unknown, status = 200) => ({ status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) });

/** https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources#constructkeytoken */
function signature({ method, headers }: Received, type: string, link: string): string {
  const text = `${method.toLowerCase()}\n${type}\n${link}\n${headers["x-ms-date"]?.toLowerCase()}\n\n`;
  return `type=master&ver=1.0&sig=${createHmac("sha256", Buffer.from(KEY, "base64")).update(text).digest("base64")}`;
}

describe("a client", () => {
  it.each([
    ["as the portal shows it", (origin: string) => `AccountEndpoint=${origin}/;AccountKey=${KEY};`],
    ["in another order, case, and with more parts", (origin: string) => ` accountkey=${KEY} ; ACCOUNTENDPOINT=${origin};Database=x`],
  ])("reads a document, its requests signed with the key; the connection string is %s", async (_how, text) => {
    const double = await cosmosDouble("one");
    const client = await make(text(double.origin)).client();
    try {
      const { resource } = await client.database("traffic").container("hourly").item("one", "BNT").read();
      expect(resource).toEqual({ id: "one", vehicles: 7 });
      const read = double.received.find(({ path }) => path.endsWith("/docs/one")) as Received;
      const expected = signature(read, "docs", "dbs/traffic/colls/hourly/docs/one");
      expect(decodeURIComponent(read.headers.authorization ?? "")).toBe(expected);
      expect(read.headers["x-ms-documentdb-partitionkey"]).toBe('["BNT"]');
      expect(double.received.some(({ headers }) => JSON.stringify(headers).includes(KEY))).toBe(false);
    } finally {
      client.dispose();
    }
  });

  it("fails as the SDK fails, with no key in what is logged of it", async () => {
    const double = await httpServer(() => json({ code: "Unauthorized", message: "wrong key" }, 401));
    const client = await make(`AccountEndpoint=${double.origin}/;AccountKey=${KEY}`).client({ connectionPolicy: { requestTimeout: 2000 } });
    try {
      const thrown: unknown = await client.databases
        .readAll()
        .fetchAll()
        .catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code: 401 });
      for (const secret of [CANARY, KEY]) expect(logged(thrown)).not.toContain(secret);
    } finally {
      client.dispose();
    }
  });

  it.each([
    [CANARY, /has no AccountEndpoint/],
    ["", /has no AccountEndpoint/],
    [`AccountEndpoint=${CANARY};AccountKey=${KEY}`, /has no AccountEndpoint/],
    [`AccountEndpoint=ftp://${CANARY}/;AccountKey=${KEY}`, /has no AccountEndpoint/],
    [`AccountEndpoint=https://me:${CANARY}@mtademo.documents.azure.com/;AccountKey=${KEY}`, /has no AccountEndpoint/],
    [`AccountEndpoint=https://mtademo.documents.azure.com/?${CANARY};AccountKey=${KEY}`, /has no AccountEndpoint/],
    ["AccountEndpoint=https://mtademo.documents.azure.com/", /has no AccountKey/],
    [`AccountEndpoint=https://mtademo.documents.azure.com/;AccountKey=${CANARY}!`, /has no AccountKey, or one that is cut/],
    [`AccountEndpoint=https://mtademo.documents.azure.com/;AccountKey=${CANARY}A`, /has no AccountKey, or one that is cut/],
  ])("is refused for a connection string that is none, before anything is sent (%#)", async (text, message) => {
    const error = await refusalOf(() => make(text).client(), [CANARY, KEY]);
    expect(error).toMatchObject({ code: "ERR_INVALID", message: expect.stringMatching(message), details: { path: "connectionString" } });
  });
});

it("shows nothing of the connection string itself", () => {
  const block = make(`AccountEndpoint=https://mtademo.documents.azure.com/;AccountKey=${KEY}`);
  expect(`${inspect(block, { showHidden: true, depth: 9 })}${JSON.stringify(block)}`).not.toContain(CANARY);
});

/**
 * Run by server.ts: what no server can do without. Plain node:http that reads the row of a document and sends the same bytes, without looking at either.
 * Arguments: path of the SQLite file, of the file with the bytes. Prints its port.
 * @module
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";

const [database = "", answer = ""] = process.argv.slice(2);
const bytes = readFileSync(answer);
const row = new DatabaseSync(database).prepare("SELECT * FROM records WHERE kind = 'document' AND type = ? AND name = ?");
const path = /^\/api\/block_types\/slug\/([^/]+)\/block_documents\/name\/([^/?]+)/;

const server = createServer(({ url = "" }, response) => {
  const [, type = "", name = ""] = path.exec(url) ?? [];
  if (!row.get(type, name)) throw new Error("there is no such document");
  response.writeHead(200, { "content-type": "application/json", "content-length": bytes.length }).end(bytes);
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));

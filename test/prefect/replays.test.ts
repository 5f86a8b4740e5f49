/** What a real server answered once (test/fixtures/wire-transcripts.json), replayed over HTTP: every answer is read, every refusal has a code. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isAshlarError } from "../../src/errors.ts";
import { readDocument, readDocuments, readSchema, readSchemas, readType, readTypes } from "../../src/prefect/answers.ts";
import type { Call } from "../../src/prefect/client.ts";
import { documentsOf, maskedOf } from "../../src/prefect/documents.ts";
import { clientFor, startDouble } from "./double.ts";

interface Exchange {
  readonly note: string;
  readonly method: Call["method"];
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
  readonly response: unknown;
}

const { scenarios } = JSON.parse(readFileSync(new URL("../fixtures/wire-transcripts.json", import.meta.url), "utf8")) as {
  scenarios: { scenario: string; exchanges: Exchange[] }[];
};
const exchanges = scenarios.flatMap((each) => each.exchanges).filter(({ path, status }) => /^\/block_/.test(path) && status !== 307);

/** The schemas that the server answered with, which are left out where the recording repeats them inside of documents. */
const schemas = new Map<unknown, unknown>();
for (const { response } of exchanges)
  for (const each of [response].flat() as Record<string, unknown>[])
    if (each?.checksum !== undefined && each.fields !== undefined && !schemas.has(each.checksum)) schemas.set(each.checksum, each);

/** Ids and times were made the same in the recording, and schemas left out; here they get the form that they had. */
function lively(response: unknown): unknown {
  const whole = (key: string, value: unknown) => {
    const left = key === "block_schema" && typeof value === "object" && value !== null && "..." in value;
    return left ? schemas.get((value as { checksum?: unknown }).checksum) : value;
  };
  return JSON.parse(
    JSON.stringify(response, whole)
      .replace(/<uuid-(\d+)>/g, (_all, number: string) => `00000000-0000-4000-8000-${number.padStart(12, "0")}`)
      .replaceAll("<timestamp>", "2026-08-21T09:27:14.565070Z"),
  );
}

function readerOf(path: string) {
  const many = /\/filter$|\/block_documents$/.test(path);
  if (/block_documents/.test(path)) return many ? readDocuments : readDocument;
  if (/^\/block_schemas/.test(path)) return many ? readSchemas : readSchema;
  return /^\/block_types/.test(path) && path !== "/block_types/install_system_block_types" ? (many ? readTypes : readType) : undefined;
}

describe("answers of success", () => {
  const good = exchanges.filter(({ status, response }) => status < 300 && response !== null);

  test("are as many as were recorded", () => {
    expect(good.length).toBeGreaterThan(60);
  });

  test.each(good.map((exchange, index) => [`${index} ${exchange.method} ${exchange.path}`, exchange] as const))(
    "%s",
    async (_name, exchange) => {
      const { path, method, status, response } = exchange;
      const { apiUrl } = await startDouble([{ status, body: lively(response) }]);
      const client = await clientFor(apiUrl);
      const call: Call = { method, path: path.replaceAll("<", "").replaceAll(">", ""), effect: "read" };
      const answer = await client.call(call);
      const read = readerOf(path.split("?")[0] ?? "")?.(client, call, answer);
      for (const document of [read].flat())
        if (typeof document === "object" && document !== null && "data" in document) {
          expect(documentsOf(document)[0]?.name).toBe(document.name);
          expect(maskedOf(document).type).toBe(document.block_type.slug);
        }
    },
  );
});

describe("refusals", () => {
  const bad = exchanges.filter(({ status }) => status >= 400);
  const CODES: Readonly<Record<number, readonly string[]>> = {
    400: ["ERR_INVALID", "ERR_UNSUPPORTED"],
    401: ["ERR_DENIED"],
    403: ["ERR_DENIED"],
    404: ["ERR_NO_STORE"],
    405: ["ERR_NO_STORE"],
    409: ["ERR_INVALID"],
    422: ["ERR_INVALID"],
    500: ["ERR_UNREACHABLE"],
  };

  test.each(
    bad.map((exchange, index) => [`${index} ${exchange.status} ${exchange.method} ${exchange.path} ${exchange.note}`, exchange] as const),
  )("%s", async (_name, { path, method, body, status, response }) => {
    const { apiUrl } = await startDouble([{ status, body: lively(response) }]);
    const client = await clientFor(apiUrl);
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const call = { method, path: path.replaceAll(/[<>]/g, ""), effect: "repeat", body: text, confidential: true } as const;
    const error: unknown = await client.call(call).catch((thrown: unknown) => thrown);
    if (!isAshlarError(error)) throw new Error("was not refused");
    expect(CODES[status]).toContain(error.code);
    expect(error.message).not.toMatch(/request_body|"input"/);
  });
});

describe("what no server should answer", () => {
  const document = exchanges.find(
    ({ method, path, status }) => method === "GET" && /block_documents\/<uuid-\d+>\?/.test(path) && status === 200,
  );
  const good = lively(document?.response) as Record<string, unknown>;
  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

  test.each<[string, unknown]>([
    ["a list in place of an object", [good]],
    ["an id that is no text", { ...good, id: 5 }],
    ["data that is a list", { ...good, data: [] }],
    ["data that is a text", { ...good, data: "********" }],
    ["no schema", { ...good, block_schema: null }],
    ["references that are a list", { ...good, block_document_references: [1] }],
    ["null", null],
    ["a number", 5],
  ])("%s", async (_name, body) => {
    const { apiUrl } = await startDouble([{ status: 200, body: JSON.stringify(body) }]);
    const client = await clientFor(apiUrl);
    const call: Call = { method: "GET", path: "/block_documents/x", effect: "read" };
    const answer = await client.call(call);
    expect(() => readDocument(client, call, answer)).toThrow(/answers GET \/block_documents\/x with what cannot be read/);
    const create: Call = { ...call, method: "POST", effect: "once" };
    expect(() => readDocument(client, create, answer)).toThrow(/whether it was done is not known/);
  });

  test("nesting without end, in data and in references", async () => {
    const text = JSON.stringify(good);
    const references = `${'{"a":{"block_document":{"id":"1","name":"n","is_anonymous":false,"block_type":TYPE,"block_document_references":'.repeat(3000)}{}${"}}}".repeat(3000)}`;
    for (const body of [
      text.replace(/"data":\{/, `"data":{"deep":${deep(100_000)},`),
      text.replace(
        /"block_document_references":\{\}/,
        `"block_document_references":${references.replaceAll("TYPE", JSON.stringify(good.block_type))}`,
      ),
    ]) {
      const { apiUrl } = await startDouble([(_asked, response) => void response.writeHead(200).end(body)]);
      const client = await clientFor(apiUrl);
      const call: Call = { method: "GET", path: "/block_documents/x", effect: "read" };
      const used = async () => documentsOf(readDocument(client, call, await client.call(call)));
      await expect(used()).rejects.toMatchObject({ code: expect.stringMatching(/ERR_UNREACHABLE|ERR_NO_STORE/) });
    }
  });

  test("keys that JavaScript gives a meaning stay keys", async () => {
    const body = JSON.stringify(good).replace(
      /"data":\{/,
      '"data":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},',
    );
    const { apiUrl } = await startDouble([(_asked, response) => void response.writeHead(200).end(body)]);
    const client = await clientFor(apiUrl);
    const call: Call = { method: "GET", path: "/block_documents/x", effect: "read" };
    const [read] = documentsOf(readDocument(client, call, await client.call(call)));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(read?.data)).toBe(Object.prototype);
  });
});

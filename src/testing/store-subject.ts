/**
 * What the cases of the store suite work with: a block type, drafts of it, and the check that a refusal left nothing behind. Touches the contract.
 * @module
 */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { schemaChecksum } from "../checksum.ts";
import type { AshlarError, ErrorCode } from "../errors.ts";
import { canonicalJson, type Json } from "../json.ts";
import { Secret } from "../secret.ts";
import type { BlockSchema, BlockType, Document, Draft, MaskedDocument, Reference, Store } from "../stores/store.ts";
import { toWire } from "../wire.ts";
import { refused } from "./suite.ts";

/** Stands in every secret of the suite, and may show nowhere else. */
export const CANARY = "canary-c0ffee";

/** The keys whose values the cases keep secret, beside `token`, and what is secret below others. */
const SECRET_KEYS = ["a", "b", "c", "d", "e", "f", "gone", "more", "texts-secret", "keys-secret", "__proto__", "constructor"];
const PUBLIC_KEYS = ["/~", "texts", "keys", "count", "writer", "deep"];
const SECRET_PATHS = ["token", ...SECRET_KEYS, "list.a", "/~.0"];

/** A schema with a public text, secrets, and references, whose `version` tells it from others. */
export function partSchema(version = "1.0", type = "part"): BlockSchema {
  const secret = (title: string) => `{"title":${JSON.stringify(title)},"writeOnly":true}`;
  const properties = [
    `"text":{"title":"Text","type":"string","default":"v${version}"}`,
    `"token":{"title":"Token","type":"string","writeOnly":true,"format":"password"}`,
    `"weight":{"title":"Weight","type":"number","default":1.0}`,
    ...SECRET_KEYS.map((key) => `${JSON.stringify(key)}:${secret(key)}`),
    `"list":{"title":"List","type":"array"}`,
    ...PUBLIC_KEYS.map((key) => `${JSON.stringify(key)}:{}`),
  ];
  const fields = `{"title":"Part","type":"object","properties":{${properties.join()}},"block_type_slug":${JSON.stringify(type)},"secret_fields":${JSON.stringify(SECRET_PATHS)},"block_schema_references":{}}`;
  return { checksum: schemaChecksum(fields), type, version, capabilities: ["test"], fields };
}

/** The block type of all drafts. */
export const partType: BlockType = {
  slug: "part",
  name: "Part",
  description: "A part.",
  logoUrl: null,
  documentationUrl: "https://example.invalid/part",
  codeExample: null,
};

/** Makes a type and a schema of it known. */
export async function register(store: Store, type = partType): Promise<void> {
  await store.saveType(type);
  await store.saveSchema(partSchema("1.0", type.slug));
}

/** A type or a schema without what the store added to it. */
export function bare<T extends object>(stored: T | null): Omit<T, "id" | "created" | "updated"> {
  const { id: _id, created: _created, updated: _updated, ...given } = stored as T & Record<"id" | "created" | "updated", string>;
  return given;
}

/** Until the clock shows another millisecond, what is newer cannot be told by time. */
export async function nextMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() === now) await new Promise((done) => setTimeout(done, 1));
}

/** A document to be saved; with one secret unless others are given. Null stands in its data for each secret and reference. */
export function part(
  name: string,
  content: Partial<Pick<Draft, "data" | "references" | "type">> & { secrets?: Record<string, Json> } = {},
): Draft {
  const { type = "part", data = { text: name }, references = {} } = content;
  const secrets = Object.fromEntries(
    Object.entries(content.secrets ?? { "/token": `${CANARY} of ${name}` }).map(([at, value]) => [at, new Secret(value)]),
  );
  const places = Object.fromEntries([...Object.keys(secrets), ...Object.keys(references)].map((at) => [at, null]));
  return { type, name, schema: partSchema("1.0", type).checksum, data: toWire(data, places, {}), references, secrets };
}

/** A draft that refers to documents. */
export function over(name: string, ...children: readonly MaskedDocument[]): Draft {
  return part(name, { references: Object.fromEntries(children.map((child) => [`/${child.name}`, referenceTo(child)])) });
}

/** A pointer to a document. */
export function referenceTo({ id, type, name }: MaskedDocument): Reference {
  return { id, type, name };
}

/** Names a document of the suite's type. */
export function at(name: string): { type: string; name: string } {
  return { type: "part", name };
}

/** Asserts that a document has been written so often, where the store counts. */
export function written({ revision }: { readonly revision: number | null }, times: number): void {
  if (revision !== null) assert.equal(revision, times);
}

/** The document that a key names, with its secrets. */
export async function loaded(store: Store, name: string): Promise<Document> {
  return (await store.load(at(name)))[0] as Document;
}

/** The secrets of a document in clear. */
export function revealed({ secrets }: Document): Record<string, Json> {
  return Object.fromEntries(Object.entries(secrets).map(([place, value]) => [place, value.reveal()]));
}

/** All that a store holds, secrets in clear, as one text. */
async function everything(store: Store): Promise<string> {
  const documents = [...(await store.list()), ...(await store.list({ anonymous: true }))];
  const whole = documents.map(async ({ type, name }) => {
    const found = await store.load({ type, name });
    return found.map((document) => ({ ...document, secrets: revealed(document) }));
  });
  return canonicalJson([documents, await Promise.all(whole), await store.types(), await store.schemas()]);
}

/** Asserts that something is refused with a code, leaves all as it was, and says no secret; gives the error. */
export async function refusedWithoutTrace(store: Store, code: ErrorCode, action: () => unknown): Promise<AshlarError> {
  const before = await everything(store);
  const error = await refused(code, action);
  assert.equal(await everything(store), before, "what was refused left something behind");
  assert(!inspect(error, { depth: Infinity, showHidden: true }).includes(CANARY), "an error says a secret");
  return error;
}

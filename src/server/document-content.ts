/**
 * What a client sends as a document's data, taken apart: public values, secrets, references (protocol.md §4.1). Touches wire.ts, secrecy.ts and the
 * store's contract.
 * @module
 */
import { isRawNumber, type Json, type JsonObject, parseLossless, pointer } from "../json.ts";
import { Secret } from "../secret.ts";
import type { Draft, Reference, StoredSchema } from "../stores/store.ts";
import { fromWire } from "../wire.ts";
import type { Context } from "./context.ts";
import type { AnyDocument } from "./document-text.ts";
import { type Call, refusal } from "./exchange.ts";
import { INTEGRITY } from "./failures.ts";
import { uuidOf } from "./router.ts";
import { keptSecret, leadingPlaces } from "./secrecy.ts";
import { isObject } from "./validation.ts";

/** What of a draft comes from its data. */
export type Content = Pick<Draft, "data" | "references" | "secrets">;

/** What data leads to. */
interface Leading {
  /** JSON pointers of references that lead to documents with secrets, at any distance. */
  readonly leading: readonly string[];
}

/**
 * Takes data apart by a schema.
 * @param before the document that is replaced: what was secret there stays secret, whatever the schema says.
 * @throws Refusal 400 for a malformed reference, 409 for one that leads nowhere
 */
export async function contentOf(
  context: Context,
  call: Call,
  data: JsonObject,
  { schema, before }: { readonly schema: StoredSchema; readonly before?: Pick<AnyDocument, "secrets" | "references"> | undefined },
): Promise<Content & Leading> {
  const ids: Record<string, string> = {};
  const own = Object.fromEntries(
    Object.entries(data).map(([key, value]) => {
      const id = topReference(key, value);
      if (id === undefined) return [key, value];
      ids[pointer([key])] = id;
      return [key, null];
    }),
  );
  const parts = keptSecret(fromWire(own, fieldsOf(schema)), Object.keys(before?.secrets ?? {}));
  const isOne = (at: string, id: string) => context.settings.rules.deepReferences || before?.references[at]?.id === id;
  const open = withoutReferences(parts.data, "", (at, id) => {
    if (isOne(at, id)) ids[at] = id;
    return at in ids;
  }) as JsonObject;
  const secrets = Object.fromEntries(Object.entries(parts.secrets).map(([at, value]) => [at, new Secret(value)]));
  return { data: open, secrets, ...(await resolved(context, call, ids)) };
}

/** Fields of schemas by checksum: they never change. */
const parsedFields = new Map<string, { readonly text: string; readonly fields: JsonObject }>();
const MOST_PARSED = 200;

/** A schema's fields as an object. */
function fieldsOf({ checksum, fields: text }: StoredSchema): JsonObject {
  const known = parsedFields.get(checksum);
  if (known?.text === text) return known.fields;
  const fields = parseLossless(text) as JsonObject;
  if (parsedFields.size === MOST_PARSED) parsedFields.clear();
  parsedFields.set(checksum, { text, fields });
  return fields;
}

/** The id that a top-level `$ref` names; undefined for what is none. */
function topReference(key: string, value: Json): string | undefined {
  if (!isObject(value) || !Object.hasOwn(value, "$ref")) return undefined;
  const { $ref } = value;
  const id = isObject($ref) ? $ref.block_document_id : undefined;
  if (id === undefined) throw refusal(400, `Received block reference without a block_document_id in key ${key.slice(0, 100)}`);
  const known = typeof id === "string" ? uuidOf(id) : undefined;
  if (known === undefined)
    throw refusal(400, `Received block reference with a block_document_id that is no UUID in key ${key.slice(0, 100)}`);
  return known;
}

/** A copy of public data with null where it refers to documents below the top level. @param take is told of each place that looks so. */
function withoutReferences(value: Json, at: string, take: (at: string, id: string) => boolean): Json {
  if (Array.isArray(value)) return value.map((item: Json, index) => withoutReferences(item, `${at}/${index}`, take));
  if (typeof value !== "object" || value === null) return value;
  const id = deepReference(value as JsonObject);
  if (id !== undefined && take(at, id)) return null;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutReferences(item, at + pointer([key]), take)]));
}

/** The id in `{"$ref": {"block_document_id": …}}`, with nothing beside it: elsewhere than at the top an object with a `$ref` may be anything. */
function deepReference(value: JsonObject): string | undefined {
  const [[key, inner] = [], ...others] = Object.entries(value);
  if (key !== "$ref" || others.length > 0 || !isObject(inner)) return undefined;
  const { block_document_id: id, ...more } = inner;
  return typeof id === "string" && Object.keys(more).length === 0 ? uuidOf(id) : undefined;
}

/** Type and name of what is referred to. What the caller may not see is not there for it. */
async function resolved(
  { store }: Context,
  { principal }: Call,
  ids: Readonly<Record<string, string>>,
): Promise<Pick<Content, "references"> & Leading> {
  const wanted = [...new Set(Object.values(ids))];
  if (wanted.length === 0) return { references: {}, leading: [] };
  const found = new Map((await store.inspectMany(wanted)).map((document) => [document.id, document]));
  const references: Record<string, Reference> = {};
  for (const [at, id] of Object.entries(ids)) {
    const target = found.get(id);
    if (!target || !principal.may("see", target)) throw refusal(409, INTEGRITY);
    references[at] = { id, type: target.type, name: target.name };
  }
  return { references, leading: leadingPlaces(references, found.values()) };
}

/** Data with plain numbers. @throws Refusal 422 for a number that would be stored as another */
export function plainData(value: Json, at = ""): Json {
  if (isRawNumber(value)) {
    const number = Number(value.rawJSON);
    if (Number.isInteger(number) && !Number.isSafeInteger(number) && !/[.eE]/.test(value.rawJSON))
      throw refusal(422, `${at} is a whole number beyond 2^53, which cannot be kept exactly: send it as text.`);
    return plainData(number, at);
  }
  if (typeof value === "number" && !Number.isFinite(value)) throw refusal(422, `${at} is a number beyond all that can be stored.`);
  if (Array.isArray(value)) return value.map((item: Json, index) => plainData(item, `${at}/${index}`));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainData(item, at + pointer([key]))]));
}

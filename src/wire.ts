/**
 * The block REST API of Prefect as both ends see it: the shapes of its JSON, and what of a document's data is public, secret or a reference, and back
 * (protocol.md §2, §4). Pure functions; touches json.ts and secret.ts.
 * @module
 */
import { isRawNumber, type Json, type JsonObject, pointer, pointerParts } from "./json.ts";
import { MASK } from "./secret.ts";
import { secretPlaces } from "./secret-places.ts";

/** A block type. */
export interface WireType {
  readonly id: string;
  readonly created: string;
  readonly updated: string;
  readonly name: string;
  readonly slug: string;
  readonly logo_url: string | null;
  readonly documentation_url: string | null;
  readonly description: string | null;
  readonly code_example: string | null;
  readonly is_protected: boolean;
}

/** A block schema; numbers of `fields` that JavaScript would change are kept as their text (json.ts). */
export interface WireSchema {
  readonly id: string;
  readonly created: string;
  readonly updated: string;
  readonly checksum: string;
  readonly fields: JsonObject;
  readonly block_type_id: string;
  readonly block_type: WireType | null;
  readonly capabilities: readonly string[];
  readonly version: string;
}

/** A document that another refers to, as it stands in `block_document_references`. */
export interface WireReference {
  readonly block_document: {
    readonly id: string;
    readonly name: string;
    readonly block_type: WireType;
    readonly is_anonymous: boolean;
    readonly block_document_references: Readonly<Record<string, WireReference>>;
  };
}

/** A block document. In `data` the documents that it refers to stand expanded, at any depth. */
export interface WireDocument {
  readonly id: string;
  readonly created: string;
  readonly updated: string;
  readonly name: string;
  readonly data: JsonObject;
  readonly block_schema_id: string;
  readonly block_schema: WireSchema;
  readonly block_type_id: string;
  readonly block_type_name: string | null;
  readonly block_type: WireType;
  readonly block_document_references: Readonly<Record<string, WireReference>>;
  readonly is_anonymous: boolean;
}

/** One document's data, taken apart. */
export interface WireContent {
  /** The public values; null stands where a secret or a reference is. */
  readonly data: JsonObject;
  /** JSON pointer → the secret there, in clear; of masked data, whatever stood there. */
  readonly secrets: Readonly<Record<string, Json>>;
  /** JSON pointer, one level deep → id of the document referred to there. */
  readonly references: Readonly<Record<string, string>>;
}

/** How data is taken apart. */
export interface FromWireOptions {
  /** The data came without secrets: what a server forgot to mask is secret too, and so is what is not certain. Default false. */
  readonly masked?: boolean | undefined;
  /** Told of a whole number that JavaScript cannot hold, and gives what stands for it. Default: its digits, as text. */
  readonly bigNumber?: ((digits: string, at: string) => Json) | undefined;
}

/**
 * Takes a document's data apart. A top-level `{"$ref": {"block_document_id": …}}` is a reference; which values are secret the schema says, see
 * {@link secretPlaces}.
 */
export function fromWire(data: JsonObject, fields: JsonObject, options: FromWireOptions = {}): WireContent {
  const references: Record<string, string> = {};
  for (const [key, value] of Object.entries(data)) {
    const id = referenceIn(value);
    if (id !== undefined) references[pointer([key])] = id;
  }
  const places = new Set(secretPlaces(fields, data, options.masked));
  const secrets: Record<string, Json> = {};
  const bigNumber = options.bigNumber ?? ((digits) => digits);
  const plain = (value: Json, at: string): Json => {
    if (isRawNumber(value)) {
      const number = Number(value.rawJSON);
      return Number.isSafeInteger(number) || /[.eE]/.test(value.rawJSON) ? number : bigNumber(value.rawJSON, at);
    }
    return mapped(value, (item, key) => plain(item, at + pointer([key])));
  };
  const visible = (value: Json, at: string): Json => {
    if (at in references) return null;
    if (places.has(at)) {
      secrets[at] = plain(value, at);
      return null;
    }
    return typeof value === "object" && !isRawNumber(value)
      ? mapped(value, (item, key) => visible(item, at + pointer([key])))
      : plain(value, at);
  };
  return { data: visible(data, "") as JsonObject, secrets, references };
}

/** The id in a `$ref` object; undefined for anything else, and for one without an id. */
function referenceIn(value: Json | undefined): string | undefined {
  const reference = isObject(value) && Object.hasOwn(value, "$ref") ? value.$ref : undefined;
  const id = isObject(reference) ? reference.block_document_id : undefined;
  return typeof id === "string" ? id : undefined;
}

/**
 * Puts a document's data together.
 *
 * @param secrets what stands at a secret's place: its value, or, where they are not to be seen, {@link MASK}.
 * @param references what stands at a reference's place: `{"$ref": …}` on the way to a server, the other document's data on the way back.
 */
export function toWire(data: JsonObject, secrets: Readonly<Record<string, Json>>, references: Readonly<Record<string, Json>>): JsonObject {
  let result: Json = data;
  for (const [at, value] of [...Object.entries(secrets), ...Object.entries(references)]) result = put(result, pointerParts(at), value);
  return result as JsonObject;
}

/** The same places, each with a mask. */
export function maskedAt(places: Iterable<string>): Record<string, Json> {
  return Object.fromEntries(Array.from(places, (at) => [at, MASK]));
}

function put(node: Json | undefined, [part, ...rest]: readonly string[], value: Json): Json {
  if (part === undefined) return value;
  if (Array.isArray(node)) return node.map((item: Json, index) => (String(index) === part ? put(item, rest, value) : item));
  const entries = isObject(node) ? Object.entries(node) : [];
  const inner = put(entries.find(([key]) => key === part)?.[1], rest, value);
  if (!entries.some(([key]) => key === part)) entries.push([part, inner]);
  return Object.fromEntries(entries.map(([key, item]) => [key, key === part ? inner : item])); // a key __proto__ stays a key
}

/** The same list or object with other items; keys that JavaScript gives a meaning stay keys. */
function mapped(value: Json, change: (item: Json, key: string | number) => Json): Json {
  if (Array.isArray(value)) return value.map(change);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item, key)])) : value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

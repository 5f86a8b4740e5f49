/**
 * What the bodies of our own API may be (docs/http-api.md). Pure; touches validation.ts.
 * @module
 */
import type { SecretChange } from "../api/shapes.ts";
import { isRawNumber, type Json, type JsonObject } from "../json.ts";
import { isObject, type Location, nullable, object, optional, type Reader, required, string, uuid } from "./validation.ts";

const POINTER = /^(\/([^/~]|~[01])*)+$/;

/** Any JSON; a number that would be stored as another does not fit. */
const anyJson: Reader<Json> = (value, loc, faults) => {
  if (isRawNumber(value)) {
    const number = Number(value.rawJSON);
    const isExact = Number.isFinite(number) && (/[.eE]/.test(value.rawJSON) || Number.isSafeInteger(number));
    if (!isExact) faults.push({ type: "value_error", loc, msg: "is a number that cannot be kept exactly: send it as text" });
    return number;
  }
  if (typeof value === "number" && !Number.isFinite(value))
    faults.push({ type: "value_error", loc, msg: "is a number beyond all that can be stored" });
  if (Array.isArray(value)) return value.map((item, index) => anyJson(item, [...loc, index], faults));
  if (!isObject(value)) return value as Json;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, anyJson(item, [...loc, key], faults)]));
};

/** Any object. */
const anyObject: Reader<JsonObject> = (value, loc, faults) => {
  if (isObject(value)) return anyJson(value, loc, faults) as JsonObject;
  faults.push({ type: "dict_type", loc, msg: "is an object" });
  return {};
};

/** An object whose keys are JSON pointers into the document. */
function byPointer<T>(read: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, loc, faults) => {
    if (!isObject(value)) {
      faults.push({ type: "dict_type", loc, msg: "is an object with JSON pointers for keys" });
      return {};
    }
    for (const key of Object.keys(value))
      if (!POINTER.test(key)) faults.push({ type: "value_error", loc: [...loc, key], msg: "is no JSON pointer" });
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(item, [...loc, key], faults)]));
  };
}

/** A document, by id or by type and name; the id counts where both are given. */
export interface Pointed {
  readonly id: string | null;
  readonly type: string | null;
  readonly name: string | null;
}

const pointed = object({
  id: optional(nullable(uuid), null),
  type: optional(nullable(string()), null),
  name: optional(nullable(string()), null),
});

const reference: Reader<Pointed> = (value, loc, faults) => {
  const read = pointed(value, loc, faults);
  if (isObject(value) && read.id === null && (read.type === null || read.name === null))
    faults.push({ type: "value_error", loc, msg: "names a document by id, or by type and name" });
  return read;
};

const VERBS = ["set", "keep", "clear"] as const;

const secretChange: Reader<SecretChange> = (value, loc, faults) => {
  const given = isObject(value) ? Object.keys(value) : [];
  const [verb] = given;
  const said = isObject(value) && verb !== undefined ? value[verb] : undefined;
  if (given.length === 1 && verb === "set") return { set: anyJson(said, [...loc, "set"], faults) };
  if (given.length === 1 && verb === "keep" && (said === true || (typeof said === "string" && POINTER.test(said)))) return { keep: said };
  if (given.length === 1 && verb === "clear" && said === true) return { clear: true };
  faults.push({ type: "value_error", loc, msg: `is one of ${VERBS.join(", ")}: {"set": VALUE}, {"keep": true} or {"clear": true}` });
  return { clear: true };
};

const isTrue: Reader<boolean> = (value, loc, faults) => {
  if (typeof value === "boolean") return value;
  faults.push({ type: "bool_type", loc, msg: "is true or false" });
  return false;
};

/** What saves a document. */
export const saveBody = object({
  schema: required(string()),
  version: optional(nullable(string()), null),
  anonymous: optional(isTrue, false),
  data: required(anyObject),
  references: optional(byPointer(reference), {}),
  secrets: optional(byPointer(secretChange), {}),
});

const text = optional(nullable(string()), null);

/** What saves a type. */
export const typeBody = object({
  name: required(string()),
  ...{ description: text, logoUrl: text, documentationUrl: text, codeExample: text },
  protected: optional(isTrue, false),
});

const texts: Reader<readonly string[]> = (value, loc, faults) => {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  faults.push({ type: "list_type", loc, msg: "is a list of texts" });
  return [];
};

/** What saves a schema. */
export const schemaBody = object({
  checksum: required(string()),
  type: required(string()),
  version: optional(string(), "non-versioned"),
  capabilities: optional(texts, []),
  fields: required(string()),
});

/** What makes a token. */
export const tokenBody = object({
  name: required(string()),
  roles: required(texts),
  types: optional(nullable(texts), null),
  names: optional(nullable(texts), null),
  expires: optional(nullable(string()), null),
});

/** Ids of documents. @param most how many at a time */
export function idsBody(most: number) {
  const ids: Reader<readonly string[]> = (value, loc: Location, faults) => {
    const read = texts(value, loc, faults);
    if (read.length > most) faults.push({ type: "value_error", loc, msg: `has at most ${most} ids` });
    return read;
  };
  return object({ ids: required(ids) });
}

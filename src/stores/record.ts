/**
 * A record at rest and what a store makes of it: its binding, its masked and its opened form, and the errors that concern one. Touches the
 * contracts; knows no backend and no vault.
 * @module
 */
import { hash } from "node:crypto";
import { MAX_REFERENCE_DEPTH, type RecordKind, type StoredRecord } from "../backends/backend.ts";
import { schemaChecksum } from "../checksum.ts";
import { AshlarError } from "../errors.ts";
import { canonicalJson, checkDepth, type Json, quoted } from "../json.ts";
import { Secret } from "../secret.ts";
import { checkDocumentName, isSlug } from "../slug.ts";
import type { Secrets } from "../vaults/vault.ts";
import type { Document, Draft, MaskedDocument } from "./store.ts";

/** Whether records of a kind are documents. */
export function isDocument(kind: RecordKind): boolean {
  return kind === "document" || kind === "anonymous";
}

const NO_VERSION = "non-versioned";

/** The name of a schema's record: its checksum, and its version behind it unless that is the usual one. Documents name their schema so. */
export function schemaName(checksum: string, version = NO_VERSION): string {
  return version === NO_VERSION ? checksum : `${checksum}@${encodeURIComponent(version)}`;
}

/** The checksum in the name of a schema. */
export function checksumIn(name: string): string {
  const at = name.indexOf("@");
  return at < 0 ? name : name.slice(0, at);
}

/** The version in the name of a schema; undefined for the usual one, and for what nobody can have written. */
function versionIn(name: string): string | undefined {
  const at = name.indexOf("@");
  if (at < 0) return undefined;
  try {
    return decodeURIComponent(name.slice(at + 1));
  } catch {
    return undefined; // damaged: its seal says so when it is opened
  }
}

/** Texts that were found to have the checksum under which they stand here: comparing them is a hundred times faster than hashing. */
const proven = new Map<string, string>();
const MOST_PROVEN = 500;

/** Whether a record's schema text is the one that a checksum names. */
export function hasChecksum(fields: unknown, checksum: string): boolean {
  if (typeof fields !== "string") return false;
  if (proven.get(checksum) === fields) return true;
  try {
    if (schemaChecksum(fields) !== checksum) return false;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false; // no JSON, or nested without end
    throw error;
  }
  if (proven.size === MOST_PROVEN) proven.clear();
  proven.set(checksum, fields);
  return true;
}

/** The digest that ties a record's readable half, and the store it lies in, to its sealed half. */
export function bindingOf(record: Omit<StoredRecord, "sealed">, storeId: string): Uint8Array {
  const { created, data, id, kind, name, references, revision, schema, secrets, type, updated, updatedBy } = record;
  // canonicalJson() of these twelve, written out: the keys stand in their order, and this is on the way of every load.
  const text =
    `{"created":${quoted(created)},"data":${canonicalJson(data)},"id":${quoted(id)},"kind":${quoted(kind)}` +
    `,"name":${quoted(name)},"references":${canonicalJson(references)},"revision":${revision},"schema":${quoted(schema)}` +
    `,"secrets":${canonicalJson(secrets)},"type":${quoted(type)},"updated":${quoted(updated)},"updatedBy":${quoted(updatedBy)}}`;
  return hash("sha256", `ashlar record 1\0${storeId}\0${text}`, "buffer");
}

/** The secret half of a draft, in clear. */
export function secretValues(draft: Draft): Secrets {
  return Object.fromEntries(Object.entries(draft.secrets).map(([at, value]) => [at, value.reveal()]));
}

/** Largest document in bytes, both halves as JSON, unless a store was opened with another limit. */
export const DEFAULT_MAX_BYTES = 1024 * 1024;

/** Refuses what could not be stored, or not be read again. @throws AshlarError `ERR_INVALID`, `ERR_LIMIT` */
export function checkDraft(draft: Draft, maxBytes = DEFAULT_MAX_BYTES): void {
  const { type, name, data } = draft;
  checkDocumentName(name);
  if (!isSlug(type)) throw new AshlarError("ERR_INVALID", "A block type's slug consists of lower-case letters, digits and dashes.");
  const secrets = secretValues(draft);
  checkDepth(data, `The document ${type}/${name}`);
  for (const [at, value] of Object.entries(secrets)) checkDepth(value, `The secret of ${type}/${name} at ${at}`);
  const size = Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(secrets));
  if (size <= maxBytes) return;
  throw new AshlarError(
    "ERR_LIMIT",
    `${type}/${name} has ${size} bytes; a document has at most ${maxBytes}. The option maxBytes of openStore() raises this.`,
    { type, name },
  );
}

/** A record and its secrets as a document. */
export function opened(record: StoredRecord, secrets: Secrets): Document {
  const values: Record<string, Secret<Json>> = {};
  for (const at of Object.keys(secrets)) values[at] = new Secret(secrets[at] as Json);
  return { ...maskedOf(record), secrets: values };
}

/** The readable half of a record. */
export function maskedOf(record: StoredRecord): MaskedDocument {
  const { id, kind, type, name, data, references, secrets, revision, created, updated, updatedBy } = record;
  const version = versionIn(record.schema);
  const schema = version === undefined ? record.schema : checksumIn(record.schema);
  const masked = { id, type, name, schema, data, references, secrets, revision, created, updated, updatedBy };
  if (!record.damaged && kind !== "anonymous" && version === undefined) return masked;
  return {
    ...masked,
    ...(version !== undefined && { version }),
    ...(record.damaged && { damaged: true }),
    ...(kind === "anonymous" && { anonymous: true }),
  };
}

/** The error for a record whose readable half is lost. */
export function damaged(): AshlarError {
  return new AshlarError("ERR_CANNOT_OPEN", "What rests of it is no record any more: save it again, or delete it.");
}

/** The same error, saying which record it is about. */
export function named({ kind, type, name }: StoredRecord, error: AshlarError): AshlarError {
  const what = isDocument(kind) ? `The document ${type}/${name}` : `The ${kind} ${name}`;
  return new AshlarError(error.code, `${what} cannot be read. ${error.message}`, { ...error.details, type, name });
}

/** The error for a lost race. */
export function conflict({ type, name }: { type: string; name: string }, expected: number, actual: number | null): AshlarError {
  const now = actual === null ? "it is gone" : `it is at revision ${actual}`;
  return new AshlarError(
    "ERR_CONFLICT",
    `${type}/${name} is not at revision ${expected} any more, ${now}: load it again and repeat the change.`,
    { type, name, expected, actual },
  );
}

/** The error for a chain of references that could not be loaded again. */
export function tooDeep(here: string): AshlarError {
  return new AshlarError("ERR_LIMIT", `${here} would refer to documents more than ${MAX_REFERENCE_DEPTH} deep.`, { documents: [here] });
}

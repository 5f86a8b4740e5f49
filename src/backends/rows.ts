/**
 * A record as a row of a database: columns, and a body of JSON, all checked before they are used; and how its writes are refused. Touches the contract
 * and json.ts; knows no database.
 * @module
 */
import { AshlarError } from "../errors.ts";
import type { RecordKind, StoredRecord } from "./backend.ts";
import { hasShape } from "./record-shape.ts";

type Body = Omit<StoredRecord, "id" | "kind" | "type" | "name" | "revision" | "sealed">;

const BODY_KEYS = 7;
const EMPTY_BODY: Body = { schema: "", data: {}, references: {}, secrets: {}, created: "", updated: "", updatedBy: "" };

/** What of a record has no column of its own, as JSON. */
export function bodyText({
  id: _id,
  kind: _kind,
  type: _type,
  name: _name,
  revision: _revision,
  sealed: _sealed,
  ...body
}: StoredRecord): string {
  return JSON.stringify(body);
}

/** The ids of the records that one refers to, each once. */
export function childrenOf({ references }: StoredRecord): string[] {
  return [...new Set(Object.values(references).map(({ id }) => id))];
}

/** The record of a row; damaged where a column or the body is not what was written. */
export function recordOf({ id, kind, type, name, revision, body, sealed }: Record<string, unknown>): StoredRecord {
  const parts = typeof body === "string" ? parseBody(body) : undefined;
  if (parts && typeof revision === "number" && isText(id) && isText(kind) && isText(type) && isText(name) && isText(sealed))
    return { ...parts, id, kind, type, name, revision, sealed } as StoredRecord;
  const place = { id: String(id), kind: kind as RecordKind, type: String(type), name: String(name), revision: Number(revision) };
  return { ...EMPTY_BODY, ...place, sealed: "", damaged: true };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function parseBody(text: string): Body | undefined {
  try {
    const body = JSON.parse(text) as Body;
    if (Object.keys(body).length !== BODY_KEYS) return undefined; // what is not bound to the seal has no place here
    return hasShape(body) ? body : undefined;
  } catch {
    return undefined; // what is no JSON of ours is a damaged record, whatever is wrong with it
  }
}

/** The error for a write that met another revision than it expected. `actual` is the one that is there; null: none. */
export function lostRace({ kind, type, name }: StoredRecord, expected: number | null, actual: number | null): AshlarError {
  const about = { type, name, expected, actual };
  if (expected === null) return new AshlarError("ERR_EXISTS", `There is a ${kind} ${type}/${name} already.`, about);
  return new AshlarError(
    "ERR_CONFLICT",
    `${type}/${name} is not at revision ${expected} any more, ${actual === null ? "it is gone" : `it is at revision ${actual}`}.`,
    about,
  );
}

/** The error for a record that refers to one that is gone. */
export function brokenReference({ type, name, references }: StoredRecord, child: string | undefined): AshlarError {
  const lost = Object.values(references).find((reference) => reference.id === child);
  return new AshlarError("ERR_BROKEN_REFERENCE", `${type}/${name} refers to ${lost?.type}/${lost?.name}, which is not there any more.`, {
    type,
    name,
    documents: [`${lost?.type}/${lost?.name}`],
  });
}

/** The error for removing what others refer to. */
export function stillReferred(documents: readonly string[]): AshlarError {
  return new AshlarError(
    "ERR_REFERENCED",
    `Other documents refer to it: ${documents.join(", ")}. Delete them first, or all together with { cascade: true }.`,
    { documents },
  );
}

/** The error for removing a record at another revision than it is at. */
export function changedMeanwhile(expected: number, actual: number | null): AshlarError {
  return new AshlarError("ERR_CONFLICT", "Someone else wrote or deleted the document.", { expected, actual });
}

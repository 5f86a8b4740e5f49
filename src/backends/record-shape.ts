/**
 * Whether what was read as a record can be one: whoever may write to the storage can have written anything. Touches the contract and json.ts.
 * @module
 */
import { checkDepth } from "../json.ts";
import type { StoredRecord } from "./backend.ts";

/** What every backend keeps of a record in its text, beside the record's place, revision and seal. */
type Parts = Pick<StoredRecord, "schema" | "data" | "references" | "secrets" | "created" | "updated" | "updatedBy">;

/** Whether each part has the type that the contract gives it, and nothing is nested too deep. On the way of every load. */
export function hasShape({ schema, data, references, secrets, created, updated, updatedBy }: Parts): boolean {
  if (typeof schema !== "string" || typeof created !== "string" || typeof updated !== "string" || typeof updatedBy !== "string")
    return false;
  if (!isObject(data) || !isObject(references) || !isObject(secrets)) return false;
  for (const key in secrets) if (!isObject(secrets[key])) return false;
  for (const key in references) {
    const to = references[key];
    if (!isObject(to) || typeof to.id !== "string" || typeof to.type !== "string" || typeof to.name !== "string") return false;
  }
  try {
    checkDepth(data, "A record");
    return true;
  } catch {
    return false;
  }
}

/** How many parts a record has: what is more is not bound to the seal, and has no place in it. */
const PARTS = 13;

/** The same of a record whose text holds all of it, its place, revision and seal too; whether the place is the right one is the caller's to see. */
export function isWhole(record: StoredRecord): boolean {
  const { id, revision, sealed } = record;
  if (Object.keys(record).length !== PARTS || !Number.isSafeInteger(revision) || revision < 1) return false;
  return typeof id === "string" && typeof sealed === "string" && hasShape(record);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

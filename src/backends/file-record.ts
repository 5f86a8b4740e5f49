/**
 * A record as the text of its file, and back: who it is first, its values, and the seal last. Touches the contract.
 * @module
 */
import { createHash } from "node:crypto";
import type { StoredRecord } from "./backend.ts";
import { type Place, parsed } from "./file-names.ts";
import { isWhole } from "./record-shape.ts";

/** The text of a record's file: who it is first, its values, and the seal last. Below that, keys in order. */
export function textOf({
  kind,
  type,
  name,
  id,
  schema,
  revision,
  created,
  updated,
  updatedBy,
  data,
  references,
  secrets,
  sealed,
}: StoredRecord): string {
  const head = { kind, type, name, id, schema, revision, created, updated, updatedBy };
  return `${JSON.stringify({ ...head, data: sorted(data), references: sorted(references), secrets: sorted(secrets), sealed }, null, 2)}\n`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted((value as Record<string, unknown>)[key])]));
}

/** The name that a record's text says; null where it says none. */
export function nameIn(text: string | null): string | null {
  const name = (text === null ? undefined : (parsed(text) as { name?: unknown } | undefined))?.name;
  return typeof name === "string" ? name : null;
}

/** The record of a file's text. What is no record is a damaged one: it keeps its place, and gets an id of it, so that it can be replaced and removed. */
export function recordOf(text: string, { kind, type, name }: Place): StoredRecord {
  const record = parsed(text) as StoredRecord | undefined;
  if (record && isWhole(record) && record.kind === kind && record.type === type && record.name === name) return record;
  const digest = createHash("sha256")
    .update(JSON.stringify([kind, type, name]))
    .digest("hex");
  const id = [digest.slice(0, 8), digest.slice(8, 12), digest.slice(12, 16), digest.slice(16, 20), digest.slice(20, 32)].join("-");
  const nothing = { schema: "", data: {}, references: {}, secrets: {}, sealed: "", created: "", updated: "", updatedBy: "" };
  return { ...nothing, id, kind, type, name, revision: 0, damaged: true };
}

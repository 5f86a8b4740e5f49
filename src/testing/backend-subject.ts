/**
 * What the cases of the backend suite work with: records, and the check that one comes back. Touches the contract.
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Backend, StoredRecord } from "../backends/backend.ts";

const TIME = "2025-01-02T03:04:05.678Z";

/** A record to be put. */
export function record(name: string, parts: Partial<StoredRecord> = {}): StoredRecord {
  const head = { id: randomUUID(), kind: "document", type: "part", name, schema: "sha256:0", revision: 1 } as const;
  const body = { data: { text: name }, references: {}, secrets: { "/token": { changed: TIME } }, sealed: `sealed.${name}` };
  return { ...head, ...body, created: TIME, updated: TIME, updatedBy: "someone", ...parts };
}

/** A record that refers to others. */
export function over(name: string, ...children: readonly StoredRecord[]): StoredRecord {
  return record(name, { references: Object.fromEntries(children.map(({ id, type, name: to }) => [`/${to}`, { id, type, name: to }])) });
}

/** The same record, written once more. */
export function next(before: StoredRecord, parts: Partial<StoredRecord> = {}): StoredRecord {
  return { ...before, revision: before.revision + 1, ...parts };
}

/** Puts records, in order. */
export async function create<R extends readonly StoredRecord[]>(backend: Backend, ...records: R): Promise<R> {
  for (const each of records) await backend.put(each, null);
  return records;
}

/** Names of records, in order. */
export async function namesOf(records: ReturnType<Backend["graph"]>): Promise<string[]> {
  return (await records).map(({ name }) => name);
}

/** Asserts that a record is given by every way of reading. */
export async function comesBack(backend: Backend, given: StoredRecord): Promise<void> {
  const { kind, type, name, id } = given;
  assert.deepStrictEqual(await backend.get({ kind, type, name }), given);
  assert.deepStrictEqual(await backend.get({ id }), given);
  assert.deepStrictEqual(
    (await backend.graph({ id })).find((each) => each.id === id),
    given,
  );
  assert.deepStrictEqual(
    (await backend.list({ kind, type, limit: 1000 })).find((each) => each.id === id),
    given,
  );
}

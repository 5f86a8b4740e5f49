/**
 * Records in this process's memory, gone with it: for tests, demonstrations and programs that fill their own store. Touches the contract.
 * @module
 */
import { randomUUID } from "node:crypto";
import { AshlarError } from "../errors.ts";
import type { Reference } from "../stores/store.ts";
import type { Backend, RecordKey, RecordKind, StoredRecord } from "./backend.ts";

/** A new, empty backend. */
export function memoryBackend(): Backend {
  return new MemoryBackend();
}

/** `memory:`, a new and empty one each time. */
export async function openBackend(): Promise<Backend> {
  return memoryBackend();
}

class MemoryBackend implements Backend {
  readonly url = "memory:";
  readonly volatile = true;
  readonly #id = randomUUID();
  readonly #byId = new Map<string, StoredRecord>();
  /** By kind, type and name: one key of the three would take ten times as long to make as these are to look up. */
  readonly #idsByName = new Map<RecordKind, Map<string, Map<string, string>>>();
  #open = true;
  #changes = 0;

  async stamp(): Promise<string> {
    this.#checkOpen();
    return String(this.#changes);
  }

  async storeId(): Promise<string> {
    this.#checkOpen();
    return this.#id;
  }

  async get(key: RecordKey): Promise<StoredRecord | null> {
    return this.#find(key) ?? null;
  }

  graph(key: RecordKey): readonly StoredRecord[] {
    const root = this.#find(key);
    const found = root ? [root] : [];
    for (const { references } of found) {
      for (const at in references) {
        const child = this.#byId.get((references[at] as Reference).id);
        if (child && !found.includes(child)) found.push(child);
      }
    }
    return found;
  }

  async getMany(ids: readonly string[]): Promise<readonly StoredRecord[]> {
    return ids.map((id) => this.#find({ id })).filter((record) => record !== undefined);
  }

  async put(record: StoredRecord, expected: number | null): Promise<void> {
    const { kind, type, name } = record;
    const existing = expected === null ? (this.#find({ kind, type, name }) ?? this.#find(record)) : this.#find(record);
    const actual = existing?.revision ?? null;
    const about = { type, name, expected, actual };
    if (expected === null && existing) throw new AshlarError("ERR_EXISTS", `There is a ${kind} ${type}/${name} already.`, about);
    if (actual !== expected)
      throw new AshlarError("ERR_CONFLICT", `${type}/${name} is not at revision ${expected} any more: someone else wrote it.`, about);
    for (const { id, type: to, name: at } of Object.values(record.references)) {
      if (this.#byId.has(id) || id === record.id) continue;
      throw new AshlarError("ERR_BROKEN_REFERENCE", `${type}/${name} refers to ${to}/${at}, which is not there any more.`, {
        type,
        name,
        documents: [`${to}/${at}`],
      });
    }
    this.#changes++;
    this.#byId.set(record.id, frozen(structuredClone(record)));
    this.#names(kind, type).set(name, record.id);
  }

  async remove(records: readonly { id: string; revision: number }[]): Promise<void> {
    const ids = new Set(records.map(({ id }) => id));
    for (const { id, revision } of records) {
      const actual = this.#find({ id })?.revision ?? null;
      if (actual !== revision)
        throw new AshlarError("ERR_CONFLICT", "Someone else wrote or deleted the document.", { expected: revision, actual });
      const referrers = this.#referrers(id)
        .filter((parent) => !ids.has(parent.id))
        .map(({ type, name }) => `${type}/${name}`);
      if (referrers.length > 0)
        throw new AshlarError(
          "ERR_REFERENCED",
          `Other documents refer to it: ${referrers.join(", ")}. Delete them first, or all together with { cascade: true }.`,
          { documents: referrers },
        );
    }
    this.#changes++;
    for (const id of ids) {
      const { kind, type, name } = this.#byId.get(id) as StoredRecord;
      this.#names(kind, type).delete(name);
      this.#byId.delete(id);
    }
  }

  async referrers(id: string): Promise<readonly StoredRecord[]> {
    this.#checkOpen();
    return this.#referrers(id);
  }

  async list({ kind, type, after, limit }: Parameters<Backend["list"]>[0]): Promise<readonly StoredRecord[]> {
    this.#checkOpen();
    const fits = (record: StoredRecord) =>
      record.kind === kind && (type === undefined || record.type === type) && (after === undefined || byPlace(record, after) > 0);
    return [...this.#byId.values()].filter(fits).sort(byPlace).slice(0, limit);
  }

  async names(query: Parameters<Backend["names"]>[0]): Promise<readonly { type: string; name: string }[]> {
    return (await this.list(query)).map(({ type, name }) => ({ type, name }));
  }

  async scan({ after, limit }: { after?: string | undefined; limit: number }): Promise<readonly StoredRecord[]> {
    this.#checkOpen();
    return [...this.#byId.values()]
      .filter(({ id }) => after === undefined || id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  async check(): Promise<readonly string[]> {
    this.#checkOpen();
    return [];
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  #find(key: RecordKey): StoredRecord | undefined {
    this.#checkOpen();
    const id = "id" in key ? key.id : this.#idsByName.get(key.kind)?.get(key.type)?.get(key.name);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** Where the ids of a kind and type are kept. */
  #names(kind: RecordKind, type: string): Map<string, string> {
    const types = this.#idsByName.get(kind) ?? new Map<string, Map<string, string>>();
    const names = types.get(type) ?? new Map<string, string>();
    this.#idsByName.set(kind, types.set(type, names));
    return names;
  }

  #referrers(id: string): StoredRecord[] {
    const refers = (record: StoredRecord) => Object.values(record.references).some((reference) => reference.id === id);
    return [...this.#byId.values()].filter(refers).sort(byPlace);
  }

  #checkOpen(): void {
    if (!this.#open) throw new AshlarError("ERR_UNREACHABLE", "memory: was closed.", { store: this.url });
  }
}

function byPlace(a: { type: string; name: string }, b: { type: string; name: string }): number {
  return byBytes(a.type, b.type) || byBytes(a.name, b.name);
}

function byBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** What is given out is what is held: nobody may change it. */
function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) for (const item of Object.values(Object.freeze(value))) frozen(item);
  return value;
}

/**
 * Records in files, one a record, in folders by type: readable, diffable, for a repository. Touches file-folder.ts, which reads and writes them.
 *
 * A file is JSON with its keys in a fixed order, so that a change of one field is a change of its line and of the few of the seal. Writers take
 * turns, between processes too; readers never wait. Who refers to a record is found by reading all: a repository holds thousands, not millions.
 * @module
 */
import { AshlarError, isAshlarError } from "../errors.ts";
import type { Backend, RecordKey, RecordKind, StoredRecord } from "./backend.ts";
import { StoreFolder } from "./file-folder.ts";
import { KnownIds } from "./file-ids.ts";
import { fileOf, folderPath, type Place } from "./file-names.ts";
import { nameIn, recordOf, textOf } from "./file-record.ts";

/** Where the folder is. */
export interface FileOptions {
  /** Path of the folder. */
  readonly path: string;
  /** Make a store of it if it is none. Default false. */
  readonly create?: boolean | undefined;
}

/**
 * Opens a folder as a backend.
 * @throws AshlarError `ERR_NO_STORE` when it is no store; `ERR_UNSUPPORTED` when a newer version made it; `ERR_CANNOT_OPEN`; `ERR_DENIED`.
 */
export async function fileBackend({ path, create }: FileOptions): Promise<Backend> {
  return new FileBackend(await StoreFolder.open(path, create === true));
}

/** `file:DIR`. */
export async function openBackend(url: string, options: { readonly create?: boolean | undefined } = {}): Promise<Backend> {
  return fileBackend({ path: folderPath(url), create: options.create });
}

/** The folder itself. */
export function folderOf(url: string): string {
  return folderPath(url);
}

const KINDS: readonly RecordKind[] = ["document", "anonymous", "type", "schema", "token"];

class FileBackend implements Backend {
  readonly url: string;
  readonly editable = true;
  readonly #folder: StoreFolder;
  /** Where records were seen last, by id; a hint, checked whenever it is used. */
  readonly #seen = new Map<string, Place>();
  readonly #ids: KnownIds;
  #open = true;

  constructor(folder: StoreFolder) {
    this.url = folder.url;
    this.#folder = folder;
    this.#ids = new KnownIds((kind, type) => folder.changed(kind, type));
  }

  async storeId(): Promise<string> {
    this.#checkOpen();
    return this.#folder.id;
  }

  async get(key: RecordKey): Promise<StoredRecord | null> {
    this.#checkOpen();
    return "id" in key ? this.#byId(key.id) : this.#at(key);
  }

  graph(key: RecordKey): readonly StoredRecord[] {
    this.#checkOpen();
    const root = "id" in key ? this.#byId(key.id) : this.#at(key);
    const found = new Map<string, StoredRecord>();
    if (root) found.set(root.id, root);
    for (const { references } of found.values()) {
      for (const at in references) {
        const to = references[at] as StoredRecord["references"][string];
        const child = found.has(to.id) ? null : this.#referred(to);
        if (child) found.set(child.id, child);
      }
    }
    return [...found.values()];
  }

  async getMany(ids: readonly string[]): Promise<readonly StoredRecord[]> {
    this.#checkOpen();
    return ids.flatMap((id) => this.#byId(id) ?? []);
  }

  async put(record: StoredRecord, expected: number | null): Promise<void> {
    this.#checkOpen();
    const { kind, type, name, id } = record;
    this.#folder.exclusively(() => {
      const there = this.#at(record);
      const existing = expected === null ? (there ?? this.#withId(id)) : there?.id === id ? there : null;
      const actual = existing?.revision ?? null;
      const about = { type, name, expected, actual };
      if (expected === null && existing) throw new AshlarError("ERR_EXISTS", `There is a ${kind} ${type}/${name} already.`, about);
      if (actual !== expected)
        throw new AshlarError("ERR_CONFLICT", `${type}/${name} is not at revision ${expected} any more: someone else wrote it.`, about);
      for (const to of Object.values(record.references)) if (to.id !== id && !this.#referred(to)) throw gone(record, to);
      this.#ids.writing(record, () => this.#folder.write(fileOf(record), textOf(record)));
      this.#seen.set(id, { kind, type, name });
    });
  }

  async remove(records: readonly { id: string; revision: number }[]): Promise<void> {
    this.#checkOpen();
    this.#folder.exclusively(() => {
      const ids = new Set(records.map(({ id }) => id));
      const files: string[] = [];
      for (const { id, revision } of records) {
        const record = this.#byId(id);
        const actual = record?.revision ?? null;
        if (!record || actual !== revision)
          throw new AshlarError("ERR_CONFLICT", "Someone else wrote or deleted the document.", { expected: revision, actual });
        files.push(fileOf(record));
      }
      const referrers = this.#referrers(ids)
        .filter(({ id }) => !ids.has(id))
        .map(({ type, name }) => `${type}/${name}`);
      if (referrers.length > 0)
        throw new AshlarError(
          "ERR_REFERENCED",
          `Other documents refer to it: ${referrers.join(", ")}. Delete them first, or all together with { cascade: true }.`,
          { documents: referrers },
        );
      this.#folder.remove(files);
      for (const id of ids) this.#seen.delete(id);
    });
  }

  async referrers(id: string): Promise<readonly StoredRecord[]> {
    this.#checkOpen();
    return this.#referrers(new Set([id]));
  }

  async list({ kind, type, after, limit }: Parameters<Backend["list"]>[0]): Promise<readonly StoredRecord[]> {
    const records: StoredRecord[] = [];
    for (const place of this.#places(kind, type, after)) {
      if (records.length === limit) break;
      const record = this.#at(place);
      if (record) records.push(record); // else it was removed just now
    }
    return records;
  }

  async names({ kind, type, after, limit }: Parameters<Backend["names"]>[0]): Promise<readonly { type: string; name: string }[]> {
    return this.#places(kind, type, after)
      .slice(0, limit)
      .map((place) => ({ type: place.type, name: place.name }));
  }

  async scan({ after, limit }: { after?: string | undefined; limit: number }): Promise<readonly StoredRecord[]> {
    const records = [...this.#all()].filter(({ id }) => after === undefined || id > after);
    return records.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  async check(): Promise<readonly string[]> {
    const findings: string[] = [];
    const ids = new Map<string, string>();
    for (const record of this.#all()) {
      const file = fileOf(record);
      const other = ids.get(record.id);
      if (other)
        findings.push(
          `${file} and ${other} are the same document: one is a copy. Take one away, and save a copy by "ashlar copy" or "ashlar export".`,
        );
      ids.set(record.id, file);
    }
    try {
      this.#folder.tryToWrite();
    } catch (error) {
      if (!isAshlarError(error)) throw error;
      findings.push(error.message);
    }
    return findings;
  }

  async close(): Promise<void> {
    if (this.#open) this.#folder.close();
    this.#open = false;
  }

  #checkOpen(): void {
    if (!this.#open) throw new AshlarError("ERR_UNREACHABLE", `${this.url} was closed.`, { store: this.url });
  }

  #at(place: Place): StoredRecord | null {
    const text = this.#folder.read(fileOf(place));
    if (text === null) return null;
    const record = recordOf(text, place);
    this.#seen.set(record.id, { kind: place.kind, type: place.type, name: place.name });
    return record;
  }

  /** What a reference means: the document of that name, if it is still the same one. */
  #referred({ id, type, name }: { id: string; type: string; name: string }): StoredRecord | null {
    for (const kind of ["document", "anonymous"] as const) {
      const record = this.#at({ kind, type, name });
      if (record?.id === id) return record;
    }
    return null;
  }

  #byId(id: string): StoredRecord | null {
    const place = this.#seen.get(id);
    const seen = place ? this.#at(place) : null;
    if (seen?.id === id) return seen;
    for (const record of this.#all()) if (record.id === id) return record;
    return null;
  }

  /** The record of an id, while the lock is held: only the folders that were changed are read. */
  #withId(id: string): StoredRecord | null {
    const types = this.#folder.types();
    const taken = KINDS.some((kind) => types.some((type) => this.#ids.in(kind, type, () => this.#idsOf(kind, type)).has(id)));
    return taken ? this.#byId(id) : null;
  }

  #idsOf(kind: RecordKind, type: string): string[] {
    return this.#places(kind, type, undefined).flatMap((place) => this.#at(place)?.id ?? []);
  }

  *#all(): Generator<StoredRecord> {
    for (const kind of KINDS) {
      for (const place of this.#places(kind, undefined, undefined)) {
        const record = this.#at(place);
        if (record) yield record;
      }
    }
  }

  #referrers(ids: ReadonlySet<string>): StoredRecord[] {
    const refers = (record: StoredRecord) => Object.values(record.references).some(({ id }) => ids.has(id));
    return [...this.#all()].filter(refers).sort(byPlace);
  }

  /** The places of records of a kind in order of type and name, read from the names of folders and files. */
  #places(kind: RecordKind, type: string | undefined, after: { type: string; name: string } | undefined): Place[] {
    this.#checkOpen();
    const types = type === undefined ? this.#folder.types() : [type];
    const places = types
      .filter((each) => after === undefined || byBytes(each, after.type) >= 0)
      .flatMap((each) =>
        this.#folder.files(kind, each).flatMap(({ file, name }) => {
          const known = name ?? nameIn(this.#folder.read(file));
          return known === null ? [] : [{ kind, type: each, name: known }];
        }),
      );
    return places.filter((place) => after === undefined || byPlace(place, after) > 0).sort(byPlace);
  }
}

function byPlace(a: { type: string; name: string }, b: { type: string; name: string }): number {
  return byBytes(a.type, b.type) || byBytes(a.name, b.name);
}

function byBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function gone({ type, name }: StoredRecord, to: { type: string; name: string }): AshlarError {
  return new AshlarError("ERR_BROKEN_REFERENCE", `${type}/${name} refers to ${to.type}/${to.name}, which is not there any more.`, {
    type,
    name,
    documents: [`${to.type}/${to.name}`],
  });
}

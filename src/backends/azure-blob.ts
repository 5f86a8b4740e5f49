/**
 * Records in a container of Azure Blob Storage, one blob a record. Touches azure-blob-container.ts, which calls it, and azure-blob-record.ts.
 *
 * `records/KIND/TYPE!NAME` holds a record; `ids/ID` is empty, and its metadata says which of them has that id; `store` is the store's identity. An id
 * is written before its record and removed after it. So whatever is interrupted, what was acknowledged is found by both, and what may be left over
 * is an id that leads nowhere: it reads as absent, and `check` names it.
 *
 * A write says which ETag it replaces, or that there is nothing: of two one wins, and one that is sent again changes nothing twice. When an answer
 * is lost the blob tells, since its metadata lists the last writes. Metadata also says what a record refers to, so that a listing finds who refers
 * to it. Deleting looks at that and then deletes, which is not one step: who comes to refer in between is left without, and `ashlar doctor` finds it.
 * @module
 */
import { randomUUID } from "node:crypto";
import { azureCode } from "../azure.ts";
import { AshlarError, isAshlarError } from "../errors.ts";
import { faultsIn } from "./azure-blob-check.ts";
import { type AzureBlobOptions, BlobFolder, type Condition, containerOf } from "./azure-blob-container.ts";
import {
  byPlace,
  encoded,
  type Found,
  fromAbove,
  idName,
  idOf,
  mayReferTo,
  placeIn,
  placeOf,
  placeText,
  recordName,
} from "./azure-blob-record.ts";
import { isOvertaken, NEW, overtaken, RecordBlobs } from "./azure-blob-swap.ts";
import { type Backend, MAX_REFERENCE_DEPTH, type RecordKey, type StoredRecord } from "./backend.ts";

export type { AzureBlobOptions, BlobContainer } from "./azure-blob-container.ts";

/**
 * Opens a container as a backend.
 * @throws AshlarError `ERR_NO_STORE` when there is no store in it; `ERR_UNSUPPORTED` when a newer version made it; `ERR_CANNOT_OPEN` when it is
 * none; `ERR_DENIED`; `ERR_UNREACHABLE`; `ERR_MISSING_PACKAGE`.
 */
export async function azureBlobBackend(options: AzureBlobOptions): Promise<Backend> {
  const folder = await BlobFolder.of(options);
  return new AzureBlobBackend(folder, await identityIn(folder, options.create === true));
}

/** `azure-blob://ACCOUNT/CONTAINER`, with `?prefix=FOLDER` where several stores share one; ACCOUNT is a name, or a whole host of another cloud. */
export async function openBackend(url: string, options: { readonly create?: boolean | undefined } = {}): Promise<Backend> {
  return azureBlobBackend({ ...(await containerOf(url)), create: options.create });
}

const FORMAT = 1;

async function identityIn(folder: BlobFolder, create: boolean): Promise<string> {
  if (create) await makeStore(folder);
  const blob = await folder.read("store");
  const about = { store: folder.url };
  if (!blob) throw new AshlarError("ERR_NO_STORE", `There is no store at ${folder.url}: "ashlar init" makes it.`, about);
  const [, format, id] = /^{"format":(\d+),"id":"([0-9a-f-]{36})"/.exec(blob.body) ?? [];
  if (id === undefined)
    throw new AshlarError("ERR_CANNOT_OPEN", `${folder.url} has lost its identity: its blob "store" is damaged.`, about);
  if (Number(format) === FORMAT) return id;
  throw new AshlarError("ERR_UNSUPPORTED", `${folder.url} was made by a newer version of Ashlar (format ${format}).`, about);
}

async function makeStore(folder: BlobFolder): Promise<void> {
  try {
    await folder.write("store", JSON.stringify({ format: FORMAT, id: randomUUID() }), {}, NEW);
  } catch (error) {
    if (isOvertaken(error)) return; // there is one already
    if (azureCode(error) !== "ContainerNotFound") throw folder.failure(error);
    await folder.makeContainer();
    await makeStore(folder);
  }
}

class AzureBlobBackend implements Backend {
  readonly url: string;
  readonly #folder: BlobFolder;
  readonly #id: string;
  readonly #blobs: RecordBlobs;

  constructor(folder: BlobFolder, id: string) {
    this.url = folder.url;
    this.#folder = folder;
    this.#blobs = new RecordBlobs(folder);
    this.#id = id;
  }

  async storeId(): Promise<string> {
    this.#folder.checkOpen();
    return this.#id;
  }

  async get(key: RecordKey): Promise<StoredRecord | null> {
    const found = "id" in key ? await this.#blobs.find(key.id) : await this.#blobs.read(placeText(key));
    return found?.record ?? null;
  }

  async graph(key: RecordKey): Promise<readonly StoredRecord[]> {
    const root = await this.get(key);
    const found = new Map<string, StoredRecord>();
    let level = root ? [root] : [];
    for (let depth = 0; depth <= MAX_REFERENCE_DEPTH + 1 && level.length > 0; depth++) {
      for (const record of level) found.set(record.id, record);
      const ids = level.flatMap(({ references }) => Object.values(references).map(({ id }) => id));
      level = await this.getMany(ids.filter((id) => !found.has(id)));
    }
    return [...found.values()];
  }

  async getMany(ids: readonly string[]): Promise<StoredRecord[]> {
    return recordsOf(await Promise.all([...new Set(ids)].map((id) => this.#blobs.find(id))));
  }

  async put(record: StoredRecord, expected: number | null): Promise<void> {
    const at = placeText(record);
    await this.#checkReferences(record);
    if (expected === null) await this.#announce(record, at);
    try {
      await this.#blobs.swap(record, at, expected);
    } catch (error) {
      const undone = expected === null && !isAshlarError(error, "ERR_OUTCOME_UNKNOWN");
      if (undone) await this.#folder.delete(idName(record.id), {}).catch(() => undefined); // left over, it leads nowhere
      throw error;
    }
  }

  async remove(records: readonly { id: string; revision: number }[]): Promise<void> {
    const ids = new Set(records.map(({ id }) => id));
    const found = await Promise.all(
      records.map(async ({ id, revision }) => {
        const now = await this.#blobs.find(id);
        if (now?.record.revision === revision) return now;
        const actual = now?.record.revision ?? null;
        throw new AshlarError("ERR_CONFLICT", "Someone else wrote or deleted the document.", { expected: revision, actual });
      }),
    );
    const referrers = (await this.#referring(ids)).filter(({ id }) => !ids.has(id)).map(({ type, name }) => `${type}/${name}`);
    if (referrers.length > 0)
      throw new AshlarError(
        "ERR_REFERENCED",
        `Other documents refer to it: ${referrers.join(", ")}. Delete them first, or all together with { cascade: true }.`,
        { documents: referrers },
      );
    const gone: Found[] = [];
    for (const level of fromAbove(found)) {
      const results = await Promise.allSettled(level.map((each) => this.#blobs.delete(each).then(() => gone.push(each))));
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw await this.#putBack(gone, failed.reason);
    }
    await Promise.all([...ids].map((id) => this.#folder.delete(idName(id), {}).catch(() => undefined)));
  }

  async referrers(id: string): Promise<readonly StoredRecord[]> {
    return this.#referring(new Set([id]));
  }

  async list(query: Parameters<Backend["list"]>[0]): Promise<readonly StoredRecord[]> {
    return this.#take(this.#places(query), query.limit, (at) => this.#blobs.read(at));
  }

  async names(query: Parameters<Backend["names"]>[0]): Promise<readonly { type: string; name: string }[]> {
    const names: { type: string; name: string }[] = [];
    for await (const at of this.#places(query)) {
      const { type, name } = placeOf(at);
      if (names.push({ type, name }) >= query.limit) break;
    }
    return names;
  }

  async scan({ after, limit }: { after?: string | undefined; limit: number }): Promise<readonly StoredRecord[]> {
    const listed = this.#folder.list("ids/", { after: after === undefined ? "" : idName(after), limit, metadata: true });
    return this.#take(listed, limit, ({ name, metadata }) => this.#blobs.readAs(idOf(name), metadata?.place));
  }

  async check(): Promise<readonly string[]> {
    return faultsIn(this.#folder, this.#blobs);
  }

  async close(): Promise<void> {
    this.#folder.close();
  }

  async *#places({ kind, type, after, limit }: Parameters<Backend["list"]>[0]): AsyncGenerator<string> {
    const prefix = recordName(`${kind}/${type === undefined ? "" : `${encoded(type)}!`}`);
    const start = after && recordName(placeText({ kind, ...after }));
    for await (const { name } of this.#folder.list(prefix, { after: start, limit })) yield placeIn(name);
  }

  /** Reads what a listing names until there are enough: what was deleted in between leaves no gap. */
  async #take<T>(listed: AsyncGenerator<T>, limit: number, read: (each: T) => Promise<Found | null>): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    for (let ended = false; !ended && records.length < limit; ) {
      const batch: T[] = [];
      while (!ended && records.length + batch.length < limit) {
        const { value, done } = await listed.next();
        if (done) ended = true;
        else batch.push(value);
      }
      for (const record of recordsOf(await Promise.all(batch.map(read)))) records.push(record);
    }
    return records;
  }

  /** Writes where a record that is being made will be. */
  async #announce(record: StoredRecord, at: string): Promise<void> {
    const write = (condition: Condition) => this.#folder.write(idName(record.id), "", { place: at }, condition);
    try {
      await write(NEW);
    } catch (error) {
      if (!isOvertaken(error)) throw this.#folder.failure(error);
      if (await this.#blobs.find(record.id)) throw overtaken(record, null, record);
      await write({}).catch((failed) => Promise.reject(this.#folder.failure(failed)));
    }
  }

  async #checkReferences(record: StoredRecord): Promise<void> {
    const others = Object.values(record.references).filter(({ id }) => id !== record.id);
    await Promise.all(
      others.map(async ({ id, type, name }) => {
        if (await this.#blobs.find(id)) return;
        const message = `${record.type}/${record.name} refers to ${type}/${name}, which is not there any more.`;
        throw new AshlarError("ERR_BROKEN_REFERENCE", message, { type: record.type, name: record.name, documents: [`${type}/${name}`] });
      }),
    );
  }

  /** Undoes what was deleted of several. @returns the error to be thrown. */
  async #putBack(deleted: readonly Found[], reason: unknown): Promise<unknown> {
    const results = await Promise.allSettled(deleted.map((each) => this.#blobs.restore(each)));
    return results.every(({ status }) => status === "fulfilled") ? reason : this.#folder.unknown();
  }

  async #referring(ids: ReadonlySet<string>): Promise<StoredRecord[]> {
    const places: string[] = [];
    for await (const { name, metadata } of this.#folder.list("records/", { metadata: true }))
      if (mayReferTo(metadata, ids)) places.push(placeIn(name));
    const records = recordsOf(await Promise.all(places.map((at) => this.#blobs.read(at))));
    return records.filter(({ references }) => Object.values(references).some(({ id }) => ids.has(id))).sort(byPlace);
  }
}

function recordsOf(found: readonly (Found | null)[]): StoredRecord[] {
  return found.flatMap((each) => each?.record ?? []);
}

/**
 * The blobs of records: finding one, and writing and deleting it by compare-and-swap on its ETag, whatever becomes of the answers. Touches
 * azure-blob-container.ts, which calls Azure, and azure-blob-record.ts.
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { azureCode, isAnswerLost } from "../azure.ts";
import { AshlarError } from "../errors.ts";
import type { BlobFolder, Condition } from "./azure-blob-container.ts";
import { bodyOf, type Found, foundIn, idName, idOf, metadataOf, placeText, recordName, WRITES_KEPT } from "./azure-blob-record.ts";
import type { StoredRecord } from "./backend.ts";

const TRIES = 3;
const REMEMBERED = 10_000;
/** For a blob that is to be new. */
export const NEW: Condition = { ifNoneMatch: "*" };

/** How a record was last seen. */
interface Version extends Pick<Found, "etag" | "writes"> {
  readonly revision: number;
}

/** The records of a folder, each by its place or its id. */
export class RecordBlobs {
  readonly #folder: BlobFolder;
  /** By id: where a record is, which never changes, and how it was last seen. They spare calls; whoever uses one checks it. */
  readonly #seen = new Map<string, { readonly at: string; readonly last?: Version }>();

  constructor(folder: BlobFolder) {
    this.#folder = folder;
  }

  /** The record at a place; null when there is none. */
  async read(at: string): Promise<Found | null> {
    const blob = await this.#folder.read(recordName(at));
    if (!blob) return null;
    const found = foundIn(at, blob);
    const { record } = found;
    const whole = record.id === "" ? { ...found, record: { ...record, id: await this.#idAt(at) } } : found;
    this.#remember(at, whole);
    return whole;
  }

  /** The id of what was written over or copied from outside, and so lost its own; one made for the place where that is lost too. */
  async #idAt(at: string): Promise<string> {
    for await (const { name, metadata } of this.#folder.list("ids/", { metadata: true })) if (metadata?.place === at) return idOf(name);
    return `00000000-0000-4000-8000-${createHash("sha256").update(at).digest("hex").slice(0, 12)}`;
  }

  /** The record at a place, if it has the id. */
  async readAs(id: string, at: string | undefined): Promise<Found | null> {
    const found = at === undefined ? null : await this.read(at);
    return found?.record.id === id ? found : null;
  }

  /** The record of an id; null when there is none. */
  async find(id: string): Promise<Found | null> {
    const hint = this.#seen.get(id)?.at;
    const found = await this.readAs(id, hint);
    if (found) return found;
    const at = (await this.#folder.metadata(idName(id)))?.place;
    return at === hint ? null : this.readAs(id, at);
  }

  #remember(at: string, { record, etag, writes }: Found): void {
    if (this.#seen.size > REMEMBERED) this.#seen.clear();
    this.#seen.set(record.id, { at, last: { revision: record.revision, etag, writes } });
    for (const { id, type, name } of Object.values(record.references))
      if (!this.#seen.has(id)) this.#seen.set(id, { at: placeText({ kind: "document", type, name }) });
  }

  /** Writes a record in the place of what is expected there. When the answer is lost, what lies there tells whether it was done. */
  async swap(record: StoredRecord, at: string, expected: number | null): Promise<void> {
    const write = randomBytes(9).toString("base64url");
    let before = expected === null ? null : await this.#before(record, at, expected);
    for (let tries = 1; ; tries++) {
      const writes = [write, ...(before?.writes ?? [])];
      try {
        const condition = before ? { ifMatch: before.etag } : NEW;
        const etag = await this.#folder.write(recordName(at), bodyOf(record), metadataOf(record, writes), condition);
        return this.#remember(at, { record, etag, writes });
      } catch (error) {
        // The client tries several times: what the last answer says may be due to an earlier try that was done.
        const refused = !isAnswerLost(error) && !isOvertaken(error);
        const now = await this.read(at).catch(() => Promise.reject(refused ? this.#folder.failure(error) : this.#folder.unknown()));
        if (now?.writes.includes(write)) return;
        if (refused) throw this.#folder.failure(error);
        if (!isExpected(now, record, expected))
          throw isUndone(now, before, record) ? overtaken(record, expected, now?.record) : this.#folder.unknown();
        if (tries === TRIES) throw this.#folder.unknown();
        before = now;
      }
    }
  }

  /** What a write is to replace, without asking where that is known. @throws AshlarError `ERR_CONFLICT` */
  async #before(record: StoredRecord, at: string, expected: number): Promise<Pick<Found, "etag" | "writes">> {
    const { last } = this.#seen.get(record.id) ?? {};
    if (last?.revision === expected) return last;
    const now = await this.read(at);
    if (now && isExpected(now, record, expected)) return now;
    throw overtaken(record, expected, now?.record);
  }

  /** What is not there any more is deleted, whoever did it: the answer to the first of two tries may have been lost. */
  async delete({ record, etag }: Found): Promise<void> {
    const at = placeText(record);
    for (let [tries, now] = [1, etag]; ; tries++) {
      try {
        await this.#folder.delete(recordName(at), { ifMatch: now });
        this.#seen.delete(record.id);
        return;
      } catch (error) {
        if (azureCode(error) === "BlobNotFound") return;
        if (!isAnswerLost(error) && !isOvertaken(error)) throw this.#folder.failure(error);
        const found = await this.readAs(record.id, at).catch(() => Promise.reject(this.#folder.unknown()));
        if (!found) return;
        if (found.record.revision !== record.revision) throw overtaken(record, record.revision, found.record);
        if (tries === TRIES) throw this.#folder.unknown();
        now = found.etag;
      }
    }
  }

  /** Writes a record again that was deleted as it was found. @throws what the SDK throws */
  async restore({ record, writes }: Found): Promise<void> {
    const at = placeText(record);
    try {
      await this.#folder.write(recordName(at), bodyOf(record), metadataOf(record, writes), NEW);
    } catch (error) {
      if (!isOvertaken(error) || !(await this.readAs(record.id, at))) throw error; // an earlier try may have been done
    }
  }
}

/** Whether a write was refused because of what is there. */
export function isOvertaken(error: unknown): boolean {
  return azureCode(error) === "ConditionNotMet" || azureCode(error) === "BlobAlreadyExists";
}

/** Whether a write can still be done. */
function isExpected(now: Found | null, { id }: StoredRecord, expected: number | null): boolean {
  return expected === null ? now === null : now?.record.id === id && now.record.revision === expected;
}

/** Whether a write that is not among the last ones was never done: they go back to what it was to replace, or to something else. */
function isUndone(now: Found | null, before: Pick<Found, "writes"> | null, { id }: StoredRecord): boolean {
  if (now?.record.id !== id) return true;
  return before ? before.writes.some((write) => now.writes.includes(write)) : now.writes.length < WRITES_KEPT;
}

/** The error for a lost race. */
export function overtaken({ kind, type, name, id }: StoredRecord, expected: number | null, now: StoredRecord | undefined): AshlarError {
  if (expected === null)
    return new AshlarError("ERR_EXISTS", `There is a ${kind} ${type}/${name} already.`, {
      type,
      name,
      expected,
      actual: now?.revision ?? null,
    });
  const actual = now?.id === id ? now.revision : null;
  const what = actual === null ? "it is gone" : `it is at revision ${actual}`;
  return new AshlarError("ERR_CONFLICT", `${type}/${name} is not at revision ${expected} any more, ${what}.`, {
    type,
    name,
    expected,
    actual,
  });
}

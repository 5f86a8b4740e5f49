/**
 * The audit log: who read a secret or changed anything, one line of JSON each, written before the answer goes out. Touches node:fs and audit-chain.ts.
 *
 * A line holds what is listed in audit-entry.ts and nothing else, never a value. Many requests share one write and one sync, which follows each write at
 * once; one that takes long is waited for. So what was written outlives its process; a power cut may take with it the reads of 200 milliseconds (those
 * of the sync under way and of the one after it), and no change that was confirmed.
 *
 * Beside the log lies `….head`, which says how far it goes, so that lines cut off its end are missed. The file may be moved away or emptied while it is
 * written (logrotate, with or without copytruncate): the next line begins a new file, which says where it goes on from. One process writes a file.
 * @module
 */
import { type Stats, statSync } from "node:fs";
import { constants, type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { AshlarError, isAshlarError } from "../errors.ts";
import { makeFolder } from "../make-folder.ts";
import type { Store } from "../stores/store.ts";
import type { DerivedKey } from "../vaults/vault.ts";
import { follows, isSealedBy, type Link, makeHead, makeLine, readHead, readLine, START, UNSURE } from "./audit-chain.ts";
import { type AuditEntry, contentOf } from "./audit-entry.ts";
import { endOf, headPath, headText } from "./audit-file.ts";

/** Keeps an audit log. */
export interface Audit {
  /**
   * Writes an entry; done when it is written, and on disk a moment later. After a failure it is done when it is on disk.
   * @throws AshlarError `ERR_DENIED`, `ERR_UNREACHABLE` when it cannot be written: then nothing may be revealed.
   */
  record(entry: AuditEntry): Promise<void>;
  /** Asked right after `record`, done when its line is on disk: waited for before a change is confirmed. @throws AshlarError as `record` does */
  synced(): Promise<void>;
  /** Whether entries can be written, as far as is known: asked before something is changed. Tries, where they could not of late. @throws AshlarError as `record` does */
  ready(): Promise<void>;
  /** Writes what is under way, and lets go of the file. */
  close(): Promise<void>;
}

/** Keys for the chain: the one to write with, or the one of an id. @throws AshlarError `ERR_UNKNOWN_KEY` */
export type AuditKeys = (id?: string) => Promise<DerivedKey>;

interface Waiting {
  /** As JSON. */
  readonly content: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** The file that is written, as this process left it. */
interface Opened {
  readonly log: FileHandle;
  readonly head: FileHandle;
  readonly inode: number;
  size: number;
  /** What is written before anything else, where there is something to say. */
  first: Readonly<Record<string, unknown>> | undefined;
}

/** Room for the head, which is overwritten in place. */
const HEAD_BYTES = 256;
/** From when on a sync under way is waited for before anything more is answered, in milliseconds. */
const LONGEST_LAG_MS = 100;

/** The keys of a store for its audit log. @throws AshlarError `ERR_UNSUPPORTED` where the store has none. */
export function auditKeys({ maintenance, url }: Store): AuditKeys {
  if (maintenance) return (id) => maintenance.derive("audit", id);
  throw new AshlarError("ERR_UNSUPPORTED", `${url} has no keys with which an audit log could be sealed.`, { store: url });
}

/** The key of an id; null where it is not at hand. */
export async function keyOrNull(keys: AuditKeys, id: string): Promise<DerivedKey | null> {
  try {
    return await keys(id);
  } catch (error) {
    if (isAshlarError(error, "ERR_UNKNOWN_KEY") || isAshlarError(error, "ERR_WRONG_KEY")) return null;
    throw error;
  }
}

/**
 * Opens an audit log, new or to go on with.
 * @param keys for the chain; `auditKeys(store)` of the same folder gives them.
 * @throws AshlarError `ERR_DENIED`, `ERR_UNREACHABLE`; `ERR_CANNOT_OPEN` when its end was changed or cut off.
 */
export async function openAudit(path: string, keys: AuditKeys): Promise<Audit> {
  const audit = new AuditLog(path, keys);
  await audit.begin();
  return audit;
}

class AuditLog implements Audit {
  readonly #path: string;
  readonly #keys: AuditKeys;
  #queue: Waiting[] = [];
  #writing: Promise<void> | undefined;
  /** The sync that is under way, and the one after it, which covers what is written by then. */
  #syncing: Promise<void> | undefined;
  #syncNext: Promise<void> | undefined;
  #syncBegan = 0;
  #file: Opened | undefined;
  /** Where the chain stands; undefined until this process has looked. */
  #link: Link | undefined;
  /** Where it stood when it was last on disk. */
  #safe: Link | undefined;
  /** Why the last write or sync failed; undefined since one did not. */
  #failed: AshlarError | undefined;
  #closed = false;

  constructor(path: string, keys: AuditKeys) {
    this.#path = path;
    this.#keys = keys;
  }

  async begin(): Promise<void> {
    try {
      await this.#write({ what: "begin" });
      await this.synced();
    } catch (error) {
      this.#closed = true;
      await this.#letGo();
      throw error;
    }
  }

  record(entry: AuditEntry): Promise<void> {
    return this.#write(contentOf(entry));
  }

  async synced(): Promise<void> {
    await (this.#syncNext ?? this.#syncing);
    this.#checkSyncs();
  }

  async ready(): Promise<void> {
    if (this.#closed) throw this.#cannot("it was closed");
    if (this.#failed) await this.#write({ what: "resume" });
  }

  async close(): Promise<void> {
    if (!this.#closed && this.#file) await this.#write({ what: "end" }).catch(() => undefined); // whoever wanted to write was told
    this.#closed = true;
    await this.#writing;
    await this.#letGo();
  }

  #write(content: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#closed) return Promise.reject(this.#cannot("it was closed"));
    return new Promise((done, failed) => {
      this.#queue.push({ content: timed(content), done, failed });
      this.#writing ??= Promise.resolve().then(() => this.#drain());
    });
  }

  /** Writes what waits, then what came meanwhile, until nothing does. */
  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      let batch: Waiting[] = [];
      try {
        const key = await this.#keys();
        const mending = this.#failed !== undefined;
        if (mending) await this.#letGo(); // what the file holds by now is to be found out
        const file = await this.#fileToWrite();
        if (!mending) this.#checkSyncs();
        batch = this.#queue.splice(0); // who came meanwhile goes along
        await this.#append(file, key, batch);
        if (!mending) this.#checkSyncs();
        const onDisk = this.#sync();
        onDisk.catch(() => undefined); // whoever writes next is told
        if (mending || this.#isLate()) await onDisk;
        if (mending) this.#failed = undefined;
        for (const { done } of batch) done();
      } catch (error) {
        this.#failed = this.#failureOf(error);
        await this.#letGo();
        for (const { failed } of batch.length > 0 ? batch : this.#queue.splice(0)) failed(this.#failed);
      }
    }
    this.#writing = undefined;
  }

  async #append(file: Opened, key: DerivedKey, batch: readonly Waiting[]): Promise<void> {
    let link = this.#link ?? START;
    let text = "";
    const add = (content: string) => {
      const made = makeLine(content, link, key);
      link = made.link;
      text += `${made.text}\n`;
    };
    if (file.first) add(timed(file.first));
    for (const { content } of batch) add(content);
    await file.log.appendFile(text);
    file.size += text.length; // it is all ASCII
    file.first = undefined;
    this.#link = link;
  }

  /** Brings to disk all that is written when it begins: as soon as the one before is done. A failure is that of all who wait. */
  #sync(): Promise<void> {
    return (this.#syncNext ??= this.#syncAfter(this.#syncing));
  }

  async #syncAfter(before: Promise<void> | undefined): Promise<void> {
    const doubt: unknown = await before?.then(
      () => undefined,
      (error: unknown) => error,
    );
    [this.#syncing, this.#syncNext] = [this.#syncNext, undefined];
    this.#syncBegan = performance.now();
    try {
      if (doubt !== undefined) throw doubt; // the system reports a lost write once
      const { log, head } = this.#file as Opened;
      const link = this.#link as Link;
      await log.datasync();
      this.#safe = link;
      await head.write(makeHead(link, await this.#keys()).padEnd(HEAD_BYTES), 0); // not synced: it may lag, and never leads
    } catch (error) {
      throw (this.#failed = this.#failureOf(error));
    } finally {
      this.#syncing = undefined;
    }
  }

  /** @throws AshlarError when one has failed, meanwhile */
  #checkSyncs(): void {
    if (this.#failed) throw this.#failed;
  }

  /** Whether the sync under way takes long. */
  #isLate(): boolean {
    return this.#syncing !== undefined && performance.now() - this.#syncBegan > LONGEST_LAG_MS;
  }

  /** The file as this process left it; a new one where that was moved away or emptied. */
  async #fileToWrite(): Promise<Opened> {
    const file = this.#file;
    if (!file) return this.#open();
    const state = stateOf(this.#path);
    if (state?.ino === file.inode && state.size === file.size) return file;
    if (state?.ino === file.inode && state.size > 0)
      throw this.#cannot("something else writes it too: each server needs a file of its own");
    await this.#letGo();
    return this.#open();
  }

  async #open(): Promise<Opened> {
    makeFolder(dirname(this.#path), 0o700);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const log = await open(this.#path, flags | constants.O_APPEND, 0o600);
    let head: FileHandle | undefined;
    try {
      const state = await log.stat();
      if (!state.isFile()) throw this.#cannot("it is no file");
      head = await open(headPath(this.#path), flags, 0o600);
      return (this.#file = { log, head, inode: state.ino, ...(await this.#goOn(log, head, state.size)) });
    } catch (error) {
      await log.close();
      await head?.close();
      throw error;
    }
  }

  /**
   * Finds out where the chain stands. Nothing is written after a line that nobody vouches for: the next one would vouch for it.
   * @returns the size of what counts in the file: a line that was begun and never acknowledged is cut off.
   */
  async #goOn(log: FileHandle, head: FileHandle, size: number): Promise<Pick<Opened, "size" | "first">> {
    const keyOf = (id: string) => keyOrNull(this.#keys, id);
    const known = this.#safe ?? (await readHead(await headText(head), keyOf));
    const end = await endOf(log, size);
    if (end.size < size) await log.truncate(end.size);
    if (end.size === 0) {
      this.#link ??= known ?? START; // what was written may stand in the file that was moved away
      await syncFolder(dirname(this.#path));
      return { size: 0, first: { what: "file", after: this.#link.hash } };
    }
    const line = readLine(end.last);
    const before = end.before === undefined ? line?.after : readLine(end.before)?.hash;
    if (!line || before === undefined || !follows(line, before)) throw this.#changed("its last line was");
    const key = await keyOf(line.key);
    if (!key) throw this.#unknownKey(line.key);
    if (!isSealedBy(line, key)) throw this.#changed("its last line was");
    if (known && line.line < known.line) throw this.#changed(`it ends with line ${line.line}, and had ${known.line}`);
    if (known && line.line === known.line && line.hash !== known.hash) throw this.#changed("its last line is another one");
    this.#link = { line: line.line, hash: line.hash };
    return { size: end.size, first: known ? undefined : { what: UNSURE } };
  }

  async #letGo(): Promise<void> {
    await (this.#syncNext ?? this.#syncing)?.catch(() => undefined);
    const file = this.#file;
    this.#file = undefined;
    await file?.head.sync().catch(() => undefined); // it may lag
    await file?.log.close().catch(() => undefined);
    await file?.head.close().catch(() => undefined);
  }

  #failureOf(error: unknown): AshlarError {
    if (error instanceof AshlarError) return error;
    return this.#cannot((error as NodeJS.ErrnoException).code ?? "an error nobody foresaw");
  }

  #cannot(why: string): AshlarError {
    const code = why === "EACCES" || why === "EPERM" || why === "EROFS" ? "ERR_DENIED" : "ERR_UNREACHABLE";
    return new AshlarError(code, `The audit log ${this.#path} cannot be written (${why}): until it can, nothing is revealed or changed.`);
  }

  #unknownKey(id: string): AshlarError {
    return new AshlarError(
      "ERR_UNKNOWN_KEY",
      `The audit log ${this.#path} ends with a line of key ${id}, which is not at hand: bring that key back, or move the log and its .head away to begin a new one.`,
      { keys: [id] },
    );
  }

  #changed(why: string): AshlarError {
    return new AshlarError(
      "ERR_CANNOT_OPEN",
      `The audit log ${this.#path} was changed: ${why}. "ashlar audit verify" says more; to begin a new one, move it and its .head away.`,
    );
  }
}

function timed(content: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ time: new Date().toISOString(), ...content });
}

/** What is at a path; undefined where nothing is. At once, not by a thread: this is on the way of every write. */
function stateOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return; // folders cannot be opened there
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

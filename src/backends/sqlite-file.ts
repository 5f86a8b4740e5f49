/**
 * The file of a SQLite store: made, opened, recognised, and SQLite's errors as ours. Touches node:sqlite, imported when a store is opened, and
 * node:fs; knows no record.
 * @module
 */
import { randomUUID } from "node:crypto";
import { closeSync, openSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { AshlarError } from "../errors.ts";
import { makeFolder } from "../make-folder.ts";
import { userFolders } from "../user-folders.ts";

/** Marks the file as ours: "Ashl" in ASCII. https://www.sqlite.org/pragma.html#pragma_application_id */
const APPLICATION_ID = 0x4173_686c;
const FORMAT_VERSION = 1;

const TABLES = `
  CREATE TABLE store (id TEXT NOT NULL) STRICT;
  CREATE TABLE records (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL,
    revision INTEGER NOT NULL, body TEXT NOT NULL, sealed TEXT NOT NULL, UNIQUE (kind, type, name)
  ) STRICT;
  CREATE TABLE record_references (
    parent TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    child TEXT NOT NULL REFERENCES records (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (parent, child)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX references_by_child ON record_references (child);
`;
/** Where the file is. */
export interface SqliteOptions {
  /** Path of the file. */
  readonly path: string;
  /** Make it if it is not there. Default false. */
  readonly create?: boolean | undefined;
  /** How long to wait for a lock of another process, in milliseconds; this process goes on meanwhile. Default 5000. */
  readonly lockTimeoutMs?: number | undefined;
}

/** How long SQLite itself waits for a lock, which holds up the whole process. */
const BLOCKED_MS = 5;

/**
 * Opens the file of a store, and makes it if that is asked for.
 * @throws AshlarError `ERR_NO_STORE` when it is not there; `ERR_UNSUPPORTED` when a newer version made it; `ERR_CANNOT_OPEN` when it is no store;
 * `ERR_DENIED`; `ERR_UNREACHABLE` when it stays locked.
 */
export async function openFile(options: SqliteOptions): Promise<{ readonly database: DatabaseSync; readonly url: string }> {
  const { DatabaseSync } = await import("node:sqlite").catch(() => {
    throw new AshlarError("ERR_UNSUPPORTED", `Stores in SQLite need Node 24.15 or newer; this is ${process.version}.`);
  });
  const { path, create } = options;
  const url = `sqlite:${path}`;
  if (!isThere(path, url)) {
    if (create !== true)
      throw new AshlarError("ERR_NO_STORE", `There is no store at ${url}. "ashlar init --store ${url}" makes one.`, { store: url });
    makeFile(path, url);
  }
  const database = guarded(url, () => new DatabaseSync(path, { timeout: BLOCKED_MS, enableForeignKeyConstraints: true }));
  try {
    await patiently(url, options, () => prepareFile(database, url, create === true));
    return { database, url };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The absolute path that a `sqlite:` URL names. @throws AshlarError `ERR_INVALID` for a URL with a host or a query. */
export function sqlitePath(url: string): string {
  const rest = url.slice("sqlite:".length);
  if (rest === "") return join(userFolders().data, "ashlar.db");
  if (rest.startsWith("//") && !rest.startsWith("///"))
    throw new AshlarError("ERR_INVALID", `A SQLite store is a file of this machine, "sqlite:PATH"; this URL names a host.`);
  if (rest.includes("?")) throw new AshlarError("ERR_INVALID", `A SQLite store's URL has no options: "sqlite:PATH".`);
  return resolve(rest.replace(/^\/\/+/, "/"));
}

/** Whether there is a file. One that may not be looked at is not one that is not there. */
function isThere(path: string, url: string): boolean {
  try {
    if (statSync(path).isFile()) return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    throw new AshlarError("ERR_DENIED", `${url} cannot be reached (${code}).`, { store: url });
  }
  throw new AshlarError("ERR_CANNOT_OPEN", `${url} is no file.`, { store: url });
}

function makeFile(path: string, url: string): void {
  try {
    makeFolder(dirname(path), 0o700);
    closeSync(openSync(path, "a", 0o600)); // SQLite's own files beside it take these permissions over
  } catch (error) {
    throw new AshlarError("ERR_DENIED", `${url} cannot be made (${(error as NodeJS.ErrnoException).code}).`, { store: url });
  }
}

function prepareFile(database: DatabaseSync, url: string, create: boolean): void {
  database.exec("PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL;");
  const pragma = (name: string) => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  if (create && pragma("application_id") === 0 && pragma("schema_version") === 0) {
    database.exec("PRAGMA journal_mode = WAL;");
    inTransaction(database, () => {
      if (pragma("application_id") === APPLICATION_ID) return; // another process was faster
      database.exec(`${TABLES} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT_VERSION};`);
      database.prepare("INSERT INTO store (id) VALUES (?)").run(randomUUID());
    });
    database.exec("PRAGMA wal_checkpoint(TRUNCATE);"); // else a lost write-ahead log would take the whole store with it, its identity too
  }
  if (pragma("application_id") !== APPLICATION_ID)
    throw new AshlarError("ERR_CANNOT_OPEN", `${url} is no store of Ashlar.`, { store: url });
  if (pragma("user_version") !== FORMAT_VERSION)
    throw new AshlarError(
      "ERR_UNSUPPORTED",
      `${url} was made by another version of Ashlar (format ${pragma("user_version")}; this one reads ${FORMAT_VERSION}).`,
      { store: url },
    );
}

/** Runs changes as one: all of them are written or none. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE"); // as a writer from the start: a reader that turns writer can fail without waiting
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Longest pause before a lock is asked for again, in milliseconds. */
const LONGEST_PAUSE = 25;

/**
 * Does some work of one step on a file, again and again while another process has it locked; at once, without a promise, where none has.
 * @throws AshlarError `ERR_UNREACHABLE` when it stays locked; as {@link guarded} does.
 */
export function patiently<T>(url: string, { lockTimeoutMs = 5000 }: Pick<SqliteOptions, "lockTimeoutMs">, work: () => T): T | Promise<T> {
  try {
    return work();
  } catch (error) {
    if (!isLocked(error)) return guarded(url, () => raise(error));
    return whenFree(url, lockTimeoutMs, work);
  }
}

async function whenFree<T>(url: string, lockTimeoutMs: number, work: () => T): Promise<T> {
  const end = performance.now() + lockTimeoutMs;
  for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    await setTimeout(pause * (0.5 + Math.random())); // not in step with others who wait
    try {
      return work();
    } catch (error) {
      if (!isLocked(error) || performance.now() > end) return guarded(url, () => raise(error));
    }
  }
}

function raise(error: unknown): never {
  throw error;
}

/** SQLITE_BUSY or SQLITE_LOCKED. */
function isLocked(error: unknown): boolean {
  return [5, 6].includes(((error as { errcode?: number }).errcode ?? 0) & 0xff);
}

/** SQLite's own errors as ours; their texts can name tables, never values. https://www.sqlite.org/rescode.html */
export function guarded<T>(url: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = (error as { errcode?: number }).errcode;
    if (error instanceof AshlarError || code === undefined) throw error;
    const about = { store: url };
    // SQLITE_IOERR_SHORT_READ: the file ends too early, which is damage and not the disk's failure
    switch (code === 522 ? 11 : code & 0xff) {
      case 5: // SQLITE_BUSY
      case 6: // SQLITE_LOCKED
        throw new AshlarError("ERR_UNREACHABLE", `${url} stays locked by another process: try again.`, about);
      case 8: // SQLITE_READONLY
      case 23: // SQLITE_AUTH
      case 3: // SQLITE_PERM
        throw new AshlarError(
          "ERR_DENIED",
          `${url} cannot be written: the file or its folder is read-only, or a file beside it (-wal, -shm).`,
          about,
        );
      case 14: // SQLITE_CANTOPEN
        throw new AshlarError("ERR_DENIED", `${url} cannot be opened: check that you may read and write the file and its folder.`, about);
      case 13: // SQLITE_FULL
        throw new AshlarError("ERR_UNREACHABLE", `${url} cannot be written: the disk is full.`, about);
      case 10: // SQLITE_IOERR
        throw new AshlarError(
          "ERR_UNREACHABLE",
          `${url} cannot be read or written (SQLite's code ${code}): the disk is broken or gone, or a limit on it is reached.`,
          about,
        );
      case 1: // SQLITE_ERROR: our statements are fixed, so the tables are not ours
      case 11: // SQLITE_CORRUPT
      case 26: // SQLITE_NOTADB
        throw new AshlarError("ERR_CANNOT_OPEN", `${url} is damaged, or no store of Ashlar.`, about);
      default:
        throw new AshlarError("ERR_UNREACHABLE", `${url} fails (SQLite's code ${code}).`, about);
    }
  }
}

/**
 * The folder of a store in files: its mark, its files by name, and the lock that writers take. Touches node:fs, file-writing.ts, and node:sqlite for the
 * lock; knows no record.
 *
 * ```
 * ashlar.json                     the store's mark and identity
 * TYPE/NAME.json                  a document
 * TYPE/_type/, TYPE/_schema/, …   records of other kinds; no document's name begins with an underscore
 * ```
 * @module
 */
import { randomUUID } from "node:crypto";
import { constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { AshlarError } from "../errors.ts";
import type { RecordKind } from "./backend.ts";
import { decoded, folderOf, parsed } from "./file-names.ts";
import { begun, denied, guarded, isLink, isMissing, linked, made, syncFolder, unlinkQuietly, writeWhole } from "./file-writing.ts";

const MARK = "ashlar.json";
const FORMAT = 1;
const LOCK = ".lock";
/** Names of removals that were begun: whoever writes next brings them to their end. */
const REMOVALS = ".removals.json";
const TRIAL = ".trial";
/** Of flags by number the types of Node know nothing. */
const READING = (constants.O_RDONLY | constants.O_NOFOLLOW) as unknown as string;
const LOCK_TIMEOUT_MS = 5000;
/** A record's file, as {@link fileOf} names it. */
const RECORD_FILE = /^[\w-]+(\/_[a-z]+)?\/[\w-]+\.json$/;

/** The folder of one store. */
export class StoreFolder {
  readonly path: string;
  readonly url: string;
  readonly id: string;
  readonly #openLock: () => DatabaseSync;
  #lock: DatabaseSync | undefined;

  /** @throws AshlarError `ERR_NO_STORE`, `ERR_CANNOT_OPEN`, `ERR_UNSUPPORTED`, `ERR_DENIED` */
  static async open(path: string, create: boolean): Promise<StoreFolder> {
    const { DatabaseSync } = await import("node:sqlite");
    const url = `file:${path}`;
    const openLock = () => {
      if (isLink(join(path, LOCK))) throw linked(url, LOCK);
      return guarded(url, () => new DatabaseSync(join(path, LOCK), { timeout: LOCK_TIMEOUT_MS }));
    };
    if (create && !existsSync(join(path, MARK))) {
      made(path, url);
      const database = openLock();
      locked(database, url, () => makeStore(path, url));
      database.close();
    }
    return new StoreFolder(path, url, readMark(path, url), openLock);
  }

  private constructor(path: string, url: string, id: string, openLock: () => DatabaseSync) {
    this.path = path;
    this.url = url;
    this.id = id;
    this.#openLock = openLock;
  }

  /** Runs as the only writer, of this and all other processes; waits for others up to five seconds. The system frees it when a process dies. */
  exclusively<T>(work: () => T): T {
    this.#lock ??= this.#openLock(); // who only reads needs none, and may have no right to it
    return locked(this.#lock, this.url, () => {
      this.#finishRemovals();
      return work();
    });
  }

  /** The text of a file; null when it is not there, and only then. */
  read(file: string): string | null {
    return guarded(this.url, () => {
      try {
        return readFileSync(`${this.path}/${file}`, { encoding: "utf8", flag: READING });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ELOOP") throw linked(this.url, file);
        if (!isMissing(error)) throw error;
        if (!existsSync(join(this.path, MARK))) readMark(this.path, this.url); // the whole store is gone
        return null;
      }
    });
  }

  /** Writes a file whole: until it is on the disk, what was there before stays. */
  write(file: string, text: string): void {
    guarded(this.url, () => writeWhole(this.#place(file), text, this.url));
  }

  /** Removes files, all of them even if this process ends in between. */
  remove(files: readonly string[]): void {
    const [only] = files;
    if (only === undefined) return;
    if (files.length > 1) this.write(REMOVALS, JSON.stringify(files));
    else guarded(this.url, () => unlinkQuietly(this.#place(only)));
    begun(this.url, () => this.#unlink(files)); // from here on the next writer does it
  }

  /** A repository may come from anyone: nothing but records is removed, whatever it lists. */
  #finishRemovals(): void {
    const text = this.read(REMOVALS);
    if (text === null) return;
    const files = parsed(text);
    if (!Array.isArray(files) || !files.every((file) => typeof file === "string" && RECORD_FILE.test(file)))
      throw new AshlarError(
        "ERR_CANNOT_OPEN",
        `${this.url}: the file ${REMOVALS} in it lists other things than records. Delete that file.`,
        {
          store: this.url,
        },
      );
    guarded(this.url, () => this.#unlink(files));
  }

  /** Where a file is to be changed. @throws AshlarError `ERR_DENIED` where a link on the way leads elsewhere */
  #place(file: string): string {
    for (let folder = dirname(file); folder !== "."; folder = dirname(folder))
      if (isLink(join(this.path, folder))) throw linked(this.url, folder);
    return join(this.path, file);
  }

  #unlink(files: readonly string[]): void {
    for (const file of files) unlinkQuietly(this.#place(file));
    for (const folder of new Set(files.map((file) => dirname(join(this.path, file))))) syncFolder(folder);
    unlinkQuietly(join(this.path, REMOVALS));
  }

  /** The types that there are folders of. */
  types(): string[] {
    const entries = guarded(this.url, () => readdirSync(this.path, { withFileTypes: true }));
    return entries.filter((each) => each.isDirectory() && !each.name.startsWith(".")).map(({ name }) => decoded(name));
  }

  /** When a file of a kind and type was added, replaced or removed last; undefined where there are none. */
  changed(kind: RecordKind, type: string): bigint | undefined {
    return guarded(this.url, () => statSync(join(this.path, folderOf(kind, type)), { bigint: true, throwIfNoEntry: false })?.mtimeNs);
  }

  /** The files of a kind and type, each with the name of its record; null where the name is too long to stand in the file's. */
  files(kind: RecordKind, type: string): { readonly file: string; readonly name: string | null }[] {
    const folder = folderOf(kind, type);
    const names = guarded(this.url, () => {
      try {
        return readdirSync(join(this.path, folder));
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    });
    return names
      .filter((name) => name.endsWith(".json"))
      .map((name) => ({ file: `${folder}/${name}`, name: name.startsWith("_h") ? null : decoded(name.slice(0, -".json".length)) }));
  }

  /** Tries whether the folder can be written, and changes nothing. @throws AshlarError */
  tryToWrite(): void {
    this.exclusively(() => this.write(TRIAL, ""));
    this.remove([TRIAL]);
  }

  close(): void {
    this.#lock?.close();
  }
}

function locked<T>(database: DatabaseSync, url: string, work: () => T): T {
  guarded(url, () => database.exec("BEGIN IMMEDIATE"));
  try {
    return work();
  } finally {
    database.exec("ROLLBACK"); // nothing is ever written there
  }
}

function makeStore(path: string, url: string): void {
  if (existsSync(join(path, MARK))) return; // another process was faster
  guarded(url, () => {
    writeWhole(join(path, ".gitignore"), `${[`${LOCK}*`, REMOVALS, TRIAL, "*.new"].join("\n")}\n`, url);
    writeWhole(join(path, MARK), `${JSON.stringify({ format: FORMAT, id: randomUUID() }, null, 2)}\n`, url);
  });
}

function readMark(path: string, url: string): string {
  let text: string;
  try {
    text = readFileSync(join(path, MARK), "utf8");
  } catch (error) {
    if (!isMissing(error)) throw denied(url, error);
    throw new AshlarError("ERR_NO_STORE", `There is no store at ${url}. "ashlar init --store ${url}" makes one.`, { store: url });
  }
  const mark = parsed(text) as { format?: unknown; id?: unknown } | undefined;
  if (typeof mark?.format === "number" && mark.format > FORMAT)
    throw new AshlarError(
      "ERR_UNSUPPORTED",
      `${url} was made by a newer version of Ashlar (format ${mark.format}; this one reads ${FORMAT}).`,
      {
        store: url,
      },
    );
  if (mark?.format === FORMAT && typeof mark.id === "string") return mark.id;
  throw new AshlarError("ERR_CANNOT_OPEN", `${url} has lost its identity: ${MARK} is damaged. Bring back a copy of it.`, { store: url });
}

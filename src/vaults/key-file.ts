/**
 * Writing the key file: whole or not at all, one writer at a time. Touches node:fs.
 *
 * A new content is written to a file beside it, `….new`, and then given the key file's name. The file beside it is also the lock: who cannot make
 * it waits. So nobody ever reads half a key file, and of two changes at once none is lost.
 * @module
 */
import { closeSync, constants, fchmodSync, fsyncSync, lstatSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { AshlarError } from "../errors.ts";
import { makeFolder } from "../make-folder.ts";
import { checkApart, type Key, type Keyring, keyOfLine, keyText, readKeyText } from "./keyring.ts";

const HEAD = "# Keys of an Ashlar store; the first one seals. Without them what is sealed cannot be read again: keep a copy.\n";
const WAIT_MS = 5000;

/** Path of the file that stands beside a key file while it is written. */
export function lockPath(path: string): string {
  return `${path}.new`;
}

/**
 * Writes a new key file that only its owner may read.
 * @throws AshlarError `ERR_EXISTS` when there is one: a key is never overwritten; `ERR_DENIED`; `ERR_UNREACHABLE` when it cannot be written whole.
 */
export function writeKeyFile(path: string, keys: readonly Key[], dataFolder?: string): void {
  checkApart(path, dataFolder);
  try {
    makeFolder(dirname(path), 0o700);
  } catch (error) {
    throw denied(path, error);
  }
  locked(path, (write) => {
    if (isThere(path)) throw new AshlarError("ERR_EXISTS", `There is a key file already: ${path}. It is left as it is.`);
    write(`${HEAD}${keys.map((key) => `${keyText(key)}\n`).join("")}`);
  });
}

/**
 * Changes which keys a key file holds, and their order; comments stay with the key below them.
 * @param change gives the new keys, first the one that seals; what it throws leaves the file as it is.
 * @returns the ids in their new order.
 * @throws AshlarError `ERR_NO_KEY` when there is no key file; `ERR_CONFLICT` when someone edited it meanwhile; as {@link readKeyFile} and
 * {@link writeKeyFile} do.
 */
export function changeKeyFile(path: string, dataFolder: string | undefined, change: (ring: Keyring) => readonly Key[]): string[] {
  return locked(path, (write) => {
    const current = readKeyText(path, dataFolder);
    if (!current) throw new AshlarError("ERR_NO_KEY", `There is no key file ${path}.`);
    const keys = change(current.ring);
    const text = arranged(current.text, keys);
    if (current.ring.changed())
      throw new AshlarError("ERR_CONFLICT", `The key file ${path} was edited just now: look at it and try again.`);
    write(text);
    return keys.map(({ id }) => id);
  });
}

/** The text of a key file with other keys; a comment line goes where the key below it goes. */
function arranged(text: string, keys: readonly Key[]): string {
  const parts = new Map<string, string>();
  let part = "";
  for (const [line] of text.replace(HEAD, "").matchAll(/.+\n?|\n/g)) {
    part += line.endsWith("\n") ? line : `${line}\n`;
    const id = keyOfLine(line, "the key file")?.id;
    if (id === undefined) continue;
    parts.set(id, (parts.get(id) ?? "") + part);
    part = "";
  }
  return HEAD + keys.map((key) => parts.get(key.id) ?? `${keyText(key)}\n`).join("") + part;
}

/** Runs with the lock held; `write` puts a text in the place of the key file. */
function locked<T>(path: string, work: (write: (text: string) => void) => T): T {
  const file = lock(path);
  let written = false;
  try {
    return work((text) => {
      try {
        fchmodSync(file, 0o600);
        writeSync(file, text);
        fsyncSync(file);
        renameSync(lockPath(path), path);
        written = true;
        syncFolder(dirname(path));
      } catch (error) {
        throw new AshlarError("ERR_UNREACHABLE", `The key file ${path} cannot be written (${(error as NodeJS.ErrnoException).code}).`);
      }
    });
  } finally {
    closeSync(file);
    if (!written) unlinkSync(lockPath(path)); // half a key is none
  }
}

function lock(path: string): number {
  for (const start = Date.now(); ; ) {
    try {
      return openSync(lockPath(path), "wx", 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw denied(path, error);
      if (Date.now() - start > WAIT_MS)
        throw new AshlarError(
          "ERR_UNREACHABLE",
          `The key file ${path} is being changed by another process, or one was stopped while it did: delete ${lockPath(path)} if none is at work.`,
        );
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20); // only commands come here, and they have nothing else to do
    }
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function denied(path: string, error: unknown): AshlarError {
  return new AshlarError("ERR_DENIED", `The key file ${path} cannot be written (${(error as NodeJS.ErrnoException).code}).`);
}

/** Until its folder is on the disk too, a power cut can take a new file away. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return; // folders cannot be opened there
  const folder = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

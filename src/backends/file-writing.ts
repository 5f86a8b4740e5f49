/**
 * Writing files whole, and the system's errors as ours. Touches node:fs.
 * @module
 */
import { closeSync, constants, existsSync, fsyncSync, lstatSync, openSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AshlarError, isAshlarError } from "../errors.ts";
import { makeFolder } from "../make-folder.ts";

/**
 * First beside its place and onto the disk, then into its place, then the folder onto the disk too: at no time is there half a file. Only with the
 * lock held, so that what is beside it already is nobody's work.
 */
export function writeWhole(path: string, text: string, url: string): void {
  const folder = dirname(path);
  if (!existsSync(folder)) {
    makeFolder(folder);
    syncFolder(dirname(folder));
  }
  const beside = `${path}.new`;
  unlinkQuietly(beside); // what a killed process left, or a link that leads elsewhere
  const file = openSync(beside, "wx");
  try {
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (error) {
    unlinkQuietly(beside);
    throw error;
  }
  begun(url, () => syncFolder(folder));
}

/** The rest of a change that can be seen already: when it fails, nobody knows whether the change will last. */
export function begun(url: string, work: () => void): void {
  try {
    work();
  } catch {
    throw new AshlarError(
      "ERR_OUTCOME_UNKNOWN",
      `${url} fails while it writes to the disk: whether the change will still be there is not known. Look, and repeat it if it is not.`,
      { store: url },
    );
  }
}

export function syncFolder(path: string): void {
  const folder = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

export function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(String((error as NodeJS.ErrnoException).code));
}

const RIGHTS = ["EACCES", "EPERM", "EROFS", "ELOOP"];

export function denied(url: string, error: unknown): AshlarError {
  const { code } = error as NodeJS.ErrnoException;
  return new AshlarError("ERR_DENIED", `${url} cannot be reached (${code}): check that you may read and write the folder.`, { store: url });
}

export function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

export function linked(url: string, file: string): AshlarError {
  return new AshlarError("ERR_DENIED", `${url}: ${file} in it is a link, which is not followed. Put what it stands for in its place.`, {
    store: url,
  });
}

/** The system's errors, and those of the lock, as ours. */
export function guarded<T>(url: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isAshlarError(error)) throw error;
    const { code, errcode } = error as NodeJS.ErrnoException & { errcode?: number };
    const about = { store: url };
    if (errcode === 5)
      // SQLITE_BUSY
      throw new AshlarError("ERR_UNREACHABLE", `${url} is being written by another process, and stayed so: try again.`, about);
    if (errcode === 14) throw new AshlarError("ERR_DENIED", `${url} cannot be written: check your rights to the folder.`, about);
    if (RIGHTS.includes(String(code))) throw denied(url, error);
    throw new AshlarError("ERR_UNREACHABLE", `${url} cannot be read or written (${code ?? `SQLite's code ${errcode}`}).`, about);
  }
}

/** Makes the folder of a store. */
export function made(path: string, url: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    throw new AshlarError("ERR_DENIED", `${url} cannot be made (${(error as NodeJS.ErrnoException).code}).`, { store: url });
  }
}

/**
 * Making a folder with all that are above it. Touches node:fs.
 *
 * Node's own `mkdir` with `recursive` never ends where the system says that there is no such folder although the one above it is there, as it does below
 * /proc.
 * @module
 */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder; one that is there stays as it is.
 * @param mode of each that is made. Default: what the process' umask leaves.
 * @throws the system's error, with its `code`.
 */
export function makeFolder(path: string, mode?: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw error;
    makeFolder(dirname(path), mode);
    makeFolder(path, mode);
  }
}

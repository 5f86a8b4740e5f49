/** Folders that are gone when the tests of a file are done. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Where writing waits for no disk, if the system has such a place. */
export const IN_MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const folders: string[] = [];
// Once, when this file is imported: vitest drops a hook that is asked for inside a test or another hook, without a word.
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A new, empty folder. */
export function temporaryFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, "ashlar-test-"));
  folders.push(folder);
  return folder;
}

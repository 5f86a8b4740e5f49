/** Folders that are gone when the tests of a file are done. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Where writing waits for no disk, if the system has such a place. */
export const IN_MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A new, empty folder. */
export function temporaryFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, "ashlar-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

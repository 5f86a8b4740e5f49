/** Folders that are gone when the tests of a file are done. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A new, empty folder. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * All that lies in a folder, for the suite that looks for secrets in it.
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The bytes of all files in a folder and below it. */
export async function filesIn(folder: string): Promise<Uint8Array> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  return Buffer.concat(files.map(({ parentPath, name }) => readFileSync(join(parentPath, name))));
}

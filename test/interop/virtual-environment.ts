/**
 * Python environments of the tests' own, below .cache/interop: made when something is missing in them, from the registry that pip is set up with,
 * and kept.
 * @module
 */
import { execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../.cache/interop");

/**
 * The Python of an environment that has the packages.
 *
 * @param packages as pip takes them, those with `==` checked to be there.
 * @throws Error when it cannot be made; it says what pip or Python say.
 */
export async function virtualEnvironment(name: string, packages: readonly string[]): Promise<string> {
  const folder = join(root, name);
  const python = join(folder, "bin/python");
  const pinned = packages.map((each) => each.replace(/\[.*?\]/, "").split("==")).filter(({ length }) => length === 2);
  const isThere = ([distribution = "", version]: readonly string[]) =>
    globSync(`lib/python*/site-packages/${distribution.replaceAll("-", "_")}-${version}.dist-info`, { cwd: folder }).length > 0;
  if (!pinned.every(isThere)) {
    mkdirSync(root, { recursive: true });
    if (!existsSync(python)) await run("python3", ["-m", "venv", folder]);
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages]);
  }
  return python;
}

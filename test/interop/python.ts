/**
 * The real Prefect in a Python of its own, for what stands on the other end: made when missing, from the registry that pip is set up with, and kept.
 * @module
 */
import { type ExecFileOptions, execFile } from "node:child_process";
import { hash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** FastAPI and SQLAlchemy are held back: Prefect 3.8.8 does not start with newer ones. */
const PINS = [
  "prefect==3.8.8",
  "prefect-azure==0.4.13",
  "prefect-databricks==0.4.2",
  "prefect-aws==0.7.12",
  "fastapi==0.139.2",
  "starlette==1.0.1",
  "sqlalchemy<2.1",
];

const folder = join(import.meta.dirname, "../../.cache/interop", `python-${hash("sha256", PINS.join()).slice(0, 12)}`);
let made: Promise<string> | undefined;

/**
 * The `bin` folder of a virtual environment with Prefect and its collections, as a path.
 * @throws Error when it cannot be made; it says what is missing.
 */
export function pythonBin(): Promise<string> {
  made ??= make();
  return made;
}

/** The Python of {@link pythonBin}. */
export async function python(): Promise<string> {
  return join(await pythonBin(), "python");
}

/** Runs a Python program and gives what it prints. @throws Error with what it says on standard error. */
export async function runPython(program: string, options: ExecFileOptions = {}): Promise<string> {
  const { stdout } = await run(await python(), ["-c", program], { maxBuffer: 64 * 1024 * 1024, ...options, encoding: "utf8" });
  return stdout;
}

async function make(): Promise<string> {
  const ready = join(folder, "ready");
  if (!existsSync(ready)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await makeEnvironment();
    await run(join(folder, "bin/python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PINS]);
    writeFileSync(ready, `${PINS.join("\n")}\n`);
  }
  return join(folder, "bin");
}

async function makeEnvironment(): Promise<void> {
  try {
    await run("python3", ["-m", "venv", folder]);
  } catch (error) {
    // Debian keeps pip for virtual environments in a package of its own.
    if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get"))
      throw new Error(`"python3 -m venv" fails: ${(error as Error).message}`);
    await run("apt-get", ["update", "--quiet"]);
    await run("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", "python3-venv"]);
    await run("python3", ["-m", "venv", "--clear", folder]);
  }
}

/**
 * Prefect's `profiles.toml`: which profile is active, and what it sets. Touches the file system; `smol-toml` is imported when there is a file.
 *
 * `.env`, `prefect.toml` and `pyproject.toml` of the working directory are not read: a cloned repository must not say where secrets go.
 * @module
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { AshlarError, nearest } from "../errors.ts";

/** The environment variables that are looked at. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The active profile. */
export interface Profile {
  readonly name: string;
  /** Path of `profiles.toml`, there or not. */
  readonly path: string;
  /** What it sets, by the names of environment variables, each as the text that the variable would have. */
  readonly settings: Readonly<Record<string, string>>;
}

/** The profiles that Prefect brings along; of these only `local` names a server. */
const BUILT_IN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ephemeral: {},
  local: { PREFECT_API_URL: "http://127.0.0.1:4200/api" },
  test: {},
  cloud: {},
};

/**
 * The profile that Prefect's own client would use: the one that `PREFECT_PROFILE` names, else the file's `active`, else `ephemeral`.
 * @throws AshlarError `ERR_INVALID` for a name that no profile has, and for a file that is no TOML; `ERR_DENIED` when it may not be read.
 */
export async function activeProfile(environment: Environment): Promise<Profile> {
  const path = profilesPath(environment);
  const file = await readProfiles(path);
  const name = environment.PREFECT_PROFILE || file.active || "ephemeral";
  const own = Object.hasOwn(file.profiles, name) ? file.profiles[name] : undefined;
  const builtIn = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
  if (!own && !builtIn) throw unknownProfile(name, path, environment, [...Object.keys(file.profiles), ...Object.keys(BUILT_IN)]);
  return { name, path, settings: { ...builtIn, ...own } };
}

function unknownProfile(name: string, path: string, environment: Environment, known: readonly string[]): AshlarError {
  const near = nearest(name, known);
  const by = environment.PREFECT_PROFILE ? "which PREFECT_PROFILE names" : `which ${path} calls active`;
  return new AshlarError(
    "ERR_INVALID",
    `There is no Prefect profile "${name}", ${by}. ${near === undefined ? `${path} and Prefect itself have ${[...new Set(known)].join(", ")}.` : `Did you mean "${near}"?`}`,
  );
}

/** `PREFECT_PROFILES_PATH`, in which `$PREFECT_HOME` may stand, else `profiles.toml` in Prefect's home. */
function profilesPath(environment: Environment): string {
  const home = expanded(environment.PREFECT_HOME || join("~", ".prefect"));
  return environment.PREFECT_PROFILES_PATH?.replaceAll("$PREFECT_HOME", home) || join(home, "profiles.toml");
}

function expanded(path: string): string {
  return path.replace(/^~(?=$|[/\\])/, homedir());
}

interface ProfilesFile {
  readonly active: string | undefined;
  readonly profiles: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

async function readProfiles(path: string): Promise<ProfilesFile> {
  const text = await textOf(path);
  if (text === undefined) return { active: undefined, profiles: {} };
  const { parse } = await import("smol-toml");
  let tree: Record<string, unknown>;
  try {
    tree = parse(text);
  } catch (error) {
    // The parser's message quotes the file, which holds keys.
    const { line } = error as { line?: number };
    throw new AshlarError("ERR_INVALID", `${path} is not TOML${line === undefined ? "" : `: look at line ${line}`}.`);
  }
  const profiles = isTable(tree.profiles) ? Object.entries(tree.profiles).filter((entry) => isTable(entry[1])) : [];
  return {
    active: typeof tree.active === "string" ? tree.active : undefined,
    profiles: Object.fromEntries(profiles.map(([name, settings]) => [name, asTexts(settings as Record<string, unknown>)])),
  };
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new AshlarError(code === "EACCES" || code === "EPERM" ? "ERR_DENIED" : "ERR_INVALID", `${path} cannot be read (${code}).`);
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function asTexts(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(settings).map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : String(value)]);
  return Object.fromEntries(entries);
}

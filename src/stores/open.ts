/**
 * The stores of one machine: which backend, vault and keys the URLs `memory:` and `sqlite:` mean, and where the defaults lie.
 * @module
 */
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { OpenOptions } from "../current-store.ts";
import { AshlarError } from "../errors.ts";
import type { KeySources } from "../vaults/keyring.ts";
import { sealedStore } from "./sealed.ts";
import type { Store } from "./store.ts";

/** A new, empty store in memory; secrets are not sealed, since nothing leaves the process. */
export async function openMemoryStore(options: OpenOptions): Promise<Store> {
  const [{ memoryBackend }, { memoryVault }] = await Promise.all([import("../backends/memory.ts"), import("../vaults/memory.ts")]);
  return sealedStore({ backend: memoryBackend(), vault: memoryVault(), maxBytes: options.maxBytes });
}

/** The SQLite store of a URL; its keys are looked for when the first record is sealed or opened. */
export async function openSqliteStore(url: string, options: OpenOptions): Promise<Store> {
  const path = sqlitePath(url);
  const [{ sqliteBackend }, { sodiumVault }, { findKeyring }] = await Promise.all([
    import("../backends/sqlite.ts"),
    import("../vaults/sodium.ts"),
    import("../vaults/keyring.ts"),
  ]);
  const backend = await sqliteBackend({ path, create: options.create });
  const sources = { ...keySources(path, () => backend.storeId()), keys: options.keys };
  const vault = await sodiumVault((needed) => findKeyring(sources, needed));
  return sealedStore({ backend, vault, maxBytes: options.maxBytes });
}

/** Where the keys of the SQLite store at a path are looked for. */
export function keySources(path: string, storeId: () => Promise<string>): KeySources {
  return { keyFile: keyFilePath(), dataFolder: dirname(path), storeId };
}

/** The absolute path that a `sqlite:` URL names. @throws AshlarError `ERR_INVALID` for a URL with a host or a query. */
export function sqlitePath(url: string): string {
  const rest = url.slice("sqlite:".length);
  if (rest === "") return join(folders().data, "ashlar.db");
  if (rest.startsWith("//") && !rest.startsWith("///"))
    throw new AshlarError("ERR_INVALID", `A SQLite store is a file of this machine, "sqlite:PATH"; this URL names a host.`);
  if (rest.includes("?")) throw new AshlarError("ERR_INVALID", `A SQLite store's URL has no options: "sqlite:PATH".`);
  return resolve(rest.replace(/^\/\/+/, "/"));
}

/** Path of the key file: `ASHLAR_KEY_FILE`, else `keys` in the user's configuration folder. */
export function keyFilePath(): string {
  return resolve(process.env.ASHLAR_KEY_FILE || join(folders().config, "keys"));
}

/** The user's folders for data and configuration, never the same one: XDG's, and what macOS and Windows use. */
function folders(): { data: string; config: string } {
  const home = homedir();
  if (process.platform === "darwin")
    return { data: join(home, "Library", "Application Support", "ashlar"), config: join(home, "Library", "Preferences", "ashlar") };
  if (process.platform === "win32") {
    const { LOCALAPPDATA = join(home, "AppData", "Local"), APPDATA = join(home, "AppData", "Roaming") } = process.env;
    return { data: join(LOCALAPPDATA, "ashlar", "Data"), config: join(APPDATA, "ashlar", "Config") };
  }
  const { XDG_DATA_HOME, XDG_CONFIG_HOME } = process.env;
  return {
    data: join(XDG_DATA_HOME || join(home, ".local", "share"), "ashlar"),
    config: join(XDG_CONFIG_HOME || join(home, ".config"), "ashlar"),
  };
}

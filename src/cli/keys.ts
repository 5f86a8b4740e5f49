/**
 * Which keys a store is sealed with, for the commands that look after them. Touches keyring.ts and open.ts.
 * @module
 */
import { AshlarError, isAshlarError } from "../errors.ts";
import { keySourcesOf, splitVault } from "../stores/open.ts";
import type { Maintenance } from "../stores/store.ts";
import { findKeyring, type Keyring } from "../vaults/keyring.ts";
import type { Session } from "./session.ts";

/** The keys of a store and where they can be changed. */
export interface Keys {
  readonly ring: Keyring;
  /** Whether they stand in `ASHLAR_KEYS` or in the Key Vault that it names, in a file, or come from a passphrase. */
  readonly kind: "environment" | "file" | "passphrase";
  /** Path of the key file, there or not. */
  readonly file: string;
  readonly dataFolder: string | undefined;
}

/**
 * The keys that the store's users would find, looked for as they do; works without a store, unless they come from a passphrase.
 * @param needed ids that records ask for.
 * @throws AshlarError as {@link findKeyring}; `ERR_INVALID` for a store without keys.
 */
export async function findKeys(session: Session, needed: readonly string[] = []): Promise<Keys> {
  const { vault } = splitVault(session.url);
  if (vault !== undefined)
    throw new AshlarError("ERR_INVALID", `The secrets are kept by ${vault}, which has keys of its own: there is none to look after.`);
  if (session.url.startsWith("memory:")) throw new AshlarError("ERR_INVALID", "A store of memory seals nothing: it has no keys.");
  if (isBehindServer(session.url)) throw new AshlarError("ERR_INVALID", SERVER_HAS_KEYS);
  const sources = await keySourcesOf(session.url);
  const ring = await findKeyring(sources, needed);
  const kind = process.env.ASHLAR_KEYS ? "environment" : ring.fromPassphrase ? "passphrase" : "file";
  return { ring, kind, file: sources.keyFile, dataFolder: sources.dataFolder };
}

/** Whether a URL names a store that a server keeps, with keys of its own. */
export function isBehindServer(url: string): boolean {
  return /^(prefect\+)?https?:|^prefect:/.test(url);
}

/** What is said of such a store. */
export const SERVER_HAS_KEYS =
  "A server looks after its store and keys itself: run this where it runs, with the store that it stands before.";

/** Id of each key that records are sealed with → how many; null when there is no store. */
export async function keysInUse(session: Session): Promise<ReadonlyMap<string, number> | null> {
  try {
    return await (await maintenance(session)).keysInUse();
  } catch (error) {
    if (isAshlarError(error, "ERR_NO_STORE")) return null;
    throw error;
  }
}

/** What the store offers to those who look after it. @throws AshlarError `ERR_UNSUPPORTED` when that is nothing. */
export async function maintenance(session: Session): Promise<Maintenance> {
  const store = await session.store();
  if (store.maintenance) return store.maintenance;
  throw new AshlarError("ERR_UNSUPPORTED", `${store.url} is not sealed by Ashlar: it has no keys to look after.`, { store: store.url });
}

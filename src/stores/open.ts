/**
 * Opening a sealed store by URL: its backend, its vault and its keys. Touches the contracts and the vaults; a backend is imported when it is asked
 * for, as libsodium is by its vault.
 *
 * The scheme of a URL is the name of the backend's file, so that a new backend is a file and nothing else.
 * @module
 */
import type { Backend, BackendModule } from "../backends/backend.ts";
import type { OpenOptions } from "../current-store.ts";
import { AshlarError, isAshlarError } from "../errors.ts";
import { isPrefectUrl } from "../prefect/url.ts";
import { keyFilePath } from "../user-folders.ts";
import { findKeyring, type KeySources } from "../vaults/keyring.ts";
import { memoryVault } from "../vaults/memory.ts";
import { sodiumVault } from "../vaults/sodium.ts";
import { sealedStore } from "./sealed.ts";
import type { Store } from "./store.ts";

/** Opens the store that a URL names; its keys are looked for when the first record is sealed or opened. */
export async function openSealedStore(url: string, options: OpenOptions): Promise<Store> {
  const module = await backendModule(url);
  const backend = await module.openBackend(url, { create: options.create });
  try {
    return sealedStore({ backend, vault: await openVault(backend, module.folderOf?.(url), options), maxBytes: options.maxBytes });
  } catch (error) {
    await backend.close();
    throw error;
  }
}

/** What is gone with the process is not sealed; all else is, with the keys of this machine. */
async function openVault(backend: Backend, folder: string | undefined, { keys }: OpenOptions) {
  if (backend.volatile) return memoryVault();
  const sources: KeySources = { keyFile: keyFilePath(), dataFolder: folder, storeId: () => backend.storeId(), keys };
  return sodiumVault((needed) => findKeyring(sources, needed));
}

/** The backend of a store's URL. @throws AshlarError `ERR_INVALID` for a URL of no known scheme; the URL is not repeated: it may hold a password. */
async function openBackend(url: string, options: Parameters<BackendModule["openBackend"]>[1] = {}): Promise<Backend> {
  return (await backendModule(url)).openBackend(url, options);
}

/** Where the keys of a sealed store are looked for; opens it only if they come from a passphrase. */
export async function keySourcesOf(url: string): Promise<KeySources> {
  if (isPrefectUrl(url))
    throw new AshlarError(
      "ERR_INVALID",
      "A Prefect server keeps secrets under a key of its own: there are no keys of Ashlar's to look after.",
    );
  const { folderOf } = await backendModule(url);
  const storeId = async () => {
    const backend = await openBackend(url);
    try {
      return await backend.storeId();
    } finally {
      await backend.close();
    }
  };
  return { keyFile: keyFilePath(), dataFolder: folderOf?.(url), storeId };
}

async function backendModule(url: string): Promise<BackendModule> {
  const scheme = /^([a-z][a-z0-9-]*):/.exec(url)?.[1]?.replace(/^postgresql$/, "postgres");
  if (scheme !== undefined) {
    try {
      const module = (await import(`../backends/${scheme}.ts`)) as Partial<BackendModule>;
      if (module.openBackend) return module as BackendModule;
    } catch (error) {
      if (isAshlarError(error)) throw error; // no other error comes of a file that is there: it imports what may be missing later
    }
  }
  throw new AshlarError(
    "ERR_INVALID",
    `A store is named by a URL such as "sqlite:PATH"; ${scheme === undefined ? "this has no scheme" : `"${scheme}:" is no scheme that is known`}. The README lists them, under "Stores and keys".`,
  );
}

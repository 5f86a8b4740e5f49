/**
 * Opening a sealed store by URL: its backend, its vault and its keys. Touches the contracts and the vaults; a backend is imported when it is asked
 * for, as libsodium is by its vault.
 *
 * The scheme of a URL is the name of the backend's file, so that a new backend is a file and nothing else. `?vault=https://NAME.vault.azure.net` may
 * stand in any of them: the backend is not told.
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
  const { place, vault } = splitVault(url);
  const module = await backendModule(place);
  const backend = await module.openBackend(place, { create: options.create });
  try {
    const sealing = vault === undefined ? await openVault(backend, module.folderOf?.(place), options) : await openKeyVault(vault, backend);
    return sealedStore({ backend, vault: sealing, maxBytes: options.maxBytes });
  } catch (error) {
    await backend.close();
    throw error;
  }
}

/**
 * A store's URL without its vault, and the vault's URL; undefined where the keys of this machine seal.
 * @throws AshlarError `ERR_INVALID` for what is no vault, without repeating it.
 */
export function splitVault(url: string): { readonly place: string; readonly vault: string | undefined } {
  const [, given] = /[?&]vault=([^&#]*)/.exec(url) ?? [];
  if (given === undefined) return { place: url, vault: undefined };
  const place = url.replace(/([?&])vault=[^&#]*(&?)/, (_whole, before: string, after: string) => (after === "" ? "" : before));
  const vault = URL.parse(given.replaceAll("%3A", ":").replaceAll("%2F", "/"));
  if (vault?.protocol === "https:" && vault.href === `${vault.origin}/`) return { place, vault: vault.origin };
  throw new AshlarError("ERR_INVALID", "A vault is named in a store's URL by ?vault=https://NAME.vault.azure.net, and nothing else.");
}

async function openKeyVault(url: string, store: Backend) {
  const { azureKeyVault } = await import("../vaults/azure-key-vault.ts");
  return azureKeyVault({ vault: { url }, store });
}

/** What is gone with the process is not sealed; all else is, with the keys of this machine. */
async function openVault(backend: Backend, folder: string | undefined, { keys }: OpenOptions) {
  if (backend.volatile) return memoryVault();
  const sources: KeySources = { keyFile: keyFilePath(), dataFolder: folder, storeId: () => backend.storeId(), keys };
  return sodiumVault((needed) => findKeyring(sources, needed));
}

/** Where the keys of a sealed store are looked for; opens it only if they come from a passphrase. */
export async function keySourcesOf(url: string): Promise<KeySources> {
  if (isPrefectUrl(url))
    throw new AshlarError(
      "ERR_INVALID",
      "A Prefect server keeps secrets under a key of its own: there are no keys of Ashlar's to look after.",
    );
  const { folderOf, openBackend } = await backendModule(url);
  const storeId = async () => {
    const backend = await openBackend(url, {});
    try {
      return await backend.storeId();
    } finally {
      await backend.close();
    }
  };
  return { keyFile: keyFilePath(), dataFolder: folderOf?.(url), storeId };
}

/** The backend of a store's URL. @throws AshlarError `ERR_INVALID` for one of no known scheme; it is not repeated: it may hold a password. */
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

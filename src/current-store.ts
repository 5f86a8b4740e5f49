/**
 * Which store a load or save goes to when none is named, and opening stores by URL. Loads backends and vaults only when asked for.
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { isPrefectUrl } from "./prefect/url.ts";
import { shared } from "./shared.ts";
import type { Store } from "./stores/store.ts";

interface Current {
  readonly scope: AsyncLocalStorage<Store>;
  used: Store | undefined;
  fromEnvironment: { url: string; store: Promise<Store> } | undefined;
}
const current = shared<Current>("current-store", () => ({ scope: new AsyncLocalStorage(), used: undefined, fromEnvironment: undefined }));

/** Options of {@link openStore}. */
export interface OpenOptions {
  /** Make the store if there is none. Default false: `ERR_NO_STORE`. A key is never made: `ashlar init` does that. */
  readonly create?: boolean | undefined;
  /** Keys, in place of `ASHLAR_KEYS`, key file and passphrase: texts `ashlarkey1_…`, the first one seals. */
  readonly keys?: readonly string[] | undefined;
  /** Largest document in bytes, both halves as JSON. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** Of a server's store: take an address of plain `http` that is not this machine's. Default: whether `ASHLAR_ALLOW_PLAIN_HTTP` is `1`. */
  readonly allowPlainHttp?: boolean | undefined;
  /** Of `https://` stores: the access token. Default: that of `ASHLAR_TOKEN`. */
  readonly token?: string | undefined;
  /** Of `prefect:` stores: tell the server of each load by an event, as Python's client does. Default false. */
  readonly loadEvents?: boolean | undefined;
}

/**
 * Opens a store by URL: `sqlite:PATH` (a file; `sqlite:` alone is the default place), `memory:` (a new, empty one each time), `prefect:` (the server
 * that Prefect's own settings name) or `prefect+https://HOST/api`, or `https://HOST` (a server of Ashlar, `http` on this machine).
 *
 * @throws AshlarError `ERR_NO_STORE` when there is none at that place; `ERR_INVALID` for an unknown URL. Keys are asked for on first need.
 */
export async function openStore(url: string, options: OpenOptions = {}): Promise<Store> {
  if (isPrefectUrl(url)) {
    const { openPrefectStore } = await import("./stores/prefect.ts");
    return openPrefectStore(url, options);
  }
  if (/^https?:/.test(url)) {
    const { openHttpStore } = await import("./stores/http.ts");
    return openHttpStore(url, options);
  }
  const { openSealedStore } = await import("./stores/open.ts");
  return openSealedStore(url, options);
}

/** Makes a store the current one for the whole process; `undefined` goes back to `ASHLAR_STORE` or the default. */
export function useStore(store: Store | undefined): void {
  current.used = store;
}

/** Runs a function with a store as the current one, in it and in all it awaits. */
export function withStore<T>(store: Store, run: () => T): T {
  return current.scope.run(store, run);
}

/**
 * The store that is used when none is named: one given by {@link withStore}, else by {@link useStore}, else the one that `ASHLAR_STORE` names,
 * else the SQLite store in the user's data folder. The last two are opened once and kept open.
 */
export async function currentStore(): Promise<Store> {
  const given = current.scope.getStore() ?? current.used;
  if (given) return given;
  const url = process.env.ASHLAR_STORE || "sqlite:";
  if (current.fromEnvironment?.url !== url) {
    const store = openStore(url);
    current.fromEnvironment = { url, store };
    store.catch(() => {
      if (current.fromEnvironment?.store === store) current.fromEnvironment = undefined; // the next call tries again
    });
  }
  return current.fromEnvironment.store;
}

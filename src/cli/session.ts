/**
 * What every command gets: which store is meant, opened on first need, and whether JSON is wanted. Touches current-store.ts.
 * @module
 */
import { type OpenOptions, openStore } from "../current-store.ts";
import { AshlarError, nearest } from "../errors.ts";
import type { BlockType, Store } from "../stores/store.ts";

/** One call of the command line. */
export interface Session {
  /** The store's URL as given: `--store`, else `ASHLAR_STORE`, else the default. */
  readonly url: string;
  /** The same as it may be shown: without user and password. */
  readonly place: string;
  readonly json: boolean;
  /** The store, opened at the first call and as that one says. @throws AshlarError as {@link openStore} does */
  store(options?: OpenOptions): Promise<Store>;
  close(): Promise<void>;
}

/** Starts a session; opens nothing yet. */
export function openSession(options: { readonly url?: string | undefined; readonly json?: boolean | undefined }): Session {
  const url = options.url ?? (process.env.ASHLAR_STORE || "sqlite:");
  let opened: Promise<Store> | undefined;
  return {
    url,
    place: url.replace(/^(?!sqlite:|file:)([a-z0-9-]+:\/*).*@/s, "$1"),
    json: options.json === true,
    store: (how) => (opened ??= openStore(url, how)),
    close: async () => (await opened?.catch(() => undefined))?.close(),
  };
}

/** The error for a slug that no registered type has, with the nearest one that there is. */
export function unknownType(slug: string, types: readonly BlockType[], store: Store): AshlarError {
  const near = nearest(
    slug,
    types.map((type) => type.slug),
  );
  const next =
    near !== undefined
      ? `Did you mean "${near}"?`
      : types.length === 0
        ? 'It knows none: "ashlar register FILE" makes the block classes of a file known.'
        : '"ashlar type ls" lists those it knows; "ashlar register FILE" adds more.';
  return new AshlarError("ERR_UNKNOWN_TYPE", `${store.url} knows no block type "${slug}". ${next}`, { type: slug, store: store.url });
}

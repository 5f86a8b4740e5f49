/**
 * The contract of a backend: where records rest. Types only. A backend never sees a secret: what is secret comes sealed.
 *
 * Types, schemas, documents and access tokens are records of one form, told apart by `kind`. (kind, type, name) is unique. Every method rejects with an
 * `AshlarError`; "not there" is an empty answer, and only that.
 * @module
 */
import type { JsonObject } from "../json.ts";
import type { Reference } from "../stores/store.ts";

/** What a record describes; `anonymous`: a document that nobody gave a name, which lists of documents leave out. */
export type RecordKind = "document" | "anonymous" | "type" | "schema" | "token";

/** A record at rest. All of it but `sealed` is readable, and bound to `sealed`: change any part and it does not open. */
export interface StoredRecord {
  readonly id: string;
  readonly kind: RecordKind;
  readonly type: string;
  readonly name: string;
  /** Checksum of the document's schema; empty for other kinds. */
  readonly schema: string;
  readonly data: JsonObject;
  readonly references: Readonly<Record<string, Reference>>;
  readonly secrets: Readonly<Record<string, { readonly changed: string }>>;
  /** The vault's token for the secret half. */
  readonly sealed: string;
  readonly revision: number;
  readonly created: string;
  readonly updated: string;
  readonly updatedBy: string;
  /**
   * The readable half cannot be read any more: only `id`, `kind`, `type`, `name` and `revision` count, the rest is empty. So that it can still
   * be listed, replaced and removed. Default: it is whole.
   */
  readonly damaged?: true | undefined;
}

/** Names one record. */
export type RecordKey = { readonly kind: RecordKind; readonly type: string; readonly name: string } | { readonly id: string };

/** The contract. What it gives is the caller's to read only: changing it changes nothing at rest; what is frozen is what is held. After `close`, all reject with `ERR_UNREACHABLE`. */
export interface Backend {
  /** Where it is, as a URL without credentials. */
  readonly url: string;

  /** Whether records are gone with this process, so that nothing needs to be sealed. Default false. */
  readonly volatile?: true | undefined;

  /** Whether people edit the readable half of its records, so that an edit is to be told from damage. Default false. */
  readonly editable?: true | undefined;

  /** Identity of the store, made when the store was; bound into every sealed record. @throws AshlarError `ERR_NO_STORE` */
  storeId(): Promise<string>;

  /**
   * A text that is another one after each change by anybody, where finding that out costs far less than reading: then what was read need not be read
   * again while it stays. Default: it cannot be found out.
   */
  stamp?(): Promise<string>;

  /** The record, or null. */
  get(key: RecordKey): Promise<StoredRecord | null>;

  /**
   * The record and all it refers to, in any order, each once; empty when it is not there. A record referred to and gone is left out.
   * References are followed at least {@link MAX_REFERENCE_DEPTH} deep and one more, so that the caller can tell. Who waits for nothing answers at
   * once, and throws at once.
   */
  graph(key: RecordKey): Promise<readonly StoredRecord[]> | readonly StoredRecord[];

  /** The records of these ids, in any order; one that is not there is left out. */
  getMany(ids: readonly string[]): Promise<readonly StoredRecord[]>;

  /**
   * Writes a record if what is there has the revision `expected`; null: if nothing has its kind, type and name. These, and the id, never change; the revision may stay.
   * One step: of two writers with one expectation, one wins.
   * @throws AshlarError `ERR_CONFLICT` with `expected` and `actual` (null: gone); `ERR_EXISTS` for an expectation of null;
   * `ERR_BROKEN_REFERENCE` when what it refers to is not there.
   */
  put(record: StoredRecord, expected: number | null): Promise<void>;

  /**
   * Removes all of them or none.
   * @throws AshlarError `ERR_CONFLICT` when one has another revision or is gone; `ERR_REFERENCED` when a record not among them refers to one.
   */
  remove(records: readonly { readonly id: string; readonly revision: number }[]): Promise<void>;

  /** The records that refer to a record directly, in order of type and name. */
  referrers(id: string): Promise<readonly StoredRecord[]>;

  /** Records of a kind in order of type and name (by bytes), after a place, at most `limit`. */
  list(query: {
    kind: RecordKind;
    type?: string | undefined;
    after?: { type: string; name: string } | undefined;
    limit: number;
  }): Promise<readonly StoredRecord[]>;

  /** The places of records as {@link Backend.list} gives them, and nothing else of them. */
  names(query: {
    kind: RecordKind;
    type?: string | undefined;
    after?: { type: string; name: string } | undefined;
    limit: number;
  }): Promise<readonly { readonly type: string; readonly name: string }[]>;

  /** All records, of every kind and damaged ones too, in order of id, after an id, at most `limit`. */
  scan(query: { after?: string | undefined; limit: number }): Promise<readonly StoredRecord[]>;

  /** Looks for damage that records do not show, of the file or the indexes, and whether it can be written; changes nothing. @returns what is wrong, in sentences; empty when nothing is. */
  check(): Promise<readonly string[]>;

  /** Lets go of files and connections; may be called twice. */
  close(): Promise<void>;
}

/** What a backend's file exports: the scheme of a store's URL is the file's name, so that `postgres://…` is opened by `postgres.ts`. */
export interface BackendModule {
  /**
   * Opens what a URL names.
   * @param url the store's URL without what concerns the vault.
   * @param options `create`: make it if it is not there. Default false.
   * @throws AshlarError `ERR_INVALID` for a URL of another form, without repeating it: it may hold a password; `ERR_NO_STORE`, and as each says.
   */
  openBackend(url: string, options: { readonly create?: boolean | undefined }): Promise<Backend>;
  /** Folder of this machine where the data lies: no key may lie there. Left out where the data lies elsewhere. */
  folderOf?(url: string): string;
}

/** How deep documents may refer to documents. Prefect's bound (protocol.md §4.2). */
export const MAX_REFERENCE_DEPTH = 50;

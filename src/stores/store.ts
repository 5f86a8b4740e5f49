/**
 * The contract of a store: what blocks load and save through. Types only.
 *
 * A store speaks documents with their secrets in clear, inside `Secret`, in memory only. Every method rejects with an `AshlarError`; a failure
 * is never told as an absence: `ERR_NOT_FOUND` means that the store was asked and does not have it.
 * @module
 */
import type { AshlarError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Secret } from "../secret.ts";
import type { DerivedKey } from "../vaults/vault.ts";
import type { AccessTokens } from "./access-tokens.ts";

/** Names one document: by its type's slug and its name, or by id. */
export type DocumentKey = { readonly type: string; readonly name: string } | { readonly id: string };

/** A pointer to another document. `id` is its identity; type and name tell people. */
export interface Reference {
  readonly id: string;
  readonly type: string;
  readonly name: string;
}

/** What a document is, besides its values. */
interface DocumentHead {
  /** Identity, a UUID; stays as long as the document does. */
  readonly id: string;
  /** Slug of the block type. */
  readonly type: string;
  /** Name, unique in its type. */
  readonly name: string;
  /** Whether nobody gave it its name: lists leave it out. Default: somebody did. */
  readonly anonymous?: true | undefined;
  /** Checksum of the schema it was written with; empty where the store was not told. */
  readonly schema: string;
  /** Version of that schema, where it was told and is not `non-versioned`: one checksum can stand in several versions. Default: none. */
  readonly version?: string | undefined;
  /** The public values by key; null stands where a secret or a reference is. */
  readonly data: JsonObject;
  /** JSON pointer → the document referred to there. */
  readonly references: Readonly<Record<string, Reference>>;
  /** How often it was written, from 1; null where the store counts none. */
  readonly revision: number | null;
  /** ISO time, UTC; empty where the store was not told, as Prefect does not for what a loaded document refers to. */
  readonly created: string;
  /** See `created`. */
  readonly updated: string;
  /** Who wrote it last, as far as the store knows; a name, not a proof; empty where it does not know. */
  readonly updatedBy: string;
}

/** A document without its secrets: readable without any key. */
export interface MaskedDocument extends DocumentHead {
  /** JSON pointer of each secret → when it last changed; null where the store does not know. */
  readonly secrets: Readonly<Record<string, { readonly changed: string | null }>>;
  /** The record at rest is damaged: only id, type, name and revision could be read. Default: it is whole, as far as can be seen without a key. */
  readonly damaged?: true | undefined;
  /**
   * JSON pointers of references that lead where the caller may not look: then data, references and secrets are left out, and reading it alone is
   * `ERR_DENIED`. Only of a server with access tokens. Default: none.
   */
  readonly denied?: readonly string[] | undefined;
}

/** A document with its secrets, in memory. */
export interface Document extends DocumentHead {
  /** JSON pointer of each secret → its value. */
  readonly secrets: Readonly<Record<string, Secret<Json>>>;
}

/** A document to be written. */
export interface Draft {
  readonly type: string;
  readonly name: string;
  /** Whether the name was made for it. Default false. Stays what it was when a document is replaced. */
  readonly anonymous?: true | undefined;
  readonly schema: string;
  /** Version of that schema, for stores that tell them apart. Default: none. */
  readonly version?: string | undefined;
  readonly data: JsonObject;
  readonly references: Readonly<Record<string, Reference>>;
  readonly secrets: Readonly<Record<string, Secret<Json>>>;
}

/** On what condition a document is written. */
export interface WriteCondition {
  /** Replace what has the name, whatever it is now. Default false: only create. */
  readonly overwrite?: boolean | undefined;
  /** Replace only that revision. */
  readonly ifRevision?: number | undefined;
  /** Who writes, for `updatedBy`, where a server knows better than the store. Default: the store's own idea; a store that asks its own server has none. */
  readonly by?: string | undefined;
}

/** What a server knows of a block class. */
export interface BlockType {
  readonly slug: string;
  readonly name: string;
  readonly description: string | null;
  readonly logoUrl: string | null;
  readonly documentationUrl: string | null;
  readonly codeExample: string | null;
  /** Whether it is one of the system's own, which cannot be deleted. Default false. */
  readonly protected?: true | undefined;
}

/** What a store adds to what it was given. */
interface Stored {
  /** Identity, a UUID. */
  readonly id: string;
  /** ISO time, UTC. */
  readonly created: string;
  /** ISO time, UTC. */
  readonly updated: string;
}

/** A block type as a store holds it. */
export interface StoredType extends BlockType, Stored {}

/** One version of a class's schema. */
export interface BlockSchema {
  /** `sha256:…`, of the fields. */
  readonly checksum: string;
  /** Slug of its type. */
  readonly type: string;
  /** Version of the package that declares the class, or `non-versioned`. */
  readonly version: string;
  readonly capabilities: readonly string[];
  /** The schema as JSON text, since a number's form counts (`1.0` is not `1`). */
  readonly fields: string;
}

/** A schema as a store holds it. */
export interface StoredSchema extends BlockSchema, Stored {}

/** Names one schema: by id, or by checksum and version; without a version the newest of that checksum, without a checksum the type's newest. */
export type SchemaKey =
  | { readonly id: string }
  | { readonly type: string; readonly checksum?: string | undefined; readonly version?: string | undefined };

/** What a registration did. */
export interface Registered {
  /** Slug of the type. */
  readonly type: string;
  readonly checksum: string;
  /** Whether the type was new, its metadata changed, or neither. */
  readonly change: "created" | "updated" | "unchanged";
  /** Whether the schema was new to the store. */
  readonly newSchema: boolean;
}

/** Which documents to list, in order of type and name. */
export interface ListQuery {
  /** Slug; default all types. */
  readonly type?: string | undefined;
  /** The anonymous documents in place of those with a name. Default false. */
  readonly anonymous?: boolean | undefined;
  /** Where the page before ended. */
  readonly after?: { readonly type: string; readonly name: string } | undefined;
  /** At most so many; default 1,000. */
  readonly limit?: number | undefined;
}

/** One item of a page: a document with all that it refers to, or why it cannot be loaded. */
export interface LoadedItem {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly documents?: readonly Document[] | undefined;
  readonly error?: AshlarError | undefined;
}

/** Something that is wrong with a store, and how to mend it. */
export interface Finding {
  /** What it concerns, as `slug/name`; empty for the store as a whole. */
  readonly where: string;
  /** What is wrong, and what to do, in sentences. */
  readonly message: string;
}

/** What a store offers whose records people edit where they rest, as files in a repository. */
export interface Edits {
  /**
   * What a document was when it was sealed and what it is now, secrets included; null when it was not edited. A secret whose place is gone is gone.
   * @throws AshlarError `ERR_INVALID` when its name or id was changed, or a secret stands there in clear; `ERR_CANNOT_OPEN` when the seal was changed.
   */
  find(key: { readonly type: string; readonly name: string }): Promise<{ readonly before: Document; readonly after: Document } | null>;
  /** Seals a document as it is now. @throws AshlarError as {@link Edits.find}; `ERR_CONFLICT`, `ERR_BROKEN_REFERENCE` */
  accept(key: { readonly type: string; readonly name: string }): Promise<MaskedDocument>;
}

/** What a store that seals records offers to those who look after it. */
export interface Maintenance {
  /** Id of each key that records are sealed with → how many; asks for no key. */
  keysInUse(): Promise<ReadonlyMap<string, number>>;
  /**
   * Seals anew every record that another key than the first one sealed, by compare-and-swap, while readers and writers go on. Can be stopped and
   * begun again: what is done stays done.
   * @param options `onProgress` is told how many records were looked at, and of how many; `signal` stops after the record at hand.
   * @returns how many were sealed anew, and what could not be opened.
   */
  reseal(options?: {
    readonly onProgress?: ((done: number, total: number) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<{ readonly resealed: number; readonly failed: readonly Finding[] }>;
  /**
   * Looks at every record, opens it and looks it up; tries whether the store can be written, and changes nothing.
   * @param options `open: false` leaves out what needs a key. Default true.
   * @returns all that is wrong; empty when nothing is.
   */
  check(options?: { readonly open?: boolean | undefined }): Promise<readonly Finding[]>;
  /**
   * A key of this store for another purpose than sealing: derived by its vault, else a random one that is kept under its seal.
   * @param key id of the key; default the one that is used now.
   * @throws AshlarError `ERR_UNKNOWN_KEY`; what the vault throws.
   */
  derive(purpose: string, key?: string): Promise<DerivedKey>;
}

/** The contract. */
export interface Store {
  /** Where it is, as a URL without credentials. */
  readonly url: string;

  /**
   * A text that is another one after each change by anybody, where finding that out costs far less than reading: then what was read need not be read
   * again while it stays. Default: it cannot be found out.
   */
  readonly stamp?: (() => Promise<string>) | undefined;

  /**
   * The document and every document it refers to, at any depth: the asked one first, each once. One that is referred to and gone is left out.
   * A store that waits for nothing answers at once; a failure is a rejection, always.
   * @param since what {@link Store.stamp} gave a moment ago: what was read since it gave that is new enough. Default: it is read now.
   * @throws AshlarError `ERR_NOT_FOUND`; what the vault throws.
   */
  load(key: DocumentKey, since?: string): Promise<readonly Document[]> | readonly Document[];

  /**
   * A page of documents in order of type and name, each as {@link Store.load} gives it, in a number of reads that does not grow with the page.
   * Where one cannot be opened, its error stands in its place.
   */
  loadPage(query?: ListQuery): Promise<readonly LoadedItem[]>;

  /** Several documents by id, in their order, each as {@link Store.load} gives it; one that is not there is left out. */
  loadMany(ids: readonly string[]): Promise<readonly LoadedItem[]>;

  /** One document without its secrets and without asking for any key. @throws AshlarError `ERR_NOT_FOUND` */
  inspect(key: DocumentKey): Promise<MaskedDocument>;

  /** Documents by id and all that they refer to, in any order, each once, without secrets or keys; what is not there is left out. */
  inspectMany(ids: readonly string[]): Promise<readonly MaskedDocument[]>;

  /**
   * Writes one document and gives it back without secrets. A document without a condition is created; its name may not be that of an anonymous one.
   * @throws AshlarError `ERR_EXISTS` when the name is taken and no condition was given; `ERR_CONFLICT` with both revisions when `ifRevision` is
   * not what is there; `ERR_CYCLE`, `ERR_BROKEN_REFERENCE`, `ERR_LIMIT`; `ERR_UNSUPPORTED` for what the store cannot keep;
   * `ERR_OUTCOME_UNKNOWN` when the store's answer was lost.
   */
  save(draft: Draft, condition?: WriteCondition): Promise<MaskedDocument>;

  /**
   * Deletes one document; with `cascade` also all that refer to it, at any distance.
   * @returns what was deleted.
   * @throws AshlarError `ERR_NOT_FOUND`; `ERR_REFERENCED`, which names who refers to it; `ERR_CONFLICT`.
   */
  delete(
    key: DocumentKey,
    options?: { readonly cascade?: boolean | undefined; readonly ifRevision?: number | undefined },
  ): Promise<readonly Reference[]>;

  /** A page of documents without their secrets; a record that cannot be opened is listed like any other. */
  list(query?: ListQuery): Promise<readonly MaskedDocument[]>;

  /** The names of all documents, or of those of a type, in order of type and name. */
  names(query?: {
    readonly type?: string | undefined;
    readonly anonymous?: boolean | undefined;
  }): Promise<readonly { readonly type: string; readonly name: string }[]>;

  /**
   * Makes a type known; one that is known already stays as it is.
   * @param options `update` writes changed metadata over it.
   */
  saveType(
    type: BlockType,
    options?: { readonly update?: boolean | undefined },
  ): Promise<{ readonly type: StoredType; readonly change: Registered["change"] }>;

  /**
   * Makes a schema of a known type known; one of the same checksum and version stays as it is.
   * @throws AshlarError `ERR_UNKNOWN_TYPE`
   */
  saveSchema(schema: BlockSchema): Promise<{ readonly schema: StoredSchema; readonly created: boolean }>;

  /** A type, or null. */
  type(key: { readonly slug: string } | { readonly id: string }): Promise<StoredType | null>;

  /** All types, by slug. */
  types(): Promise<readonly StoredType[]>;

  /** A schema, or null. @throws AshlarError `ERR_CANNOT_OPEN` when it was changed. */
  schema(key: SchemaKey): Promise<StoredSchema | null>;

  /** All schemas, or those of a type, the newest first; those that were changed are left out. */
  schemas(query?: { readonly type?: string | undefined }): Promise<readonly StoredSchema[]>;

  /**
   * Deletes a type and its schemas; with `cascade` also its documents.
   * @returns the documents that were deleted.
   * @throws AshlarError `ERR_NOT_FOUND`; `ERR_PROTECTED`; `ERR_REFERENCED` while it has documents, or, with `cascade`, while documents of other
   * types refer to them.
   */
  deleteType(slug: string, options?: { readonly cascade?: boolean | undefined }): Promise<readonly Reference[]>;

  /**
   * Deletes a schema; with `cascade` also the documents that were saved under it.
   * @returns the documents that were deleted.
   * @throws AshlarError `ERR_NOT_FOUND`; `ERR_PROTECTED` for one of a protected type; `ERR_REFERENCED` while documents were saved under it and no
   * other schema has its checksum.
   */
  deleteSchema(id: string, options?: { readonly cascade?: boolean | undefined }): Promise<readonly Reference[]>;

  /** For those who look after a store that seals records; undefined where there is nothing of the kind. */
  readonly maintenance?: Maintenance | undefined;

  /** Who may come in where a server stands before the store; undefined where a store has no access tokens of its own. */
  readonly accessTokens?: AccessTokens | undefined;

  /** For stores whose records people edit where they rest; undefined elsewhere. */
  readonly edits?: Edits | undefined;

  /** Lets go of files and connections; may be called twice. */
  close(): Promise<void>;
}

/**
 * A store made of any backend and any vault. Touches the two contracts, nothing of their makers; sealing.ts seals and opens.
 * @module
 */
import { userInfo } from "node:os";
import type { Backend, RecordKey, RecordKind, StoredRecord } from "../backends/backend.ts";
import { AshlarError, isAshlarError } from "../errors.ts";
import type { Json } from "../json.ts";
import { Secret } from "../secret.ts";
import { freeze } from "../values.ts";
import { editableVault } from "../vaults/editable.ts";
import type { Vault } from "../vaults/vault.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { editsOf } from "./edits.ts";
import { checkReferences, graphOf, reachedFrom, withReferrers } from "./graph.ts";
import { maintenanceOf } from "./maintenance.ts";
import { notFound } from "./not-found.ts";
import {
  checkDraft,
  conflict,
  DEFAULT_MAX_BYTES,
  damaged,
  isDocument,
  maskedOf,
  named,
  opened,
  schemaName,
  secretValues,
} from "./record.ts";
import { sealedTokens } from "./sealed-tokens.ts";
import { deleteSchema, deleteType, readSchema, readSchemas, readType, readTypes, saveSchema, saveType } from "./sealed-types.ts";
import { Sealing } from "./sealing.ts";
import { SinceStamp } from "./since-stamp.ts";
import type {
  BlockSchema,
  BlockType,
  Document,
  DocumentKey,
  Draft,
  Edits,
  ListQuery,
  LoadedItem,
  Maintenance,
  MaskedDocument,
  Reference,
  SchemaKey,
  Store,
  WriteCondition,
} from "./store.ts";

/** What a sealed store is made of. */
export interface SealedStoreOptions {
  readonly backend: Backend;
  readonly vault: Vault;
  /** Largest document in bytes, both halves as JSON. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** Who writes, for `updatedBy`. Default: the system's user name. */
  readonly actor?: string | undefined;
}

/** How often an overwrite without a revision is tried again when someone else writes at the same time. */
const OVERWRITE_TRIES = 20;

/** How many documents are kept, sealed, since nothing was changed… */
const MOST_READ = 256;
/** …and how long each with all that it refers to may be, in characters. */
const LONGEST_READ = 64 * 1024;

/** A store over any backend with any vault. */
export function sealedStore(options: SealedStoreOptions): Store {
  return new SealedStore(options);
}

class SealedStore implements Store {
  readonly url: string;
  readonly stamp: Store["stamp"];
  readonly #backend: Backend;
  readonly #vault: Vault;
  readonly #sealing: Sealing;
  readonly #maxBytes: number;
  /** Documents and all that they refer to as records, sealed. */
  readonly #read = new SinceStamp<readonly StoredRecord[]>(MOST_READ);
  readonly maintenance: Maintenance;
  readonly accessTokens: AccessTokens;
  readonly edits: Edits | undefined;

  constructor({ backend, vault, maxBytes, actor }: SealedStoreOptions) {
    this.url = backend.url;
    this.stamp = backend.stamp && (() => (backend as Required<Backend>).stamp());
    this.#backend = backend;
    const editable = backend.editable ? editableVault(vault) : undefined;
    this.#vault = editable ?? vault;
    this.#sealing = new Sealing(backend, this.#vault, actor ?? userName());
    this.edits = editable && editsOf(this.#sealing, editable);
    this.#maxBytes = maxBytes ?? DEFAULT_MAX_BYTES;
    this.maintenance = maintenanceOf(this.#sealing);
    this.accessTokens = sealedTokens(this.#sealing);
  }

  load(key: DocumentKey, since?: string): readonly Document[] | Promise<readonly Document[]> {
    if (since === undefined) return this.#load(key, "");
    const place = "id" in key ? `/${key.id}` : `${key.type}/${key.name}`;
    const read = this.#read.get(since, place);
    return read ? this.#open(key, read, "") : this.#load(key, "", (records) => keep(this.#read, since, place, records));
  }

  /**
   * @param before the seals of the records that could not be opened the time before.
   * @param seen is told what was read.
   */
  #load(
    key: DocumentKey,
    before: string,
    seen?: (records: readonly StoredRecord[]) => void,
  ): readonly Document[] | Promise<readonly Document[]> {
    const found = this.#graph(key);
    const open = (records: readonly StoredRecord[]) => {
      seen?.(records);
      return this.#open(key, records, before);
    };
    return found instanceof Promise ? found.then(open) : open(found);
  }

  #open(key: DocumentKey, records: readonly StoredRecord[], before: string): readonly Document[] | Promise<readonly Document[]> {
    if (records.length === 0) return this.#missing(key);
    const documents = records.map((record) => this.#sealing.document(record));
    if (!documents.some((each) => each instanceof Promise)) return documents as Document[];
    return Promise.all(documents).catch((error: unknown) => {
      // A vault forgets what no record names any more; someone who saved in between is no damage.
      const now = records.map(({ sealed }) => sealed).join();
      if (!isAshlarError(error, "ERR_CANNOT_OPEN") || now === before) throw error;
      return this.#load(key, now);
    });
  }

  async #missing(key: DocumentKey): Promise<never> {
    throw await notFound(this.#backend, key);
  }

  /** A document's record first, then those it refers to; empty when there is none. At once where the backend answers at once. */
  #graph(key: DocumentKey, kind: RecordKind = "document"): readonly StoredRecord[] | Promise<readonly StoredRecord[]> {
    const asked: RecordKey = "id" in key ? key : { kind, type: key.type, name: key.name };
    const ordered = (records: readonly StoredRecord[]) =>
      rootFirst(records, asked) ?? ("id" in key || kind === "anonymous" ? [] : this.#graph(key, "anonymous"));
    try {
      const found = this.#backend.graph(asked);
      return found instanceof Promise ? found.then(ordered) : ordered(found);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async loadPage(query: ListQuery = {}): Promise<readonly LoadedItem[]> {
    return this.#loadAll(await this.#page(query));
  }

  async loadMany(ids: readonly string[]): Promise<readonly LoadedItem[]> {
    const found = new Map((await this.#backend.getMany(ids)).filter(({ kind }) => isDocument(kind)).map((record) => [record.id, record]));
    return this.#loadAll(ids.flatMap((id) => found.get(id) ?? []));
  }

  async #loadAll(page: readonly StoredRecord[]): Promise<LoadedItem[]> {
    const records = await reachedFrom(this.#backend, page);
    const results = new Map<string, Promise<Document | AshlarError>>();
    const result = (record: StoredRecord) => {
      let known = results.get(record.id);
      if (!known) {
        known = this.#openDocument(record);
        results.set(record.id, known);
      }
      return known;
    };
    return Promise.all(page.map(async (root) => this.#again(loadedItem(root, await Promise.all(graphOf(root, records).map(result))))));
  }

  /** What cannot be opened is loaded alone, which tells a save in between from damage. */
  async #again(item: LoadedItem): Promise<LoadedItem> {
    if (!isAshlarError(item.error, "ERR_CANNOT_OPEN")) return item;
    const { id, type, name } = item;
    try {
      return { id, type, name, documents: await this.load({ id }) };
    } catch {
      return item;
    }
  }

  async #openDocument(record: StoredRecord): Promise<Document | AshlarError> {
    const secrets = await this.#sealing.opening(record);
    return isAshlarError(secrets) ? secrets : opened(record, secrets);
  }

  async inspect(key: DocumentKey): Promise<MaskedDocument> {
    const record = await this.#get(key);
    if (record.damaged) throw named(record, damaged());
    return maskedOf(record);
  }

  async inspectMany(ids: readonly string[]): Promise<readonly MaskedDocument[]> {
    const records = await reachedFrom(
      this.#backend,
      (await this.#backend.getMany(ids)).filter(({ kind }) => isDocument(kind)),
    );
    return [...records.values()].map(maskedOf);
  }

  async save(draft: Draft, condition: WriteCondition = {}): Promise<MaskedDocument> {
    checkDraft(draft, this.#maxBytes);
    const { type, name, anonymous, version, ...content } = draft;
    const schema = schemaName(draft.schema, version);
    for (let attempt = 1; ; attempt++) {
      const existing = await this.#find({ type, name }, anonymous);
      this.#checkCondition(draft, existing, condition);
      await checkReferences(this.#backend, draft, existing?.id);
      const kind = existing?.kind ?? (anonymous ? "anonymous" : "document");
      const record = await this.#sealing.seal(
        { ...content, kind, type, name, schema, secrets: await this.#changes(draft, existing) },
        secretValues(draft),
        existing,
        condition.by,
      );
      try {
        await this.#backend.put(record, existing?.revision ?? null);
      } catch (error) {
        const raced = isAshlarError(error, "ERR_CONFLICT") || isAshlarError(error, "ERR_EXISTS");
        if (raced || isAshlarError(error, "ERR_BROKEN_REFERENCE")) await this.#vault.discard(record.sealed, existing === null); // else it may have been written
        if (raced && condition.ifRevision === undefined && condition.overwrite === true && attempt < OVERWRITE_TRIES) continue;
        throw error;
      }
      if (existing) await this.#vault.discard(existing.sealed, false);
      return maskedOf(record);
    }
  }

  async delete(
    key: DocumentKey,
    options: { cascade?: boolean | undefined; ifRevision?: number | undefined } = {},
  ): Promise<readonly Reference[]> {
    for (let attempt = 1; ; attempt++) {
      const record = await this.#get(key);
      if (options.ifRevision !== undefined && record.revision !== options.ifRevision)
        throw conflict(record, options.ifRevision, record.revision);
      const records = options.cascade === true ? await withReferrers(this.#backend, record) : [record];
      try {
        await this.#sealing.remove(records);
      } catch (error) {
        const raced = isAshlarError(error, "ERR_CONFLICT") || (options.cascade === true && isAshlarError(error, "ERR_REFERENCED"));
        if (raced && options.ifRevision === undefined && attempt < OVERWRITE_TRIES) continue;
        throw error;
      }
      return records.map(({ id, type, name }) => ({ id, type, name }));
    }
  }

  async list(query: ListQuery = {}): Promise<readonly MaskedDocument[]> {
    return (await this.#page(query)).map(maskedOf);
  }

  #page({ type, anonymous, after, limit = 1000 }: ListQuery): Promise<readonly StoredRecord[]> {
    return this.#backend.list({ kind: anonymous ? "anonymous" : "document", type, after, limit });
  }

  async names(
    query: { type?: string | undefined; anonymous?: boolean | undefined } = {},
  ): Promise<readonly { type: string; name: string }[]> {
    const { type, anonymous } = query;
    return this.#backend.names({ kind: anonymous ? "anonymous" : "document", type, limit: Number.MAX_SAFE_INTEGER });
  }

  async saveType(type: BlockType, options: { update?: boolean | undefined } = {}) {
    return saveType(this.#sealing, type, options.update === true);
  }

  async saveSchema(schema: BlockSchema) {
    return saveSchema(this.#sealing, schema);
  }

  async type(key: { slug: string } | { id: string }) {
    return readType(this.#sealing, key);
  }

  async types() {
    return readTypes(this.#sealing);
  }

  async schema(key: SchemaKey) {
    return readSchema(this.#sealing, key);
  }

  async schemas({ type }: { type?: string | undefined } = {}) {
    return readSchemas(this.#sealing, type);
  }

  async deleteType(slug: string, options: { cascade?: boolean | undefined } = {}): Promise<readonly Reference[]> {
    return deleteType(this.#sealing, slug, options.cascade === true);
  }

  async deleteSchema(id: string, options: { cascade?: boolean | undefined } = {}): Promise<readonly Reference[]> {
    return deleteSchema(this.#sealing, id, options.cascade === true);
  }

  async close(): Promise<void> {
    await this.#backend.close();
    await this.#vault.close();
  }

  async #get(key: DocumentKey): Promise<StoredRecord> {
    const record = "id" in key ? await this.#backend.get(key) : await this.#find(key);
    if (!record || !isDocument(record.kind)) throw await notFound(this.#backend, key);
    return record;
  }

  /** Names are shared by documents with and without a name of their own; those are looked at first that are meant. */
  async #find({ type, name }: { type: string; name: string }, anonymous?: boolean): Promise<StoredRecord | null> {
    for (const kind of anonymous ? DOCUMENT_KINDS.toReversed() : DOCUMENT_KINDS) {
      const record = await this.#backend.get({ kind, type, name });
      if (record) return record;
    }
    return null;
  }

  #checkCondition(draft: Draft, existing: StoredRecord | null, condition: WriteCondition): void {
    if (condition.ifRevision !== undefined) {
      const actual = existing?.revision ?? null;
      if (actual !== condition.ifRevision) throw conflict(draft, condition.ifRevision, actual);
    } else if (existing && condition.overwrite !== true) {
      throw new AshlarError(
        "ERR_EXISTS",
        `There is a document ${draft.type}/${draft.name} already, at revision ${existing.revision}. To replace it, save with { overwrite: true }, or { ifRevision } for that revision only.`,
        { type: draft.type, name: draft.name, actual: existing.revision },
      );
    }
  }

  /** When each secret last changed; where the old ones cannot be opened, all count as changed. */
  async #changes(draft: Draft, existing: StoredRecord | null): Promise<StoredRecord["secrets"]> {
    const now = new Date().toISOString();
    const opened = existing ? await this.#sealing.opening(existing) : {};
    const before = isAshlarError(opened) ? {} : opened;
    const changed = (at: string, value: Secret<Json>) =>
      existing?.secrets[at] === undefined || !Object.hasOwn(before, at) || !value.equals(new Secret(before[at]));
    return Object.fromEntries(
      Object.entries(draft.secrets).map(([at, value]) => [
        at,
        changed(at, value) ? { changed: now } : (existing?.secrets[at] ?? { changed: now }),
      ]),
    );
  }
}

/** In the order in which they are looked for. */
const DOCUMENT_KINDS = ["document", "anonymous"] as const;

/** Undefined where the record is not among them, or is none of a document. */
function rootFirst(records: readonly StoredRecord[], asked: RecordKey): readonly StoredRecord[] | undefined {
  const root = records.find((each) =>
    "id" in asked ? each.id === asked.id : each.kind === asked.kind && each.type === asked.type && each.name === asked.name,
  );
  if (!root || !isDocument(root.kind)) return undefined;
  return root === records[0] ? records : [root, ...records.filter((each) => each !== root)];
}

function keep(read: SinceStamp<readonly StoredRecord[]>, since: string, place: string, records: readonly StoredRecord[]): void {
  if (records.length > 0 && JSON.stringify(records).length <= LONGEST_READ) read.set(since, place, freeze(records) as typeof records);
}

function loadedItem({ id, type, name }: StoredRecord, results: readonly (Document | AshlarError)[]): LoadedItem {
  const error = results.find((result) => isAshlarError(result));
  return error ? { id, type, name, error } : { id, type, name, documents: results as readonly Document[] };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown"; // a user without an entry, as in some containers
  }
}

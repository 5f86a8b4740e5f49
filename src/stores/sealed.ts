/**
 * A store made of a backend and a vault: the only caller of the code that opens secrets. Touches the two contracts, nothing of their makers.
 *
 * Each record is bound to its seal: the digest of all its other parts, and of the store's identity, goes into the sealing.
 * @module
 */
import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import type { Backend, RecordKind, StoredRecord } from "../backends/backend.ts";
import { AshlarError, type ErrorCode, isAshlarError } from "../errors.ts";
import { canonicalJson, type Json, type JsonObject } from "../json.ts";
import { Secret } from "../secret.ts";
import type { Secrets, Vault } from "../vaults/vault.ts";
import { checkReferences, graphOf, reachedFrom, withReferrers } from "./graph.ts";
import { maintenanceOf } from "./maintenance.ts";
import { notFound } from "./not-found.ts";
import {
  bindingOf,
  checkDraft,
  conflict,
  DEFAULT_MAX_BYTES,
  damaged,
  hasChecksum,
  maskedOf,
  named,
  opened,
  recordKey,
  secretValues,
  typeOf,
} from "./record.ts";
import type {
  BlockSchema,
  BlockType,
  Document,
  DocumentKey,
  Draft,
  ListQuery,
  LoadedItem,
  Maintenance,
  MaskedDocument,
  Reference,
  Registered,
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

/** How opening fails for want of the key, which says nothing of the record. */
const WITHOUT_KEY: readonly ErrorCode[] = ["ERR_NO_KEY", "ERR_UNKNOWN_KEY", "ERR_WRONG_KEY", "ERR_DENIED"];

/** A store over any backend with any vault. */
export function sealedStore(options: SealedStoreOptions): Store {
  return new SealedStore(options);
}

class SealedStore implements Store {
  readonly url: string;
  readonly #backend: Backend;
  readonly #vault: Vault;
  readonly #maxBytes: number;
  readonly #actor: string;
  readonly maintenance: Maintenance;
  #storeId: string | undefined;

  constructor({ backend, vault, maxBytes, actor }: SealedStoreOptions) {
    this.url = backend.url;
    this.#backend = backend;
    this.#vault = vault;
    this.#maxBytes = maxBytes ?? DEFAULT_MAX_BYTES;
    this.#actor = actor ?? userName();
    const open = async (record: StoredRecord) => this.#open(record);
    this.maintenance = maintenanceOf({ backend, vault, open, resealed: (record) => this.#resealed(record) });
  }

  async load(key: DocumentKey): Promise<readonly Document[]> {
    this.#storeId ??= await this.#backend.storeId();
    for (let before = ""; ; ) {
      const records = await this.#backend.graph(recordKey(key));
      const root = records.find((record) => ("id" in key ? record.id === key.id : record.name === key.name && record.type === key.type));
      if (root?.kind !== "document") throw await notFound(this.#backend, key);
      const ordered = [root, ...records.filter((record) => record !== root)];
      try {
        const secrets = ordered.map((record) => this.#open(record));
        const ready = secrets.some((each) => each instanceof Promise) ? await Promise.all(secrets) : (secrets as Secrets[]);
        return ordered.map((record, index) => opened(record, ready[index] as Secrets));
      } catch (error) {
        // A vault forgets what no record names any more; someone who saved in between is no damage.
        const now = records.map(({ sealed }) => sealed).join();
        if (!isAshlarError(error, "ERR_CANNOT_OPEN") || now === before) throw error;
        before = now;
      }
    }
  }

  async loadPage(query: ListQuery = {}): Promise<readonly LoadedItem[]> {
    const page = await this.#backend.list({ kind: "document", type: query.type, after: query.after, limit: query.limit ?? 1000 });
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
    return Promise.all(page.map(async (root) => loadedItem(root, await Promise.all(graphOf(root, records).map(result)))));
  }

  async #openDocument(record: StoredRecord): Promise<Document | AshlarError> {
    try {
      return opened(record, await this.#open(record));
    } catch (error) {
      if (isAshlarError(error)) return error;
      throw error;
    }
  }

  async inspect(key: DocumentKey): Promise<MaskedDocument> {
    const record = await this.#get(key);
    if (record.damaged) throw named(record, damaged());
    return maskedOf(record);
  }

  async save(draft: Draft, condition: WriteCondition = {}): Promise<MaskedDocument> {
    checkDraft(draft, this.#maxBytes);
    for (let attempt = 1; ; attempt++) {
      const existing = await this.#backend.get({ kind: "document", type: draft.type, name: draft.name });
      this.#checkCondition(draft, existing, condition);
      await checkReferences(this.#backend, draft, existing?.id);
      const record = await this.#seal(
        { kind: "document", ...draft, secrets: await this.#changes(draft, existing) },
        secretValues(draft),
        existing,
      );
      try {
        await this.#backend.put(record, existing?.revision ?? null);
      } catch (error) {
        const raced = isAshlarError(error, "ERR_CONFLICT") || isAshlarError(error, "ERR_EXISTS");
        if (raced || isAshlarError(error, "ERR_BROKEN_REFERENCE")) await this.#vault.discard(record.sealed); // else it may have been written
        if (raced && condition.ifRevision === undefined && condition.overwrite === true && attempt < OVERWRITE_TRIES) continue;
        throw error;
      }
      if (existing) await this.#vault.discard(existing.sealed);
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
        await this.#backend.remove(records.map(({ id, revision }) => ({ id, revision })));
      } catch (error) {
        const raced = isAshlarError(error, "ERR_CONFLICT") || (options.cascade === true && isAshlarError(error, "ERR_REFERENCED"));
        if (raced && options.ifRevision === undefined && attempt < OVERWRITE_TRIES) continue;
        throw error;
      }
      for (const { sealed } of records) await this.#vault.discard(sealed);
      return records.map(({ id, type, name }) => ({ id, type, name }));
    }
  }

  async list(query: ListQuery = {}): Promise<readonly MaskedDocument[]> {
    const records = await this.#backend.list({ kind: "document", type: query.type, after: query.after, limit: query.limit ?? 1000 });
    return records.map(maskedOf);
  }

  async names({ type }: { type?: string | undefined } = {}): Promise<readonly { type: string; name: string }[]> {
    return this.#backend.names({ kind: "document", type, limit: Number.MAX_SAFE_INTEGER });
  }

  async register(type: BlockType, schema: BlockSchema, options: { update?: boolean | undefined } = {}): Promise<Registered> {
    const { slug, ...metadata } = type;
    const change = await this.#putOnce("type", slug, slug, metadata as unknown as JsonObject, options.update === true);
    const { checksum, version, fields } = schema;
    const data = { version, capabilities: [...schema.capabilities], fields };
    return { type: slug, checksum, change, newSchema: (await this.#putOnce("schema", slug, checksum, data, false)) === "created" };
  }

  async deleteType(slug: string, { cascade }: { cascade?: boolean | undefined } = {}): Promise<readonly Reference[]> {
    const type = await this.#backend.get({ kind: "type", type: slug, name: slug });
    if (!type) throw new AshlarError("ERR_NOT_FOUND", `There is no block type ${slug} in ${this.url}.`, { type: slug, store: this.url });
    const documents = await this.#all("document", slug);
    const places = documents.map(({ name }) => `${slug}/${name}`);
    if (documents.length > 0 && cascade !== true)
      throw new AshlarError(
        "ERR_REFERENCED",
        `The block type ${slug} has ${documents.length} document${documents.length === 1 ? "" : "s"}: ${places.slice(0, 5).join(", ")}${places.length > 5 ? ", …" : ""}. Delete them first, or all together with { cascade: true }.`,
        { type: slug, documents: places },
      );
    const records = [...documents, ...(await this.#all("schema", slug)), type];
    await this.#backend.remove(records.map(({ id, revision }) => ({ id, revision })));
    for (const { sealed } of records) await this.#vault.discard(sealed);
    return documents.map(({ id, type: of, name }) => ({ id, type: of, name }));
  }

  async types(): Promise<readonly BlockType[]> {
    return (await this.#all("type", undefined)).map(typeOf);
  }

  async schema({ type, checksum }: { type: string; checksum?: string | undefined }): Promise<BlockSchema | null> {
    const record =
      checksum === undefined ? await this.#newestSchema(type) : await this.#backend.get({ kind: "schema", type, name: checksum });
    if (!record) return null;
    await this.#verify(record);
    const { version, capabilities, fields } = record.data as unknown as Omit<BlockSchema, "checksum" | "type">;
    if (!hasChecksum(fields, record.name))
      throw named(record, new AshlarError("ERR_CANNOT_OPEN", "The schema is not the one its checksum names."));
    return { checksum: record.name, type, version, capabilities, fields };
  }

  async close(): Promise<void> {
    await this.#backend.close();
    await this.#vault.close();
  }

  async #get(key: DocumentKey): Promise<StoredRecord> {
    const record = await this.#backend.get(recordKey(key));
    if (record?.kind !== "document") throw await notFound(this.#backend, key);
    return record;
  }

  /** A damaged one could be the newest: then nobody knows which is. */
  async #newestSchema(type: string): Promise<StoredRecord | undefined> {
    let newest: StoredRecord | undefined;
    for (const each of await this.#all("schema", type)) {
      if (each.damaged) return each;
      if (!newest || each.created >= newest.created) newest = each;
    }
    return newest;
  }

  async #all(kind: RecordKind, type: string | undefined): Promise<StoredRecord[]> {
    const all: StoredRecord[] = [];
    for (let after: { type: string; name: string } | undefined; ; after = all.at(-1)) {
      const page = await this.#backend.list({ kind, type, after, limit: 1000 });
      all.push(...page);
      if (page.length < 1000) return all;
    }
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
    const before = existing ? await this.#openOrNothing(existing) : {};
    const changed = (at: string, value: Secret<Json>) =>
      existing?.secrets[at] === undefined || !Object.hasOwn(before, at) || !value.equals(new Secret(before[at]));
    return Object.fromEntries(
      Object.entries(draft.secrets).map(([at, value]) => [
        at,
        changed(at, value) ? { changed: now } : (existing?.secrets[at] ?? { changed: now }),
      ]),
    );
  }

  async #openOrNothing(record: StoredRecord): Promise<Secrets> {
    try {
      return await this.#open(record);
    } catch {
      return {};
    }
  }

  async #putOnce(kind: RecordKind, type: string, name: string, data: JsonObject, update: boolean): Promise<Registered["change"]> {
    for (let attempt = 1; ; attempt++) {
      const existing = await this.#backend.get({ kind, type, name });
      if (existing && !existing.damaged && (!update || canonicalJson(existing.data) === canonicalJson(data))) return "unchanged";
      const record = await this.#seal({ kind, type, name, schema: "", data, references: {}, secrets: {} }, {}, existing);
      try {
        await this.#backend.put(record, existing?.revision ?? null);
        return existing ? "updated" : "created";
      } catch (error) {
        if (attempt === OVERWRITE_TRIES || !(isAshlarError(error, "ERR_CONFLICT") || isAshlarError(error, "ERR_EXISTS"))) throw error;
      }
    }
  }

  async #seal(
    parts: Omit<StoredRecord, "id" | "sealed" | "revision" | "created" | "updated" | "updatedBy">,
    secrets: Secrets,
    existing: StoredRecord | null,
  ): Promise<StoredRecord> {
    this.#storeId ??= await this.#backend.storeId();
    const now = new Date().toISOString();
    const { kind, type, name, schema, data, references, secrets: places } = parts;
    const record = {
      ...{ kind, type, name, schema, data, references, secrets: places },
      id: existing?.id ?? randomUUID(),
      revision: (existing?.revision ?? 0) + 1,
      created: existing?.created ?? now,
      updated: now,
      updatedBy: this.#actor,
    };
    return { ...record, sealed: await this.#vault.seal(secrets, () => bindingOf(record, this.#storeId as string)) };
  }

  async #resealed(record: StoredRecord): Promise<StoredRecord> {
    const secrets = await this.#open(record);
    return { ...record, sealed: await this.#vault.seal(secrets, () => bindingOf(record, this.#storeId as string)) };
  }

  /** A vault that has its key answers at once: then so does this, without a round through the event loop for each record. */
  #open(record: StoredRecord): Secrets | Promise<Secrets> {
    const storeId = this.#storeId;
    if (storeId === undefined) return this.#identify().then(() => this.#open(record));
    const failed = (error: unknown): never => {
      throw isAshlarError(error) ? named(record, error) : error;
    };
    if (record.damaged) return failed(damaged());
    try {
      const secrets = this.#vault.open(record.sealed, () => bindingOf(record, storeId));
      return secrets instanceof Promise ? secrets.catch(failed) : secrets;
    } catch (error) {
      return failed(error);
    }
  }

  async #identify(): Promise<void> {
    this.#storeId ??= await this.#backend.storeId();
  }

  /** Finds out whether a record without secrets was changed; without the key nobody can. */
  async #verify(record: StoredRecord): Promise<void> {
    try {
      await this.#open(record);
    } catch (error) {
      if (!WITHOUT_KEY.some((code) => isAshlarError(error, code))) throw error;
    }
  }
}

function loadedItem({ type, name }: StoredRecord, results: readonly (Document | AshlarError)[]): LoadedItem {
  const error = results.find((result) => isAshlarError(result));
  return error ? { type, name, error } : { type, name, documents: results as readonly Document[] };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown"; // a user without an entry, as in some containers
  }
}

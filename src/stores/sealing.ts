/**
 * Sealing and opening the records of one store, each bound to its seal: the only caller of the code that opens secrets. Touches the two
 * contracts, nothing of their makers.
 *
 * The digest of all other parts of a record, and of the store's identity, goes into the sealing.
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Backend, RecordKind, StoredRecord } from "../backends/backend.ts";
import { type AshlarError, type ErrorCode, isAshlarError } from "../errors.ts";
import type { Secrets, Vault } from "../vaults/vault.ts";
import { bindingOf, damaged, named, opened } from "./record.ts";
import type { Document } from "./store.ts";

/** What a record is before it is sealed. */
export type RecordParts = Pick<StoredRecord, "kind" | "type" | "name" | "schema" | "data" | "references" | "secrets">;

/** How opening fails for want of the key, which says nothing of the record. */
const WITHOUT_KEY: readonly ErrorCode[] = ["ERR_NO_KEY", "ERR_UNKNOWN_KEY", "ERR_WRONG_KEY", "ERR_DENIED"];

/** How many records are read at a time. */
const PAGE = 1000;

/** The records of a backend under the seal of a vault. */
export class Sealing {
  readonly backend: Backend;
  readonly vault: Vault;
  readonly #actor: string;
  readonly #held = new WeakMap<StoredRecord, Document>();
  readonly #bindings = new WeakMap<StoredRecord, Uint8Array>();
  #storeId: string | undefined;

  /** @param actor who writes, for `updatedBy`. */
  constructor(backend: Backend, vault: Vault, actor: string) {
    this.backend = backend;
    this.vault = vault;
    this.#actor = actor;
  }

  /** A record of some parts, sealed: new, or the next revision of `existing`. @param by who writes. */
  async seal(
    { kind, type, name, schema, data, references, secrets: places }: RecordParts,
    secrets: Secrets,
    existing: StoredRecord | null,
    by = this.#actor,
  ) {
    const now = new Date().toISOString();
    return this.#sealed(
      {
        ...{ kind, type, name, schema, data, references, secrets: places },
        id: existing?.id ?? randomUUID(),
        revision: (existing?.revision ?? 0) + 1,
        created: existing?.created || now, // of a damaged one nothing is left
        updated: now,
        updatedBy: by,
      },
      secrets,
    );
  }

  /** The same record, sealed with the key that seals now. */
  async resealed(record: StoredRecord): Promise<StoredRecord> {
    return this.#sealed(record, await this.open(record));
  }

  async #sealed(record: Omit<StoredRecord, "sealed">, secrets: Secrets): Promise<StoredRecord> {
    this.#storeId ??= await this.backend.storeId();
    const storeId = this.#storeId;
    return { ...record, sealed: await this.vault.seal(secrets, () => bindingOf(record, storeId), record) };
  }

  /**
   * The secrets of a record. A vault that has its key answers at once: then so does this, without a round through the event loop for each record.
   * A failure is a rejection, always: of several records that are opened together none is left to fail with nobody waiting for it.
   * @throws AshlarError as the vault does, naming the record.
   */
  open(record: StoredRecord): Secrets | Promise<Secrets> {
    const storeId = this.#storeId;
    if (storeId === undefined) return this.#identify().then(() => this.open(record));
    if (record.damaged) return failed(record, damaged());
    try {
      const secrets = this.vault.open(record.sealed, () => this.#bindingOf(record, storeId));
      return secrets instanceof Promise ? secrets.catch((error: unknown) => failed(record, error)) : secrets;
    } catch (error) {
      return failed(record, error);
    }
  }

  /**
   * A record, opened; at once where the vault answers at once. Where backend and vault hold it in memory, and give it out frozen, it is opened
   * once: it is the same document, frozen too, until the record is written anew.
   * @throws AshlarError as {@link Sealing.open} does.
   */
  document(record: StoredRecord): Document | Promise<Document> {
    const held = this.#held.get(record);
    if (held) return held;
    const secrets = this.open(record);
    if (secrets instanceof Promise) return secrets.then((ready) => opened(record, ready));
    const document = opened(record, secrets);
    if (Object.isFrozen(secrets) && Object.isFrozen(record)) this.#held.set(record, frozen(document));
    return document;
  }

  /** Of a record that stays as it is, made once. */
  #bindingOf(record: StoredRecord, storeId: string): Uint8Array {
    if (!Object.isFrozen(record)) return bindingOf(record, storeId);
    let binding = this.#bindings.get(record);
    if (!binding) this.#bindings.set(record, (binding = bindingOf(record, storeId)));
    return binding;
  }

  async #identify(): Promise<void> {
    this.#storeId ??= await this.backend.storeId();
  }

  /** Finds out whether a record without secrets was changed; without the key nobody can. @throws AshlarError `ERR_CANNOT_OPEN` */
  async verify(record: StoredRecord): Promise<void> {
    try {
      await this.open(record);
    } catch (error) {
      if (!WITHOUT_KEY.some((code) => isAshlarError(error, code))) throw error;
    }
  }

  /** The secrets of a record, or why it cannot be opened. */
  async opening(record: StoredRecord): Promise<Secrets | AshlarError> {
    try {
      return await this.open(record);
    } catch (error) {
      if (isAshlarError(error)) return error;
      throw error;
    }
  }

  /** All records of a kind, or those of a type. */
  async all(kind: RecordKind, type?: string): Promise<StoredRecord[]> {
    const all: StoredRecord[] = [];
    for (let after: { type: string; name: string } | undefined; ; after = all.at(-1)) {
      const page = await this.backend.list({ kind, type, after, limit: PAGE });
      all.push(...page);
      if (page.length < PAGE) return all;
    }
  }

  /** Removes records and what the vault keeps of them. */
  async remove(records: readonly StoredRecord[]): Promise<void> {
    await this.backend.remove(records.map(({ id, revision }) => ({ id, revision })));
    for (const { sealed } of records) await this.vault.discard(sealed, true);
  }
}

function frozen(document: Document): Document {
  Object.freeze(document.secrets);
  return Object.freeze(document);
}

function failed(record: StoredRecord, error: unknown): Promise<never> {
  return Promise.reject(isAshlarError(error) ? named(record, error) : error);
}

/**
 * A Prefect server, or a workspace of Prefect Cloud, as a store: documents over its REST API, with no more requests than Prefect's own client makes
 * (protocol.md §6.7). Touches the contract, and what lies in ../prefect.
 *
 * Prefect keeps secrets in its own way, knows no revisions, and keeps references at the top level only. What it could not keep is refused before it is
 * sent.
 * @module
 */
import type { OpenOptions } from "../current-store.ts";
import { AshlarError, isAshlarError } from "../errors.ts";
import { BlockDocuments } from "../prefect/block-documents.ts";
import * as types from "../prefect/block-types.ts";
import { openClient, type PrefectClient } from "../prefect/client.ts";
import { documentsOf, maskedOf, reachedIds, wireData } from "../prefect/documents.ts";
import { type LoadEvents, loadEvents } from "../prefect/events.ts";
import { findSettings } from "../prefect/settings.ts";
import type { WireDocument, WireSchema } from "../wire.ts";
import { checkDraft } from "./record.ts";
import type {
  BlockSchema,
  BlockType,
  Document,
  DocumentKey,
  Draft,
  ListQuery,
  LoadedItem,
  MaskedDocument,
  Reference,
  SchemaKey,
  Store,
  StoredSchema,
  StoredType,
  WriteCondition,
} from "./store.ts";

/**
 * The store of `prefect:` (the server that Prefect's own settings name) or `prefect+https://HOST/api`. Nothing is asked of the server yet.
 * @throws AshlarError as the settings do: `ERR_NO_STORE` when no server is named, `ERR_INVALID` for what does not fit.
 */
export async function openPrefectStore(url: string, options: OpenOptions = {}): Promise<Store> {
  const settings = await findSettings(url, { allowPlainHttp: options.allowPlainHttp });
  return new PrefectStore(await openClient(settings), options.maxBytes, options.loadEvents ? loadEvents(settings) : undefined);
}

class PrefectStore implements Store {
  readonly url: string;
  readonly #client: PrefectClient;
  readonly #documents: BlockDocuments;
  readonly #maxBytes: number | undefined;
  readonly #events: LoadEvents | undefined;
  /** Ids of types by slug, and schemas by `slug checksum`: each is asked for once. */
  readonly #typeIds = new Map<string, string>();
  readonly #schemas = new Map<string, WireSchema>();

  constructor(client: PrefectClient, maxBytes: number | undefined, events: LoadEvents | undefined) {
    this.url = `prefect+${client.settings.apiUrl}`;
    this.#client = client;
    this.#documents = new BlockDocuments(client);
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  async load(key: DocumentKey): Promise<readonly Document[]> {
    const found = (await this.#documents.find(key, true)) ?? this.#notFound(key);
    this.#events?.loaded(referenceTo(found));
    return documentsOf(found);
  }

  async loadPage(query: ListQuery = {}): Promise<readonly LoadedItem[]> {
    return (await this.#documents.page(query, true)).map(loadedItem);
  }

  async loadMany(ids: readonly string[]): Promise<readonly LoadedItem[]> {
    const found = await this.#documents.byIds(ids, true);
    return ids.flatMap((id) => found.get(id) ?? []).map(loadedItem);
  }

  async inspect(key: DocumentKey): Promise<MaskedDocument> {
    return maskedOf((await this.#documents.find(key, false)) ?? this.#notFound(key));
  }

  async inspectMany(ids: readonly string[]): Promise<readonly MaskedDocument[]> {
    const found = await this.#documents.byIds(ids, false);
    const below = [...found.values()].flatMap(reachedIds).filter((id) => !found.has(id));
    const more = await this.#documents.byIds(below, false);
    return [...found.values(), ...more.values()].map(maskedOf);
  }

  async save(draft: Draft, condition: WriteCondition = {}): Promise<MaskedDocument> {
    if (condition.ifRevision !== undefined) throw this.#noRevisions();
    checkDraft(draft, this.#maxBytes);
    for (let attempt = 1; ; attempt++) {
      const schema = await this.#schemaOf(draft);
      const data = wireData(draft, schema.fields);
      try {
        const saved = condition.overwrite
          ? await this.#documents.replace(draft, schema, data)
          : ((await this.#documents.create(draft, schema, data, false)) ?? exists(draft));
        return maskedOf(saved);
      } catch (error) {
        // Type or schema were deleted since they were asked for; perhaps they were made anew.
        if (attempt > 1 || !isAshlarError(error, "ERR_UNKNOWN_TYPE")) throw error;
        this.#forget(draft.type);
      }
    }
  }

  async delete(
    key: DocumentKey,
    options: { readonly cascade?: boolean | undefined; readonly ifRevision?: number | undefined } = {},
  ): Promise<readonly Reference[]> {
    if (options.ifRevision !== undefined) throw this.#noRevisions();
    const all = await this.#documents.all(undefined, null, false);
    const isAsked = ({ id, name, block_type }: WireDocument) =>
      "id" in key ? id === key.id : name === key.name && block_type.slug === key.type;
    const root = all.find(isAsked) ?? this.#notFound(key);
    const concerned = withReferrers([root], all);
    if (!options.cascade) refuseReferred(concerned.slice(1));
    const order = referrersFirst(concerned);
    for (const [index, { id }] of order.entries())
      await this.#documents
        .delete(id)
        .catch((error: unknown) => Promise.reject(index === 0 ? error : halfDeleted(error, order.slice(0, index))));
    return concerned.map(referenceTo);
  }

  async list(query: ListQuery = {}): Promise<readonly MaskedDocument[]> {
    return (await this.#documents.page(query, false)).map(maskedOf);
  }

  async names(
    query: { readonly type?: string | undefined; readonly anonymous?: boolean | undefined } = {},
  ): Promise<readonly { readonly type: string; readonly name: string }[]> {
    const all = await this.#documents.all(query.type, query.anonymous === true, false);
    return all.map(({ block_type, name }) => ({ type: block_type.slug, name }));
  }

  async saveType(type: BlockType, options: { readonly update?: boolean | undefined } = {}) {
    const saved = await types.saveType(this.#client, type, options.update === true);
    this.#typeIds.set(type.slug, saved.type.id);
    return { type: types.storedType(saved.type), change: saved.change };
  }

  async saveSchema(schema: BlockSchema) {
    const saved = await types.saveSchema(this.#client, schema, this.#typeIds.get(schema.type));
    this.#remember(schema.type, saved.schema);
    return { schema: types.storedSchema(saved.schema, schema.type), created: saved.created };
  }

  async type(key: { readonly slug: string } | { readonly id: string }): Promise<StoredType | null> {
    const type = await types.findType(this.#client, key);
    return type && types.storedType(type);
  }

  async types(): Promise<readonly StoredType[]> {
    return (await types.allTypes(this.#client)).map(types.storedType);
  }

  async schema(key: SchemaKey): Promise<StoredSchema | null> {
    const schema = await types.findSchema(this.#client, key);
    if (schema && "type" in key) this.#remember(key.type, schema);
    return schema && types.storedSchema(schema);
  }

  async schemas(query: { readonly type?: string | undefined } = {}): Promise<readonly StoredSchema[]> {
    return (await types.allSchemas(this.#client, query.type)).map((schema) => types.storedSchema(schema, query.type));
  }

  async deleteType(slug: string, options: { readonly cascade?: boolean | undefined } = {}): Promise<readonly Reference[]> {
    const type = (await types.findType(this.#client, { slug })) ?? this.#nothing(`There is no block type ${slug}`, slug);
    const all = await this.#documents.all(undefined, null, false);
    const documents = all.filter(({ block_type_id }) => block_type_id === type.id);
    if (!type.is_protected) refuseUsed(`The block type ${slug} has`, documents, all, options.cascade === true);
    await types.remove(this.#client, `/block_types/${type.id}`, `block type ${slug}`, slug);
    this.#forget(slug);
    return documents.map(referenceTo);
  }

  async deleteSchema(id: string, options: { readonly cascade?: boolean | undefined } = {}): Promise<readonly Reference[]> {
    const what = `schema with the id ${id}`;
    const schema = (await types.findSchema(this.#client, { id })) ?? this.#nothing(`There is no ${what}`);
    const slug = schema.block_type?.slug ?? "";
    const all = await this.#documents.all(undefined, null, false);
    const documents = all.filter(({ block_schema_id }) => block_schema_id === id);
    if (!schema.block_type?.is_protected)
      refuseUsed(`The schema ${schema.checksum.slice(0, 19)} of ${slug} has`, documents, all, options.cascade === true);
    await types.remove(this.#client, `/block_schemas/${id}`, what, slug);
    this.#forget(slug);
    return documents.map(referenceTo);
  }

  async close(): Promise<void> {
    await this.#events?.close();
    this.#client.close();
  }

  /** Any stored schema of the draft's checksum does: a row of a Python package's version as well. */
  async #schemaOf({ type, schema }: Draft): Promise<WireSchema> {
    const known = this.#schemas.get(`${type} ${schema}`) ?? (await types.findSchema(this.#client, { type, checksum: schema }));
    if (!known) throw types.unknownType(this.#client, type);
    this.#remember(type, known);
    return known;
  }

  #remember(type: string, schema: WireSchema): void {
    this.#typeIds.set(type, schema.block_type_id);
    this.#schemas.set(`${type} ${schema.checksum}`, schema);
  }

  #forget(type: string): void {
    this.#typeIds.delete(type);
    for (const key of this.#schemas.keys()) if (key.startsWith(`${type} `)) this.#schemas.delete(key);
  }

  #noRevisions(): AshlarError {
    return new AshlarError(
      "ERR_UNSUPPORTED",
      "Prefect counts no revisions, so that ifRevision cannot be kept: { overwrite: true } replaces whatever is there.",
      { store: this.url },
    );
  }

  /** One answer tells no more: names and types are not asked for, as Prefect's own client does not. */
  #notFound(key: DocumentKey): never {
    if ("id" in key) return this.#nothing(`There is no document with the id ${key.id}`);
    const { type, name } = key;
    const next = `Is the type ${type} known there ("ashlar type ls"), and the name right ("ashlar ls ${type}")?`;
    throw new AshlarError("ERR_NOT_FOUND", `There is no document ${type}/${name} in ${this.url}. ${next}`, { type, name, store: this.url });
  }

  #nothing(what: string, type?: string): never {
    throw new AshlarError("ERR_NOT_FOUND", `${what} in ${this.url}.`, { store: this.url, ...(type !== undefined && { type }) });
  }
}

function loadedItem(wire: WireDocument): LoadedItem {
  const item = { id: wire.id, type: wire.block_type.slug, name: wire.name };
  try {
    return { ...item, documents: documentsOf(wire) };
  } catch (error) {
    if (isAshlarError(error)) return { ...item, error };
    throw error;
  }
}

function referenceTo({ id, block_type, name }: WireDocument): Reference {
  return { id, type: block_type.slug, name };
}

/** Documents and all that refer to them, at any distance. */
function withReferrers(documents: readonly WireDocument[], all: readonly WireDocument[]): WireDocument[] {
  const found = new Set(documents);
  for (const document of found) for (const each of all) if (refersTo(each, document)) found.add(each);
  return [...found];
}

/** The same documents, each before what it refers to: a server that keeps what is referred to deletes them in this order only. */
function referrersFirst(documents: readonly WireDocument[]): WireDocument[] {
  const order = new Set<WireDocument>();
  const visit = (document: WireDocument) => {
    if (order.has(document)) return;
    for (const each of documents) if (refersTo(each, document)) visit(each);
    order.add(document);
  };
  documents.forEach(visit);
  return [...order];
}

function refersTo({ block_document_references }: WireDocument, { id }: WireDocument): boolean {
  return Object.values(block_document_references).some(({ block_document }) => block_document.id === id);
}

function exists({ type, name }: Draft): never {
  throw new AshlarError("ERR_EXISTS", `There is a document ${type}/${name} already. To replace it, save with { overwrite: true }.`, {
    type,
    name,
  });
}

function places(documents: readonly WireDocument[]): string[] {
  return documents.map(({ block_type, name }) => `${block_type.slug}/${name}`);
}

function refuseReferred(referrers: readonly WireDocument[]): void {
  if (referrers.length === 0) return;
  const documents = places(referrers);
  throw new AshlarError(
    "ERR_REFERENCED",
    `Other documents refer to it, and Prefect would take it from them without a word: ${documents.join(", ")}. Delete them first, or all together with { cascade: true }.`,
    { documents },
  );
}

/** The same error, saying what is gone already: Prefect deletes one document at a time. */
function halfDeleted(error: unknown, gone: readonly WireDocument[]): unknown {
  if (!isAshlarError(error)) return error;
  const documents = places(gone);
  return new AshlarError(error.code, `${error.message} Deleted before that: ${documents.join(", ")}.`, { ...error.details, documents });
}

/** Refuses to delete documents along with something, unless it is asked for, and never those that others refer to. */
function refuseUsed(what: string, documents: readonly WireDocument[], all: readonly WireDocument[], cascade: boolean): void {
  if (cascade) refuseReferred(withReferrers(documents, all).slice(documents.length));
  if (cascade || documents.length === 0) return;
  const found = places(documents);
  throw new AshlarError(
    "ERR_REFERENCED",
    `${what} ${found.length} document${found.length === 1 ? "" : "s"}: ${found.slice(0, 5).join(", ")}${found.length > 5 ? ", …" : ""}. Delete them first, or all together with { cascade: true }.`,
    { documents: found },
  );
}

/**
 * Block documents on a Prefect server: found, listed, written, deleted (protocol.md §2.5, §4). Touches the client; its callers know what a store is.
 * @module
 */
import { AshlarError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { DocumentKey, Draft, ListQuery } from "../stores/store.ts";
import type { WireDocument, WireSchema } from "../wire.ts";
import { readDocument, readDocuments } from "./answers.ts";
import type { Answer, Call, PrefectClient } from "./client.ts";
import { checkMasks, holdsMask } from "./documents.ts";
import { explained } from "./explained.ts";
import { detailOf } from "./failures.ts";
import { readAll, readByIds } from "./pages.ts";

/** How often an overwrite is tried again when the document comes or goes at the same time. */
const OVERWRITE_TRIES = 20;

/** The documents of one server. */
export class BlockDocuments {
  readonly #client: PrefectClient;
  /** What a list has not given yet, so that its next page is not read from the beginning. */
  #rest: { readonly query: string; readonly after: string; readonly ids: readonly string[] } | undefined;

  constructor(client: PrefectClient) {
    this.#client = client;
  }

  /** One document, or null; anonymous ones are found by name, too. */
  async find(key: DocumentKey, secrets: boolean): Promise<WireDocument | null> {
    const path =
      "id" in key
        ? `/block_documents/${encodeURIComponent(key.id)}`
        : `/block_types/slug/${encodeURIComponent(key.type)}/block_documents/name/${encodeURIComponent(key.name)}`;
    const call: Call = { method: "GET", path: `${path}?include_secrets=${secrets}`, effect: "read", accept: [404] };
    const answer = await this.#client.call(call);
    return answer.status === 404 ? null : readDocument(this.#client, call, answer);
  }

  /** Those of the ids that are there. */
  byIds(ids: readonly string[], secrets: boolean): Promise<Map<string, WireDocument>> {
    return readByIds(ids, (some) => this.#filter({ block_documents: { id: { any_: some }, is_anonymous: null } }, secrets));
  }

  /** All documents in the order of stores, which no server's sort and collation gives. @param anonymous null: both kinds. */
  async all(type: string | undefined, anonymous: boolean | null, secrets: boolean): Promise<WireDocument[]> {
    const filter = { block_documents: { is_anonymous: anonymous === null ? null : { eq_: anonymous } } };
    const found = await this.#filter(type === undefined ? filter : { ...filter, block_types: { slug: { any_: [type] } } }, secrets);
    return found.sort((a, b) => order(a.block_type.slug, b.block_type.slug) || order(a.name, b.name));
  }

  /** A page of {@link all}. */
  async page({ type, anonymous = false, after, limit = 1000 }: ListQuery, secrets: boolean): Promise<WireDocument[]> {
    const query = JSON.stringify([type, anonymous]);
    const from = after && `${after.type}/${after.name}`;
    let page: WireDocument[];
    let rest: readonly string[];
    if (from !== undefined && this.#rest?.query === query && this.#rest.after === from) {
      const ids = this.#rest.ids.slice(0, limit);
      const found = await this.byIds(ids, secrets);
      page = ids.flatMap((id) => found.get(id) ?? []);
      rest = this.#rest.ids.slice(limit);
    } else {
      const isLater = ({ block_type: { slug }, name }: WireDocument) =>
        after === undefined || (order(slug, after.type) || order(name, after.name)) > 0;
      const later = (await this.all(type, anonymous, secrets)).filter(isLater);
      page = later.slice(0, limit);
      rest = later.slice(limit).map(({ id }) => id);
    }
    const last = page.at(-1);
    this.#rest = last && { query, after: `${last.block_type.slug}/${last.name}`, ids: rest };
    return page;
  }

  #filter(filter: JsonObject, secrets: boolean): Promise<WireDocument[]> {
    const body = { ...filter, include_secrets: secrets, sort: "BLOCK_TYPE_AND_NAME_ASC" };
    return readAll(this.#client, "/block_documents/filter", body, readDocuments);
  }

  /**
   * Creates a document.
   * @param again whether a second time does no harm: what has the name is replaced.
   * @returns without secrets; null when the name is taken. @throws AshlarError as {@link explained}; `ERR_OUTCOME_UNKNOWN`.
   */
  async create(draft: Draft, schema: WireSchema, data: JsonObject, again: boolean): Promise<WireDocument | null> {
    const { type, name, anonymous = false } = draft;
    const body = { name, data, block_schema_id: schema.id, block_type_id: schema.block_type_id, is_anonymous: anonymous };
    const call: Call = {
      ...{ method: "POST", path: "/block_documents/", body: JSON.stringify(body), confidential: true, accept: [400, 409, 500] },
      effect: again || anonymous ? "repeat" : "once",
    };
    const answer = await this.#client.call(call);
    if (answer.error === undefined) return readDocument(this.#client, call, answer);
    if (answer.status !== 409 || isIntegrity(answer)) throw await this.#explained(draft, schema, answer);
    // A name that was made for it is nobody else's: an attempt whose answer was lost did it.
    return anonymous && answer.repeated ? this.find({ type, name }, false) : null;
  }

  /** Replaces the document that has the draft's name, or creates it. @returns without secrets. */
  async replace(draft: Draft, schema: WireSchema, data: JsonObject): Promise<WireDocument> {
    const { type, name } = draft;
    for (let attempt = 1; attempt <= OVERWRITE_TRIES; attempt++) {
      // It is asked for first: mostly it is there, and an asterisk too many must not be taken for a mask.
      const before = await this.find({ type, name }, holdsMask(data));
      const saved = before ? await this.#change(draft, schema, data, before) : await this.create(draft, schema, data, true);
      if (saved) return saved;
    }
    throw new AshlarError("ERR_CONFLICT", `${type}/${name} comes and goes: others create and delete it all the time.`, { type, name });
  }

  /** Writes all of a document anew; a merging change would keep keys that it has no longer. @returns null when it is gone. */
  async #change(draft: Draft, schema: WireSchema, data: JsonObject, before: WireDocument): Promise<WireDocument | null> {
    if (holdsMask(data)) checkMasks(draft, data, before);
    const body = JSON.stringify({ block_schema_id: schema.id, data, merge_existing_data: false });
    const answer = await this.#client.call({
      ...{ method: "PATCH", path: `/block_documents/${before.id}`, body, confidential: true, accept: [400, 404, 409, 500] },
      effect: "repeat",
    });
    if (answer.status === 404) return null;
    if (answer.error !== undefined) throw await this.#explained(draft, schema, answer, before.id);
    return this.find({ id: before.id }, false);
  }

  /** Deletes a document; one that is gone already is no error. */
  async delete(id: string): Promise<void> {
    await this.#client.call({ method: "DELETE", path: `/block_documents/${id}`, effect: "repeat", accept: [404] });
  }

  #explained(draft: Draft, schema: WireSchema, answer: Answer, ownId?: string): Promise<AshlarError> {
    return explained(this.#client, draft, schema, answer, (ids) => this.byIds(ids, false), ownId);
  }
}

/** Whether a 409 is of a schema or a reference that is not there, rather than of a name that is taken. */
function isIntegrity({ body }: Answer): boolean {
  return /integrity|constraint/i.test(detailOf(JSON.stringify(body)) ?? "");
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

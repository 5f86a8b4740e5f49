/**
 * Our own server as a store: everything of the contract over its HTTP API (docs/http-api.md). Touches the contract, and what lies in ../api.
 * @module
 */
import { type AccessToken, checkGrant, type TokenGrant, tokenForm, unknownToken } from "../access-token.ts";
import { bodies } from "../api/answers.ts";
import { type ApiCall, type ApiClient, type ApiClientOptions, openApiClient } from "../api/client.ts";
import { toldError } from "../api/failures.ts";
import { closedDocument, MOST_ITEMS, type SaveBody } from "../api/shapes.ts";
import { AshlarError, isAshlarError } from "../errors.ts";
import { Secret } from "../secret.ts";
import { isSlug } from "../slug.ts";
import type { AccessTokens } from "./access-tokens.ts";
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

type Query = NonNullable<ApiCall<unknown>["query"]>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The store behind a server of Ashlar. Nothing is asked of the server yet.
 * @param url `https://HOST[:PORT][/PREFIX]`, or the same with `http` for this machine.
 * @throws AshlarError `ERR_INVALID`, `ERR_WRONG_KEY` as {@link openApiClient}.
 */
export async function openHttpStore(url: string, options: ApiClientOptions = {}): Promise<Store> {
  return new HttpStore(openApiClient(url, options));
}

class HttpStore implements Store {
  readonly url: string;
  readonly accessTokens: AccessTokens;
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.url = client.url;
    this.#client = client;
    this.accessTokens = accessTokensOf(client);
  }

  async load(key: DocumentKey): Promise<readonly Document[]> {
    const { documents } = await this.#get(`/secrets${this.#pathOf(key)}`, bodies.opened);
    return documents.map(closedDocument);
  }

  async loadPage(query: ListQuery = {}): Promise<readonly LoadedItem[]> {
    return this.#paged(query, (page) => this.#loadedItems({ method: "GET", path: "/secrets", query: page, effect: "read" }));
  }

  async loadMany(ids: readonly string[]): Promise<readonly LoadedItem[]> {
    return this.#inParts(ids, (part) => this.#loadedItems({ method: "POST", path: "/secrets/query", body: { ids: part }, effect: "read" }));
  }

  async #loadedItems(call: Omit<ApiCall<unknown>, "answer">): Promise<LoadedItem[]> {
    const { items, documents } = await this.#client.call({ ...call, answer: bodies.openedPage });
    const byId = new Map(documents.map((document) => [document.id, closedDocument(document)]));
    return items.map(({ documents: ids, error, ...place }) => ({
      ...place,
      ...(ids && { documents: ids.flatMap((id) => byId.get(id) ?? []) }),
      ...(error && { error: toldError(this.url, error) }),
    }));
  }

  async inspect(key: DocumentKey): Promise<MaskedDocument> {
    return this.#get(`/documents${this.#pathOf(key)}`, bodies.document);
  }

  async inspectMany(ids: readonly string[]): Promise<readonly MaskedDocument[]> {
    const all = await this.#inParts(ids, async (part) => {
      const call = { method: "POST", path: "/documents/query", body: { ids: part }, effect: "read" } as const;
      return (await this.#client.call({ ...call, answer: bodies.documents })).documents;
    });
    return [...new Map(all.map((document) => [document.id, document])).values()];
  }

  async save(draft: Draft, { overwrite, ifRevision }: WriteCondition = {}): Promise<MaskedDocument> {
    checkDraft(draft, Number.MAX_SAFE_INTEGER); // how large it may be the server knows
    const { type, name, anonymous, schema, version, data, references, secrets } = draft;
    const set = Object.entries(secrets).map(([at, secret]) => [at, { set: secret.reveal() }]);
    const body: SaveBody = { schema, version, anonymous, data, references, secrets: Object.fromEntries(set) };
    return this.#client.call({
      method: "PUT",
      path: `/documents/${type}/${name}`,
      query: { overwrite: ifRevision === undefined && overwrite === true ? true : undefined },
      headers: ifRevision === undefined ? (overwrite ? {} : { "if-none-match": "*" }) : { "if-match": `"${ifRevision}"` },
      body,
      answer: bodies.document,
      effect: "once",
    });
  }

  async delete(
    key: DocumentKey,
    options: { cascade?: boolean | undefined; ifRevision?: number | undefined } = {},
  ): Promise<readonly Reference[]> {
    const headers = options.ifRevision === undefined ? {} : { "if-match": `"${options.ifRevision}"` };
    return this.#delete(`/documents${this.#pathOf(key)}`, options.cascade, headers);
  }

  async list(query: ListQuery = {}): Promise<readonly MaskedDocument[]> {
    return this.#paged(query, async (page) => (await this.#get("/documents", bodies.documents, page)).documents);
  }

  async names(query: { type?: string | undefined; anonymous?: boolean | undefined } = {}) {
    return (await this.#get("/names", bodies.names, query)).names;
  }

  async saveType({ slug, ...type }: BlockType, options: { update?: boolean | undefined } = {}) {
    const call = {
      method: "PUT",
      path: `/types/${segment(slug)}`,
      query: { update: options.update },
      body: type,
      effect: "repeat",
    } as const;
    return this.#client.call({ ...call, answer: bodies.savedType });
  }

  async saveSchema(schema: BlockSchema) {
    return this.#client.call({ method: "POST", path: "/schemas", body: schema, answer: bodies.savedSchema, effect: "repeat" });
  }

  async type(key: { slug: string } | { id: string }): Promise<StoredType | null> {
    if ("id" in key) return (await this.#get("/types", bodies.types, { id: key.id })).types[0] ?? null;
    return isSlug(key.slug) ? this.#orNull(this.#get(`/types/${key.slug}`, bodies.type)) : null;
  }

  async types(): Promise<readonly StoredType[]> {
    return (await this.#get("/types", bodies.types)).types;
  }

  async schema(key: SchemaKey): Promise<StoredSchema | null> {
    if ("id" in key) return UUID.test(key.id) ? this.#orNull(this.#get(`/schemas/${key.id}`, bodies.schema)) : null;
    const { type, checksum, version } = key;
    return isSlug(type) ? this.#orNull(this.#get(`/types/${type}/schema`, bodies.schema, { checksum, version })) : null;
  }

  async schemas({ type }: { type?: string | undefined } = {}): Promise<readonly StoredSchema[]> {
    return (await this.#get("/schemas", bodies.schemas, { type })).schemas;
  }

  async deleteType(slug: string, options: { cascade?: boolean | undefined } = {}): Promise<readonly Reference[]> {
    if (!isSlug(slug)) throw new AshlarError("ERR_NOT_FOUND", "There is no such block type.", { store: this.url });
    return this.#delete(`/types/${slug}`, options.cascade);
  }

  async deleteSchema(id: string, options: { cascade?: boolean | undefined } = {}): Promise<readonly Reference[]> {
    if (!UUID.test(id)) throw new AshlarError("ERR_NOT_FOUND", "There is no such schema.", { store: this.url });
    return this.#delete(`/schemas/${id}`, options.cascade);
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  #get<T>(path: string, answer: ApiCall<T>["answer"], query: Query = {}): Promise<T> {
    return this.#client.call({ method: "GET", path, query, answer, effect: "read" });
  }

  async #delete(path: string, cascade: boolean | undefined, headers: Record<string, string> = {}): Promise<readonly Reference[]> {
    const call = { method: "DELETE", path, query: { cascade }, headers, answer: bodies.deleted, effect: "once" } as const;
    return (await this.#client.call(call)).deleted;
  }

  /** What is not there, told by the server itself, as null. */
  async #orNull<T>(answer: Promise<T>): Promise<T | null> {
    try {
      return await answer;
    } catch (error) {
      if (isAshlarError(error, "ERR_NOT_FOUND")) return null;
      throw error;
    }
  }

  /** All of a query, in pages as large as the server gives them. */
  async #paged<T extends Reference>(query: ListQuery, page: (query: Query) => Promise<readonly T[]>): Promise<readonly T[]> {
    const { type, anonymous, limit = MOST_ITEMS } = query;
    const found: T[] = [];
    for (let { after } = query; ; after = found.at(-1)) {
      const wanted = Math.min(limit - found.length, MOST_ITEMS);
      const items = await page({ type, anonymous, limit: wanted, after: after && `${after.type}/${after.name}` });
      found.push(...items);
      if (items.length < wanted || found.length >= limit) return found;
    }
  }

  /** Many ids in as many requests as they take. */
  async #inParts<T>(ids: readonly string[], ask: (part: readonly string[]) => Promise<readonly T[]>): Promise<T[]> {
    const found: T[] = [];
    for (let from = 0; from < ids.length; from += MOST_ITEMS) found.push(...(await ask(ids.slice(from, from + MOST_ITEMS))));
    return found;
  }

  /** @throws AshlarError `ERR_NOT_FOUND` for what can be the name of no document */
  #pathOf(key: DocumentKey): string {
    if ("id" in key && UUID.test(key.id)) return `/${key.id}`;
    if (!("id" in key) && isSlug(key.type) && isSlug(key.name)) return `/${key.type}/${key.name}`;
    throw new AshlarError("ERR_NOT_FOUND", "There is no such document.", { store: this.url });
  }
}

function segment(text: string): string {
  if (isSlug(text)) return text;
  throw new AshlarError("ERR_INVALID", "A block type's slug consists of lower-case letters, digits and dashes.");
}

function accessTokensOf(client: ApiClient): AccessTokens {
  return {
    async create(grant: TokenGrant) {
      checkGrant(grant);
      const { name, roles, types, names, expires } = grant;
      const body = { name, roles, types, names, expires };
      const made = await client.call({ method: "POST", path: "/tokens", body, answer: bodies.newToken, effect: "once" });
      return { token: made.token as AccessToken, text: new Secret(made.text) };
    },
    async list() {
      return (await client.call({ method: "GET", path: "/tokens", answer: bodies.tokens, effect: "read" })).tokens;
    },
    async revoke(name) {
      if (!isSlug(name)) throw unknownToken(name, []);
      return (await client.call({ method: "DELETE", path: `/tokens/${name}`, answer: bodies.token, effect: "repeat" })).token;
    },
    async verify(text) {
      if (tokenForm(text) !== "whole") return null;
      try {
        return (await client.call({ method: "GET", path: "/me", token: text, answer: bodies.caller, effect: "read" })).token;
      } catch (error) {
        if (isAshlarError(error, "ERR_DENIED")) return null;
        throw error;
      }
    },
  };
}

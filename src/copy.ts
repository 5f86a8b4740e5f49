/**
 * Documents from one store to another, any to any, those referred to before those that refer to them. Touches the store's contract only.
 *
 * What is there already and equal is left alone, so that what was interrupted goes on when it is run again. What was written is read back and
 * compared, by fingerprints under a key that ends with the process. Values pass through memory only.
 * @module
 */
import { createHmac, randomBytes } from "node:crypto";
import { AshlarError, isAshlarError } from "./errors.ts";
import { canonicalJson, type Json, parseLossless, pointerParts } from "./json.ts";
import type { Secret } from "./secret.ts";
import type { Document, DocumentKey, Draft, LoadedItem, Reference, Store } from "./stores/store.ts";

/** How documents are copied. */
export interface CopyOptions {
  /** What to do with a document that is there already and differs. Default: it fails. */
  readonly existing?: "skip" | "overwrite" | undefined;
  /** Write nothing. Default false. */
  readonly dryRun?: boolean | undefined;
  /** Copies in place of references below the top level, which a Prefect server does not keep. Default false. */
  readonly inline?: boolean | undefined;
}

/** What was done with one document, or would be. */
export interface Copied {
  readonly type: string;
  readonly name: string;
  readonly action: "create" | "overwrite" | "unchanged" | "skip" | "failed";
  /** Why it failed. */
  readonly error?: AshlarError | undefined;
}

/**
 * Copies documents with all that they refer to, their types and their schemas; without keys all documents, and all types.
 * @yields each document once, when it was copied; one that fails does not stop the rest.
 * @throws AshlarError when a store cannot be used at all.
 */
export async function* copyDocuments(
  from: Store,
  to: Store,
  keys: readonly DocumentKey[],
  options: CopyOptions = {},
): AsyncGenerator<Copied, void> {
  const copy = new Copy(from, to, options);
  if (keys.length === 0) for (const { slug } of await from.types()) await copy.allSchemas(slug);
  for await (const item of keys.length > 0 ? named(from, keys) : everything(from)) yield* copy.item(item);
}

async function* named(from: Store, keys: readonly DocumentKey[]): AsyncGenerator<LoadedItem> {
  for (const key of keys) {
    const documents = await from.load(key);
    const [{ id, type, name }] = documents as [Document];
    yield { id, type, name, documents };
  }
}

const PAGE = 200;

async function* everything(from: Store): AsyncGenerator<LoadedItem> {
  for (const anonymous of [false, true]) {
    for (let after: { type: string; name: string } | undefined; ; ) {
      const page = await from.loadPage({ anonymous, after, limit: PAGE });
      yield* page;
      if (page.length < PAGE) break;
      after = page.at(-1);
    }
  }
}

class Copy {
  readonly #from: Store;
  readonly #to: Store;
  readonly #options: CopyOptions;
  readonly #fingerprintKey = randomBytes(32);
  /** Where each document is in the other store, by the id that it has here; null where copying it failed. */
  readonly #done = new Map<string, Reference | null>();
  readonly #registered = new Map<string, Promise<void>>();

  constructor(from: Store, to: Store, options: CopyOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
  }

  async *item({ id, type, name, documents, error }: LoadedItem): AsyncGenerator<Copied, void> {
    if (error) {
      this.#done.set(id, null);
      yield { type, name, action: "failed", error };
      return;
    }
    const byId = new Map((documents ?? []).map((document) => [document.id, document]));
    for (const document of leavesFirst(id, byId)) {
      if (this.#done.has(document.id)) continue;
      const copied = await this.#document(document, byId).catch((thrown: unknown): Copied => {
        if (!isAshlarError(thrown) || STORE_ERRORS.some((code) => code === thrown.code)) throw thrown;
        this.#done.set(document.id, null);
        return { type: document.type, name: document.name, action: "failed", error: thrown };
      });
      yield copied;
    }
  }

  async #document(document: Document, byId: ReadonlyMap<string, Document>): Promise<Copied> {
    const { type, name } = document;
    const draft = this.#draft(document, byId);
    const there = await loadedOrNull(this.#to, { type, name });
    const done = (action: Copied["action"], id = there?.id): Copied => {
      this.#done.set(document.id, { id: id ?? `new ${type}/${name}`, type, name });
      return { type, name, action };
    };
    if (there && this.#fingerprint(there) === this.#fingerprint(draft)) return done("unchanged");
    const { existing, dryRun } = this.#options;
    if (there && existing === "skip") return done("skip");
    if (there && existing !== "overwrite")
      throw new AshlarError(
        "ERR_EXISTS",
        `${type}/${name} is in ${this.#to.url} already, and differs: --overwrite replaces it, --skip leaves it.`,
        {
          type,
          name,
        },
      );
    if (dryRun) return done(there ? "overwrite" : "create");
    await this.#schemas(type, document.schema);
    const saved = await this.#to.save(draft, { overwrite: there !== null });
    const [read] = await this.#to.load({ id: saved.id });
    if (!read || this.#fingerprint(read) !== this.#fingerprint(draft))
      throw new AshlarError(
        "ERR_CONFLICT",
        `${type}/${name} is not in ${this.#to.url} what was written: someone else wrote it, or the store keeps it otherwise.`,
        {
          type,
          name,
        },
      );
    return done(there ? "overwrite" : "create", saved.id);
  }

  /** The document as the other store takes it, its references pointing to what was copied. */
  #draft({ type, name, anonymous, schema, data, references, secrets }: Document, byId: ReadonlyMap<string, Document>): Draft {
    let draft = { data, references: {} as Record<string, Reference>, secrets: { ...secrets } };
    for (const [at, reference] of Object.entries(references)) {
      const child = byId.get(reference.id);
      const place = this.#done.get(reference.id);
      if (!child || !place) throw lost(`${type}/${name}`, at, reference);
      if (this.#options.inline && pointerParts(at).length > 1) draft = inlined(draft, at, this.#draft(child, byId));
      else draft.references[at] = place;
    }
    return { type, name, schema, ...draft, ...(anonymous && { anonymous }) };
  }

  #fingerprint({ schema, data, references, secrets }: Pick<Draft, "schema" | "data" | "references" | "secrets">): string {
    const to = Object.fromEntries(Object.entries(references).map(([at, { type, name }]) => [at, `${type}/${name}`]));
    const revealed = Object.fromEntries(Object.entries(secrets).map(([at, secret]) => [at, secret.reveal()]));
    return createHmac("sha256", this.#fingerprintKey)
      .update(canonicalJson([schema, data, to, revealed]))
      .digest("base64");
  }

  /** A type with all its schemas, the oldest first. */
  async allSchemas(type: string): Promise<void> {
    if (this.#options.dryRun) return;
    await this.#type(type);
    for (const { checksum } of (await this.#from.schemas({ type })).toReversed()) await this.#schemas(type, checksum);
  }

  /** A schema and those that it refers to, leaves first, each with its type. */
  #schemas(type: string, checksum: string): Promise<void> {
    return this.#once(`${type} ${checksum}`, async () => {
      const schema = await this.#from.schema({ type, checksum });
      await this.#type(type);
      if (!schema) return; // the document stands without it here too
      const { block_schema_references: nested = {} } = parseLossless(schema.fields) as {
        block_schema_references?: Record<string, unknown>;
      };
      for (const { block_type_slug: slug, block_schema_checksum: of } of Object.values(nested).flat() as Record<string, unknown>[])
        if (typeof slug === "string" && typeof of === "string") await this.#schemas(slug, of);
      await this.#to.saveSchema(schema);
    });
  }

  #type(slug: string): Promise<void> {
    return this.#once(slug, async () => {
      const type = await this.#from.type({ slug });
      if (!type)
        throw new AshlarError(
          "ERR_UNKNOWN_TYPE",
          `${this.#from.url} has documents of the block type ${slug} and does not know it: register it there.`,
          { type: slug },
        );
      const { name, description, logoUrl, documentationUrl, codeExample } = type;
      await this.#to.saveType({ slug, name, description, logoUrl, documentationUrl, codeExample });
    });
  }

  #once(what: string, work: () => Promise<void>): Promise<void> {
    let running = this.#registered.get(what);
    if (!running) this.#registered.set(what, (running = work()));
    return running;
  }
}

/** What concerns a store as a whole: nothing more can be copied then. */
const STORE_ERRORS = ["ERR_UNREACHABLE", "ERR_DENIED", "ERR_NO_STORE", "ERR_NO_KEY", "ERR_OUTCOME_UNKNOWN"] as const;

function leavesFirst(root: string, byId: ReadonlyMap<string, Document>): Document[] {
  const ordered = new Map<string, Document>();
  const begun = new Set<string>();
  const visit = (id: string) => {
    const document = byId.get(id);
    if (!document || begun.has(id)) return;
    begun.add(id);
    for (const reference of Object.values(document.references)) visit(reference.id);
    ordered.set(id, document);
  };
  visit(root);
  return [...ordered.values()];
}

async function loadedOrNull(store: Store, key: DocumentKey): Promise<Document | null> {
  try {
    return (await store.load(key))[0] ?? null;
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) return null;
    throw error;
  }
}

/** A child's values in the place of a reference to it, as a block that was never saved is stored. */
function inlined<D extends Pick<Draft, "data" | "references" | "secrets">>(draft: D, at: string, child: Draft): D {
  const put = (node: Json, [part, ...rest]: readonly string[]): Json => {
    if (part === undefined) return { ...child.data, block_type_slug: child.type };
    if (Array.isArray(node)) return node.map((item: Json, index) => (String(index) === part ? put(item, rest) : item));
    return { ...(node as object), [part]: put((node as Record<string, Json>)[part] ?? null, rest) };
  };
  const below = <T>(entries: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(entries).map(([place, value]) => [`${at}${place}`, value]));
  return {
    ...draft,
    data: put(draft.data, pointerParts(at)),
    references: { ...draft.references, ...below(child.references) },
    secrets: { ...draft.secrets, ...below<Secret<Json>>(child.secrets) },
  };
}

function lost(from: string, at: string, to: Reference): AshlarError {
  return new AshlarError(
    "ERR_BROKEN_REFERENCE",
    `${from} refers at ${pointerParts(at).join(".")} to ${to.type}/${to.name}, which is not there or could not be copied.`,
    { documents: [`${to.type}/${to.name}`] },
  );
}

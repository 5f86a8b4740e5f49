/**
 * The types and schemas around documents, as text. Each is read once and kept as long as the store says that nothing was changed, by anybody. Touches the
 * store's contract.
 * @module
 */
import type { MaskedDocument, Store, StoredType } from "../stores/store.ts";
import type { Schemas } from "./schemas.ts";
import { NO_ID, schemaText, typeText } from "./wire-text.ts";

/** What of a document can be read where it cannot be opened. */
export type BareDocument = Pick<MaskedDocument, "id" | "type" | "name"> & Partial<Omit<MaskedDocument, "secrets">>;

/** A block type. */
export interface TypeText {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

/** A block schema. */
interface SchemaText {
  readonly id: string;
  readonly text: string;
}

/** Gives replies what is around their documents. */
export class Surroundings {
  readonly #store: Store;
  readonly #schemas: Schemas;
  #stamp: string | undefined;
  #around: Around;

  constructor(store: Store, schemas: Schemas) {
    this.#store = store;
    this.#schemas = schemas;
    this.#around = new Around(store, schemas);
  }

  /** For one reply; asked for when its documents were read, so that it is not older than they are. */
  async now(): Promise<Around> {
    return this.#of(await this.#store.stamp?.());
  }

  /**
   * For one reply, not older than its request; where something was not there, it is found out whether it has come since.
   * @param since the store's stamp when the request came; undefined where it has none.
   */
  at(since: string | undefined): Around | Promise<Around> {
    const around = this.#of(since);
    return around.hasGaps ? this.now() : around;
  }

  #of(stamp: string | undefined): Around {
    if (stamp === undefined || stamp !== this.#stamp) this.#around = new Around(this.#store, this.#schemas);
    this.#stamp = stamp;
    return this.#around;
  }
}

/** The types and schemas around some documents. */
export class Around {
  readonly #store: Store;
  readonly #schemas: Schemas;
  readonly #types = new Map<string, Promise<TypeText>>();
  readonly #schemaTexts = new Map<string, Promise<SchemaText>>();
  /** Whether something was not there when it was asked for. */
  hasGaps = false;

  constructor(store: Store, schemas: Schemas) {
    this.#store = store;
    this.#schemas = schemas;
  }

  /** A type; one that is not registered has but its slug. */
  type(slug: string): Promise<TypeText> {
    return once(this.#types, slug, () => this.#readType(slug));
  }

  /** The schema that a document was saved under; null where it is gone. */
  schema(document: BareDocument): Promise<SchemaText> {
    return once(this.#schemaTexts, `${document.type} ${document.schema} ${document.version}`, () => this.#readSchema(document));
  }

  async #readType(slug: string): Promise<TypeText> {
    const found = await this.#store.type({ slug });
    if (!found) this.hasGaps = true;
    const type = found ?? unregistered(slug);
    return { id: type.id, name: type.name, text: typeText(type) };
  }

  async #readSchema({ type, schema = "", version }: BareDocument): Promise<SchemaText> {
    const found = await this.#schemas.of({ type, schema, version });
    if (!found) this.hasGaps = true;
    return found ? { id: found.id, text: schemaText(found, await this.type(found.type)) } : { id: NO_ID, text: "null" };
  }
}

/** A value by key, read once; a failure is not kept. */
function once<T>(known: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> {
  const before = known.get(key);
  if (before) return before;
  const reading = read();
  known.set(key, reading);
  reading.catch(() => known.delete(key));
  return reading;
}

function unregistered(slug: string): StoredType {
  const nothing = { description: null, logoUrl: null, documentationUrl: null, codeExample: null, created: "", updated: "" };
  return { ...nothing, id: NO_ID, slug, name: slug };
}

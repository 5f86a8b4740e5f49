/**
 * `Block` and `Block.define`: the class that users extend. Touches every part of the core; nothing of the core touches it.
 * @module
 */
import { randomUUID } from "node:crypto";
import type { z } from "zod";
import { currentStore } from "./current-store.ts";
import { type Check, type Fields, type Metadata, makeDefinition, type Reserved } from "./define.ts";
import {
  type AnyBlock,
  type AnyBlockClass,
  CheckedValues,
  DEFINITION,
  type Definition,
  type DocumentLink,
  isBlockClass,
  LINK,
  linkOf,
  type Parsed,
  setLink,
} from "./definition.ts";
import { encodedFields, fromDocuments, toDraft } from "./document.ts";
import { AshlarError, invalid, isAshlarError } from "./errors.ts";
import type { BlockSchema } from "./fields.ts";
import { type JsonObject, plainNumbers } from "./json.ts";
import { registerClass, saveRegistered } from "./registration.ts";
import { remember } from "./registry.ts";
import { checksumOf, schemaFields } from "./schema.ts";
import { checkDocumentName, slugify, splitReference } from "./slug.ts";
import type { Document, LoadedItem, MaskedDocument, Reference, Registered, Store } from "./stores/store.ts";
import { freeze, masked, same, valuesOf } from "./values.ts";

type SchemaFor<T> = T extends z.ZodType ? T : T extends AnyBlockClass ? BlockSchema<T> : never;
type ShapeOf<F> = { -readonly [K in keyof F]: SchemaFor<F[K]> };
/** What `new X()` takes: zod's input type; a nested block as instance or fields, a secret as value or `Secret`. */
export type InputOf<F> = z.input<z.ZodObject<ShapeOf<F>>>;
/** What an instance holds: zod's output type. Of no fields, nothing: zod says "no property at all" then, which would rule out methods. */
export type ValuesOf<F> = keyof F extends never ? unknown : { readonly [K in keyof OutputOf<F>]: OutputOf<F>[K] };
type OutputOf<F> = z.output<z.ZodObject<ShapeOf<F>>>;
/** Refuses reserved names at compile time, with a sentence. */
type Allowed<F> = {
  readonly [K in keyof F]: K extends Reserved
    ? `"${K & string}" is reserved: every block has it already. Rename this field and pin its key with .meta({ key })`
    : F[K];
};

/** What {@link Block.define} takes. */
export interface BlockOptions<F extends Fields> extends Metadata {
  readonly fields: F & Allowed<F>;
  /**
   * A check over all fields together. Call `refuse` with a sentence, and the field it concerns, for each thing that does not fit; never put a
   * value into the sentence.
   */
  readonly check?: (values: ValuesOf<F>, refuse: (message: string, field?: keyof F & string) => void) => void;
}

/** What {@link BlockClass.extend} takes: everything is inherited but what is given; a new name makes a new type. */
export interface ExtendOptions<F extends Fields, G extends Fields> extends Partial<Metadata> {
  readonly fields?: G & Allowed<G>;
  /** A further check; the inherited ones stay. */
  readonly check?: (values: ValuesOf<Merged<F, G>>, refuse: (message: string, field?: keyof Merged<F, G> & string) => void) => void;
}

type Merged<F, G> = Omit<F, keyof G> & G;
type Methods<C, F> = Omit<C, keyof ValuesOf<F> | keyof Block>;

/** Where to look: the current store unless named. */
export interface StoreOption {
  readonly store?: Store | undefined;
}

/** Names a document by its id, `block.document.id`. */
export interface DocumentId {
  readonly id: string;
}

/** Options of `block.save()`; the default is to create, and to refuse a name that is taken. */
export interface SaveOptions extends StoreOption {
  /** Replace what has the name, whatever it is now. */
  readonly overwrite?: boolean | undefined;
  /** Replace only this revision, `block.document.revision`: a lost race is `ERR_CONFLICT`. */
  readonly ifRevision?: number | undefined;
  /** Save without a name of its own: one is made up, and lists leave the document out. Default false. */
  readonly anonymous?: boolean | undefined;
  /** Store copies of the saved blocks inside lists, records and other blocks, where a store such as Prefect's keeps no references. Default false. */
  readonly inline?: boolean | undefined;
}

/** The instance side of a block class, beside its fields. */
export interface BlockInstance<F extends Fields> extends Block {
  /**
   * A copy with some fields changed, checked as a whole; `undefined` unsets. It still knows its document, and that it differs from it.
   * @throws AshlarError `ERR_INVALID`
   */
  with(changes: Partial<InputOf<F>>): this;
}

/** What a block class offers, besides making instances. */
export interface BlockStatics<F extends Fields> {
  readonly [DEFINITION]: Definition;
  /** Identity of the block type. */
  readonly slug: string;
  /** Checksum of the schema, as Prefect computes it. */
  readonly checksum: string;
  /** The schema as Prefect 3.8's Python client makes it of the same class. */
  schema(): JsonObject;
  /**
   * The instance saved under a name, or as the document with an id, with everything it refers to.
   * @throws AshlarError `ERR_NOT_FOUND`, `ERR_SCHEMA` when its values do not fit the class, and what stores and keys throw.
   */
  load<C extends AnyBlockClass>(this: C, name: string | DocumentId, options?: StoreOption): Promise<InstanceType<C>>;
  /** Whether a document has that name. @throws AshlarError when the store cannot be asked. */
  exists(name: string, options?: StoreOption): Promise<boolean>;
  /**
   * All instances of this type, by name, read in pages with all they refer to.
   * @param options `onError` is told of each document that cannot be loaded, and the rest goes on; without it, the first such error is thrown.
   */
  loadAll<C extends AnyBlockClass>(this: C, options?: LoadAllOptions): AsyncGenerator<InstanceType<C>, void, undefined>;
  /** The names of all documents of this type, in order. */
  names(options?: StoreOption): Promise<readonly string[]>;
  /** All documents of this type without their secrets, by name. */
  list(options?: StoreOption): Promise<readonly MaskedDocument[]>;
  /**
   * Deletes a document. Refused while others refer to it; `cascade` deletes those too.
   * @returns what was deleted.
   * @throws AshlarError `ERR_NOT_FOUND`, `ERR_REFERENCED`, `ERR_CONFLICT`
   */
  delete(name: string, options?: DeleteOptions): Promise<readonly Reference[]>;
  /** Makes type and schema known to the store, and those of all nested classes. An existing type's metadata stays unless `update` is given. */
  register(options?: RegisterOptions): Promise<readonly Registered[]>;
  /** A base for a class with these fields and more; methods are inherited. A field given again takes the new type. */
  extend<C extends AnyBlockClass, const G extends Fields = Record<never, never>>(
    this: C,
    options: ExtendOptions<F, G>,
  ): BlockStatics<Merged<F, G>> &
    (new (
      input: InputOf<Merged<F, G>>,
    ) => Methods<InstanceType<C>, F> & BlockInstance<Merged<F, G>> & ValuesOf<Merged<F, G>>);
}

/** The static side of a block class. */
export interface BlockClass<F extends Fields> extends BlockStatics<F> {
  new (input: InputOf<F>): BlockInstance<F> & ValuesOf<F>;
}

/** Options of `X.loadAll()`. */
export interface LoadAllOptions extends StoreOption {
  /** Told of each document that cannot be loaded. Default: its error is thrown. */
  readonly onError?: ((error: AshlarError, name: string) => void) | undefined;
}

/** Options of `X.delete()`. */
export interface DeleteOptions extends StoreOption {
  /** Also delete the documents that refer to it, at any distance. */
  readonly cascade?: boolean | undefined;
  /** Delete only this revision. */
  readonly ifRevision?: number | undefined;
}

/** Options of `X.register()`. */
export interface RegisterOptions extends StoreOption {
  /** Write changed metadata over an existing type's. */
  readonly update?: boolean | undefined;
}

/** The class that every block extends, by way of {@link Block.define}. Instances are read-only. */
export abstract class Block implements AnyBlock {
  constructor(input: unknown) {
    const cls = new.target as unknown as AnyBlockClass;
    if (!isBlockClass(cls)) throw new TypeError("A block class is made with `class X extends Block.define({ name, fields }) {}`.");
    remember(cls);
    const definition = cls[DEFINITION];
    const parsed: Parsed = input instanceof CheckedValues ? { values: input.values } : definition.parse(input);
    if ("issues" in parsed) throw invalid(`The fields of ${cls.name} do not fit`, parsed.issues, "ERR_INVALID", { type: definition.slug });
    for (const { name } of definition.fields) {
      const value = parsed.values[name];
      if (value !== undefined) Object.defineProperty(this, name, { value: freeze(value), enumerable: true });
    }
  }

  #link: DocumentLink | null = null;
  /** See `linkOf` and `setLink`. @internal */
  get [LINK](): DocumentLink | null {
    return this.#link;
  }
  set [LINK](link: DocumentLink | null) {
    this.#link = link;
  }

  /** The document that this instance was loaded from or saved as; `null` for one that was never saved. `changed`: it differs from it. */
  get document(): DocumentLink | null {
    return linkOf(this);
  }

  /**
   * Saves under a name, with the type and schema registered before; without a name under the one it has.
   * @returns the instance itself, which now knows its document.
   * @throws AshlarError `ERR_EXISTS` when the name is taken, `ERR_CONFLICT` for a lost race, `ERR_CHANGED_CHILD` when a nested block was
   * changed and not saved, `ERR_CYCLE`, `ERR_LIMIT`, and what stores and keys throw.
   */
  async save(name?: string, options: SaveOptions = {}): Promise<this> {
    const { anonymous, inline, overwrite, ifRevision } = options;
    const chosen = name ?? (anonymous ? `anonymous-${randomUUID()}` : linkOf(this)?.name);
    if (chosen === undefined) throw new TypeError('A block that was never saved needs a name: block.save("my-name").');
    checkDocumentName(chosen);
    const draft = toDraft(this, chosen, { inline });
    const store = options.store ?? (await currentStore());
    const named = anonymous ? { ...draft, anonymous } : draft;
    const saved = await saveRegistered(this.constructor as AnyBlockClass, store, named, { overwrite, ifRevision });
    setLink(this, { id: saved.id, type: saved.type, name: saved.name, revision: saved.revision, changed: false });
    return this;
  }

  /** See {@link BlockInstance.with}, which knows the fields. */
  with(changes: object): this {
    const cls = this.constructor as AnyBlockClass;
    const current = encodedFields(this);
    const copy = new cls({ ...current, ...changes }) as this;
    const link = linkOf(this);
    if (link) setLink(copy, { ...link, changed: link.changed || !copy.equals(this) });
    return copy;
  }

  /** Whether another block is of the same type and has equal fields, secrets included. Where they were saved does not count. */
  equals(other: unknown): boolean {
    const theirs = (other as { constructor?: unknown } | null | undefined)?.constructor;
    const cls = this.constructor as AnyBlockClass;
    return isBlockClass(theirs) && theirs[DEFINITION].slug === cls[DEFINITION].slug && same(valuesOf(this), valuesOf(other as AnyBlock));
  }

  /** The fields, secrets as masks. */
  toJSON(): JsonObject {
    return masked(this) as JsonObject;
  }

  /** `AzureContainer(mtademo-container)`; no values. */
  toString(): string {
    const link = linkOf(this);
    return `${this.constructor.name}(${link === null ? "" : link.name})`;
  }

  /** Makes a base class from fields and metadata: `class X extends Block.define({ name: "X", fields: { … } }) {}`. @throws AshlarError `ERR_DEFINITION` */
  static define<const F extends Fields>(options: BlockOptions<F>): BlockClass<F> {
    const { check, fields, ...metadata } = options;
    return derive(Block as unknown as AnyBlockClass, metadata, fields, check ? [check as Check] : []) as unknown as BlockClass<F>;
  }

  /**
   * The instance that `slug/name` or an id names, of the class that has its type's slug.
   * @param options `classes` are looked at first; else a class is known once it was used in this process.
   * @throws AshlarError as `X.load` does, and `ERR_UNKNOWN_TYPE`
   */
  static async load(reference: string | DocumentId, options: StoreOption & { readonly classes?: readonly unknown[] } = {}): Promise<Block> {
    const key = typeof reference === "string" ? splitReference(reference) : documentId(reference);
    const store = options.store ?? (await currentStore());
    return fromDocuments(await store.load(key), undefined, options.classes) as Block;
  }
}

/** How many documents are read at a time. */
const PAGE = 1000;

/** @throws AshlarError `ERR_INVALID` for what is no id */
function documentId({ id }: DocumentId): DocumentId {
  if (typeof id === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return { id: id.toLowerCase() };
  throw new AshlarError("ERR_INVALID", "A document is named by its name, or by { id } with the id that block.document has: a UUID.");
}

/** A document of another type than the class's is none of its. @throws AshlarError `ERR_SCHEMA` */
function ofType(cls: AnyBlockClass, documents: readonly Document[]): readonly Document[] {
  const { slug } = cls[DEFINITION];
  const [root] = documents;
  if (root === undefined || root.type === slug) return documents;
  throw new AshlarError("ERR_SCHEMA", `The document ${root.type}/${root.name} is of type ${root.type}; ${cls.name} loads type ${slug}.`, {
    type: root.type,
    name: root.name,
  });
}

function fromItem(item: LoadedItem, cls: AnyBlockClass): AnyBlock | AshlarError {
  try {
    return item.error ?? fromDocuments(item.documents ?? [], cls);
  } catch (error) {
    if (isAshlarError(error)) return error;
    throw error;
  }
}

/** Makes the base class: statics live in a closure, since each is asked of the subclass. */
function derive(parent: AnyBlockClass, metadata: Metadata, fields: Fields, checks: readonly Check[]): AnyBlockClass {
  const definition = makeDefinition(metadata, fields, checks);

  return class extends parent {
    static override readonly [DEFINITION] = definition;

    static get slug(): string {
      remember(this);
      return definition.slug;
    }

    static get checksum(): string {
      return checksumOf(this);
    }

    static schema(): JsonObject {
      return plainNumbers(schemaFields(this)) as JsonObject;
    }

    static async load(name: string | DocumentId, options: StoreOption = {}): Promise<AnyBlock> {
      const key = typeof name === "object" && name !== null ? documentId(name) : { type: definition.slug, name };
      if ("name" in key) checkDocumentName(key.name);
      const store = options.store ?? (await currentStore());
      const documents = await store.load(key);
      return fromDocuments("id" in key ? ofType(this, documents) : documents, this);
    }

    static async *loadAll({ store: given, onError }: LoadAllOptions = {}): AsyncGenerator<AnyBlock, void, undefined> {
      const store = given ?? (await currentStore());
      for (let after: { type: string; name: string } | undefined; ; ) {
        const page = await store.loadPage({ type: definition.slug, after, limit: PAGE });
        for (const item of page) {
          const block = fromItem(item, this);
          if (!isAshlarError(block)) yield block;
          else if (onError) onError(block, item.name);
          else throw block;
        }
        if (page.length < PAGE) return;
        after = page.at(-1);
      }
    }

    static async exists(name: string, options: StoreOption = {}): Promise<boolean> {
      checkDocumentName(name);
      const store = options.store ?? (await currentStore());
      try {
        await store.inspect({ type: definition.slug, name });
        return true;
      } catch (error) {
        if (isAshlarError(error, "ERR_NOT_FOUND")) return false;
        throw error;
      }
    }

    static async names(options: StoreOption = {}): Promise<readonly string[]> {
      const store = options.store ?? (await currentStore());
      return (await store.names({ type: definition.slug })).map(({ name }) => name);
    }

    static async list(options: StoreOption = {}): Promise<readonly MaskedDocument[]> {
      const store = options.store ?? (await currentStore());
      const all: MaskedDocument[] = [];
      for (let after: { type: string; name: string } | undefined; ; ) {
        const page = await store.list({ type: definition.slug, after, limit: PAGE });
        all.push(...page);
        if (page.length < PAGE) return all;
        after = page.at(-1);
      }
    }

    static async delete(name: string, options: DeleteOptions = {}): Promise<readonly Reference[]> {
      checkDocumentName(name);
      const store = options.store ?? (await currentStore());
      return store.delete({ type: definition.slug, name }, { cascade: options.cascade, ifRevision: options.ifRevision });
    }

    static async register(options: RegisterOptions = {}): Promise<readonly Registered[]> {
      return registerClass(this, options.store ?? (await currentStore()), options.update === true);
    }

    static extend(options: Partial<Metadata> & { fields?: Fields; check?: Check }): AnyBlockClass {
      const { check, fields: more, ...changes } = options;
      const renamed = changes.name !== undefined && changes.slug === undefined ? { slug: slugify(changes.name) } : {};
      const { schemaText: _own, ...inherited } = metadata;
      return derive(this, { ...inherited, ...changes, ...renamed }, { ...fields, ...more }, check ? [...checks, check] : checks);
    }
  };
}

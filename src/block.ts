/**
 * `Block` and `Block.define`: the class that users extend. Touches every part of the core; nothing of the core touches it.
 * @module
 */
import { z } from "zod";
import { currentStore } from "./current-store.ts";
import {
  type AnyBlock,
  type AnyBlockClass,
  CheckedValues,
  DEFINITION,
  type Definition,
  type DocumentLink,
  type Field,
  isBlockClass,
  linkOf,
  type Parsed,
  setLink,
} from "./definition.ts";
import { fromDocuments, masked, toDraft, valuesOf } from "./document.ts";
import { AshlarError, invalid, isAshlarError } from "./errors.ts";
import { type BlockSchema, block, snakeCase } from "./fields.ts";
import { issuesOf } from "./issues.ts";
import { type JsonObject, plainNumbers } from "./json.ts";
import { remember } from "./registry.ts";
import { checksumOf, reachableClasses, schemaFields } from "./schema.ts";
import { Secret } from "./secret.ts";
import { checkDocumentName, isSlug, slugify, splitReference } from "./slug.ts";
import { orNull, storable } from "./storable.ts";
import type { MaskedDocument, Reference, Registered, Store } from "./stores/store.ts";
import { acceptsNull, isOptional } from "./zod-def.ts";

/** Names that every block has already. */
type Reserved =
  | "save"
  | "with"
  | "equals"
  | "document"
  | "toJSON"
  | "toString"
  | "toLocaleString"
  | "valueOf"
  | "constructor"
  | "then"
  | "blockTypeSlug"
  | `__${string}`;
const RESERVED = new Set([
  "save",
  "with",
  "equals",
  "document",
  "toJSON",
  "toString",
  "toLocaleString",
  "valueOf",
  "constructor",
  "then",
  "blockTypeSlug",
]);

/** The fields of a block class: zod schemas, or block classes to nest, by camelCase name. */
export type Fields = { readonly [name: string]: z.ZodType | AnyBlockClass };

type SchemaFor<T> = T extends z.ZodType ? T : T extends AnyBlockClass ? BlockSchema<T> : never;
type ShapeOf<F> = { -readonly [K in keyof F]: SchemaFor<F[K]> };
/** What `new X()` takes: zod's input type; a nested block as instance or fields, a secret as value or `Secret`. */
export type InputOf<F> = z.input<z.ZodObject<ShapeOf<F>>>;
/** What an instance holds: zod's output type. */
export type ValuesOf<F> = { readonly [K in keyof z.output<z.ZodObject<ShapeOf<F>>>]: z.output<z.ZodObject<ShapeOf<F>>>[K] };
/** Refuses reserved names at compile time, with a sentence. */
type Allowed<F> = {
  readonly [K in keyof F]: K extends Reserved
    ? `"${K & string}" is reserved: every block has it already. Rename this field and pin its key with .meta({ key })`
    : F[K];
};

/** What a block class says of itself; as Prefect has it (protocol.md §7). */
export interface Metadata {
  /** Name of the block type, for people: `"Databricks Credentials"`. */
  readonly name: string;
  /** Identity of the type. Default: made from the name, `databricks-credentials`. */
  readonly slug?: string;
  /** Title of the schema. Default: the name of the class; pin it where a bundler renames classes, since it counts in the checksum. */
  readonly title?: string;
  /** One or more sentences. Default none. */
  readonly description?: string;
  /** Address of a picture. Default none. */
  readonly logoUrl?: string;
  /** Address of a page about it. Default none. */
  readonly documentationUrl?: string;
  /** Markdown that shows how to load it. Default: made from the class's name. */
  readonly codeExample?: string;
  /** What servers can filter by, such as `"write-path"`. Default none. */
  readonly capabilities?: readonly string[];
  /** Version of the package that declares the class. Default `non-versioned`. */
  readonly version?: string;
  /** The schema's own JSON text, where the class was made from a schema and must keep its checksum. Default: made from the fields. */
  readonly schemaText?: string;
}

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

/** Options of `block.save()`; the default is to create, and to refuse a name that is taken. */
export interface SaveOptions extends StoreOption {
  /** Replace what has the name, whatever it is now. */
  readonly overwrite?: boolean | undefined;
  /** Replace only this revision, `block.document.revision`: a lost race is `ERR_CONFLICT`. */
  readonly ifRevision?: number | undefined;
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
   * The instance saved under a name, with everything it refers to.
   * @throws AshlarError `ERR_NOT_FOUND`, `ERR_SCHEMA` when its values do not fit the class, and what stores and keys throw.
   */
  load<C extends AnyBlockClass>(this: C, name: string, options?: StoreOption): Promise<InstanceType<C>>;
  /** Whether a document has that name. @throws AshlarError when the store cannot be asked. */
  exists(name: string, options?: StoreOption): Promise<boolean>;
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
      if (value !== undefined)
        Object.defineProperty(this, name, { value: freeze(value), enumerable: true, writable: false, configurable: false });
    }
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
    const chosen = name ?? linkOf(this)?.name;
    if (chosen === undefined) throw new TypeError('A block that was never saved needs a name: block.save("my-name").');
    checkDocumentName(chosen);
    const draft = toDraft(this, chosen);
    const store = options.store ?? (await currentStore());
    await registered(this.constructor as AnyBlockClass, store);
    const saved = await store.save(draft, { overwrite: options.overwrite, ifRevision: options.ifRevision });
    setLink(this, { id: saved.id, type: saved.type, name: saved.name, revision: saved.revision, changed: false });
    return this;
  }

  /** See {@link BlockInstance.with}, which knows the fields. */
  with(changes: object): this {
    const cls = this.constructor as AnyBlockClass;
    const current = z.encode(cls[DEFINITION].schema, valuesOf(this));
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
   * The instance that `slug/name` names, of the class that has the slug.
   * @param options `classes` are looked at first; else a class is known once it was used in this process.
   * @throws AshlarError as `X.load` does, and `ERR_UNKNOWN_TYPE`
   */
  static async load(reference: string, options: StoreOption & { readonly classes?: readonly unknown[] } = {}): Promise<Block> {
    const key = splitReference(reference);
    const store = options.store ?? (await currentStore());
    return fromDocuments(await store.load(key), undefined, options.classes) as Block;
  }
}

type Check = (values: Record<string, unknown>, refuse: (message: string, field?: string) => void) => void;

/** What `extend` needs of the class it extends. */
const parts = new WeakMap<Definition, { metadata: Metadata; fields: Fields; checks: readonly Check[] }>();

/** Makes the base class: statics live in a closure, since each is asked of the subclass. */
function derive(parent: AnyBlockClass, metadata: Metadata, fields: Fields, checks: readonly Check[]): AnyBlockClass {
  const definition = makeDefinition(metadata, fields, checks);
  parts.set(definition, { metadata, fields, checks });

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

    static async load(name: string, options: StoreOption = {}): Promise<AnyBlock> {
      checkDocumentName(name);
      const store = options.store ?? (await currentStore());
      return fromDocuments(await store.load({ type: definition.slug, name }), this);
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

    static async list(options: StoreOption = {}): Promise<readonly MaskedDocument[]> {
      const store = options.store ?? (await currentStore());
      const all: MaskedDocument[] = [];
      for (let after: { type: string; name: string } | undefined; ; ) {
        const page = await store.list({ type: definition.slug, after, limit: 1000 });
        all.push(...page);
        if (page.length < 1000) return all;
        after = page.at(-1);
      }
    }

    static async delete(name: string, options: DeleteOptions = {}): Promise<readonly Reference[]> {
      checkDocumentName(name);
      const store = options.store ?? (await currentStore());
      return store.delete({ type: definition.slug, name }, { cascade: options.cascade, ifRevision: options.ifRevision });
    }

    static async register(options: RegisterOptions = {}): Promise<readonly Registered[]> {
      return registerAll(this, options.store ?? (await currentStore()), options.update === true);
    }

    static extend(options: Partial<Metadata> & { fields?: Fields; check?: Check }): AnyBlockClass {
      const { check, fields: more, ...changes } = options;
      const renamed = changes.name !== undefined && changes.slug === undefined ? { slug: slugify(changes.name) } : {};
      const { schemaText: _own, ...inherited } = metadata;
      return derive(this, { ...inherited, ...changes, ...renamed }, { ...fields, ...more }, check ? [...checks, check] : checks);
    }
  };
}

const registrations = new WeakMap<Store, WeakMap<AnyBlockClass, Promise<unknown>>>();

/** Registers a class once per store and process; a failure is tried again by the next save. */
async function registered(cls: AnyBlockClass, store: Store): Promise<void> {
  let done = registrations.get(store);
  if (!done) registrations.set(store, (done = new WeakMap()));
  let registration = done.get(cls);
  if (!registration) {
    registration = registerAll(cls, store, false);
    done.set(cls, registration);
    registration.catch(() => done.delete(cls));
  }
  await registration;
}

async function registerAll(cls: AnyBlockClass, store: Store, update: boolean): Promise<readonly Registered[]> {
  const results: Registered[] = [];
  for (const each of [...reachableClasses(cls), cls]) {
    remember(each);
    const { slug, name, description, logoUrl, documentationUrl, codeExample, capabilities, version } = each[DEFINITION];
    const example = codeExample ?? `\`\`\`typescript\nconst block = await ${each.name}.load("BLOCK_NAME");\n\`\`\``;
    results.push(
      await store.register(
        { slug, name, description, logoUrl, documentationUrl, codeExample: example },
        { checksum: checksumOf(each), type: slug, version, capabilities, fields: JSON.stringify(schemaFields(each)) },
        { update },
      ),
    );
  }
  return results;
}

function makeDefinition(metadata: Metadata, fields: Fields, checks: readonly Check[]): Definition {
  const slug = metadata.slug ?? slugify(metadata.name);
  const where = `The block class "${metadata.name}"`;
  if (!isSlug(slug))
    throw new AshlarError("ERR_DEFINITION", `${where} needs a slug of lower-case letters, digits and dashes; "${slug}" is none.`);
  const shape: Record<string, z.ZodType> = {};
  const list: Field[] = [];
  for (const [name, given] of Object.entries(fields)) {
    const declared = isBlockClass(given) ? block(given) : (given as z.ZodType);
    const field = makeField(where, name, declared);
    const taken = list.find((other) => other.key === field.key);
    if (taken)
      throw new AshlarError(
        "ERR_DEFINITION",
        `${where}: the fields ${taken.name} and ${name} would both be stored as "${field.key}"; rename one, or give it a key: .meta({ key: "…" }).`,
        { path: name },
      );
    const { schema } = storable(declared, `${where}: the field ${name}`);
    shape[name] = field.nullIsUnset ? orNull(schema) : schema;
    list.push(field);
  }
  const schema = z.strictObject(shape).superRefine((values, context) => {
    for (const check of checks) {
      check(
        values,
        (message, field) =>
          void context.addIssue({ code: "custom", message, path: field === undefined ? [] : [field], params: { ashlar: true } }),
      );
    }
  }) as unknown as Definition["schema"];
  const names = list.map((field) => field.name);
  return Object.freeze({
    name: metadata.name,
    slug,
    title: metadata.title,
    description: metadata.description ?? null,
    logoUrl: metadata.logoUrl ?? null,
    documentationUrl: metadata.documentationUrl ?? null,
    codeExample: metadata.codeExample ?? null,
    capabilities: metadata.capabilities ?? [],
    version: metadata.version ?? "non-versioned",
    fields: list,
    schemaText: metadata.schemaText,
    schema,
    parse: (input: unknown) => parse(schema, input, names),
  });
}

function makeField(where: string, name: string, declared: z.ZodType): Field {
  if (RESERVED.has(name) || name.startsWith("__"))
    throw new AshlarError("ERR_DEFINITION", `${where}: "${name}" is reserved, every block has it already; rename this field.`, {
      path: name,
    });
  if (!(typeof declared === "object" && declared !== null && "_zod" in declared)) {
    const reason =
      typeof declared === "object" && declared !== null && "_def" in declared
        ? 'is a schema of zod 3; wrap it with fromZod3() of "ashlar/zod3"'
        : "is neither a zod schema nor a block class";
    throw new AshlarError("ERR_DEFINITION", `${where}: the field ${name} ${reason}.`, { path: name });
  }
  const key = keyOf(declared) ?? snakeCase(name);
  if (key === "block_type_slug" || key === "" || key === "__proto__")
    throw new AshlarError(
      "ERR_DEFINITION",
      `${where}: the field ${name} cannot be stored as "${key}"; give it another key: .meta({ key: "…" }).`,
      { path: name },
    );
  return Object.freeze({ name, key, declared, nullIsUnset: isOptional(declared) && !acceptsNull(declared) });
}

/** The key that a field names for itself; it may stand inside `.optional()` and the like. */
function keyOf(declared: z.ZodType): string | undefined {
  const { innerType } = declared._zod.def as { innerType?: z.ZodType };
  return z.globalRegistry.get(declared)?.key ?? (innerType && keyOf(innerType));
}

function parse(schema: Definition["schema"], input: unknown, names: readonly string[]): Parsed {
  let result: z.ZodSafeParseResult<Record<string, unknown>>;
  try {
    result = schema.safeParse(input);
  } catch (error) {
    if (isAshlarError(error)) throw error;
    // What a check of the class throws may quote what it was given: it is not passed on.
    const message =
      error instanceof z.core.$ZodAsyncError
        ? "a check of the class is asynchronous, which is not possible"
        : "a check of the class threw an error";
    return { issues: [{ path: "", message }] };
  }
  return result.success ? { values: result.data } : { issues: issuesOf(result.error, input, names) };
}

/** Makes plain arrays and objects unchangeable; what has a class of its own guards itself. */
function freeze(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value;
  for (const item of Object.values(value)) freeze(item);
  return Object.freeze(value);
}

function same(a: unknown, b: unknown): boolean {
  if (a === b || Object.is(a, b)) return true; // -0 is 0, as in JSON
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return false;
  if (a instanceof Secret || isBlockClass(a.constructor)) return (a as AnyBlock).equals(b);
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.from(a).equals(b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => same(left[key], right[key]));
}

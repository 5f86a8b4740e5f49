/**
 * What a field can be: `secret()`, `block()`, `bytes()`, and the zod constructs that can be stored. Touches zod, secret.ts and definition.ts;
 * knows nothing of stores or documents.
 * @module
 */
import { z } from "zod";
import { type AnyBlock, type AnyBlockClass, CheckedValues, DEFINITION, type Definition, isBlock, isBlockClass } from "./definition.ts";
import { AshlarError } from "./errors.ts";
import { issuesOf, refuse } from "./issues.ts";
import type { JsonObject } from "./json.ts";
import { MASK, Secret } from "./secret.ts";

declare module "zod" {
  interface GlobalMeta {
    /** The key of this field in documents and schemas, in place of its name in snake_case. Top-level fields of a block only. */
    key?: string | undefined;
    /** How whole numbers are written in this field's schema (default, bounds): `z.number()` writes `1.0`, `z.int()` writes `1`, unless said here. */
    numbers?: "integer" | "float" | undefined;
  }
}

/** What our own fields carry in their zod definition; symbols of the global registry, so that clones and other copies keep them. */
const SECRET: unique symbol = Symbol.for("ashlar.field.secret") as never;
const BLOCK: unique symbol = Symbol.for("ashlar.field.block") as never;
const BYTES: unique symbol = Symbol.for("ashlar.field.bytes") as never;
const JSON_SCHEMA: unique symbol = Symbol.for("ashlar.field.json-schema") as never;

/** zod's definition of a schema, as far as it is walked here. */
export interface Def {
  readonly type: z.core.$ZodTypeDef["type"];
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly shape?: Record<string, z.ZodType>;
  readonly catchall?: z.ZodType;
  readonly keyType?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly items?: readonly z.ZodType[];
  readonly rest?: z.ZodType | null;
  readonly options?: readonly z.ZodType[];
  readonly discriminator?: string;
  readonly getter?: () => z.ZodType;
  readonly in?: z.ZodType;
  readonly out?: z.ZodType;
  readonly reverseTransform?: unknown;
  readonly entries?: Record<string, string | number>;
  readonly values?: readonly unknown[];
  readonly defaultValue?: unknown;
  readonly format?: string;
  readonly [SECRET]?: z.ZodType;
  readonly [BLOCK]?: AnyBlockClass;
  readonly [BYTES]?: BytesEncoding;
  readonly [JSON_SCHEMA]?: JsonObject;
}

/** The definition of a zod schema. */
export function defOf(schema: z.ZodType): Def {
  return schema._zod.def as unknown as Def;
}

function marked<S extends z.ZodType>(schema: S, mark: Partial<Def>): S {
  return schema.clone({ ...schema._zod.def, ...mark } as never) as S;
}

/** The schema inside `secret()`, if that is what it is. */
export function secretInner(schema: z.ZodType): z.ZodType | undefined {
  return defOf(schema)[SECRET];
}

/** The class inside `block()`, if that is what it is. */
export function blockInner(schema: z.ZodType): AnyBlockClass | undefined {
  return defOf(schema)[BLOCK];
}

/** How `bytes()` writes itself, if that is what it is. */
export function bytesInner(schema: z.ZodType): BytesEncoding | undefined {
  return defOf(schema)[BYTES];
}

/** The JSON schema that a codec brings along, where it cannot be read from it. */
export function ownJsonSchema(schema: z.ZodType): JsonObject | undefined {
  return defOf(schema)[JSON_SCHEMA];
}

/** A codec that can be stored as it is, and whose JSON schema is the one given. */
export function withJsonSchema<S extends z.ZodType>(codec: S, jsonSchema: JsonObject): S {
  return marked(codec, { [JSON_SCHEMA]: jsonSchema });
}

/** The type of a {@link secret} field: takes the value or a `Secret` of it, gives a `Secret`. */
export type SecretSchema<S extends z.ZodType = z.ZodString> = z.ZodCodec<
  z.ZodCustom<z.input<S> | Secret<z.input<S>>, z.input<S> | Secret<z.input<S>>>,
  z.ZodCustom<Secret<z.output<S>>, Secret<z.output<S>>>
>;

/**
 * A field whose value is secret: sealed where it rests, masked wherever it shows, a {@link Secret} in the instance.
 *
 * @param inner what the secret holds; default a string. `secret(z.record(z.string(), z.string()))` hides a whole object.
 * A default belongs to no secret, since it would stand in the schema: `.optional()` after it is what you want.
 */
export function secret<S extends z.ZodType = z.ZodString>(inner?: S): SecretSchema<S> {
  const declared: z.ZodType = inner ?? z.string();
  const { schema } = storable(declared, "secret()");
  const codec = z.codec(
    z.custom<unknown>(),
    z.custom<Secret<unknown>>((value) => value instanceof Secret),
    {
      decode(value, context) {
        const given = value instanceof Secret ? value.reveal() : value;
        if (given === MASK && !(value instanceof Secret)) {
          return refuse(
            context,
            `this is the mask of a secret, not its value; to store these ${MASK.length} characters, give new Secret("${MASK}")`,
          );
        }
        const result = schema.safeParse(given);
        // Only where the secret stands is told, not where in it: its keys may be as secret as its values.
        if (!result.success) return refuse(context, ...new Set(issuesOf(result.error, given).map((issue) => issue.message)));
        return value instanceof Secret && result.data === given ? value : new Secret<unknown>(result.data);
      },
      encode(value, context) {
        const result = z.safeEncode(schema, value.reveal());
        // Reported, not thrown: in a union of secrets the next one is tried.
        if (!result.success) return refuse(context, "the secret does not fit");
        return result.data === value.reveal() ? value : new Secret<unknown>(result.data);
      },
    },
  );
  return marked(codec, { [SECRET]: declared }) as unknown as SecretSchema<S>;
}

/** What a nested block's field takes: an instance, or its fields; in a union `blockTypeSlug` beside them chooses the class. */
export type BlockInput<C extends AnyBlockClass> = InstanceType<C> | (ConstructorParameters<C>[0] & { readonly blockTypeSlug?: string });

/** The type of a nested block's field: takes an instance or its fields, gives the instance. */
export type BlockSchema<C extends AnyBlockClass> = z.ZodCodec<
  z.ZodCustom<BlockInput<C>, BlockInput<C>>,
  z.ZodCustom<InstanceType<C>, InstanceType<C>>
>;

/**
 * A nested block as a zod schema, for lists, records, optional fields and unions: `z.array(block(Webhook))`, `z.union([block(A), block(B)])`.
 * Where a field is just the class, write the class. In a union, plain fields with `blockTypeSlug: "a"` choose the class.
 */
export function block<C extends AnyBlockClass>(cls: C): BlockSchema<C> {
  if (!isBlockClass(cls)) throw new TypeError("block() takes a block class, one made with `class X extends Block.define({ … }) {}`.");
  const { slug } = cls[DEFINITION];
  const codec = z.codec(
    z.custom<unknown>(),
    z.custom<AnyBlock>((value) => isBlock(value)),
    {
      decode(value, context) {
        if (isBlock(value)) {
          const given = value.constructor[DEFINITION].slug;
          return value instanceof cls || given === slug
            ? value
            : refuse(context, `expected a block of type ${slug}, got one of type ${given}`);
        }
        if (typeof value !== "object" || value === null || Array.isArray(value)) {
          return refuse(context, `expected a block of type ${slug} or its fields${value === undefined ? ", is missing" : ""}`);
        }
        const { blockTypeSlug, block_type_slug: storedSlug, ...fields } = value as Record<string, unknown>;
        const given = storedSlug ?? blockTypeSlug;
        if (given !== undefined && given !== slug)
          return refuse(context, `expected a block of type ${slug}, got the fields of another type`);
        const parsed = cls[DEFINITION].parse(storedSlug === undefined ? fields : byName(cls[DEFINITION], fields));
        if ("values" in parsed) return new cls(new CheckedValues(parsed.values));
        for (const issue of parsed.issues) {
          const path = issue.path === "" ? [] : [issue.path];
          context.issues.push({ code: "custom", message: issue.message, path, input: undefined, params: { ashlar: true } });
        }
        return z.NEVER;
      },
      encode: (value) => value,
    },
  );
  return marked(codec, { [BLOCK]: cls }) as unknown as BlockSchema<C>;
}

/** Fields by TypeScript name, from what a document holds by key; what is no key stays, to be reported. */
export function byName(definition: Definition, stored: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const names = new Map(definition.fields.map((field) => [field.key, field.name]));
  return Object.fromEntries(Object.entries(stored).map(([key, value]) => [names.get(key) ?? key, value]));
}

/** How bytes are written as text: `utf-8` as Python's `bytes`, `base64` as pydantic's `Base64Bytes`. */
export type BytesEncoding = "utf-8" | "base64";

/** The type of a {@link bytes} field. */
export type BytesSchema = z.ZodCodec<z.ZodCustom<Uint8Array | string, Uint8Array | string>, z.ZodCustom<Uint8Array, Uint8Array>>;

/**
 * A field of bytes; takes a `Uint8Array` or its encoded text, gives a `Uint8Array`.
 *
 * @param encoding `"utf-8"` (default) is what Python's `bytes` fields hold and refuses bytes that are no UTF-8; `"base64"` holds any bytes.
 */
export function bytes(encoding: BytesEncoding = "utf-8"): BytesSchema {
  const isBytes = (value: unknown) => value instanceof Uint8Array;
  const codec = z.codec(z.custom<Uint8Array | string>(), z.custom<Uint8Array>(isBytes), {
    decode(value, context) {
      if (typeof value === "string") {
        if (encoding === "utf-8") return new TextEncoder().encode(value);
        if (z.base64().safeParse(value).success) return new Uint8Array(Buffer.from(value, "base64"));
        return refuse(context, "expected bytes as base64 text");
      }
      if (!(value instanceof Uint8Array))
        return refuse(context, `expected bytes (a Uint8Array)${value === undefined ? ", is missing" : ""}`);
      if (encoding === "base64" || isUtf8(value)) return value;
      return refuse(context, 'these bytes are no UTF-8 text; declare the field as bytes("base64") to hold any bytes');
    },
    encode: (value) => Buffer.from(value).toString(encoding),
  });
  return marked(codec, { [BYTES]: encoding }) as unknown as BytesSchema;
}

function isUtf8(value: Uint8Array): boolean {
  return Buffer.from(Buffer.from(value).toString("utf-8"), "utf-8").equals(value);
}

/** Whether this is `z.json()`: any JSON value, which zod builds as a union that contains itself. */
export function isJsonSchema(schema: z.ZodType): boolean {
  const def = defOf(schema);
  if (def.type !== "lazy") return false;
  const inner = def.getter?.();
  if (inner === undefined || defOf(inner).type !== "union") return false;
  return (
    defOf(inner).options?.some(
      (option) => defOf(option).type === "array" && defOf(defOf(option).element as z.ZodType).getter === def.getter,
    ) === true
  );
}

/** Whether a schema takes null as a value of its own. */
export function acceptsNull(schema: z.ZodType, seen = new Set<z.ZodType>()): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  const def = defOf(schema);
  if (["null", "any", "unknown", "nullable"].includes(def.type) || isJsonSchema(schema)) return true;
  if (def.type === "literal") return def.values?.includes(null) === true;
  if (secretInner(schema)) return acceptsNull(secretInner(schema) as z.ZodType, seen);
  const within = def.innerType ?? (def.type === "lazy" ? def.getter?.() : def.in);
  if (within !== undefined && def.type !== "nonoptional") return acceptsNull(within, seen);
  return def.options?.some((option) => acceptsNull(option, seen)) ?? false;
}

/** Whether a field may be left out. */
export function isOptional(schema: z.ZodType): boolean {
  return schema._zod.optin === "optional";
}

const WAY_OUT: Partial<Record<Def["type"], string>> = {
  transform: "a transform goes one way only; use z.codec() with both directions, or a check such as .refine() or .overwrite()",
  custom: "its content is unknown; use z.codec() from a JSON type, bytes() for Uint8Array, or block() for a block class",
  map: "JSON has no maps; use z.record()",
  set: "JSON has no sets; use z.array()",
  undefined: "JSON has no undefined; use .optional()",
  void: "JSON has no undefined; use .optional()",
  symbol: "JSON has no symbols",
  never: "nothing fits it; leave the field out",
  nan: "JSON has no NaN",
  file: "files cannot be stored; use bytes()",
  function: "functions cannot be stored",
  promise: "promises cannot be stored",
  intersection: "use z.object().extend() to join objects",
  catch: "it would hide damaged values; use .default()",
  success: "use z.boolean()",
};

/**
 * Makes a declared schema fit for storing: dates and big integers take their stored text too, and a null stands for an unset optional key.
 *
 * @param at where the field is, for the message.
 * @returns the same schema where nothing needs to change.
 * @throws AshlarError `ERR_DEFINITION` for what JSON or a schema cannot express, with the way out.
 */
export function storable(declared: z.ZodType, at: string): { schema: z.ZodType } {
  const done = new Map<z.ZodType, { schema?: z.ZodType }>();
  const fail = (path: string, reason: string): never => {
    throw new AshlarError("ERR_DEFINITION", `${path} cannot be stored: ${reason}.`, { path });
  };

  /** Recursive schemas meet themselves while they are being made; then a lazy one stands in. */
  const visit = (schema: z.ZodType, path: string): z.ZodType => {
    const known = done.get(schema);
    if (known) return known.schema ?? z.lazy(() => known.schema ?? fail(path, "its schema refers to itself without end"));
    const entry: { schema?: z.ZodType } = {};
    done.set(schema, entry);
    entry.schema = convert(schema, defOf(schema), path);
    return entry.schema;
  };

  const changed = (schema: z.ZodType, def: Def, parts: Partial<Def>): z.ZodType => {
    const same = Object.entries(parts).every(([key, part]) => {
      const before = def[key as keyof Def];
      return Array.isArray(part) ? part.every((item, index) => item === (before as unknown[])[index]) : part === before;
    });
    return same ? schema : schema.clone({ ...schema._zod.def, ...parts } as never);
  };

  const convert = (schema: z.ZodType, def: Def, path: string): z.ZodType => {
    if (secretInner(schema) || blockInner(schema) || bytesInner(schema) || ownJsonSchema(schema) || isJson(schema, path)) return schema;
    switch (def.type) {
      case "string":
      case "number":
      case "boolean":
      case "null":
      case "any":
      case "unknown":
      case "enum":
      case "template_literal":
        return schema;
      case "literal":
        if (def.values?.some((value) => typeof value === "bigint" || value === undefined))
          fail(path, "a literal is text, number, boolean or null");
        return schema;
      case "date":
        return orText(schema, z.union([z.iso.datetime({ offset: true, local: true }), z.iso.date()]), (text) => new Date(text), z.date());
      case "bigint":
        return orText(schema, z.string().regex(/^-?\d+$/), BigInt, z.bigint());
      case "default":
      case "prefault":
        if (def.type === "default" && holdsHidden(schema))
          fail(
            path,
            "a default would show a secret or a block in the schema; use .optional(), or .prefault() for a value the schema leaves out",
          );
        return changed(schema, def, { innerType: visit(def.innerType as z.ZodType, path) });
      case "optional":
      case "nullable":
      case "readonly":
      case "nonoptional":
        return changed(schema, def, { innerType: visit(def.innerType as z.ZodType, path) });
      case "array":
        return changed(schema, def, { element: visit(def.element as z.ZodType, `${path}[]`) });
      case "record": {
        const keys = def.keyType as z.ZodType;
        if (secretInner(keys)) fail(path, "the keys of a record cannot be secret; use secret(z.record(…)) to hide it whole");
        if (!["string", "enum", "literal", "template_literal", "union"].includes(defOf(keys).type))
          fail(path, "the keys of a record are text");
        return changed(schema, def, { valueType: visit(def.valueType as z.ZodType, `${path}.*`) });
      }
      case "tuple":
        return changed(schema, def, {
          items: def.items?.map((item, index) => visit(item, `${path}[${index}]`)) ?? [],
          rest: def.rest ? visit(def.rest, `${path}[]`) : (def.rest ?? null),
        });
      case "union":
        return changed(schema, def, { options: def.options?.map((option) => visit(option, path)) ?? [] });
      case "object":
        return convertObject(schema, def, path);
      case "lazy":
        return changed(schema, def, sameOr(schema, visit(evaluate(schema, path), path)));
      case "pipe":
        return convertPipe(schema, def, path);
      default:
        return fail(path, WAY_OUT[def.type] ?? `zod's ${def.type} has no JSON form`);
    }
  };

  const isJson = (schema: z.ZodType, path: string) =>
    defOf(schema).type === "lazy" && evaluate(schema, path) !== undefined && isJsonSchema(schema);

  const evaluate = (schema: z.ZodType, path: string): z.ZodType => {
    let inner: z.ZodType | undefined;
    try {
      inner = defOf(schema).getter?.();
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
    }
    return (
      inner ??
      fail(
        path,
        "its z.lazy() refers to something declared later; a block class cannot contain itself, and a recursive z.object() is declared before the class, with a getter",
      )
    );
  };

  const sameOr = (schema: z.ZodType, inner: z.ZodType): Partial<Def> => {
    const { getter } = defOf(schema);
    return getter?.() === inner || getter === undefined ? {} : { getter: () => inner };
  };

  const convertObject = (schema: z.ZodType, def: Def, path: string): z.ZodType => {
    const shape: Record<string, z.ZodType> = {};
    let same = true;
    for (const [key, item] of Object.entries(def.shape ?? {})) {
      const inner = visit(item, `${path}.${key}`);
      shape[key] = isOptional(item) && !acceptsNull(item) ? orNull(inner) : inner;
      same &&= shape[key] === item;
    }
    const catchall = def.catchall && defOf(def.catchall).type !== "never" ? visit(def.catchall, `${path}.*`) : def.catchall;
    return same && catchall === def.catchall ? schema : schema.clone({ ...schema._zod.def, shape, catchall } as never);
  };

  const convertPipe = (schema: z.ZodType, def: Def, path: string): z.ZodType => {
    const [from, to] = [def.in as z.ZodType, def.out as z.ZodType];
    if (defOf(from).type === "transform" || (defOf(to).type === "transform" && !def.reverseTransform))
      return fail(path, WAY_OUT.transform as string);
    if (visit(from, path) !== from)
      fail(path, "the stored side of a codec is plain JSON: text in place of dates and big integers, no secrets' or optional keys inside");
    if (!def.reverseTransform) visit(to, path);
    return schema;
  };

  return { schema: visit(declared, at) };
}

/** Takes the value itself or its stored text. */
function orText<T>(declared: z.ZodType, text: z.ZodType<string>, read: (text: string) => T, own: z.ZodType<T>): z.ZodType {
  return z.codec(z.custom<unknown>(), declared as z.ZodType<T>, {
    decode: (value) => (typeof value === "string" && text.safeParse(value).success ? read(value) : (value as T)),
    encode: (value) => {
      const result = own.safeParse(value);
      return result.success ? (value instanceof Date ? value.toISOString() : String(value)) : value;
    },
  });
}

/** A null in a document reads as unset; it is never written for a nested key. */
export function orNull(schema: z.ZodType): z.ZodType {
  return z.codec(z.any().optional(), schema, {
    decode: (value: unknown) => (value === null ? undefined : value),
    encode: (value) => value,
  });
}

function holdsHidden(schema: z.ZodType, seen = new Set<z.ZodType>()): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  return (
    secretInner(schema) !== undefined || blockInner(schema) !== undefined || children(schema).some((child) => holdsHidden(child, seen))
  );
}

/** The schemas directly inside a schema; of a codec the stored side, of `secret()` and `block()` none. */
export function children(schema: z.ZodType): z.ZodType[] {
  const def = defOf(schema);
  if (secretInner(schema) || blockInner(schema) || bytesInner(schema)) return [];
  const all = [
    def.innerType,
    def.element,
    def.keyType,
    def.valueType,
    def.rest,
    def.in,
    ...(def.items ?? []),
    ...(def.options ?? []),
    ...Object.values(def.shape ?? {}),
  ];
  if (def.catchall) all.push(def.catchall);
  if (def.type === "lazy") all.push(def.getter?.());
  return all.filter((child) => child !== undefined && child !== null);
}

/** `clusterId` → `cluster_id`, `accountURL` → `account_url`; what is in snake_case stays. */
export function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .toLowerCase();
}

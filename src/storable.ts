/**
 * Declared zod schema → one that also reads what is stored, or a refusal with the way out. Touches zod, zod-def.ts, and the kinds of values.
 * @module
 */
import { z } from "zod";
import { isBlock } from "./definition.ts";
import { AshlarError } from "./errors.ts";
import { canonicalJson, isPlain } from "./json.ts";
import { Secret } from "./secret.ts";
import {
  acceptsNull,
  blockInner,
  bytesInner,
  children,
  type Def,
  defOf,
  isJsonSchema,
  isOptional,
  lazyInner,
  ownJsonSchema,
  secretInner,
} from "./zod-def.ts";

const WAY_OUT: Partial<Record<Def["type"], string>> = {
  transform: "a transform goes one way only; use z.codec() with both directions, or a check such as .refine() or .overwrite()",
  custom: "its content is unknown; use z.codec() from a JSON type, bytes() for Uint8Array, or block() for a block class",
  map: "JSON has no maps; use z.record()",
  set: "JSON has no sets; use z.array()",
  undefined: "JSON has no undefined; use .optional()",
  void: "JSON has no undefined; use .optional()",
  symbol: "JSON has no symbols; use z.literal() or z.enum()",
  never: "nothing fits it; leave the field out",
  nan: "JSON has no NaN; use z.number().optional()",
  file: "files cannot be stored; use bytes()",
  function: "functions cannot be stored; make it a method of the class",
  promise: "promises cannot be stored; await the value first",
  intersection: "use z.object().extend() to join objects",
  catch: "it would hide damaged values; use .default()",
  success: "use z.boolean()",
};

/**
 * Makes a declared schema fit for storing: dates and big integers take their stored text too, and a null stands for an unset optional part.
 *
 * @param at where the field is, for the message.
 * @returns the same schema where nothing needs to change.
 * @throws AshlarError `ERR_DEFINITION` for what JSON or a schema cannot express, with the way out.
 */
export function storable(declared: z.ZodType, at: string): { schema: z.ZodType } {
  const conversion = new Conversion();
  const schema = conversion.visit(declared, at);
  for (const check of conversion.defaults) check();
  return { schema };
}

class Conversion {
  /** Checks of defaults; they need the whole schema, so they come last. */
  readonly defaults: (() => void)[] = [];
  readonly #done = new Map<z.ZodType, { schema?: z.ZodType }>();

  /** Recursive schemas meet themselves while they are being made; then a lazy one stands in. */
  visit(schema: z.ZodType, path: string): z.ZodType {
    const known = this.#done.get(schema);
    if (known) return known.schema ?? z.lazy(() => known.schema ?? fail(path, "its schema refers to itself without end"));
    const entry: { schema?: z.ZodType } = {};
    this.#done.set(schema, entry);
    entry.schema = this.#convert(schema, defOf(schema), path);
    return entry.schema;
  }

  /** A part of a list, tuple or record: unset is null there, as Python writes it. */
  #part(schema: z.ZodType, path: string): z.ZodType {
    const inner = this.visit(schema, path);
    return isOptional(schema) && !acceptsNull(schema) ? orNull(inner) : inner;
  }

  #convert(schema: z.ZodType, def: Def, path: string): z.ZodType {
    if (secretInner(schema) || blockInner(schema) || bytesInner(schema) || ownJsonSchema(schema)) return schema;
    switch (def.type) {
      case "string":
      case "number":
      case "boolean":
      case "null":
      case "enum":
      case "template_literal":
        return schema;
      case "any":
      case "unknown":
        return jsonOnly(schema);
      case "literal":
        if (def.values?.some((value) => typeof value === "bigint" || value === undefined))
          fail(path, "a literal is text, number, boolean or null");
        return schema;
      case "date":
        return orText(schema, DATE_TEXT, (text) => new Date(text), z.date());
      case "bigint":
        return orText(schema, /^-?\d+$/, BigInt, z.bigint());
      case "lazy":
        return this.#lazy(schema, def, path);
      case "pipe":
        return this.#pipe(schema, def, path);
      case "object":
        return this.#object(schema, def, path);
      default:
        return this.#container(schema, def, path);
    }
  }

  #container(schema: z.ZodType, def: Def, path: string): z.ZodType {
    switch (def.type) {
      case "default":
      case "prefault": {
        const innerType = this.visit(def.innerType as z.ZodType, path);
        if (def.type === "default") this.defaults.push(() => checkDefault(def, innerType, path));
        return changed(schema, def, { innerType });
      }
      case "optional":
      case "nullable":
      case "readonly":
      case "nonoptional":
        return changed(schema, def, { innerType: this.visit(def.innerType as z.ZodType, path) });
      case "array":
        return changed(schema, def, { element: this.#part(def.element as z.ZodType, `${path}[]`) });
      case "record":
        checkKeys(def.keyType as z.ZodType, path);
        return changed(schema, def, { valueType: this.#part(def.valueType as z.ZodType, `${path}.*`) });
      case "tuple":
        return changed(schema, def, {
          items: def.items?.map((item, index) => this.#part(item, `${path}[${index}]`)) ?? [],
          rest: def.rest ? this.#part(def.rest, `${path}[]`) : (def.rest ?? null),
        });
      case "union":
        return changed(schema, def, { options: def.options?.map((option) => this.visit(option, path)) ?? [] });
      default:
        return fail(path, WAY_OUT[def.type] ?? `zod's ${def.type} has no JSON form`);
    }
  }

  #lazy(schema: z.ZodType, def: Def, path: string): z.ZodType {
    const before = evaluated(schema, path);
    if (isJsonSchema(schema)) return schema;
    const inner = this.visit(before, path);
    return before === inner ? schema : changed(schema, def, { getter: () => inner });
  }

  #object(schema: z.ZodType, def: Def, path: string): z.ZodType {
    const shape = Object.fromEntries(Object.entries(def.shape ?? {}).map(([key, item]) => [key, this.#part(item, `${path}.${key}`)]));
    const same = Object.entries(def.shape ?? {}).every(([key, item]) => shape[key] === item);
    const catchall = def.catchall && defOf(def.catchall).type !== "never" ? this.visit(def.catchall, `${path}.*`) : def.catchall;
    return same && catchall === def.catchall ? schema : schema.clone({ ...schema._zod.def, shape, catchall } as never);
  }

  /** Of a codec the side that is stored must fit, of a plain pipe both. */
  #pipe(schema: z.ZodType, def: Def, path: string): z.ZodType {
    const [from, to] = [def.in as z.ZodType, def.out as z.ZodType];
    if (defOf(from).type === "transform" || (defOf(to).type === "transform" && !def.reverseTransform))
      return fail(path, WAY_OUT.transform as string);
    return changed(schema, def, { in: this.visit(from, path), out: def.reverseTransform ? to : this.visit(to, path) });
  }
}

function fail(path: string, reason: string): never {
  throw new AshlarError("ERR_DEFINITION", `${path} cannot be stored: ${reason}.`, { path });
}

function changed(schema: z.ZodType, def: Def, parts: Partial<Def>): z.ZodType {
  const same = Object.entries(parts).every(([key, part]) => {
    const before = def[key as keyof Def];
    return Array.isArray(part) ? part.every((item, index) => item === (before as unknown[])[index]) : part === before;
  });
  return same ? schema : schema.clone({ ...schema._zod.def, ...parts } as never);
}

function evaluated(schema: z.ZodType, path: string): z.ZodType {
  let inner: z.ZodType | undefined;
  try {
    inner = lazyInner(schema);
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
  }
  const reason =
    "its z.lazy() refers to something declared later; a block class cannot contain itself, and a recursive z.object() is declared before the class, with a getter";
  return inner ?? fail(path, reason);
}

function checkKeys(keys: z.ZodType, path: string): void {
  if (secretInner(keys)) fail(path, "the keys of a record cannot be secret; use secret(z.record(…)) to hide it whole");
  const { type, options } = defOf(keys);
  if (type === "union") for (const option of options ?? []) checkKeys(option, path);
  else if (!["string", "enum", "literal", "template_literal"].includes(type)) fail(path, "the keys of a record are text; use z.string()");
}

/** A default stands in the schema: it must be the same each time, fit, and hold nothing secret. */
function checkDefault(def: Def, inner: z.ZodType, path: string): void {
  const value = def.defaultValue;
  if (holds(value, (part) => part instanceof Secret || isBlock(part)))
    fail(path, "a default would show a secret or a block in the schema; use .optional(), or .prefault() for a value the schema leaves out");
  const encoded = z.safeEncode(inner, value);
  if (!encoded.success) fail(path, "its default does not fit the field's own type");
  if (holds(value, isNow) || canonicalJson(encoded.data) !== canonicalJson(z.encode(inner, def.defaultValue)))
    fail(path, "a default that is another each time has no place in a schema; use .prefault(() => …)");
}

function isNow(value: unknown): boolean {
  const time = value instanceof Date || typeof value === "string" ? new Date(value).getTime() : value;
  return typeof time === "number" && Math.abs(Date.now() - time) < 1000;
}

function holds(value: unknown, test: (part: unknown) => boolean): boolean {
  return test(value) || (isPlain(value) && Object.values(value).some((part) => holds(part, test)));
}

/** Refuses a default, a secret or a block inside of what is secret as a whole. @throws AshlarError `ERR_DEFINITION` */
export function checkInsideSecret(schema: z.ZodType, seen = new Set<z.ZodType>()): void {
  if (seen.size === 0 && schema._zod.optout === "optional")
    fail("secret()", "what is not set cannot be hidden; write secret(…).optional()");
  if (seen.has(schema)) return;
  seen.add(schema);
  if (secretInner(schema)) fail("secret()", "it is secret as a whole already; take the inner secret() away");
  if (blockInner(schema)) fail("secret()", "a block is not secret, its secret fields are; use block() alone");
  if (defOf(schema).type === "default") fail("secret()", "a default would show in the schema; use .optional(), or .prefault()");
  if (!isJsonSchema(schema)) for (const child of children(schema)) checkInsideSecret(child, seen);
}

/** What JSON cannot hold is refused at once, since it would be lost on saving. */
function jsonOnly(schema: z.ZodType): z.ZodType {
  return schema.check((context) => {
    const problem = unstorable(context.value, []);
    if (problem) context.issues.push({ code: "custom", ...problem, input: undefined, params: { ashlar: true } });
  });
}

function unstorable(value: unknown, path: readonly PropertyKey[]): { path: PropertyKey[]; message: string } | undefined {
  if (value === null || value === undefined ? path.length === 0 || value === null : ["string", "boolean"].includes(typeof value))
    return undefined;
  if (Number.isFinite(value) || value instanceof Secret || isBlock(value)) return undefined;
  if (!isPlain(value)) return { path: [...path], message: `JSON cannot hold ${kindOf(value)}` };
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined && !Array.isArray(value)) continue; // a key without a value is no key
    const problem = unstorable(item, [...path, Array.isArray(value) ? Number(key) : key]);
    if (problem) return problem;
  }
  return undefined;
}

function kindOf(value: unknown): string {
  if (typeof value === "number") return "a number that is not finite";
  return typeof value === "object" ? `a ${value?.constructor?.name ?? "class instance"}` : typeof value;
}

/** ISO 8601 as JavaScript, Python and zod write it, years of six digits included. */
const DATE_TEXT = /^[+-]?\d{4,6}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

/** Takes the value itself or its stored text. */
function orText<T>(declared: z.ZodType, text: RegExp, read: (text: string) => T, own: z.ZodType<T>): z.ZodType {
  return z.codec(z.custom<unknown>(), declared as z.ZodType<T>, {
    decode: (value) => (typeof value === "string" && text.test(value) ? read(value) : (value as T)),
    encode: (value) => {
      const result = own.safeParse(value);
      return result.success ? (value instanceof Date ? value.toISOString() : String(value)) : value;
    },
  });
}

/** A null in a document reads as unset. */
function orNull(schema: z.ZodType): z.ZodType {
  const codec = z.codec(z.any().optional(), schema, {
    decode: (value: unknown) => (value === null ? undefined : value),
    encode: (value) => value,
  });
  codec._zod.values = schema._zod.values; // by which a discriminated union finds its option
  return codec;
}

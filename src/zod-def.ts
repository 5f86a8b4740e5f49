/**
 * Reading a zod schema: its definition, what our own fields carry in theirs, and what lies inside. Touches zod's public internals only.
 * @module
 */
import type { z } from "zod";
import type { AnyBlockClass } from "./definition.ts";
import type { JsonObject } from "./json.ts";

declare module "zod" {
  interface GlobalMeta {
    /** The key of this field in documents and schemas, in place of its name in snake_case. Top-level fields of a block only. */
    key?: string | undefined;
    /** How whole numbers of this schema are written in the block's schema: a default of `z.number()` as `1.0`, all else as `1`, unless said here. */
    numbers?: "integer" | "float" | undefined;
  }
}

/** What our own fields carry in their zod definition; symbols of the global registry, so that clones and other copies keep them. */
export const SECRET: unique symbol = Symbol.for("ashlar.field.secret") as never;
export const BLOCK: unique symbol = Symbol.for("ashlar.field.block") as never;
export const BYTES: unique symbol = Symbol.for("ashlar.field.bytes") as never;
const JSON_SCHEMA: unique symbol = Symbol.for("ashlar.field.json-schema") as never;

/** How bytes are written as text: `utf-8` as Python's `bytes`, `base64` as pydantic's `Base64Bytes`. */
export type BytesEncoding = "utf-8" | "base64";

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
  readonly checks?: readonly z.core.$ZodCheck[];
  /** A check of the author's own. */
  readonly fn?: unknown;
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

/** A copy of a schema that carries a mark of ours. */
export function marked<S extends z.ZodType>(schema: S, mark: Partial<Def>): S {
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

const JSON_TYPES = ["string", "number", "boolean", "null", "array", "record"];

/** Whether this is `z.json()`: any JSON value, which zod builds as a union that contains itself. */
export function isJsonSchema(schema: z.ZodType): boolean {
  const def = defOf(schema);
  const options = def.type === "lazy" ? (defOf(lazyInner(schema)).options ?? []) : [];
  return (
    JSON_TYPES.length === options.length &&
    JSON_TYPES.every((type) => options.some((option) => defOf(option).type === type)) &&
    options.every(({ _zod }) => {
      const { element, valueType } = _zod.def as unknown as Def;
      const part = element ?? valueType;
      return part === undefined || defOf(part).getter === def.getter;
    })
  );
}

/** The schema that a `z.lazy()` stands for, the same each time. */
export function lazyInner(schema: z.ZodType): z.ZodType {
  return (schema as z.ZodLazy<z.ZodType>)._zod.innerType;
}

/** Whether a schema takes null as a value of its own. */
export function acceptsNull(schema: z.ZodType, seen = new Set<z.ZodType>()): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  const def = defOf(schema);
  if (["null", "any", "unknown", "nullable"].includes(def.type) || isJsonSchema(schema)) return true;
  if (def.type === "literal") return def.values?.includes(null) === true;
  if (secretInner(schema)) return acceptsNull(secretInner(schema) as z.ZodType, seen);
  const within = def.innerType ?? (def.type === "lazy" ? lazyInner(schema) : def.in);
  if (within !== undefined && def.type !== "nonoptional") return acceptsNull(within, seen);
  return def.options?.some((option) => acceptsNull(option, seen)) ?? false;
}

/** Whether a field may be left out. */
export function isOptional(schema: z.ZodType): boolean {
  return schema._zod.optin !== undefined; // "optional", or "defaulted" in newer versions of zod
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
  if (def.type === "lazy") all.push(lazyInner(schema));
  return all.filter((child) => child !== undefined && child !== null);
}

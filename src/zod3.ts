/**
 * `ashlar/zod3`: schemas of zod 3 as fields, for projects that still have them. Touches zod, zod-def.ts, and zod-to-json-schema, an optional peer
 * that serves zod 3 only (of a zod 4 schema it makes `{}` without a word) and is no longer maintained. Nothing else of Ashlar needs it: zod 4
 * makes its own JSON schemas. Take this to get across, not to stay.
 * @module
 */
import { z } from "zod";
import { AshlarError } from "./errors.ts";
import { type JsonObject, MAX_JSON_DEPTH } from "./json.ts";
import { withJsonSchema } from "./zod-def.ts";

const { zodToJsonSchema } = await import("zod-to-json-schema").catch((cause: unknown) => {
  if ((cause as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw cause;
  throw new AshlarError(
    "ERR_MISSING_PACKAGE",
    "ashlar/zod3 needs the package zod-to-json-schema, which is not installed: npm install zod-to-json-schema",
  );
});

/** A schema of zod 3: of `zod/v3`, or of the package zod in version 3. */
export interface Zod3Schema {
  readonly _input: unknown;
  readonly _output: unknown;
  readonly _def: object;
  readonly description?: string | undefined;
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: unknown }
    | { readonly success: false; readonly error: { readonly issues: readonly object[] } };
}

/** The type of a {@link fromZod3} field: the types of the zod 3 schema, optional or with a default where that is. */
export type Zod3Field<S extends Zod3Schema> = unknown extends S["_input"]
  ? z.ZodType<S["_output"], S["_input"]>
  : undefined extends S["_input"]
    ? undefined extends S["_output"]
      ? z.ZodOptional<z.ZodType<Exclude<S["_output"], undefined>, Exclude<S["_input"], undefined>>>
      : z.ZodDefault<z.ZodType<S["_output"], Exclude<S["_input"], undefined>>>
    : z.ZodType<S["_output"], S["_input"]>;

/**
 * A field checked by a schema of zod 3: `fields: { hosts: fromZod3(z3.array(z3.string())) }`. Its JSON schema is the one of zod-to-json-schema,
 * its errors are in Ashlar's words. Where a string and a date are choices of one union, a stored date comes back as the string.
 *
 * @throws AshlarError `ERR_DEFINITION` for what cannot be stored, with the way out: what transforms, recurses or has no JSON form.
 */
export function fromZod3<S extends Zod3Schema>(schema: S): Zod3Field<S> {
  if (typeof schema !== "object" || schema === null || "_zod" in schema || !("_def" in schema))
    throw new TypeError("fromZod3() takes a schema of zod 3; one of zod 4 is a field as it is.");
  checkStorable(schema, "the schema", []);
  const unset = answer(schema, undefined);
  const codec = z.codec(answer(schema, null) ? z.unknown() : z.custom<unknown>(), z.custom<unknown>(), {
    decode(value, context) {
      const result = schema.safeParse(withDates(schema, value));
      if (result.success) return result.data;
      context.issues.push(...(result.error.issues as readonly Zod3Issue[]).map((issue) => inOurWords(issue)));
      return z.NEVER;
    },
    encode: withoutDates,
  });
  const { $schema: _dialect, default: _default, description: _description, ...node } = jsonSchemaOf(schema);
  const field = withJsonSchema(codec, node);
  const anything = kindOf(schema) === "ZodAny" || kindOf(schema) === "ZodUnknown";
  const settled = !unset || anything ? field : unset.data === undefined ? field.optional() : field.default(unset.data);
  return (schema.description === undefined ? settled : settled.describe(schema.description)) as unknown as Zod3Field<S>;
}

/** What a schema makes of a value; `undefined` where the value does not fit. */
function answer(schema: Zod3Schema, value: unknown): { readonly data: unknown } | undefined {
  try {
    const result = schema.safeParse(value);
    return result.success ? result : undefined;
  } catch {
    return undefined; // a check of the schema that does not expect the value
  }
}

/** zod 3's definition of a schema, as far as it is walked here; which parts there are depends on the kind. */
interface Def {
  readonly typeName: string;
  readonly innerType?: Zod3Schema;
  readonly schema?: Zod3Schema;
  readonly type?: Zod3Schema;
  readonly in?: Zod3Schema;
  readonly out?: Zod3Schema;
  readonly keyType?: Zod3Schema;
  readonly valueType?: Zod3Schema;
  readonly catchall?: Zod3Schema;
  readonly rest?: Zod3Schema | null;
  readonly items?: readonly Zod3Schema[];
  readonly options?: readonly Zod3Schema[];
  readonly shape?: () => Readonly<Record<string, Zod3Schema>>;
  readonly getter?: () => Zod3Schema;
  readonly effect?: { readonly type: string };
  readonly value?: unknown;
}

function defOf(schema: Zod3Schema): Def {
  return schema._def as Def;
}

function kindOf(schema: Zod3Schema): string {
  return defOf(schema).typeName;
}

const WAY_OUT: Readonly<Record<string, string>> = {
  ZodBigInt: "JSON numbers lose large integers; use z.bigint() of zod 4",
  ZodCatch: "it would hide damaged values; use .default()",
  ZodFunction: "functions cannot be stored",
  ZodIntersection: "use .merge() or .extend() to join objects",
  ZodMap: "JSON has no maps; use z.record()",
  ZodNaN: "JSON has no NaN",
  ZodNever: "nothing fits it; leave it out",
  ZodPromise: "promises cannot be stored",
  ZodSet: "JSON has no sets; use z.array()",
  ZodSymbol: "JSON has no symbols",
  ZodUndefined: "JSON has no undefined; use .optional()",
  ZodVoid: "JSON has no undefined; use .optional()",
};

/** Refuses what has no JSON form or cannot be read back, at any depth. */
function checkStorable(schema: Zod3Schema, path: string, above: readonly Zod3Schema[]): void {
  const def = defOf(schema);
  const fail = (reason: string): never => {
    throw new AshlarError("ERR_DEFINITION", `fromZod3(): ${path} cannot be stored: ${reason}.`, { path });
  };
  if (above.includes(schema) || above.length > MAX_JSON_DEPTH) fail("it contains itself; declare recursive schemas with zod 4");
  const reason = WAY_OUT[def.typeName];
  if (reason !== undefined) fail(reason);
  if (def.typeName === "ZodLiteral" && !["string", "number", "boolean"].includes(typeof def.value) && def.value !== null)
    fail("a literal is text, number, boolean or null");
  if (def.effect && def.effect.type !== "refinement") fail("a transform goes one way only; use .refine(), or z.codec() of zod 4");
  if (def.effect && def.schema && ["ZodAny", "ZodUnknown"].includes(kindOf(def.schema)))
    fail("what a check of z.any() lets through is unknown (z.custom() and z.instanceof() are such checks); start from a JSON type");
  for (const [name, part] of parts(def)) checkStorable(part, `${path}${name}`, [...above, schema]);
}

/** The schemas directly inside one, by their place in it. */
function parts(def: Def): (readonly [string, Zod3Schema])[] {
  const all: (readonly [string, Zod3Schema | null | undefined])[] = [
    ["", def.innerType ?? def.schema ?? def.in],
    ["", def.out],
    [def.typeName === "ZodArray" ? "[]" : "", def.type],
    ["", def.keyType],
    [".*", def.valueType],
    ["[]", def.rest],
    ["", def.getter?.()],
    ...(def.items ?? []).map((item, index) => [`[${index}]`, item] as const),
    ...(def.options ?? []).map((option) => ["", option] as const),
    ...Object.entries(def.shape?.() ?? {}).map(([key, item]) => [`.${key}`, item] as const),
  ];
  if (def.catchall && kindOf(def.catchall) !== "ZodNever") all.push([".*", def.catchall]);
  return all.filter((entry): entry is readonly [string, Zod3Schema] => entry[1] !== undefined && entry[1] !== null);
}

const dateText = z.union([z.iso.datetime({ offset: true, local: true }), z.iso.date()]);

/** A value as stored, with dates where the schema has them. */
function withDates(schema: Zod3Schema, value: unknown): unknown {
  const def = defOf(schema);
  const eachKey = (of: (key: string) => Zod3Schema | undefined) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const read = (part: Zod3Schema | undefined, item: unknown) => (part ? withDates(part, item) : item);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(of(key), item)]));
  };
  switch (def.typeName) {
    case "ZodDate":
      return typeof value === "string" && dateText.safeParse(value).success ? new Date(value) : value;
    case "ZodObject":
      return eachKey((key) => def.shape?.()[key] ?? def.catchall);
    case "ZodRecord":
      return eachKey(() => def.valueType);
    case "ZodArray":
      return Array.isArray(value) ? value.map((item) => withDates(def.type as Zod3Schema, item)) : value;
    case "ZodTuple":
      return Array.isArray(value)
        ? value.map((item, index) => {
            const part = def.items?.[index] ?? def.rest;
            return part ? withDates(part, item) : item;
          })
        : value;
    case "ZodUnion":
    case "ZodDiscriminatedUnion": {
      const option = def.options?.find((each) => answer(each, withDates(each, value)));
      return option ? withDates(option, value) : value;
    }
    default: {
      const inner = parts(def)[0]?.[1];
      return inner ? withDates(inner, value) : value;
    }
  }
}

/** A value as it is stored: dates as text. */
function withoutDates(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(withoutDates);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutDates(item)]));
}

/** zod-to-json-schema's node, in the dialect of block schemas: no lists of types, `prefixItems`, nothing about undefined. */
function jsonSchemaOf(schema: Zod3Schema): JsonObject {
  const made = zodToJsonSchema(schema as never, {
    $refStrategy: "none",
    removeAdditionalStrategy: "strict",
    postProcess: (node) => (node ? modern(node) : node) as typeof node,
  });
  return JSON.parse(JSON.stringify(made)) as JsonObject;
}

function modern({ items, additionalItems, additionalProperties, type, anyOf, ...node }: Record<string, unknown>): object {
  const choices = (anyOf as readonly object[] | undefined)?.filter((choice) => !("not" in choice));
  if (choices?.length === 1) return { ...choices[0], ...node };
  return {
    ...(Array.isArray(type)
      ? !("enum" in node) && { anyOf: type.map((each: unknown) => ({ type: each })) }
      : type !== undefined && { type }),
    ...node,
    ...(additionalProperties !== undefined && additionalProperties !== true && { additionalProperties }),
    ...(Array.isArray(items)
      ? { prefixItems: items, ...(additionalItems !== undefined && { items: additionalItems }) }
      : items !== undefined && { items }),
    ...(choices && { anyOf: choices }),
  };
}

/** What zod 3 says of one thing that does not fit; which of it is there depends on the code. */
interface Zod3Issue {
  readonly code: string;
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly expected?: unknown;
  readonly options?: readonly unknown[];
  readonly keys?: readonly string[];
  readonly unionErrors?: readonly { readonly issues: readonly Zod3Issue[] }[];
  readonly validation?: string | object;
  readonly type?: string;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly inclusive?: boolean;
  readonly multipleOf?: unknown;
}

/** The same as an issue of zod 4, which issues.ts puts into words; what zod 3 `received` stays behind. `above`: length of the path already told. */
function inOurWords(issue: Zod3Issue, above = 0): z.core.$ZodRawIssue {
  const at = { path: issue.path.slice(above), input: undefined };
  const say = (message: string) => ({ ...at, code: "custom", message, params: { ashlar: true } });
  const { minimum, maximum, inclusive = true, type: origin } = issue;
  const made = (): object => {
    switch (issue.code) {
      case "invalid_type":
        return { ...at, code: "invalid_type", expected: issue.expected };
      case "invalid_date":
        return { ...at, code: "invalid_type", expected: "date" };
      case "invalid_literal":
        return { ...at, code: "invalid_value", values: [issue.expected] };
      case "invalid_enum_value":
      case "invalid_union_discriminator":
        return { ...at, code: "invalid_value", values: issue.options };
      case "unrecognized_keys":
        return { ...at, code: "unrecognized_keys", keys: issue.keys };
      case "invalid_union": {
        const errors = issue.unionErrors?.map((option) => option.issues.map((inner) => inOurWords(inner, issue.path.length)));
        return { ...at, code: "invalid_union", errors };
      }
      case "too_small":
        return origin === "date" ? say("is too early") : { ...at, code: "too_small", origin, minimum, inclusive };
      case "too_big":
        return origin === "date" ? say("is too late") : { ...at, code: "too_big", origin, maximum, inclusive };
      case "not_multiple_of":
        return { ...at, code: "not_multiple_of", divisor: issue.multipleOf };
      case "invalid_string":
        return say(wrongText(issue.validation));
      case "custom":
        return { ...at, code: "custom", message: issue.message };
      default:
        return say(issue.code === "not_finite" ? "expected a finite number" : "does not fit");
    }
  };
  return made() as z.core.$ZodRawIssue;
}

function wrongText(validation: string | object | undefined): string {
  if (typeof validation === "string")
    return validation === "regex" ? "expected text that matches its pattern" : `expected text of the format ${validation}`;
  const rules = Object.entries(validation ?? {}).map(([rule, text]) => `${rule} ${JSON.stringify(text)}`);
  return `expected text: ${rules.join(", ")}`;
}

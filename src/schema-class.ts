/**
 * Block schema → block class at run time, for whoever has no class at hand: the command line, a server. Touches block.ts, fields.ts and node:vm.
 *
 * Fields are named by their keys. What the schema calls secret is secret; where only some of a value's parts are marked, the whole value is.
 * A construct that is not known passes any JSON, so that nothing of a stored document is refused for the schema's sake.
 * @module
 */
import { runInNewContext } from "node:vm";
import { z } from "zod";
import { Block } from "./block.ts";
import type { Fields } from "./define.ts";
import { type AnyBlockClass, type DocumentLink, LINK } from "./definition.ts";
import { block, secret } from "./fields.ts";
import { keepApart } from "./registry.ts";
import { readSchema, type SchemaReader } from "./schema-reader.ts";
import type { Part, Property, Reading } from "./schema-reading.ts";
import type { BlockSchema } from "./stores/store.ts";

/** How long one pattern of a stored schema may look at one value, since it may be anyone's; enough on a machine that is busy. */
const PATTERN_TIMEOUT_MS = 500;

/**
 * A block class of a stored schema: the same slug, the same checksum, the same documents. It never stands for its slug in `Block.load`.
 *
 * @throws AshlarError `ERR_CANNOT_OPEN` when the text is no schema, `ERR_LIMIT` when it is nested deeper than 64.
 */
export function classFromSchema({ type, fields }: Pick<BlockSchema, "type" | "fields">): AnyBlockClass {
  return makeClass({ reader: readSchema(type, fields), classes: new Map(), models: new Map(), begun: new Map() }, type, fields);
}

/** An instance that only points to a saved document: for a field of a draft, where the values do not count. */
export function standIn(cls: AnyBlockClass, link: Omit<DocumentLink, "changed">): object {
  return Object.create(cls.prototype as object, { [LINK]: { value: Object.freeze({ ...link, changed: false }) } }) as object;
}

interface Context {
  readonly reader: SchemaReader;
  readonly classes: Map<string, AnyBlockClass>;
  /** Definitions that are no blocks, by the key of their reading. */
  readonly models: Map<string, z.ZodType>;
  /** Those that are being made, by name. */
  readonly begun: ReadonlyMap<string, z.ZodType>;
}

function makeClass(context: Context, slug: string, text: string): AnyBlockClass {
  const { title = slug, description, fields } = context.reader;
  const shape = Object.fromEntries(fields.map((each) => [each.key, property(each, context).meta({ key: each.key })]));
  const base = Block.define({ name: title, slug, title, ...(description && { description }), fields: shape as Fields, schemaText: text });
  const cls = class extends base {} as unknown as AnyBlockClass;
  Object.defineProperty(cls, "name", { value: title });
  keepApart(cls);
  return cls;
}

function property({ part, preset }: Property, context: Context): z.ZodType {
  const schema = convert(part, context);
  if (preset.kind === "required") return schema;
  const bare = (schema instanceof z.ZodNullable ? schema.unwrap() : schema) as z.ZodType;
  if (preset.kind === "unset") return bare.optional(); // a null says "not set"
  if (preset.kind === "computed") return preset.empty === undefined ? schema.optional() : schema.prefault(preset.empty);
  // Of a secret or a block the schema's default is a mask or a copy, and no value to store.
  if (bare instanceof z.ZodCodec || !schema.safeParse(preset.value).success) return schema.optional();
  return part.hiding === "inside" ? schema.prefault(preset.value) : schema.default(preset.value);
}

function convert(part: Part, context: Context): z.ZodType {
  const inner = (each: Part) => convert(each, context);
  const reading = context.reader.read(part);
  switch (reading.kind) {
    case "nullable":
      return inner(reading.of).nullable();
    case "secret":
      return secret(inner(reading.of));
    case "block":
      return block(nestedClass(reading.name, context));
    case "definition":
      return definition(reading, context);
    case "union":
      return z.union(reading.options.map(inner));
    case "literal":
      return z.literal([...reading.values]);
    case "text":
      return text(reading);
    case "number":
      return reading.bounds.reduce((schema, [bound, value]) => schema[bound](value), reading.integer ? z.int() : z.number());
    case "boolean":
      return z.boolean();
    case "null":
      return z.null();
    case "list":
      return list(reading, inner);
    case "tuple": {
      const items = reading.items.map(inner) as [z.ZodType, ...z.ZodType[]];
      return reading.rest ? z.tuple(items, inner(reading.rest)) : z.tuple(items);
    }
    case "record":
      return z.record(z.string(), reading.values ? inner(reading.values) : z.json());
    case "object":
      // Prefect takes `additionalProperties` out of schemas, so whether others are allowed is not known.
      return z.looseObject(Object.fromEntries(reading.properties.map((each) => [each.key, property(each, context)])));
    default:
      return z.json();
  }
}

function definition({ name, key, of }: Extract<Reading, { kind: "definition" }>, context: Context): z.ZodType {
  const known = context.begun.get(name) ?? context.models.get(key);
  if (known) return known;
  // A model that contains itself meets the lazy one: at its first level, so its secrets have the same places.
  let made: z.ZodType | undefined;
  made = convert(of, { ...context, begun: new Map([...context.begun, [name, z.lazy(() => made as z.ZodType)]]) });
  context.models.set(key, made);
  return made;
}

function nestedClass(name: string, context: Context): AnyBlockClass {
  const known = context.classes.get(name);
  if (known) return known;
  const reader = context.reader.nested(name);
  const cls = makeClass({ ...context, reader }, reader.slug ?? name, JSON.stringify(context.reader.whole(name)));
  context.classes.set(name, cls);
  return cls;
}

function text({ min, max, pattern, format }: Extract<Reading, { kind: "text" }>): z.ZodType {
  let schema = z.string();
  if (min !== undefined) schema = schema.min(min);
  if (max !== undefined) schema = schema.max(max);
  if (pattern !== undefined) schema = schema.refine((value) => matches(pattern, value), `expected text that matches ${pattern.source}`);
  const formats: Record<string, z.ZodType<string>> = {
    "date-time": z.iso.datetime({ offset: true, local: true }),
    date: z.iso.date(),
    uuid: z.guid(),
    uri: z.url(),
    email: z.email(),
  };
  const known = format === undefined ? undefined : formats[format];
  return known ? schema.refine((value) => known.safeParse(value).success, `expected text of the format ${format}`) : schema;
}

/** @throws never: too slow a pattern does not match. */
function matches({ source, flags }: RegExp, value: string): boolean {
  try {
    return runInNewContext("new RegExp(source, flags).test(value)", { source, flags, value }, { timeout: PATTERN_TIMEOUT_MS }) as boolean;
  } catch {
    return false;
  }
}

function list({ items, min, max }: Extract<Reading, { kind: "list" }>, inner: (part: Part) => z.ZodType): z.ZodType {
  let schema = z.array(items ? inner(items) : z.json());
  if (min !== undefined) schema = schema.min(min);
  if (max !== undefined) schema = schema.max(max);
  return schema;
}

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
import { definitionName, schemaOfDefinition } from "./definitions.ts";
import { AshlarError } from "./errors.ts";
import { block, secret } from "./fields.ts";
import { parseLossless, plainNumbers } from "./json.ts";
import { keepApart } from "./registry.ts";
import type { BlockSchema } from "./stores/store.ts";

/** A node of a JSON schema, as far as it is read here. */
interface Node {
  readonly $ref?: string;
  readonly allOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly writeOnly?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly items?: Node;
  readonly prefixItems?: readonly Node[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node | boolean;
  readonly default?: unknown;
  readonly title?: string;
  readonly description?: string;
  readonly block_type_slug?: string;
  readonly secret_fields?: readonly string[];
  readonly definitions?: Readonly<Record<string, Node>>;
}

/** How long one pattern of a stored schema may look at one value: it may be anyone's. */
const PATTERN_TIMEOUT_MS = 100;

/**
 * A block class of a stored schema: the same slug, the same checksum, the same documents. It never stands for its slug in `Block.load`.
 *
 * @throws AshlarError `ERR_CANNOT_OPEN` when the text is no schema.
 */
export function classFromSchema(schema: Pick<BlockSchema, "type" | "fields">): AnyBlockClass {
  const tree = parseLossless(schema.fields);
  if (typeof tree !== "object" || tree === null)
    throw new AshlarError("ERR_CANNOT_OPEN", `The schema of ${schema.type} is damaged.`, { type: schema.type });
  const fields = plainNumbers(tree) as Node;
  return makeClass(fields, schema.type, schema.fields, {
    definitions: fields.definitions ?? {},
    texts: tree as { definitions?: Record<string, unknown> },
    classes: new Map(),
    models: new Map(),
  });
}

/** An instance that only points to a saved document: for a field of a draft, where the values do not count. */
export function standIn(cls: AnyBlockClass, link: Omit<DocumentLink, "changed">): object {
  return Object.create(cls.prototype as object, { [LINK]: { value: Object.freeze({ ...link, changed: false }) } }) as object;
}

interface Context {
  readonly definitions: Readonly<Record<string, Node>>;
  /** The same with every number's text, for the checksums of nested classes. */
  readonly texts: { readonly definitions?: Record<string, unknown> };
  readonly classes: Map<string, AnyBlockClass>;
  readonly models: Map<string, z.ZodType>;
}

/** Where a value stands: its dotted path as in `secret_fields`, those that are secret, and whether it is inside a secret already. */
interface Place {
  readonly path: string;
  readonly secrets: ReadonlySet<string>;
  readonly hidden: boolean;
}

function makeClass(fields: Node, slug: string, text: string, context: Context): AnyBlockClass {
  const secrets = new Set(fields.secret_fields ?? []);
  const required = new Set(fields.required ?? []);
  const shape: Record<string, z.ZodType> = {};
  for (const [key, node] of Object.entries(fields.properties ?? {})) {
    const schema = convert(node, { path: key, secrets, hidden: false }, context);
    shape[key] = (required.has(key) ? schema : withDefault(schema, node)).meta({ key });
  }
  const title = fields.title ?? slug;
  const base = Block.define({
    name: title,
    slug,
    title,
    ...(fields.description && { description: fields.description }),
    fields: shape as Fields,
    schemaText: text,
  });
  const cls = class extends base {} as unknown as AnyBlockClass;
  Object.defineProperty(cls, "name", { value: title });
  keepApart(cls);
  return cls;
}

function withDefault(schema: z.ZodType, node: Node): z.ZodType {
  const bare = (schema instanceof z.ZodNullable ? schema.unwrap() : schema) as z.ZodType;
  const preset = node.default;
  if (preset === null) return bare.optional(); // Python's Optional[X] = None: a null says "not set"
  // Of a secret or a block the schema's default is a mask or a copy, and no value to store.
  if (preset === undefined || bare instanceof z.ZodCodec || !schema.safeParse(preset).success) return schema.optional();
  return schema.default(preset);
}

function convert(node: Node, place: Place, context: Context): z.ZodType {
  const choices = node.anyOf ?? node.oneOf;
  const nullable = choices?.some((choice) => choice.type === "null") === true;
  const bare = nullable ? simplified({ ...node, anyOf: choices?.filter((choice) => choice.type !== "null") ?? [] }) : node;
  const schema = isSecret(bare, place, context)
    ? secret(visible(bare, { ...place, hidden: true }, context))
    : visible(bare, place, context);
  return nullable ? schema.nullable() : schema;
}

/** An `anyOf` of one is that one. */
function simplified(node: Node): Node {
  const { anyOf, oneOf: _oneOf, ...rest } = node;
  return anyOf?.length === 1 && anyOf[0] !== undefined ? { ...anyOf[0], ...rest } : { ...rest, ...(anyOf && { anyOf }) };
}

function isSecret(node: Node, { path, secrets, hidden }: Place, context: Context): boolean {
  if (hidden) return false;
  return isMarked(node) || ((secrets.has(path) || secrets.has(`${path}.*`)) && !allMarked(node, context));
}

function isMarked(node: Node): boolean {
  return node.format === "password" && node.writeOnly === true;
}

/** Whether the schema itself marks every part of a value as secret: then the parts are the secrets, as in `z.array(secret())`. */
function allMarked(node: Node, context: Context): boolean {
  const resolved = target(node, context);
  if (isMarked(resolved)) return true;
  const parts = [...(resolved.anyOf ?? []), ...(resolved.prefixItems ?? [])];
  if (resolved.items) parts.push(resolved.items);
  if (typeof resolved.additionalProperties === "object") parts.push(resolved.additionalProperties);
  return parts.length > 0 && parts.every((part) => part.type === "null" || allMarked(part, context));
}

function target(node: Node, context: Context): Node {
  const reference = node.$ref ?? (node.allOf?.length === 1 ? node.allOf[0]?.$ref : undefined);
  return reference === undefined ? node : (context.definitions[definitionName(reference)] ?? {});
}

function visible(node: Node, place: Place, context: Context): z.ZodType {
  const reference = node.$ref ?? (node.allOf?.length === 1 ? node.allOf[0]?.$ref : undefined);
  if (reference !== undefined) return definition(definitionName(reference), place, context);
  const choices = (node.anyOf ?? node.oneOf)?.map((choice) => convert(choice, place, context));
  if (choices) return choices.length === 1 ? (choices[0] as z.ZodType) : z.union(choices);
  if ("const" in node) return z.literal(node.const as string);
  if (node.enum) return z.literal(node.enum as string[]);
  switch (node.type) {
    case "string":
      return text(node);
    case "integer":
      return bounded(z.int(), node);
    case "number":
      return bounded(z.number(), node);
    case "boolean":
      return z.boolean();
    case "null":
      return z.null();
    case "array":
      return list(node, place, context);
    case "object":
      return object(node, place, context);
    default:
      return z.json();
  }
}

function definition(name: string, place: Place, context: Context): z.ZodType {
  const node = context.definitions[name];
  if (!node) return z.json();
  if (node.block_type_slug !== undefined) return block(nestedClass(name, node, node.block_type_slug, context));
  const known = context.models.get(name);
  if (known) return known;
  // A model that contains itself meets the lazy one: at its first level, so its secrets have the same places.
  let made: z.ZodType | undefined;
  made = visible(node, place, { ...context, models: new Map([...context.models, [name, z.lazy(() => made as z.ZodType)]]) });
  return made;
}

function nestedClass(name: string, node: Node, slug: string, context: Context): AnyBlockClass {
  const known = context.classes.get(name);
  if (known) return known;
  const cls = makeClass(node, slug, JSON.stringify(schemaOfDefinition(name, context.texts.definitions ?? {})), context);
  context.classes.set(name, cls);
  return cls;
}

function text(node: Node): z.ZodType {
  let schema = z.string();
  if (node.minLength !== undefined) schema = schema.min(node.minLength);
  if (node.maxLength !== undefined) schema = schema.max(node.maxLength);
  const { pattern } = node;
  if (pattern !== undefined) schema = schema.refine((value) => matches(pattern, value), `expected text that matches ${pattern}`);
  const formats: Record<string, z.ZodType<string>> = {
    "date-time": z.iso.datetime({ offset: true, local: true }),
    date: z.iso.date(),
    uuid: z.guid(),
    uri: z.url(),
    email: z.email(),
  };
  const format = node.format === undefined ? undefined : formats[node.format];
  return format ? schema.refine((value) => format.safeParse(value).success, `expected text of the format ${node.format}`) : schema;
}

/** A pattern that JavaScript cannot read is not checked: it was Python's. @throws never: too slow a pattern does not match. */
function matches(pattern: string, value: string): boolean {
  try {
    return runInNewContext("new RegExp(pattern).test(value)", { pattern, value }, { timeout: PATTERN_TIMEOUT_MS }) as boolean;
  } catch (error) {
    return (error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT";
  }
}

function bounded(schema: z.ZodNumber, node: Node): z.ZodType {
  let bounds = schema;
  if (node.minimum !== undefined) bounds = bounds.min(node.minimum);
  if (node.maximum !== undefined) bounds = bounds.max(node.maximum);
  if (node.exclusiveMinimum !== undefined) bounds = bounds.gt(node.exclusiveMinimum);
  if (node.exclusiveMaximum !== undefined) bounds = bounds.lt(node.exclusiveMaximum);
  return node.multipleOf === undefined ? bounds : bounds.multipleOf(node.multipleOf);
}

function list(node: Node, place: Place, context: Context): z.ZodType {
  if (node.prefixItems) {
    const items = node.prefixItems.map((item) => convert(item, place, context)) as [z.ZodType, ...z.ZodType[]];
    return node.items ? z.tuple(items, convert(node.items, place, context)) : z.tuple(items);
  }
  let schema = z.array(node.items ? convert(node.items, place, context) : z.json());
  if (node.minItems !== undefined) schema = schema.min(node.minItems);
  if (node.maxItems !== undefined) schema = schema.max(node.maxItems);
  return schema;
}

function object(node: Node, place: Place, context: Context): z.ZodType {
  const open = typeof node.additionalProperties === "object" ? convert(node.additionalProperties, place, context) : z.json();
  if (!node.properties) return z.record(z.string(), open);
  const required = new Set(node.required ?? []);
  const shape = Object.entries(node.properties).map(([key, item]) => {
    const schema = convert(item, { ...place, path: `${place.path}.${key}` }, context);
    return [key, required.has(key) ? schema : withDefault(schema, item)];
  });
  // Prefect takes `additionalProperties` out of schemas, so whether others are allowed is not known.
  return z.looseObject(Object.fromEntries(shape) as Record<string, z.ZodType>);
}

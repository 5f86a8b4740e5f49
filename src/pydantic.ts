/**
 * zod schema → JSON schema as pydantic 2 writes it for the same declaration, which is what a block's checksum counts. Touches zod and fields.ts.
 *
 * Optional is `anyOf` with null, a thing with an id is a definition, a constant stands alone, and a format has no pattern.
 * @module
 */
import { z } from "zod";
import type { AnyBlockClass } from "./definition.ts";
import { AshlarError } from "./errors.ts";
import { canonicalJson } from "./json.ts";
import { bounds, choice, leaf, numberShape, secretShape, stringShape } from "./pydantic-leaf.ts";
import { type Node, pythonDefault } from "./python-default.ts";
import {
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

/** The definitions of one schema, and what each was made from. */
export interface Definitions {
  /** Name for a recursive schema that has no id: of the property where it is met. */
  name: string;
  readonly nodes: Record<string, Node>;
  readonly origins: Map<string, object>;
  /** What turned out to be the same as a definition that was made before. */
  readonly compared: Set<object>;
  /** The schema of a nested block: made once per class, elsewhere. */
  readonly blockFields: (cls: AnyBlockClass) => Node;
}

const WRAPPERS: ReadonlySet<Def["type"]> = new Set(["optional", "nullable", "default", "prefault", "readonly", "nonoptional"]);

/** A property: its schema, and a title unless it points to what may have one of its own. */
export function property(schema: z.ZodType, key: string, definitions: Definitions): Node {
  const before = definitions.name;
  definitions.name = titleCase(key).replaceAll(" ", "");
  const node = emit(schema, definitions);
  definitions.name = before;
  return "title" in node || isPointer(schema, definitions) ? node : { ...node, title: titleCase(key) };
}

function isPointer(schema: z.ZodType, definitions: Definitions): boolean {
  const { inner } = unwrap(schema, false);
  return (
    blockInner(inner) !== undefined || isJsonSchema(inner) || identified(inner) !== undefined || named(inner, definitions) !== undefined
  );
}

/** A lazy schema without an id stands for what is inside. */
function isWrapper(schema: z.ZodType): boolean {
  const { type } = defOf(schema);
  return WRAPPERS.has(type) || (type === "lazy" && !isJsonSchema(schema) && identified(schema) === undefined);
}

function wrapped(schema: z.ZodType): z.ZodType {
  return defOf(schema).innerType ?? lazyInner(schema);
}

/** Whether a schema is found inside itself, other than by way of what has a name. */
function isRecursive(schema: z.ZodType, { origins }: Definitions): boolean {
  const seen = new Set<object>(origins.values());
  const meets = (inner: z.ZodType): boolean => {
    if (inner === schema) return true;
    if (seen.has(inner) || isJsonSchema(inner) || identified(inner)) return false;
    seen.add(inner);
    return children(inner).some(meets);
  };
  return !isJsonSchema(schema) && children(schema).some(meets);
}

/** Python's `str.title()`: a capital at the start of every run of letters. */
function titleCase(key: string): string {
  return key
    .replace(/\p{L}+/gu, (run) => run.charAt(0).toUpperCase() + run.slice(1).toLowerCase())
    .replaceAll("_", " ")
    .trim();
}

/** What a schema says of itself beside its shape; `id`, `key` and `numbers` are ours or zod's, not the reader's. */
function metadata(schema: z.ZodType): Node {
  const { id: _id, key: _key, numbers: _numbers, ...rest } = z.globalRegistry.get(schema) ?? {};
  return rest;
}

/** What tells which values fit, so that it stands beside `type`, where what describes the field stands outside of `anyOf`. */
const KEYWORDS: ReadonlySet<string> = new Set(
  "type format pattern minLength maxLength contentMediaType contentEncoding contentSchema minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems contains minProperties maxProperties patternProperties propertyNames writeOnly".split(
    " ",
  ),
);

/** The schema with an id that this one is, or was described from. */
function identified(schema: z.ZodType): { schema: z.ZodType; id: string } | undefined {
  for (let current: z.ZodType | undefined = schema; current; current = current._zod.parent as z.ZodType | undefined) {
    const id = z.globalRegistry.get(current)?.id;
    if (id !== undefined) return { schema: current, id };
  }
  return undefined;
}

/** What the wrappers of a schema come to. */
interface Unwrapped {
  readonly inner: z.ZodType;
  readonly orNull: boolean;
  readonly preset: Node;
  /** Descriptions, the innermost first. */
  readonly descriptions: readonly Node[];
}

function unwrap(schema: z.ZodType, withDefault = true): Unwrapped {
  let [inner, orNull, required, optional] = [schema, false, false, false];
  let preset: Node | undefined;
  const descriptions: Node[] = [];
  for (; isWrapper(inner); inner = wrapped(inner)) {
    const def = defOf(inner);
    descriptions.unshift(metadata(inner));
    if (def.type === "nonoptional") required = true;
    if (def.type === "optional" && !required) optional = orNull = true;
    if (def.type === "nullable") orNull = true;
    if (def.type === "default" && withDefault) preset ??= { default: pythonDefault(inner) };
    if (def.type === "prefault") preset ??= {};
  }
  return { inner, orNull, preset: preset ?? (optional ? { default: null } : {}), descriptions };
}

/** One schema with its wrappers: optional and nullable become `anyOf` with null. */
function emit(schema: z.ZodType, definitions: Definitions): Node {
  const { inner, orNull, preset, descriptions } = unwrap(schema);
  const target = blockInner(inner) || isJsonSchema(inner) ? undefined : (identified(inner) ?? named(inner, definitions));
  const entries = Object.entries(target ? changedMetadata(inner, target.schema) : metadata(inner));
  const base = target
    ? define(target.id, target.schema, () => definition(target.schema, target.id, definitions), definitions)
    : stated({ ...shape(inner, definitions), ...Object.fromEntries(entries.filter(([key]) => KEYWORDS.has(key))) });
  const own = Object.fromEntries(entries.filter(([key]) => target !== undefined || !KEYWORDS.has(key)));
  return stated(Object.assign(orNull ? anyOf([base, { type: "null" }]) : base, preset, own, ...descriptions));
}

/** `.meta({ format: undefined })` takes a keyword away. */
function stated(node: Node): Node {
  return Object.fromEntries(Object.entries(node).filter(([, value]) => value !== undefined));
}

/** A recursive schema has to have a name, if it has no id. */
function named(schema: z.ZodType, definitions: Definitions): { schema: z.ZodType; id: string } | undefined {
  const known = [...definitions.origins].find(([, origin]) => origin === schema);
  if (known) return { schema, id: known[0] };
  if (!isRecursive(schema, definitions)) return undefined;
  let id = definitions.name;
  for (let count = 2; id in definitions.nodes; count++) id = `${definitions.name}${count}`;
  return { schema, id };
}

/** A part of something else, such as a list's items: unset has no place there, so it has no default of null. */
function emitPart(schema: z.ZodType, definitions: Definitions): Node {
  const node = emit(schema, definitions);
  if (node.default === null && defOf(schema).type === "optional") delete node.default;
  return node;
}

/** One of several, flat and each once, as pydantic writes a union. */
function anyOf(nodes: readonly Node[]): Node {
  const flat = nodes.flatMap((node) => (Object.keys(node).length === 1 && Array.isArray(node.anyOf) ? (node.anyOf as Node[]) : [node]));
  const unique = [...new Map(flat.map((node) => [canonicalJson(node), node])).values()];
  return unique.length === 1 ? { ...unique[0] } : { anyOf: unique };
}

/** What a description adds to the schema it was made from. */
function changedMetadata(schema: z.ZodType, origin: z.ZodType): Node {
  const before = metadata(origin);
  return schema === origin ? {} : Object.fromEntries(Object.entries(metadata(schema)).filter(([key, value]) => before[key] !== value));
}

/** Puts a definition in place, once, and points to it. A recursive one meets its own name while it is made. */
function define(name: string, origin: object, make: () => Node, definitions: Definitions): Node {
  const { nodes, origins, compared } = definitions;
  const pointer = { $ref: `#/definitions/${name}` };
  if (origins.get(name) === origin || compared.has(origin)) return pointer;
  const before = nodes[name];
  if (before === undefined) {
    origins.set(name, origin);
    nodes[name] = {};
    Object.assign(nodes[name], make());
    return pointer;
  }
  compared.add(origin);
  if (canonicalJson(before) !== canonicalJson(make())) {
    throw new AshlarError(
      "ERR_DEFINITION",
      `Two things inside one block are called ${name}: give one of them another id, or one of the block classes a title of its own.`,
    );
  }
  return pointer;
}

function definition(schema: z.ZodType, id: string, definitions: Definitions): Node {
  const titled = ["object", "enum"].includes(defOf(schema).type);
  return stated({ ...shape(schema, definitions), ...(titled && { title: id }), ...metadata(schema) });
}

function nestedBlock(cls: AnyBlockClass, definitions: Definitions): Node {
  const { definitions: within, ...fields } = definitions.blockFields(cls);
  for (const [name, node] of Object.entries((within ?? {}) as Record<string, Node>)) define(name, node, () => node, definitions);
  return define(String(fields.title), cls, () => fields, definitions);
}

function shape(schema: z.ZodType, definitions: Definitions): Node {
  const def = defOf(schema);
  const part = (child: z.ZodType | undefined) => emitPart(child as z.ZodType, definitions);
  const [hidden, nested, encoding, own] = [secretInner(schema), blockInner(schema), bytesInner(schema), ownJsonSchema(schema)];
  if (hidden) return secretShape(part(hidden));
  if (nested) return nestedBlock(nested, definitions);
  if (encoding) return { type: "string", format: encoding === "utf-8" ? "binary" : "base64" };
  if (own) return structuredClone(own);
  if (isJsonSchema(schema)) return define("JsonValue", isJsonSchema, () => ({}), definitions);
  switch (def.type) {
    case "any":
    case "unknown":
      return {};
    case "date":
      return { type: "string", format: "date-time" };
    case "bigint":
      return { type: "string", pattern: "^-?\\d+$" };
    case "literal":
      return choice(def.values ?? []);
    case "enum":
      return choice([...(schema._zod.values ?? [])], identified(schema) !== undefined);
    case "array":
      return { ...bounds(schema, ["minItems", "maxItems"]), type: "array", items: part(def.element) };
    case "tuple":
      return tuple(def, part);
    case "record":
      return record(def, part);
    case "object":
      return objectShape(def, definitions);
    case "union":
      return union(def, part);
    case "lazy":
      return part(lazyInner(schema));
    case "pipe":
      return part(def.in);
    case "string":
      return stringShape(schema);
    case "number":
      return numberShape(schema);
    default:
      return leaf(schema);
  }
}

function objectShape(def: Def, definitions: Definitions): Node {
  const entries = Object.entries(def.shape ?? {});
  const required = entries.filter(([, item]) => !isOptional(item)).map(([key]) => key);
  const properties = Object.fromEntries(entries.map(([key, item]) => [key, property(item, key, definitions)]));
  const closed = def.catchall && defOf(def.catchall).type === "never";
  const rest = def.catchall && (closed ? false : anyAsTrue(emitPart(def.catchall, definitions)));
  return {
    type: "object",
    properties,
    ...(required.length > 0 && { required }),
    ...(rest !== undefined && { additionalProperties: rest }),
  };
}

function anyAsTrue(node: Node): Node | true {
  return Object.keys(node).length === 0 ? true : node;
}

function record(def: Def, part: (child: z.ZodType | undefined) => Node): Node {
  const { pattern, type, ...names } = part(def.keyType);
  const values = part(def.valueType);
  return {
    type: "object",
    ...(typeof pattern === "string" ? { patternProperties: { [pattern]: values } } : { additionalProperties: anyAsTrue(values) }),
    ...(Object.keys(names).length > 0 && { propertyNames: "$ref" in names || type === "string" ? names : { ...names, type } }),
  };
}

function tuple(def: Def, part: (child: z.ZodType | undefined) => Node): Node {
  const items = def.items ?? [];
  const least = items.findLastIndex((item) => !isOptional(item)) + 1;
  return {
    type: "array",
    ...(items.length > 0 && { prefixItems: items.map(part) }),
    minItems: least,
    ...(def.rest ? { items: part(def.rest) } : { maxItems: items.length }),
  };
}

function union(def: Def, part: (child: z.ZodType) => Node): Node {
  const options = def.options ?? [];
  const nodes = options.map(part);
  if (def.discriminator === undefined) return anyOf(nodes);
  const { discriminator } = def;
  const mapping = nodes.flatMap((node, index) => {
    const tags = defOf(options[index] as z.ZodType).shape?.[discriminator]?._zod.values ?? [];
    return typeof node.$ref === "string" ? [...tags].map((tag) => [String(tag), node.$ref] as const) : [];
  });
  return {
    oneOf: nodes,
    discriminator: { propertyName: discriminator, ...(mapping.length > 0 && { mapping: Object.fromEntries(mapping) }) },
  };
}

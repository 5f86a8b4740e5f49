/**
 * Block class → schema fields, as the Python class of the same declaration gives them on Prefect 3.8 (protocol.md §3). Touches zod and fields.ts.
 *
 * Made on first asking and kept per class; loading a block never asks.
 * @module
 */
import { z } from "zod";
import { schemaChecksum, withoutKey } from "./checksum.ts";
import { type AnyBlockClass, DEFINITION, type Field } from "./definition.ts";
import { AshlarError } from "./errors.ts";
import {
  blockInner,
  bytesInner,
  children,
  type Def,
  defOf,
  isJsonSchema,
  isOptional,
  ownJsonSchema,
  secretInner,
  snakeCase,
  storable,
} from "./fields.ts";
import { float, isRawNumber, parseLossless } from "./json.ts";

type Node = Record<string, unknown>;
type Definitions = Record<string, Node>;

interface Made {
  readonly fields: Node;
  readonly checksum: string;
}
const made = new WeakMap<AnyBlockClass, Made>();

function make(cls: AnyBlockClass): Made {
  const known = made.get(cls);
  if (known) return known;
  const { schemaText } = cls[DEFINITION];
  const fields = schemaText === undefined ? fieldsOf(cls) : (parseLossless(schemaText) as Node);
  const result = { fields, checksum: schemaChecksum(schemaText ?? fields) };
  made.set(cls, result);
  return result;
}

/** The schema fields of a class; numbers that JSON would change are kept as their text (json.ts). */
export function schemaFields(cls: AnyBlockClass): Node {
  return make(cls).fields;
}

/** The checksum that identifies the class's schema. */
export function checksumOf(cls: AnyBlockClass): string {
  return make(cls).checksum;
}

/** The title of a class's schema, which is also its name among definitions. */
export function titleOf(cls: AnyBlockClass): string {
  return cls[DEFINITION].title ?? cls.name;
}

/** The block classes inside a schema, in order of declaration; not those inside a plain object, as Prefect counts. */
export function nestedClasses(schema: z.ZodType): AnyBlockClass[] {
  const cls = blockInner(schema);
  if (cls) return [cls];
  return defOf(schema).type === "object" || isJsonSchema(schema) ? [] : children(schema).flatMap((child) => nestedClasses(child));
}

/** All block classes that a class's values may hold, at any depth, leaves first, each once; without the class itself. */
export function reachableClasses(cls: AnyBlockClass, found = new Set<AnyBlockClass>()): Set<AnyBlockClass> {
  const visit = (schema: z.ZodType, seen: Set<z.ZodType>): void => {
    if (seen.has(schema)) return;
    seen.add(schema);
    const nested = blockInner(schema);
    if (nested && !found.has(nested)) {
      reachableClasses(nested, found);
      found.add(nested);
    }
    if (!nested && !isJsonSchema(schema)) for (const child of children(schema)) visit(child, seen);
  };
  for (const field of cls[DEFINITION].fields) visit(field.declared, new Set());
  return found;
}

function fieldsOf(cls: AnyBlockClass): Node {
  const definition = cls[DEFINITION];
  const definitions: Definitions = {};
  const properties: Node = {};
  const references: Node = {};
  definition.fields.forEach((field, position) => {
    properties[field.key] = { ...property(field.declared, field.key, definitions), position };
    const nested = nestedClasses(field.declared).map((child) => ({
      block_type_slug: child[DEFINITION].slug,
      block_schema_checksum: checksumOf(child),
    }));
    if (nested.length > 0) references[snakeCase(field.name)] = nested.length === 1 ? nested[0] : nested;
  });
  const required = definition.fields.filter((field) => !isOptional(field.declared)).map((field) => field.key);
  const fields: Node = {
    title: titleOf(cls),
    type: "object",
    properties,
    ...(required.length > 0 && { required }),
    ...(definition.description && { description: definition.description }),
    block_type_slug: definition.slug,
    secret_fields: secretFields(definition.fields),
    block_schema_references: references,
    ...(Object.keys(definitions).length > 0 && { definitions }),
  };
  return withoutKey(fields, "additionalProperties");
}

/** Dotted paths of the secrets by Python's field names; `.*` for a whole object. protocol.md §3.4 */
function secretFields(fields: readonly Field[]): string[] {
  const walk = (schema: z.ZodType, path: string, above: readonly z.ZodType[]): string[] => {
    const hidden = secretInner(schema);
    if (hidden) return [["record", "object"].includes(defOf(hidden).type) ? `${path}.*` : path];
    const nested = blockInner(schema);
    if (nested) return secretFields(nested[DEFINITION].fields).map((inner) => `${path}.${inner}`);
    if (above.includes(schema) || isJsonSchema(schema)) return [];
    const { type, shape } = defOf(schema);
    if (type === "object") return Object.entries(shape ?? {}).flatMap(([key, item]) => walk(item, `${path}.${key}`, [...above, schema]));
    return children(schema).flatMap((child) => walk(child, path, [...above, schema]));
  };
  return fields.flatMap((field) => walk(field.declared, snakeCase(field.name), []));
}

const WRAPPERS: ReadonlySet<Def["type"]> = new Set(["optional", "nullable", "default", "prefault", "readonly", "nonoptional"]);

/** A property: its schema, and a title unless it only points to a definition. */
function property(schema: z.ZodType, key: string, definitions: Definitions): Node {
  const node = emit(schema, definitions);
  return "title" in node || !isTitled(schema) ? node : { ...node, title: titleCase(key) };
}

function isTitled(schema: z.ZodType): boolean {
  const def = defOf(schema);
  if (WRAPPERS.has(def.type)) return isTitled(def.innerType as z.ZodType);
  return blockInner(schema) === undefined && !(["object", "enum"].includes(def.type) && identified(schema) !== undefined);
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

/** The schema with an id that this one is, or was described from. */
function identified(schema: z.ZodType): { schema: z.ZodType; id: string } | undefined {
  for (let current: z.ZodType | undefined = schema; current; current = current._zod.parent as z.ZodType | undefined) {
    const id = z.globalRegistry.get(current)?.id;
    if (id !== undefined) return { schema: current, id };
  }
  return undefined;
}

/** One schema with its wrappers: optional and nullable become `anyOf` with null, what describes any of them stands outside. */
function emit(schema: z.ZodType, definitions: Definitions): Node {
  let [current, orNull, preset] = [schema, false, {} as Node];
  const descriptions: Node[] = [];
  for (let def = defOf(current); WRAPPERS.has(def.type); def = defOf(current)) {
    descriptions.push(metadata(current));
    if (def.type === "nullable" || def.type === "optional") orNull = true;
    if (!("default" in preset) && def.type === "default") preset = { default: defaultValue(def, current) };
    if (!("default" in preset) && def.type === "optional") preset = { default: null };
    current = def.innerType as z.ZodType;
  }
  const target = blockInner(current) || isJsonSchema(current) ? undefined : identified(current);
  descriptions.push(target ? changedMetadata(current, target.schema) : metadata(current));
  const base = target
    ? define(target.id, () => definition(target.schema, target.id, definitions), definitions)
    : shape(current, definitions);
  const choices = Object.keys(base).length === 1 && Array.isArray(base.anyOf) ? (base.anyOf as Node[]) : [base];
  const node: Node = orNull && !choices.some((choice) => choice.type === "null") ? { anyOf: [...choices, { type: "null" }] } : base;
  return Object.assign({ ...node, ...preset }, ...descriptions.reverse());
}

/** What a description adds to the schema it was made from. */
function changedMetadata(schema: z.ZodType, origin: z.ZodType): Node {
  const before = metadata(origin);
  return schema === origin ? {} : Object.fromEntries(Object.entries(metadata(schema)).filter(([key, value]) => before[key] !== value));
}

/** Puts a definition in place, once, and points to it. A recursive one meets its own name while it is made. */
function define(name: string, make: () => Node, definitions: Definitions): Node {
  if (definitions[name] === undefined) {
    const place: Node = {};
    definitions[name] = place;
    Object.assign(place, make());
  }
  return { $ref: `#/definitions/${name}` };
}

function definition(schema: z.ZodType, id: string, definitions: Definitions): Node {
  const titled = ["object", "enum"].includes(defOf(schema).type);
  return { ...shape(schema, definitions), ...(titled && { title: id }), ...metadata(schema) };
}

function shape(schema: z.ZodType, definitions: Definitions): Node {
  const def = defOf(schema);
  const inner = (child: z.ZodType | undefined) => emit(child as z.ZodType, definitions);
  const [hidden, nested, encoding] = [secretInner(schema), blockInner(schema), bytesInner(schema)];
  if (hidden) return secretShape(inner(hidden));
  if (nested) return nestedBlock(nested, definitions);
  if (encoding) return { type: "string", format: encoding === "utf-8" ? "binary" : "base64" };
  const own = ownJsonSchema(schema);
  if (own) return structuredClone(own);
  if (isJsonSchema(schema)) return define("JsonValue", () => ({}), definitions);
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
      return identified(schema)
        ? { enum: Object.values(def.entries ?? {}), ...typeOf(Object.values(def.entries ?? {})) }
        : choice(Object.values(def.entries ?? {}));
    case "array":
      return { ...leaf(schema, ["minItems", "maxItems"]), type: "array", items: inner(def.element) };
    case "tuple":
      return tuple(def, inner);
    case "record":
      return {
        type: "object",
        additionalProperties: anyAsTrue(inner(def.valueType)),
        ...(defOf(def.keyType as z.ZodType).type !== "string" && { propertyNames: inner(def.keyType) }),
      };
    case "object":
      return objectShape(def, definitions);
    case "union":
      return union(def, inner);
    case "lazy":
      return inner(def.getter?.());
    case "pipe":
      return inner(def.in);
    case "string":
      return stringShape(schema);
    case "number":
      return numberShape(schema);
    default:
      return leaf(schema);
  }
}

/** zod's own JSON Schema of a schema without children; `only` picks keywords. */
function leaf(schema: z.ZodType, only?: readonly string[]): Node {
  const { $schema: _dialect, ...node } = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-7",
    unrepresentable: "any",
    metadata: z.registry(),
  }) as Node;
  return only ? Object.fromEntries(Object.entries(node).filter(([key]) => only.includes(key))) : node;
}

/** Formats that pydantic writes without a pattern, and readers know. */
const FORMATS: ReadonlySet<unknown> = new Set(["uuid", "uri", "email", "date-time", "date", "duration", "ipv4", "ipv6", "base64"]);

function stringShape(schema: z.ZodType): Node {
  const { contentEncoding: _encoding, ...node } = leaf(schema);
  const { format } = defOf(schema);
  if (format === "time") node.format = "time";
  else if (format === undefined) delete node.format; // of a check such as startsWith: its pattern says it
  if (!FORMATS.has(node.format) && node.format !== "time") return node;
  // The pattern by which zod checks a format is no part of the format; a pattern of the author's is.
  const own = [...((schema._zod.bag.patterns as Set<RegExp> | undefined) ?? [])].filter(
    (pattern) => pattern !== (schema._zod.def as { pattern?: RegExp }).pattern,
  );
  delete node.pattern;
  delete node.allOf;
  const patterns = own.filter(
    (pattern) =>
      defOf(schema).format === undefined ||
      (schema._zod.def.checks ?? []).some((check) => (check._zod.def as { pattern?: RegExp }).pattern === pattern),
  );
  if (patterns.length === 1) node.pattern = patterns[0]?.source;
  if (patterns.length > 1) node.allOf = patterns.map((pattern) => ({ pattern: pattern.source }));
  return node;
}

function numberShape(schema: z.ZodType): Node {
  const node = leaf(schema);
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, typeof value === "number" ? inForm(value, schema) : value]));
}

/** A number as the field's constants are written; in lists and objects by the schema of each part. */
function inForm(value: unknown, schema: z.ZodType): unknown {
  const def = defOf(schema);
  if (typeof value === "number" && def.type === "number") {
    const form =
      z.globalRegistry.get(schema)?.numbers ??
      (schema._zod.bag.format === "safeint" || /int/.test(String(schema._zod.bag.format ?? "")) ? "integer" : "float");
    return form === "float" ? float(value) : value;
  }
  if (def.innerType ?? def.in) return inForm(value, (def.innerType ?? def.in) as z.ZodType);
  if (Array.isArray(value)) return def.element ? value.map((item) => inForm(item, def.element as z.ZodType)) : value;
  if (typeof value !== "object" || value === null || isRawNumber(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      def.shape?.[key] || def.valueType ? inForm(item, (def.shape?.[key] ?? def.valueType) as z.ZodType) : item,
    ]),
  );
}

function defaultValue(def: Def, schema: z.ZodType): unknown {
  const numbers = z.globalRegistry.get(schema)?.numbers;
  const encoded: unknown = JSON.parse(JSON.stringify(z.encode(storable(def.innerType as z.ZodType, "default").schema, def.defaultValue)));
  if (numbers !== undefined && typeof encoded === "number") return numbers === "float" ? float(encoded) : encoded;
  return inForm(encoded, def.innerType as z.ZodType);
}

/** pydantic marks secret text; a secret of another type shows in `secret_fields` only. */
function secretShape(inner: Node): Node {
  return inner.type === "string" && !("enum" in inner) && !("const" in inner) ? { ...inner, format: "password", writeOnly: true } : inner;
}

function nestedBlock(cls: AnyBlockClass, definitions: Definitions): Node {
  const { definitions: within, ...fields } = schemaFields(cls);
  const title = String(fields.title);
  for (const [name, node] of Object.entries({ ...(within as Definitions | undefined), [title]: fields })) {
    const before = definitions[name];
    if (before && JSON.stringify(before) !== JSON.stringify(node)) {
      throw new AshlarError(
        "ERR_DEFINITION",
        `Two things inside one block are called ${name}: give one of the block classes a title of its own.`,
      );
    }
    definitions[name] = node;
  }
  return { $ref: `#/definitions/${title}` };
}

function objectShape(def: Def, definitions: Definitions): Node {
  const entries = Object.entries(def.shape ?? {});
  const required = entries.filter(([, item]) => !isOptional(item)).map(([key]) => key);
  const open =
    def.catchall && defOf(def.catchall).type !== "never" ? { additionalProperties: anyAsTrue(emit(def.catchall, definitions)) } : {};
  const closed = def.catchall && defOf(def.catchall).type === "never" ? { additionalProperties: false } : {};
  const properties = Object.fromEntries(entries.map(([key, item]) => [key, property(item, key, definitions)]));
  return { type: "object", properties, ...(required.length > 0 && { required }), ...open, ...closed };
}

function anyAsTrue(node: Node): Node | true {
  return Object.keys(node).length === 0 ? true : node;
}

function tuple(def: Def, inner: (child: z.ZodType) => Node): Node {
  const items = def.items ?? [];
  const bound = def.rest ? { items: inner(def.rest) } : { maxItems: items.length };
  return { type: "array", prefixItems: items.map(inner), minItems: items.length, ...bound };
}

function union(def: Def, inner: (child: z.ZodType) => Node): Node {
  const options = (def.options ?? []).map(inner);
  const flat = options.flatMap((option) =>
    Object.keys(option).length === 1 && Array.isArray(option.anyOf) ? (option.anyOf as Node[]) : [option],
  );
  if (def.discriminator === undefined) return { anyOf: flat };
  const mapping = options.flatMap((option, index) => {
    const tag = defOf((def.options ?? [])[index] as z.ZodType).shape?.[def.discriminator as string];
    return typeof option.$ref === "string" && tag ? (defOf(tag).values ?? []).map((value) => [String(value), option.$ref] as const) : [];
  });
  const discriminator = { propertyName: def.discriminator, ...(mapping.length > 0 && { mapping: Object.fromEntries(mapping) }) };
  return { oneOf: options, discriminator };
}

/** pydantic's Literal: one value is a constant. */
function choice(values: readonly unknown[]): Node {
  return { ...(values.length === 1 ? { const: values[0] } : { enum: [...values] }), ...typeOf(values) };
}

function typeOf(values: readonly unknown[]): Node {
  const types = new Set(values.map((value) => (value === null ? "null" : Number.isInteger(value) ? "integer" : typeof value)));
  return types.size === 1 ? { type: [...types][0] } : {};
}

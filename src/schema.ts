/**
 * Block class → schema fields, as the Python class of the same declaration gives them on Prefect 3.8 (protocol.md §3). Touches zod and fields.ts.
 *
 * Made on first asking and kept per class; loading a block never asks.
 * @module
 */
import type { z } from "zod";
import { schemaChecksum, withoutKey } from "./checksum.ts";
import { type AnyBlockClass, DEFINITION, type Field } from "./definition.ts";
import { snakeCase } from "./fields.ts";
import { parseLossless } from "./json.ts";
import { type Definitions, property } from "./pydantic.ts";
import { blockInner, children, defOf, isJsonSchema, isOptional, secretInner } from "./zod-def.ts";

type Node = Record<string, unknown>;

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
function titleOf(cls: AnyBlockClass): string {
  return cls[DEFINITION].title ?? cls.name;
}

/** The block classes inside a schema, in order of declaration; not those inside a plain object, as Prefect counts. */
function nestedClasses(schema: z.ZodType, above: readonly z.ZodType[] = []): AnyBlockClass[] {
  const cls = blockInner(schema);
  if (cls) return [cls];
  if (above.includes(schema) || defOf(schema).type === "object" || isJsonSchema(schema)) return [];
  return children(schema).flatMap((child) => nestedClasses(child, [...above, schema]));
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

function noDefinitions(): Definitions {
  return { name: "", nodes: Object.create(null), origins: new Map(), compared: new Set(), blockFields: schemaFields };
}

/** What one field would be among a class's properties, and the definitions that it needs. @throws AshlarError `ERR_DEFINITION` */
export function fieldSchema(
  declared: z.ZodType,
  key: string,
): { readonly node: Node; readonly definitions: Readonly<Record<string, Node>> } {
  const definitions = noDefinitions();
  return { node: property(declared, key, definitions), definitions: definitions.nodes };
}

function fieldsOf(cls: AnyBlockClass): Node {
  const definition = cls[DEFINITION];
  const definitions = noDefinitions();
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
    ...(Object.keys(definitions.nodes).length > 0 && { definitions: definitions.nodes }),
  };
  return withoutKey(fields, "additionalProperties");
}

/** Whether this is what Python calls `SecretDict`, when it is secret: any values by name. */
function isAnyRecord(schema: z.ZodType): boolean {
  const { type, valueType } = defOf(schema);
  return type === "record" && valueType !== undefined && (["any", "unknown"].includes(defOf(valueType).type) || isJsonSchema(valueType));
}

/**
 * Dotted paths of the secrets, protocol.md §3.4: by Python's field names, `.*` for each entry of a SecretDict.
 * @param thorough by the keys that documents have, and `.*` for every object: what Prefect's class forgets to list, and its server to mask.
 */
function secretFields(fields: readonly Field[], thorough = false): string[] {
  const walk = (schema: z.ZodType, path: string, above: readonly z.ZodType[]): string[] => {
    const hidden = secretInner(schema);
    if (hidden) return [isAnyRecord(hidden) || (thorough && ["record", "object"].includes(defOf(hidden).type)) ? `${path}.*` : path];
    const nested = blockInner(schema);
    if (nested) return secretFields(nested[DEFINITION].fields, thorough).map((inner) => `${path}.${inner}`);
    if (above.includes(schema) || isJsonSchema(schema)) return [];
    const { type, shape } = defOf(schema);
    if (type === "object") return Object.entries(shape ?? {}).flatMap(([key, item]) => walk(item, `${path}.${key}`, [...above, schema]));
    return children(schema).flatMap((child) => walk(child, path, [...above, schema]));
  };
  return fields.flatMap((field) => walk(field.declared, thorough ? field.key : snakeCase(field.name), []));
}

/** The schema as JSON text for a server: `secret_fields` are no part of the checksum, so all that is secret is listed. */
export function schemaTextFor(cls: AnyBlockClass): string {
  const fields = schemaFields(cls);
  const listed = (fields.secret_fields ?? []) as readonly string[];
  const added = secretFields(cls[DEFINITION].fields, true).filter((path) => !listed.includes(path));
  return JSON.stringify(added.length === 0 ? fields : { ...fields, secret_fields: [...listed, ...added] });
}

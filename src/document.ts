/**
 * Block ↔ document: what of an instance is public, secret or a reference, and back. Touches zod and the definition; knows no store.
 * @module
 */
import { z } from "zod";
import { MAX_REFERENCE_DEPTH } from "./backends/backend.ts";
import { type AnyBlock, type AnyBlockClass, CheckedValues, DEFINITION, isBlock, linkOf, type Parsed, setLink } from "./definition.ts";
import { AshlarError, type Issue, invalid, isAshlarError } from "./errors.ts";
import { byName } from "./fields.ts";
import { issuesOf, pathText } from "./issues.ts";
import { checkDepth, isPlain, type Json, pointer, pointerParts } from "./json.ts";
import { classOf, remember } from "./registry.ts";
import { checksumOf, reachableClasses } from "./schema.ts";
import { Secret } from "./secret.ts";
import type { Document, Draft, Reference } from "./stores/store.ts";
import { valuesOf } from "./values.ts";

/** What an instance is taken apart into, besides its public values. */
interface Content extends Pick<Draft, "references" | "secrets"> {
  readonly inline: boolean;
}

/** How an instance is taken apart. */
export interface DraftOptions {
  /** Copies of saved blocks below the top level in place of references, for stores that cannot keep those. Default false. */
  readonly inline?: boolean | undefined;
}

/**
 * Takes an instance apart for storing.
 *
 * @throws AshlarError `ERR_CHANGED_CHILD` when a nested block was changed since it was loaded or saved; `ERR_INVALID` for what JSON cannot hold;
 * `ERR_LIMIT` deeper than 64.
 */
export function toDraft(block: AnyBlock, name: string, { inline = false }: DraftOptions = {}): Draft {
  const cls = block.constructor as AnyBlockClass;
  const content = { references: {} as Record<string, Reference>, secrets: {} as Record<string, Secret<Json>>, inline };
  const data = fieldsToData(block, TOP, content) as Draft["data"];
  checkDepth(data, `The block ${cls[DEFINITION].slug}/${name}`);
  const { references, secrets } = content;
  return { type: cls[DEFINITION].slug, name, schema: checksumOf(cls), data, references, secrets };
}

/** Where a value stands: by the keys of documents, and by the names of fields, as whoever wrote the program knows it. */
interface Place {
  readonly keys: readonly (string | number)[];
  readonly names: readonly (string | number)[];
}
const TOP: Place = { keys: [], names: [] };

function inside({ keys, names }: Place, key: string | number, name = key): Place {
  return { keys: [...keys, key], names: [...names, name] };
}

function fieldsToData(block: AnyBlock, at: Place, content: Content): Json {
  const definition = (block.constructor as AnyBlockClass)[DEFINITION];
  const encoded = encodedFields(block);
  const data: Record<string, Json> = {};
  for (const field of definition.fields) {
    const value = encoded[field.name];
    if (value !== undefined) data[field.key] = toJson(value, inside(at, field.key, field.name), content);
    else if (field.nullIsUnset) data[field.key] = null;
  }
  return data;
}

/** The fields as they are stored. @throws AshlarError `ERR_INVALID` when a codec of the class cannot write what it made. */
export function encodedFields(block: AnyBlock): Record<string, unknown> {
  const cls = block.constructor as AnyBlockClass;
  try {
    return z.encode(cls[DEFINITION].schema, valuesOf(block));
  } catch (error) {
    if (isAshlarError(error)) throw error;
    // What a codec throws may quote what it was given: it is not passed on.
    const issues = error instanceof z.core.$ZodError ? issuesOf(error, {}) : [{ path: "", message: "a codec of the class threw an error" }];
    throw invalid(`The fields of ${cls.name} cannot be stored`, issues, "ERR_INVALID", { type: cls[DEFINITION].slug });
  }
}

function toJson(value: unknown, at: Place, content: Content): Json {
  if (value instanceof Secret) {
    (content.secrets as Record<string, Secret<Json>>)[pointer(at.keys)] =
      value.reveal() instanceof Object ? new Secret(toJson(value.reveal(), at, content)) : (value as Secret<Json>);
    return null;
  }
  if (isBlock(value)) return childToJson(value, at, content);
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, index) => (item === undefined ? null : toJson(item, inside(at, index), content)));
  const prototype: unknown = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined;
  if (prototype === Object.prototype || prototype === null) {
    const entries = Object.entries(value as object).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([key, item]) => [key, toJson(item, inside(at, key), content)]));
  }
  const kind =
    typeof value === "object"
      ? ((value as object).constructor?.name ?? "object")
      : typeof value === "number"
        ? "not finite number"
        : typeof value;
  throw invalid("A value cannot be stored", [{ path: pathText(at.names), message: `JSON cannot hold a ${kind}` }]);
}

function childToJson(child: AnyBlock, at: Place, content: Content): Json {
  const link = linkOf(child);
  const definition = (child.constructor as AnyBlockClass)[DEFINITION];
  const copied = link === null || (content.inline && at.keys.length > 1);
  if (!copied && link.changed) {
    const path = pathText(at.names);
    throw new AshlarError(
      "ERR_CHANGED_CHILD",
      `${path} is ${link.type}/${link.name}, changed since it was ${link.revision === null ? "loaded" : `at revision ${link.revision}`}: save it first, await block.${path}.save("${link.name}", { overwrite: true }), or its change would be lost.`,
      { path, documents: [`${link.type}/${link.name}`] },
    );
  }
  if (!copied) {
    (content.references as Record<string, Reference>)[pointer(at.keys)] = { id: link.id, type: link.type, name: link.name };
    return null;
  }
  return { ...(fieldsToData(child, at, content) as Record<string, Json>), block_type_slug: definition.slug };
}

/**
 * Puts an instance together from its document and those it refers to.
 *
 * @param documents the document first, then all that it reaches, each once.
 * @param cls the class to make; default the one that stands for the document's type.
 * @param classes where to look for classes first.
 * @throws AshlarError `ERR_SCHEMA` when the values do not fit the class; `ERR_UNKNOWN_TYPE`; `ERR_CYCLE`; `ERR_BROKEN_REFERENCE`.
 */
export function fromDocuments(documents: readonly Document[], cls?: AnyBlockClass, classes?: readonly unknown[]): AnyBlock {
  const byId = new Map(documents.map((document) => [document.id, document]));
  const built = new Map<string, AnyBlock>();

  const build = (document: Document, path: readonly string[], as?: AnyBlockClass): AnyBlock => {
    const known = built.get(document.id);
    if (known) return known;
    const here = `${document.type}/${document.name}`;
    if (path.includes(here))
      throw new AshlarError("ERR_CYCLE", `Documents refer to each other in a circle: ${[...path, here].join(" → ")}.`, { documents: path });
    if (path.length > MAX_REFERENCE_DEPTH)
      throw new AshlarError("ERR_LIMIT", `${path[0]} refers to documents more than ${MAX_REFERENCE_DEPTH} deep.`, {
        documents: path.slice(0, 3),
      });
    const target = as ?? classOf(document.type, classes);
    let data: Record<string, unknown> = { ...document.data };
    for (const [at, reference] of Object.entries(document.references)) {
      const child = byId.get(reference.id);
      if (!child) throw brokenReference(here, at, reference);
      data = place(data, at, build(child, [...path, here], childClass(target, child.type, classes)));
    }
    for (const at of Object.keys(document.secrets)) data = place(data, at, document.secrets[at]);
    const block = instantiate(target, document, data);
    setLink(block, { id: document.id, type: document.type, name: document.name, revision: document.revision, changed: false });
    built.set(document.id, block);
    return block;
  };

  const [root] = documents;
  if (!root) throw new TypeError("fromDocuments() takes at least one document.");
  return build(root, [], cls);
}

/** The error for a document that is referred to and not there. */
function brokenReference(from: string, at: string, to: Reference): AshlarError {
  const path = pointerParts(at).join(".");
  return new AshlarError(
    "ERR_BROKEN_REFERENCE",
    `${from} refers at ${path} to ${to.type}/${to.name}, which is not there any more: create it anew, or save ${from} with another.`,
    {
      path,
      documents: [`${to.type}/${to.name}`],
    },
  );
}

const childClasses = new WeakMap<AnyBlockClass, Map<string, AnyBlockClass>>();

/** The classes that a class's fields name, by slug. */
function classesIn(parent: AnyBlockClass): ReadonlyMap<string, AnyBlockClass> {
  let known = childClasses.get(parent);
  if (!known) {
    known = new Map([...reachableClasses(parent)].map((cls) => [cls[DEFINITION].slug, cls]));
    childClasses.set(parent, known);
  }
  return known;
}

/** The class that a parent's fields name for a slug goes before the one that stands for the slug elsewhere. */
function childClass(parent: AnyBlockClass, slug: string, classes: readonly unknown[] | undefined): AnyBlockClass {
  return classesIn(parent).get(slug) ?? classOf(slug, classes);
}

function instantiate(cls: AnyBlockClass, document: Document, data: Record<string, unknown>): AnyBlock {
  remember(cls);
  const definition = cls[DEFINITION];
  let input = byName(definition, data);
  let parsed = definition.parse(input, true); // what a store gives has bounds
  if ("issues" in parsed && document.schema !== checksumOf(cls)) {
    input = byName(definition, ofClass(cls, data) as Record<string, unknown>);
    parsed = firstGood(definition.parse(input, true), parsed);
  }
  // Another declaration of the same schema may have hidden a list or an object whole where this class hides its parts.
  if ("issues" in parsed && Object.keys(document.secrets).length > 0) {
    const unfit = new Set(parsed.issues.map(({ path }) => /^[^.[]*/.exec(path)?.[0]));
    const parts = Object.entries(input).map(([name, value]) => [name, unfit.has(name) ? inParts(value) : value]);
    parsed = firstGood(definition.parse(Object.fromEntries(parts), true), parsed);
  }
  if ("values" in parsed) return new cls(new CheckedValues(parsed.values));
  throw doesNotFit(cls, document, parsed.issues);
}

function firstGood(second: Parsed, first: Parsed): Parsed {
  return "values" in second ? second : first;
}

/** What another version of a class saved, without the fields that this one does not have, in the blocks inside of it, too. */
function ofClass(cls: AnyBlockClass, data: object): unknown {
  const { byKey } = cls[DEFINITION];
  const nested = classesIn(cls);
  const known = (value: unknown): unknown => {
    if (!isPlain(value)) return value;
    const inner = nested.get((value as { block_type_slug?: string }).block_type_slug ?? "");
    return inner ? { ...(ofClass(inner, value) as object), block_type_slug: inner[DEFINITION].slug } : mapValues(value, known);
  };
  return Object.fromEntries(Object.entries(data).flatMap(([key, value]) => (byKey.has(key) ? [[key, known(value)]] : [])));
}

/** A copy in which a secret that holds a list or an object is a list or an object of secrets. */
function inParts(value: unknown): unknown {
  if (value instanceof Secret) {
    const revealed: unknown = value.reveal();
    if (typeof revealed !== "object" || revealed === null) return value;
    return mapValues(revealed, (item) => inParts(new Secret(item)));
  }
  return isPlain(value) ? mapValues(value, inParts) : value;
}

function mapValues(value: object, change: (item: unknown) => unknown): unknown {
  return Array.isArray(value) ? value.map(change) : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item)]));
}

function doesNotFit(cls: AnyBlockClass, document: Document, issues: readonly Issue[]): AshlarError {
  const here = `${document.type}/${document.name}`;
  const own = checksumOf(cls);
  const versions =
    document.schema === own
      ? `It was saved under the class's own schema, ${short(own)}`
      : `It was saved under ${document.schema === "" ? "a schema that the store does not tell" : `schema ${short(document.schema)}`}; the class ${cls.name} has ${short(own)}`;
  const error = invalid(`The document ${here} does not fit the class ${cls.name}`, issues, "ERR_SCHEMA", {
    type: document.type,
    name: document.name,
    documentSchema: document.schema,
    classSchema: own,
  });
  return new AshlarError("ERR_SCHEMA", `${error.message}\n${versions}.`, error.details);
}

function short(checksum: string): string {
  return checksum.slice(0, "sha256:".length + 12);
}

/** Puts a value in its place; below the top, what is on the way is copied. */
function place(data: Record<string, unknown>, at: string, value: unknown): Record<string, unknown> {
  const put = (node: unknown, [part, ...rest]: readonly string[]): unknown => {
    if (part === undefined) return value;
    if (Array.isArray(node)) return node.map((item: unknown, index) => (String(index) === part ? put(item, rest) : item));
    const object = (node ?? {}) as Record<string, unknown>;
    return { ...object, [part]: put(object[part], rest) };
  };
  const [key = "", ...rest] = pointerParts(at);
  data[key] = put(data[key], rest);
  return data;
}

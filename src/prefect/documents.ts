/**
 * A store's document ↔ what Prefect's API has of it (wire.ts): what comes with a document in one answer, what goes out, and what Prefect could not
 * keep. Pure functions; touches the contracts.
 * @module
 */
import { AshlarError } from "../errors.ts";
import { pathText } from "../issues.ts";
import { isRawNumber, type Json, type JsonObject, pointer, pointerParts } from "../json.ts";
import { MASK, Secret } from "../secret.ts";
import { secretPlaces } from "../secret-places.ts";
import type { Document, Draft, MaskedDocument, Reference } from "../stores/store.ts";
import { fromWire, toWire, type WireDocument, type WireReference } from "../wire.ts";

type References = Readonly<Record<string, WireReference>>;

/**
 * A document and all that it refers to, from one answer with secrets: itself first, each once. Of the others Prefect tells neither times nor schema;
 * what is secret in them the asked one's schema says, too.
 * @throws AshlarError `ERR_UNSUPPORTED` for a whole number that JavaScript cannot hold.
 */
export function documentsOf(root: WireDocument): Document[] {
  const found = new Map<string, Document>();
  const add = (head: Head, anonymous: boolean, fields: JsonObject, data: JsonObject, references: References) => {
    const here = `${head.type}/${head.name}`;
    const content = fromWire(ownData(data, references, head.type), fields, { bigNumber: (_digits, at) => tooBig(here, at) });
    const secrets = Object.fromEntries(Object.entries(content.secrets).map(([at, value]) => [at, new Secret(value)]));
    found.set(head.id, {
      ...head,
      ...(anonymous && { anonymous }),
      data: content.data,
      references: pointers(references),
      ...unknown,
      secrets,
    });
    for (const [key, { block_document: child }] of Object.entries(references)) {
      if (found.has(child.id)) continue;
      const { id, name, block_type, is_anonymous, block_document_references: below } = child;
      const own = Object.hasOwn(data, key) && isObject(data[key]) ? data[key] : {};
      const headOfChild = { id, type: block_type.slug, name, schema: "", created: "", updated: "" };
      add(headOfChild, is_anonymous, schemaWithin(root.block_schema.fields, block_type.slug), own, below);
    }
  };
  const { is_anonymous, block_schema, block_document_references: references } = root;
  add(headOf(root), is_anonymous, block_schema.fields, declared(root), references);
  return [...found.values()];
}

/** A document without its secrets, from an answer without them; what Prefect forgot to mask is left out too. */
export function maskedOf(wire: WireDocument): MaskedDocument {
  const { block_schema: schema, block_document_references: references, is_anonymous: anonymous } = wire;
  const content = fromWire(ownData(declared(wire), references, wire.block_type.slug), schema.fields, { masked: true });
  const secrets = Object.fromEntries(Object.keys(content.secrets).map((at) => [at, { changed: null }]));
  return { ...headOf(wire), ...(anonymous && { anonymous }), data: content.data, references: pointers(references), ...unknown, secrets };
}

/** Ids of all that a document refers to, at any distance. */
export function reachedIds({ block_document_references: references }: Pick<WireDocument, "block_document_references">): string[] {
  return Object.values(references).flatMap(({ block_document: child }) => [child.id, ...reachedIds(child)]);
}

/** Prefect counts no revisions, and does not tell who wrote. */
const unknown = { revision: null, updatedBy: "" } as const;

type Head = Pick<Document, "id" | "type" | "name" | "schema" | "created" | "updated">;

function headOf({ id, name, block_type, block_schema, created, updated }: WireDocument): Head {
  return { id, type: block_type.slug, name, schema: block_schema.checksum, created: isoTime(created), updated: isoTime(updated) };
}

/** Prefect's microseconds as JavaScript's ISO time; empty where there is none. */
export function isoTime(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? "" : new Date(time).toISOString();
}

function pointers(references: References): Record<string, Reference> {
  const entries = Object.entries(references).map(([key, { block_document: child }]) => {
    return [pointer([key]), { id: child.id, type: child.block_type.slug, name: child.name }];
  });
  return Object.fromEntries(entries) as Record<string, Reference>;
}

/** A document's own values: null where another document stands expanded, and without what Python leaves in copies of saved blocks. */
function ownData(data: JsonObject, references: References, type: string): JsonObject {
  const entries = Object.entries(data).filter(([key, value]) => !(key === "block_type_slug" && value === type));
  for (const key of Object.keys(references)) if (!Object.hasOwn(data, key)) entries.push([key, null]);
  return Object.fromEntries(entries.map(([key, value]) => [key, Object.hasOwn(references, key) ? null : withoutTraces(value)]));
}

const TRACES = ["_block_document_id", "_block_document_name", "_is_anonymous"];

function withoutTraces(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutTraces);
  if (!isObject(value)) return value;
  const isBlock = typeof value.block_type_slug === "string";
  const entries = Object.entries(value).filter(([key]) => !(isBlock && TRACES.includes(key)));
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutTraces(item)]));
}

/**
 * The data that the document's own schema declares: Python's client merges, so that fields which a class has no longer stay behind, and nothing says
 * any more whether they are secret.
 */
function declared({ data, block_schema: { fields }, block_document_references: references }: WireDocument): JsonObject {
  const { properties } = fields;
  if (!isObject(properties) || Object.keys(properties).length === 0) return data;
  return Object.fromEntries(Object.entries(data).filter(([key]) => Object.hasOwn(properties, key) || Object.hasOwn(references, key)));
}

/** What a schema says of the blocks of a slug inside of it; of the same type as itself a block need not be declared. */
function schemaWithin(fields: JsonObject, slug: string): JsonObject {
  const definitions = isObject(fields.definitions) ? fields.definitions : {};
  const fitting = [fields, ...Object.values(definitions)].filter((node) => isObject(node) && node.block_type_slug === slug);
  return { anyOf: fitting as Json[], definitions };
}

/**
 * The data of a draft as Prefect takes it, secrets in clear.
 *
 * @param fields the stored schema, which decides what Prefect masks.
 * @throws AshlarError `ERR_UNSUPPORTED` for what Prefect could not keep: a reference below the top, what looks like one, a secret that its schema does
 * not call one.
 */
export function wireData(draft: Draft, fields: JsonObject): JsonObject {
  const references: Record<string, Json> = {};
  for (const [at, { id, type, name }] of Object.entries(draft.references)) {
    if (pointerParts(at).length > 1)
      throw cannotKeep(
        draft,
        at,
        `refers to ${type}/${name} below the top level, where Prefect keeps no references: save with { inline: true } to store a copy there, or give the reference a field of its own`,
      );
    references[at] = { $ref: { block_document_id: id } };
  }
  const secrets = Object.fromEntries(Object.entries(draft.secrets).map(([at, value]) => [at, value.reveal()]));
  const open = toWire(draft.data, secrets, {});
  checkText(draft, open, "");
  for (const [key, value] of Object.entries(open))
    if (isObject(value) && Object.hasOwn(value, "$ref") && !Object.hasOwn(references, pointer([key])))
      throw cannotKeep(
        draft,
        pointer([key]),
        `is an object with a key "$ref", which Prefect takes for a reference: put it one level deeper`,
      );
  const places = secretPlaces(fields, open, true);
  for (const at of Object.keys(secrets))
    if (secrets[at] !== null && !places.some((place) => at === place || at.startsWith(`${place}/`) || place.startsWith(`${at}/`)))
      throw cannotKeep(draft, at, "is secret here and not in the schema that Prefect has, so that its server would show it");
  return toWire(open, {}, references);
}

/**
 * Refuses a secret of eight asterisks where Prefect would take it for "as it was": it could not be told from the mask.
 * @param before the stored document, with secrets.
 */
export function checkMasks(draft: Draft, data: JsonObject, before: WireDocument): void {
  const places = [...Object.keys(draft.secrets), ...secretPlaces(before.block_schema.fields, data)];
  const look = (value: Json, old: Json | undefined, at: string): void => {
    const below = places.some((place) => at.startsWith(`${place}/`)); // inside of a dictionary a new one is lost, too
    const taken = below || (places.includes(at) && old !== undefined && old !== null);
    if (value === MASK && old !== MASK && taken)
      throw cannotKeep(
        draft,
        at,
        `is ${MASK.length} asterisks, which Prefect takes for "as it was": delete the document first, then save it`,
      );
    if (typeof value !== "object" || value === null) return;
    for (const [key, item] of Object.entries(value)) {
      const counterpart = typeof old === "object" && old !== null && Object.hasOwn(old, key) ? (old as JsonObject)[key] : undefined;
      look(item as Json, counterpart, at + pointer([key]));
    }
  };
  look(data, before.data, "");
}

/** A lone surrogate is taken, and then the document, and every list with it, cannot be read any more. */
function checkText(draft: Draft, value: Json, at: string): void {
  if (typeof value === "string" && !value.isWellFormed())
    throw cannotKeep(draft, at, "holds half of a character, which Prefect cannot write");
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (!key.isWellFormed()) throw cannotKeep(draft, at, "has a key with half of a character, which Prefect cannot write");
    checkText(draft, item as Json, at + pointer([key]));
  }
}

/** Whether a text of eight asterisks stands anywhere. */
export function holdsMask(value: Json): boolean {
  if (typeof value !== "object" || value === null) return value === MASK;
  return Object.values(value).some((item) => holdsMask(item as Json));
}

function cannotKeep({ type, name }: Draft, at: string, why: string): AshlarError {
  const path = pathText(pointerParts(at).map((part) => (/^\d+$/.test(part) ? Number(part) : part)));
  return new AshlarError("ERR_UNSUPPORTED", `Prefect cannot keep ${type}/${name}: ${path} ${why}.`, { type, name, path });
}

function tooBig(here: string, at: string): never {
  const path = pathText(pointerParts(at));
  throw new AshlarError(
    "ERR_UNSUPPORTED",
    `${here} holds at ${path} a whole number beyond 2^53, which JavaScript cannot hold: store it as text.`,
    { path },
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

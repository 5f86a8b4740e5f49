/**
 * A secret stays one. What a write does to secrets that are stored, for Prefect's routes and for our own. Pure functions; touches json.ts.
 *
 * Two ways lead a stored secret to who may not read it, without anybody reading it: a new schema that does not mark it any more, so that it counts as
 * public; and another host, address or reference beside a secret that is kept, so that the next program sends it there.
 * @module
 */
import { canonicalJson, type Json, type JsonObject, pointer, pointerParts } from "../json.ts";
import type { MaskedDocument, Reference } from "../stores/store.ts";

/** One document's data, taken apart: null stands in `data` where a secret is. */
export interface Parts {
  readonly data: JsonObject;
  readonly secrets: Readonly<Record<string, Json>>;
}

/**
 * Takes back what a schema forgets: whatever stands where the stored document has a secret is one. An item of a list is, where any item of that list
 * was: items move.
 * @param before JSON pointers of the stored document's secrets.
 */
export function keptSecret({ data, secrets }: Parts, before: Iterable<string>): Parts {
  const places = new Set(placesIn(data, before).filter((place) => !outersOf(place).some((outer) => Object.hasOwn(secrets, outer))));
  if (places.size === 0) return { data, secrets };
  const hidden = new Map(Object.entries(secrets).filter(([at]) => !outersOf(at).some((outer) => places.has(outer))));
  const inner = Object.entries(secrets).filter(([at]) => !hidden.has(at));
  const hide = (value: Json, at: string): Json => {
    if (places.has(at)) {
      hidden.set(
        at,
        inner.reduce(
          (whole, [place, part]) => (place.startsWith(`${at}/`) ? replacedAt(whole, pointerParts(place.slice(at.length)), part) : whole),
          value,
        ),
      );
      return null;
    }
    if (Array.isArray(value)) return value.map((item: Json, index) => hide(item, `${at}/${index}`));
    return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hide(item, at + pointer([key]))])) : value;
  };
  return { data: hide(data, "") as JsonObject, secrets: Object.fromEntries(hidden) };
}

/** A place and all that it lies in. */
export function outersOf(place: string): string[] {
  const parts = pointerParts(place);
  return parts.map((_, length) => pointer(parts.slice(0, length + 1)));
}

/**
 * JSON pointers of readable values that stand where the stored document has a secret: a write that gives them makes a place readable.
 * @param before JSON pointers of the stored document's secrets.
 * @param readable its data: what was readable, and stays as it is, does not count.
 */
export function freedPlaces(data: JsonObject, before: Iterable<string>, readable: JsonObject = {}): string[] {
  return placesIn(data, before).filter((place) => canonicalJson(valueAt(data, place)) !== canonicalJson(valueAt(readable, place) ?? null));
}

/** The value in a place; undefined where there is none. */
export function valueAt(data: JsonObject, place: string): Json | undefined {
  let value: Json | undefined = data;
  for (const part of pointerParts(place))
    value = typeof value === "object" && value !== null && Object.hasOwn(value, part) ? (value as JsonObject)[part] : undefined;
  return value;
}

/** The places in data, not null, that are those of earlier secrets, at any index of a list; none inside of another. */
function placesIn(data: JsonObject, before: Iterable<string>): string[] {
  const found = new Set<string>();
  const visit = (value: Json | undefined, [part, ...rest]: readonly string[], at: readonly string[]): void => {
    if (value === null || value === undefined) return;
    if (part === undefined) found.add(pointer(at));
    else if (Array.isArray(value) && /^\d+$/.test(part))
      for (const [index, item] of value.entries()) visit(item as Json, rest, [...at, String(index)]);
    else if (typeof value === "object" && Object.hasOwn(value, part)) visit((value as JsonObject)[part], rest, [...at, part]);
  };
  for (const place of before) visit(data, pointerParts(place), []);
  return [...found]
    .filter(
      (place) =>
        !outersOf(place)
          .slice(0, -1)
          .some((outer) => found.has(outer)),
    )
    .sort();
}

/** What a stored secret goes on beside. */
export interface Redirection {
  /** JSON pointers of secrets that were kept, and of references that lead to secrets. */
  readonly kept: readonly string[];
  /** JSON pointers of what else changed: readable values and references. */
  readonly changed: readonly string[];
}

/**
 * Whether a write puts other values beside a secret that the writer need not know. Of a new document everything counts as changed.
 * @param kept JSON pointers of secrets that the write keeps as they are stored.
 * @param leading JSON pointers of references that lead to documents with secrets, at any distance.
 * @returns null when it does not.
 */
export function redirection(
  before: Pick<MaskedDocument, "data" | "references"> | null,
  after: { readonly data: JsonObject; readonly references: Readonly<Record<string, Reference>> },
  kept: readonly string[],
  leading: readonly string[],
): Redirection | null {
  const all = [...kept, ...leading];
  if (all.length === 0) return null;
  const places = new Set([...Object.keys(before?.references ?? {}), ...Object.keys(after.references)]);
  const led = [...places].filter((at) => before?.references[at]?.id !== after.references[at]?.id);
  const changed = [...new Set([...differences(before?.data, after.data), ...led])];
  return changed.length > 0 ? { kept: all, changed } : null;
}

/**
 * JSON pointers of the references that lead to documents with secrets, at any distance.
 * @param documents all that they lead to.
 */
export function leadingPlaces(references: Readonly<Record<string, Reference>>, documents: Iterable<MaskedDocument>): string[] {
  const known = new Map(Array.from(documents, (document) => [document.id, document]));
  const leads = ({ id: first }: Reference): boolean => {
    const reached = new Set([first]);
    for (const id of reached) {
      const document = known.get(id);
      if (document && Object.keys(document.secrets).length > 0) return true;
      for (const reference of Object.values(document?.references ?? {})) reached.add(reference.id);
    }
    return false;
  };
  return Object.keys(references).filter((at) => leads(references[at] as Reference));
}

/** JSON pointers at which two values differ; lists and leaves as a whole. */
function differences(before: Json | undefined, after: Json | undefined, at: readonly string[] = []): string[] {
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differences(own(before, key), own(after, key), [...at, key]));
  }
  if (isObject(after) && before === undefined)
    return Object.keys(after).flatMap((key) => differences(undefined, own(after, key), [...at, key]));
  return canonicalJson(before ?? null) === canonicalJson(after ?? null) ? [] : [pointer(at)];
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy with another value in a place that is there. */
function replacedAt(node: Json, [part, ...rest]: readonly string[], value: Json): Json {
  if (part === undefined) return value;
  if (Array.isArray(node)) return node.map((item: Json, index) => (String(index) === part ? replacedAt(item, rest, value) : item));
  if (!isObject(node)) return node;
  return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, key === part ? replacedAt(item, rest, value) : item]));
}

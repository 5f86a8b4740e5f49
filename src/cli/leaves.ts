/**
 * A document as a flat list of what stands where: for showing it, and for telling two of them apart. Touches json.ts and secret.ts.
 * @module
 */
import { pathText } from "../issues.ts";
import { canonicalJson, type Json, type JsonObject, pointer, pointerParts } from "../json.ts";
import { Secret } from "../secret.ts";
import type { Reference } from "../stores/store.ts";
import type { Path } from "./paths.ts";

/** What stands at one place; `S` is what is known of a secret there. `path` is the way there in text, `at` in its parts. */
export type Leaf<S> = { readonly path: string; readonly at: Path } & (
  | { readonly kind: "value"; readonly value: Json }
  | { readonly kind: "reference"; readonly reference: Reference }
  | { readonly kind: "secret"; readonly secret: S }
);

/** The parts of a document that are looked at here. */
export interface Content<S> {
  readonly data: JsonObject;
  readonly references: Readonly<Record<string, Reference>>;
  readonly secrets: Readonly<Record<string, S>>;
}

/** One place where two documents differ, or a secret that is the same. Never a secret's value. */
export interface Change {
  readonly path: string;
  readonly kind: "value" | "reference" | "secret" | "schema";
  readonly change: "new" | "changed" | "removed" | "same";
  /** What was there: a value, `slug/name`, a checksum; left out where nothing or a secret was. */
  readonly before?: Json;
  /** What will be there. */
  readonly after?: Json;
}

/** What stands where, in the document's order; a null of a block's own field says that nothing does. */
export function leavesOf<S>({ data, references, secrets }: Content<S>): Leaf<S>[] {
  const found: Leaf<S>[] = [];
  const seen = new Set<string>();
  const places = [...Object.keys(references), ...Object.keys(secrets)];
  const isPlainList = (value: object, here: string) =>
    Array.isArray(value) &&
    value.every((item) => typeof item !== "object" || item === null) &&
    !places.some((at) => at.startsWith(`${here}/`));
  const walk = (value: Json, at: readonly (string | number)[], ofBlock: boolean) => {
    const [here, path] = [pointer(at), pathText(at)];
    seen.add(here);
    const [reference, secret] = [own(references, here), own(secrets, here)];
    if (reference) found.push({ path, at, kind: "reference", reference });
    else if (secret !== undefined) found.push({ path, at, kind: "secret", secret });
    else if (typeof value === "object" && value !== null && Object.keys(value).length > 0 && !isPlainList(value, here)) {
      const isBlock = !Array.isArray(value) && (at.length === 0 || "block_type_slug" in value);
      for (const [key, item] of Object.entries(value)) walk(item as Json, [...at, Array.isArray(value) ? Number(key) : key], isBlock);
    } else if (at.length > 0 && !(value === null && ofBlock)) found.push({ path, at, kind: "value", value });
  };
  walk(data, [], true);
  const unseen = (place: string) => (seen.has(place) ? [] : [{ at: pointerParts(place), path: pathText(pointerParts(place)) }]);
  for (const [place, reference] of Object.entries(references))
    for (const way of unseen(place)) found.push({ ...way, kind: "reference", reference });
  for (const [place, secret] of Object.entries(secrets)) for (const way of unseen(place)) found.push({ ...way, kind: "secret", secret });
  return found;
}

/** A leaf, or one part of a secret that hides a list or an object; `root` is the secret's own path, since the keys below are secret too. */
interface Part {
  readonly leaf: Leaf<Secret<Json>>;
  readonly root: string;
}

/** What differs; all that is secret is named in any case. `before` is null for a document that is not there yet. */
export function changesBetween(before: Content<Secret<Json>> | null, after: Content<Secret<Json>>): Change[] {
  const old = new Map((before ? leavesOf(before) : []).flatMap((leaf) => partsOf(leaf)).map((part) => [part.leaf.path, part]));
  const changes = new Map<string, Change>();
  for (const leaf of leavesOf(after)) {
    const was = old.get(leaf.path)?.leaf;
    const parts = partsOf(leaf);
    const theirs = [...old.keys()].filter((path) => isWithin(path, leaf.path));
    const isSame = theirs.length === parts.length && parts.every((part) => same(old.get(part.leaf.path)?.leaf, part.leaf));
    const change = theirs.length === 0 ? "new" : isSame ? "same" : "changed";
    for (const path of theirs) old.delete(path);
    if (change !== "same" || leaf.kind === "secret")
      changes.set(leaf.path, { path: leaf.path, kind: leaf.kind, change, ...shown("before", was), ...shown("after", leaf) });
  }
  for (const { leaf, root } of old.values()) {
    const refined = leaf.kind === "value" && [...changes.keys()].some((path) => isWithin(path, root)); // what is there now stands below
    if (!refined) changes.set(root, { path: root, kind: leaf.kind, change: "removed", ...shown("before", leaf) });
  }
  return [...changes.values()];
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}.`) || path.startsWith(`${root}[`);
}

/** One class hides a list or an object whole, another its parts: what is hidden is the same. */
function partsOf(leaf: Leaf<Secret<Json>>, root = leaf.path): Part[] {
  const value = leaf.kind === "secret" ? leaf.secret.reveal() : null;
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return [{ leaf, root }];
  return Object.entries(value).flatMap(([key, item]) => {
    const path = Array.isArray(value) ? `${leaf.path}[${key}]` : `${leaf.path}.${key}`;
    return partsOf({ path, at: [...leaf.at, key], kind: "secret", secret: new Secret(item as Json) }, root);
  });
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function same(a: Leaf<Secret<Json>> | undefined, b: Leaf<Secret<Json>>): boolean {
  if (a === undefined) return false;
  if (a.kind === "secret") return b.kind === "secret" && a.secret.equals(b.secret);
  if (a.kind === "reference") return b.kind === "reference" && a.reference.id === b.reference.id;
  return b.kind === "value" && canonicalJson(a.value) === canonicalJson(b.value);
}

function shown(side: "before" | "after", leaf: Leaf<unknown> | undefined): Partial<Change> {
  if (leaf === undefined || leaf.kind === "secret") return {};
  return { [side]: leaf.kind === "value" ? leaf.value : `${leaf.reference.type}/${leaf.reference.name}` };
}

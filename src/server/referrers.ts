/**
 * Deleting what other documents refer to: refused and said by whom, or with them, or, as Prefect's server does it, taken out of them. Touches the store's
 * contract.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import { type Json, pointerParts } from "../json.ts";
import { splitReference } from "../slug.ts";
import type { Document, MaskedDocument, Reference, Store } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { type Call, refusal } from "./exchange.ts";
import { checkRight } from "./scope.ts";

/** How often a deletion is tried again while others write what refers to it. */
const TRIES = 20;
const PAGE = 200;

/** The reply to a deletion that others stand in the way of, as far as the caller may know of them; any other error as it is. */
export function referenced({ principal }: Call, error: unknown): unknown {
  if (!isAshlarError(error, "ERR_REFERENCED")) return error;
  const all = error.details.documents ?? [];
  const seen = all.filter((place) => principal.may("see", splitReference(place)));
  const hidden = all.length - seen.length;
  const more = hidden === 0 ? [] : [`${hidden} that the access token is not good for`];
  return refusal(
    409,
    `Other documents refer to it: ${[...seen, ...more].join(", ")}. Delete them first, or all together with ?cascade=true.`,
  );
}

/**
 * Deletes something, and what stands in its way if that is wanted, or taken out of it if the rules say so.
 * @param gone whether a reference leads to what is to be deleted.
 * @param work deletes it; what it gives is given back.
 */
export async function deleting(
  { store, settings }: Context,
  call: Call,
  cascade: boolean,
  gone: (reference: Reference) => boolean,
  work: () => Promise<readonly Reference[]>,
): Promise<readonly Reference[]> {
  const others: Reference[] = [];
  for (let attempt = 1; ; attempt++) {
    try {
      return [...(await work()), ...others];
    } catch (error) {
      if (!isAshlarError(error, "ERR_REFERENCED") || attempt === TRIES || (settings.rules.keepReferenced && !cascade)) throw error;
      for (const place of error.details.documents ?? []) {
        const key = splitReference(place);
        if (!cascade) await withoutReferences(store, call, key, gone);
        else others.push(...(await deleteWithReferrers(store, call, key)));
      }
    }
  }
}

/** Deletes a document and all that lead to it, if the caller may delete each of them. @throws AshlarError `ERR_DENIED` */
export async function deleteWithReferrers(
  store: Store,
  { principal }: Call,
  key: { readonly type: string; readonly name: string },
): Promise<readonly Reference[]> {
  checkRight(principal, "write", key);
  if (principal.scoped) for (const each of await leadingTo(store, key)) checkRight(principal, "write", each);
  try {
    return await store.delete(key, { cascade: true });
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) return []; // it went with another
    throw error;
  }
}

/** All documents that lead to one, at any distance. */
async function leadingTo(store: Store, { type, name }: { readonly type: string; readonly name: string }): Promise<MaskedDocument[]> {
  const all: MaskedDocument[] = [];
  for (const anonymous of [false, true])
    for (let after: MaskedDocument | undefined; ; after = all.at(-1)) {
      const page = await store.list({ anonymous, after, limit: PAGE });
      all.push(...page);
      if (page.length < PAGE) break;
    }
  const parents = new Map<string, MaskedDocument[]>();
  for (const each of all) for (const { id } of Object.values(each.references)) parents.set(id, [...(parents.get(id) ?? []), each]);
  const found = new Set(all.filter((each) => each.type === type && each.name === name));
  for (const each of found) for (const parent of parents.get(each.id) ?? []) found.add(parent);
  return [...found];
}

/** Saves a document without some of its references; the field of each is gone. */
async function withoutReferences(
  store: Store,
  { principal }: Call,
  key: { readonly type: string; readonly name: string },
  gone: (reference: Reference) => boolean,
) {
  for (let attempt = 1; ; attempt++) {
    const [document] = await store.load(key);
    if (!document) return;
    const { type, name, schema, version, revision, references, secrets } = document;
    const lost = Object.entries(references).filter(([, reference]) => gone(reference));
    const data = lost.reduce((rest, [at]) => without(rest, pointerParts(at)) as Document["data"], document.data);
    const left = Object.fromEntries(Object.entries(references).filter(([, reference]) => !gone(reference)));
    try {
      await store.save(
        { type, name, schema, version, data, references: left, secrets },
        { ...(revision === null ? { overwrite: true } : { ifRevision: revision }), by: principal.name },
      );
      return;
    } catch (error) {
      if (!isAshlarError(error, "ERR_CONFLICT") || attempt === TRIES) throw error;
    }
  }
}

/** A copy without the value in a place; in a list null stays. */
function without(node: Json | undefined, [part, ...rest]: readonly string[]): Json {
  if (Array.isArray(node))
    return node.map((item: Json, index) => (String(index) === part ? (rest.length === 0 ? null : without(item, rest)) : item));
  if (typeof node !== "object" || node === null) return node ?? null;
  const entries = Object.entries(node).filter(([key]) => key !== part || rest.length > 0);
  return Object.fromEntries(entries.map(([key, item]) => [key, key === part ? without(item as Json, rest) : (item as Json)]));
}

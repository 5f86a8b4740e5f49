/**
 * What is in a store and in none of the files that `ashlar apply` was given, and its removal. Needs no key.
 *
 * Looked at is the whole store, or the types that `--type` names.
 * @module
 */
import { AshlarError } from "../errors.ts";
import type { MaskedDocument, Store } from "../stores/store.ts";
import { allDocuments, checkType, placeOf } from "./lookup.ts";
import type { Step } from "./plan.ts";

/** The documents that no step declares, those that refer to others before them. @throws AshlarError `ERR_UNKNOWN_TYPE` */
export async function undeclared(store: Store, steps: readonly Step[], types: readonly string[] | undefined): Promise<MaskedDocument[]> {
  for (const type of types ?? []) await checkType(store, type);
  const declared = new Set(steps.map(({ draft }) => placeOf(draft)));
  const found: MaskedDocument[] = [];
  if (types === undefined) found.push(...(await allDocuments(store)));
  else for (const type of new Set(types)) found.push(...(await allDocuments(store, type)));
  return leavesLast(found.filter((each) => !declared.has(placeOf(each))));
}

/** Refuses to remove what a document that stays refers to. @throws AshlarError `ERR_REFERENCED` */
export async function checkRemoval(store: Store, steps: readonly Step[], removed: readonly MaskedDocument[]): Promise<void> {
  const gone = new Map(removed.map((each) => [placeOf(each), new Set<string>()]));
  const declared = new Map(steps.map(({ draft }) => [placeOf(draft), draft]));
  const ids = new Map(removed.map((each) => [each.id, placeOf(each)]));
  const stored = removed.length === 0 ? [] : await allDocuments(store);
  for (const each of [...stored.filter((one) => !declared.has(placeOf(one))), ...declared.values()]) {
    if (gone.has(placeOf(each))) continue;
    for (const { id } of Object.values(each.references)) gone.get(ids.get(id) ?? "")?.add(placeOf(each));
  }
  const held = [...gone].filter(([, by]) => by.size > 0);
  if (held.length === 0) return;
  const sentences = held.map(([place, by]) => `${place} is referred to by ${[...by].join(", ")}`);
  throw new AshlarError(
    "ERR_REFERENCED",
    `Nothing was changed: ${sentences.join("; ")}. Declare it in a file, or change what refers to it.`,
    {
      documents: held.flatMap(([, by]) => [...by]),
    },
  );
}

/** Removes them in their order, each only if it is still what was looked at. */
export async function removeAll(store: Store, documents: readonly MaskedDocument[]): Promise<void> {
  for (const { type, name, revision } of documents)
    await store.delete({ type, name }, { ...(revision !== null && { ifRevision: revision }) });
}

function leavesLast(documents: readonly MaskedDocument[]): MaskedDocument[] {
  const byId = new Map(documents.map((each) => [each.id, each]));
  const ordered = new Set<MaskedDocument>();
  const visit = (document: MaskedDocument, way: ReadonlySet<MaskedDocument>) => {
    if (ordered.has(document) || way.has(document)) return;
    for (const { id } of Object.values(document.references)) {
      const child = byId.get(id);
      if (child) visit(child, new Set([...way, document]));
    }
    ordered.add(document);
  };
  for (const each of documents) visit(each, new Set());
  return [...ordered].reverse();
}

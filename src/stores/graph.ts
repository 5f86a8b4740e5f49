/**
 * Which records reach which: pages with all they refer to, circles and depth, who refers to a record. Touches the backend's contract.
 * @module
 */
import { type Backend, MAX_REFERENCE_DEPTH, type StoredRecord } from "../backends/backend.ts";
import { AshlarError } from "../errors.ts";
import { tooDeep } from "./record.ts";
import type { Draft } from "./store.ts";

/** The records of a page and all that they refer to, by id: one read for each level of references. */
export async function reachedFrom(backend: Backend, page: readonly StoredRecord[]): Promise<ReadonlyMap<string, StoredRecord>> {
  const found = new Map(page.map((record) => [record.id, record]));
  let level = page;
  for (let depth = 0; depth <= MAX_REFERENCE_DEPTH + 1; depth++) {
    const wanted = new Set(level.flatMap((record) => Object.values(record.references).map(({ id }) => id)).filter((id) => !found.has(id)));
    if (wanted.size === 0) break;
    level = await backend.getMany([...wanted]);
    for (const record of level) found.set(record.id, record);
  }
  return found;
}

/** A record and those that it refers to, at any distance, each once; one that is gone is left out. */
export function graphOf(root: StoredRecord, records: ReadonlyMap<string, StoredRecord>): StoredRecord[] {
  const reached = new Set([root]);
  for (const record of reached) {
    for (const { id } of Object.values(record.references)) {
      const child = records.get(id);
      if (child) reached.add(child);
    }
  }
  return [...reached];
}

/**
 * Refuses a way from a draft back to its own document, and chains that could not be loaded again.
 * @param ownId id of the document that the draft replaces; undefined for a new one, which nothing can refer to.
 * @throws AshlarError `ERR_CYCLE` with the way, `ERR_LIMIT`
 */
export async function checkReferences(backend: Backend, draft: Draft, ownId: string | undefined): Promise<void> {
  const here = `${draft.type}/${draft.name}`;
  const ids = new Set(Object.values(draft.references).map((reference) => reference.id));
  const known = new Map<string, StoredRecord>();
  for (const id of ids) for (const record of await backend.graph({ id })) known.set(record.id, record);
  const depths = new Map<string, number>();
  const depth = (id: string, path: readonly string[]): number => {
    const record = known.get(id);
    if (!record) return 0;
    const way = [...path, `${record.type}/${record.name}`];
    if (id === ownId)
      throw new AshlarError("ERR_CYCLE", `${here} would refer to itself: ${way.join(" → ")}.`, {
        type: draft.type,
        name: draft.name,
        documents: way,
      });
    const before = depths.get(id);
    if (before !== undefined) return before;
    if (way.length > MAX_REFERENCE_DEPTH + 1) throw tooDeep(here);
    const below = Object.values(record.references).map((reference) => depth(reference.id, way));
    const own = 1 + Math.max(0, ...below);
    depths.set(id, own);
    return own;
  };
  for (const id of ids) if (depth(id, [here]) > MAX_REFERENCE_DEPTH) throw tooDeep(here);
}

/** A record and all that refer to it, at any distance. */
export async function withReferrers(backend: Backend, root: StoredRecord): Promise<StoredRecord[]> {
  const found = new Map([[root.id, root]]);
  for (const record of found.values())
    for (const parent of await backend.referrers(record.id)) if (!found.has(parent.id)) found.set(parent.id, parent);
  return [...found.values()];
}

/**
 * What of a store the holder of a token may see: one place for single documents, lists and counts, so that nothing is told of what is beyond a token's
 * types and names. Touches access.ts and the store's contract.
 * @module
 */
import type { Right } from "../access-token.ts";
import { AshlarError } from "../errors.ts";
import type { ListQuery, Reference, Store } from "../stores/store.ts";
import type { Principal, Target } from "./access.ts";

/** What is known of a document: where it is, and what it refers to. */
interface Referring extends Reference {
  readonly references: Readonly<Record<string, Reference>>;
}

const DOING: Readonly<Record<Right, string>> = {
  see: "see",
  reveal: "load with its secrets",
  write: "write",
  admin: "look after",
};

/** Refuses what a token is not good for; said by what was asked for, not by what is there. @throws AshlarError `ERR_DENIED` */
export function checkRight(principal: Principal, right: Right, target: Target): void {
  if (principal.may(right, target)) return;
  const what = target.name === undefined ? `the block type ${target.type}` : `${target.type}/${target.name}`;
  throw new AshlarError("ERR_DENIED", `The access token may not ${DOING[right]} ${what}.`, { type: target.type });
}

/**
 * The path by which a document leads to one that a token is not good for; undefined where none does.
 * @param documents the document first, then those it refers to, at any distance; of one that is not among them counts what the reference says.
 */
export function pathBeyond(principal: Principal, right: Right, documents: readonly Referring[]): string | undefined {
  if (!principal.scoped) return undefined;
  const known = new Map(documents.map((document) => [document.id, document]));
  const ways = new Map(documents.slice(0, 1).map((root) => [root, ""]));
  for (const [document, way] of ways) {
    for (const [at, reference] of Object.entries(document.references)) {
      const child = known.get(reference.id);
      if (!principal.may(right, child ?? reference)) return way + at;
      if (child && !ways.has(child)) ways.set(child, way + at);
    }
  }
  return undefined;
}

/** Refuses a document that leads beyond a token's scope, naming the path. @throws AshlarError `ERR_DENIED` */
export function checkReach(principal: Principal, right: Right, documents: readonly Referring[]): void {
  const path = pathBeyond(principal, right, documents);
  if (path !== undefined) throw leadsBeyond(documents[0] as Referring, path);
}

/** The error for a reference to what a token is not good for. */
export function leadsBeyond({ type, name }: Target, path: string): AshlarError {
  return new AshlarError("ERR_DENIED", `${type}/${name} refers at ${path} to a document that the access token is not good for.`, {
    type,
    ...(name !== undefined && { name }),
    path,
  });
}

/** How many items are read at a time where some of them are left out. */
const PAGE = 200;

/**
 * A page of documents, of those that a token is good for, in order of type and name.
 * @param read gives a page of the store, such as `store.list`.
 */
export async function pageInScope<T extends Reference>(
  principal: Principal,
  query: ListQuery & { readonly limit: number },
  read: (query: ListQuery) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  if (!principal.scoped) return read(query);
  const { type, after, limit } = query;
  const found: T[] = [];
  for (const one of typesToRead(principal, type, after)) {
    for (let from = after; found.length < limit; ) {
      const page = await read({ ...query, type: one, after: from, limit: PAGE });
      found.push(...page.filter((item) => principal.may("see", item)).slice(0, limit - found.length));
      const last = page.at(-1);
      if (page.length < PAGE || !last) break;
      from = { type: last.type, name: last.name };
    }
  }
  return found;
}

/** The names of all documents, or of those of a type, that a token is good for. */
export async function namesInScope(
  principal: Principal,
  store: Store,
  query: { readonly type?: string | undefined; readonly anonymous?: boolean },
) {
  if (!principal.scoped) return store.names(query);
  const names = [];
  for (const type of typesToRead(principal, query.type)) names.push(...(await store.names({ ...query, type })));
  return names.filter((each) => principal.may("see", each));
}

/** Each type that is to be asked for, in order; `[undefined]`: all at once. */
function typesToRead({ types }: Principal, type: string | undefined, after?: { readonly type: string }): readonly (string | undefined)[] {
  if (types === null) return [type];
  const order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  return [...new Set(types)]
    .filter((each) => (type === undefined || each === type) && (after === undefined || order(each, after.type) >= 0))
    .sort(order);
}

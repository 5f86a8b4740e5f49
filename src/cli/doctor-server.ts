/**
 * `ashlar doctor` for a store behind a server of Ashlar: whether it answers, and which documents it cannot load. It changes nothing.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import type { LoadedItem, Store } from "../stores/store.ts";
import { asFinding, type Check, caught, check } from "./checks.ts";
import { placeOf } from "./lookup.ts";
import type { Session } from "./session.ts";

/** How many documents are loaded at a time. */
const PAGE = 200;

/** What can be seen from outside: whether it answers, and which documents it cannot load. */
export async function examineServer(session: Session): Promise<Check[]> {
  const types = await caught(async () => (await session.store()).types());
  const store = check("store", session.url, isAshlarError(types) ? [asFinding(types)] : []);
  if (isAshlarError(types)) return [store];
  const items = await caught(async () => allItems(await session.store()));
  if (isAshlarError(items, "ERR_DENIED"))
    return [store, { name: "records", state: "skipped", detail: "the login may not load secrets", findings: [] }];
  if (isAshlarError(items)) return [store, check("records", "cannot be loaded", [asFinding(items)])];
  const broken = items.filter(({ error }) => error).map((item) => ({ where: placeOf(item), message: item.error?.message ?? "" }));
  return [store, check("records", `${items.length} document${items.length === 1 ? "" : "s"}`, broken)];
}

async function allItems(store: Store): Promise<LoadedItem[]> {
  const all: LoadedItem[] = [];
  for (let after: LoadedItem | undefined; ; after = all.at(-1)) {
    const page = await store.loadPage({ after: after && { type: after.type, name: after.name }, limit: PAGE });
    all.push(...page.map(({ documents: _documents, ...item }) => item));
    if (page.length < PAGE) return all;
  }
}

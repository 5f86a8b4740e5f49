/**
 * One document for a client: masked, or with its secrets, which the audit log then knows of (protocol.md §2.5). Touches the store's contract.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import type { DocumentKey, MaskedDocument, Store } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { type AnyDocument, documentText } from "./document-text.ts";
import { type Call, jsonText, type Reply, refusal } from "./exchange.ts";
import { checkReach, checkRight } from "./scope.ts";
import { record } from "./trail.ts";
import { queryFlag } from "./validation.ts";

const NOT_FOUND = "Block document not found";

/** By type and name; anonymous ones are found, too. */
export async function readByName(context: Context, call: Call): Promise<Reply> {
  const { slug: type = "", name = "" } = call.params;
  const reveal = queryFlag(call, "include_secrets");
  checkRight(call.principal, reveal ? "reveal" : "see", { type, name });
  return replyOf(context, call, { type, name }, reveal);
}

/** By id; one that the caller may not see is not there. */
export async function readById(context: Context, call: Call): Promise<Reply> {
  const { id = "" } = call.params;
  const reveal = queryFlag(call, "include_secrets");
  const place = call.principal.scoped ? await placeOf(context.store, id) : null;
  if (place && !call.principal.may("see", place)) throw refusal(404, NOT_FOUND);
  if (reveal && !call.principal.may("reveal")) checkRight(call.principal, "reveal", place ?? (await placeOf(context.store, id)));
  return replyOf(context, call, { id }, reveal);
}

/** Type and name of a document, damaged or not. @throws Refusal 404 */
export async function placeOf(store: Store, id: string): Promise<{ readonly type: string; readonly name: string }> {
  try {
    return await store.inspect({ id });
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) throw refusal(404, NOT_FOUND);
    const { type, name } = isAshlarError(error, "ERR_CANNOT_OPEN") ? error.details : {};
    if (type === undefined || name === undefined) throw error;
    return { type, name };
  }
}

async function replyOf(context: Context, call: Call, key: DocumentKey, reveal: boolean): Promise<Reply> {
  const documents = await (reveal ? context.store.load(key, call.since) : maskedGraph(context.store, key));
  checkReach(call.principal, reveal ? "reveal" : "see", documents);
  const text = await documentText(await context.surroundings.at(call.since), documents);
  if (reveal) await recordRevealed(context, call, documents);
  return jsonText(text);
}

/** A document and all that it refers to, without secrets or keys. */
async function maskedGraph(store: Store, key: DocumentKey): Promise<readonly MaskedDocument[]> {
  return withChildren(store, await store.inspect(key));
}

/** The same for a document that was read already. */
export async function withChildren(store: Store, root: MaskedDocument): Promise<readonly MaskedDocument[]> {
  const ids = [...new Set(Object.values(root.references).map(({ id }) => id))];
  return ids.length === 0 ? [root] : [root, ...(await store.inspectMany(ids))];
}

/** Writes down which secrets go out; nothing where there are none. */
export async function recordRevealed(context: Context, call: Call, documents: readonly AnyDocument[]): Promise<void> {
  const [root] = documents;
  const revealed = revealedIn(documents);
  if (root && Object.keys(revealed).length > 0)
    await record(context, call, { what: "load", of: `${root.type}/${root.name}`, id: root.id, revision: root.revision, revealed });
}

/** `slug/name` of each document with secrets → where they are. */
export function revealedIn(documents: readonly AnyDocument[]): Record<string, string[]> {
  const revealed: Record<string, string[]> = {};
  for (const { type, name, secrets } of documents) {
    const places = Object.keys(secrets);
    if (places.length > 0) revealed[`${type}/${name}`] = places;
  }
  return revealed;
}

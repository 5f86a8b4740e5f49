/**
 * Our own API's documents (docs/http-api.md): listed and read masked, read with their secrets, saved, deleted. Touches the store's contract.
 * @module
 */
import { MOST_ITEMS, type OpenedItem, openedDocument, tagOf } from "../api/shapes.ts";
import { AshlarError, isAshlarError } from "../errors.ts";
import type { Document, DocumentKey, ListQuery, LoadedItem, MaskedDocument, WriteCondition } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { recordRevealed, revealedIn } from "./document-reading.ts";
import { type Call, json, type Reply, type Route, refusal } from "./exchange.ts";
import { idsBody, saveBody } from "./own-bodies.ts";
import { ownRoutesOf, refusalOf } from "./own-replies.ts";
import { saveDocument } from "./own-saving.ts";
import { deleteWithReferrers } from "./referrers.ts";
import { checkReach, checkRight, leadsBeyond, namesInScope, pageInScope, pathBeyond } from "./scope.ts";
import { record, recorded } from "./trail.ts";
import { invalidRequest, queryFlag, readBody } from "./validation.ts";

/** The routes of documents. */
export function ownDocumentRoutes(context: Context): Route[] {
  const [named, one] = ["/{type}/{name}", "/{id:uuid}"];
  const own = ownRoutesOf(context);
  return [
    own("GET", "/names", "see", names),
    own("GET", "/documents", "see", list),
    own("POST", "/documents/query", "see", inspectMany),
    own("GET", `/documents${one}`, "see", inspect),
    own("GET", `/documents${named}`, "see", inspect),
    own("PUT", `/documents${named}`, "write", save),
    own("DELETE", `/documents${one}`, "write", remove),
    own("DELETE", `/documents${named}`, "write", remove),
    own("GET", "/secrets", "reveal", loadPage),
    own("POST", "/secrets/query", "reveal", loadMany),
    own("GET", `/secrets${one}`, "reveal", load),
    own("GET", `/secrets${named}`, "reveal", load),
  ];
}

async function names({ store }: Context, call: Call): Promise<Reply> {
  const type = call.query.get("type") ?? undefined;
  return json({ names: await namesInScope(call.principal, store, { type, anonymous: queryFlag(call, "anonymous") }) });
}

async function list({ store }: Context, call: Call): Promise<Reply> {
  const documents = await pageInScope(call.principal, listQuery(call), (query) => store.list(query));
  return json({ documents: documents.map((document) => shown(call, document)) });
}

/** @throws Refusal */
function listQuery(call: Call): ListQuery & { readonly limit: number } {
  const { query } = call;
  const [limit, after] = [query.get("limit") ?? String(MOST_ITEMS), query.get("after")];
  const [, type, name] = /^([a-z0-9-]+)\/([a-z0-9-]+)$/.exec(after ?? "") ?? [];
  const faults = [];
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST_ITEMS)
    faults.push({ type: "value_error", loc: ["query", "limit"], msg: `is a number from 1 to ${MOST_ITEMS}` });
  if (after !== null && (type === undefined || name === undefined))
    faults.push({ type: "value_error", loc: ["query", "after"], msg: "is the type and name of a document, as in type/name" });
  if (faults.length > 0) throw invalidRequest(faults);
  const from = type !== undefined && name !== undefined ? { after: { type, name } } : {};
  return { type: query.get("type") ?? undefined, anonymous: queryFlag(call, "anonymous"), limit: Number(limit), ...from };
}

/** A document as it stands in a list: one that leads beyond what the caller may see, by its place alone. */
function shown({ principal }: Call, document: MaskedDocument): MaskedDocument {
  const denied = principal.scoped ? Object.keys(document.references).filter((at) => !principal.may("see", document.references[at])) : [];
  return denied.length === 0 ? document : { ...document, data: {}, references: {}, secrets: {}, denied };
}

async function inspectMany({ store }: Context, call: Call): Promise<Reply> {
  const { ids } = await readBody(call, idsBody(MOST_ITEMS));
  const documents = (await store.inspectMany(ids)).filter((document) => call.principal.may("see", document));
  return json({ documents: documents.map((document) => shown(call, document)) });
}

async function inspect(context: Context, call: Call): Promise<Reply> {
  const document = await found(context, call, "see");
  const [path] = shown(call, document).denied ?? [];
  if (path !== undefined) throw leadsBeyond(document, path);
  const tag = tagOf(document);
  if (tag !== undefined && call.header("if-none-match") === tag) return { status: 304, headers: { etag: tag } };
  return tagged(document, 200);
}

function tagged(document: MaskedDocument, status: number): Reply {
  const tag = tagOf(document);
  return { ...json(document, status), ...(tag !== undefined && { headers: { etag: tag } }) };
}

/** The document that a path names, if the caller has a right to it; by an id, one that the caller may not know of is not there. @throws AshlarError */
async function found({ store }: Context, call: Call, right: "see" | "reveal" | "write"): Promise<MaskedDocument> {
  const { principal } = call;
  const key = keyOf(call);
  if (!("id" in key)) {
    checkRight(principal, right, key);
    return store.inspect(key);
  }
  if (!principal.scoped) return store.inspect(key);
  const document = (await store.inspectMany([key.id])).find(({ id }) => id === key.id);
  if (!document || !principal.may("see", document)) throw new AshlarError("ERR_NOT_FOUND", "There is no document with this id.");
  checkRight(principal, right, document);
  return document;
}

function keyOf({ params }: Call): DocumentKey {
  const { id, type = "", name = "" } = params;
  return id === undefined ? { type, name } : { id };
}

async function load(context: Context, call: Call): Promise<Reply> {
  const key = keyOf(call);
  if (call.principal.scoped) {
    const root = await found(context, call, "reveal");
    checkReach(call.principal, "reveal", [root, ...(await context.store.inspectMany([root.id]))]); // what is beyond is not even opened
  }
  const documents = await context.store.load(key, call.since);
  checkReach(call.principal, "reveal", documents);
  const reply = json({ documents: documents.map(openedDocument) });
  await recordRevealed(context, call, documents);
  return reply;
}

async function loadPage(context: Context, call: Call): Promise<Reply> {
  const query = listQuery(call);
  return loaded(context, call, await pageInScope(call.principal, query, (each) => context.store.loadPage(each)));
}

async function loadMany(context: Context, call: Call): Promise<Reply> {
  const { ids } = await readBody(call, idsBody(MOST_ITEMS));
  return loaded(
    context,
    call,
    (await context.store.loadMany(ids)).filter((item) => call.principal.may("see", item)),
  );
}

/** Documents with their secrets, each once, and the items that they belong to. */
async function loaded(context: Context, call: Call, items: readonly LoadedItem[]): Promise<Reply> {
  const documents = new Map<string, Document>();
  const told = items.map((item) => {
    const { reachable, ...rest } = openedItem(context, call, item);
    for (const document of reachable) documents.set(document.id, document);
    return rest;
  });
  const reply = json({ items: told, documents: [...documents.values()].map(openedDocument) });
  const revealed = revealedIn([...documents.values()]);
  if (Object.keys(revealed).length > 0) await record(context, call, { what: "load", revealed });
  return reply;
}

function openedItem(context: Context, call: Call, item: LoadedItem): OpenedItem & { readonly reachable: readonly Document[] } {
  const { id, type, name, documents = [] } = item;
  const path = item.error ? undefined : pathBeyond(call.principal, "reveal", documents);
  const error = path === undefined ? item.error : leadsBeyond(item, path);
  if (!error) return { id, type, name, documents: documents.map((document) => document.id), reachable: documents };
  const beyond =
    item.error?.details.name !== undefined &&
    !call.principal.may("see", { type: item.error.details.type ?? "", name: item.error.details.name });
  return { id, type, name, error: refusalOf(context, call, beyond ? leadsBeyond(item, "") : error), reachable: [] };
}

async function save(context: Context, call: Call): Promise<Reply> {
  const { type = "", name = "" } = call.params;
  const condition = conditionOf(call);
  const body = await readBody(call, saveBody);
  const of = `${type}/${name}`;
  const { document, created } = await recorded(context, call, { what: "save", of }, () =>
    saveDocument(context, call, { type, name, ...body }, condition),
  );
  return tagged(document, created ? 201 : 200);
}

/** On what condition a document is saved; one has to be given. @throws Refusal */
function conditionOf(call: Call): WriteCondition {
  const revision = revisionIn(call);
  if (revision !== undefined) return { ifRevision: revision };
  if (queryFlag(call, "overwrite")) return { overwrite: true };
  if (call.header("if-none-match") === "*") return {};
  throw refusal(
    428,
    'Say on what condition: If-None-Match: * for a new document, If-Match: "REVISION" for that revision, ?overwrite=true for whatever is there.',
  );
}

/** The revision that an If-Match header names; undefined without one. @throws Refusal */
function revisionIn(call: Call): number | undefined {
  const header = call.header("if-match");
  if (header === undefined) return undefined;
  const [, digits] = /^"(\d{1,15})"$/.exec(header) ?? [];
  if (digits === undefined) throw refusal(400, 'If-Match names one revision, as the ETag of a document does: "3".');
  return Number(digits);
}

/** One that cannot be opened, or whose readable half is lost, can be deleted, too. */
async function remove(context: Context, call: Call): Promise<Reply> {
  const { store } = context;
  const [cascade, ifRevision] = [queryFlag(call, "cascade"), revisionIn(call)];
  const place = await placeToDelete(context, call);
  const deleted = await recorded(context, call, { what: "delete", of: `${place.type}/${place.name}` }, async () => {
    checkRight(call.principal, "write", place);
    const references =
      cascade && call.principal.scoped && ifRevision === undefined
        ? await deleteWithReferrers(store, call, place)
        : await store.delete(place, { cascade: cascade && !call.principal.scoped, ifRevision });
    const others = references
      .filter(({ type, name }) => type !== place.type || name !== place.name)
      .map(({ type, name }) => `${type}/${name}`);
    return { references, entry: { ...(others.length > 0 && { deleted: others }) } };
  });
  return json({ deleted: deleted.references });
}

async function placeToDelete(context: Context, call: Call): Promise<{ readonly type: string; readonly name: string }> {
  const key = keyOf(call);
  if (!("id" in key)) return key;
  try {
    return await found(context, call, "see");
  } catch (error) {
    const { type, name } = isAshlarError(error, "ERR_CANNOT_OPEN") ? error.details : {};
    if (type === undefined || name === undefined) throw error;
    return { type, name };
  }
}

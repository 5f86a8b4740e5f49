/**
 * Lists of block documents (protocol.md §2.2, §2.5). Touches the store's contract.
 *
 * Documents are read and written some at a time, and others have their turn in between. One that cannot be opened stands in the list with empty data.
 * @module
 */
import { setImmediate } from "node:timers/promises";
import { isAshlarError } from "../errors.ts";
import type { ListQuery, LoadedItem, MaskedDocument, Reference, StoredType } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { revealedIn } from "./document-reading.ts";
import { type AnyDocument, brokenText, textOrNone } from "./document-text.ts";
import { type Call, json, jsonText, type Reply, refusal } from "./exchange.ts";
import {
  among,
  type Condition,
  checkLimit,
  type DocumentFilter,
  documentFilter,
  joined,
  like,
  mayKnow,
  page,
  type SchemaFilter,
  schemaCondition,
  schemaFilter,
  type TypeFilter,
  typeCondition,
  typeFilter,
} from "./filters.ts";
import { checkRight, namesInScope, pageInScope } from "./scope.ts";
import type { BareDocument } from "./surroundings.ts";
import { record } from "./trail.ts";
import { flag, oneOf, optional, queryFlag, readParameters } from "./validation.ts";

/** How many documents are read and written before others have their turn. */
const AT_A_TIME = 25;

/** What is known of a document before it is read. */
interface Place {
  readonly type: string;
  readonly name: string;
  readonly anonymous: boolean;
  /** Where it was read already. */
  readonly document?: MaskedDocument | undefined;
}

const filters = { block_documents: documentFilter, block_types: typeFilter, block_schemas: schemaFilter };
const SORTS = ["NAME_ASC", "NAME_DESC", "BLOCK_TYPE_AND_NAME_ASC"] as const;

export async function filterDocuments(context: Context, call: Call): Promise<Reply> {
  const asked = await readParameters(call, {
    ...filters,
    ...page,
    include_secrets: optional(flag, false),
    sort: optional(oneOf(...SORTS), "NAME_ASC" as const),
  });
  checkLimit(asked.limit);
  const found = await placesFor(context, call, asked);
  const { types, places } = found;
  places.sort(orders(types)[asked.sort]);
  const shown = places.slice(asked.offset, asked.offset + asked.limit);
  const reveal = asked.include_secrets && call.principal.may("reveal");
  const texts: string[] = [];
  const revealed: Record<string, readonly string[]> = {};
  for await (const part of parts(context, call, shown, reveal)) {
    texts.push(...part.texts);
    Object.assign(revealed, part.revealed);
  }
  if (Object.keys(revealed).length > 0) await record(context, call, { what: "load", revealed });
  return jsonText(`[${texts.join()}]`);
}

export async function countDocuments(context: Context, call: Call): Promise<Reply> {
  return json((await placesFor(context, call, await readParameters(call, filters))).places.length);
}

/** All documents of a type, in parts, since there may be any number: each part's line is in the audit log before it goes out. */
export async function listOfType(context: Context, call: Call): Promise<Reply> {
  const { slug = "" } = call.params;
  const reveal = queryFlag(call, "include_secrets") && call.principal.may("reveal");
  checkRight(call.principal, "see", { type: slug });
  if (!(await context.store.type({ slug }))) throw refusal(404, "Block type not found");
  return { status: 200, body: partsOfType(context, call, slug, reveal) };
}

async function* partsOfType(context: Context, call: Call, type: string, reveal: boolean): AsyncGenerator<string> {
  let begun = false;
  for (let after: { readonly type: string; readonly name: string } | undefined; ; ) {
    const query = { type, after, limit: AT_A_TIME };
    const [page, items] = reveal ? await openedPage(context, call, query) : await maskedPage(context, call, query);
    const { texts, revealed } = await partOf(context, call, items, reveal);
    if (Object.keys(revealed).length > 0) await record(context, call, { what: "load", of: type, revealed });
    if (texts.length > 0) yield (begun ? "," : "[") + texts.join();
    begun ||= texts.length > 0;
    after = page.at(-1);
    if (page.length < AT_A_TIME) break;
    await setImmediate();
  }
  yield begun ? "]" : "[]";
}

type Paged = readonly [page: readonly { readonly type: string; readonly name: string }[], items: readonly Item[]];
type Query = ListQuery & { readonly limit: number };

async function openedPage(context: Context, { principal }: Call, query: Query): Promise<Paged> {
  const page = await pageInScope(principal, query, (each) => context.store.loadPage(each));
  return [page, await Promise.all(page.map((item) => pageItem(context, item)))];
}

async function maskedPage(context: Context, { principal }: Call, query: Query): Promise<Paged> {
  const page = await pageInScope(principal, query, (each) => context.store.list(each));
  return [page, await maskedItems(context, page)];
}

/** Types and documents that a caller's filters want, as far as it may know of them. */
async function placesFor(
  context: Context,
  call: Call,
  asked: { readonly block_documents: DocumentFilter | null; readonly block_types: TypeFilter; readonly block_schemas: SchemaFilter },
): Promise<{ readonly types: ReadonlyMap<string, StoredType>; readonly places: Place[] }> {
  const { store } = context;
  const types = new Map((await store.types()).filter(({ slug }) => mayKnow(call, slug)).map((type) => [type.slug, type]));
  const filter = asked.block_documents ?? NAMED_DOCUMENTS;
  const typeFits = typeCondition(asked.block_types);
  const schemaFits = schemaCondition(asked.block_schemas, (slug) => types.get(slug)?.id);
  const schemas = schemaFits && new Set((await store.schemas()).filter(schemaFits).map(({ type, checksum }) => `${type} ${checksum}`));
  const fits = joined<Place>("and_", [
    placeCondition(filter, types),
    typeFits && (({ type }) => typeFits(types.get(type) ?? NO_TYPE)),
    schemas && (({ type, document }) => schemas.has(`${type} ${document?.schema}`)),
  ]);
  const all = await candidates(context, call, filter, schemas !== undefined);
  return { types, places: fits ? all.filter(fits) : all };
}

/** The filter that holds where none is given. */
const NAMED_DOCUMENTS: DocumentFilter = { operator: "and_", id: null, is_anonymous: { eq_: false }, block_type_id: null, name: null };

/** What a filter of types sees of a type that is not registered. */
const NO_TYPE = { slug: "", name: "" } as StoredType;

function placeCondition(filter: DocumentFilter, types: ReadonlyMap<string, StoredType>): Condition<Place> {
  const anonymous = filter.is_anonymous?.eq_ ?? null;
  return joined<Place>(filter.operator, [
    among(filter.id, ({ document }) => document?.id ?? ""),
    anonymous === null ? undefined : (place) => place.anonymous === anonymous,
    among(filter.block_type_id, ({ type }) => types.get(type)?.id ?? ""),
    joined<Place>("and_", [
      filter.name?.any_ ? among({ any_: filter.name.any_ }, ({ name }) => name) : undefined,
      like(filter.name?.like_, ({ name }) => name),
    ]),
  ]);
}

/** All documents among which those are that a filter wants. Where types and names decide, nothing else is read of them. */
async function candidates(context: Context, call: Call, filter: DocumentFilter, bySchema: boolean): Promise<Place[]> {
  const { store } = context;
  const { principal } = call;
  const ids = filter.id?.any_;
  if (ids && filter.operator === "and_") {
    const wanted = new Set(ids);
    const found = (await store.inspectMany(ids)).filter(({ id }) => wanted.has(id));
    return found.filter((document) => principal.may("see", document)).map(placeOf);
  }
  const wanted = filter.operator === "and_" ? filter.is_anonymous?.eq_ : null;
  const places: Place[] = [];
  for (const anonymous of [false, true]) {
    if (wanted !== undefined && wanted !== null && wanted !== anonymous) continue;
    if (!ids && !bySchema) places.push(...(await namesInScope(principal, store, { anonymous })).map((place) => ({ ...place, anonymous })));
    else
      for (let after: MaskedDocument | undefined; ; ) {
        const read = await pageInScope(principal, { anonymous, after, limit: 10 * AT_A_TIME }, (query) => store.list(query));
        places.push(...read.map(placeOf));
        after = read.at(-1);
        if (read.length < 10 * AT_A_TIME) break;
        await setImmediate();
      }
  }
  return places;
}

function placeOf(document: MaskedDocument): Place {
  return { type: document.type, name: document.name, anonymous: document.anonymous === true, document };
}

function orders(types: ReadonlyMap<string, StoredType>): Readonly<Record<(typeof SORTS)[number], (a: Place, b: Place) => number>> {
  const order = (a: string, b: string) => (a === b ? 0 : a < b ? -1 : 1); // names and slugs are ASCII
  const byName = (a: Place, b: Place) => order(a.name, b.name) || order(a.type, b.type);
  const typeName = ({ type }: Place) => types.get(type)?.name ?? type;
  return {
    NAME_ASC: byName,
    NAME_DESC: (a, b) => byName(b, a),
    BLOCK_TYPE_AND_NAME_ASC: (a, b) => order(typeName(a), typeName(b)) || byName(a, b),
  };
}

/** One item of a list: a document and all that it refers to, or, where it cannot be opened, what is known of it. */
interface Item {
  readonly documents?: readonly AnyDocument[] | undefined;
  readonly head: BareDocument;
}

/** What is to be written of some documents, and which secrets stand in it. */
interface Part {
  readonly texts: readonly string[];
  readonly revealed: Readonly<Record<string, readonly string[]>>;
}

async function* parts(context: Context, call: Call, places: readonly Place[], reveal: boolean): AsyncGenerator<Part> {
  for (let from = 0; from < places.length; from += AT_A_TIME) {
    const some = places.slice(from, from + AT_A_TIME);
    const items = reveal
      ? await Promise.all(some.map((place) => openedItem(context, place)))
      : await maskedItems(context, await heads(context, some));
    yield await partOf(
      context,
      call,
      items.filter((item) => item !== null),
      reveal,
    );
    await setImmediate();
  }
}

/** Null when it has gone meanwhile. */
async function openedItem(context: Context, place: Place): Promise<Item | null> {
  const { type, name } = place;
  try {
    const documents = await context.store.load({ type, name });
    return { documents, head: { id: documents[0]?.id ?? "", type, name } };
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) return null;
    if (!isAshlarError(error) || error.details.name === undefined) throw error; // the store fails, not the record
    const head = await headOf(context, place);
    return head && { head };
  }
}

async function pageItem({ store }: Context, { id, type, name, documents }: LoadedItem): Promise<Item> {
  if (documents) return { documents, head: { id, type, name } };
  try {
    return { head: await store.inspect({ id }) };
  } catch (error) {
    if (isAshlarError(error, "ERR_CANNOT_OPEN") || isAshlarError(error, "ERR_NOT_FOUND")) return { head: { id, type, name } };
    throw error;
  }
}

async function heads(context: Context, places: readonly Place[]): Promise<readonly MaskedDocument[]> {
  return (await Promise.all(places.map((place) => place.document ?? headOf(context, place)))).filter((head) => head !== null);
}

/** What of a document can be read without opening it; null when it has gone meanwhile. */
async function headOf({ store }: Context, { type, name, anonymous }: Place): Promise<MaskedDocument | null> {
  try {
    return await store.inspect({ type, name });
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) return null;
    if (!isAshlarError(error, "ERR_CANNOT_OPEN")) throw error;
    const [listed] = await store.list({ type, anonymous, limit: 1, after: { type, name: justBefore(name) } }); // lists hold damaged ones, too
    return listed?.name === name ? listed : null;
  }
}

/** After this, and before anything else, comes a name of ASCII characters. */
function justBefore(name: string): string {
  return `${name.slice(0, -1)}${String.fromCharCode(name.charCodeAt(name.length - 1) - 1)}\u007f`;
}

async function maskedItems({ store }: Context, roots: readonly MaskedDocument[]): Promise<Item[]> {
  const ids = new Set(roots.flatMap(({ references }) => Object.values(references).map(({ id }) => id)));
  const children = new Map((ids.size === 0 ? [] : await store.inspectMany([...ids])).map((document) => [document.id, document]));
  return roots.map((head) => ({ head, ...(!head.damaged && { documents: reached(head, children) }) }));
}

function reached(root: MaskedDocument, documents: ReadonlyMap<string, MaskedDocument>): MaskedDocument[] {
  const found = new Set([root]);
  for (const each of found)
    for (const { id } of Object.values(each.references)) {
      const child = documents.get(id);
      if (child) found.add(child);
    }
  return [...found];
}

async function partOf({ surroundings }: Context, { principal }: Call, items: readonly Item[], reveal: boolean): Promise<Part> {
  const around = await surroundings.now();
  const texts: string[] = [];
  const revealed: Record<string, readonly string[]> = {};
  const mayShow = (child: Reference) => principal.may("see", child);
  for (const { documents, head } of items) {
    const text = documents && (await textOrNone(around, documents, mayShow));
    texts.push(text ?? (await brokenText(around, head)));
    if (text !== undefined && documents && reveal) Object.assign(revealed, revealedIn(documents.filter(mayShow)));
  }
  return { texts, revealed };
}

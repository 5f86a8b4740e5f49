/**
 * Routes of block documents: made, read one by one, deleted (protocol.md §2.5). Lists are in document-lists.ts, changes in document-change.ts. Touches
 * the store's contract.
 * @module
 */
import { randomUUID } from "node:crypto";
import { isAshlarError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Draft, StoredSchema, StoredType } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { updateDocument } from "./document-change.ts";
import { contentOf, plainData } from "./document-content.ts";
import { countDocuments, filterDocuments, listOfType } from "./document-lists.ts";
import { placeOf, readById, readByName, withChildren } from "./document-reading.ts";
import { brokenText, textOrNone } from "./document-text.ts";
import { checkFits } from "./document-validation.ts";
import { save, secretChanges } from "./document-writing.ts";
import { type Call, DONE, jsonText, type Reply, type Route, refusal } from "./exchange.ts";
import { INTEGRITY } from "./failures.ts";
import { mayKnow } from "./filters.ts";
import { deleteWithReferrers, deleting, referenced } from "./referrers.ts";
import { checkRight } from "./scope.ts";
import { recorded } from "./trail.ts";
import { Turns } from "./turns.ts";
import {
  dictionary,
  flag,
  invalidRequest,
  nullable,
  object,
  optional,
  pattern,
  queryFlag,
  readBody,
  required,
  rule,
  string,
  uuid,
} from "./validation.ts";

export function blockDocumentRoutes(context: Context): Route[] {
  const turns = new Turns();
  const one = "/api/block_documents/{id:uuid}";
  const ofType = "/api/block_types/slug/{slug}/block_documents";
  const change: Route["answer"] = (call) => turns.take(call.params.id ?? "", () => updateDocument(context, call));
  return [
    { method: "POST", path: "/api/block_documents/", needs: "write", answer: (call) => create(context, call) },
    { method: "POST", path: "/api/block_documents/filter", needs: "see", answer: (call) => filterDocuments(context, call) },
    { method: "POST", path: "/api/block_documents/count", needs: "see", answer: (call) => countDocuments(context, call) },
    { method: "GET", path: one, needs: "see", answer: (call) => readById(context, call) },
    { method: "PATCH", path: one, needs: "write", answer: change },
    { method: "DELETE", path: one, needs: "write", answer: (call) => remove(context, call) },
    { method: "GET", path: ofType, needs: "see", answer: (call) => listOfType(context, call) },
    { method: "GET", path: `${ofType}/name/{name}`, needs: "see", answer: (call) => readByName(context, call) },
  ];
}

const named = pattern(/^[^/%&><]+$/);
const dashed = rule((text) => /^[a-z0-9-]+$/.test(text), "Block document name must only contain lowercase letters, numbers, and dashes.");

const documentBody = object({
  name: optional(nullable(string((text) => (text === "" ? undefined : (named(text) ?? dashed(text))))), null),
  data: optional(dictionary, {}),
  block_schema_id: required(uuid),
  block_type_id: required(uuid),
  is_anonymous: optional(flag, false),
});

async function create(context: Context, call: Call): Promise<Reply> {
  const body = await readBody(call, documentBody);
  if (!body.name && !body.is_anonymous)
    throw invalidRequest([
      { type: "value_error", loc: ["body"], msg: "Value error, Names must be provided for block documents.", ctx: { error: {} } },
    ]);
  const data = plainData(body.data as JsonObject) as JsonObject;
  const name = body.name || `anonymous-${randomUUID()}`;
  const { type, schema } = await typeAndSchema(context, call, body);
  const made = await recorded(context, call, { what: "save", of: `${type.slug}/${name}` }, async () => {
    checkRight(call.principal, "write", { type: type.slug, name });
    const { leading, ...content } = await contentOf(context, call, data, { schema });
    if (context.settings.validate) await checkFits(schema, content);
    const about = {
      type: type.slug,
      name,
      schema: schema.checksum,
      version: schema.version,
      ...(body.is_anonymous && { anonymous: true as const }),
    };
    const draft: Draft = { ...about, ...content };
    const changes = secretChanges(context, call, null, draft, leading);
    const document = await saveNew(context, call, draft);
    return { document, entry: { ...changes, id: document.id, revision: document.revision } };
  });
  const documents = await withChildren(context.store, made.document);
  const around = await context.surroundings.now();
  return jsonText((await textOrNone(around, documents)) ?? (await brokenText(around, made.document)), 201); // it is made, whatever is shown
}

async function saveNew(context: Context, call: Call, draft: Draft) {
  try {
    return await save(context, call, draft, {}, undefined);
  } catch (error) {
    if (isAshlarError(error, "ERR_EXISTS")) throw refusal(409, "Block already exists");
    throw error;
  }
}

async function typeAndSchema(
  { store, settings }: Context,
  call: Call,
  { block_type_id, block_schema_id }: { readonly block_type_id: string; readonly block_schema_id: string },
): Promise<{ readonly type: StoredType; readonly schema: StoredSchema }> {
  const type = await store.type({ id: block_type_id });
  if (!type || !mayKnow(call, type.slug)) throw refusal(404, `Block type ${block_type_id} not found.`);
  const schema = await store.schema({ id: block_schema_id });
  if (!schema || !mayKnow(call, schema.type)) throw refusal(409, INTEGRITY);
  if (settings.rules.ownSchema && schema.type !== type.slug)
    throw refusal(400, `The block schema is one of the block type '${schema.type}', not of '${type.slug}'.`);
  return { type, schema };
}

/** One that cannot be opened can be deleted, too. */
async function remove(context: Context, call: Call): Promise<Reply> {
  const { store } = context;
  const { id = "" } = call.params;
  const place = await placeOf(store, id);
  if (!call.principal.may("see", place)) throw refusal(404, "Block document not found");
  const cascade = queryFlag(call, "cascade");
  await recorded(context, call, { what: "delete", of: `${place.type}/${place.name}`, id }, async () => {
    checkRight(call.principal, "write", place);
    try {
      const gone = await (cascade
        ? deleteWithReferrers(store, call, place)
        : deleting(
            context,
            call,
            false,
            (to) => to.id === id,
            () => store.delete({ id }),
          ));
      const others = gone.filter((each) => each.id !== id);
      return { entry: others.length > 0 ? { deleted: others.map(({ type, name }) => `${type}/${name}`) } : {} };
    } catch (error) {
      throw referenced(call, error);
    }
  });
  return DONE;
}

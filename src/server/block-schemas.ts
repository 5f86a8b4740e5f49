/**
 * Routes of block schemas and capabilities (protocol.md §2.3, §2.4). Touches the store's contract.
 *
 * What is read is what was sent: definitions that Prefect's server drops stay, and a schema does not change when one that it refers to is deleted.
 * @module
 */
import { schemaChecksum } from "../checksum.ts";
import { isAshlarError } from "../errors.ts";
import type { StoredSchema, StoredType } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { type Call, DONE, json, jsonText, type Reply, type Route, refusal } from "./exchange.ts";
import { byBytes, checkLimit, mayKnow, page, type SchemaFilter, schemaCondition, schemaFilter } from "./filters.ts";
import { NestedSchemas } from "./nested-schemas.ts";
import { deleting, referenced } from "./referrers.ts";
import { checkRight } from "./scope.ts";
import { recorded } from "./trail.ts";
import { dictionary, list, object, optional, queryFlag, readBody, readParameters, required, string, uuid } from "./validation.ts";
import { schemaText, typeText } from "./wire-text.ts";

export function blockSchemaRoutes(context: Context): Route[] {
  return [
    { method: "POST", path: "/api/block_schemas/", needs: "write", answer: (call) => create(context, call) },
    { method: "POST", path: "/api/block_schemas/filter", needs: "see", answer: (call) => filter(context, call) },
    { method: "GET", path: "/api/block_schemas/checksum/{checksum}", needs: "see", answer: (call) => readByChecksum(context, call) },
    { method: "GET", path: "/api/block_schemas/{id:uuid}", needs: "see", answer: (call) => readById(context, call) },
    { method: "DELETE", path: "/api/block_schemas/{id:uuid}", needs: "write", answer: (call) => remove(context, call) },
    { method: "GET", path: "/api/block_capabilities/", needs: "see", answer: (call) => capabilities(context, call) },
  ];
}

const NOT_FOUND = "Block schema not found";

const schemaBody = object({
  fields: optional(dictionary, {}),
  block_type_id: required(uuid),
  capabilities: optional(list(string()), []),
  version: optional(string(), "non-versioned"),
});

async function create(context: Context, call: Call): Promise<Reply> {
  const { fields, block_type_id, capabilities, version } = await readBody(call, schemaBody);
  const type = await context.store.type({ id: block_type_id });
  if (!type || !mayKnow(call, type.slug)) throw refusal(404, `Block type ${block_type_id} not found.`);
  const checksum = schemaChecksum(fields);
  const known = await context.schemas.find(checksum, version);
  if (known && mayKnow(call, known.type)) return replyOf(context, known, 200);
  const made = await recorded(context, call, { what: "save schema", of: checksum }, async () => {
    checkRight(call.principal, "write", { type: type.slug });
    await new NestedSchemas(context, call).register(fields);
    const saved = await context.store.saveSchema({ checksum, type: type.slug, version, capabilities, fields: JSON.stringify(fields) });
    return { ...saved, entry: { id: saved.schema.id } };
  });
  return replyOf(context, made.schema, made.created ? 201 : 200);
}

async function replyOf({ store }: Context, schema: StoredSchema, status = 200): Promise<Reply> {
  return jsonText(textOf(schema, await store.type({ slug: schema.type })), status);
}

function textOf(schema: StoredSchema, type: StoredType | null | undefined): string {
  return schemaText(schema, type && { id: type.id, text: typeText(type) });
}

async function filter(context: Context, call: Call): Promise<Reply> {
  const asked = await readParameters(call, { ...page, block_schemas: schemaFilter });
  checkLimit(asked.limit);
  const types = new Map((await context.store.types()).filter(({ slug }) => mayKnow(call, slug)).map((type) => [type.slug, type]));
  const fits = schemaCondition(asked.block_schemas, (slug) => types.get(slug)?.id);
  const all = await candidates(context, asked.block_schemas, [...types.values()]);
  const found = all.filter((schema) => types.has(schema.type) && (fits?.(schema) ?? true));
  const shown = found.slice(asked.offset, asked.offset + asked.limit);
  return jsonText(`[${shown.map((schema) => textOf(schema, types.get(schema.type))).join()}]`);
}

/** The schemas among which those are that a filter wants, the newest first. */
async function candidates({ store }: Context, asked: SchemaFilter, types: readonly StoredType[]): Promise<readonly StoredSchema[]> {
  const wanted = asked?.operator === "and_" ? asked.block_type_id?.any_ : undefined;
  if (!wanted) return store.schemas();
  const some = await Promise.all(types.filter(({ id }) => wanted.includes(id)).map(({ slug }) => store.schemas({ type: slug })));
  return some.flat().sort((a, b) => byBytes(b.created, a.created));
}

async function readByChecksum(context: Context, call: Call): Promise<Reply> {
  const schema = await context.schemas.find(call.params.checksum ?? "", call.query.getAll("version").at(-1));
  if (!schema || !mayKnow(call, schema.type)) throw refusal(404, NOT_FOUND);
  return replyOf(context, schema);
}

async function readById(context: Context, call: Call): Promise<Reply> {
  const schema = await context.store.schema({ id: call.params.id ?? "" });
  if (!schema || !mayKnow(call, schema.type)) throw refusal(404, NOT_FOUND);
  return replyOf(context, schema);
}

async function remove(context: Context, call: Call): Promise<Reply> {
  const { store, settings } = context;
  const { id = "" } = call.params;
  const { type, checksum } = await identity(context, id);
  if (!mayKnow(call, type)) throw refusal(404, NOT_FOUND);
  const cascade = queryFlag(call, "cascade");
  await recorded(context, call, { what: "delete schema", of: checksum, id }, async () => {
    checkRight(call.principal, "write", { type });
    const documents = settings.rules.keepReferenced
      ? []
      : [...(await store.list({ type })), ...(await store.list({ type, anonymous: true }))];
    const ids = new Set(documents.filter(({ schema }) => schema === checksum).map((document) => document.id));
    try {
      const gone = await deleting(
        context,
        call,
        cascade,
        (to) => ids.has(to.id),
        () => store.deleteSchema(id, { cascade: true }),
      );
      return { entry: { deleted: gone.map((each) => `${each.type}/${each.name}`) } };
    } catch (error) {
      if (isAshlarError(error, "ERR_PROTECTED")) throw refusal(403, "Block schemas for protected block types cannot be deleted.");
      if (isAshlarError(error, "ERR_NOT_FOUND")) throw refusal(404, NOT_FOUND);
      throw referenced(call, error);
    }
  });
  return DONE;
}

/** What has to be known of a schema to delete it; one that was changed can be deleted, too. */
async function identity({ store }: Context, id: string): Promise<{ readonly type: string; readonly checksum: string }> {
  try {
    const schema = await store.schema({ id });
    if (schema) return schema;
  } catch (error) {
    const { type, name } = isAshlarError(error, "ERR_CANNOT_OPEN") ? error.details : {};
    if (type === undefined || name === undefined) throw error;
    return { type, checksum: name.replace(/@.*/s, "") };
  }
  throw refusal(404, NOT_FOUND);
}

async function capabilities({ store }: Context, call: Call): Promise<Reply> {
  const all = (await store.schemas()).filter(({ type }) => mayKnow(call, type)).flatMap((schema) => schema.capabilities);
  return json([...new Set(all)]);
}

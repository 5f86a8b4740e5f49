/**
 * Our own API's block types and schemas (docs/http-api.md). Touches the store's contract.
 * @module
 */
import { schemaChecksum } from "../checksum.ts";
import { AshlarError, invalid, isAshlarError } from "../errors.ts";
import type { BlockSchema, Reference, StoredSchema } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { type Call, json, type Reply, type Route } from "./exchange.ts";
import { schemaBody, typeBody } from "./own-bodies.ts";
import { ownRoutesOf } from "./own-replies.ts";
import { checkRight } from "./scope.ts";
import { type Entry, recorded } from "./trail.ts";
import { queryFlag, readBody } from "./validation.ts";

/** The routes of types and schemas. */
export function ownTypeRoutes(context: Context): Route[] {
  const own = ownRoutesOf(context);
  return [
    own("GET", "/types", "see", types),
    own("GET", "/types/{slug}", "see", type),
    own("PUT", "/types/{slug}", "write", saveType),
    own("DELETE", "/types/{slug}", "write", deleteType),
    own("GET", "/types/{slug}/schema", "see", schemaOfType),
    own("GET", "/schemas", "see", schemas),
    own("POST", "/schemas", "write", saveSchema),
    own("GET", "/schemas/{id:uuid}", "see", schema),
    own("DELETE", "/schemas/{id:uuid}", "write", deleteSchema),
  ];
}

function maySee({ principal }: Call, slug: string): boolean {
  return principal.may("see", { type: slug });
}

async function types({ store }: Context, call: Call): Promise<Reply> {
  const id = call.query.get("id");
  const all = id === null ? await store.types() : [await store.type({ id })].filter((each) => each !== null);
  return json({ types: all.filter(({ slug }) => maySee(call, slug)) });
}

async function type({ store }: Context, call: Call): Promise<Reply> {
  const { slug = "" } = call.params;
  checkRight(call.principal, "see", { type: slug });
  const found = await store.type({ slug });
  if (!found) throw absent(`block type ${slug}`);
  return json(found);
}

/** One that is there and stays as it is needs no right to write it: so clients may register what is registered. */
async function saveType(context: Context, call: Call): Promise<Reply> {
  const { slug = "" } = call.params;
  const update = queryFlag(call, "update");
  const { protected: guarded, ...body } = await readBody(call, typeBody);
  checkRight(call.principal, "see", { type: slug });
  const known = await context.store.type({ slug });
  if (known && !update) return json({ type: known, change: "unchanged" });
  const saved = await recorded(context, call, { what: "save type", of: slug }, async () => {
    checkRight(call.principal, "write", { type: slug });
    if (guarded && !known?.protected) checkRight(call.principal, "admin", { type: slug });
    return context.store.saveType({ slug, ...body, ...(guarded && { protected: true as const }) }, { update });
  });
  return json({ type: saved.type, change: saved.change }, saved.change === "created" ? 201 : 200);
}

async function deleteType(context: Context, call: Call): Promise<Reply> {
  const { slug = "" } = call.params;
  const cascade = queryFlag(call, "cascade");
  return deleting(context, call, { what: "delete type", of: slug }, async () => {
    checkRight(call.principal, "write", { type: slug });
    return context.store.deleteType(slug, { cascade });
  });
}

async function deleting(context: Context, call: Call, entry: Entry, work: () => Promise<readonly Reference[]>): Promise<Reply> {
  const { deleted } = await recorded(context, call, entry, async () => {
    const gone = await work();
    return { deleted: gone, entry: { ...(gone.length > 0 && { deleted: gone.map((each) => `${each.type}/${each.name}`) }) } };
  });
  return json({ deleted });
}

async function schemaOfType({ store }: Context, call: Call): Promise<Reply> {
  const { slug = "" } = call.params;
  checkRight(call.principal, "see", { type: slug });
  const [checksum, version] = [call.query.get("checksum") ?? undefined, call.query.get("version") ?? undefined];
  const found = await store.schema({ type: slug, checksum, version });
  if (!found) throw absent(`such schema of ${slug}`);
  return json(found);
}

async function schemas({ store }: Context, call: Call): Promise<Reply> {
  const all = await store.schemas({ type: call.query.get("type") ?? undefined });
  return json({ schemas: all.filter((each) => maySee(call, each.type)) });
}

async function schema({ store }: Context, call: Call): Promise<Reply> {
  return json(await schemaById(store, call));
}

/** One of a type that the caller may not know of is not there. */
async function schemaById(store: Context["store"], call: Call): Promise<StoredSchema> {
  const found = await store.schema({ id: call.params.id ?? "" });
  if (!found || !maySee(call, found.type)) throw absent("schema with this id");
  return found;
}

async function saveSchema(context: Context, call: Call): Promise<Reply> {
  const body = await readBody(call, schemaBody);
  checkRight(call.principal, "see", { type: body.type });
  checkFields(body);
  const known = await knownSchema(context, body);
  if (known) return json({ schema: known, created: false });
  const saved = await recorded(context, call, { what: "save schema", of: `${body.type} ${body.checksum}` }, async () => {
    checkRight(call.principal, "write", { type: body.type });
    return context.store.saveSchema(body);
  });
  return json({ schema: saved.schema, created: saved.created }, saved.created ? 201 : 200);
}

/** One that was damaged is saved anew. */
async function knownSchema({ store }: Context, { type, checksum, version }: BlockSchema): Promise<StoredSchema | null> {
  try {
    return await store.schema({ type, checksum, version });
  } catch (error) {
    if (isAshlarError(error, "ERR_CANNOT_OPEN")) return null;
    throw error;
  }
}

/** @throws AshlarError `ERR_INVALID` */
function checkFields({ fields, checksum }: BlockSchema): void {
  let own: string | undefined;
  try {
    own = schemaChecksum(fields);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error; // no JSON, or nested without end
  }
  if (own === undefined) throw invalid("The schema cannot be saved", [{ path: "/fields", message: "is the text of a JSON object" }]);
  if (own !== checksum) throw invalid("The schema cannot be saved", [{ path: "/checksum", message: `is not that of the fields, ${own}` }]);
}

async function deleteSchema(context: Context, call: Call): Promise<Reply> {
  const cascade = queryFlag(call, "cascade");
  const { id, type, checksum } = await schemaById(context.store, call);
  return deleting(context, call, { what: "delete schema", of: `${type} ${checksum}`, id }, async () => {
    checkRight(call.principal, "write", { type });
    return context.store.deleteSchema(id, { cascade });
  });
}

function absent(what: string): AshlarError {
  return new AshlarError("ERR_NOT_FOUND", `There is no ${what}.`);
}

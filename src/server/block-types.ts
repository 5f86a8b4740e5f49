/**
 * Routes of block types (protocol.md §2.2). Touches the store's contract.
 *
 * Descriptions and examples are given as they were sent: Prefect's server writes them as HTML, and its clients compare them unescaped.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import { isSlug } from "../slug.ts";
import type { StoredType } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { type Call, DONE, jsonText, type Reply, type Route, refusal } from "./exchange.ts";
import { byBytes, checkLimit, mayKnow, page, schemaCondition, schemaFilter, typeCondition, typeFilter } from "./filters.ts";
import { deleting, referenced } from "./referrers.ts";
import { checkRight } from "./scope.ts";
import { installSystemTypes, SYSTEM_SLUGS } from "./system-types.ts";
import { recorded } from "./trail.ts";
import { nullable, object, optional, pattern, queryFlag, readBody, readParameters, required, rule, string } from "./validation.ts";
import { typeText } from "./wire-text.ts";

export function blockTypeRoutes(context: Context): Route[] {
  return [
    { method: "POST", path: "/api/block_types/", needs: "write", answer: (call) => create(context, call) },
    { method: "POST", path: "/api/block_types/filter", needs: "see", answer: (call) => filter(context, call) },
    { method: "POST", path: "/api/block_types/install_system_block_types", needs: "write", answer: (call) => install(context, call) },
    { method: "GET", path: "/api/block_types/slug/{slug}", needs: "see", answer: (call) => readBySlug(context, call) },
    {
      method: "GET",
      path: "/api/block_types/{id:uuid}",
      needs: "see",
      answer: async (call) => jsonText(typeText(await byId(context, call))),
    },
    { method: "PATCH", path: "/api/block_types/{id:uuid}", needs: "write", answer: (call) => update(context, call) },
    { method: "DELETE", path: "/api/block_types/{id:uuid}", needs: "write", answer: (call) => remove(context, call) },
  ];
}

const text = optional(nullable(string()), null);
const typeBody = object({
  name: required(string(pattern(/^[^/%&><]+$/))),
  slug: required(string(rule(isSlug, "Block type slug must only contain lowercase letters, numbers, and dashes."))),
  logo_url: text,
  documentation_url: text,
  description: text,
  code_example: text,
});

async function create(context: Context, call: Call): Promise<Reply> {
  const { name, slug, ...about } = await readBody(call, typeBody);
  if (name.toLowerCase().startsWith("prefect")) throw refusal(403, "Block type names beginning with 'Prefect' are reserved.");
  const made = await recorded(context, call, { what: "save type", of: slug }, async () => {
    checkRight(call.principal, "write", { type: slug });
    return context.store.saveType({
      ...{ slug, name, description: about.description, codeExample: about.code_example },
      logoUrl: about.logo_url?.trim() ?? null,
      documentationUrl: about.documentation_url?.trim() ?? null,
    });
  });
  if (made.change !== "created") throw refusal(409, `Block type with name "${name}" already exists`);
  return jsonText(typeText(made.type), 201);
}

async function filter({ store }: Context, call: Call): Promise<Reply> {
  const asked = await readParameters(call, {
    limit: page.limit,
    block_types: typeFilter,
    block_schemas: schemaFilter,
    offset: page.offset,
  });
  checkLimit(asked.limit);
  const types = (await store.types()).filter(({ slug }) => mayKnow(call, slug));
  const ids = new Map(types.map(({ slug, id }) => [slug, id]));
  const fits = typeCondition(asked.block_types);
  const schemaFits = schemaCondition(asked.block_schemas, (slug) => ids.get(slug));
  const withSchema = schemaFits && new Set((await store.schemas()).filter(schemaFits).map(({ type }) => type));
  const found = types.filter((type) => (fits?.(type) ?? true) && (withSchema?.has(type.slug) ?? true));
  found.sort((a, b) => byBytes(a.name, b.name));
  const shown = found.slice(asked.offset, asked.offset + asked.limit);
  return jsonText(`[${shown.map(typeText).join()}]`);
}

async function install(context: Context, call: Call): Promise<Reply> {
  await recorded(context, call, { what: "save type", of: SYSTEM_SLUGS.join() }, async () => {
    for (const slug of SYSTEM_SLUGS) checkRight(call.principal, "write", { type: slug });
    await installSystemTypes(context.store, { reset: true });
    return {};
  });
  return jsonText("null");
}

async function readBySlug({ store }: Context, call: Call): Promise<Reply> {
  const { slug = "" } = call.params;
  checkRight(call.principal, "see", { type: slug });
  const type = await store.type({ slug });
  if (!type) throw refusal(404, "Block type not found");
  return jsonText(typeText(type));
}

/** One that the caller may not know of is not there. */
async function byId({ store }: Context, call: Call): Promise<StoredType> {
  const type = await store.type({ id: call.params.id ?? "" });
  if (!type || !mayKnow(call, type.slug)) throw refusal(404, "Block type not found");
  return type;
}

const changes = object({
  logo_url: optional(nullable(string()), undefined),
  documentation_url: optional(nullable(string()), undefined),
  description: optional(nullable(string()), undefined),
  code_example: optional(nullable(string()), undefined),
});

async function update(context: Context, call: Call): Promise<Reply> {
  const given = await readBody(call, changes);
  const { id: _id, created: _created, updated: _updated, ...type } = await byId(context, call);
  const kept = <T>(sent: T | undefined, before: T): T => (sent === undefined ? before : sent);
  await recorded(context, call, { what: "save type", of: type.slug }, async () => {
    checkRight(call.principal, "write", { type: type.slug });
    return context.store.saveType(
      {
        ...type,
        logoUrl: kept(given.logo_url?.trim() ?? given.logo_url, type.logoUrl),
        documentationUrl: kept(given.documentation_url?.trim() ?? given.documentation_url, type.documentationUrl),
        description: kept(given.description, type.description),
        codeExample: kept(given.code_example, type.codeExample),
      },
      { update: true },
    );
  });
  return DONE;
}

async function remove(context: Context, call: Call): Promise<Reply> {
  const { slug } = await byId(context, call);
  const cascade = queryFlag(call, "cascade");
  await recorded(context, call, { what: "delete type", of: slug }, async () => {
    checkRight(call.principal, "write", { type: slug });
    try {
      const gone = await deleting(
        context,
        call,
        cascade,
        ({ type }) => type === slug,
        () => context.store.deleteType(slug, { cascade: true }),
      );
      return { entry: { deleted: gone.map(({ type, name }) => `${type}/${name}`) } };
    } catch (error) {
      if (isAshlarError(error, "ERR_PROTECTED")) throw refusal(403, "protected block types cannot be deleted.");
      if (isAshlarError(error, "ERR_NOT_FOUND")) throw refusal(404, "Block type not found");
      throw referenced(call, error);
    }
  });
  return DONE;
}

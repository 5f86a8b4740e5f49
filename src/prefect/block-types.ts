/**
 * Block types and their schemas on a Prefect server (protocol.md §2.2, §2.3, §6.2). Touches the client and the contract of stores.
 * @module
 */
import { AshlarError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { BlockSchema, BlockType, Registered, SchemaKey, StoredSchema, StoredType } from "../stores/store.ts";
import type { WireSchema, WireType } from "../wire.ts";
import { readSchema, readSchemas, readType, readTypes } from "./answers.ts";
import type { Call, PrefectClient } from "./client.ts";
import { isoTime } from "./documents.ts";
import { detailOf } from "./failures.ts";
import { readAll } from "./pages.ts";

/** A type by slug or id, or null. */
export async function findType(client: PrefectClient, key: { readonly slug: string } | { readonly id: string }): Promise<WireType | null> {
  const path = "id" in key ? `/block_types/${encodeURIComponent(key.id)}` : `/block_types/slug/${encodeURIComponent(key.slug)}`;
  const call: Call = { method: "GET", path, effect: "read", accept: [404] };
  const answer = await client.call(call);
  return answer.status === 404 ? null : readType(client, call, answer);
}

/** All types, by slug. */
export async function allTypes(client: PrefectClient): Promise<WireType[]> {
  return (await readAll(client, "/block_types/filter", {}, readTypes)).sort((a, b) => (a.slug < b.slug ? -1 : 1));
}

/** See `saveType` of the store's contract. A type's name stays what it is once it is there: Prefect has no way to change it. */
export async function saveType(
  client: PrefectClient,
  type: BlockType,
  update: boolean,
): Promise<{ readonly type: WireType; readonly change: Registered["change"] }> {
  if (type.protected)
    throw new AshlarError("ERR_UNSUPPORTED", `Prefect protects its own block types only: ${type.slug} cannot be.`, { type: type.slug });
  const known = await findType(client, { slug: type.slug });
  if (!known) {
    const created = await createType(client, type);
    if (created) return { type: created, change: "created" };
  }
  const there = known ?? ((await findType(client, { slug: type.slug })) as WireType); // someone was quicker
  if (!update || sameAbout(there, type)) return { type: there, change: "unchanged" };
  checkUrls(type);
  const { logoUrl, documentationUrl, description, codeExample } = type;
  const body = { logo_url: logoUrl, documentation_url: documentationUrl, description, code_example: codeExample };
  await client.call({ method: "PATCH", path: `/block_types/${there.id}`, body: JSON.stringify(body), effect: "repeat" });
  return { type: (await findType(client, { slug: type.slug })) ?? there, change: "updated" };
}

/** @returns null when the slug is taken by now. */
async function createType(client: PrefectClient, type: BlockType): Promise<WireType | null> {
  const { name, slug, logoUrl, documentationUrl, description, codeExample } = type;
  checkUrls(type);
  const body = { name, slug, logo_url: logoUrl, documentation_url: documentationUrl, description, code_example: codeExample };
  const call: Call = { method: "POST", path: "/block_types/", body: JSON.stringify(body), effect: "repeat", accept: [403, 409] };
  const answer = await client.call(call);
  if (answer.status === 409) return null;
  if (answer.status === 403) {
    if (!/^prefect/i.test(name)) throw answer.error;
    throw new AshlarError(
      "ERR_INVALID",
      `The block type "${name}" needs another name: names that begin with "Prefect" are Prefect's own.`,
      {
        type: slug,
      },
    );
  }
  const created = readType(client, call, answer);
  return created.slug === slug ? created : findType(client, { slug }); // of two types of one name Prefect answers with the first
}

/** An address that is none breaks Python's client for every type: it reads them all. */
function checkUrls({ slug, logoUrl, documentationUrl }: BlockType): void {
  for (const [what, url] of [
    ["logoUrl", logoUrl],
    ["documentationUrl", documentationUrl],
  ] as const)
    if (url !== null && !(URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)))
      throw new AshlarError("ERR_INVALID", `The ${what} of the block type ${slug} is no address: Prefect takes https://… or none.`, {
        type: slug,
      });
}

function sameAbout(there: WireType, { logoUrl, documentationUrl, description, codeExample }: BlockType): boolean {
  return (
    sameUrl(there.logo_url, logoUrl) &&
    sameUrl(there.documentation_url, documentationUrl) &&
    unescaped(there.description) === unescaped(description) &&
    unescaped(there.code_example) === unescaped(codeExample)
  );
}

function sameUrl(one: string | null, other: string | null): boolean {
  return (
    one === other ||
    (one !== null && other !== null && URL.canParse(one) && URL.canParse(other) && new URL(one).href === new URL(other).href)
  );
}

/** Prefect escapes texts when a type is created, and not when it is changed. */
function unescaped(text: string | null): string | null {
  return text === null ? null : text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** A type as the contract has it. */
export function storedType(type: WireType): StoredType {
  const { id, slug, name, logo_url: logoUrl, documentation_url: documentationUrl, description, code_example, is_protected } = type;
  const about = { logoUrl, documentationUrl, description: unescaped(description), codeExample: unescaped(code_example) };
  const times = { created: isoTime(type.created), updated: isoTime(type.updated) };
  return { id, slug, name, ...about, ...(is_protected && { protected: true }), ...times };
}

/** A schema, or null. @param typeId of the type's slug, where it is known. */
export async function findSchema(client: PrefectClient, key: SchemaKey, typeId?: string): Promise<WireSchema | null> {
  if ("id" in key) return getSchema(client, `/block_schemas/${encodeURIComponent(key.id)}`);
  const { type, checksum, version } = key;
  // An empty version, and no checksum, can only be filtered for.
  if (checksum !== undefined && version !== "") {
    const query = version === undefined ? "" : `?version=${encodeURIComponent(version)}`;
    const found = await getSchema(client, `/block_schemas/checksum/${encodeURIComponent(checksum)}${query}`);
    return found?.block_type && found.block_type.slug !== type ? null : found;
  }
  const id = typeId ?? (await findType(client, { slug: type }))?.id;
  if (id === undefined) return null;
  const filter = { block_type_id: { any_: [id] }, ...(version !== undefined && { version: { any_: [version] } }) };
  if (checksum === undefined) return (await schemasOf(client, filter, 1))[0] ?? null;
  return (await schemasOf(client, filter)).find((schema) => schema.checksum === checksum) ?? null;
}

async function getSchema(client: PrefectClient, path: string): Promise<WireSchema | null> {
  const call: Call = { method: "GET", path, effect: "read", accept: [404] };
  const answer = await client.call(call);
  return answer.status === 404 ? null : readSchema(client, call, answer);
}

async function schemasOf(client: PrefectClient, filter: JsonObject, limit?: number): Promise<readonly WireSchema[]> {
  const body = { block_schemas: filter };
  if (limit === undefined) return readAll(client, "/block_schemas/filter", body, readSchemas);
  const call: Call = { method: "POST", path: "/block_schemas/filter", body: JSON.stringify({ ...body, limit }), effect: "read" };
  return readSchemas(client, call, await client.call(call));
}

/** All schemas, or those of a type, the newest first. */
export async function allSchemas(client: PrefectClient, type: string | undefined): Promise<readonly WireSchema[]> {
  if (type === undefined) return schemasOf(client, {});
  const id = (await findType(client, { slug: type }))?.id;
  return id === undefined ? [] : schemasOf(client, { block_type_id: { any_: [id] } });
}

/** See `saveSchema` of the store's contract. */
export async function saveSchema(
  client: PrefectClient,
  schema: BlockSchema,
  typeId: string | undefined,
): Promise<{ readonly schema: WireSchema; readonly created: boolean }> {
  const { type, version, capabilities, fields } = schema;
  const id = typeId ?? (await findType(client, { slug: type }))?.id;
  if (id === undefined) throw unknownType(client, type);
  // The text of the fields goes out as it is: 1.0 must not become 1.
  const body = `{"block_type_id":${JSON.stringify(id)},"capabilities":${JSON.stringify(capabilities)},"version":${JSON.stringify(version)},"fields":${fields}}`;
  const call: Call = { method: "POST", path: "/block_schemas/", body, effect: "repeat", accept: [404, 409] };
  const answer = await client.call(call);
  if (answer.status === 404) {
    if (typeId !== undefined) return saveSchema(client, schema, undefined); // it was deleted, and perhaps made anew
    throw unknownType(client, type);
  }
  if (answer.status === 409) {
    const missing = /because block type '([^']*)' was not found/.exec(JSON.stringify(answer.body))?.[1];
    throw missing === undefined ? answer.error : unknownType(client, missing);
  }
  const stored = readSchema(client, call, answer);
  if (stored.checksum !== schema.checksum)
    throw new AshlarError(
      "ERR_UNSUPPORTED",
      `${client.settings.apiUrl} computes another checksum for the schema of ${type} than Prefect 3 does: documents would not find it.`,
      { type },
    );
  return { schema: stored, created: answer.status === 201 };
}

/** The error for a type that the server does not know. */
export function unknownType(client: PrefectClient, type: string): AshlarError {
  return new AshlarError("ERR_UNKNOWN_TYPE", `${client.settings.apiUrl} knows no block type ${type}: register its class first.`, { type });
}

/** A schema as the contract has it. @param type slug, where the answer does not name it. */
export function storedSchema(schema: WireSchema, type?: string): StoredSchema {
  const { id, checksum, version, capabilities, fields, block_type, created, updated } = schema;
  const times = { created: isoTime(created), updated: isoTime(updated) };
  return { id, checksum, type: block_type?.slug ?? type ?? "", version, capabilities, fields: JSON.stringify(fields), ...times };
}

/** Deletes a type or a schema with all that hangs on it. @throws AshlarError `ERR_NOT_FOUND`, `ERR_PROTECTED` */
export async function remove(client: PrefectClient, path: string, what: string, type: string): Promise<void> {
  const answer = await client.call({ method: "DELETE", path, effect: "repeat", accept: [403, 404] });
  if (answer.status === 404 && !answer.repeated)
    throw new AshlarError("ERR_NOT_FOUND", `There is no ${what} in ${client.settings.apiUrl}.`, { type, store: client.settings.apiUrl });
  if (answer.status !== 403) return;
  if (!/protected block types/.test(detailOf(JSON.stringify(answer.body)) ?? "")) throw answer.error;
  throw new AshlarError("ERR_PROTECTED", `The block type ${type} is one of Prefect's own: neither it nor its schemas can be deleted.`, {
    type,
  });
}

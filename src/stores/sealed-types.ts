/**
 * The types and schemas of a sealed store. Touches sealing.ts and the backend's contract.
 *
 * A schema's record has its checksum for a name, and its version behind it unless that is the usual one.
 * @module
 */
import type { StoredRecord } from "../backends/backend.ts";
import { AshlarError, isAshlarError } from "../errors.ts";
import { canonicalJson, type JsonObject } from "../json.ts";
import { checksumIn, hasChecksum, named, schemaName } from "./record.ts";
import type { Sealing } from "./sealing.ts";
import type { BlockSchema, BlockType, Reference, Registered, SchemaKey, StoredSchema, StoredType } from "./store.ts";

/** How often a write is tried again when someone else writes the same at the same time. */
const TRIES = 20;

/** A type of its record; of a damaged one only the slug is left. */
function typeOf({ id, name, data, damaged, created, updated }: StoredRecord): StoredType {
  const about = damaged
    ? { name, description: null, logoUrl: null, documentationUrl: null, codeExample: null }
    : (data as unknown as Omit<BlockType, "slug">);
  return { id, slug: name, ...about, created, updated };
}

function schemaOf({ id, type, name, data, created, updated }: StoredRecord): StoredSchema {
  const { version, capabilities, fields } = data as unknown as Pick<BlockSchema, "version" | "capabilities" | "fields">;
  return { id, checksum: checksumIn(name), type, version, capabilities, fields, created, updated };
}

/** See `saveType` of the store's contract. */
export async function saveType(
  sealing: Sealing,
  { slug, ...metadata }: BlockType,
  update: boolean,
): Promise<{ readonly type: StoredType; readonly change: Registered["change"] }> {
  const { record, change } = await putOnce(sealing, "type", slug, slug, (existing) => {
    if (existing && !existing.damaged && !update) return existing.data;
    return { ...metadata, ...(existing?.data.protected === true && { protected: true }) } as unknown as JsonObject;
  });
  return { type: typeOf(record), change };
}

/** See `saveSchema` of the store's contract. */
export async function saveSchema(
  sealing: Sealing,
  { checksum, type, version, capabilities, fields }: BlockSchema,
): Promise<{ readonly schema: StoredSchema; readonly created: boolean }> {
  if (!(await sealing.backend.get({ kind: "type", type, name: type })))
    throw new AshlarError("ERR_UNKNOWN_TYPE", `${sealing.backend.url} knows no block type ${type}: register it before its schemas.`, {
      type,
    });
  const known = await schemaRecord(sealing, { type, checksum, version });
  if (known && !known.damaged) return { schema: schemaOf(known), created: false };
  const data = { version, capabilities: [...capabilities], fields };
  const { record, change } = await putOnce(sealing, "schema", type, known?.name ?? schemaName(checksum, version), () => data);
  return { schema: schemaOf(record), created: change !== "unchanged" };
}

/** Writes a record unless it holds what it should; `content` is told what is there. */
async function putOnce(
  sealing: Sealing,
  kind: "type" | "schema",
  type: string,
  name: string,
  content: (existing: StoredRecord | null) => JsonObject,
): Promise<{ readonly record: StoredRecord; readonly change: Registered["change"] }> {
  for (let attempt = 1; ; attempt++) {
    const existing = await sealing.backend.get({ kind, type, name });
    const data = content(existing);
    const same = existing && !existing.damaged && (kind === "schema" || canonicalJson(existing.data) === canonicalJson(data));
    if (same) return { record: existing, change: "unchanged" };
    const record = await sealing.seal({ kind, type, name, schema: "", data, references: {}, secrets: {} }, {}, existing);
    try {
      await sealing.backend.put(record, existing?.revision ?? null);
      if (existing) await sealing.vault.discard(existing.sealed, false);
      return { record, change: existing && !existing.damaged ? "updated" : "created" };
    } catch (error) {
      if (!isAshlarError(error, "ERR_CONFLICT") && !isAshlarError(error, "ERR_EXISTS")) throw error; // it may have been written
      await sealing.vault.discard(record.sealed, existing === null);
      if (attempt === TRIES) throw error;
    }
  }
}

/** A type, or null. */
export async function readType(sealing: Sealing, key: { readonly slug: string } | { readonly id: string }): Promise<StoredType | null> {
  const record = await sealing.backend.get("id" in key ? key : { kind: "type", type: key.slug, name: key.slug });
  return record?.kind === "type" ? typeOf(record) : null;
}

/** All types, by slug. */
export async function readTypes(sealing: Sealing): Promise<StoredType[]> {
  return (await sealing.all("type")).map(typeOf);
}

/** A schema, or null. @throws AshlarError `ERR_CANNOT_OPEN` */
export async function readSchema(sealing: Sealing, key: SchemaKey): Promise<StoredSchema | null> {
  const record = "id" in key ? await sealing.backend.get(key) : await schemaRecord(sealing, key);
  if (record?.kind !== "schema") return null;
  await sealing.verify(record);
  const schema = schemaOf(record);
  if (hasChecksum(schema.fields, schema.checksum)) return schema;
  throw named(record, new AshlarError("ERR_CANNOT_OPEN", "The schema is not the one its checksum names."));
}

/** All schemas, or those of a type, the newest first. */
export async function readSchemas(sealing: Sealing, type: string | undefined): Promise<StoredSchema[]> {
  const whole = (await sealing.all("schema", type)).filter(
    ({ damaged, data, name }) => !damaged && hasChecksum(data.fields, checksumIn(name)),
  );
  return whole.sort((a, b) => (a.created === b.created ? (a.name < b.name ? -1 : 1) : a.created > b.created ? -1 : 1)).map(schemaOf);
}

type NamedSchema = Exclude<SchemaKey, { readonly id: string }>;

async function schemaRecord(sealing: Sealing, { type, checksum, version }: NamedSchema): Promise<StoredRecord | null> {
  if (checksum === undefined) return newest(await sealing.all("schema", type));
  if (version === undefined) return newest((await sealing.all("schema", type)).filter(({ name }) => checksumIn(name) === checksum));
  const get = (name: string) => sealing.backend.get({ kind: "schema", type, name });
  const exact = await get(schemaName(checksum, version));
  if (exact || schemaName(checksum, version) === checksum) return exact;
  const early = await get(checksum); // before several versions could stand beside each other, none was in the name
  return early?.data.version === version ? early : null;
}

/** A damaged one could be the newest: then nobody knows which is. */
function newest(records: readonly StoredRecord[]): StoredRecord | null {
  let found: StoredRecord | null = null;
  for (const each of records) {
    if (each.damaged) return each;
    if (!found || each.created >= found.created) found = each;
  }
  return found;
}

/** See `deleteType` of the store's contract. */
export async function deleteType(sealing: Sealing, slug: string, cascade: boolean): Promise<Reference[]> {
  const type = await sealing.backend.get({ kind: "type", type: slug, name: slug });
  if (!type) throw absent(sealing, `There is no block type ${slug}`, slug);
  if (type.data.protected === true) throw guarded(slug);
  const documents = await documentsOf(sealing, slug);
  if (documents.length > 0 && !cascade) throw inUse(`The block type ${slug} has`, slug, documents);
  await sealing.remove([...documents, ...(await sealing.all("schema", slug)), type]);
  return documents.map(({ id, type: of, name }) => ({ id, type: of, name }));
}

/** See `deleteSchema` of the store's contract. */
export async function deleteSchema(sealing: Sealing, id: string, cascade: boolean): Promise<Reference[]> {
  const record = await sealing.backend.get({ id });
  if (record?.kind !== "schema") throw absent(sealing, `There is no schema with the id ${id}`);
  const { type } = record;
  if ((await readType(sealing, { slug: type }))?.protected) throw guarded(type);
  const checksum = checksumIn(record.name);
  const another = (await sealing.all("schema", type)).some((each) => each.id !== id && checksumIn(each.name) === checksum);
  const isUnder = ({ schema }: StoredRecord) => (another ? schema !== checksum && schema === record.name : checksumIn(schema) === checksum);
  const documents = (await documentsOf(sealing, type)).filter(isUnder);
  if (documents.length > 0 && !cascade) throw inUse(`The schema ${checksum.slice(0, 19)} of ${type} has`, type, documents);
  await sealing.remove([...documents, record]);
  return documents.map(({ id: at, type: of, name }) => ({ id: at, type: of, name }));
}

async function documentsOf(sealing: Sealing, type: string): Promise<StoredRecord[]> {
  return [...(await sealing.all("document", type)), ...(await sealing.all("anonymous", type))];
}

function absent({ backend }: Sealing, what: string, type?: string): AshlarError {
  return new AshlarError("ERR_NOT_FOUND", `${what} in ${backend.url}.`, { store: backend.url, ...(type !== undefined && { type }) });
}

function guarded(type: string): AshlarError {
  return new AshlarError("ERR_PROTECTED", `The block type ${type} is one of the system's own: neither it nor its schemas can be deleted.`, {
    type,
  });
}

function inUse(what: string, type: string, documents: readonly StoredRecord[]): AshlarError {
  const places = documents.map(({ name }) => `${type}/${name}`);
  return new AshlarError(
    "ERR_REFERENCED",
    `${what} ${documents.length} document${documents.length === 1 ? "" : "s"}: ${places.slice(0, 5).join(", ")}${places.length > 5 ? ", …" : ""}. Delete them first, or all together with { cascade: true }.`,
    { type, documents: places },
  );
}

/**
 * Block types and schemas as Prefect's API writes them (protocol.md §2.2, §2.3), as text: a schema's fields are spliced in as they were registered,
 * so that every number keeps its form. Pure; touches the store's contract.
 * @module
 */
import { parseLossless } from "../json.ts";
import type { StoredSchema, StoredType } from "../stores/store.ts";
import { isObject } from "./validation.ts";

/** Stands for the id of what is not there. */
export const NO_ID = "00000000-0000-0000-0000-000000000000";

/** A time as Prefect writes it, with microseconds; null where there is none. */
export function wireTime(time: string): string | null {
  return time === "" ? null : time.replace(/Z$/, "000Z");
}

/** A block type. */
export function typeText(type: StoredType): string {
  return JSON.stringify({
    id: type.id,
    created: wireTime(type.created),
    updated: wireTime(type.updated),
    name: type.name,
    slug: type.slug,
    logo_url: type.logoUrl,
    documentation_url: type.documentationUrl,
    description: type.description,
    code_example: type.codeExample,
    is_protected: type.protected === true,
  });
}

/** A block schema. @param type id and text of its type, if that is known. */
export function schemaText(schema: StoredSchema, type: { readonly id: string; readonly text: string } | null | undefined): string {
  const { id, created, updated, checksum, capabilities, version } = schema;
  return (
    `{"id":${JSON.stringify(id)},"created":${JSON.stringify(wireTime(created))},"updated":${JSON.stringify(wireTime(updated))},` +
    `"checksum":${JSON.stringify(checksum)},"fields":${fieldsText(schema)},"block_type_id":"${type?.id ?? NO_ID}","block_type":${type?.text ?? "null"},` +
    `"capabilities":${JSON.stringify(capabilities)},"version":${JSON.stringify(version)}}`
  );
}

/** Texts of fields by checksum: most need no look, and those that do only one. */
const known = new Map<string, { readonly stored: string; readonly text: string }>();
const MOST_KNOWN = 500;

/** The fields; Prefect's server adds `block_schema_references` where they are left out. */
function fieldsText({ checksum, fields }: StoredSchema): string {
  const before = known.get(checksum);
  if (before?.stored === fields) return before.text;
  const parsed = parseLossless(fields);
  const complete = isObject(parsed) && !Object.hasOwn(parsed, "block_schema_references");
  const text = complete ? JSON.stringify({ ...parsed, block_schema_references: {} }) : fields;
  if (known.size === MOST_KNOWN) known.clear();
  known.set(checksum, { stored: fields, text });
  return text;
}

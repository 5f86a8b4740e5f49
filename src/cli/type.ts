/**
 * `ashlar type ls`, `type inspect` and `type delete`: what the store knows of block classes. Reads schemas, whoever made them, as trees of JSON.
 *
 * JSON: `{"types":[{"id","slug","name","description","logoUrl","documentationUrl","codeExample","created","updated"}]}`, with `"protected":true`
 * where it is, and `{"type":{…one of them},"schema":{"checksum","version","capabilities","fields"}}`, `schema` null where the type has none; `{"type":slug,"deleted":[{"id","type","name"}]}`.
 * @module
 */
import { AshlarError } from "../errors.ts";
import { parseLossless } from "../json.ts";
import type { BlockType } from "../stores/store.ts";
import { agreeToDelete } from "./ask.ts";
import { allDocuments, checkType, placeOf } from "./lookup.ts";
import { paint, pairs, plain, print, table } from "./output.ts";
import { type Session, unknownType } from "./session.ts";

interface Node {
  readonly [key: string]: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly secret_fields?: readonly string[];
  readonly definitions?: Readonly<Record<string, Node>>;
}

/** Lists the types by slug. */
export async function listTypes(session: Session): Promise<void> {
  const store = await session.store();
  const types = await store.types();
  print(session, { types }, () =>
    types.length === 0
      ? [`${plain(store.url)} knows no block types: "ashlar register FILE" makes the block classes of a file known.`]
      : table(
          ["TYPE", "NAME", "DESCRIPTION"],
          types.map((type) => [type.slug, type.name, firstSentence(type.description ?? "")]),
        ),
  );
}

/** Shows one type with the fields of its newest schema. */
export async function inspectType(session: Session, [slug = ""]: readonly string[]): Promise<void> {
  const store = await session.store();
  const types = await store.types();
  const type = types.find((each) => each.slug === slug);
  if (!type) throw unknownType(slug, types, store);
  const found = await store.schema({ type: slug });
  const fields = found && (parseLossless(found.fields) as Node);
  const schema = found && { checksum: found.checksum, version: found.version, capabilities: found.capabilities, fields };
  print(session, { type, schema }, () => [
    ...heading(type, found?.checksum),
    ...(fields ? ["", ...fieldTable(fields, fields.definitions ?? {})] : []),
    ...(fields ? nestedTables(fields.definitions ?? {}) : []),
  ]);
}

/** Deletes one type and its schemas; with `--cascade` also its documents, after they were named and agreed to. */
export async function deleteType(
  session: Session,
  [slug = ""]: readonly string[],
  options: { cascade?: boolean; yes?: boolean },
): Promise<void> {
  const store = await session.store();
  await checkType(store, slug);
  const documents = [...(await allDocuments(store, slug)), ...(await allDocuments(store, slug, true))];
  const cascade = options.cascade === true;
  if (documents.length > 0 && !cascade) {
    const places = documents.map(placeOf);
    const message = `The type ${slug} has documents: ${places.join(", ")}. Delete them first, or all together with --cascade.`;
    throw new AshlarError("ERR_REFERENCED", message, { type: slug, documents: places });
  }
  if (documents.length > 0 && options.yes !== true)
    await agreeToDelete(`the type ${slug} and its ${documents.length} documents: ${documents.map(placeOf).join(", ")}`);
  const deleted = await store.deleteType(slug, { cascade });
  print(session, { type: slug, deleted }, () =>
    [...deleted.map(placeOf), `type ${slug}`].map((each) => `${paint("red", "-")} ${plain(each)}`),
  );
}

/** What a schema says of each field: its kind in a few words, and its description on one line. */
export function fieldNotes(schema: string): Map<string, { kind: string; about: string }> {
  const { properties = {}, definitions = {} } = parseLossless(schema) as Node;
  return new Map(
    Object.entries(properties).map(([key, node]) => [
      key,
      { kind: typeText(node, definitions), about: typeof node.description === "string" ? oneLine(node.description) : "" },
    ]),
  );
}

function heading(type: BlockType, checksum: string | undefined): string[] {
  const rows: [string, string][] = [["Name", plain(type.name)]];
  if (type.description) rows.push(["About", plain(oneLine(type.description))]);
  if (type.documentationUrl) rows.push(["Page", plain(type.documentationUrl)]);
  if (checksum) rows.push(["Schema", plain(checksum)]);
  return [paint("bold", plain(type.slug)), ...pairs(rows, "  ")];
}

function fieldTable(schema: Node, definitions: Readonly<Record<string, Node>>): string[] {
  const rows = Object.entries(schema.properties ?? {}).map(([key, node]) => [
    key,
    typeText(node, definitions),
    schema.required?.includes(key) ? "yes" : "no",
    isSecret(key, node, schema.secret_fields ?? []) ? "yes" : "no",
    node.default === undefined || node.default === null ? "" : JSON.stringify(node.default),
    typeof node.description === "string" ? oneLine(node.description) : "",
  ]);
  return rows.length === 0 ? ["It has no fields."] : table(["FIELD", "TYPE", "REQUIRED", "SECRET", "DEFAULT", "DESCRIPTION"], rows);
}

/** The fields of plain objects inside; a nested block is a type of its own and only named. */
function nestedTables(definitions: Readonly<Record<string, Node>>): string[] {
  return Object.entries(definitions).flatMap(([name, node]) => {
    if (typeof node.block_type_slug === "string")
      return ["", `${plain(name)} is the block type ${plain(node.block_type_slug)}: ashlar type inspect ${plain(node.block_type_slug)}`];
    return node.properties ? ["", paint("bold", plain(name)), ...fieldTable(node, definitions)] : [];
  });
}

/** A schema's kind in a few words: `string`, `list of azure`, `integer or null`. */
function typeText(node: Node, definitions: Readonly<Record<string, Node>>): string {
  const inner = (part: unknown) => typeText(part as Node, definitions);
  if (typeof node.$ref === "string") return referredText(node.$ref, definitions);
  const choices = node.anyOf ?? node.oneOf ?? node.allOf;
  if (Array.isArray(choices))
    return [...new Set(choices.map(inner))].filter((text) => text !== "null" || node.default !== null).join(" or ");
  if ("const" in node) return JSON.stringify(node.const);
  if (Array.isArray(node.enum)) return node.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (Array.isArray(node.prefixItems)) return `list of ${node.prefixItems.map(inner).join(", ")}`;
  if (node.type === "array") return node.items ? `list of ${inner(node.items)}` : "list";
  if (node.type === "object")
    return typeof node.additionalProperties === "object" && node.additionalProperties !== null
      ? `map of ${inner(node.additionalProperties)}`
      : "object";
  if (typeof node.type !== "string") return "any";
  return typeof node.format === "string" && node.format !== "password" ? `${node.type} (${node.format})` : node.type;
}

function referredText(reference: string, definitions: Readonly<Record<string, Node>>): string {
  const name = reference.replace(/^#\/(definitions|\$defs)\//, "");
  const target = definitions[name];
  if (typeof target?.block_type_slug === "string") return `block ${target.block_type_slug}`;
  return Array.isArray(target?.enum) ? typeText(target, definitions) : name;
}

function isSecret(key: string, node: Node, secretFields: readonly string[]): boolean {
  if (secretFields.some((path) => path === key || path === `${key}.*`)) return true;
  const parts = [node, ...((node.anyOf ?? []) as Node[])];
  return parts.some((part) => part.format === "password" && part.writeOnly === true);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function firstSentence(text: string): string {
  return /^.*?[.!?](?=\s|$)/.exec(oneLine(text))?.[0] ?? oneLine(text);
}

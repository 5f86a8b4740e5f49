/**
 * One block schema → what `Block.define` takes for it, and whether its checksum has to be kept by its own text. Touches the core.
 * @module
 */
import { Block } from "./block.ts";
import { schemaChecksum, withoutKey } from "./checksum.ts";
import type { AnyBlockClass } from "./definition.ts";
import { call, type Entry, type Expression, literal, name, object } from "./expression.ts";
import { snakeCase } from "./fields.ts";
import { writeAnything, writeProperty } from "./generate-field.ts";
import { attempt, type Surroundings, type Written } from "./generate-meta.ts";
import { fieldNames } from "./generate-names.ts";
import { isPlain, type Json, pythonJson } from "./json.ts";
import { keepApart } from "./registry.ts";
import { checksumOf, schemaFields } from "./schema.ts";
import { treeOf } from "./schema-node.ts";
import type { Property } from "./schema-reading.ts";
import { slugify } from "./slug.ts";
import type { BlockSchema, BlockType } from "./stores/store.ts";

/** A block type as it is known, with one version of its schema. */
export interface TypeSource {
  readonly type: Omit<BlockType, "codeExample">;
  /** `checksum`: the one that it is known by. Default: that of the fields. */
  readonly schema: Pick<BlockSchema, "fields" | "version" | "capabilities"> & Partial<Pick<BlockSchema, "checksum">>;
}

/** A class, written and made. */
export interface WrittenClass {
  /** `Block.define({ … })` */
  readonly code: Expression;
  readonly cls: AnyBlockClass;
  readonly checksum: string;
  /** Why it carries the schema's own text; null where the fields alone give the schema. */
  readonly ownText: string | null;
}

/** Writes a class of that name; it is made on the way, to know what its fields give. */
export function writeClass(source: TypeSource, className: string, around: Surroundings): WrittenClass {
  const { reader } = around;
  const checksum = schemaChecksum(reader.root);
  const entries = [...metadata(source, className, around), fieldsEntry(around)];
  const natural = call(name("Block"), "define", object(entries, true));
  const cls = makeClass(natural, className, around);
  const isOther = source.schema.checksum !== undefined && source.schema.checksum !== checksum;
  const ownText = isOther ? `it was stored as ${source.schema.checksum}, which it does not give` : difference(cls, around, checksum);
  if (ownText === null) return { code: natural, cls, checksum, ownText };
  const note = `The schema's own text, since the fields do not give all of it (${ownText}): it keeps the checksum ${checksum}.`;
  const text: Entry = { key: "schemaText", value: { kind: "value", value: JSON.stringify(reader.root) }, notes: [note] };
  const code = call(name("Block"), "define", object([...entries, text], true));
  return { code, cls: makeClass(code, className, around), checksum, ownText };
}

function makeClass(base: Expression, className: string, { schemaOf }: Surroundings): AnyBlockClass {
  const cls = class extends (schemaOf(base) as unknown as typeof Block) {} as unknown as AnyBlockClass;
  Object.defineProperty(cls, "name", { value: className });
  keepApart(cls);
  return cls;
}

/** What the type and the schema say of themselves. Its example of use is left out: it is Python's. */
function metadata({ type, schema }: TypeSource, className: string, { reader }: Surroundings): Entry[] {
  const said = {
    name: type.name,
    slug: attempt(() => slugify(type.name)) === type.slug ? undefined : type.slug,
    title: reader.title === undefined || reader.title === className ? undefined : reader.title,
    description: reader.description || type.description || undefined,
    logoUrl: type.logoUrl ?? undefined,
    documentationUrl: type.documentationUrl ?? undefined,
    capabilities: schema.capabilities.length > 0 ? schema.capabilities : undefined,
    version: schema.version === "non-versioned" ? undefined : schema.version,
  };
  return Object.entries(said).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: literal(value) as Expression }]));
}

/** How many nodes a schema may have, each definition in all its places, for the fields to be asked for theirs. */
const MAX_UNFOLDED = 100_000;

/** Keys that no block can have. */
const IMPOSSIBLE = ["block_type_slug", "__proto__", ""];

function fieldsEntry(around: Surroundings): Entry {
  const [fields, left] = [[] as Property[], [] as string[]];
  for (const each of around.reader.fields) IMPOSSIBLE.includes(each.key) ? left.push(each.key) : fields.push(each);
  const names = fieldNames(fields.map(({ key }) => key));
  const entries = fields.map((property) => fieldEntry(property, names.get(property.key) as string, around));
  const notes = left.length > 0 ? [`Left out, since no block can store them: ${left.map((key) => JSON.stringify(key)).join(", ")}.`] : [];
  return { key: "fields", value: object(entries, entries.length > 0), notes };
}

function fieldEntry(property: Property, fieldName: string, around: Surroundings): Entry {
  const pinned = snakeCase(fieldName) === property.key ? undefined : property.key;
  const works = ({ code }: Written) => Block.define({ name: "x", slug: "x", fields: { [fieldName]: around.schemaOf(code) } });
  const written = writeProperty(property, around, pinned);
  const { code, notes } = attempt(() => works(written)) === undefined ? writeAnything(property, around, pinned) : written;
  const isBlock = code.kind === "call" && code.of.kind === "name" && code.of.name === "block";
  return { key: fieldName, value: isBlock ? (code.given[0] as Expression) : code, notes };
}

/** Where what a class gives first differs from the schema it came from; null where the checksums are the same. */
function difference(cls: AnyBlockClass, { reader }: Surroundings, checksum: string): string | null {
  if (reader.unfolded > MAX_UNFOLDED) return "unfolded, it is too large";
  if (attempt(() => checksumOf(cls)) === checksum) return null;
  const fields = reader.fields.map(({ part }) => treeOf(part.raw));
  if (fields.length > 0 && fields.every((each) => each.position === undefined))
    return "it is older than Prefect 3.6.24: its fields have no positions";
  const have = attempt(() => schemaFields(cls));
  return have === undefined
    ? "two things inside it have the same name"
    : (differing(counted(have), counted(reader.root), "") ?? "its definitions");
}

/** What of a schema counts in its checksum, without the definitions of blocks. */
function counted(fields: object): unknown {
  const { definitions, ...rest } = withoutKey(fields as Record<string, unknown>, "secret_fields");
  const models = Object.entries(treeOf(definitions)).filter(
    ([, node]) => Object.keys(treeOf(node)).length > 0 && treeOf(node).block_type_slug === undefined,
  );
  return models.length > 0 ? { ...rest, definitions: Object.fromEntries(models) } : rest;
}

function differing(have: unknown, want: unknown, path: string): string | undefined {
  const [left, right] = [have as Json | undefined, want as Json | undefined];
  if (left !== undefined && right !== undefined && pythonJson(left) === pythonJson(right)) return undefined;
  if (!isPlain(left) || !isPlain(right) || Array.isArray(left) !== Array.isArray(right)) return path;
  const keys = new Set([...Object.keys(right), ...Object.keys(left)]);
  for (const key of keys) {
    const found =
      Object.hasOwn(left, key) && Object.hasOwn(right, key)
        ? differing(left[key as never], right[key as never], `${path}/${key}`)
        : `${path}/${key}`;
    if (found !== undefined) return found;
  }
  return path;
}

/**
 * Single nodes of a stored schema, as trees of JSON: what their keywords are and point to. Touches definitions.ts and json.ts.
 *
 * Schemas come from pydantic 2 and 1, from zod, and from anyone who may write to a server: what is not of its keyword's type says nothing.
 * @module
 */
import { nameOfReference } from "./definitions.ts";
import { isRawNumber, MAX_JSON_DEPTH, plainNumbers } from "./json.ts";

/** A part of a schema as it was written, its numbers with their text (`parseLossless`). */
export type Tree = Readonly<Record<string, unknown>>;

/** A constant that zod's literals can be. */
export type Literal = string | number | boolean | null;

/** A bound of a number, by the name of zod's check. */
export type Bound = readonly ["min" | "max" | "gt" | "lt" | "multipleOf", number];

/** The definition that a node points to. */
export function definitionName({ $ref, allOf }: Tree): string | undefined {
  const only = Array.isArray(allOf) && allOf.length === 1 ? treeOf(allOf[0]).$ref : undefined;
  const reference = textOf($ref ?? only);
  return reference === undefined ? undefined : nameOfReference(reference);
}

/** The definitions that a value here may be one of. */
export function aliases(raw: Tree): string[] {
  const name = definitionName(raw);
  return name === undefined ? (choicesOf(raw) ?? []).flatMap((each) => aliases(treeOf(each))) : [name];
}

/** The block types that a schema nests, and the checksum of each one's schema. */
export function referencesOf({ block_schema_references }: Tree): { readonly slug: string; readonly checksum: string | undefined }[] {
  return Object.values(treeOf(block_schema_references)).flatMap((each) =>
    (Array.isArray(each) ? each : [each]).map(treeOf).flatMap(({ block_type_slug, block_schema_checksum }) => {
      const slug = textOf(block_type_slug);
      return slug === undefined ? [] : [{ slug, checksum: textOf(block_schema_checksum) }];
    }),
  );
}

/** How many nodes a schema would have with every definition in each of its places; one that contains itself counts once on each way. */
export function unfolded(part: unknown, definitions: Tree, known = new Map<string, number>(), depth = 0): number {
  if (typeof part !== "object" || part === null || depth > MAX_JSON_DEPTH * 2) return 1;
  const name = definitionName(part as Tree);
  const before = name === undefined ? undefined : known.get(name);
  if (before !== undefined) return before;
  if (name !== undefined) known.set(name, 1);
  const parts =
    name === undefined ? Object.entries(part).filter(([key]) => key !== "definitions" && key !== "$defs") : [[name, definitions[name]]];
  const count = parts.reduce((sum, [, each]) => sum + unfolded(each, definitions, known, depth + 1), 1);
  if (name !== undefined) known.set(name, count);
  return count;
}

/** Whether this is an object. */
export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

/** An object, or an empty one where there is none. */
export function treeOf(value: unknown): Tree {
  return isTree(value) ? value : {};
}

/** Text, if that is what it is. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The texts of a list. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** A number, if that is what it is. */
export function numberOf(value: unknown): number | undefined {
  if (isRawNumber(value)) return Number(value.rawJSON);
  return typeof value === "number" ? value : undefined;
}

/** Whether nothing but null fits. */
export function isNull(choice: unknown): boolean {
  return treeOf(choice).type === "null";
}

/** The schemas of which one has to fit. */
export function choicesOf({ anyOf, oneOf }: Tree): readonly unknown[] | undefined {
  const choices = anyOf ?? oneOf;
  return Array.isArray(choices) && choices.length > 0 ? choices : undefined;
}

/** An `anyOf` of one is that one. */
export function simplified({ anyOf: _any, oneOf: _one, ...beside }: Tree, [only]: readonly unknown[]): Tree {
  return { ...treeOf(only), ...beside };
}

/** What may stand there if not null. What describes the whole stays outside, but for the mark of a secret. */
export function withoutNull(raw: Tree, choices: readonly unknown[]): Tree {
  const others = choices.filter((choice) => !isNull(choice));
  const mark = isMarked(raw) && { format: raw.format, writeOnly: raw.writeOnly };
  return others.length === 1 ? { ...treeOf(others[0]), ...mark } : { anyOf: others, ...mark };
}

/** How pydantic marks secret text. */
export function isMarked({ format, writeOnly }: Tree): boolean {
  return format === "password" && writeOnly === true;
}

/** The parts of a value that is no object with properties. */
export function partsOf(raw: Tree): Tree[] {
  const { items, additionalProperties, prefixItems } = raw;
  const parts = [...(choicesOf(raw) ?? []), ...(Array.isArray(prefixItems) ? prefixItems : []), items, additionalProperties];
  return parts.filter((part) => isTree(part) && !isNull(part)) as Tree[];
}

/** Whether a value has parts of which nothing is said. */
export function isOpaque(raw: Tree): boolean {
  const said = definitionName(raw) !== undefined || isTree(raw.properties) || partsOf(raw).length > 0;
  return !said && [undefined, "object", "array"].includes(raw.type as string | undefined);
}

/** Whether anything in it is marked as secret. */
export function holdsMark(raw: unknown): boolean {
  return typeof raw === "object" && raw !== null && (isMarked(raw as Tree) || Object.values(raw).some(holdsMark));
}

/** The values of a choice or a constant; undefined where zod's literals cannot be one of them. */
export function constants(raw: Tree): Literal[] | undefined {
  const values = plainNumbers("const" in raw ? [raw.const] : raw.enum) as Literal[];
  return values.some((value) => typeof value === "object" && value !== null) ? undefined : values;
}

/** What Python and Rust have and JavaScript reads as something else: `\Z` as a Z, `\x{41}` as 41 times an x, `[[:alpha:]]` as letters and a bracket. */
const FOREIGN = /(?<!\\)(?:\\\\)*\\(?:[aeghijlmopqyzACE-RTUVXYZ]|[xu]\{)|\[\[:/;

/** A pattern as JavaScript has it; undefined where it has none that means the same. */
export function readPattern(pattern: string): RegExp | undefined {
  if (FOREIGN.test(pattern.replace(/\\[pP]\{/g, "")) || !pattern.isWellFormed()) return undefined;
  try {
    return new RegExp(pattern, /\\[pP]\{/.test(pattern) ? "u" : "");
  } catch {
    return undefined;
  }
}

const BOUNDS = { minimum: "min", maximum: "max", exclusiveMinimum: "gt", exclusiveMaximum: "lt", multipleOf: "multipleOf" } as const;

/** The bounds of a number. */
export function bounds(raw: Tree): Bound[] {
  return (Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]).flatMap((key) => {
    const value = numberOf(raw[key]);
    return value === undefined || (key === "multipleOf" && value <= 0) ? [] : [[BOUNDS[key], value] as const];
  });
}

const SAYING = ["type", "not", "if", "allOf", "properties", "items", "required", "pattern", "format"];

/** Whether a node has no keyword that tells which values fit. */
export function saysNothing(raw: Tree): boolean {
  return !SAYING.some((key) => key in raw);
}

/** Whether a schema says what is optional, as pydantic 2 does: somewhere a null is allowed, or Prefect counted the fields. */
export function isModern(raw: unknown): boolean {
  if (typeof raw !== "object" || raw === null) return false;
  const { type, position } = treeOf(raw);
  return type === "null" || numberOf(position) !== undefined || Object.values(raw).some(isModern);
}

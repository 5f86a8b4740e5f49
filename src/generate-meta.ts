/**
 * What a schema says of a value beside its kind → `.describe()`, `.meta()` and comments. Touches zod, and schema.ts for what an expression comes to.
 * @module
 */
import type { z } from "zod";
import { call, type Entry, type Expression, literal, object, value } from "./expression.ts";
import { isRawNumber, plainNumbers, pythonJson } from "./json.ts";
import { KEYWORDS } from "./pydantic.ts";
import { fieldSchema } from "./schema.ts";
import type { Tree } from "./schema-node.ts";
import type { SchemaReader } from "./schema-reader.ts";
import type { Reading } from "./schema-reading.ts";

/** An expression, and what has to be said beside it. */
export interface Written {
  readonly code: Expression;
  /** Comments, each a sentence. */
  readonly notes: readonly string[];
  /** Whether it names a model that is being declared, so that it has its value only later. */
  readonly pending: boolean;
}

/** What the expressions of one schema may name. */
export interface Surroundings {
  readonly reader: SchemaReader;
  /** The class of a nested block; undefined when it would contain itself. */
  blockName(definition: string): string | undefined;
  /** The variable of a definition that is no block. `plain`: it holds an object. */
  model(reading: Extract<Reading, { kind: "definition" }>): { readonly name: string; readonly pending: boolean; readonly plain: boolean };
  /** What an expression comes to. @throws what zod throws */
  schemaOf(code: Expression): z.ZodType;
}

/** What a trial comes to; undefined when it is refused. */
export function attempt<T>(trial: () => T): T | undefined {
  try {
    return trial();
  } catch {
    return undefined; // by zod or by our own checks
  }
}

/** Those of which zod takes less than pydantic, so that a stored document might be refused. */
const STRICTER = new Set([
  "date-time",
  "date",
  "time",
  "duration",
  "uuid",
  "uuid1",
  "uuid3",
  "uuid4",
  "uuid5",
  "ipv6",
  "base64",
  "base64url",
]);

/** Keywords that refuse nothing, or of which something else is said. */
const DESCRIBING = ["type", "format", "writeOnly", "contentMediaType", "contentEncoding", "contentSchema"];

/** Adds what tells which values fit and zod has no words for; it stands in the schema, and is not checked. */
export function withKeywords(written: Written, raw: Tree, around: Surroundings): Written {
  const have: Tree = attempt(() => fieldSchema(around.schemaOf(written.code), "").node) ?? {};
  const differing = Object.keys(raw).filter((key) => KEYWORDS.has(key) && !isSame(have[key], raw[key]));
  if (differing.length === 0) return written;
  if (differing.every((key) => isRawNumber(raw[key]) && Number(have[key]) === Number(plainNumbers(raw[key]))))
    return { ...written, code: withEntries(written.code, [{ key: "numbers", value: value("float") }]) };
  const entries = metaEntries(raw, differing);
  const unchecked = differing.filter((key) => have[key] === undefined && !DESCRIBING.includes(key));
  const notes = [
    ...(unchecked.length > 0 ? [`Not checked here: ${unchecked.join(", ")}.`] : []),
    ...(STRICTER.has(String(raw.format)) ? [`Any text: Python takes more forms of ${raw.format} than zod does.`] : []),
  ];
  const code = entries.length > 0 ? call(written.code, "meta", object(entries)) : written.code;
  return { ...written, code, notes: [...written.notes, ...notes] };
}

function isSame(have: unknown, want: unknown): boolean {
  return have !== undefined && pythonJson(have) === pythonJson(want);
}

/** What is said by other means, or belongs to the schema as a whole. */
const SAID = new Set(
  "anyOf oneOf allOf $ref enum const properties required items prefixItems additionalProperties discriminator default position definitions $defs block_type_slug block_schema_references secret_fields".split(
    " ",
  ),
);
/** Names with a meaning of their own in zod's metadata. */
const MEANT = new Set(["id", "key", "numbers", "__proto__"]);

/** Adds what describes a value and is not there by itself. */
export function described(written: Written, raw: Tree, key: string, around: Surroundings, pinnedKey?: string): Written {
  const have = attempt(() => fieldSchema(around.schemaOf(written.code), key).node) ?? {};
  const pinned = pinnedKey === undefined ? [] : [{ key: "key", value: value(pinnedKey) }];
  return { ...written, code: withEntries(written.code, [...pinned, ...entriesFor(raw, have)]) };
}

/**
 * The same of a definition that is no block, under its name.
 * @param assign makes its name stand for an expression, for what refers to it
 */
export function describedModel(
  code: Expression,
  id: string,
  raw: Tree,
  around: Surroundings,
  assign: (code: Expression) => void,
): Expression {
  const named: Entry = { key: "id", value: value(id) };
  const bare = call(code, "meta", object([named]));
  assign(bare);
  const have = attempt(() => fieldSchema(around.schemaOf(bare), "").definitions[id]) ?? {};
  const whole = withEntries(code, [named, ...entriesFor(raw, have)]);
  assign(whole);
  return whole;
}

/** What is said and not there by itself. */
function entriesFor(raw: Tree, have: Tree): Entry[] {
  const extras = Object.keys(raw).filter((each) => !SAID.has(each) && !KEYWORDS.has(each) && !isSame(have[each], raw[each]));
  const first = ["title", "description"].filter((each) => extras.includes(each));
  return [...numbersEntry(have.default, raw.default), ...metaEntries(raw, [...new Set([...first, ...extras])])];
}

function withEntries(code: Expression, entries: readonly Entry[]): Expression {
  const [only, ...more] = entries;
  if (!only) return code;
  const [before] = code.kind === "call" && code.of.kind === "member" && code.of.name === "meta" ? code.given : [];
  if (before?.kind === "object" && code.kind === "call" && code.of.kind === "member")
    return call(code.of.of, "meta", object([...before.entries, ...entries]));
  return only.key === "description" && more.length === 0 ? call(code, "describe", only.value) : call(code, "meta", object(entries));
}

/** How a default's number was written, where the schema alone does not tell. */
function numbersEntry(have: unknown, want: unknown): Entry[] {
  const [plainHave, plainWant] = [have, want].map((each) => (each === undefined ? undefined : plainNumbers(each)));
  if (typeof plainWant !== "number" || plainHave !== plainWant || isSame(have, want)) return [];
  return [{ key: "numbers", value: value(isRawNumber(want) ? "float" : "integer") }];
}

function metaEntries(raw: Tree, keys: readonly string[]): Entry[] {
  return keys.flatMap((key) => {
    const of = plainNumbers(raw[key]);
    const fits = key === "deprecated" ? typeof of === "boolean" : !["title", "description"].includes(key) || typeof of === "string";
    const code = fits && !MEANT.has(key) ? literal(of) : undefined;
    return code === undefined ? [] : [{ key, value: code }];
  });
}

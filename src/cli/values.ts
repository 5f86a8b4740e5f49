/**
 * The values of a declared document, made ready for its class: `{ ref }`, `{ env }` and `{ file }` in place of blocks and secrets. Touches zod's
 * definitions, process.env and files; knows no store.
 *
 * Which of them may stand where is told by the schema; elsewhere such a mapping is a mapping.
 * @module
 */
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { type AnyBlockClass, DEFINITION } from "../definition.ts";
import { type Issue, isAshlarError } from "../errors.ts";
import { pathText } from "../issues.ts";
import { parseJson } from "../json.ts";
import { standIn } from "../schema-class.ts";
import { Secret } from "../secret.ts";
import { blockInner, defOf, isJsonSchema, secretInner } from "../zod-def.ts";
import { type Entry, readText, readYaml } from "./manifest.ts";
import { type Path, valueAt } from "./paths.ts";

/** A document that can be referred to. */
export interface Target {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly revision: number | null;
}

/** What filling in needs, and what it finds. */
export interface Filling {
  readonly entry: Pick<Entry, "file">;
  /** The document of a `slug/name`; what it refuses is a sentence. */
  readonly target: (reference: string) => Target | string;
  /** What does not fit, by path inside the data. */
  readonly issues: Issue[];
  /** Paths of secrets that stand in clear in the file. */
  readonly literals: Set<string>;
}

type Source = { readonly kind: "ref" | "env" | "file"; readonly of: string };

/** The fields of a block as its class takes them. */
export function fillFields(cls: AnyBlockClass, data: Readonly<Record<string, unknown>>, filling: Filling): Record<string, unknown> {
  const fields = new Map(cls[DEFINITION].fields.map((field) => [field.key, field.declared]));
  return fillEach(data, [], (key) => [fields.get(key)], filling);
}

/** All `slug/name` that a `{ ref }` anywhere in a value names. */
export function referencesIn(value: unknown): string[] {
  const source = sourceOf(value);
  if (source?.kind === "ref") return [source.of];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(referencesIn) : [];
}

/** The schemas that a value at a path may have, and whether the way leads into a secret; `data` tells which block an inline one is. */
export function kindsAt(cls: AnyBlockClass, path: Path, data: unknown): { kinds: readonly z.ZodType[]; inSecret: boolean } {
  const fields = new Map(cls[DEFINITION].fields.map((field) => [field.key, field.declared]));
  let kinds = kindsOfAll([fields.get(String(path[0]))]);
  for (let depth = 1; depth < path.length; depth++) {
    if (kinds.some((kind) => secretInner(kind))) return { kinds, inSecret: true };
    const [part = "", slug] = [path[depth], valueAt(data, [...path.slice(0, depth), "block_type_slug"])];
    kinds = kindsOfAll(kinds.flatMap((kind) => [itemOf(kind, Number(part)), memberOf(kind, String(part), slug)]));
  }
  return { kinds, inSecret: kinds.some((kind) => secretInner(kind)) };
}

/** Text that a person typed, as a value of one of the kinds: as it is where that fits, else the YAML or JSON in it. */
export function readValue(text: string, kinds: readonly z.ZodType[]): unknown {
  const fits = (value: unknown) => kinds.some((kind) => kind.safeParse(value).success);
  const takesAll = kinds.some((kind) => isJsonSchema(kind) || ["any", "unknown"].includes(defOf(kind).type));
  if (!takesAll && fits(text)) return text;
  const value = readYaml(text);
  if (value === undefined) return text;
  return fits(value) || !kinds.some((kind) => defOf(kind).type === "string") ? value : text;
}

function fillEach(
  data: Readonly<Record<string, unknown>>,
  at: Path,
  declared: (key: string) => readonly (z.ZodType | null | undefined)[],
  filling: Filling,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).map(([key, item]) => [key, fill(item, declared(key), [...at, key], filling)]));
}

function fill(value: unknown, declared: readonly (z.ZodType | null | undefined)[], at: Path, filling: Filling): unknown {
  if (value instanceof Secret) return value; // read and hidden already
  const kinds = kindsOfAll(declared);
  const blocks = kinds.flatMap((kind) => blockInner(kind) ?? []);
  const secrets = kinds.filter((kind) => secretInner(kind));
  const source = sourceOf(value);
  if (source?.kind === "ref" && blocks.length > 0) return refer(source.of, blocks, at, filling);
  if (source && kinds.length > 0 && !(source.kind === "ref" ? blocks : secrets).length && !kinds.some(takesMapping)) {
    const message =
      source.kind === "ref"
        ? "no block stands here that { ref } could name"
        : `only a secret comes from { ${source.kind} }: write the value itself`;
    filling.issues.push({ path: pathText(at), message });
    return undefined;
  }
  if (secrets.length > 0 && blocks.length === 0) return fillSecret(value, secrets, at, filling);
  if (Array.isArray(value))
    return value.map((item, index) =>
      fill(
        item,
        kinds.map((kind) => itemOf(kind, index)),
        [...at, index],
        filling,
      ),
    );
  if (typeof value !== "object" || value === null) return value;
  const data = value as Record<string, unknown>;
  return fillEach(data, at, (key) => kinds.map((kind) => memberOf(kind, key, data.block_type_slug)), filling);
}

/** Stands for a saved document, or one that will be. */
function refer(reference: string, blocks: readonly AnyBlockClass[], at: Path, { target, issues }: Filling): unknown {
  const found = target(reference);
  const cls = typeof found === "string" ? undefined : blocks.find((each) => each[DEFINITION].slug === found.type);
  if (cls && typeof found !== "string") return standIn(cls, found);
  const fitting = [...new Set(blocks.map((each) => each[DEFINITION].slug))].join(" or ");
  issues.push({
    path: pathText(at),
    message: typeof found === "string" ? found : `a document of type ${fitting} belongs here, not ${reference}`,
  });
  return undefined;
}

/** A secret, whole from one source, or with sources inside; its parts are not named, since their keys may be secret too. */
function fillSecret(value: unknown, secrets: readonly z.ZodType[], at: Path, filling: Filling): unknown {
  const path = pathText(at);
  const whole = sourceOf(value);
  if (whole && whole.kind !== "ref") return fitting(readSource(whole, path, filling), secrets);
  const inside = (part: unknown): unknown => {
    const source = sourceOf(part);
    if (source && source.kind !== "ref") return readSource(source, path, filling);
    if (Array.isArray(part)) return part.map(inside);
    if (typeof part === "object" && part !== null)
      return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, inside(item)]));
    if (part !== null) filling.literals.add(path);
    return part;
  };
  return inside(value);
}

/** The text of a source, or undefined when an issue was reported. */
function readSource({ kind, of }: Source, path: string, { entry, issues }: Filling): string | undefined {
  const refuse = (message: string) => void issues.push({ path, message });
  if (kind === "env") {
    const text = process.env[of];
    if (text === undefined) return refuse(`the environment variable ${of} is not set`);
    return text === "" ? refuse(`the environment variable ${of} is empty`) : text;
  }
  try {
    const text = readText(resolve(dirname(entry.file), of)).replace(/\r?\n$/, ""); // editors end files with a line break
    return text === "" ? refuse(`the file ${of} is empty`) : text;
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    return refuse(error.message.replace(/\.$/, ""));
  }
}

/** Text as it is where that fits, else the JSON in it: a secret number or mapping. */
function fitting(text: string | undefined, secrets: readonly z.ZodType[]): unknown {
  const fits = (value: unknown) => secrets.some((schema) => schema.safeParse(value).success);
  if (text === undefined || fits(text)) return text;
  try {
    const value = parseJson(text);
    return fits(value) ? value : text;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function sourceOf(value: unknown): Source | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const [[kind, of] = [], ...more] = Object.entries(value);
  if (more.length > 0 || typeof of !== "string") return undefined;
  return kind === "ref" || kind === "env" || kind === "file" ? { kind, of } : undefined;
}

function kindsOfAll(declared: readonly (z.ZodType | null | undefined)[]): z.ZodType[] {
  return declared.flatMap((schema) => (schema ? kindsOf(schema) : []));
}

/** The schemas that a value here may have, without what wraps them. */
export function kindsOf(schema: z.ZodType, seen = new Set<z.ZodType>()): z.ZodType[] {
  if (seen.has(schema)) return [];
  seen.add(schema);
  if (secretInner(schema) || blockInner(schema) || isJsonSchema(schema)) return [schema];
  const { type, innerType, options, getter } = defOf(schema);
  if (innerType) return kindsOf(innerType, seen);
  if (options) return options.flatMap((option) => kindsOf(option, seen));
  return type === "lazy" && getter ? kindsOf(getter(), seen) : [schema];
}

function takesMapping(kind: z.ZodType): boolean {
  return isJsonSchema(kind) || ["object", "record", "any", "unknown"].includes(defOf(kind).type);
}

function itemOf(kind: z.ZodType, index: number): z.ZodType | null | undefined {
  const { element, items, rest } = defOf(kind);
  return element ?? items?.[index] ?? rest;
}

function memberOf(kind: z.ZodType, key: string, slug: unknown): z.ZodType | undefined {
  const definition = blockInner(kind)?.[DEFINITION];
  if (definition)
    return slug === undefined || slug === definition.slug ? definition.fields.find((field) => field.key === key)?.declared : undefined;
  const { shape, catchall, valueType } = defOf(kind);
  return (shape && Object.hasOwn(shape, key) ? shape[key] : catchall) ?? valueType;
}

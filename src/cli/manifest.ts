/**
 * The files that `ashlar apply` reads: documents declared in YAML or JSON. Touches `yaml` and node:fs; knows no store and no schema.
 *
 * A file is a list of `{ type, name, data }`, or a mapping with such a list under `documents`, or one such mapping; a stream of several YAML documents may
 * hold several of them. YAML's core schema, without tags; 1 MiB a file. Errors name file and line and never quote the file: it may hold secrets.
 * @module
 */
import { createReadStream } from "node:fs";
import { relative, resolve } from "node:path";
import type { Document, LineCounter, YAMLError } from "yaml";
import { AshlarError, type Issue, isAshlarError, nearest } from "../errors.ts";
import { checkDepth } from "../json.ts";
import { checkDocumentName, isSlug } from "../slug.ts";
import { type Path, pathParts } from "./paths.ts";

/** A document as a file declares it. */
export interface Entry {
  /** Absolute path of the file; what it names is relative to its folder. */
  readonly file: string;
  readonly type: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** `file.yaml:12: slug/name: path`, for a path inside the data; empty for the whole. */
  place(path: string): string;
}

/** Largest file that is read. */
const MAX_FILE_BYTES = 1024 * 1024;
/** How often aliases may repeat what an anchor holds; enough for people, too little for a bomb. */
const MAX_ALIASES = 100;
const KEYS = ["type", "name", "data"];
const YAML_OPTIONS = { schema: "core", resolveKnownTags: false, prettyErrors: false, logLevel: "silent" } as const;

/** Reads all files; what is wrong in them is added to the issues. @throws AshlarError `ERR_NOT_FOUND`, `ERR_DENIED`, `ERR_LIMIT` for a whole file */
export async function readManifests(files: readonly string[], issues: Issue[]): Promise<Entry[]> {
  const yaml = await import("yaml");
  const entries: Entry[] = [];
  for (const file of new Set(files.map((each) => resolve(each)))) {
    const text = await readText(file);
    const lines = new yaml.LineCounter();
    const documents = yaml.parseAllDocuments(text, { ...YAML_OPTIONS, lineCounter: lines });
    if (documents.length === 0 || documents.every((document) => document.contents === null && document.errors.length === 0))
      issues.push({ path: shown(file), message: "declares no documents" });
    for (const document of documents) entries.push(...readDocument(new Source(file, document, lines, yaml), issues));
  }
  return entries;
}

/**
 * Reads the fields of one document, a YAML or JSON mapping; `-` is standard input. Nothing at all declares no fields.
 * @throws AshlarError as {@link readText} does
 */
export async function readFields(file: string, document: { type: string; name: string }, issues: Issue[]): Promise<Entry> {
  const yaml = await import("yaml");
  const path = file === "-" ? file : resolve(file);
  const text = file === "-" ? await readInput() : await readText(path);
  const lines = new yaml.LineCounter();
  const parsed = yaml.parseDocument(text, { ...YAML_OPTIONS, lineCounter: lines });
  const source = new Source(path, parsed, lines, yaml);
  const found: Issue[] = [];
  const value = plainOf(source, found) ?? {};
  if (!isMapping(value)) found.push({ path: source.line([]), message: "has to be a mapping of fields" });
  issues.push(...found);
  const place = (at: string) => `${source.line(pathParts(at))}: ${document.type}/${document.name}${at === "" ? "" : `: ${at}`}`;
  return { ...document, file: path, data: isMapping(value) ? value : {}, place };
}

/** The value that a text is as YAML or JSON; undefined when it is neither. */
export async function readYaml(text: string): Promise<unknown> {
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const issues: Issue[] = [];
  const value = plainOf(new Source("-", yaml.parseDocument(text, { ...YAML_OPTIONS, lineCounter: lines }), lines, yaml), issues);
  return issues.length > 0 ? undefined : value;
}

/** All of standard input. @throws AshlarError `ERR_LIMIT`, `ERR_INVALID` when it is no UTF-8 */
export function readInput(): Promise<string> {
  return textOf(process.stdin, "-");
}

/** The text of a file. @throws AshlarError `ERR_NOT_FOUND`, `ERR_DENIED`, `ERR_LIMIT`, `ERR_INVALID` when it is no UTF-8 */
export async function readText(file: string): Promise<string> {
  try {
    return await textOf(createReadStream(file), file);
  } catch (error) {
    if (isAshlarError(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw new AshlarError("ERR_NOT_FOUND", `There is no file ${shown(file)}.`);
    if (code === "EISDIR") throw new AshlarError("ERR_INVALID", `${shown(file)} is a folder, not a file.`);
    throw new AshlarError("ERR_DENIED", `${shown(file)} cannot be read (${code}).`);
  }
}

async function textOf(stream: AsyncIterable<Buffer>, file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_FILE_BYTES) throw new AshlarError("ERR_LIMIT", `${shown(file)} is larger than ${MAX_FILE_BYTES} bytes.`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new AshlarError("ERR_INVALID", `${shown(file)} is no UTF-8 text.`);
  }
}

/** One YAML document of a file, which knows the line of each of its parts. */
class Source {
  readonly file: string;
  readonly document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #yaml: typeof import("yaml");

  constructor(file: string, document: Document.Parsed, lines: LineCounter, yaml: typeof import("yaml")) {
    this.file = file;
    this.document = document;
    this.#lines = lines;
    this.#yaml = yaml;
  }

  at(offset: number): string {
    return `${shown(this.file)}:${this.#lines.linePos(offset).line}`;
  }

  /** File and line of the innermost part on the way that can be found. */
  line(path: Path): string {
    const { isAlias, isCollection } = this.#yaml;
    let node: unknown = this.document.contents;
    let offset = this.document.contents?.range[0] ?? 0;
    for (const part of path) {
      if (isAlias(node)) node = node.resolve(this.document);
      node = isCollection(node) ? node.get(part, true) : undefined;
      const range = (node as { range?: readonly number[] | null } | undefined)?.range;
      if (!range) break;
      offset = range[0] ?? offset;
    }
    return this.at(offset);
  }
}

/** What a YAML document holds; undefined when that was reported. */
function plainOf(source: Source, issues: Issue[]): unknown {
  const { document } = source;
  const faults = [...document.errors, ...document.warnings];
  const [fault] = faults; // what follows the first is mostly its consequence
  if (fault) {
    issues.push({ path: source.at(fault.pos[0]), message: faultText(fault) });
    return undefined;
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    checkDepth(value, "It");
    return value;
  } catch (error) {
    const message =
      isAshlarError(error) || error instanceof RangeError ? "is nested too deeply" : "has aliases without an anchor, or too many of them";
    issues.push({ path: source.line([]), message });
    return undefined;
  }
}

function readDocument(source: Source, issues: Issue[]): Entry[] {
  const value = plainOf(source, issues);
  if (value === null || value === undefined) return []; // an empty document, as after a last ---
  const [list, at] = listOf(value);
  if (list) return list.flatMap((item, index) => readEntry(source, item, at(index), issues));
  issues.push({ path: source.line([]), message: "is neither a list of documents nor a mapping with a list of them under documents" });
  return [];
}

function listOf(value: unknown): [readonly unknown[] | undefined, (index: number) => Path] {
  if (Array.isArray(value)) return [value, (index) => [index]];
  if (!isMapping(value)) return [undefined, () => []];
  if ("type" in value) return [[value], () => []];
  const only = Object.keys(value).every((key) => key === "documents");
  return [only && Array.isArray(value.documents) ? value.documents : undefined, (index) => ["documents", index]];
}

function readEntry(source: Source, item: unknown, at: Path, issues: Issue[]): Entry[] {
  const found: Issue[] = [];
  const report = (message: string, ...path: string[]) => found.push({ path: source.line([...at, ...path]), message });
  if (!isMapping(item)) report("is no document: it has type, name and data");
  else {
    for (const key of Object.keys(item).filter((each) => !KEYS.includes(each))) {
      const near = nearest(key, KEYS);
      report(
        `${JSON.stringify(key)} is no part of a document${near === undefined ? ": it has type, name and data" : `; did you mean ${near}?`}`,
        key,
      );
    }
    const { type, name, data } = item;
    if (typeof type !== "string" || !isSlug(type)) report("type has to be the slug of a block type, such as azurecontainer", "type");
    const reason = nameFault(name);
    if (reason !== undefined) report(reason, "name");
    if (data !== undefined && data !== null && !isMapping(data)) report("data has to be a mapping of fields", "data");
  }
  issues.push(...found);
  if (found.length > 0) return [];
  const { type, name, data } = item as { type: string; name: string; data?: Record<string, unknown> | null };
  const place = (path: string) => `${source.line([...at, "data", ...pathParts(path)])}: ${type}/${name}${path === "" ? "" : `: ${path}`}`;
  return [{ file: source.file, type, name, data: data ?? {}, place }];
}

function nameFault(name: unknown): string | undefined {
  if (name === undefined) return "name is missing";
  if (typeof name === "number") return "name has to be text: put it in quotes";
  try {
    checkDocumentName(name);
    return undefined;
  } catch (error) {
    return (error as AshlarError).message.replace(/\.$/, "");
  }
}

/** yaml's errors in our words: its own can quote the file. https://eemeli.org/yaml/#errors */
function faultText({ code }: YAMLError): string {
  switch (code) {
    case "DUPLICATE_KEY":
      return "a key stands here twice";
    case "TAB_AS_INDENT":
      return "YAML is indented with blanks, not with tabs";
    case "BAD_INDENT":
    case "BLOCK_AS_IMPLICIT_KEY":
    case "BLOCK_IN_FLOW":
      return "this is not indented as YAML wants it";
    case "TAG_RESOLVE_FAILED":
      return "tags (!…) are not allowed here";
    case "MISSING_CHAR":
      return "a quote, bracket or colon is missing";
    case "RESOURCE_EXHAUSTION":
      return "is nested too deeply";
    default:
      return `this is no YAML (${code})`;
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A path as the working directory sees it. */
export function shown(file: string): string {
  if (file === "-") return "standard input";
  const near = relative(process.cwd(), file);
  return near.startsWith("..") ? file : near || ".";
}

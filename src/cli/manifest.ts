/**
 * The files that `ashlar apply` reads: documents declared in YAML or JSON. Touches `yaml` and node:fs; knows no store and no schema.
 *
 * A file is a list of `{ type, name, data }`, or a mapping with such a list under `documents`, or one such mapping; a stream of several YAML documents may
 * hold several of them. YAML's core schema, without tags; 16 MiB a file, 1 MiB of what holds one document or one secret. Errors name file and line and never quote the file: it may hold secrets.
 * @module
 */
import { closeSync, openSync, readSync } from "node:fs";
import { relative, resolve } from "node:path";
import { type Document, isAlias, isCollection, LineCounter, parseAllDocuments, parseDocument, type YAMLError } from "yaml";
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

/** Largest file of documents that is read. */
export const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
/** Largest file that holds the fields of one document, or a secret. */
const MAX_FILE_BYTES = 1024 * 1024;
/** How often aliases may repeat what an anchor holds; enough for people, too little for a bomb. */
const MAX_ALIASES = 100;
const KEYS = ["type", "name", "data"];
const YAML_OPTIONS = { schema: "core", resolveKnownTags: false, prettyErrors: false, logLevel: "error" } as const;

/** Reads all files; what is wrong in them is added to the issues. @throws AshlarError `ERR_NOT_FOUND`, `ERR_DENIED`, `ERR_LIMIT` for a whole file */
export function readManifests(files: readonly string[], issues: Issue[]): Entry[] {
  const entries: Entry[] = [];
  for (const file of new Set(files.map((each) => resolve(each)))) {
    const lines = new LineCounter();
    const documents = parseAllDocuments(readText(file, MAX_MANIFEST_BYTES), { ...YAML_OPTIONS, lineCounter: lines });
    if (documents.length === 0 || documents.every((document) => document.contents === null && document.errors.length === 0))
      issues.push({ path: shown(file), message: "declares no documents" });
    for (const document of documents) entries.push(...readDocument(new Source(file, document, lines), issues));
  }
  return entries;
}

/**
 * Reads the fields of one document, a YAML or JSON mapping; `-` is standard input. Nothing at all declares no fields.
 * @throws AshlarError as {@link readText} does
 */
export async function readFields(file: string, document: { type: string; name: string }, issues: Issue[]): Promise<Entry> {
  const path = file === "-" ? file : resolve(file);
  const source = parsed(path, file === "-" ? await readInput() : readText(path));
  const found: Issue[] = [];
  const value = plainOf(source, found) ?? {};
  if (!isMapping(value)) found.push({ path: source.line([]), message: "has to be a mapping of fields" });
  issues.push(...found);
  const place = (at: string) => `${source.line(pathParts(at))}: ${document.type}/${document.name}${at === "" ? "" : `: ${at}`}`;
  return { ...document, file: path, data: isMapping(value) ? value : {}, place };
}

/** The value that a text is as YAML or JSON; undefined when it is neither. */
export function readYaml(text: string): unknown {
  const issues: Issue[] = [];
  const value = plainOf(parsed("-", text), issues);
  return issues.length > 0 ? undefined : value;
}

function parsed(file: string, text: string): Source {
  const lines = new LineCounter();
  return new Source(file, parseDocument(text, { ...YAML_OPTIONS, lineCounter: lines }), lines);
}

/** All of standard input. @throws AshlarError `ERR_LIMIT`, `ERR_INVALID` when it is no UTF-8 */
export async function readInput(): Promise<string> {
  const text = new Text("-", MAX_FILE_BYTES);
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) text.add(chunk);
  return text.decoded();
}

/** The text of a file. @throws AshlarError `ERR_NOT_FOUND`, `ERR_DENIED`, `ERR_LIMIT`, `ERR_INVALID` when it is no UTF-8 */
export function readText(file: string, limit = MAX_FILE_BYTES): string {
  const text = new Text(file, limit);
  try {
    const opened = openSync(file, "r");
    try {
      for (let chunk = readChunk(opened); chunk.length > 0; chunk = readChunk(opened)) text.add(chunk); // pipes tell no size before
    } finally {
      closeSync(opened);
    }
  } catch (error) {
    if (isAshlarError(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw new AshlarError("ERR_NOT_FOUND", `There is no file ${shown(file)}.`);
    if (code === "EISDIR") throw new AshlarError("ERR_INVALID", `${shown(file)} is a folder, not a file.`);
    throw new AshlarError("ERR_DENIED", `${shown(file)} cannot be read (${code}).`);
  }
  return text.decoded();
}

function readChunk(file: number): Buffer {
  const chunk = Buffer.allocUnsafe(65_536);
  return chunk.subarray(0, readSync(file, chunk));
}

/** What was read of a file so far. */
class Text {
  readonly #file: string;
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(file: string, limit: number) {
    this.#file = file;
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > this.#limit) throw new AshlarError("ERR_LIMIT", `${shown(this.#file)} is larger than ${this.#limit} bytes.`);
  }

  decoded(): string {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(this.#chunks));
    } catch {
      throw new AshlarError("ERR_INVALID", `${shown(this.#file)} is no UTF-8 text.`);
    }
  }
}

/** One YAML document of a file, which knows the line of each of its parts. */
class Source {
  readonly file: string;
  readonly document: Document.Parsed;
  readonly #lines: LineCounter;

  constructor(file: string, document: Document.Parsed, lines: LineCounter) {
    this.file = file;
    this.document = document;
    this.#lines = lines;
  }

  at(offset: number): string {
    return `${shown(this.file)}:${this.#lines.linePos(offset).line}`;
  }

  /** File and line of the innermost part on the way that can be found. */
  line(path: Path): string {
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
    issues.push({ path: source.at(fault.pos[0]), message: FAULTS[fault.code] ?? `this is no YAML (${fault.code})` });
    return undefined;
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    checkDepth(value, "It");
    return value;
  } catch (error) {
    const message =
      isAshlarError(error) || error instanceof RangeError
        ? "is nested too deeply"
        : "has aliases (*name) without an anchor, or too many of them; a text that begins with * has to be in quotes";
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
const FAULTS: Partial<Record<YAMLError["code"], string>> = {
  BAD_DQ_ESCAPE: "a backslash between double quotes begins no escape that YAML knows: double it, or put the text in single quotes",
  BAD_INDENT: "this is not indented as YAML wants it, or a bracket is not closed",
  BAD_SCALAR_START: "a text that begins with a special character has to be in quotes",
  BLOCK_AS_IMPLICIT_KEY: "this is not indented as YAML wants it, or a text with a colon is not in quotes",
  BLOCK_IN_FLOW: "a comma is missing between brackets",
  DUPLICATE_KEY: "a key stands here twice",
  MISSING_CHAR: "a quote, bracket or colon is missing",
  MULTIPLE_DOCS: "a second YAML document begins here, and one belongs in this file",
  RESOURCE_EXHAUSTION: "is nested too deeply",
  TAB_AS_INDENT: "YAML is indented with blanks, not with tabs",
  TAG_RESOLVE_FAILED: "tags (!…) are not allowed here",
  UNEXPECTED_TOKEN: "something stands here that YAML and JSON do not allow: a comma, quote or bracket before it may be missing",
};

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A path as the working directory sees it. */
export function shown(file: string): string {
  if (file === "-") return "standard input";
  const near = relative(process.cwd(), file);
  return near.startsWith("..") ? file : near || ".";
}

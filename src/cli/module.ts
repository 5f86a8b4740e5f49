/**
 * Importing a user's module as it is, TypeScript included, and saying in one sentence why it cannot be. Touches node:module.
 *
 * What a module throws may quote anything, so its text is not passed on: its kind and place are, and `--stack` shows the rest.
 * @module
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { findPackageJSON, registerHooks } from "node:module";
import { join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { AshlarError, isAshlarError } from "../errors.ts";

/** What a module exports. */
export type Exports = Readonly<Record<string, unknown>>;

/**
 * Imports a file, or a package as the working directory sees it. What it prints meanwhile goes to standard error.
 * @throws AshlarError `ERR_NOT_FOUND` when there is no such file or package; `ERR_DEFINITION` when it cannot be imported; its own `AshlarError`.
 */
export async function importModule(from: string): Promise<Exports> {
  const write = process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof write;
  try {
    return isFile(from) ? await importFile(from) : await importPackage(from);
  } finally {
    process.stdout.write = write;
  }
}

function isFile(from: string): boolean {
  return /^(\.{0,2}\/|file:)|\.[cm]?[jt]sx?$/.test(from) || existsSync(from);
}

async function importFile(from: string): Promise<Exports> {
  const path = from.startsWith("file:") ? fileURLToPath(from) : resolve(from);
  if (!existsSync(path)) throw new AshlarError("ERR_NOT_FOUND", `There is no file ${from}.`);
  if (statSync(path).isDirectory())
    throw new AshlarError("ERR_DEFINITION", `${from} is a folder: name the file that exports the block classes.`);
  try {
    return (await import(pathToFileURL(path).href)) as Exports;
  } catch (error) {
    throw explained(error, from);
  }
}

async function importPackage(from: string): Promise<Exports> {
  const parentURL = pathToFileURL(join(process.cwd(), "package.json")).href;
  const hooks = registerHooks({
    resolve: (specifier, context, next) => next(specifier, context.parentURL === import.meta.url ? { ...context, parentURL } : context),
  });
  try {
    return (await import(from)) as Exports;
  } catch (error) {
    const own = (error as { message?: unknown } | null)?.message;
    const missing = hasCode(error, "ERR_MODULE_NOT_FOUND") && String(own).endsWith(` imported from ${fileURLToPath(parentURL)}`);
    if (missing || hasCode(error, "ERR_INVALID_MODULE_SPECIFIER") || hasCode(error, "ERR_PACKAGE_PATH_NOT_EXPORTED"))
      throw new AshlarError(
        "ERR_NOT_FOUND",
        `${from} is neither a file nor a module that can be imported from here. A file is best written as ./${from}.`,
      );
    throw explained(error, from);
  } finally {
    hooks.deregister();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === code;
}

const TSX = 'install tsx and run NODE_OPTIONS="--import tsx" ashlar register again';
const STRIP = 'Node runs TypeScript by taking the types out; "erasableSyntaxOnly": true in tsconfig.json finds what that cannot do';

/** The error of an import as a sentence that says what to do. */
function explained(error: unknown, from: string): unknown {
  if (isAshlarError(error)) return error;
  const place = placeOf(error) ?? from;
  const refuse = (reason: string) => new AshlarError("ERR_DEFINITION", `${from} cannot be imported. ${reason}`, {}, { cause: error });
  if (!(error instanceof Error)) return refuse("It threw something that is no error.");
  switch ((error as NodeJS.ErrnoException).code) {
    case "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX":
      return refuse(`${place}: an enum, a namespace, a parameter property or a cast written <T>x. ${STRIP}. Or ${TSX}.`);
    case "ERR_INVALID_TYPESCRIPT_SYNTAX":
      return refuse(`${place}: this is no TypeScript that can be parsed.`);
    case "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING":
      return refuse("Node takes types out of files of your own only, not of those in node_modules: that package has to bring JavaScript.");
    case "ERR_MODULE_NOT_FOUND":
      return refuse(missing(error as Error & { url?: string }));
    case "ERR_UNKNOWN_FILE_EXTENSION":
    case "ERR_IMPORT_ATTRIBUTE_MISSING":
      return refuse("It is no module: block classes are exported by a .ts or .js file.");
  }
  if (error instanceof SyntaxError) return refuse(syntax(error, from));
  return refuse(`It throws at ${place} (${error.name}); --stack shows it.`);
}

/** Names what a module imports and is not there; file names and package names only. */
function missing(error: Error & { url?: string }): string {
  const importer = / imported from (.*)$/.exec(error.message)?.[1];
  const by = importer === undefined ? "" : ` (in ${shown(importer)})`;
  const file = error.url === undefined ? undefined : fileURLToPath(error.url);
  if (file === undefined) {
    const name = /^Cannot find package '([^']+)'/.exec(error.message)?.[1];
    return name === undefined
      ? "Something that it imports is not there."
      : `The package ${name} is not installed${by}: npm install ${name}`;
  }
  const written = [file.replace(/\.([cm]?)jsx?$/, ".$1ts"), `${file}.ts`, `${file}.mts`, `${file}.js`, join(file, "index.ts")];
  const there = written.find((candidate) => candidate !== file && existsSync(candidate));
  if (there === undefined) return `${shown(file)} is not there${by}.`;
  return `It imports ${shown(file)}${by}, and the file is ${shown(there)}: Node wants the whole name with its extension, as in import "./blocks.ts".`;
}

/** What Node refuses when it has taken the types out. */
function syntax(error: SyntaxError, from: string): string {
  const name = /does not provide an export named '([^']+)'/.exec(error.message)?.[1];
  if (name !== undefined)
    return `${placeOf(error) ?? from}: ${name} is imported and not exported there. If it is a type, write import type { ${name} }; "verbatimModuleSyntax": true in tsconfig.json finds these.`;
  // Where it stands is not told. But what is no token for JavaScript and was one for TypeScript is nearly always a decorator's @.
  if (/Invalid or unexpected token/.test(error.message))
    return `It has a decorator, or imports a module with one, which Node cannot run: declare fields with Block.define, or ${TSX}.`;
  const manifest = commonJsManifest(from);
  if (manifest !== undefined)
    return `${shown(manifest)} says "type": "commonjs", so Node takes it for no ES module: npm pkg set type=module, or name the file ${from.replace(/\.([jt]s)$/, ".m$1")}.`;
  return `It has a syntax error, or imports a module with one: "node ${from}" shows where.`;
}

/** The package.json that makes a `.ts` or `.js` file a CommonJS module, as `npm init` writes it; undefined when none does. */
function commonJsManifest(from: string): string | undefined {
  if (!/\.[jt]s$/.test(from)) return undefined;
  const manifest = findPackageJSON(pathToFileURL(resolve(from)));
  if (manifest === undefined) return undefined;
  const { type } = JSON.parse(readFileSync(manifest, "utf8")) as { type?: unknown };
  return type === "commonjs" ? manifest : undefined;
}

/** `blocks.ts:12`, from the head of a syntax error or the first line of a stack that is in a file of the user's. */
function placeOf(error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const head = /^(file:\/\/\S+|\/.*):(\d+)$/m.exec(stack.split("\n", 1)[0] ?? "");
  const frame = /^\s+at .*?\(?(file:\/\/[^\s)]+):(\d+):\d+\)?$/m.exec(stack);
  const [, file, line] = head ?? frame ?? [];
  return file === undefined ? undefined : `${shown(file)}:${line}`;
}

function shown(file: string): string {
  const path = file.startsWith("file:") ? fileURLToPath(file) : file;
  const near = relative(process.cwd(), path);
  return near.startsWith("..") ? path : near;
}

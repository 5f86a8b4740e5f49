/** Generated modules in a folder of their own, as a program would have them: what tsc, Biome and Node say of them. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type GeneratedClass, generateBlocks, type TypeSource } from "../src/generate.ts";
import { type Json, parseLossless } from "../src/json.ts";
import type { Case, Outcome } from "./generate-load.ts";
import { temporaryFolder } from "./temporary.ts";

const REPOSITORY = fileURLToPath(new URL("..", import.meta.url));
const bin = (name: string) => join(REPOSITORY, "node_modules/.bin", name);

/** A schema of the fixtures that stands beside its checksum. */
interface Known {
  readonly checksum: string;
  readonly version?: string;
  readonly capabilities?: readonly string[];
  readonly name?: string;
  readonly block_type?: Readonly<Record<"name" | "slug" | "logo_url" | "documentation_url" | "description", string | null | undefined>>;
  readonly fields: { readonly title: string; readonly block_type_slug: string };
}

/** Every block schema of a fixture file. */
export function knownSchemas(file: string): Known[] {
  const found: Known[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const known = value as Partial<Known>;
    if (typeof known.checksum === "string" && known.fields?.block_type_slug !== undefined) found.push(known as Known);
    for (const item of Object.values(value)) walk(item);
  };
  walk(parseLossless(readFileSync(`test/fixtures/${file}`, "utf8")));
  return found;
}

/** What the generator takes, of a schema of the fixtures. */
export function sourceOf({ checksum, fields, version = "non-versioned", capabilities = [], name, block_type: type }: Known): TypeSource {
  const { block_type_slug: slug, title } = fields;
  const about = {
    description: type?.description ?? null,
    logoUrl: type?.logo_url ?? null,
    documentationUrl: type?.documentation_url ?? null,
  };
  return {
    type: { slug, name: type?.name ?? name ?? title, ...about },
    schema: { checksum, fields: JSON.stringify(fields), version, capabilities },
  };
}

/** A generated module on its way: what it was made of, and what it says of itself. */
export interface Module extends Case {
  readonly text: string;
  readonly classes: readonly GeneratedClass[];
}

/** Generates a module of one type and what this nests, with documents of that type. */
export function moduleOf(file: string, source: TypeSource, documents: readonly Json[] = []): Module {
  const { type, schema } = source;
  return { file: `${file}.ts`, type: type.slug, fields: schema.fields, documents, ...generateBlocks([source]) };
}

/** What was found out about modules. */
export interface Findings {
  /** What the compiler says under this repository's settings; empty when nothing is wrong. */
  readonly types: string;
  /** What Biome would change or complains about, under this repository's settings; empty when nothing is wrong. */
  readonly style: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

/** Writes the modules into a folder and asks all three, at the same time. */
export async function examine(modules: readonly Module[]): Promise<Findings> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(REPOSITORY, join(folder, "node_modules/ashlar"));
  symlinkSync(join(REPOSITORY, "node_modules/zod"), join(folder, "node_modules/zod"));
  for (const { file, text } of modules) writeFileSync(join(folder, file), text);
  const compilerOptions = { typeRoots: [join(REPOSITORY, "node_modules/@types")] };
  const { vcs: _vcs, files: _files, ...biome } = JSON.parse(readFileSync("biome.json", "utf8")) as Record<string, unknown>;
  for (const [name, content] of Object.entries({
    "package.json": { type: "module" },
    "tsconfig.json": { extends: join(REPOSITORY, "tsconfig.json"), compilerOptions, include: ["*.ts"] },
    "biome.json": { ...biome, $schema: undefined, files: {} },
    "cases.json": modules.map(({ file, type, fields, documents }) => ({ file, type, fields, documents })),
  }))
    writeFileSync(join(folder, name), JSON.stringify(content));
  const [types, style, loaded] = await Promise.all([
    run(bin("tsc"), ["-p", folder, "--pretty", "false"], folder),
    run(bin("biome"), ["check", "--error-on-warnings", "--max-diagnostics=20", "--colors=off", ...modules.map(({ file }) => file)], folder),
    run(bin("node"), [fileURLToPath(new URL("generate-load.ts", import.meta.url)), folder], folder),
  ]);
  if (loaded.code !== 0) throw new Error(loaded.stderr);
  const outcomes = JSON.parse(loaded.stdout) as Outcome[];
  return {
    types: types.stdout,
    style: style.code === 0 ? "" : style.stdout + style.stderr,
    outcomes: new Map(outcomes.map((outcome, index) => [(modules[index] as Module).file, outcome])),
  };
}

function run(file: string, args: readonly string[], cwd: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; stdout: string; stderr: string }>();
  execFile(file, args, { cwd, maxBuffer: 2 ** 28 }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : 1, stdout, stderr }));
  return promise;
}

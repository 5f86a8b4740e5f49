#!/usr/bin/env node
/**
 * Makes `dist/`, the folder that is packed and published: `npm run build`, then `npm pack ./dist`. `node scripts/build.ts FOLDER` makes another one.
 *
 * The package.json of the repository exports the TypeScript sources: `ashlar` resolves to them by self-reference in blocks, examples and tests,
 * with no build step and no export condition of our own. Node strips no types below node_modules, so what is published is compiled, and has a
 * package.json of its own with the same entries.
 *
 * tsc checks and writes the types. esbuild writes one file for each entry, and files that entries share: Node needs a good part of a millisecond
 * for each file that it imports, and to load a block takes forty of ours. Nothing is minified, so that stacks are to be read.
 * @module
 */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

const root = join(import.meta.dirname, "..");
const dist = resolve(process.argv[2] ?? join(root, "dist"));

/** What package.json of the repository holds, as far as it goes into the published one. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly keywords: readonly string[];
  readonly engines: object;
  readonly bin: Readonly<Record<string, string>>;
  /** `null` closes an entry that a wildcard would open. */
  readonly exports: Readonly<Record<string, string | null>>;
  readonly dependencies: object;
  readonly peerDependencies: object;
  readonly peerDependenciesMeta: object;
}

function compiled(source: string): string {
  return source.replace(/\.ts$/, ".js");
}

function published(source: Manifest): object {
  const { name, version, description, license, keywords, engines, dependencies, peerDependencies, peerDependenciesMeta } = source;
  const bin = Object.fromEntries(Object.entries(source.bin).map(([command, path]) => [command, compiled(path)]));
  const exports = Object.fromEntries(
    Object.entries(source.exports).map(([entry, path]) =>
      path?.endsWith(".ts") ? [entry, { types: path.replace(/\.ts$/, ".d.ts"), default: compiled(path) }] : [entry, path],
    ),
  );
  const files = ["src", "blocks", "CHANGELOG.md"];
  const about = { name, version, description, keywords, license, type: "module" };
  return { ...about, engines, bin, exports, files, dependencies, peerDependencies, peerDependenciesMeta };
}

/** The sources of all that can be imported or run. */
function entryPoints({ exports, bin }: Manifest): string[] {
  const imported = Object.entries(exports).flatMap(([entry, source]) => {
    const sources = source?.endsWith(".ts") ? globSync(source, { cwd: root }) : [];
    return sources.filter((path) => exports[entry.replace("*", basename(path, ".ts"))] !== null);
  });
  return [...imported, ...Object.values(bin)];
}

/** What it takes to load a block from SQLite. */
const LOADING = ["index", "stores/open", "backends/sqlite"].map((name) => join(root, `src/${name}.ts`));

/**
 * Puts that into one file: esbuild keeps together what is never needed apart, so whoever needs a part of it is made to import it all. But not the
 * command line, which begins without zod.
 */
const together: Plugin = {
  name: "together",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      if (!/^src\/(index\.ts|(?!cli\/)[^/]+\/)/.test(relative(root, path))) return undefined;
      const all = LOADING.filter((each) => each !== path).map((each) => `import ${JSON.stringify(each)};\n`);
      return { contents: all.join("") + readFileSync(path, "utf8"), loader: "ts" };
    });
  },
};

/** Where a class speaks of itself, esbuild writes `var Secret = class _Secret`: then that would be its name, in stacks and wherever it is shown. */
function withClassNames(code: string): string {
  const names = [...code.matchAll(/^var (\w+) = class _\1\b/gm)].map((match) => match[1]);
  return names.reduce<string>((text, name) => text.replaceAll(new RegExp(`\\b_${name}\\b`, "g"), `${name}`), code);
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
rmSync(dist, { recursive: true, force: true });
const types = ["-p", "tsconfig.build.json", "--outDir", dist];
const { status } = spawnSync(join(root, "node_modules/.bin/tsc"), types, { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(1);
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: entryPoints(manifest),
  outdir: dist,
  outbase: root,
  chunkNames: "src/shared-[hash]",
  bundle: true,
  splitting: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node24",
  plugins: [together],
  write: false,
});
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, withClassNames(text));
}
writeFileSync(join(dist, "package.json"), `${JSON.stringify(published(manifest), null, 2)}\n`);
for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) copyFileSync(join(root, file), join(dist, file));
for (const path of Object.values(manifest.bin)) chmodSync(join(dist, compiled(path)), 0o755);

#!/usr/bin/env node
/**
 * Makes `dist/`, the folder that is packed and published: `npm run build`, then `npm pack ./dist`.
 *
 * The package.json of the repository exports the TypeScript sources: `ashlar` resolves to them by self-reference in blocks, examples and tests,
 * with no build step and no export condition of our own. Node strips no types below node_modules, so what is published is compiled, and has a
 * package.json of its own with the same entries.
 * @module
 */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

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

/** tsc wraps an import whose name is made at run time into a function that renames `.ts`; bundlers follow only a plain pattern of names. */
function plainImports(file: string): void {
  const source = readFileSync(file, "utf8");
  const helper = /^var __rewriteRelativeImportExtension = [\s\S]*?^};\n/m;
  const plain = source.replace(helper, "").replace(/__rewriteRelativeImportExtension\((`[^`]*)\.ts`\)/g, "$1.js`");
  if (plain.includes("__rewriteRelativeImportExtension")) throw new Error(`${file}: an import that is not understood`);
  writeFileSync(file, plain);
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(1);
plainImports(join(dist, "src/stores/open.js"));
writeFileSync(join(dist, "package.json"), `${JSON.stringify(published(manifest), null, 2)}\n`);
for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) copyFileSync(join(root, file), join(dist, file));
for (const path of Object.values(manifest.bin)) chmodSync(join(dist, compiled(path)), 0o755);

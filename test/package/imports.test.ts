/** Who imports whom: read from the sources as esbuild sees them (types gone), and seen once more in a running process. */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { beforeAll, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

interface Import {
  readonly to: string;
  /** By `import()` inside a function. */
  readonly lazy: boolean;
}
/** By file, relative to the repository; what is outside has its own name. */
const graph = new Map<string, readonly Import[]>();

beforeAll(async () => {
  const entryPoints = globSync("{src,blocks}/**/*.ts", { cwd: root });
  const result = await build({
    ...{ absWorkingDir: root, entryPoints, bundle: true, packages: "external", platform: "node", format: "esm", target: "node24" },
    ...{ metafile: true, write: false, outdir: "out", logLevel: "silent" },
  });
  for (const [file, { imports }] of Object.entries(result.metafile.inputs))
    graph.set(
      file,
      imports.flatMap(({ path, kind }) =>
        // An import whose name is made at run time: esbuild shows it as a pattern, of what it may be.
        path.includes("*")
          ? globSync(join(dirname(file), path), { cwd: root }).map((to) => ({ to, lazy: true }))
          : [{ to: path, lazy: kind === "dynamic-import" }],
      ),
    );
});

/** All that a file reaches, itself included; with `lazy`, also by what its functions import. */
function reached(from: string, lazy: boolean, found = new Set<string>()): Set<string> {
  if (found.has(from)) return found;
  found.add(from);
  for (const each of graph.get(from) ?? []) if (lazy || !each.lazy) reached(each.to, lazy, found);
  return found;
}

/** Packages and built-in modules: all that is not a file of ours. */
function outside(files: Iterable<string>): string[] {
  return [...files].filter((file) => !graph.has(file)).sort();
}

const edges = () => [...graph].flatMap(([from, imports]) => imports.map((each) => ({ from, ...each })));

it("sees the sources", () => {
  expect(graph.size).toBeGreaterThan(20);
  expect(reached("src/index.ts", true)).toContain("src/vaults/sodium.ts");
});

it("importing ashlar reaches zod and nothing else from outside", () => {
  const needed = outside(reached("src/index.ts", false));
  expect(needed.filter((name) => !name.startsWith("node:"))).toEqual(["zod"]);
  expect(needed).not.toContain("node:sqlite");
});

it("what is slow to load or may be missing is imported inside functions", () => {
  const heavy = /^(node:sqlite|libsodium|commander|yaml|@azure\/|@aws-sdk\/|@slack\/|pg$)/;
  const core = reached("src/index.ts", true);
  const eager = edges().filter(({ from, to, lazy }) => !lazy && heavy.test(to) && (core.has(from) || from.startsWith("blocks/")));
  expect(eager).toEqual([]);
  const azure = ["@azure/identity", "@azure/keyvault-secrets", "@azure/storage-blob"];
  expect([...core].filter((name) => heavy.test(name)).sort()).toEqual([...azure, "libsodium-wrappers", "node:sqlite", "pg"]);
});

it("never imports in a circle", () => {
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[], done: Set<string>): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file)) return;
    done.add(file);
    for (const { to } of graph.get(file) ?? []) visit(to, [...path, file], done);
  };
  const done = new Set<string>();
  for (const file of graph.keys()) visit(file, [], done);
  expect(circles).toEqual([]);
});

it("nothing imports the command line or the server but themselves and the command line", () => {
  const into = (folder: string, allowed: RegExp) =>
    edges().filter(({ from, to }) => to.startsWith(folder) && !from.startsWith(folder) && !allowed.test(from));
  expect(into("src/cli/", /^$/)).toEqual([]);
  expect(into("src/server/", /^src\/cli\//)).toEqual([]);
});

it("blocks import public entries, zod and optional peers only, types included", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { peerDependencies: Record<string, string> };
  const files = globSync("blocks/**/*.ts", { cwd: root });
  const foreign = files.flatMap((file) => {
    const code = readFileSync(join(root, file), "utf8").replaceAll(/^\s*(\/?\*|\/\/).*$/gm, "");
    const statement = /^(?:import|export)\s(?:[^;"=(]*\sfrom\s)?"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
    const names = [...code.matchAll(statement)].map((match) => match[1] ?? match[2] ?? "");
    const allowed = /^(ashlar(\/|$)|node:)/;
    return names.filter((name) => !allowed.test(name) && !(name in manifest.peerDependencies)).map((name) => `${file}: ${name}`);
  });
  expect(files.length).toBeGreaterThan(0);
  expect(foreign).toEqual([]);
});

it("a running process agrees", () => {
  const program = `
    import { registerHooks } from "node:module";
    const seen = new Set();
    registerHooks({ resolve(name, context, next) { const found = next(name, context); seen.add(found.url); return found; } });
    await import("ashlar");
    console.log(JSON.stringify([...seen]));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: root, encoding: "utf8" });
  const urls = JSON.parse(output) as string[];
  const packages = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  expect([...new Set(packages)]).toEqual(["zod"]);
  const builtins = urls.filter((url) => url.startsWith("node:")).sort();
  const predicted = outside(reached("src/index.ts", false)).filter((name) => name.startsWith("node:"));
  expect(builtins).toEqual(predicted);
});

/** The worked example of CONTRIBUTING.md: its two files, put into a copy of the sources, are a backend that passes the suite and opens by URL. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

const run = promisify(execFile);
const files = [...readFileSync("CONTRIBUTING.md", "utf8").matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)].map(
  ([, path = "", text = ""]) => ({ path, text }),
);
let root: string;

beforeAll(() => {
  mkdirSync(".cache", { recursive: true });
  root = mkdtempSync(join(process.cwd(), ".cache", "contributing-"));
  for (const each of ["src", "blocks", "test/temporary.ts", "package.json", "tsconfig.json", "vitest.config.ts", "biome.json"])
    cpSync(each, join(root, each), { recursive: true });
  symlinkSync(join(process.cwd(), "node_modules"), join(root, "node_modules"));
  for (const { path, text } of files) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const node = (...args: string[]) =>
  run(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ASHLAR_KEY_FILE: join(root, "config/keys"), NO_COLOR: "1" },
  });

it("is one source file of at most 250 lines and one test file of at most 30", () => {
  const lines = files.map(({ path, text }) => [path, text.split("\n").length] as const);
  expect(lines.map(([path]) => path)).toEqual(["src/backends/one-file.ts", "test/backends/one-file.test.ts"]);
  expect(lines[0]?.[1]).toBeLessThanOrEqual(250);
  expect(lines[1]?.[1]).toBeLessThanOrEqual(30);
});

it("type-checks, is formatted, and passes the suite", async () => {
  await node(join("node_modules", "typescript", "bin", "tsc"));
  await node(
    join("node_modules", "@biomejs", "biome", "bin", "biome"),
    "check",
    "--error-on-warnings",
    "--vcs-enabled=false",
    ...files.map(({ path }) => path),
  );
  await node(join("node_modules", "vitest", "vitest.mjs"), "run", "--reporter=json", "--outputFile=report.json");
  const report = JSON.parse(readFileSync(join(root, "report.json"), "utf8")) as { numPassedTests: number; numTotalTests: number };
  expect(report.numPassedTests).toBeGreaterThanOrEqual(30);
  expect(report.numTotalTests).toBe(report.numPassedTests);
}, 120_000);

it("is opened by its URL on the command line", async () => {
  const store = `one-file:${join(root, "data", "blocks.json")}`;
  mkdirSync(join(root, "data"));
  await node("src/cli/bin.ts", "init", "--store", store);
  await node("src/cli/bin.ts", "register", "ashlar/blocks/secret", "--store", store);
  expect((await node("src/cli/bin.ts", "type", "ls", "--store", store)).stdout).toContain("secret");
  expect((await node("src/cli/bin.ts", "doctor", "--store", store)).stdout).toMatch(/ok +records/);
});

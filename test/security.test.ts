/** SECURITY.md: every promise names the tests that prove it, and they exist. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "./temporary.ts";

const SEPARATOR = " › ";
const security = readFileSync("SECURITY.md", "utf8");

interface Promised {
  readonly sentence: string;
  readonly tests: readonly string[];
}

/** The promises of a text: each top-level item of the list below "What we promise", with the tests that stand below it. */
function promises(text: string): Promised[] {
  const section = /^## What we promise$([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(text)?.[1] ?? "";
  return section
    .split(/^- /m)
    .slice(1)
    .map((item) => {
      const [sentence = "", ...rest] = item.split(/^ {2}- /m);
      return { sentence: sentence.trim(), tests: rest.map((each) => /^`(.+)`$/m.exec(each)?.[1] ?? each.trim()) };
    });
}

/** What is wrong with some promises, given the full names of all tests. */
function faults(promised: readonly Promised[], known: ReadonlySet<string>): string[] {
  return promised.flatMap(({ sentence, tests }) => [
    ...(tests.length === 0 ? [`names no test: ${sentence}`] : []),
    ...tests.filter((test) => !known.has(test)).map((test) => `does not exist: ${test}`),
  ]);
}

/** Full names of all tests of some files, and of the groups that they are in, as vitest itself finds them. */
async function collected(files: readonly string[]): Promise<ReadonlySet<string>> {
  const folder = temporaryFolder();
  const list = join(folder, "list.json");
  const env = { ...process.env, TMPDIR: folder }; // test files make their folders when they are read
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  await promisify(execFile)(process.execPath, [vitest, "list", ...files, "--no-static-parse", `--json=${list}`], { env });
  const tests = JSON.parse(readFileSync(list, "utf8")) as { name: string; file: string }[];
  const names = tests.flatMap(({ name, file }) => {
    const parts = name.split(" > ");
    return parts.map((_, index) => [relative(process.cwd(), file), ...parts.slice(0, index + 1)].join(SEPARATOR));
  });
  return new Set(names);
}

describe("SECURITY.md", () => {
  const promised = promises(security);
  let known: ReadonlySet<string>;
  beforeAll(async () => {
    const files = promised.flatMap(({ tests }) => tests.map((test) => test.split(SEPARATOR)[0] as string));
    known = await collected([...new Set(files)]);
  }, 60_000);

  it("promises something, and every promise names tests that exist", () => {
    expect(promised.length).toBeGreaterThan(20);
    expect(faults(promised, known)).toEqual([]);
  });

  it("names tests nowhere but below a promise, and each as code", () => {
    const below = promised.flatMap(({ tests }) => tests);
    expect([...security.matchAll(/`(test\/[^`]* › [^`]*)`/g)].map(([, test]) => test)).toEqual(below);
  });

  it("is refused with a promise without a test, and with a test that is renamed", () => {
    const [first] = promised;
    const test = first?.tests[0] as string;
    const without = security.replace(/^- \*\*/m, "- **Everything is safe.**\n- **");
    expect(faults(promises(without), known)).toEqual(["names no test: **Everything is safe.**"]);
    expect(faults(promises(security.replace(test, `${test}x`)), known)).toEqual([`does not exist: ${test}x`]);
    const file = test.split(SEPARATOR)[0] as string;
    expect(faults(promises(security.replace(test, file)), known)).toEqual([`does not exist: ${file}`]);
  });

  it("says what is out of scope", () => {
    const rest = security.split("## What we do not promise")[1] ?? "";
    for (const what of ["memory", "debugger", "heap snapshots", "core dumps", "older version", "taken away", "reveal()", "all keys"])
      expect(rest).toContain(what);
  });
});

/** SECURITY.md and docs/stores.md: every promise and claim names the tests that prove it. All tests that they and the other pages name exist. */
import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "./temporary.ts";

const SEPARATOR = " › ";
const security = readFileSync("SECURITY.md", "utf8");
const stores = readFileSync("docs/stores.md", "utf8");
/** All pages in docs. */
const pages = globSync("docs/*.md")
  .map((page) => readFileSync(page, "utf8"))
  .join("\n");

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

/** The claims of a page: each item that begins in bold letters, with the tests that stand below it. */
function claims(text: string): Promised[] {
  const items = [...text.matchAll(/^- (\*\*.*(?:\n {2}(?!- ).*)*)((?:\n {2}- .*)*)/gm)];
  return items.map(([, sentence = "", below = ""]) => ({ sentence, tests: namedIn(below) }));
}

/** The tests that a text names anywhere. */
function namedIn(text: string): string[] {
  return [...text.matchAll(/`(test\/[^`]* › [^`]*)`/g)].map(([, test]) => test as string);
}

/** What is wrong with some promises, given the full names of all tests. */
function faults(promised: readonly Promised[], known: ReadonlySet<string>): string[] {
  return promised.flatMap(({ sentence, tests }) => [
    ...(tests.length === 0 ? [`names no test: ${sentence}`] : []),
    ...tests.filter((test) => !known.has(test)).map((test) => `does not exist: ${test}`),
  ]);
}

const INTEROP = "test/interop/";

/** Whether a test of the interop suites is there: they start servers when they are read, so that its file's text has to do. */
function standsInFile(test: string): boolean {
  const [file = "", ...parts] = test.split(SEPARATOR);
  return existsSync(file) && parts.every((part) => readFileSync(file, "utf8").includes(part));
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

const promised = promises(security);
let known: ReadonlySet<string>;
beforeAll(async () => {
  const tests = [...promised.flatMap((each) => each.tests), ...namedIn(pages)];
  const [interop, plain] = [tests.filter((test) => test.startsWith(INTEROP)), tests.filter((test) => !test.startsWith(INTEROP))];
  known = new Set([
    ...(await collected([...new Set(plain.map((test) => test.split(SEPARATOR)[0] as string))])),
    ...interop.filter(standsInFile),
  ]);
}, 240_000);

describe("docs", () => {
  it("name tests that exist", () => {
    const named = namedIn(pages);
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((test) => !known.has(test))).toEqual([]);
  });

  it("stores.md names a test below each claim", () => {
    expect(claims(stores).length).toBeGreaterThan(25);
    expect(faults(claims(stores), known)).toEqual([]);
    const [first = ""] = namedIn(stores);
    expect(faults(claims(stores.replace(`  - \`${first}\`\n`, "")), known)).toEqual([expect.stringMatching(/^names no test: /)]);
  });
});

describe("SECURITY.md", () => {
  it("promises something, and every promise names tests that exist", () => {
    expect(promised.length).toBeGreaterThan(20);
    expect(faults(promised, known)).toEqual([]);
  });

  it("names tests nowhere but below a promise, and each as code", () => {
    const below = promised.flatMap(({ tests }) => tests);
    expect(namedIn(security)).toEqual(below);
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

/** The programs of README.md, run in the order in which they stand, in one folder and one store; `// =>` is what a line prints. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

interface Fence {
  readonly file: string;
  readonly text: string;
}
const readme = readFileSync("README.md", "utf8");
const fences: Fence[] = [...readme.matchAll(/```(?:ts|yaml)\n(?:\/\/|#) ([\w.-]+)[^\n]*\n([\s\S]*?)```/g)].map(
  ([, file = "", text = ""]) => ({ file, text }),
);
const programs = fences.filter(({ text }) => text.includes("// =>"));

// Inside the project, so that `ashlar` means these sources.
mkdirSync(".cache", { recursive: true });
const folder = mkdtempSync(join(process.cwd(), ".cache", "readme-"));
const environment = {
  ...process.env,
  ASHLAR_STORE: `sqlite:${join(folder, "data", "ashlar.db")}`,
  ASHLAR_KEY_FILE: join(folder, "config", "keys"),
  WAREHOUSE_PASSWORD: "a planted password",
  NO_COLOR: "1",
};
const run = (args: readonly string[], input = "") =>
  execFileSync(process.execPath, args, { cwd: folder, env: environment, encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] });
/** What a reader answers to the questions of `ashlar create`. */
const ANSWERS = JSON.stringify({ host: "db.local", password: { env: "WAREHOUSE_PASSWORD" } });
const cli = join(process.cwd(), "src/cli/bin.ts");

beforeAll(() => {
  for (const { file, text } of fences) writeFileSync(join(folder, file), text);
  // Its commands, but for the installation.
  for (const [, command = ""] of readme.matchAll(/^npx ashlar ([^#\n]*)/gm)) run([cli, ...command.trim().split(/\s+/)], ANSWERS);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("has a program on its first screen, and finds all programs", () => {
  expect(readme.split("\n").findIndex((line) => line.startsWith("```ts"))).toBeLessThan(10);
  expect(programs.map(({ file }) => file)).toEqual(["flow.ts", "pipeline.ts", "saving.ts", "own-store.ts", "secrets.ts"]);
});

it.each(programs)("$file prints what it says", ({ file, text }) => {
  const expected = [...text.matchAll(/\/\/ => (.*)/g)].map(([, line]) => line);
  const output = run([file]);
  expect(output.trimEnd().split("\n")).toEqual(expected);
  expect(output).not.toContain("planted");
});

/** Registering modules: what may be named, what may be exported, and Node's refusals as one useful sentence each. */
import { beforeAll, describe, expect, it } from "vitest";
import { Workplace } from "./workplace.ts";

const place = new Workplace();
const HEAD = 'import { Block, secret } from "ashlar"; import { z } from "zod";\n';
const GOOD = (name: string) => `export class ${name} extends Block.define({ name: "${name}", fields: { a: z.string() } }) {}\n`;

async function refused(command: string): Promise<string> {
  const { code, stdout, stderr } = await place.run(command);
  expect(stdout).toBe("");
  return `${code} ${place
    .steady(stderr)
    .replace(/^error: /, "")
    .trimEnd()}`;
}

beforeAll(() => place.run("init"));

describe("what can be registered", () => {
  it("a file: classes of its own, re-exported, default, each once, and what they nest", async () => {
    place.write("lib/inner.ts", `${HEAD}${GOOD("Inner")}`);
    place.write(
      "all.ts",
      `${HEAD}import { Inner } from "./lib/inner.ts"; export { Inner, Inner as Again } from "./lib/inner.ts";
       class Hidden extends Block.define({ name: "Hidden", fields: {} }) {}
       export default class Outer extends Block.define({ name: "Outer", fields: { inner: Inner, hidden: Hidden } }) {}
       export const notABlock = class {}; export const nothing = null;
       console.log("printed while imported");`,
    );
    const { stdout, stderr, code } = await place.run("register all.ts --json");
    expect(code).toBe(0);
    const registered = { change: "created", newSchema: true, checksum: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) };
    expect(JSON.parse(stdout)).toEqual({ types: ["inner", "hidden", "outer"].map((type) => ({ type, ...registered })) });
    expect(stderr).toBe("printed while imported\n");
  });

  it("a package, as the working directory sees it, also by its import condition only", async () => {
    place.write(
      "node_modules/my-blocks/package.json",
      JSON.stringify({ name: "my-blocks", type: "module", exports: { "./b": { import: "./b.js" } } }),
    );
    place.write("node_modules/my-blocks/b.js", `${HEAD}${GOOD("Packed")}`);
    expect((await place.json("register my-blocks/b")).types).toMatchObject([{ type: "packed", change: "created" }]);
    expect((await place.json("register ashlar/blocks/azure")).types).toMatchObject([{ type: "azure", change: "created" }]);
    expect(await refused("register my-blocks/c")).toBe(
      "66 my-blocks/c is neither a file nor a module that can be imported from here. A file is best written as ./my-blocks/c.",
    );
  });

  it("changed metadata only with --update; a changed schema is a new one", async () => {
    const file = (text: string, more = "") =>
      place.write("meta.ts", `${HEAD}export class M extends Block.define({ name: "M", codeExample: "${text}", fields: { ${more} } }) {}`);
    const states = async (command: string) => (await place.run(command)).stdout.split("\n")[1]?.replace(/ +sha256.*/, "");
    file("one");
    expect(await states("register meta.ts")).toBe("m     created");
    file("two");
    expect(await states("register meta.ts")).toBe("m     unchanged");
    expect(await states("register meta.ts --update")).toBe("m     updated");
    file("two", "a: z.string()");
    expect(await states("register meta.ts")).toBe("m     new schema");
  });

  it("a module that keeps a timer does not keep the command", async () => {
    place.write("timer.ts", `${HEAD}${GOOD("Timer")} setInterval(() => {}, 1000);`);
    expect((await place.run("register timer.ts")).code).toBe(0);
  });
});

describe("what cannot", () => {
  it.each([
    [
      "enum.ts",
      `${HEAD}\nenum A { x }\n${GOOD("X")}`,
      /^78 enum\.ts cannot be imported\. enum\.ts:3: an enum, a namespace, .*"erasableSyntaxOnly": true .*NODE_OPTIONS="--import tsx" ashlar register again\.$/,
    ],
    [
      "decorator.ts",
      `${HEAD}@sealed\nexport class A {}`,
      /^78 decorator\.ts cannot be imported\. It has a decorator, or imports a module with one, which Node cannot run: .*NODE_OPTIONS="--import tsx" ashlar register again\.$/,
    ],
    [
      "type.ts",
      `${HEAD}import { T } from "./lib/t.ts";\nexport const a: T = 1;`,
      /^78 type\.ts cannot be imported\. type\.ts:2: T is imported and not exported there\. If it is a type, write import type \{ T \}/,
    ],
    [
      "bare.ts",
      'import "./lib/t";',
      /^78 bare\.ts cannot be imported\. It imports lib\/t \(in bare\.ts\), and the file is lib\/t\.ts: Node wants the whole name/,
    ],
    ["js.ts", 'import "./lib/t.js";', /^78 js\.ts cannot be imported\. It imports lib\/t\.js \(in js\.ts\), and the file is lib\/t\.ts/],
    ["gone.ts", 'import "./lib/gone.ts";', /^78 gone\.ts cannot be imported\. lib\/gone\.ts is not there \(in gone\.ts\)\.$/],
    [
      "package.ts",
      'import "not-installed/x";',
      /^78 package\.ts cannot be imported\. The package not-installed is not installed \(in package\.ts\): npm install not-installed$/,
    ],
    ["stripped.ts", 'import "typed";', /^78 stripped\.ts cannot be imported\. Node takes types out of files of your own only/],
    ["broken.ts", "const = 5", /^78 broken\.ts cannot be imported\. broken\.ts:1: this is no TypeScript that can be parsed\.$/],
    [
      "throws.ts",
      '\nthrow new RangeError("canary-in-a-message")',
      /^78 throws\.ts cannot be imported\. It throws at throws\.ts:2 \(RangeError\); --stack shows it\.$/,
    ],
    ["nothing.ts", "throw undefined", /^78 nothing\.ts cannot be imported\. It threw something that is no error\.$/],
    ["empty.ts", "export const a = 1;", /^78 empty\.ts exports no block class\. Export one: export class X extends Block\.define/],
    ["data.json", "{}", /^78 data\.json cannot be imported\. It is no module: block classes are exported by a \.ts or \.js file\.$/],
    [
      "definition.ts",
      `${HEAD}export class A extends Block.define({ name: "A", fields: { a: z.map(z.string(), z.string()) } }) {}`,
      /^78 The block class "A": the field a cannot be stored: JSON has no maps; use z\.record\(\)\.$/,
    ],
  ])("%s", async (name, text, message) => {
    place.write("lib/t.ts", "export interface T {}");
    place.write("node_modules/typed/package.json", JSON.stringify({ name: "typed", type: "module", exports: "./i.ts" }));
    place.write("node_modules/typed/i.ts", "export const a: number = 1;");
    place.write(name, text);
    expect(await refused(`register ${name}`)).toMatch(message);
  });

  it.each([
    ["exits.ts", "process.exit(0);", "78 It ended before its work was done: a module that was imported ended the process"],
    ["waits.ts", "await new Promise(() => {});", "78 It ended before its work was done"],
    [
      "later.ts",
      'setTimeout(() => { throw new Error("canary-in-a-message"); }); await new Promise((next) => setTimeout(next, 500));',
      "1 Something",
    ],
    ["rejects.ts", 'Promise.reject(new Error("canary-in-a-message")); await new Promise((next) => setTimeout(next, 500));', "1 Something"],
  ])("%s", async (name, text, message) => {
    place.write(name, `${HEAD}${GOOD("Unended")}${text}`);
    expect((await refused(`register ${name}`)).startsWith(message)).toBe(true);
    expect(JSON.parse((await place.run(`register ${name} --json`)).stderr)).toMatchObject({ error: { message: expect.any(String) } });
    expect(JSON.stringify(await place.json("type ls"))).not.toContain("unended");
  });

  it("a class among good ones: none is registered", async () => {
    place.write("half.ts", `${HEAD}${GOOD("Fine")}${GOOD("Zoo")}\nthrow new Error("late");`);
    expect(await refused("register half.ts")).toMatch(/^78 /);
    expect(JSON.stringify(await place.json("type ls"))).not.toMatch(/fine|zoo/);
    expect(place.printed).not.toContain("canary-in-a-message");
  });

  it("an ES module in a folder that npm init made", async () => {
    place.write("old/package.json", '{ "type": "commonjs" }');
    place.write("old/blocks.ts", "export const nothing = 1;");
    expect((await place.run("register old/blocks.ts")).stderr).toContain(
      'error: old/blocks.ts cannot be imported. old/package.json says "type": "commonjs", so Node takes it for no ES module: npm pkg set type=module, or name the file old/blocks.mts.',
    );
  });

  it("a file or folder that is not a module, or not there", async () => {
    expect(await refused("register nowhere.ts")).toBe("66 There is no file nowhere.ts.");
    expect(await refused("register lib")).toBe("78 lib is a folder: name the file that exports the block classes.");
    expect(await refused("register nowhere")).toMatch(/^66 nowhere is neither a file nor a module/);
  });
});

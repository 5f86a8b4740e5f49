/** Files that declare documents: the forms they may have, and what is wrong in them, by line and without quoting them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readFields, readManifests } from "../../src/cli/manifest.ts";
import type { Issue } from "../../src/errors.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const CANARY = "canary-31aa";

async function read(content: string | Uint8Array) {
  const file = join(folder, "file.yaml");
  writeFileSync(file, content);
  const issues: Issue[] = [];
  const entries = readManifests([file], issues);
  return {
    entries: entries.map(({ type, name, data }) => ({ type, name, data })),
    places: entries.map((entry) => entry.place("a[1].b").replace(`${folder}/`, "")),
    issues: issues.map(({ path, message }) => `${path.replace(`${folder}/`, "")}: ${message}`),
  };
}

it("a list, a mapping with documents, one document, a stream of all three, and JSON are the same", async () => {
  const one = { type: "t", name: "n", data: { a: [0, { b: 1 }] } };
  const yaml = "type: t\nname: n\ndata:\n  a:\n  - 0\n  - b: 1\n";
  const item = `- ${yaml.trimEnd().replaceAll("\n", "\n  ")}\n`;
  expect((await read(yaml)).entries).toEqual([one]);
  expect((await read(item)).entries).toEqual([one]);
  expect((await read(`documents:\n${item}`)).entries).toEqual([one]);
  expect((await read(`${yaml}---\n${item}---\ndocuments:\n${item}---\n`)).entries).toEqual([one, one, one]);
  expect((await read(JSON.stringify([one], null, "\t"))).entries).toEqual([one]);
  expect((await read("- &t { type: t, name: n, data: { x: &x 1, y: *x } }")).entries).toEqual([
    { type: "t", name: "n", data: { x: 1, y: 1 } },
  ]);
});

it("a part has the line where it stands, also behind an alias", async () => {
  expect((await read("- type: t\n  name: n\n  data:\n    a:\n      - 0\n      - b: 1\n")).places).toEqual(["file.yaml:6: t/n: a[1].b"]);
  expect((await read("- type: t\n  name: n\n  data:\n    x: &x\n      - 0\n      - b: 1\n    a: *x\n")).places).toEqual([
    "file.yaml:6: t/n: a[1].b",
  ]);
});

it("values are YAML's core schema: no dates, no yes for true, no merge keys", async () => {
  const [entry] = (await read("{ type: t, name: n, data: { a: 2026-01-02, b: yes, c: 0x10, d: ~, '<<': { e: 1 }, __proto__: { f: 1 } } }"))
    .entries;
  expect(entry?.data).toEqual({ a: "2026-01-02", b: "yes", c: 16, d: null, "<<": { e: 1 }, ["__proto__"]: { f: 1 } });
  expect(Object.getPrototypeOf(entry?.data)).toBe(Object.prototype);
});

it.each([
  [`x: 1\n${CANARY}: 1\n${CANARY}: 2`, "file.yaml:3: a key stands here twice"],
  [`a: !${CANARY} x`, "file.yaml:1: tags (!…) are not allowed here"],
  ["a: !!binary aGk=", "file.yaml:1: tags (!…) are not allowed here"],
  [`a: *${CANARY}`, /^file\.yaml:1: has aliases \(\*name\) without an anchor, or too many of them; /],
  ["a: &a [*a]", "file.yaml:1: is nested too deeply"],
  [`- ${"[".repeat(100)}${"]".repeat(100)}`, "file.yaml:1: is nested too deeply"],
  [`a: "${CANARY}`, "file.yaml:1: a quote, bracket or colon is missing"],
  [`\t${CANARY}: x`, "file.yaml:1: YAML is indented with blanks, not with tabs"],
  [`a: ${CANARY}: c`, "file.yaml:1: this is not indented as YAML wants it, or a text with a colon is not in quotes"],
  [`a: [1, ${CANARY}\nb: 2`, "file.yaml:2: this is not indented as YAML wants it, or a bracket is not closed"],
  [`{"a": 1 "b": "${CANARY}"}`, "file.yaml:1: a comma is missing between brackets"],
  [`{"a": "x" "${CANARY}": 1}`, /^file\.yaml:1: something stands here that YAML and JSON do not allow: a comma, /],
  [`a: "C:\\${CANARY}"`, /^file\.yaml:1: a backslash between double quotes begins no escape/],
  [`a: @${CANARY}`, "file.yaml:1: a text that begins with a special character has to be in quotes"],
  ["# nothing", "file.yaml: declares no documents"],
  [`just: ${CANARY}`, "file.yaml:1: is neither a list of documents nor a mapping with a list of them under documents"],
  [`- ${CANARY}`, "file.yaml:1: is no document: it has type, name and data"],
  ["- type: t\n  name: 5", "file.yaml:2: name has to be text: put it in quotes"],
  ["- type: T\n  name: n", "file.yaml:1: type has to be the slug of a block type, such as azurecontainer"],
  [`- type: t\n  name: n\n  data: ${CANARY}`, "file.yaml:3: data has to be a mapping of fields"],
])("refuses %j", async (text, issue) => {
  const { entries, issues } = await read(text);
  expect([entries, issues]).toEqual([[], [typeof issue === "string" ? issue : expect.stringMatching(issue)]]);
  expect(issues[0]).not.toContain(CANARY);
});

it("refuses a second document where the fields of one belong", async () => {
  const issues: Issue[] = [];
  const file = join(folder, "fields.yaml");
  writeFileSync(file, `a: 1\n---\nb: ${CANARY}\n`);
  await readFields(file, { type: "t", name: "n" }, issues);
  expect(issues.map(({ message }) => message)).toEqual(["a second YAML document begins here, and one belongs in this file"]);
});

it("refuses an alias bomb, and text nested thousandfold, at once", async () => {
  const bomb = ["a0: &a0 [x]", ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`)].join("\n");
  expect((await read(bomb)).issues).toEqual([expect.stringMatching(/^file\.yaml:1: has aliases .* or too many of them/)]);
  expect((await read("[".repeat(20_000))).issues).toHaveLength(1);
});

it("refuses a file that is not there, too large, or no text", async () => {
  await expect(read(new Uint8Array([0xff, 0xfe, 0]))).rejects.toMatchObject({
    code: "ERR_INVALID",
    message: expect.stringMatching(/is no UTF-8 text\.$/),
  });
  await expect(read("x".repeat(16 * 1024 * 1024 + 1))).rejects.toMatchObject({
    code: "ERR_LIMIT",
    message: expect.stringMatching(/is larger than 16777216 bytes\.$/),
  });
  await expect(readFields(join(folder, "file.yaml"), { type: "t", name: "n" }, [])).rejects.toMatchObject({
    code: "ERR_LIMIT",
    message: expect.stringMatching(/is larger than 1048576 bytes\.$/),
  });
  const refusal = (file: string) => expect.objectContaining({ code: file === folder ? "ERR_INVALID" : "ERR_NOT_FOUND" });
  for (const file of [folder, join(folder, "none")]) expect(() => readManifests([file], [])).toThrow(refusal(file));
  expect(() => readManifests([folder], [])).toThrow(/is a folder, not a file\.$/);
});

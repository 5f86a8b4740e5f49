/** The shipped blocks and the Python classes that they are held against, as the installed packages have them now. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { AnyBlock, AnyBlockClass, Json, JsonObject } from "ashlar";
import { beforeAll, expect, it } from "vitest";
import { DEFINITION } from "../../src/definition.ts";
import { fromDocuments, toDraft } from "../../src/document.ts";
import { samples } from "../blocks/samples.ts";
import { python } from "./python.ts";

const here = (file: string) => join(import.meta.dirname, file);
let interpreter: string;
beforeAll(async () => {
  interpreter = await python();
});

/** What a Python program of this folder prints. */
async function printed(program: string, input = ""): Promise<string> {
  const options = { env: { ...process.env, PYTHONUTF8: "1", PYTHONDONTWRITEBYTECODE: "1" }, maxBuffer: 2 ** 26 };
  const running = promisify(execFile)(interpreter, [here(program)], options);
  running.child.stdin?.end(input);
  return (await running).stdout;
}

it("the fixture says what the installed packages make of their classes", async () => {
  expect(await printed("installed_blocks.py")).toBe(readFileSync(here("../fixtures/installed-blocks.json"), "utf8"));
});

/** The content of a document, secrets in clear, as Prefect's API carries it. */
function plainData(block: AnyBlock): JsonObject {
  const { data, secrets } = toDraft(block, "sample");
  const plain = structuredClone(data) as Record<string, Json>;
  for (const [pointer, secret] of Object.entries(secrets)) {
    const keys = pointer.slice(1).split("/");
    const last = keys.pop() as string;
    (keys.reduce((at, key) => at[key] as never, plain) as Record<string, Json>)[last] = secret.reveal();
  }
  return plain;
}

it("what is saved here is what the Python class takes, and what that saves is the same block here", async () => {
  const blocks = Object.values(samples).map((block) => [(block.constructor as AnyBlockClass)[DEFINITION].slug, block] as const);
  const ours = Object.fromEntries(blocks.map(([slug, block]) => [slug, plainData(block)]));
  const theirs = JSON.parse(await printed("through_python.py", JSON.stringify(ours))) as Record<string, JsonObject>;
  expect(Object.keys(theirs)).toHaveLength(blocks.length);
  for (const [slug, block] of blocks) {
    const data = theirs[slug] as JsonObject;
    const head = { id: "1", type: slug, name: "sample", schema: "", revision: 1, created: "", updated: "", updatedBy: "" };
    const loaded = fromDocuments([{ ...head, data, references: {}, secrets: {} }], block.constructor as AnyBlockClass);
    expect(plainData(loaded), slug).toEqual(ours[slug]);
    expect(Object.keys(data).sort(), slug).toEqual((block.constructor as AnyBlockClass)[DEFINITION].fields.map(({ key }) => key).sort());
  }
});

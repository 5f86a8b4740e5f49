/**
 * The leak matrix: every way in which Node shows a value × every shipped block and a block with every kind of field, in processes of their own whose
 * whole output is searched for the planted texts, in eleven encodings; the same for what saving, loading and failing leave on the disk.
 *
 * One thing is shown on purpose: the storage account's name, secret in the schema of Azure's block, is part of the URLs that its helpers make.
 */
import { execFile } from "node:child_process";
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Block, isAshlarError, openStore, secret } from "../../src/index.ts";
import { CANARY, samples } from "../blocks/samples.ts";
import { Workplace } from "../cli/workplace.ts";
import { temporaryFolder } from "../temporary.ts";
import { ENCODINGS, leaksIn, ODD_CANARY } from "./canary.ts";
import { ACCOUNT, CANARIES, container } from "./subjects.ts";

const root = join(import.meta.dirname, "../..");
const here = (file: string) => join(import.meta.dirname, file);
const { NODE_OPTIONS: _own, ...inherited } = process.env;

/** All that a process prints, and how it ends. */
async function printed(args: readonly string[], env: NodeJS.ProcessEnv = inherited): Promise<{ text: string; end: unknown }> {
  return new Promise((done) =>
    execFile(process.execPath, args, { env, maxBuffer: 2 ** 28, encoding: "latin1" }, (error, stdout, stderr) =>
      done({ text: `${stdout}\n${stderr}`, end: error?.signal ?? error?.code ?? 0 }),
    ),
  );
}

/** The output by sink: of each the encodings in which a canary is in it. */
function leaksBySink(text: string): Record<string, string[]> {
  const parts = text
    .split("\n== ")
    .map((part) => [part.slice(0, part.indexOf("\n")), leaksIn(Buffer.from(part, "latin1"), CANARIES)] as const);
  return Object.fromEntries(parts.filter(([, leaks]) => leaks.length > 0));
}

describe("the finder", () => {
  it.each(Object.keys(ENCODINGS))("finds what is hidden as %s, wherever in it, and nothing where nothing is", (name) => {
    for (const canary of [CANARY, ODD_CANARY])
      for (const before of ["", "a", "ab", "abc"])
        expect(leaksIn(hidden(name, before, canary), [canary]), `after ${before.length}`).toContain(name);
    expect(leaksIn(hidden(name, "a", "nothing that is planted"), CANARIES)).toEqual([]);
  });

  /** A text in an encoding, made otherwise than the finder does. */
  function hidden(name: string, before: string, canary: string): Uint8Array {
    const [bytes, more] = [Buffer.from(`${before}${canary}and more`), " and more"];
    const texts: Record<string, () => string | Uint8Array> = {
      raw: () => bytes,
      JSON: () => JSON.stringify({ a: [`${before}${canary}${more}`] }),
      "\\u escapes": () =>
        [
          ...Buffer.from(before + canary, "utf16le")
            .swap16()
            .toString("hex")
            .matchAll(/.{4}/g),
        ]
          .map(([unit]) => `\\u${unit}`)
          .join(""),
      URL: () => new URL(`https://h/?a=${encodeURIComponent(before + canary)}`).href,
      form: () => new URLSearchParams({ before, a: before + canary, more }).toString(),
      base64: () => bytes.toString("base64"),
      base64url: () => bytes.toString("base64url"),
      "hex, lower case": () => bytes.toString("hex"),
      "hex, upper case": () => bytes.toString("hex").toUpperCase(),
      "UTF-16": () => Buffer.from(before + canary + more, "utf16le"),
      reversed: () => [...(before + canary + more)].reverse().join(""),
    };
    const text = texts[name]?.() ?? "";
    return typeof text === "string" ? Buffer.from(text) : text;
  }
});

describe("shown by a program", () => {
  const ends = ["throw", "throw an error", "reject", "reject with an error", "emit", "a worker"];

  it("in every way: no block shows a secret; a naive class does in most", async () => {
    const [blocks, naive] = await Promise.all([
      printed([here("sinks.ts"), "each", "blocks"]),
      printed([here("sinks.ts"), "each", "naive"]),
    ]);
    expect([blocks.end, naive.end], blocks.text.slice(-500)).toEqual([0, 0]);
    expect(leaksBySink(blocks.text)).toEqual({});
    for (const file of Object.keys(samples)) expect(blocks.text.includes(`== ${file} - console.log\n`), file).toBe(true);
    expect(blocks.text.includes("********")).toBe(true);
    expect(Object.keys(leaksBySink(naive.text)).length).toBeGreaterThan(12);
  });

  it.each(ends)("that ends with it: %s", async (end) => {
    const [blocks, naive] = await Promise.all([printed([here("sinks.ts"), end, "blocks"]), printed([here("sinks.ts"), end, "naive"])]);
    expect([blocks.end, naive.end]).toEqual([1, 1]);
    expect(leaksIn(Buffer.from(blocks.text, "latin1"), CANARIES)).toEqual([]);
    expect(leaksIn(Buffer.from(naive.text, "latin1"), CANARIES)).not.toEqual([]);
  });

  it("that tests with vitest, in its diffs", async () => {
    const folder = join(root, "node_modules/.cache", basename(temporaryFolder())); // where vitest and the sources are found
    mkdirSync(folder, { recursive: true });
    const test = (name: string) => `
      import { expect, it } from "vitest";
      import { ${name} } from "${here("subjects.ts")}";
      for (const [name, value] of Object.entries(${name})) {
        it(name + " toEqual", () => expect({ value }).toEqual({ value: "other" }));
        it(name + " toStrictEqual", () => expect(value).toStrictEqual({ ...value, more: 1 }));
        it(name + " toBe", () => expect(value).toBe("other"));
        it(name + " toMatchObject", () => expect([value]).toMatchObject([{ none: 1 }]));
        it(name + " throws", () => { throw Object.assign(new Error("thrown", { cause: value }), { value }); });
      }`;
    try {
      for (const name of ["subjects", "naive"]) {
        writeFileSync(join(folder, `${name}.test.ts`), test(name));
        const { text, end } = await printed([
          join(root, "node_modules/vitest/vitest.mjs"),
          "run",
          "--root",
          folder,
          "--reporter=verbose",
          "--reporter=json",
          "--no-color",
        ]);
        expect(end).toBe(1);
        expect(text).toMatch(/- Expected/);
        if (name === "subjects") expect(leaksIn(Buffer.from(text, "latin1"), CANARIES)).toEqual([]);
        else expect(leaksIn(Buffer.from(text, "latin1"), CANARIES)).not.toEqual([]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("shows the account's name where that is said: in the URLs of a container", () => {
    expect(leaksIn(container.url(), [ACCOUNT])).toEqual(["raw", "JSON", "URL", "form"]);
    expect(leaksIn(container.url(), [CANARY])).toEqual([]);
  });
});

describe("stored, loaded, and failing at both", () => {
  it("leaves no secret in what is printed, in the file, its log, its journal, beside the key, or in the temporary folder", async () => {
    const place = new Workplace();
    const temporary = join(place.folder, "tmp");
    mkdirSync(temporary);
    const [path, journalled] = [join(place.data, "ashlar.db"), join(place.data, "journalled.db")];
    for (const store of [path, journalled]) await place.run(`init --store sqlite:${store}`);
    const env = {
      HOME: place.folder,
      TMPDIR: temporary,
      XDG_DATA_HOME: join(place.folder, "data"),
      XDG_CONFIG_HOME: join(place.folder, "config"),
    };
    const { text, end } = await printed([here("stored.ts"), path, journalled], env);
    expect(end, text.slice(-2000)).toBe("SIGKILL");
    expect(text).toContain("ERR_CANNOT_OPEN");
    expect(leaksIn(Buffer.from(text, "latin1"), CANARIES)).toEqual([]);
    const files = globSync("**/*", { cwd: place.folder, exclude: ["node_modules"] }).filter((file) =>
      statSync(join(place.folder, file)).isFile(),
    );
    for (const file of files) expect(leaksIn(readFileSync(join(place.folder, file)), CANARIES), file).toEqual([]);
    const data = relative(place.folder, place.data);
    for (const file of ["ashlar.db", "ashlar.db-wal", "ashlar.db-shm", "journalled.db", "journalled.db-journal"])
      expect(files).toContain(join(data, file));
    for (const file of ["ashlar.db-wal", "journalled.db-journal"])
      expect(readFileSync(join(place.data, file)).includes("ashlar1."), `${file} holds records`).toBe(true);
    expect(files).toContain(relative(place.folder, place.keyFile));
  });
});

describe("calls of Node that quote what they are given", () => {
  const leaky: Record<string, (text: string) => unknown> = {
    "JSON.parse": (text) => JSON.parse(text),
    "new URL": (text) => new URL(text),
    "new Headers": (text) => new Headers({ authorization: `${text}\nx` }),
    BigInt: (text) => BigInt(text),
    RegExp: (text) => new RegExp(`${text}[`),
    "a property of nothing": (text) => (undefined as never)[text],
    readFileSync: (text) => readFileSync(`/nowhere/${text}`),
    "an error with the value as cause and property": (text) => {
      throw Object.assign(new Error(text, { cause: text }), { input: text, [text]: 1 });
    },
  };
  const told = (error: unknown) =>
    `${inspect(error, { depth: Infinity, showHidden: true })}${(error as Error).stack}${JSON.stringify(error)}`;
  const quoting = Object.entries(leaky);

  it.each(quoting)("%s", async (name, call) => {
    let own = "";
    try {
      call(CANARY);
    } catch (error) {
      own = told(error);
    }
    expect(leaksIn(own, [CANARY, CANARY.slice(0, 9)]), "the control shows it").not.toEqual([]);
    const kinds = {
      check: secret(z.string().refine((text) => call(text) !== null)),
      codec: secret(
        z.codec(z.string(), z.any(), {
          decode: (text) => (text.startsWith("Canary") ? call(text) : text),
          encode: (value) => String(value),
        }),
      ),
      encode: secret(
        z.codec(z.string(), z.any(), { decode: (text) => ({ text }), encode: ({ text }: { text: string }) => call(text) as string }),
      ),
    };
    for (const [kind, schema] of Object.entries(kinds)) {
      class Quoting extends Block.define({ name: `Leak ${kind} ${name}`, fields: { token: schema } }) {}
      const store = await openStore("memory:");
      const outcome = await (async () => (await new Quoting({ token: CANARY }).save("one", { store })).with({ token: CANARY }))().catch(
        (error: unknown) => error,
      );
      expect(
        isAshlarError(outcome),
        `${kind}: ${leaksIn(told(outcome), [CANARY, CANARY.slice(0, 9)]).length > 0 ? "it shows" : told(outcome)}`,
      ).toBe(true);
      expect(leaksIn(told(outcome), [CANARY, CANARY.slice(0, 9)]), kind).toEqual([]);
    }
  });
});

describe("the command line", () => {
  it("quotes no file that it cannot read, and no module that it cannot run", async () => {
    const place = new Workplace();
    await place.run("init");
    const files = {
      "broken.json": `{"type": "x", "data": {"token": "${CANARY}" "oops"}}`,
      "broken.yaml": `type: x\ndata:\n  token: ${CANARY}\n bad: [${CANARY}\n`,
      "odd.yaml": `- type: x\n  name: y\n  data: { token: !!binary ${CANARY}, *${CANARY} }\n`,
      "list.yaml": `- ${CANARY}\n- type: ${CANARY}\n`,
    };
    for (const [name, text] of Object.entries(files)) {
      const file = place.write(name, text);
      expect((await place.run(`apply ${file}`)).code, name).not.toBe(0);
    }
    const module = place.write("module.ts", `throw Object.assign(new Error("${CANARY}", { cause: "${CANARY}" }), { token: "${CANARY}" });`);
    expect((await place.run(`register ${module}`)).code).toBe(78);
    expect(leaksIn(place.printed, [CANARY])).toEqual([]);
  });

  it("starts no process that could be handed one: nothing in src/ or blocks/ can", async () => {
    const sources = ["src", "blocks"].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => join(root, folder, file)),
    );
    expect(sources.length).toBeGreaterThan(50);
    const starts = /["'](node:)?(child_process|cluster|worker_threads)["']|process\.binding|\bfork\(/;
    expect(sources.filter((file) => starts.test(readFileSync(file, "utf8"))).map((file) => relative(root, file))).toEqual([]);
    expect(starts.test(readFileSync(here("matrix.test.ts"), "utf8")), "the control").toBe(true);
  });
});

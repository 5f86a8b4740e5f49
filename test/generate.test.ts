/** Classes generated from every schema of the fixtures: they compile, are formatted, have the same checksum, and load what Python saved. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { schemaChecksum } from "../src/checksum.ts";
import { isPlain, type JsonObject } from "../src/json.ts";
import { examine, type Findings, knownSchemas, type Module, moduleOf, sourceOf } from "./generate-cases.ts";
import type { Outcome } from "./generate-load.ts";
import { schema as hostileSchema } from "./hostile-schemas.ts";
import { fixture } from "./schema-cases.ts";

/** Comments, strings and patterns of TypeScript, as its own grammar has them. */
const LITERALS =
  /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<=\(|return )\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/[\\\n])+\/[a-z]*/g;

interface PythonDocuments {
  readonly cases: readonly { readonly checksum: string; readonly documents: readonly JsonObject[] }[];
  readonly blocks: readonly { readonly checksum: string; readonly documents: readonly JsonObject[] }[];
  readonly formats: Readonly<Record<string, readonly string[]>>;
}
const python = JSON.parse(JSON.stringify(fixture<PythonDocuments>("python-documents.json"))) as PythonDocuments;
/** Documents as the Python client sends them; of a block without fields it sends the type too. */
const documents = new Map(
  [...python.cases, ...python.blocks].map((each) => [each.checksum, each.documents.map(({ block_type_slug: _type, ...data }) => data)]),
);

const FILES = [
  "blog-blocks",
  "collection-blocks",
  "collection-blog-blocks",
  "core-blocks-by-release",
  "head-class-schemas",
  "installed-blocks",
  "pydantic-kinds",
  "python-documents",
  "shipped-schemas",
  "synthetic-schemas",
  "wire-schemas",
];
const MODULES: readonly (readonly [string, Module, string])[] = FILES.flatMap((file) =>
  knownSchemas(`${file}.json`).map((known, index) => {
    const module = moduleOf(`${file}-${index}`, sourceOf(known), documents.get(known.checksum));
    return [`${known.fields.title} ${known.checksum.slice(7, 15)} of ${file}`, module, known.checksum] as const;
  }),
);

let found: Findings;
beforeAll(async () => {
  found = await examine(MODULES.map(([, module]) => module));
}, 120_000);

/** Without nulls that say "not set" inside of objects, which are not written; and JSON has no -0. */
function withoutNulls(value: unknown, depth = 0): unknown {
  if (!isPlain(value)) return value === 0 ? 0 : value;
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, depth + 1));
  const entries = Object.entries(value).filter(([, item]) => depth === 0 || item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item, depth + 1)]));
}

describe("a generated module", () => {
  it("compiles under strict settings, all of them", () => expect(found.types).toBe(""));
  it("is formatted and without complaint, all of them", () => expect(found.style).toBe(""));

  it.each(MODULES)("has the checksum of %s, and loads its documents", (_name, module, checksum) => {
    const { exports, checksums, loaded } = found.outcomes.get(module.file) as NonNullable<ReturnType<typeof found.outcomes.get>>;
    expect(checksums[module.type]).toBe(checksum);
    expect(checksums).toEqual(Object.fromEntries(module.classes.map((each) => [each.type, each.checksum])));
    expect(exports).toEqual(expect.arrayContaining(module.classes.map((each) => each.name)));
    expect(loaded.map(({ whole, error }) => error ?? withoutNulls(whole))).toEqual(module.documents.map((each) => withoutNulls(each)));
  });

  it("is the same each time", () => {
    for (const known of knownSchemas("collection-blog-blocks.json"))
      expect(moduleOf("again", sourceOf(known)).text).toBe(moduleOf("again", sourceOf(known)).text);
  });
});

it("needs the schema's own text only where Prefect is older than 3.6.24, or says what zod cannot", () => {
  const shares = FILES.map((file) => {
    const modules = MODULES.filter(([, module]) => module.file.replace(/-\d+\.ts$/, "") === file).map(([, module]) => module);
    const own = modules.map(({ classes }) => classes.at(-1)?.ownText ?? null);
    const reasons = own.filter((reason) => reason !== null && !reason.includes("3.6.24"));
    return [`${file}: ${own.filter((reason) => reason === null).length} of ${own.length}`, ...reasons].join(" ");
  });
  expect(shares).toMatchInlineSnapshot(`
    [
      "blog-blocks: 5 of 10",
      "collection-blocks: 0 of 20",
      "collection-blog-blocks: 5 of 5",
      "core-blocks-by-release: 0 of 20",
      "head-class-schemas: 11 of 11",
      "installed-blocks: 14 of 14",
      "pydantic-kinds: 14 of 21 /properties/table/default/a /properties/data/default /properties/named/default /properties/token/format /properties/tables/default /properties/empty/items /properties/table/default/a/n",
      "python-documents: 23 of 23",
      "shipped-schemas: 3 of 3",
      "synthetic-schemas: 10 of 11 /block_schema_references/x",
      "wire-schemas: 0 of 2",
    ]
  `);
});

it("takes every text of a format that pydantic takes", () => {
  for (const [format, texts] of Object.entries(python.formats)) {
    const properties = { value: { type: "string", format, title: "Value", position: 0 } };
    const fields = {
      title: "Taken",
      type: "object",
      properties,
      required: ["value"],
      block_type_slug: "taken",
      secret_fields: [],
      block_schema_references: {},
    };
    const { text, classes } = moduleOf(format, sourceOf({ checksum: schemaChecksum(fields), fields }));
    expect(classes[0]?.ownText).toBe(null);
    const declared = /value: (z\.[\s\S]*?),\n {2}\},/.exec(text)?.[1] as string;
    const schema = new Function("z", `return ${declared}`)(z) as z.ZodType;
    expect([format, texts.filter((each) => !schema.safeParse(each).success)]).toEqual([format, []]);
    expect(texts.length).toBeGreaterThan(2);
  }
});

describe("a schema that means harm", () => {
  const modules = fc.sample(hostileSchema, { numRuns: 150, seed: 20_261_125 }).map((fields, index) => {
    const type = {
      slug: "hostile",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what it is for
      name: "*/ globalThis.broken = 1; /*\u2028`${globalThis.broken = 1}\"'",
      description: null,
      logoUrl: null,
      documentationUrl: null,
    };
    return moduleOf(`hostile-${index}`, { type, schema: { fields: JSON.stringify(fields), version: "\u2029'", capabilities: ["`"] } });
  });
  let harm: Findings;
  beforeAll(async () => {
    harm = await examine(modules);
  }, 120_000);

  it("compiles", () => expect(harm.types).toBe(""));

  it("declares its classes and models, runs nothing, and has its checksum", () => {
    for (const { file, fields, classes, text } of modules) {
      const { exports, checksums } = harm.outcomes.get(file) as Outcome; // a module that set a global would have ended that process
      expect(checksums.hostile).toBe(schemaChecksum(fields));
      const declared = [...text.matchAll(/^export (?:class|const) ([^\s:]+)/gm)].map((match) => match[1]);
      expect([...exports].sort()).toEqual(declared.sort());
      expect(declared).toEqual(expect.arrayContaining(classes.map((each) => each.name)));
    }
  });

  it("has no text outside of strings, comments and patterns", () => {
    for (const { text } of modules) {
      const code = text.replace(LITERALS, (literal) => (literal.startsWith("/") && !/^\/[/*]/.test(literal) ? "PATTERN" : ""));
      expect(code).not.toMatch(/["'`\\]/);
      expect(code).not.toMatch(/\b(?:globalThis|broken)\b(?!:|\(\) \{)/); // but for a field of that name
    }
  });
});

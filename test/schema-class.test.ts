/** Classes made from stored schemas: same checksum, same documents as the declared class. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { DEFINITION } from "../src/definition.ts";
import { toDraft } from "../src/document.ts";
import { Block, block, openStore, Secret, secret } from "../src/index.ts";
import { parseLossless } from "../src/json.ts";
import { checksumOf, schemaFields } from "../src/schema.ts";
import { classFromSchema, standIn } from "../src/schema-class.ts";

interface Known {
  readonly checksum: string;
  readonly fields: { readonly title: string; readonly block_type_slug: string };
}

/** Every block schema of the fixtures that stands beside its checksum; the transcripts hold rebuilt ones. */
function knownSchemas(): [string, Known][] {
  const found: [string, Known][] = [];
  const walk = (file: string, value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const known = value as Partial<Known>;
    if (typeof known.checksum === "string" && known.fields?.block_type_slug !== undefined) {
      found.push([`${known.fields.title} ${known.checksum.slice(7, 15)} of ${file}`, known as Known]);
    }
    for (const item of Object.values(value)) walk(file, item);
  };
  for (const file of readdirSync("test/fixtures").filter((name) => name.endsWith(".json"))) {
    if (!file.startsWith("wire-")) walk(file, parseLossless(readFileSync(`test/fixtures/${file}`, "utf8")));
  }
  return found;
}

function again(cls: Parameters<typeof checksumOf>[0]) {
  return classFromSchema({ type: cls[DEFINITION].slug, fields: JSON.stringify(schemaFields(cls)) });
}

class Child extends Block.define({ name: "Child", fields: { account: z.string(), token: secret() } }) {}
class Other extends Block.define({ name: "Other", fields: { account: z.string(), level: z.int().default(3) } }) {}
class Everything extends Block.define({
  name: "Everything",
  fields: {
    hostName: z.string().min(2),
    mode: z.enum(["fast", "safe"]).default("safe"),
    size: z.number().optional(),
    keys: z.array(secret()),
    headers: secret(z.record(z.string(), z.string())).optional(),
    inner: z.object({ user: z.string(), password: secret() }),
    pair: z.tuple([z.string(), z.boolean()]),
    child: block(Child).optional(),
    either: z.union([block(Child), block(Other)]),
  },
}) {}

const values = {
  keys: ["planted-1", "planted-2"],
  headers: { authorization: "planted-3" },
  inner: { user: "u", password: "planted-4" },
  pair: ["a", true],
} as const;

/** Forty definitions, each made of the next one. */
function chain(made: (next: object) => object): [string, object][] {
  const names = Array.from({ length: 40 }, (_, index) => (index === 0 ? "A" : `A${index}`));
  return names.map((name, index) => [name, made({ $ref: `#/definitions/${names[index + 1] ?? "Last"}` })]);
}

describe("a class from a schema", () => {
  it.each(knownSchemas())("has the checksum of %s", (_name, known) => {
    const cls = classFromSchema({ type: known.fields.block_type_slug, fields: JSON.stringify(known.fields) });
    expect(checksumOf(cls)).toBe(known.checksum);
  });

  it("makes the same documents as the declared class", () => {
    const either = { level: 5, account: "b" };
    const declared = new Everything({
      hostName: "host",
      ...values,
      pair: ["a", true],
      keys: [...values.keys],
      child: { account: "a", token: "planted-5" },
      either,
    });
    const made = new (again(Everything))({
      ...{ host_name: "host", ...values, child: { account: "a", token: "planted-5", block_type_slug: "child" } },
      either: { ...either, block_type_slug: "other" },
    });
    const [one, two] = [toDraft(declared, "x"), toDraft(made, "x")];
    expect(two.data).toEqual(one.data);
    expect(Object.keys(two.secrets).sort()).toEqual(Object.keys(one.secrets).sort());
    expect(two.schema).toBe(one.schema);
    expect(JSON.stringify([two.data, two.references])).not.toContain("planted");
  });

  it("writes documents that the declared class loads, with a reference by stand-in", async () => {
    const store = await openStore("memory:");
    const child = await new Child({ account: "a", token: "t" }).save("c", { store });
    const link = child.document as NonNullable<typeof child.document>;
    const made = new (again(Everything))({
      host_name: "host",
      ...values,
      child: standIn(again(Child), link),
      either: { account: "b", block_type_slug: "other" },
    });
    await store.save(toDraft(made, "x"));
    const loaded = await Everything.load("x", { store });
    expect(loaded.child?.token.reveal()).toBe("t");
    expect(loaded.keys.map((key) => key.reveal())).toEqual(["planted-1", "planted-2"]);
    expect(loaded.either).toBeInstanceOf(Other);
  });

  it("hides a whole value where the schema does not mark its parts, and the declared class loads that too", async () => {
    class Headers extends Block.define({ name: "Headers", fields: { headers: z.record(z.string(), secret()) } }) {}
    const store = await openStore("memory:");
    const draft = toDraft(new (again(Headers))({ headers: { a: "planted", b: "planted" } }), "x");
    expect(Object.keys(draft.secrets)).toEqual(["/headers"]);
    await store.save(draft);
    expect((await Headers.load("x", { store })).headers.a?.reveal()).toBe("planted");
  });

  it("hides some values whole and others by their parts, and a declared class that does the opposite loads both", async () => {
    class Mixed extends Block.define({
      name: "Mixed",
      fields: { pair: z.tuple([secret(), secret(z.int())]), table: secret(z.record(z.string(), z.string())) },
    }) {}
    const store = await openStore("memory:");
    const draft = toDraft(new (again(Mixed))({ pair: ["planted", 1], table: { a: "planted" } }), "x");
    expect(Object.keys(draft.secrets)).toEqual(["/pair", "/table"]);
    await store.save(draft);
    const { pair, table } = await Mixed.load("x", { store });
    expect([pair[0].reveal(), pair[1].reveal(), table.reveal()]).toEqual(["planted", 1, { a: "planted" }]);
  });

  it("hides any part of a generic secret", () => {
    class Any extends Block.define({ name: "Any", fields: { value: z.union([secret(), secret(z.json())]) } }) {}
    for (const value of ["planted", { deep: ["planted"] }, 5]) {
      expect(Object.keys(toDraft(new (again(Any))({ value }), "x").secrets)).toEqual(["/value"]);
    }
  });

  it("refuses what does not fit the schema, without its values", () => {
    const cls = again(Everything);
    expect(
      () => new cls({ host_name: "h", mod: "planted", keys: "planted", inner: { user: 5, password: "p" }, pair: ["a"], either: {} }),
    ).toThrowErrorMatchingInlineSnapshot(`
      [AshlarError: The fields of Everything do not fit:
        host_name: expected at least 2 characters
        keys: expected array, got string
        inner.user: expected string, got number
        pair: expected at least 2 entries
        either.account: is missing (string)
        mod: is no field; did you mean mode?]
    `);
  });

  it("nests the blocks of a mapping, whose schema Prefect loses; where nothing is known of its parts, they are secret when one of them is", () => {
    class Named extends Block.define({ name: "Named", fields: { children: z.record(z.string(), block(Child)), other: z.string() } }) {}
    const children = { a: { account: "a", token: "planted", block_type_slug: "child" } };
    expect(Object.keys(toDraft(new (again(Named))({ children, other: "o" }), "x").secrets)).toEqual(["/children/a/token"]);
    const { block_schema_references: _lost, ...fields } = schemaFields(Named);
    const cls = classFromSchema({ type: "named", fields: JSON.stringify(fields) });
    expect(Object.keys(toDraft(new cls({ children, other: "o" }), "x").secrets)).toEqual(["/children"]);
  });

  it("writes the empty list or mapping that Python makes, and takes a null where an old schema does not say", () => {
    const properties = { list: { type: "array", items: { type: "string" } }, map: { type: "object" }, text: { type: "string" } };
    const old = { title: "Made", block_type_slug: "made", properties, secret_fields: [] };
    const dataOf = (fields: object) => toDraft(new (classFromSchema({ type: "made", fields: JSON.stringify(fields) }))({}), "x").data;
    expect(dataOf(old)).toEqual({ list: null, map: null, text: null });
    const counted = Object.entries(properties).map(([key, node], position) => [key, { ...node, position }]);
    expect(dataOf({ ...old, properties: Object.fromEntries(counted) })).toEqual({ list: [], map: {}, text: null });
  });

  it("takes a model with defaults that is secret as a whole, and a secret that may be null", () => {
    const Model = z.object({ a: z.string(), b: z.int().default(3) }).meta({ id: "SchemaClassModel" });
    class Plain extends Block.define({ name: "Plain", fields: { model: Model, word: z.string().nullable() } }) {}
    const fields = { ...schemaFields(Plain), secret_fields: ["model", "word"] };
    const cls = classFromSchema({ type: "plain", fields: JSON.stringify(fields) });
    const { data, secrets } = toDraft(new cls({ model: { a: "x" }, word: null }), "x");
    expect(data).toEqual({ model: null, word: null });
    expect(secrets["/model"]?.reveal()).toEqual({ a: "x", b: 3 });
    expect(secrets["/word"]?.reveal()).toBe(null);
  });

  it.each([
    ["itself", { A: { $ref: "#/definitions/A" } }],
    ["another that points back", { A: { $ref: "#/definitions/B" }, B: { anyOf: [{ type: "null" }, { $ref: "#/definitions/A" }] } }],
    ["itself in a secret list", { A: { type: "array", items: { $ref: "#/definitions/A" } } }],
    ["a chain that doubles", Object.fromEntries(chain((next) => ({ type: "object", properties: { a: next, b: next } })))],
    ["a choice that doubles", Object.fromEntries(chain((next) => ({ anyOf: [next, { type: "array", items: next }] })))],
    ["what is no schema", { A: { type: "object", properties: 5, required: "a", anyOf: {}, enum: {}, $ref: 5, minLength: "x" } }],
  ])("is made at once of a definition that points to %s", (_what, definitions) => {
    for (const secret_fields of [[], ["a"], ["a.b"]]) {
      const fields = { title: "P", block_type_slug: "p", properties: { a: { $ref: "#/definitions/A" } }, secret_fields, definitions };
      const cls = classFromSchema({ type: "p", fields: JSON.stringify(fields) });
      expect(() => new cls({ a: [] })).not.toThrow(RangeError);
    }
  });

  it.each([String.raw`\A\d+\Z`, String.raw`^\x{41}$`, "^(?P<name>a)$", "^[[:alpha:]]$"])(
    "does not check a pattern that is Python's alone: %s",
    (pattern) => {
      const fields = { title: "P", block_type_slug: "p", properties: { p: { type: "string", pattern } }, required: ["p"] };
      expect(new (classFromSchema({ type: "p", fields: JSON.stringify(fields) }))({ p: "anything" })).toMatchObject({ p: "anything" });
    },
  );

  it("stops a pattern that takes too long", () => {
    const fields = {
      title: "P",
      block_type_slug: "p",
      properties: { p: { type: "string", pattern: "^(a+)+$" } },
      required: ["p"],
      secret_fields: [],
    };
    const cls = classFromSchema({ type: "p", fields: JSON.stringify(fields) });
    expect(new cls({ p: "aaa" })).toMatchObject({ p: "aaa" });
    expect(() => new cls({ p: `${"a".repeat(40)}!` })).toThrow(/p: expected text that matches/);
  });

  it("takes a recursive model", () => {
    const node: z.ZodType = z
      .object({
        name: z.string(),
        get kids() {
          return z.array(node);
        },
      })
      .meta({ id: "SchemaClassNode" });
    class Tree extends Block.define({ name: "Tree", fields: { root: node } }) {}
    const root = { name: "a", kids: [{ name: "b", kids: [] }] };
    expect(toDraft(new (again(Tree))({ root }), "x").data).toEqual({ root });
    expect(() => new (again(Tree))({ root: { name: "a", kids: [{ name: 5, kids: [] }] } })).toThrow(
      "root.kids[0].name: expected string, got number",
    );
  });

  it("keeps a real secret of the typed class out of reach of a class whose schema forgot it", () => {
    expect(new (again(Child))({ account: "a", token: "t" })).toMatchObject({ token: expect.any(Secret) });
  });
});

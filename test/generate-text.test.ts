/** What generated text looks like: names, secrets, nesting, defaults, what zod cannot say; and what becomes of schemas that fit nowhere. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { schemaChecksum } from "../src/checksum.ts";
import { generateBlocks, type TypeSource } from "../src/generate.ts";
import { Block, type BlockStatics, block, bytes, type Fields, secret } from "../src/index.ts";
import { parseLossless } from "../src/json.ts";
import { schemaFields } from "../src/schema.ts";
import { referencesOf } from "../src/schema-node.ts";
import { knownSchemas, sourceOf } from "./generate-cases.ts";

function source(fields: object | string, name?: string): TypeSource {
  const text = typeof fields === "string" ? fields : JSON.stringify(fields);
  const { block_type_slug: slug, title } = parseLossless(text) as { block_type_slug: string; title: string };
  const type = { slug, name: name ?? title, description: null, logoUrl: null, documentationUrl: null };
  return { type, schema: { fields: text, version: "non-versioned", capabilities: [] } };
}

const ofClass = (cls: BlockStatics<Fields>) => source(schemaFields(cls as never), cls.slug);

/** A schema with these properties, counted as Prefect does. */
function schema(properties: Record<string, object>, more: object = {}): object {
  const counted = Object.entries(properties).map(([key, node], position) => [key, { ...node, position }]);
  const [title, own] = ["Sample", { type: "object", block_type_slug: "sample", secret_fields: [], block_schema_references: {} }];
  return { title, ...own, properties: Object.fromEntries(counted), required: Object.keys(properties), ...more };
}

/** The declarations, without what every file begins with. */
function declarations(...sources: TypeSource[]): string {
  return generateBlocks(sources).text.replace(/^(?:\/\/.*\n)+\n(?:import .*\n)+\n/, "");
}

/** Lines of the fields. */
function fields(of: object): string {
  return (/\n {2}fields: \{\n([\s\S]*?)\n {2}\},\n/.exec(declarations(source(of)))?.[1] ?? "").replace(/^ {4}/gm, "");
}

class Login extends Block.define({ name: "Login", fields: { user: z.string(), password: secret() } }) {}
class Token extends Block.define({ name: "API Token", description: "A token.", fields: { token: secret() } }) {}

describe("a file", () => {
  it("is what a person would write", () => {
    const Color = z.enum(["red", "blue"]).meta({ id: "Color" });
    const Point = z.object({ x: z.number().default(0), label: z.string().optional() }).meta({ id: "Point", description: "Where it is." });
    class Everything extends Block.define({
      name: "Everything",
      description: "All kinds of fields.\n\nIn two paragraphs.",
      fields: {
        hostName: z.string().min(1).describe("Of the server."),
        port: z.int().min(1).max(65_535).default(5432),
        ratio: z.number().default(1),
        whole: z.number().default(1).meta({ numbers: "integer" }),
        color: Color.default("red"),
        mode: z.literal("fast").default("fast"),
        tags: z.array(z.string()).default([]),
        headers: secret(z.record(z.string(), z.string())).optional(),
        at: Point.default({ x: 2 }),
        path: z
          .array(Point)
          .optional()
          .meta({ title: "The Path", examples: [[{ x: 1 }]] }),
        pair: z.tuple([z.string(), z.boolean()]),
        data: bytes(),
        website: z.url().optional(),
        login: Login,
        either: z.union([block(Login), block(Token)]).describe("One of them."),
        more: z.array(block(Token)).prefault([]),
        anything: z.unknown(),
      },
    }) {}
    expect(generateBlocks([ofClass(Everything)]).text).toMatchInlineSnapshot(`
      "// Made by "ashlar generate" from block schemas, and made anew when they change: what is written into it is lost then.
      // Methods go into a class that extends one of these, under the same name.

      import { Block, block, bytes, secret } from "ashlar";
      import { z } from "zod";

      export const Color = z.enum(["red", "blue"]).meta({ id: "Color" });

      export const Point = z
        .object({
          x: z.number().default(0),
          label: z.string().optional(),
        })
        .meta({ id: "Point", description: "Where it is." });

      export class Login extends Block.define({
        name: "Login",
        fields: {
          user: z.string(),
          password: secret(),
        },
      }) {}

      /** A token. */
      export class Token extends Block.define({
        name: "Token",
        slug: "api-token",
        description: "A token.",
        fields: {
          token: secret(),
        },
      }) {}

      /**
       * All kinds of fields.
       *
       * In two paragraphs.
       */
      export class Everything extends Block.define({
        name: "everything",
        description: "All kinds of fields.\\n\\nIn two paragraphs.",
        fields: {
          hostName: z.string().min(1).describe("Of the server."),
          port: z.int().min(1).max(65535).default(5432),
          ratio: z.number().default(1),
          whole: z.number().default(1).meta({ numbers: "integer" }),
          color: Color.default("red"),
          mode: z.literal("fast").default("fast"),
          tags: z.array(z.string()).default([]),
          headers: secret(z.record(z.string(), z.string())).optional(),
          at: Point.default({ x: 2 }),
          path: z
            .array(Point)
            .optional()
            .meta({ title: "The Path", examples: [[{ x: 1 }]] }),
          pair: z.tuple([z.string(), z.boolean()]),
          data: bytes(),
          website: z.url().optional(),
          login: Login,
          either: z.union([block(Login), block(Token)]).describe("One of them."),
          more: z.array(block(Token)).prefault([]),
          anything: z.unknown(),
        },
      }) {}
      "
    `);
  });

  it("has each class once, leaves first, also where several nest it, and takes a known type before what a schema says of it", () => {
    class One extends Block.define({ name: "One", fields: { login: Login } }) {}
    class Two extends Block.define({ name: "Two", fields: { one: One, login: block(Login).optional() } }) {}
    const apart = generateBlocks([ofClass(Two), ofClass(One)]);
    expect(apart.classes.map((each) => [each.type, each.ownText])).toEqual([
      ["login", null],
      ["one", null],
      ["two", null],
    ]);
    const known = {
      ...ofClass(Login),
      type: { ...ofClass(Login).type, name: "Log-In", slug: "login", logoUrl: "https://example.invalid/a.png" },
    };
    expect(declarations(ofClass(Two), known)).toContain('name: "Log-In",\n  slug: "login",\n  logoUrl: "https://example.invalid/a.png",');
  });

  it("keeps a parent's checksum where it refers to another version of what it nests", () => {
    class Parent extends Block.define({ name: "Parent", fields: { login: Login } }) {}
    const newer = class Login extends Block.define({
      name: "Login",
      fields: { user: z.string(), password: secret(), realm: z.string().default("") },
    }) {};
    const { text, classes } = generateBlocks([ofClass(Parent), ofClass(newer)]);
    expect(classes.map((each) => [each.type, each.ownText])).toEqual([
      ["login", null],
      ["parent", "/block_schema_references/login/block_schema_checksum"],
    ]);
    expect(classes[1]?.checksum).toBe(Parent.checksum);
    expect(text.match(/export class/g)).toHaveLength(2);
  });

  it("gives a server's schema the references that its client announced", () => {
    for (const known of knownSchemas("wire-schemas.json")) {
      const given = sourceOf(known);
      expect(schemaChecksum(given.schema.fields)).not.toBe(known.checksum);
      expect(generateBlocks([given]).classes.at(-1)?.checksum).toBe(known.checksum);
    }
    const [bucket] = knownSchemas("wire-schemas.json").filter(({ fields: { title } }) => title === "S3Bucket");
    const released = knownSchemas("collection-blocks.json").find(({ checksum }) => checksum === bucket?.checksum);
    const nested = Object.fromEntries(generateBlocks([sourceOf(bucket as never)]).classes.map((each) => [each.type, each.checksum]));
    for (const each of referencesOf(released?.fields as never)) expect(nested[each.slug]).toBe(each.checksum);
    expect(Object.keys(nested)).toHaveLength(3);
  });

  it("says so where a store's checksum cannot be had", () => {
    const { schema: given, type } = ofClass(Login);
    const { text, classes } = generateBlocks([{ type, schema: { ...given, checksum: "sha256:0" } }]);
    expect(classes).toEqual([
      { type: "login", name: "Login", checksum: Login.checksum, ownText: "it was stored as sha256:0, which it does not give" },
    ]);
    expect(text).toContain("it was stored as sha256:0, which it does not give");
  });

  it("refuses what is no schema, or too deep", () => {
    const of = (text: string) => () => generateBlocks([{ ...ofClass(Login), schema: { ...ofClass(Login).schema, fields: text } }]);
    for (const text of ["", "[]", "5", "{", '"a"']) expect(of(text)).toThrowError(expect.objectContaining({ code: "ERR_CANNOT_OPEN" }));
    expect(of(`${'{"items":'.repeat(70)}{}${"}".repeat(70)}`)).toThrowError(expect.objectContaining({ code: "ERR_LIMIT" }));
  });
});

describe("names", () => {
  const text = { type: "string" };

  it("of fields give the keys back, or pin them; what every block has is avoided", () => {
    const keys = [
      "user_name",
      "userName",
      "user-name",
      "HTTPServer",
      "a_1b",
      "with",
      "save",
      "to_json",
      "__private",
      "_x",
      "1st",
      "class",
      "größe",
      "数据",
      "\u{1F600}",
      "☃",
      "a b",
    ];
    expect(fields(schema(Object.fromEntries(keys.map((key) => [key, text]))))).toMatchInlineSnapshot(`
      "userName: z.string(),
      userName2: z.string().meta({ key: "userName" }),
      userName3: z.string().meta({ key: "user-name" }),
      httpServer: z.string().meta({ key: "HTTPServer" }),
      a_1b: z.string(),
      with_: z.string().meta({ key: "with" }),
      save_: z.string().meta({ key: "save" }),
      toJson: z.string(),
      private: z.string().meta({ key: "__private" }),
      _x: z.string(),
      _1st: z.string().meta({ key: "1st" }),
      class: z.string(),
      größe: z.string(),
      数据: z.string(),
      field: z.string().meta({ key: "😀" }),
      field2: z.string().meta({ key: "☃" }),
      aB: z.string().meta({ key: "a b" }),"
    `);
  });

  it("leave out what no block can store", () => {
    const properties =
      '{"__proto__":{"type":"string","position":0},"":{"type":"string"},"block_type_slug":{"type":"string"},"a":{"type":"string"}}';
    const of = JSON.stringify(schema({})).replace('"properties":{}', `"properties":${properties}`);
    expect(declarations(source(of))).toContain(
      '  // Left out, since no block can store them: "__proto__", "", "block_type_slug".\n  fields: {\n',
    );
  });

  it.each([
    ["Block", "BlockBlock"],
    ["Secret", "SecretBlock"],
    ["Object", "ObjectBlock"],
    ["Promise", "PromiseBlock"],
    ["JSON", "JSONBlock"],
    ["z", "Z"],
    ["my_block", "MyBlock"],
    ["Twilio SMS", "TwilioSMS"],
    ["9 lives", "_9Lives"],
    ["*/ alert(1)", "Alert1"],
    ["", "Sample"],
  ])("of classes: %j becomes %s, and the title stays", (title, expected) => {
    const { text, classes } = generateBlocks([source({ ...schema({ a: { type: "string", title: "A" } }), title }, "sample")]);
    expect(classes[0]).toMatchObject({ name: expected, ownText: null });
    expect(text).toContain(`  title: ${JSON.stringify(title)},\n`);
  });

  it("of two types with one title, and of a model called like a block, are different", () => {
    const again = source({ ...schema({ a: text }), title: "Login", block_type_slug: "other-login" });
    const model = { title: "Login", type: "object", properties: { a: text }, required: ["a"] };
    const holder = source({ ...schema({ a: { $ref: "#/definitions/Login" } }, { definitions: { Login: model } }), title: "Holder" });
    expect(declarations(ofClass(Login), again, holder).match(/export (?:class|const) \w+/g)).toEqual([
      "export class Login",
      "export class LoginBlock",
      "export const LoginModel",
      "export class Holder",
    ]);
  });
});

describe("secrets", () => {
  const password = { type: "string", format: "password", writeOnly: true };

  it("are what the schema marks or lists, whole or in parts, and never less", () => {
    const properties = {
      marked: password,
      bounded: { ...password, minLength: 8 },
      listed: { type: "integer" },
      entries: { type: "object" },
      opaque: { type: "array" },
      list: { type: "array", items: password },
      either: { anyOf: [password, { type: "object" }] },
      pair: { type: "array", prefixItems: [password, { type: "integer" }], minItems: 2, maxItems: 2 },
      maybe: { anyOf: [password, { type: "null" }], default: null },
      hides_null: { anyOf: [{ type: "string" }, { type: "null" }] },
      with_default: { ...password, default: "**********" },
      impossible: { type: "object", properties: { a: { type: "string", default: 5, pattern: "(" } }, enum: [{}] },
    };
    const secret_fields = ["listed", "entries.*", "opaque.password", "either", "either.*", "pair", "hides_null", "impossible.a"];
    const required = Object.keys(properties).filter((key) => !["maybe", "with_default"].includes(key));
    expect(fields(schema(properties, { secret_fields, required }))).toMatchInlineSnapshot(`
      "marked: secret(),
      bounded: secret(z.string().min(8)),
      listed: secret(z.int()),
      entries: secret(z.record(z.string(), z.unknown())),
      opaque: secret(z.array(z.unknown())),
      list: z.array(secret()),
      either: z.union([secret(), secret(z.record(z.string(), z.unknown()))]),
      pair: z.tuple([secret(), secret(z.int())]),
      maybe: secret().optional(),
      hidesNull: secret(z.string().nullable()),
      // Python has a default of its own here.
      withDefault: secret().optional(),
      // Any JSON: zod has no words for what the schema says of it.
      impossible: secret(z.unknown().meta({ type: "object" })),"
    `);
  });
});

describe("what zod cannot say", () => {
  it("is passed on, and said in a comment", () => {
    const properties = {
      when: { type: "string", format: "date-time" },
      path: { type: "string", format: "path" },
      foreign: { type: "string", pattern: "^(?P<a>x)\\Z" },
      slash: { type: "string", pattern: "^a/[/]\\/$" },
      unique: { type: "array", items: { type: "string" }, uniqueItems: true },
      choice: { enum: [{ a: 1 }, "b"] },
      negated: { not: { type: "string" } },
      dangling: { $ref: "#/definitions/Gone" },
      endless: { $ref: "#/definitions/Endless" },
      annotated: { type: "string", title: "T", deprecated: true, "x-group": "g", id: "meant", examples: [1] },
    };
    const definitions = { Endless: { anyOf: [{ $ref: "#/definitions/Endless" }, { type: "string" }] } };
    expect(fields(schema(properties, { definitions }))).toMatchInlineSnapshot(`
      "// Any text: Python takes more forms of date-time than zod does.
      when: z.string().meta({ format: "date-time" }),
      path: z.string().meta({ format: "path" }),
      // Not checked here: pattern.
      foreign: z.string().meta({ pattern: "^(?P<a>x)\\\\Z" }),
      slash: z
        .string()
        .regex(/^a\\/[/]\\/$/)
        .meta({ pattern: "^a/[/]\\\\/$" }),
      // Not checked here: uniqueItems.
      unique: z.array(z.string()).meta({ uniqueItems: true }),
      // Any JSON: zod has no words for what the schema says of it.
      choice: z.unknown(),
      // Any JSON: zod has no words for what the schema says of it.
      negated: z.unknown().meta({ not: { type: "string" } }),
      // Any JSON: zod has no words for what the schema says of it.
      dangling: z.unknown(),
      // Any JSON: zod has no words for what the schema says of it.
      endless: z.unknown(),
      annotated: z.string().meta({ title: "T", deprecated: true, "x-group": "g", examples: [1] }),"
    `);
  });

  it("of defaults: those that do not fit, and those that Python makes", () => {
    const properties = {
      wrong: { type: "integer", default: "x" },
      proto: { type: "object" },
      bytes: { type: "string", format: "binary", default: "abc" },
      list: { type: "array", items: { type: "string" } },
      map: { anyOf: [{ type: "object", additionalProperties: { type: "integer" } }, { type: "null" }] },
      model: { $ref: "#/definitions/Model" },
      text: { type: "string" },
      none: { default: null },
    };
    const Model = { type: "object", title: "Model", properties: { a: { type: "string", default: "x" } } };
    const of = JSON.stringify(schema(properties, { required: [], definitions: { Model } })).replace(
      '"proto":{"type":"object"',
      '"proto":{"type":"object","default":{"__proto__":1}',
    );
    expect(fields(parseLossless(of) as object)).toMatchInlineSnapshot(`
      "// Python has a default of its own here.
      wrong: z.int().optional(),
      proto: z.record(z.string(), z.unknown()).default({}),
      bytes: bytes().prefault("abc"),
      list: z.array(z.string()).prefault([]),
      map: z.record(z.string(), z.int()).nullable().prefault({}),
      model: Model.prefault({}),
      // Python makes a default here, which the schema does not say.
      text: z.string().optional(),
      none: z.unknown().default(null),"
    `);
  });

  it("keeps one number's form apart from another's", () => {
    const of = (form: string) =>
      `{"title":"N","type":"object","properties":{"n":{"type":"number","default":${form},"minimum":${form},"title":"N","position":0}},"block_type_slug":"n","secret_fields":[],"block_schema_references":{}}`;
    const [whole, float] = [of("1"), of("1.0")].map((text) => generateBlocks([source(text)]));
    expect([whole?.classes[0]?.ownText, float?.classes[0]?.ownText]).toEqual([null, null]);
    expect(whole?.text).toContain('n: z.number().min(1).default(1).meta({ numbers: "integer" }),');
    expect(float?.text).toContain('n: z.number().min(1).meta({ numbers: "float" }).default(1),');
    const big = generateBlocks([source(of("12345678901234567890"))]);
    expect(big.classes[0]).toMatchObject({
      checksum: schemaChecksum(of("12345678901234567890")),
      ownText: expect.stringMatching(/^\/properties\/n/),
    });
    expect(big.text).toContain('"default":12345678901234567890');
  });

  it("ends at once where definitions double", () => {
    for (const made of [
      (next: object) => ({ type: "object", properties: { a: next, b: next }, required: ["a"] }),
      (next: object) => ({ anyOf: [next, { type: "array", items: next }] }),
      (next: object, index: number) => ({
        title: `B${index}`,
        block_type_slug: `b${index}`,
        type: "object",
        properties: { a: next, b: next },
      }),
    ]) {
      const names = Array.from({ length: 45 }, (_, index) => `A${index}`);
      const definitions = Object.fromEntries(names.map((name, index) => [name, made({ $ref: `#/definitions/A${index + 1}` }, index)]));
      const of = schema({ a: { $ref: "#/definitions/A0" } }, { definitions });
      expect(generateBlocks([source(of)]).classes.at(-1)).toMatchObject({ checksum: schemaChecksum(of), ownText: expect.any(String) });
    }
  });
});

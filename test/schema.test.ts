/** The schema of a block class beyond what Python classes show: names, metadata, numbers, patterns, and when it is made. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { AnyBlockClass } from "../src/definition.ts";
import { fromDocuments } from "../src/document.ts";
import { Block, block, type JsonObject, secret } from "../src/index.ts";
import { reachableClasses, schemaFields } from "../src/schema.ts";

/** The schema of one field, without title and position. */
function property(schema: z.ZodType): Record<string, unknown> {
  const cls = class One extends Block.define({ name: "One", title: "One", fields: { value: schema } }) {};
  const { title: _title, position: _position, ...rest } = (cls.schema().properties as { value: JsonObject }).value;
  return rest;
}

/** The whole schema as it is registered, numbers by their text. */
function registered(fields: Record<string, z.ZodType>): string {
  const cls = class One extends Block.define({ name: "One", title: "One", fields }) {};
  return JSON.stringify(schemaFields(cls as never));
}

const nothing = { revision: 1, created: "", updated: "", updatedBy: "", references: {}, secrets: {} };

describe("a schema", () => {
  it("is not made to load a block", () => {
    class Kind extends Block.define({ name: "Unmade Kind", fields: { a: z.string() } }) {}
    class Unmade extends Block.define({ name: "Unmade", fields: { child: Kind, kind: z.enum(["a"]).meta({ id: "Kind" }) } }) {}
    const document = { id: "1", type: "unmade", name: "n", schema: "", data: { child: { a: "x" }, kind: "a" }, ...nothing };
    expect(fromDocuments([document], Unmade as never)).toMatchObject({ child: { a: "x" }, kind: "a" });
    expect(() => Unmade.schema()).toThrow(/Two things inside one block are called Kind/);
  });

  it("is the same object's content each time, and cannot be changed by who asks", () => {
    class Asked extends Block.define({ name: "Schema Asked", fields: { a: z.string() } }) {}
    const first = Asked.schema() as { properties?: unknown };
    const { checksum } = Asked;
    delete first.properties;
    expect(Asked.schema()).toHaveProperty("properties.a.type", "string");
    expect(Asked.checksum).toBe(checksum);
  });

  it("is named after the class, or after the title that pins it", () => {
    class Named extends Block.define({ name: "Schema Named", fields: {} }) {}
    class Renamed extends Block.define({ name: "Schema Named", title: "Named", fields: {} }) {}
    expect(Named.schema().title).toBe("Named");
    expect(Renamed.checksum).toBe(Named.checksum);
  });

  it("has a description where there is one", () => {
    const of = (description?: string) =>
      class D extends Block.define({ name: "D", title: "D", ...(description !== undefined && { description }), fields: {} }) {};
    expect(of().schema()).not.toHaveProperty("description");
    expect(of("").checksum).toBe(of().checksum);
    expect(of("x").schema().description).toBe("x");
  });
});

describe("metadata that is undefined", () => {
  const unmarked = () => secret().meta({ format: undefined, writeOnly: undefined, description: undefined });

  it("takes a keyword away, inside of others too", () => {
    expect(property(unmarked())).toEqual({ type: "string" });
    expect(property(unmarked().optional())).toEqual({ anyOf: [{ type: "string" }, { type: "null" }], default: null });
    expect(registered({ value: z.object({}).meta({ id: "Empty", title: undefined }) })).toContain(
      '"definitions":{"Empty":{"type":"object","properties":{}}}',
    );
  });

  it("leaves a checksum and what is secret as they are", () => {
    class Marked extends Block.define({ name: "Unmarked", title: "Unmarked", fields: { token: unmarked() } }) {}
    class Plain extends Block.define({ name: "Unmarked", title: "Unmarked", fields: { token: z.string() } }) {}
    expect(Marked.checksum).toBe(Plain.checksum);
    expect(Marked.schema().secret_fields).toEqual(["token"]);
    expect(JSON.stringify(new Marked({ token: "x" }))).toBe('{"token":"********"}');
  });
});

describe("numbers", () => {
  it("are written as floats or integers by their type, or as the field says", () => {
    expect(registered({ value: z.number().default(1) })).toContain('"default":1.0');
    expect(registered({ value: z.number().default(1).meta({ numbers: "integer" }) })).toContain('"default":1,');
    expect(registered({ value: z.int().default(1) })).toContain('"default":1,');
    expect(registered({ value: z.number().int().default(1) })).toContain('"default":1,');
    expect(registered({ value: z.int().default(1).meta({ numbers: "float" }) })).toContain('"default":1.0');
    expect(registered({ value: z.number().min(0).max(1.5) })).toMatch(/"minimum":0,"maximum":1\.5|"maximum":1\.5.*"minimum":0[,}]/);
    expect(registered({ value: z.number().min(0).meta({ numbers: "float" }) })).toContain('"minimum":0.0');
    expect(registered({ value: z.number().meta({ numbers: "integer" }).default(1) })).toContain('"default":1,');
  });

  it("of an integer have no bounds that JavaScript made", () => {
    expect(property(z.int())).toEqual({ type: "integer" });
    expect(property(z.int().min(1))).toEqual({ type: "integer", minimum: 1 });
    expect(property(z.int32())).toEqual({ type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 });
  });
});

describe("text", () => {
  it("has the patterns of the author, not those of a format", () => {
    expect(property(z.email())).toEqual({ type: "string", format: "email" });
    expect(property(z.string().email())).toEqual({ type: "string", format: "email" });
    expect(property(z.email().regex(/@example\.com$/))).toEqual({ type: "string", format: "email", pattern: "@example\\.com$" });
    expect(property(z.string().regex(/a\/b/))).toEqual({ type: "string", pattern: "a/b" });
    expect(property(z.string().regex(/a/).regex(/b/))).toEqual({ type: "string", allOf: [{ pattern: "a" }, { pattern: "b" }] });
    expect(property(z.string().startsWith("a."))).toMatchObject({ pattern: expect.stringMatching(/^\^a\\\./) });
    expect(property(z.string().length(3))).toEqual({ type: "string", minLength: 3, maxLength: 3 });
  });

  it("has no pattern that would say something else without its flag", () => {
    expect(property(z.string().regex(/^a/i))).toEqual({ type: "string" });
    expect(property(z.string().regex(/^a/u))).toEqual({ type: "string", pattern: "^a" });
  });

  it("keeps zod's pattern of a format that nobody else knows", () => {
    expect(property(z.ulid())).toEqual({ type: "string", format: "ulid", pattern: expect.any(String) });
    expect(property(z.templateLiteral(["v", z.int()]))).toEqual({ type: "string", pattern: expect.any(String) });
  });
});

describe("optional, nullable and default", () => {
  const orNull = { anyOf: [{ type: "string" }, { type: "null" }] };

  it("in any order", () => {
    expect(property(z.string().optional())).toEqual({ ...orNull, default: null });
    expect(property(z.string().nullish())).toEqual({ ...orNull, default: null });
    expect(property(z.string().nullable())).toEqual(orNull);
    expect(property(z.string().default("d").optional())).toEqual({ ...orNull, default: "d" });
    expect(property(z.string().optional().nonoptional())).toEqual({ type: "string" });
    expect(property(z.string().nullable().prefault("d"))).toEqual(orNull);
    expect(property(z.string().nullable().nullable())).toEqual(orNull);
    expect(property(z.null().nullable())).toEqual({ type: "null" });
  });

  it("a list's items are never unset", () => {
    expect(property(z.array(z.string().optional()))).toEqual({ type: "array", items: orNull });
    expect(property(z.tuple([z.string(), z.int().optional()]))).toMatchObject({ minItems: 1, maxItems: 2 });
  });

  it("decide what is required", () => {
    const cls = class R extends Block.define({
      name: "R",
      fields: {
        a: z.string(),
        b: z.any(),
        c: z.string().optional(),
        d: z.int().default(1),
        e: z.int().prefault(1),
        f: z.string().nullable(),
      },
    }) {};
    expect(cls.schema().required).toEqual(["a", "b", "f"]);
  });

  it("what describes any of them stands outside, what restricts inside", () => {
    expect(
      property(
        z
          .string()
          .describe("D")
          .meta({ format: "path" })
          .optional()
          .meta({ examples: ["x"] }),
      ),
    ).toEqual({
      anyOf: [{ type: "string", format: "path" }, { type: "null" }],
      default: null,
      description: "D",
      examples: ["x"],
    });
  });
});

describe("unions", () => {
  it("are flat, each choice once", () => {
    expect(property(z.union([z.string(), z.union([z.int(), z.string().nullable()])]))).toEqual({
      anyOf: [{ type: "string" }, { type: "integer" }, { type: "null" }],
    });
    expect(property(z.union([z.string(), z.string().trim()]))).toEqual({ type: "string" });
  });

  it("of tagged objects without names have no mapping", () => {
    const tag = (kind: string) => z.object({ kind: z.literal(kind) });
    const { oneOf, discriminator } = property(z.discriminatedUnion("kind", [tag("a"), tag("b")]));
    expect(discriminator).toEqual({ propertyName: "kind" });
    expect(oneOf).toHaveLength(2);
  });
});

describe("definitions", () => {
  it("give a recursive schema the name of its first place", () => {
    const node = z.object({
      value: secret(),
      get nextNode() {
        return node.optional();
      },
    });
    const list: z.ZodType = z.lazy(() => z.union([z.int(), z.array(list)]));
    const fields = { rootNode: node, other: z.array(node), list, held: z.object({ list: z.lazy(() => z.array(list)).optional() }) };
    class Trees extends Block.define({ name: "Trees", fields }) {}
    const { definitions, properties, secret_fields } = Trees.schema() as Record<string, Record<string, unknown>>;
    expect(Object.keys(definitions ?? {})).toEqual(["RootNode", "List"]);
    expect(properties?.other).toMatchObject({ items: { $ref: "#/definitions/RootNode" } });
    expect(properties?.held).toMatchObject({
      properties: { list: { anyOf: [{ items: { $ref: "#/definitions/List" } }, { type: "null" }] } },
    });
    expect(properties?.root_node).toEqual({ $ref: "#/definitions/RootNode", position: 0 });
    expect(secret_fields).toEqual(["root_node.value", "other.value"]);
  });

  it("are counted where two recursive schemas without an id meet one name", () => {
    const lists = (content: z.ZodType) => {
      const list: z.ZodType = z.lazy(() => z.union([content, z.array(list)]));
      return z.object({ list });
    };
    class Lists extends Block.define({ name: "Lists", fields: { a: lists(z.int()), b: lists(z.boolean()) } }) {}
    expect(Lists.schema().definitions).toMatchObject({
      List: { anyOf: [{ type: "integer" }, { items: { $ref: "#/definitions/List" } }] },
      List2: { anyOf: [{ type: "boolean" }, { items: { $ref: "#/definitions/List2" } }] },
    });
  });

  it("of one name and different content are refused", () => {
    class Kind extends Block.define({ name: "Some Kind", fields: { a: z.string() } }) {}
    const kind = z.enum(["a"]).meta({ id: "Kind" });
    class Clash extends Block.define({ name: "Clash", fields: { kind, child: Kind } }) {}
    expect(() => Clash.checksum).toThrow(expect.objectContaining({ code: "ERR_DEFINITION" }));
    expect(() => Clash.checksum).toThrow(/are called Kind: give one of them another id, or one of the block classes a title of its own/);
  });
});

describe("nested classes", () => {
  class Leaf extends Block.define({ name: "Nested Leaf", fields: { a: z.int() } }) {}
  class Middle extends Block.define({ name: "Nested Middle", fields: { leaf: Leaf } }) {}
  class Top extends Block.define({
    name: "Nested Top",
    fields: {
      middle: Middle,
      twice: z.tuple([block(Leaf), block(Leaf)]),
      held: z.object({ leaf: block(Leaf) }),
      own: block(Leaf).meta({ key: "another_key" }),
    },
  }) {}

  it("are referred to by field, as often as they are named, those inside of an object not", () => {
    const leaf = { block_type_slug: "nested-leaf", block_schema_checksum: Leaf.checksum };
    expect(Top.schema().block_schema_references).toEqual({
      middle: { block_type_slug: "nested-middle", block_schema_checksum: Middle.checksum },
      twice: [leaf, leaf],
      own: leaf,
    });
  });

  it("are found leaves first, each once", () => {
    expect([...reachableClasses(Top as unknown as AnyBlockClass)]).toEqual([Leaf, Middle]);
  });
});

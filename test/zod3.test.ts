/** Fields of zod 3: what each kind stores and says of itself, what is refused, and that no value shows. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { z as z3 } from "zod/v3";
import { Block, isAshlarError, openStore, secret, useStore } from "../src/index.ts";
import type { Json } from "../src/json.ts";
import { fromZod3, type Zod3Schema } from "../src/zod3.ts";

const Level = { Low: 1, High: 2 } as const;

/** Kind, a value of it, and its schema in a block without the title. */
const kinds: Record<string, [Zod3Schema, unknown, Json]> = {
  string: [z3.string().min(2).max(9), "text", { type: "string", minLength: 2, maxLength: 9 }],
  email: [z3.string().email(), "a@example.com", { type: "string", format: "email" }],
  number: [z3.number().gt(0.5), 1.5, { type: "number", exclusiveMinimum: 0.5 }],
  integer: [z3.number().int(), 7, { type: "integer" }],
  boolean: [z3.boolean(), false, { type: "boolean" }],
  null: [z3.null(), null, { type: "null" }],
  literal: [z3.literal("on"), "on", { type: "string", const: "on" }],
  enum: [z3.enum(["a", "b"]), "b", { type: "string", enum: ["a", "b"] }],
  nativeEnum: [z3.nativeEnum(Level), Level.High, { type: "number", enum: [1, 2] }],
  date: [z3.date(), new Date("2024-05-06T07:08:09.010Z"), { type: "string", format: "date-time" }],
  array: [z3.array(z3.string()).max(3), ["a", "b"], { type: "array", items: { type: "string" }, maxItems: 3 }],
  dates: [z3.array(z3.date()), [new Date(0)], { type: "array", items: { type: "string", format: "date-time" } }],
  tuple: [
    z3.tuple([z3.string(), z3.number()]).rest(z3.date()),
    ["a", 1, new Date(1)],
    {
      type: "array",
      minItems: 2,
      prefixItems: [{ type: "string" }, { type: "number" }],
      items: { type: "string", format: "date-time" },
    },
  ],
  record: [z3.record(z3.date()), { a: new Date(5) }, { type: "object" }] /* Prefect leaves additionalProperties out */,
  object: [
    z3.object({ host: z3.string(), since: z3.date().optional(), port: z3.number().int().default(443) }),
    { host: "h", since: new Date(9), port: 80 },
    {
      type: "object",
      properties: {
        host: { type: "string" },
        since: { type: "string", format: "date-time" },
        port: { type: "integer", default: 443 },
      },
      required: ["host"],
    },
  ],
  union: [z3.union([z3.string(), z3.number()]), 3, { anyOf: [{ type: "string" }, { type: "number" }] }],
  unionOfLiterals: [z3.union([z3.literal("a"), z3.literal(2)]), 2, { enum: ["a", 2] }],
  discriminated: [
    z3.discriminatedUnion("kind", [
      z3.object({ kind: z3.literal("a"), at: z3.date() }),
      z3.object({ kind: z3.literal("b"), name: z3.string() }),
    ]),
    { kind: "a", at: new Date(7) },
    {
      anyOf: [
        {
          type: "object",
          properties: { kind: { type: "string", const: "a" }, at: { type: "string", format: "date-time" } },
          required: ["kind", "at"],
        },
        {
          type: "object",
          properties: { kind: { type: "string", const: "b" }, name: { type: "string" } },
          required: ["kind", "name"],
        },
      ],
    },
  ],
  nullable: [z3.string().nullable(), null, { anyOf: [{ type: "string" }, { type: "null" }] }],
  lazy: [z3.lazy(() => z3.date()), new Date(3), { type: "string", format: "date-time" }],
  branded: [z3.string().brand("id"), "x", { type: "string" }],
  readonly: [z3.array(z3.string()).readonly(), ["x"], { type: "array", items: { type: "string" } }],
  refined: [z3.string().refine((text) => text !== "no"), "yes", { type: "string" }],
  pipeline: [z3.string().pipe(z3.enum(["a"])), "a", { allOf: [{ type: "string" }, { type: "string", enum: ["a"] }] }],
  unknown: [z3.unknown(), { any: ["thing"] }, {}],
};

beforeEach(async () => useStore(await openStore("memory:")));

function classOf(kind: string, schema: Zod3Schema) {
  return class Kinds extends Block.define({ name: kind, fields: { value: fromZod3(schema) } }) {};
}

describe("each kind of zod 3", () => {
  it.for(Object.entries(kinds))("%s: its schema, and back from a store equal", async ([kind, [schema, value, expected]]) => {
    const Kinds = classOf(kind, schema);
    expect((Kinds.schema().properties as Record<string, object>).value).toEqual({ ...(expected as object), title: "Value", position: 0 });
    expect(Kinds.checksum).toBe(classOf(kind, schema).checksum);
    const saved = await new Kinds({ value } as never).save("one");
    const loaded = await Kinds.load("one");
    expect(loaded).toEqual(saved);
    expect(loaded.equals(saved)).toBe(true);
    expect((loaded as unknown as { value: unknown }).value).toEqual(value);
    expect(saved.with({}).equals(saved)).toBe(true);
  });

  const refused: Record<string, Zod3Schema> = {
    "a transform goes one way only": z3.string().transform((text) => text.length),
    "z.codec() of zod 4": z3.preprocess(String, z3.string()),
    "use z.bigint() of zod 4": z3.bigint().nullable(),
    "JSON has no maps": z3.map(z3.string(), z3.string()),
    "JSON has no sets": z3.set(z3.string()),
    "JSON has no undefined": z3.union([z3.string(), z3.undefined()]),
    "JSON has no NaN": z3.nan(),
    "JSON has no symbols": z3.symbol(),
    "nothing fits it": z3.never(),
    "functions cannot": z3.function(),
    "promises cannot": z3.promise(z3.string()),
    "use .default()": z3.string().catch("x"),
    "join objects": z3.object({ a: z3.string() }).and(z3.object({ b: z3.string() })),
    "a literal is text": z3.literal(5n),
    "is unknown": z3.instanceof(Map),
    "contains itself": recursive(),
  };
  it.for(Object.entries(refused))("what cannot be stored is refused: %s", ([reason, schema]) => {
    const inside = z3.object({ list: z3.array(schema as z3.ZodTypeAny) });
    expect(() => fromZod3(inside)).toThrow(reason);
    try {
      fromZod3(inside);
    } catch (error) {
      expect(isAshlarError(error, "ERR_DEFINITION")).toBe(true);
      expect(String(error)).toContain("the schema.list[]");
    }
  });

  it("a schema of zod 4 is refused, and a raw one of zod 3 is told where to go", () => {
    expect(() => fromZod3(z.string() as never)).toThrow(TypeError);
    expect(() => Block.define({ name: "Raw", fields: { a: z3.string() as never } })).toThrow('fromZod3() of "ashlar/zod3"');
  });
});

function recursive(): z3.ZodTypeAny {
  const node: z3.ZodTypeAny = z3.object({ next: z3.lazy(() => node).optional() });
  return node;
}

class Mixed extends Block.define({
  name: "Mixed",
  fields: {
    host: fromZod3(z3.string().describe("Where it is.")),
    note: fromZod3(z3.string().optional().describe("What it is for.")),
    port: fromZod3(z3.number().int().default(443)),
    checked: fromZod3(z3.string().min(3).default("abc").refine(Boolean)),
    maybe: fromZod3(z3.union([z3.string(), z3.null()]).optional()),
    size: z.int().optional(),
    token: secret(fromZod3(z3.string().min(4))),
  },
}) {}

describe("a field of zod 3", () => {
  it("is optional, or has its default, as zod 3 says, in types too", () => {
    const block = new Mixed({ host: "h", token: "long" });
    expect(block).toMatchObject({ host: "h", port: 443, checked: "abc" });
    expect(block.note).toBeUndefined();
    expectTypeOf(block.host).toEqualTypeOf<string>();
    expectTypeOf(block.note).toEqualTypeOf<string | undefined>();
    expectTypeOf(block.port).toEqualTypeOf<number>();
    expectTypeOf(block.token.reveal()).toEqualTypeOf<string>();
    // @ts-expect-error host is not optional
    expect(() => new Mixed({ token: "long" })).toThrow("host: is missing (string)");
  });

  it("writes the schema that the same field of zod 4 writes", () => {
    class Four extends Block.define({
      name: "Mixed",
      title: "Mixed",
      fields: {
        host: z.string().describe("Where it is."),
        note: z.string().optional().describe("What it is for."),
        port: z.int().default(443),
        checked: z.string().min(3).default("abc"),
        maybe: z.union([z.string(), z.null()]).optional(),
        size: z.int().optional(),
        token: secret(z.string().min(4)),
      },
    }) {}
    expect(Mixed.schema()).toEqual(Four.schema());
    expect(Mixed.checksum).toBe(Four.checksum);
  });

  it("keeps unset, null and a value apart through a store", async () => {
    for (const maybe of [undefined, null, "x"]) {
      await new Mixed({ host: "h", token: "long", ...(maybe !== undefined && { maybe }) }).save("m", { overwrite: true });
      const loaded = await Mixed.load("m");
      expect(loaded.note).toBeUndefined();
      expect(loaded.token.reveal()).toBe("long");
      if (maybe !== undefined) expect(loaded.maybe).toBe(maybe);
    }
  });

  it("says what does not fit in our words, all at once and without a value", () => {
    const planted = "planted-value";
    class Picky extends Block.define({
      name: "Picky",
      fields: {
        literal: fromZod3(z3.literal("on")),
        choice: fromZod3(z3.enum(["a", "b"])),
        format: fromZod3(z3.string().email()),
        start: fromZod3(z3.string().startsWith("s-")),
        pattern: fromZod3(z3.string().regex(/^\d+$/)),
        long: fromZod3(z3.string().min(99, `too short: ${planted}`)),
        many: fromZod3(z3.array(z3.number()).max(1)),
        even: fromZod3(z3.number().multipleOf(2)),
        late: fromZod3(z3.date().max(new Date(0))),
        strict: fromZod3(z3.object({ a: z3.number() }).strict()),
        either: fromZod3(z3.object({ in: z3.union([z3.object({ deep: z3.number() }), z3.array(z3.string())]) })),
        tagged: fromZod3(z3.discriminatedUnion("kind", [z3.object({ kind: z3.literal("x") })])),
        custom: fromZod3(z3.string().refine(() => false, "must be nice")),
        quoting: fromZod3(
          z3
            .string()
            .refine(Boolean)
            .superRefine((value, context) => context.addIssue({ code: "custom", message: `no ${value}` })),
        ),
        hidden: secret(fromZod3(z3.object({ pin: z3.literal("1") }))),
      },
    }) {}
    const input = {
      ...{ literal: planted, choice: planted, format: planted, start: planted, pattern: planted, long: planted, many: [1, 2], even: 3 },
      ...{ late: new Date(1), strict: { a: planted, other: planted }, either: { in: { deep: planted } }, tagged: { kind: planted } },
      ...{ custom: planted, quoting: planted, hidden: { pin: planted } },
    };
    const thrown = (() => {
      try {
        return new Picky(input as never);
      } catch (error) {
        return error;
      }
    })();
    expect(isAshlarError(thrown, "ERR_INVALID")).toBe(true);
    expect(JSON.stringify(thrown) + String((thrown as Error).stack)).not.toContain(planted);
    expect((thrown as Error).message).toMatchInlineSnapshot(`
      "The fields of Picky do not fit:
        literal: expected "on"
        choice: expected one of "a", "b"
        format: expected text of the format email
        start: expected text: startsWith "s-"
        pattern: expected text that matches its pattern
        long: expected at least 99 characters
        many: expected at most 1 entries
        even: expected a multiple of 2
        late: is too late
        strict.a: expected number, got string
        strict.other: is no field
        either.in.deep: expected number, got string
        tagged.kind: expected "x"
        custom: must be nice
        quoting: is refused by a check of the class
        hidden: expected "1""
    `);
  });

  it("says which package is missing", () => {
    const program = `
      import { registerHooks } from "node:module";
      registerHooks({ resolve(name, context, next) {
        if (name !== "zod-to-json-schema") return next(name, context);
        throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
      } });
      await import("ashlar/zod3").catch((error) => console.log(error.code, error.message));`;
    const root = join(import.meta.dirname, "..");
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: root, encoding: "utf8" });
    expect(output).toMatch(/^ERR_MISSING_PACKAGE .*npm install zod-to-json-schema/);
  });
});

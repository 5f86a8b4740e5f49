/** What a field can be: every construct is built, saved, loaded and equal; the rest is refused when the class is defined. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { z as z3 } from "zod/v3";
import type { AnyBlock, AnyBlockClass } from "../src/definition.ts";
import { toDraft } from "../src/document.ts";
import { Block, block, bytes, float, openStore, Secret, type Store, secret } from "../src/index.ts";
import { MASK } from "../src/secret.ts";
import { generateKey, keyText } from "../src/vaults/keyring.ts";
import { temporaryFolder } from "./temporary.ts";

const stores: Store[] = [];
beforeAll(async () => {
  const url = `sqlite:${join(temporaryFolder(), "fields.db")}`;
  stores.push(await openStore("memory:"), await openStore(url, { create: true, keys: [keyText(generateKey())] }));
  return async () => void (await Promise.all(stores.map((store) => store.close())));
});

type Value = { value?: unknown };
let count = 0;

/** A class with one field, `value`; a new one each time, so that none stands for another. */
function classOf(schema: z.ZodType | AnyBlockClass): AnyBlockClass {
  count += 1;
  return class extends Block.define({ name: `Kind ${count}`, title: `Kind${count}`, fields: { value: schema } }) {} as never;
}

function make(cls: AnyBlockClass, input: object): AnyBlock & Value & Block {
  return new cls(input) as AnyBlock & Value & Block;
}

/** Saves and loads in each store. What comes back is equal, and so is its field by the test runner's own comparison. */
async function roundTrip(cls: AnyBlockClass, input: object): Promise<(AnyBlock & Value)[]> {
  const loaded: (AnyBlock & Value)[] = [];
  for (const store of stores) {
    const made = make(cls, input);
    await made.save("x", { store, overwrite: true });
    const again = (await (cls as unknown as { load(name: string, options: object): Promise<Block> }).load("x", { store })) as never;
    expect(made.equals(again)).toBe(true);
    expect(Object.hasOwn(again, "value")).toBe(Object.hasOwn(made, "value"));
    expect((again as Value).value).toEqual(made.value);
    loaded.push(again);
  }
  return loaded;
}

class Leaf extends Block.define({ name: "Field Leaf", fields: { v: z.int(), note: secret().optional() } }) {}
class Other extends Block.define({ name: "Field Other", fields: { w: z.string() } }) {}

interface Tree {
  name: string;
  children?: Tree[] | undefined;
}
const Tree: z.ZodType<Tree, Tree> = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree).optional();
  },
});
type Nested = number | Nested[];
const Nested: z.ZodType<Nested, Nested> = z.lazy(() => z.union([z.number(), z.array(Nested)]));

const point = z.object({ x: z.number(), label: z.string().optional() });
const hexColor = z.codec(z.string(), z.object({ red: z.int() }), {
  decode: (text) => ({ red: Number.parseInt(text, 16) }),
  encode: ({ red }) => red.toString(16),
});
const tagged = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("key"), key: secret() }),
  z.object({ kind: z.literal("date"), at: z.date() }),
  z.object({ kind: z.literal("child"), child: block(Leaf) }),
]);
const defaultTags = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("a").default("a"), a: z.int() }),
  z.object({ kind: z.enum(["b", "c"]).default("c"), b: z.string() }),
]);
const when = new Date("2024-02-29T12:34:56.789Z");
const binary = new Uint8Array([0, 255, 128, 10]);
const text = new TextEncoder().encode("größe\u0000\u{1F600}");

// [what, schema, inputs]
const KINDS: [string, z.ZodType, unknown[]][] = [
  ["text", z.string(), ["", "a", "é\u{1F600}\u0000\u2028", "x".repeat(10_000), MASK, "null", "__proto__"]],
  ["text with checks", z.string().trim().toLowerCase().min(1).max(5).regex(/^a/), [" AB "]],
  ["email", z.email(), ["a@example.com"]],
  ["url", z.url(), ["https://example.invalid/a?b#c", "urn:x"]],
  ["formats", z.union([z.uuid(), z.ipv4(), z.ipv6(), z.cidrv4(), z.base64(), z.jwt(), z.ulid(), z.e164()]), ["127.0.0.1", "::1", "aGk="]],
  ["number", z.number(), [0, 1, 1.5, 1e300, 5e-324, -1e-7, Number.MAX_SAFE_INTEGER]],
  ["int", z.int(), [0, -1, Number.MAX_SAFE_INTEGER]],
  ["coerced number", z.coerce.number(), ["12", 1.5, true]],
  ["boolean", z.boolean(), [true, false]],
  ["stringbool", z.stringbool(), ["yes", "off"]],
  ["enum", z.enum(["a", "b"]), ["a", "b"]],
  ["enum of numbers", z.enum({ LOW: 1, HIGH: 2 }), [1, 2]],
  ["literal", z.literal(["a", 1, true, null]), ["a", 1, true, null]],
  ["null", z.null(), [null]],
  ["template literal", z.templateLiteral(["v", z.int(), ".", z.enum(["x", "y"])]), ["v12.x"]],
  ["date", z.date(), [when, new Date(0), new Date(-1), new Date(8.64e15), new Date(-8.64e15)]],
  ["bounded date", z.date().min(new Date(0)), [when]],
  ["coerced date", z.coerce.date(), [when, "2024-01-02", 0]],
  [
    "iso",
    z.union([z.iso.datetime({ offset: true }), z.iso.date(), z.iso.time(), z.iso.duration()]),
    ["2024-01-02T03:04:05+02:00", "2024-01-02", "03:04:05", "P1D"],
  ],
  ["bigint", z.bigint(), [0n, -1n, 2n ** 200n]],
  ["coerced bigint", z.coerce.bigint(), ["7", 7]],
  ["bytes", bytes(), [text, "plain", new Uint8Array()]],
  ["bytes in base64", bytes("base64"), [binary, text, "aGk=", new Uint8Array()]],
  ["array", z.array(z.array(z.int())).min(0).max(3), [[], [[1], []]]],
  ["array with unset items", z.array(z.string().optional()), [["a", undefined, "b"]]],
  ["tuple", z.tuple([z.string(), z.int()]), [["a", 1]]],
  ["tuple with rest", z.tuple([z.string()], z.date()), [["a"], ["a", when, when]]],
  ["tuple with optional end", z.tuple([z.string(), z.int().optional()]), [["a"], ["a", 1]]],
  ["record", z.record(z.string(), z.number()), [{}, { a: 1, constructor: 2, toString: 3, "": 4, "a/b~c": 5, "1": 6 }]],
  ["record of dates", z.record(z.string().regex(/^d/), z.date()), [{ d: when }]],
  ["record by enum", z.partialRecord(z.enum(["a", "b"]), z.int()), [{ a: 1 }]],
  ["object", point, [{ x: 1 }, { x: 1, label: "l" }]],
  [
    "strict and loose objects",
    z.union([z.strictObject({ a: z.int() }), z.looseObject({ b: z.date() })]),
    [{ a: 1 }, { b: when, more: [1, { c: null }] }],
  ],
  ["object with catchall", z.object({ a: z.int() }).catchall(z.date()), [{ a: 1, b: when }]],
  ["union", z.union([z.string(), z.number(), z.array(z.boolean())]), ["a", 1, [true]]],
  ["discriminated union", tagged, [{ kind: "date", at: when }]],
  [
    "discriminated union whose tags have defaults",
    defaultTags,
    [
      { kind: "a", a: 1 },
      { kind: "c", b: "b" },
    ],
  ],
  ["optional", z.string().optional(), [undefined, "a"]],
  ["nullable", z.string().nullable(), [null, "a"]],
  ["nullish", z.string().nullish(), [undefined, null, "a"]],
  ["default", z.string().default("d"), [undefined, "", "d"]],
  ["default of an object", point.default({ x: 1 }), [undefined, { x: 2 }]],
  ["prefault", z.array(z.date()).prefault(() => [new Date()]), [undefined, [when]]],
  ["nonoptional", z.string().optional().nonoptional(), ["a"]],
  ["readonly", z.array(z.string()).readonly(), [["a"]]],
  ["brand", z.string().brand<"Id">(), ["a"]],
  ["refined", z.object({ a: z.int(), b: z.int() }).refine(({ a, b }) => a < b), [{ a: 1, b: 2 }]],
  ["recursive object", Tree, [{ name: "a", children: [{ name: "b", children: [] }] }]],
  ["lazy", Nested, [1, [1, [2, []]]]],
  ["json", z.json(), [null, 1, "a", [1, { a: [null] }], { b: { c: false } }]],
  ["any", z.any(), [null, [1, { a: "b" }], { constructor: 1 }]],
  ["unknown", z.unknown(), ["a", { a: [] }]],
  ["codec", hexColor, ["ff", "0"]],
  [
    "codec of a list of dates",
    z.codec(z.array(z.date()), z.date(), { decode: ([at]) => at ?? new Date(0), encode: (at) => [at] }),
    [[when]],
  ],
  ["pipe", z.string().pipe(z.string().min(1)), ["a"]],
  [
    "deep",
    z.array(z.record(z.string(), z.tuple([z.object({ at: z.date().optional(), n: z.bigint().nullable() })]))),
    [[{ a: [{ at: when, n: null }] }, { b: [{ n: 5n }] }]],
  ],
];

describe("a field is equal after saving and loading", () => {
  it.each(KINDS)("%s", async (_what, schema, inputs) => {
    const cls = classOf(schema);
    for (const value of inputs) await roundTrip(cls, value === undefined ? {} : { value });
  });
});

it("-0 comes back as 0 and is equal to it", async () => {
  const cls = classOf(z.number());
  await make(cls, { value: -0 }).save("x", { store: stores[0] });
  const loaded = (await Block.load(`${toDraft(make(cls, { value: 0 }), "x").type}/x`, { store: stores[0], classes: [cls] })) as Block;
  expect(loaded.equals(make(cls, { value: -0 }))).toBe(true);
});

describe("what is unset, null and default", () => {
  const states = (cls: AnyBlockClass, input: object) => {
    const made = make(cls, input);
    return [toDraft(made, "x").data, "value" in made ? made.value : "unset"];
  };

  it("stay three states", () => {
    expect(states(classOf(z.string().optional()), {})).toEqual([{ value: null }, "unset"]); // as Python writes Optional[X] = None
    expect(states(classOf(z.string().nullish()), {})).toEqual([{}, "unset"]);
    expect(states(classOf(z.string().nullish()), { value: null })).toEqual([{ value: null }, null]);
    expect(states(classOf(z.string().nullable()), { value: null })).toEqual([{ value: null }, null]);
    expect(states(classOf(z.string().nullable().default("d")), {})).toEqual([{ value: "d" }, "d"]);
    expect(states(classOf(z.string().nullable().default("d")), { value: null })).toEqual([{ value: null }, null]);
  });

  it("are told apart by equals", () => {
    const cls = classOf(z.string().nullish());
    expect(make(cls, {}).equals(make(cls, { value: null }))).toBe(false);
    expect(make(cls, {}).equals(make(cls, { value: undefined }))).toBe(true);
  });

  /** A document as Python saves it: every field, null where nothing is set. */
  async function loadPython(cls: AnyBlockClass & { load?: unknown }, value: unknown): Promise<Value> {
    const [store] = stores as [Store];
    const draft = toDraft(make(cls, { value: undefined }), "python");
    await store.save({ ...draft, data: { value } as never }, { overwrite: true });
    return (cls as never as { load(name: string, options: object): Promise<Value> }).load("python", { store });
  }

  it("a null of Python reads as unset, at any depth", async () => {
    const inner = z.object({ a: z.string().optional(), at: z.date().optional(), n: z.int().default(3), s: secret().optional() });
    const cls = classOf(z.object({ one: inner, many: z.array(inner), named: z.record(z.string(), z.string().optional()) }).optional());
    const nulls = { a: null, at: null, n: 3, s: null };
    const { value } = await loadPython(cls, { one: nulls, many: [nulls], named: { k: null } });
    expect(value).toEqual({ one: { n: 3 }, many: [{ n: 3 }], named: {} });
    expect("value" in (await loadPython(cls, null))).toBe(false);
  });

  it("a null stays where null is a value, and is refused where nothing may be unset", async () => {
    expect((await loadPython(classOf(z.object({ a: z.string().nullish() }).optional()), { a: null })).value).toEqual({ a: null });
    const cls = classOf(z.object({ a: z.string() }).optional());
    await expect(loadPython(cls, { a: null })).rejects.toThrow(/value\.a: expected string, got null/);
  });
});

describe("secret()", () => {
  const s = "planted-secret";
  // [where, schema, input, pointers of the secrets]
  const PLACES: [string, z.ZodType, unknown, string[]][] = [
    ["text", secret(), s, ["/value"]],
    ["checked text", secret(z.string().min(8).trim()), ` ${s}`, ["/value"]],
    ["optional", secret().optional(), s, ["/value"]],
    ["nullable", secret().nullable(), s, ["/value"]],
    ["prefault", secret().prefault(s), undefined, ["/value"]],
    ["number", secret(z.number()), 7.5, ["/value"]],
    ["null", secret(z.string().nullable()), null, ["/value"]],
    ["date", secret(z.date()), when, ["/value"]],
    ["bigint", secret(z.bigint()), 5n, ["/value"]],
    ["bytes", secret(bytes("base64")), binary, ["/value"]],
    ["codec", secret(hexColor), "ff", ["/value"]],
    ["any", secret(z.any()), { a: [s] }, ["/value"]],
    ["json", secret(z.json()), [s, { a: null }], ["/value"]],
    ["record", secret(z.record(z.string(), z.string())), { a: s, toString: s }, ["/value"]],
    ["object with dates", secret(z.object({ at: z.date(), token: z.string().optional() })), { at: when, token: s }, ["/value"]],
    ["union inside", secret(z.union([z.string(), z.array(z.string())])), [s], ["/value"]],
    ["list", z.array(secret()), [s, `${s}2`], ["/value/0", "/value/1"]],
    ["record of", z.record(z.string(), secret()), { "a/b": s, c: s }, ["/value/a~1b", "/value/c"]],
    ["tuple", z.tuple([z.int(), secret()], secret()), [1, s, s], ["/value/1", "/value/2"]],
    ["nested object", z.object({ a: z.object({ b: secret(), c: secret().optional() }) }), { a: { b: s } }, ["/value/a/b"]],
    ["union of secrets", z.union([secret(), secret(z.record(z.string(), z.any()))]), { h: s }, ["/value"]],
    ["union with public", z.union([z.int(), secret()]), s, ["/value"]],
    ["discriminated union", tagged, { kind: "key", key: s }, ["/value/key"]],
    ["block in a union", tagged, { kind: "child", child: { v: 1, note: s } }, ["/value/child/note"]],
    ["recursive object", recursiveSecret(), { s, next: { s } }, ["/value/next/s", "/value/s"]],
    ["deep", z.array(z.record(z.string(), z.tuple([z.object({ p: secret().nullable() })]))), [{ k: [{ p: s }] }], ["/value/0/k/0/p"]],
  ];

  function recursiveSecret(): z.ZodType {
    const node = z.object({
      s: secret(),
      get next() {
        return node.optional();
      },
    });
    return node;
  }

  it.each(PLACES)("is kept apart, hidden and given back: %s", async (_where, schema, value, pointers) => {
    const cls = classOf(schema);
    const made = make(cls, value === undefined ? {} : { value });
    const draft = toDraft(made, "x");
    expect(Object.keys(draft.secrets).sort()).toEqual(pointers);
    for (const shown of [JSON.stringify(draft.data), JSON.stringify(made), String(made)]) expect(shown).not.toContain(s);
    await roundTrip(cls, value === undefined ? {} : { value });
  });

  it("is told apart by equals and not by how it looks", async () => {
    const cls = classOf(z.array(secret()));
    expect(make(cls, { value: [s] }).equals(make(cls, { value: ["other"] }))).toBe(false);
    const [loaded] = await roundTrip(cls, { value: [s] });
    expect((loaded?.value as Secret[] | undefined)?.[0]?.reveal()).toBe(s);
  });

  it("takes a Secret as it is, and checks what it holds", () => {
    const given = new Secret(s);
    expect(make(classOf(secret()), { value: given }).value).toBe(given);
    expect(() => make(classOf(secret(z.int())), { value: new Secret(s) })).toThrow(/value: expected number, got string/);
  });
});

describe("nested blocks", () => {
  const leaf = block(Leaf);
  const fresh = () => new Leaf({ v: 1, note: "planted" });
  // [where, schema, value]
  const PLACES: [string, z.ZodType | AnyBlockClass, unknown][] = [
    ["the class", Leaf, fresh()],
    ["plain fields", Leaf, { v: 1, note: "planted" }],
    ["optional", leaf.optional(), fresh()],
    ["nullable", leaf.nullable(), null],
    ["list", z.array(leaf), [fresh(), { v: 2 }]],
    ["record", z.record(z.string(), leaf), { "a/b": fresh() }],
    ["tuple", z.tuple([leaf, block(Other)]), [fresh(), { w: "w" }]],
    ["union", z.union([leaf, block(Other)]), { w: "w" }],
    ["union by slug", z.union([leaf, block(Other)]), { w: "w", blockTypeSlug: "field-other" }],
    ["union with text", z.union([z.string(), leaf]), fresh()],
    ["object", z.object({ a: z.object({ leaf }) }), { a: { leaf: fresh() } }],
    ["prefault", block(Other).prefault({ w: "w" }), undefined],
  ];

  it.each(PLACES)("inside: %s", async (_where, schema, value) => {
    await roundTrip(classOf(schema), value === undefined ? {} : { value });
  });

  it.each(PLACES.filter(([, , value]) => JSON.stringify(value)?.includes(MASK)))("by reference: %s", async (_where, schema, value) => {
    const cls = classOf(schema);
    for (const store of stores) {
      const made = make(cls, { value });
      const child = find(made.value) as Leaf;
      await child.save("leaf", { store, overwrite: true });
      expect(Object.keys(toDraft(made, "x").references)).toHaveLength(1);
      await made.save("x", { store, overwrite: true });
      const loaded = (await Block.load(`${toDraft(made, "x").type}/x`, { store, classes: [cls] })) as Value & Block;
      expect(loaded.equals(made)).toBe(true);
      expect((find(loaded.value) as Leaf).note?.reveal()).toBe("planted");
      expect((find(loaded.value) as Leaf).document?.name).toBe("leaf");
    }
  });

  function find(value: unknown): unknown {
    if (value instanceof Leaf) return value;
    return typeof value === "object" && value !== null ? Object.values(value).map(find).find(Boolean) : undefined;
  }
});

describe("refused when the class is defined, with the field and a way out", () => {
  const loop: { cls?: AnyBlockClass } = {};
  // [what, field, what the message says]
  const REFUSED: [string, () => unknown, RegExp][] = [
    ["transform", () => z.string().transform(Number), /use z\.codec\(\)/],
    ["preprocess", () => z.preprocess(String, z.string()), /use z\.codec\(\)/],
    ["transform inside", () => z.array(z.object({ a: z.string().transform(Number) })), /value\[\]\.a cannot be stored: .*z\.codec\(\)/],
    ["custom", () => z.custom<string>(), /bytes\(\)/],
    ["instanceof", () => z.instanceof(URL), /z\.codec\(\)/],
    ["map", () => z.map(z.string(), z.int()), /use z\.record\(\)/],
    ["set", () => z.set(z.string()), /use z\.array\(\)/],
    ["symbol", () => z.symbol(), /use z\.literal\(\)/],
    ["undefined", () => z.undefined(), /use \.optional\(\)/],
    ["union with undefined", () => z.union([z.string(), z.undefined()]), /use \.optional\(\)/],
    ["void", () => z.void(), /use \.optional\(\)/],
    ["never", () => z.never(), /leave the field out/],
    ["nan", () => z.nan(), /use z\.number\(\)/],
    ["file", () => z.file(), /use bytes\(\)/],
    ["function", () => z.function(), /a method of the class/],
    ["promise", () => z.promise(z.string()), /await/],
    ["intersection", () => z.intersection(z.object({}), z.object({})), /\.extend\(\)/],
    ["catch", () => z.string().catch("a"), /use \.default\(\)/],
    ["literal bigint", () => z.literal(5n), /a literal is text, number, boolean or null/],
    ["literal undefined", () => z.literal(undefined), /a literal is text/],
    ["keys that are no text", () => z.record(z.number() as never, z.int()), /use z\.string\(\)/],
    ["secret keys", () => z.record(secret() as never, z.int()), /use secret\(z\.record/],
    ["default of a secret", () => secret().default(new Secret("planted")), /use \.optional\(\)/],
    ["default with a secret inside", () => z.object({ a: secret() }).default({ a: new Secret("planted") }), /use \.optional\(\)/],
    ["default of a block", () => block(Other).default(new Other({ w: "w" })), /use \.optional\(\), or \.prefault\(\)/],
    ["default that does not fit", () => z.string().min(9).default("planted"), /its default does not fit/],
    ["default that changes", () => z.string().default(() => crypto.randomUUID()), /use \.prefault\(\(\) => …\)/],
    ["default pinned as a float", () => z.number().default(float(1)), /its default does not fit/],
    ["default of now", () => z.date().default(() => new Date()), /use \.prefault\(\(\) => …\)/],
    [
      "lazy class that is not there yet",
      () => z.lazy(() => block(loop.cls as never) && (undefined as never)),
      /cannot contain itself|block\(\) takes/,
    ],
    ["zod 3", () => z3.string(), /is a schema of zod 3; wrap it with fromZod3\(\)/],
    ["no schema", () => "string", /is neither a zod schema nor a block class/],
    ["null", () => null, /is neither a zod schema nor a block class/],
  ];

  it.each(REFUSED)("%s", (_what, field, reason) => {
    let thrown: unknown;
    try {
      Block.define({ name: "Refusing", fields: { value: field() } as never });
    } catch (error) {
      thrown = error;
    }
    const message = String((thrown as Error)?.message);
    expect(message).toMatch(reason);
    expect(message).not.toContain("planted");
    if (thrown instanceof TypeError) return;
    expect(thrown).toMatchObject({ code: "ERR_DEFINITION" });
    expect(message).toMatch(/^The block class "Refusing": the field value\b/);
  });

  // What secret() refuses has no field yet.
  it.each<[string, () => z.ZodType, RegExp]>([
    ["a default", () => secret(z.string().default("planted")), /default/],
    ["a default deep inside", () => secret(z.object({ a: z.array(z.string().default("planted")) })), /default/],
    ["a secret", () => secret(z.object({ a: secret() })), /take the inner secret\(\) away/],
    ["a block", () => secret(block(Leaf)), /use block\(\) alone/],
    ["a transform", () => secret(z.string().transform(Number)), /z\.codec\(\)/],
  ])("%s in a secret", (_what, field, reason) => {
    expect(field).toThrow(reason);
    expect(field).toThrow(/^secret\(\) cannot be stored: (?!.*planted)/);
  });

  it("a class that reaches itself", () => {
    expect(() => {
      class Own extends Block.define({ name: "Own", fields: { again: z.lazy((): z.ZodType => block(Own)).optional() } }) {}
      return Own;
    }).toThrow(/^The block class "Own": the field again cannot be stored: .* a block class cannot contain itself/);
  });

  it.each(["save", "with", "equals", "document", "toJSON", "toString", "then", "constructor", "blockTypeSlug", "__a"])(
    "the name %s",
    (name) => {
      expect(() => Block.define({ name: "Refusing", fields: { [name]: z.string() } as never })).toThrow(
        `The block class "Refusing": "${name}" is reserved, every block has it already; rename this field.`,
      );
    },
  );

  it("two fields with one key", () => {
    const define = (fields: Record<string, z.ZodType>) => () => Block.define({ name: "Refusing", fields });
    const both = /the fields (\w+) and (\w+) would both be stored as "a_b"; rename one, or give it a key: \.meta\(\{ key: "…" \}\)/;
    expect(define({ aB: z.string(), a_b: z.string() })).toThrow(both);
    expect(define({ aB: z.string(), other: z.string().meta({ key: "a_b" }) })).toThrow(both);
    expect(define({ aB: z.string(), other: z.string().meta({ key: "a_b" }).optional() })).toThrow(both);
    expect(define({ aB: z.string().meta({ key: "x" }), a_b: z.string() })).not.toThrow();
    expect(define({ type: z.string().meta({ key: "block_type_slug" }) })).toThrow(/the field type cannot be stored as "block_type_slug"/);
  });
});

describe("what JSON cannot hold is an error when the block is made", () => {
  const anything = classOf(z.any());
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });

  it.each<[string, unknown, RegExp]>([
    ["NaN", Number.NaN, /value: JSON cannot hold a number that is not finite/],
    ["Infinity", { a: [1, Number.POSITIVE_INFINITY] }, /value\.a\[1\]: JSON cannot hold a number that is not finite/],
    ["a function", { f: () => "planted" }, /value\.f: JSON cannot hold function/],
    ["a symbol", [Symbol("planted")], /value\[0\]: JSON cannot hold symbol/],
    ["a bigint", { n: 5n }, /value\.n: JSON cannot hold bigint/],
    ["undefined in a list", [1, undefined], /value\[1\]: JSON cannot hold undefined/],
    ["a date", { at: when }, /value\.at: JSON cannot hold a Date/],
    ["a map", new Map([["planted", 1]]), /value: is nothing that JSON can hold/],
    ["bytes", binary, /value: JSON cannot hold a Uint8Array/],
    ["an instance of a class", { u: new URL("https://planted.invalid") }, /value\.u: JSON cannot hold a URL/],
    ["what contains itself", cyclic, /nested deeper than 64 levels, or contains itself/],
    ["nested too deep", deep(64), /nested deeper than 64 levels/],
    [
      "a key __proto__",
      JSON.parse('{"a":[{"__proto__":"planted"}]}'),
      /value\.a\.0: has a key __proto__|value\.a\[0\]: has a key __proto__/,
    ],
  ])("%s", (_what, value, reason) => {
    expect(() => make(anything, { value })).toThrow(expect.objectContaining({ code: "ERR_INVALID" }));
    expect(() => make(anything, { value })).toThrow(reason);
    expect(() => make(anything, { value })).not.toThrow(/planted/);
  });

  it("as deep as is allowed is stored", async () => {
    await roundTrip(anything, { value: deep(63) });
  });

  it("a key __proto__ is refused wherever zod would drop it", () => {
    const planted = () => JSON.parse('{"a":1,"__proto__":{"a":1}}') as unknown;
    for (const schema of [
      z.record(z.string(), z.any()),
      z.looseObject({}),
      z.object({ a: z.int() }),
      z.json(),
      secret(z.record(z.string(), z.any())),
    ]) {
      expect(() => make(classOf(schema), { value: planted() })).toThrow(/has a key __proto__/);
    }
    expect(() => make(classOf(secret(z.record(z.string(), z.any()))), { value: new Secret(planted()) })).toThrow(/has a key __proto__/);
    expect(() => make(classOf(z.any().optional()), planted() as object)).toThrow(/has a key __proto__/);
  });

  it("what zod would take for an object without fields", () => {
    for (const value of [new Map([["a", 1]]), new Set([1]), Promise.resolve(), /a/, new Error("planted")]) {
      expect(() => make(classOf(z.object({ a: z.int().optional() })), { value })).toThrow(/value: is nothing that JSON can hold/);
    }
  });

  it("numbers that are none", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => make(classOf(z.number()), { value })).toThrow(/value: expected number/);
    expect(() => make(classOf(z.date()), { value: new Date("no") })).toThrow(/value: expected date/);
  });
});

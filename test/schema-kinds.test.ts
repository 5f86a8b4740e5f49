/** Every kind of field that pydantic knows and zod can say, as the real Python class writes it. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Block, block, bytes, type JsonObject, secret } from "../src/index.ts";
import { plainNumbers } from "../src/json.ts";
import { describeCases, fixture } from "./schema-cases.ts";

const kinds = fixture<{ cases: never[]; recursive: { schema: JsonObject & { title: string } }[] }>("pydantic-kinds.json");
const whole = { numbers: "integer" } as const;
const anyDict = () => z.record(z.string(), z.any());

class Floats extends Block.define({
  name: "Floats",
  fields: {
    one: z.number().default(1).meta(whole),
    half: z.number().default(0.5),
    ten: z.number().min(0).max(100).default(10),
    tiny: z.number().default(1e-5),
    big: z.number().default(1e16),
    bound: z.number().gt(0).lt(1),
    step: z.number().multipleOf(0.5).default(1.5),
    maybe: z.number().optional(),
    given: z.number().nullable().default(2),
    many: z.array(z.number()).default([1, 2.5]),
    table: z.record(z.string(), z.number()).default({ a: 1 }),
  },
}) {}

class Integers extends Block.define({
  name: "Integers",
  fields: {
    count: z.int().default(0),
    positive: z.int().positive().default(1),
    bound: z.int().gt(1).lt(10).default(5),
    step: z.int().multipleOf(5),
    maybe: z.int().nullable().default(3),
    many: z.array(z.int()).default([1, 2]),
    pair: z.union([z.int(), z.number()]).default(1),
    text: z.union([z.string(), z.int()]).default("a"),
    either: z.union([z.int(), z.string()]).optional(),
  },
}) {}

const Color = z.enum(["red", "blue"]).meta({ id: "Color" });
class Optionals extends Block.define({
  name: "Optionals",
  fields: {
    plain: z.string().optional(),
    preset: z.string().nullable().default("v"),
    required: z.string().nullable(),
    union: z.union([z.int(), z.string()]).optional(),
    listed: z.array(z.string()).optional(),
    inner: z.array(z.string().nullable()).optional(),
    table: z.record(z.string(), z.int().nullable()).default({}),
    color: Color.optional(),
    chosen: Color.nullable().default("red"),
    literal: z.literal(["a", "b"]).optional(),
    single: z.literal("a").optional(),
    model: z
      .object({ a: z.string().optional(), b: z.int().nullable().default(3), c: z.string().default("x") })
      .meta({ id: "Options" })
      .optional(),
    day: z.iso.date().optional(),
    described: z.string().optional().meta({ title: "T", description: "D" }),
  },
}) {}

const Fruit = z.enum(["apple", "pear"]).meta({ id: "Fruit" });
class Enums extends Block.define({
  name: "Enums",
  fields: {
    fruit: Fruit,
    preset: Fruit.default("pear"),
    level: z.enum({ LOW: 1, HIGH: 2 }).meta({ id: "Level" }).default(1),
    mixed: z.enum({ A: "a", B: 1 }).meta({ id: "Mixed" }),
    one: z.enum(["only"]).meta({ id: "One" }),
    documented: z.enum(["x", "y"]).meta({ id: "Documented", description: "What it is." }),
    described: Fruit.default("apple").describe("Which fruit."),
    fruits: z.array(Fruit).default(["apple"]),
    byFruit: z.record(z.string(), Fruit).default({}),
    keyed: z.partialRecord(Fruit, z.int()).default({}),
    word: z.enum(["a", "b"]).default("a"),
    single: z.literal("a").default("a"),
    number: z.literal([1, 2]).default(1),
    mixture: z.literal(["a", 1, true]).default("a"),
    flag: z.literal(true).default(true),
    nullish: z.literal(["a", null]).default(null),
    words: z.array(z.enum(["a", "b"])).default([]),
    keys: z.partialRecord(z.enum(["a", "b"]), z.int()).default({}),
  },
}) {}

class Collections extends Block.define({
  name: "Collections",
  fields: {
    anyList: z.array(z.any()).default([]),
    strings: z.array(z.string()),
    bounded: z.array(z.string()).min(1).max(3),
    nested: z.array(z.array(z.int())).default([[1]]),
    pair: z.tuple([z.string(), z.int()]),
    variadic: z.array(z.int()).default([1, 2]),
    fixed: z.tuple([z.string(), z.int()]).default(["a", 1]),
    optionalPair: z.tuple([z.string(), z.int()]).optional(),
    stringsSet: z.array(z.string()).meta({ uniqueItems: true }).default([]),
    anyDict: anyDict().default({}),
    table: anyDict().default({}),
    optionalTable: anyDict().optional(),
    optionalStrings: z.record(z.string(), z.string()).optional(),
    tables: z.array(z.record(z.string(), z.int())).default([]),
    deep: z.record(z.string(), z.record(z.string(), z.array(z.int()))).default({}),
    union: z.union([z.array(z.string()), z.record(z.string(), z.string())]).default([]),
    anything: z.any(),
    anythingPreset: z.any().default(1),
    anythingNone: z.any().default(null),
    nothing: z.null().default(null),
    boundedDict: z.record(z.string(), z.int()).meta({ minProperties: 1, maxProperties: 2 }).default({}),
    patternKeys: z.record(z.string().regex(/^a/), z.int()).default({}),
  },
}) {}

const HttpUrl = z.url().min(1).max(2083);
const decimalText = z.string().regex(/^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$/);
class Texts extends Block.define({
  name: "Texts",
  fields: {
    plain: z.string(),
    bounded: z.string().min(1).max(5).default("ab"),
    pattern: z.string().regex(/^a+$/),
    email: z.email(),
    url: HttpUrl,
    presetUrl: HttpUrl.default("https://example.invalid/"),
    anyUrl: z.url().min(1),
    anyHttpUrl: z.httpUrl().min(1),
    optionalUrl: HttpUrl.optional(),
    uuid: z.uuid(),
    uuid4: z.uuidv4(),
    ipv4: z.ipv4(),
    ipv6: z.ipv6(),
    ipany: z.string().meta({ format: "ipvanyaddress" }),
    net4: z.cidrv4(),
    time: z.iso.time(),
    presetTime: z.iso.time().default("01:02:00"),
    when: z.date().default(new Date(Date.UTC(2024, 0, 2, 3, 4, 5))),
    aware: z.iso.datetime({ offset: true }),
    day: z.iso.date().default("2024-01-02"),
    span: z.iso.duration().default("PT1H"),
    path: z.string().meta({ format: "path" }).default("/tmp"),
    file: z.string().meta({ format: "file-path" }),
    data: bytes().default(new TextEncoder().encode("abc")),
    base64: bytes("base64"),
    base64s: z.base64(),
    base64url: z.base64url(),
    jsonText: z.string().meta({ contentMediaType: "application/json", contentSchema: {} }),
    amount: z.union([z.number(), decimalText]).default("1.5"),
    boundedDecimal: z.union([z.number().min(0).meta({ numbers: "float" }), decimalText]).default("1"),
    optionalDecimal: z.union([z.number(), decimalText]).optional(),
  },
}) {}

const Keys = z.object({ access: secret(), extra: secret().optional() }).meta({ id: "Keys" });
class Secrets extends Block.define({
  name: "Secrets",
  fields: {
    plain: secret(),
    maybe: secret().optional(),
    bounded: secret(z.string().min(8).max(64)),
    raw: secret(bytes()),
    maybeRaw: secret(bytes()).optional(),
    number: secret(z.int()),
    table: secret(anyDict()),
    maybeTable: secret(anyDict()).optional(),
    strings: secret(z.record(z.string(), z.string())),
    literal: secret(z.enum(["a", "b"])),
    listed: z.array(secret()).default([]),
    named: z.record(z.string(), secret()).default({}),
    pair: z.tuple([secret(), z.int()]),
    either: z.union([secret(), secret(anyDict())]),
    keys: Keys,
    many: z.array(Keys).default([]),
    words: secret(z.array(z.string())),
    model: secret(z.object({ access: z.string() }).meta({ id: "Plain" })),
    described: secret().meta({ title: "T", description: "D", examples: ["e"] }),
  },
}) {}

class SecretDefaults extends Block.define({
  name: "SecretDefaults",
  fields: { headers: secret(anyDict()).prefault({}).meta({ title: "Headers" }), token: secret().prefault("x") },
}) {}

class OtherSecrets extends Block.define({
  name: "OtherSecrets",
  fields: {
    number: secret(z.number()),
    flag: secret(z.boolean()),
    anything: secret(z.any()),
    maybe: secret(z.int()).optional(),
    maybeInside: secret(z.string().nullable()),
    either: secret(z.union([z.string(), z.int()])),
    words: secret(z.array(z.string())).optional(),
    maybeWord: secret(z.enum(["a", "b"]).meta({ id: "Word" })).optional(),
    table: secret(z.record(z.string(), z.string())).optional(),
    tables: z.array(secret(anyDict())).default([]),
    pair: secret(z.tuple([z.string(), z.int()])),
    const: secret(z.literal("a")),
  },
}) {}

const Point = z
  .object({ x: z.number().default(0).meta(whole), y: z.number().default(0).meta(whole), label: z.string().optional() })
  .meta({ id: "Point", description: "Where it is." });
const Line = z
  .object({
    start: Point,
    end: Point.default({ x: 1, y: 0 }),
    via: z.array(Point).default([]),
    named: z.record(z.string(), Point).default({}),
    maybe: Point.optional(),
  })
  .meta({ id: "Line" });
const Strict = z.strictObject({ a: z.int() }).meta({ id: "Strict" });
class Models extends Block.define({
  name: "Models",
  fields: {
    line: Line,
    point: Point.default({ x: 2, y: 0 }),
    described: Point.default({ x: 0, y: 0 }).describe("D"),
    titledPoint: Point.meta({ title: "T" }),
    points: z.array(Point).default([{ x: 1, y: 0 }]),
    table: z.record(z.string(), Point).default({}),
    maybe: Point.optional(),
    either: z.union([Point, Line]),
    strict: Strict,
    strictList: z.array(Strict).default([]),
    maybeStrict: Strict.optional(),
    open: z.looseObject({ a: z.int() }).meta({ id: "Open" }),
    titled: z.object({ camelCase: z.int(), other: z.int() }).meta({ id: "Titled", title: "A Title" }),
  },
}) {}

const A = z.object({ kind: z.literal("a").default("a"), a: z.int() }).meta({ id: "A" });
const B = z.object({ kind: z.literal("b").default("b"), b: z.string() }).meta({ id: "B" });
const C = z.object({ kind: z.literal(["c", "d"]) }).meta({ id: "C" });
class Unions extends Block.define({
  name: "Unions",
  fields: {
    either: z.union([z.string(), z.int()]),
    both: z.union([A, B]),
    tagged: z.discriminatedUnion("kind", [A, B]),
    manyTagged: z.array(z.discriminatedUnion("kind", [A, B])).default([]),
    optionalTagged: z.discriminatedUnion("kind", [A, B]).optional(),
    three: z.discriminatedUnion("kind", [A, B, C]).describe("D"),
    withList: z.union([z.string(), z.array(z.string())]).default("a"),
    bools: z.union([z.boolean(), z.int()]).default(false),
    dates: z.union([z.iso.date(), z.string()]),
    literals: z.union([z.literal("a"), z.int()]),
    nested: z.union([z.union([z.int(), z.string()]), z.number()]).optional(),
  },
}) {}

class Leaf extends Block.define({ name: "Leaf", fields: { v: z.int(), s: secret().optional() } }) {}
class Other extends Block.define({ name: "Other", fields: { w: z.string() } }) {}
const leaf = block(Leaf);
const either = z.union([leaf, block(Other)]);
class Everywhere extends Block.define({
  name: "Everywhere",
  fields: {
    one: Leaf,
    maybe: leaf.optional(),
    described: leaf.describe("D"),
    maybeDescribed: leaf.optional().meta({ title: "T", description: "D" }),
    many: z.array(leaf).default([]),
    named: z.record(z.string(), leaf).default({}),
    pair: z.tuple([leaf, block(Other)]),
    some: z.array(leaf).default([]),
    either,
    maybeEither: either.optional(),
    manyEither: z.array(either).default([]),
    held: z.object({ leaf }).meta({ id: "Holder" }),
    textOr: z.union([z.string(), leaf]),
    maybeMany: z.array(leaf).optional(),
  },
}) {}

const Kind = z.enum(["a", "b"]).meta({ id: "Kind" });
class Inner extends Block.define({
  name: "The Inner",
  description: "Inside.",
  fields: { settings: z.object({ kind: Kind.default("a") }).meta({ id: "Settings" }), kind: Kind.default("b") },
}) {}
class Outer extends Block.define({ name: "Outer", fields: { inner: Inner, kind: Kind.default("a") } }) {}

const zero = z.int().default(0);
class Titles extends Block.define({
  name: "Titles",
  fields: {
    a1b: zero,
    a_1b: zero,
    camelCase: zero.meta({ key: "camelCase" }),
    httpServer: zero.meta({ key: "HTTPServer" }),
    under__score: zero,
    x2y3_z: zero,
    größe: zero,
    awsAccessKeyId: zero,
  },
}) {}

class Extra extends Block.define({
  name: "Extra",
  fields: {
    deprecatedOne: z.string().default("a").meta({ deprecated: true }),
    examples: z
      .string()
      .default("a")
      .meta({ examples: ["x"] }),
    extra: z.int().default(1).meta({ group: "g", n: 1 }),
    frozen: z.string().default("a").readonly(),
    computedDefault: z.array(z.string()).prefault([]),
    maybeFactory: z.array(z.string()).nullable().prefault([]),
    modelFactory: z.record(z.string(), z.int()).prefault({}).describe("D"),
  },
}) {}

class Roots extends Block.define({
  name: "Roots",
  fields: {
    names: z.array(z.string()).meta({ id: "Names", title: "Names" }),
    small: z.int().min(1).max(5).default(2),
    code: z
      .string()
      .regex(/^[a-z]+$/)
      .min(2)
      .default("ab"),
    strict: z.string().default("a"),
    strictInt: z.int().default(1),
    nonNegative: z.number().nonnegative().meta(whole).default(0),
    codes: z.array(z.string().min(1)).default([]),
    limited: z.record(z.string(), z.int().min(0)).default({}),
    smallMaybe: z.int().min(1).optional(),
  },
}) {}

class Anys extends Block.define({
  name: "Anys",
  fields: {
    maybe: z.any().optional(),
    listed: z.array(z.any()).default([]),
    union: z.union([z.any(), z.int()]).default(null),
    maybeListed: z.array(z.any()).optional(),
    maybeDict: anyDict().optional(),
    object_: z.any().default(null),
    jsonValue: z.json(),
    maybeJson: z.json().optional(),
    jsonTable: z.record(z.string(), z.json()).default({}),
    mapping: z.record(z.string(), z.array(anyDict())).default({}),
    listDict: z.array(anyDict()).default([]),
    keys: z.record(z.string().min(1), z.int()).default({}),
    maybeKeys: z.record(z.string().min(1), z.int()).optional(),
    maybePattern: z.record(z.string().regex(/^a/), z.any()).optional(),
    uuidKeys: z.record(z.uuid(), z.string()).default({}),
    unions: z.record(z.string(), z.union([z.string(), z.int()])).default({}),
    maybeUnions: z.record(z.string(), z.union([z.string(), z.int()])).optional(),
    listMaybe: z.array(z.int().nullable()).default([null, 1]),
  },
}) {}

const XPoint = z.object({ x: z.int().default(0) }).meta({ id: "Point" });
class Tuples extends Block.define({
  name: "Tuples",
  fields: {
    one: z.tuple([z.int()]),
    models: z.tuple([XPoint, XPoint]),
    withOptional: z.tuple([z.int().nullable(), z.string()]),
    listed: z.array(z.tuple([z.string(), z.int()])).default([]),
    table: z.record(z.string(), z.tuple([z.int(), z.int()])).default({}),
    floats: z.tuple([z.number(), z.number()]).default([1, 2]),
    union: z.union([z.tuple([z.int(), z.int()]), z.string()]),
    empty: z.tuple([]).default([]),
    bounded: z.array(z.int()).max(3).default([]),
    rest: z.array(z.string()).optional(),
  },
}) {}

const In = z
  .object({
    when: z.date().optional(),
    day: z.iso.date().default("2024-01-02"),
    n: z.number().default(1.5),
    kind: z.enum(["a"]).meta({ id: "Kind" }).default("a"),
    tags: z.array(z.string()).default([]),
  })
  .meta({ id: "In" });
const asIn = { day: "2024-01-02", n: 1.5, kind: "a", tags: [] } as const;
const made = () => ({ ...asIn, tags: [] });
class Defaults extends Block.define({
  name: "Defaults",
  fields: {
    inner: In.default({ ...made(), when: new Date(Date.UTC(2024, 0, 2)) }),
    inners: z.array(In).default([made()]),
    table: z.record(z.string(), In).default({ a: { ...made(), n: 2 } }),
    pair: z.tuple([In, z.int()]).default([made(), 1]),
    either: z.union([In, z.string()]).default(made()),
    maybe: In.nullable().default(made()),
    when: z.date().default(new Date(Date.UTC(2024, 0, 2, 3, 4, 5, 678))),
    naive: z.iso.datetime({ local: true }).default("2024-01-02T03:04:05"),
    data: bytes().default(new TextEncoder().encode("é")),
    maybeFloat: z.number().nullable().default(1),
    floats: z.array(z.number()).nullable().default([1]),
    eitherNumber: z.union([z.number(), z.string()]).default(1),
    negativeZero: z.number().default(-0),
    text: z.string().default("é\u{1F600} \u2028"),
    empty: z.string().default(""),
  },
}) {}

const OneKind = z.enum(["a"]).meta({ id: "Kind" });
const Documented = z
  .object({
    a: z
      .string()
      .default("x")
      .meta({ title: "The A", description: "About a.", examples: ["e"] }),
    b: z.int().optional().meta({ title: "The B", description: "About b." }),
    kind: OneKind.default("a").describe("About kind."),
  })
  .meta({ id: "In", description: "A docstring." });
class Described extends Block.define({
  name: "Described",
  description: "Docstring of the block.",
  fields: {
    inner: Documented.describe("About inner."),
    kind: OneKind.meta({ title: "The Kind", description: "About kind." }),
    maybe: Documented.optional().describe("About maybe."),
    many: z.array(Documented).default([]).meta({ title: "The Many", description: "About many." }),
    either: z.union([Documented, z.int()]).describe("About either."),
    word: z.enum(["a", "b"]).default("a").describe("About word."),
    items: z.array(z.string().min(1).describe("About items.")).default([]),
    secret: secret().optional().describe("About secret."),
  },
}) {}

class Parent extends Block.define({
  name: "The Parent",
  description: "Of the parent.",
  fields: { a: z.int().default(1), b: z.string().optional() },
}) {}
class Heir extends Parent.extend({ name: "The Heir", fields: { c: z.boolean().default(false), a: z.number().default(2.5) } }) {}

describeCases("kinds of fields", kinds.cases, {
  Floats,
  Integers,
  Optionals,
  Enums,
  Collections,
  Texts,
  Secrets,
  SecretDefaults,
  OtherSecrets,
  Models,
  Unions,
  Everywhere,
  Outer,
  Titles,
  Extra,
  Roots,
  Anys,
  Tuples,
  Defaults,
  Described,
  Heir,
});

describe("recursive models, as pydantic writes them", () => {
  const Node = z
    .object({
      value: z.int(),
      get next() {
        return Node.optional();
      },
      get children() {
        return z.array(Node).default([]);
      },
      get named() {
        return z.record(z.string(), Node).default({});
      },
    })
    .meta({ id: "Node" });
  class Recursive extends Block.define({
    name: "Recursive",
    fields: { root: Node, maybe: Node.optional(), many: z.array(Node).default([]) },
  }) {}

  type Tree = Tree[] | number;
  const Tree: z.ZodType<Tree, Tree> = z.lazy(() => z.union([z.array(Tree), z.int()])).meta({ id: "Tree" });
  class Alias extends Block.define({ name: "Alias", fields: { tree: Tree, maybe: Tree.optional() } }) {}

  it.each([Recursive, Alias])("%o", (cls) => {
    const expected = kinds.recursive.find(({ schema }) => schema.title === cls.name)?.schema as JsonObject;
    const { $defs, properties, ...rest } = JSON.parse(
      JSON.stringify(plainNumbers(expected), (key, value) => (key === "additionalProperties" ? undefined : value)),
    );
    const positioned = Object.entries(properties).map(([key, node], position) => [key, { ...(node as object), position }]);
    expect(cls.schema()).toMatchObject({ ...rest, definitions: $defs, properties: Object.fromEntries(positioned) });
    expect(Object.keys(cls.schema().definitions ?? {})).toEqual(Object.keys($defs));
  });
});

/** Block schemas as someone might write them who wants code into a generated file: any keyword with any value, and texts that end strings and comments. */
import fc from "fast-check";

/** Each tries to get out of a string, a template, a comment or a pattern, or to be a name that means something else. */
const PIECES = [
  "*/",
  "/*",
  "//",
  "`",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what it is for
  "${globalThis.broken = 1}",
  '"); globalThis.broken = 1; ("',
  "'); globalThis.broken = 1; ('",
  "*/ globalThis.broken = 1; /*",
  "/; globalThis.broken = 1; /",
  "]}})); globalThis.broken = 1;",
  "\n",
  "\r",
  "\u2028",
  "\u2029",
  "\u202e",
  "\u200b",
  "\u0000",
  "\ud800",
  "\udc00",
  "\\",
  '"',
  "'",
  "</script>",
  "<!--",
  "-->",
  "#!/bin/sh",
  "@ts-nocheck",
  "biome-ignore-all lint: x",
  "=> {",
  "é",
  "数据",
  "\u{1F600}",
  "\u{10400}",
  " ",
  "",
  "a",
  "A",
  "9",
  "_",
  "-",
  ".",
];
const WHOLE = [
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "save", "with", "equals", "document", "toJSON"],
  ...["block_type_slug", "blockTypeSlug", "default", "class", "await", "arguments", "eval", "import", "new", "null", "undefined", "NaN"],
  ...[
    "Object",
    "Promise",
    "Secret",
    "Block",
    "block",
    "bytes",
    "secret",
    "z",
    "globalThis",
    "String",
    "any",
    "Function",
    "default_factory",
  ],
  ...["a_b", "aB", "ab", "AB", "a-b", "HTTPServer", "x_", "_x", "__x", "1st", "JsonValue", "id", "key", "numbers"],
];

/** A text. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...WHOLE),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 5 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 8 }),
);

const NAMES = ["A", "B", "C", "JsonValue", "Child", "Other"];
const value = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2, stringUnit: "binary" }) });
const number = fc.oneof(fc.integer({ min: -3, max: 9 }), fc.double({ noNaN: true, noDefaultInfinity: true }), value);
const type = fc.constantFrom("string", "string", "integer", "number", "boolean", "null", "array", "object", "weird", 5, ["string", "null"]);
const format = fc.oneof(fc.constantFrom("password", "date-time", "uri", "email", "uuid", "binary", "path", "ipv4"), text);
const pattern = fc.oneof(fc.constantFrom("^a+$", "a/b", "[/]", "\\/", "(?P<x>a)", "\\Z", "\\p{L}", "(", "\n", ""), text);

const said = {
  type: type as fc.Arbitrary<unknown>,
  title: value,
  description: value,
  default: value,
  format,
  writeOnly: fc.boolean(),
  pattern,
  const: value,
  enum: fc.array(value, { maxLength: 3 }),
  minLength: number,
  maximum: number,
  multipleOf: number,
  minItems: number,
  uniqueItems: fc.boolean(),
  examples: fc.array(value, { maxLength: 2 }),
  deprecated: value,
  id: value,
  key: value,
  numbers: value,
  position: number,
  $ref: fc.oneof(
    fc.constantFrom(...NAMES).map((name) => `#/definitions/${name}`),
    text,
  ),
  "x-annotation": value,
};

/** A node with some keywords; those of its parts are so many levels deep. */
function node(depth: number): fc.Arbitrary<Record<string, unknown>> {
  const inner = depth > 0 ? node(depth - 1) : fc.constant({});
  const list = fc.array(inner, { maxLength: 3 });
  const parts = {
    anyOf: list,
    oneOf: list,
    discriminator: fc.record({ propertyName: text }),
    allOf: list,
    items: inner,
    prefixItems: list,
    additionalProperties: fc.oneof(fc.boolean(), inner),
    propertyNames: inner,
    patternProperties: fc.dictionary(pattern, inner, { maxKeys: 1, noNullPrototype: true }),
    properties: fc.dictionary(text, inner, { maxKeys: 3, noNullPrototype: true }),
    required: fc.array(text, { maxLength: 2 }),
  };
  const entry = (all: Record<string, fc.Arbitrary<unknown>>) =>
    fc.constantFrom(...Object.keys(all)).chain((key) => (all[key] as fc.Arbitrary<unknown>).map((each) => [key, each] as const));
  const entries = fc.array(fc.oneof(entry(said), entry(depth > 0 ? { ...said, ...parts } : said)), { maxLength: 4 });
  const kind = type.chain((of) => {
    const fitting: Record<string, fc.Arbitrary<object>> = {
      array: inner.map((items) => ({ items })),
      object: fc.dictionary(text, inner, { maxKeys: 3, noNullPrototype: true }).map((properties) => ({ properties })),
    };
    return (fitting[String(of)] ?? fc.constant({})).map((more) => ({ type: of, ...more }));
  });
  return fc.tuple(fc.option(kind, { nil: {} }), entries).map(([own, more]) => ({ ...own, ...Object.fromEntries(more) }));
}

/** With positions, so that the fields alone may give the schema. */
function counted({ properties, ...rest }: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(properties as object).map(([key, each], position) => [key, { ...each, position }]);
  return { ...rest, properties: Object.fromEntries(entries) };
}

const own = (tree: Record<string, unknown>) => JSON.parse(JSON.stringify(tree).replaceAll('"own-proto"', '"__proto__"')) as object;

/** The fields of a block schema. */
export const schema: fc.Arbitrary<object> = fc
  .record({
    title: text,
    type: fc.constant("object"),
    description: value,
    properties: fc.dictionary(fc.oneof(text, fc.constantFrom("own-proto", "a_b", "with")), node(2), { maxKeys: 6, noNullPrototype: true }),
    required: fc.array(fc.constantFrom("a_b", "with", "a"), { maxLength: 2 }),
    block_type_slug: fc.constant("hostile"),
    secret_fields: fc.array(fc.oneof(text, fc.constantFrom("a", "a_b", "with.a", "a.*")), { maxLength: 3 }),
    block_schema_references: fc.dictionary(text, fc.record({ block_type_slug: text, block_schema_checksum: text }), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
    definitions: fc.record(
      {
        A: node(2),
        B: node(2),
        C: node(1),
        JsonValue: fc.constant({}),
        Child: node(1).map((each) => ({ title: "Child", properties: {}, ...each, block_type_slug: "child" })),
        Other: node(1).map((each) => ({ properties: { up: { $ref: "#/definitions/Child" } }, ...each, block_type_slug: "other-child" })),
      },
      { requiredKeys: [] },
    ),
  })
  .chain((each) => fc.constantFrom(each, counted(each)))
  .map(own);

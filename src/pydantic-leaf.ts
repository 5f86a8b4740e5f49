/**
 * The JSON schemas of text, numbers and constants as pydantic 2 writes them. Touches zod.
 * @module
 */
import { z } from "zod";
import { float } from "./json.ts";
import type { Node } from "./python-default.ts";

/** zod's own JSON Schema of a schema without children. */
export function leaf(schema: z.ZodType): Node {
  const { $schema: _dialect, ...node } = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-7",
    unrepresentable: "any",
    metadata: z.registry(),
  }) as Node;
  return node;
}

/** Some keywords of it only. */
export function bounds(schema: z.ZodType, only: readonly string[]): Node {
  return Object.fromEntries(Object.entries(leaf(schema)).filter(([key]) => only.includes(key)));
}

/** zod's formats under pydantic's names, which have no pattern; any other format keeps zod's name and pattern. */
const FORMATS: Readonly<Record<string, string>> = {
  uuid: "uuid",
  guid: "uuid",
  url: "uri",
  email: "email",
  datetime: "date-time",
  date: "date",
  time: "time",
  duration: "duration",
  ipv4: "ipv4",
  ipv6: "ipv6",
  cidrv4: "ipv4network",
  cidrv6: "ipv6network",
  base64: "base64",
  base64url: "base64url",
};

interface StringCheck {
  readonly check?: string;
  readonly type?: string;
  readonly format?: string;
  readonly version?: string;
  readonly pattern?: RegExp;
}

/** Text: lengths, a format by pydantic's name, and the patterns of the author. */
export function stringShape(schema: z.ZodType): Node {
  const { contentEncoding: _encoding, pattern: _pattern, allOf: _all, format: _format, ...node } = leaf(schema);
  const checks = [schema._zod.def, ...(schema._zod.def.checks ?? []).map((check) => check._zod.def)] as StringCheck[];
  // A format is a schema of its own (z.email()) or a check of one (z.string().email()); a pattern of the author's is a check only.
  const format = checks.find((check) => check.check === "string_format" && check.type === "string");
  const known = FORMATS[format?.format ?? ""];
  if (format !== undefined) node.format = (known ?? format.format) + (known === "uuid" ? (format.version ?? "").replace("v", "") : "");
  const patterns = checks
    .filter(({ pattern }) => pattern !== undefined && !/[ims]/.test(pattern.flags)) // what a flag changes, JSON schema cannot say
    .filter((check) => check !== format || known === undefined)
    .map(({ pattern }) => (pattern as RegExp).source.replaceAll("\\/", "/"));
  if (patterns.length === 1) node.pattern = patterns[0];
  if (patterns.length > 1) node.allOf = patterns.map((pattern) => ({ pattern }));
  return node;
}

/** Bounds are whole numbers unless pinned: in Python `ge=0` is how a float is bounded too. */
export function numberShape(schema: z.ZodType): Node {
  const node = leaf(schema);
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
  const asFloat = z.globalRegistry.get(schema)?.numbers === "float";
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, asFloat && typeof value === "number" ? float(value) : value]));
}

/** Secret text is marked, whatever its format, so that forms hide it; a secret of another type shows in `secret_fields` only. */
export function secretShape(inner: Node): Node {
  return inner.type === "string" && !("enum" in inner) && !("const" in inner) ? { ...inner, format: "password", writeOnly: true } : inner;
}

/** pydantic's Literal and Enum: one value of a Literal is a constant. */
export function choice(values: readonly unknown[], isEnum = false): Node {
  const types = new Set(values.map((value) => (value === null ? "null" : Number.isInteger(value) ? "integer" : typeof value)));
  return {
    ...(values.length === 1 && !isEnum ? { const: values[0] } : { enum: values }),
    ...(types.size === 1 && { type: [...types][0] }),
  };
}

/**
 * JSON as Prefect hashes it, and JSON that loses nothing: `1.0` stays apart from `1`, and large integers stay whole. Touches nothing else.
 *
 * Numbers that JavaScript would change are kept as `JSON.rawJSON` objects (their text), which `JSON.stringify` writes back unchanged.
 * @module
 */
import { AshlarError } from "./errors.ts";

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

interface RawJson {
  readonly rawJSON: string;
}
// In V8 since 11.4; TypeScript's library does not have it yet. https://tc39.es/proposal-json-parse-with-source/
const native = JSON as unknown as {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
};

/** Deepest nesting that is read or written. */
export const MAX_JSON_DEPTH = 64;

/** A whole number written as a float: `float(1)` is `1.0` in JSON, as Python writes it. */
export function float(value: number): number {
  return Number.isInteger(value) ? (native.rawJSON(pythonFloat(value)) as unknown as number) : value;
}

/** Whether a value is a number kept as its text. */
export function isRawNumber(value: unknown): value is RawJson {
  return native.isRawJSON(value);
}

/** Parses JSON and keeps every number whose text JavaScript would change. @throws SyntaxError, without the text in it. */
export function parseLossless(text: string): unknown {
  return withoutText(() =>
    native.parse(text, (_key, value, { source }) => {
      if (typeof value !== "number" || source === undefined || String(value) === source) return value;
      if (!/[.eE]/.test(source)) return value === 0 ? 0 : native.rawJSON(source); // an integer too large for a double; -0 is 0 in Python
      return Number.isInteger(value) ? native.rawJSON(pythonFloat(value)) : value;
    }),
  );
}

/** Parses JSON without ever quoting it in an error: the text may hold a secret. @throws SyntaxError that says no more than that. */
export function parseJson(text: string): unknown {
  return withoutText(() => JSON.parse(text));
}

function withoutText<T>(parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new SyntaxError("this is not JSON");
  }
}

/** A copy with plain numbers in place of those kept as text. */
export function plainNumbers(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/**
 * Text of a value as Python's `json.dumps(value, sort_keys=True)` writes it: keys by code point, `", "` and `": "`, ASCII only, floats as `repr`.
 * protocol.md §3.3 step 4.
 */
export function pythonJson(value: unknown): string {
  if (isRawNumber(value)) return value.rawJSON;
  if (typeof value === "number") return Number.isInteger(value) ? String(BigInt(value)) : pythonFloat(value);
  if (typeof value === "string") return asciiString(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object).sort(byCodePoint);
  return `{${keys.map((key) => `${asciiString(key)}: ${pythonJson(object[key])}`).join(", ")}}`;
}

function asciiString(text: string): string {
  return JSON.stringify(text).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Order of Unicode code points; JavaScript's own order is by UTF-16 unit, which puts astral characters before U+E000. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = (left[index]?.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Python's `repr` of a float: shortest digits, exponent form below 1e-4 and from 1e16, where JavaScript's begins at 1e-7 and 1e21. */
function pythonFloat(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  if (value !== 0 && (Number(exponent) < -4 || Number(exponent) >= 16))
    return `${mantissa}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, "0")}`;
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** Text that JSON writes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** A text as JSON: what `JSON.stringify` gives, in half the time where it is plain. */
export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** One canonical text for a JSON value: keys sorted, no blanks. Equal values give equal texts whatever the order of their keys. */
export function canonicalJson(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === "" ? "" : ","}${canonicalJson(item)}`;
    return `[${text}]`;
  }
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object);
  for (const key of keys.length > 1 ? keys.sort() : keys) {
    const item = object[key];
    if (item !== undefined) text += `${text === "" ? "" : ","}${quoted(key)}:${canonicalJson(item)}`;
  }
  return `{${text}}`;
}

/** Refuses what is nested deeper than {@link MAX_JSON_DEPTH}. @throws AshlarError `ERR_LIMIT` */
export function checkDepth(value: unknown, what: string, limit = MAX_JSON_DEPTH): void {
  if (typeof value !== "object" || value === null) return;
  if (limit === 0) throw new AshlarError("ERR_LIMIT", `${what} is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  for (const key in value) checkDepth((value as Record<string, unknown>)[key], what, limit - 1);
}

/** Whether this is an array or an object of no class. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

const LOST = [Map, Set, WeakMap, WeakSet, Promise, RegExp, Error];

/**
 * What of a value would be lost on the way or never end: a key `__proto__`, which zod drops without a word, a map, which it takes for an empty
 * object, and nesting without bounds.
 */
export function hazardIn(value: unknown, depth = 0): { readonly path: readonly string[]; readonly message: string } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!isPlain(value))
    return LOST.some((type) => (value as object) instanceof type) ? { path: [], message: "is nothing that JSON can hold" } : undefined;
  if (depth >= MAX_JSON_DEPTH) return { path: [], message: `is nested deeper than ${MAX_JSON_DEPTH} levels, or contains itself` };
  if (Object.hasOwn(value, "__proto__")) return { path: [], message: "has a key __proto__, which cannot be stored" };
  for (const [key, item] of Object.entries(value)) {
    const hazard = hazardIn(item, depth + 1);
    if (hazard) return { path: [key, ...hazard.path].slice(0, 5), message: hazard.message };
  }
  return undefined;
}

/** A JSON pointer (RFC 6901) from its parts. */
export function pointer(parts: readonly (string | number)[]): string {
  return parts.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The parts of a JSON pointer. */
export function pointerParts(text: string): string[] {
  return text
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

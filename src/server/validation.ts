/**
 * Bodies and queries against the shapes that a route takes; what does not fit is told as pydantic tells it (protocol.md §2.1), all at once. Pure; touches
 * exchange.ts.
 *
 * What was sent is never repeated: it may hold a secret. So `input` and `request_body`, where Prefect's server has it, are null.
 * @module
 */
import { isRawNumber } from "../json.ts";
import { type Call, Refusal } from "./exchange.ts";
import { uuidOf } from "./router.ts";

/** Where something stands: `body` or `query`, and the keys that lead there. */
export type Location = readonly (string | number)[];

/** One thing that does not fit. */
export interface Fault {
  /** pydantic's name for it. */
  readonly type: string;
  readonly loc: Location;
  readonly msg: string;
  readonly ctx?: Readonly<Record<string, unknown>> | undefined;
}

/** Reads a value; what it gives counts only when no fault was added. */
export type Reader<T> = (value: unknown, loc: Location, faults: Fault[]) => T;

/** The refusal for what does not fit. */
export function invalidRequest(faults: readonly Fault[]): Refusal {
  const details = faults.map(({ type, loc, msg, ctx }) => ({ type, loc, msg, input: null, ...(ctx && { ctx }) }));
  const body = { exception_message: "Invalid request received.", exception_detail: details, request_body: null };
  return new Refusal({ status: 422, body: JSON.stringify(body) });
}

/** A field of an object: how it is read, and what stands for it when it is not there. */
export interface Field<T> {
  readonly read: Reader<T>;
  readonly fallback?: { readonly value: T };
}
type Shape = Readonly<Record<string, Field<unknown>>>;
type Values<S extends Shape> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** A field that must be there. */
export function required<T>(read: Reader<T>): Field<T> {
  return { read };
}

/** A field that may be left out. */
export function optional<T, D>(read: Reader<T>, value: D): Field<T | D> {
  return { read, fallback: { value } };
}

/** An object of certain fields and no others. */
export function object<S extends Shape>(shape: S): Reader<Values<S>> {
  return (value, loc, faults) => {
    if (!isObject(value)) {
      faults.push({ type: "model_attributes_type", loc, msg: "Input should be a valid dictionary or object to extract fields from" });
      return {} as Values<S>;
    }
    const values = readFields(shape, value, loc, faults);
    for (const key of Object.keys(value))
      if (!Object.hasOwn(shape, key)) faults.push({ type: "extra_forbidden", loc: [...loc, key], msg: "Extra inputs are not permitted" });
    return values;
  };
}

function readFields<S extends Shape>(shape: S, value: Readonly<Record<string, unknown>>, loc: Location, faults: Fault[]): Values<S> {
  const values: Record<string, unknown> = {};
  for (const [key, { read, fallback }] of Object.entries(shape)) {
    if (Object.hasOwn(value, key)) values[key] = read(value[key], [...loc, key], faults);
    else if (fallback) values[key] = fallback.value;
    else faults.push({ type: "missing", loc: [...loc, key], msg: "Field required" });
  }
  return values as Values<S>;
}

/** The body of a call. @throws Refusal when it is not there or does not fit */
export async function readBody<T>(call: Call, read: Reader<T>): Promise<T> {
  const body = await call.json();
  const faults: Fault[] = [];
  if (body === undefined) faults.push({ type: "missing", loc: ["body"], msg: "Field required" });
  const value = read(body, ["body"], body === undefined ? [] : faults);
  if (faults.length > 0) throw invalidRequest(faults);
  return value;
}

/**
 * The parameters in the body of a call that filters: each may be left out or null, others are ignored, and so may the whole body be.
 * @throws Refusal when they do not fit
 */
export async function readParameters<S extends Shape>(call: Call, shape: S): Promise<Values<S>> {
  const body = (await call.json()) ?? {};
  const faults: Fault[] = [];
  if (!isObject(body)) {
    for (const key of Object.keys(shape)) faults.push({ type: "missing", loc: ["body", key], msg: "Field required" });
    throw invalidRequest(faults);
  }
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  const values = readFields(shape, given, ["body"], faults);
  if (faults.length > 0) throw invalidRequest(faults);
  return values;
}

/** A truth value of the query; false when it is not given. @throws Refusal when it is none */
export function queryFlag(call: Call, name: string): boolean {
  const given = call.query.getAll(name).at(-1);
  if (given === undefined) return false;
  const faults: Fault[] = [];
  const value = flag(given, ["query", name], faults);
  if (faults.length > 0) throw invalidRequest(faults);
  return value;
}

/** A text; `rule` is what it must be. */
export function string(rule?: (text: string) => Omit<Fault, "loc"> | undefined): Reader<string> {
  return (value, loc, faults) => {
    if (typeof value !== "string") {
      faults.push({ type: "string_type", loc, msg: "Input should be a valid string" });
      return "";
    }
    const fault = rule?.(value);
    if (fault) faults.push({ ...fault, loc });
    return value;
  };
}

/** What a text has to match, as pydantic says it. */
export function pattern(expression: RegExp): (text: string) => Omit<Fault, "loc"> | undefined {
  const msg = `String should match pattern '${expression.source}'`;
  return (text) => (expression.test(text) ? undefined : { type: "string_pattern_mismatch", msg, ctx: { pattern: expression.source } });
}

/** What a text has to be, in words. */
export function rule(holds: (text: string) => boolean, msg: string): (text: string) => Omit<Fault, "loc"> | undefined {
  return (text) => (holds(text) ? undefined : { type: "value_error", msg: `Value error, ${msg}`, ctx: { error: {} } });
}

/** Null, or what a reader takes. */
export function nullable<T>(read: Reader<T>): Reader<T | null> {
  return (value, loc, faults) => (value === null ? null : read(value, loc, faults));
}

/** A list of what a reader takes. */
export function list<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, loc, faults) => {
    if (Array.isArray(value)) return value.map((item, index) => read(item, [...loc, index], faults));
    faults.push({ type: "list_type", loc, msg: "Input should be a valid list" });
    return [];
  };
}

/** A UUID, in lower case with dashes. */
export const uuid: Reader<string> = (value, loc, faults) => {
  const known = typeof value === "string" ? uuidOf(value) : undefined;
  if (known === undefined) faults.push({ type: "uuid_parsing", loc, msg: "Input should be a valid UUID" });
  return known ?? "";
};

/** Any object. */
export const dictionary: Reader<{ readonly [key: string]: unknown }> = (value, loc, faults) => {
  if (isObject(value)) return value;
  faults.push({ type: "dict_type", loc, msg: "Input should be a valid dictionary" });
  return {};
};

const FLAGS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["true", "1", "yes", "on", "t", "y"].map((word) => [word, true])),
  ...Object.fromEntries(["false", "0", "no", "off", "f", "n"].map((word) => [word, false])),
};

/** A truth value, or a word or number for one. */
export const flag: Reader<boolean> = (value, loc, faults) => {
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.toLowerCase() : isNumber(value) ? String(numberOf(value)) : undefined;
  if (word === undefined) faults.push({ type: "bool_type", loc, msg: "Input should be a valid boolean" });
  else if (!Object.hasOwn(FLAGS, word))
    faults.push({ type: "bool_parsing", loc, msg: "Input should be a valid boolean, unable to interpret input" });
  return word !== undefined && FLAGS[word] === true;
};

/** A whole number, also as text. */
export const integer: Reader<number> = (value, loc, faults) => {
  const given =
    typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : isNumber(value) ? numberOf(value) : Number.NaN;
  if (Number.isSafeInteger(given)) return given;
  const [type, msg] = isNumber(value)
    ? ["int_from_float", "Input should be a valid integer, got a number with a fractional part"]
    : typeof value === "string"
      ? ["int_parsing", "Input should be a valid integer, unable to parse string as an integer"]
      : ["int_type", "Input should be a valid integer"];
  faults.push({ type, loc, msg });
  return 0;
};

/** A whole number from 0. */
export const count: Reader<number> = (value, loc, faults) => {
  const known = faults.length;
  const number = integer(value, loc, faults);
  if (faults.length === known && number < 0)
    faults.push({ type: "greater_than_equal", loc, msg: "Input should be greater than or equal to 0", ctx: { ge: 0 } });
  return number;
};

/** One of some words. */
export function oneOf<const W extends string>(...words: readonly W[]): Reader<W> {
  const expected = words
    .map((word) => `'${word}'`)
    .join(", ")
    .replace(/, ([^,]*)$/, " or $1");
  return (value, loc, faults) => {
    const word = words.find((each) => each === value);
    if (word === undefined) faults.push({ type: "enum", loc, msg: `Input should be ${expected}`, ctx: { expected } });
    return word ?? (words[0] as W);
  };
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || isRawNumber(value);
}

function numberOf(value: unknown): number {
  return isRawNumber(value) ? Number(value.rawJSON) : (value as number);
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

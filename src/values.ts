/**
 * The values that an instance holds: read, frozen, compared, masked. Touches definition.ts, json.ts and secret.ts.
 * @module
 */
import { type AnyBlock, type AnyBlockClass, DEFINITION, isBlock, isBlockClass } from "./definition.ts";
import { isPlain, type Json } from "./json.ts";
import { MASK, Secret } from "./secret.ts";

/** The fields of an instance by TypeScript name. */
export function valuesOf(block: AnyBlock): Record<string, unknown> {
  const { fields } = (block.constructor as AnyBlockClass)[DEFINITION];
  const own = block as unknown as Record<string, unknown>;
  return Object.fromEntries(fields.filter((field) => Object.hasOwn(own, field.name)).map((field) => [field.name, own[field.name]]));
}

/** An instance as JSON shows it: fields by TypeScript name, secrets as masks. */
export function masked(value: unknown): Json {
  if (value instanceof Secret) return MASK;
  if (isBlock(value)) return masked(valuesOf(value));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null) return value as Json;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, masked(item)]),
  );
}

/** Makes plain arrays and objects unchangeable; what has a class of its own guards itself. */
export function freeze(value: unknown): unknown {
  if (!isPlain(value) || Object.isFrozen(value)) return value;
  for (const item of Object.values(value)) freeze(item);
  return Object.freeze(value);
}

/** Whether two fields' values are equal: secrets by what they hide, blocks by their fields. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b || Object.is(a, b)) return true; // -0 is 0, as in JSON
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return false;
  if (a instanceof Secret || isBlockClass(a.constructor)) return (a as AnyBlock).equals(b);
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.from(a).equals(b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => same(left[key], right[key]));
}

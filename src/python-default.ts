/**
 * A declared default as Python writes it into a schema: `1.0` for a float, six digits of a second, null for what is unset. Touches zod and fields.ts.
 * @module
 */
import { z } from "zod";
import { float } from "./json.ts";
import { storable } from "./storable.ts";
import { acceptsNull, type Def, defOf, isOptional, lazyInner, secretInner } from "./zod-def.ts";

/** A part of a JSON schema. */
export type Node = Record<string, unknown>;

/** The default of a `.default()`, in JSON. */
export function pythonDefault(schema: z.ZodType): unknown {
  const def = defOf(schema);
  const inner = def.innerType as z.ZodType;
  const encoded: unknown = z.encode(storable(inner, "default").schema, def.defaultValue);
  const form = z.globalRegistry.get(schema)?.numbers;
  if (form !== undefined && typeof encoded === "number") return form === "float" ? float(encoded) : encoded;
  return written(encoded, inner);
}

/** A stored value as Python would write one that the schema has checked. */
function written(value: unknown, schema: z.ZodType): unknown {
  const def = defOf(schema);
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && def.type === "number") return isFloat(schema) ? float(value) : value;
  if (typeof value === "string" && def.type === "date")
    return value.replace(/\.(\d{3})Z$/, (_all, ms) => (ms === "000" ? "Z" : `.${ms}000Z`));
  const inner = def.innerType ?? (def.type === "lazy" ? lazyInner(schema) : secretInner(schema) ? undefined : def.in);
  if (inner) return written(value, inner);
  if (def.type === "union") {
    const option = def.options?.find((each) => z.safeDecode(storable(each, "default").schema, value as never).success);
    return option ? written(value, option) : value;
  }
  if (Array.isArray(value)) return value.map((item, index) => written(item, itemOf(def, index)));
  return typeof value === "object" ? writtenObject(value as Node, def) : value;
}

function writtenObject(value: Node, def: Def): Node {
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    written(item, def.shape?.[key] ?? def.valueType ?? def.catchall ?? z.any()),
  ]);
  const unset = Object.entries(def.shape ?? {}).filter(([key, item]) => isOptional(item) && !acceptsNull(item) && !(key in value));
  return Object.fromEntries([...entries, ...unset.map(([key]) => [key, null])]);
}

function itemOf(def: Def, index: number): z.ZodType {
  return def.element ?? def.items?.[index] ?? def.rest ?? z.any();
}

function isFloat(schema: z.ZodType): boolean {
  const form = z.globalRegistry.get(schema)?.numbers;
  if (form !== undefined) return form === "float";
  const checks = [schema._zod.def, ...(schema._zod.def.checks ?? []).map((check) => check._zod.def)] as { format?: string }[];
  return !checks.some(({ format }) => /int/.test(format ?? "")); // z.int() is a schema of that format, z.number().int() a check of it
}

/**
 * A value of a stored schema → the expression that declares it. Touches zod, the schema's reading, and generate-meta.ts for what describes it.
 *
 * Each expression is tried as it is made. What cannot be declared passes any JSON, as secret as it may be, and a comment says so.
 * @module
 */
import { z } from "zod";
import { apply, call, type Expression, list, literal, name, object, value } from "./expression.ts";
import { attempt, described, describedModel, type Surroundings, type Written, withKeywords } from "./generate-meta.ts";
import { isPlain, type Json } from "./json.ts";
import { treeOf } from "./schema-node.ts";
import type { Part, Property, Reading } from "./schema-reading.ts";
import { storable } from "./storable.ts";
import { acceptsNull } from "./zod-def.ts";

function zod(method: string, ...given: Expression[]): Expression {
  return call(name("z"), method, ...given);
}

/** One property of a block or a model, with its default and what describes it. */
export function writeProperty({ key, part, preset }: Property, around: Surroundings, pinnedKey?: string): Written {
  const reading = around.reader.read(part);
  const inner = reading.kind === "nullable" ? writePart(reading.of, around) : writeCore(part, around);
  const whole = reading.kind === "nullable" ? changed(inner, (code) => call(code, "nullable")) : inner;
  const raw = treeOf(part.raw);
  switch (preset.kind) {
    case "required":
      return described(whole, raw, key, around, pinnedKey);
    case "unset": {
      const isNull = raw.default === null && whole === inner && attempt(() => acceptsNull(around.schemaOf(inner.code))) === true;
      const code = isNull ? call(inner.code, "default", value(null)) : call(inner.code, "optional");
      return described({ ...inner, code }, raw, key, around, pinnedKey);
    }
    case "computed":
      return described(withComputed(whole, preset.empty, around), raw, key, around, pinnedKey);
    case "value":
      return described(withDefault(whole, preset.value, part, around), raw, key, around, pinnedKey);
  }
}

/** What passes everything that a property may hold, where it cannot be declared. */
export function writeAnything({ key, part, preset }: Property, around: Surroundings, pinnedKey?: string): Written {
  const { code } = writeReading(around.reader.readAnything(part), part, around);
  const notes = ["Any JSON: what the schema says of it cannot be declared."];
  const set = preset.kind === "required" ? code : call(code, "optional");
  return described({ code: set, notes, pending: false }, treeOf(part.raw), key, around, pinnedKey);
}

/**
 * A definition that is no block, under its name. One that contains itself other than by way of an object's properties has to be lazy.
 * @param assign makes its name stand for an expression, for what refers to it
 */
export function writeModel(id: string, of: Part, around: Surroundings, assign: (code: Expression) => void): Expression {
  const core = writeCore(of, around);
  const code = core.pending ? zod("lazy", { kind: "later", of: core.code }) : core.code;
  return describedModel(code, id, treeOf(of.raw), around, assign);
}

/** A part of something else: a list's items, one of a union. */
function writePart(part: Part, around: Surroundings): Written {
  return described(writeCore(part, around), treeOf(part.raw), "", around);
}

/** What fits, without default and description. */
function writeCore(part: Part, around: Surroundings): Written {
  const reading = around.reader.read(part);
  const written = writeReading(reading, part, around);
  return ["block", "definition"].includes(reading.kind) ? written : withKeywords(written, treeOf(part.raw), around);
}

function writeReading(reading: Reading, part: Part, around: Surroundings): Written {
  const inner = (each: Part) => writePart(each, around);
  switch (reading.kind) {
    case "nullable":
      return changed(inner(reading.of), (code) => call(code, "nullable"));
    case "secret":
      return reading.partly ? writeEach(reading.of, around) : hidden(writeCore(reading.of, around));
    case "block": {
      const found = around.blockName(reading.name);
      return found === undefined ? anything("Any JSON: a block cannot contain itself.") : plain(apply("block", name(found)));
    }
    case "definition": {
      const found = around.model(reading);
      return { code: name(found.name), notes: [], pending: found.pending };
    }
    case "union":
      return union(reading, around, inner);
    case "literal":
      return plain(choice(reading.values, reading.constant));
    case "text":
      return plain(text(reading, part));
    case "number":
      return plain(reading.bounds.reduce((code, [bound, of]) => call(code, bound, value(of)), zod(reading.integer ? "int" : "number")));
    case "boolean":
    case "null":
    case "json":
      return plain(zod(reading.kind));
    case "list": {
      const { code, ...rest } = reading.items ? inner(reading.items) : anything();
      return { code: sized(zod("array", code), reading), ...rest };
    }
    case "tuple":
      return joined([...reading.items, ...(reading.rest ? [reading.rest] : [])].map(inner), (codes) =>
        zod("tuple", list(codes.slice(0, reading.items.length)), ...codes.slice(reading.items.length)),
      );
    case "record":
      return record(reading, around, inner);
    case "object":
      return writeObject(reading, around, inner);
    default:
      return anything(reading.kind === "any" ? undefined : "Any JSON: zod has no words for what the schema says of it.");
  }
}

function plain(code: Expression): Written {
  return { code, notes: [], pending: false };
}

function anything(note?: string): Written {
  return { ...plain(zod("unknown")), notes: note === undefined ? [] : [note] };
}

function changed(written: Written, change: (code: Expression) => Expression): Written {
  return { ...written, code: change(written.code) };
}

function joined(parts: readonly Written[], join: (codes: Expression[]) => Expression): Written {
  return {
    code: join(parts.map((each) => each.code)),
    notes: [...new Set(parts.flatMap((each) => each.notes))],
    pending: parts.some((each) => each.pending),
  };
}

function hidden(inner: Written): Written {
  const { code } = inner;
  const isText = code.kind === "call" && code.of.kind === "member" && code.of.of.kind === "name" && code.of.name === "string";
  return { ...inner, code: isText ? apply("secret") : apply("secret", code) };
}

/** The inside of a secret of which the schema marks some parts by themselves: each part is a secret then. */
function writeEach(part: Part, around: Surroundings): Written {
  const reading = around.reader.readEach(part);
  if (reading.kind !== "union") return writeReading(reading, { ...part, hiding: "each" }, around);
  const options: Written[] = [];
  let unmarked: Written[] = [];
  const close = () => {
    if (unmarked.length > 0) options.push(hidden(unmarked.length === 1 ? (unmarked[0] as Written) : unionOf(unmarked)));
    unmarked = [];
  };
  for (const option of reading.options) {
    const inside = around.reader.read(option);
    if (inside.kind === "secret" && inside.of.raw === option.raw) unmarked.push(writePart(inside.of, around));
    else {
      close();
      options.push(writePart(option, around));
    }
  }
  close();
  return options.length === 1 ? (options[0] as Written) : unionOf(options);
}

function unionOf(options: readonly Written[]): Written {
  return joined(options, (codes) => zod("union", list(codes)));
}

function union({ options, tag }: Extract<Reading, { kind: "union" }>, around: Surroundings, inner: (part: Part) => Written): Written {
  const untagged = unionOf(options.map(inner));
  const models = options.map((option) => around.reader.read(option));
  if (tag === undefined || !models.every((each) => each.kind === "definition" && around.model(each).plain)) return untagged;
  const tagged = joined(options.map(inner), (codes) => zod("discriminatedUnion", value(tag), list(codes)));
  const works = attempt(() => around.schemaOf(tagged.code)._zod.propValues) !== undefined;
  return works ? tagged : untagged;
}

function choice(values: readonly (null | boolean | number | string)[], constant: boolean): Expression {
  const isWords = values.every((each) => typeof each === "string") && new Set(values).size === values.length;
  if (isWords && !constant) return zod("enum", list(values.map(value)));
  return zod("literal", values.length === 1 ? value(values[0] as string) : list(values.map(value)));
}

/** zod's formats that refuse no text which pydantic takes. */
const FORMATS: Readonly<Record<string, () => Expression>> = {
  uri: () => zod("url"),
  email: () => zod("email", object([{ key: "pattern", value: UNICODE_EMAIL }])),
  ipv4: () => zod("ipv4"),
};
const UNICODE_EMAIL: Expression = { kind: "member", of: { kind: "member", of: name("z"), name: "regexes" }, name: "unicodeEmail" };

function text({ min, max, pattern, format }: Extract<Reading, { kind: "text" }>, { hiding }: Part): Expression {
  const bare = min === undefined && max === undefined && pattern === undefined;
  if (format === "binary" && bare && hiding === undefined) return apply("bytes");
  const made = Object.hasOwn(FORMATS, format ?? "") ? FORMATS[format ?? ""] : undefined;
  const code = sized(made?.() ?? zod("string"), { min, max });
  return pattern === undefined ? code : call(code, "regex", { kind: "pattern", pattern });
}

function sized(code: Expression, { min, max }: { readonly min: number | undefined; readonly max: number | undefined }): Expression {
  const least = min === undefined ? code : call(code, "min", value(min));
  return max === undefined ? least : call(least, "max", value(max));
}

function record({ keys, values }: Extract<Reading, { kind: "record" }>, around: Surroundings, inner: (part: Part) => Written): Written {
  const entries = values ? inner(values) : anything();
  const reading = keys && around.reader.read(keys);
  const words = reading?.kind === "definition" ? around.reader.read(reading.of) : reading;
  const isChoice = words?.kind === "literal" && words.values.every((each) => typeof each === "string");
  const named = keys && (isChoice || reading?.kind === "text") ? inner(keys) : plain(zod("string"));
  return joined([named, entries], (codes) => zod(isChoice ? "partialRecord" : "record", ...codes));
}

function writeObject(
  { properties, others }: Extract<Reading, { kind: "object" }>,
  around: Surroundings,
  inner: (part: Part) => Written,
): Written {
  // zod drops a key __proto__ without a word.
  if (properties.some(({ key }) => key === "__proto__"))
    return anything("Any JSON: it has a key that JavaScript takes for something else.");
  const entries = properties.map((property) => {
    const { code, notes, pending } = writeProperty(property, around);
    return { key: property.key, value: code, notes, getter: pending };
  });
  const rest = typeof others === "object" ? inner(others) : undefined;
  const method = others === false ? "strictObject" : others === true ? "looseObject" : "object";
  const code = zod(method, object(entries, entries.length > 0));
  return rest ? { ...rest, code: call(code, "catchall", rest.code) } : plain(code);
}

/** A default that Python makes each time: of a list or a mapping an empty one, of an object or a block what it is without any value. */
function withComputed(written: Written, empty: Json | undefined, around: Surroundings): Written {
  const preset = empty ?? (attempt(() => around.schemaOf(written.code).safeParse({}).success) ? {} : undefined);
  if (preset !== undefined) return changed(written, (code) => call(code, "prefault", literal(preset) as Expression));
  const note = "Python makes a default here, which the schema does not say.";
  return { ...changed(written, (code) => call(code, "optional")), notes: [...written.notes, note] };
}

function withDefault(written: Written, preset: Json, { hiding }: Part, around: Surroundings): Written {
  const taken = attempt(() => {
    const result = z.safeDecode(storable(around.schemaOf(written.code), "default").schema, preset as never);
    return result.success ? { value: withoutUnset(result.data) } : undefined;
  });
  const asTaken = taken && isJson(taken.value) ? literal(taken.value as Json) : undefined;
  if (asTaken && hiding !== "inside") return changed(written, (code) => call(code, "default", asTaken));
  const asStored = literal(preset);
  // In a secret a default would show, but for an empty one; and bytes are written as text.
  const isEmpty = isPlain(preset) && Object.keys(preset).length === 0;
  if (taken && asStored && (isEmpty || hiding === "inside" || taken.value instanceof Uint8Array))
    return changed(written, (code) => call(code, "prefault", asStored));
  // Of a secret or a block the schema's default is a mask or a copy, and no value to store.
  return { ...changed(written, (code) => call(code, "optional")), notes: [...written.notes, "Python has a default of its own here."] };
}

function isJson(of: unknown): boolean {
  if (of === null || ["string", "number", "boolean"].includes(typeof of)) return true;
  return isPlain(of) && Object.values(of).every(isJson);
}

function withoutUnset(of: unknown): unknown {
  if (!isPlain(of)) return of;
  if (Array.isArray(of)) return of.map(withoutUnset);
  return Object.fromEntries(Object.entries(of).flatMap(([key, item]) => (item === undefined ? [] : [[key, withoutUnset(item)]])));
}

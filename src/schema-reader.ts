/**
 * What a stored schema says of a value, a node at a time: for classes made at run time, and for the text of classes. Touches schema-node.ts.
 *
 * What is secret, what may be null and what holds by default is decided here. A value's parts are read when they are asked for, so that a schema may
 * contain itself.
 * @module
 */
import { reached, schemaOfDefinition } from "./definitions.ts";
import { AshlarError } from "./errors.ts";
import { checkDepth, type Json, MAX_JSON_DEPTH, parseLossless, plainNumbers } from "./json.ts";
import {
  aliases,
  bounds,
  choicesOf,
  constants,
  definitionName,
  holdsMark,
  isMarked,
  isModern,
  isNull,
  isOpaque,
  isTree,
  numberOf,
  partsOf,
  readPattern,
  saysNothing,
  simplified,
  type Tree,
  textOf,
  textsOf,
  treeOf,
  unfolded,
  withoutNull,
} from "./schema-node.ts";
import type { Part, Preset, Property, Reading } from "./schema-reading.ts";
import { isSlug } from "./slug.ts";

type Marks = "all" | "some" | "none";

/** Reads a schema's text. @throws AshlarError `ERR_CANNOT_OPEN` when it is no schema, `ERR_LIMIT` when it is nested deeper than 64. */
export function readSchema(type: string, text: string): SchemaReader {
  let root: unknown;
  try {
    root = parseLossless(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (!isTree(root)) throw new AshlarError("ERR_CANNOT_OPEN", `The schema of ${type} is damaged.`, { type });
  checkDepth(root, `The schema of ${type}`);
  return new SchemaReader(root);
}

/** A block schema as it is stored, or that of a nested block inside one. */
export class SchemaReader {
  /** The schema as it was written. */
  readonly root: Tree;
  readonly definitions: Tree;
  readonly #secrets: ReadonlySet<string>;
  readonly #modern: boolean;
  readonly #marks = new Map<string, Marks>();
  readonly #endless = new Map<string, boolean>();

  constructor(root: Tree, within?: SchemaReader) {
    this.root = root;
    this.definitions = within?.definitions ?? Object.assign(Object.create(null), this.root.$defs, this.root.definitions);
    this.#secrets = new Set(textsOf(this.root.secret_fields));
    this.#modern = within ? within.#modern : isModern(this.root);
  }

  get title(): string | undefined {
    return textOf(this.root.title);
  }

  get slug(): string | undefined {
    return textOf(this.root.block_type_slug);
  }

  get description(): string | undefined {
    return textOf(this.root.description);
  }

  /** The fields of the block, in order of their positions. */
  get fields(): readonly Property[] {
    const properties = this.#properties(this.root, { raw: this.root, path: "", depth: 0 });
    const position = ({ part }: Property) => numberOf(treeOf(part.raw).position);
    if (properties.some((each) => position(each) === undefined)) return properties;
    return properties.toSorted((a, b) => (position(a) ?? 0) - (position(b) ?? 0));
  }

  /** A nested block's own schema. */
  nested(name: string): SchemaReader {
    return new SchemaReader(treeOf(this.definitions[name]), this);
  }

  /** A definition with those that it needs, as a schema of its own. */
  whole(name: string): Tree {
    return schemaOfDefinition(name, this.definitions);
  }

  /** How many nodes there would be with every definition in each of its places; huge where definitions of definitions double. */
  get unfolded(): number {
    return unfolded(this.root, this.definitions);
  }

  /** What a node says. */
  read(part: Part): Reading {
    const raw = treeOf(part.raw);
    if (part.depth > MAX_JSON_DEPTH) return { kind: "unknown" };
    const choices = choicesOf(raw);
    // Python's Secret[Optional[str]] hides whether it is null, Optional[Secret[str]] does not, and has null as its default.
    const hidesNull = raw.default === undefined && this.#marksOf(raw) === "none" && this.#isSecret(raw, part);
    if (choices && choices.length > 1 && choices.some(isNull) && !hidesNull)
      return { kind: "nullable", of: { ...part, raw: withoutNull(raw, choices) } };
    const name = definitionName(raw);
    if (name !== undefined && isSlug(textOf(treeOf(this.definitions[name]).block_type_slug) ?? "!"))
      return part.hiding === "inside" ? { kind: "unknown" } : { kind: "block", name };
    if (this.#isSecret(raw, part)) {
      const { format: _format, writeOnly: _writeOnly, ...unmarked } = raw;
      const partly = partsOf(raw).length > 0 && this.#marksOf(raw) !== "none";
      return { kind: "secret", of: { ...part, raw: isMarked(raw) ? unmarked : raw, hiding: "inside" }, partly };
    }
    const reading = name === undefined ? this.#visible(raw, part) : this.#definition(name, part);
    // Of what cannot be looked into, all is secret when something in it is.
    const isBlind = ["json", "any", "unknown"].includes(reading.kind) && part.hiding !== "inside";
    return isBlind && this.#holdsSecret(part) ? { kind: "secret", of: { ...part, hiding: "inside" }, partly: false } : reading;
  }

  /** What the inside of a secret says, each of its parts being secret by itself. */
  readEach(part: Part): Reading {
    return this.#visible(treeOf(part.raw), { ...part, hiding: "each" });
  }

  /** What passes anything that a value may hold, as secret as it may be. */
  readAnything(part: Part): Reading {
    return this.#holdsSecret(part) ? { kind: "secret", of: { ...part, raw: {}, hiding: "inside" }, partly: false } : { kind: "any" };
  }

  #holdsSecret({ raw, path }: Part): boolean {
    if (this.#secrets.has(path) || this.#holdsListed(path)) return true;
    return [raw, ...[...reached(raw, this.definitions)].map((name) => this.definitions[name])].some(holdsMark);
  }

  #holdsListed(path: string): boolean {
    return [...this.#secrets].some((each) => each.startsWith(`${path}.`));
  }

  #isSecret(raw: Tree, { path, hiding }: Part): boolean {
    if (hiding === "inside") return false;
    if (isMarked(raw)) return true;
    const listed = this.#secrets.has(path) || this.#secrets.has(`${path}.*`) || (isOpaque(raw) && this.#holdsListed(path));
    // Where the schema itself marks every part of a value, the parts are the secrets, as in `z.array(secret())`.
    return (listed || hiding === "each") && this.#marksOf(raw) !== "all";
  }

  #marksOf(raw: Tree, depth = 0): Marks {
    const name = definitionName(raw);
    if (depth > MAX_JSON_DEPTH) return "none";
    if (name !== undefined) {
      const known = this.#marks.get(name);
      if (known) return known;
      this.#marks.set(name, "none"); // for a definition that contains itself
      const marks = this.#marksOf(treeOf(this.definitions[name]), depth + 1);
      this.#marks.set(name, marks);
      return marks;
    }
    const parts = partsOf(raw).map((part) => this.#marksOf(part, depth + 1));
    if (parts.length === 0) return isMarked(raw) ? "all" : "none";
    if (parts.every((marks) => marks === "all")) return "all";
    return parts.every((marks) => marks === "none") ? "none" : "some";
  }

  #definition(name: string, part: Part): Reading {
    const raw = treeOf(this.definitions[name]);
    // A server that rebuilds a schema forgets empty definitions, such as pydantic's JsonValue.
    if (name === "JsonValue" && Object.keys(raw).length === 0) return { kind: "json" };
    if (Object.keys(raw).length === 0 || this.#isEndless(name)) return { kind: "unknown" };
    const secrets = [...this.#secrets].filter((path) => path.startsWith(`${part.path}.`)).map((path) => path.slice(part.path.length));
    const key = JSON.stringify([name, part.hiding, ...secrets]);
    return { kind: "definition", name, key, of: { ...part, raw, depth: part.depth + 1 } };
  }

  /** Whether a definition leads to itself, or to one that does, without a list or an object on the way: no value would ever fit it. */
  #isEndless(name: string, depth = 0): boolean {
    const known = this.#endless.get(name);
    if (known !== undefined) return known;
    if (depth > MAX_JSON_DEPTH) return true;
    this.#endless.set(name, true); // met again on the way
    const endless = aliases(treeOf(this.definitions[name])).some((each) => this.#isEndless(each, depth + 1));
    this.#endless.set(name, endless);
    return endless;
  }

  #visible(raw: Tree, part: Part): Reading {
    const choices = choicesOf(raw);
    const inner = (each: unknown): Part => ({ ...part, raw: each, depth: part.depth + 1 });
    if (choices?.length === 1) return this.read({ ...part, raw: simplified(raw, choices), depth: part.depth + 1 });
    if (choices && choices.length > 1)
      return { kind: "union", options: choices.map(inner), tag: textOf(treeOf(raw.discriminator).propertyName) };
    if ("const" in raw || Array.isArray(raw.enum)) return literal(raw);
    switch (raw.type) {
      case "string":
        return raw.contentMediaType === "application/json" ? { kind: "any" } : text(raw); // Python writes what the text means
      case "integer":
      case "number":
        return { kind: "number", integer: raw.type === "integer", bounds: bounds(raw) };
      case "boolean":
      case "null":
        return { kind: raw.type };
      case "array":
        return list(raw, inner);
      case "object":
        return this.#object(raw, part, inner);
      default:
        return { kind: saysNothing(raw) ? "any" : "unknown" };
    }
  }

  #object(raw: Tree, part: Part, inner: (raw: unknown) => Part): Reading {
    const open = raw.additionalProperties;
    const others = typeof open === "boolean" ? open : isTree(open) ? (Object.keys(open).length > 0 ? inner(open) : true) : undefined;
    if (isTree(raw.properties)) return { kind: "object", properties: this.#properties(raw, part), others };
    const [[pattern, values] = [], ...more] = Object.entries(treeOf(raw.patternProperties));
    if (pattern !== undefined && more.length === 0)
      return { kind: "record", keys: inner({ type: "string", pattern }), values: inner(values) };
    const keys = isTree(raw.propertyNames) ? inner({ type: "string", ...raw.propertyNames }) : undefined;
    return { kind: "record", keys, values: typeof others === "object" ? others : undefined };
  }

  #properties(raw: Tree, { path, hiding, depth }: Part): Property[] {
    const required = new Set(textsOf(raw.required));
    return Object.entries(treeOf(raw.properties)).map(([key, item]) => {
      const own = raw === this.root ? this.#withBlocks(key, item) : item;
      const part = { raw: own, path: path === "" ? key : `${path}.${key}`, hiding, depth: depth + 1 };
      return { key, part, preset: required.has(key) ? { kind: "required" } : this.#preset(part) };
    });
  }

  /** Prefect takes `additionalProperties` out of schemas; that a mapping's values are blocks can still be told by the references. */
  #withBlocks(key: string, item: unknown): unknown {
    const reference = treeOf(this.root.block_schema_references)[key];
    const slug = textOf(treeOf(reference).block_type_slug);
    if (slug === undefined || treeOf(item).type !== "object" || !isOpaque(treeOf(item))) return item;
    const [name, ...more] = Object.keys(this.definitions).filter((each) => treeOf(this.definitions[each]).block_type_slug === slug);
    return name === undefined || more.length > 0 ? item : { ...treeOf(item), additionalProperties: { $ref: `#/definitions/${name}` } };
  }

  /** pydantic 1 says nothing of an optional value, where pydantic 2 says that its default is null. */
  #preset(part: Part): Preset {
    const preset = treeOf(part.raw).default;
    if (preset !== undefined) return preset === null ? { kind: "unset" } : { kind: "value", value: plainNumbers(preset) };
    return this.#modern ? { kind: "computed", empty: this.#empty(part) } : { kind: "unset" };
  }

  #empty(part: Part): Json | undefined {
    const reading = this.read(part);
    if (reading.kind === "nullable" || reading.kind === "secret") return this.#empty(reading.of);
    return reading.kind === "list" ? [] : reading.kind === "record" ? {} : undefined;
  }
}

function literal(raw: Tree): Reading {
  const [first, ...more] = constants(raw) ?? [];
  return first === undefined ? { kind: "unknown" } : { kind: "literal", values: [first, ...more], constant: "const" in raw };
}

function text({ minLength, maxLength, pattern, format }: Tree): Reading {
  const [min, max] = [numberOf(minLength), numberOf(maxLength)];
  return { kind: "text", min, max, pattern: typeof pattern === "string" ? readPattern(pattern) : undefined, format: textOf(format) };
}

function list({ items, prefixItems, minItems, maxItems }: Tree, inner: (raw: unknown) => Part): Reading {
  const rest = isTree(items) ? inner(items) : undefined;
  const [first, ...more] = Array.isArray(prefixItems) ? prefixItems.map(inner) : [];
  if (first) return { kind: "tuple", items: [first, ...more], rest };
  return { kind: "list", items: rest, min: numberOf(minItems), max: numberOf(maxItems) };
}

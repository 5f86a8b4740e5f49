/**
 * Block schemas → the text of a TypeScript file that declares their classes. Touches the core, and no store, file or process.
 *
 * Every class is made in memory from the same expressions that are written, so that its checksum is known: where what the fields give is not the
 * schema it came from, the class carries the schema's own text. A schema may be anyone's: no text of it gets out of a string or a comment.
 * @module
 */
import { z } from "zod";
import { Block } from "./block.ts";
import { type Expression, evaluate, uses } from "./expression.ts";
import { commentText, expressionText, filled, WIDTH } from "./expression-text.ts";
import { block, bytes, secret } from "./fields.ts";
import { type TypeSource, writeClass } from "./generate-class.ts";
import { writeModel } from "./generate-field.ts";
import { attempt, type Surroundings } from "./generate-meta.ts";
import { DeclaredNames, spaced } from "./generate-names.ts";
import { pythonJson } from "./json.ts";
import { referencesOf } from "./schema-node.ts";
import { readSchema, SchemaReader } from "./schema-reader.ts";
import type { Reading } from "./schema-reading.ts";
import { schemaOf } from "./schema-references.ts";
import { slugify } from "./slug.ts";

export type { TypeSource };

/** A class of a generated file. */
export interface GeneratedClass {
  /** Slug of its type. */
  readonly type: string;
  readonly name: string;
  readonly checksum: string;
  /** Why it carries the schema's own text; null where the fields alone give the schema. */
  readonly ownText: string | null;
}

/**
 * Declares a class for each type and for each nested block that is none of them, leaves first.
 *
 * @param sources each slug once. Where a schema nests a type that is here too, this one is nested, whatever version the schema refers to.
 * @throws AshlarError `ERR_CANNOT_OPEN` for what is no schema, `ERR_LIMIT` for one that is nested deeper than 64.
 */
export function generateBlocks(sources: readonly TypeSource[]): { readonly text: string; readonly classes: readonly GeneratedClass[] } {
  const file = new BlockFile(sources);
  for (const source of sources) file.declare(source);
  return { text: file.text(), classes: file.classes };
}

/** How a generated file begins. */
export const MADE_BY = '// Made by "ashlar generate"';

const HEAD = `${MADE_BY} from block schemas, and made anew when they change: what is written into it is lost then.
// Methods go into a class that extends one of these, under the same name.`;

/** How deep blocks may nest each other. */
const MAX_NESTING = 50;

interface Model {
  readonly name: string;
  readonly pending: boolean;
  readonly plain: boolean;
}

interface Declaration {
  readonly name: string;
  readonly code: Expression;
  readonly kind: "class" | "model";
  readonly about?: string | undefined;
}

/** The declarations of one file, as they are found to be needed. */
class BlockFile {
  readonly classes: GeneratedClass[] = [];
  readonly #sources: ReadonlyMap<string, TypeSource>;
  readonly #names = new DeclaredNames();
  readonly #declarations: Declaration[] = [];
  readonly #scope = new Map<string, unknown>(Object.entries({ z, Block, block, bytes, secret }));
  /** Slugs of the classes that are being written, outermost first. */
  readonly #begun: string[] = [];
  readonly #models = new Map<string, Model>();

  constructor(sources: readonly TypeSource[]) {
    this.#sources = new Map(sources.map((source) => [source.type.slug, source]));
  }

  /** Declares a class, unless it is there; undefined for one that contains itself. */
  declare(source: TypeSource): string | undefined {
    const { slug } = source.type;
    const known = this.classes.find((each) => each.type === slug);
    if (known) return known.name;
    if (this.#begun.includes(slug) || this.#begun.length > MAX_NESTING) return undefined;
    this.#begun.push(slug);
    const given = readSchema(slug, source.schema.fields);
    const reader = source.schema.checksum === undefined ? given : (schemaOf(source.schema.checksum, given) ?? given);
    const className = this.#names.declare(reader.title || source.type.name || slug, "Block");
    const { code, cls, checksum, ownText } = writeClass(source, className, this.#surroundings(reader));
    this.#begun.pop();
    this.#scope.set(className, cls);
    this.#declarations.push({ kind: "class", name: className, code, about: (reader.description || source.type.description) ?? undefined });
    this.classes.push({ type: slug, name: className, checksum, ownText });
    return className;
  }

  #surroundings(reader: SchemaReader): Surroundings {
    const begun = new Map<string, Model>();
    const around: Surroundings = {
      reader,
      blockName: (definition) => this.declare(this.#nestedSource(reader, definition)),
      model: (reading) => this.#model(reading, begun, around),
      schemaOf: (code) => evaluate(code, this.#scope) as z.ZodType,
    };
    return around;
  }

  /** The type of that slug, or what the schema says of it. */
  #nestedSource(reader: SchemaReader, definition: string): TypeSource {
    const { slug = "", title = slug, description = null } = reader.nested(definition);
    const known = this.#sources.get(slug);
    if (known) return known;
    const referred = referencesOf(reader.root).find((each) => each.slug === slug)?.checksum;
    const whole = new SchemaReader(reader.whole(definition));
    const { root } = (referred === undefined ? undefined : schemaOf(referred, whole)) ?? whole;
    const name = [title, spaced(title)].find((each) => attempt(() => slugify(each)) === slug) ?? title;
    const type = { slug, name, description, logoUrl: null, documentationUrl: null };
    return { type, schema: { fields: JSON.stringify(root), version: "non-versioned", capabilities: [] } };
  }

  #model(reading: Extract<Reading, { kind: "definition" }>, begun: Map<string, Model>, around: Surroundings): Model {
    const { name: id, of, key } = reading;
    const whole = `${key} ${pythonJson(around.reader.whole(id))}`;
    const known = begun.get(id) ?? this.#models.get(whole);
    if (known) return known;
    const name = this.#names.declare(id, "Model");
    const plain = around.reader.read(of).kind === "object";
    begun.set(id, { name, pending: true, plain });
    this.#scope.set(name, z.object({}).meta({ id })); // for what refers to it meanwhile
    const before = this.#declarations.length;
    const code = writeModel(id, of, around, (made) => {
      this.#scope.set(name, around.schemaOf(made));
      for (const each of this.#declarations.slice(before))
        if (each.kind === "model") this.#scope.set(each.name, around.schemaOf(each.code));
    });
    begun.delete(id);
    this.#declarations.push({ kind: "model", name, code });
    const model = { name, pending: false, plain };
    this.#models.set(whole, model);
    return model;
  }

  /** The whole file. */
  text(): string {
    const used = (name: string) => this.#declarations.some(({ code }) => uses(code, name));
    const imports = ["Block", "block", "bytes", "secret"].filter(used);
    const lines = [`import { ${imports.join(", ")} } from "ashlar";`, ...(used("z") ? ['import { z } from "zod";'] : [])];
    return `${[HEAD, lines.join("\n"), ...this.#declarations.map(declarationText)].join("\n\n")}\n`;
  }
}

function declarationText({ kind, name, code, about }: Declaration): string {
  if (kind === "model") {
    const start = `export const ${name}${isLazy(code) ? ": z.ZodType" : ""} = `;
    return `${start}${expressionText(code, 0, start.length, 1)};`;
  }
  const start = `export class ${name} extends `;
  return `${aboutText(about)}${start}${expressionText(code, 0, start.length, 3)} {}`;
}

/** Whether a model is lazy: then TypeScript cannot tell its type from itself. */
function isLazy(code: Expression): boolean {
  return code.kind === "call" && code.of.kind === "member" && (code.of.name === "lazy" || isLazy(code.of.of));
}

function aboutText(about: string | undefined): string {
  const lines = (about ?? "")
    .trim()
    .split(/\r\n|[\r\n]/)
    .flatMap(docLines);
  const [first = "", ...more] = lines;
  if (first === "") return "";
  if (more.length === 0 && first.length + 7 <= WIDTH && !first.startsWith("@")) return `/** ${first} */\n`;
  return `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n */\n`;
}

/** One line of a description, in lines that fit. */
function docLines(line: string): string[] {
  const text = commentText(line.replaceAll("\t", "  ").trimEnd());
  const indent = /^ */.exec(text)?.[0] ?? "";
  const words = text.trim().split(/ +/);
  return filled(words, WIDTH - 3 - indent.length).map((each) => indent + each);
}

/**
 * What `Block.define` is given → a checked definition. Touches zod, fields.ts and storable.ts.
 * @module
 */
import { z } from "zod";
import { type AnyBlockClass, type Definition, type Field, isBlockClass, type Parsed } from "./definition.ts";
import { AshlarError, isAshlarError } from "./errors.ts";
import { block, snakeCase } from "./fields.ts";
import { issuesOf, pathText } from "./issues.ts";
import { hazardIn } from "./json.ts";
import { isSlug, slugify } from "./slug.ts";
import { storable } from "./storable.ts";
import { acceptsNull, isOptional } from "./zod-def.ts";

/** Names that every block has already. */
export type Reserved =
  | "save"
  | "with"
  | "equals"
  | "document"
  | "toJSON"
  | "toString"
  | "toLocaleString"
  | "valueOf"
  | "constructor"
  | "then"
  | "blockTypeSlug"
  | `__${string}`;
const RESERVED: ReadonlySet<string> = new Set([
  "save",
  "with",
  "equals",
  "document",
  "toJSON",
  "toString",
  "toLocaleString",
  "valueOf",
  "constructor",
  "then",
  "blockTypeSlug",
]);

/** Whether a field cannot have this name, since every block has it already. */
export function isReserved(name: string): boolean {
  return RESERVED.has(name) || name.startsWith("__");
}

/** What a block class says of itself; as Prefect has it (protocol.md §7). */
export interface Metadata {
  /** Name of the block type, for people: `"Databricks Credentials"`. */
  readonly name: string;
  /** Identity of the type. Default: made from the name, `databricks-credentials`. */
  readonly slug?: string;
  /** Title of the schema. Default: the name of the class; pin it where a bundler renames classes, since it counts in the checksum. */
  readonly title?: string;
  /** One or more sentences. Default none. */
  readonly description?: string;
  /** Address of a picture. Default none. */
  readonly logoUrl?: string;
  /** Address of a page about it. Default none. */
  readonly documentationUrl?: string;
  /** Markdown that shows how to load it. Default: made from the class's name. */
  readonly codeExample?: string;
  /** What servers can filter by, such as `"write-path"`. Default none. */
  readonly capabilities?: readonly string[];
  /** Version of the package that declares the class. Default `non-versioned`. */
  readonly version?: string;
  /** The schema's own JSON text, where the class was made from a schema and must keep its checksum. Default: made from the fields. */
  readonly schemaText?: string;
}

/** The fields of a block class: zod schemas, or block classes to nest, by camelCase name. */
export type Fields = { readonly [name: string]: z.ZodType | AnyBlockClass };

/** A check over all fields together, by TypeScript name. */
export type Check = (values: Record<string, unknown>, refuse: (message: string, field?: string) => void) => void;

/** Checks what a class is declared with. @throws AshlarError `ERR_DEFINITION` */
export function makeDefinition(metadata: Metadata, fields: Fields, checks: readonly Check[]): Definition {
  const slug = metadata.slug ?? slugify(metadata.name);
  const where = `The block class "${metadata.name}"`;
  if (!isSlug(slug))
    throw new AshlarError("ERR_DEFINITION", `${where} needs a slug of lower-case letters, digits and dashes; "${slug}" is none.`);
  const shape: Record<string, z.ZodType> = {};
  const list: Field[] = [];
  for (const [name, given] of Object.entries(fields)) {
    const declared = isBlockClass(given) ? block(given) : (given as z.ZodType);
    const { field, schema } = makeField(where, name, declared);
    const taken = list.find((other) => other.key === field.key);
    if (taken)
      throw new AshlarError(
        "ERR_DEFINITION",
        `${where}: the fields ${taken.name} and ${name} would both be stored as "${field.key}"; rename one, or give it a key: .meta({ key: "…" }).`,
        { path: name },
      );
    shape[name] = schema;
    list.push(field);
  }
  const schema = withChecks(z.strictObject(shape), checks) as unknown as Definition["schema"];
  const names = list.map((field) => field.name);
  return Object.freeze({
    name: metadata.name,
    slug,
    title: metadata.title,
    description: metadata.description ?? null,
    logoUrl: metadata.logoUrl ?? null,
    documentationUrl: metadata.documentationUrl ?? null,
    codeExample: metadata.codeExample ?? null,
    capabilities: metadata.capabilities ?? [],
    version: metadata.version ?? "non-versioned",
    fields: list,
    byKey: new Map(list.map((field) => [field.key, field])),
    schemaText: metadata.schemaText,
    schema,
    parse: (input: unknown, walked = false) => parse(schema, input, names, walked),
  });
}

function withChecks(schema: z.ZodObject, checks: readonly Check[]): z.ZodType {
  if (checks.length === 0) return schema;
  return schema.superRefine((values, context) => {
    const refuse = (message: string, field?: string) =>
      context.addIssue({ code: "custom", message, path: field === undefined ? [] : [field], params: { ashlar: true } });
    for (const check of checks) check(values, refuse);
  });
}

function makeField(where: string, name: string, declared: z.ZodType): { field: Field; schema: z.ZodType } {
  if (isReserved(name))
    throw new AshlarError("ERR_DEFINITION", `${where}: "${name}" is reserved, every block has it already; rename this field.`, {
      path: name,
    });
  if (!(typeof declared === "object" && declared !== null && "_zod" in declared)) {
    const reason =
      typeof declared === "object" && declared !== null && "_def" in declared
        ? 'is a schema of zod 3; wrap it with fromZod3() of "ashlar/zod3"'
        : "is neither a zod schema nor a block class";
    throw new AshlarError("ERR_DEFINITION", `${where}: the field ${name} ${reason}.`, { path: name });
  }
  const key = keyOf(declared) ?? snakeCase(name);
  if (key === "block_type_slug" || key === "" || key === "__proto__")
    throw new AshlarError(
      "ERR_DEFINITION",
      `${where}: the field ${name} cannot be stored as "${key}"; give it another key: .meta({ key: "…" }).`,
      { path: name },
    );
  const { schema } = storable(declared, `${where}: the field ${name}`);
  return { field: Object.freeze({ name, key, declared, nullIsUnset: isOptional(declared) && !acceptsNull(declared) }), schema };
}

/** The key that a field names for itself; it may stand inside `.optional()` and the like. */
function keyOf(declared: z.ZodType): string | undefined {
  const { innerType } = declared._zod.def as { innerType?: z.ZodType };
  return z.globalRegistry.get(declared)?.key ?? (innerType && keyOf(innerType));
}

function parse(schema: Definition["schema"], input: unknown, names: readonly string[], walked: boolean): Parsed {
  const hazard = walked ? undefined : hazardIn(input);
  if (hazard) return { issues: [{ path: pathText(hazard.path), message: hazard.message }] };
  let result: z.ZodSafeParseResult<Record<string, unknown>>;
  try {
    result = schema.safeParse(input);
  } catch (error) {
    if (isAshlarError(error)) throw error;
    // What a check of the class throws may quote what it was given: it is not passed on.
    const message =
      error instanceof z.core.$ZodAsyncError
        ? "a check of the class is asynchronous, which is not possible"
        : "a check of the class threw an error";
    return { issues: [{ path: "", message }] };
  }
  return result.success ? { values: result.data } : { issues: issuesOf(result.error, input, names) };
}

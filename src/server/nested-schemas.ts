/**
 * The schemas that a schema refers to: those that are not known yet are made known from its definitions, leaves first (protocol.md §3.5). Touches the
 * store's contract.
 *
 * Of a definition's checksum only the definitions count that it reaches, as with the class that announced it; Prefect's server takes all of the parent's.
 * @module
 */
import { schemaChecksum } from "../checksum.ts";
import { nameOfReference, schemaOfDefinition } from "../definitions.ts";
import { isSlug } from "../slug.ts";
import type { Context } from "./context.ts";
import { type Call, refusal } from "./exchange.ts";
import { checkRight } from "./scope.ts";
import { isObject } from "./validation.ts";

type Tree = { readonly [key: string]: unknown };

/** A nested schema that a field refers to. */
interface Nested {
  readonly field: string;
  readonly slug: string;
  readonly checksum: string;
}

/** Registers what one schema refers to. */
export class NestedSchemas {
  readonly #context: Context;
  readonly #call: Call;
  /** Names of definitions that are being looked at, or were. */
  readonly #seen = new Set<string>();

  constructor(context: Context, call: Call) {
    this.#context = context;
    this.#call = call;
  }

  /** @throws Refusal 409 for a type that nobody registered, 422 for a schema that is neither known nor defined: then nothing is stored. */
  async register(fields: Tree): Promise<void> {
    const definitions = isObject(fields.definitions) ? fields.definitions : {};
    const missing: { readonly slug: string; readonly schema: Tree }[] = [];
    await this.#collect(fields, definitions, missing);
    for (const { slug } of missing) checkRight(this.#call.principal, "write", { type: slug });
    for (const { slug, schema } of missing)
      await this.#context.store.saveSchema({
        ...{ checksum: schemaChecksum(schema), type: slug, version: "non-versioned", capabilities: [] },
        fields: JSON.stringify(schema),
      });
  }

  async #collect(fields: Tree, definitions: Tree, missing: { readonly slug: string; readonly schema: Tree }[]): Promise<void> {
    for (const nested of nestedIn(fields)) {
      const { slug, checksum } = nested;
      if (!isSlug(slug) || !(await this.#context.store.type({ slug })))
        throw refusal(
          409,
          `Cannot create block schema because block type '${slug.slice(0, 100)}' was not found.Did you forget to register the block type?`,
        );
      if (await this.#context.store.schema({ type: slug, checksum })) continue;
      const name = definitionOf(fields, definitions, nested);
      if (name === undefined)
        throw refusal(
          422,
          `The schema of '${slug}' at block_schema_references is neither known nor among the definitions: register it first.`,
        );
      if (this.#seen.has(name)) continue;
      this.#seen.add(name);
      const schema = schemaOfDefinition(name, definitions);
      await this.#collect(schema, definitions, missing);
      missing.push({ slug, schema });
    }
  }
}

function nestedIn(fields: Tree): Nested[] {
  const references = isObject(fields.block_schema_references) ? fields.block_schema_references : {};
  return Object.entries(references).flatMap(([field, given]) =>
    (Array.isArray(given) ? given : [given]).map((each: unknown) => {
      const { block_type_slug: slug, block_schema_checksum: checksum } = isObject(each) ? each : {};
      if (typeof slug === "string" && typeof checksum === "string") return { field, slug, checksum };
      throw refusal(422, "Each of block_schema_references has a block_type_slug and a block_schema_checksum.");
    }),
  );
}

/** The definition that a field means: the only one that it refers to, else the one of the slug. */
function definitionOf(fields: Tree, definitions: Tree, { field, slug }: Nested): string | undefined {
  const property = isObject(fields.properties) && Object.hasOwn(fields.properties, field) ? fields.properties[field] : undefined;
  const named = [...new Set(referencesIn(property))].filter((name) => isObject(own(definitions, name)));
  const isOf = (name: string) => (own(definitions, name) as Tree).block_type_slug === slug;
  return named.length === 1
    ? named[0]
    : (named.find(isOf) ?? Object.keys(definitions).find((name) => isObject(own(definitions, name)) && isOf(name)));
}

function referencesIn(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) =>
    key === "$ref" && typeof value === "string" ? [nameOfReference(value)] : referencesIn(value),
  );
}

function own(tree: Tree, key: string): unknown {
  return Object.hasOwn(tree, key) ? tree[key] : undefined;
}

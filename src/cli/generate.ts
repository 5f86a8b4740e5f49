/**
 * `ashlar generate`: block types as TypeScript classes, from the store's newest schemas or from a schema as JSON. Needs no key.
 *
 * JSON: `{"source","types":[{"type","name","checksum","ownText"}]}`: the text, and each class in it; `ownText` says why one carries the schema's own
 * text, and is null where the fields alone give the schema.
 * @module
 */
import { readFileSync } from "node:fs";
import { AshlarError } from "../errors.ts";
import { generateBlocks, MADE_BY, type TypeSource } from "../generate.ts";
import { attempt } from "../generate-meta.ts";
import { parseLossless } from "../json.ts";
import { referencesOf, type Tree, textOf, treeOf } from "../schema-node.ts";
import { readSchema } from "../schema-reader.ts";
import { isSlug, slugify } from "../slug.ts";
import type { Store } from "../stores/store.ts";
import { usageError } from "./failure.ts";
import { readInput, readText, shown } from "./manifest.ts";
import { paint, plain, print, table, writeText } from "./output.ts";
import { type Session, unknownType } from "./session.ts";

/** Writes the classes to standard output or a file. */
export async function generate(
  session: Session,
  slugs: readonly string[],
  options: { schema?: string; out?: string; store?: string },
): Promise<void> {
  if (options.schema !== undefined && (slugs.length > 0 || options.store !== undefined))
    throw usageError("--schema stands in place of a store and its types: give it without --store and without a slug.");
  const sources = options.schema === undefined ? await fromStore(await session.store(), slugs) : [await fromFile(options.schema)];
  const { text, classes } = generateBlocks(sources);
  if (options.out !== undefined) {
    checkReplaceable(options.out);
    writeText(options.out, text);
  }
  if (options.out === undefined && !session.json) process.stdout.write(text);
  else
    print(session, { source: text, types: classes }, () =>
      table(
        ["TYPE", "CLASS", "CHECKSUM"],
        classes.map(({ type, name, checksum }) => [type, name, checksum.slice(0, "sha256:".length + 12)]),
      ),
    );
}

/** The types, and what they nest: of a type that was not asked for, the version that the first of them refers to. */
async function fromStore(store: Store, slugs: readonly string[]): Promise<TypeSource[]> {
  const types = await store.types();
  const unknown = slugs.find((slug) => !types.some((type) => type.slug === slug));
  if (unknown !== undefined) throw unknownType(unknown, types, store);
  const sources = new Map<string, TypeSource>();
  const add = async (slug: string, checksum?: string) => {
    const type = types.find((each) => each.slug === slug);
    const schema = type && !sources.has(slug) ? await store.schema({ type: slug, checksum }) : null;
    if (type && schema) sources.set(slug, { type, schema });
  };
  const wanted = slugs.length > 0 ? slugs : types.map((type) => type.slug);
  for (const slug of wanted) await add(slug);
  checkFound(store, wanted, sources);
  for (const { type, schema } of sources.values()) // grows while it is gone through
    for (const nested of referencesOf(readSchema(type.slug, schema.fields).root)) await add(nested.slug, nested.checksum);
  return [...sources.values()];
}

function checkFound(store: Store, wanted: readonly string[], found: ReadonlyMap<string, TypeSource>): void {
  const without = wanted.filter((slug) => !found.has(slug));
  if (found.size === 0) {
    const message =
      wanted.length === 0
        ? `${store.url} knows no block types: "ashlar register FILE" makes the block classes of a file known.`
        : `${store.url} has no schema of ${without.join(", ")}: "ashlar register FILE" makes the block classes of a file known.`;
    throw new AshlarError("ERR_NOT_FOUND", message, { store: store.url });
  }
  if (without.length > 0)
    process.stderr.write(
      `${paint("yellow", "note:", process.stderr)} ${plain(without.join(", "))}: left out, since the store has no schema of it.\n`,
    );
}

const SHAPES =
  "It has to be a block schema as JSON: its fields alone, what Prefect's API answers, or what prefect block type inspect SLUG -o json prints";

/** What a file declares, in any of the forms that it may come in. @throws AshlarError `ERR_INVALID`, and as {@link readText} does */
async function fromFile(file: string): Promise<TypeSource> {
  const text = file === "-" ? await readInput() : await readText(file);
  let tree: Tree;
  try {
    tree = treeOf(parseLossless(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new AshlarError("ERR_INVALID", `${shown(file)} is no JSON. ${SHAPES}.`);
  }
  const schema = "schema" in tree ? treeOf(tree.schema) : "fields" in tree ? tree : { fields: tree };
  const [fields, type] = [treeOf(schema.fields), treeOf(tree.block_type ?? schema.block_type ?? tree.type)];
  const title = textOf(fields.title);
  const slug = textOf(type.slug) ?? textOf(fields.block_type_slug) ?? attempt(() => slugify(title ?? "")) ?? "";
  if (!("properties" in fields) || !isSlug(slug)) throw new AshlarError("ERR_INVALID", `${shown(file)} is no block schema. ${SHAPES}.`);
  return {
    type: {
      slug,
      name: textOf(type.name) ?? title ?? slug,
      description: textOf(type.description) ?? null,
      logoUrl: textOf(type.logo_url ?? type.logoUrl) ?? null,
      documentationUrl: textOf(type.documentation_url ?? type.documentationUrl) ?? null,
    },
    schema: {
      fields: JSON.stringify(fields),
      version: textOf(schema.version) ?? "non-versioned",
      capabilities: Array.isArray(schema.capabilities) ? schema.capabilities.map(String) : [],
      ...(typeof schema.checksum === "string" && { checksum: schema.checksum }),
    },
  };
}

/** Refuses to write over a file that people wrote. @throws AshlarError `ERR_EXISTS` */
function checkReplaceable(file: string): void {
  let before: string;
  try {
    before = readFileSync(file, "utf8");
  } catch {
    return; // it is not there; or it cannot be written either, which is said then
  }
  if (before !== "" && !before.startsWith(MADE_BY))
    throw new AshlarError(
      "ERR_EXISTS",
      `${shown(file)} was not made by "ashlar generate", so it stays as it is. Name another file, or remove it.`,
    );
}

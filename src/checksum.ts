/**
 * The checksum that identifies a block schema, byte for byte as Prefect computes it (protocol.md §3.3). Touches json.ts and node:crypto.
 * @module
 */
import { hash } from "node:crypto";
import { isRawNumber, parseLossless, pythonJson } from "./json.ts";

type Tree = Record<string, unknown>;

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

/** A copy without one key, at every level that is reached through objects only: Prefect's walk does not enter arrays. */
export function withoutKey(tree: Tree, key: string): Tree {
  const entries = Object.entries(tree).filter(([name]) => name !== key);
  return Object.fromEntries(entries.map(([name, value]) => [name, isTree(value) ? withoutKey(value, key) : value]));
}

/** The definitions that are no blocks and are referred to from `value`, at any depth; blocks count by their own checksum instead. */
function nonBlockDefinitions(value: unknown, definitions: Tree, found = new Map<string, Tree>()): Map<string, Tree> {
  if (Array.isArray(value)) for (const item of value) nonBlockDefinitions(item, definitions, found);
  if (!isTree(value)) return found;
  for (const [key, item] of Object.entries(value)) {
    nonBlockDefinitions(item, definitions, found);
    if (key !== "$ref" || typeof item !== "string" || item === "") continue;
    const name = item.replaceAll("#/definitions/", "");
    const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (found.has(name) || !isTree(definition) || Object.keys(definition).length === 0 || definition.block_type_slug != null) continue;
    found.set(name, definition);
    nonBlockDefinitions(definition, definitions, found);
  }
  return found;
}

/**
 * The checksum of a schema's `fields`, `sha256:` and 64 hexadecimal digits.
 *
 * @param fields the object, or its JSON text; give the text where it comes from elsewhere, since `JSON.parse` makes `1.0` into `1`.
 */
export function schemaChecksum(fields: object | string): string {
  const parsed = (typeof fields === "string" ? parseLossless(fields) : fields) as Tree;
  const stripped = withoutKey(parsed, "secret_fields");
  const { definitions } = stripped;
  if (isTree(definitions) && Object.keys(definitions).length > 0) {
    const kept = nonBlockDefinitions(stripped, definitions);
    if (kept.size > 0) stripped.definitions = Object.fromEntries(kept);
    else delete stripped.definitions;
  }
  return `sha256:${hash("sha256", pythonJson([[stripped], {}]))}`;
}

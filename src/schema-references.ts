/**
 * The references of a schema as the client that made it announced them, where a server gives others: a Prefect server that creates nested schemas by
 * itself computes other checksums for them, and tells those (protocol.md §3.5). Touches the schema's reading and its checksum.
 * @module
 */
import { schemaChecksum } from "./checksum.ts";
import { definitionName, type Tree, treeOf } from "./schema-node.ts";
import { SchemaReader } from "./schema-reader.ts";

/**
 * The schema that has a checksum: the one that was read, or it with its references computed anew, or without any, where a server added an empty
 * object; undefined when none has it.
 */
export function schemaOf(checksum: string, reader: SchemaReader): SchemaReader | undefined {
  if (schemaChecksum(reader.root) === checksum) return reader;
  const { block_schema_references: _references, ...without } = reader.root;
  const announced = [withReferences(reader.root, reader, new Map()), without].find((each) => schemaChecksum(each) === checksum);
  return announced && new SchemaReader(announced);
}

/**
 * References in the order of the fields' parts, each with the checksum of its definition and those that this one needs.
 * @param known checksums of definitions; of one that contains itself none.
 */
function withReferences(root: Tree, reader: SchemaReader, known: Map<string, string | undefined>): Tree {
  const reference = (name: string) => {
    if (!known.has(name)) {
      known.set(name, undefined);
      known.set(name, schemaChecksum(withReferences(reader.whole(name), reader, known)));
    }
    return { block_type_slug: treeOf(reader.definitions[name]).block_type_slug, block_schema_checksum: known.get(name) ?? null };
  };
  const references = Object.entries(treeOf(root.block_schema_references)).map(([key, given]) => {
    const [only, ...more] = blocksIn(treeOf(root.properties)[key], reader).map(reference);
    return [key, only === undefined ? given : more.length === 0 ? only : [only, ...more]] as const;
  });
  return { ...root, block_schema_references: Object.fromEntries(references) };
}

function blocksIn(part: unknown, reader: SchemaReader): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) => {
    const name = key === "$ref" ? definitionName({ $ref: value }) : undefined;
    if (name === undefined) return blocksIn(value, reader);
    return treeOf(reader.definitions[name]).block_type_slug === undefined ? [] : [name];
  });
}

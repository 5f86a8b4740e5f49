/**
 * Block documents as Prefect's API writes them (protocol.md §2.5, §4.4, §5.1), as text. What a document refers to stands in its data, expanded, at any
 * depth; secrets are in clear or masked. Touches the store's contract.
 * @module
 */
import { AshlarError, isAshlarError } from "../errors.ts";
import { type Json, type JsonObject, pointerParts } from "../json.ts";
import { MASK } from "../secret.ts";
import type { Document, MaskedDocument, Reference } from "../stores/store.ts";
import { maskedAt, toWire } from "../wire.ts";
import type { Around, BareDocument, TypeText } from "./surroundings.ts";
import { wireTime } from "./wire-text.ts";

/** A document with or without its secrets. */
export type AnyDocument = Document | MaskedDocument;

/** How many documents one may expand to: each way to a document counts, and with every fork there are twice as many. */
const MOST_EXPANDED = 10_000;

/**
 * A document.
 * @param documents the document first, then all that it refers to.
 * @param mayShow whether a document that is referred to may be shown; else it is masked as a whole.
 * @throws AshlarError `ERR_LIMIT` when it expands to too much
 */
export async function documentText(
  around: Around,
  documents: readonly AnyDocument[],
  mayShow: (child: Reference) => boolean = () => true,
): Promise<string> {
  const [root] = documents as readonly [AnyDocument];
  const graph = new Graph(documents, mayShow);
  const types = new Map<string, TypeText>();
  for (const { type } of documents) if (!types.has(type)) types.set(type, await around.type(type));
  return whole(around, root, JSON.stringify(graph.dataOf(root)), graph.referencesText(root, types));
}

/** The same; undefined for a document that expands to too much, or leads back to itself. */
export async function textOrNone(...given: Parameters<typeof documentText>): Promise<string | undefined> {
  try {
    return await documentText(...given);
  } catch (error) {
    if (isAshlarError(error, "ERR_LIMIT") || isAshlarError(error, "ERR_CYCLE")) return undefined;
    throw error;
  }
}

/** A document that cannot be opened: with empty data, so that a list stands. */
export function brokenText(around: Around, document: BareDocument): Promise<string> {
  return whole(around, document, "{}", "{}");
}

async function whole(around: Around, document: BareDocument, data: string, references: string): Promise<string> {
  const type = await around.type(document.type);
  const schema = await around.schema(document);
  const { id, name, created = "", updated = "", anonymous = false } = document;
  return (
    `{"id":"${id}","created":${JSON.stringify(wireTime(created))},"updated":${JSON.stringify(wireTime(updated))},"name":${JSON.stringify(name)},` +
    `"data":${data},"block_schema_id":"${schema.id}","block_schema":${schema.text},"block_type_id":"${type.id}",` +
    `"block_type_name":${JSON.stringify(type.name)},"block_type":${type.text},"block_document_references":${references},"is_anonymous":${anonymous}}`
  );
}

/** A document's data with masks for its secrets, and what it refers to expanded in the same way. */
export function maskedData(documents: readonly AnyDocument[]): JsonObject {
  return new Graph(documents, () => true, true).dataOf(documents[0] as AnyDocument);
}

class Graph {
  readonly #byId: ReadonlyMap<string, AnyDocument>;
  readonly #mayShow: (child: Reference) => boolean;
  readonly #masked: boolean;
  readonly #data = new Map<string, JsonObject>();
  readonly #sizes = new Map<string, number>();

  constructor(documents: readonly AnyDocument[], mayShow: (child: Reference) => boolean, masked = false) {
    this.#byId = new Map(documents.map((document) => [document.id, document]));
    this.#mayShow = mayShow;
    this.#masked = masked;
    if (documents.length > 1) this.#sizeOf(documents[0] as AnyDocument, []);
  }

  /** @throws AshlarError `ERR_CYCLE`, which only somebody who changed the storage could have made; `ERR_LIMIT` */
  #sizeOf(document: AnyDocument, way: readonly string[]): number {
    const known = this.#sizes.get(document.id);
    if (known !== undefined) return known;
    const here = `${document.type}/${document.name}`;
    if (way.includes(document.id)) throw new AshlarError("ERR_CYCLE", `${here} refers to itself.`, { documents: [here] });
    const children = this.#children(document).map(([, child]) => this.#sizeOf(child, [...way, document.id]));
    const size = children.reduce((sum, each) => sum + each, 1);
    if (size > MOST_EXPANDED)
      throw new AshlarError("ERR_LIMIT", `${here} refers to other documents in more than ${MOST_EXPANDED} ways.`, { documents: [here] });
    this.#sizes.set(document.id, size);
    return size;
  }

  #children({ references }: AnyDocument): [at: string, child: AnyDocument][] {
    return Object.entries(references).flatMap(([at, { id }]): [string, AnyDocument][] => {
      const child = this.#byId.get(id);
      return child && this.#mayShow(child) ? [[at, child]] : [];
    });
  }

  dataOf(document: AnyDocument): JsonObject {
    const known = this.#data.get(document.id);
    if (known) return known;
    const children: Record<string, Json> = {};
    const gone: string[] = [];
    for (const [at, reference] of Object.entries(document.references)) {
      const child = this.#byId.get(reference.id);
      if (!this.#mayShow(child ?? reference)) children[at] = MASK;
      else if (child) children[at] = this.dataOf(child);
      else gone.push(at);
    }
    const assembled = toWire(document.data, this.#secretsOf(document), children);
    const data =
      gone.length === 0 ? assembled : Object.fromEntries(Object.entries(assembled).filter(([key]) => !gone.some((at) => isTop(at, key))));
    this.#data.set(document.id, data);
    return data;
  }

  #secretsOf(document: AnyDocument): Readonly<Record<string, Json>> {
    if (this.#masked || !isOpen(document)) return maskedAt(Object.keys(document.secrets));
    return Object.fromEntries(Object.entries(document.secrets).map(([at, value]) => [at, value.reveal()]));
  }

  /** `block_document_references`: those at the top level only, where Prefect's client looks for a field of that name. */
  referencesText(document: AnyDocument, types: ReadonlyMap<string, TypeText>): string {
    const parts = this.#children(document).flatMap(([at, child]) => {
      const [key = "", ...deeper] = pointerParts(at);
      if (deeper.length > 0) return [];
      const { id, name, type, anonymous = false } = child;
      return [
        `${JSON.stringify(key)}:{"block_document":{"id":"${id}","name":${JSON.stringify(name)},"block_type":${types.get(type)?.text ?? "null"},` +
          `"is_anonymous":${anonymous},"block_document_references":${this.referencesText(child, types)}}}`,
      ];
    });
    return `{${parts.join()}}`;
  }
}

/** Whether a document has its secrets with it. */
function isOpen(document: AnyDocument): document is Document {
  const [first] = Object.values(document.secrets);
  return first !== undefined && "reveal" in first;
}

function isTop(at: string, key: string): boolean {
  const parts = pointerParts(at);
  return parts.length === 1 && parts[0] === key;
}

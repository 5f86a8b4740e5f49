/**
 * Why Prefect refused a document: its answers name ids at most, so what is wrong is looked for. Touches the client; asks only after a refusal.
 * @module
 */
import { MAX_REFERENCE_DEPTH } from "../backends/backend.ts";
import { AshlarError } from "../errors.ts";
import type { Draft } from "../stores/store.ts";
import type { WireDocument, WireReference, WireSchema } from "../wire.ts";
import { findSchema, unknownType } from "./block-types.ts";
import type { Answer, PrefectClient } from "./client.ts";
import { detailOf } from "./failures.ts";

/** How documents are read here. */
type ReadSome = (ids: readonly string[]) => Promise<ReadonlyMap<string, WireDocument>>;

/**
 * The error for a document that was refused, 400, 409 (not for its name) or 500.
 * @param ownId of the document that was to be replaced; undefined for a new one.
 * @returns `ERR_CYCLE`, `ERR_LIMIT`, `ERR_BROKEN_REFERENCE`, `ERR_UNKNOWN_TYPE` when type or schema are not there any more, or what the answer says.
 */
export async function explained(
  client: PrefectClient,
  draft: Draft,
  schema: WireSchema,
  answer: Answer,
  readSome: ReadSome,
  ownId?: string,
): Promise<AshlarError> {
  const here = `${draft.type}/${draft.name}`;
  const about = { type: draft.type, name: draft.name };
  const detail = detailOf(JSON.stringify(answer.body)) ?? "";
  if (/exceeds max depth/.test(detail))
    return new AshlarError("ERR_LIMIT", `${here} would refer to documents more than ${MAX_REFERENCE_DEPTH} deep.`, about);
  const referred = await readSome(Object.values(draft.references).map(({ id }) => id));
  if (/cycle/.test(detail) && ownId !== undefined) {
    const way = [here, ...wayTo(ownId, here, referred)];
    return new AshlarError("ERR_CYCLE", `${here} would refer to itself: ${way.join(" → ")}.`, { ...about, documents: way });
  }
  const lost = Object.values(draft.references).find(({ id }) => !referred.has(id));
  if (lost)
    return new AshlarError("ERR_BROKEN_REFERENCE", `${here} refers to ${lost.type}/${lost.name}, which is not there any more.`, {
      ...about,
      documents: [`${lost.type}/${lost.name}`],
    });
  const now = await findSchema(client, { type: draft.type, checksum: draft.schema });
  return now?.id === schema.id ? (answer.error ?? unknownType(client, draft.type)) : unknownType(client, draft.type);
}

/** The documents from those referred to down to one, which is the last. */
function wayTo(id: string, name: string, documents: ReadonlyMap<string, WireDocument>): string[] {
  const search = (references: Readonly<Record<string, WireReference>>): string[] | undefined => {
    for (const { block_document: child } of Object.values(references)) {
      const place = `${child.block_type.slug}/${child.name}`;
      if (child.id === id) return [place];
      const below = search(child.block_document_references);
      if (below) return [place, ...below];
    }
    return undefined;
  };
  for (const document of documents.values()) {
    const place = `${document.block_type.slug}/${document.name}`;
    if (document.id === id) return [place];
    const below = search(document.block_document_references);
    if (below) return [place, ...below];
  }
  return [name];
}

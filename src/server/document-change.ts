/**
 * Changes to a block document: merged or whole, with masks that keep what is stored (protocol.md §4.3). Touches the store's contract.
 *
 * Who writes at the same time is waited for: the change is made again on what he left. So no change of another key is lost.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import { canonicalJson, type Json, type JsonObject, pointer, pointerParts } from "../json.ts";
import type { Document, Draft, MaskedDocument, Store, StoredSchema } from "../stores/store.ts";
import { toWire } from "../wire.ts";
import type { Context } from "./context.ts";
import { contentOf, plainData } from "./document-content.ts";
import { placeOf } from "./document-reading.ts";
import { maskedData } from "./document-text.ts";
import { checkFits } from "./document-validation.ts";
import { save, secretChanges } from "./document-writing.ts";
import { type Call, DONE, type Reply, refusal } from "./exchange.ts";
import { holdsMask, unmasked } from "./masks.ts";
import { checkRight } from "./scope.ts";
import { type Entry, recorded } from "./trail.ts";
import { dictionary, flag, nullable, object, optional, readBody, uuid } from "./validation.ts";

/** How often a change is made again on what someone else wrote in between. */
const TRIES = 100;

const changeBody = object({
  data: optional(dictionary, undefined),
  block_schema_id: optional(nullable(uuid), null),
  merge_existing_data: optional(flag, true),
});

/** What a client wants. */
interface Change {
  readonly data: JsonObject | undefined;
  readonly schemaId: string | null;
  readonly merge: boolean;
}

export async function updateDocument(context: Context, call: Call): Promise<Reply> {
  const { id = "" } = call.params;
  const body = await readBody(call, changeBody);
  const data = body.data && (plainData(body.data as JsonObject) as JsonObject);
  const change: Change = { data, schemaId: body.block_schema_id, merge: body.merge_existing_data };
  const place = await placeOf(context.store, id);
  if (!call.principal.may("see", place)) throw refusal(404, "Block document not found");
  await recorded(context, call, { what: "save", of: `${place.type}/${place.name}`, id }, async () => {
    checkRight(call.principal, "write", place);
    for (let attempt = 1; ; attempt++) {
      try {
        return { entry: await applied(context, call, id, change) };
      } catch (error) {
        if (!isAshlarError(error, "ERR_CONFLICT") || attempt === TRIES) throw error;
      }
    }
  });
  return DONE;
}

/** What is to be changed. */
interface Stored {
  readonly document: MaskedDocument | Document;
  /** The same with its secrets; null where it cannot be opened. */
  readonly before: Document | null;
  /** As a client sees it masked. */
  readonly masked: JsonObject;
}

/** Makes the change on what is there now. @returns what the audit log says of it */
async function applied(context: Context, call: Call, id: string, change: Change): Promise<Partial<Entry>> {
  if (change.merge && change.data === undefined) return {};
  const { document, before, masked } = await stored(context, id, change);
  const { schema, version } = await schemaFor(context, document, change.schemaId);
  const data = change.data ?? {};
  const sent = before ? unmasked(data, { document: before, masked }) : data;
  const whole = change.merge && before ? { ...mergeable(before), ...sent } : sent;
  const { leading, ...content } = await contentOf(context, call, whole, { schema, before: document });
  const draft: Draft = { type: document.type, name: document.name, schema: schema.checksum, version, ...content };
  if (before && isSame(before, draft)) return { revision: before.revision };
  if (context.settings.validate) await checkFits(schema, content);
  const changes = secretChanges(context, call, before, draft, leading);
  const revision = before?.revision ?? null;
  const saved = await save(context, call, draft, revision === null ? { overwrite: true } : { ifRevision: revision }, id);
  return { ...changes, revision: saved.revision };
}

/** One that cannot be opened can only be entered anew: replaced as a whole, without masks. @throws AshlarError, Refusal 404 */
async function stored({ store }: Context, id: string, { data, merge }: Change): Promise<Stored> {
  try {
    const graph = await store.load({ id });
    const before = graph[0] as Document;
    return { document: before, before, masked: maskedData(graph) };
  } catch (error) {
    if (isAshlarError(error, "ERR_NOT_FOUND")) throw refusal(404, "Block document not found");
    if (merge || holdsMask(data ?? {}) || !UNOPENED.some((code) => isAshlarError(error, code))) throw error;
    return { document: await readableHalf(store, id), before: null, masked: {} };
  }
}

const UNOPENED = ["ERR_CANNOT_OPEN", "ERR_UNKNOWN_KEY", "ERR_WRONG_KEY"] as const;

/** What can be read of a document that cannot be opened. */
async function readableHalf(store: Store, id: string): Promise<MaskedDocument> {
  try {
    return await store.inspect({ id });
  } catch (error) {
    if (!isAshlarError(error, "ERR_CANNOT_OPEN")) throw error;
    const empty = { schema: "", data: {}, references: {}, secrets: {}, revision: null, created: "", updated: "", updatedBy: "" };
    return { id, ...(await placeOf(store, id)), ...empty };
  }
}

/** The schema that the document is to have, and the version that is written of it. @throws Refusal 400 */
async function schemaFor(
  { schemas, store }: Context,
  document: MaskedDocument | Document,
  id: string | null,
): Promise<{ readonly schema: StoredSchema; readonly version: string | undefined }> {
  const current = await schemas.of(document);
  if (id === null || id === current?.id) {
    if (!current) throw refusal(400, "The block schema of this document is gone: give another as block_schema_id.");
    return { schema: current, version: id === null ? document.version : current.version };
  }
  const schema = await store.schema({ id });
  if (!schema) throw refusal(400, "Block schema not found");
  if (schema.type !== document.type) throw refusal(400, "Must migrate block document to a block schema of the same block type.");
  return { schema, version: schema.version };
}

/** The data that a merging change begins with: of references only those below the top level, since others are dropped unless they are sent again. */
function mergeable({ data, secrets, references }: Document): JsonObject {
  const revealed = Object.fromEntries(Object.entries(secrets).map(([at, value]) => [at, value.reveal()]));
  const deep = Object.entries(references).filter(([at]) => pointerParts(at).length > 1);
  const links = deep.map(([at, { id }]): [string, Json] => [at, { $ref: { block_document_id: id } }]);
  const whole = toWire(data, revealed, Object.fromEntries(links));
  return Object.fromEntries(Object.entries(whole).filter(([key]) => !Object.hasOwn(references, pointer([key]))));
}

/** Whether a draft is what is stored. */
function isSame(before: Document, draft: Draft): boolean {
  const usual = "non-versioned";
  const places = Object.keys(draft.secrets);
  return (
    before.schema === draft.schema &&
    (before.version ?? usual) === (draft.version ?? usual) &&
    canonicalJson(before.data) === canonicalJson(draft.data) &&
    canonicalJson(idsOf(before)) === canonicalJson(idsOf(draft)) &&
    places.length === Object.keys(before.secrets).length &&
    places.every((at) => Object.hasOwn(before.secrets, at) && draft.secrets[at]?.equals(before.secrets[at]))
  );
}

function idsOf({ references }: Pick<Draft, "references">): Record<string, string> {
  return Object.fromEntries(Object.entries(references).map(([at, { id }]) => [at, id]));
}

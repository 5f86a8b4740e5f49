/**
 * Saves what a client sent: checks what a write does to stored secrets, and tells refusals of the store in Prefect's words (protocol.md §4.2). Touches
 * secrecy.ts and the store's contract.
 * @module
 */
import { AshlarError, isAshlarError } from "../errors.ts";
import type { Document, Draft, MaskedDocument, WriteCondition } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { type Call, refusal } from "./exchange.ts";
import { INTEGRITY } from "./failures.ts";
import { freedPlaces, type Redirection, redirection } from "./secrecy.ts";
import type { Entry } from "./trail.ts";

/**
 * What a write does to secrets, as the audit log tells it.
 * @param leading JSON pointers of references that lead to documents with secrets.
 * @throws AshlarError `ERR_DENIED` where the server is told to guard kept secrets
 */
export function secretChanges(
  { settings }: Context,
  { principal }: Call,
  before: Document | null,
  draft: Draft,
  leading: readonly string[],
): Pick<Entry, "secrets" | "redirects" | "freed"> {
  const old = before?.secrets ?? {};
  const places = Object.keys(draft.secrets);
  const kept = places.filter((at) => Object.hasOwn(old, at) && draft.secrets[at]?.equals(old[at]));
  const set = places.filter((at) => !kept.includes(at));
  const cleared = Object.keys(old).filter((at) => !Object.hasOwn(draft.secrets, at));
  const redirects = principal.may("reveal", draft) ? null : redirection(before, draft, kept, leading);
  if (redirects && settings.guardKept) throw guarded(draft, redirects);
  const freed = freedPlaces(draft.data, Object.keys(old), before?.data);
  return {
    ...(places.length + cleared.length > 0 && { secrets: { set, kept, cleared } }),
    ...(redirects && { redirects }),
    ...(freed.length > 0 && { freed }),
  };
}

function guarded({ type, name }: Draft, { kept, changed }: Redirection): AshlarError {
  return new AshlarError(
    "ERR_DENIED",
    `The access token may not load secrets, so it may not put other values (${changed.join(", ")}) beside secrets that stay (${kept.join(", ")}): send those anew.`,
    { type, name },
  );
}

/** Saves a draft in the caller's name. @param ownId id of the document that is replaced. @throws Refusal, AshlarError `ERR_EXISTS`, `ERR_CONFLICT` */
export async function save(
  { store }: Context,
  { principal }: Call,
  draft: Draft,
  condition: WriteCondition,
  ownId: string | undefined,
): Promise<MaskedDocument> {
  try {
    return await store.save(draft, { ...condition, by: principal.name });
  } catch (error) {
    if (isAshlarError(error, "ERR_BROKEN_REFERENCE")) throw refusal(409, INTEGRITY);
    if (isAshlarError(error, "ERR_CYCLE")) {
      const [, next] = error.details.documents ?? [];
      const target = Object.values(draft.references).find(({ type, name }) => `${type}/${name}` === next);
      throw refusal(
        400,
        `Cannot create block document reference: it would introduce a cycle into the block_document_reference graph (parent=${ownId}, reference=${target?.id}).`,
      );
    }
    if (isAshlarError(error, "ERR_LIMIT") && error.details.documents)
      throw refusal(400, "Block document reference graph exceeds max depth 50; refusing to recurse further.");
    throw error;
  }
}

/**
 * Saves a document for our own API: what becomes of its secrets, what it refers to, and on what condition. Touches the store's contract and secrecy.ts.
 *
 * Each attempt reads what is there and replaces exactly that, so that what was decided about kept secrets holds for what is replaced.
 * @module
 */
import { setTimeout } from "node:timers/promises";
import type { SecretChange } from "../api/shapes.ts";
import { AshlarError, type Issue, invalid, isAshlarError } from "../errors.ts";
import { type Json, type JsonObject, pointer } from "../json.ts";
import { Secret } from "../secret.ts";
import { conflict } from "../stores/record.ts";
import type { Document, Draft, MaskedDocument, Reference, Store, WriteCondition } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { checkFits } from "./document-validation.ts";
import { secretChanges } from "./document-writing.ts";
import type { Call } from "./exchange.ts";
import type { Pointed } from "./own-bodies.ts";
import { checkRight, leadsBeyond } from "./scope.ts";
import { freedPlaces, leadingPlaces, outersOf, valueAt } from "./secrecy.ts";
import type { Entry } from "./trail.ts";

/** What is to be saved. */
export interface Wanted {
  readonly type: string;
  readonly name: string;
  readonly anonymous: boolean;
  readonly schema: string;
  readonly version: string | null;
  readonly data: JsonObject;
  readonly references: Readonly<Record<string, Pointed>>;
  readonly secrets: Readonly<Record<string, SecretChange>>;
}

/** How often a document is replaced anew, whatever it is by then, while others write it. */
const TRIES = 100;

/**
 * Saves a document.
 * @param condition as the store's contract has it.
 * @throws AshlarError as the store does; `ERR_INVALID` with all that does not fit; `ERR_DENIED` for what the caller may not do to it.
 */
export async function saveDocument(
  context: Context,
  call: Call,
  wanted: Wanted,
  condition: WriteCondition,
): Promise<{ readonly document: MaskedDocument; readonly created: boolean; readonly entry: Partial<Entry> }> {
  checkRight(call.principal, "write", wanted);
  const { references, reached } = await resolved(context, call, wanted);
  for (let attempt = 1; ; attempt++) {
    const before = await stored(context, wanted);
    checkRevision(wanted, before, condition);
    const draft = draftOf(wanted, references, before);
    const about = await checked(context, call, { wanted, draft, before, reached });
    try {
      const document = await context.store.save(draft, { ...exactly(condition, before), by: call.principal.name });
      return { document, created: before === null, entry: { ...about, id: document.id, revision: document.revision } };
    } catch (error) {
      const raced = isAshlarError(error, "ERR_CONFLICT") || isAshlarError(error, "ERR_EXISTS");
      if (!raced || condition.ifRevision !== undefined || condition.overwrite !== true || attempt === TRIES) throw error;
      await setTimeout(Math.random() * Math.min(attempt, 20));
    }
  }
}

const NOTHING_TO_KEEP = ["ERR_NOT_FOUND", "ERR_CANNOT_OPEN", "ERR_EDITED", "ERR_UNKNOWN_KEY", "ERR_WRONG_KEY"] as const;

/** What is there, with its secrets; null when nothing is, or nothing that can be opened: then there is nothing to keep. */
async function stored({ store }: Context, { type, name }: Wanted): Promise<Document | null> {
  try {
    return (await store.load({ type, name }))[0] ?? null;
  } catch (error) {
    if (NOTHING_TO_KEEP.some((code) => isAshlarError(error, code))) return null;
    throw error;
  }
}

/** What is kept is that of the revision which is replaced. @throws AshlarError `ERR_CONFLICT` */
function checkRevision(wanted: Wanted, before: Document | null, { ifRevision }: WriteCondition): void {
  if (ifRevision !== undefined && before && before.revision !== null && before.revision !== ifRevision)
    throw conflict(wanted, ifRevision, before.revision);
}

/** Replaces what was looked at, and nothing else. */
function exactly(condition: WriteCondition, before: Document | null): WriteCondition {
  if (condition.ifRevision !== undefined || condition.overwrite !== true) return condition;
  return before?.revision == null ? condition : { ifRevision: before.revision };
}

/** @throws AshlarError `ERR_INVALID` */
function draftOf(wanted: Wanted, references: Draft["references"], before: Document | null): Draft {
  const { type, name, anonymous, schema, version, data } = wanted;
  const issues: Issue[] = [];
  const secrets: Record<string, Secret<Json>> = {};
  for (const [at, change] of Object.entries(wanted.secrets)) {
    if ("clear" in change) continue;
    const from = "set" in change ? undefined : change.keep === true ? at : change.keep;
    const kept = from === undefined || !before || !Object.hasOwn(before.secrets, from) ? undefined : before.secrets[from];
    if (from !== undefined && !kept)
      issues.push({ path: pointer(["secrets", at, "keep"]), message: "nothing is stored there that could be kept" });
    else secrets[at] = kept ?? new Secret("set" in change ? change.set : null);
  }
  for (const at of Object.keys(references))
    if (at in secrets) issues.push({ path: pointer(["references", at]), message: "stands where a secret is" });
  const places = new Set([...Object.keys(secrets), ...Object.keys(references)]);
  for (const at of places) {
    if (valueAt(data, at) != null)
      issues.push({ path: `/data${at}`, message: "stands where a secret or a reference is: it is null, or left out" });
    if (outersOf(at).some((outer) => outer !== at && places.has(outer)))
      issues.push({ path: pointer([at in secrets ? "secrets" : "references", at]), message: "lies inside of another secret or reference" });
  }
  if (issues.length > 0) throw invalid(`${type}/${name} cannot be saved`, issues, "ERR_INVALID", { type, name });
  return { type, name, ...(anonymous && { anonymous }), schema, ...(version !== null && { version }), data, references, secrets };
}

interface Change {
  readonly wanted: Wanted;
  readonly draft: Draft;
  readonly before: Document | null;
  readonly reached: readonly MaskedDocument[];
}

/** What the write does to secrets, for the audit log. @throws AshlarError `ERR_DENIED`, `ERR_SCHEMA` where the server asks for it */
async function checked(context: Context, call: Call, { wanted, draft, before, reached }: Change): Promise<Partial<Entry>> {
  const mayReveal = call.principal.may("reveal", draft);
  const [freed] = freedPlaces(draft.data, Object.keys(before?.secrets ?? {}), before?.data);
  if (freed !== undefined && !mayReveal) throw denied(draft, freed, "make readable what was secret");
  const moved = Object.entries(wanted.secrets).filter(([at, change]) => "keep" in change && change.keep !== true && change.keep !== at);
  const [first] = moved.map(([at]) => at);
  if (first !== undefined && context.settings.guardKept && !mayReveal) throw denied(draft, first, "put a stored secret into another place");
  const about = secretChanges(context, call, before, draft, leadingPlaces(draft.references, reached));
  if (context.settings.validate) {
    const schema = await context.schemas.of(draft);
    if (!schema)
      throw invalid(`${draft.type}/${draft.name} cannot be saved`, [{ path: "/schema", message: "is of no schema that is registered" }]);
    await checkFits(schema, draft);
  }
  if (first === undefined || mayReveal) return about;
  const places = moved.map(([at]) => at);
  const { kept = [], changed = [] } = about.redirects ?? {};
  return { ...about, redirects: { kept: [...new Set([...kept, ...places])], changed: [...new Set([...changed, ...places])] } };
}

function denied({ type, name }: Draft, path: string, what: string): AshlarError {
  return new AshlarError("ERR_DENIED", `The access token may not load secrets, so it may not ${what}, in ${type}/${name} at ${path}.`, {
    type,
    name,
    path,
  });
}

/** What a document is to refer to, by id, type and name, and all that this leads to. What the caller may not see is not there for it. */
async function resolved(
  { store }: Context,
  { principal }: Call,
  wanted: Wanted,
): Promise<{ readonly references: Draft["references"]; readonly reached: readonly MaskedDocument[] }> {
  const given = Object.entries(wanted.references);
  const ids = new Map<string, string>();
  for (const [at, { id, type, name }] of given) {
    if (id !== null) ids.set(at, id);
    else if (type !== null && name !== null) {
      if (!principal.may("see", { type, name })) throw leadsBeyond(wanted, at);
      ids.set(at, await idOf(store, wanted, at, { type, name }));
    }
  }
  const reached = ids.size === 0 ? [] : await store.inspectMany([...new Set(ids.values())]);
  const known = new Map(reached.map((document) => [document.id, document]));
  const references: Record<string, Reference> = {};
  for (const [at, { type, name }] of given) {
    const id = ids.get(at) ?? "";
    const target = known.get(id);
    if (principal.scoped && !(target && principal.may("see", target))) throw leadsBeyond(wanted, at);
    references[at] = { id, type: target?.type ?? type ?? "", name: target?.name ?? name ?? "" }; // one that is gone the store tells
  }
  return { references, reached };
}

async function idOf(store: Store, from: Wanted, at: string, to: { readonly type: string; readonly name: string }): Promise<string> {
  try {
    return (await store.inspect(to)).id;
  } catch (error) {
    if (!isAshlarError(error, "ERR_NOT_FOUND")) throw error;
    throw new AshlarError(
      "ERR_BROKEN_REFERENCE",
      `${from.type}/${from.name} refers at ${at} to ${to.type}/${to.name}, which is not there.`,
      {
        path: at,
        documents: [`${to.type}/${to.name}`],
      },
    );
  }
}

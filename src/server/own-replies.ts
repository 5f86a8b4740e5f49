/**
 * The form of our own API's routes and refusals (docs/http-api.md): our codes, what does not fit by JSON pointer, all at once. Touches exchange.ts and
 * the shapes of ../api.
 *
 * What concerns the server's own files and keys is told to its log, and to clients only that it is so. Whoever has a token for a part of the store is told
 * nothing of the rest.
 * @module
 */
import { API_PATH, type ApiIssue, type ApiRefusal } from "../api/shapes.ts";
import { type AshlarError, type ErrorCode, errorCodes, type Issue, isAshlarError } from "../errors.ts";
import { pointer } from "../json.ts";
import { splitReference } from "../slug.ts";
import type { Context } from "./context.ts";
import { type Call, json, Refusal, type Reply, type Route } from "./exchange.ts";

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  ERR_INVALID: 422,
  ERR_SCHEMA: 422,
  ERR_LIMIT: 422,
  ERR_CYCLE: 422,
  ERR_BROKEN_REFERENCE: 422,
  ERR_UNSUPPORTED: 422,
  ERR_NOT_FOUND: 404,
  ERR_UNKNOWN_TYPE: 404,
  ERR_EXISTS: 409,
  ERR_REFERENCED: 409,
  ERR_CONFLICT: 412,
  ERR_PROTECTED: 403,
  ERR_DENIED: 403,
  ERR_CANNOT_OPEN: 500,
  ERR_EDITED: 500,
};

/** Of what concerns the server itself; else 500. */
const INTERNAL: Readonly<Partial<Record<ErrorCode, number>>> = { ERR_UNREACHABLE: 503, ERR_OUTCOME_UNKNOWN: 504 };

/** Makes our own routes of a server: what they throw is told in their form. */
export function ownRoutesOf(context: Context) {
  return (
    method: Route["method"],
    path: string,
    needs: Route["needs"],
    answer: (context: Context, call: Call) => Promise<Reply>,
  ): Route => ({
    ...{ method, path: API_PATH + path, needs },
    async answer(call) {
      try {
        return await answer(context, call);
      } catch (error) {
        throw told(context, call, error);
      }
    },
  });
}

/** Something that was thrown, as a refusal of our form; what nobody foresaw stays what it is. */
function told(context: Context, call: Call, thrown: unknown): unknown {
  if (thrown instanceof Refusal) return new Refusal(translated(call, thrown.reply), thrown.log);
  if (!isAshlarError(thrown)) return thrown;
  const internal = isServers(thrown);
  const status = internal ? (INTERNAL[thrown.code] ?? 500) : STATUS[thrown.code];
  const headers = status === 503 ? { "retry-after": "1" } : undefined;
  const reply = { ...json({ error: refusalOf(context, call, thrown) }, status), headers };
  return new Refusal(reply, internal ? `${thrown.code}: ${thrown.message}` : null);
}

/** An error for a client. */
export function refusalOf({ store }: Context, call: Call, error: AshlarError): ApiRefusal["error"] {
  const { code } = error;
  if (isServers(error))
    return { code, message: `The server cannot do this now: ${errorCodes[code]}. Its log says more.`, request: call.id };
  const { store: _store, issues, ...details } = call.principal.scoped ? withoutTheRest(call, error) : error.details;
  const message = call.principal.scoped ? scopedMessage(call, error) : error.message.replaceAll(store.url, "the store");
  return { code, message, ...details, ...(issues && { issues: issues.map(apiIssue) }), request: call.id };
}

/** Whether an error says something of the server's own files, keys and packages. */
function isServers({ code, details }: AshlarError): boolean {
  return STATUS[code] === undefined || (code === "ERR_DENIED" && details.store !== undefined);
}

function apiIssue({ path, message }: Issue): ApiIssue {
  return { pointer: path === "" || path.startsWith("/") ? path : `/${path.replaceAll(/[.[]/g, "/").replaceAll("]", "")}`, message };
}

/** What an error says besides, without documents that the caller may not know of. */
function withoutTheRest({ principal }: Call, { details }: AshlarError): AshlarError["details"] {
  const { documents, ...rest } = details;
  return documents ? { ...rest, documents: documents.filter((place) => principal.may("see", splitReference(place))) } : rest;
}

/** Messages that would tell of other documents say what was asked for, and no more. */
function scopedMessage(call: Call, error: AshlarError): string {
  const { type, name } = error.details;
  const asked =
    type !== undefined && name !== undefined ? `document ${type}/${name}` : type !== undefined ? `block type ${type}` : "such thing";
  switch (error.code) {
    case "ERR_NOT_FOUND":
    case "ERR_UNKNOWN_TYPE":
      return `There is no ${asked}.`;
    case "ERR_REFERENCED": {
      const seen = withoutTheRest(call, error).documents ?? [];
      return `It is used: ${[...seen, ...(seen.length < (error.details.documents?.length ?? 0) ? ["others"] : [])].join(", ")}. Delete them first.`;
    }
    case "ERR_CYCLE":
      return "The document would refer to itself.";
    default:
      return error.message;
  }
}

/** A refusal in the form that Prefect's clients know, in ours. */
function translated(call: Call, reply: Reply): Reply {
  const body = JSON.parse(typeof reply.body === "string" ? reply.body : "{}") as Told;
  if (body.error) return reply;
  const issues = body.exception_detail?.map(({ loc, msg }) => ({
    pointer: pointer(loc[0] === "body" ? loc.slice(1) : loc),
    message: msg.replace(/^Value error, /, ""),
  }));
  const code =
    reply.status === 413 ? "ERR_LIMIT" : reply.status === 403 ? "ERR_DENIED" : reply.status >= 500 ? "ERR_UNREACHABLE" : "ERR_INVALID";
  const lines = issues?.map((issue) => `  ${issue.pointer}: ${issue.message}`) ?? [];
  const message = [body.detail ?? body.exception_message ?? "The request does not fit.", ...lines].join("\n");
  return { ...reply, ...json({ error: { code, message, ...(issues && { issues }), request: call.id } }, reply.status) };
}

interface Told {
  readonly error?: unknown;
  readonly detail?: string;
  readonly exception_message?: string;
  readonly exception_detail?: readonly { readonly loc: readonly (string | number)[]; readonly msg: string }[];
}

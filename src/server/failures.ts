/**
 * Our errors as replies that Prefect's clients understand (protocol.md §2.1, §1.7). Touches errors.ts and exchange.ts.
 *
 * 408, 429, 502 and 503 are repeated by those clients, all others are not. What concerns the server's own files and keys is told to its log, and to
 * clients only that it is so.
 * @module
 */
import { type AshlarError, type ErrorCode, isAshlarError } from "../errors.ts";
import { exception, Refusal, type Reply, refusal } from "./exchange.ts";

/** What Prefect's server says of a key that leads nowhere. */
export const INTEGRITY =
  "Data integrity conflict. This usually means a unique or foreign key constraint was violated. See server logs for details.";

/** Codes whose message names what and where, and nothing of the server. */
const TOLD: Partial<Record<ErrorCode, number>> = {
  ERR_INVALID: 422,
  ERR_LIMIT: 422,
  ERR_SCHEMA: 422,
  ERR_UNSUPPORTED: 422,
  ERR_CYCLE: 400,
  ERR_EXISTS: 409,
  ERR_CONFLICT: 409,
  ERR_REFERENCED: 409,
  ERR_PROTECTED: 403,
};

/** Codes that are told in Prefect's words. */
const WORDED: Partial<Record<ErrorCode, readonly [number, string]>> = {
  ERR_NOT_FOUND: [404, "Block document not found"],
  ERR_UNKNOWN_TYPE: [404, "Block type not found"],
  ERR_BROKEN_REFERENCE: [409, INTEGRITY],
};

/** Codes that say what is wrong with a record or the keys: 500, which no client repeats. */
const CLOSED: readonly ErrorCode[] = ["ERR_CANNOT_OPEN", "ERR_NO_KEY", "ERR_WRONG_KEY", "ERR_UNKNOWN_KEY"];

/** How a failure of a call is answered, and what the server's log says of it; null where that is nothing. */
export function failureOf(thrown: unknown): { readonly reply: Reply; readonly log: string | null } {
  if (thrown instanceof Refusal) return thrown;
  if (!isAshlarError(thrown)) return { reply: exception(500, "Internal Server Error").reply, log: unforeseen(thrown) };
  const { code, message, details } = thrown;
  const status = TOLD[code];
  if (status !== undefined) return refusal(status, message);
  const worded = WORDED[code];
  if (worded) return refusal(...worded);
  if (code === "ERR_DENIED" && details.store === undefined) return refusal(403, message); // the caller's token, not the store's file
  const log = `${code}: ${message}`;
  if (code === "ERR_UNREACHABLE" || code === "ERR_NO_STORE")
    return { reply: exception(503, "Service Unavailable", { "retry-after": "1" }).reply, log };
  if (code === "ERR_OUTCOME_UNKNOWN")
    return { reply: refusal(504, "The store's answer was lost: whether it was written is not known.").reply, log };
  if (CLOSED.includes(code)) return { reply: refusal(500, closedText(thrown)).reply, log };
  return { reply: exception(500, "Internal Server Error").reply, log };
}

function closedText({ code, details: { type, name } }: AshlarError): string {
  const what = type !== undefined && name !== undefined ? `${type}/${name}` : "What was asked for";
  if (code === "ERR_CANNOT_OPEN")
    return `${what} was changed or damaged since it was saved, and cannot be opened. It can be deleted, or saved anew.`;
  return `${what} cannot be opened with the keys that the server has. Its log says more.`;
}

/** The text of an error that nobody foresaw may hold anything: where it arose is told, not what it says. */
function unforeseen(thrown: unknown): string {
  const [name, stack] = thrown instanceof Error ? [thrown.name, thrown.stack ?? ""] : [typeof thrown, ""];
  const frames = stack.split("\n").filter((line) => /^ {4}at /.test(line));
  return `an error nobody foresaw (${name})${frames
    .slice(0, 8)
    .map((line) => ` ${line.trim()}`)
    .join("")}`;
}

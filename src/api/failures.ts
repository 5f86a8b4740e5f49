/**
 * What our own server refuses, and what stands between us and it, as errors. Touches errors.ts and answers.ts; sends nothing.
 * @module
 */
import type { z } from "zod";
import { AshlarError, type ErrorCode } from "../errors.ts";
import { parseJson } from "../json.ts";
import { type Incoming, NoAnswer } from "../transport.ts";
import { refusalBody } from "./answers.ts";
import type { ApiRefusal } from "./shapes.ts";

/** An error as the server told it. */
export function toldError(url: string, { code, message, request: _request, issues, ...details }: ApiRefusal["error"]): AshlarError {
  const all = issues?.map(({ pointer, message: text }) => ({ path: pointer, message: text }));
  return new AshlarError(code, message, { ...details, ...(all && { issues: all }), store: url });
}

/**
 * The error for an answer that was not hoped for.
 * @param login where the access token came from; undefined: there is none; empty: it is someone else's.
 */
export function refused(url: string, method: string, { status, text }: Incoming, login: string | undefined): AshlarError {
  const told = refusalBody.safeParse(jsonOf(text));
  if (told.success) return toldError(url, told.data.error);
  const [code, message] = refusalText(url, method, status, text, login);
  return new AshlarError(code, message, { store: url });
}

function refusalText(url: string, method: string, status: number, text: string, login: string | undefined): readonly [ErrorCode, string] {
  if (status === 401 && login === undefined)
    return [
      "ERR_DENIED",
      `${url} asks for an access token (401): set ASHLAR_TOKEN. Whoever looks after the server makes one by "ashlar token create".`,
    ];
  if (status === 401)
    return [
      "ERR_DENIED",
      `${url} does not accept the access token${login && ` in ${login}`} (401): it is wrong, has expired, or was revoked.`,
    ];
  if (status === 403) return ["ERR_DENIED", `${url} does not allow this (403): the access token lacks the role for it.`];
  if (status === 413) return ["ERR_LIMIT", `${url} takes no request as large as this (413): its option for the largest body raises that.`];
  if (status === 421) return ["ERR_DENIED", `${url} does not go by that name (421): its option --allow-host adds one.`];
  if (status === 429) return ["ERR_UNREACHABLE", `${url} was asked too often with a bad access token (429): try again later.`];
  if (status === 503) return ["ERR_UNREACHABLE", `${url} is too busy, or is being stopped (503): try again later.`];
  if (status >= 500) return ["ERR_UNREACHABLE", `${url} failed at ${method} (${status}): its log says why, or the proxy's before it.`];
  if (status >= 300 && status < 400)
    return ["ERR_DENIED", `${url} sends on to another address: neither token nor secrets are sent after it.`];
  const what = text.trimStart().startsWith("<") ? "a web page" : "something else";
  return [
    "ERR_NO_STORE",
    `At ${url} there is no server of Ashlar (${status}, ${what} answers): is the address right, and "ashlar serve" behind it?`,
  ];
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** The error where there is no answer. */
export function unreachable(url: string, { code }: NoAnswer): AshlarError {
  const { host, hostname } = new URL(url);
  const text = (() => {
    if (code === "ECONNREFUSED") return `Nothing listens at ${host}: is the server running, as "ashlar serve" starts it?`;
    if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `There is no computer named ${hostname}, or the network is not there.`;
    if (code === "TIMEOUT") return `${url} gave no answer in time.`;
    if (code === "CLOSED") return "The store was closed.";
    if (code === "TOO_LARGE") return `${url} answers with more than is read.`;
    if (code === "EPROTO" || code.startsWith("ERR_SSL_")) return `${host} does not speak TLS (${code}): is its address http://?`;
    if (code.startsWith("HPE_") || code === "BAD_GZIP") return `What answers at ${host} is no HTTP server (${code}).`;
    if (/CERT|SIGNATURE|ISSUER|SELF_SIGNED|CRL/.test(code))
      return `The certificate of ${host} is not trusted (${code}): if it is the right server, name the file of its certificate authority in NODE_EXTRA_CA_CERTS.`;
    return `The connection to ${host} broke (${code}): try again.`;
  })();
  return new AshlarError("ERR_UNREACHABLE", text, { store: url });
}

/** The error for a write of which nobody knows whether it was done. */
export function lost(url: string, got: Incoming | NoAnswer): AshlarError {
  const why = got instanceof NoAnswer ? `its answer was lost (${got.code})` : `something in between answered (${got.status})`;
  return new AshlarError(
    "ERR_OUTCOME_UNKNOWN",
    `A write was sent to ${url}, and ${why}: whether it was done is not known. Look at what is there before repeating it.`,
    { store: url },
  );
}

/** The error for an answer that is not what the server answers; it says where, never what. */
export function unreadable(url: string, method: string, path: string, { issues }: z.ZodError): AshlarError {
  const where = issues[0]?.path.slice(0, 3).map(String).join(".") ?? "";
  return new AshlarError(
    "ERR_UNREACHABLE",
    `${url} answers ${method} ${path} with what cannot be read, at ${JSON.stringify(where.slice(0, 60))}: is it of another version?`,
    {
      store: url,
    },
  );
}

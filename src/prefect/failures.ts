/**
 * What Prefect's API refuses, and what stands between us and it, in our codes and words. Touches errors.ts; sends nothing.
 *
 * Of what a server says only its `detail` is shown, and of a request that held secrets not even that: a server may repeat what it was sent.
 * @module
 */
import { AshlarError, type ErrorCode } from "../errors.ts";
import type { Incoming, NoAnswer } from "../transport.ts";
import type { PrefectSettings } from "./settings.ts";

/** What is told of a request: enough to say what was refused. */
export interface Request {
  readonly method: string;
  /** Below the base address, with the slash that it begins with. */
  readonly path: string;
  /** Whether the body holds secrets. */
  readonly confidential?: boolean | undefined;
}

/** The `detail` of an error's body, on one line and not too long; undefined where there is none. */
export function detailOf(text: string): string | undefined {
  const detail = bodyOf(text)?.detail;
  return typeof detail === "string" ? detail.replace(/\s+/g, " ").slice(0, 300) : undefined;
}

/** Whether a 404 says that the server has no such thing, rather than no such path: only that is an absence. */
export function isAbsence(text: string): boolean {
  const detail = detailOf(text);
  return detail !== undefined && detail !== "Not Found" && !/workspace|account/i.test(detail);
}

/** Whether an error's body is Prefect's own, and not that of something in between. */
export function isPrefects(text: string): boolean {
  const body = bodyOf(text);
  return body !== undefined && ("detail" in body || "exception_message" in body);
}

function bodyOf(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The error for an answer that was not hoped for. */
export function refusal(settings: PrefectSettings, request: Request, { status, text }: Incoming): AshlarError {
  const store = settings.apiUrl;
  const [code, message] = refusalText(settings, request, status, text);
  return new AshlarError(code, message, { store });
}

function refusalText(settings: PrefectSettings, request: Request, status: number, text: string): readonly [ErrorCode, string] {
  const { apiUrl } = settings;
  const detail = request.confidential ? undefined : detailOf(text);
  const said = detail === undefined ? `${status}` : `${status}, "${detail}"`;
  if (status === 400 && /API version/.test(detailOf(text) ?? ""))
    return ["ERR_UNSUPPORTED", `${apiUrl} is a Prefect server of another generation: it does not speak version 0.8 of the API.`];
  if (status === 401) return ["ERR_DENIED", loginText(settings)];
  if (status === 403) return ["ERR_DENIED", forbiddenText(settings, said)];
  if (status === 404 || status === 405 || (status < 400 && !isPrefects(text))) return ["ERR_NO_STORE", notPrefect(settings, status, text)];
  if (status === 422) return ["ERR_INVALID", `${apiUrl} does not take what was sent (${said})${fieldList(text, request)}`];
  if (status === 429) return ["ERR_UNREACHABLE", `${apiUrl} is asked too often (429): try again later.`];
  if (status === 503) return ["ERR_UNREACHABLE", `${apiUrl} is too busy or not ready (503): try again later.`];
  if (status >= 500)
    return [
      "ERR_UNREACHABLE",
      isPrefects(text)
        ? `${apiUrl} failed at ${request.method} ${request.path} (${status}): its own log says why.`
        : `What stands before ${apiUrl} could not pass the request on (${status}): try again, or look at the proxy.`,
    ];
  return ["ERR_INVALID", `${apiUrl} refuses ${request.method} ${request.path} (${said}).`];
}

function loginText({ apiUrl, login, unusedLogin, isCloud }: PrefectSettings): string {
  if (login !== undefined)
    return `${apiUrl} does not accept the login (401): ${login} is wrong, has expired, or belongs to another server.`;
  const unused = unusedLogin === undefined ? "" : ` Note that ${unusedLogin}.`;
  return `${apiUrl} asks for a login (401): set ${isCloud ? "PREFECT_API_KEY" : "PREFECT_API_AUTH_STRING, or PREFECT_API_KEY where it is Prefect Cloud"}.${unused}`;
}

function forbiddenText({ apiUrl, login, isCloud }: PrefectSettings, said: string): string {
  const who = login === undefined ? "without a login" : `with ${login}`;
  return `${apiUrl} does not allow this ${who} (${said})${isCloud ? ": the key may be of another workspace, or its role may not do it" : ""}.`;
}

function notPrefect({ apiUrl }: PrefectSettings, status: number, text: string): string {
  const what = text.trimStart().startsWith("<") ? "a web page" : "something else";
  return `At ${apiUrl} there is no API of Prefect (${status}, ${what} answers): its address usually ends with /api, and a proxy or a login page may stand before it.`;
}

/** Where and why a body does not fit; the server repeats the body beside that list, which is not shown. */
function fieldList(text: string, { confidential }: Request): string {
  const given = bodyOf(text)?.exception_detail;
  if (!Array.isArray(given)) return ".";
  const lines = given.slice(0, 20).map((each: unknown) => {
    const { loc, msg, type } = (typeof each === "object" && each !== null ? each : {}) as Record<string, unknown>;
    const where = Array.isArray(loc) ? loc.slice(0, confidential ? 2 : 10).map((part) => String(part).slice(0, 60)) : [];
    const why = confidential ? type : msg; // a message may quote the value
    return `  ${where.join(".")}: ${typeof why === "string" ? why.replace(/\s+/g, " ").slice(0, 200) : "does not fit"}`;
  });
  return [":", ...lines].join("\n");
}

/** The error where there is no answer. */
export function unreachable(settings: PrefectSettings, { code }: NoAnswer): AshlarError {
  const { apiUrl, origins, timeout } = settings;
  const named = origins.has("PREFECT_API_URL") ? `, which PREFECT_API_URL of the ${origins.get("PREFECT_API_URL")} names` : "";
  const { host, hostname } = new URL(apiUrl);
  const text = (() => {
    if (code === "ECONNREFUSED") return `Nothing listens at ${host}${named}: is the server running, as "prefect server start" starts it?`;
    if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `There is no computer named ${hostname}${named}, or the network is not there.`;
    if (code === "TIMEOUT") return `${apiUrl} gave no answer in ${timeout / 1000} s (PREFECT_API_REQUEST_TIMEOUT)${named}.`;
    if (code === "CLOSED") return "The store was closed.";
    if (code === "TOO_LARGE") return `${apiUrl} answers with more than 64 MiB, which is not read.`;
    if (code === "EPROTO" || code.startsWith("ERR_SSL_")) return `${host}${named} does not speak TLS (${code}): is its address http://?`;
    if (code.startsWith("HPE_") || code === "BAD_GZIP") return `What answers at ${host}${named} is no HTTP server (${code}).`;
    if (/CERT|SIGNATURE|ISSUER|SELF_SIGNED|CRL/.test(code))
      return `The certificate of ${host} is not trusted (${code}): if it is the right server, name the file of its certificate authority in PREFECT_API_SSL_CERT_FILE.`;
    return `The connection to ${host} broke (${code})${named}: try again.`;
  })();
  return new AshlarError("ERR_UNREACHABLE", text, { store: apiUrl });
}

/** The error for a write of which nobody knows whether it was done. */
export function outcomeUnknown({ apiUrl }: PrefectSettings, why: string): AshlarError {
  return new AshlarError(
    "ERR_OUTCOME_UNKNOWN",
    `A write was sent to ${apiUrl}, and ${why}: whether it was done is not known. Look at what is there before repeating it.`,
    { store: apiUrl },
  );
}

/** The error for an answer that leads to another server, where neither login nor secrets go. */
export function ledAway({ apiUrl }: PrefectSettings, target: URL | undefined): AshlarError {
  const where = target === undefined ? "nowhere" : `to ${target.origin}, another server`;
  return new AshlarError(
    "ERR_DENIED",
    `${apiUrl} sends on ${where}: neither login nor secrets are sent after it. If that is where Prefect is now, change the address.`,
    { store: apiUrl },
  );
}

/** The error for an answer that is not what Prefect answers. */
export function unreadable({ apiUrl }: PrefectSettings, { method, path }: Request, what: string): AshlarError {
  return new AshlarError("ERR_UNREACHABLE", `${apiUrl} answers ${method} ${path} with what cannot be read: ${what}.`, { store: apiUrl });
}

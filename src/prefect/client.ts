/**
 * A small client for Prefect's API: login, CSRF, redirects, retries (protocol.md §1), and errors as ours. Touches transport.ts and failures.ts; knows
 * nothing of blocks.
 *
 * A write is repeated only where a second time changes nothing. Where a create's answer was lost, that is said: `ERR_OUTCOME_UNKNOWN`.
 * @module
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AshlarError } from "../errors.ts";
import { parseJson, parseLossless } from "../json.ts";
import { type Incoming, NoAnswer, openTransport, type Transport } from "../transport.ts";
import { isAbsence, isPrefects, ledAway, outcomeUnknown, type Request, refusal, unreachable, unreadable } from "./failures.ts";
import { certificates, type PrefectSettings } from "./settings.ts";

/** One call of the API. */
export interface Call extends Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** JSON text. */
  readonly body?: string | undefined;
  /** What a second time would do: `read` and `repeat` change nothing more, `once` would do it again. */
  readonly effect: "read" | "repeat" | "once";
  /** HTTP codes that are given back beside those of success. A 404 counts only where it says that the thing is not there. */
  readonly accept?: readonly number[] | undefined;
}

/** An answer that was hoped for. */
export interface Answer {
  readonly status: number;
  /** Its JSON, numbers kept as their text where JavaScript would change them (json.ts); undefined where there is none. */
  readonly body: unknown;
  /** The error that an answer of no success is, for whoever does not know better. */
  readonly error: AshlarError | undefined;
  /** An earlier attempt may have been carried out, its answer was lost: so "gone" or "is there" may be our own doing. */
  readonly repeated: boolean;
}

/** Talks to one server, over kept connections. */
export interface PrefectClient {
  readonly settings: PrefectSettings;
  /**
   * @throws AshlarError `ERR_UNREACHABLE`, `ERR_OUTCOME_UNKNOWN`, `ERR_DENIED`, `ERR_NO_STORE`, `ERR_INVALID`, `ERR_UNSUPPORTED`
   */
  call(call: Call): Promise<Answer>;
  /** Ends what is under way; every later call is `ERR_UNREACHABLE`. */
  close(): void;
}

/** The version of the API that Prefect 3 speaks. */
const API_VERSION = "0.8.4";
/** Codes after which a request is repeated. */
const RETRY_CODES = [408, 429, 502, 503];
/** A longer wait than this is not waited for, in seconds. */
const LONGEST_WAIT = 120;
const MOST_REDIRECTS = 5;

/** Makes a client; connects at the first call. @throws AshlarError `ERR_INVALID` when the file of certificates cannot be read. */
export async function openClient(settings: PrefectSettings): Promise<PrefectClient> {
  const { apiUrl, verifyTls, caFile } = settings;
  const ca = caFile === undefined ? undefined : await certificates(caFile);
  return new Client(settings, openTransport(new URL(apiUrl), { verifyTls, ca }));
}

class Client implements PrefectClient {
  readonly settings: PrefectSettings;
  readonly #transport: Transport;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #closed = new AbortController();
  readonly #csrfClient = randomUUID();
  #csrfToken: string | undefined;
  /** Whether the server ever answered: until then a refused connection is a wrong address, later a restart. */
  #met = false;
  #warned = false;
  /** Ends when the write before has its answer; undefined as long as writes may overlap. */
  #lastWrite: Promise<unknown> | undefined;

  constructor(settings: PrefectSettings, transport: Transport) {
    this.settings = settings;
    this.#transport = transport;
    const { authorization, customHeaders } = settings;
    this.#headers = {
      accept: "application/json",
      "user-agent": `ashlar (API ${API_VERSION})`,
      "x-prefect-api-version": API_VERSION,
      ...(authorization && { authorization: authorization.reveal() }),
      ...Object.fromEntries(Object.entries(customHeaders).map(([name, value]) => [name, value.reveal()])),
    };
  }

  async call(call: Call): Promise<Answer> {
    const writes = call.effect !== "read";
    let repeated = false;
    let stale = false;
    let csrfTries = 0;
    for (let tries = 0; ; ) {
      if (this.#closed.signal.aborted) throw unreachable(this.settings, new NoAnswer("CLOSED", { sent: false }));
      const got = await (writes ? this.#inTurn(() => this.#attempt(call)) : this.#attempt(call));
      if (!(got instanceof NoAnswer)) {
        this.#met = true;
        if (await this.#renewedCsrf(got, csrfTries)) {
          csrfTries++;
          continue;
        }
        const { status, text } = got;
        const accepted = call.accept?.includes(status) === true && (status !== 404 || isAbsence(text));
        const body = accepted || (status >= 200 && status < 300) ? bodyOf(text) : undefined;
        const error = accepted ? refusal(this.settings, call, got) : undefined;
        if (body !== undefined || status === 204) return { status, body, error, repeated };
        // Prefect on SQLite refuses writes that overlap: from now on ours do not.
        if (writes && status === 503 && isPrefects(text)) this.#lastWrite ??= Promise.resolve();
      }
      const maybeDone = writes && isAmbiguous(got);
      if (maybeDone && call.effect === "once") throw outcomeUnknown(this.settings, lostHow(got));
      repeated ||= maybeDone;
      // A connection that the server has just closed for want of use: a new one, at once, and only once.
      if (got instanceof NoAnswer && got.reused && !stale && (stale = got.code === "ECONNRESET" || got.code === "EPIPE")) continue;
      if (!this.#inMaintenance(got)) tries++;
      const wait = this.#isTransient(got) && tries <= this.settings.maxRetries ? this.#waitBefore(got, tries) : undefined;
      if (wait === undefined) {
        if (repeated) throw outcomeUnknown(this.settings, lostHow(got));
        throw got instanceof NoAnswer ? unreachable(this.settings, got) : refusal(this.settings, call, got);
      }
      await sleep(wait * 1000, undefined, { signal: this.#closed.signal }).catch(() => undefined); // closed: the loop's beginning says so
    }
  }

  close(): void {
    this.#closed.abort();
    this.#transport.close();
  }

  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    if (this.#lastWrite === undefined) return write();
    const result = this.#lastWrite.then(write);
    this.#lastWrite = result.catch(() => undefined);
    return result;
  }

  /** Sends once, and follows the server where it leads on its own ground. */
  async #attempt({ method, path, body }: Call): Promise<Incoming | NoAnswer> {
    let url = new URL(this.settings.apiUrl + path);
    for (let redirects = 0; ; redirects++) {
      const headers = {
        ...this.#headers,
        ...(body !== undefined && { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) }),
        ...(method !== "GET" &&
          this.#csrfToken !== undefined && { "prefect-csrf-token": this.#csrfToken, "prefect-csrf-client": this.#csrfClient }),
      };
      let got: Incoming;
      try {
        got = await this.#transport.send({ method, url, headers, body, timeout: this.settings.timeout });
      } catch (error) {
        if (error instanceof NoAnswer) return error;
        throw error;
      }
      const { location } = got.headers;
      if (got.status < 300 || got.status >= 400 || location === undefined) return got;
      const target = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined;
      if (target?.origin !== url.origin) throw ledAway(this.settings, target);
      const keepsMethod = got.status === 307 || got.status === 308 || method === "GET";
      if (!keepsMethod || redirects === MOST_REDIRECTS) return got;
      url = target;
    }
  }

  /**
   * Fetches a CSRF token when the server misses a good one. It is asked only then: most servers want none, and refuse before they do anything.
   * @returns whether the request is to be sent again.
   */
  async #renewedCsrf({ status, text }: Incoming, tries: number): Promise<boolean> {
    if (status !== 403 || !this.settings.csrf || tries >= 2) return false;
    if (!/Missing CSRF token|Missing client identifier|Invalid CSRF token/.test(text)) return false;
    const call = { method: "GET", path: `/csrf-token?client=${this.#csrfClient}`, effect: "read", accept: [422] } as const;
    const answer = await this.call(call);
    if (answer.status === 422) return false; // it wants none after all
    const token = (answer.body as { token?: unknown }).token;
    if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) throw unreadable(this.settings, call, "it is no CSRF token");
    this.#csrfToken = token;
    return true;
  }

  #isTransient(got: Incoming | NoAnswer): boolean {
    if (got instanceof NoAnswer) return got.code !== "TOO_LARGE" && (got.sent || this.#met);
    return RETRY_CODES.includes(got.status) || this.settings.retryCodes.has(got.status);
  }

  /** Seconds to wait; undefined when the server asks for more than is waited for. */
  #waitBefore(got: Incoming | NoAnswer, tries: number): number | undefined {
    const { jitter } = this.settings;
    const asked = got instanceof NoAnswer ? undefined : retryAfter(got.headers["retry-after"]);
    if (asked === undefined) return 2 ** tries * (1 + jitter * (2 * Math.random() - 1));
    return asked > LONGEST_WAIT ? undefined : asked * (1 + jitter * Math.random());
  }

  /** Attempts while a server is maintained do not count (protocol.md §1.7). */
  #inMaintenance(got: Incoming | NoAnswer): boolean {
    if (got instanceof NoAnswer || got.headers["prefect-maintenance"] !== "true") return false;
    if (!this.#warned) process.emitWarning(`${this.settings.apiUrl} is in maintenance: requests wait until it is back.`, "AshlarWarning");
    this.#warned = true;
    return true;
  }
}

/** Whether a request may have been carried out although no good answer came; a success that holds no JSON is not Prefect's. */
function isAmbiguous(got: Incoming | NoAnswer): boolean {
  if (got instanceof NoAnswer) return got.sent;
  return (got.status >= 200 && got.status < 300) || (got.status >= 500 && got.status !== 503 && !isPrefects(got.text));
}

function lostHow(got: Incoming | NoAnswer): string {
  return got instanceof NoAnswer ? `its answer was lost (${got.code})` : `something in between answered (${got.status})`;
}

function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** Numbers that JavaScript would change when it reads them: `1.0`, `1e5`, and integers of sixteen digits or more. */
const CHANGING_NUMBER = /\d\.0|\d[eE][+-]?\d|\d{16}/;

/** The JSON of an answer, numbers kept as their text where JavaScript would change them (json.ts); undefined where there is no body or no JSON. */
function bodyOf(text: string): unknown {
  try {
    return text === "" ? undefined : CHANGING_NUMBER.test(text) ? parseLossless(text) : parseJson(text);
  } catch {
    return undefined;
  }
}

/** The version of the Prefect server, such as `3.8.8`. @throws AshlarError as a call does; `ERR_UNREACHABLE` when the answer is no version. */
export async function serverVersion(client: PrefectClient): Promise<string> {
  const call = { method: "GET", path: "/admin/version", effect: "read" } as const;
  const version = (await client.call(call)).body;
  if (typeof version !== "string" || !/^\d+\.\d+[\w.+-]{0,40}$/.test(version)) throw unreadable(client.settings, call, "it is no version");
  return version;
}

/** The error where a server is of another major version than 3; undefined where it is not. */
export function otherMajor({ apiUrl }: PrefectSettings, version: string): AshlarError | undefined {
  if (version.startsWith("3.")) return undefined;
  return new AshlarError("ERR_UNSUPPORTED", `${apiUrl} is Prefect ${version}; this speaks with Prefect 3.`, { store: apiUrl });
}

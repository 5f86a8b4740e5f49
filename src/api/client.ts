/**
 * A client of our own server's HTTP API: where it is, the access token, retries, and refusals as errors. Touches transport.ts and answers.ts; knows
 * nothing of the store's contract.
 *
 * What only reads, or changes nothing more the second time, is sent again when its answer is lost. Of any other write it is said that its outcome is not
 * known: `ERR_OUTCOME_UNKNOWN`.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import { tokenForm } from "../access-token.ts";
import { AshlarError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { Secret } from "../secret.ts";
import { type Incoming, isLoopback, NoAnswer, openTransport, type Transport } from "../transport.ts";
import { refusalBody } from "./answers.ts";
import { lost, refused, unreachable, unreadable } from "./failures.ts";
import { API_PATH } from "./shapes.ts";

/** One call. */
export interface ApiCall<T> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below the API's own path, each segment encoded. */
  readonly path: string;
  /** Left out where undefined. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: object | undefined;
  /** What a good answer holds. */
  readonly answer: z.ZodType<T>;
  /** What a second time would do: `read` and `repeat` change nothing more, `once` would do it again. */
  readonly effect: "read" | "repeat" | "once";
  /** In place of the client's own access token. */
  readonly token?: string | undefined;
}

/** Talks to one server, over kept connections. */
export interface ApiClient {
  /** Where it is, without credentials. */
  readonly url: string;
  /** @throws AshlarError what the server says; `ERR_UNREACHABLE`, `ERR_OUTCOME_UNKNOWN`, `ERR_DENIED`, `ERR_NO_STORE`. */
  call<T>(call: ApiCall<T>): Promise<T>;
  /** Ends what is under way; every later call is `ERR_UNREACHABLE`. */
  close(): void;
}

/** How a client is made. */
export interface ApiClientOptions {
  /** The access token. Default: that of `ASHLAR_TOKEN`. */
  readonly token?: string | undefined;
  /** Take an address of plain `http` that is not this machine's. Default: whether `ASHLAR_ALLOW_PLAIN_HTTP` is `1`. */
  readonly allowPlainHttp?: boolean | undefined;
}

const TIMEOUT_MS = 60_000;
/** Waits before a request is sent again, in milliseconds. */
const WAITS = [100, 300, 1000, 2000];

/**
 * Makes a client; connects at the first call.
 * @param url `https://HOST[:PORT][/PREFIX]`, or the same with `http` for this machine.
 * @throws AshlarError `ERR_INVALID` for a URL of another form, which is not repeated: it may hold a password; `ERR_WRONG_KEY` for a damaged token.
 */
export function openApiClient(url: string, options: ApiClientOptions = {}): ApiClient {
  const address = addressOf(url, options.allowPlainHttp ?? process.env.ASHLAR_ALLOW_PLAIN_HTTP === "1");
  const [token, source] = options.token === undefined ? [process.env.ASHLAR_TOKEN, "ASHLAR_TOKEN"] : [options.token, "the option token"];
  return new Client(address, openTransport(address), checkedToken(token, source), source);
}

function addressOf(url: string, allowPlainHttp: boolean): URL {
  const address = URL.parse(url);
  const wrong = (why: string) => new AshlarError("ERR_INVALID", `A server's URL has the form https://HOST[:PORT][/PREFIX]: ${why}.`);
  if (!address || !/^https?:\/\/[^/]/.test(url)) throw wrong("this has another one");
  if (address.username !== "" || address.password !== "") throw wrong("it holds no login; the access token goes into ASHLAR_TOKEN");
  if (address.search !== "" || address.hash !== "") throw wrong("it has no ? and no #");
  if (address.protocol === "http:" && !isLoopback(address) && !allowPlainHttp)
    throw wrong("http would send token and secrets in clear; ASHLAR_ALLOW_PLAIN_HTTP=1 allows it all the same");
  return address;
}

function checkedToken(text: string | undefined, source: string): Secret | undefined {
  const token = text?.trim();
  if (!token) return undefined;
  if (tokenForm(token) === "damaged")
    throw new AshlarError("ERR_WRONG_KEY", `The access token in ${source} is damaged: a character is missing or wrong.`);
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new AshlarError("ERR_WRONG_KEY", `What ${source} holds is no access token: it has blanks in it.`);
  return new Secret(token);
}

class Client implements ApiClient {
  readonly url: string;
  readonly #transport: Transport;
  readonly #token: Secret | undefined;
  readonly #source: string;
  readonly #closed = new AbortController();
  /** Whether the server ever answered: until then a refused connection is a wrong address, later a restart. */
  #met = false;

  constructor(address: URL, transport: Transport, token: Secret | undefined, source: string) {
    this.url = address.href.replace(/\/+$/, "");
    this.#transport = transport;
    this.#token = token;
    this.#source = source;
  }

  async call<T>(call: ApiCall<T>): Promise<T> {
    const writes = call.effect !== "read";
    let maybeDone = false;
    let stale = false;
    for (let tries = 0; ; ) {
      if (this.#closed.signal.aborted) throw unreachable(this.url, new NoAnswer("CLOSED", { sent: false }));
      const got = await this.#attempt(call);
      if (!(got instanceof NoAnswer)) this.#met = true;
      const body = got instanceof NoAnswer || got.status >= 300 ? undefined : this.#read(call, got);
      if (body) return body.data;
      const ambiguous = writes && mayHaveHappened(got);
      if (ambiguous && call.effect === "once") throw lost(this.url, got);
      maybeDone ||= ambiguous;
      // A connection that the server has just closed for want of use: a new one, at once, and only once.
      if (got instanceof NoAnswer && got.reused && !stale && (stale = got.code === "ECONNRESET" || got.code === "EPIPE")) continue;
      const wait = this.#isTransient(got) ? WAITS[tries++] : undefined;
      if (wait === undefined) {
        if (maybeDone) throw lost(this.url, got);
        const login = this.#token ? this.#source : undefined;
        throw got instanceof NoAnswer
          ? unreachable(this.url, got)
          : refused(this.url, call.method, got, call.token === undefined ? login : "");
      }
      await sleep(wait * (0.5 + Math.random()), undefined, { signal: this.#closed.signal }).catch(() => undefined); // closed: the loop's beginning says so
    }
  }

  close(): void {
    this.#closed.abort();
    this.#transport.close();
  }

  async #attempt<T>({ method, path, query = {}, headers, body, token }: ApiCall<T>): Promise<Incoming | NoAnswer> {
    const url = new URL(this.url + API_PATH + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const text = body === undefined ? undefined : JSON.stringify(body);
    const bearer = token ?? this.#token?.reveal();
    const all = {
      accept: "application/json",
      "user-agent": "ashlar",
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(text !== undefined && { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) }),
      ...headers,
    };
    try {
      return await this.#transport.send({ method, url, headers: all, body: text, timeout: TIMEOUT_MS });
    } catch (error) {
      if (error instanceof NoAnswer) return error;
      throw error;
    }
  }

  /** A good answer's body; undefined for one that is not the server's, but of something in between. @throws AshlarError when it is of another shape */
  #read<T>({ method, path, answer, effect }: ApiCall<T>, { text }: Incoming): { readonly data: T } | undefined {
    let value: unknown;
    try {
      value = parseJson(text);
    } catch {
      return undefined;
    }
    const parsed = answer.safeParse(value);
    if (parsed.success) return parsed;
    if (effect === "once") return undefined;
    throw unreadable(this.url, method, path, parsed.error);
  }

  /** Whether it is worth to ask again: a server that is busy or is started anew, not one whose store fails, which has waited itself. */
  #isTransient(got: Incoming | NoAnswer): boolean {
    if (got instanceof NoAnswer) return got.code !== "TOO_LARGE" && got.code !== "CLOSED" && (got.sent || this.#met);
    return (got.status === 502 || got.status === 503) && !isTold(got);
  }
}

/** Whether a request may have been carried out although no good answer came. */
function mayHaveHappened(got: Incoming | NoAnswer): boolean {
  if (got instanceof NoAnswer) return got.sent;
  if (got.status < 300) return true;
  return got.status >= 500 && got.status !== 503 && !isTold(got);
}

/** Whether an answer is a refusal by the server itself, and not by something in between. */
function isTold({ text }: Incoming): boolean {
  try {
    return refusalBody.safeParse(parseJson(text)).success;
  } catch {
    return false;
  }
}

/**
 * The server's pipeline: what every request goes through before a route answers it, and what every reply has. Touches node:http's messages and the
 * files of this folder; it listens to nothing: serve.ts does.
 *
 * Order: address and origin, CSRF token, access, route, version of the API, right, body. So nobody without access learns which paths there are.
 * @module
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { Store } from "../stores/store.ts";
import { type Access, type Principal, principalOf } from "./access.ts";
import type { Audit } from "./audit.ts";
import { blockDocumentRoutes } from "./block-documents.ts";
import { blockSchemaRoutes } from "./block-schemas.ts";
import { blockTypeRoutes } from "./block-types.ts";
import { readJson } from "./body.ts";
import { type Context, DEFAULTS, type Settings } from "./context.ts";
import { forged } from "./csrf.ts";
import { EventSockets } from "./events.ts";
import { type Call, exception, type Reply, type Route, refusal } from "./exchange.ts";
import { failureOf } from "./failures.ts";
import { SECURITY_HEADERS, strange } from "./guard.ts";
import { Metrics } from "./metrics.ts";
import { rootRoutes } from "./root.ts";
import { type Found, Router } from "./router.ts";
import { Schemas } from "./schemas.ts";
import { send } from "./send.ts";
import { Surroundings } from "./surroundings.ts";

/** What a server is made of. */
export interface ServerOptions {
  readonly store: Store;
  readonly access: Access;
  readonly audit: Audit;
  readonly settings?: Partial<Settings> | undefined;
  /** More routes beside those of Prefect's API. */
  readonly routes?: ((context: Context) => readonly Route[]) | undefined;
}

/** How many requests are answered at a time; beyond that the server says that it is too busy. */
const MOST_RUNNING = 2000;
/** How long a client may take for an answer that is there as a whole, in milliseconds. */
const SLOWEST_MS = 60_000;
/** How often it is looked for requests that take too long, in milliseconds. */
const LOOK_MS = 500;
/** Paths of Prefect's API, and not our own below it. */
const PREFECTS = /^\/api\/(?!ashlar\/)/;

/** Somebody who may do nothing. */
const NOBODY: Principal = principalOf({ name: "", roles: [], types: null, names: null });

/** A request on its way. */
interface Running {
  /** Among those that are. */
  place: number;
  readonly id: string;
  readonly since: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  route: Route | undefined;
  /** When it was replied to; the client may not have taken all of it yet. */
  replied: number | undefined;
}

/** The routes of a server over a store. */
export function serverApp(options: ServerOptions): ServerApp {
  return new ServerApp(options);
}

/** Answers requests. */
export class ServerApp {
  /** All that it answers. */
  readonly routes: readonly Route[];
  readonly metrics = new Metrics();
  readonly #store: Store;
  readonly #access: Access;
  readonly #settings: Settings;
  readonly #router: Router;
  readonly #sockets: EventSockets;
  /** In no order. No Set: one that much is put into and taken out of keeps all of it alive until the next full garbage collection. */
  readonly #running: Running[] = [];
  readonly #looking: NodeJS.Timeout;
  readonly #headers: readonly string[];
  /** What {@link ServerApp.#now} gives to the requests of this turn. */
  #turn: Promise<string | undefined> | undefined;
  #stopping = false;

  constructor({ store, access, audit, settings, routes }: ServerOptions) {
    this.#store = store;
    this.#access = access;
    this.#settings = { ...DEFAULTS, ...settings };
    const schemas = new Schemas(store);
    const context: Context = {
      ...{ store, audit, settings: this.#settings, metrics: this.metrics, schemas },
      surroundings: new Surroundings(store, schemas),
    };
    this.routes = [
      ...rootRoutes(context),
      ...blockTypeRoutes(context),
      ...blockSchemaRoutes(context),
      ...blockDocumentRoutes(context),
      ...(routes?.(context) ?? []),
    ];
    this.#router = new Router(this.routes);
    this.#sockets = new EventSockets(access, this.metrics);
    this.#headers = Object.entries({
      ...SECURITY_HEADERS,
      ...(this.#settings.secure && { "strict-transport-security": "max-age=31536000" }),
    }).flat();
    this.metrics.running = () => this.#running.length;
    this.#looking = setInterval(() => this.#giveUp(), LOOK_MS).unref();
  }

  /** Answers a request; never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const place = this.#running.length;
    const running: Running = { place, id: randomUUID(), since: performance.now(), request, response, route: undefined, replied: undefined };
    this.#running.push(running);
    response.once("close", () => this.#ended(running));
    this.#answer(running).then(
      (reply) => this.#reply(running, reply),
      (error) => this.#reply(running, this.#failure(running, error)),
    );
  }

  /** Takes a request to speak by websocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const wrong = strange(request.headers, this.#settings.hosts) ?? (this.#stopping ? STOPPING : undefined);
    this.#sockets.take(request, socket, head, wrong, this.#from(request));
  }

  /** Refuses what comes from now on, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#sockets.close();
    while (this.#running.length > 0) await setTimeout(10);
    clearInterval(this.#looking);
    this.metrics.close();
  }

  async #answer(running: Running): Promise<Reply> {
    const { request } = running;
    const { method = "", url = "", headers } = request;
    const wrong = strange(headers, this.#settings.hosts);
    if (wrong) return wrong;
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const found = this.#router.find(method, path);
    if (found && "route" in found && found.route.needs === null)
      return this.#run(running, found, { query: "", principal: NOBODY, from: "", since: undefined });
    if (this.#stopping) return STOPPING;
    if (this.#running.length > MOST_RUNNING) return BUSY;
    const prefects = PREFECTS.test(path);
    const forgery = prefects && this.#settings.rules.csrf ? forged(method, headers) : undefined;
    if (forgery) return forgery;
    const from = this.#from(request);
    const since = headers.authorization === undefined ? undefined : await this.#now();
    const principal = await this.#access.authenticate(headers.authorization, from, since);
    if (!principal) return this.#unknown(from);
    if (!found) return NOT_FOUND;
    if (!("route" in found)) return { ...WRONG_METHOD, headers: { allow: found.allow.join(", ") } };
    const { needs, prefect = prefects } = found.route;
    if (prefect) checkVersion(headers["x-prefect-api-version"]);
    if (needs !== null && !principal.may(needs)) throw refusal(403, `The access token has no role with the right to ${needs}.`);
    return this.#run(running, found, { query: mark < 0 ? "" : url.slice(mark + 1), principal, from, since });
  }

  /**
   * The store's stamp, asked for once for all requests of one turn of the event loop, when the last of them has come. From there they go on together,
   * step by step.
   */
  #now(): Promise<string | undefined> {
    return (this.#turn ??= this.#whenAllHaveCome());
  }

  async #whenAllHaveCome(): Promise<string | undefined> {
    await setImmediate();
    this.#turn = undefined;
    try {
      return await this.#store.stamp?.();
    } catch {
      return undefined; // why not, the next use says
    }
  }

  #ended({ place }: Running): void {
    const last = this.#running.pop() as Running;
    if (last.place === place) return;
    this.#running[place] = last;
    last.place = place;
  }

  #run(
    running: Running,
    { route, params }: Found,
    about: Pick<Call, "principal" | "from" | "since"> & { readonly query: string },
  ): Reply | Promise<Reply> {
    running.route = route;
    const { id, request } = running;
    const { maxBody: maxBytes, rules } = this.#settings;
    let query: URLSearchParams | undefined;
    return route.answer({
      ...about,
      id,
      params,
      method: route.method,
      get query() {
        query ??= new URLSearchParams(about.query);
        return query;
      },
      header: (name) => {
        const value = request.headers[name];
        return Array.isArray(value) ? value[0] : value;
      },
      json: () => readJson(request, { maxBytes, twice: !rules.keysOnce }),
    });
  }

  #unknown(from: string): Reply {
    const wait = this.#access.retryAfter(from);
    if (wait !== undefined) return exception(429, "Too many requests without a good access token.", { "retry-after": String(wait) }).reply;
    return UNAUTHORIZED;
  }

  /** Where a request comes from; behind a proxy, what the proxy itself says. */
  #from({ headers, socket }: IncomingMessage): string {
    const forwarded = this.#settings.proxied ? headers["x-forwarded-for"] : undefined;
    const last = String(forwarded ?? "")
      .split(",")
      .at(-1)
      ?.trim();
    return last || (socket.remoteAddress ?? "");
  }

  #failure(running: Running, error: unknown): Reply {
    const { reply, log } = failureOf(error);
    if (log !== null) {
      this.metrics.failed((error as { code?: string }).code ?? "ERR_UNEXPECTED");
      this.#settings.log(`${running.request.method} ${running.route?.path ?? ""} failed: ${log}`);
    }
    return reply;
  }

  #reply(running: Running, reply: Reply): void {
    const { id, response, route, since } = running;
    if (running.replied !== undefined) return; // it was given up
    running.replied = performance.now();
    this.metrics.answered(route, reply.status, (running.replied - since) / 1000);
    if (response.destroyed) return; // the client is gone
    const closes = this.#stopping && reply.headers?.connection === undefined;
    const own = closes ? ["x-request-id", id, "connection", "close"] : ["x-request-id", id];
    send(response, reply, this.#headers, own)?.catch((error: unknown) => {
      this.#failure(running, error);
      response.destroy(); // in the middle of a list nothing else can be said
    });
  }

  /**
   * Requests that a store holds up for ever are answered all the same: who reads may ask again, what was written may have happened. Clients that take
   * their answer too slowly are dropped.
   */
  #giveUp(): void {
    const now = performance.now();
    for (const running of this.#running) {
      if (now - running.since < this.#settings.answerWithinMs) continue;
      if (running.replied === undefined) {
        this.metrics.failed("ERR_TIMEOUT");
        this.#settings.log(
          `${running.request.method} ${running.route?.path ?? ""} failed: no answer within ${this.#settings.answerWithinMs} ms`,
        );
        this.#reply(running, running.route?.needs === "write" ? UNKNOWN_OUTCOME : BUSY);
      } else if (now - running.replied > SLOWEST_MS && running.response.writableEnded) running.response.destroy();
    }
  }
}

const NOT_FOUND = refusal(404, "Not Found").reply;
const WRONG_METHOD = refusal(405, "Method Not Allowed").reply;
const UNAUTHORIZED = exception(401, "Unauthorized").reply;
const BUSY = exception(503, "Service Unavailable", { "retry-after": "1" }).reply;
const STOPPING = exception(503, "Service Unavailable", { "retry-after": "1" }).reply;
const UNKNOWN_OUTCOME = refusal(504, "The store did not answer in time: whether it was written is not known.").reply;

/** Prefect's check of its API's version (protocol.md §1.2). */
function checkVersion(header: string | string[] | undefined): void {
  if (header === undefined || header === "") return;
  const version = String(header);
  const [, major, minor] = /^(\d{1,9})\.(\d{1,9})\.\d{1,9}$/.exec(version) ?? [];
  if (major === undefined)
    throw refusal(
      400,
      `Invalid X-PREFECT-API-VERSION header format.Expected header in format 'x.y.z' but received ${version.slice(0, 20)}`,
    );
  if (Number(major) === 0 && Number(minor) < 8)
    throw refusal(400, `The request specified API version ${version} but this server requires version 0.8.0 or higher.`);
}

/** A server of ours over real sockets, for the tests of a file. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Role, TokenGrant } from "../../src/access-token.ts";
import { API_PATH } from "../../src/api/shapes.ts";
import { openStore, type Secret, type Store } from "../../src/index.ts";
import { storeAccess } from "../../src/server/access.ts";
import { type ServerApp, serverApp } from "../../src/server/app.ts";
import { type Audit, auditKeys, openAudit } from "../../src/server/audit.ts";
import type { Settings } from "../../src/server/context.ts";
import { listen } from "../../src/server/listen.ts";
import { ownRoutes } from "../../src/server/own-routes.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();

/** A server that runs. */
export interface Running {
  readonly url: string;
  readonly app: ServerApp;
  readonly store: Store;
  readonly audit: Audit;
  /** Path of its audit log. */
  readonly auditLog: string;
  /** Lines of its log. */
  readonly log: readonly string[];
  /** Text of a new token. */
  token(roles: readonly Role[], scope?: Partial<TokenGrant>): Promise<string>;
  stop(): Promise<void>;
}

/** How a server is started. */
export interface RunningOptions {
  readonly store?: Store | undefined;
  readonly settings?: Partial<Settings> | undefined;
  readonly audit?: Audit | undefined;
  readonly token?: Secret<string> | undefined;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

const started = new Set<Running>();
afterAll(async () => {
  for (const each of started) await each.stop();
});

/** Starts a server over a store, by default a new one in memory. */
export async function startServer({ store: given, settings, audit: givenAudit, token, tls }: RunningOptions = {}): Promise<Running> {
  const store = given ?? (await openStore("memory:"));
  const auditLog = join(folder, `${randomUUID()}.jsonl`);
  const audit = givenAudit ?? (await openAudit(auditLog, auditKeys(store)));
  const log: string[] = [];
  const access = storeAccess(store, { tokenFromEnvironment: token });
  const app = serverApp({ store, access, audit, settings: { log: (line) => log.push(line), ...settings }, routes: ownRoutes });
  const listening = await listen(app, { host: "127.0.0.1", port: 0, tls });
  let count = 0;
  const running: Running = {
    ...{ url: `${tls ? "https://localhost" : "http://127.0.0.1"}:${listening.port}`, app, store, audit, auditLog, log },
    async token(roles, scope = {}) {
      const grant = { name: `token-${++count}-${randomUUID().slice(0, 8)}`, roles, types: null, names: null, expires: null, ...scope };
      const made = await store.accessTokens?.create(grant);
      if (!made) throw new Error("the store has no access tokens");
      return made.text.reveal();
    },
    async stop() {
      if (!started.delete(running)) return;
      await listening.stop(1000);
      await audit.close();
      await store.close();
    },
  };
  started.add(running);
  return running;
}

/** An answer: status, headers, and the body as text and as JSON. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a server answers is looked at, not typed
  readonly body: any;
}

/** Asks a server; a path that begins with a dot is below our own API. */
export async function ask(
  { url }: Pick<Running, "url">,
  method: string,
  path: string,
  {
    token,
    body,
    headers = {},
  }: { readonly token?: string | undefined; readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<Answered> {
  const response = await fetch(url + (path.startsWith(".") ? API_PATH + path.slice(1) : path), {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    redirect: "manual",
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text === "" ? undefined : jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

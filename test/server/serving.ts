/** A server over a store, on a port of its own, and clients of it with tokens of every role. Everything that it answers is kept for the leak sweep. */
import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { Role, TokenGrant } from "../../src/access-token.ts";
import { openStore } from "../../src/index.ts";
import { storeAccess } from "../../src/server/access.ts";
import { type ServerApp, type ServerOptions, serverApp } from "../../src/server/app.ts";
import type { Audit } from "../../src/server/audit.ts";
import type { AuditEntry } from "../../src/server/audit-entry.ts";
import { type Listening, listen } from "../../src/server/listen.ts";
import type { AccessTokens } from "../../src/stores/access-tokens.ts";
import type { Store } from "../../src/stores/store.ts";

/** What came back. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined where there is none. */
  readonly body: never;
}

/** Asks a server with one token. */
export class Client {
  readonly url: string;
  readonly authorization: string | undefined;
  /** All that was answered. */
  readonly answers: string[];
  #csrf: Promise<Record<string, string>> | undefined;

  constructor(url: string, authorization: string | undefined, answers: string[] = []) {
    this.url = url;
    this.authorization = authorization;
    this.answers = answers;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answered> {
    return this.ask("GET", path, undefined, headers);
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    return this.ask("POST", path, body, headers);
  }

  patch(path: string, body?: unknown): Promise<Answered> {
    return this.ask("PATCH", path, body);
  }

  delete(path: string): Promise<Answered> {
    return this.ask("DELETE", path);
  }

  /** @param path below `/api`, or, with two slashes, from the root. @param body a string is sent as it is. */
  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    const csrf = method === "GET" ? {} : await (this.#csrf ??= this.#token());
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(this.url + (path.startsWith("//") ? path.slice(1) : `/api${path}`), {
      method,
      redirect: "manual",
      headers: {
        ...(this.authorization !== undefined && { authorization: this.authorization }),
        ...(text !== undefined && { "content-type": "application/json" }),
        ...csrf,
        ...headers,
      },
      ...(text !== undefined && { body: text }),
    });
    const answer = await response.text();
    this.answers.push(`${[...response.headers].join("\n")}\n${answer}`);
    const isJson = response.headers.get("content-type") === "application/json";
    return { status: response.status, headers: response.headers, text: answer, body: (isJson ? JSON.parse(answer) : undefined) as never };
  }

  async #token(): Promise<Record<string, string>> {
    const client = randomUUID();
    const headers = this.authorization === undefined ? {} : { authorization: this.authorization };
    const response = await fetch(`${this.url}/api/csrf-token?client=${client}`, { headers });
    const { token } = (await response.json()) as { token?: string };
    return token === undefined ? {} : { "prefect-csrf-token": token, "prefect-csrf-client": client };
  }
}

/** An audit log in memory; `fail` makes it refuse. */
export class AuditList implements Audit {
  readonly entries: AuditEntry[] = [];
  fail: Error | undefined;

  async record(entry: AuditEntry): Promise<void> {
    if (this.fail) throw this.fail;
    this.entries.push(structuredClone(entry));
  }

  async synced(): Promise<void> {
    if (this.fail) throw this.fail;
  }

  async ready(): Promise<void> {
    if (this.fail) throw this.fail;
  }

  async close(): Promise<void> {}
}

/** A server that runs. */
export interface Serving {
  readonly store: Store;
  readonly app: ServerApp;
  readonly audit: AuditList;
  readonly url: string;
  readonly listening: Listening;
  /** Lines of its log. */
  readonly log: string[];
  readonly answers: string[];
  /** A client with a new token of some roles. */
  client(roles: readonly Role[] | Role, scope?: Partial<Pick<TokenGrant, "types" | "names">>): Promise<Client>;
  /** A client with any header, or none. */
  stranger(authorization?: string): Client;
}

/** Starts a server; it ends with the test. */
export async function serving(options: Partial<ServerOptions> = {}): Promise<Serving> {
  const store = options.store ?? (await openStore("memory:"));
  const audit = new AuditList();
  const log: string[] = [];
  const answers: string[] = [];
  const app = serverApp({
    ...{ store, audit, access: storeAccess(store) },
    ...options,
    settings: { log: (line) => log.push(line), ...options.settings },
  });
  const listening = await listen(app, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => listening.stop(1000));
  const url = `http://127.0.0.1:${listening.port}`;
  const stranger = (authorization?: string) => new Client(url, authorization, answers);
  const client: Serving["client"] = async (roles, { types = null, names = null } = {}) => {
    const grant = { name: `t-${randomUUID()}`, roles: typeof roles === "string" ? [roles] : roles, types, names, expires: null };
    const { text } = await (store.accessTokens as AccessTokens).create(grant);
    return stranger(`Bearer ${text.reveal()}`);
  };
  return { store, app, audit, url, listening, log, answers, client, stranger };
}

/**
 * A stand-in for a Prefect server: it answers what a test tells it to, over real HTTP, and keeps what it was asked. It knows nothing of Prefect.
 * @module
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openClient, type PrefectClient } from "../../src/prefect/client.ts";
import { findSettings } from "../../src/prefect/settings.ts";
import { temporaryFolder } from "../temporary.ts";

/** What it was asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Which connection it came over, from 1. */
  readonly connection: number;
}

/** Answers one request: a status with JSON or text and headers, or whatever it does with the response itself. */
export type Reply =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | ((asked: Asked, response: ServerResponse) => void);

/** A running double. */
export interface Double {
  readonly apiUrl: string;
  readonly asked: readonly Asked[];
}

/** Path of the certificate of `localhost`, made for tests alone. */
export const CERTIFICATE = join(import.meta.dirname, "localhost.pem");

/** Starts one for the test at hand. A list of replies is given in turn, the last one again and again; a function chooses for each request. */
export async function startDouble(
  replies: readonly Reply[] | ((asked: Asked) => Reply),
  { secure = false }: { secure?: boolean } = {},
): Promise<Double> {
  const asked: Asked[] = [];
  const connections = new Map<Socket, number>();
  const handler = async (request: import("node:http").IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const part of request) body += part;
    if (!connections.has(request.socket)) connections.set(request.socket, connections.size + 1);
    const { method = "", url: path = "", headers } = request;
    const one: Asked = { method, path, headers, body, connection: connections.get(request.socket) ?? 0 };
    const reply = typeof replies === "function" ? replies(one) : (replies[Math.min(asked.length, replies.length - 1)] as Reply);
    asked.push(one);
    if (typeof reply === "function") reply(one, response);
    else answer(response, reply);
  };
  const server: Server = secure
    ? createSecureServer({ cert: readFileSync(CERTIFICATE), key: readFileSync(CERTIFICATE.replace(".pem", "-key.pem")) }, handler)
    : createServer(handler);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { apiUrl: secure ? `https://localhost:${port}/api` : `http://127.0.0.1:${port}/api`, asked };
}

/** Sends one answer: JSON unless the body is text. */
export function answer(response: ServerResponse, { status, body, headers }: Exclude<Reply, (...args: never) => void>): void {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, { "content-type": typeof body === "string" ? "text/html" : "application/json", ...headers }).end(text);
}

/** A client for a server, with further settings of the environment. */
export async function clientFor(apiUrl: string, environment: Record<string, string> = {}): Promise<PrefectClient> {
  const settings = await findSettings("prefect:", {
    environment: { PREFECT_HOME: temporaryFolder(), PREFECT_API_URL: apiUrl, ...environment },
  });
  const client = await openClient(settings);
  onTestFinished(() => client.close());
  return client;
}

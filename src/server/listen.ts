/**
 * The server's door: listens, gives each request to the app, drops whoever is too slow to ask, and stops without losing what is under way. Touches
 * node:http and node:https.
 * @module
 */
import { createServer, type Server, type ServerOptions } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { ServerApp } from "./app.ts";
import { sendBare } from "./send.ts";

/** Where to listen. */
export interface Door {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Certificate and key in PEM. Default: no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** A server that listens. */
export interface Listening {
  readonly port: number;
  /** Refuses new requests and waits for those under way, at most so many milliseconds; default 10,000. */
  stop(withinMs?: number): Promise<void>;
}

const LIMITS: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2000,
  requireHostHeader: false, // the app refuses what has none, with the headers of every reply
};
const MOST_CONNECTIONS = 5000;
/** After so long without a byte a connection is dropped, in milliseconds. */
const IDLE_MS = 90_000;

/** @throws the system's error when the address cannot be had. */
export async function listen(app: ServerApp, { host, port, tls }: Door): Promise<Listening> {
  const handler = app.handle.bind(app);
  const server: Server = tls ? createSecureServer({ ...LIMITS, ...tls, minVersion: "TLSv1.2" }, handler) : createServer(LIMITS, handler);
  server.maxConnections = MOST_CONNECTIONS;
  server.maxHeadersCount = 100;
  server.setTimeout(IDLE_MS);
  server.on("upgrade", app.upgrade.bind(app));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => sendBare(socket, statusOf(error.code)));
  await new Promise<void>((listening, failed) => server.once("error", failed).listen({ host, port }, listening));
  return { port: (server.address() as AddressInfo).port, stop: (withinMs = 10_000) => stop(server, app, withinMs) };
}

async function stop(server: Server, app: ServerApp, withinMs: number): Promise<void> {
  const closed = new Promise((done) => server.close(done));
  await Promise.race([app.stop(), setTimeout(withinMs, undefined, { ref: false })]);
  server.closeAllConnections();
  await closed;
}

/** What is told to a client whose request could not be read. */
function statusOf(code: string | undefined): number {
  if (code === "HPE_HEADER_OVERFLOW") return 431;
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
}

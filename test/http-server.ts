/**
 * An HTTP server of a test's own, on this machine: it answers as it is told and remembers what it was asked.
 * @module
 */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll } from "vitest";

/** One request, read whole. */
export interface Received {
  readonly method: string;
  /** With its query, as it came. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What to answer. Default: 200, no headers, no body. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface TestServer {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  readonly port: number;
  readonly received: Received[];
}

const running: Server[] = [];
// Once, when this file is imported: vitest drops a hook that is asked for inside a test or another hook, without a word.
afterAll(() => {
  for (const server of running.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/**
 * Starts one that ends with the tests of the file.
 *
 * @param answer gives no answer where it gives `undefined`: the request hangs.
 * @param tls speaks TLS with this certificate.
 */
export async function httpServer(
  answer: (request: Received) => Answer | undefined = () => ({}),
  tls?: { readonly key: string; readonly cert: string },
): Promise<TestServer> {
  const received: Received[] = [];
  const listener: RequestListener = async (request, response) => {
    const { method = "", url = "", headers } = request;
    const entry = { method, path: url, headers: headers as Received["headers"], body: (await buffer(request)).toString() };
    received.push(entry);
    const { status = 200, headers: more = {}, body = "" } = answer(entry) ?? { status: 0 };
    if (status !== 0) response.writeHead(status, more).end(body);
  };
  const server: Server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push(server);
  const { port } = server.address() as AddressInfo;
  return { origin: `${tls ? "https" : "http"}://127.0.0.1:${port}`, port, received };
}

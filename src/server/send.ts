/**
 * Writes a reply, as fast as the client takes it. Touches node:http's messages.
 * @module
 */
import { once } from "node:events";
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Reply } from "./exchange.ts";
import { SECURITY_HEADERS } from "./guard.ts";

/** How long a client may take nothing of a list that is sent in parts, in milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * Writes a reply. What comes in parts is waited for; all else is on its way when this returns.
 * @param always headers of every reply, names and values by turns; those of the reply go before them.
 * @param own more of them, of this one.
 * @throws what the parts of the body throw.
 */
export function send(
  response: ServerResponse,
  { status, body, type = "application/json", headers }: Reply,
  always: readonly string[],
  own: readonly string[],
): Promise<void> | undefined {
  const all = headers ? [...without(always, headers), ...Object.entries(headers).flat()] : always.slice();
  all.push(...own);
  if (body !== undefined) all.push("content-type", type);
  if (typeof body === "object") {
    response.writeHead(status, all);
    return sendParts(response, body);
  }
  const length = body === undefined ? 0 : Buffer.byteLength(body);
  if (body !== undefined) all.push("content-length", String(length));
  response.writeHead(status, all);
  response.end(body, length === body?.length ? "latin1" : "utf8"); // what is ASCII need not be looked at again
  return undefined;
}

function without(always: readonly string[], headers: Readonly<Record<string, string>>): string[] {
  return always.filter((_, index) => headers[always[index - (index % 2)] as string] === undefined);
}

async function sendParts(response: ServerResponse, parts: AsyncIterable<string>): Promise<void> {
  const gone = closing(response);
  for await (const part of parts) {
    if (response.destroyed) return; // the client is gone
    if (response.write(part)) continue;
    try {
      await once(response, "drain", { signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), gone]) });
    } catch {
      response.destroy(); // it took nothing for too long, or is gone
      return;
    }
  }
  response.end();
}

function closing(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  if (response.destroyed) gone.abort();
  else response.once("close", () => gone.abort());
  return gone.signal;
}

/** Answers on the bare connection, where no request was understood, or a websocket is refused; the connection ends. */
export function sendBare(socket: Duplex, status: number): void {
  if (!socket.writable) return;
  const headers = Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers.join("")}content-length: 0\r\nconnection: close\r\n\r\n`);
}

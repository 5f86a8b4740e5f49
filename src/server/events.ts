/**
 * The websocket to which Prefect's client sends events, such as one for each block that it loads (protocol.md §1.6): let in, listened to, and what it
 * says is thrown away. Touches the package ws, loaded when the first one comes.
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "ws";
import { isAshlarError } from "../errors.ts";
import { parseJson } from "../json.ts";
import type { Access } from "./access.ts";
import type { Reply } from "./exchange.ts";
import type { Metrics } from "./metrics.ts";
import { sendBare } from "./send.ts";

/** Where events are sent to. */
const EVENTS_PATH = "/api/events/in";

const MOST_SOCKETS = 500;
/** Within this a client says who it is, in milliseconds. */
const HELLO_MS = 10_000;
/** So often it is asked whether it is still there, in milliseconds. */
const ALIVE_MS = 30_000;
/** Close codes of RFC 6455 §7.4.1. */
const [GOING_AWAY, POLICY_VIOLATION] = [1001, 1008];

/** The event sockets of a server. */
export class EventSockets {
  readonly #access: Access;
  readonly #metrics: Metrics;
  #server: Promise<WebSocketServer> | undefined;

  constructor(access: Access, metrics: Metrics) {
    this.#access = access;
    this.#metrics = metrics;
  }

  /** Takes a request for a websocket. @param wrong a refusal that is certain already. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer, wrong: Reply | undefined, from: string): void {
    socket.on("error", () => socket.destroy());
    this.#let(request, socket, head, wrong, from).catch(() => sendBare(socket, 503));
  }

  /** Ends all of them. */
  close(): void {
    void this.#server?.then((server) => {
      for (const client of server.clients) client.close(GOING_AWAY);
      server.close();
    });
  }

  async #let(request: IncomingMessage, socket: Duplex, head: Buffer, wrong: Reply | undefined, from: string): Promise<void> {
    if (wrong) return sendBare(socket, wrong.status);
    const { authorization } = request.headers;
    const known = authorization !== undefined && (await this.#access.authenticate(authorization, from)) !== null;
    // Without a header, who it is comes as the first message: only on the one path, so that nobody learns of others.
    if (authorization !== undefined && !known) return sendBare(socket, 401);
    if ((request.url ?? "") !== EVENTS_PATH) return sendBare(socket, known ? 404 : 401);
    const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((each) => each.trim());
    if (!protocols.includes("prefect")) return sendBare(socket, known ? 400 : 401);
    if (this.#metrics.sockets >= MOST_SOCKETS) return sendBare(socket, 503);
    this.#server ??= makeServer();
    const server = await this.#server;
    server.handleUpgrade(request, socket, head, (websocket) => this.#listen(websocket, known, from));
  }

  #listen(websocket: WebSocket, known: boolean, from: string): void {
    this.#metrics.sockets++;
    let alive = true;
    const hello = setTimeout(() => websocket.terminate(), HELLO_MS);
    const asking = setInterval(() => {
      if (!alive) websocket.terminate();
      alive = false;
      websocket.ping();
    }, ALIVE_MS);
    websocket.on("pong", () => (alive = true));
    websocket.on("error", () => websocket.terminate());
    websocket.on("close", () => {
      this.#metrics.sockets--;
      clearTimeout(hello);
      clearInterval(asking);
    });
    websocket.once("message", (data) => {
      clearTimeout(hello);
      this.#greet(websocket, String(data), known, from).catch(() => websocket.close(POLICY_VIOLATION, "cannot be checked now"));
    });
  }

  /** All that comes later is thrown away: nobody listens. */
  async #greet(websocket: WebSocket, message: string, known: boolean, from: string): Promise<void> {
    const token = tokenIn(message);
    if (token === undefined) return websocket.close(POLICY_VIOLATION, "Expected 'auth' message");
    const basic = token === null ? undefined : `Basic ${Buffer.from(token).toString("base64")}`;
    const good = known || (basic !== undefined && (await this.#access.authenticate(basic, from)) !== null);
    if (good) websocket.send(JSON.stringify({ type: "auth_success" }));
    else websocket.close(POLICY_VIOLATION, "Auth required");
  }
}

async function makeServer(): Promise<WebSocketServer> {
  const { WebSocketServer } = await import("ws");
  return new WebSocketServer({ noServer: true, maxPayload: 64 * 1024, perMessageDeflate: false, handleProtocols: () => "prefect" });
}

/** The token that a first message shows; null for none, undefined for another message. */
function tokenIn(message: string): string | null | undefined {
  try {
    const { type, token = null } = parseJson(message) as { type?: unknown; token?: unknown };
    return type === "auth" && (token === null || typeof token === "string") ? token : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || isAshlarError(error)) return undefined;
    throw error;
  }
}

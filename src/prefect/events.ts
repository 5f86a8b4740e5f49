/**
 * Telling a Prefect server that a document was loaded, as Python's client does unasked (protocol.md §1.6). Touches `ws`, imported with the first event.
 *
 * An event is never worth a load: where it cannot be told, the process is warned once, and the load is as good as any.
 * @module
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { WebSocket } from "ws";
import type { Reference } from "../stores/store.ts";
import { certificates, type PrefectSettings } from "./settings.ts";

/** Sends events over one connection, which is closed when there was nothing to send for a while. */
export interface LoadEvents {
  /** Sends in the background; the process stays until it is done. */
  loaded(document: Reference): void;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

/** After so many milliseconds without an event the connection is closed: it would hold the process. */
const LINGER = 200;
const CLOSING = 2000;

/** Makes a sender; it connects with the first event. */
export function loadEvents(settings: PrefectSettings): LoadEvents {
  return new Sender(settings);
}

class Sender implements LoadEvents {
  readonly #settings: PrefectSettings;
  #connection: Promise<WebSocket> | undefined;
  #underWay: Promise<unknown> = Promise.resolve();
  #lingering: NodeJS.Timeout | undefined;
  #warned = false;

  constructor(settings: PrefectSettings) {
    this.#settings = settings;
  }

  loaded(document: Reference): void {
    const text = JSON.stringify(eventOf(document));
    this.#underWay = this.#underWay.then(() => this.#send(text)).catch((error: Error) => this.#failed(error));
  }

  async close(): Promise<void> {
    await this.#underWay;
    await this.#disconnect();
  }

  async #send(text: string): Promise<void> {
    clearTimeout(this.#lingering);
    this.#connection ??= connect(this.#settings);
    let socket = await this.#connection;
    if (socket.readyState !== socket.OPEN) socket = await (this.#connection = connect(this.#settings)); // the server closed it meanwhile
    await new Promise<void>((sent, failed) => socket.send(text, (error) => (error ? failed(error) : sent())));
    this.#lingering = setTimeout(() => void this.#disconnect(), LINGER);
  }

  #failed({ name }: Error): void {
    this.#connection = undefined; // the next event tries anew
    if (!this.#warned)
      process.emitWarning(`${this.#settings.apiUrl} could not be told that a document was loaded (${name}).`, "AshlarWarning");
    this.#warned = true;
  }

  async #disconnect(): Promise<void> {
    clearTimeout(this.#lingering);
    const connection = this.#connection;
    this.#connection = undefined;
    const socket = await connection?.catch(() => undefined);
    if (!socket || socket.readyState === socket.CLOSED) return;
    const timer = setTimeout(() => socket.terminate(), CLOSING);
    socket.close(1000);
    await once(socket, "close");
    clearTimeout(timer);
  }
}

/** Connects and logs in: to Cloud by a header, to a server by the first message as well. */
async function connect({ apiUrl, isCloud, authorization, verifyTls, caFile, timeout }: PrefectSettings): Promise<WebSocket> {
  const { WebSocket } = await import("ws");
  const header = authorization?.reveal();
  const socket = new WebSocket(`${apiUrl.replace(/^http/, "ws")}/events/in`, isCloud ? [] : ["prefect"], {
    headers: header === undefined ? {} : { authorization: isCloud ? header.replace(/^Bearer/, "bearer") : header },
    handshakeTimeout: timeout,
    rejectUnauthorized: verifyTls,
    maxPayload: 1024 * 1024,
    ...(caFile !== undefined && { ca: await certificates(caFile) }),
  });
  socket.on("error", () => undefined); // what waits for the socket is told, too
  await once(socket, "open");
  if (isCloud) return socket;
  const token = header?.startsWith("Basic ") ? Buffer.from(header.slice("Basic ".length), "base64").toString("utf8") : null;
  socket.send(JSON.stringify({ type: "auth", token }));
  const [answer] = (await Promise.race([once(socket, "message"), once(socket, "close").then(() => [""])])) as [unknown];
  if (!/"auth_success"/.test(String(answer))) {
    socket.terminate();
    throw new Error("not logged in");
  }
  return socket;
}

function eventOf({ id, type, name }: Reference): object {
  return {
    id: randomUUID(),
    occurred: new Date().toISOString(),
    event: `prefect.block.${type}.loaded`,
    resource: { "prefect.resource.id": `prefect.block-document.${id}`, "prefect.resource.name": name },
    related: [{ "prefect.resource.id": `prefect.block-type.${type}`, "prefect.resource.role": "block-type" }],
    payload: {},
    follows: null,
  };
}

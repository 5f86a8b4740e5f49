/**
 * A server in front of another that keeps what passes, both ways.
 * @module
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect } from "node:net";

/** A request and its answer. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly status: number;
  readonly answerHeaders: IncomingHttpHeaders;
  readonly answer: string;
}

/** A running one. */
export interface Recorder {
  readonly port: number;
  /** What passed since this was last called. */
  taken(): Exchange[];
  /** How many websockets were opened through it. */
  websockets(): number;
  stop(): Promise<void>;
}

/** Starts one in front of a port of this machine. Answers come uncompressed. */
export async function startRecorder(target: number): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  let upgrades = 0;
  const server = createServer(async (incoming, outgoing) => {
    const body = await textOf(incoming);
    const { method = "", url: path = "", headers } = incoming;
    const onward = request({ host: "127.0.0.1", port: target, method, path, headers: { ...headers, "accept-encoding": "identity" } });
    onward.on("error", () => outgoing.destroy());
    onward.on("response", async (response) => {
      const answer = await textOf(response);
      exchanges.push({ method, path, headers, body, status: response.statusCode ?? 0, answerHeaders: response.headers, answer });
      outgoing.writeHead(response.statusCode ?? 0, response.headers).end(answer);
    });
    onward.end(body);
  });
  server.on("upgrade", ({ method, url, rawHeaders }, client, head) => {
    const upstream = connect(target, "127.0.0.1", () => {
      const headers = rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
      upstream.write(`${method} ${url} HTTP/1.1\r\n${headers}\r\n`);
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.once("data", (bytes) => {
      if (bytes.toString("latin1", 0, 12) === "HTTP/1.1 101") upgrades++;
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      socket.on("error", () => other.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    taken: () => exchanges.splice(0),
    websockets: () => upgrades,
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of message.setEncoding("utf8")) text += part;
  return text;
}

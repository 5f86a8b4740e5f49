/**
 * A TCP proxy that breaks what passes through it, at the place it is told to.
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * What befalls one connection: nothing; it is closed before a byte was passed on; the request is passed on whole and its answer dropped; the answer is cut
 * after so many bytes; it is answered with a status by the proxy itself; nothing comes back at all.
 */
export type Fault = "none" | "before" | "dropped" | "half" | "busy" | "silent";

/** A running proxy. */
export interface TcpProxy {
  readonly port: number;
  /** How often each fault befell a connection. */
  readonly counts: Readonly<Record<Fault, number>>;
  stop(): Promise<void>;
}

/** Starts one in front of a port of this machine. @param next tells the fault for the next request. */
export async function startProxy(target: number, next: () => Fault): Promise<TcpProxy> {
  const counts: Record<Fault, number> = { none: 0, before: 0, dropped: 0, half: 0, busy: 0, silent: 0 };
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    let fault: Fault = "none";
    let answered = 0;
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => {
      // Requests do not overlap on a connection, so that one begins wherever a method stands at the beginning of what comes.
      if (/^(GET|POST|PATCH|DELETE) /.test(bytes.toString("latin1", 0, 8))) {
        fault = next();
        answered = 0;
        counts[fault]++;
      }
      if (fault === "before") client.destroy();
      else if (fault === "busy") {
        client.end("HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      } else upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (fault === "dropped") client.destroy();
      else if (fault === "half") {
        client.write(bytes.subarray(0, Math.max(0, 60 - answered)), () => client.destroy());
        answered += bytes.length;
      } else if (fault !== "silent") client.write(bytes);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    counts,
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/**
 * A TCP proxy between a client and a real server, which delays, cuts and swallows what passes, as a test says. It knows no protocol.
 * @module
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/**
 * What happens to a piece of data. `cut`: it does not arrive, and both ends see their connection reset. `half`: the same after its first half.
 * `swallow`: neither it nor anything later of that direction arrives, and nobody is told. A number: it arrives so many milliseconds late.
 */
export type Treatment = "pass" | "cut" | "half" | "swallow" | number;

/** Says what happens to a piece of data of a connection, which are counted from 1; what is awaited is done before. */
export type Rule = (data: Buffer, connection: number) => Treatment | Promise<Treatment>;

/** A running proxy. The rules may be changed at any time; at first everything passes. */
export interface TcpProxy {
  readonly port: number;
  toServer: Rule;
  toClient: Rule;
  /** How many connections there were. */
  readonly connections: number;
  /** Lets everything pass again. */
  heal(): void;
  close(): Promise<void>;
}

/** Starts one on a free port of the loopback interface. */
export async function startTcpProxy(target: { readonly port: number; readonly host?: string }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const pass: Rule = () => "pass";
  let connections = 0;
  const server = createServer((client) => {
    const connection = ++connections;
    const upstream = connect(target.port, target.host ?? "127.0.0.1");
    const both = [client, upstream];
    const cut = () => {
      for (const socket of both) socket.resetAndDestroy();
    };
    for (const socket of both) {
      sockets.add(socket);
      socket.setNoDelay(true).on("error", cut);
      socket.on("close", () => sockets.delete(socket));
    }
    forward(client, upstream, (data) => proxy.toServer(data, connection), cut);
    forward(upstream, client, (data) => proxy.toClient(data, connection), cut);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const proxy: TcpProxy = {
    port: address.port,
    toServer: pass,
    toClient: pass,
    get connections() {
      return connections;
    },
    heal() {
      proxy.toServer = proxy.toClient = pass;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}

/** Carries data in order; an end is carried too, after all that came before it. */
function forward(from: Socket, to: Socket, rule: (data: Buffer) => Treatment | Promise<Treatment>, cut: () => void): void {
  let swallowing = false;
  let last = Promise.resolve();
  const inOrder = (work: () => Promise<void>) => {
    last = last.then(work).catch(cut);
  };
  from.on("data", (data) =>
    inOrder(async () => {
      const treatment = swallowing ? "swallow" : await rule(data);
      if (treatment === "swallow") swallowing = true;
      else if (treatment === "cut") cut();
      else if (treatment === "half") to.write(data.subarray(0, data.length / 2), cut);
      else {
        if (typeof treatment === "number") await wait(treatment);
        to.write(data);
      }
    }),
  );
  from.on("end", () => inOrder(async () => void (swallowing || to.end())));
  from.on("close", () => inOrder(async () => void (swallowing || to.destroy())));
}

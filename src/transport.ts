/**
 * One HTTP exchange over kept connections: TLS, time limit, size limit, gzip. Touches `node:http`, `node:https` and `node:zlib`; knows nothing of
 * APIs, of retries or of logins.
 *
 * Node's own client rather than `fetch`, since certificates are told per server, and it is known whether a request was begun to be sent.
 * @module
 */
import http from "node:http";
import https from "node:https";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";

/** A request as it goes out. */
interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string | undefined;
  /** Longest time from here to the end of the answer, in milliseconds. */
  readonly timeout: number;
}

/** An answer, read to its end. */
export interface Incoming {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** Why there is no answer. Its message is Node's, and not for users. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  /** Node's code, such as `ECONNREFUSED`; `TIMEOUT`, `CLOSED`, `TOO_LARGE` or `BAD_GZIP` of our own. */
  readonly code: string;
  /** Whether the server may have got the request. */
  readonly sent: boolean;
  /** Whether the connection had been used before: the server may have closed it for want of use. */
  readonly reused: boolean;

  constructor(code: string, { sent, reused = false }: { sent: boolean; reused?: boolean }) {
    super(code);
    this.code = code;
    this.sent = sent;
    this.reused = reused;
  }
}

/** Sends requests to one server. */
export interface Transport {
  /** @throws NoAnswer */
  send(request: Outgoing): Promise<Incoming>;
  close(): void;
}

/** Servers close a connection that is not used, Prefect's after 5 s (protocol.md §14): it is left before that. */
const IDLE_MS = 4000;
/** As many connections as Prefect's own client opens. */
const MAX_CONNECTIONS = 16;
/** Largest answer in bytes, unpacked. */
const MAX_ANSWER = 64 * 1024 * 1024;

const unpack = promisify(gunzip);

/** Whether an address is this machine's, where nobody listens in. */
export function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/**
 * Makes a transport for one server.
 * @param options.verifyTls whether its certificate must be good. Default true.
 * @param options.ca certificates of authorities, as PEM, in place of Node's own and those of `NODE_EXTRA_CA_CERTS`.
 */
export function openTransport(
  url: URL,
  { verifyTls = true, ca }: { readonly verifyTls?: boolean; readonly ca?: string | undefined } = {},
): Transport {
  const secure = url.protocol === "https:";
  const shared = {
    keepAlive: true,
    maxSockets: MAX_CONNECTIONS,
    timeout: IDLE_MS,
    scheduling: "lifo" as const,
    // A proxy is asked only where Node itself was told to: https://nodejs.org/api/cli.html#node_use_env_proxy1
    ...(process.env.NODE_USE_ENV_PROXY === "1" && { proxyEnv: process.env }),
  };
  const agent = secure
    ? new https.Agent({ ...shared, rejectUnauthorized: verifyTls, ...(ca !== undefined && { ca }) })
    : new http.Agent(shared);
  const accept = isLoopback(url) ? "identity" : "gzip"; // packing costs more than this machine's own network
  const open = new Set<http.ClientRequest>();
  return {
    send: (request) =>
      exchange(secure ? https : http, agent, open, { ...request, headers: { ...request.headers, "accept-encoding": accept } }),
    close() {
      for (const request of open) request.destroy(new NoAnswer("CLOSED", { sent: true }));
      agent.destroy();
    },
  };
}

function exchange(
  protocol: typeof http | typeof https,
  agent: http.Agent,
  open: Set<http.ClientRequest>,
  { method, url, headers, body, timeout }: Outgoing,
): Promise<Incoming> {
  return new Promise((resolve, reject) => {
    let sent = false;
    let reused = false;
    let answered = false;
    let tooLate = false;
    const request = protocol.request(url, { agent, method, headers });
    const timer = setTimeout(() => {
      tooLate = true;
      request.destroy();
    }, timeout);
    const settle = () => {
      clearTimeout(timer);
      open.delete(request);
    };
    const failed = (error: NodeJS.ErrnoException) => {
      settle();
      const code = tooLate ? "TIMEOUT" : (error.code ?? "UNKNOWN");
      reject(error instanceof NoAnswer && !tooLate ? error : new NoAnswer(code, { sent, reused }));
    };
    open.add(request);
    request.on("socket", (socket) => {
      if (!socket.connecting) sent = reused = true;
      else socket.once(protocol === https ? "secureConnect" : "connect", () => (sent = true));
    });
    // A server may answer before it has read the whole request, and close: then the answer counts, not the broken rest.
    request.on("error", (error) => answered || failed(error));
    request.on("response", (response) => {
      answered = true;
      // After a failure Prefect's server closes the connection without saying so: the next request must not go into it.
      const { socket } = response;
      if ((response.statusCode ?? 0) >= 500) response.once("end", () => socket.destroy());
      read(response)
        .then((text) => {
          settle();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        })
        .catch((error: Error) => {
          request.destroy();
          failed(error);
        });
    });
    request.end(body);
  });
}

async function read(response: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_ANSWER) throw new NoAnswer("TOO_LARGE", { sent: true });
    parts.push(part);
  }
  const packed = Buffer.concat(parts);
  if (response.headers["content-encoding"] !== "gzip" || packed.length === 0) return packed.toString("utf8");
  try {
    return (await unpack(packed, { maxOutputLength: MAX_ANSWER })).toString("utf8");
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw new NoAnswer(tooLarge ? "TOO_LARGE" : "BAD_GZIP", { sent: true });
  }
}

/**
 * One HTTP request to an address that is secret: `Webhook` and `SlackWebhook` send by it. Imports public names and node:http(s) only.
 *
 * The built-in fetch cannot look at the address that it connects to, nor leave a certificate unchecked; and its errors quote the URL. No error made
 * here shows anything of the URL, the headers or the body. Redirects are not followed: they would lead past the check.
 * @module
 */
import { lookup } from "node:dns";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { AshlarError, isAshlarError } from "ashlar";

/** What to send, and what is allowed. */
export interface OutboundRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** How long to wait for the whole answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether the host may have an address that is not public. */
  readonly allowPrivateUrls: boolean;
  /** Whether the server's certificate is checked. */
  readonly verify: boolean;
}

/** How much of an answer is read. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Sends, and gives the whole answer, whatever its status.
 *
 * @throws AshlarError `ERR_INVALID` when the URL is none or a header cannot be sent; `ERR_DENIED` when the host has a private address and may not;
 * `ERR_UNREACHABLE` when there is no answer, or none in time; `ERR_LIMIT` when it is larger than 1 MiB.
 */
export async function outboundRequest(url: string, options: OutboundRequest): Promise<Response> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  try {
    const sent = prepared(url, options, signal);
    sent.end(options.body);
    const answer = await new Promise<IncomingMessage>((done, fail) => {
      // Closed without either: an answer that switches protocols.
      sent
        .on("response", done)
        .on("error", fail)
        .on("close", () => fail(new Error()));
    });
    return response(answer, await bodyOf(answer));
  } catch (error) {
    if (isAshlarError(error)) throw error;
    const reason = signal.aborted
      ? `there was no answer in ${options.timeoutMs} ms`
      : String((error as { code?: unknown }).code ?? "no HTTP");
    throw new AshlarError("ERR_UNREACHABLE", `The server that url names cannot be reached: ${reason}.`, { path: "url" });
  }
}

function prepared(text: string, { method, headers, body, allowPrivateUrls, verify }: OutboundRequest, signal: AbortSignal) {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new AshlarError("ERR_INVALID", "url is no http or https URL.", { path: "url" });
  const literal = url.hostname.replace(/^\[|\]$/g, "");
  if (!allowPrivateUrls && isIP(literal) !== 0 && isPrivateAddress(literal)) throw denied();
  try {
    return (url.protocol === "https:" ? tlsRequest : plainRequest)(url, {
      method,
      headers: { "user-agent": "ashlar", ...headers, ...(body !== undefined && { "content-length": Buffer.byteLength(body) }) },
      agent: false, // a shared one could go by a proxy, which looks the host up itself
      signal,
      rejectUnauthorized: verify,
      ...(!allowPrivateUrls && { lookup: publicOnly }),
    });
  } catch {
    throw new AshlarError(
      "ERR_INVALID",
      "The request cannot be sent: a header's name or value, or the user in url, has characters that it may not have.",
    );
  }
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES)
      throw new AshlarError("ERR_LIMIT", "The server that url names answers with more than 1 MiB.", { path: "url" });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Without the URL, which fetch's own would show. */
function response({ statusCode = 0, headersDistinct }: IncomingMessage, body: Buffer): Response {
  const pairs = Object.entries(headersDistinct).flatMap(([name, values = []]) => values.map((value): [string, string] => [name, value]));
  const bodiless = [204, 205, 304].includes(statusCode);
  return new Response(bodiless ? null : new Uint8Array(body), { status: statusCode, headers: pairs });
}

/** Looks a host up for the connection that is about to be made: what is checked is what is connected to, though DNS says otherwise a moment later. */
const publicOnly: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error, []);
    if (addresses.some(({ address }) => isPrivateAddress(address))) return done(denied(), []);
    if (options.all) return done(null, addresses);
    done(null, addresses[0]?.address ?? "", addresses[0]?.family);
  });
};

function denied(): AshlarError {
  return new AshlarError("ERR_DENIED", "The host that url names has a private address, and allowPrivateUrls is false.", { path: "url" });
}

/** What is not given out to hosts of the internet: https://www.iana.org/assignments/iana-ipv4-special-registry, multicast, reserved. */
const PRIVATE_IPV4 =
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3";
/** Of IPv6 all is private but what is given out, and IPv4 behind a translator; https://www.iana.org/assignments/iana-ipv6-special-registry */
const PUBLIC_IPV6 = "2000::/3 64:ff9b::/96";
const PRIVATE_IN_PUBLIC_IPV6 = "2001::/23 2001:db8::/32 2002::/16 3fff::/20";

function listed(subnets: string, family: "ipv4" | "ipv6", prefix = "", before = 0, into = new BlockList()): BlockList {
  for (const [network = "", bits] of subnets.split(" ").map((subnet) => subnet.split("/")))
    into.addSubnet(prefix + network, before + Number(bits), family);
  return into;
}

const PUBLIC = listed(PUBLIC_IPV6, "ipv6");
const PRIVATE = listed(PRIVATE_IN_PUBLIC_IPV6, "ipv6");
listed(PRIVATE_IPV4, "ipv4", "", 0, PRIVATE);
listed(PRIVATE_IPV4, "ipv6", "64:ff9b::", 96, PRIVATE);

/** Whether an address is none of a host of the internet. Stricter than Python's `is_private`, which leaves out shared addresses and multicast. */
export function isPrivateAddress(address: string): boolean {
  const [ip = ""] = address.split("%"); // an interface's name behind it
  if (isIP(ip) === 4) return PRIVATE.check(ip, "ipv4");
  return isIP(ip) !== 6 || !PUBLIC.check(ip, "ipv6") || PRIVATE.check(ip, "ipv6");
}

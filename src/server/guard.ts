/**
 * What is looked at before anything else: whom a request is addressed to, where it comes from, and the headers that every reply has. Pure.
 *
 * The Host check ends DNS rebinding: a page of a name that is led to this machine is not answered. The Origin check keeps pages of other sites out.
 * No CORS header is ever sent.
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import type { Reply } from "./exchange.ts";
import { refusal } from "./exchange.ts";

/** By which names the server is reached. */
export interface Hosts {
  /** Host names and addresses, in lower case, IPv6 without brackets. */
  readonly names: readonly string[];
  /** Any address, where the server listens on all of its machine; a name is led somewhere, an address is not. */
  readonly anyAddress: boolean;
}

/** Names of this machine that every server answers to. */
export const LOOPBACK = ["localhost", "127.0.0.1", "::1"];

/** Whether somebody else is meant, or a page of another site asks; undefined when neither. */
export function strange({ host, origin }: IncomingHttpHeaders, hosts: Hosts): Reply | undefined {
  const name = hostName(host);
  if (name === undefined || !(hosts.names.includes(name) || (hosts.anyAddress && isIP(name) !== 0)))
    return refusal(421, "This server does not go by the name in the Host header. Its option --allow-host adds one.").reply;
  if (origin !== undefined && !/^https?:\/\//.test(origin)) return refusal(403, OTHER_SITE).reply;
  if (origin !== undefined && origin.replace(/^https?:\/\//, "").toLowerCase() !== host?.toLowerCase())
    return refusal(403, OTHER_SITE).reply;
  return undefined;
}

const OTHER_SITE = "Pages of other sites are not answered.";

/** The name in a Host header, in lower case; undefined for what is none. */
function hostName(host: string | undefined): string | undefined {
  const [, six, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host ?? "") ?? [];
  return (six ?? name)?.toLowerCase();
}

/** On every reply. A reply that is made to be shown brings its own policy. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

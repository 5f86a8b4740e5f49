/**
 * Prefect's protocol against forged requests (protocol.md §1.4). Touches node:crypto and exchange.ts.
 *
 * A token is bound to the client that asked for it and to the credential that it showed, and says when it ends; so no server keeps any, and each server
 * of a store knows those of the others. Whoever does not have the credential can make none.
 * @module
 */
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { type Call, json, type Reply, type Route, refusal } from "./exchange.ts";
import { invalidRequest } from "./validation.ts";
import { wireTime } from "./wire-text.ts";

const LIFETIME_MS = 60 * 60 * 1000;
const CHANGING = ["POST", "PUT", "PATCH", "DELETE"];

/** The route that gives a token. @param on whether tokens are asked for. */
export function csrfRoute(on: boolean): Route {
  return { method: "GET", path: "/api/csrf-token", needs: "see", answer: (call) => giveToken(call, on) };
}

function giveToken(call: Call, on: boolean): Reply {
  const client = call.query.getAll("client").at(-1);
  if (client === undefined) throw invalidRequest([{ type: "missing", loc: ["query", "client"], msg: "Field required" }]);
  if (!on) throw refusal(422, "CSRF protection is disabled.");
  const now = new Date();
  const expires = now.getTime() + LIFETIME_MS;
  return json({
    id: randomUUID(),
    created: wireTime(now.toISOString()),
    updated: wireTime(now.toISOString()),
    token: tokenOf(client, call.header("authorization"), expires),
    client,
    expiration: wireTime(new Date(expires).toISOString()),
  });
}

/** Why a request that changes something does not count as meant by its client; undefined when it does. */
export function forged(method: string, headers: IncomingHttpHeaders): Reply | undefined {
  if (!CHANGING.includes(method)) return undefined;
  const token = headers["prefect-csrf-token"];
  const client = headers["prefect-csrf-client"];
  if (typeof token !== "string" || token === "") return refusal(403, "Missing CSRF token.").reply;
  if (typeof client !== "string" || client === "") return refusal(403, "Missing client identifier.").reply;
  return isGood(token, client, headers.authorization) ? undefined : refusal(403, "Invalid CSRF token or client identifier.").reply;
}

/** 64 hexadecimal digits: when it ends, and a digest that only a holder of the credential can make. */
function tokenOf(client: string, credential: string | undefined, expires: number): string {
  const end = expires.toString(16).padStart(16, "0");
  return (
    end +
    createHmac("sha256", `ashlar csrf 1\0${credential ?? ""}`)
      .update(`${end}\0${client}`)
      .digest("hex")
      .slice(0, 48)
  );
}

function isGood(token: string, client: string, credential: string | undefined): boolean {
  const end = /^([0-9a-f]{16})[0-9a-f]{48}$/.exec(token)?.[1];
  if (end === undefined) return false;
  const expires = Number.parseInt(end, 16);
  return timingSafeEqual(Buffer.from(token), Buffer.from(tokenOf(client, credential, expires))) && Date.now() < expires;
}

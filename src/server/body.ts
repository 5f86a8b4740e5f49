/**
 * Reads a request's body: within its size, as UTF-8, as JSON within bounds. Touches the request and json-bounds.ts.
 * @module
 */
import type { IncomingMessage } from "node:http";
import { parseLossless } from "../json.ts";
import { refusal } from "./exchange.ts";
import { excessOf, type JsonBounds } from "./json-bounds.ts";
import { invalidRequest } from "./validation.ts";

/** Largest body in bytes, unless told otherwise. */
export const DEFAULT_MAX_BODY = 1024 * 1024;

/** How much of a body that is too large is read on, in bytes. */
const MOST_LET_GO = 8 * 1024 * 1024;

/** What a body may be. */
export interface BodyLimits extends JsonBounds {
  /** In bytes. */
  readonly maxBytes: number;
}

/** See `Call.json`. @throws Refusal 413, 415, 422, 400 when the client went away in the middle */
export async function readJson(request: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity")
    throw refusal(415, "The body of a request is taken as it is, without a content encoding.");
  const bytes = await readBytes(request, limits.maxBytes);
  if (bytes.length === 0) return undefined;
  const text = utf8(bytes);
  return isJson(request.headers["content-type"]) ? parse(text, limits) : text;
}

/** A body that is too large is read on for a while and let go: a client that is not listening yet would never learn why. */
async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size <= maxBytes) parts.push(part);
      else if (size > maxBytes + MOST_LET_GO) break;
    }
  } catch {
    throw refusal(400, "The request ended in the middle of its body.");
  }
  if (size > maxBytes) throw refusal(413, `The body of a request has at most ${maxBytes} bytes.`, { connection: "close" });
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function utf8(bytes: Buffer): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw invalidRequest([{ type: "json_invalid", loc: ["body", 0], msg: "JSON decode error", ctx: { error: "not UTF-8" } }]);
  }
}

/** Clients older than 3.6.19 send no type; Prefect's server then takes it for JSON. */
function isJson(type: string | undefined): boolean {
  return type === undefined || /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type);
}

function parse(text: string, limits: JsonBounds): unknown {
  const excess = excessOf(text, limits);
  if (excess) {
    const { why, at } = excess;
    const said = {
      depth: "is nested too deep",
      keys: "has too many keys",
      twice: "is given twice",
    }[why];
    throw invalidRequest([
      { type: "json_invalid", loc: ["body", ...at.split("/").slice(1)], msg: `JSON decode error: this ${said}`, ctx: { error: why } },
    ]);
  }
  try {
    return parseLossless(text);
  } catch {
    throw invalidRequest([{ type: "json_invalid", loc: ["body", 0], msg: "JSON decode error", ctx: { error: "this is no JSON" } }]);
  }
}

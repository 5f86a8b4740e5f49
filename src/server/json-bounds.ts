/**
 * Looks at a JSON text before it is parsed: how deep it goes, how many keys it has, whether one is given twice. Pure.
 *
 * Parsers go down as deep as a text does, and of a key that is given twice each parser keeps the one it likes. So both are found on the text itself,
 * in one pass that takes no more room than the depth allowed.
 * @module
 */
import { MAX_JSON_DEPTH, pointer } from "../json.ts";

/** What is too much. */
export interface JsonBounds {
  /** Default {@link MAX_JSON_DEPTH}, and room for the body around a document. */
  readonly depth?: number | undefined;
  /** Keys of all objects together. Default 10,000. */
  readonly keys?: number | undefined;
  /** Whether a key may stand twice in an object. Default false. */
  readonly twice?: boolean | undefined;
}

/** Why a text is not parsed. */
export interface Excess {
  readonly why: "depth" | "keys" | "twice";
  /** Where, as a JSON pointer. */
  readonly at: string;
}

interface Open {
  /** The keys so far; null for an array. */
  readonly keys: Set<string> | null;
  /** The key or index that is being read. */
  at: string | number;
}

const [QUOTE, BACKSLASH, COMMA, COLON, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\,:[]{}');

/** Says what of a text is too much; undefined for what is within bounds, and for what is no JSON: the parser says so. */
export function excessOf(text: string, { depth = MAX_JSON_DEPTH + 3, keys = 10_000, twice = false }: JsonBounds = {}): Excess | undefined {
  const open: Open[] = [];
  const place = () => pointer(open.map(({ at }) => at));
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const inner = open.at(-1);
    switch (text.charCodeAt(index)) {
      case QUOTE: {
        const end = endOfString(text, index);
        if (end < 0) return undefined;
        if (inner?.keys && isKey(text, end)) {
          const key = unquoted(text.slice(index, end + 1));
          if (key === undefined) return undefined;
          inner.at = key;
          if (++count > keys) return { why: "keys", at: place() };
          if (!twice && inner.keys.has(key)) return { why: "twice", at: place() };
          inner.keys.add(key);
        }
        index = end;
        break;
      }
      case COMMA:
        if (typeof inner?.at === "number") inner.at++;
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        if (open.length === depth) return { why: "depth", at: place() };
        open.push(text.charCodeAt(index) === OPEN_OBJECT ? { keys: new Set(), at: "" } : { keys: null, at: 0 });
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        open.pop();
        break;
    }
  }
  return undefined;
}

/** Where the string that begins at a quote ends; -1 when it does not. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return -1;
}

/** Whether a colon follows. */
function isKey(text: string, end: number): boolean {
  let next = end + 1;
  while (text.charCodeAt(next) <= 0x20) next++;
  return text.charCodeAt(next) === COLON;
}

function unquoted(token: string): string | undefined {
  if (!token.includes("\\")) return token.slice(1, -1);
  try {
    return JSON.parse(token) as string;
  } catch {
    return undefined;
  }
}

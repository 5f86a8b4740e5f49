/**
 * The lines of an audit log and the chain that they form: making them, and finding where a log was changed. Pure functions; touches node:crypto.
 *
 * Each line is one JSON object that ends with `"key"`, `"hash"` and `"mac"`. Its hash is SHA-256 over the hash of the line before and over all of the
 * line up to there; its mac is HMAC-SHA-256 of the hash under a key derived from the store's key of that id. The hashes need no key: so a line with a
 * key that is gone by now is still vouched for by any later line with a key that is not. That is what happens when keys rotate: the next line takes
 * the new key, and covers all before it.
 * @module
 */
import { createHmac, createSecretKey, hash as digest, type KeyObject, timingSafeEqual } from "node:crypto";
import type { DerivedKey } from "../vaults/vault.ts";

/** Where a chain stands: how many lines it has, and the last one's hash. */
export interface Link {
  readonly line: number;
  readonly hash: string;
}

/** Before the first line of a chain. */
export const START: Link = { line: 0, hash: "" };

/** What a line says that was written without knowing how far the log went before: its head was not there. */
export const UNSURE = "without head";

/** A line that has been read. */
export interface ReadLine extends Link {
  /** Where the chain stood before, as the first line of a file says it. */
  readonly after: string | undefined;
  /** Whether it was written without knowing how far the log went before. */
  readonly unsure: boolean;
  readonly key: string;
  readonly mac: string;
  /** What the hash is over, beside the hash before. */
  readonly body: string;
}

/** How a line ends: key, hash, and mac. */
const TAIL = /^(\{"line":\d+,.*,"key":"([0-9a-z]*)")(,"hash":"([\w-]{43})","mac":"([\w-]{22})"\})$/;

/** The next line of a chain, without its line break. @param content what it says, as the JSON text of an object that is not empty */
export function makeLine(content: string, before: Link, key: DerivedKey): { readonly text: string; readonly link: Link } {
  const line = before.line + 1;
  const body = `{"line":${line},${ascii(content.slice(1, -1))},"key":"${key.key}"`;
  const hash = hashOf(before.hash, body);
  return { text: `${body},"hash":"${hash}","mac":"${macOf(hash, key)}"}`, link: { line, hash } };
}

/** Reads a line; null for what is no line of such a log. */
export function readLine(text: string): ReadLine | null {
  const [, body, key, , hash, mac] = TAIL.exec(text) ?? [];
  if (body === undefined || key === undefined || hash === undefined || mac === undefined) return null;
  try {
    const { line, after, what } = JSON.parse(text) as Record<string, unknown>;
    if (typeof line !== "number" || (after !== undefined && typeof after !== "string")) return null;
    return { line, hash, after, unsure: what === UNSURE, key, mac, body };
  } catch {
    return null;
  }
}

/** Whether a line follows a hash, by what it says. */
export function follows({ body, hash }: ReadLine, before: string): boolean {
  return hashOf(before, body) === hash;
}

/** Whether a line was written by a holder of the key. */
export function isSealedBy({ hash, mac }: Pick<ReadLine, "hash" | "mac">, key: DerivedKey): boolean {
  return timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(hash, key)));
}

/** The text of what stands beside a log and says how far it goes, so that lines cut off its end are missed. */
export function makeHead(link: Link, key: DerivedKey): string {
  const hash = hashOf(link.hash, `head ${link.line}`);
  return JSON.stringify({ ...link, key: key.key, mac: macOf(hash, key) });
}

/** Reads the head of a log. @returns null for what is none, or not by a holder of the key; the key is asked for by id. */
export async function readHead(text: string, keyOf: (id: string) => Promise<DerivedKey | null>): Promise<Link | null> {
  try {
    const { line, hash, key, mac } = JSON.parse(text) as Record<string, unknown>;
    if (typeof line !== "number" || typeof hash !== "string" || typeof key !== "string" || typeof mac !== "string" || mac.length !== 22)
      return null;
    const derived = await keyOf(key);
    return derived && isSealedBy({ hash: hashOf(hash, `head ${line}`), mac }, derived) ? { line, hash } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function hashOf(before: string, body: string): string {
  return digest("sha256", `ashlar audit 1\0${before}\0${body}`, "base64url");
}

/** Keys as node:crypto takes them: making one of bytes costs more than the digest. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

function macOf(hash: string, { bytes }: DerivedKey): string {
  let key = keyObjects.get(bytes);
  if (!key) keyObjects.set(bytes, (key = createSecretKey(bytes)));
  return createHmac("sha256", key).update(hash).digest().subarray(0, 16).toString("base64url");
}

/** JSON with everything but printable ASCII as escapes: what a terminal or a log viewer would obey has no place in it. */
function ascii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Something that is wrong with a log. */
export interface Break {
  /** Where in the file, from 1. */
  readonly at: number;
  /** What, in a sentence. */
  readonly what: string;
}

/** Follows a chain from line to line. */
export class ChainCheck {
  readonly breaks: Break[] = [];
  /** Ids of keys that some lines need and that are not at hand. */
  readonly missingKeys = new Set<string>();
  /** Lines before which some may have been cut off without being missed. */
  readonly unsure: number[] = [];
  /** How many lines were looked at. */
  lines = 0;
  /** How many of the last ones no key at hand vouches for. */
  unproven = 0;
  /** Where the chain stands. */
  end: Link = START;
  /** The line that the first file goes on from; null where it begins the log. */
  goesOnFrom: number | null = null;
  readonly #keyOf: (id: string) => Promise<DerivedKey | null>;
  #head: Link | null = null;
  #at = 0;

  /** @param keyOf gives the key of an id; null when it is not at hand. */
  constructor(keyOf: (id: string) => Promise<DerivedKey | null>) {
    this.#keyOf = keyOf;
  }

  /** Begins a file, the first one or one more of the same log. @param head what stands beside it. */
  nextFile(head: Link | null): void {
    this.#at = 0;
    this.#head = head;
  }

  /** Looks at the next line. */
  async add(text: string): Promise<void> {
    this.#at++;
    const line = readLine(text);
    if (!line) {
      this.#broken("This is no line of an audit log: it was changed, or written by something else.");
      return;
    }
    this.lines++;
    if (!this.#place(line)) return;
    this.end = { line: line.line, hash: line.hash };
    if (line.unsure) this.unsure.push(line.line);
    if (this.#head?.line === line.line && this.#head.hash !== line.hash)
      this.#broken(`Line ${line.line} is not the one that stands in .head.`);
    const key = await this.#keyOf(line.key);
    if (!key) {
      this.missingKeys.add(line.key);
      this.unproven++;
    } else if (isSealedBy(line, key)) this.unproven = 0;
    else this.#broken(`Line ${line.line} was not written by a holder of the key ${line.key}.`);
  }

  /** Looks whether all lines were there. */
  endOfFile(): void {
    const [last, expected] = [this.end.line, this.#head?.line ?? 0];
    this.#at++;
    if (last < expected) this.#broken(`${missing(last + 1, expected)} missing at the end.`);
  }

  /** Looks whether a line is the one that was to come. @returns whether the chain goes on from it. */
  #place(line: ReadLine): boolean {
    let before = this.end;
    if (this.lines === 1 && line.line > 1) {
      before = { line: line.line - 1, hash: line.after ?? "" }; // a log that was moved away goes on in a new file
      this.goesOnFrom = before.line;
      if (line.after === undefined) {
        this.#broken(`${missing(1, before.line)} missing before it.`);
        return true;
      }
    }
    const expected = before.line + 1;
    const anew = line.line === 1 && this.#at === 1 && line.after === "";
    if (line.line > expected) this.#broken(`${missing(expected, line.line - 1)} missing before it.`);
    else if (line.line < expected && anew) this.#broken("A new log begins here: it does not go on from the lines before.");
    else if (line.line < expected)
      this.#broken(`Line ${line.line} stands here again, or in the wrong place: line ${expected} was to come.`);
    else if (!follows(line, before.hash)) this.#broken(`Line ${line.line} was changed, or the one before it.`);
    return line.line >= expected || anew;
  }

  #broken(what: string): void {
    this.breaks.push({ at: this.#at, what });
  }
}

function missing(from: number, to: number): string {
  return from === to ? `Line ${from} is` : `Lines ${from} to ${to} are`;
}

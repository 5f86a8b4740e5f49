/**
 * What a store of files calls its files: the folder of a URL, the file of a record, and back. Touches nothing.
 * @module
 */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { AshlarError } from "../errors.ts";
import type { RecordKind } from "./backend.ts";

/** Longest name of a file that every system takes, with room for the ending. */
const LONGEST = 200;

/** The absolute path that a `file:` URL names. @throws AshlarError `ERR_INVALID` for a URL with a host or a query. */
export function folderPath(url: string): string {
  const rest = url.slice("file:".length);
  if (rest === "" || rest.includes("?") || (rest.startsWith("//") && !rest.startsWith("///")))
    throw new AshlarError("ERR_INVALID", 'A store in files is a folder of this machine: "file:DIR", without a host or options.');
  return resolve(rest.replace(/^\/\/+/, "/"));
}

/** A record's place. */
export interface Place {
  readonly kind: RecordKind;
  readonly type: string;
  readonly name: string;
}

/** The file of a record, relative to the store's folder. Two records never have one file, also where the system folds case. */
export function fileOf({ kind, type, name }: Place): string {
  const encoded = encode(name);
  const file = encoded.length <= LONGEST ? encoded : `_h${createHash("sha256").update(name).digest("hex")}`;
  return `${folderOf(kind, type)}/${file}.json`;
}

/** The folder of the files of a kind and type, relative to the store's. */
export function folderOf(kind: RecordKind, type: string): string {
  return kind === "document" ? encode(type) : `${encode(type)}/_${kind}`;
}

const PLAIN = /^[a-z0-9-]+$/;

/** What is no lower-case letter, digit or dash is written as `_` and the hexadecimal digits of its bytes: no name is ever a path. */
function encode(name: string): string {
  if (PLAIN.test(name)) return name;
  return name === ""
    ? "_"
    : name.replace(/[^a-z0-9-]/gsu, (character) =>
        Buffer.from(character).reduce((text, byte) => `${text}_${byte.toString(16).padStart(2, "0")}`, ""),
      );
}

/** What {@link encode} wrote so. */
export function decoded(file: string): string {
  if (file === "_") return "";
  return Buffer.from(
    file.replace(/_([0-9a-f]{2})/g, (_whole, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    "latin1",
  ).toString();
}

/** What a text holds as JSON; undefined when it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

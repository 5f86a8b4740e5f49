/** Finds a planted text in bytes, in every encoding in which it could hide. */

import { inspect } from "node:util";

/** Texts that may show nowhere, in one run; the second needs an escape in every encoding that has any. The first is that of the blocks' samples. */
export const ODD_CANARY = `Kanary"7\\x é/+Zq 91&=%\u{1F600}end`;

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const utf8 = (text: string) => latin1(Buffer.from(text));

/** Base64 of a text at a place in a longer one: what is the same whatever stands before and after it. */
function base64Core(canary: string, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(canary)]).toString("base64");
  const whole = Math.floor((shift + Buffer.byteLength(canary)) / 3) * 4;
  return encoded.slice(shift === 0 ? 0 : 4, whole); // the first group holds what stands before
}

function unicodeEscaped(text: string): string {
  return Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");
}

/** Each encoding by name, as texts of bytes (latin1). */
export const ENCODINGS: Readonly<Record<string, (canary: string) => readonly string[]>> = {
  raw: (canary) => [utf8(canary)],
  JSON: (canary) => [
    utf8(JSON.stringify(canary).slice(1, -1)),
    utf8(JSON.stringify(JSON.stringify(canary)).slice(3, -3)),
    utf8(inspect(canary).slice(1, -1)), // as in source
  ],
  "\\u escapes": (canary) => [unicodeEscaped(canary), unicodeEscaped(canary).toUpperCase().replaceAll("\\U", "\\u")],
  URL: (canary) => [encodeURIComponent(canary), encodeURI(canary)],
  form: (canary) => [new URLSearchParams({ a: canary }).toString().slice(2)],
  base64: (canary) => [0, 1, 2].map((shift) => base64Core(canary, shift)),
  base64url: (canary) => [0, 1, 2].map((shift) => base64Core(canary, shift).replaceAll("+", "-").replaceAll("/", "_")),
  "hex, lower case": (canary) => [Buffer.from(canary).toString("hex")],
  "hex, upper case": (canary) => [Buffer.from(canary).toString("hex").toUpperCase()],
  "UTF-16": (canary) => [latin1(Buffer.from(canary, "utf16le"))],
  reversed: (canary) => [utf8([...canary].reverse().join("")), latin1(Buffer.from(canary).reverse())],
};

/** In which encodings any of the canaries is in these bytes. */
export function leaksIn(bytes: Uint8Array | string, canaries: readonly string[]): string[] {
  const text = typeof bytes === "string" ? utf8(bytes) : latin1(bytes);
  return Object.entries(ENCODINGS).flatMap(([name, encode]) =>
    canaries.some((canary) => encode(canary).some((encoded) => text.includes(encoded))) ? [name] : [],
  );
}

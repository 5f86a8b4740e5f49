/**
 * The case of the store suite on what lies in its storage. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import type { Store } from "../stores/store.ts";
import { at, CANARY, part } from "./store-subject.ts";
import type { Case } from "./suite.ts";

const READABLE = "readable-facade";

/** A text as it may stand somewhere: as it is, in hexadecimal digits, and in base64, where it may begin at any of three places of a group. */
function encodings(text: string): string[] {
  const base64 = [0, 1, 2].map((before) =>
    Buffer.from(`${" ".repeat(before)}${text}`)
      .toString("base64url")
      .slice(before && 4, -4),
  );
  return [text, Buffer.from(text).toString("hex"), Buffer.from(text, "utf8").toString("utf16le"), ...base64];
}

/** Neither what is there nor what was replaced or deleted shows a secret. That the search sees what lies there, the readable half proves. */
export function resting(atRest: (url: string) => Promise<Uint8Array>): Case<Store> {
  return {
    name: "at rest: no secret in any encoding, of what is there, was replaced, or was deleted",
    async run(store) {
      for (const name of ["one", "gone"]) await store.save(part(name, { data: { text: READABLE } }));
      await store.save(part("one", { data: { text: READABLE }, secrets: { "/token": `${CANARY} anew` } }), { overwrite: true });
      await store.delete(at("gone"));
      const bytes = Buffer.from(await atRest(store.url));
      assert(bytes.includes(READABLE), "what lies in the storage was not found: not even the readable half");
      for (const text of encodings(CANARY)) assert(!bytes.includes(text), "a secret lies in the storage");
    },
  };
}

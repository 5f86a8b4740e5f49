/** What the document of a writer is after each of its steps: known to the writer and to who looks afterwards. */

import type { Draft } from "../../src/stores/store.ts";
import { part } from "../../src/testing/store-subject.ts";

/** Every fifth step deletes it. */
export function isAbsent(step: number): boolean {
  return step % 5 === 0;
}

/** The document of a step: the same number in both halves, and one long enough to lie on several pages of the file. */
export function draftOf(name: string, step: number): Draft {
  return part(name, {
    data: { step, text: String(step).padEnd(step % 3 === 0 ? 9000 : 10, ".") },
    secrets: { "/a": step, "/b": `${step}` },
  });
}

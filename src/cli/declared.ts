/**
 * A document as a file declares it: one tree, `{ ref: slug/name }` where it refers to another, and what the caller chooses where a secret is.
 * @module
 */
import { type JsonObject, pointerParts } from "../json.ts";
import type { Reference } from "../stores/store.ts";
import { put } from "./paths.ts";

/** A tree of one's own: changing it changes no document. `secretAt` is asked with each secret's JSON pointer. */
export function declaredForm(
  {
    data,
    references,
    secrets,
  }: { readonly data: JsonObject; readonly references: Readonly<Record<string, Reference>>; readonly secrets: object },
  secretAt: (pointer: string) => unknown,
): Record<string, unknown> {
  const tree = structuredClone(data) as Record<string, unknown>;
  for (const [at, { type, name }] of Object.entries(references)) put(tree, pointerParts(at), { ref: `${type}/${name}` });
  for (const at of Object.keys(secrets)) put(tree, pointerParts(at), secretAt(at));
  return tree;
}

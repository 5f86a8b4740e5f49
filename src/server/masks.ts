/**
 * The mask that comes back keeps the secret (protocol.md §4.3): what a client read masked and sends again. Pure; touches json.ts.
 *
 * Beyond what Prefect's server does: in lists, in dictionaries, in secrets that hold JSON, and for what stands there of another document.
 * @module
 */
import { canonicalJson, type Json, type JsonObject, pointer } from "../json.ts";
import { MASK } from "../secret.ts";
import type { Document } from "../stores/store.ts";
import { toWire } from "../wire.ts";
import { refusal } from "./exchange.ts";

/** What is stored, seen in two ways. */
export interface StoredViews {
  readonly document: Document;
  /** As a client sees it masked. */
  readonly masked: JsonObject;
}

/** What was sent, with the stored values in place of masks. @throws Refusal 422 for a mask that stands for nothing, or for nobody knows what */
export function unmasked(sent: JsonObject, { document, masked }: StoredViews): JsonObject {
  if (!holdsMask(sent)) return sent;
  const { data, secrets, references } = document;
  const clear = toWire(data, Object.fromEntries(Object.entries(secrets).map(([at, value]) => [at, value.reveal()])), {});
  const restore = (value: Json, stored: Json | undefined, seen: Json | undefined, at: string, inside: boolean): Json => {
    const reference = Object.hasOwn(references, at) ? references[at] : undefined;
    if (reference && holdsMask(value)) {
      if (canonicalJson(value) === canonicalJson(seen)) return { $ref: { block_document_id: reference.id } };
      throw refusal(422, `${at} shows masked what another document holds: send {"$ref": {"block_document_id": …}}, or all of it in clear.`);
    }
    const within = inside || Object.hasOwn(secrets, at);
    if (value === MASK && within) {
      if (stored !== undefined && stored !== null) return stored;
      if (inside) throw refusal(422, `${at} is a mask, and nothing is stored there: send the value.`);
    }
    if (Array.isArray(value))
      return value.map((item: Json, index) => {
        if (!holdsMask(item)) return item;
        const from = counterpart(value, index, list(stored), list(seen));
        if (from === undefined)
          throw refusal(422, `${at}/${index} is masked, and which of the stored items it was cannot be told: send it in clear.`);
        return restore(item, list(stored)[from], list(seen)[from], `${at}/${from}`, within);
      });
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, restore(item, own(stored, key), own(seen, key), at + pointer([key]), within)]),
    );
  };
  return restore(sent, clear, masked, "", false) as JsonObject;
}

/** Which stored item of a list a sent one was: the one that looked just like it, else, where none came or went, the one in its place. */
function counterpart(sent: readonly Json[], index: number, stored: readonly Json[], seen: readonly Json[]): number | undefined {
  const look = canonicalJson(sent[index]);
  if (seen[index] !== undefined && canonicalJson(seen[index]) === look) return index;
  const same = seen.findIndex((item) => canonicalJson(item) === look);
  if (same >= 0) return same;
  return sent.length === stored.length ? index : undefined;
}

/** Whether a mask stands anywhere. */
export function holdsMask(value: Json | undefined): boolean {
  if (typeof value !== "object" || value === null) return value === MASK;
  return Object.values(value).some((item) => holdsMask(item as Json));
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function own(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Keys for other purposes than sealing, of stores whose vault derives none: random ones, each in a record of its own. Touches sealing.ts.
 * @module
 */
import { hash, randomBytes } from "node:crypto";
import { AshlarError, isAshlarError } from "../errors.ts";
import type { DerivedKey } from "../vaults/vault.ts";
import { named } from "./record.ts";
import type { Sealing } from "./sealing.ts";

const AT = "/key";

/** What was read of each store: a key that was made stays. */
const known = new WeakMap<Sealing, Map<string, DerivedKey>>();

/** See `derive` of the store's contract; the key is made when it is asked for first. */
export async function keptKey(sealing: Sealing, purpose: string, id?: string): Promise<DerivedKey> {
  let keys = known.get(sealing);
  if (!keys) known.set(sealing, (keys = new Map()));
  const found = keys.get(purpose) ?? (await read(sealing, purpose)) ?? (id === undefined ? await make(sealing, purpose) : undefined);
  if (!found || (id !== undefined && id !== found.key))
    throw new AshlarError("ERR_UNKNOWN_KEY", `The store has no key ${id} for this.`, { keys: [String(id)] });
  keys.set(purpose, found);
  return found;
}

function placeOf(purpose: string) {
  return { kind: "token", type: "key", name: hash("sha256", `ashlar kept key\0${purpose}`).slice(0, 32) } as const;
}

async function read(sealing: Sealing, purpose: string): Promise<DerivedKey | undefined> {
  const record = await sealing.backend.get(placeOf(purpose));
  if (!record) return undefined;
  const { [AT]: text } = await sealing.open(record);
  if (typeof text !== "string") throw named(record, new AshlarError("ERR_CANNOT_OPEN", "It holds no key."));
  return keyOf(text);
}

/** Of two who make it at once one wins, and both have his. */
async function make(sealing: Sealing, purpose: string): Promise<DerivedKey | undefined> {
  const text = randomBytes(32).toString("base64url");
  const secrets = { [AT]: { changed: new Date().toISOString() } };
  const record = await sealing.seal({ ...placeOf(purpose), schema: "", data: {}, references: {}, secrets }, { [AT]: text }, null);
  try {
    await sealing.backend.put(record, null);
    return keyOf(text);
  } catch (error) {
    if (!isAshlarError(error, "ERR_EXISTS")) throw error;
    await sealing.vault.discard(record.sealed, true);
    return read(sealing, purpose);
  }
}

function keyOf(text: string): DerivedKey {
  const bytes = new Uint8Array(Buffer.from(text, "base64url"));
  return { key: hash("sha256", bytes).slice(0, 8), bytes };
}

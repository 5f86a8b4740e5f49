/**
 * The vault of the memory store: secrets stay in this process, unsealed, inside `Secret`; a token is a number. Touches secret.ts.
 * @module
 */
import { AshlarError } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { Secrets, Vault } from "./vault.ts";

/** A vault that holds secrets in memory and forgets them with the process. It binds nothing: nobody else can reach its records. */
export function memoryVault(): Vault {
  const held = new Map<string, Secret<() => Secrets>>();
  let count = 0;
  return {
    seal(secrets) {
      const token = `memory.${++count}`;
      held.set(token, new Secret(copies(secrets)));
      return token;
    },
    open(token) {
      const secrets = held.get(token);
      if (!secrets) throw new AshlarError("ERR_CANNOT_OPEN", "The record was not sealed by this process.");
      return secrets.reveal()();
    },
    discard: (token) => void held.delete(token),
    keyOf: () => "",
    sealingKey: () => "",
    async close() {},
  };
}

/** Gives the same secrets each time, never an object that someone else could change. */
function copies(secrets: Secrets): () => Secrets {
  const text = JSON.stringify(secrets);
  const own = Object.freeze(JSON.parse(text) as Secrets);
  return Object.values(own).some((value) => typeof value === "object" && value !== null) ? () => JSON.parse(text) as Secrets : () => own;
}

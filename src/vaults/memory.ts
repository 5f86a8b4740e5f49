/**
 * The vault of the memory store: secrets stay in this process, unsealed, inside `Secret`; a token is a number. Touches secret.ts.
 * @module
 */
import { AshlarError } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { Secrets, Vault } from "./vault.ts";

/** A vault that holds secrets in memory and forgets them with the process. It binds nothing: nobody else can reach its records. */
export function memoryVault(): Vault {
  const held = new Map<string, Secret>(); // as text, so that nobody shares an object with the vault
  let count = 0;
  return {
    seal(secrets) {
      const token = `memory.${++count}`;
      held.set(token, new Secret(JSON.stringify(secrets)));
      return token;
    },
    open(token) {
      const secrets = held.get(token);
      if (!secrets) throw new AshlarError("ERR_CANNOT_OPEN", "The record was not sealed by this process.");
      return JSON.parse(secrets.reveal()) as Secrets;
    },
    discard: (token) => void held.delete(token),
    keyOf: () => "",
    sealingKey: () => "",
    async close() {},
  };
}

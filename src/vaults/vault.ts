/**
 * The contract of a vault: what keeps the secret half of a record. Types only.
 *
 * `binding` stands for all the rest of the record; what was sealed with one binding never opens with another.
 * @module
 */
import type { Json } from "../json.ts";

/** The secrets of a record: JSON pointer → value. */
export type Secrets = Readonly<Record<string, Json>>;

/** Computes the digest of a record's other half; called only by vaults that need it. */
export type Binding = () => Uint8Array;

/** The contract. */
export interface Vault {
  /** Seals the secrets of a record; a record without secrets is sealed too. @throws AshlarError `ERR_NO_KEY` */
  seal(secrets: Secrets, binding: Binding): Promise<string> | string;

  /**
   * Opens what `seal` gave.
   * @throws AshlarError `ERR_CANNOT_OPEN` when token or binding changed, `ERR_UNKNOWN_KEY` with the key's id, `ERR_WRONG_KEY`, `ERR_NO_KEY`,
   * `ERR_UNSUPPORTED` for a newer format. Never an empty answer for a failure.
   */
  open(token: string, binding: Binding): Promise<Secrets> | Secrets;

  /** Forgets what a token stands for, once no record names it any more; without effect where the token is all there is. */
  discard(token: string): Promise<void> | void;

  /** Which key a token needs; empty where the vault has none. */
  keyOf(token: string): string;

  /** Which key seals now; empty where the vault has none. @throws AshlarError as `seal` does. */
  sealingKey(): Promise<string> | string;

  /** Lets go of keys and connections; may be called twice. */
  close(): Promise<void>;
}

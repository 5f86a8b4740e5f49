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

/** Which record secrets belong to, all of its readable half; `id` is its identity and stays, type and name are for people. */
export interface Sealed {
  readonly id: string;
  readonly kind: string;
  readonly type: string;
  readonly name: string;
}

/** Bytes made of a key, from which nobody can tell the key. */
export interface DerivedKey {
  /** Id of the key, as `keyOf` says it. */
  readonly key: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** The contract. */
export interface Vault {
  /**
   * Seals the secrets of a record; a record without secrets is sealed too. What is sealed with one binding and record is a token of its own each
   * time, and the tokens before it still open until they are discarded.
   * @throws AshlarError `ERR_NO_KEY`; `ERR_LIMIT` where they are too large for the vault; `ERR_DENIED`, `ERR_UNREACHABLE`.
   */
  seal(secrets: Secrets, binding: Binding, record: Sealed): Promise<string> | string;

  /**
   * Opens what `seal` gave. Frozen secrets say that the vault holds them in clear and gives the same each time: what is made of them may be kept.
   * @throws AshlarError `ERR_CANNOT_OPEN` when token or binding changed, `ERR_EDITED` when only the binding did and the vault can tell, `ERR_UNKNOWN_KEY` with the key's id, `ERR_WRONG_KEY`, `ERR_NO_KEY`,
   * `ERR_UNSUPPORTED` for a newer format. Never an empty answer for a failure.
   */
  open(token: string, binding: Binding): Promise<Secrets> | Secrets;

  /**
   * Forgets what a token stands for, once no record names it any more; without effect where the token is all there is.
   * @param gone whether the record itself is gone, and with it all older tokens of it.
   */
  discard(token: string, gone: boolean): Promise<void> | void;

  /** Which key a token needs; empty where the vault has none. */
  keyOf(token: string): string;

  /** Which key seals now; empty where the vault has none. @throws AshlarError as `seal` does. */
  sealingKey(): Promise<string> | string;

  /**
   * Looks for what is wrong where the vault keeps secrets, and what records do not show; changes nothing. Left out where a token is all there is.
   * @param tokens of all records.
   * @returns what is wrong, in sentences; empty when nothing is.
   */
  check?(tokens: readonly string[]): Promise<readonly string[]>;

  /**
   * A key for another purpose than sealing, the same one each time for a purpose and a key: what is proved with it, only a holder of that key can have
   * written. Left out where a vault has nothing of the kind.
   * @param key id of the key; default the one that seals now.
   * @throws AshlarError `ERR_UNKNOWN_KEY` with the key's id; as `seal` does.
   */
  derive?(purpose: string, key?: string): Promise<DerivedKey> | DerivedKey;

  /** Lets go of keys and connections; may be called twice. */
  close(): Promise<void>;
}

/**
 * The contract of a store's access tokens: who may come in, where a server stands before the store. Types only.
 *
 * All servers and commands of a store share them: what one changes counts for the next request of every other.
 * @module
 */
import type { AccessToken, TokenGrant } from "../access-token.ts";
import type { Secret } from "../secret.ts";

/** The access tokens of a store. */
export interface AccessTokens {
  /**
   * Makes a token. One of the same name that is not in force any more is forgotten.
   * @returns the token, and its text, which can be had only here.
   * @throws AshlarError `ERR_INVALID`; `ERR_EXISTS` while a token of that name is in force.
   */
  create(grant: TokenGrant): Promise<{ readonly token: AccessToken; readonly text: Secret<string> }>;

  /** All tokens by name, also those that are not in force any more; those whose record was changed are left out. */
  list(): Promise<readonly AccessToken[]>;

  /** Ends a token, from the next request on; one that was revoked before stays as it is. @throws AshlarError `ERR_NOT_FOUND` */
  revoke(name: string): Promise<AccessToken>;

  /**
   * The token of a text, if it is in force; else null. One point read, or none.
   * @param since what the store's `stamp()` gave a moment ago. Default: it is asked now.
   * @throws AshlarError `ERR_CANNOT_OPEN` when its record was changed; what the vault throws.
   */
  verify(text: string, since?: string): Promise<AccessToken | null>;
}

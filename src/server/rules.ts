/**
 * Where this server is stricter than Prefect's, and how far `--like-prefect` goes back. One table; docs/server.md shows it. Touches nothing else.
 *
 * What only Prefect's own mistakes need is in no rule and never turned back: secrets that are shown unmasked, an error 500 for a request that does not
 * fit, records that break every list.
 * @module
 */

/** Each rule: whether it holds. */
export interface Rules {
  /** A request that changes something shows a CSRF token. Prefect: only when its setting says so, which is off. */
  readonly csrf: boolean;
  /** What other documents refer to is deleted only with them, by `?cascade=true`. Prefect: they silently lose the field. */
  readonly keepReferenced: boolean;
  /** A key stands once in an object. Prefect: the last one counts. */
  readonly keysOnce: boolean;
  /** A document's schema is one of its type. Prefect: any schema will do. */
  readonly ownSchema: boolean;
  /** `{"$ref": {"block_document_id": …}}` is a reference at any depth. Prefect: at the top only, below it is stored as it stands. */
  readonly deepReferences: boolean;
}

/** The rules of this server. */
export const STRICT: Rules = { csrf: true, keepReferenced: true, keysOnce: true, ownSchema: true, deepReferences: true };

/** The rules of Prefect's server. */
export const LIKE_PREFECT: Rules = { csrf: false, keepReferenced: false, keysOnce: false, ownSchema: false, deepReferences: false };

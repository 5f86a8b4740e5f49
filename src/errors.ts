/**
 * The one error of Ashlar and its closed set of codes. Touches nothing else.
 *
 * No text made here may hold a field's value: an error names what and where (types, names, paths, key ids), never what was there.
 * @module
 */

/** Every way in which Ashlar refuses, by code. A failure of one kind is never reported as another. */
export const errorCodes = {
  ERR_DEFINITION: "a block class is declared in a way that cannot be stored",
  ERR_INVALID: "a value, a name or an argument does not fit",
  ERR_SCHEMA: "a stored document does not fit the class it is loaded with",
  ERR_LIMIT: "a size or depth limit is exceeded",
  ERR_CYCLE: "a block would refer to itself",
  ERR_NOT_FOUND: "there is no such document or block type",
  ERR_UNKNOWN_TYPE: "no block class of this process, or no registered type, has this slug",
  ERR_BROKEN_REFERENCE: "a document refers to one that is not there",
  ERR_REFERENCED: "other documents refer to what is to be deleted",
  ERR_PROTECTED: "a block type of the system itself is not deleted",
  ERR_EXISTS: "the name is taken and overwriting was not asked for",
  ERR_CONFLICT: "someone else wrote the document in between",
  ERR_OUTCOME_UNKNOWN: "a write was sent and its answer was lost: whether it happened is not known",
  ERR_CHANGED_CHILD: "a nested block was changed and not saved",
  ERR_NO_STORE: "there is no store where the URL points",
  ERR_UNREACHABLE: "the store is there but cannot be used now: locked, full, broken or cut off",
  ERR_DENIED: "the system refuses access",
  ERR_NO_KEY: "no key was given",
  ERR_WRONG_KEY: "the key or passphrase given is not the right one, or is damaged",
  ERR_UNKNOWN_KEY: "a record is sealed with a key that the keyring does not hold",
  ERR_CANNOT_OPEN: "a record was changed, moved, cut or damaged since it was sealed",
  ERR_EDITED: "the readable half of a record was edited since it was sealed",
  ERR_UNSUPPORTED: "written by a newer version, or not possible on this system",
  ERR_MISSING_PACKAGE: "an optional package is not installed",
} as const;

/** A code of {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;

/** One thing that does not fit: where, and what was expected. Never the value. */
export interface Issue {
  /** Dotted path as the caller wrote it, for example `credentials.token` or `hosts[2]`; empty for the whole. */
  readonly path: string;
  /** What was expected, in words. */
  readonly message: string;
}

/** What an {@link AshlarError} says besides its message; all of it is safe to log. */
export interface ErrorDetails {
  /** Slug of the block type. */
  readonly type?: string;
  /** Name of the document. */
  readonly name?: string;
  /** Where in the document. */
  readonly path?: string;
  /** Which store, without credentials. */
  readonly store?: string;
  /** All that does not fit. */
  readonly issues?: readonly Issue[];
  /** Documents concerned, as `slug/name`. */
  readonly documents?: readonly string[];
  /** The revision that was asked for and the one that is there (`null`: none). */
  readonly expected?: number | null;
  /** See `expected`. */
  readonly actual?: number | null;
  /** Checksum of the document's schema, where it differs from the class's. */
  readonly documentSchema?: string;
  /** Checksum of the class's schema. */
  readonly classSchema?: string;
  /** Ids of the keys concerned. */
  readonly keys?: readonly string[];
}

const marker = Symbol.for("ashlar.error");

/**
 * The error that everything in Ashlar throws; misuse of a function's arguments by code is a `TypeError` instead.
 * `code` tells the kind, `details` where. Test with {@link isAshlarError}: it also knows the errors of another installed copy.
 */
export class AshlarError extends Error {
  override readonly name = "AshlarError";
  /** The kind; one of {@link errorCodes}. */
  readonly code: ErrorCode;
  /** Where and what, for programs. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = Object.freeze({ ...details });
    Object.defineProperty(this, marker, { value: true });
  }
}

/**
 * Whether a thrown value is an {@link AshlarError}, of this or another installed copy of Ashlar; with `code`, whether it is of that kind.
 */
export function isAshlarError(thrown: unknown, code?: ErrorCode): thrown is AshlarError {
  if (typeof thrown !== "object" || thrown === null || !(marker in thrown)) return false;
  return code === undefined || (thrown as unknown as AshlarError).code === code;
}

/** Builds the error for values that do not fit: all issues in one message, one a line. */
export function invalid(what: string, issues: readonly Issue[], code: ErrorCode = "ERR_INVALID", details: ErrorDetails = {}): AshlarError {
  const lines = issues.map((issue) => (issue.path === "" ? `  ${issue.message}` : `  ${issue.path}: ${issue.message}`));
  return new AshlarError(code, [`${what}:`, ...lines].join("\n"), { ...details, issues });
}

/** The known name nearest to a mistyped one, or `undefined` when none is near. */
export function nearest(typed: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(typed.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

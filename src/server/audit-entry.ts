/**
 * What the audit log says of a request: names, places and ids, never a value. Types, and the making of a line's content; touches nothing else.
 * @module
 */

/** What is written of a request. Names, places and ids only. */
export interface AuditEntry {
  /** Name of the token. */
  readonly who: string;
  /** Address that the request came from. */
  readonly from?: string | undefined;
  /** Id of the request, as its answer says it. */
  readonly request?: string | undefined;
  /** What was asked for. */
  readonly what:
    | "load"
    | "save"
    | "delete"
    | "save type"
    | "delete type"
    | "save schema"
    | "delete schema"
    | "create token"
    | "revoke token";
  /** `slug/name` of the document, slug of the type, checksum of the schema or name of the token. */
  readonly of?: string | undefined;
  /** Id of the document or schema. */
  readonly id?: string | undefined;
  /** The document's revision afterwards. */
  readonly revision?: number | null | undefined;
  /** `done`, or the code of the error that the caller got. */
  readonly outcome: string;
  /** `slug/name` of each document whose secrets went out → JSON pointers of those secrets. */
  readonly revealed?: Readonly<Record<string, readonly string[]>> | undefined;
  /** JSON pointers of the secrets that were given anew, were kept, and are gone. */
  readonly secrets?: { readonly set: readonly string[]; readonly kept: readonly string[]; readonly cleared: readonly string[] } | undefined;
  /** A stored secret goes on beside other values: where the secrets are, and what changed (secrecy.ts). */
  readonly redirects?: { readonly kept: readonly string[]; readonly changed: readonly string[] } | undefined;
  /** JSON pointers at which a secret was and a readable value is now. */
  readonly freed?: readonly string[] | undefined;
  /** What else was deleted with it, as `slug/name`. */
  readonly deleted?: readonly string[] | undefined;
  /** Roles and scope of a token. */
  readonly grant?:
    | {
        readonly roles: readonly string[];
        readonly types: readonly string[] | null;
        readonly names: readonly string[] | null;
        readonly expires: string | null;
      }
    | undefined;
}

/** Longest text that is taken over, in characters. */
const MOST_TEXT = 300;

/** What is written of an entry: what is named here, and nothing that came along with it. */
export function contentOf(entry: AuditEntry): Readonly<Record<string, unknown>> {
  const { who, from, request, what, of, id, revision, outcome, revealed, secrets, redirects, freed, deleted, grant } = entry;
  return {
    ...{ who: cut(who), from: cut(from), request: cut(request), what, of: cut(of), id: cut(id), revision, outcome: cut(outcome) },
    revealed: revealed && Object.fromEntries(Object.entries(revealed).map(([document, places]) => [cut(document), all(places)])),
    secrets: secrets && { set: all(secrets.set), kept: all(secrets.kept), cleared: all(secrets.cleared) },
    redirects: redirects && { kept: all(redirects.kept), changed: all(redirects.changed) },
    freed: all(freed),
    deleted: all(deleted),
    grant: grant && { roles: all(grant.roles), types: all(grant.types), names: all(grant.names), expires: grant.expires },
  };
}

function cut(text: string | undefined): string | undefined {
  return text === undefined || text.length <= MOST_TEXT ? text : `${text.slice(0, MOST_TEXT)}…`;
}

function all(texts: readonly string[] | null | undefined): readonly (string | undefined)[] | null | undefined {
  return texts?.map(cut) ?? texts;
}

/**
 * The HTTP API of our own server as both ends see it: paths and the shapes of its JSON (docs/http-api.md). Types and makers; touches the store's contract.
 * @module
 */
import type { AccessToken, Right } from "../access-token.ts";
import type { ErrorCode, ErrorDetails } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { Secret } from "../secret.ts";
import type { Document, MaskedDocument, Reference } from "../stores/store.ts";

/** Where the API begins, on a server and below a prefix that a proxy adds. Another version gets another path. */
export const API_PATH = "/api/ashlar/v1";

/** Most items of a page. */
export const MOST_ITEMS = 1000;

/** Something that does not fit, by JSON pointer into the body that was sent; empty for the whole. */
export interface ApiIssue {
  readonly pointer: string;
  readonly message: string;
}

/** The body of every refusal. */
export interface ApiRefusal {
  readonly error: Omit<ErrorDetails, "issues" | "store"> & {
    readonly code: ErrorCode;
    readonly message: string;
    readonly issues?: readonly ApiIssue[] | undefined;
    /** Id of the request, as the server's log says it. */
    readonly request: string;
  };
}

/** A document with its secrets. */
export interface OpenedDocument extends Omit<Document, "secrets"> {
  /** JSON pointer → the secret there. */
  readonly secrets: Readonly<Record<string, { readonly value: Json }>>;
}

/** What becomes of a secret when a document is saved; one that is not named is cleared. */
export type SecretChange =
  | { readonly set: Json }
  /** The stored one goes on, or the one that is stored in another place. */
  | { readonly keep: true | string }
  | { readonly clear: true };

/** The body that saves a document. */
export interface SaveBody {
  readonly schema: string;
  readonly version?: string | undefined;
  readonly anonymous?: true | undefined;
  /** Null, or nothing, stands where a secret or a reference is. */
  readonly data: JsonObject;
  /** JSON pointer → the document that is referred to there, by id or by type and name. */
  readonly references?: Readonly<Record<string, Partial<Reference>>> | undefined;
  readonly secrets?: Readonly<Record<string, SecretChange>> | undefined;
}

/** An item of a page of documents with their secrets: ids of the document and of those that it refers to, or why it cannot be loaded. */
export interface OpenedItem extends Reference {
  readonly documents?: readonly string[] | undefined;
  readonly error?: ApiRefusal["error"] | undefined;
}

/** Who asks, and what they may do. */
export interface Caller {
  readonly name: string;
  readonly rights: readonly Right[];
  /** The access token; null where it is none of the store. */
  readonly token: AccessToken | null;
}

/** A document with its secrets, for those who may have them. */
export function openedDocument({ secrets, ...head }: Document): OpenedDocument {
  return { ...head, secrets: Object.fromEntries(Object.entries(secrets).map(([at, secret]) => [at, { value: secret.reveal() }])) };
}

/** The way back. */
export function closedDocument({ secrets, ...head }: OpenedDocument): Document {
  return { ...head, secrets: Object.fromEntries(Object.entries(secrets).map(([at, { value }]) => [at, new Secret(value)])) };
}

/** The revision as an entity tag; undefined where a store counts none. */
export function tagOf({ revision }: Pick<MaskedDocument, "revision">): string | undefined {
  return revision === null ? undefined : `"${revision}"`;
}

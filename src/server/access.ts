/**
 * Who asks, and what they may do: access tokens from a request's `Authorization` header. Touches the store's access tokens and access-token.ts;
 * knows nothing of HTTP's routes.
 *
 * `Bearer TOKEN` (Prefect's API key), `Basic base64(TOKEN)` and `Basic base64(NAME:TOKEN)` (Prefect's auth string). A token is looked for under a
 * digest of its text, so that one that does not exist costs the same as one that does, whatever name stands before it.
 * @module
 */
import { hash, timingSafeEqual } from "node:crypto";
import { type AccessToken, fitsPattern, type Right, ROLES, tokenForm } from "../access-token.ts";
import { AshlarError } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { Store } from "../stores/store.ts";

/** What somebody wants to do something with: a document, or, without a name, a block type with all that belongs to it. */
export interface Target {
  readonly type: string;
  readonly name?: string | undefined;
}

/** Somebody who has shown a token that is in force. */
export interface Principal {
  /** The token's name. */
  readonly name: string;
  /** The token; null where it is none of the store. */
  readonly token: AccessToken | null;
  /** Whether the token is good for some types or names only. Whoever has such a token learns nothing of what is beyond. */
  readonly scoped: boolean;
  /** Slugs of the types that the token is good for; null: all. */
  readonly types: readonly string[] | null;
  /**
   * Whether a right is there: for a target, or, without one, for anything at all. A type as a whole may be seen by everyone whose token is good for
   * it; written only where the token is good for every name.
   */
  may(right: Right, target?: Target): boolean;
}

/** Lets in or keeps out. */
export interface Access {
  /**
   * Who a request's `Authorization` header stands for; null when it stands for nobody who may come in.
   * @param address where the request comes from, for {@link Access.retryAfter}.
   * @param since the store's stamp when the request had come.
   * @throws AshlarError as the store does: a failure of the store is never a refusal.
   */
  authenticate(authorization: string | undefined, address?: string, since?: string): Promise<Principal | null>;

  /**
   * After how many seconds whoever was refused shall ask again; undefined when at once. It is asked after a refusal only: a good token is let in
   * however many bad ones came from the same address.
   */
  retryAfter(address: string): number | undefined;
}

/** How {@link storeAccess} is made. */
export interface StoreAccessOptions {
  /** The text of one more token, of an admin; see {@link tokenFromVariable}. Default: none. */
  readonly tokenFromEnvironment?: Secret<string> | undefined;
}

/** Access by the tokens of a store, and by one of the environment. A store without tokens of its own knows only that one. */
export function storeAccess(store: Store, { tokenFromEnvironment }: StoreAccessOptions = {}): Access {
  const failures = new Failures();
  const principals = new WeakMap<AccessToken, Principal>(); // a store gives the same token until something is changed
  const holderOf = (token: AccessToken): Principal => {
    let known = principals.get(token);
    if (!known) principals.set(token, (known = principalOf(token, token)));
    return known;
  };
  const find = async (given: Given, since: string | undefined): Promise<Principal | null> => {
    if (tokenFromEnvironment && isSame(given.text, tokenFromEnvironment.reveal())) return ENVIRONMENT;
    const token = await store.accessTokens?.verify(given.text, since);
    return token && (given.name === undefined || given.name === token.name) ? holderOf(token) : null;
  };
  return {
    async authenticate(authorization, address, since) {
      const given = readHeader(authorization);
      const found = given && (await find(given, since));
      if (found) return found;
      if (authorization !== undefined && address !== undefined) failures.add(address); // who shows nothing guesses nothing
      return null;
    },
    retryAfter: (address) => failures.retryAfter(address),
  };
}

/** What a header says. */
interface Given {
  readonly text: string;
  readonly name?: string | undefined;
}

/** Longest header that is looked at. */
const MOST = 1000;

function readHeader(header: string | undefined): Given | null {
  const [, scheme = "", value = ""] = (header ?? "").length > MOST ? [] : (/^(bearer|basic) +([\w.~+/-]+=*) *$/i.exec(header ?? "") ?? []);
  if (value === "") return null;
  if (scheme.toLowerCase() === "bearer") return { text: value };
  const text = Buffer.from(value, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? { text } : { name: text.slice(0, colon), text: text.slice(colon + 1) };
}

/** Compares in a time that tells nothing of where two texts differ, nor of how long the right one is. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => hash("sha256", text, "buffer");
  return timingSafeEqual(digest(given), digest(expected));
}

/** The holder of a token. @param token undefined where it is none of the store. */
export function principalOf(
  { name, roles, types, names }: Pick<AccessToken, "name" | "roles" | "types" | "names">,
  token?: AccessToken,
): Principal {
  const rights = new Set<Right>(roles.flatMap((role) => ROLES[role]));
  const isNamed = (right: Right, target: Target) =>
    names === null || (target.name === undefined ? right === "see" : names.some((pattern) => fitsPattern(target.name as string, pattern)));
  return {
    name,
    token: token ?? null,
    types,
    scoped: types !== null || names !== null,
    may: (right, target) =>
      rights.has(right) && (target === undefined || ((types === null || types.includes(target.type)) && isNamed(right, target))),
  };
}

/** Who has the token of the environment; its name can be no other token's. */
const ENVIRONMENT = principalOf({ name: "(environment)", roles: ["admin"], types: null, names: null });

/** Shortest token that is taken from the environment: 128 bits in hexadecimal digits. */
const SHORTEST = 32;

/**
 * Takes a token from an environment variable, and the variable from the environment, so that no process started from here inherits it.
 * @param variable its name, which messages say; its value they never do.
 * @throws AshlarError `ERR_NO_KEY` when it is not set; `ERR_WRONG_KEY` when it is damaged, or could be guessed.
 */
export function tokenFromVariable(variable: string, environment: NodeJS.ProcessEnv = process.env): Secret<string> {
  const text = environment[variable]?.trim() ?? "";
  delete environment[variable];
  if (text === "")
    throw new AshlarError("ERR_NO_KEY", `The environment variable ${variable}, which is to hold an access token, is not set.`);
  if (tokenForm(text) === "damaged")
    throw new AshlarError("ERR_WRONG_KEY", `The access token in ${variable} is damaged: a character is missing or wrong.`);
  if (text.length < SHORTEST || !/^[\w.~+/=-]+$/.test(text) || new Set(text).size < 8)
    throw new AshlarError(
      "ERR_WRONG_KEY",
      `The access token in ${variable} could be guessed, or not be sent: it takes at least ${SHORTEST} random letters and digits, such as openssl rand -hex 32 prints.`,
    );
  return new Secret(text, "an access token");
}

/** In so many milliseconds… */
const WINDOW_MS = 60_000;
/** …so many refusals of one address are answered without a word on waiting. */
const FREE = 10;
/** How many addresses are remembered; the oldest is forgotten first. */
const ADDRESSES = 10_000;

/** How often each address was refused of late. */
class Failures {
  readonly #counts = new Map<string, { count: number; readonly until: number }>();

  add(address: string): void {
    const place = networkOf(address);
    const known = this.#counts.get(place);
    if (known && Date.now() < known.until) known.count++;
    else {
      this.#counts.delete(place);
      this.#counts.set(place, { count: 1, until: Date.now() + WINDOW_MS });
    }
    if (this.#counts.size > ADDRESSES) this.#counts.delete(this.#counts.keys().next().value as string);
  }

  retryAfter(address: string): number | undefined {
    const known = this.#counts.get(networkOf(address));
    const left = known && known.count > FREE ? known.until - Date.now() : 0;
    return left > 0 ? Math.ceil(left / 1000) : undefined;
  }
}

/** An IPv4 address, or the half of an IPv6 address that is given to one household. */
function networkOf(address: string): string {
  const four = /(?:^|:)(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (four !== undefined) return four;
  const [left = "", right] = address.split("::");
  const groups = (part: string | undefined) => (part === undefined || part === "" ? [] : part.split(":"));
  const zeros = right === undefined ? 0 : 8 - groups(left).length - groups(right).length;
  return [...groups(left), ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...groups(right)].slice(0, 4).join(":");
}

/**
 * Access tokens: their text, and what the holder of one may do. Touches node:crypto and errors.ts; knows no store and no server.
 *
 * A token's text is `ashlartoken1_`, 32 random bytes in base64url, `_`, and six hexadecimal digits that find typing errors; secret scanners know it
 * by its beginning. A store keeps two digests of it: one under which the record lies, and one inside of its seal, which is compared.
 * @module
 */
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { AshlarError, type Issue, invalid, nearest } from "./errors.ts";
import { isSlug } from "./slug.ts";

/** What a caller may do: `see` documents masked, `reveal` their secrets, `write`, or `admin`: look after tokens. */
export type Right = "see" | "reveal" | "write" | "admin";

/** Every role and its rights; who has several roles has the rights of all. */
export const ROLES = {
  viewer: ["see"],
  user: ["see", "reveal"],
  editor: ["see", "write"],
  admin: ["see", "reveal", "write", "admin"],
} as const satisfies Readonly<Record<string, readonly Right[]>>;

/** A role; one of {@link ROLES}. */
export type Role = keyof typeof ROLES;

/** What a token is made of. */
export interface TokenGrant {
  /** For people: unique among the tokens that are in force; lower-case letters, digits and dashes. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Slugs of the block types that it is good for; null: all. */
  readonly types: readonly string[] | null;
  /** Patterns of document names that it is good for, in which `*` stands for any text; null: all. */
  readonly names: readonly string[] | null;
  /** ISO time, UTC, from which on it is refused; null: never. */
  readonly expires: string | null;
}

/** A token as a store knows it. */
export interface AccessToken extends TokenGrant {
  /** Identity, a UUID. */
  readonly id: string;
  /** ISO time, UTC. */
  readonly created: string;
  /** ISO time, UTC, of its revocation; null: it is not revoked. */
  readonly revoked: string | null;
}

const PREFIX = "ashlartoken1_";
const TOKEN_TEXT = /^ashlartoken1_([A-Za-z0-9_-]{43})_([0-9a-f]{6})$/;
/** Longest pattern or list of them: what is compared at each request stays small. */
const MOST = 100;

/** In hexadecimal digits. */
function digest(label: string, text: string): string {
  return hash("sha256", `ashlar token ${label}\0${text}`);
}

/** The text of a new token. It is as secret as what it opens. */
export function newTokenText(): string {
  const random = randomBytes(32).toString("base64url");
  return `${PREFIX}${random}_${checkDigits(random)}`;
}

function checkDigits(random: string): string {
  return digest("check", random).slice(0, 6);
}

/** Whether a text is a token's, as far as can be seen without a store: `damaged` where a character is missing or wrong. */
export function tokenForm(text: string): "whole" | "damaged" | "other" {
  if (!text.startsWith(PREFIX)) return "other";
  const [, random, check] = TOKEN_TEXT.exec(text) ?? [];
  return random !== undefined && checkDigits(random) === check ? "whole" : "damaged";
}

/** Whether a text looks like a token's; its last digits are not looked at, since the store finds out as well. */
export function isTokenText(text: string): boolean {
  return TOKEN_TEXT.test(text);
}

/** Under what a token's record lies: 32 hexadecimal digits that tell nothing of the token. */
export function tokenPlace(text: string): string {
  return digest("place", text).slice(0, 32);
}

/** What stands inside of the seal for the token: its hash, in hexadecimal digits. */
export function tokenHash(text: string): string {
  return digest("hash", text);
}

/** Whether a token's text is the one of a hash; takes the same time wherever they differ. */
export function isTokenOf(tokensHash: string, text: string): boolean {
  const given = Buffer.from(tokenHash(text));
  const expected = Buffer.from(tokensHash);
  return timingSafeEqual(given, expected.length === given.length ? expected : Buffer.alloc(given.length));
}

/** Whether a token is good at a time. */
export function isInForce({ expires, revoked }: Pick<AccessToken, "expires" | "revoked">, now = Date.now()): boolean {
  return revoked === null && (expires === null || now < Date.parse(expires));
}

/** Whether a name fits a pattern in which `*` stands for any text; in time that grows with both lengths and no faster. */
export function fitsPattern(name: string, pattern: string): boolean {
  let [at, star, mark] = [0, -1, 0];
  for (let index = 0; index < name.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      mark = index;
    } else if (pattern[at] === name[index]) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++mark;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** Refuses what cannot be a token, all that is wrong with it at once. @throws AshlarError `ERR_INVALID` */
export function checkGrant({ name, roles, types, names, expires }: TokenGrant): void {
  const issues: Issue[] = [];
  const wrong = (path: string, message: string) => issues.push({ path, message });
  if (!/^[a-z0-9-]{1,100}$/.test(name)) wrong("name", "consists of lower-case letters, digits and dashes, at most 100");
  if (roles.length === 0) wrong("roles", `needs at least one of ${Object.keys(ROLES).join(", ")}`);
  for (const role of roles) if (!Object.hasOwn(ROLES, role)) wrong("roles", unknownRole(role));
  for (const [path, list, fits, rule] of [
    ["types", types, isSlug, "is a list of block types' slugs"],
    ["names", names, isPattern, "is a list of document names, in which * stands for any text, such as x-*"],
  ] as const) {
    if (list && (list.length === 0 || list.length > MOST)) wrong(path, `has between 1 and ${MOST} entries`);
    if (list?.some((each) => typeof each !== "string" || each.length > MOST || !fits(each))) wrong(path, rule);
    if (list && roles.includes("admin")) wrong(path, "does not go with the role admin, which could make a token without it");
  }
  if (expires !== null && !isTime(expires)) wrong("expires", "is a time such as 2027-01-31T00:00:00.000Z");
  if (issues.length > 0) throw invalid("The token cannot be made", issues);
}

function isPattern(text: string): boolean {
  return /^[a-z0-9*-]+$/.test(text);
}

function isTime(text: string): boolean {
  return !Number.isNaN(Date.parse(text)) && new Date(text).toISOString() === text;
}

/** Says which roles there are. */
function unknownRole(role: unknown): string {
  const near = typeof role === "string" ? nearest(role, Object.keys(ROLES)) : undefined;
  return `is any of ${Object.keys(ROLES).join(", ")}${near === undefined ? "" : `; did you mean ${near}?`}`;
}

/** The error for a name that no token has, with the nearest one. */
export function unknownToken(name: string, known: readonly string[]): AshlarError {
  const near = nearest(name, known);
  const hint = near === undefined ? '"ashlar token ls" lists them.' : `Did you mean "${near}"?`;
  return new AshlarError("ERR_NOT_FOUND", `There is no access token ${JSON.stringify(name.slice(0, 100))}. ${hint}`);
}

/**
 * `ashlar token …`: who may come in where `ashlar serve` stands before the store. Touches the store's access tokens.
 *
 * JSON: `{"token":{"id","name","roles","types","names","created","expires","revoked"},"text"}`, where null stands for "all" and for "never";
 * `{"tokens":[{…the same, "state"}]}`, where `state` is `in force`, `expired` or `revoked`; `{"token"}`. A token's text is in the first one only.
 * @module
 */
import { type AccessToken, isInForce, type Role, type TokenGrant } from "../access-token.ts";
import { AshlarError } from "../errors.ts";
import type { AccessTokens } from "../stores/access-tokens.ts";
import { usageError } from "./failure.ts";
import { checkType } from "./lookup.ts";
import { plain, print, table } from "./output.ts";
import type { Session } from "./session.ts";

/** Options of `token create`, lists separated by commas. */
interface CreateOptions {
  readonly role?: readonly string[];
  readonly types?: readonly string[];
  readonly names?: readonly string[];
  readonly expires?: string;
}

/** Makes a token and shows its text, this once. */
export async function createToken(session: Session, [name = ""]: readonly string[], options: CreateOptions): Promise<void> {
  const [roles, types, names] = [listed(options.role), listed(options.types), listed(options.names)];
  if (!roles) throw usageError("Say what the token may do: --role viewer, user, editor or admin, or several of them separated by commas.");
  const grant: TokenGrant = { name, roles: roles as Role[], types, names, expires: options.expires ? timeOf(options.expires) : null };
  const tokens = await accessTokens(session);
  for (const type of types ?? []) await checkType(await session.store(), type);
  const { token, text } = await tokens.create(grant);
  if (!session.json)
    process.stderr.write(
      `The token ${plain(name)} is shown only now: whoever has it may ${mayDo(token)}. Revoke it by ashlar token revoke ${plain(name)}.\n`,
    );
  print(session, { token, text: text.reveal() }, () => [text.reveal()]);
}

/** Lists the tokens, also those that are not in force any more. */
export async function listTokens(session: Session): Promise<void> {
  const tokens = (await (await accessTokens(session)).list()).map((token) => ({ ...token, state: stateOf(token) }));
  print(session, { tokens }, () =>
    tokens.length === 0
      ? ['There are no access tokens. "ashlar token create NAME --role viewer" makes one.']
      : table(
          ["NAME", "ROLES", "TYPES", "NAMES", "CREATED", "EXPIRES", "STATE"],
          tokens.map(({ name, roles, types, names, created, expires, state }) => [
            ...[name, roles.join(","), types?.join(",") ?? "all", names?.join(",") ?? "all", day(created)],
            ...[expires === null ? "never" : day(expires), state],
          ]),
        ),
  );
}

/** Ends a token: from the next request on it is refused by every server. */
export async function revokeToken(session: Session, [name = ""]: readonly string[]): Promise<void> {
  const token = await (await accessTokens(session)).revoke(name);
  print(session, { token }, () => [`The token ${plain(name)} is revoked.`]);
}

async function accessTokens(session: Session): Promise<AccessTokens> {
  const store = await session.store();
  if (store.accessTokens) return store.accessTokens;
  throw new AshlarError("ERR_UNSUPPORTED", `${store.url} has no access tokens of Ashlar: who may use it is settled there.`, {
    store: store.url,
  });
}

/** What stands in a list separated by commas, or given several times; null when it is not given. */
function listed(given: readonly string[] | undefined): string[] | null {
  return given ? [...new Set(given.flatMap((each) => each.split(",")).map((each) => each.trim()))] : null;
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 };

/** The time that a duration from now, or a date, stands for. */
function timeOf(text: string): string {
  const [, amount = "", unit = ""] = /^(\d{1,6})([mhdwy])$/.exec(text) ?? [];
  const milliseconds = UNITS[unit];
  const time = milliseconds === undefined ? dateOf(text) : Date.now() + Number(amount) * milliseconds;
  if (time === undefined)
    throw new AshlarError(
      "ERR_INVALID",
      `--expires takes a duration such as 30m, 12h, 90d, 2w or 1y, or a date such as 2027-01-31: ${JSON.stringify(text.slice(0, 50))} is neither.`,
    );
  if (time <= Date.now()) throw new AshlarError("ERR_INVALID", "--expires lies in the past: the token would never be good.");
  return new Date(time).toISOString();
}

function dateOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) || !new Date(time).toISOString().startsWith(text.slice(0, 10)) ? undefined : time; // no 31st of February
}

function stateOf(token: AccessToken): "in force" | "expired" | "revoked" {
  return token.revoked !== null ? "revoked" : isInForce(token) ? "in force" : "expired";
}

function mayDo({ roles, types, names, expires }: AccessToken): string {
  const what: Readonly<Record<Role, string>> = {
    viewer: "see documents without their secrets",
    user: "load documents with their secrets",
    editor: "see documents and write them",
    admin: "do everything, and make tokens",
  };
  const scope = [types && `of ${types.join(", ")}`, names && `named ${names.join(", ")}`].filter(Boolean).join(", ");
  const doing = (roles.includes("admin") ? (["admin"] as const) : roles).map((role) => what[role]).join(", ");
  return plain(`${doing}${scope === "" ? "" : `, only those ${scope}`}${expires === null ? "" : `, until ${day(expires)}`}`);
}

/** `2026-11-22 15:42Z`. */
function day(iso: string): string {
  return `${iso.slice(0, 16).replace("T", " ")}Z`;
}

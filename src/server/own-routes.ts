/**
 * Our own API beside Prefect's, everything of the store's contract over HTTP (docs/http-api.md): who asks, access tokens, and the routes of the files
 * beside it. Touches the store's access tokens.
 * @module
 */
import { type Right, ROLES, type Role, type TokenGrant } from "../access-token.ts";
import type { Caller } from "../api/shapes.ts";
import { AshlarError } from "../errors.ts";
import type { AccessTokens } from "../stores/access-tokens.ts";
import type { Context } from "./context.ts";
import { type Call, json, type Reply, type Route } from "./exchange.ts";
import { tokenBody } from "./own-bodies.ts";
import { ownDocumentRoutes } from "./own-documents.ts";
import { ownRoutesOf } from "./own-replies.ts";
import { ownTypeRoutes } from "./own-types.ts";
import { recorded } from "./trail.ts";
import { readBody } from "./validation.ts";

/** All routes of our own API. */
export function ownRoutes(context: Context): Route[] {
  const own = ownRoutesOf(context);
  return [
    own("GET", "/me", "see", me),
    ...ownDocumentRoutes(context),
    ...ownTypeRoutes(context),
    own("GET", "/tokens", "admin", listTokens),
    own("POST", "/tokens", "admin", createToken),
    own("DELETE", "/tokens/{name}", "admin", revokeToken),
  ];
}

async function me(_context: Context, { principal }: Call): Promise<Reply> {
  const rights = (ROLES.admin as readonly Right[]).filter((right) => principal.may(right));
  return json({ name: principal.name, rights, token: principal.token } satisfies Caller);
}

async function listTokens(context: Context): Promise<Reply> {
  return json({ tokens: await tokensOf(context).list() });
}

/** The only answer that holds the text of a token. */
async function createToken(context: Context, call: Call): Promise<Reply> {
  const { roles, ...rest } = await readBody(call, tokenBody);
  const grant: TokenGrant = { ...rest, roles: roles as Role[] };
  const { types, names, expires } = grant;
  const entry = { what: "create token", of: grant.name, grant: { roles, types, names, expires } } as const;
  const { token, text } = await recorded(context, call, entry, async () => {
    const made = await tokensOf(context).create(grant);
    return { ...made, entry: { id: made.token.id } };
  });
  return json({ token, text: text.reveal() }, 201);
}

async function revokeToken(context: Context, call: Call): Promise<Reply> {
  const { name = "" } = call.params;
  const { token } = await recorded(context, call, { what: "revoke token", of: name }, async () => {
    const revoked = await tokensOf(context).revoke(name);
    return { token: revoked, entry: { id: revoked.id } };
  });
  return json({ token });
}

/** @throws AshlarError `ERR_UNSUPPORTED` */
function tokensOf({ store }: Context): AccessTokens {
  if (store.accessTokens) return store.accessTokens;
  throw new AshlarError("ERR_UNSUPPORTED", "The server's store has no access tokens of its own.");
}

/**
 * A double of the endpoint where an App Service of Azure gives its managed identity's tokens, over plain HTTP on the loopback interface: so that Azure's
 * own default credential works where there is no Azure. https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 *
 * Its tokens are JSON web tokens without a signature, of the form that Azurite and our double of Key Vault look at.
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The one issuer that Azurite takes. */
const ISSUER = "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/";

/** A running endpoint. */
export interface ManagedIdentity {
  /** What a process needs in its environment to use it. */
  readonly environment: { readonly IDENTITY_ENDPOINT: string; readonly IDENTITY_HEADER: string };
  /** What tokens were asked for. */
  readonly resources: readonly string[];
  stop(): Promise<void>;
}

/** Starts one. */
export async function startManagedIdentity(): Promise<ManagedIdentity> {
  const resources: string[] = [];
  const server = createServer((request, response) => {
    const resource = new URL(request.url ?? "", "http://localhost").searchParams.get("resource") ?? "";
    if (request.headers["x-identity-header"] !== HEADER) return void response.writeHead(401).end();
    resources.push(resource);
    const expires = Math.floor(Date.now() / 1000) + 3600;
    const answer = { access_token: tokenFor(resource, expires), expires_on: String(expires), resource, token_type: "Bearer" };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    environment: { IDENTITY_ENDPOINT: `http://127.0.0.1:${port}/msi/token`, IDENTITY_HEADER: HEADER },
    resources,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}

const HEADER = "double";

function tokenFor(resource: string, exp: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none", typ: "JWT" })}.${part({ aud: resource, iss: ISSUER, nbf: exp - 3660, iat: exp - 3660, exp })}.none`;
}

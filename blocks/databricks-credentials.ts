/**
 * Credentials of a Databricks workspace, as in prefect-databricks. Imports public names only.
 * @module
 */
import { Block, secret } from "ashlar";
import { z } from "zod";

/** Credentials of a Databricks workspace: either a personal access token, or a service principal's `clientId` and `clientSecret`. */
export class DatabricksCredentials extends Block.define({
  name: "Databricks Credentials",
  title: "DatabricksCredentials",
  description: `Block used to manage Databricks authentication.

Supports two authentication methods:
1. Personal Access Token (PAT): Provide a \`token\` field.
2. Service Principal (OAuth 2.0): Provide \`client_id\`, \`client_secret\`,
   and optionally \`tenant_id\` for Azure Databricks.`,
  logoUrl:
    "https://images.ctfassets.net/gm98wzqotmnx/5GTHI1PH2dTiantfps6Fnc/1c750fab7f4c14ea1b93a62b9fea6a94/databricks_logo_icon_170295.png?h=250",
  codeExample: `\`\`\`typescript
import { DatabricksCredentials } from "ashlar/blocks/databricks-credentials";

const credentials = await DatabricksCredentials.load("BLOCK_NAME");

// Headers for the workspace's REST API, with a personal access token
const headers = new Headers({ authorization: \`Bearer \${credentials.token?.reveal()}\` });
\`\`\``,
  fields: {
    databricksInstance: z.string().describe("Databricks instance used in formatting the endpoint URL."),
    token: secret().optional().describe("The token to authenticate with Databricks (for PAT authentication)."),
    clientId: z.string().optional().meta({
      title: "Client ID",
      description: "The service principal client ID for OAuth authentication. If provided, `client_secret` must also be provided.",
    }),
    clientSecret: secret()
      .optional()
      .describe("The service principal client secret for OAuth authentication. If provided, `client_id` must also be provided."),
    tenantId: z.string().optional().meta({
      title: "Tenant ID",
      description: "The tenant ID for Azure Databricks. Optional, only needed for Azure Databricks service principal authentication.",
    }),
    clientKwargs: z.record(z.string(), z.unknown()).optional().describe("Additional keyword arguments to pass to AsyncClient."),
  },
  check({ token, clientId, clientSecret }, refuse) {
    // An empty text counts as not given, as in Python: forms send it for what was left out.
    const [hasToken, hasId, hasSecret] = [Boolean(token?.reveal()), Boolean(clientId), Boolean(clientSecret?.reveal())];
    if (hasToken && (hasId || hasSecret)) {
      refuse("has two ways to authenticate, token and service principal; give token alone, or clientId and clientSecret", "token");
    } else if (hasId !== hasSecret) {
      refuse("is missing; a service principal needs both clientId and clientSecret", hasId ? "clientSecret" : "clientId");
    } else if (!hasToken && !hasId) {
      refuse("there is no way to authenticate; give token (a personal access token), or clientId and clientSecret (a service principal)");
    }
  },
}) {}

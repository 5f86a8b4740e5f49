/**
 * Credentials of an Azure Cosmos DB account, as in prefect-azure. Imports public names only; the Azure SDK when a client is made.
 * @module
 */
import type { CosmosClient, CosmosClientOptions } from "@azure/cosmos";
import { AshlarError, Block, secret } from "ashlar";
import { optionalPackage } from "ashlar/blocks/optional-package";

/** The connection string of an Azure Cosmos DB account: `AccountEndpoint=…;AccountKey=…`. */
export class AzureCosmosDbCredentials extends Block.define({
  name: "Azure Cosmos DB Credentials",
  title: "AzureCosmosDbCredentials",
  description: `Block used to manage Cosmos DB authentication with Azure.
Azure authentication is handled via the \`azure\` module through
a connection string.`,
  logoUrl: "https://cdn.sanity.io/images/3ugk85nk/production/54e3fa7e00197a4fbd1d82ed62494cb58d08c96a-250x250.png",
  documentationUrl: "https://docs.prefect.io/integrations/prefect-azure",
  codeExample: `\`\`\`typescript
import { AzureCosmosDbCredentials } from "ashlar/blocks/azure-cosmos-db-credentials";

const credentials = await AzureCosmosDbCredentials.load("BLOCK_NAME");

// A client of @azure/cosmos (npm install @azure/cosmos)
const client = await credentials.client();
const { resource } = await client.database("traffic").container("hourly").item("2024-01-01", "BNT").read();
client.dispose();
\`\`\``,
  fields: { connectionString: secret().describe("Includes the authorization information required.") },
}) {
  /**
   * A client of the account; nothing is sent until it is used. It holds the account's key: do not log it. `dispose()` ends what it does in the
   * background.
   *
   * @param options retries, timeouts and the like, as `@azure/cosmos` has them.
   * @throws AshlarError `ERR_INVALID` when the connection string names no account or no key, `ERR_MISSING_PACKAGE`
   */
  async client(options: Omit<CosmosClientOptions, "connectionString" | "endpoint" | "key"> = {}): Promise<CosmosClient> {
    const { endpoint, key } = accountIn(this.connectionString.reveal());
    const { CosmosClient } = await optionalPackage("@azure/cosmos", "Azure Cosmos DB", () => import("@azure/cosmos"));
    return new CosmosClient({ ...options, endpoint, key });
  }
}

/** Where the account is, and its key. The SDK would take a string without them, and quote parts of it. */
function accountIn(text: string): { endpoint: string; key: string } {
  const parts = new Map<string, string>();
  for (const part of text.split(";").map((item) => item.trim())) {
    const at = part.indexOf("=");
    if (at > 0) parts.set(part.slice(0, at).toLowerCase(), part.slice(at + 1).trim());
  }
  const [endpoint, key] = [parts.get("accountendpoint") ?? "", parts.get("accountkey") ?? ""];
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`)
    throw refused("has no AccountEndpoint such as https://mtademo.documents.azure.com:443/");
  if (!/^[a-z0-9+/]+={0,2}$/i.test(key) || key.length % 4 !== 0) throw refused("has no AccountKey, or one that is cut");
  return { endpoint, key };
}

function refused(reason: string): AshlarError {
  return new AshlarError("ERR_INVALID", `connectionString ${reason}. Copy it again from what the portal calls Keys.`, {
    path: "connectionString",
  });
}

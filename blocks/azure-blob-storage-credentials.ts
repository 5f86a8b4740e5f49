/**
 * Credentials of a storage account, as in prefect-azure. Imports public names only.
 * @module
 */
import { Block, secret } from "ashlar";
import {
  type AzureStorageAccount,
  type AzureStorageCredentials,
  accessByServicePrincipal,
  accountOfConnectionString,
  accountOfUrl,
  textOf,
} from "ashlar/blocks/azure-storage-account";
import { z } from "zod";

/** Credentials of a storage account: a connection string; or the account's URL, with a service principal or with DefaultAzureCredential. */
export class AzureBlobStorageCredentials
  extends Block.define({
    name: "Azure Blob Storage Credentials",
    title: "AzureBlobStorageCredentials",
    description: `Stores credentials for authenticating with Azure Blob Storage.

Authentication can be done using one of the following methods:
1. Connection string: Provide a connection string for your Azure storage account.
2. Account URL with DefaultAzureCredential: Provide an account URL and credentials
   will be discovered automatically using DefaultAzureCredential.
3. Account URL with Service Principal: Provide an account URL along with client_id,
   tenant_id, and client_secret for service principal authentication.`,
    logoUrl: "https://cdn.sanity.io/images/3ugk85nk/production/54e3fa7e00197a4fbd1d82ed62494cb58d08c96a-250x250.png",
    documentationUrl: "https://docs.prefect.io/integrations/prefect-azure",
    codeExample: `\`\`\`typescript
import { AzureBlobStorageCredentials } from "ashlar/blocks/azure-blob-storage-credentials";
import { AzureContainer } from "ashlar/blocks/azure-container";

// A container whose credentials are of this type
class MyContainer extends AzureContainer.extend({
  title: "AzureContainer",
  fields: { credentials: AzureBlobStorageCredentials },
}) {}

const credentials = await AzureBlobStorageCredentials.load("BLOCK_NAME");
const container = new MyContainer({ container: "my-container", credentials });
const url = container.url({ path: "stage/data.json" });
\`\`\``,
    fields: {
      connectionString: secret()
        .optional()
        .describe(
          "The connection string to your Azure storage account. If provided, the connection string will take precedence over the account URL.",
        ),
      accountUrl: z.string().optional().meta({
        title: "Account URL",
        description: "The URL for your Azure storage account. Required for DefaultAzureCredential or service principal authentication.",
      }),
      clientId: z.string().optional().meta({
        title: "Client ID",
        description:
          "The service principal client ID. If provided, tenant_id and client_secret must also be provided for service principal authentication.",
      }),
      tenantId: z.string().optional().meta({
        title: "Tenant ID",
        description:
          "The service principal tenant ID. If provided, client_id and client_secret must also be provided for service principal authentication.",
      }),
      clientSecret: secret()
        .optional()
        .describe(
          "The service principal client secret. If provided, client_id and tenant_id must also be provided for service principal authentication.",
        ),
    },
    check(values, refuse) {
      const [byString, byUrl] = [textOf(values.connectionString) !== undefined, textOf(values.accountUrl) !== undefined];
      if (!byString && !byUrl) refuse("there is no account; give connectionString or accountUrl");
      if (byString && byUrl) refuse("names the account a second time; give connectionString or accountUrl, not both", "accountUrl");
      const principal = ["tenantId", "clientId", "clientSecret"] as const;
      const given = principal.filter((field) => textOf(values[field]) !== undefined);
      if (given.length > 0) {
        if (byString) refuse("has its own way in; a service principal belongs to accountUrl", "connectionString");
        for (const field of principal)
          if (!given.includes(field)) refuse("is missing; a service principal needs tenantId, clientId and clientSecret", field);
      }
      // This field is shown to everyone who may see the block.
      if (/[?@]/.test(values.accountUrl ?? ""))
        refuse("must be the account's plain URL; a shared access signature belongs into connectionString, which is secret", "accountUrl");
    },
  })
  implements AzureStorageCredentials
{
  /**
   * The account, and the way in that the fields give: connection string (with account key, shared access signature or emulator in it); tenant ID,
   * client ID and client secret; else DefaultAzureCredential.
   * @throws AshlarError `ERR_INVALID`
   */
  storageAccount(): AzureStorageAccount {
    if (this.connectionString && textOf(this.connectionString) !== undefined)
      return accountOfConnectionString(this.connectionString, "connectionString");
    const { tenantId, clientId, clientSecret } = this;
    const access = accessByServicePrincipal({ tenantId, clientId, clientSecret }) ?? ({ kind: "default" } as const);
    return accountOfUrl(this.accountUrl ?? "", "accountUrl", access);
  }
}

/**
 * Prefect's older `Azure` file system block, here as credentials of a storage account. Imports public names only.
 * @module
 */
import { AshlarError, Block, secret } from "ashlar";
import {
  type AzureStorageAccount,
  type AzureStorageCredentials,
  accessByKey,
  accessByServicePrincipal,
  accountOfConnectionString,
  accountOfName,
  textOf,
} from "ashlar/blocks/azure-storage-account";
import { z } from "zod";

/** An optional secret with its title and what it is equivalent to. */
function setting(title: string, variable: string) {
  return secret()
    .optional()
    .meta({ title, description: `Equivalent to the ${variable} environment variable.` });
}

/**
 * A storage account, as Prefect's deprecated `Azure` file system stores it; new ones are better kept in `AzureBlobStorageCredentials`. All but
 * the path and `azureStorageAnon` is secret, the account's name too.
 */
export class Azure
  extends Block.define({
    name: "Azure",
    title: "Azure",
    description: "Store data as a file on Azure Datalake and Azure Blob Storage.",
    logoUrl: "https://cdn.sanity.io/images/3ugk85nk/production/54e3fa7e00197a4fbd1d82ed62494cb58d08c96a-250x250.png",
    documentationUrl: "https://docs.prefect.io/concepts/filesystems/#azure",
    codeExample: `\`\`\`typescript
import { Azure } from "ashlar/blocks/azure";
import { AzureContainer } from "ashlar/blocks/azure-container";

const credentials = await Azure.load("BLOCK_NAME");

const container = new AzureContainer({ container: "my-container", credentials });
const url = container.url({ path: "stage/data.json" });
\`\`\``,
    capabilities: ["get-directory", "put-directory", "read-path", "write-path"],
    fields: {
      bucketPath: z.string().meta({ description: "An Azure storage bucket path.", examples: ["my-bucket/a-directory-within"] }),
      azureStorageConnectionString: setting("Azure storage connection string", "AZURE_STORAGE_CONNECTION_STRING"),
      azureStorageAccountName: setting("Azure storage account name", "AZURE_STORAGE_ACCOUNT_NAME"),
      azureStorageAccountKey: setting("Azure storage account key", "AZURE_STORAGE_ACCOUNT_KEY"),
      azureStorageTenantId: setting("Azure storage tenant ID", "AZURE_TENANT_ID"),
      azureStorageClientId: setting("Azure storage client ID", "AZURE_CLIENT_ID"),
      azureStorageClientSecret: setting("Azure storage client secret", "AZURE_CLIENT_SECRET"),
      azureStorageAnon: z.boolean().default(true).meta({
        title: "Azure storage anonymous connection",
        description: "Set the 'anon' flag for ADLFS. This should be False for systems that require ADLFS to use DefaultAzureCredentials.",
      }),
      azureStorageContainer: secret().optional().meta({
        title: "Azure storage container",
        description:
          "Blob Container in Azure Storage Account. If set the 'bucket_path' will be interpreted using the following URL format:'az://<container>@<storage_account>.dfs.core.windows.net/<bucket_path>'.",
      }),
    },
  })
  implements AzureStorageCredentials
{
  /**
   * The account, and the first way in that the fields give, in the order in which Python's adlfs looks for them: connection string (with
   * account key, shared access signature or emulator in it); account key; tenant ID, client ID and client secret. With none of these,
   * `azureStorageAnon` decides, and its default is `true`: anonymous access, to public containers only; `false` is DefaultAzureCredential.
   * @throws AshlarError `ERR_INVALID`
   */
  storageAccount(): AzureStorageAccount {
    if (this.azureStorageConnectionString && textOf(this.azureStorageConnectionString) !== undefined)
      return accountOfConnectionString(this.azureStorageConnectionString, "azureStorageConnectionString");
    const name = textOf(this.azureStorageAccountName);
    if (name === undefined)
      throw new AshlarError("ERR_INVALID", "There is no account: give azureStorageConnectionString, or azureStorageAccountName.", {
        path: "azureStorageAccountName",
      });
    const { azureStorageAccountKey: key } = this;
    const access =
      key && textOf(key) !== undefined
        ? accessByKey(key, "azureStorageAccountKey")
        : (accessByServicePrincipal({
            azureStorageTenantId: this.azureStorageTenantId,
            azureStorageClientId: this.azureStorageClientId,
            azureStorageClientSecret: this.azureStorageClientSecret,
          }) ?? ({ kind: this.azureStorageAnon ? "anonymous" : "default" } as const));
    return accountOfName(name, "azureStorageAccountName", access);
  }
}

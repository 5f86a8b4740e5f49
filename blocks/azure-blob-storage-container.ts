/**
 * A container of Azure Blob Storage, as in prefect-azure. Imports public names only; the Azure SDK when a client is made.
 * @module
 */
import type { BlockBlobClient, ContainerClient, StoragePipelineOptions } from "@azure/storage-blob";
import { Block, type BlockSchema, block } from "ashlar";
import { AzureBlobStorageCredentials } from "ashlar/blocks/azure-blob-storage-credentials";
import { type AzureProtocol, containerUrl, openBlob, openContainer, ownProtocol } from "ashlar/blocks/azure-storage-account";
import { objectPath } from "ashlar/blocks/object-path";
import { z } from "zod";

/** What {@link AzureBlobStorageContainer.url} takes. */
export interface AzureBlobUrlOptions {
  /** Path inside the base folder, such as `data.json`; slashes at its start do not count. Default: the base folder itself. */
  readonly path?: string | undefined;
  /** Default: `https`, or what the credentials name. `abfss` and `wasbs` are for Spark and Hadoop. */
  readonly protocol?: AzureProtocol | undefined;
}

/** A container of Azure Blob Storage, the credentials to get in, and the folder in which its paths begin. */
export class AzureBlobStorageContainer extends Block.define({
  name: "Azure Blob Storage Container",
  title: "AzureBlobStorageContainer",
  description: `Represents a container in Azure Blob Storage.

This class provides methods for downloading and uploading files and folders
to and from the Azure Blob Storage container.`,
  logoUrl: "https://cdn.sanity.io/images/3ugk85nk/production/54e3fa7e00197a4fbd1d82ed62494cb58d08c96a-250x250.png",
  documentationUrl: "https://docs.prefect.io/integrations/prefect-azure",
  codeExample: `\`\`\`typescript
import { AzureBlobStorageContainer } from "ashlar/blocks/azure-blob-storage-container";

const container = await AzureBlobStorageContainer.load("BLOCK_NAME");

const url = container.url({ path: "data.json" });

// A client of @azure/storage-blob (npm install @azure/storage-blob)
const blob = await container.blobClient("data.json");
await blob.uploadData(Buffer.from("[]"));
\`\`\``,
  capabilities: ["get-directory", "put-directory", "read-path", "write-path"],
  fields: {
    containerName: z.string().describe("The name of a Azure Blob Storage container."),
    // Python's schema says that they may be left out, and its class refuses that: here the type does, too.
    credentials: block(AzureBlobStorageCredentials)
      .prefault({})
      .describe("The credentials to use for authentication with Azure.") as unknown as BlockSchema<typeof AzureBlobStorageCredentials>,
    baseFolder: z.string().optional().describe("A base path to a folder within the container to use for reading and writing objects."),
  },
}) {
  /**
   * The URL of a path in the base folder, or of the folder itself, percent-encoded:
   * `https://ACCOUNT.blob.core.windows.net/CONTAINER/BASE_FOLDER/PATH`, or at the endpoint that the credentials name; `abfss` and `wasbs` as
   * `AzureContainer` has them. It holds no secret.
   * @throws AshlarError `ERR_INVALID` for `.` and `..` in the path, and when the credentials do not say where the account is.
   */
  url({ path = "", protocol }: AzureBlobUrlOptions = {}): string {
    const account = this.credentials.storageAccount();
    const inside = objectPath(path, this.baseFolder);
    return containerUrl(account, this.containerName, protocol ?? ownProtocol(account), inside === "" ? undefined : inside);
  }

  /**
   * A client of the whole container, the base folder does not count; nothing is sent until it is used. The client and its `url` hold what lets it
   * in: do not log them.
   *
   * @param options retries, proxy and the like, as `@azure/storage-blob` has them.
   * @throws AshlarError `ERR_INVALID`, `ERR_MISSING_PACKAGE`
   */
  async client(options?: StoragePipelineOptions): Promise<ContainerClient> {
    return openContainer(this.credentials.storageAccount(), this.containerName, options);
  }

  /**
   * A client of one blob in the base folder, to upload, download and delete it.
   *
   * @param path of the blob in the base folder, as {@link AzureBlobStorageContainer.url} takes it; not encoded.
   * @param options see {@link AzureBlobStorageContainer.client}.
   * @throws AshlarError `ERR_INVALID`, `ERR_MISSING_PACKAGE`
   */
  async blobClient(path: string, options?: StoragePipelineOptions): Promise<BlockBlobClient> {
    const name = objectPath(path) === "" ? "" : objectPath(path, this.baseFolder);
    return openBlob(this.credentials.storageAccount(), this.containerName, name, options);
  }
}

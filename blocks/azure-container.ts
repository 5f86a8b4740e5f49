/**
 * A container of Azure Blob Storage: its URLs and its clients. Imports public names only; the Azure SDK when a client is made.
 * @module
 */
import type { BlockBlobClient, ContainerClient, StoragePipelineOptions } from "@azure/storage-blob";
import { Block } from "ashlar";
import { Azure } from "ashlar/blocks/azure";
import {
  type AzureProtocol,
  type AzureStorageAccount,
  type AzureStorageCredentials,
  containerUrl,
  openBlob,
  openContainer,
} from "ashlar/blocks/azure-storage-account";
import { objectPath } from "ashlar/blocks/object-path";
import { z } from "zod";

/** What {@link AzureContainer.url} takes. */
export interface AzureUrlOptions {
  /** Path inside the container, such as `stage/data.json`; slashes at its start do not count. Default: the container itself. */
  readonly path?: string | undefined;
  /** `abfss` (default) and `wasbs` are for Spark and Hadoop, `https` and `http` for everything else. */
  readonly protocol?: AzureProtocol | undefined;
}

/**
 * A container of Azure Blob Storage and the credentials to get in. For credentials of another type, make a variant:
 * `class X extends AzureContainer.extend({ title: "AzureContainer", fields: { credentials: AzureBlobStorageCredentials } }) {}`; any block class
 * with a method `storageAccount` will do.
 */
export class AzureContainer extends Block.define({
  name: "AzureContainer",
  title: "AzureContainer",
  codeExample: `\`\`\`typescript
import { AzureContainer } from "ashlar/blocks/azure-container";

const container = await AzureContainer.load("BLOCK_NAME");

// For Spark and Hadoop: abfss://…
const source = container.url({ path: "stage/data.json" });

// A client of @azure/storage-blob (npm install @azure/storage-blob)
const blob = await container.blobClient("stage/data.json");
await blob.uploadData(Buffer.from("[]"));
\`\`\``,
  fields: { container: z.string(), credentials: Azure },
}) {
  /**
   * The URL of the container, or of a path in it, percent-encoded, without a slash at the end unless the path has one:
   * - `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH`, `wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH`
   * - `https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH`, or the endpoint that the credentials name (another cloud, the emulator).
   *
   * It holds no secret but the account's name. Hadoop reads `abfss` and `wasbs` paths without decoding them: for Spark, keep to paths that need
   * no encoding.
   * @throws AshlarError `ERR_INVALID` for `.` and `..` in the path, and when the credentials do not say where the account is.
   */
  url({ path = "", protocol = "abfss" }: AzureUrlOptions = {}): string {
    return containerUrl(this.storageAccount(), this.container, protocol, path === "" ? undefined : objectPath(path));
  }

  /**
   * A client of the container, by what the credentials hold; nothing is sent until it is used. The client and its `url` hold what lets it in:
   * do not log them.
   *
   * @param options retries, proxy and the like, as `@azure/storage-blob` has them.
   * @throws AshlarError `ERR_INVALID`, `ERR_MISSING_PACKAGE`
   */
  async containerClient(options?: StoragePipelineOptions): Promise<ContainerClient> {
    return openContainer(this.storageAccount(), this.container, options);
  }

  /**
   * A client of one blob, to upload, download and delete it.
   *
   * @param name path of the blob inside the container, as {@link AzureContainer.url} takes it; not encoded.
   * @param options see {@link AzureContainer.containerClient}.
   * @throws AshlarError `ERR_INVALID`, `ERR_MISSING_PACKAGE`
   */
  async blobClient(name: string, options?: StoragePipelineOptions): Promise<BlockBlobClient> {
    return openBlob(this.storageAccount(), this.container, objectPath(name), options);
  }

  /** The account that the container is in. @throws AshlarError `ERR_INVALID` when the credentials do not say enough. */
  storageAccount(): AzureStorageAccount {
    const credentials: Partial<AzureStorageCredentials> = this.credentials;
    if (typeof credentials.storageAccount === "function") return credentials.storageAccount();
    throw new TypeError("The credentials of an AzureContainer are a block with a method storageAccount(), as Azure has it.");
  }
}

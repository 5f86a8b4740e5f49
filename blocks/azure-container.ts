/**
 * A container of Azure Blob Storage: its URLs and its clients. Imports public names only; the Azure SDK when a client is made.
 * @module
 */
import type { BlockBlobClient, ContainerClient, StoragePipelineOptions } from "@azure/storage-blob";
import { AshlarError, Block } from "ashlar";
import { Azure } from "ashlar/blocks/azure";
import { type AzureStorageAccount, type AzureStorageCredentials, hadoopHost, openContainer } from "ashlar/blocks/azure-storage-account";
import { z } from "zod";

/** What {@link AzureContainer.url} takes. */
export interface AzureUrlOptions {
  /** Path inside the container, such as `stage/data.json`; slashes at its start do not count. Default: the container itself. */
  readonly path?: string | undefined;
  /** `abfss` (default) and `wasbs` are for Spark and Hadoop, `https` and `http` for everything else. */
  readonly protocol?: "abfss" | "wasbs" | "https" | "http" | undefined;
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
    const account = this.storageAccount();
    const container = encoded(this.container, "container");
    const inside = insidePath(path)
      .split("/")
      .map((segment) => encoded(segment, "path", true))
      .join("/");
    const tail = path === "" ? "" : `/${inside}`;
    switch (protocol) {
      case "abfss":
      case "wasbs":
        return `${protocol}://${container}@${hadoopHost(account, protocol === "abfss" ? "dfs" : "blob")}${tail}`;
      case "https":
      case "http":
        return `${account.blobEndpoint.replace(/^https?/, protocol)}/${container}${tail}`;
      default:
        throw new TypeError('The protocol of a container\'s URL is "abfss", "wasbs", "https" or "http".');
    }
  }

  /**
   * A client of the container, by what the credentials hold; nothing is sent until it is used. The client and its `url` hold what lets it in:
   * do not log them.
   *
   * @param options retries, proxy and the like, as `@azure/storage-blob` has them.
   * @throws AshlarError `ERR_INVALID`, `ERR_MISSING_PACKAGE`
   */
  async containerClient(options?: StoragePipelineOptions): Promise<ContainerClient> {
    const account = this.storageAccount();
    return openContainer(account, this.url({ protocol: account.blobEndpoint.startsWith("http:") ? "http" : "https" }), options);
  }

  /**
   * A client of one blob, to upload, download and delete it.
   *
   * @param name path of the blob inside the container, as {@link AzureContainer.url} takes it; not encoded.
   * @param options see {@link AzureContainer.containerClient}.
   * @throws AshlarError `ERR_INVALID`, `ERR_MISSING_PACKAGE`
   */
  async blobClient(name: string, options?: StoragePipelineOptions): Promise<BlockBlobClient> {
    const path = insidePath(name);
    if (path === "") throw new AshlarError("ERR_INVALID", "A blob needs a name, its path inside the container.", { path: "name" });
    for (const segment of path.split("/")) encoded(segment, "path", true);
    return (await this.containerClient(options)).getBlockBlobClient(path);
  }

  /** The account that the container is in. @throws AshlarError `ERR_INVALID` when the credentials do not say enough. */
  storageAccount(): AzureStorageAccount {
    const credentials: Partial<AzureStorageCredentials> = this.credentials;
    if (typeof credentials.storageAccount === "function") return credentials.storageAccount();
    throw new TypeError("The credentials of an AzureContainer are a block with a method storageAccount(), as Azure has it.");
  }
}

function insidePath(path: string): string {
  return path.replace(/^\/+/, "");
}

/** Characters that RFC 3986 allows in a path and that names of tables and files use: `date=2024-01-01`, `$web`. */
const PLAIN = /%(?:24|2C|3A|3D|40)/g;

/** One part of a URL, percent-encoded. `.` and `..` are refused: URL parsers resolve them, encoded or not, and so leave the container. */
function encoded(part: string, what: string, mayBeEmpty = false): string {
  if (part === "." || part === "..") throw new AshlarError("ERR_INVALID", `"." and ".." are not possible in the ${what}.`, { path: what });
  if ((part === "" && !mayBeEmpty) || !part.isWellFormed())
    throw new AshlarError("ERR_INVALID", `The ${what} is empty, or no well-formed text.`, { path: what });
  return encodeURIComponent(part).replace(PLAIN, decodeURIComponent);
}

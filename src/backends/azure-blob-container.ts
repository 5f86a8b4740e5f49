/**
 * A container of Azure Blob Storage: where a URL says it is, who asks, and the calls on single blobs and listings. Touches azure.ts, and
 * @azure/storage-blob when a client is made.
 * @module
 */
import { text } from "node:stream/consumers";
import type { BlobItem, BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import { azureCode, azureFailure, azurePackage, defaultCredential, limiter, type TokenCredential } from "../azure.ts";
import { AshlarError } from "../errors.ts";

/** What is needed of a container's client; a `ContainerClient` of @azure/storage-blob fits. */
export interface BlobContainer extends Pick<ContainerClient, "url" | "listBlobsFlat" | "createIfNotExists"> {
  getBlockBlobClient(name: string): Pick<BlockBlobClient, "upload" | "download" | "delete" | "getProperties">;
}

/** Where the container is. */
export interface AzureBlobOptions {
  /** A client of it; or its account (a name, or a whole host), its own name, and who asks: by default whoever the process is to Azure. */
  readonly container:
    | BlobContainer
    | { readonly account: string; readonly name: string; readonly credential?: TokenCredential | undefined };
  /** Folder in the container. Default: the container itself. */
  readonly prefix?: string | undefined;
  /** Make the store if there is none, and the container. Default false. */
  readonly create?: boolean | undefined;
  /** Milliseconds after which an answer counts as lost. Default 30,000. */
  readonly timeout?: number | undefined;
}

/** What a blob is to replace: one with an ETag, nothing, or whatever is there. */
export type Condition = { readonly ifMatch: string } | { readonly ifNoneMatch: "*" } | Record<string, never>;

const PUBLIC_CLOUD = ".blob.core.windows.net";
const RETRIES = { retryOptions: { maxTries: 4, retryDelayInMs: 300, maxRetryDelayInMs: 5000 } };
const AT_ONCE = 32;
const LISTED_AT_ONCE = 5000;

/**
 * The client that a store's URL names, and its folder. Who asks is told by `AZURE_STORAGE_CONNECTION_STRING`, else by `AZURE_STORAGE_SAS_TOKEN`, as
 * for Azure's own command line, else by Azure's default credential.
 * @throws AshlarError `ERR_INVALID`, without repeating any of them; `ERR_MISSING_PACKAGE`.
 */
export async function containerOf(url: string): Promise<{ container: BlobContainer; prefix: string }> {
  const { host = "", pathname = "", username, password, searchParams } = URL.parse(url) ?? { searchParams: new URLSearchParams() };
  // An emulator has the account in the path, Azure in the host's name.
  const [, account, name] = /^(?:\/([a-z0-9]+))?\/([a-z0-9](?:-?[a-z0-9]){2,62})$/.exec(pathname) ?? [];
  const prefix = searchParams.get("prefix") ?? "";
  const plain = !username && !password && [...searchParams.keys()].every((key) => key === "prefix");
  if (!plain || host === "" || name === undefined || !/^(?:[\w-](?:[\w.-]*[\w-])?\/?)*$/.test(prefix))
    throw new AshlarError(
      "ERR_INVALID",
      "A container of Azure Blob Storage is named azure-blob://ACCOUNT/CONTAINER, with ?prefix=FOLDER where several stores share one. What lets you in stands in AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_SAS_TOKEN, never in the URL.",
    );
  const { AZURE_STORAGE_CONNECTION_STRING: connection, AZURE_STORAGE_SAS_TOKEN: signature } = process.env;
  const address = account === undefined ? { account: host, name } : { account: `${host}/${account}`, name };
  if (!connection && !signature) return { container: await clientOf(address), prefix };
  const { ContainerClient } = await sdk();
  const made = () =>
    connection
      ? new ContainerClient(connection, name, RETRIES)
      : new ContainerClient(`${urlOf(address)}?${signature?.replace(/^\?/, "")}`, undefined, RETRIES);
  let container: ContainerClient;
  try {
    container = made();
  } catch {
    const variable = `AZURE_STORAGE_${connection ? "CONNECTION_STRING" : "SAS_TOKEN"}`;
    throw new AshlarError("ERR_INVALID", `${variable} is damaged: copy it again.`);
  }
  if (container.accountName !== (account ?? host.split(".")[0]))
    throw new AshlarError("ERR_INVALID", "AZURE_STORAGE_CONNECTION_STRING is for another account than the one that the store's URL names.");
  return { container, prefix };
}

function sdk() {
  return azurePackage("@azure/storage-blob", () => import("@azure/storage-blob"));
}

function urlOf({ account, name }: { account: string; name: string }): string {
  return `https://${/[.:/]/.test(account) ? account : account + PUBLIC_CLOUD}/${name}`;
}

async function clientOf(where: Exclude<AzureBlobOptions["container"], BlobContainer>): Promise<BlobContainer> {
  const { ContainerClient } = await sdk();
  return new ContainerClient(urlOf(where), where.credential ?? (await defaultCredential()), RETRIES);
}

/** A blob as it was read. */
export interface Blob {
  readonly body: string;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What is asked of a listing. */
export interface Listing {
  /** Name of the blob after which it begins. Default: at the start. */
  readonly after?: string | undefined;
  /** About how many will be taken. Default: all. */
  readonly limit?: number | undefined;
  /** Default false. */
  readonly metadata?: boolean | undefined;
}

/** A folder of a container; names of blobs are relative to it. */
export class BlobFolder {
  /** As the store's URL has it. */
  readonly url: string;
  readonly #container: BlobContainer;
  readonly #prefix: string;
  readonly #timeout: number;
  readonly #limited = limiter(AT_ONCE);
  /** By prefix, where a listing that ended last can go on. */
  readonly #marks = new Map<string, { readonly after: string; readonly token: string | undefined }>();
  #open = true;

  private constructor(container: BlobContainer, prefix: string, timeout: number) {
    const { host, pathname } = new URL(container.url);
    const folder = prefix.replace(/\/$/, "");
    this.url = `azure-blob://${host.replace(PUBLIC_CLOUD, "")}${pathname}${folder === "" ? "" : `?prefix=${folder}`}`;
    this.#container = container;
    this.#prefix = folder === "" ? "" : `${folder}/`;
    this.#timeout = timeout;
  }

  static async of({ container, prefix = "", timeout = 30_000 }: AzureBlobOptions): Promise<BlobFolder> {
    return new BlobFolder("url" in container ? container : await clientOf(container), prefix, timeout);
  }

  /** A blob; null when it is not there. */
  async read(name: string): Promise<Blob | null> {
    return this.#orNull(async (abortSignal) => {
      const { etag = "", metadata = {}, readableStreamBody } = await this.#blob(name).download(0, undefined, { abortSignal });
      return { body: readableStreamBody ? await text(readableStreamBody) : "", etag, metadata };
    });
  }

  /** Its metadata; null when it is not there. */
  async metadata(name: string): Promise<Readonly<Record<string, string>> | null> {
    return this.#orNull(async (abortSignal) => (await this.#blob(name).getProperties({ abortSignal })).metadata ?? {});
  }

  /** Writes a blob whole. @returns its ETag. @throws what the SDK throws, so that the caller can look what became of it. */
  async write(name: string, body: string, metadata: Record<string, string>, conditions: Condition): Promise<string> {
    const options = { conditions, metadata, blobHTTPHeaders: { blobContentType: "application/json" } };
    const length = Buffer.byteLength(body);
    return this.#call(async (abortSignal) => (await this.#blob(name).upload(body, length, { ...options, abortSignal })).etag ?? "");
  }

  /** Deletes a blob, and copies that an account keeps of it as snapshots. @throws what the SDK throws */
  async delete(name: string, conditions: Condition): Promise<void> {
    await this.#call((abortSignal) => this.#blob(name).delete({ conditions, deleteSnapshots: "include", abortSignal }));
  }

  /** Makes the container if it is not there. */
  async makeContainer(): Promise<void> {
    await this.#call((abortSignal) => this.#container.createIfNotExists({ abortSignal })).catch((error) => {
      throw this.failure(error);
    });
  }

  /**
   * The blobs whose names begin with a prefix, in order of name, as they are while it goes on. One that goes on where the last one of that prefix
   * ended begins with the page that held its end, and not with the first.
   */
  async *list(prefix: string, { after = "", limit = LISTED_AT_ONCE, metadata = false }: Listing = {}): AsyncGenerator<BlobItem> {
    const mark = this.#marks.get(prefix);
    let token = mark?.after === after ? mark.token : undefined;
    let last = "";
    do {
      const page = await this.#page(prefix, token, Math.min(limit, LISTED_AT_ONCE), metadata);
      for (const item of page.blobs) {
        const name = item.name.slice(this.#prefix.length);
        if (name <= last) throw new AshlarError("ERR_UNSUPPORTED", `${this.url} lists blobs in an order of its own.`, { store: this.url });
        last = name;
        if (name <= after) continue;
        this.#marks.set(prefix, { after: name, token });
        yield { ...item, name };
      }
      token = page.next;
    } while (token !== undefined && token !== "");
  }

  /** An error of the SDK's as ours. */
  failure(error: unknown): AshlarError {
    if (azureCode(error) === "ContainerNotFound")
      return new AshlarError("ERR_NO_STORE", `There is no container where ${this.url} points: "ashlar init" makes it.`, {
        store: this.url,
      });
    const admission =
      'the role "Storage Blob Data Contributor" lets you in after "az login" or with a managed identity; so does AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_SAS_TOKEN';
    return azureFailure(error, { where: this.url, admission });
  }

  /** The error for a write of which nobody knows whether it was done. */
  unknown(): AshlarError {
    return new AshlarError(
      "ERR_OUTCOME_UNKNOWN",
      `A write was sent to ${this.url}, and its answer was lost: whether it was done is not known. Look at what is there before repeating it.`,
      { store: this.url },
    );
  }

  /** @throws AshlarError `ERR_UNREACHABLE` after {@link close} */
  checkOpen(): void {
    if (!this.#open) throw new AshlarError("ERR_UNREACHABLE", `${this.url} was closed.`, { store: this.url });
  }

  close(): void {
    this.#open = false;
  }

  async #page(prefix: string, continuationToken: string | undefined, maxPageSize: number, includeMetadata: boolean) {
    const listing = (abortSignal: AbortSignal) =>
      this.#container
        .listBlobsFlat({ prefix: this.#prefix + prefix, includeMetadata, abortSignal })
        .byPage({ ...(continuationToken !== undefined && { continuationToken }), maxPageSize })
        .next();
    try {
      const { value } = await this.#call(listing);
      return { blobs: value.segment.blobItems as BlobItem[], next: value.continuationToken as string | undefined };
    } catch (error) {
      throw this.failure(error);
    }
  }

  async #orNull<T>(work: (abortSignal: AbortSignal) => Promise<T>): Promise<T | null> {
    try {
      return await this.#call(work);
    } catch (error) {
      if (azureCode(error) === "BlobNotFound") return null;
      throw this.failure(error);
    }
  }

  #blob(name: string) {
    return this.#container.getBlockBlobClient(this.#prefix + name);
  }

  async #call<T>(work: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    this.checkOpen();
    return this.#limited(() => work(AbortSignal.timeout(this.#timeout)));
  }
}

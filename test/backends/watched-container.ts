/**
 * A real client of a container whose calls a test can count, let fail before or after they were done, or hold up.
 * @module
 */
import type { ContainerClient } from "@azure/storage-blob";
import type { BlobContainer } from "../../src/backends/azure-blob.ts";

/** What is called, of which blob. */
export interface Call {
  readonly what: "read" | "head" | "write" | "delete" | "list";
  readonly name: string;
}

/** What a test does before and after a call; what it throws is what the caller gets. */
export interface Watcher {
  before?: ((call: Call) => unknown) | undefined;
  after?: ((call: Call) => unknown) | undefined;
}

/** As the network reports it when an answer does not come. */
export class Lost extends Error {
  readonly code = "ECONNRESET";
}

/** The client, watched. */
export function watched(container: ContainerClient, watcher: Watcher): BlobContainer {
  const around = async <T>(call: Call, work: () => Promise<T>): Promise<T> => {
    await watcher.before?.(call);
    const result = await work();
    await watcher.after?.(call);
    return result;
  };
  return {
    url: container.url,
    createIfNotExists: (options) => container.createIfNotExists(options),
    listBlobsFlat(options) {
      const listing = container.listBlobsFlat(options);
      const call: Call = { what: "list", name: options?.prefix ?? "" };
      const byPage: typeof listing.byPage = (settings) => {
        const pages = listing.byPage(settings);
        return { next: () => around(call, () => pages.next()), [Symbol.asyncIterator]: () => pages };
      };
      return { next: () => listing.next(), byPage, [Symbol.asyncIterator]: () => listing };
    },
    getBlockBlobClient(name) {
      const blob = container.getBlockBlobClient(name);
      return {
        upload: (...args) => around({ what: "write", name }, () => blob.upload(...args)),
        download: (...args) => around({ what: "read", name }, () => blob.download(...args)),
        getProperties: (...args) => around({ what: "head", name }, () => blob.getProperties(...args)),
        delete: (...args) => around({ what: "delete", name }, () => blob.delete(...args)),
      };
    },
  };
}

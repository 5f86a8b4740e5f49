import { randomUUID } from "node:crypto";
import { ContainerClient } from "@azure/storage-blob";
import { afterAll, describe, it } from "vitest";
import { azureBlobBackend } from "../../src/backends/azure-blob.ts";
import { backendConformance } from "../../src/testing.ts";
import { startAzurite } from "../azurite.ts";
import { losing } from "../faults/losing.ts";

const { connectionString, endpoint, stop } = await startAzurite();
afterAll(stop);
const open = (connection = connectionString, retryOptions = {}) =>
  azureBlobBackend({ container: new ContainerClient(connection, randomUUID(), { retryOptions }), create: true });
const openLosing = () => {
  const through = (port: number) =>
    connectionString.replace(/BlobEndpoint=http:\/\/127\.0\.0\.1:\d+/, `BlobEndpoint=http://127.0.0.1:${port}`);
  return losing({ port: Number(new URL(endpoint).port) }, /^(?:PUT|DELETE) \S+records/, (port) =>
    open(through(port), { retryDelayInMs: 10 }),
  );
};

backendConformance({ describe, it }, { name: "the Azure Blob backend", open: () => open(), losing: openLosing });

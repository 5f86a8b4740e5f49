import { randomUUID } from "node:crypto";
import { ContainerClient } from "@azure/storage-blob";
import { afterAll, describe, it } from "vitest";
import { azureBlobBackend } from "../../src/backends/azure-blob.ts";
import { backendConformance } from "../../src/testing.ts";
import { startAzurite } from "../azurite.ts";

const { connectionString, stop } = await startAzurite();
afterAll(stop);
const container = () => new ContainerClient(connectionString, randomUUID());

backendConformance(
  { describe, it },
  { name: "the Azure Blob backend", open: () => azureBlobBackend({ container: container(), create: true }) },
);

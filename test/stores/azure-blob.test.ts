import { randomUUID } from "node:crypto";
import { ContainerClient } from "@azure/storage-blob";
import { afterAll, describe, it } from "vitest";
import { azureBlobBackend } from "../../src/backends/azure-blob.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { failing, storeConformance } from "../../src/testing.ts";
import { azureKeyVault, MAX_SECRET_BYTES } from "../../src/vaults/azure-key-vault.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { startAzurite } from "../azurite.ts";
import { openedDouble } from "../doubles/key-vault.ts";

const { connectionString, stop } = await startAzurite();
afterAll(stop);
const openBackend = () => azureBlobBackend({ container: new ContainerClient(connectionString, randomUUID()), create: true });
/** Of all blobs name, metadata and content. */
async function atRest(url: string): Promise<Uint8Array> {
  const container = new ContainerClient(connectionString, new URL(url).pathname.split("/").at(-1) ?? "");
  const parts: Uint8Array[] = [];
  for await (const blob of container.listBlobsFlat({ includeMetadata: true }))
    parts.push(Buffer.from(JSON.stringify(blob)), await container.getBlobClient(blob.name).downloadToBuffer());
  return Buffer.concat(parts);
}
const keys = () => sodiumVault(keyring([generateKey()], "a test"));

storeConformance(
  { describe, it },
  {
    name: "the sealed store in Azure Blob",
    open: async () => sealedStore({ backend: await openBackend(), vault: await keys() }),
    accessTokens: true,
    atRest,
    failing: async (code) => sealedStore({ backend: failing(await openBackend(), code), vault: await keys() }),
  },
);

storeConformance(
  { describe, it },
  {
    name: "the store in Azure Blob with Azure Key Vault",
    open: async () => {
      const backend = await openBackend();
      return sealedStore({ backend, vault: await azureKeyVault({ vault: (await openedDouble()).client(), store: backend }) });
    },
    accessTokens: true,
    atRest,
    maxSecretBytes: MAX_SECRET_BYTES,
  },
);

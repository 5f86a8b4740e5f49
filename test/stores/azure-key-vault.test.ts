import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "vitest";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { storeConformance } from "../../src/testing.ts";
import { azureKeyVault, MAX_SECRET_BYTES } from "../../src/vaults/azure-key-vault.ts";
import { openedDouble } from "../doubles/key-vault.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const open = async () => {
  const backend = await sqliteBackend({ path: join(folder, `${randomUUID()}.db`), create: true });
  return sealedStore({ backend, vault: await azureKeyVault({ vault: (await openedDouble()).client(), store: backend }) });
};

storeConformance({ describe, it }, { name: "the store in SQLite with Azure Key Vault", open, maxSecretBytes: MAX_SECRET_BYTES });

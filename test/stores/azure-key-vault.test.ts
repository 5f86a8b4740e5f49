import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { describe, it } from "vitest";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { storeConformance } from "../../src/testing.ts";
import { azureKeyVault, MAX_SECRET_BYTES } from "../../src/vaults/azure-key-vault.ts";
import { openedDouble } from "../doubles/key-vault.ts";
import { temporaryFolder } from "../temporary.ts";
import { filesIn } from "./at-rest.ts";

const folder = temporaryFolder();
const open = async () => {
  const backend = await sqliteBackend({ path: join(folder, randomUUID(), "ashlar.db"), create: true });
  return sealedStore({ backend, vault: await azureKeyVault({ vault: (await openedDouble()).client(), store: backend }) });
};

const atRest = (url: string) => filesIn(dirname(url.slice("sqlite:".length)));

storeConformance(
  { describe, it },
  { name: "the store in SQLite with Azure Key Vault", open, maxSecretBytes: MAX_SECRET_BYTES, atRest, accessTokens: true },
);

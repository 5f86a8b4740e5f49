import { describe, it } from "vitest";
import { vaultConformance } from "../../src/testing.ts";
import { azureKeyVault, MAX_SECRET_BYTES } from "../../src/vaults/azure-key-vault.ts";
import { openedDouble } from "../doubles/key-vault.ts";

const store = { url: "memory:", storeId: async () => "00000000-0000-4000-8000-000000000000" };
const open = async () => azureKeyVault({ vault: (await openedDouble()).client(), store });
const deviations = [{ reason: "it has no keys", cases: ["names the key that it does not hold"] }];

vaultConformance({ describe, it }, { name: "the Azure Key Vault", open, maxBytes: MAX_SECRET_BYTES, deviations });

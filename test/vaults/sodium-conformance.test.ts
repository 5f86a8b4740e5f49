import { describe, it } from "vitest";
import { vaultConformance } from "../../src/testing.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";

vaultConformance({ describe, it }, { name: "the sodium vault", open: () => sodiumVault(keyring([generateKey()], "a test")) });

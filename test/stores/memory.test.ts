import { describe, it } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { failing, storeConformance } from "../../src/testing.ts";
import { memoryVault } from "../../src/vaults/memory.ts";

const open = () => sealedStore({ backend: memoryBackend(), vault: memoryVault() });

storeConformance(
  { describe, it },
  {
    name: "the store in memory",
    open,
    accessTokens: true,
    failing: (code) => sealedStore({ backend: failing(memoryBackend(), code), vault: memoryVault() }),
  },
);

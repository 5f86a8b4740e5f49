import { describe, it } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { openStore, Secret } from "../../src/index.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { failing, storeConformance } from "../../src/testing.ts";
import { memoryVault } from "../../src/vaults/memory.ts";
import { startServer } from "../server/running.ts";

const token = "0123456789abcdef0123456789abcdef";
const settings = { maxBody: 3 * 1024 * 1024 };

storeConformance(
  { describe, it },
  {
    name: "our own server as a store",
    open: async () => openStore((await startServer({ token: new Secret(token), settings })).url, { token }),
    accessTokens: true,
    failing: async (code) => {
      const working = sealedStore({ backend: memoryBackend(), vault: memoryVault() });
      const audit = { async record() {}, async ready() {}, async close() {} };
      const store = sealedStore({ backend: failing(memoryBackend(), code), vault: memoryVault() });
      await working.close();
      return openStore((await startServer({ store, audit, token: new Secret(token), settings })).url, { token });
    },
  },
);

import { describe, it } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { openStore, Secret } from "../../src/index.ts";
import { storeAccess } from "../../src/server/access.ts";
import { ownRoutes } from "../../src/server/own-routes.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import type { Store } from "../../src/stores/store.ts";
import { failing, storeConformance } from "../../src/testing.ts";
import { memoryVault } from "../../src/vaults/memory.ts";
import { serving } from "../server/serving.ts";

const token = "0123456789abcdef0123456789abcdef";

/** A store over a server's own API, which stands before another store. */
async function behind(store: Store): Promise<Store> {
  const access = storeAccess(store, { tokenFromEnvironment: new Secret(token) }); // a store that fails cannot tell who asks
  const { url } = await serving({ store, access, routes: ownRoutes, settings: { maxBody: 3 * 1024 * 1024 } });
  return openStore(url, { token });
}

storeConformance(
  { describe, it },
  {
    name: "our own server as a store",
    open: async () => behind(await openStore("memory:")),
    accessTokens: true,
    failing: (code) => behind(sealedStore({ backend: failing(memoryBackend(), code), vault: memoryVault() })),
  },
);

import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { describe, it } from "vitest";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { openStore } from "../../src/index.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { failing, storeConformance } from "../../src/testing.ts";
import { generateKey, keyring, keyText } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { temporaryFolder } from "../temporary.ts";
import { filesIn } from "./at-rest.ts";

const folder = temporaryFolder();
const fresh = () => join(folder, randomUUID(), "ashlar.db");

storeConformance(
  { describe, it },
  {
    name: "the sealed store in SQLite",
    open: () => openStore(`sqlite:${fresh()}`, { create: true, keys: [keyText(generateKey())] }),
    accessTokens: true,
    atRest: (url) => filesIn(dirname(url.slice("sqlite:".length))),
    failing: async (code) =>
      sealedStore({
        backend: failing(await sqliteBackend({ path: fresh(), create: true }), code),
        vault: await sodiumVault(keyring([generateKey()], "a test")),
      }),
  },
);

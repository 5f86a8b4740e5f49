import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "vitest";
import { fileBackend } from "../../src/backends/file.ts";
import { openStore } from "../../src/index.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { failing, storeConformance } from "../../src/testing.ts";
import { generateKey, keyring, keyText } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { temporaryFolder } from "../temporary.ts";
import { filesIn } from "./at-rest.ts";

const folder = temporaryFolder();
const fresh = () => join(folder, randomUUID());

storeConformance(
  { describe, it },
  {
    name: "the sealed store in files",
    open: () => openStore(`file:${fresh()}`, { create: true, keys: [keyText(generateKey())] }),
    accessTokens: true,
    atRest: (url) => filesIn(url.slice("file:".length)),
    failing: async (code) =>
      sealedStore({
        backend: failing(await fileBackend({ path: fresh(), create: true }), code),
        vault: await sodiumVault(keyring([generateKey()], "a test")),
      }),
  },
);

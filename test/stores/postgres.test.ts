import { it } from "vitest";
import { openBackend } from "../../src/backends/postgres.ts";
import { openStore } from "../../src/index.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { failing, storeConformance } from "../../src/testing.ts";
import { generateKey, keyring, keyText } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { describePostgres as describe, postgresForTests } from "../postgres.ts";

const server = postgresForTests();

storeConformance(
  { describe, it },
  {
    name: "the sealed store in PostgreSQL",
    open: () => openStore(server.freshUrl(), { create: true, keys: [keyText(generateKey())] }),
    accessTokens: true,
    atRest: async (url) =>
      Buffer.from(JSON.stringify(await server.sql(`SELECT * FROM ${new URL(url).searchParams.get("schema")}.records`))),
    failing: async (code) =>
      sealedStore({
        backend: failing(await openBackend(server.freshUrl(), { create: true }), code),
        vault: await sodiumVault(keyring([generateKey()], "a test")),
      }),
  },
);

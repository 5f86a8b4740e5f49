import { it } from "vitest";
import { openStore } from "../../src/index.ts";
import { storeConformance } from "../../src/testing.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { describePostgres as describe, postgresForTests } from "../postgres.ts";

const server = postgresForTests();
const open = () => openStore(server.freshUrl(), { create: true, keys: [keyText(generateKey())] });

storeConformance({ describe, it }, { name: "the sealed store in PostgreSQL", open });

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "vitest";
import { openStore } from "../../src/index.ts";
import { storeConformance } from "../../src/testing.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const open = () => openStore(`file:${join(folder, randomUUID())}`, { create: true, keys: [keyText(generateKey())] });

storeConformance({ describe, it }, { name: "the sealed store in files", open, accessTokens: true });

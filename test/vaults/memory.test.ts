import { describe, it } from "vitest";
import { vaultConformance } from "../../src/testing.ts";
import { memoryVault } from "../../src/vaults/memory.ts";

const deviations = [
  { reason: "it binds nothing", cases: ["refuses another binding", "refuses the token of another record"] },
  { reason: "it has no keys", cases: ["names the key that it does not hold"] },
];
vaultConformance({ describe, it }, { name: "the memory vault", open: memoryVault, deviations });

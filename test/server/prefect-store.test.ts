/** The contract of stores by the `prefect:` store, in front of our server: what it does otherwise than over its own API is said as data, with the reason. */
import { afterEach, describe, it, vi } from "vitest";
import { openStore } from "../../src/index.ts";
import { storeConformance } from "../../src/testing.ts";
import { DEVIATIONS } from "../prefect/deviations.ts";
import { serving } from "./serving.ts";

afterEach(() => vi.unstubAllEnvs());

storeConformance(
  { describe, it },
  {
    name: "our server, spoken to as Prefect's",
    open: async () => {
      const { url, client } = await serving({ settings: { maxBody: 3 * 1024 * 1024 } });
      vi.stubEnv("PREFECT_API_URL", `${url}/api`);
      vi.stubEnv("PREFECT_API_KEY", (await client("admin")).authorization?.slice("Bearer ".length));
      return openStore("prefect:");
    },
    deviations: [
      ...DEVIATIONS,
      {
        reason: "Prefect's form repeats a document for each path that leads to it: what would grow to a million is refused",
        refusedWith: "ERR_INVALID",
        cases: ["limits: twenty diamonds over each other take no longer than twenty documents"],
      },
    ],
  },
);

/** The contract of stores against a real Prefect server; what it does otherwise is said as data, with the reason. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { openStore } from "../../src/index.ts";
import { storeConformance } from "../../src/testing.ts";
import { DEVIATIONS } from "../prefect/deviations.ts";
import { type PrefectServer, startPrefectServer } from "./prefect-server.ts";

let server: PrefectServer;

beforeAll(async () => {
  server = await startPrefectServer({ blocks: false });
});
afterAll(() => server?.stop());

/** Takes away all that an earlier case left. */
async function emptied(): Promise<string> {
  const all = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
  const types = (await (await fetch(`${server.apiUrl}/block_types/filter`, all)).json()) as { id: string }[];
  for (const { id } of types) await fetch(`${server.apiUrl}/block_types/${id}`, { method: "DELETE" });
  return `prefect+${server.apiUrl}`;
}

storeConformance(
  { describe, it },
  {
    name: "a Prefect server",
    open: async () => openStore(await emptied()),
    deviations: [
      ...DEVIATIONS,
      {
        reason: "Prefect answers with each path to a document, a million of them, and stands still",
        harmful: true,
        cases: ["limits: twenty diamonds over each other take no longer than twenty documents"],
      },
    ],
  },
);

/** What a sealed store does beyond its contract's suite. */
import { expect, it } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { part } from "../../src/testing/store-subject.ts";
import { memoryVault } from "../../src/vaults/memory.ts";

it("says who wrote a document: who opened the store, or whom the writer names", async () => {
  const store = sealedStore({ backend: memoryBackend(), vault: memoryVault(), actor: "the-server" });
  expect((await store.save(part("one"))).updatedBy).toBe("the-server");
  expect((await store.save(part("one"), { overwrite: true, by: "ci" })).updatedBy).toBe("ci");
  expect((await store.load({ type: "part", name: "one" }))[0]?.updatedBy).toBe("ci");
});

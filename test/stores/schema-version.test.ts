import { describe, expect, test } from "vitest";
import { openStore } from "../../src/index.ts";
import { part, partSchema, register } from "../../src/testing/store-subject.ts";

async function storeOfTwoVersions() {
  const store = await openStore("memory:");
  await register(store);
  const { schema: usual } = await store.saveSchema({ ...partSchema(), version: "non-versioned" });
  const { schema: two } = await store.saveSchema({ ...partSchema(), version: "2.0/β" });
  return { store, usual, two };
}

describe("documents under several versions of one schema", () => {
  test("keep theirs, and change it when they are saved with another", async () => {
    const { store, two } = await storeOfTwoVersions();
    expect(await store.save({ ...part("a"), version: two.version })).toMatchObject({ schema: two.checksum, version: "2.0/β" });
    expect((await store.load({ type: "part", name: "a" }))[0]).toMatchObject({ schema: two.checksum, version: "2.0/β" });
    expect(await store.save(part("a"), { overwrite: true })).not.toHaveProperty("version");
    expect(await store.save({ ...part("a"), version: "non-versioned" }, { overwrite: true })).not.toHaveProperty("version");
  });

  test("go with their own version when it is deleted, and those of no version with the last", async () => {
    const { store, usual, two } = await storeOfTwoVersions();
    await store.save({ ...part("of-two"), version: two.version });
    await store.save(part("of-any"));
    await expect(store.deleteSchema(two.id)).rejects.toMatchObject({ code: "ERR_REFERENCED", details: { documents: ["part/of-two"] } });
    expect((await store.deleteSchema(two.id, { cascade: true })).map(({ name }) => name)).toEqual(["of-two"]);
    const [first] = (await store.schemas({ type: "part" })).filter(({ id }) => id !== usual.id);
    expect(await store.deleteSchema(first?.id ?? "")).toEqual([]);
    await expect(store.deleteSchema(usual.id)).rejects.toMatchObject({ code: "ERR_REFERENCED" });
    expect((await store.deleteSchema(usual.id, { cascade: true })).map(({ name }) => name)).toEqual(["of-any"]);
  });
});

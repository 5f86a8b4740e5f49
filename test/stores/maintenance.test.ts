/** Keys in use, sealing anew, checking every record, loading in pages, deleting types. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { StoredRecord } from "../../src/backends/backend.ts";
import { memoryBackend } from "../../src/backends/memory.ts";
import { AshlarError, Block, secret } from "../../src/index.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import type { Maintenance, Store } from "../../src/stores/store.ts";
import { generateKey, type Key, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";

class Leaf extends Block.define({ name: "Leaf", fields: { token: secret() } }) {}
class Tree extends Block.define({ name: "Tree", fields: { label: z.string(), leaf: Leaf } }) {}

const [old, fresh] = [generateKey(), generateKey()];
const backend = memoryBackend();
async function storeWith(...keys: Key[]): Promise<Store & { maintenance: Maintenance }> {
  return sealedStore({ backend, vault: await sodiumVault(keyring(keys, "a test")) }) as Store & { maintenance: Maintenance };
}

describe("looking after a sealed store", async () => {
  const before = await storeWith(old);
  const leaf = await new Leaf({ token: "t" }).save("leaf", { store: before });
  for (let index = 0; index < 5; index++) await new Tree({ label: `${index}`, leaf }).save(`tree-${index}`, { store: before });

  it("counts records by key, without any key", async () => {
    expect(await (await storeWith(fresh)).maintenance.keysInUse()).toEqual(new Map([[old.id, 10]])); // 6 documents, 2 types, 2 schemas
  });

  it("names what it could not open, and leaves it as it is", async () => {
    const { failed, resealed } = await (await storeWith(fresh)).maintenance.reseal();
    expect(resealed).toBe(0);
    expect(failed).toHaveLength(10);
    expect(failed.find(({ where }) => where === "leaf/leaf")?.message).toContain(old.id);
  });

  it("seals anew, can be stopped and goes on, and changes no revision", async () => {
    const store = await storeWith(fresh, old);
    const stop = new AbortController();
    const seen: number[] = [];
    const first = await store.maintenance.reseal({
      signal: stop.signal,
      onProgress: (done, total) => {
        expect(total).toBe(10);
        if (seen.push(done) === 4) stop.abort();
      },
    });
    expect(first).toEqual({ resealed: 4, failed: [] });
    expect(await store.maintenance.keysInUse()).toEqual(
      new Map([
        [old.id, 6],
        [fresh.id, 4],
      ]),
    );
    expect(await store.maintenance.reseal()).toEqual({ resealed: 6, failed: [] });
    expect(await store.maintenance.reseal()).toEqual({ resealed: 0, failed: [] });
    const alone = await storeWith(fresh);
    expect((await Tree.load("tree-3", { store: alone })).leaf.token.reveal()).toBe("t");
    expect((await alone.inspect({ type: "tree", name: "tree-3" })).revision).toBe(1);
  });

  it("loads all in pages, each with what it refers to", async () => {
    const store = await storeWith(fresh);
    const labels: string[] = [];
    for await (const tree of Tree.loadAll({ store })) {
      expect(tree).toBeInstanceOf(Tree);
      expect(tree.leaf.token.reveal()).toBe("t");
      labels.push(tree.label);
    }
    expect(labels).toEqual(["0", "1", "2", "3", "4"]);
    expect(await Tree.names({ store })).toEqual(["tree-0", "tree-1", "tree-2", "tree-3", "tree-4"]);
    const page = await store.loadPage({ type: "tree", after: { type: "tree", name: "tree-1" }, limit: 2 });
    expect(page.map(({ name, documents }) => [name, documents?.length])).toEqual([
      ["tree-2", 2],
      ["tree-3", 2],
    ]);
  });

  it("finds nothing wrong in a sound store, and each thing that is wrong in another", async () => {
    const store = await storeWith(fresh);
    expect(await store.maintenance.check()).toEqual([]);
    const record = (await backend.get({ kind: "document", type: "tree", name: "tree-0" })) as StoredRecord;
    await backend.put({ ...record, data: { ...record.data, label: "changed" } }, 1);
    await backend.put({ ...record, id: "11111111-1111-4111-8111-111111111111", kind: "dokument" as "document", name: "hidden" }, null);
    const findings = await store.maintenance.check();
    expect(findings.map(({ where }) => where).sort()).toEqual(["dokument hidden", "dokument hidden", "tree/tree-0"]);
    expect(findings.map(({ message }) => message).join()).toMatch(/tree\/tree-0 cannot be read.*changed, moved or damaged/);
    expect(findings.map(({ message }) => message).join()).toMatch(/cannot be found by its name/);
  });

  it("tells of what cannot be loaded, and goes on when asked to", async () => {
    const store = await storeWith(fresh);
    const broken: string[] = [];
    const names: string[] = [];
    for await (const tree of Tree.loadAll({ store, onError: (error, name) => broken.push(`${name} ${error.code}`) }))
      names.push(tree.label);
    expect(broken).toEqual(["tree-0 ERR_CANNOT_OPEN"]);
    expect(names).toEqual(["1", "2", "3", "4"]);
    await expect(Tree.loadAll({ store }).next()).rejects.toBeInstanceOf(AshlarError);
  });

  it("deletes a type only with its documents, and only when nothing else refers to them", async () => {
    const store = await storeWith(fresh);
    await expect(store.deleteType("nothing")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(store.deleteType("tree")).rejects.toMatchObject({ code: "ERR_REFERENCED", details: { documents: { length: 5 } } });
    await expect(store.deleteType("leaf", { cascade: true })).rejects.toMatchObject({ code: "ERR_REFERENCED" });
    expect(await store.deleteType("tree", { cascade: true })).toHaveLength(5);
    expect((await store.types()).map(({ slug }) => slug)).toEqual(["leaf"]);
    expect(await store.schema({ type: "tree" })).toBeNull();
  });
});

it("a key that is added while a process runs is found without a restart", async () => {
  const shared = memoryBackend();
  let keys: readonly Key[] = [old];
  const running = sealedStore({ backend: shared, vault: await sodiumVault(async () => keyring(keys, "a test")) });
  await new Leaf({ token: "one" }).save("one", { store: running });
  keys = [old, fresh];
  await new Leaf({ token: "two" }).save("two", {
    store: sealedStore({ backend: shared, vault: await sodiumVault(keyring([fresh], "a test")) }),
  });
  expect((await Leaf.load("two", { store: running })).token.reveal()).toBe("two");
});

it("what is not there is told with what is near", async () => {
  const store = await storeWith(fresh);
  await expect(Tree.load("leaf", { store })).rejects.toThrow("It has leaf/leaf, of another type.");
  await expect(Leaf.load("laef", { store })).rejects.toThrow('Did you mean "leaf"?');
  await expect(Block.load("laef/other", { store })).rejects.toThrow("It knows no block type laef; did you mean leaf?");
});

/**
 * The cases of the store suite on reading documents. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import type { Document, Store } from "../stores/store.ts";
import { at, CANARY, loaded, over, part, partType, refusedWithoutTrace, register, revealed } from "./store-subject.ts";
import { type Case, refused } from "./suite.ts";

export const reading: readonly Case<Store>[] = [
  {
    name: "load: a document and all it refers to, itself first, each once",
    async run(store) {
      const bottom = await store.save(part("bottom"));
      const [left, right] = [await store.save(over("left", bottom)), await store.save(over("right", bottom))];
      const top = await store.save(over("top", left, right));
      await store.save(over("above", top));
      const found = await store.load(at("top"));
      assert.equal(found[0]?.name, "top");
      assert.deepStrictEqual(found.map(({ name }) => name).sort(), ["bottom", "left", "right", "top"]);
      for (const document of found) assert.deepStrictEqual(revealed(document), { "/token": `${CANARY} of ${document.name}` });
    },
  },
  {
    name: "load: a changed child reaches every parent",
    async run(store) {
      const child = await store.save(part("child"));
      await store.save(over("parent", child));
      await store.save(part("child", { secrets: { "/token": "rotated" } }), { overwrite: true });
      const [, found] = await store.load(at("parent"));
      assert.deepStrictEqual(found && revealed(found), { "/token": "rotated" });
    },
  },
  {
    name: "load: since a stamp, what was changed before it was given is seen; where there is one",
    async run(store) {
      await refused("ERR_NOT_FOUND", async () => store.load(at("one"), await store.stamp?.()));
      for (const count of [1, 2, 3]) {
        const saved = await store.save(part("one", { data: { count }, secrets: { "/token": count } }), { overwrite: true });
        const since = await store.stamp?.();
        for (const key of [at("one"), at("one"), { id: saved.id }])
          assert.deepStrictEqual(revealed((await store.load(key, since))[0] as Document), { "/token": count });
      }
      await store.delete(at("one"));
      await refused("ERR_NOT_FOUND", async () => store.load(at("one"), await store.stamp?.()));
    },
  },
  {
    name: "load: readers get a whole document while it is written",
    async run(store) {
      const versions = (count: number) => part("one", { data: { count }, secrets: { "/token": count } });
      await store.save(versions(0));
      const writers = Array.from({ length: 15 }, (_, index) => store.save(versions(index + 1), { overwrite: true }));
      const readers = Array.from({ length: 50 }, () => loaded(store, "one"));
      for (const document of await Promise.all(readers)) assert.equal(document.data.count, document.secrets["/token"]?.reveal());
      await Promise.all(writers);
    },
  },
  {
    name: "load: what the caller changes changes nothing at rest",
    async run(store) {
      const given = { deep: ["before"] };
      await store.save(part("one", { secrets: { "/token": given } }));
      given.deep.push("after");
      const { "/token": secret } = revealed(await loaded(store, "one")) as { "/token": { deep: string[] } };
      secret.deep.push("after");
      assert.deepStrictEqual(revealed(await loaded(store, "one")), { "/token": { deep: ["before"] } });
    },
  },
  {
    name: "names: of all documents, or of a type",
    async run(store) {
      assert.deepStrictEqual(await store.names(), []);
      await store.save(part("two"));
      await store.save(part("one"));
      assert.deepStrictEqual(
        (await store.names()).map(({ type, name }) => [type, name]),
        (await store.list()).map(({ type, name }) => [type, name]),
      );
      assert.deepStrictEqual(await store.names({ type: "unknown" }), []);
    },
  },
  {
    name: "loadPage: each document of a page as load gives it",
    async run(store) {
      const bottom = await store.save(part("bottom"));
      const middle = await store.save(over("middle", bottom));
      await store.save(over("top", middle, bottom));
      await store.save(part("zero", { secrets: {} }));
      const plain = (documents: readonly Document[]) =>
        documents.map((document) => ({ ...document, secrets: revealed(document) })).sort((a, b) => (a.id < b.id ? -1 : 1));
      for (const query of [{}, { type: "part", limit: 3 }, { after: at("middle") }]) {
        const listed = (await store.list(query)).map(({ name }) => name);
        const page = await store.loadPage(query);
        assert.deepStrictEqual(
          page.map(({ name }) => name),
          listed,
        );
        for (const { name, documents, error } of page) {
          assert.equal(error, undefined);
          assert.equal(documents?.[0]?.name, name);
          assert.deepStrictEqual(plain(documents ?? []), plain(await store.load(at(name))));
        }
      }
      assert.deepStrictEqual(await store.loadPage({ type: "unknown" }), []);
    },
  },
  {
    name: "loadMany, inspectMany: documents by id, in their order, with all they refer to; what is not there is left out",
    async run(store) {
      const bottom = await store.save(part("bottom"));
      const [one, two] = [await store.save(over("one", bottom)), await store.save({ ...over("two", bottom), anonymous: true })];
      const items = await store.loadMany([two.id, randomUUID(), one.id]);
      assert.deepStrictEqual(
        items.map(({ id, documents }) => [id, documents?.map(({ name }) => name)]),
        [
          [two.id, ["two", "bottom"]],
          [one.id, ["one", "bottom"]],
        ],
      );
      assert.deepStrictEqual(items[0]?.documents?.map(revealed), [{ "/token": `${CANARY} of two` }, { "/token": `${CANARY} of bottom` }]);
      const masked = await store.inspectMany([two.id, randomUUID()]);
      assert.deepStrictEqual(
        masked.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
        [bottom, two],
      );
      assert.deepStrictEqual([await store.loadMany([]), await store.inspectMany([])], [[], []]);
    },
  },
  {
    name: "save, inspect and list show no secret, and where each is",
    async run(store) {
      const saved = await store.save(part("one"));
      const [inspected, listed, documents] = [await store.inspect(at("one")), await store.list(), await store.load(at("one"))];
      assert.deepStrictEqual(inspected, saved);
      assert.deepStrictEqual(listed, [saved]);
      assert.deepStrictEqual(Object.keys(inspected.secrets), ["/token"]);
      for (const shown of [saved, inspected, listed, documents])
        assert(!(JSON.stringify(shown) + inspect(shown, { depth: Infinity, showHidden: true, customInspect: false })).includes(CANARY));
    },
  },
  {
    name: "list: by type and name, by type, in pages, without what is deleted",
    async run(store) {
      await register(store, { ...partType, slug: "earlier" });
      for (const name of ["b", "dbg", "dba", "a"]) await store.save(part(name));
      await store.save(part("z", { type: "earlier" }));
      const names = async (query?: Parameters<Store["list"]>[0]) => (await store.list(query)).map(({ name }) => name);
      assert.deepStrictEqual(await names(), ["z", "a", "b", "dba", "dbg"]);
      assert.deepStrictEqual(await names({ type: "earlier" }), ["z"]);
      assert.deepStrictEqual(await names({ limit: 2 }), ["z", "a"]);
      assert.deepStrictEqual(await names({ limit: 2, after: at("a") }), ["b", "dba"]);
      await store.delete(at("b"));
      assert.deepStrictEqual(await names({ type: "part" }), ["a", "dba", "dbg"]);
      assert.deepStrictEqual(await names({ type: "unknown" }), []);
    },
  },
  {
    name: "ERR_NOT_FOUND: a name, an id, and a name of another type",
    async run(store) {
      await store.save(part("mtademo"));
      for (const key of [at("x"), { type: "other", name: "mtademo" }, { id: randomUUID() }]) {
        await refusedWithoutTrace(store, "ERR_NOT_FOUND", () => store.load(key));
        await refusedWithoutTrace(store, "ERR_NOT_FOUND", () => store.inspect(key));
        await refusedWithoutTrace(store, "ERR_NOT_FOUND", () => store.delete(key));
      }
    },
  },
  {
    name: "ERR_NOT_FOUND: names the nearest to a misspelt name",
    async run(store) {
      await store.save(part("mtademo"));
      const { message } = await refused("ERR_NOT_FOUND", () => store.load(at("mtadmo")));
      assert.match(message, /part\/mtadmo.*"mtademo"/s);
    },
  },
];

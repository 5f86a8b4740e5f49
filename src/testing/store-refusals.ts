/**
 * The cases of the store suite on deleting, and on what a store does not take. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { MAX_REFERENCE_DEPTH } from "../backends/backend.ts";
import { type Json, MAX_JSON_DEPTH } from "../json.ts";
import type { Store } from "../stores/store.ts";
import { at, loaded, over, part, referenceTo, refusedWithoutTrace } from "./store-subject.ts";
import type { Case } from "./suite.ts";

export const deleting: readonly Case<Store>[] = [
  {
    name: "delete: gives what was deleted and frees the name",
    async run(store) {
      const { id } = await store.save(part("one"));
      assert.deepStrictEqual(await store.delete(at("one")), [{ id, type: "part", name: "one" }]);
      assert.deepStrictEqual(await store.list(), []);
      const again = await store.save(part("one"));
      assert.notEqual(again.id, id);
      assert.deepStrictEqual(await store.delete({ id: again.id }), [referenceTo(again)]);
    },
  },
  {
    name: "delete: what others refer to is ERR_REFERENCED, naming them",
    async run(store) {
      const child = await store.save(part("child"));
      await store.save(over("a", child));
      await store.save(over("b", child));
      const error = await refusedWithoutTrace(store, "ERR_REFERENCED", () => store.delete(at("child")));
      assert.deepStrictEqual(error.details.documents, ["part/a", "part/b"]);
      assert.match(error.message, /part\/a, part\/b/);
    },
  },
  {
    name: "delete: cascade takes all that refer to it, at any distance, and nothing else",
    async run(store) {
      const child = await store.save(part("child"));
      const parent = await store.save(over("parent", child, await store.save(part("sibling"))));
      await store.save(over("grandparent", parent, child));
      const deleted = await store.delete(at("child"), { cascade: true });
      assert.deepStrictEqual(deleted.map(({ name }) => name).sort(), ["child", "grandparent", "parent"]);
      assert.deepStrictEqual(
        (await store.list()).map(({ name }) => name),
        ["sibling"],
      );
    },
  },
  {
    name: "delete: ifRevision deletes that revision, and else is ERR_CONFLICT with both",
    async run(store) {
      await store.save(part("one"));
      await store.save(part("one"), { overwrite: true });
      const error = await refusedWithoutTrace(store, "ERR_CONFLICT", () => store.delete(at("one"), { ifRevision: 1 }));
      assert.deepStrictEqual([error.details.expected, error.details.actual], [1, 2]);
      await store.delete(at("one"), { ifRevision: 2 });
      assert.deepStrictEqual(await store.list(), []);
    },
  },
];

/** Cases on what is too large, too deep, circular or misnamed. */
export function limits(maxBytes: number): readonly Case<Store>[] {
  const deep = (levels: number): Json => (levels === 0 ? "bottom" : [deep(levels - 1)]);
  return [
    {
      name: "limits: an oversized document is ERR_LIMIT, stating the limit; the largest is kept",
      async run(store) {
        const head = { text: "", token: null };
        const room = maxBytes - JSON.stringify(head).length - JSON.stringify({ "/token": "" }).length;
        for (const half of ["data", "secrets"] as const) {
          const filled = (bytes: number) =>
            part(half, {
              data: half === "data" ? { ...head, text: "x".repeat(bytes) } : head,
              secrets: { "/token": half === "data" ? "" : "x".repeat(bytes) },
            });
          const error = await refusedWithoutTrace(store, "ERR_LIMIT", () => store.save(filled(room + 1)));
          assert.match(error.message, new RegExp(String(maxBytes)));
          await store.save(filled(room));
          const { data, secrets } = await loaded(store, half);
          assert.equal(half === "data" ? data.text : secrets["/token"]?.reveal(), "x".repeat(room));
        }
      },
    },
    {
      name: `limits: more than ${MAX_JSON_DEPTH} levels are ERR_LIMIT, in both halves`,
      async run(store) {
        await store.save(part("deepest", { data: { deep: deep(MAX_JSON_DEPTH - 1) }, secrets: { "/token": deep(MAX_JSON_DEPTH) } }));
        assert.deepStrictEqual((await loaded(store, "deepest")).data, { deep: deep(MAX_JSON_DEPTH - 1), token: null });
        await refusedWithoutTrace(store, "ERR_LIMIT", () => store.save(part("x", { data: { deep: deep(MAX_JSON_DEPTH) } })));
        await refusedWithoutTrace(store, "ERR_LIMIT", () => store.save(part("x", { secrets: { "/token": deep(MAX_JSON_DEPTH + 1) } })));
      },
    },
    {
      name: `limits: references ${MAX_REFERENCE_DEPTH} deep are kept, one more is ERR_LIMIT`,
      async run(store) {
        let last = await store.save(part("d0"));
        for (let depth = 1; depth <= MAX_REFERENCE_DEPTH; depth++) last = await store.save(over(`d${depth}`, last));
        assert.equal((await store.load({ id: last.id })).length, MAX_REFERENCE_DEPTH + 1);
        const error = await refusedWithoutTrace(store, "ERR_LIMIT", () => store.save(over("deeper", last)));
        assert.match(error.message, new RegExp(String(MAX_REFERENCE_DEPTH)));
      },
    },
    {
      name: "limits: twenty diamonds over each other take no longer than twenty documents",
      async run(store) {
        let [left, right] = [await store.save(part("l0")), await store.save(part("r0"))];
        for (let level = 1; level <= 20; level++)
          [left, right] = [await store.save(over(`l${level}`, left, right)), await store.save(over(`r${level}`, left, right))];
        assert.equal((await store.load(at("l20"))).length, 41);
      },
    },
    {
      name: "ERR_CYCLE: a document that would refer to itself, naming the way",
      async run(store) {
        const a = await store.save(part("a"));
        const c = await store.save(over("c", await store.save(over("b", a))));
        const itself = await refusedWithoutTrace(store, "ERR_CYCLE", () => store.save(over("a", a), { overwrite: true }));
        assert.match(itself.message, /part\/a → part\/a/);
        const around = await refusedWithoutTrace(store, "ERR_CYCLE", () => store.save(over("a", c), { overwrite: true }));
        assert.match(around.message, /part\/a → part\/c → part\/b → part\/a/);
      },
    },
    {
      name: "ERR_BROKEN_REFERENCE: a reference to what is not there, naming it",
      async run(store) {
        const one = await store.save(part("one"));
        const lost = over("parent", { ...one, id: randomUUID(), name: "lost" });
        const error = await refusedWithoutTrace(store, "ERR_BROKEN_REFERENCE", () => store.save(lost));
        assert.match(error.message, /part\/lost/);
        await refusedWithoutTrace(store, "ERR_BROKEN_REFERENCE", () => store.save({ ...lost, name: "one" }, { overwrite: true }));
      },
    },
    {
      name: "ERR_INVALID: a name that is none",
      async run(store) {
        for (const name of ["", "a/b", "../a", "a\n", "A", "é", "a b", "a.b", "\u0000"])
          await refusedWithoutTrace(store, "ERR_INVALID", () => store.save(part(name), { overwrite: true }));
        await refusedWithoutTrace(store, "ERR_INVALID", () => store.save(part("one", { type: "No Slug" })));
      },
    },
  ];
}

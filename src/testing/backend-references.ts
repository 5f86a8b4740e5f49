/**
 * The cases of the backend suite on references, and on removing what is and is not referred to. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type Backend, MAX_REFERENCE_DEPTH } from "../backends/backend.ts";
import { comesBack, create, namesOf, next, over, record } from "./backend-subject.ts";
import { type Case, refused, successes } from "./suite.ts";

export const references: readonly Case<Backend>[] = [
  {
    name: "put: a reference to what is not there is ERR_BROKEN_REFERENCE and nothing is written",
    async run(backend) {
      await refused("ERR_BROKEN_REFERENCE", () => backend.put(over("parent", record("missing")), null));
      assert.deepStrictEqual(await backend.list({ kind: "document", limit: 10 }), []);
      const [one] = await create(backend, record("one"));
      await refused("ERR_BROKEN_REFERENCE", () => backend.put(next(one, { references: over("x", record("missing")).references }), 1));
      await comesBack(backend, one);
    },
  },
  {
    name: "graph: nothing for what is not there",
    async run(backend) {
      await create(backend, record("one"));
      assert.deepStrictEqual(await backend.graph({ kind: "document", type: "part", name: "two" }), []);
      assert.deepStrictEqual(await backend.graph({ id: randomUUID() }), []);
    },
  },
  {
    name: "graph: all that is reached, at any depth, each once, and nothing else",
    async run(backend) {
      const [bottom] = await create(backend, record("bottom"), record("unrelated"));
      const [left, right] = await create(backend, over("left", bottom), over("right", bottom));
      const [top] = await create(backend, over("top", left, right, bottom));
      await create(backend, over("above", top));
      const reached = await backend.graph({ kind: "document", type: "part", name: "top" });
      assert.deepStrictEqual(reached.map(({ name }) => name).sort(), ["bottom", "left", "right", "top"]);
      for (const each of [bottom, left, right, top])
        assert.deepStrictEqual(
          reached.find(({ id }) => id === each.id),
          each,
        );
    },
  },
  {
    name: "graph: goes down as deep as documents may refer, and one more",
    async run(backend) {
      let [last] = await create(backend, record("d0"));
      for (let depth = 1; depth <= MAX_REFERENCE_DEPTH + 1; depth++) [last] = await create(backend, over(`d${depth}`, last));
      assert.equal((await backend.graph({ id: last.id })).length, MAX_REFERENCE_DEPTH + 2);
    },
  },
  {
    name: "graph: follows what a record refers to now",
    async run(backend) {
      const [old, fresh] = await create(backend, record("old"), record("fresh"));
      const [parent] = await create(backend, over("parent", old));
      await backend.put(next(parent, { references: over("x", fresh).references }), 1);
      assert.deepStrictEqual((await namesOf(backend.graph({ id: parent.id }))).sort(), ["fresh", "parent"]);
      assert.deepStrictEqual(await backend.referrers(old.id), []);
      await backend.remove([old]);
    },
  },
  {
    name: "referrers: those that refer directly, by type and name",
    async run(backend) {
      const [child] = await create(backend, record("child"));
      const [b] = await create(backend, over("b", child), over("a", child), { ...over("z", child), type: "earlier" });
      await create(backend, over("grandparent", b));
      assert.deepStrictEqual(await namesOf(backend.referrers(child.id)), ["z", "a", "b"]);
      assert.deepStrictEqual(await backend.referrers(randomUUID()), []);
    },
  },
];

export const removing: readonly Case<Backend>[] = [
  {
    name: "remove: what is removed is gone everywhere, and its name is free",
    async run(backend) {
      const [one] = await create(backend, record("one"), record("two"));
      await backend.remove([one]);
      assert.equal(await backend.get({ id: one.id }), null);
      assert.equal(await backend.get({ kind: "document", type: "part", name: "one" }), null);
      assert.deepStrictEqual(await backend.graph({ id: one.id }), []);
      assert.deepStrictEqual(await namesOf(backend.list({ kind: "document", limit: 10 })), ["two"]);
      await comesBack(backend, (await create(backend, record("one")))[0]);
    },
  },
  {
    name: "remove: what is referred to is ERR_REFERENCED, naming by whom",
    async run(backend) {
      const [child] = await create(backend, record("child"));
      const [parent] = await create(backend, over("parent", child));
      const error = await refused("ERR_REFERENCED", () => backend.remove([child]));
      assert.deepStrictEqual(error.details.documents, ["part/parent"]);
      await comesBack(backend, child);
      await comesBack(backend, parent);
    },
  },
  {
    name: "remove: what a changed record still refers to is ERR_REFERENCED, what it refers to no more is not",
    async run(backend) {
      const [kept, dropped, added] = await create(backend, record("kept"), record("dropped"), record("added"));
      const [parent] = await create(backend, over("parent", kept, dropped));
      await backend.put(next(parent, { references: over("x", kept, added).references }), 1);
      for (const child of [kept, added]) await refused("ERR_REFERENCED", () => backend.remove([child]));
      await backend.remove([dropped]);
      assert.deepStrictEqual((await namesOf(backend.graph({ id: parent.id }))).sort(), ["added", "kept", "parent"]);
    },
  },
  {
    name: "remove: parent and child go together, in either order",
    async run(backend) {
      for (const parentFirst of [true, false]) {
        const [child] = await create(backend, record("child"));
        const [parent] = await create(backend, over("parent", child));
        await backend.remove(parentFirst ? [parent, child] : [child, parent]);
        assert.deepStrictEqual(await backend.list({ kind: "document", limit: 10 }), []);
      }
    },
  },
  {
    name: "remove: all or none",
    async run(backend) {
      const [one, two] = await create(backend, record("one"), record("two"));
      await refused("ERR_CONFLICT", () => backend.remove([one, { id: two.id, revision: 2 }]));
      await refused("ERR_CONFLICT", () => backend.remove([one, { id: randomUUID(), revision: 1 }]));
      assert.deepStrictEqual(await namesOf(backend.list({ kind: "document", limit: 10 })), ["one", "two"]);
    },
  },
  {
    name: "remove: another revision is ERR_CONFLICT with both, and so is what is gone",
    async run(backend) {
      const [one] = await create(backend, record("one"));
      await backend.put(next(one), 1);
      const stale = await refused("ERR_CONFLICT", () => backend.remove([one]));
      assert.deepStrictEqual([stale.details.expected, stale.details.actual], [1, 2]);
      await backend.remove([{ id: one.id, revision: 2 }]);
      const gone = await refused("ERR_CONFLICT", () => backend.remove([{ id: one.id, revision: 2 }]));
      assert.deepStrictEqual([gone.details.expected, gone.details.actual], [2, null]);
    },
  },
  {
    name: "remove: of a writer and a remover at one revision one wins",
    async run(backend) {
      for (let round = 0; round < 10; round++) {
        const [one] = await create(backend, record(`n${round}`));
        assert.equal(await successes([backend.remove([one]), backend.put(next(one), 1)], ["ERR_CONFLICT"]), 1);
      }
    },
  },
];

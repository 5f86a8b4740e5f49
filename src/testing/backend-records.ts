/**
 * The cases of the backend suite on single records and lists of them. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Backend, StoredRecord } from "../backends/backend.ts";
import { comesBack, create, namesOf, next, over, record } from "./backend-subject.ts";
import { type Case, ODD_TEXTS, oddKeys, refused, successes } from "./suite.ts";

export const readingAndWriting: readonly Case<Backend>[] = [
  {
    name: "a store's id stays, and another store has another",
    async run(backend, another) {
      const id = await backend.storeId();
      assert.equal(await backend.storeId(), id);
      assert.notEqual(await (await another()).storeId(), id);
    },
  },
  {
    name: "get: null for what is not there",
    async run(backend) {
      await create(backend, record("one"));
      assert.equal(await backend.get({ kind: "document", type: "part", name: "two" }), null);
      assert.equal(await backend.get({ kind: "type", type: "part", name: "one" }), null);
      assert.equal(await backend.get({ id: randomUUID() }), null);
    },
  },
  {
    name: "getMany: those that are there, of any kind, and no others",
    async run(backend) {
      const [one, , type] = await create(backend, record("one"), record("two"), record("part", { kind: "type" }));
      const found = await backend.getMany([type.id, randomUUID(), one.id]);
      assert.deepStrictEqual(found.map(({ name }) => name).sort(), ["one", "part"]);
      assert.deepStrictEqual(
        found.find(({ id }) => id === one.id),
        one,
      );
      assert.deepStrictEqual(await backend.getMany([]), []);
    },
  },
  {
    name: "put: what was put comes back, field by field",
    async run(backend) {
      const [one] = await create(backend, record("one"));
      await comesBack(backend, one);
      const two = next(one, { data: { text: "changed" }, sealed: "other", updated: "2025-01-03T00:00:00.000Z", secrets: {} });
      await backend.put(two, 1);
      await comesBack(backend, two);
    },
  },
  {
    name: "put: keeps text of every script, and __proto__ and constructor as keys",
    async run(backend) {
      const numbers = [0, -1, 1.5, 5e-324, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER];
      const data = { texts: ODD_TEXTS, keys: oddKeys(), numbers, none: null, lists: [[], {}, [true]] };
      const [odd] = await create(backend, record("odd", { data, updatedBy: ODD_TEXTS.scripts as string }));
      await comesBack(backend, odd);
    },
  },
  {
    name: "put: keeps a megabyte in either half",
    async run(backend) {
      const large = "0123456789abcdef".repeat(65_536);
      await comesBack(backend, (await create(backend, record("large", { data: { large }, sealed: large })))[0]);
    },
  },
  {
    name: "put: what the caller changes later changes nothing at rest",
    async run(backend) {
      const given = record("one", { data: { list: ["before"] } });
      await create(backend, given);
      for (const held of [given, ...(await backend.graph({ id: given.id }))]) {
        try {
          (held.data.list as string[]).push("after");
        } catch (error) {
          assert(error instanceof TypeError, "what is given out may be frozen");
        }
      }
      assert.deepStrictEqual((await backend.get({ id: given.id }))?.data, { list: ["before"] });
    },
  },
  {
    name: "put: names that a system could fold into one stay apart, and so do kinds and types",
    async run(backend) {
      const names = ["dbg", "dba", "dbG", "DBA", "db-g", "db_g", "a-b", "ab", "a", "con", "nul", "0", "00", "é", "e\u0301", "ß", "ss"];
      const records = names.map((name) => record(name));
      const others = [record("dbg", { type: "dbg" }), record("dbg", { kind: "schema" }), record("dbg", { kind: "type" })];
      await create(backend, ...records, ...others);
      for (const each of [...records, ...others]) await comesBack(backend, each);
    },
  },
  {
    name: "put: creating what exists is ERR_EXISTS and changes nothing",
    async run(backend) {
      const [one] = await create(backend, record("one"));
      await refused("ERR_EXISTS", () => backend.put(record("one", { data: { text: "other" } }), null));
      await comesBack(backend, one);
    },
  },
  {
    name: "put: a stale revision is ERR_CONFLICT with both revisions and changes nothing",
    async run(backend) {
      const [one] = await create(backend, record("one"));
      const two = next(one);
      await backend.put(two, 1);
      const error = await refused("ERR_CONFLICT", () => backend.put(next(one, { data: { text: "late" } }), 1));
      assert.deepStrictEqual([error.details.expected, error.details.actual], [1, 2]);
      await comesBack(backend, two);
    },
  },
  {
    name: "put: replacing what is gone is ERR_CONFLICT, also where another took its name",
    async run(backend) {
      const gone = record("one");
      for (const taken of [false, true]) {
        if (taken) await create(backend, record("one"));
        const error = await refused("ERR_CONFLICT", () => backend.put(next(gone), 1));
        assert.deepStrictEqual([error.details.expected, error.details.actual], [1, null]);
      }
    },
  },
  {
    name: "put: a record sealed anew keeps its revision",
    async run(backend) {
      const [one] = await create(backend, record("one"));
      const anew = { ...one, sealed: "sealed anew" };
      await backend.put(anew, 1);
      await comesBack(backend, anew);
    },
  },
  {
    name: "put: of twenty writers at one revision one wins",
    async run(backend) {
      const [one] = await create(backend, record("one"));
      const writers = Array.from({ length: 20 }, (_, writer) => backend.put(next(one, { data: { writer } }), 1));
      assert.equal(await successes(writers, ["ERR_CONFLICT"]), 1);
      assert.equal((await backend.get({ id: one.id }))?.revision, 2);
    },
  },
  {
    name: "put: of twenty creators of one name one wins",
    async run(backend) {
      const creators = Array.from({ length: 20 }, () => backend.put(record("one"), null));
      assert.equal(await successes(creators, ["ERR_EXISTS"]), 1);
      assert.deepStrictEqual(await namesOf(backend.list({ kind: "document", limit: 100 })), ["one"]);
    },
  },
];

export const listing: readonly Case<Backend>[] = [
  {
    name: "list: by type and name in the order of bytes, of one kind",
    async run(backend) {
      assert.deepStrictEqual(await backend.list({ kind: "document", limit: 10 }), []);
      await create(backend, ...["b", "a-b", "ab", "a", "a0", "0", "10", "9"].map((name) => record(name)));
      await create(backend, record("z", { type: "earlier" }), record("y", { kind: "schema" }));
      const listed = await backend.list({ kind: "document", limit: 100 });
      const places = listed.map(({ type, name }) => `${type}/${name}`);
      assert.deepStrictEqual(places, ["earlier/z", ...["0", "10", "9", "a", "a-b", "a0", "ab", "b"].map((name) => `part/${name}`)]);
      assert.deepStrictEqual(await namesOf(backend.list({ kind: "schema", limit: 100 })), ["y"]);
    },
  },
  {
    name: "names: the places that list gives, of one kind, type and page",
    async run(backend) {
      await create(backend, record("b"), record("a"), record("c", { type: "earlier" }), record("d", { kind: "schema" }));
      for (const query of [{ limit: 10 }, { type: "part", limit: 10 }, { limit: 2 }, { after: { type: "part", name: "a" }, limit: 10 }]) {
        const listed = await backend.list({ kind: "document", ...query });
        const names = await backend.names({ kind: "document", ...query });
        assert.deepStrictEqual(
          names.map(({ type, name }) => [type, name]),
          listed.map(({ type, name }) => [type, name]),
        );
      }
    },
  },
  {
    name: "list: of one type only, and none of an unknown one",
    async run(backend) {
      await create(backend, record("one"), record("two", { type: "part-2" }), record("three", { type: "par" }));
      assert.deepStrictEqual(await namesOf(backend.list({ kind: "document", type: "part", limit: 10 })), ["one"]);
      assert.deepStrictEqual(await backend.list({ kind: "document", type: "unknown", limit: 10 }), []);
    },
  },
  {
    name: "list: pages follow each other without a gap, whatever is written and removed meanwhile",
    async run(backend) {
      const records = await create(backend, ...Array.from({ length: 25 }, (_, index) => record(`n${String(index).padStart(2, "0")}`)));
      const seen: string[] = [];
      for (let page = await backend.list({ kind: "document", limit: 4 }); page.length > 0; ) {
        assert(page.length <= 4);
        seen.push(...page.map(({ name }) => name));
        const last = page.at(-1) as StoredRecord;
        if (seen.length === 8) {
          await backend.remove([last, records[2] as StoredRecord]);
          await create(backend, record("n000"), record("n07a"));
        }
        page = await backend.list({ kind: "document", after: { type: last.type, name: last.name }, limit: 4 });
      }
      assert.deepStrictEqual(seen, [...records.slice(0, 8).map(({ name }) => name), "n07a", ...records.slice(8).map(({ name }) => name)]);
    },
  },
];

export const looking: readonly Case<Backend>[] = [
  {
    name: "scan: all records of every kind in order of id, in pages",
    async run(backend) {
      const kinds = ["document", "type", "schema"] as const;
      const records = await create(
        backend,
        ...Array.from({ length: 10 }, (_, index) => record(`n${index}`, { kind: kinds[index % 3] ?? "type" })),
      );
      const seen: StoredRecord[] = [];
      for (let after: string | undefined; ; after = seen.at(-1)?.id) {
        const page = await backend.scan({ after, limit: 4 });
        seen.push(...page);
        if (page.length < 4) break;
      }
      assert.deepStrictEqual(
        seen,
        records.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      );
    },
  },
  {
    name: "stamp: is another after each change, and no other while nothing changes; where there is one",
    async run(backend) {
      if (!backend.stamp) return;
      const [one, two] = [record("one"), record("two")];
      const seen = new Set([await backend.stamp()]);
      const changes = [
        () => backend.put(one, null),
        () => backend.put(two, null),
        () => backend.put({ ...one, revision: 2 }, 1),
        () => backend.remove([{ id: two.id, revision: 1 }]),
      ];
      for (const change of changes) {
        await change();
        const stamp = await backend.stamp();
        await backend.get({ id: one.id });
        assert.equal(await backend.stamp(), stamp);
        seen.add(stamp);
      }
      assert.equal(seen.size, changes.length + 1);
    },
  },
  {
    name: "check: nothing is wrong with what was only used",
    async run(backend) {
      const [child] = await create(backend, record("child"));
      const [parent] = await create(backend, over("parent", child));
      await backend.put(next(parent, { references: {} }), 1);
      await backend.remove([child]);
      assert.deepStrictEqual(await backend.check(), []);
    },
  },
];

export const closing: readonly Case<Backend>[] = [
  {
    name: "close: twice",
    async run(backend) {
      await backend.close();
      await backend.close();
    },
  },
  {
    name: "close: afterwards all is ERR_UNREACHABLE, and nothing is told as absent",
    async run(backend) {
      const [one] = await create(backend, record("one"));
      await backend.close();
      const key = { kind: "document", type: "part", name: "one" } as const;
      const uses = [
        () => backend.get(key),
        () => backend.graph(key),
        () => backend.put(record("two"), null),
        () => backend.put(next(one), 1),
        () => backend.remove([one]),
        () => backend.referrers(one.id),
        () => backend.list({ kind: "document", limit: 1 }),
        () => backend.names({ kind: "document", limit: 1 }),
        () => backend.getMany([one.id]),
        () => backend.scan({ limit: 1 }),
        () => backend.check(),
        () => backend.storeId(),
      ];
      for (const use of uses) await refused("ERR_UNREACHABLE", use);
    },
  },
];

/**
 * The conformance suite of backends. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type Backend, MAX_REFERENCE_DEPTH, type StoredRecord } from "../backends/backend.ts";
import { type Case, ODD_TEXTS, oddKeys, type Runner, refused, runSuite, type SuiteOptions, successes } from "./suite.ts";

/**
 * Runs the contract of {@link Backend} against one.
 * @throws TypeError for a deviation that names no case.
 */
export function backendConformance(runner: Runner, options: SuiteOptions<Backend>): void {
  runSuite(runner, options, [...readingAndWriting, ...references, ...removing, ...listing, ...closing]);
}

const TIME = "2025-01-02T03:04:05.678Z";

function record(name: string, parts: Partial<StoredRecord> = {}): StoredRecord {
  const head = { id: randomUUID(), kind: "document", type: "part", name, schema: "sha256:0", revision: 1 } as const;
  const body = { data: { text: name }, references: {}, secrets: { "/token": { changed: TIME } }, sealed: `sealed.${name}` };
  return { ...head, ...body, created: TIME, updated: TIME, updatedBy: "someone", ...parts };
}

/** A record that refers to others. */
function over(name: string, ...children: readonly StoredRecord[]): StoredRecord {
  return record(name, { references: Object.fromEntries(children.map(({ id, type, name: to }) => [`/${to}`, { id, type, name: to }])) });
}

function next(before: StoredRecord, parts: Partial<StoredRecord> = {}): StoredRecord {
  return { ...before, revision: before.revision + 1, ...parts };
}

async function create<R extends readonly StoredRecord[]>(backend: Backend, ...records: R): Promise<R> {
  for (const each of records) await backend.put(each, null);
  return records;
}

async function namesOf(records: Promise<readonly StoredRecord[]>): Promise<string[]> {
  return (await records).map(({ name }) => name);
}

async function comesBack(backend: Backend, given: StoredRecord): Promise<void> {
  const { kind, type, name, id } = given;
  assert.deepStrictEqual(await backend.get({ kind, type, name }), given);
  assert.deepStrictEqual(await backend.get({ id }), given);
  assert.deepStrictEqual(
    (await backend.graph({ id })).find((each) => each.id === id),
    given,
  );
  assert.deepStrictEqual(
    (await backend.list({ kind, type, limit: 1000 })).find((each) => each.id === id),
    given,
  );
}

const readingAndWriting: readonly Case<Backend>[] = [
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
      const names = ["dbg", "dba", "db-g", "a-b", "ab", "a", "con", "nul", "0", "00"];
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

const references: readonly Case<Backend>[] = [
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

const removing: readonly Case<Backend>[] = [
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

const listing: readonly Case<Backend>[] = [
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

const closing: readonly Case<Backend>[] = [
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
        () => backend.storeId(),
      ];
      for (const use of uses) await refused("ERR_UNREACHABLE", use);
    },
  },
];

/**
 * The cases of the store suite on writing, reading and failing. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import type { ErrorCode } from "../errors.ts";
import type { Document, Store, WriteCondition } from "../stores/store.ts";
import {
  at,
  CANARY,
  loaded,
  nextMillisecond,
  over,
  part,
  partSchema,
  partType,
  referenceTo,
  refusedWithoutTrace,
  register,
  revealed,
  written,
} from "./store-subject.ts";
import { type Case, ODD_TEXTS, oddKeys, refused, successes } from "./suite.ts";

const { lone: LONE = "", ...TEXTS } = ODD_TEXTS;

/** Twenty who write one document at once. */
function twenty(store: Store, condition?: WriteCondition): Promise<unknown>[] {
  return Array.from({ length: 20 }, (_, writer) => store.save(part("one", { data: { writer } }), condition));
}

export const writing: readonly Case<Store>[] = [
  {
    name: "save: what was saved is loaded, secrets included",
    async run(store) {
      const draft = part("one", {
        data: { text: "t", list: [1, { a: null }] },
        secrets: { "/token": `${CANARY} 1`, "/list/1/a": 5 },
      });
      const saved = await store.save(draft);
      const { id, created, updated } = saved;
      assert.match(id, /^[0-9a-f-]{36}$/);
      written(saved, 1);
      for (const time of [created, updated]) assert.equal(new Date(time).toISOString(), time);
      const document = await loaded(store, "one");
      assert.deepStrictEqual({ ...document, secrets: {} }, { ...saved, secrets: {} });
      assert.deepStrictEqual(document.data, draft.data);
      assert.deepStrictEqual(revealed(document), { "/token": `${CANARY} 1`, "/list/1/a": 5 });
      assert.deepStrictEqual((await store.load({ id }))[0]?.name, "one");
    },
  },
  {
    name: "save: keeps text of every script and odd keys in both halves",
    async run(store) {
      const odd = { "/texts-secret": TEXTS, "/keys-secret": oddKeys(), "/~1~0/0": "escaped", "/__proto__": "a", "/constructor": "b" };
      const draft = part("odd", { data: { texts: TEXTS, keys: oddKeys() }, secrets: odd });
      await store.save(draft);
      const document = await loaded(store, "odd");
      assert.deepStrictEqual(document.data, draft.data);
      assert.deepStrictEqual(revealed(document), odd);
    },
  },
  {
    name: "save: keeps a lone surrogate, half of a character",
    async run(store) {
      const draft = part("half", { data: { text: LONE }, secrets: { "/token": LONE } });
      await store.save(draft);
      assert.deepStrictEqual((await loaded(store, "half")).data, draft.data);
      assert.deepStrictEqual(revealed(await loaded(store, "half")), { "/token": LONE });
    },
  },
  {
    name: "save: keeps empty values and documents without secrets",
    async run(store) {
      const secrets = { "/a": "", "/c": {}, "/d": [], "/e": 0, "/f": false };
      await store.save(part("empty", { data: {}, secrets }));
      await store.save(part("public", { secrets: {} }));
      assert.deepStrictEqual(revealed(await loaded(store, "empty")), secrets);
      assert.deepStrictEqual(revealed(await loaded(store, "public")), {});
    },
  },
  {
    name: "save: keeps a secret that is null apart from one that is not set",
    async run(store) {
      await store.save(part("null", { secrets: { "/a": null } }));
      assert.deepStrictEqual(revealed(await loaded(store, "null")), { "/a": null });
    },
  },
  {
    name: "save: a taken name is ERR_EXISTS",
    async run(store) {
      await store.save(part("one"));
      const error = await refusedWithoutTrace(store, "ERR_EXISTS", () => store.save(part("one", { data: { text: "other" } })));
      assert.match(error.message, /part\/one/);
    },
  },
  {
    name: "save: overwrite replaces and keeps the id; it also creates",
    async run(store) {
      const first = await store.save(part("one"), { overwrite: true });
      const second = await store.save(part("one", { data: { text: "new" } }), { overwrite: true });
      assert.deepStrictEqual([second.id, second.created], [first.id, first.created]);
      assert.deepStrictEqual((await loaded(store, "one")).data, { text: "new", token: null });
    },
  },
  {
    name: "save: counts from 1 how often a document was written, and each document anew",
    async run(store) {
      const revisions = [];
      for (const overwrite of [false, true, true]) revisions.push((await store.save(part("one"), { overwrite })).revision);
      assert.deepStrictEqual(revisions, [1, 2, 3]);
      assert.equal((await loaded(store, "one")).revision, 3);
      await store.delete(at("one"));
      assert.equal((await store.save(part("one"))).revision, 1);
    },
  },
  {
    name: "save: ifRevision replaces that revision, and else is ERR_CONFLICT with both",
    async run(store) {
      await store.save(part("one"));
      assert.equal((await store.save(part("one", { data: { text: "second" } }), { ifRevision: 1 })).revision, 2);
      for (const overwrite of [false, true]) {
        const late = await refusedWithoutTrace(store, "ERR_CONFLICT", () => store.save(part("one"), { ifRevision: 1, overwrite }));
        assert.deepStrictEqual([late.details.expected, late.details.actual], [1, 2]);
      }
      const gone = await refusedWithoutTrace(store, "ERR_CONFLICT", () => store.save(part("two"), { ifRevision: 1 }));
      assert.deepStrictEqual([gone.details.expected, gone.details.actual], [1, null]);
    },
  },
  {
    name: "save: of twenty creators one wins, and all who overwrite",
    async run(store) {
      assert.equal(await successes(twenty(store), ["ERR_EXISTS"]), 1);
      assert.equal(await successes(twenty(store, { overwrite: true }), []), 20);
      written(await store.inspect(at("one")), 21);
    },
  },
  {
    name: "save: of twenty at one revision one wins",
    async run(store) {
      await store.save(part("one"));
      assert.equal(await successes(twenty(store, { ifRevision: 1 }), ["ERR_CONFLICT"]), 1);
      written(await store.inspect(at("one")), 2);
    },
  },
  {
    name: "save: only a secret that changed moves its time",
    async run(store) {
      const first = await store.save(part("one", { secrets: { "/a": "1", "/b": { deep: ["2"] }, "/gone": "3" } }));
      await nextMillisecond();
      const second = await store.save(
        part("one", { data: { text: "other" }, secrets: { "/a": "1", "/b": { deep: ["new"] }, "/more": "4" } }),
        {
          overwrite: true,
        },
      );
      assert.deepStrictEqual(Object.keys(second.secrets).sort(), ["/a", "/b", "/more"]);
      assert.deepStrictEqual(second.secrets["/a"], first.secrets["/a"]);
      for (const place of ["/b", "/more"]) assert((second.secrets[place]?.changed ?? "") > first.updated);
    },
  },
  {
    name: "save: an anonymous document is loaded by its name and id, and left out of lists unless asked for",
    async run(store) {
      const child = await store.save(part("child"));
      const saved = await store.save({ ...over("made-up", child), anonymous: true });
      assert.equal(saved.anonymous, true);
      for (const key of [at("made-up"), { id: saved.id }]) {
        const [found] = await store.load(key);
        assert.deepStrictEqual(
          [found?.anonymous, found?.id, found && revealed(found)],
          [true, saved.id, { "/token": `${CANARY} of made-up` }],
        );
        assert.deepStrictEqual(await store.inspect(key), saved);
      }
      const names = async (anonymous: boolean) => [
        (await store.list({ anonymous })).map(({ name }) => name),
        (await store.names({ type: "part", anonymous })).map(({ name }) => name),
        (await store.loadPage({ anonymous })).map(({ name }) => name),
      ];
      assert.deepStrictEqual(await names(false), [["child"], ["child"], ["child"]]);
      assert.deepStrictEqual(await names(true), [["made-up"], ["made-up"], ["made-up"]]);
      assert.deepStrictEqual((await refusedWithoutTrace(store, "ERR_REFERENCED", () => store.delete(at("child")))).details.documents, [
        "part/made-up",
      ]);
      await refusedWithoutTrace(store, "ERR_EXISTS", () => store.save(part("made-up")));
      const again = await store.save(part("made-up"), { overwrite: true });
      assert.deepStrictEqual([again.id, again.anonymous], [saved.id, true]);
      assert.deepStrictEqual(await store.delete(at("made-up")), [referenceTo(saved)]);
    },
  },
];

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
  {
    name: "close: twice, and afterwards all is ERR_UNREACHABLE",
    async run(store) {
      await store.save(part("one"));
      await store.close();
      await store.close();
      for (const use of uses(store)) await refused("ERR_UNREACHABLE", use);
    },
  },
];

/** Each method of the contract, once. */
function uses(store: Store): (() => Promise<unknown>)[] {
  return [
    async () => store.load(at("one")),
    () => store.inspect(at("one")),
    () => store.save(part("one"), { overwrite: true }),
    () => store.save(part("two")),
    () => store.delete(at("one")),
    () => store.list(),
    () => store.loadPage(),
    () => store.deleteType("part"),
    () => store.loadMany([randomUUID()]),
    () => store.inspectMany([randomUUID()]),
    () => store.names(),
    () => store.saveType(partType),
    () => store.saveSchema(partSchema()),
    () => store.type({ slug: "part" }),
    () => store.types(),
    () => store.schemas(),
    () => store.deleteSchema(randomUUID()),
    () => store.schema({ type: "part" }),
    () => store.schema({ type: "part", checksum: partSchema().checksum }),
  ];
}

/** What a failing storage says is passed on; nothing of it is told as an absence. */
export function failures(failing: (code: ErrorCode) => Store | Promise<Store>): Case<Store>[] {
  return (["ERR_DENIED", "ERR_UNREACHABLE", "ERR_CANNOT_OPEN"] as const).map((code) => ({
    name: `${code} of the storage is passed on, never told as an absence`,
    async run() {
      const store = await failing(code);
      for (const use of uses(store)) await refused(code, use);
      await store.close();
    },
  }));
}

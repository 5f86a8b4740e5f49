/**
 * The cases of the store suite on writing documents. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import type { Store, WriteCondition } from "../stores/store.ts";
import { at, CANARY, loaded, nextMillisecond, over, part, referenceTo, refusedWithoutTrace, revealed, written } from "./store-subject.ts";
import { type Case, ODD_TEXTS, oddKeys, successes } from "./suite.ts";

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

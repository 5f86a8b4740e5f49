/**
 * The cases of the store suite on block types and their schemas. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { BlockSchema, BlockType, Store } from "../stores/store.ts";
import {
  at,
  bare,
  loaded,
  nextMillisecond,
  over,
  part,
  partSchema,
  partType,
  referenceTo,
  refusedWithoutTrace,
  register,
} from "./store-subject.ts";
import type { Case } from "./suite.ts";

const otherType = { ...partType, slug: "other-part", name: "Other part" };

async function bareTypes(store: Store): Promise<BlockType[]> {
  return (await store.types()).map(bare);
}

export const types: readonly Case<Store>[] = [
  {
    name: "saveType: makes a type known once; it can be had by slug and by id",
    async run(store) {
      const made = await store.saveType(otherType);
      assert.equal(made.change, "created");
      assert.deepStrictEqual(await store.saveType(otherType), { type: made.type, change: "unchanged" });
      assert.deepStrictEqual(bare(made.type), otherType);
      assert.match(made.type.id, /^[0-9a-f-]{36}$/);
      for (const time of [made.type.created, made.type.updated]) assert.equal(new Date(time).toISOString(), time);
      assert.deepStrictEqual(await store.type({ slug: "other-part" }), made.type);
      assert.deepStrictEqual(await store.type({ id: made.type.id }), made.type);
      assert.deepStrictEqual([await store.type({ slug: "unknown" }), await store.type({ id: randomUUID() })], [null, null]);
      assert.deepStrictEqual(await bareTypes(store), [otherType, partType]);
    },
  },
  {
    name: "saveType: changed metadata is written only when asked to, and keeps the id",
    async run(store) {
      const { type: before } = await store.saveType(partType);
      const renamed = { ...partType, description: "Something else.", logoUrl: "https://example.invalid/logo.png" };
      assert.equal((await store.saveType(renamed)).change, "unchanged");
      assert.deepStrictEqual(await store.types(), [before]);
      const changed = await store.saveType(renamed, { update: true });
      assert.deepStrictEqual([changed.change, changed.type.id], ["updated", before.id]);
      assert.deepStrictEqual(await store.saveType(renamed, { update: true }), { type: changed.type, change: "unchanged" });
      assert.deepStrictEqual(await bareTypes(store), [renamed]);
    },
  },
  {
    name: "saveType: twenty at once agree",
    async run(store) {
      const twenty = Array.from({ length: 20 }, () => store.saveType(otherType));
      const results = await Promise.all(twenty);
      assert.equal(results.filter(({ change }) => change === "created").length, 1);
      assert.equal(new Set(results.map(({ type }) => type.id)).size, 1);
    },
  },
  {
    name: "saveSchema: makes a schema known once for each version",
    async run(store) {
      const [one, two] = [partSchema("2.0"), { ...partSchema("2.0"), version: "2.0.1" }];
      const made = await store.saveSchema(one);
      assert.deepStrictEqual([made.created, bare(made.schema)], [true, one]);
      assert.deepStrictEqual(await store.saveSchema(one), { schema: made.schema, created: false });
      assert.equal((await store.saveSchema(two)).created, true);
      assert.deepStrictEqual(await store.schema({ id: made.schema.id }), made.schema);
      for (const each of [one, two]) {
        const { type, checksum, version } = each;
        assert.deepStrictEqual(bare(await store.schema({ type, checksum, version })), each);
      }
      assert.equal(await store.schema({ type: "part", checksum: one.checksum, version: "3" }), null);
      assert.equal(await store.schema({ id: randomUUID() }), null);
    },
  },
  {
    name: "saveSchema: of a type that nobody registered is ERR_UNKNOWN_TYPE",
    async run(store) {
      await refusedWithoutTrace(store, "ERR_UNKNOWN_TYPE", () => store.saveSchema(partSchema("1.0", "unknown")));
    },
  },
  {
    name: "saveSchema: any text for a version",
    async run(store) {
      const versions = ["1.0+build/7", "../..", "%2F", "a@b", "Ünï", "non-versioned", ""];
      for (const version of versions) assert.equal((await store.saveSchema({ ...partSchema("9"), version })).created, true);
      const { type, checksum } = partSchema("9");
      for (const version of versions) assert.equal((await store.schema({ type, checksum, version }))?.version, version);
    },
  },
  {
    name: "save: keeps the version of a document's schema, or leaves it out; it is never another",
    async run(store) {
      const { checksum } = partSchema();
      await store.saveSchema({ ...partSchema(), version: "2.0.1" });
      const saved = await store.save({ ...part("one"), version: "2.0.1" });
      for (const each of [saved, await store.inspect(at("one")), await loaded(store, "one")]) {
        assert.equal(each.schema, checksum);
        assert([undefined, "2.0.1"].includes(each.version));
      }
    },
  },
  {
    name: "schema: the one of a checksum, else the newest, byte for byte; schemas: all, the newest first",
    async run(store) {
      const schemas: BlockSchema[] = [];
      for (const version of ["3.0", "1.5", "2.0"]) {
        await nextMillisecond();
        schemas.push(partSchema(version));
        await store.saveSchema(partSchema(version));
        assert.deepStrictEqual(bare(await store.schema({ type: "part" })), partSchema(version));
      }
      for (const schema of schemas) assert.deepStrictEqual(bare(await store.schema({ type: "part", checksum: schema.checksum })), schema);
      assert.equal(await store.schema({ type: "part", checksum: `sha256:${"0".repeat(64)}` }), null);
      assert.equal(await store.schema({ type: "unknown" }), null);
      const newestFirst = [...schemas.toReversed(), partSchema()];
      assert.deepStrictEqual((await store.schemas({ type: "part" })).map(bare), newestFirst);
      assert.deepStrictEqual((await store.schemas()).map(bare), newestFirst);
      assert.deepStrictEqual(await store.schemas({ type: "unknown" }), []);
    },
  },
  {
    name: "deleteType: the type and its schemas; while it has documents it is ERR_REFERENCED, with cascade they go too",
    async run(store) {
      await register(store, otherType);
      const used = await store.save(part("used", { type: "other-part" }));
      const user = await store.save(over("user", used));
      const named = await refusedWithoutTrace(store, "ERR_REFERENCED", () => store.deleteType("other-part"));
      assert.deepStrictEqual(named.details.documents, ["other-part/used"]);
      await refusedWithoutTrace(store, "ERR_REFERENCED", () => store.deleteType("other-part", { cascade: true })); // "user" is of another type
      await store.delete({ id: user.id });
      assert.deepStrictEqual(await store.deleteType("other-part", { cascade: true }), [referenceTo(used)]);
      assert.deepStrictEqual(await bareTypes(store), [partType]);
      assert.equal(await store.schema({ type: "other-part" }), null);
      assert.deepStrictEqual(await store.deleteType("part"), []);
      await refusedWithoutTrace(store, "ERR_NOT_FOUND", () => store.deleteType("part"));
    },
  },
  {
    name: "deleteSchema: while documents were saved under it it is ERR_REFERENCED, with cascade they go too, unless another has its checksum",
    async run(store) {
      const [used, unused] = [(await store.saveSchema(partSchema())).schema, (await store.saveSchema(partSchema("2"))).schema];
      const one = await store.save(part("one"));
      assert.deepStrictEqual(await store.deleteSchema(unused.id), []);
      const named = await refusedWithoutTrace(store, "ERR_REFERENCED", () => store.deleteSchema(used.id));
      assert.deepStrictEqual(named.details.documents, ["part/one"]);
      const { schema: twin } = await store.saveSchema({ ...partSchema(), version: "1.0.1" });
      assert.deepStrictEqual(await store.deleteSchema(used.id), []);
      assert.deepStrictEqual(await store.deleteSchema(twin.id, { cascade: true }), [referenceTo(one)]);
      assert.deepStrictEqual([await store.list(), await store.schemas()], [[], []]);
      await refusedWithoutTrace(store, "ERR_NOT_FOUND", () => store.deleteSchema(twin.id));
    },
  },
  {
    name: "a protected type and its schemas are ERR_PROTECTED, also after its metadata changed",
    async run(store) {
      const system: BlockType = { ...otherType, protected: true };
      await register(store, system);
      await store.saveType({ ...otherType, description: "Changed." }, { update: true });
      assert.equal((await store.type({ slug: system.slug }))?.protected, true);
      const [schema] = await store.schemas({ type: system.slug });
      await refusedWithoutTrace(store, "ERR_PROTECTED", () => store.deleteType(system.slug, { cascade: true }));
      await refusedWithoutTrace(store, "ERR_PROTECTED", () => store.deleteSchema(schema?.id ?? "", { cascade: true }));
    },
  },
];

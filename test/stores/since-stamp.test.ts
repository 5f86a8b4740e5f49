/** What a store reads again, and what it does not, while its backend's stamp stands. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Backend } from "../../src/backends/backend.ts";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { Secret } from "../../src/index.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { SinceStamp } from "../../src/stores/since-stamp.ts";
import type { Draft } from "../../src/stores/store.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const ring = keyring([generateKey()], "a test");

/** Two connections to one file; the first counts its reads. */
async function opened() {
  const path = join(folder, randomUUID(), "ashlar.db");
  const backend = await sqliteBackend({ path, create: true });
  let reads = 0;
  const counted = new Proxy(backend, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        if (name === "graph") reads++;
        return (member as (...args: unknown[]) => unknown).apply(target, given);
      };
    },
  });
  const storeOf = async (of: Backend) => sealedStore({ backend: of, vault: await sodiumVault(ring) });
  return { store: await storeOf(counted), other: await storeOf(await sqliteBackend({ path })), reads: () => reads };
}

const draft = (token: string, note = ""): Draft => ({
  type: "part",
  name: "one",
  schema: `sha256:${"0".repeat(64)}`,
  data: { note },
  references: {},
  secrets: { "/token": new Secret(token) },
});

it("a document is read once, opened each time, and read again after any change by anybody", async () => {
  const { store, other, reads } = await opened();
  await other.save(draft("first"));
  const load = async () => (await store.load({ type: "part", name: "one" }, await store.stamp?.()))[0]?.secrets["/token"]?.reveal();
  expect([await load(), await load(), await load(), reads()]).toEqual(["first", "first", "first", 1]);
  await other.save({ ...draft("other"), name: "another" });
  expect([await load(), reads()]).toEqual(["first", 2]);
  await other.save(draft("second"), { overwrite: true });
  expect([await load(), await load(), reads()]).toEqual(["second", "second", 3]);
  await store.load({ type: "part", name: "one" });
  expect(reads()).toBe(4); // without a stamp it is read now
  await expect(store.load({ id: "part/one" }, await store.stamp?.())).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
});

it("what is kept cannot be changed by whoever got it, and is opened by its seal", async () => {
  const { store, other } = await opened();
  await other.save(draft("first", "kept"));
  const since = await store.stamp?.();
  for (let time = 0; time < 2; time++) {
    const [document] = await store.load({ type: "part", name: "one" }, since);
    expect(document?.data).toEqual({ note: "kept" });
    expect(() => Object.assign(document?.data ?? {}, { note: "changed" })).toThrow(TypeError);
  }
});

it("a large document is not kept", async () => {
  const { store, other, reads } = await opened();
  await other.save(draft("first", "x".repeat(70_000)));
  const since = await store.stamp?.();
  for (let time = 0; time < 3; time++) await store.load({ type: "part", name: "one" }, since);
  expect(reads()).toBe(3);
});

it("what was read too late for its stamp is not kept, and never more than so many values", () => {
  const values = new SinceStamp<number>(2);
  expect(values.get("1", "a")).toBeUndefined();
  expect(values.get("2", "a")).toBeUndefined();
  values.set("1", "a", 1);
  expect(values.get("2", "a")).toBeUndefined();
  for (const [key, value] of Object.entries({ a: 1, b: 2, c: 3 })) values.set("2", key, value);
  expect(["a", "b", "c"].map((key) => values.get("2", key))).toEqual([undefined, undefined, 3]);
});

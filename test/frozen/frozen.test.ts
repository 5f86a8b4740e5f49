/** What version 1 wrote opens forever: a store with its key, and single seals. make.ts made them. */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openStore, type Store } from "../../src/index.ts";
import type { MaskedDocument } from "../../src/stores/store.ts";
import { generateKey, keyring, parseKey } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { temporaryFolder } from "../temporary.ts";
import { everything, FrozenEverything, FrozenLeaf, FrozenMiddle, leaf, middle } from "./blocks.ts";

interface Seal {
  readonly secrets: string;
  readonly binding: string;
  readonly token: string;
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, name), "utf8"));
const { key, documents } = read("store-1.json") as { key: string; documents: readonly MaskedDocument[] };
const { seals } = read("seals-1.json") as { seals: readonly Seal[] };
const SECRET = "frozen secret é\u{1F600}";

describe("a store of version 1", () => {
  let store: Store;
  beforeAll(async () => {
    const path = join(temporaryFolder(), "store.db");
    copyFileSync(join(import.meta.dirname, "store-1.db"), path);
    store = await openStore(`sqlite:${path}`, { keys: [key] });
    return () => store.close();
  });

  it("lists what it listed", async () => {
    expect(await store.list()).toEqual(documents);
    expect(documents.map(({ name }) => name)).toEqual(["everything", "one", "twice", "two", "over"]);
  });

  it("opens, every kind of field and every secret", async () => {
    const all = await FrozenEverything.load("everything", { store });
    const [one, two] = [leaf("one", SECRET), leaf("two", SECRET)];
    expect(all.equals(everything(middle(one, two, SECRET), SECRET))).toBe(true);
    expect(all.equals(everything(middle(one, leaf("two", "other"), SECRET), SECRET))).toBe(false);
    expect([all.big, all.pin.reveal(), all.unset, all.withDefault]).toEqual([-(2n ** 100n), 5512309, undefined, "d"]);
    expect(all.middle.first.document).toMatchObject({ type: "frozen-leaf", name: "one", revision: 1 });
    expect((await FrozenMiddle.load("over", { store })).byName["a/b"]?.token.reveal()).toBe(`${SECRET} of one`);
    const twice = await FrozenLeaf.load("twice", { store });
    expect([twice.token.reveal(), twice.document?.revision]).toEqual(["second", 2]);
  });

  it("is sound, its types and schemas are the classes' of today", async () => {
    expect(await store.maintenance?.check()).toEqual([]);
    for (const cls of [FrozenEverything, FrozenMiddle, FrozenLeaf])
      expect(await cls.register({ store })).toContainEqual({
        type: cls.slug,
        checksum: cls.checksum,
        change: "unchanged",
        newSchema: false,
      });
  });

  it("is written on", async () => {
    const one = await FrozenLeaf.load("one", { store });
    await one.with({ token: "new" }).save("one", { store, ifRevision: 1 });
    expect((await FrozenEverything.load("everything", { store })).middle.first.token.reveal()).toBe("new");
  });
});

describe("seals of version 1", async () => {
  const vault = await sodiumVault(keyring([parseKey(key, "a test")], "a test"));
  const bytes = (binding: string) => () => Buffer.from(binding, "hex");

  it.each(seals)("$secrets", async ({ secrets, binding, token }) => {
    expect(JSON.stringify(await vault.open(token, bytes(binding)))).toBe(secrets);
    for (const other of [...seals.filter((seal) => seal.binding !== binding), { binding: `${binding.slice(0, -1)}0` }, { binding: "" }])
      expect(() => vault.open(token, bytes(other.binding))).toThrow(expect.objectContaining({ code: "ERR_CANNOT_OPEN" }));
    const stranger = await sodiumVault(keyring([generateKey()], "a test"));
    expect(() => stranger.open(token, bytes(binding))).toThrow(expect.objectContaining({ code: "ERR_UNKNOWN_KEY" }));
  });

  it("are of lengths that tell little: filled up to 64 bytes", () => {
    const lengths = seals.map(({ token }) => Buffer.from(token.split(".")[2] ?? "", "base64url").length - 24 - 32 - 16);
    expect(lengths.every((length) => length > 0 && length % 64 === 0)).toBe(true);
    expect(lengths.slice(0, 3)).toEqual([64, 64, 64]);
  });
});

it("nobody makes them anew by accident", () => {
  const { NODE_OPTIONS: _own, ...env } = process.env;
  const make = () => execFileSync(process.execPath, [join(import.meta.dirname, "make.ts")], { env, stdio: "pipe" });
  expect(make).toThrow(/store-1\.db is frozen/);
});

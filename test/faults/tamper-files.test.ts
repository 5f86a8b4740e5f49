/** Every bit of every file of a store in files flipped: the identical value or a typed error, never another value, an absence, or a broken list. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { fileBackend } from "../../src/backends/file.ts";
import { isAshlarError, openStore, type Store } from "../../src/index.ts";
import { canonicalJson } from "../../src/json.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { at, over, part, register, revealed } from "../../src/testing/store-subject.ts";
import { generateKey, keyring, keyText } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import type { Vault } from "../../src/vaults/vault.ts";
import { IN_MEMORY, temporaryFolder } from "../temporary.ts";

const path = join(temporaryFolder(IN_MEMORY), "store");
const key = generateKey();
const NAMES = ["child", "parent", "public"];
let store: Store;

beforeAll(async () => {
  store = await openStore(`file:${path}`, { create: true, keys: [keyText(key)] });
  await register(store);
  await store.save(over("parent", await store.save(part("child"))));
  await store.save(part("public", { secrets: {} }));
});

/** What a document is, or the schema; or why that cannot be told. */
async function seen(from: Store, name: string): Promise<string> {
  if (name === "schema") return canonicalJson(await from.schema({ type: "part", checksum: part("x").schema }));
  const documents = await from.load(at(name));
  if (name === "parent" && documents.length === 1) throw new Error("a broken reference is left to the class");
  return canonicalJson(documents.map((document) => ({ ...document, secrets: revealed(document) })));
}

const FITTING = ["ERR_CANNOT_OPEN", "ERR_EDITED", "ERR_UNKNOWN_KEY", "ERR_UNSUPPORTED"];

/** Flips bits one by one. @returns what must never be, and the codes that were given. */
async function flipped(
  root: string,
  file: string,
  from: Store,
  name: string,
  step = 1,
): Promise<{ violations: string[]; codes: Set<string>; same: number }> {
  const before = await seen(from, name);
  const bytes = readFileSync(join(root, file));
  const [violations, codes]: [string[], Set<string>] = [[], new Set()];
  let same = 0;
  for (let bit = 0; bit < bytes.length * 8; bit += step) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    writeFileSync(join(root, file), changed);
    try {
      if ((await seen(from, name)) === before) same++;
      else violations.push(`${file} bit ${bit}: another value`);
    } catch (error) {
      const code = isAshlarError(error) ? error.code : String(error);
      codes.add(code);
      if (!FITTING.includes(code)) violations.push(`${file} bit ${bit}: ${code}`);
    }
    if ((await from.list()).length !== NAMES.length) violations.push(`${file} bit ${bit}: the list is broken`);
  }
  writeFileSync(join(root, file), bytes);
  return { violations, codes, same };
}

it.each(NAMES)(
  "the document %s",
  async (name) => {
    const { violations, codes, same } = await flipped(path, `part/${name}.json`, store, name);
    expect(violations).toEqual([]);
    expect([...codes]).toEqual(expect.arrayContaining(["ERR_CANNOT_OPEN", "ERR_EDITED"]));
    expect(same).toBeLessThan(400); // blanks between the parts
  },
  120_000,
);

it("the schema", async () => {
  for (const name of readdirSync(join(path, "part/_schema"))) {
    const { violations, codes } = await flipped(path, `part/_schema/${name}`, store, "schema");
    expect(violations).toEqual([]);
    expect([...codes]).toContain("ERR_CANNOT_OPEN");
  }
}, 120_000);

it("a vault that binds nothing: the test sees wrong values", async () => {
  const vault = await sodiumVault(keyring([key], "a test"));
  const nothing = () => new Uint8Array(32);
  const loose: Vault = {
    ...vault,
    seal: (secrets) => vault.seal(secrets, nothing),
    open: (token) => vault.open(token, nothing),
    keyOf: (token) => vault.keyOf(token),
    sealingKey: () => vault.sealingKey(),
    discard() {},
    async close() {},
  };
  const root = join(temporaryFolder(IN_MEMORY), "careless");
  const backend = await fileBackend({ path: root, create: true });
  const uneditable = new Proxy(backend, { get: (target, name) => (name === "editable" ? undefined : bound(target, name)) });
  const careless = sealedStore({ backend: uneditable, vault: loose });
  await register(careless);
  for (const name of NAMES) await careless.save(part(name, { secrets: {} }));
  const { violations } = await flipped(root, "part/public.json", careless, "public", 5);
  expect(violations.some((each) => each.includes("another value"))).toBe(true);
}, 120_000);

function bound(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === "function" ? member.bind(target) : member;
}

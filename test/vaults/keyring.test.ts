/** Where keys come from and in which order, what is refused, and what is said when there is none. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { serialize } from "node:v8";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Block, openStore, type Store, secret } from "../../src/index.ts";
import { writeKeyFile } from "../../src/vaults/key-file.ts";
import { findKeyring, generateKey, type KeySources, keyring, keyText, parseKey, readKeyFile } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { temporaryFolder } from "../temporary.ts";

const binding = () => new Uint8Array(32);
const [a, b, c] = [generateKey(), generateKey(), generateKey()];
let folder: string;
let keyFile: string;
beforeEach(() => {
  folder = temporaryFolder();
  keyFile = join(folder, "config", "keys");
});

function sources(more: Partial<KeySources> = {}): KeySources {
  return { keyFile, dataFolder: join(folder, "data"), storeId: "6d1f2c1e-0000-4000-8000-000000000000", environment: {}, ...more };
}

const code = (expected: string, message = /./) => expect.objectContaining({ code: expected, message: expect.stringMatching(message) });

describe("the text of a key", () => {
  it("gives the key back, and names it by an id that tells nothing of it", () => {
    const text = keyText(a);
    expect(text).toMatch(/^ashlarkey1_[A-Za-z0-9_-]{43}_[0-9a-f]{6}$/);
    expect(parseKey(` ${text}\n`, "a test").bytes).toEqual(a.bytes);
    expect(a.id).toMatch(/^[0-9a-f]{8}$/);
    expect(text).not.toContain(a.id);
    expect(new Set([a.id, b.id, c.id]).size).toBe(3);
  });

  it("finds every single character that is wrong, missing or too much", () => {
    const text = keyText(a);
    for (let index = 0; index < text.length; index++) {
      for (const other of ["A", "b", "0", "_"].filter((each) => each !== text[index]))
        expect(() => parseKey(text.slice(0, index) + other + text.slice(index + 1), "a test")).toThrow(code("ERR_WRONG_KEY"));
      expect(() => parseKey(text.slice(0, index) + text.slice(index + 1), "a test")).toThrow(code("ERR_WRONG_KEY"));
      expect(() => parseKey(`${text.slice(0, index)}A${text.slice(index)}`, "a test")).toThrow(code("ERR_WRONG_KEY"));
    }
  });

  it("is never shown by the error, which says where it stands and what is wrong", () => {
    const damaged = keyText(a).slice(0, -1);
    expect(() => parseKey(damaged, "ASHLAR_KEYS")).toThrow(code("ERR_WRONG_KEY", /ASHLAR_KEYS is damaged/));
    expect(() => parseKey("hunter2", "ASHLAR_KEYS")).toThrow(code("ERR_WRONG_KEY", /no key: a key begins with ashlarkey1_/));
    for (const text of [damaged, "hunter2"])
      expect(() => parseKey(text, "x")).toThrow(expect.not.objectContaining({ message: expect.stringContaining(text) }));
  });
});

it("a key shows its id and nothing else, alone and in its ring", () => {
  const [text, hex] = [keyText(a), Buffer.from(a.bytes).toString("hex")];
  const shown = [a, keyring([a, b], "a test")].flatMap((value) => [
    inspect(value, { depth: Infinity, showHidden: true, getters: true }),
    JSON.stringify({ value, spread: { ...value } }),
    Buffer.from(serialize(JSON.parse(JSON.stringify(value)))).toString("latin1"),
    inspect(structuredClone({ ...a })),
  ]);
  for (const each of shown) {
    expect(each).toContain(a.id);
    for (const form of [text.slice(11, 40), hex.slice(0, 20), [...a.bytes].slice(0, 6).join(", "), [...a.bytes].slice(0, 6).join(",")])
      expect(each).not.toContain(form);
  }
});

describe("the keys of a store", () => {
  it("come from code, before ASHLAR_KEYS, before the key file, before the passphrase", async () => {
    writeKeyFile(keyFile, [c]);
    const environment = { ASHLAR_KEYS: `${keyText(b)}, ${keyText(c)},`, ASHLAR_PASSPHRASE: "correct horse" };
    const given = await findKeyring(sources({ keys: [keyText(a)], environment }));
    expect([given.ids, given.source]).toEqual([[a.id], "the keys given"]);
    const fromEnvironment = await findKeyring(sources({ environment }));
    expect([fromEnvironment.primary.id, fromEnvironment.ids, fromEnvironment.source]).toEqual([b.id, [b.id, c.id], "ASHLAR_KEYS"]);
    const fromFile = await findKeyring(sources({ environment: { ...environment, ASHLAR_KEYS: "" } }));
    expect([fromFile.ids, fromFile.source]).toEqual([[c.id], `the key file ${keyFile}`]);
  });

  it("are never sought further where one source is damaged", async () => {
    writeKeyFile(keyFile, [c]);
    await expect(findKeyring(sources({ environment: { ASHLAR_KEYS: "x" } }))).rejects.toEqual(code("ERR_WRONG_KEY", /ASHLAR_KEYS/));
    await expect(findKeyring(sources({ keys: [] }))).rejects.toEqual(code("ERR_NO_KEY", /the keys given/));
    await expect(findKeyring(sources({ environment: { ASHLAR_KEYS: " , " } }))).rejects.toEqual(code("ERR_NO_KEY", /ASHLAR_KEYS/));
    chmodSync(keyFile, 0o640);
    await expect(findKeyring(sources({ environment: { ASHLAR_PASSPHRASE: "p" } }))).rejects.toEqual(code("ERR_DENIED"));
  });

  it("are nowhere: the error says where was looked and what to do, and none is made", async () => {
    await expect(findKeyring(sources())).rejects.toEqual(
      code("ERR_NO_KEY", new RegExp(`ASHLAR_KEYS is not set.*${keyFile}.*ASHLAR_PASSPHRASE.*"ashlar init"`)),
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a key file", () => {
  it("is written whole for its owner only, in a folder for its owner only, and read back with comments left out", () => {
    writeKeyFile(keyFile, [a, b]);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "config")).mode & 0o777).toBe(0o700);
    writeFileSync(keyFile, `${readFileSync(keyFile, "utf8")}\n  ${keyText(c)} # the old one\r\n`);
    expect(readKeyFile(keyFile)?.ids).toEqual([a.id, b.id, c.id]);
    expect(readKeyFile(join(folder, "none"))).toBeNull();
    expect(readKeyFile(join(keyFile, "none"))).toBeNull();
  });

  it("is refused when others may read it", () => {
    writeKeyFile(keyFile, [a]);
    for (const mode of [0o604, 0o640, 0o644, 0o660, 0o602]) {
      chmodSync(keyFile, mode);
      expect(() => readKeyFile(keyFile)).toThrow(code("ERR_DENIED", /chmod 600/));
    }
    chmodSync(keyFile, 0o400);
    expect(readKeyFile(keyFile)?.ids).toEqual([a.id]);
  });

  it("is refused when it is a link, a folder, or empty", () => {
    writeKeyFile(keyFile, [a]);
    symlinkSync(keyFile, join(folder, "link"));
    expect(() => readKeyFile(join(folder, "link"))).toThrow(code("ERR_DENIED", /it is a link/));
    mkdirSync(join(folder, "folder"), { mode: 0o700 });
    expect(() => readKeyFile(join(folder, "folder"))).toThrow(code("ERR_DENIED", /no file/));
    writeFileSync(join(folder, "empty"), "# nothing yet\n", { mode: 0o600 });
    expect(() => readKeyFile(join(folder, "empty"))).toThrow(code("ERR_NO_KEY", /empty/));
  });

  it("is refused beside the data, also through a link to the folder, and not written there", () => {
    const data = join(folder, "data");
    mkdirSync(data);
    symlinkSync(data, join(folder, "elsewhere"));
    for (const path of [join(data, "keys"), join(folder, "elsewhere", "keys")]) {
      expect(() => writeKeyFile(path, [a], data)).toThrow(code("ERR_DENIED", /lies in the folder of the data/));
      expect(existsSync(path)).toBe(false);
    }
    writeFileSync(join(data, "keys"), keyText(a), { mode: 0o600 });
    expect(() => readKeyFile(join(data, "keys"), data)).toThrow(code("ERR_DENIED", /Move one of them; ASHLAR_KEY_FILE/));
    const later = join(folder, "elsewhere", "later");
    expect(() => writeKeyFile(join(later, "keys"), [a], join(data, "later"))).toThrow(code("ERR_DENIED"));
  });

  it("is refused in a folder below the data too, unless the data lie at home", () => {
    const [data, below] = [join(folder, "data"), join(folder, "data", "secret", "keys")];
    expect(() => writeKeyFile(below, [a], data)).toThrow(code("ERR_DENIED", /lies in the folder of the data/));
    expect(existsSync(below)).toBe(false);
    writeKeyFile(join(folder, "data-keys", "keys"), [a], data);
    vi.stubEnv("HOME", data);
    writeKeyFile(below, [a], data);
    expect(() => writeKeyFile(join(data, "keys"), [a], data)).toThrow(code("ERR_DENIED"));
    vi.unstubAllEnvs();
  });

  it("is never overwritten", () => {
    writeKeyFile(keyFile, [a]);
    expect(() => writeKeyFile(keyFile, [b])).toThrow(code("ERR_EXISTS", /left as it is/));
    expect(readKeyFile(keyFile)?.ids).toEqual([a.id]);
  });

  it("with a damaged line names the file, and not the line's text", () => {
    writeFileSync(join(folder, "keys"), `${keyText(a)}\nhunter2\n`, { mode: 0o600 });
    expect(() => readKeyFile(join(folder, "keys"))).toThrow(code("ERR_WRONG_KEY", new RegExp(`${folder}/keys is no key`)));
    expect(() => readKeyFile(join(folder, "keys"))).toThrow(expect.not.objectContaining({ message: expect.stringContaining("hunter2") }));
  });

  it.runIf(process.geteuid?.() === 0)("of another user is refused (seen as root only: no one else can make one)", async () => {
    const { chownSync } = await import("node:fs");
    writeKeyFile(keyFile, [a]);
    chownSync(keyFile, 65_534, 65_534);
    expect(() => readKeyFile(keyFile)).toThrow(code("ERR_DENIED", /another user/));
  });
});

describe("a passphrase", () => {
  it("makes the same key for the same store, and another for another; a wrong one is ERR_WRONG_KEY", async () => {
    const ring = (ASHLAR_PASSPHRASE: string, storeId = sources().storeId) =>
      findKeyring(sources({ environment: { ASHLAR_PASSPHRASE }, storeId }));
    const [right, typedElsewhere, ofAnotherStore, wrong] = await Promise.all([
      ring("Ångström 東京"),
      ring("A\u030angstro\u0308m 東京"), // the same letters from another keyboard
      ring("Ångström 東京", "6d1f2c1e-0000-4000-8000-000000000001"),
      ring("angstrom"),
    ]);
    expect(typedElsewhere.primary.bytes).toEqual(right.primary.bytes);
    expect(ofAnotherStore.primary.id).not.toBe(right.primary.id);
    const sealed = await (await sodiumVault(right)).seal({ "/a": 1 }, binding);
    const vault = await sodiumVault(wrong);
    await expect((async () => vault.open(sealed, binding))()).rejects.toEqual(code("ERR_WRONG_KEY", /passphrase is not the one/));
  });
});

describe("a store", () => {
  class Part extends Block.define({ name: "Keyring Part", fields: { token: secret() } }) {}
  const at = () => `sqlite:${join(folder, "data", "a.db")}`;
  const open = (keys: string[] | undefined, create = false): Promise<Store> => openStore(at(), { create, keys });

  it("without any key lists and inspects; loading and saving say what to do", async () => {
    await new Part({ token: "t" }).save("one", { store: await open([keyText(a)], true) });
    vi.stubEnv("ASHLAR_KEYS", "");
    vi.stubEnv("ASHLAR_PASSPHRASE", "");
    vi.stubEnv("ASHLAR_KEY_FILE", keyFile);
    const store = await open(undefined);
    expect((await Part.list({ store })).map(({ name }) => name)).toEqual(["one"]);
    expect(await Part.exists("one", { store })).toBe(true);
    expect((await store.inspect({ type: "keyring-part", name: "one" })).secrets).toHaveProperty(["/token", "changed"]);
    expect(await store.types()).toHaveLength(1);
    expect(await store.schema({ type: "keyring-part" })).toMatchObject({ checksum: Part.checksum });
    await expect(Part.load("one", { store })).rejects.toEqual(code("ERR_NO_KEY", /keyring-part\/one.*"ashlar init"/s));
    await expect(new Part({ token: "u" }).save("two", { store })).rejects.toEqual(code("ERR_NO_KEY"));
    expect(existsSync(keyFile)).toBe(false);
    vi.unstubAllEnvs();
  });

  it("with another key names the one that is missing and those that are there, and still lists", async () => {
    await new Part({ token: "t" }).save("one", { store: await open([keyText(a)], true) });
    const store = await open([keyText(b), keyText(c)]);
    await expect(Part.load("one", { store })).rejects.toMatchObject({
      code: "ERR_UNKNOWN_KEY",
      message: expect.stringMatching(new RegExp(`keyring-part/one.*${a.id}.*the keys given holds ${b.id}, ${c.id}`)),
      details: { keys: [a.id], type: "keyring-part", name: "one" },
    });
    expect(await Part.list({ store })).toHaveLength(1);
  });

  it("takes a new primary key while the old one still opens", async () => {
    await new Part({ token: "old" }).save("one", { store: await open([keyText(a)], true) });
    const store = await open([keyText(b), keyText(a)]);
    expect((await Part.load("one", { store })).token.reveal()).toBe("old");
    await new Part({ token: "new" }).save("one", { store, overwrite: true });
    expect((await Part.load("one", { store: await open([keyText(b)]) })).token.reveal()).toBe("new");
  });
});

it("a ring has at least one key", () => {
  expect(() => keyring([], "nowhere")).toThrow(code("ERR_NO_KEY", /nowhere/));
});

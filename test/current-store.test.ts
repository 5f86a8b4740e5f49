/** Which store a block goes to when none is named, and what store URLs mean. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { sqlitePath } from "../src/backends/sqlite-file.ts";
import { Block, currentStore, openStore, type Store, useStore, withStore } from "../src/index.ts";
import { keyFilePath } from "../src/user-folders.ts";
import { writeKeyFile } from "../src/vaults/key-file.ts";
import { generateKey, keyText } from "../src/vaults/keyring.ts";
import { temporaryFolder } from "./temporary.ts";

class Part extends Block.define({ name: "Current Part", fields: { text: z.string() } }) {}

const code = (expected: string, message = /./) => expect.objectContaining({ code: expected, message: expect.stringMatching(message) });
const pause = () => new Promise((done) => setTimeout(done, Math.random() * 3));

let folder: string;
let one: Store;
let other: Store;
beforeEach(async () => {
  folder = temporaryFolder();
  [one, other] = [await openStore("memory:"), await openStore("memory:")];
  vi.stubEnv("XDG_DATA_HOME", join(folder, "data"));
  vi.stubEnv("XDG_CONFIG_HOME", join(folder, "config"));
  vi.stubEnv("HOME", join(folder, "home"));
  vi.stubEnv("ASHLAR_STORE", "");
  vi.stubEnv("ASHLAR_KEY_FILE", "");
  vi.stubEnv("ASHLAR_KEYS", keyText(generateKey()));
});
afterEach(() => {
  useStore(undefined);
  vi.unstubAllEnvs();
});

/** A SQLite store at a place of the test. */
async function make(name: string): Promise<string> {
  const url = `sqlite:${join(folder, name)}`;
  await (await openStore(url, { create: true })).close();
  return url;
}

describe("the current store", () => {
  it("is withStore's, before useStore's, before that of ASHLAR_STORE, before the default", async () => {
    await (await openStore("sqlite:", { create: true })).close();
    expect((await currentStore()).url).toBe(`sqlite:${join(folder, "data", "ashlar", "ashlar.db")}`);
    const url = await make("named.db");
    vi.stubEnv("ASHLAR_STORE", url);
    expect((await currentStore()).url).toBe(url);
    useStore(one);
    expect(await currentStore()).toBe(one);
    expect(await withStore(other, currentStore)).toBe(other);
    expect(await currentStore()).toBe(one);
    useStore(undefined);
    expect((await currentStore()).url).toBe(url);
  });

  it("is where blocks go, unless one is named", async () => {
    useStore(one);
    await new Part({ text: "t" }).save("p");
    await new Part({ text: "u" }).save("p", { store: other });
    await withStore(other, async () => expect((await Part.load("p")).text).toBe("u"));
    expect((await Part.load("p")).text).toBe("t");
    expect((await Part.load("p", { store: other })).text).toBe("u");
  });

  it("of withStore holds in all that is awaited, for each of many at once, and for nested ones", async () => {
    const stores = await Promise.all(Array.from({ length: 20 }, () => openStore("memory:")));
    await Promise.all(
      stores.map((store, index) =>
        withStore(store, async () => {
          await pause();
          await new Part({ text: `${index}` }).save("p");
          await pause();
          await withStore(other, async () => {
            await pause();
            expect(await currentStore()).toBe(other);
          });
          expect((await Part.load("p")).text).toBe(`${index}`);
          expect((await Promise.all([pause(), Part.list()]))[1]).toHaveLength(1);
        }),
      ),
    );
    expect(await other.list()).toEqual([]);
  });

  it("ends with the function, also when it throws", async () => {
    useStore(one);
    expect(() =>
      withStore(other, () => {
        throw new Error("on purpose");
      }),
    ).toThrow("on purpose");
    await expect(withStore(other, () => Promise.reject(new Error("on purpose")))).rejects.toThrow("on purpose");
    expect(withStore(other, () => 5)).toBe(5);
    expect(await currentStore()).toBe(one);
  });

  it("of the environment is opened once, also by many at once, and again for another URL", async () => {
    const [first, second] = [await make("first.db"), await make("second.db")];
    vi.stubEnv("ASHLAR_STORE", first);
    const stores = await Promise.all(Array.from({ length: 10 }, currentStore));
    expect(new Set(stores).size).toBe(1);
    vi.stubEnv("ASHLAR_STORE", second);
    expect((await currentStore()).url).toBe(second);
  });

  it("that cannot be opened is tried again the next time", async () => {
    const url = `sqlite:${join(folder, "later.db")}`;
    vi.stubEnv("ASHLAR_STORE", url);
    const tries = await Promise.allSettled([currentStore(), currentStore(), Part.load("p")]);
    for (const each of tries) expect(each).toMatchObject({ status: "rejected", reason: { code: "ERR_NO_STORE" } });
    await make("later.db");
    expect((await currentStore()).url).toBe(url);
  });

  it("that is not there is named, with the command that makes it", async () => {
    const path = join(folder, "data", "ashlar", "ashlar.db");
    await expect(Part.load("p")).rejects.toEqual(
      code("ERR_NO_STORE", new RegExp(`no store at sqlite:${path}.*ashlar init --store sqlite:${path}`)),
    );
    await expect(new Part({ text: "t" }).save("p")).rejects.toEqual(code("ERR_NO_STORE"));
    expect(existsSync(join(folder, "data"))).toBe(false);
  });
});

describe("a store's URL", () => {
  it("names a file of this machine", () => {
    expect(sqlitePath("sqlite:/a/b.db")).toBe("/a/b.db");
    expect(sqlitePath("sqlite:///a/b.db")).toBe("/a/b.db");
    expect(sqlitePath("sqlite:b.db")).toBe(join(process.cwd(), "b.db"));
    expect(sqlitePath("sqlite:./c/../b.db")).toBe(join(process.cwd(), "b.db"));
    expect(sqlitePath("sqlite:/with space/ünïcödé %20#.db")).toBe("/with space/ünïcödé %20#.db");
    expect(sqlitePath("sqlite:")).toBe(join(folder, "data", "ashlar", "ashlar.db"));
  });

  it("of another form is ERR_INVALID, names the forms there are, and is not repeated: it may hold a password", async () => {
    for (const url of [
      "",
      "a.db",
      "/a/b.db",
      "postgres://me:hunter2@host/db",
      "gopher:///a.db",
      "SQLITE:a",
      "sqlite://me:hunter2@host/a.db",
      "sqlite:a.db?key=hunter2",
    ]) {
      await expect(openStore(url)).rejects.toEqual(code("ERR_INVALID", /"sqlite:PATH"/));
      await expect(openStore(url)).rejects.toEqual(expect.objectContaining({ message: expect.not.stringContaining("hunter2") }));
    }
    await expect(openStore("mongodb:x")).rejects.toEqual(code("ERR_INVALID", /"mongodb:" is no scheme that is known/));
  });

  it("memory: is a new and empty store each time", async () => {
    await new Part({ text: "t" }).save("p", { store: one });
    expect(await (await openStore("memory:")).list()).toEqual([]);
  });

  it("with a name that SQLite itself would take for something else is still a file", async () => {
    const url = `sqlite:${join(folder, ":memory:")}`;
    const store = await openStore(url, { create: true });
    await new Part({ text: "t" }).save("p", { store });
    await store.close();
    expect((await Part.load("p", { store: await openStore(url) })).text).toBe("t");
    expect(existsSync(join(folder, ":memory:"))).toBe(true);
  });
});

describe("the default places", () => {
  it("are the user's folders for data and configuration, never one folder", () => {
    expect(sqlitePath("sqlite:")).toBe(join(folder, "data", "ashlar", "ashlar.db"));
    expect(keyFilePath()).toBe(join(folder, "config", "ashlar", "keys"));
    vi.stubEnv("ASHLAR_KEY_FILE", join(folder, "elsewhere"));
    expect(keyFilePath()).toBe(join(folder, "elsewhere"));
  });

  for (const [platform, data, config] of [
    ["linux", ".local/share/ashlar/ashlar.db", ".config/ashlar/keys"],
    ["darwin", "Library/Application Support/ashlar/ashlar.db", "Library/Preferences/ashlar/keys"],
    ["win32", "AppData/Local/ashlar/Data/ashlar.db", "AppData/Roaming/ashlar/Config/keys"],
  ] as const)
    it(`on ${platform}`, () => {
      const program = `
        Object.defineProperty(process, "platform", { value: "${platform}" });
        const { sqlitePath } = await import(${JSON.stringify(new URL("../src/backends/sqlite-file.ts", import.meta.url).href)});
        const { keyFilePath } = await import(${JSON.stringify(new URL("../src/user-folders.ts", import.meta.url).href)});
        process.stdout.write(JSON.stringify([sqlitePath("sqlite:"), keyFilePath()]));`;
      const env = { PATH: process.env.PATH, HOME: "/users/me" };
      const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8", env });
      expect(JSON.parse(output)).toEqual([`/users/me/${data}`, `/users/me/${config}`]);
    });

  it("are all that a program needs: store and key file are found by themselves", async () => {
    vi.stubEnv("ASHLAR_KEYS", "");
    writeKeyFile(keyFilePath(), [generateKey()]);
    await (await openStore("sqlite:", { create: true })).close();
    await new Part({ text: "t" }).save("p");
    expect((await Part.load("p")).text).toBe("t");
  });

  it("never take a key that lies beside the data", async () => {
    vi.stubEnv("ASHLAR_KEYS", "");
    vi.stubEnv("ASHLAR_KEY_FILE", join(folder, "data", "ashlar", "keys"));
    mkdirSync(join(folder, "data", "ashlar"), { recursive: true });
    writeFileSync(join(folder, "data", "ashlar", "keys"), keyText(generateKey()), { mode: 0o600 });
    const store = await openStore("sqlite:", { create: true });
    await expect(new Part({ text: "t" }).save("p", { store })).rejects.toEqual(code("ERR_DENIED", /lies in the folder of the data/));
  });
});

describe("limits of a store", () => {
  it("are what openStore() is told", async () => {
    const small = await openStore("memory:", { maxBytes: 100 });
    await new Part({ text: "x".repeat(50) }).save("p", { store: small });
    await expect(new Part({ text: "x".repeat(100) }).save("q", { store: small })).rejects.toEqual(code("ERR_LIMIT", /at most 100/));
  });
});

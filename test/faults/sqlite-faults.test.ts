/**
 * What the system does to a SQLite store: no space, a log or a file cut or taken away, no right to write, a lock that stays. Each is a clear error or
 * an earlier whole state, nothing is half written, and the next save goes through when the cause is gone.
 */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { isAshlarError, openStore, type Store } from "../../src/index.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { at, loaded, part } from "../../src/testing/store-subject.ts";
import { generateKey, keyring, keyText, parseKey } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { temporaryFolder } from "../temporary.ts";
import { draftOf, isAbsent } from "./steps.ts";

const folder = temporaryFolder();
const key = keyText(generateKey());
const { NODE_OPTIONS: _own, ...inherited } = process.env;
const env = { ...inherited, ASHLAR_KEYS: key };

const open = (path: string) => openStore(`sqlite:${path}`, { keys: [key] });
async function makeStore(name: string): Promise<string> {
  const path = join(folder, name, "store.db");
  const store = await openStore(`sqlite:${path}`, { create: true, keys: [key] });
  await store.save(part("before"));
  await store.close();
  return path;
}

/** Asserts that a store is whole and holds `before` and as many documents beside it. */
async function expectWhole(path: string, more: number): Promise<void> {
  const store = await open(path);
  expect((await loaded(store, "before")).data.text).toBe("before");
  expect((await store.list({ limit: 5000 })).filter(({ name }) => name.startsWith("doc-"))).toHaveLength(more);
  expect((await store.maintenance?.check())?.filter(({ message }) => !/is not registered/.test(message))).toEqual([]);
  await store.close();
}

describe("no space", () => {
  interface Outcome {
    readonly saved: number;
    readonly error: { readonly code: string; readonly message: string };
    readonly listed: number;
    readonly after: string;
  }
  const command = `exec '${process.execPath}' '${join(import.meta.dirname, "full.ts")}'`;
  const sh = async (script: string, ...unshared: string[]): Promise<Outcome> => {
    const [file = "bash", ...args] = [...unshared, "bash", "-c", script];
    return JSON.parse((await promisify(execFile)(file, args, { env })).stdout) as Outcome;
  };

  it("in a file that may not grow: refused, nothing half there, and saved by the next process", async () => {
    const path = await makeStore("limited");
    const { saved, error, listed } = await sh(`ulimit -f 300; ${command} '${path}'`); // in kilobytes
    expect(saved).toBeGreaterThan(3);
    expect(listed).toBe(saved + 1);
    expect(error.code).toBe("ERR_UNREACHABLE");
    expect(error.message).toMatch(/cannot be read or written.*disk/);
    await expectWhole(path, saved);
    const store = await open(path);
    await store.save(part("after"));
    await store.close();
  });

  // A disk of one megabyte can be made by root, in a namespace of its own that ends with the process.
  const mount = "mount -t tmpfs -o size=1m tmpfs";
  const mayMount = spawnSync("unshare", ["-m", "bash", "-c", `${mount} '${folder}'`]).status === 0;
  if (mayMount)
    it("on a disk of one megabyte: refused, nothing half there, and saved as soon as there is room", async () => {
      const path = await makeStore("full");
      const [disk, copy] = [join(folder, "disk"), join(folder, "full-copy")];
      for (const each of [disk, copy]) mkdirSync(each);
      const [there, filler] = [join(disk, "store.db"), join(disk, "filler")];
      const prepare = `${mount} '${disk}' && cp '${path}' '${there}' && head -c 300000 /dev/zero >'${filler}'`;
      const { saved, error, listed, after } = await sh(
        `${prepare} && (${command} '${there}' '${filler}') && cp '${there}' '${copy}'`,
        "unshare",
        "-m",
      );
      expect(saved).toBeGreaterThan(3);
      expect(listed).toBe(saved + 1);
      expect(error).toEqual({ code: "ERR_UNREACHABLE", message: expect.stringMatching(/cannot be written: the disk is full/) });
      expect(after).toBe("saved");
      await expectWhole(join(copy, "store.db"), saved);
    });
});

/** The step that the writer's document is at; undefined where it is not there. Checks that it is whole. */
async function stepIn(store: Store): Promise<number | undefined> {
  const document = await loaded(store, "doc-0").catch((error: unknown) => {
    if (!isAshlarError(error, "ERR_NOT_FOUND")) throw error;
  });
  if (!document) return undefined;
  const step = Number(document.data.step);
  expect(document.data).toEqual(draftOf("doc-0", step).data);
  expect(document.secrets["/a"]?.reveal()).toBe(step);
  return step;
}

describe("the write-ahead log", () => {
  const LAST = 11;
  const path = join(folder, "log", "store.db");
  beforeAll(async () => {
    await makeStore("log");
    const store = await open(path);
    for (let step = 1; step <= LAST; step++) {
      if (isAbsent(step)) await store.delete(at("doc-0"));
      else await store.save(draftOf("doc-0", step), { overwrite: true });
    }
    return () => store.close();
  });

  /** The store as a process leaves it that is killed now: its log is not brought into the file yet. */
  function copied(name: string, change: (path: string) => void = () => {}): string {
    const copy = join(folder, name, "store.db");
    mkdirSync(dirname(copy));
    for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, copy + suffix);
    change(copy);
    return copy;
  }

  it("that a killed process left is taken up: nothing acknowledged is lost", async () => {
    const store = await open(copied("left"));
    expect(await stepIn(store)).toBe(LAST);
    await store.close();
  });

  it("taken away: the store is as it was when it was last brought into the file, whole, and goes on", async () => {
    const copy = copied("without", (file) => rmSync(`${file}-wal`));
    const store = await open(copy);
    expect(await stepIn(store)).toBeUndefined();
    await store.save(draftOf("doc-0", 3), { overwrite: true });
    await store.close();
    await expectWhole(copy, 1);
  });

  it("taken away right after the store was made: it is still this store, and empty", async () => {
    const made = join(folder, "new", "store.db");
    const script = `const { openStore } = await import("${join(import.meta.dirname, "../../src/index.ts")}");
      await openStore("sqlite:${made}", { create: true }); process.kill(process.pid, "SIGKILL");`;
    spawnSync(process.execPath, ["--input-type=module", "-e", script], { env });
    for (const suffix of ["-wal", "-shm"]) rmSync(made + suffix, { force: true });
    const store = await open(made);
    expect(await store.list()).toEqual([]);
    await store.close();
  });

  it("cut at any length: the state after some earlier step, whole", async () => {
    const size = readFileSync(`${path}-wal`).length;
    const seen = new Set<number | undefined>();
    for (let part = 0; part < 40; part++) {
      const copy = copied(`cut-${part}`, (file) => truncateSync(`${file}-wal`, Math.floor((size * part) / 40) + part));
      const store = await open(copy);
      const step = await stepIn(store);
      expect((await loaded(store, "before")).data.text).toBe("before");
      expect(await store.maintenance?.check()).not.toContainEqual(expect.objectContaining({ message: expect.stringMatching(/integrity/) }));
      await store.close();
      seen.add(step);
      rmSync(dirname(copy), { recursive: true });
    }
    expect(seen.size).toBeGreaterThan(4);
  });
});

describe("the file", () => {
  it("cut at many lengths: an error of its own or the identical value, and what is missing the check finds", async () => {
    const path = await makeStore("whole");
    const store = await open(path);
    for (let index = 1; index <= 12; index++) await store.save(draftOf(`doc-${index}`, 3));
    await store.close();
    const whole = readFileSync(path);
    const cut = join(folder, "cut.db");
    const codes = new Set<string>();
    for (let part = 0; part < 60; part++) {
      const length = Math.floor((whole.length * part) / 60);
      for (const suffix of ["-wal", "-shm"]) rmSync(cut + suffix, { force: true });
      writeFileSync(cut, whole.subarray(0, length));
      let damaged: Store | undefined;
      try {
        damaged = await open(cut);
        expect((await loaded(damaged, "before")).data.text).toBe("before");
        for (let index = 1; index <= 12; index++) expect((await loaded(damaged, `doc-${index}`)).data).toEqual(draftOf("", 3).data);
      } catch (error) {
        if (!isAshlarError(error)) throw error;
        codes.add(error.code);
        if (error.code === "ERR_NOT_FOUND") expect(await damaged?.maintenance?.check(), `${length} bytes`).not.toEqual([]);
      } finally {
        await damaged?.close();
      }
    }
    expect([...codes]).toEqual(["ERR_CANNOT_OPEN"]);
  });
});

describe("no right to write, and a lock that stays", () => {
  it("a user without the right is told so, reads on, and leaves nothing; with the right the save goes through", async () => {
    const path = await makeStore("denied");
    chmodSync(path, 0o444);
    for (const above of [folder, dirname(path)]) chmodSync(above, 0o777);
    const script = `const { isAshlarError, openStore } = await import("${join(import.meta.dirname, "../../src/index.ts")}");
      const { loaded, part } = await import("${join(import.meta.dirname, "../../src/testing/store-subject.ts")}");
      await import("node:sqlite"); await import("libsodium-wrappers");
      for (const file of ["stores/open", "stores/sealed", "backends/sqlite", "vaults/sodium", "vaults/keyring"])
        await import("${join(import.meta.dirname, "../../src")}/" + file + ".ts"); // a user without rights may not read the sources
      if (process.geteuid() === 0) process.setuid(65534);
      const store = await openStore("sqlite:${path}");
      const before = (await loaded(store, "before")).data.text;
      const error = await store.save(part("after")).then(() => "saved", (thrown) => ({ code: thrown.code, message: thrown.message }));
      await store.close();
      process.stdout.write(JSON.stringify({ before, error }));`;
    const told = JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", script], { env, encoding: "utf8" })) as unknown;
    expect(told).toEqual({
      before: "before",
      error: { code: "ERR_DENIED", message: expect.stringMatching(/cannot be written: .*read-only/) },
    });
    chmodSync(path, 0o600);
    for (const suffix of ["-wal", "-shm"]) if (existsSync(path + suffix)) rmSync(path + suffix);
    await expectWhole(path, 0);
    const store = await open(path);
    await store.save(part("after"));
    await store.close();
  });

  it("a lock that stays is told, what is there is read meanwhile, and the save goes through afterwards", async () => {
    const path = await makeStore("locked");
    const vault = await sodiumVault(keyring([parseKey(key, "a test")], "a test"));
    const store = sealedStore({ backend: await sqliteBackend({ path, lockTimeoutMs: 50 }), vault });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE; UPDATE records SET revision = 7 WHERE name = 'before'");
    for (const refused of [
      () => store.save(part("after")),
      () => store.save(part("before", { data: {} }), { overwrite: true }),
      () => store.delete(at("before")),
    ])
      await expect(refused()).rejects.toMatchObject({
        code: "ERR_UNREACHABLE",
        message: expect.stringMatching(/locked by another process/),
      });
    expect((await loaded(store, "before")).revision).toBe(1);
    other.exec("ROLLBACK");
    other.close();
    await store.save(part("after"));
    await store.delete(at("after"));
    await store.close();
    await expectWhole(path, 0);
  });
});

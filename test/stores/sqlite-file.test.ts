/** The file of a SQLite store: how it is made, and what is told when it cannot be used. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import type { StoredRecord } from "../../src/backends/backend.ts";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { Block, openStore, secret } from "../../src/index.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { temporaryFolder } from "../temporary.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = join(temporaryFolder(), "new", "folder");
  path = join(folder, "a.db");
});
afterEach(() => void vi.restoreAllMocks());

const make = () => sqliteBackend({ path, create: true });
const code = (expected: string, message = /./) => expect.objectContaining({ code: expected, message: expect.stringMatching(message) });

function record(name: string, data: StoredRecord["data"] = {}): StoredRecord {
  const [head, times] = [
    { id: randomUUID(), kind: "document", type: "part", name, schema: "", revision: 1 } as const,
    { created: "", updated: "" },
  ];
  return { ...head, ...times, data, references: {}, secrets: {}, sealed: "", updatedBy: "" };
}

/** The database behind a backend that was opened while this watched. */
function watched(): () => DatabaseSync {
  const exec = vi.spyOn(DatabaseSync.prototype, "exec");
  return () => exec.mock.contexts.at(-1) as DatabaseSync;
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

describe("a new store", () => {
  it("is for its owner only, with all files beside it, whatever the umask", async () => {
    const before = process.umask(0o000);
    try {
      const backend = await make();
      await backend.put(record("one"), null);
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      for (const suffix of ["", "-wal", "-shm"]) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
      await backend.close();
    } finally {
      process.umask(before);
    }
  });

  it("is written ahead and synchronised in full", async () => {
    const database = watched();
    const backend = await make();
    expect(pragma(database(), "journal_mode")).toBe("wal");
    expect(pragma(database(), "synchronous")).toBe(2);
    expect(pragma(database(), "foreign_keys")).toBe(1);
    expect(pragma(database(), "trusted_schema")).toBe(0);
    await backend.close();
    const reopened = watched();
    await (await sqliteBackend({ path })).storeId();
    expect(pragma(reopened(), "synchronous")).toBe(2);
  });

  it("is the same when it is opened again, also with `create`", async () => {
    const backend = await make();
    const id = await backend.storeId();
    const one = record("one");
    await backend.put(one, null);
    await backend.close();
    for (const create of [false, true]) {
      const again = await sqliteBackend({ path, create });
      expect(await again.storeId()).toBe(id);
      expect(await again.get({ id: one.id })).toEqual(one);
      await again.close();
    }
  });
});

describe("a load", () => {
  it("of a block and all it refers to is one query", async () => {
    class Leaf extends Block.define({ name: "Query Leaf", fields: { token: secret() } }) {}
    class Middle extends Block.define({ name: "Query Middle", fields: { leaf: Leaf, other: Leaf } }) {}
    class Root extends Block.define({ name: "Query Root", fields: { text: z.string(), middle: Middle, leaf: Leaf } }) {}
    const store = await openStore(`sqlite:${path}`, { create: true, keys: [keyText(generateKey())] });
    const [leaf, other] = [await new Leaf({ token: "1" }).save("leaf", { store }), await new Leaf({ token: "2" }).save("other", { store })];
    const middle = await new Middle({ leaf, other }).save("middle", { store });
    await new Root({ text: "t", middle, leaf }).save("root", { store });
    const queries = (["all", "get", "run", "iterate"] as const).map((method) => vi.spyOn(StatementSync.prototype, method));
    const statements = vi.spyOn(DatabaseSync.prototype, "exec");
    const loaded = await Root.load("root", { store });
    expect(loaded.middle.other.token.reveal()).toBe("2");
    expect([...queries, statements].map((spy) => spy.mock.calls.length)).toEqual([1, 0, 0, 0, 0]);
    await store.close();
  });
});

describe("a file that cannot be used", () => {
  it("is not there: ERR_NO_STORE names the command that makes one, and nothing is made", async () => {
    await expect(sqliteBackend({ path })).rejects.toEqual(code("ERR_NO_STORE", new RegExp(`"ashlar init --store sqlite:${path}"`)));
    expect(existsSync(folder)).toBe(false);
  });

  it("is none, or no database: ERR_CANNOT_OPEN, and it is left as it is", async () => {
    mkdirSync(path, { recursive: true });
    for (const create of [false, true]) await expect(sqliteBackend({ path, create })).rejects.toEqual(code("ERR_CANNOT_OPEN", /no file/));
    for (const content of ["This is a letter, and not at all a database.\n".repeat(100), "SQLite format 3\0garbage".repeat(50)]) {
      const letter = join(folder, "letter");
      writeFileSync(letter, content);
      for (const create of [false, true]) await expect(sqliteBackend({ path: letter, create })).rejects.toEqual(code("ERR_CANNOT_OPEN"));
      expect(readFileSync(letter, "utf8")).toBe(content);
    }
    writeFileSync(join(folder, "empty"), "");
    await expect(sqliteBackend({ path: join(folder, "empty") })).rejects.toEqual(code("ERR_CANNOT_OPEN", /no store of Ashlar/));
  });

  it("is another application's: ERR_CANNOT_OPEN, and it is left as it is", async () => {
    mkdirSync(folder, { recursive: true });
    for (const setUp of [
      "CREATE TABLE songs (title TEXT)",
      "PRAGMA application_id = 252006675",
      "PRAGMA application_id = 5; CREATE TABLE records (id)",
    ]) {
      const foreign = join(folder, `${randomUUID()}.db`);
      const database = new DatabaseSync(foreign);
      database.exec(setUp);
      database.close();
      const before = readFileSync(foreign);
      for (const create of [false, true])
        await expect(sqliteBackend({ path: foreign, create })).rejects.toEqual(code("ERR_CANNOT_OPEN", /no store of Ashlar/));
      expect(readFileSync(foreign).equals(before)).toBe(true);
    }
  });

  it("is of a later version: ERR_UNSUPPORTED", async () => {
    await (await make()).close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 2");
    database.close();
    for (const create of [false, true])
      await expect(sqliteBackend({ path, create })).rejects.toEqual(code("ERR_UNSUPPORTED", /format 2; this one reads 1/));
  });

  it("stays locked: ERR_UNREACHABLE after the time given, and reading goes on", async () => {
    const backend = await make();
    const one = record("one");
    await backend.put(one, null);
    await backend.close();
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const waiting = await sqliteBackend({ path, lockTimeoutMs: 60 });
    const start = performance.now();
    await expect(waiting.put(record("two"), null)).rejects.toEqual(code("ERR_UNREACHABLE", /locked by another process/));
    expect(performance.now() - start).toBeGreaterThan(50);
    expect(performance.now() - start).toBeLessThan(2000);
    await expect(waiting.remove([one])).rejects.toEqual(code("ERR_UNREACHABLE"));
    expect(await waiting.get({ id: one.id })).toEqual(one);
    other.exec("ROLLBACK");
    await waiting.put(record("two"), null);
    await waiting.close();
    other.close();
  });

  it("is locked for a while: the write waits, other work of this process goes on, and then it is written", async () => {
    const backend = await make();
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    let turns = 0;
    const { promise: tenTurns, resolve } = Promise.withResolvers<void>();
    const timer = setInterval(() => ++turns === 10 && resolve(), 1);
    const one = record("one");
    const writing = backend.put(one, null);
    await tenTurns;
    other.exec("ROLLBACK");
    other.close();
    await writing;
    clearInterval(timer);
    expect(await backend.get({ id: one.id })).toEqual(one);
    await backend.close();
  });

  it("is full: ERR_UNREACHABLE, and what was there stays", async () => {
    const database = watched();
    const backend = await make();
    const one = record("one");
    await backend.put(one, null);
    const pages = pragma(database(), "page_count");
    pragma(database(), `max_page_count = ${pages}`);
    await expect(backend.put(record("two", { text: "x".repeat(100_000) }), null)).rejects.toEqual(code("ERR_UNREACHABLE", /disk is full/));
    await expect(backend.put({ ...one, revision: 2, data: { text: "x".repeat(100_000) } }, 1)).rejects.toEqual(code("ERR_UNREACHABLE"));
    expect(await backend.get({ id: one.id })).toEqual(one);
    pragma(database(), "max_page_count = 100000");
    await backend.put(record("two"), null);
    await backend.close();
  });

  it("was cut off in the middle: ERR_CANNOT_OPEN", async () => {
    const backend = await make();
    for (let index = 0; index < 50; index++) await backend.put(record(`n${index}`, { text: "x".repeat(1000) }), null);
    await backend.close();
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, Math.floor(whole.length / 2)));
    const read = async () => (await sqliteBackend({ path })).list({ kind: "document", limit: 100 });
    await expect(read()).rejects.toEqual(code("ERR_CANNOT_OPEN"));
  });
});

describe("a user without rights", () => {
  /** What another process is told; as root it becomes another user, who must be able to reach the folder. */
  function asAnother(file: string, create = ""): Record<string, string> {
    const { NODE_OPTIONS: _own, ...env } = process.env;
    return JSON.parse(
      execFileSync(process.execPath, [join(import.meta.dirname, "sqlite-denied.ts"), file, create], { encoding: "utf8", env }),
    );
  }

  beforeEach(async () => {
    await (await make()).close();
    for (const each of [join(folder, "..", ".."), join(folder, ".."), folder]) chmodSync(each, 0o755);
  });

  it("reads a file that may only be read, and is denied to write", () => {
    chmodSync(path, 0o444);
    chmodSync(folder, 0o555); // what is written ahead needs files beside it, also to be read
    expect(asAnother(path)).toEqual({ open: "ERR_DENIED" });
    chmodSync(folder, 0o777);
    expect(asAnother(path)).toEqual({ open: "done", get: "done", put: "ERR_DENIED", remove: "ERR_DENIED" });
    chmodSync(folder, 0o755);
  });

  it("is denied a file that may not be read, a folder that may not be entered, and a place where nothing may be made", () => {
    chmodSync(path, 0o000);
    expect(asAnother(path)).toEqual({ open: "ERR_DENIED" });
    chmodSync(path, 0o644);
    chmodSync(folder, 0o000);
    expect(asAnother(path)).toEqual({ open: "ERR_DENIED" });
    expect(asAnother(path, "create")).toEqual({ open: "ERR_DENIED" });
    chmodSync(folder, 0o555);
    expect(asAnother(join(folder, "other.db"))).toEqual({ open: "ERR_NO_STORE" });
    expect(asAnother(join(folder, "other.db"), "create")).toEqual({ open: "ERR_DENIED" });
    expect(asAnother(join(folder, "further", "other.db"), "create")).toEqual({ open: "ERR_DENIED" });
    chmodSync(folder, 0o755);
  });
});

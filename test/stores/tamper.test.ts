/**
 * A store whose file was changed behind its back: each record and each field of it, by SQL and by single bits. Whatever is read afterwards is the
 * identical value or an error of its own, never another value, and never "not found" for a record that is there.
 */
import { randomUUID } from "node:crypto";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { AshlarError, type ErrorCode, isAshlarError } from "../../src/errors.ts";
import { canonicalJson } from "../../src/json.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import type { Document, Store } from "../../src/stores/store.ts";
import { bare, over, part, partSchema, partType, register, revealed } from "../../src/testing/store-subject.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import type { Vault } from "../../src/vaults/vault.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const original = join(folder, "original.db");
const ring = keyring([generateKey()], "a test");
/** Document name → what a load gives, as text. */
const expected = new Map<string, string>();
/** The token that the document "child" had at its first revision. */
let olderSeal = "";
let opened: Store[] = [];

async function open(path: string, vault?: Vault): Promise<Store> {
  const store = sealedStore({ backend: await sqliteBackend({ path }), vault: vault ?? (await sodiumVault(ring)), actor: "tester" });
  opened.push(store);
  return store;
}

function sql<T>(path: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  try {
    database.exec("PRAGMA synchronous = OFF"); // these files live for a moment
    return work(database);
  } finally {
    database.close();
  }
}

/** A load's result as text; what is referred to and left out is refused, as it is by every block. */
function text(documents: readonly Document[]): string {
  for (const { type, name, references } of documents)
    for (const to of Object.values(references))
      if (!documents.some(({ id }) => id === to.id))
        throw new AshlarError("ERR_BROKEN_REFERENCE", `${type}/${name} refers to what is gone.`);
  return canonicalJson(documents.map((document) => ({ ...document, secrets: revealed(document) })));
}

beforeAll(async () => {
  await (await sqliteBackend({ path: original, create: true })).close();
  const store = await open(original);
  await register(store);
  await store.save(part("child", { data: { text: "first", list: [1, { deep: true }] } }));
  olderSeal = sql(original, (database) => String(database.prepare("SELECT sealed FROM records WHERE name = 'child'").get()?.sealed));
  const child = await store.save(part("child", { data: { text: "second", list: [1, { deep: true }] } }), { overwrite: true });
  await store.save(over("parent", child));
  await store.save(part("alone"));
  await store.save(part("public", { secrets: {} }));
  for (const { type, name } of await store.list()) expected.set(name, text(await store.load({ type, name })));
  await store.close();
});
afterAll(async () => {
  for (const store of opened) await store.close();
});

interface Findings {
  /** What must never be: a wrong value, a failure without a code of ours, an absence of what is there, a list that breaks. */
  readonly violations: string[];
  /** The codes that were given. */
  readonly codes: Set<ErrorCode>;
}

/** Reads everything of a changed store in every way. `rows` are the records that are there, as `kind/type/name`, where that is known. */
async function examine(path: string, rows: ReadonlySet<string> | undefined, vault?: Vault): Promise<Findings> {
  const findings: Findings = { violations: [], codes: new Set() };
  const attempt = async (what: string, action: () => Promise<unknown>, identical?: string) => {
    try {
      const result = await action();
      if (identical !== undefined && result !== identical) findings.violations.push(`${what}: another value`);
    } catch (error) {
      if (!isAshlarError(error)) findings.violations.push(`${what}: ${String(error)}`);
      else findings.codes.add(error.code);
      return error;
    }
    return undefined;
  };
  let store: Store | undefined;
  await attempt("open", async () => void (store = await open(path, vault)));
  if (!store) return findings;
  const { load, list, types, schema, inspect } = store;
  for (const [name, value] of expected) {
    const error = await attempt(`load ${name}`, async () => text(await load.call(store, { type: "part", name })), value);
    if (isAshlarError(error, "ERR_NOT_FOUND") && rows?.has(`document/part/${name}`))
      findings.violations.push(`load ${name}: not found, though it is there`);
    await attempt(`inspect ${name}`, () => inspect.call(store, { type: "part", name }));
  }
  const listing = await attempt("list", () => list.call(store));
  if (listing !== undefined && rows) findings.violations.push("list: breaks");
  const kinds = await attempt("types", () => types.call(store));
  if (kinds !== undefined && rows) findings.violations.push("types: breaks");
  const { checksum, fields } = partSchema();
  const isThere = rows?.has(`schema/part/${checksum}`) ?? false;
  await attempt("schema", async () => (await schema.call(store, { type: "part" }))?.fields, isThere ? fields : undefined);
  await store.close();
  opened = opened.filter((each) => each !== store);
  return findings;
}

/** Changes a copy of the store by SQL and examines it. */
async function tampered(change: (database: DatabaseSync) => void, vault?: Vault): Promise<Findings> {
  const path = join(folder, `${randomUUID()}.db`);
  copyFileSync(original, path);
  const rows = sql(path, (database) => {
    change(database);
    const there = database.prepare(
      "SELECT kind || '/' || type || '/' || name AS place FROM records WHERE typeof(type) || typeof(name) = 'texttext'",
    );
    return new Set(there.all().map(({ place }) => String(place)));
  });
  const findings = await examine(path, rows, vault);
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
  return findings;
}

const records = () =>
  sql(original, (database) => database.prepare("SELECT id, kind, name, body, sealed FROM records").all()) as {
    id: string;
    kind: string;
    name: string;
    body: string;
    sealed: string;
  }[];

type Tree = { [key: string]: unknown };

/** Every change of one leaf, one key added, and one key taken away, anywhere in a JSON value. */
function* changes(value: unknown): Generator<unknown> {
  if (typeof value === "object" && value !== null) {
    const tree = value as Tree;
    for (const key of Object.keys(tree)) {
      for (const changed of changes(tree[key])) yield Array.isArray(value) ? value.with(Number(key), changed) : { ...tree, [key]: changed };
      if (!Array.isArray(value)) yield Object.fromEntries(Object.entries(tree).filter(([other]) => other !== key));
    }
    yield Array.isArray(value) ? [...value, null] : { ...tree, added: "x" };
    yield null;
    return;
  }
  if (typeof value === "string") yield `${value}x`;
  yield typeof value === "number" ? value + 1 : 5;
  yield {};
}

describe("one record changed", () => {
  it("in any part of its readable half: an error of its own, or no difference, and the others are as they were", async () => {
    let count = 0;
    for (const { id, kind, name, body } of records())
      for (const changed of changes(JSON.parse(body))) {
        const findings = await tampered((database) =>
          database.prepare("UPDATE records SET body = ? WHERE id = ?").run(JSON.stringify(changed), id),
        );
        expect(findings.violations, `${name}: ${JSON.stringify(changed)}`).toEqual([]);
        if (kind !== "type") expect([...findings.codes], `${name}: ${JSON.stringify(changed)}`).toContain("ERR_CANNOT_OPEN");
        count++;
      }
    expect(count).toBeGreaterThan(100);
  });

  it("in its body's form", async () => {
    const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    for (const { id, kind, body } of records())
      for (const changed of ["", "{", "null", "5", "[]", "{}", body.slice(0, -1), body.replace('"data":{', `"data":{"x":${nested},`)]) {
        const { violations, codes } = await tampered((database) =>
          database.prepare("UPDATE records SET body = ? WHERE id = ?").run(changed, id),
        );
        expect(violations).toEqual([]);
        if (kind !== "type") expect([...codes]).toContain("ERR_CANNOT_OPEN");
      }
  });

  it("in a column: id, kind, type, name, revision", async () => {
    for (const { id, kind } of records())
      for (const change of [
        "id = '00000000-0000-4000-8000-000000000000'",
        "name = name || 'x'",
        "type = 'other'",
        `kind = '${kind === "type" ? "schema" : "type"}'`,
        "revision = revision + 1",
        "revision = 0",
        "revision = -1",
        "revision = 9223372036854775807",
      ]) {
        const { violations, codes } = await tampered((database) => database.exec(`UPDATE records SET ${change} WHERE id = '${id}'`));
        expect(violations, change).toEqual([]);
        if (kind === "document") expect(codes.size, change).toBeGreaterThan(0);
      }
  });

  it("in its seal: cut, emptied, of another format, of its own older revision", async () => {
    for (const { id, name, kind, sealed } of records()) {
      const seals = [
        sealed.slice(0, -1),
        sealed.slice(0, 40),
        sealed.slice(1),
        "",
        "x",
        sealed.replace("ashlar1", "ashlar2"),
        `${sealed}A`,
      ];
      if (name === "child") seals.push(olderSeal);
      for (const changed of seals) {
        const { violations, codes } = await tampered((database) =>
          database.prepare("UPDATE records SET sealed = ? WHERE id = ?").run(changed, id),
        );
        expect(violations).toEqual([]);
        if (kind !== "type") expect([...codes].some((code) => code === "ERR_CANNOT_OPEN" || code === "ERR_UNSUPPORTED")).toBe(true);
      }
    }
  });

  it("in a column's type, which a flipped bit can do though the table is strict", async () => {
    const strict = (database: DatabaseSync, on: boolean) => {
      database.enableDefensive(false);
      const [from, to] = on ? ["name))", "name)) STRICT"] : ["name)\n  ) STRICT", "name))"];
      database.exec("PRAGMA writable_schema = ON");
      database.prepare("UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = 'records'").run(from, to);
      database.exec("PRAGMA writable_schema = RESET");
    };
    let flipped = 0;
    for (const { id } of records())
      for (const change of [
        "body = CAST(body AS BLOB)",
        "sealed = CAST(sealed AS BLOB)",
        "name = CAST(name AS BLOB)",
        "type = CAST(type AS BLOB)",
      ].concat(["id = CAST(id AS BLOB)", "revision = 'one'", "revision = 1.5", "revision = x'01'", "sealed = 5", "body = 1e300"])) {
        const { violations } = await tampered((database) => {
          strict(database, false);
          flipped += Number(database.prepare(`UPDATE records SET ${change} WHERE id = ?`).run(id).changes);
          strict(database, true);
        });
        expect(violations, change).toEqual([]);
      }
    expect(flipped).toBe(records().length * 10);
  });
});

describe("parts moved between records", () => {
  const columns = ["body", "sealed", "body, sealed"];

  it("any column, any part of the readable half, whole records", async () => {
    const all = records().filter(({ kind }) => kind === "document");
    for (const one of all)
      for (const other of all.filter(({ id }) => id > one.id)) {
        const { type: _t, ...keys } = JSON.parse(one.body) as Tree;
        const swaps: ((database: DatabaseSync) => void)[] = columns.map((names) => (database) => {
          const [a, b] = [one.id, other.id].map((id) => database.prepare(`SELECT ${names} FROM records WHERE id = ?`).get(id));
          const set = names.split(", ").map((name) => `${name} = ?`);
          database.prepare(`UPDATE records SET ${set} WHERE id = ?`).run(...(Object.values(b ?? {}) as string[]), one.id);
          database.prepare(`UPDATE records SET ${set} WHERE id = ?`).run(...(Object.values(a ?? {}) as string[]), other.id);
        });
        swaps.push((database) => {
          database.exec(`UPDATE records SET name = '' WHERE id = '${one.id}'`);
          database.exec(`UPDATE records SET name = '${one.name}' WHERE id = '${other.id}'`);
          database.exec(`UPDATE records SET name = '${other.name}' WHERE id = '${one.id}'`);
        });
        for (const key of Object.keys(keys))
          swaps.push((database) => {
            const moved = { ...(JSON.parse(one.body) as Tree), [key]: (JSON.parse(other.body) as Tree)[key] };
            database.prepare("UPDATE records SET body = ? WHERE id = ?").run(JSON.stringify(moved), one.id);
          });
        for (const swap of swaps) expect((await tampered(swap)).violations).toEqual([]);
      }
  });
});

describe("what belongs to no record", () => {
  it("the store's identity: nothing opens, everything lists", async () => {
    const { violations, codes } = await tampered((database) =>
      database.exec("UPDATE store SET id = '00000000-0000-4000-8000-000000000000'"),
    );
    expect([violations, [...codes]]).toEqual([[], ["ERR_CANNOT_OPEN"]]);
    const lost = await tampered((database) => database.exec("DELETE FROM store"));
    expect([lost.violations, [...lost.codes]]).toEqual([[], ["ERR_CANNOT_OPEN"]]);
  });

  it("the table of references: taken away, added, turned round, the values stay", async () => {
    const id = (name: string) => `(SELECT id FROM records WHERE name = '${name}')`;
    for (const change of [
      "DELETE FROM record_references",
      `UPDATE record_references SET child = ${id("alone")}`,
      `UPDATE record_references SET child = ${id("child")}, parent = ${id("alone")}`,
      `INSERT INTO record_references VALUES (${id("alone")}, ${id("parent")}), (${id("child")}, ${id("parent")})`,
      `INSERT INTO record_references VALUES (${id("alone")}, 'nobody')`,
    ]) {
      const { violations, codes } = await tampered((database) => database.exec(change));
      expect([violations, [...codes]], change).toEqual([[], []]);
    }
  });

  it("a record taken away is told as what it is: gone, or referred to and gone", async () => {
    const gone = await tampered((database) => database.exec("DELETE FROM records WHERE name = 'alone'"));
    expect([gone.violations, [...gone.codes]]).toEqual([[], ["ERR_NOT_FOUND"]]);
  });

  it("a table taken away: the file is damaged, which is no absence", async () => {
    for (const table of ["records", "record_references", "store"]) {
      const path = join(folder, `${table}.db`);
      copyFileSync(original, path);
      sql(path, (database) => database.exec(`DROP TABLE ${table}`));
      const { violations, codes } = await examine(path, undefined);
      expect([violations, [...codes]], table).toEqual([[], ["ERR_CANNOT_OPEN"]]);
    }
  });
});

describe("a broken record", () => {
  it("is listed and flagged, is replaced by saving, and can be deleted", async () => {
    const path = join(folder, "broken.db");
    copyFileSync(original, path);
    sql(path, (database) => database.exec("UPDATE records SET body = '{' WHERE name IN ('alone', 'public') OR kind = 'type'"));
    const store = await open(path);
    expect((await store.list()).map(({ name, damaged }) => [name, damaged])).toEqual([
      ["alone", true],
      ["child", undefined],
      ["parent", undefined],
      ["public", true],
    ]);
    expect((await store.types()).map(({ slug, name }) => [slug, name])).toEqual([["part", "part"]]);
    await expect(store.inspect({ type: "part", name: "alone" })).rejects.toMatchObject({
      code: "ERR_CANNOT_OPEN",
      details: { name: "alone" },
    });
    await expect(store.save(part("alone"))).rejects.toMatchObject({ code: "ERR_EXISTS" });
    await store.save(part("alone"), { overwrite: true });
    await store.delete({ type: "part", name: "public" });
    await register(store);
    expect((await store.list()).map(({ name, damaged }) => [name, damaged])).toEqual([
      ["alone", undefined],
      ["child", undefined],
      ["parent", undefined],
    ]);
    expect((await store.types()).map(bare)).toEqual([partType]);
  });
});

describe("single bits of the file", () => {
  it("flipped at four hundred places: the identical value or a typed error, never another value", async () => {
    const bytes = readFileSync(original);
    const path = join(folder, "bits.db");
    let state = 20_250_102;
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0; // seeded, so that a failure comes again
      return Math.floor((state / 2 ** 32) * below);
    };
    let noticed = 0;
    for (let round = 0; round < 400; round++) {
      const changed = Buffer.from(bytes);
      const at = random(bytes.length);
      changed[at] = (changed[at] as number) ^ (1 << random(8));
      for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
      writeFileSync(path, changed);
      const { violations, codes } = await examine(path, undefined);
      expect(violations, `byte ${at}`).toEqual([]);
      if (codes.size > 0) noticed++;
    }
    expect(noticed).toBeGreaterThan(10);
  });
});

describe("the examination itself", () => {
  it("finds wrong values where the vault binds nothing", async () => {
    const vault = await sodiumVault(ring);
    const nothing = () => new Uint8Array(32);
    const unbound: Vault = {
      seal: (secrets) => vault.seal(secrets, nothing),
      open: (token) => vault.open(token, nothing),
      discard: () => {},
      keyOf: (token) => vault.keyOf(token),
      sealingKey: () => "",
      close: async () => {},
    };
    const sealedLoosely = (database: DatabaseSync) => {
      for (const { id, name } of records())
        database
          .prepare("UPDATE records SET sealed = ? WHERE id = ?")
          .run(vault.seal(name === "public" || !expected.has(name) ? {} : { "/token": `canary-c0ffee of ${name}` }, nothing) as string, id);
    };
    const untouched = await tampered(sealedLoosely, unbound);
    expect([untouched.violations, [...untouched.codes]]).toEqual([[], []]);
    for (const change of [
      "UPDATE records SET body = replace(body, 'second', 'third') WHERE name = 'child'",
      "UPDATE records SET sealed = (SELECT sealed FROM records WHERE name = 'alone') WHERE name = 'child'",
      "UPDATE records SET revision = revision + 1 WHERE name = 'alone'",
    ]) {
      const { violations } = await tampered((database) => {
        sealedLoosely(database);
        database.exec(change);
      }, unbound);
      expect(violations, change).toContainEqual(expect.stringContaining("another value"));
    }
  });
});

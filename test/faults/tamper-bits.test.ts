/**
 * Every single bit of every column of every row of a small store, flipped in turn while the store is open; bits of its file; parts of an older
 * version put into the newer. What is loaded then is the identical value or an error of its own, never another value; what can no longer be found
 * by its name is found by `maintenance.check()`, which `ashlar doctor` shows.
 *
 * ASHLAR_BIT_FLIPS: how many bits of the file, default 300. ASHLAR_SEED: which.
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { schemaChecksum } from "../../src/checksum.ts";
import { AshlarError, isAshlarError } from "../../src/errors.ts";
import { canonicalJson } from "../../src/json.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import type { Finding, Maintenance, Store } from "../../src/stores/store.ts";
import { over, part, revealed } from "../../src/testing/store-subject.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import type { Vault } from "../../src/vaults/vault.ts";
import { temporaryFolder } from "../temporary.ts";
import { seeded, seedOr } from "./random.ts";

type Sealed = Store & { readonly maintenance: Maintenance };
type Row = Record<string, string | number | Uint8Array>;

const folder = temporaryFolder();
const ring = keyring([generateKey()], "a test");
/** Elsewhere than in CI one bit in four is flipped: a few seconds less. */
const STEP = process.env.CI ? 1 : 4;
const SEED = seedOr(20_250_310);
const OFFSET = seeded(SEED)(64);
const FILE_FLIPS = Number(process.env.ASHLAR_BIT_FLIPS ?? 300);
const NAMES = ["alone", "child", "parent"];

/** Short, since every bit costs time. */
const FIELDS = `{"title":"Part","type":"object","properties":{"token":{"type":"string","format":"password"}},"block_type_slug":"part"}`;
const NOTHING_MORE = { description: "A", logoUrl: null, documentationUrl: null, codeExample: null };

/** A vault that ignores what a record says: the control. */
async function looseVault(): Promise<Vault> {
  const vault = await sodiumVault(ring);
  const nothing = () => new Uint8Array(32);
  return {
    seal: (secrets) => vault.seal(secrets, nothing),
    open: (token) => vault.open(token, nothing),
    discard: () => {},
    keyOf: (token) => vault.keyOf(token),
    sealingKey: () => vault.sealingKey(),
    close: async () => {},
  };
}

async function open(path: string, vault?: Vault): Promise<Sealed> {
  const made = { backend: await sqliteBackend({ path }), vault: vault ?? (await sodiumVault(ring)), actor: "t" };
  return sealedStore(made) as Sealed;
}

/** A store with a type, its schema, a child, a parent that refers to it, and one alone; and the child's row at its first revision. */
async function makeStore(path: string, vault?: Vault): Promise<{ older: Row }> {
  await (await sqliteBackend({ path, create: true })).close();
  const store = await open(path, vault);
  await store.saveType({ ...NOTHING_MORE, slug: "part", name: "Part" });
  await store.saveSchema({ type: "part", version: "1", capabilities: [], fields: FIELDS, checksum: schemaChecksum(FIELDS) });
  await store.save(part("child", { data: { text: "first" }, secrets: { "/token": "older", "/gone": "x" } }));
  const database = direct(path);
  const older = database.prepare("SELECT * FROM records WHERE name = 'child'").get() as Row;
  database.close();
  const child = await store.save(part("child", { data: { text: "second" } }), { overwrite: true });
  await store.save(over("parent", child));
  await store.save(part("alone", { data: { n: 1.5 } }));
  await store.close();
  return { older };
}

/** A connection that changes the file as an intruder would. */
function direct(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  database.exec("PRAGMA synchronous = OFF");
  return database;
}

/** What a load by name gives, as text; what it refers to and leaves out is refused, as it is by every block. */
async function loadedText(store: Store, name: string): Promise<string> {
  const documents = await store.load({ type: "part", name });
  for (const { references } of documents)
    for (const to of Object.values(references))
      if (!documents.some(({ id }) => id === to.id)) throw new AshlarError("ERR_BROKEN_REFERENCE", "It refers to what is gone.");
  return canonicalJson(documents.map((document) => ({ ...document, secrets: revealed(document) })));
}

async function schemaText(store: Store): Promise<string> {
  return (await store.schema({ type: "part" }))?.fields ?? "none";
}

/** What a sound store gives. */
async function expectations(path: string, vault?: Vault): Promise<ReadonlyMap<string, string>> {
  const store = await open(path, vault);
  const values = new Map<string, string>();
  for (const name of NAMES) values.set(name, await loadedText(store, name));
  values.set("the schema", await schemaText(store));
  await store.close();
  return values;
}

/** Where a finding about a row would be. */
function placeOf({ kind, type, name }: Row): string {
  return kind === "document" ? `${type}/${name}` : `${kind} ${name}`;
}

interface Seen {
  /** What must not be. */
  readonly violations: string[];
  /** How often something was noticed on loading, and how often only by the check. */
  noticed: number;
  hidden: number;
}

/**
 * Reads everything by name. @param isFound whether findings of the check tell of what was changed; asked only for what is not found by its name.
 */
async function examine(
  store: Sealed,
  expected: ReadonlyMap<string, string>,
  what: string,
  seen: Seen,
  isFound: (findings: readonly Finding[]) => boolean = (findings) => findings.length > 0,
): Promise<void> {
  let noticed = false;
  let missing = false;
  for (const [name, value] of expected) {
    try {
      const text = name === "the schema" ? await schemaText(store) : await loadedText(store, name);
      if (name === "the schema" && text === "none") missing = true;
      else if (text !== value) seen.violations.push(`${what}: ${name} has another value`);
    } catch (error) {
      noticed = true;
      if (!isAshlarError(error)) seen.violations.push(`${what}: ${name} fails with ${String(error)}`);
      else if (error.code === "ERR_NOT_FOUND") missing = true;
    }
  }
  if (noticed) seen.noticed++;
  if (!missing) return;
  seen.hidden++;
  const findings = await store.maintenance.check().catch((error: unknown) => {
    if (isAshlarError(error)) return [{ where: "", message: error.message }];
    throw error;
  });
  if (!isFound(findings)) seen.violations.push(`${what}: not found, and the check does not tell: ${JSON.stringify(findings)}`);
}

/** Puts a value into a column of a row. The references have no row ids; there is one. */
function writer(database: DatabaseSync, table: string, row: Row, column: string): (value: bigint | Uint8Array) => void {
  if (table !== "record_references") {
    const set = database.prepare(
      `UPDATE ${table} SET ${column} = ${typeof row[column] === "number" ? "?" : "CAST(? AS TEXT)"} WHERE rowid = ?`,
    );
    return (value) => void set.run(value, row.at as number);
  }
  const insert = database.prepare("INSERT INTO record_references (parent, child) VALUES (CAST(? AS TEXT), CAST(? AS TEXT))");
  return (value) => {
    database.exec("DELETE FROM record_references");
    insert.run(...(["parent", "child"].map((name) => (name === column ? value : row[name])) as [string, string]));
  };
}

/** Flips the bits of each column of each row of a table, each by itself; `narrow` chooses columns, `step` takes only each so manieth bit. */
async function flipAll(
  path: string,
  table: string,
  expected: ReadonlyMap<string, string>,
  { vault, narrow = () => true, step = 1 }: { vault?: Vault; narrow?: (row: Row, column: string) => boolean; step?: number } = {},
): Promise<Seen & { flips: number }> {
  const seen = { violations: [] as string[], noticed: 0, hidden: 0, flips: 0 };
  const database = direct(path);
  const store = await open(path, vault);
  const rows = database.prepare(`SELECT ${table === "record_references" ? "0" : "rowid"} AS at, * FROM ${table}`).all() as Row[];
  for (const row of rows) {
    for (const column of Object.keys(row).filter((name) => name !== "at" && narrow(row, name))) {
      const value = row[column] as string | number;
      const write = writer(database, table, row, column);
      for (let bit = OFFSET % step; bit < (typeof value === "number" ? 64 : Buffer.byteLength(value) * 8); bit += step) {
        const flipped = flip(value, bit);
        write(flipped);
        seen.flips++;
        const what = `${table} ${placeOf(row)} ${column} bit ${bit}`;
        const changed = { ...row, [column]: typeof flipped === "bigint" ? Number(flipped) : Buffer.from(flipped).toString() };
        const isFound = (findings: readonly Finding[]) => table !== "records" || findings.some(({ where }) => where === placeOf(changed));
        const reader = table === "store" ? await open(path, vault) : store; // a store reads its identity once
        await examine(reader, expected, what, seen, isFound);
        // A block type is shown without being opened: listing types needs no key. The check tells.
        if (row.kind === "type" && !isFound(await reader.maintenance.check())) seen.violations.push(`${what}: the check does not tell`);
        if (reader !== store) await reader.close();
        write(typeof value === "number" ? BigInt(value) : Buffer.from(value));
      }
    }
  }
  await examine(store, expected, "all flipped back", seen, () => false);
  await store.close();
  database.close();
  return seen;
}

function flip(value: string | number, bit: number): bigint | Uint8Array {
  if (typeof value === "number") return BigInt.asIntN(64, BigInt(value) ^ (1n << BigInt(bit)));
  const bytes = Buffer.from(value);
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  return bytes;
}

const path = join(folder, "bits.db");
let expected: ReadonlyMap<string, string>;
let older: Row;
beforeAll(async () => {
  ({ older } = await makeStore(path));
  expected = await expectations(path);
});

describe("one bit flipped in a row", () => {
  it("of the records: noticed when it is loaded, or found by the check", async () => {
    const { violations, flips, noticed, hidden } = await flipAll(path, "records", expected, { step: STEP });
    expect(violations.slice(0, 9)).toEqual([]);
    expect(flips * STEP).toBeGreaterThan(15_000);
    expect(noticed / flips).toBeGreaterThan(0.7); // the rest is what a load does not read: the type, and what is hidden
    expect(hidden).toBeGreaterThan(0);
  });

  it("of the store's identity: nothing opens", async () => {
    const { violations, flips, noticed } = await flipAll(path, "store", expected);
    expect([violations, noticed]).toEqual([[], flips]);
  });

  it("of the index of references: the records themselves say what they refer to", async () => {
    const { violations, flips, noticed } = await flipAll(path, "record_references", expected);
    expect([violations, noticed]).toEqual([[], 0]);
    expect(flips).toBe(2 * 36 * 8);
  });

  it("is a wrong value where the vault ignores the binding: the examination sees it", async () => {
    const vault = await looseVault();
    const loose = join(folder, "loose.db");
    await makeStore(loose, vault);
    const { violations, flips } = await flipAll(loose, "records", await expectations(loose, vault), {
      vault,
      narrow: (row, column) => row.name === "child" && column === "body",
      step: 7,
    });
    expect(flips).toBeGreaterThan(300);
    expect(violations.filter((line) => line.includes("another value")).length).toBeGreaterThan(100);
  });
});

describe("parts of an older version put into the newer", () => {
  const parts = ["revision", "body", "sealed"];
  const mixtures = [["revision"], ["body"], ["sealed"], ["revision", "body"], ["revision", "sealed"], ["body", "sealed"]];

  /** What the child's row and the newer one would be with some of the older row's columns. */
  async function withOlder(columns: readonly string[], body: (newer: object, older: object) => object = (newer) => newer): Promise<Seen> {
    const changed = join(folder, "older.db");
    copyFileSync(path, changed);
    const database = direct(changed);
    const newer = database.prepare("SELECT * FROM records WHERE name = 'child'").get() as Row;
    const mixed: Row = { ...newer, ...Object.fromEntries(columns.map((column) => [column, older[column] as string])) };
    const text = JSON.stringify(body(JSON.parse(String(mixed.body)) as object, JSON.parse(String(older.body)) as object));
    database
      .prepare("UPDATE records SET revision = ?, body = ?, sealed = ? WHERE name = 'child'")
      .run(mixed.revision as number, text, mixed.sealed as string);
    database.close();
    const seen: Seen = { violations: [], noticed: 0, hidden: 0 };
    const store = await open(changed);
    await examine(store, expected, columns.join(), seen);
    await store.close();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(changed + suffix, { force: true });
    return seen;
  }

  it("columns: noticed, each mixture", async () => {
    for (const columns of mixtures) expect(await withOlder(columns)).toEqual({ violations: [], noticed: 1, hidden: 0 });
  });

  it("fields, times, secrets' places: noticed, each", async () => {
    const keys = Object.keys(JSON.parse(String(older.body)) as object);
    const differing = keys.filter((key) => {
      const [a, b] = [older.body, sql("SELECT body FROM records WHERE name = 'child'")].map(
        (text) => (JSON.parse(String(text)) as Record<string, unknown>)[key],
      );
      return canonicalJson(a as never) !== canonicalJson(b as never);
    });
    expect(differing).toContain("data");
    expect(differing).toContain("secrets");
    for (const key of differing)
      expect(await withOlder([], (newer, old) => ({ ...newer, [key]: (old as Record<string, unknown>)[key] }))).toEqual({
        violations: [],
        noticed: 1,
        hidden: 0,
      });
  });

  it("all of it is a whole older version put back, which is not found: SECURITY.md says so", async () => {
    const { violations, noticed } = await withOlder(parts);
    expect(noticed).toBe(0);
    expect(violations).toEqual([`${parts}: child has another value`, `${parts}: parent has another value`]);
  });

  function sql(query: string): unknown {
    const database = direct(path);
    const [value] = Object.values(database.prepare(query).get() ?? {});
    database.close();
    return value;
  }
});

describe("one bit flipped in the file", () => {
  it(`at ${FILE_FLIPS} places: an identical value or an error of its own, and what cannot be found the check finds (seed ${SEED})`, async () => {
    const bytes = readFileSync(path);
    const random = seeded(SEED);
    const seen: Seen = { violations: [], noticed: 0, hidden: 0 };
    const changed = join(folder, "file.db");
    for (let round = 0; round < FILE_FLIPS; round++) {
      const at = random(bytes.length * 8);
      const flipped = Buffer.from(bytes);
      flipped[at >> 3] = (flipped[at >> 3] as number) ^ (1 << (at & 7));
      for (const suffix of ["-wal", "-shm"]) rmSync(changed + suffix, { force: true });
      writeFileSync(changed, flipped);
      const what = `bit ${at & 7} of byte ${at >> 3}`;
      const store = await open(changed).catch((error: unknown) => {
        if (!isAshlarError(error)) seen.violations.push(`${what}: opening fails with ${String(error)}`);
        seen.noticed++;
      });
      if (!store) continue;
      await examine(store, expected, what, seen);
      await store.close();
    }
    expect(seen.violations).toEqual([]);
    expect(seen.noticed).toBeGreaterThan(FILE_FLIPS / 20);
  });
});

/**
 * Bits of every column of every row in PostgreSQL, flipped by someone who may write there: the identical value or a typed error, never another value;
 * what can no longer be found by its name, the check finds. What is no UTF-8, PostgreSQL itself does not take. Every bit in CI, every 17th elsewhere.
 */
import { beforeAll, expect, it, vi } from "vitest";
import { openBackend } from "../../src/backends/postgres.ts";
import { schemaChecksum } from "../../src/checksum.ts";
import { isAshlarError } from "../../src/index.ts";
import { canonicalJson } from "../../src/json.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import type { Store } from "../../src/stores/store.ts";
import { at, over, part, partType, revealed } from "../../src/testing/store-subject.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import type { Vault } from "../../src/vaults/vault.ts";
import { describePostgres as describe, postgresForTests } from "../postgres.ts";

vi.setConfig({ testTimeout: 900_000, hookTimeout: 120_000 });

const STEP = process.env.CI ? 1 : 17;
const COLUMNS = ["id", "kind", "type", "name", "revision", "body", "sealed"];
/** Short, since every bit costs time. */
const FIELDS = `{"title":"Part","type":"object","properties":{"token":{"type":"string","format":"password"}},"block_type_slug":"part"}`;
const server = postgresForTests();

/** A child, a parent that refers to it, their type and its schema; and a way to the tables without their foreign keys, as an intruder has it. */
async function stored(vault: Vault) {
  const url = server.freshUrl();
  const backend = await openBackend(url, { create: true });
  const store = sealedStore({ backend, vault });
  await store.saveType(partType);
  await store.saveSchema({ type: "part", version: "1", capabilities: [], fields: FIELDS, checksum: schemaChecksum(FIELDS) });
  await store.save(over("parent", await store.save(part("child", { data: { n: 1.5 } }))));
  const schema = new URL(url).searchParams.get("schema");
  for (const column of ["parent", "child"])
    await server.sql(`ALTER TABLE ${schema}.record_references DROP CONSTRAINT record_references_${column}_fkey`);
  return { store, table: `${schema}.records` };
}

/** What each thing is by its name, or why that cannot be told; what it refers to and leaves out is refused, as it is by every block. */
async function seen(store: Store): Promise<string[]> {
  const answers = [
    () => store.load(at("child")),
    () => store.load(at("parent")),
    async () => (await store.schema({ type: "part" }))?.fields ?? "ERR_NOT_FOUND",
  ].map(async (look) => {
    try {
      const found = await look();
      if (typeof found === "string") return found;
      const ids = found.map(({ id }) => id);
      const whole = found.every(({ references }) => Object.values(references).every(({ id }) => ids.includes(id)));
      return whole ? canonicalJson(found.map((each) => ({ ...each, secrets: revealed(each) }))) : "ERR_BROKEN_REFERENCE";
    } catch (error) {
      return isAshlarError(error) ? error.code : String(error);
    }
  });
  return Promise.all(answers);
}

interface Flipped {
  flips: number;
  refused: number;
  noticed: number;
  hidden: number;
  readonly violations: string[];
}

/** Flips bits of each column of each row, each by itself. */
async function flipAll({ store, table }: { store: Store; table: string }, step = STEP): Promise<Flipped> {
  const expected = await seen(store);
  const result: Flipped = { flips: 0, refused: 0, noticed: 0, hidden: 0, violations: [] };
  const rows = await server.sql(`SELECT ctid::text AS place, ${COLUMNS.map((name) => `${name}::text`)} FROM ${table}`);
  for (const row of rows) {
    for (const column of COLUMNS) {
      const value = Buffer.from(String(row[column]));
      const number = column === "revision";
      const write = async (changed: Buffer | bigint) => {
        const given = number ? "$1::bigint" : "convert_from($1, 'UTF8')";
        const [written] = await server.sql(`UPDATE ${table} SET ${column} = ${given} WHERE ctid = $2::tid RETURNING ctid::text AS place`, [
          typeof changed === "bigint" ? String(changed) : changed,
          row.place,
        ]);
        row.place = written?.place;
      };
      for (let bit = result.flips % step; bit < (number ? 64 : value.length * 8); bit += step) {
        result.flips++;
        try {
          await write(number ? BigInt.asIntN(64, BigInt(String(row[column])) ^ (1n << BigInt(bit))) : flip(value, bit));
        } catch (error) {
          // no UTF-8, a zero character, or a name that is there already
          if (!["22021", "22P05", "23505"].includes(String((error as { code?: unknown }).code))) throw error;
          result.refused++;
          continue;
        }
        const answers = (await seen(store)).map((answer, index) => (answer === expected[index] ? "same" : answer));
        if (answers.some((answer) => answer !== "same" && !answer.startsWith("ERR_")))
          result.violations.push(`${column} bit ${bit}: ${answers}`);
        if (answers.some((answer) => answer.startsWith("ERR_"))) result.noticed++;
        if (answers.includes("ERR_NOT_FOUND")) {
          result.hidden++;
          if ((await store.maintenance?.check())?.length === 0)
            result.violations.push(`${column} bit ${bit}: not found, and nothing tells`);
        }
        await write(number ? BigInt(String(row[column])) : value);
      }
    }
  }
  if ((await seen(store)).some((answer, index) => answer !== expected[index])) result.violations.push("all flipped back: something else");
  return result;
}

function flip(value: Buffer, bit: number): Buffer {
  const changed = Buffer.from(value);
  changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
  return changed;
}

describe("one bit flipped in PostgreSQL", () => {
  const ring = keyring([generateKey()], "a test");
  let vault: Vault;
  beforeAll(async () => {
    vault = await sodiumVault(ring);
  });

  it("of the records: noticed when it is loaded, or found by the check", async () => {
    const { violations, flips, refused, noticed, hidden } = await flipAll(await stored(vault));
    expect(violations.slice(0, 9)).toEqual([]);
    expect(flips * STEP).toBeGreaterThan(10_000);
    expect(refused / flips).toBeLessThan(0.2); // the highest bit of each byte
    expect(noticed / (flips - refused)).toBeGreaterThan(0.6); // the rest is what a load does not read: the type, and what is hidden
    expect(hidden).toBeGreaterThan(0);
  });

  it("is another value where the vault ignores the binding: the examination sees it", async () => {
    const nothing = () => new Uint8Array(32);
    const loose: Vault = {
      seal: (secrets, _binding, record) => vault.seal(secrets, nothing, record),
      open: (token) => vault.open(token, nothing),
      discard: () => {},
      keyOf: (token) => vault.keyOf(token),
      sealingKey: () => vault.sealingKey(),
      close: async () => {},
    };
    expect((await flipAll(await stored(loose), 67)).violations.length).toBeGreaterThan(20);
  });
});

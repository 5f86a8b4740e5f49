/** How the backend speaks to PostgreSQL: one statement each, which leaves nothing in a session; locks, isolation, and rows that were changed by hand. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, expect, it } from "vitest";
import { MAX_REFERENCE_DEPTH } from "../../src/backends/backend.ts";
import { type PostgresClient, type PostgresOptions, type PostgresPool, postgresBackend } from "../../src/backends/postgres.ts";
import { comesBack, create, next, over, record } from "../../src/testing/backend-subject.ts";
import { ODD_TEXTS, refused, successes } from "../../src/testing/suite.ts";
import { backendConformance } from "../../src/testing.ts";
import { describePostgres as describe, postgresForTests } from "../postgres.ts";

const server = postgresForTests();
const pools: pg.Pool[] = [];
afterAll(async () => {
  for (const pool of pools) await pool.end();
});

/** A backend over a pool of this test, and the schema that it lies in. */
async function make(options: pg.PoolConfig = {}, wrap = (pool: pg.Pool): PostgresPool => pool, more: Partial<PostgresOptions> = {}) {
  const url = new URL(server.freshUrl());
  const schema = url.searchParams.get("schema") ?? "";
  url.search = "";
  const pool = new pg.Pool({ connectionString: url.href, ...options });
  pools.push(pool);
  return { pool, schema, backend: await postgresBackend({ pool: wrap(pool), schema, create: true, ...more }) };
}

/** A pool that tells of each statement, and calls something after it. */
function watched(pool: pg.Pool, statements: string[], after: (client: pg.PoolClient) => Promise<unknown> = async () => {}): PostgresPool {
  return {
    on: (event, listener) => pool.on(event, listener),
    connect: (done) =>
      pool.connect((error, client) => {
        if (!client) return done(error, undefined);
        const query: PostgresClient["query"] = async (given) => {
          statements.push(given.text);
          try {
            return await client.query(given);
          } finally {
            await after(client);
          }
        };
        done(undefined, {
          on: (event, listener) => client.on(event, listener),
          off: (event, listener) => client.off(event, listener),
          release: (destroy) => client.release(destroy),
          query,
        });
      }),
  };
}

describe("each call", () => {
  it("is one statement: reading a graph of any depth, writing, removing", async () => {
    const statements: string[] = [];
    const { backend } = await make({}, (pool) => watched(pool, statements));
    const sent = async (work: () => Promise<unknown>) => {
      statements.length = 0;
      await work();
      return statements.length;
    };
    let [last] = await create(backend, record("d0"));
    for (let depth = 1; depth <= MAX_REFERENCE_DEPTH; depth++) [last] = await create(backend, over(`d${depth}`, last));
    expect(await sent(async () => backend.graph({ kind: "document", type: "part", name: last.name }))).toBe(1);
    expect((await backend.graph({ id: last.id })).length).toBe(MAX_REFERENCE_DEPTH + 1);
    expect(await sent(() => backend.put(next(last), 1))).toBe(1);
    expect(await sent(() => backend.put(over("more", last), null))).toBe(1);
    expect(await sent(() => backend.list({ kind: "document", limit: 10 }))).toBe(1);
    const [one, two] = await create(backend, record("one"), record("two"));
    expect(await sent(() => backend.remove([one, two]))).toBe(1);
  });

  it("gives its connection back, whether it succeeds or not", async () => {
    const { backend, pool } = await make({ max: 1 });
    const [one] = await create(backend, record("one"));
    const [parent] = await create(backend, over("parent", one));
    for (let round = 0; round < 3; round++) {
      await refused("ERR_EXISTS", () => backend.put(record("one"), null));
      await refused("ERR_CONFLICT", () => backend.put(next(one), 7));
      await refused("ERR_BROKEN_REFERENCE", () => backend.put(over("other", record("gone")), null));
      await refused("ERR_REFERENCED", () => backend.remove([one]));
      await refused("ERR_CONFLICT", () => backend.remove([parent, { id: randomUUID(), revision: 1 }]));
    }
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0]);
  });

  it("leaves nothing in the session: no setting, prepared statement, lock, listener, cursor or table", async () => {
    const { backend, pool } = await make({ max: 1 });
    const settings = async () => (await pool.query("SELECT name, setting FROM pg_settings ORDER BY name")).rows;
    const before = await settings();
    const [one] = await create(backend, record("one"));
    await backend.put(next(one), 1);
    await backend.graph({ id: one.id });
    await backend.check();
    await backend.remove([next(one)]);
    expect(await settings()).toEqual(before);
    const left = `SELECT (SELECT count(*) FROM pg_prepared_statements) + (SELECT count(*) FROM pg_cursors) + (SELECT count(*) FROM pg_listening_channels())
      + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
      + (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND pg_my_temp_schema() = relnamespace) AS things`;
    expect((await pool.query(left)).rows).toEqual([{ things: "0" }]);
    // The question itself sees what is left.
    await pool.query("PREPARE one AS SELECT 1; SELECT pg_advisory_lock(1); LISTEN one; CREATE TEMP TABLE one (a int)");
    expect((await pool.query(left)).rows).toEqual([{ things: "4" }]);
  });
});

/** What a transaction pooler may do between any two statements, at the least: another session for each. */
const forgetful = async () => (await make({ max: 4 }, (pool) => watched(pool, [], (client) => client.query("DISCARD ALL")))).backend;
backendConformance(
  { describe, it },
  { name: "the PostgreSQL backend, over sessions that forget everything after each statement", open: forgetful },
);

describe("a lock", () => {
  /** Runs while another session holds what a statement locks. */
  async function whileLocked<T>(pool: pg.Pool, statement: string, work: () => Promise<T>): Promise<T> {
    const other = await pool.connect();
    await other.query("BEGIN");
    await other.query(statement);
    try {
      return await work();
    } finally {
      await other.query("ROLLBACK");
      other.release();
    }
  }

  it("on a record is waited for so long, and then nothing was written", async () => {
    const { backend, pool, schema } = await make({}, undefined, { timeoutMs: 1000 });
    const [one] = await create(backend, record("one"));
    await whileLocked(pool, `UPDATE ${schema}.records SET sealed = 'x'`, async () => {
      for (const write of [() => backend.put(next(one), 1), () => backend.remove([one])]) {
        const error = await refused("ERR_UNREACHABLE", write);
        expect(error.message).toMatch(/stays locked by someone else: try again \(55P03\)/);
      }
      await comesBack(backend, one);
    });
    await comesBack(backend, one);
    await backend.put(next(one), 1);
  });

  it("that ends in time lets the write through", async () => {
    const { backend, pool, schema } = await make();
    const [one] = await create(backend, record("one"));
    const written = await whileLocked(pool, `UPDATE ${schema}.records SET sealed = 'x'`, async () => {
      const writing = backend.put(next(one), 1);
      while ((await pool.query("SELECT FROM pg_locks WHERE NOT granted")).rows.length === 0);
      return [writing];
    });
    await Promise.all(written);
    await comesBack(backend, next(one));
  });

  it("on a whole table: reading is ERR_UNREACHABLE, writing ERR_OUTCOME_UNKNOWN, and both have an end", async () => {
    const { backend, pool, schema } = await make({}, undefined, { timeoutMs: 500 });
    const [one] = await create(backend, record("one"));
    await whileLocked(pool, `LOCK TABLE ${schema}.records`, async () => {
      expect((await refused("ERR_UNREACHABLE", () => backend.get({ id: one.id }))).message).toMatch(/\(no answer\)/);
      await refused("ERR_OUTCOME_UNKNOWN", () => backend.put(next(one), 1));
    });
  });
});

describe("whatever isolation transactions have by default", () => {
  const levels = ["read committed", "repeatable read", "serializable"];
  const isolated = (level: string) => make({ options: `-c default_transaction_isolation=${level.replace(" ", "\\ ")}` });

  it.each(levels)("%s: of writers, creators and removers at once one wins, and the others are told", async (level) => {
    const { backend, pool } = await isolated(level);
    expect((await pool.query("SHOW transaction_isolation")).rows).toEqual([{ transaction_isolation: level }]);
    const [one] = await create(backend, record("one"));
    const writers = Array.from({ length: 5 }, (_, writer) => backend.put(next(one, { data: { writer } }), 1));
    expect(await successes(writers, ["ERR_CONFLICT"])).toBe(1);
    const creators = Array.from({ length: 5 }, () => backend.put(record("two"), null));
    expect(await successes(creators, ["ERR_EXISTS"])).toBe(1);
    const removers = Array.from({ length: 5 }, () => backend.remove([next(one)]));
    expect(await successes(removers, ["ERR_CONFLICT"])).toBe(1);
  });

  it.each(levels)("%s: nothing comes to refer to what is being removed", async (level) => {
    const { backend, pool, schema } = await isolated(level);
    for (let round = 0; round < 10; round++) {
      const [child] = await create(backend, record(`child-${round}`));
      const linking = backend.put(over(`parent-${round}`, child), null);
      expect(await successes([linking, backend.remove([child])], ["ERR_BROKEN_REFERENCE", "ERR_REFERENCED", "ERR_CONFLICT"])).toBe(1);
    }
    const { rows } = await pool.query(`SELECT FROM ${schema}.records r WHERE name LIKE 'parent%' AND NOT EXISTS
      (SELECT FROM ${schema}.record_references JOIN ${schema}.records c ON c.id = child WHERE parent = r.id)`);
    expect(rows).toEqual([]);
  });
});

describe("what PostgreSQL cannot hold", () => {
  it("is not there: names with U+0000 or half a character", async () => {
    const { backend } = await make();
    await create(backend, record("\ufffd"));
    for (const name of [ODD_TEXTS.control as string, ODD_TEXTS.lone as string]) {
      expect(await backend.get({ kind: "document", type: "part", name })).toBeNull();
      expect(await backend.graph({ id: name })).toEqual([]);
      expect(await backend.getMany([name])).toEqual([]);
      expect(await backend.list({ kind: "document", type: name, limit: 1 })).toEqual([]);
    }
    await refused("ERR_INVALID", () => backend.put(record("a\0b"), null));
  });
});

describe("a row that was changed by hand", () => {
  /** A store with a parent and its child, after some SQL. */
  async function changed(sql: (schema: string) => string) {
    const { backend, schema, pool } = await make();
    const [child] = await create(backend, record("child"));
    const [parent] = await create(backend, over("parent", child));
    await server.sql(`BEGIN; SET LOCAL session_replication_role = replica; ${sql(schema)}; COMMIT`);
    return { backend, child, parent, pool, schema };
  }

  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["a list", "[]"],
    ["one key more", `{"more":1}`],
  ])("is damaged where its body is %s, is listed still, and can be removed", async (_what, body) => {
    const change = (schema: string) =>
      `UPDATE ${schema}.records SET body = ${body === `{"more":1}` ? `replace(body, '{"schema"', '{"more":1,"schema"')` : `'${body}'`} WHERE name = 'parent'`;
    const { backend, parent } = await changed(change);
    const { id, kind, type, name, revision } = parent;
    expect(await backend.get({ id })).toMatchObject({ id, kind, type, name, revision, damaged: true });
    expect((await backend.list({ kind: "document", limit: 9 })).map((each) => [each.name, each.damaged])).toEqual([
      ["child", undefined],
      ["parent", true],
    ]);
    await backend.remove([parent]);
  });

  it("of the index of references does not hide what a record refers to", async () => {
    const { backend, child, parent, schema } = await changed(() => "");
    const [other] = await create(backend, record("other"));
    const [top] = await create(backend, over("top", parent, other));
    await server.sql(`DELETE FROM ${schema}.record_references`);
    const found = await backend.graph({ id: top.id });
    expect(found).toHaveLength(4);
    expect(found).toEqual(expect.arrayContaining([top, parent, other, child]));
  });

  it("of the index that leads nowhere is found by check", async () => {
    const { backend } = await changed((schema) => `INSERT INTO ${schema}.record_references VALUES ('nobody', 'nothing')`);
    expect(await backend.check()).toEqual([expect.stringMatching(/leads nowhere in 1 places/)]);
  });

  it("to a circle ends", async () => {
    const { backend, child, parent } = await changed(
      (schema) =>
        `INSERT INTO ${schema}.record_references SELECT b.id, a.id FROM ${schema}.records a, ${schema}.records b ON CONFLICT DO NOTHING`,
    );
    const found = await backend.graph({ id: parent.id });
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set([child.id, parent.id]));
  });

  it("that takes the store's identity away is ERR_CANNOT_OPEN, and create gives it no other", async () => {
    const { backend, pool, schema } = await changed((at) => `DELETE FROM ${at}.store`);
    await refused("ERR_CANNOT_OPEN", () => backend.storeId());
    await refused("ERR_CANNOT_OPEN", () => postgresBackend({ pool, schema, create: true }));
    expect((await pool.query(`SELECT FROM ${schema}.store`)).rows).toEqual([]);
  });
});

/**
 * What may happen between a store and its PostgreSQL: answers cut off, swallowed and late, requests that never arrive, a server that stops and starts.
 * Nothing acknowledged is lost, nothing is done twice, and where nobody can know whether a write was done, the error says so.
 *
 * ASHLAR_SEED: when what is cut.
 */
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import type { Backend, StoredRecord } from "../../src/backends/backend.ts";
import { openBackend, postgresBackend } from "../../src/backends/postgres.ts";
import { type ErrorCode, isAshlarError } from "../../src/index.ts";
import { comesBack, create, next, record } from "../../src/testing/backend-subject.ts";
import { refused } from "../../src/testing/suite.ts";
import { describeOwnPostgres } from "../postgres.ts";
import { type OwnServer, startPostgres } from "../postgres-server.ts";
import { type Random, seeded, seedOr } from "./random.ts";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";

vi.setConfig({ testTimeout: 120_000 });

const SEED = seedOr(20_251_125);
const WRITES = /INSERT INTO|UPDATE|DELETE FROM/;

let server: OwnServer;
let proxy: TcpProxy;
/** Straight to the server: to see what is there. */
let direct: Backend;
/** Through the proxy. */
let backend: Backend;
let pool: pg.Pool;
let schema: string;

async function openBoth(): Promise<void> {
  const url = server.freshUrl();
  direct = await openBackend(url, { create: true });
  const through = new URL(url);
  schema = through.searchParams.get("schema") ?? "";
  [through.port, through.search] = [String(proxy.port), ""];
  pool = new pg.Pool({ connectionString: through.href, connectionTimeoutMillis: 1000 });
  backend = await postgresBackend({ pool, schema, timeoutMs: 1000 });
}

async function closeBoth(): Promise<void> {
  proxy.heal();
  await backend.close();
  await direct.close();
  await pool.end();
}

/** How often a write is sent while something is done; the answer to each of the first `times` is treated so, after something else happens. */
async function disturbed(
  treatment: "cut" | "half" | "swallow" | number,
  times: number,
  work: () => Promise<unknown>,
  meanwhile = async () => {},
) {
  const waiting = new Set<number>();
  let sent = 0;
  proxy.toServer = (data, connection) => {
    if (WRITES.test(data.toString())) {
      sent++;
      if (sent <= times) waiting.add(connection);
    }
    return "pass";
  };
  proxy.toClient = async (_data, connection) => {
    if (!waiting.delete(connection)) return "pass";
    await meanwhile();
    return treatment;
  };
  try {
    await work();
  } finally {
    proxy.heal();
  }
  return sent;
}

/** The same for writes that never arrive. */
async function unheard(times: number, work: () => Promise<unknown>, meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
  let sent = 0;
  proxy.toServer = async (data) => {
    if (!WRITES.test(data.toString()) || ++sent > times) return "pass";
    await meanwhile();
    return "cut";
  };
  try {
    await work();
  } finally {
    proxy.heal();
  }
}

const every = Number.POSITIVE_INFINITY;

describeOwnPostgres("faults between a store and PostgreSQL", () => {
  beforeAll(async () => {
    server = await startPostgres();
    proxy = await startTcpProxy(server);
    await openBoth();
  });
  afterEach(() => proxy.heal());
  afterAll(async () => {
    await closeBoth();
    await proxy.close();
    await server.end();
  });

  for (const treatment of ["cut", "half", "swallow", 1500] as const)
    it(`a write whose answer is ${typeof treatment === "number" ? "too late" : `treated by "${treatment}"`} is done once and acknowledged`, async () => {
      const one = record(`answer-${treatment}`);
      expect(await disturbed(treatment, 1, () => backend.put(one, null))).toBe(2);
      await comesBack(direct, one);
      expect(await disturbed(treatment, 1, () => backend.put(next(one), 1))).toBe(2);
      await comesBack(direct, next(one));
      expect(await disturbed(treatment, 1, () => backend.remove([next(one)]))).toBe(2);
      expect(await direct.get({ id: one.id })).toBeNull();
    });

  it("a write that never arrived is sent again and done once", async () => {
    const one = record("unheard");
    await unheard(1, () => backend.put(one, null));
    await comesBack(direct, one);
    await unheard(2, () => backend.put(next(one), 1));
    await comesBack(direct, next(one));
    await unheard(1, () => backend.remove([next(one)]));
    expect(await direct.get({ id: one.id })).toBeNull();
  });

  it("a write of which no answer ever comes has an unknown outcome, whether it was done or not", async () => {
    const [done, undone] = [record("done"), record("undone")];
    await disturbed("cut", every, () => refused("ERR_OUTCOME_UNKNOWN", () => backend.put(done, null)));
    await comesBack(direct, done);
    await unheard(every, () => refused("ERR_OUTCOME_UNKNOWN", () => backend.put(undone, null)));
    expect(await direct.get({ id: undone.id })).toBeNull();
    await disturbed("cut", every, () => refused("ERR_OUTCOME_UNKNOWN", () => backend.remove([done])));
    expect(await direct.get({ id: done.id })).toBeNull();
  });

  it("a write that could not be sent is ERR_UNREACHABLE: it was not done", async () => {
    const one = record("unsent");
    proxy.toServer = () => "cut";
    for (const client of await Promise.all(Array.from({ length: 3 }, () => pool.connect()).map((each) => each.catch(() => undefined))))
      client?.release(true);
    await refused("ERR_UNREACHABLE", () => backend.put(one, null));
    proxy.heal();
    expect(await direct.get({ id: one.id })).toBeNull();
  });

  it("reading is repeated, and is ERR_UNREACHABLE when that does not help; it is never told as an absence", async () => {
    const [one] = await create(direct, record("read"));
    let left = 2;
    proxy.toClient = (data) => (data.includes("sealed.read") && left-- > 0 ? "cut" : "pass");
    expect(await backend.get({ id: one.id })).toEqual(one);
    for (const treatment of ["cut", "half", "swallow"] as const) {
      proxy.toClient = (data) => (data.includes("sealed.read") ? treatment : "pass");
      await refused("ERR_UNREACHABLE", () => backend.graph({ id: one.id }));
    }
  });

  it("a connection that comes too slowly, or ends before it is one, is ERR_UNREACHABLE", async () => {
    for (const treatment of ["swallow", "cut"] as const) {
      const through = server.urlWith({ host: `127.0.0.1:${proxy.port}`, search: "" });
      const fresh = new pg.Pool({ connectionString: through, connectionTimeoutMillis: 300 });
      proxy.toClient = () => treatment;
      await refused("ERR_UNREACHABLE", () => postgresBackend({ pool: fresh, timeoutMs: 300, create: true }));
      proxy.heal();
      await fresh.end();
    }
  });

  it("a farewell in the same breath as the greeting, as of a server that is stopped then, ends no process", async () => {
    // ErrorResponse: https://www.postgresql.org/docs/current/protocol-message-formats.html
    const fields = Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0");
    const farewell = Buffer.concat([Buffer.from([0x45, 0, 0, 0, fields.length + 4]), fields]);
    const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
    const [one] = await create(direct, record("farewell"));
    const through = server.urlWith({ host: `127.0.0.1:${proxy.port}`, search: "" });
    const fresh = new pg.Pool({ connectionString: through, connectionTimeoutMillis: 1000 });
    let left = 2;
    proxy.toClient = (data) => (data.subarray(-ready.length).equals(ready) && left-- > 0 ? Buffer.concat([data, farewell]) : "pass");
    const patient = await postgresBackend({ pool: fresh, schema });
    await comesBack(patient, one);
    expect(left).toBeLessThanOrEqual(0);
    await patient.close();
    await fresh.end();
  });

  it("where someone else writes between a write and its repetition, each is told the truth", async () => {
    const fresh = async (name: string) => (await create(direct, record(`between-${name}`)))[0];
    const ours = (before: StoredRecord) => next(before, { sealed: "ours" });
    const theirs = (before: StoredRecord) => next(before, { sealed: "theirs", data: { text: "theirs" } });
    const update = (before: StoredRecord, code: ErrorCode) => () => refused(code, () => backend.put(ours(before), 1));
    // Ours was done, and then written over, or removed: that can also have come before it.
    const late = await fresh("late");
    await disturbed("cut", 1, update(late, "ERR_OUTCOME_UNKNOWN"), () => direct.put(theirs(ours(late)), 2));
    const gone = await fresh("gone");
    await disturbed("cut", 1, update(gone, "ERR_OUTCOME_UNKNOWN"), () => direct.remove([ours(gone)]));
    // Ours was done, and then sealed with a newer key, as rotation does.
    const anew = await fresh("anew");
    await disturbed("cut", 1, update(anew, "ERR_OUTCOME_UNKNOWN"), () => direct.put({ ...ours(anew), sealed: "sealed anew" }, 2));
    // Ours never arrived, and theirs is there in its place.
    const early = await fresh("early");
    await unheard(1, update(early, "ERR_CONFLICT"), () => direct.put(theirs(early), 1));
    const taken = record("between-taken");
    await unheard(
      1,
      () => refused("ERR_EXISTS", () => backend.put(taken, null)),
      () => direct.put(record("between-taken"), null),
    );
    // Ours was created, and then written over: the id says that it was.
    const created = record("between-created");
    await disturbed(
      "cut",
      1,
      () => backend.put(created, null),
      () => direct.put(theirs(created), 1),
    );
  });

  it("a lost answer whose truth cannot be looked up is an unknown outcome", async () => {
    const [one] = await create(direct, record("blind"));
    const blind = async () => {
      await direct.put(next(next(one)), 2);
      proxy.toServer = (data) => (/UPDATE/.test(data.toString()) ? "pass" : "cut"); // the repetition arrives, the look does not
    };
    await disturbed("cut", 1, () => refused("ERR_OUTCOME_UNKNOWN", () => backend.put(next(one), 1)), blind);
  });

  /** Cuts, swallows and delays at random, in either direction. */
  function storm(random: Random): void {
    const weather = () => {
      const drawn = random(120);
      return drawn < 4 ? "cut" : drawn < 6 ? "half" : drawn === 6 ? "swallow" : drawn < 20 ? random(20) : "pass";
    };
    proxy.toServer = weather;
    proxy.toClient = weather;
  }

  it(`in a storm, what was acknowledged is there, and nothing that was refused (seed ${SEED})`, async () => {
    const random = seeded(SEED);
    const before = proxy.connections;
    const wrong: string[] = [];
    const codes = new Map<string, number>();
    const writer = async (index: number) => {
      let at: StoredRecord | null = null;
      for (let step = 0; step < 50; step++) {
        const wanted: StoredRecord | null = at === null ? record(`storm-${index}`) : step % 5 === 0 ? null : next(at, { data: { step } });
        const write = () => (wanted === null ? backend.remove([at as StoredRecord]) : backend.put(wanted, at?.revision ?? null));
        const code = await write().then(
          () => "done",
          (error: unknown) => (isAshlarError(error) ? error.code : String(error)),
        );
        codes.set(code, (codes.get(code) ?? 0) + 1);
        const there = await direct.get({ kind: "document", type: "part", name: `storm-${index}` });
        const [old, fresh] = [JSON.stringify(at), JSON.stringify(wanted)];
        const now = JSON.stringify(there && (there.id === wanted?.id ? { ...wanted, ...there } : { ...at, ...there }));
        const allowed = { done: [fresh], ERR_UNREACHABLE: [old], ERR_OUTCOME_UNKNOWN: [old, fresh] }[code] ?? [];
        if (!allowed.includes(now)) wrong.push(`writer ${index}, step ${step}: ${code}, and there is ${now}`);
        at = there;
      }
    };
    storm(random);
    await Promise.all(Array.from({ length: 6 }, (_, index) => writer(index)));
    proxy.heal();
    expect(wrong).toEqual([]);
    expect([...codes.keys()].sort()).toEqual(expect.arrayContaining(["done"]));
    expect(proxy.connections - before).toBeGreaterThan(20); // it did storm
    expect(codes.get("done")).toBeGreaterThan(250);
  });

  it(`in a storm, four who add to one number by compare-and-swap add what they were told, once (seed ${SEED})`, async () => {
    await create(direct, record("counter", { data: { count: 0 } }));
    const told = { done: 0, unknown: 0 };
    const adder = async () => {
      for (let step = 0; step < 25; ) {
        try {
          const now = await backend.get({ kind: "document", type: "part", name: "counter" });
          if (!now) throw new Error("told as absent");
          await backend.put(next(now, { data: { count: Number(now.data.count) + 1 }, sealed: `${Math.random()}` }), now.revision);
          told.done++;
          step++;
        } catch (error) {
          if (isAshlarError(error, "ERR_CONFLICT") || isAshlarError(error, "ERR_UNREACHABLE")) continue;
          if (!isAshlarError(error, "ERR_OUTCOME_UNKNOWN")) throw error;
          told.unknown++;
        }
      }
    };
    storm(seeded(SEED + 1));
    await Promise.all(Array.from({ length: 4 }, adder));
    proxy.heal();
    const count = Number((await direct.get({ kind: "document", type: "part", name: "counter" }))?.data.count);
    expect(told.done).toBe(100);
    expect(count).toBeGreaterThanOrEqual(told.done);
    expect(count).toBeLessThanOrEqual(told.done + told.unknown);
  });

  it("in the same storm, one who sends again without comparing adds twice: the test sees it", async () => {
    await server.sql("CREATE TABLE naive AS SELECT 0 AS count");
    const through = server.urlWith({ host: `127.0.0.1:${proxy.port}` });
    const naive = new pg.Pool({ connectionString: through, query_timeout: 1000, connectionTimeoutMillis: 1000 });
    naive.on("error", () => {});
    let done = 0;
    storm(seeded(SEED + 1));
    while (done < 100) {
      try {
        await naive.query("UPDATE naive SET count = count + 1");
        done++;
      } catch {
        // and again
      }
    }
    proxy.heal();
    await naive.end();
    const [row] = await server.sql("SELECT count FROM naive");
    expect(row?.count).toBeGreaterThan(done);
  });

  it.each(["fast", "kill"] as const)(
    "a server that stops (%s) and starts again under the pool: refused meanwhile, nothing lost",
    async (how) => {
      const [one] = await create(backend, record(`stopped-${how}`));
      await server.stop(how);
      await refused("ERR_UNREACHABLE", () => backend.get({ id: one.id }));
      await refused("ERR_UNREACHABLE", () => backend.put(next(one), 1));
      await server.start();
      await comesBack(backend, one);
      await backend.put(next(one), 1);
      await comesBack(backend, next(one));
    },
  );

  it("a server that restarts while writers write: what was acknowledged is there", async () => {
    const wrong: string[] = [];
    let [stopping, written] = [true, 0];
    const writer = async (name: string) => {
      let [at] = await create(direct, record(name));
      while (stopping) {
        const code = await backend.put(next(at), at.revision).then(
          () => "done",
          (error: unknown) => (isAshlarError(error) ? error.code : String(error)),
        );
        let there = null;
        while (!there) there = await direct.get({ id: at.id }).catch(() => null);
        const allowed =
          { done: [at.revision + 1], ERR_UNREACHABLE: [at.revision], ERR_OUTCOME_UNKNOWN: [at.revision, at.revision + 1] }[code] ?? [];
        if (!allowed.includes(there.revision)) wrong.push(`${name}: ${code} at ${at.revision}, and there is ${there.revision}`);
        if (code === "done") written++;
        at = there;
      }
    };
    const writers = Array.from({ length: 4 }, (_, index) => writer(`restart-${index}`));
    for (const how of ["fast", "kill", "fast", "kill"] as const) {
      await wait(200);
      await server.stop(how);
      await wait(50);
      await server.start();
    }
    await wait(300);
    stopping = false;
    await Promise.all(writers);
    expect(wrong).toEqual([]);
    expect(written).toBeGreaterThan(20);
  });
});

/**
 * The suites again on Debian's PostgreSQL, an older version than the one of `npm test`, and through PgBouncer in transaction mode, where sessions change
 * hands between statements.
 */
import { existsSync, globSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBackend } from "../../src/backends/postgres.ts";
import { openStore } from "../../src/index.ts";
import { create, next, record } from "../../src/testing/backend-subject.ts";
import { refused, successes } from "../../src/testing/suite.ts";
import { backendConformance, storeConformance } from "../../src/testing.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { type OwnServer, startPostgres } from "../postgres-server.ts";
import { debianPackage, type Pooler, startPgBouncer } from "./pgbouncer.ts";

const binaries = () => globSync("/usr/lib/postgresql/*/bin").findLast((folder) => existsSync(`${folder}/initdb`));
const missing =
  (await debianPackage("postgresql", () => binaries() !== undefined)) ??
  (await debianPackage("pgbouncer", () => existsSync("/usr/sbin/pgbouncer")));
const describeDebian = (name: string, body: () => void) => (missing ? describe.skip(`${name} (${missing})`, body) : describe(name, body));

let server: OwnServer;
let pooler: Pooler;
beforeAll(async () => {
  if (missing) return;
  server = await startPostgres({ binaries: binaries() });
  pooler = await startPgBouncer(server.url);
});
afterAll(async () => {
  await pooler?.end();
  await server?.end();
});

const keys = [keyText(generateKey())];
const pooled = (url: string) => server.urlWith({ host: `127.0.0.1:${pooler.port}` }, url);

const runner = { describe: describeDebian, it };
backendConformance(runner, { name: "on Debian's PostgreSQL, the backend", open: () => openBackend(server.freshUrl(), { create: true }) });
storeConformance(runner, { name: "on Debian's PostgreSQL, the store", open: () => openStore(server.freshUrl(), { create: true, keys }) });
backendConformance(runner, {
  name: "through PgBouncer, the backend",
  open: () => openBackend(pooled(server.freshUrl()), { create: true }),
});
storeConformance(runner, {
  name: "through PgBouncer, the store",
  open: () => openStore(pooled(server.freshUrl()), { create: true, keys }),
});

describeDebian("PgBouncer in transaction mode", () => {
  it("hands sessions around: a setting of one client is seen by others, and what one prepared is not there for itself", async () => {
    const clients = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const client = new pg.Client({ connectionString: pooled(server.url) });
        await client.connect();
        return client;
      }),
    );
    const seen = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const [first] = clients;
      await first?.query(`SET lock_timeout = '${round + 1}s'`);
      const shown = await Promise.all(clients.slice(1).map((client) => client.query("SHOW lock_timeout")));
      for (const { rows } of shown) seen.add(rows[0].lock_timeout);
    }
    await clients[0]?.query("RESET ALL");
    for (const client of clients) await client.end();
    expect([...seen].filter((setting) => setting !== "0")).not.toEqual([]);
  });

  it("serves many writers at once, of whom one wins each time", async () => {
    const url = pooled(server.freshUrl());
    const backends = await Promise.all(Array.from({ length: 8 }, () => openBackend(url, { create: true })));
    const [first] = backends;
    if (!first) throw new Error("none was opened");
    let [one] = await create(first, record("one"));
    for (let round = 0; round < 20; round++) {
      const fresh = next(one, { data: { round } });
      expect(
        await successes(
          backends.map((backend) => backend.put(fresh, one.revision)),
          ["ERR_CONFLICT"],
        ),
      ).toBe(1);
      one = fresh;
    }
    const sessions = await server.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'ashlar'");
    for (const backend of backends) await backend.close();
    expect([1, 2]).toContain(sessions.length);
  });

  it("that refuses a password, or knows no database, is told apart from one that cannot be reached", async () => {
    const url = pooled(server.freshUrl());
    await refused("ERR_DENIED", () => openBackend(server.urlWith({ password: "wrong" }, url)));
    await refused("ERR_DENIED", () => openBackend(server.urlWith({ username: "nobody" }, url)));
    await refused("ERR_NO_STORE", () => openBackend(server.urlWith({ pathname: "/no_such_database" }, url)));
  });
});

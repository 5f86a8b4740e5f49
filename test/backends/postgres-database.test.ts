/** A store in PostgreSQL: what its URL says, how its tables are made and brought up to date, who may use them, and TLS. No error says a password. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/backends/backend.ts";
import { openBackend, postgresBackend } from "../../src/backends/postgres.ts";
import type { AshlarError } from "../../src/errors.ts";
import { create, next, over, record } from "../../src/testing/backend-subject.ts";
import { refused } from "../../src/testing/suite.ts";
import { describeOwnPostgres, describePostgres, postgresForTests } from "../postgres.ts";
import { type OwnServer, startPostgres } from "../postgres-server.ts";
import { temporaryFolder } from "../temporary.ts";

const ROOT = join(import.meta.dirname, "../..");
const FIXTURES = join(ROOT, "test/fixtures");
const PASSWORD = "pw-c0ffee%2F4711";

const server = postgresForTests();
const opened: Backend[] = [];
const roles: string[] = [];
afterAll(async () => {
  for (const backend of opened) await backend.close();
  for (const role of roles) await server.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

async function open(url: string, options?: { create: boolean }): Promise<Backend> {
  const backend = await openBackend(url, options);
  opened.push(backend);
  return backend;
}

/** Asserts a refusal whose error, with all that hangs on it, holds no password. */
async function refusedQuietly(code: Parameters<typeof refused>[0], action: () => unknown): Promise<AshlarError> {
  const error = await refused(code, action);
  const text = inspect(error, { depth: Infinity, showHidden: true });
  for (const secret of ["c0ffee", "4711", new URL(server.url || "x://").password].filter((each) => each !== ""))
    expect(text).not.toContain(secret);
  return error;
}

const schemaOf = (url: string) => new URL(url).searchParams.get("schema") ?? "";

/** A user with a password and rights of its own; the URL that it opens a store with. */
async function userOf(url: string, rights: (role: string) => string): Promise<string> {
  const role = `test_${randomUUID().replaceAll("-", "")}`;
  roles.push(role);
  await server.sql(`CREATE ROLE ${role} LOGIN PASSWORD '${decodeURIComponent(PASSWORD)}'; ${rights(role)}`);
  return server.urlWith({ username: role, password: PASSWORD }, url);
}

describe("a URL", () => {
  it.each([
    ["has no host", "postgres:///db"],
    ["has no database", "postgres://me:c0ffee@localhost"],
    ["has a path", "postgres://me:c0ffee@localhost/db/more"],
    ["has another option", "postgres://me:c0ffee@localhost/db?sslmod=disable"],
    ["has an option of a session", "postgres://me:c0ffee@localhost/db?options=-c%20geqo=off"],
    ["has no number of connections", "postgres://me:c0ffee@localhost/db?max=0"],
    ["has a password with a slash", "postgres://me:c0ffee/x@localhost/db"],
    ["has a password with a question mark", "postgres://me:1?c0ffee@localhost/db"],
    ["has a password with a hash", "postgres://me:1#c0ffee@localhost/db"],
    ["has a password with a percent sign", "postgres://me:c0ffee%zz@localhost/db"],
    ["asks for TLS that is not verified", "postgres://me:c0ffee@localhost/db?sslmode=no-verify"],
    ["asks for TLS only if there is", "postgres://me:c0ffee@localhost/db?sslmode=prefer"],
    ["names a certificate that is not there", "postgres://me:c0ffee@localhost/db?sslrootcert=no-such-file.pem"],
    ["has a schema that has to be quoted", 'postgres://me:c0ffee@localhost/db?schema=a"b'],
    ["has a schema in capitals", "postgres://me:c0ffee@localhost/db?schema=Ashlar"],
  ])("that %s is ERR_INVALID, and is not repeated", async (_what, url) => {
    await refusedQuietly("ERR_INVALID", () => openBackend(url, { create: true }));
  });

  it("shows neither user nor password, and names the schema", async () => {
    const error = await refusedQuietly("ERR_UNREACHABLE", () => openBackend("postgresql://me:c0ffee@127.0.0.1:1/db?schema=one"));
    expect(error.message).toBe("postgres://127.0.0.1:1/db?schema=one is not there: nothing listens at this host and port (ECONNREFUSED).");
    expect(error.details).toEqual({ store: "postgres://127.0.0.1:1/db?schema=one" });
  });

  it("of a host that nobody knows is ERR_UNREACHABLE", async () => {
    const error = await refusedQuietly("ERR_UNREACHABLE", () => openBackend("postgres://me:c0ffee@nowhere.invalid/db"));
    expect(error.message).toMatch(/no computer has this name/);
  });

  it("needs the package pg, and its error says so", async () => {
    const folder = temporaryFolder();
    for (const part of ["src", "package.json"]) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(join(ROOT, "node_modules/zod"), join(folder, "node_modules/zod"));
    writeFileSync(
      join(folder, "program.ts"),
      `import { openStore } from "ashlar";
      await openStore("postgres://me@localhost/db").catch((error) => console.log(error.code, error.message));`,
    );
    const said = execFileSync(process.execPath, ["program.ts"], { cwd: folder, encoding: "utf8" });
    expect(said).toMatch(/^ERR_MISSING_PACKAGE .*npm install pg$/m);
  });
});

describePostgres("the tables of a store", () => {
  it("are made once by eight who make them at once, and the store has one identity", async () => {
    const url = server.freshUrl();
    const backends = await Promise.all(Array.from({ length: 8 }, () => open(url, { create: true })));
    const ids = await Promise.all(backends.map((backend) => backend.storeId()));
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each(["read committed", "serializable"])(
    "are made once by many who share a few sessions, where transactions are %s",
    async (level) => {
      const options = `-c default_transaction_isolation=${level.replace(" ", "\\ ")}`;
      const pool = new pg.Pool({ connectionString: server.url, max: 4, options }); // sessions that remember that there were no tables
      for (let round = 0; round < 10; round++) {
        const schema = schemaOf(server.freshUrl());
        const backends = await Promise.all(Array.from({ length: 12 }, () => postgresBackend({ pool, schema, create: true })));
        expect(new Set(await Promise.all(backends.map((backend) => backend.storeId()))).size).toBe(1);
      }
      await pool.end();
    },
  );

  it("are not made unasked, nor is a schema", async () => {
    const url = server.freshUrl();
    const error = await refusedQuietly("ERR_NO_STORE", () => openBackend(url));
    expect(error.message).toMatch(/holds no store: "ashlar init" with its URL makes one \(42P01\)/);
    expect(await server.sql("SELECT to_regnamespace($1)::text AS is", [schemaOf(url)])).toEqual([{ is: null }]);
  });

  it("of an older format are refused, and brought up to date by create with all that they hold", async () => {
    const url = server.freshUrl();
    const [schema, id] = [schemaOf(url), randomUUID()];
    await server.sql(`CREATE SCHEMA ${schema};
      CREATE TABLE ${schema}.store (one boolean PRIMARY KEY DEFAULT true CHECK (one), id text NOT NULL, version integer NOT NULL);
      INSERT INTO ${schema}.store (id, version) VALUES ('${id}', 0)`);
    const error = await refusedQuietly("ERR_NO_STORE", () => openBackend(url));
    expect(error.message).toMatch(/older format: "ashlar init" with its URL brings it up to date/);
    const backend = await open(url, { create: true });
    expect(await backend.storeId()).toBe(id);
    await create(backend, record("one"));
    expect(await server.sql(`SELECT version FROM ${schema}.store`)).toEqual([{ version: 1 }]);
    expect(await (await open(url)).get({ kind: "document", type: "part", name: "one" })).toMatchObject({ name: "one" });
  });

  it("of a newer format are refused, by create too, and left as they are", async () => {
    const url = server.freshUrl();
    await (await open(url, { create: true })).close();
    await server.sql(`UPDATE ${schemaOf(url)}.store SET version = 2`);
    for (const options of [undefined, { create: true }]) {
      const error = await refusedQuietly("ERR_UNSUPPORTED", () => openBackend(url, options));
      expect(error.message).toMatch(/newer version of Ashlar \(format 2; this one reads 1\)/);
    }
    expect(await server.sql(`SELECT version FROM ${schemaOf(url)}.store`)).toEqual([{ version: 2 }]);
  });

  it("of somebody else are refused, and left as they are", async () => {
    const url = server.freshUrl();
    const schema = schemaOf(url);
    await server.sql(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.store (goods text); INSERT INTO ${schema}.store VALUES ('tea')`);
    for (const options of [undefined, { create: true }]) await refusedQuietly("ERR_CANNOT_OPEN", () => openBackend(url, options));
    expect(await server.sql(`SELECT * FROM ${schema}.store`)).toEqual([{ goods: "tea" }]);
  });

  it("need a database that is there, in UTF8", async () => {
    const name = `test_${randomUUID().replaceAll("-", "")}`;
    const url = server.urlWith({ pathname: `/${name}` });
    const error = await refusedQuietly("ERR_NO_STORE", () => openBackend(url, { create: true }));
    expect(error.message).toMatch(/is no database: make it with CREATE DATABASE/);
    await server.sql(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'`);
    expect((await refusedQuietly("ERR_UNSUPPORTED", () => openBackend(url, { create: true }))).message).toMatch(/SQL_ASCII.*UTF8/);
    await server.sql(`DROP DATABASE ${name}`);
  });
});

describePostgres("a user", () => {
  it("with a wrong password, without one, or unknown, is ERR_DENIED", async () => {
    const url = await userOf(server.freshUrl(), () => "");
    for (const parts of [{ password: `${PASSWORD}x` }, { password: "" }, { username: `${new URL(url).username}x` }])
      await refusedQuietly("ERR_DENIED", () => openBackend(server.urlWith(parts, url)));
  });

  it("and a password may come from the environment", async () => {
    const url = await userOf(server.freshUrl(), () => "");
    const { username } = new URL(url);
    const program = `import { openStore } from ${JSON.stringify(join(ROOT, "src/index.ts"))};
      await openStore(process.argv[1]).catch((error) => console.log(error.code));`;
    const run = (password: string) =>
      promisify(execFile)(process.execPath, ["--input-type=module", "-e", program, server.urlWith({ username: "", password: "" }, url)], {
        env: { ...process.env, PGUSER: username, PGPASSWORD: password },
      });
    expect((await run(decodeURIComponent(PASSWORD))).stdout).toBe("ERR_NO_STORE\n"); // it got in
    expect((await run("another")).stdout).toBe("ERR_DENIED\n");
  });

  it("without rights is ERR_DENIED, and told which ones are needed", async () => {
    const url = server.freshUrl();
    await open(url, { create: true });
    const error = await refusedQuietly("ERR_DENIED", async () => openBackend(await userOf(url, () => "")));
    expect(error.message).toMatch(/needs USAGE of its schema, and SELECT, INSERT, UPDATE and DELETE in it/);
  });

  it("with those rights does all but making the tables", async () => {
    const url = server.freshUrl();
    await open(url, { create: true });
    const schema = schemaOf(url);
    const rights = (role: string) =>
      `GRANT USAGE ON SCHEMA ${schema} TO ${role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`;
    const backend = await open(await userOf(url, rights));
    const [child] = await create(backend, record("child"));
    const [parent] = await create(backend, over("parent", child));
    await backend.put(next(parent, { references: {} }), 1);
    await backend.remove([child]);
    expect(await backend.check()).toEqual([]);
    await refusedQuietly("ERR_DENIED", async () => openBackend(await userOf(server.freshUrl(), () => ""), { create: true }));
  });

  it("makes the tables in a schema that was made for it", async () => {
    const url = server.freshUrl();
    const backend = await open(await userOf(url, (role) => `CREATE SCHEMA ${schemaOf(url)} AUTHORIZATION ${role}`), { create: true });
    await create(backend, record("one"));
    expect(await backend.check()).toEqual([]);
  });

  it.each([
    ["that may only read", (role: string, schema: string) => `GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role}`, /needs USAGE/],
    [
      "whose transactions only read",
      (role: string, schema: string) =>
        `GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO ${role}; ALTER ROLE ${role} SET default_transaction_read_only = on`,
      /can only be read/,
    ],
  ])("%s reads, and is ERR_DENIED where it would write, which check finds", async (_who, rights, message) => {
    const url = server.freshUrl();
    const schema = schemaOf(url);
    const [one] = await create(await open(url, { create: true }), record("one"));
    const backend = await open(await userOf(url, (role) => `GRANT USAGE ON SCHEMA ${schema} TO ${role}; ${rights(role, schema)}`));
    expect(await backend.get({ id: one.id })).toEqual(one);
    for (const write of [() => backend.put(record("two"), null), () => backend.put(next(one), 1), () => backend.remove([one])])
      expect((await refusedQuietly("ERR_DENIED", write)).message).toMatch(message);
    expect(await backend.check()).toEqual([expect.stringMatching(message)]);
    expect(await backend.get({ id: one.id })).toEqual(one);
  });
});

describePostgres("a pool", () => {
  it("of the program's own stays open, and an error of its idle connections ends nothing", async () => {
    const url = new URL(server.freshUrl());
    const schema = schemaOf(url.href);
    url.search = "";
    const pool = new pg.Pool({ connectionString: url.href, application_name: schema });
    const backend = await postgresBackend({ pool, schema, create: true });
    await create(backend, record("one"));
    expect(backend.url).toBe("postgres:");
    await server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [schema]);
    expect(await backend.get({ kind: "document", type: "part", name: "one" })).toMatchObject({ name: "one" });
    await backend.close();
    await refused("ERR_UNREACHABLE", () => backend.storeId());
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  it("that the program ended is ERR_UNREACHABLE", async () => {
    const url = new URL(server.freshUrl());
    const schema = schemaOf(url.href);
    url.search = "";
    const pool = new pg.Pool({ connectionString: url.href });
    const backend = await postgresBackend({ pool, schema, create: true });
    await pool.end();
    await refusedQuietly("ERR_UNREACHABLE", () => backend.put(record("one"), null));
  });

  it("of a URL takes as many connections as max says, under the name that it gives, and does not keep a process from ending", async () => {
    const url = new URL(server.freshUrl());
    await open(url.href, { create: true });
    const name = schemaOf(url.href);
    url.searchParams.set("max", "3");
    url.searchParams.set("application_name", name);
    const program = `import { openBackend } from ${JSON.stringify(join(ROOT, "src/backends/postgres.ts"))};
      const backend = await openBackend(process.argv[1]);
      await Promise.all(Array.from({ length: 20 }, () => backend.list({ kind: "document", limit: 1 })));
      console.log("used");
      await new Promise((done) => process.stdin.once("data", done));
      process.stdin.destroy();
      console.log("done");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program, url.href], { stdio: ["pipe", "pipe", "inherit"] });
    await once(child.stdout, "data");
    const [row] = await server.sql("SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = $1", [name]);
    expect(row).toEqual({ n: 3 });
    const ended = once(child, "exit");
    child.stdin.end("\n");
    await once(child.stdout, "data");
    const done = performance.now();
    await ended;
    expect(performance.now() - done).toBeLessThan(5000); // idle connections would be kept for ten seconds
  });
});

describeOwnPostgres("TLS", () => {
  const files = { cert: join(FIXTURES, "localhost.pem"), key: join(FIXTURES, "localhost-key.pem") };
  let own: OwnServer;
  let clear: OwnServer;
  beforeAll(async () => {
    own = await startPostgres({ tls: { cert: readFileSync(files.cert, "utf8"), key: readFileSync(files.key, "utf8") } });
    clear = await startPostgres();
  });
  afterAll(async () => {
    await own?.end();
    await clear?.end();
  });
  const at = (to: OwnServer, host: string, search: string) => to.urlWith({ host: `${host}:${to.port}`, search });
  const encrypted = async () =>
    (await own.sql("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'ashlar'")).map(
      ({ ssl }) => ssl,
    );

  it.each(["verify-full", "verify-ca", "require"])("is used and verified with sslmode=%s", async (mode) => {
    const url = at(own, "localhost", `sslmode=${mode}&sslrootcert=${encodeURIComponent(files.cert)}`);
    const backend = await openBackend(url, { create: true });
    expect(await encrypted()).toEqual([true]);
    await backend.close();
    const stranger = await refusedQuietly("ERR_UNREACHABLE", () => openBackend(at(own, "localhost", `sslmode=${mode}`)));
    expect(stranger.message).toMatch(/certificate that is not trusted.*\(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
    const named = await refusedQuietly("ERR_UNREACHABLE", () => openBackend(url.replace("localhost:", "127.0.0.1:")));
    expect(named.message).toMatch(/\(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  });

  it("is used where only the certificate is named", async () => {
    const backend = await openBackend(at(own, "localhost", `sslrootcert=${encodeURIComponent(files.cert)}`), { create: true });
    expect(await encrypted()).toEqual([true]);
    await backend.close();
  });

  it("is not used on this machine unless it is asked for", async () => {
    const backend = await openBackend(at(own, "localhost", ""), { create: true });
    expect(await encrypted()).toEqual([false]);
    await backend.close();
  });

  // To 0.0.0.0 the system connects to itself, but for us it is no address of this machine.
  it("is used with any other host, and a server that has none gets no login", async () => {
    const error = await refusedQuietly("ERR_UNREACHABLE", () => openBackend(at(clear, "0.0.0.0", ""), { create: true }));
    expect(error.message).toMatch(/speaks no TLS: sslmode=disable would send all in clear/);
    const stranger = await refusedQuietly("ERR_UNREACHABLE", () => openBackend(at(own, "0.0.0.0", "")));
    expect(stranger.message).toMatch(/certificate that is not trusted/);
  });

  it("is left out with any other host where sslmode=disable asks for it", async () => {
    await (await openBackend(at(clear, "0.0.0.0", "sslmode=disable"), { create: true })).close();
  });

  it("shows the certificate of a client to a server that asks for one", async () => {
    const [cert, key] = [readFileSync(files.cert, "utf8"), readFileSync(files.key, "utf8")];
    const asking = await startPostgres({ tls: { cert, key, asking: true } });
    try {
      const ca = `sslrootcert=${encodeURIComponent(files.cert)}`;
      await refusedQuietly("ERR_DENIED", () => openBackend(at(asking, "localhost", ca)));
      const client = `sslcert=${encodeURIComponent(files.cert)}&sslkey=${encodeURIComponent(files.key)}`;
      await (await openBackend(at(asking, "localhost", `${ca}&${client}`), { create: true })).close();
    } finally {
      await asking.end();
    }
  });
});

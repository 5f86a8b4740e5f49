/** What is refused before a route sees it, and what every reply has. */
import { createServer, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { AshlarError } from "../../src/errors.ts";
import { openStore } from "../../src/index.ts";
import { storeAccess } from "../../src/server/access.ts";
import { SECURITY_HEADERS } from "../../src/server/guard.ts";
import { excessOf } from "../../src/server/json-bounds.ts";
import type { Store } from "../../src/stores/store.ts";
import { type Serving, serving } from "./serving.ts";
import { type Body, makeType, subject } from "./subject.ts";

/** Everything that comes over a bare connection until it ends. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((done) => {
    let got = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (data) => (got += data));
    for (const event of ["end", "close", "error"]) socket.on(event, () => done(got));
    onTestFinished(() => void socket.destroy());
  });
}

/** A request with any Host and Origin, which fetch does not let through. */
function asked(server: Serving, headers: Record<string, string>, path = "/api/health"): Promise<number> {
  return new Promise((done, failed) => {
    const options = { port: server.listening.port, host: "127.0.0.1", path, headers };
    httpRequest(options, (response) => done(response.resume().statusCode ?? 0))
      .on("error", failed)
      .end();
  });
}

describe("a request", () => {
  test.each([
    ["localhost", 200],
    ["127.0.0.1", 200],
    ["[::1]:4200", 200],
    ["LOCALHOST:1", 200],
    ["blocks.example", 200],
    ["evil.test", 421],
    ["127.0.0.1.evil.test", 421],
    ["localhost.evil.test", 421],
    ["10.0.0.1", 421],
    ["localhost:4200@evil.test", 421],
    ["localhost/evil.test", 421],
  ])("to the host %j is answered with %i", async (host, status) => {
    const server = await serving({
      settings: { hosts: { names: ["localhost", "127.0.0.1", "::1", "blocks.example"], anyAddress: false } },
    });
    expect(await asked(server, { host })).toBe(status);
  });

  test("to any address is answered where the server listens on all of them, and to a strange name is not", async () => {
    const server = await serving({ settings: { hosts: { names: ["localhost"], anyAddress: true } } });
    expect([await asked(server, { host: "10.1.2.3:80" }), await asked(server, { host: "evil.test" })]).toEqual([200, 421]);
  });

  test("without a Host header is refused", async () => {
    const { listening } = await serving();
    expect(await raw(listening.port, "GET /api/health HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 421 /);
  });

  test("of a page of the same origin is answered, of any other is not, and no CORS header is ever sent", async () => {
    const server = await serving();
    const host = `127.0.0.1:${server.listening.port}`;
    for (const origin of [
      "null",
      "http://evil.test",
      `http://${host}.evil.test`,
      `http://evil.test/${host}`,
      "http://127.0.0.1",
      `file://${host}`,
      "",
    ])
      expect([origin, await asked(server, { host, origin })]).toEqual([origin, 403]);
    expect(await asked(server, { host, origin: `http://${host}` })).toBe(200);
    const preflight = await fetch(`http://${host}/api/version`, { method: "OPTIONS", headers: { "access-control-request-method": "GET" } });
    expect(preflight.status).toBe(401);
    expect([...preflight.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  test("by another method than a path has is 405 and says which it has; an unknown path 404", async () => {
    const server = await serving();
    const client = await server.client("admin");
    const answer = await client.ask("PUT", "/block_types/filter", {});
    expect([answer.status, answer.headers.get("allow"), answer.body]).toEqual([405, "POST", { detail: "Method Not Allowed" }]);
    for (const path of [
      "/nope",
      "/block_types/slug",
      "/block_types/slug/a/b",
      "/block_types//filter",
      "/block_types/filter/x",
      "/block_types/slug/%2e%2e%2fhealth",
      "/block_types/slug/%ff",
      "/Block_Types/",
    ])
      expect([path, (await client.get(path)).status]).toEqual([path, 404]);
  });

  test("of an older version of the API is 400, in Prefect's words", async () => {
    const server = await serving();
    const client = await server.client("admin");
    const detail = async (version: string, path = "/block_capabilities/") =>
      (await client.get(path, { "x-prefect-api-version": version })).body;
    expect(await detail("0.7.9")).toEqual({
      detail: "The request specified API version 0.7.9 but this server requires version 0.8.0 or higher.",
    });
    expect(await detail("abc")).toMatchObject({ detail: expect.stringMatching(/^Invalid X-PREFECT-API-VERSION/) });
    for (const good of ["0.8.4", "1.0.0", "99.0.0", ""]) expect(await detail(good)).toEqual([]);
    for (const path of ["/version", "/health", "/ready"]) expect(await detail("0.1.0", path)).not.toHaveProperty("detail");
  });
});

test("every reply has the headers that keep browsers strict, and an id", async () => {
  const server = await serving();
  const [admin, nobody] = [await server.client("admin"), server.stranger()];
  const answers = [
    await nobody.get("/health"),
    await nobody.get("/version"),
    await admin.get("/version"),
    await admin.get("/nope"),
    await admin.get("//metrics"),
    await admin.ask("PUT", "/block_types/filter", {}),
    await admin.post("/block_types/", { name: 5 }),
    await admin.post("/block_types/", { name: "x", slug: "x" }),
    await admin.delete(`/block_types/${await makeType(admin, "y")}`),
    await admin.post("/block_types/", "x".repeat(2_000_000)),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 401, 200, 404, 200, 405, 422, 201, 204, 413]);
  for (const { headers } of answers) {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(headers.get(name)).toBe(value);
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get("strict-transport-security")).toBeNull();
  }
  const text =
    (await raw(server.listening.port, "not HTTP\r\n\r\n")) +
    (await raw(server.listening.port, `GET / HTTP/1.1\r\nx: ${"x".repeat(20_000)}\r\n\r\n`));
  expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*HTTP\/1\.1 431 /);
  for (const name of Object.keys(SECURITY_HEADERS)) expect(text.split(name)).toHaveLength(3);
  expect((await (await serving({ settings: { secure: true } })).stranger().get("/health")).headers.get("strict-transport-security")).toBe(
    "max-age=31536000",
  );
});

describe("a body", () => {
  async function ready() {
    const server = await serving({ settings: { maxBody: 10_000 } });
    return { server, client: await server.client("admin") };
  }

  test("may have as many bytes as the limit says, and no more, however it comes", async () => {
    const { server, client } = await ready();
    const exact = (size: number) => {
      const text = JSON.stringify({ name: "x", slug: "x", description: "ü".repeat(3000) });
      return text + " ".repeat(size - Buffer.byteLength(text));
    };
    expect((await client.post("/block_types/", exact(10_000))).status).toBe(201);
    expect(await client.post("/block_types/", exact(10_001))).toMatchObject({
      status: 413,
      body: { detail: "The body of a request has at most 10000 bytes." },
    });
    const { port } = server.listening;
    const csrf = await fetch(`${server.url}/api/csrf-token?client=x`, { headers: { authorization: client.authorization ?? "" } });
    const { token } = (await csrf.json()) as { token: string };
    const head = `POST /api/block_types/ HTTP/1.1\r\nhost: localhost\r\nauthorization: ${client.authorization}\r\nprefect-csrf-token: ${token}\r\nprefect-csrf-client: x\r\n`;
    const chunk = `1000\r\n${"x".repeat(0x1000)}\r\n`;
    expect(await raw(port, `${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(4)}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("with a content encoding is 415, a bomb too", async () => {
    const { client } = await ready();
    const bomb = gzipSync(Buffer.alloc(10_000_000)).toString("latin1");
    expect((await client.post("/block_types/", bomb, { "content-encoding": "gzip" })).status).toBe(415);
    expect((await client.post("/block_types/", { name: "x", slug: "x" }, { "content-encoding": "identity" })).status).toBe(201);
  });

  test.each([
    ["nested 64 deep", (data: string) => data.replace("0", `${"[".repeat(62)}0${"]".repeat(62)}`), 201],
    ["nested deeper than is kept", (data: string) => data.replace("0", `${"[".repeat(66)}0${"]".repeat(66)}`), 422],
    ["nested 5,000 deep", (data: string) => data.replace("0", `${"[".repeat(4000)}0${"]".repeat(4000)}`), 422],
    ["of opening brackets only", () => "[".repeat(9000), 422],
    [
      "with 2,000 keys",
      (data: string) => data.replace("0", JSON.stringify(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`k${n}`, 0])))),
      201,
    ],
    ["with a key __proto__, which is one like others", (data: string) => data.replace("0", '{"__proto__":{"polluted":1}}'), 201],
    ["with a key __proto__ in disguise", (data: string) => data.replace("0", '{"\\u005f_proto__":{"polluted":1}}'), 201],
    ["with constructor and prototype", (data: string) => data.replace("0", '{"constructor":{"prototype":{"polluted":1}}}'), 201],
    ["with a number beyond all", (data: string) => data.replace("0", "1e400"), 422],
    ["with a whole number that cannot be kept", (data: string) => data.replace("0", "12345678901234567890"), 422],
    ["with NaN", (data: string) => data.replace("0", "NaN"), 422],
    ["that is empty", () => "", 422],
    ["that ends early", (data: string) => data.slice(0, -3), 422],
  ])("%s", async (_what, change, status) => {
    const { server, client } = await ready();
    const { type, schema } = await subject(client);
    const body = change(`{"name":"x","data":{"x":0},"block_type_id":"${type}","block_schema_id":"${schema}"}`);
    const answer = await client.post("/block_documents/", body);
    expect([answer.status, answer.text.slice(0, 300)]).toEqual([status, expect.any(String)]);
    expect(({} as Body).polluted).toBeUndefined();
    expect(server.log).toEqual([]);
  });

  test("that is no UTF-8 is 422", async () => {
    const { server, client } = await ready();
    await client.post("/block_types/filter");
    const headers = { authorization: client.authorization ?? "", "content-type": "application/json" };
    const csrf = (await (await fetch(`${server.url}/api/csrf-token?client=x`, { headers })).json()) as { token: string };
    const answer = await fetch(`${server.url}/api/block_types/filter`, {
      method: "POST",
      headers: { ...headers, "prefect-csrf-token": csrf.token, "prefect-csrf-client": "x" },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect(answer.status).toBe(422);
  });
});

describe("the bounds of JSON texts", () => {
  test.each([
    ["[1,[2]]", { depth: 2 }, undefined],
    ["[1,[2,[3]]]", { depth: 2 }, { why: "depth", at: "/1/1" }],
    ['{"a":[{"b":[[]]}]}', { depth: 4 }, { why: "depth", at: "/a/0/b/0" }],
    ['{"a":"[[[[[[[[","b":"\\"{{{{"}', { depth: 1 }, undefined],
    ['{"a":1,"b":{"c":1}}', { keys: 2 }, { why: "keys", at: "/b/c" }],
    ['{"a":1,"a":2}', {}, { why: "twice", at: "/a" }],
    ['{"a":1,"\\u0061":2}', {}, { why: "twice", at: "/a" }],
    ['{"x":[{"a/b":1},{"a/b" :2,"a/b"\n:3}]}', {}, { why: "twice", at: "/x/1/a~1b" }],
    ['[{"a":1},{"a":1}]', {}, undefined],
    ['{"a":{"a":{"a":1}}}', {}, undefined],
    ['{"a":1,"a":2}', { twice: true }, undefined],
    ['{"__proto__":1,"__proto__":2}', {}, { why: "twice", at: "/__proto__" }],
    ['["__proto__"]', {}, undefined],
    ['"unfinished', {}, undefined],
    ["", {}, undefined],
  ])("%s %j", (text, bounds, expected) => {
    expect(excessOf(text, bounds)).toEqual(expected);
  });

  test("are found in time that grows with the text, whatever is in it", () => {
    for (const text of [
      "[".repeat(1e6),
      `"${'\\"'.repeat(5e5)}`,
      `{"a":"${"\\\\".repeat(5e5)}`,
      '"'.repeat(1e6),
      `[${'"x",'.repeat(2e5)}`,
      ":".repeat(1e6),
    ]) {
      const start = performance.now();
      excessOf(text);
      expect(performance.now() - start).toBeLessThan(2000); // seconds would be a square
    }
  });
});

/** A store with another method in the place of one. */
function having(store: Store, method: keyof Store, instead: () => unknown): Store {
  return new Proxy(store, {
    get(target, key) {
      const member: unknown = key === method ? instead : Reflect.get(target, key);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

const never = () => new Promise(() => undefined);

describe("a store", () => {
  test("that hangs holds up nobody else; readers may ask again, writers are told that it is not known", async () => {
    const store = await openStore("memory:");
    const usual = await serving({ store });
    const { type, schema } = await subject(await usual.client("admin"));
    const settings = { answerWithinMs: 300 };
    const reading = await serving({ store: having(store, "load", never), access: storeAccess(store), settings });
    const client = reading.stranger((await usual.client("admin")).authorization);
    const stuck = client.get("/block_types/slug/part/block_documents/name/x?include_secrets=true");
    expect((await client.get("/block_types/slug/part")).status).toBe(200);
    const answer = await stuck;
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    const writing = await serving({ store: having(store, "save", never), access: storeAccess(store), settings });
    const body = { name: "x", data: {}, block_schema_id: schema, block_type_id: type };
    const lost = await writing.stranger(client.authorization).post("/block_documents/", body);
    expect(lost).toMatchObject({ status: 504, body: { detail: expect.stringContaining("not known") } });
    expect(writing.log).toEqual(["POST /api/block_documents/ failed: no answer within 300 ms"]);
    const tokens = await serving({ access: { authenticate: () => new Promise(() => undefined), retryAfter: () => undefined }, settings });
    expect((await tokens.stranger().get("/version")).status).toBe(503);
  });

  test.each([
    ["ERR_UNREACHABLE", 503],
    ["ERR_DENIED", 500],
    ["ERR_NO_KEY", 500],
    ["ERR_OUTCOME_UNKNOWN", 504],
  ] as const)("that fails with %s is %i, and its message, which may name paths, stands in the log only", async (code, status) => {
    const store = await openStore("memory:");
    const failing = () => Promise.reject(new AshlarError(code, "sqlite:/me/secret-place", { store: "sqlite:/me" }));
    const broken = having(store, "types", failing);
    const server = await serving({ store: broken, access: storeAccess(store) });
    const client = server.stranger((await (await serving({ store })).client("admin")).authorization);
    const answer = await client.post("/block_types/filter");
    expect([answer.status, answer.text.includes("/me")]).toEqual([status, false]);
    expect(server.log).toEqual([expect.stringContaining("secret-place")]);
    expect((await client.get("//metrics")).text).toContain(`ashlar_failures_total{code="${code}"} 1`);
  });

  const gone = new AshlarError("ERR_UNREACHABLE", "gone");
  const throwing = () => {
    throw gone;
  };
  test.each([
    ["throws", throwing],
    ["rejects", () => Promise.reject(gone)],
  ])("whose stamp %s is read at each request", async (_how, stamp) => {
    const usual = await serving();
    const admin = await usual.client("admin");
    const { make } = await subject(admin);
    const id = await make("one", { a: "s3cr3t", b: "before" });
    const broken = await serving({ store: having(usual.store, "stamp", stamp), access: storeAccess(usual.store) });
    const read = async () => (await broken.stranger(admin.authorization).get(`/block_documents/${id}?include_secrets=true`)).body;
    expect(await read()).toMatchObject({ data: { a: "s3cr3t", b: "before" } });
    await admin.patch(`/block_documents/${id}`, { data: { b: "after" } });
    expect(await read()).toMatchObject({ data: { a: "s3cr3t", b: "after" } });
  });

  test("that throws what nobody foresaw: 500, and the log says where, not what", async () => {
    const store = await openStore("memory:");
    const broken = having(store, "types", () => Promise.reject(new TypeError("cannot read s3cr3t")));
    const server = await serving({ store: broken, access: storeAccess(store) });
    const client = server.stranger((await (await serving({ store })).client("admin")).authorization);
    expect(await client.post("/block_types/filter")).toMatchObject({ status: 500, body: { exception_message: "Internal Server Error" } });
    expect(server.log).toEqual([
      expect.stringMatching(/^POST \/api\/block_types\/filter failed: an error nobody foresaw \(TypeError\) at /),
    ]);
    expect(server.log.join()).not.toContain("s3cr3t");
  });
});

describe("the audit log", () => {
  test("that cannot be written: nothing is revealed and nothing changed, by an error that clients do not repeat; what is masked goes on", async () => {
    const server = await serving();
    const client = await server.client("admin");
    const { make, type, schema } = await subject(client);
    const id = await make("x");
    server.audit.fail = new AshlarError("ERR_UNREACHABLE", "The audit log /var/log/x cannot be written (ENOSPC)");
    const body = { name: "y", data: {}, block_schema_id: schema, block_type_id: type };
    const answers = [
      await client.get(`/block_documents/${id}?include_secrets=true`),
      await client.post("/block_documents/filter", { include_secrets: true }),
      await client.patch(`/block_documents/${id}`, { data: { b: "changed" } }),
      await client.post("/block_documents/", body),
      await client.delete(`/block_documents/${id}`),
      await client.delete(`/block_types/${type}`),
      await client.post("/block_types/", { name: "n", slug: "n" }),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 500, body: { exception_message: expect.stringContaining("audit log cannot be written") } });
      expect(answer.text).not.toContain("/var/log");
    }
    expect((await client.get(`/block_documents/${id}`)).body).toMatchObject({ data: { a: "********", b: "x" } });
    expect((await client.post("/block_documents/count")).body).toBe(1);
    server.audit.fail = undefined;
    expect((await client.get(`/block_documents/${id}?include_secrets=true`)).body).toMatchObject({ data: { a: "s3cr3t", b: "x" } });
  });
});

test("a client that is slow to ask is dropped", async () => {
  const { listening } = await serving();
  const start = performance.now();
  expect(await raw(listening.port, "GET /api/health HTTP/1.1\r\nhost: localhost\r\n")).toMatch(/^HTTP\/1\.1 408 /);
  expect(performance.now() - start).toBeLessThan(20_000);
});

describe("stopping", () => {
  test("ends what is under way, refuses what comes, and lets go of the port", async () => {
    const store = await openStore("memory:");
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = new Proxy(store, {
      get(target, key) {
        if (key === "types") return () => promise.then(() => target.types());
        const member: unknown = Reflect.get(target, key);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const server = await serving({ store: slow, access: storeAccess(store) });
    const client = server.stranger((await (await serving({ store })).client("admin")).authorization);
    await client.get("/version"); // a connection that is kept
    const running = client.post("/block_types/filter");
    while (server.app.metrics.running() === 0) await new Promise((done) => setTimeout(done, 1));
    const stopped = server.listening.stop();
    const late = await client.get("/version").catch((error: Error) => error);
    expect(late instanceof Error || (late as { status: number }).status === 503).toBe(true);
    resolve();
    expect((await running).status).toBe(200);
    await stopped;
    const again = createServer();
    await new Promise<void>((listening) => again.listen(server.listening.port, "127.0.0.1", listening));
    again.close();
  });
});

test("the counts name routes, never documents, and are for who may see", async () => {
  const server = await serving();
  const client = await server.client("admin");
  const { make } = await subject(client);
  await make("the-name");
  await client.get("/block_types/slug/part/block_documents/name/the-name?include_secrets=true");
  await client.get("/block_types/slug/part/block_documents/name/no-name");
  await client.get("/nope/the-name");
  expect((await server.stranger().get("//metrics")).status).toBe(401);
  const { text, headers } = await (await server.client("viewer")).get("//metrics");
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const route = 'method="GET",route="/api/block_types/slug/{slug}/block_documents/name/{name}"';
  expect(text).toContain(`ashlar_request_seconds_count{${route},status="200"} 1`);
  expect(text).toContain(`ashlar_request_seconds_count{${route},status="404"} 1`);
  expect(text).toContain(`ashlar_request_seconds_bucket{${route},status="200",le="+Inf"} 1`);
  expect(text).toContain('ashlar_request_seconds_count{method="",route="",status="404"} 1');
  expect(text).not.toMatch(/the-name|s3cr3t|part[^_]/);
  for (const line of text.trimEnd().split("\n"))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{[^{}]*(\{\w+(:uuid)?\}[^{}]*)*\})? [\d.e+-]+)$/);
});

import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type AshlarError, isAshlarError } from "../../src/errors.ts";
import { type Call, otherMajor, type PrefectClient, serverVersion } from "../../src/prefect/client.ts";
import { answer, CERTIFICATE, clientFor, type Reply, startDouble } from "./double.ts";

const READ: Call = { method: "GET", path: "/thing", effect: "read" };
const REPEAT: Call = { method: "PATCH", path: "/thing", effect: "repeat", body: '{"token":"canary"}', confidential: true };
const ONCE: Call = { method: "POST", path: "/things/", effect: "once", body: '{"token":"canary"}', confidential: true };
const OK: Reply = { status: 200, body: { ok: true } };
const AT_ONCE = { "retry-after": "0" };
/** Takes the request and closes without an answer. */
const HANG_UP: Reply = (_asked, response) => response.destroy();

async function refused(code: string, client: PrefectClient, call: Call = READ): Promise<AshlarError> {
  const error: unknown = await client.call(call).catch((thrown: unknown) => thrown);
  if (!isAshlarError(error)) throw new Error("was not refused");
  expect(`${error.code} ${error.message}`).toMatch(new RegExp(`^${code} `));
  const { inspect } = await import("node:util");
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/canary/);
  return error;
}

describe("a request", () => {
  test("names version and login, takes JSON, and connections are kept", async () => {
    const { apiUrl, asked } = await startDouble([OK]);
    const client = await clientFor(apiUrl, { PREFECT_API_KEY: "key", PREFECT_CLIENT_CUSTOM_HEADERS: '{"X-Team":"a","User-Agent":"b"}' });
    for (let count = 0; count < 3; count++) expect((await client.call(READ)).body).toEqual({ ok: true });
    await client.call(REPEAT);
    expect(asked.map(({ path, connection }) => [path, connection])).toEqual(Array(4).fill(["/api/thing", 1]));
    const { authorization, "x-prefect-api-version": version, "user-agent": agent, "x-team": team } = asked[0]?.headers ?? {};
    expect([authorization, version, agent, team]).toEqual(["Bearer key", "0.8.4", "ashlar (API 0.8.4)", "a"]);
    expect([asked[3]?.headers["content-type"], asked[3]?.body]).toEqual(["application/json", REPEAT.body]);
  });

  test("leaves a connection before the server would close it for want of use", async () => {
    const { apiUrl, asked } = await startDouble([OK]);
    const client = await clientFor(apiUrl);
    await client.call(READ);
    await new Promise((done) => setTimeout(done, 4300));
    await client.call(ONCE);
    expect(asked.map(({ connection }) => connection)).toEqual([1, 2]);
  });

  test("waits for a slow answer longer than an unused connection is kept", async () => {
    const { apiUrl } = await startDouble(
      () => (_asked, response) => void setTimeout(() => answer(response, { status: 200, body: {} }), 4500),
    );
    expect((await (await clientFor(apiUrl)).call(READ)).status).toBe(200);
  });

  test("goes through a proxy only where Node is told to use the environment's", async () => {
    const proxy = await startDouble([OK]);
    vi.stubEnv("HTTP_PROXY", new URL(proxy.apiUrl).origin);
    onTestFinished(() => void vi.unstubAllEnvs());
    const beyond = "http://prefect.invalid/api";
    await refused("ERR_UNREACHABLE", await clientFor(beyond, { ASHLAR_ALLOW_PLAIN_HTTP: "1" }));
    expect(proxy.asked).toEqual([]);
    vi.stubEnv("NODE_USE_ENV_PROXY", "1");
    await (await clientFor(beyond, { ASHLAR_ALLOW_PLAIN_HTTP: "1" })).call(READ);
    expect(proxy.asked.map(({ path }) => path)).toEqual(["http://prefect.invalid/api/thing"]);
  });

  test("opens at most sixteen connections at a time", async () => {
    const waiting: (() => void)[] = [];
    const { apiUrl, asked } = await startDouble(() => (_asked, response) => {
      waiting.push(() => answer(response, { status: 200, body: {} }));
      if (waiting.length === 16) for (const each of waiting.splice(0)) each();
    });
    const client = await clientFor(apiUrl);
    await Promise.all(Array.from({ length: 32 }, () => client.call(READ)));
    expect(new Set(asked.map(({ connection }) => connection)).size).toBe(16);
  });

  test("keeps what JavaScript would change of numbers", async () => {
    const { apiUrl } = await startDouble([
      (_asked, response) => answer(response, { status: 200, body: '{"a":1.0,"b":12345678901234567890,"c":1}' }),
    ]);
    expect(JSON.stringify((await (await clientFor(apiUrl)).call(READ)).body)).toBe('{"a":1.0,"b":12345678901234567890,"c":1}');
  });

  test("unpacks an answer, and bounds what it unpacks to", async () => {
    const packed =
      (text: string): Reply =>
      (_asked, response) =>
        response.writeHead(200, { "content-encoding": "gzip", "content-type": "application/json" }).end(gzipSync(text));
    const { apiUrl } = await startDouble([packed('{"a":1}'), packed(`"${"x".repeat(65 * 1024 * 1024)}"`)]);
    const client = await clientFor(apiUrl);
    expect((await client.call(READ)).body).toEqual({ a: 1 });
    expect((await refused("ERR_UNREACHABLE", client)).message).toMatch(/more than 64 MiB/);
  });
});

describe("TLS", () => {
  test("trusts the file of certificates that is named, and no other server", async () => {
    const { apiUrl, asked } = await startDouble([OK], { secure: true });
    const { message } = await refused("ERR_UNREACHABLE", await clientFor(apiUrl), ONCE);
    expect(message).toMatch(/The certificate of localhost:\d+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\).*PREFECT_API_SSL_CERT_FILE/);
    const wrongName = apiUrl.replace("localhost", "127.0.0.1");
    await refused("ERR_UNREACHABLE", await clientFor(wrongName, { PREFECT_API_SSL_CERT_FILE: CERTIFICATE }), ONCE);
    expect(asked).toEqual([]);
    for (const trust of [
      { PREFECT_API_SSL_CERT_FILE: CERTIFICATE },
      { SSL_CERT_FILE: CERTIFICATE },
      { PREFECT_API_TLS_INSECURE_SKIP_VERIFY: "true" },
    ])
      expect((await (await clientFor(apiUrl, trust)).call(READ)).status).toBe(200);
  });

  test("a file of certificates that is not there, and a server without TLS, are told", async () => {
    const { apiUrl } = await startDouble([OK]);
    await expect(clientFor(apiUrl, { PREFECT_API_SSL_CERT_FILE: "/nowhere.pem" })).rejects.toThrow(
      /names \/nowhere\.pem, which cannot be read/,
    );
    expect((await refused("ERR_UNREACHABLE", await clientFor(apiUrl.replace("http:", "https:")))).message).toMatch(/does not speak TLS/);
  });
});

describe("CSRF", () => {
  const guarded: (asked: { method: string; headers: Record<string, unknown>; path: string }) => Reply = ({ method, headers, path }) => {
    if (path.startsWith("/api/csrf-token")) return { status: 200, body: { token: "t1", expiration: "2099-01-01T00:00:00Z" } };
    const good = headers["prefect-csrf-token"] === "t1" && headers["prefect-csrf-client"] !== undefined;
    return method === "GET" || good ? OK : { status: 403, body: { detail: "Missing CSRF token." } };
  };

  test("a token is fetched when the server misses one, and sent from then on", async () => {
    const { apiUrl, asked } = await startDouble(guarded);
    const client = await clientFor(apiUrl);
    await client.call(ONCE);
    await client.call(REPEAT);
    await client.call(READ);
    expect(asked.map(({ method, path }) => `${method} ${path.split("?")[0]}`)).toEqual([
      "POST /api/things/",
      "GET /api/csrf-token",
      "POST /api/things/",
      "PATCH /api/thing",
      "GET /api/thing",
    ]);
    expect(asked[1]?.path).toBe(`/api/csrf-token?client=${asked[2]?.headers["prefect-csrf-client"]}`);
    expect(asked[4]?.headers["prefect-csrf-token"]).toBeUndefined();
  });

  test("a token is fetched also where a refusal with the same status means something else", async () => {
    const { apiUrl, asked } = await startDouble(guarded);
    await (await clientFor(apiUrl)).call({ ...ONCE, accept: [403] });
    expect(asked.map(({ method }) => method)).toEqual(["POST", "GET", "POST"]);
  });

  test("no token is fetched where Prefect is told so, and one that does not help is no endless loop", async () => {
    const off = await startDouble(guarded);
    await refused("ERR_DENIED", await clientFor(off.apiUrl, { PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: "false" }), ONCE);
    expect(off.asked.length).toBe(1);
    const useless = await startDouble(({ path }) =>
      path.startsWith("/api/csrf")
        ? { status: 200, body: { token: "t" } }
        : { status: 403, body: { detail: "Invalid CSRF token or client identifier." } },
    );
    await refused("ERR_DENIED", await clientFor(useless.apiUrl), ONCE);
    expect(useless.asked.length).toBe(5);
  });
});

describe("redirects", () => {
  test("on the server's own ground keep method and body", async () => {
    const { apiUrl, asked } = await startDouble(({ path }) =>
      path === "/api/things/" ? { status: 307, headers: { location: "/api/elsewhere" } } : OK,
    );
    await (await clientFor(apiUrl)).call(ONCE);
    expect(asked.map(({ method, path, body }) => [method, path, body])[1]).toEqual(["POST", "/api/elsewhere", ONCE.body]);
  });

  test("to another server end there: neither login nor body goes after them", async () => {
    const other = await startDouble([OK]);
    for (const call of [READ, ONCE]) {
      const { apiUrl } = await startDouble([{ status: 307, headers: { location: `${other.apiUrl}/x` } }]);
      const { message } = await refused("ERR_DENIED", await clientFor(apiUrl, { PREFECT_API_KEY: "canary" }), call);
      expect(message).toContain(new URL(other.apiUrl).origin);
    }
    expect(other.asked).toEqual([]);
  });

  test("in a circle end", async () => {
    const { apiUrl, asked } = await startDouble([{ status: 307, headers: { location: "/api/thing" } }]);
    await refused("ERR_NO_STORE", await clientFor(apiUrl));
    expect(asked.length).toBe(6);
  });
});

describe("retries", () => {
  test.each([408, 429, 502, 503])("after %i, as long as the server asks", async (status) => {
    const { apiUrl, asked } = await startDouble([{ status, headers: AT_ONCE }, { status, headers: AT_ONCE }, OK]);
    expect((await (await clientFor(apiUrl)).call(READ)).body).toEqual({ ok: true });
    expect(asked.length).toBe(3);
  });

  test("wait for Retry-After in seconds or as a date, else 2 seconds and a fifth more or less", async () => {
    const date = new Date(Date.now() + 1500).toUTCString();
    for (const [headers, least] of [
      [{ "retry-after": "0.4" }, 390],
      [{ "retry-after": date }, 0],
      [undefined, 1590],
    ] as const) {
      const { apiUrl } = await startDouble([headers === undefined ? { status: 503 } : { status: 503, headers }, OK]);
      const client = await clientFor(apiUrl);
      const start = performance.now();
      await client.call(READ);
      expect(performance.now() - start).toBeGreaterThan(least);
    }
  });

  test("end after PREFECT_CLIENT_MAX_RETRIES, and when a server asks for too long a wait", async () => {
    const busy = await startDouble([{ status: 429, headers: AT_ONCE }]);
    expect((await refused("ERR_UNREACHABLE", await clientFor(busy.apiUrl, { PREFECT_CLIENT_MAX_RETRIES: "3" }), ONCE)).message).toMatch(
      /too often/,
    );
    expect(busy.asked.length).toBe(4);
    const patient = await startDouble([{ status: 503, headers: { "retry-after": "86400" } }]);
    await refused("ERR_UNREACHABLE", await clientFor(patient.apiUrl));
    expect(patient.asked.length).toBe(1);
  });

  test("of maintenance do not count", async () => {
    const maintained: Reply = { status: 503, headers: { ...AT_ONCE, "prefect-maintenance": "true" } };
    const { apiUrl, asked } = await startDouble([...Array(9).fill(maintained), OK]);
    await (await clientFor(apiUrl, { PREFECT_CLIENT_MAX_RETRIES: "0" })).call(READ);
    expect(asked.length).toBe(10);
  });

  test("happen for further codes that are asked for", async () => {
    const { apiUrl, asked } = await startDouble([{ status: 500, body: { exception_message: "x" }, headers: AT_ONCE }, OK]);
    await (await clientFor(apiUrl, { PREFECT_CLIENT_RETRY_EXTRA_CODES: "500" })).call(READ);
    expect(asked.length).toBe(2);
  });

  test("a lost answer: what changes nothing more is sent again, and says so", async () => {
    for (const call of [READ, REPEAT]) {
      const { apiUrl, asked } = await startDouble([HANG_UP, OK]);
      expect(await (await clientFor(apiUrl)).call(call)).toEqual({
        status: 200,
        body: { ok: true },
        error: undefined,
        repeated: call === REPEAT,
      });
      expect(asked.length).toBe(2);
    }
  });

  test("a lost answer to a create: is sent no second time, the outcome is unknown", async () => {
    const half: Reply = (_asked, response) => {
      response.writeHead(201, { "content-type": "application/json", "content-length": "100" });
      response.write('{"id":');
      setTimeout(() => response.destroy(), 10);
    };
    const gateway: Reply = { status: 502, body: "<html>Bad gateway canary</html>" };
    const page: Reply = { status: 200, body: "<html>Please log in</html>" };
    for (const reply of [HANG_UP, half, gateway, page]) {
      const { apiUrl, asked } = await startDouble([reply, OK]);
      const { message } = await refused("ERR_OUTCOME_UNKNOWN", await clientFor(apiUrl), ONCE);
      expect(message).toMatch(/whether it was done is not known/);
      expect(asked.length).toBe(1);
    }
  });

  test("a write that may have been done and then finds nobody is of unknown outcome, a read is unreachable", async () => {
    for (const [call, code] of [
      [REPEAT, "ERR_OUTCOME_UNKNOWN"],
      [READ, "ERR_UNREACHABLE"],
    ] as const) {
      const { apiUrl } = await startDouble([HANG_UP]);
      await refused(code, await clientFor(apiUrl, { PREFECT_CLIENT_MAX_RETRIES: "0" }), call);
    }
  });

  test("no answer in time is told with the setting that says how long", async () => {
    const { apiUrl } = await startDouble(() => () => undefined);
    const client = await clientFor(apiUrl, { PREFECT_API_REQUEST_TIMEOUT: "0.2", PREFECT_CLIENT_MAX_RETRIES: "0" });
    expect((await refused("ERR_UNREACHABLE", client)).message).toMatch(/no answer in 0\.2 s \(PREFECT_API_REQUEST_TIMEOUT\)/);
    await refused("ERR_OUTCOME_UNKNOWN", client, ONCE);
    const drip: Reply = (_asked, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(" "), 50);
      response.on("close", () => clearInterval(timer));
    };
    const slow = await startDouble([drip]);
    await refused("ERR_UNREACHABLE", await clientFor(slow.apiUrl, { PREFECT_API_REQUEST_TIMEOUT: "0.3", PREFECT_CLIENT_MAX_RETRIES: "0" }));
  });

  test("a refused connection fails at once at first, and is a restart later", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await new Promise((listening) => silent.once("listening", listening));
    const { port } = silent.address() as { port: number };
    await new Promise((closed) => silent.close(closed));
    const start = performance.now();
    const { message } = await refused("ERR_UNREACHABLE", await clientFor(`http://127.0.0.1:${port}/api`), ONCE);
    expect(message).toBe(
      `Nothing listens at 127.0.0.1:${port}, which PREFECT_API_URL of the environment names: is the server running, as "prefect server start" starts it?`,
    );
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test("end when the client is closed, and it sends nothing more", async () => {
    const { apiUrl, asked } = await startDouble([{ status: 503 }]);
    const client = await clientFor(apiUrl);
    const waiting = refused("ERR_UNREACHABLE", client);
    setTimeout(() => client.close(), 200);
    expect((await waiting).message).toBe("The store was closed.");
    await refused("ERR_UNREACHABLE", client);
    expect(asked.length).toBe(1);
  });
});

describe("what is refused is told in our codes, with the next step, and never quotes what was sent", () => {
  test.each<[number, unknown, string, RegExp]>([
    [
      401,
      { exception_message: "Unauthorized" },
      "ERR_DENIED",
      /does not accept the login \(401\): PREFECT_API_KEY of the environment is wrong/,
    ],
    [403, { detail: "Forbidden canary" }, "ERR_DENIED", /does not allow this with PREFECT_API_KEY of the environment \(403\)/],
    [404, { detail: "Not Found" }, "ERR_NO_STORE", /there is no API of Prefect \(404, something else answers\)/],
    [404, "<!doctype html>canary", "ERR_NO_STORE", /a web page answers\): its address usually ends with \/api/],
    [405, { detail: "Method Not Allowed" }, "ERR_NO_STORE", /405/],
    [409, { detail: "canary exists" }, "ERR_INVALID", /refuses POST \/things\/ \(409\)/],
    [
      400,
      { detail: "The request specified API version 0.8.4 but this server requires version 1.0.0 or higher." },
      "ERR_UNSUPPORTED",
      /another generation/,
    ],
    [500, { exception_message: "Internal Server Error" }, "ERR_UNREACHABLE", /failed at POST \/things\/ \(500\): its own log says why/],
    [413, "<html>canary</html>", "ERR_INVALID", /413/],
  ])("%i", async (status, body, code, message) => {
    const { apiUrl } = await startDouble([{ status, body }]);
    expect((await refused(code, await clientFor(apiUrl, { PREFECT_API_KEY: "canary" }), ONCE)).message).toMatch(message);
  });

  test("422: the list of fields; the repeated body never, and of a request with secrets only where and which kind", async () => {
    const body = {
      exception_message: "Invalid request received.",
      exception_detail: [{ type: "uuid_parsing", loc: ["body", "block_type_id", "canary"], msg: "found `canary` at 1", input: "canary" }],
      request_body: { data: { token: "canary" } },
    };
    const { apiUrl } = await startDouble([{ status: 422, body }]);
    const client = await clientFor(apiUrl);
    expect((await refused("ERR_INVALID", client, ONCE)).message).toMatch(
      /does not take what was sent \(422\):\n {2}body\.block_type_id: uuid_parsing$/,
    );
    const shown = { ...body, exception_detail: [{ type: "x", loc: ["body", "name"], msg: "String should match", input: "canary" }] };
    const open = await startDouble([{ status: 422, body: shown }]);
    expect((await refused("ERR_INVALID", await clientFor(open.apiUrl), { ...ONCE, confidential: false })).message).toMatch(
      /body\.name: String should match$/,
    );
  });

  test("401 without a login says which settings there are, and that another server's was not sent", async () => {
    const { apiUrl } = await startDouble([{ status: 401, body: {} }]);
    expect((await refused("ERR_DENIED", await clientFor(apiUrl))).message).toMatch(
      /asks for a login \(401\): set PREFECT_API_AUTH_STRING, or/,
    );
  });

  test("a 404 is given back only where it says that the thing is not there", async () => {
    const there = await startDouble([{ status: 404, body: { detail: "Block document not found" } }]);
    expect((await (await clientFor(there.apiUrl)).call({ ...READ, accept: [404] })).status).toBe(404);
    for (const body of [{ detail: "Not Found" }, "<html></html>", {}, [], { detail: "Workspace not found" }]) {
      const { apiUrl } = await startDouble([{ status: 404, body }]);
      await refused("ERR_NO_STORE", await clientFor(apiUrl), { ...READ, accept: [404] });
    }
  });

  test("a web page in place of an answer is no server, and text that is no JSON neither", async () => {
    for (const body of ["<html>login</html>", '{"half":', "", `${"[".repeat(200_000)}`]) {
      const { apiUrl } = await startDouble([{ status: 200, body }]);
      await refused("ERR_NO_STORE", await clientFor(apiUrl));
    }
  });
});

test("the server's version, and one of another generation", async () => {
  const { apiUrl } = await startDouble([{ status: 200, body: '"3.8.8"' }, OK]);
  const client = await clientFor(apiUrl);
  expect(await serverVersion(client)).toBe("3.8.8");
  await expect(serverVersion(client)).rejects.toThrow(/no version/);
  expect(otherMajor(client.settings, "3.99.0")).toBeUndefined();
  expect(otherMajor(client.settings, "2.20.1")?.code).toBe("ERR_UNSUPPORTED");
});
test("a process that called ends by itself: kept connections do not hold it", async () => {
  const { apiUrl } = await startDouble([OK]);
  const { spawn } = await import("node:child_process");
  const program = `
    import { openClient } from "./src/prefect/client.ts";
    import { findSettings } from "./src/prefect/settings.ts";
    const client = await openClient(await findSettings("prefect+${apiUrl}"));
    await client.call({ method: "GET", path: "/thing", effect: "read" });
    console.log(performance.now());
    process.on("exit", () => console.log(performance.now()));`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], { cwd: `${import.meta.dirname}/../..` });
  onTestFinished(() => void child.kill());
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  expect(await new Promise((done) => child.on("exit", (...end) => done(end)))).toEqual([0, null]);
  const [called = 0, ended = 0] = output.trim().split("\n").map(Number);
  expect(ended - called).toBeLessThan(1500);
});

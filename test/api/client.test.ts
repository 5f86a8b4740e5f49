/**
 * The store over our own server: its address and token, what goes wrong on the way, and what is sent again. The servers are real; where an answer is to be
 * lost or wrong, a relay before one loses it, or a stand-in gives it (../prefect/double.ts, which knows nothing of what it answers).
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Block, openStore, secret } from "../../src/index.ts";
import { listen } from "../../src/server/listen.ts";
import { ownRoutes } from "../../src/server/own-routes.ts";
import type { Store } from "../../src/stores/store.ts";
import { at, part, partSchema, partType, register } from "../../src/testing/store-subject.ts";
import { CERTIFICATE, startDouble } from "../prefect/double.ts";
import { type Serving, serving } from "../server/serving.ts";

const GOOD = "0123456789abcdef0123456789abcdef";

async function server(): Promise<Serving & { readonly token: string }> {
  const running = await serving({ routes: ownRoutes });
  await register(running.store);
  const { authorization = "" } = await running.client("admin");
  return { ...running, token: authorization.slice("Bearer ".length) };
}

/** What a relay does with a request: passes it on and answers, passes it on and drops the answer, or drops it at once. */
type Way = "on" | "lost" | "dropped";

/** Stands before a server and keeps what went through. */
async function relay(
  to: string,
  ways: (asked: IncomingMessage, count: number) => Way,
): Promise<{ url: string; asked: string[]; connections: () => number }> {
  const asked: string[] = [];
  let connections = 0;
  const before = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    const way = ways(incoming, asked.length);
    if (way === "dropped") return void incoming.socket.destroy();
    const onward = request(
      to + incoming.url,
      { method: incoming.method, headers: { ...incoming.headers, host: new URL(to).host } },
      (answer) => {
        if (way === "lost") {
          answer.resume();
          answer.on("end", () => incoming.socket.destroy());
        } else {
          outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(outgoing);
        }
      },
    );
    incoming.pipe(onward);
  });
  before.on("connection", () => connections++);
  await new Promise<void>((listening) => before.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    before.closeAllConnections();
    before.close();
  });
  return { url: `http://127.0.0.1:${(before.address() as AddressInfo).port}`, asked, connections: () => connections };
}

async function opened(url: string, token = GOOD): Promise<Store> {
  const store = await openStore(url, { token });
  onTestFinished(() => store.close());
  return store;
}

describe("an address", () => {
  it.each([
    ["https://user:hunter2@host/", "holds no login"],
    ["https://host/?token=hunter2", "has no ?"],
    ["https://host/#hunter2", "no #"],
    ["https://", "another one"],
    ["https:host", "another one"],
    ["http://example.invalid", "in clear; ASHLAR_ALLOW_PLAIN_HTTP=1"],
    ["http://127.0.0.1.example.invalid", "in clear"],
    ["http://[fe80::1]/", "in clear"],
  ])("%s is refused, and not repeated", async (url, why) => {
    const refused = expect(openStore(url, { token: GOOD })).rejects;
    await refused.toMatchObject({ code: "ERR_INVALID", message: expect.stringContaining(why) });
    await refused.toMatchObject({ message: expect.not.stringContaining("hunter2") });
  });

  it.each([
    "https://host",
    "https://host:8443/",
    "https://host/prefix/of/a/proxy",
    "http://localhost:1",
    "http://127.0.0.1:1",
    "http://[::1]:1",
  ])("%s is one", async (url) => {
    expect((await openStore(url, { token: GOOD })).url).toBe(url.replace(/\/$/, ""));
  });

  it("of plain http elsewhere is taken where that is asked for", async () => {
    expect((await openStore("http://host", { token: GOOD, allowPlainHttp: true })).url).toBe("http://host");
    vi.stubEnv("ASHLAR_ALLOW_PLAIN_HTTP", "1");
    expect((await openStore("http://host", { token: GOOD })).url).toBe("http://host");
    vi.unstubAllEnvs();
  });

  it("may have a prefix, below which the server is asked", async () => {
    const { asked, apiUrl } = await startDouble([{ status: 200, body: { names: [] } }]);
    await (await opened(apiUrl.replace("/api", "/some/prefix"))).names();
    expect(asked[0]?.path).toBe("/some/prefix/api/ashlar/v1/names");
  });
});

describe("an access token", () => {
  it("comes from ASHLAR_TOKEN, and is sent as Bearer", async () => {
    const running = await server();
    vi.stubEnv("ASHLAR_TOKEN", ` ${running.token}\n`);
    expect(await (await openStore(running.url)).names()).toEqual([]);
    vi.unstubAllEnvs();
  });

  it("that is damaged, or none, is told before anything is sent; its text never", async () => {
    const running = await server();
    const damaged = `${running.token.slice(0, -1)}`;
    for (const [token, why] of [
      [damaged, "is damaged: a character is missing or wrong"],
      ["with blanks in it", "is no access token"],
    ] as const)
      await expect(openStore(running.url, { token })).rejects.toMatchObject({ code: "ERR_WRONG_KEY", message: expect.stringMatching(why) });
    await expect(openStore(running.url, { token: damaged })).rejects.toMatchObject({
      message: expect.not.stringContaining(damaged.slice(20, 40)),
    });
    expect(running.answers).toEqual([]);
  });

  it("that is missing, wrong, or lacks a right is told as that, with what to do", async () => {
    const running = await server();
    vi.stubEnv("ASHLAR_TOKEN", "");
    await expect((await openStore(running.url)).names()).rejects.toMatchObject({
      code: "ERR_DENIED",
      message: expect.stringContaining('set ASHLAR_TOKEN. Whoever looks after the server makes one by "ashlar token create"'),
    });
    vi.unstubAllEnvs();
    await expect((await opened(running.url)).names()).rejects.toMatchObject({
      code: "ERR_DENIED",
      message: expect.stringContaining("does not accept the access token in the option token (401)"),
    });
    const viewer = await opened(running.url, (await running.client("viewer")).authorization?.slice(7));
    await running.store.save(part("one"));
    await expect(viewer.load(at("one"))).rejects.toMatchObject({ code: "ERR_DENIED", message: expect.stringContaining("lacks the role") });
    expect(await viewer.inspect(at("one"))).toMatchObject({ name: "one" });
    const scoped = await opened(running.url, (await running.client(["user", "editor"], { names: ["x-*"] })).authorization?.slice(7));
    await expect(scoped.load(at("one"))).rejects.toMatchObject({
      code: "ERR_DENIED",
      message: "The access token may not load with its secrets part/one.",
    });
  });

  it("is verified over the server too, so that servers can stand before servers", async () => {
    const [behind, before] = [await server(), await server()];
    const tokens = (await opened(behind.url, behind.token)).accessTokens;
    const { token, text } = (await tokens?.create({ name: "ci", roles: ["viewer"], types: ["part"], names: null, expires: null })) ?? {};
    expect(await tokens?.verify(text?.reveal() ?? "")).toEqual(token);
    expect(await tokens?.verify(before.token)).toBeNull();
    await tokens?.revoke("ci");
    expect(await tokens?.verify(text?.reveal() ?? "")).toBeNull();
  });
});

describe("blocks", () => {
  class Account extends Block.define({ name: "Account", fields: { token: secret() } }) {}
  class Service extends Block.define({ name: "Service", fields: { account: Account } }) {}

  it("are saved and loaded through it, with revisions and references", async () => {
    const { url, token } = await server();
    const store = await opened(url, token);
    const account = await new Account({ token: "t-1" }).save("main", { store });
    await new Service({ account }).save("web", { store });
    const rotated = await account.with({ token: "t-2" }).save(undefined, { store, ifRevision: 1 });
    expect([rotated.document?.revision, (await Service.load("web", { store })).account.token.reveal()]).toEqual([2, "t-2"]);
    await expect(account.with({ token: "t-3" }).save(undefined, { store, ifRevision: 1 })).rejects.toMatchObject({
      code: "ERR_CONFLICT",
      details: { expected: 1, actual: 2 },
    });
    const names = [];
    for await (const each of Service.loadAll({ store })) names.push(each.document?.name);
    expect(names).toEqual(["web"]);
  });

  it("are saved by who may write some names only, where somebody else registered the class", async () => {
    const running = await server();
    await new Account({ token: "t" }).save("first", { store: await opened(running.url, running.token) });
    const store = await opened(running.url, (await running.client("editor", { names: ["x-*"] })).authorization?.slice(7));
    await new Account({ token: "t" }).save("x-1", { store });
    await expect(new Account({ token: "t" }).save("y-1", { store })).rejects.toMatchObject({ code: "ERR_DENIED" });
    class Fresh extends Block.define({ name: "Fresh", fields: { token: secret() } }) {}
    await expect(new Fresh({ token: "t" }).save("x-1", { store })).rejects.toMatchObject({
      code: "ERR_DENIED",
      message: "The access token may not write the block type fresh.",
    });
  });
});

describe("a lost answer", () => {
  it("of a question: it is asked again, over another connection", async () => {
    const { url, token, store } = await server();
    await store.save(part("one"));
    const { url: before, asked } = await relay(url, (_asked, count) => (count < 3 ? "lost" : "on"));
    expect((await (await opened(before, token)).load(at("one")))[0]?.name).toBe("one");
    expect(asked).toEqual(Array(3).fill("GET /api/ashlar/v1/secrets/part/one"));
  });

  it.each(["lost", "dropped"] as const)("of a write (%s): said that nobody knows, and never sent again", async (way) => {
    const { url, token, store } = await server();
    const { url: before, asked } = await relay(url, () => way);
    const over = await opened(before, token);
    for (const write of [() => over.save(part("one")), () => over.save(part("two"), { overwrite: true }), () => over.delete(at("one"))])
      await expect(write()).rejects.toMatchObject({
        code: "ERR_OUTCOME_UNKNOWN",
        message: expect.stringContaining("Look at what is there before repeating it"),
      });
    expect(asked.length).toBe(3);
    expect((await store.names()).map(({ name }) => name)).toEqual(way === "lost" ? ["two"] : []);
  });

  it("of a registration: sent again, since a second one changes nothing more", async () => {
    const { url, token, store } = await server();
    const { url: before } = await relay(url, (_asked, count) => (count % 2 === 1 ? "lost" : "on"));
    const over = await opened(before, token);
    expect((await over.saveType({ ...partType, slug: "other" })).type.slug).toBe("other");
    expect((await over.saveSchema(partSchema("2"))).schema.version).toBe("2");
    expect((await store.types()).length).toBe(2);
  });

  it("when the server never comes back, ends as what it was", async () => {
    const { url, token } = await server();
    const over = await opened((await relay(url, () => "dropped")).url, token);
    await expect(over.names()).rejects.toMatchObject({ code: "ERR_UNREACHABLE" });
    await expect(over.saveType(partType)).rejects.toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
  });
});

describe("what answers", () => {
  it.each([
    ["a web page", { status: 404, body: "<html>" }, "ERR_NO_STORE", /there is no server of Ashlar \(404, a web page answers\)/],
    ["another API", { status: 404, body: { detail: "Not Found" } }, "ERR_NO_STORE", /there is no server of Ashlar/],
    ["a login page", { status: 200, body: "<html>" }, "ERR_NO_STORE", /a web page answers/],
    ["another shape", { status: 200, body: { names: [{ type: 1 }] } }, "ERR_UNREACHABLE", /cannot be read, at "names\.0\.type"/],
    [
      "a redirect",
      { status: 302, headers: { location: "https://example.invalid/" } },
      "ERR_DENIED",
      /neither token nor secrets are sent after it/,
    ],
    ["too many bad tokens", { status: 429, body: { exception_message: "x" } }, "ERR_UNREACHABLE", /429/],
    ["a proxy's failure", { status: 500, body: "<html>" }, "ERR_UNREACHABLE", /its log says why/],
    [
      "a code of a newer server",
      { status: 400, body: { error: { code: "ERR_NEW", message: "something new", request: "1" } } },
      "ERR_UNREACHABLE",
      /something new/,
    ],
  ])("%s is told as what it is", async (_what, reply, code, message) => {
    const { apiUrl } = await startDouble([reply as never]);
    await expect((await opened(apiUrl.replace("/api", ""))).names()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it("too busy is asked again, a write too, for nothing was done", async () => {
    const busy = { status: 503, body: { exception_message: "Service Unavailable" }, headers: { "retry-after": "1" } };
    const { store } = await server();
    const { asked, apiUrl } = await startDouble([busy, busy, { status: 200, body: { names: [] } }]);
    await (await opened(apiUrl.replace("/api", ""))).names();
    expect(asked.length).toBe(3);
    const saved = await store.save(part("one"));
    const writes = await startDouble([busy, { status: 201, body: saved }]);
    expect(await (await opened(writes.apiUrl.replace("/api", ""))).save(part("one"))).toEqual(saved);
    expect(writes.asked.length).toBe(2);
  });

  it("to a write with what cannot be read: said that nobody knows", async () => {
    const { apiUrl } = await startDouble([{ status: 200, body: "<html>" }]);
    await expect((await opened(apiUrl.replace("/api", ""))).save(part("one"))).rejects.toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
  });

  it("over one connection that is kept, many questions one after the other", async () => {
    const { url, token } = await server();
    const { url: before, connections, asked } = await relay(url, () => "on");
    const over = await opened(before, token);
    for (let time = 0; time < 20; time++) await over.names();
    expect([asked.length, connections()]).toEqual([20, 1]);
  });
});

describe("over TLS", () => {
  const key = readFileSync(CERTIFICATE.replace(".pem", "-key.pem"), "utf8");
  const cert = readFileSync(CERTIFICATE, "utf8");

  it("a certificate that nobody vouches for is refused; one of NODE_EXTRA_CA_CERTS is not", async () => {
    const running = await server();
    const secure = await listen(running.app, { host: "127.0.0.1", port: 0, tls: { cert, key } });
    const url = `https://localhost:${secure.port}`;
    await expect((await opened(url, running.token)).names()).rejects.toMatchObject({
      code: "ERR_UNREACHABLE",
      message: expect.stringMatching(/certificate of localhost:\d+ is not trusted .* NODE_EXTRA_CA_CERTS/),
    });
    const program = `const { openStore } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/index.ts"))});
      const store = await openStore(process.argv[1]); console.log(JSON.stringify(await store.types())); await store.close();`;
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: CERTIFICATE, ASHLAR_TOKEN: running.token };
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program, url], { env });
    expect(JSON.parse(stdout)).toMatchObject([{ slug: "part" }]);
    await expect((await opened(url.replace("https", "http"), running.token)).names()).rejects.toMatchObject({ code: "ERR_UNREACHABLE" });
  });

  it("asked of a server without it is told as that", async () => {
    const { url, token } = await server();
    await expect((await opened(url.replace("http", "https"), token)).names()).rejects.toMatchObject({
      code: "ERR_UNREACHABLE",
      message: expect.stringContaining("does not speak TLS"),
    });
  });
});

it("a server that is not there is told with the command that starts one", async () => {
  await expect((await opened("http://127.0.0.1:9")).names()).rejects.toMatchObject({
    code: "ERR_UNREACHABLE",
    message: expect.stringContaining('Nothing listens at 127.0.0.1:9: is the server running, as "ashlar serve" starts it?'),
  });
});

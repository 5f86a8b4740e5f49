/** What a `Webhook` sends and refuses, over real sockets to servers on this machine. */
import { type LookupAddress, lookup } from "node:dns";
import { BlockList, createServer } from "node:net";
import { inspect } from "node:util";
import { isPrivateAddress } from "ashlar/blocks/outbound-request";
import { Webhook } from "ashlar/blocks/webhook";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { certificate } from "../certificate.ts";
import { httpServer, type TestServer } from "../http-server.ts";
import { refusalOf } from "./refusal.ts";
import { CANARY } from "./samples.ts";

/** DNS as a test wants it, a list for each time it is asked; the real one where nothing is wanted. */
const wanted = vi.hoisted((): { answers: LookupAddress[][] } => ({ answers: [] }));
vi.mock("node:dns", async (original) => {
  const real = await original<typeof import("node:dns")>();
  const answering = vi.fn((host: string, options: object, done: (error: null, addresses: LookupAddress[]) => void) => {
    const next = wanted.answers.shift();
    if (next === undefined) return real.lookup(host, options, done as never);
    process.nextTick(done, null, next);
  });
  return { ...real, lookup: answering };
});

type Input = ConstructorParameters<typeof Webhook>[0];
const path = `/hook/${CANARY}?token=${CANARY}`;

const refusal = (input: Input, payload: Parameters<Webhook["send"]>[0] = { text: CANARY }, timeoutMs = 5000) =>
  refusalOf(() => new Webhook(input).send(payload, { timeoutMs }), [CANARY]);

let server: TestServer;
beforeAll(async () => {
  server = await httpServer(({ path: asked }) => {
    if (asked === "/slow") return undefined;
    if (asked === "/moved") return { status: 302, headers: { location: `${server.origin}/secret-place` } };
    if (asked === "/large") return { body: "x".repeat(1024 * 1024 + 1) };
    if (asked === "/none") return { status: 204 };
    return { status: 418, headers: { "x-answer": "yes" }, body: '{"ok":false}' };
  });
});
afterEach(() => {
  wanted.answers = [];
  server.received.length = 0;
});

describe("send", () => {
  it("sends JSON with the method and the headers, and gives the answer whatever its status", async () => {
    const webhook = new Webhook({ url: server.origin + path, method: "PUT", headers: { authorization: `Bearer ${CANARY}`, "X-Mta": "1" } });
    const answer = await webhook.send({ text: "ä", list: [1, null] });
    expect([answer.status, answer.ok, answer.headers.get("x-answer"), await answer.json()]).toEqual([418, false, "yes", { ok: false }]);
    expect(server.received).toMatchObject([{ method: "PUT", path, body: '{"text":"ä","list":[1,null]}' }]);
    expect(server.received[0]?.headers).toMatchObject({
      ...{ authorization: `Bearer ${CANARY}`, "x-mta": "1", "content-type": "application/json", "content-length": "29" },
      "user-agent": "ashlar",
    });
    expect(inspect(answer, { depth: 9 })).not.toContain(CANARY);
  });

  it("sends a text as it is, nothing where there is nothing, and headers over its own", async () => {
    const webhook = new Webhook({ url: server.origin, headers: { "Content-Type": "text/csv", "User-Agent": "mta" } });
    await webhook.send("a,b");
    await webhook.send();
    await webhook.with({ method: "GET" }).send({ a: 1 });
    expect(server.received.map(({ method, body, headers }) => [method, body, headers["content-length"]])).toEqual([
      ["POST", "a,b", "3"],
      ["POST", "", "0"],
      ["GET", '{"a":1}', "7"],
    ]);
    expect(server.received[0]?.headers).toMatchObject({ "content-type": "text/csv", "user-agent": "mta" });
    expect(server.received[1]?.headers["content-type"]).toBe("text/csv");
  });

  it("lets itself in by the user of the URL", async () => {
    await new Webhook({ url: server.origin.replace("//", "//me:p%40ss@") }).send();
    expect(server.received[0]?.headers.authorization).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
  });

  it("follows no redirect, and reads answers without a body", async () => {
    const moved = await new Webhook({ url: `${server.origin}/moved` }).send();
    expect([moved.status, moved.headers.get("location")]).toEqual([302, `${server.origin}/secret-place`]);
    expect((await new Webhook({ url: `${server.origin}/none` }).send()).status).toBe(204);
    expect(server.received.map((each) => each.path)).toEqual(["/moved", "/none"]);
  });

  it("is refused without a secret in the error", async () => {
    const invalid: readonly Input[] = [
      { url: CANARY },
      { url: `ftp://host/${CANARY}` },
      { url: `slack://${CANARY}` },
      { url: `http://%zz${CANARY}:x@127.0.0.1/` },
      { url: server.origin, headers: { authorization: `${CANARY}\nx-evil: 1` } },
      { url: server.origin, headers: { [`${CANARY} x`]: "1" } },
      { url: server.origin, headers: { "x-number": 1 } },
    ];
    for (const input of invalid) expect(await refusal(input)).toMatchObject({ code: "ERR_INVALID" });
    expect(server.received).toEqual([]);
    expect(await refusal({ url: `http://127.0.0.1:1/${CANARY}` })).toMatchObject({
      code: "ERR_UNREACHABLE",
      message: "The server that url names cannot be reached: ECONNREFUSED.",
    });
    expect((await refusal({ url: `http://${CANARY}.invalid/` })).code).toBe("ERR_UNREACHABLE");
    expect((await refusal({ url: `${server.origin}/slow` }, CANARY, 100)).message).toMatch(/there was no answer in 100 ms/);
    expect((await refusal({ url: `${server.origin}/large` })).code).toBe("ERR_LIMIT");
  });

  it.each([
    ["no HTTP", "220 smtp ready\r\n"],
    ["half an answer", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"],
    ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
    ["nothing", ""],
    ["a status that is none", "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"],
  ])("reports a server that answers %s", async (_what, text) => {
    const odd = createServer((socket) => socket.end(text)).listen(0, "127.0.0.1");
    try {
      await vi.waitUntil(() => odd.listening);
      const { port } = odd.address() as { port: number };
      expect((await refusal({ url: `http://127.0.0.1:${port}${path}` })).code).toBe("ERR_UNREACHABLE");
    } finally {
      odd.close();
    }
  });
});

describe("verify", () => {
  it("asks for a certificate that someone trusts, and false asks for none", async () => {
    const secure = await httpServer(() => ({ body: "seen" }), certificate());
    const webhook = new Webhook({ url: secure.origin + path });
    expect(await refusal({ url: secure.origin + path })).toMatchObject({
      code: "ERR_UNREACHABLE",
      message: expect.stringContaining("DEPTH_ZERO_SELF_SIGNED_CERT"),
    });
    expect(secure.received).toEqual([]);
    expect(await (await webhook.with({ verify: false }).send("x")).text()).toBe("seen");
    expect(secure.received).toMatchObject([{ path, body: "x" }]);
  });
});

describe("allowPrivateUrls: false", () => {
  const address = (text: string): LookupAddress => ({ address: text, family: text.includes(":") ? 6 : 4 });
  const named = () => `http://public.example:${server.port}${path}`;

  it.each([
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0",
    "10.1.2.3",
    "100.100.100.200",
    "169.254.169.254",
    "172.31.0.1",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
    "[2001:db8::1]",
    "[fc00::1]",
    "[fe80::1]",
    "[ff02::1]",
    "localhost",
  ])("does not connect to %s", async (host) => {
    const url = `http://${host}:${server.port}${path}`;
    expect(await refusal({ url, allowPrivateUrls: false })).toMatchObject({ code: "ERR_DENIED" });
    expect(server.received).toEqual([]);
  });

  it.each([
    ["127.0.0.1"],
    ["93.184.215.14", "127.0.0.1"],
    ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "fe80::1%eth0"],
    ["::ffff:10.0.0.1"],
    ["no address"],
  ])("does not connect to a name that has %s, %s", async (...addresses) => {
    wanted.answers = [addresses.map((each) => address(each as string))];
    expect(await refusal({ url: named(), allowPrivateUrls: false })).toMatchObject({ code: "ERR_DENIED" });
    expect(server.received).toEqual([]);
  });

  it("looks a name up once, when it connects: what DNS says before or after does not count", async () => {
    const asked = vi.mocked(lookup);
    asked.mockClear();
    // A name that is public when it is looked at, and private when it is connected to (CVE-2026-7724).
    wanted.answers = [[address("192.0.2.1")], [address("127.0.0.1")], [address("127.0.0.1")]];
    expect((await refusal({ url: named(), allowPrivateUrls: false })).code).toBe("ERR_DENIED");
    expect(asked).toHaveBeenCalledTimes(1);
    expect((await refusal({ url: named(), allowPrivateUrls: false })).code).toBe("ERR_DENIED");
    expect(asked).toHaveBeenCalledTimes(2);
    expect(server.received).toEqual([]);
  });

  it("connects to what it looked up, where that is public", async () => {
    // No test leaves this machine: for once its own address counts as public.
    const check = vi.spyOn(BlockList.prototype, "check").mockReturnValue(false);
    try {
      wanted.answers = [[address("127.0.0.1")], [address("127.0.0.1"), address("127.0.0.1")]];
      const webhook = new Webhook({ url: named(), allowPrivateUrls: false });
      expect([(await webhook.send()).status, (await webhook.send()).status]).toEqual([418, 418]);
      expect(server.received[0]?.headers.host).toBe(`public.example:${server.port}`);
    } finally {
      check.mockRestore();
    }
    expect(wanted.answers).toEqual([]);
  });

  it.each([
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "64:ff9b::808:808",
  ])("takes %s for public", (each) => expect(isPrivateAddress(each)).toBe(false));
});

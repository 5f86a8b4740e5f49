/** The websocket to which Prefect's client sends events. */
import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { type Serving, serving } from "./serving.ts";

interface Options {
  readonly path?: string;
  readonly protocols?: string[];
  readonly headers?: Record<string, string>;
}

function socket(server: Serving, { path = "/api/events/in", protocols = ["prefect"], headers = {} }: Options = {}): WebSocket {
  const made = new WebSocket(`${server.url.replace("http", "ws")}${path}`, protocols, { headers });
  made.on("error", () => undefined);
  onTestFinished(() => made.terminate());
  return made;
}

/** The status with which an upgrade is refused. */
async function refused(server: Serving, options: Options): Promise<number> {
  const [, response] = (await once(socket(server, options), "unexpected-response")) as [unknown, { statusCode: number }];
  return response.statusCode;
}

async function tokenOf(server: Serving): Promise<string> {
  return ((await server.client("viewer")).authorization ?? "").replace("Bearer ", "");
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

describe("Prefect's client", () => {
  test("is let in by header and by message, answered pings, and what it says is thrown away", async () => {
    const server = await serving();
    const token = await tokenOf(server);
    for (const [headers, message] of [
      [{ authorization: basic(token) }, { type: "auth", token }],
      [{ authorization: `Bearer ${token}` }, { type: "auth", token: null }],
      [{}, { type: "auth", token }],
      [{}, { type: "auth", token: `${(await server.store.accessTokens?.list())?.[0]?.name}:${token}` }],
    ] as [Record<string, string>, object][]) {
      const client = socket(server, { headers });
      await once(client, "open");
      expect(client.protocol).toBe("prefect");
      client.ping();
      await once(client, "pong");
      client.send(JSON.stringify(message));
      const [answer] = (await once(client, "message")) as [Buffer];
      expect(JSON.parse(String(answer))).toEqual({ type: "auth_success" });
      const heard: unknown[] = [];
      client.on("message", (data) => heard.push(data));
      for (let turn = 0; turn < 100; turn++) client.send(JSON.stringify({ event: "prefect.block.x.loaded", turn }));
      client.send("not JSON");
      client.ping();
      await once(client, "pong");
      expect(heard).toEqual([]);
      client.close();
      await once(client, "close");
    }
    expect(server.log).toEqual([]);
  });

  test("that shows no good token is refused: by its header before the upgrade, by its message after it", async () => {
    const server = await serving();
    expect(await refused(server, { headers: { authorization: basic("wrong") } })).toBe(401);
    for (const [message, code] of [
      [{ type: "auth", token: null }, 1008],
      [{ type: "auth", token: "wrong" }, 1008],
      [{ type: "auth", token: 5 }, 1008],
      [{ type: "event" }, 1008],
      ["text", 1008],
    ]) {
      const client = socket(server);
      await once(client, "open");
      client.send(typeof message === "string" ? message : JSON.stringify(message));
      const [closed] = (await once(client, "close")) as [number];
      expect([message, closed]).toEqual([message, code]);
    }
  });

  test("finds no other path, is from no other site, and sends nothing large", async () => {
    const server = await serving();
    const authorization = basic(await tokenOf(server));
    for (const path of ["/api/events/out", "/api/events/in/", "/api/events/in?x=1", "/", "/api/block_types/filter"]) {
      expect([path, await refused(server, { path })]).toEqual([path, 401]);
      expect([path, await refused(server, { path, headers: { authorization } })]).toEqual([path, 404]);
    }
    expect(await refused(server, { protocols: ["other"], headers: { authorization } })).toBe(400);
    expect(await refused(server, { headers: { authorization, host: "evil.test" } })).toBe(421);
    expect(await refused(server, { headers: { authorization, origin: "http://evil.test" } })).toBe(403);
    const client = socket(server, { headers: { authorization } });
    await once(client, "open");
    client.send("x".repeat(100_000));
    const [closed] = (await once(client, "close")) as [number];
    expect([1006, 1009]).toContain(closed);
    expect((await server.stranger().get("/health")).status).toBe(200);
  });

  test("is told when the server stops", async () => {
    const server = await serving();
    const client = socket(server, { headers: { authorization: basic(await tokenOf(server)) } });
    await once(client, "open");
    const closed = once(client, "close");
    await server.listening.stop(2000);
    expect((await closed)[0]).toBe(1001);
  });
});

/** Two servers over one SQLite file, each with a connection of its own, and the command line as a third: what one does counts for the next request of all. */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeAll, expect, it, vi } from "vitest";
import { openStore } from "../../src/index.ts";
import { auditKeys, openAudit } from "../../src/server/audit.ts";
import { verifyAudit } from "../../src/server/audit-verify.ts";
import { ownRoutes } from "../../src/server/own-routes.ts";
import type { Store } from "../../src/stores/store.ts";
import { part, register } from "../../src/testing/store-subject.ts";
import { Workplace } from "../cli/workplace.ts";
import { type Serving, serving } from "./serving.ts";

vi.setConfig({ testTimeout: 60_000 });

const place = new Workplace();
const url = `sqlite:${join(place.data, "ashlar.db")}`;
beforeAll(async () => {
  expect((await place.run("init")).code).toBe(0);
});

/** A connection of its own to the one file. */
function connection(): Promise<Store> {
  const lines = readFileSync(place.keyFile, "utf8").split("\n");
  return openStore(url, { keys: lines.filter((line) => line.startsWith("ashlarkey1_")) });
}

/** All that is answered to so many requests that come at the same time, in one packet of one connection. */
async function together({ listening }: Serving, authorization: string, path: string, count: number): Promise<string> {
  const request = (connection: string) =>
    `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: ${authorization}\r\nconnection: ${connection}\r\n\r\n`;
  const socket = connect(listening.port, "127.0.0.1");
  socket.write(request("keep-alive").repeat(count - 1) + request("close"));
  return text(socket);
}

async function server(): Promise<Serving> {
  return serving({ store: await connection(), routes: ownRoutes });
}

it("a token that the command line makes is let in by both, and refused by both as soon as either, or the command line, has revoked it", async () => {
  const [one, two] = [await server(), await server()];
  const admin = await one.client("admin");
  const token = async (name: string) => `Bearer ${(await place.run(`token create ${name} --role viewer`)).stdout.trim()}`;
  const states = (authorization: string) =>
    Promise.all([one, two].map(async (each) => (await each.stranger(authorization).get("/ashlar/v1/me")).status));
  for (const [name, revoke] of [
    ["by-command", () => place.run("token revoke by-command")],
    ["by-one", () => one.store.accessTokens?.revoke("by-one")],
    ["over-http", () => two.stranger(admin.authorization).delete("/ashlar/v1/tokens/over-http")],
  ] as const) {
    const authorization = await token(name);
    for (let time = 0; time < 3; time++) expect([name, await states(authorization)]).toEqual([name, [200, 200]]); // it is remembered
    await revoke();
    expect([name, await states(authorization)]).toEqual([name, [401, 401]]);
  }
});

it("a type, a schema and a document written through one are seen through the other at once, by revision", async () => {
  const [one, two] = [await server(), await server()];
  const [writer, reader] = [await one.client("admin"), await two.client("user")];
  await register(await openStore(one.url, { token: writer.authorization?.slice(7) }));
  const [from, to] = [
    await openStore(one.url, { token: writer.authorization?.slice(7) }),
    await openStore(two.url, { token: reader.authorization?.slice(7) }),
  ];
  for (let revision = 1; revision <= 20; revision++) {
    await from.save(part("one", { data: { text: `t${revision}` } }), revision === 1 ? {} : { ifRevision: revision - 1 });
    expect((await to.load({ type: "part", name: "one" }))[0]).toMatchObject({ revision, data: { text: `t${revision}` } });
  }
});

it("requests that come together ask the store once whether anything was changed, and miss nothing that was confirmed before the last of them came", async () => {
  const [one, two] = [await server(), await server()];
  const reader = await two.client("user");
  const asked = vi.spyOn(two.store as Store & { stamp(): Promise<string> }, "stamp");
  for (const revision of [21, 22]) {
    await one.store.save(part("one", { data: { text: `t${revision}` } }), { ifRevision: revision - 1 });
    asked.mockClear();
    const answers = await together(two, reader.authorization ?? "", "/api/block_types/slug/part/block_documents/name/one", 20);
    expect(answers.match(/"text":"t\d+"/g)).toEqual(Array.from({ length: 20 }, () => `"text":"t${revision}"`));
    expect(asked).toHaveBeenCalledOnce();
  }
});

it("a CSRF token of one is good at the other, and for no other credential", async () => {
  const [one, two] = [await server(), await server()];
  const [editor, another] = [await one.client("editor"), await one.client("editor")];
  const { token } = (await editor.get("/csrf-token?client=x")).body as { readonly token: string };
  const at = async (authorization: string | undefined) => {
    const headers = { "prefect-csrf-token": token, "prefect-csrf-client": "x" };
    return (await two.stranger(authorization).post("/block_types/", { name: "Two", slug: "two" }, headers)).status;
  };
  expect([await at(another.authorization), await at(editor.authorization)]).toEqual([403, 201]);
});

it("each keeps an audit log of its own, whose line is written before the secret goes out", async () => {
  const store = await connection();
  const path = join(place.folder, "audit.jsonl");
  const audit = await openAudit(path, auditKeys(store));
  const running = await serving({ store, audit, routes: ownRoutes });
  const user = await running.client("user");
  const all = Array.from({ length: 50 }, async () => {
    const { headers, status } = await user.get("/ashlar/v1/secrets/part/one");
    expect([status, readFileSync(path, "utf8").includes(`"request":"${headers.get("x-request-id")}"`)]).toEqual([200, true]);
  });
  await Promise.all(all);
  expect(await verifyAudit([path], auditKeys(store))).toMatchObject({ lines: 52, breaks: [], unproven: 0 });
  await audit.close();
});

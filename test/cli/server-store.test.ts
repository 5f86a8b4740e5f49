/** The command line over a server of ours: every command that needs a store, as against the store itself; and what each role may. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openStore, Secret } from "../../src/index.ts";
import { storeAccess } from "../../src/server/access.ts";
import { serverApp } from "../../src/server/app.ts";
import { type Listening, listen } from "../../src/server/listen.ts";
import { ownRoutes } from "../../src/server/own-routes.ts";
import { AuditList } from "../server/serving.ts";
import { BLOCKS, Workplace } from "./workplace.ts";

vi.setConfig({ testTimeout: 60_000 });

const ADMIN = "0123456789abcdef0123456789abcdef";
const SECRET = "canary-over-http";
const place = new Workplace();
let listening: Listening;
let url = "";

beforeAll(async () => {
  const store = await openStore("memory:");
  const access = storeAccess(store, { tokenFromEnvironment: new Secret(ADMIN) });
  listening = await listen(serverApp({ store, access, audit: new AuditList(), routes: ownRoutes }), { host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${listening.port}`;
  place.write("blocks.ts", BLOCKS);
  place.write(
    "documents.yaml",
    `- { type: account, name: main, data: { user: me, token: { env: SECRET } } }\n- { type: service, name: web, data: { host: h, account: { ref: account/main } } }\n`,
  );
});
afterAll(() => listening.stop(1000));

const run = (command: string, token = ADMIN) => place.run(command, { ASHLAR_STORE: url, ASHLAR_TOKEN: token, SECRET });

describe("over http", () => {
  it("registers, applies, lists, shows, changes and exports", async () => {
    expect((await run("register blocks.ts")).code).toBe(0);
    expect((await run("apply documents.yaml")).stdout).toContain("2 created, 0 changed, 0 unchanged.");
    expect((await run("apply documents.yaml")).stdout).toContain("0 created, 0 changed, 2 unchanged.");
    expect((await run("ls")).stdout).toMatch(/account +main +1 .*\nservice +web +1 /);
    expect((await run("set account/main user=you --if-revision 1")).code).toBe(0);
    expect((await run("set account/main user=them --if-revision 1")).code).toBe(73);
    expect((await run("inspect account/main")).stdout).toMatch(/user +"you"/);
    expect((await run("get account/main token --reveal")).stdout.trim()).toBe(SECRET);
    expect((await run("export")).stdout).toContain("ref: account/main");
    expect((await run("type ls")).stdout).toContain("account");
    expect((await run("delete account/main")).stderr).toContain("service/web");
  });

  it("makes and revokes access tokens, each good for what it says", async () => {
    const viewer = (await run("token create watcher --role viewer")).stdout.trim();
    const scoped = (await run("token create flow --role user --types account --names main")).stdout.trim();
    expect((await run("token ls")).stdout).toMatch(/flow +user +account +main.*in force\nwatcher +viewer/);
    expect((await run("get account/main user", viewer)).stdout.trim()).toBe("you");
    expect((await run("get account/main token --reveal", viewer)).code).toBe(77);
    expect((await run("get account/main token --reveal", scoped)).stdout.trim()).toBe(SECRET);
    expect((await run("ls", scoped)).stdout).not.toContain("service");
    expect((await run("inspect service/web", scoped)).code).toBe(77);
    expect((await run("set account/main user=x", scoped)).code).toBe(77);
    expect((await run("token create more --role viewer", scoped)).code).toBe(77);
    await run("token revoke watcher");
    expect((await run("ls", viewer)).stderr).toContain("does not accept the access token in ASHLAR_TOKEN (401)");
  });

  it("says of what concerns keys that the server does it, and of a server that is not there how to start one", async () => {
    for (const command of ["key ls", "key rotate", "audit verify"]) {
      const { code, stderr } = await run(command);
      expect([command, code === 0, stderr]).toEqual([
        command,
        false,
        expect.stringMatching(/server looks after its store and keys|is not sealed by Ashlar|has no keys/),
      ]);
    }
    expect((await place.run("ls", { ASHLAR_STORE: "http://127.0.0.1:9", ASHLAR_TOKEN: ADMIN })).stderr).toContain(
      'as "ashlar serve" starts it',
    );
    expect((await place.run("ls --store https://user:hunter2@host", {})).stderr).not.toContain("hunter2");
    expect(await run("init")).toMatchObject({
      code: 65,
      stderr: expect.stringContaining("A server looks after its store and keys itself"),
    });
  });

  it("is looked at by doctor: whether it answers, and what it cannot load, where the token may load it", async () => {
    expect(await run("doctor")).toMatchObject({ code: 0, stdout: expect.stringMatching(/ok +store +http.*\nok +records +2 documents/) });
    const viewer = (await run("token create onlooker --role viewer")).stdout.trim();
    expect((await run("doctor", viewer)).stdout).toMatch(/skipped +records +the login may not load secrets/);
    const { code, stdout } = await place.run("doctor", { ASHLAR_STORE: "http://127.0.0.1:9", ASHLAR_TOKEN: ADMIN });
    expect([code, stdout]).toEqual([3, expect.stringMatching(/problem +store +http.*Nothing listens/s)]);
  });

  it("printed no secret but those that were asked for", () => {
    expect(place.printed.split(SECRET).length - 1).toBe(2);
  });
});

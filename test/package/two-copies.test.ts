/** Two installed copies of Ashlar in one process, as a global command line and a project's own are: what one makes, the other knows. */
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import * as ours from "../../src/index.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ashlar-copy-"));
let theirs: typeof ours;

beforeAll(async () => {
  cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  theirs = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "src/index.ts")).href)) as typeof ours;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function makeLogin({ Block, secret }: typeof ours, name: string) {
  return class Login extends Block.define({ name, fields: { user: z.string(), token: secret() } }) {
    header(): string {
      return `${this.user}:${this.token.reveal()}`;
    }
  };
}

const Login = makeLogin(ours, "Copies Login");

describe("another installed copy of Ashlar", () => {
  beforeEach(async () => ours.useStore(await ours.openStore("memory:")));

  it("is another copy", () => {
    expect(theirs.Block).not.toBe(ours.Block);
    expect(theirs.Secret).not.toBe(ours.Secret);
    expect(theirs.AshlarError).not.toBe(ours.AshlarError);
  });

  it("has the same current store", async () => {
    expect(await theirs.currentStore()).toBe(await ours.currentStore());
    const other = await theirs.openStore("memory:");
    expect(await theirs.withStore(other, () => ours.currentStore())).toBe(other);
  });

  it("saves and loads our classes through its store, and we its classes", async () => {
    for (const [Class, store] of [
      [Login, await theirs.openStore("memory:")],
      [makeLogin(theirs, "Their Login"), await ours.openStore("memory:")],
    ] as const) {
      await new Class({ user: "me", token: "hidden" }).save("main", { store });
      expect((await Class.load("main", { store })).header()).toBe("me:hidden");
      expect((await Class.list({ store })).length).toBe(1);
    }
  });

  it("nests our class in its own, as an instance and as fields, and refers to what we saved", async () => {
    class Service extends theirs.Block.define({
      name: "Copies Service",
      fields: { login: Login as never, more: z.array(theirs.block(Login as never)) },
    }) {}
    const login = await new Login({ user: "a", token: "t1" }).save("login");
    const service = new Service({ login, more: [new Login({ user: "b", token: "t2" }), { user: "c", token: "t3" }] } as never);
    await service.save("service");

    const loaded = (await Service.load("service")) as unknown as { login: typeof login; more: (typeof login)[] };
    expect(loaded.login).toBeInstanceOf(Login);
    expect(loaded.login.document?.name).toBe("login");
    expect([loaded.login, ...loaded.more].map((each) => each.header())).toEqual(["a:t1", "b:t2", "c:t3"]);
    expect(Service.checksum).toBe(serviceOf(ours).checksum);
    expect(service.equals(loaded)).toBe(true);
    expect(JSON.stringify(loaded)).not.toMatch(/t[123]/);
  });

  it("loads by reference what we declared", async () => {
    await new Login({ user: "me", token: "hidden" }).save("main");
    const loaded = await theirs.Block.load("copies-login/main");
    expect(loaded).toBeInstanceOf(Login);
    expect(loaded.equals(await Login.load("main"))).toBe(true);
  });

  it("knows our errors and secrets", async () => {
    const error = await Login.load("none").catch((thrown: unknown) => thrown);
    expect(theirs.isAshlarError(error, "ERR_NOT_FOUND")).toBe(true);
    expect(theirs.isAshlarError(error, "ERR_EXISTS")).toBe(false);
    expect(theirs.isAshlarError(new Error("other"))).toBe(false);

    const secret = new theirs.Secret("hidden");
    expect(secret).toBeInstanceOf(ours.Secret);
    expect(new Login({ user: "me", token: secret }).token).toBe(secret);
    expect(new ours.Secret("hidden").equals(secret)).toBe(true);
    expect(new ours.Secret("other").equals(secret)).toBe(false);
  });
});

function serviceOf({ Block, block }: typeof ours) {
  return class Service extends Block.define({ name: "Copies Service", fields: { login: Login, more: z.array(block(Login)) } }) {};
}

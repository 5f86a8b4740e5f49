/** Documents in memory are checked once, and nobody can tell: what could be changed or answer differently is made anew by every load. */
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { DEFINITION } from "../src/definition.ts";
import { fromDocuments } from "../src/document.ts";
import { AshlarError, Block, bytes, openStore, Secret, type Store, secret } from "../src/index.ts";
import { generateKey, keyText } from "../src/vaults/keyring.ts";
import { temporaryFolder } from "./temporary.ts";

class Login extends Block.define({
  name: "Once Login",
  fields: { user: z.string().min(1), token: secret(), retries: z.int().default(3), note: z.string().optional() },
}) {}
class Host extends Block.define({ name: "Once Host", fields: { host: z.string(), port: z.int().default(443), login: Login } }) {}

const input = { host: "h", login: { user: "etl", token: "s3cret" } };

async function saved(store: Store): Promise<Store> {
  const login = await new Login(input.login).save("main", { store });
  await new Host({ ...input, login }).save("main", { store });
  return store;
}
const inMemory = async () => saved(await openStore("memory:"));

/** How often zod is asked while something is done, by the fields of a class as a whole. */
async function checks(cls: typeof Login | typeof Host, work: () => Promise<unknown>): Promise<number> {
  const asked = vi.spyOn(cls[DEFINITION].schema, "safeParse");
  await work();
  const count = asked.mock.calls.length;
  asked.mockRestore();
  return count;
}

describe("a document in memory", () => {
  it("is checked by the first load, and the next ones give equal instances that are others", async () => {
    const store = await inMemory();
    const loads: Host[] = [];
    const load = async () => loads.push(await Host.load("main", { store }));
    expect(await checks(Login, () => checks(Host, load))).toBe(1);
    expect(await checks(Login, load)).toBe(0);
    expect(await checks(Host, load)).toBe(0);
    const [first, second] = loads as [Host, Host];
    expect(second).toEqual(first);
    expect(second.equals(first)).toBe(true);
    expect(second.login.token.reveal()).toBe("s3cret");
    expect(Object.keys(second)).toEqual(["host", "port", "login"]);
    expect(second).not.toBe(first);
    expect(second.login).not.toBe(first.login);
    await second.login.save("copy", { store });
    expect([first.login.document?.name, second.login.document?.name]).toEqual(["main", "copy"]);
    expect(() => Object.assign(second, { port: 1 })).toThrow(TypeError);
  });

  it("is checked anew once it was written anew; who refers to it is not, and shows what is new", async () => {
    const store = await inMemory();
    await Host.load("main", { store });
    await new Login({ ...input.login, token: "rotated" }).save("main", { store, overwrite: true });
    let host: Host | undefined;
    expect(await checks(Login, async () => (host = await Host.load("main", { store })))).toBe(1);
    expect([host?.login.token.reveal(), host?.login.document?.revision]).toEqual(["rotated", 2]);
    expect(await checks(Host, () => Host.load("main", { store }))).toBe(0);
  });

  it("is checked by each class that it is loaded with", async () => {
    const store = await inMemory();
    await Login.load("main", { store });
    const Strict = class Strict extends Login.extend({ fields: { user: z.string().min(10) } }) {};
    for (let load = 0; load < 2; load++)
      await expect(Strict.load("main", { store })).rejects.toThrow(expect.objectContaining({ code: "ERR_SCHEMA" }));
    expect((await Login.load("main", { store })).user).toBe("etl");
  });

  it("is gone when it was deleted", async () => {
    const store = await inMemory();
    await Host.load("main", { store });
    await Host.delete("main", { store });
    await expect(Host.load("main", { store })).rejects.toThrow(AshlarError);
  });

  it("of another store is another one, though its record is the same", async () => {
    const [{ memoryBackend }, { memoryVault }, { sealedStore }] = await Promise.all([
      import("../src/backends/memory.ts"),
      import("../src/vaults/memory.ts"),
      import("../src/stores/sealed.ts"),
    ]);
    const backend = memoryBackend();
    const store = await saved(sealedStore({ backend, vault: memoryVault() }));
    await Login.load("main", { store });
    const other = sealedStore({ backend, vault: memoryVault() });
    await expect(Login.load("main", { store: other })).rejects.toThrow(expect.objectContaining({ code: "ERR_CANNOT_OPEN" }));
  });
});

it("a document that someone may change is checked each time", () => {
  const head = { id: "1", type: "once-login", name: "main", schema: "", revision: 1, created: "", updated: "", updatedBy: "" };
  const document = { ...head, data: { user: "etl", retries: 3 }, references: {}, secrets: { "/token": new Secret("t") } };
  expect(fromDocuments([document], Login)).toMatchObject({ user: "etl" });
  document.data.user = "other";
  expect(fromDocuments([document], Login)).toMatchObject({ user: "other" });
});

describe("what could be changed is made anew by every load", () => {
  const when = "2024-05-06T07:08:09.000Z";
  const kinds: Record<string, { fields: Record<string, z.ZodType>; input: object; change: (value: never) => void }> = {
    "a date": { fields: { it: z.date() }, input: { it: new Date(when) }, change: (value: Date) => value.setFullYear(1970) },
    bytes: { fields: { it: bytes() }, input: { it: Buffer.from("abc") }, change: (value: Uint8Array) => value.fill(0) },
    "a secret object": {
      fields: { it: secret(z.record(z.string(), z.string())) },
      input: { it: { user: "etl" } },
      change: (value: { reveal(): Record<string, string> }) => (value.reveal().user = "changed"),
    },
    "any value in a secret": {
      fields: { it: secret(z.any()) },
      input: { it: { user: "etl" } },
      change: (value: { reveal(): Record<string, string> }) => (value.reveal().user = "changed"),
    },
  };
  for (const [name, { fields, input: given, change }] of Object.entries(kinds))
    it(name, async () => {
      class Kept extends Block.define({ name: `Once ${name}`, fields }) {}
      const store = await openStore("memory:");
      const original = await new Kept(given as never).save("main", { store });
      const [first, second] = [await Kept.load("main", { store }), await Kept.load("main", { store })];
      expect(second.equals(first)).toBe(true);
      change((first as unknown as { it: never }).it);
      expect(second.equals(first)).toBe(false);
      expect(second.equals(original)).toBe(true);
      expect((await Kept.load("main", { store })).equals(original)).toBe(true);
    });
});

describe("what could answer differently is asked by every load", () => {
  let asked = 0;
  const ask = () => ++asked > 0;
  const twice = async (cls: ReturnType<typeof Block.define>, given: object, change: object = {}) => {
    const store = await openStore("memory:");
    await new (cls as never as new (given: object) => Block)(given).save("main", { store });
    const { type, name, schema, data, references, secrets } = (await store.load({ type: cls.slug, name: "main" }))[0] ?? expect.fail();
    await store.save({ type, name, schema, data: { ...data, ...change }, references, secrets }, { overwrite: true });
    asked = 0;
    const loads: unknown[] = [];
    for (let load = 0; load < 2; load++)
      loads.push(((await (cls as never as typeof Login).load("main", { store })) as unknown as { it: unknown }).it);
    return loads;
  };
  const fields: Record<string, z.ZodType> = {
    "a check of a field": z.string().refine(ask),
    "a check inside of a secret": secret(z.string().refine(ask)),
    "a check of a secret": secret().refine(ask),
    "a check below what is optional": z.string().refine(ask).optional(),
    "an overwriting check": z.string().overwrite((value) => (ask() ? value : "")),
    "a check in short": z.string().check((context) => void (ask() || context.issues.length)),
    "a codec": z.codec(z.string(), z.string(), { decode: (value) => (ask() ? value : ""), encode: (value) => value }),
    "a format of one's own": z.stringFormat("own", ask),
  };
  for (const [name, it_] of Object.entries(fields))
    it(name, async () => {
      const cls = class extends Block.define({ name: `Once asked ${name}`, title: "Asked", fields: { it: it_ } }) {};
      await twice(cls as never, { it: "x" });
      expect(asked).toBeGreaterThanOrEqual(2);
    });

  it("the check of a block inside", async () => {
    class Inner extends Block.define({ name: "Once inner", fields: { a: z.string() }, check: () => void ask() }) {}
    class Outer extends Block.define({ name: "Once outer", fields: { inner: Inner } }) {}
    const store = await openStore("memory:");
    await new Outer({ inner: await new Inner({ a: "x" }).save("main", { store }) }).save("main", { store });
    asked = 0;
    for (let load = 0; load < 2; load++) await Outer.load("main", { store });
    expect(asked).toBe(2);
  });

  it("the check of a class", async () => {
    const cls = class extends Block.define({
      name: "Once class check",
      title: "C",
      fields: { it: z.string() },
      check: () => void ask(),
    }) {};
    await twice(cls as never, { it: "x" });
    expect(asked).toBe(2);
  });

  it("a function that makes what is not there", async () => {
    let made = 0;
    const cls = class extends Block.define({
      name: "Once made",
      title: "M",
      fields: { it: z.string().prefault(() => `made ${++made}`), other: z.string().optional() },
    }) {};
    const [first, second] = await twice(cls as never, { it: "given" }, { it: null });
    expect(first).toMatch(/^made \d+$/);
    expect(second).not.toBe(first);
  });
});

it("a sealed store opens and checks its documents for every load", async () => {
  const url = `sqlite:${join(temporaryFolder(), "once.db")}`;
  const store = await saved(await openStore(url, { create: true, keys: [keyText(generateKey())] }));
  expect(await checks(Login, () => Host.load("main", { store }))).toBe(1);
  expect(await checks(Login, () => Host.load("main", { store }))).toBe(1);
  const [one, two] = [await store.load({ type: "once-login", name: "main" }), await store.load({ type: "once-login", name: "main" })];
  expect(one[0]?.secrets["/token"]).not.toBe(two[0]?.secrets["/token"]);
  await store.close();
});

/** Declaring, building, changing and comparing blocks; saving and loading them in a store of memory. */
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { Block, block, openStore, Secret, secret, useStore } from "../src/index.ts";

class Credentials extends Block.define({
  name: "Test Credentials",
  description: "Credentials of a test.",
  fields: { accountName: z.string(), token: secret(), note: z.string().optional() },
}) {
  header(): string {
    return `Bearer ${this.token.reveal()}`;
  }
}

class Service extends Block.define({
  name: "Test Service",
  fields: { host: z.string(), port: z.int().default(443), credentials: Credentials },
}) {
  url(): string {
    return `https://${this.host}:${this.port}`;
  }
}

const service = () => new Service({ host: "example.invalid", credentials: { accountName: "me", token: "s3cret-value" } });

beforeEach(async () => useStore(await openStore("memory:")));

describe("an instance", () => {
  it("has zod's output types, defaults and methods", () => {
    expect(service().port).toBe(443);
    expect(service().url()).toBe("https://example.invalid:443");
    expect(service().credentials).toBeInstanceOf(Credentials);
    expect(service().credentials.header()).toBe("Bearer s3cret-value");
  });

  it("takes a nested block as an instance, and a secret as a Secret", () => {
    const credentials = new Credentials({ accountName: "me", token: new Secret("t") });
    expect(new Service({ host: "h", credentials }).credentials).toBe(credentials);
  });

  it("refuses a mask in place of a secret", () => {
    expect(() => new Credentials(JSON.parse(JSON.stringify(service().credentials)))).toThrow(/token: this is the mask of a secret/);
    expect(new Credentials({ accountName: "me", token: new Secret("********") }).token.reveal()).toBe("********");
  });

  it("is read-only, also below the top", () => {
    class Lists extends Block.define({ name: "Lists", fields: { hosts: z.array(z.object({ name: z.string() })) } }) {}
    const lists = new Lists({ hosts: [{ name: "a" }] });
    expect(() => Object.assign(lists, { hosts: [] })).toThrow(TypeError);
    expect(() => Object.assign(lists.hosts[0] ?? {}, { name: "b" })).toThrow(TypeError);
  });

  it("names all that does not fit at once, with the nearest field, and no value", () => {
    const input = { host: 5, credentials: { acountName: "leak-1", token: 7 }, prot: "leak-2" } as never;
    expect(() => new Service(input)).toThrowErrorMatchingInlineSnapshot(`
      [AshlarError: The fields of Service do not fit:
        host: expected string, got number
        credentials.accountName: is missing (string)
        credentials.token: expected string, got number
        credentials.acountName: is no field; did you mean accountName?
        prot: is no field; did you mean port?]
    `);
  });
});

describe("with and equals", () => {
  it("make a changed copy that knows its document", async () => {
    const saved = await service().save("one");
    const copy = saved.with({ port: 8443 });
    expect(copy.port).toBe(8443);
    expect(copy.credentials).toBe(saved.credentials);
    expect(copy.document).toEqual({ ...saved.document, changed: true });
    expect(saved.document?.changed).toBe(false);
    expect(copy.equals(saved)).toBe(false);
    expect(copy.with({ port: 443 }).equals(saved)).toBe(true);
  });

  it("see a secret's change, which deep equality does not", () => {
    const one = service();
    const other = one.with({ credentials: one.credentials.with({ token: "another" }) });
    expect(one.equals(other)).toBe(false);
    expect(one.equals(service())).toBe(true);
  });

  it("unset an optional field by undefined", () => {
    const noted = service().credentials.with({ note: "n" });
    expect("note" in noted.with({ note: undefined })).toBe(false);
  });
});

describe("save and load", () => {
  it("give back what was saved, of its class", async () => {
    await service().save("one");
    const loaded = await Service.load("one");
    expect(loaded).toBeInstanceOf(Service);
    expect(loaded.equals(service())).toBe(true);
    expect(loaded.document).toMatchObject({ type: "test-service", name: "one", revision: 1, changed: false });
    expect((await Block.load("test-service/one")).equals(loaded)).toBe(true);
  });

  it("keep an unsaved nested block inside, and a saved one as a reference", async () => {
    await service().save("inline");
    expect((await Service.list())[0]).toMatchObject({
      references: {},
      data: { credentials: { account_name: "me", block_type_slug: "test-credentials" } },
    });
    const credentials = await service().credentials.save("creds");
    await new Service({ host: "h", credentials }).save("referring");
    await credentials.with({ token: "rotated" }).save(undefined, { overwrite: true });
    expect((await Service.load("referring")).credentials.header()).toBe("Bearer rotated");
  });

  it("refuse a taken name, a lost race, and a changed child", async () => {
    const saved = await service().save("one");
    await expect(service().save("one")).rejects.toMatchObject({ code: "ERR_EXISTS" });
    await saved.with({ port: 1 }).save("one", { ifRevision: 1 });
    await expect(saved.with({ port: 2 }).save("one", { ifRevision: 1 })).rejects.toMatchObject({
      code: "ERR_CONFLICT",
      details: { expected: 1, actual: 2 },
    });
    const credentials = await service().credentials.save("creds");
    const changed = new Service({ host: "h", credentials: credentials.with({ note: "new" }) });
    await expect(changed.save("two")).rejects.toMatchObject({ code: "ERR_CHANGED_CHILD", details: { path: "credentials" } });
  });

  it("name a changed child as the program does", async () => {
    class Pair extends Block.define({ name: "Pair", fields: { mainCredentials: Credentials, others: z.array(block(Credentials)) } }) {}
    const saved = await service().credentials.save("creds");
    const changed = saved.with({ note: "new" });
    const save = (pair: Pair) => pair.save("pair");
    await expect(save(new Pair({ mainCredentials: changed, others: [] }))).rejects.toThrow('await block.mainCredentials.save("creds"');
    await expect(save(new Pair({ mainCredentials: saved, others: [changed] }))).rejects.toThrow("await block.others[0].save");
  });

  it("refuse to delete what is referred to, unless told to cascade", async () => {
    const credentials = await service().credentials.save("creds");
    await new Service({ host: "h", credentials }).save("referring");
    await expect(Credentials.delete("creds")).rejects.toMatchObject({
      code: "ERR_REFERENCED",
      details: { documents: ["test-service/referring"] },
    });
    expect((await Credentials.delete("creds", { cascade: true })).map(({ name }) => name)).toEqual(["creds", "referring"]);
    expect(await Service.exists("referring")).toBe(false);
  });

  it("choose the class of a union by the slug that was stored", async () => {
    class A extends Block.define({ name: "A", fields: { value: z.string() } }) {}
    class B extends Block.define({ name: "B", fields: { value: z.string() } }) {}
    class Either extends Block.define({ name: "Either", fields: { one: z.union([block(A), block(B)]) } }) {}
    await new Either({ one: new B({ value: "v" }) }).save("e");
    expect((await Either.load("e")).one).toBeInstanceOf(B);
    expect(new Either({ one: { value: "v", blockTypeSlug: "b" } }).one).toBeInstanceOf(B);
  });
});

describe("a document without a name of its own", () => {
  it("gets one, is loaded by it or by its id, and is left out of lists", async () => {
    const saved = await service().save(undefined, { anonymous: true });
    const { id = "", name = "" } = saved.document ?? {};
    expect(name).toMatch(/^anonymous-[0-9a-f-]{36}$/);
    for (const key of [name, { id }]) expect((await Service.load(key)).equals(saved)).toBe(true);
    expect((await Block.load({ id })).equals(saved)).toBe(true);
    expect([await Service.names(), await Service.list()]).toEqual([[], []]);
    await saved.with({ host: "other" }).save(undefined, { ifRevision: 1 });
    expect([(await Service.load({ id })).host, await Service.names()]).toEqual(["other", []]);
  });

  it("is refused by another class, and an id that is none by all", async () => {
    const { document } = await service().save("main");
    await expect(Credentials.load({ id: document?.id ?? "" })).rejects.toMatchObject({
      code: "ERR_SCHEMA",
      message: "The document test-service/main is of type test-service; Credentials loads type test-credentials.",
    });
    for (const id of ["main", "", undefined as never]) {
      await expect(Service.load({ id })).rejects.toMatchObject({ code: "ERR_INVALID" });
      await expect(Block.load({ id })).rejects.toMatchObject({ code: "ERR_INVALID" });
    }
    await expect(Service.load(null as never)).rejects.toMatchObject({ code: "ERR_INVALID" });
  });
});

describe("inline", () => {
  class Several extends Block.define({ name: "Several", fields: { first: Credentials, more: z.array(block(Credentials)) } }) {}
  const saved = () => new Credentials({ accountName: "me", token: "t" }).save("main", { overwrite: true });

  it("stores copies of saved blocks below the top level, and still refers at it", async () => {
    const credentials = await saved();
    const several = new Several({ first: credentials, more: [credentials.with({ note: "changed" })] });
    await expect(several.save("s")).rejects.toMatchObject({ code: "ERR_CHANGED_CHILD" });
    await several.save("s", { inline: true });
    await credentials.with({ token: "rotated" }).save(undefined, { overwrite: true });
    const loaded = await Several.load("s");
    expect([loaded.first.token.reveal(), loaded.more[0]?.token.reveal(), loaded.more[0]?.note]).toEqual(["rotated", "t", "changed"]);
    expect([loaded.first.document?.name, loaded.more[0]?.document]).toEqual(["main", null]);
  });
});

describe("registering", () => {
  it("makes a class and all its nested classes known, once", async () => {
    const store = await openStore("memory:");
    const results = await Service.register({ store });
    expect(results.map(({ type, change, newSchema }) => [type, change, newSchema])).toEqual([
      ["test-credentials", "created", true],
      ["test-service", "created", true],
    ]);
    expect((await Service.register({ store })).every(({ change, newSchema }) => change === "unchanged" && !newSchema)).toBe(true);
    expect(await store.schema({ type: "test-service" })).toMatchObject({ checksum: Service.checksum, version: "non-versioned" });
  });

  it("changes an existing type's metadata only when told to", async () => {
    class Described extends Block.define({ name: "Test Service", description: "New words.", fields: { host: z.string() } }) {}
    const store = await openStore("memory:");
    await Service.register({ store });
    expect((await Described.register({ store }))[0]).toMatchObject({ change: "unchanged", newSchema: true });
    expect((await Described.register({ store, update: true }))[0]).toMatchObject({ change: "updated", newSchema: false });
    expect((await store.types()).map(({ description }) => description)).toContain("New words.");
  });

  it("lists a secret also under its own key, and every whole object, which Prefect forgets", async () => {
    class Keyed extends Block.define({
      name: "Keyed",
      fields: { realName: secret().meta({ key: "an_alias" }), headers: secret(z.record(z.string(), z.string())).optional() },
    }) {}
    const store = await openStore("memory:");
    await Keyed.register({ store });
    const text = (await store.schema({ type: "keyed" }))?.fields ?? "";
    expect(JSON.parse(text).secret_fields).toEqual(["real_name", "headers", "an_alias", "headers.*"]);
    expect(Keyed.schema().secret_fields).toEqual(["real_name", "headers"]);
  });
});

it("a block without fields still has its methods", () => {
  class Empty extends Block.define({ name: "Empty", fields: {} }) {
    greeting(): string {
      return "hello";
    }
  }
  expect(new Empty({}).greeting()).toBe("hello");
});

describe("a document of another version of its class", () => {
  const before = z.object({ a: z.string() }).meta({ id: "Aged" });
  class Inner extends Block.define({ name: "Aged Inner", title: "Inner", fields: { kept: z.string(), gone: z.string().optional() } }) {}
  class InnerNow extends Block.define({ name: "Aged Inner", title: "Inner", fields: { kept: z.string() } }) {}
  const fields = { kept: z.string(), secretGone: secret().optional(), model: before };
  class Aged extends Block.define({ name: "Aged", title: "Aged", fields: { ...fields, list: z.array(block(Inner)) } }) {}
  class AgedNow extends Block.define({
    name: "Aged",
    title: "Aged",
    fields: { kept: z.string(), model: before, list: z.array(block(InnerNow)) },
  }) {}

  it("loads without the fields that the class has no longer, in nested blocks, too", async () => {
    await new Aged({ kept: "k", secretGone: "s", model: { a: "m" }, list: [{ kept: "inner", gone: "g" }] }).save("aged");
    const now = await AgedNow.load("aged");
    expect(now.equals(new AgedNow({ kept: "k", model: { a: "m" }, list: [{ kept: "inner" }] }))).toBe(true);
  });

  it("says what does not fit beside them, and both checksums", async () => {
    class Stricter extends Block.define({ name: "Aged", title: "Aged", fields: { kept: z.string(), added: z.int() } }) {}
    await new Aged({ kept: "k", model: { a: "m" }, list: [] }).save("aged");
    const error: unknown = await Stricter.load("aged").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "ERR_SCHEMA", details: { documentSchema: Aged.checksum, classSchema: Stricter.checksum } });
    expect((error as Error).message).toMatch(/added: is missing/);
  });
});

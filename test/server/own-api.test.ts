/** Our own API over real sockets: what is saved on which condition, what becomes of secrets, how refusals are told, and what the audit log says. */
import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { AccessToken } from "../../src/access-token.ts";
import { API_PATH, type ApiRefusal, type OpenedDocument, type OpenedItem } from "../../src/api/shapes.ts";
import { AshlarError } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";
import type { Settings } from "../../src/server/context.ts";
import { ownRoutes } from "../../src/server/own-routes.ts";
import type { MaskedDocument, Reference, StoredSchema } from "../../src/stores/store.ts";
import { at, over, part, partSchema, register, revealed } from "../../src/testing/store-subject.ts";
import { type Answered, type Client, type Serving, serving } from "./serving.ts";

/** What any body may hold. */
type Body = ApiRefusal &
  MaskedDocument &
  Pick<StoredSchema, "fields"> & {
    readonly documents: readonly OpenedDocument[];
    readonly items: readonly OpenedItem[];
    readonly deleted: readonly Reference[];
    readonly description: string;
    readonly text: string;
    readonly token: AccessToken;
  };
type Told = Omit<Answered, "body"> & { readonly body: Body };

const ONE = "/documents/part/one";
const CANARY = "canary-c0ffee of one";
const { checksum: schema } = partSchema();
let server: Serving;
let admin: Client;
let editor: Client;

async function start(settings: Partial<Settings> = {}): Promise<void> {
  server = await serving({ routes: ownRoutes, settings });
  await register(server.store);
  [admin, editor] = [await server.client("admin"), await server.client("editor")];
}
beforeEach(() => start());

const call = (client: Client, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  client.ask(method, `/${API_PATH}${path}`, body, headers) as Promise<Told>;
const put = (client: Client, body: object, headers: Record<string, string> = { "if-none-match": "*" }, path = ONE) =>
  call(client, "PUT", path, { schema, data: {}, ...body }, headers);
const error = ({ status, body }: Told) => [status, body?.error?.code];
const pointers = ({ body }: Told) => body.error.issues?.map(({ pointer }) => pointer);
const secretsOf = async (name = "one") => revealed((await server.store.load(at(name)))[0] as never);
const last = () => server.audit.entries.at(-1);

describe("a document", () => {
  it("is saved on a condition, which has to be given", async () => {
    expect(error(await put(admin, {}, {}))).toEqual([428, "ERR_INVALID"]);
    const made = await put(admin, { data: { text: "a" } });
    expect([made.status, made.headers.get("etag"), made.body.revision]).toEqual([201, '"1"', 1]);
    expect(error(await put(admin, {}))).toEqual([409, "ERR_EXISTS"]);
    const second = await put(admin, { data: { text: "b" } }, { "if-match": '"1"' });
    expect([second.status, second.headers.get("etag")]).toEqual([200, '"2"']);
    const late = await put(admin, {}, { "if-match": '"1"' });
    expect([...error(late), late.body.error.expected, late.body.error.actual]).toEqual([412, "ERR_CONFLICT", 1, 2]);
    expect((await put(admin, {}, {}, `${ONE}?overwrite=true`)).status).toBe(200);
    for (const tag of ["1", "*", 'W/"3"', '"3", "4"', '"-1"', '""'])
      expect(error(await put(admin, {}, { "if-match": tag }))).toEqual([400, "ERR_INVALID"]);
    expect((await call(admin, "GET", ONE)).body.revision).toBe(3);
  });

  it("is read with its tag, and not sent again to who has it", async () => {
    await server.store.save(part("one"));
    const read = await call(admin, "GET", ONE);
    expect(read.body).toEqual(await server.store.inspect(at("one")));
    const same = await call(admin, "GET", ONE, undefined, { "if-none-match": read.headers.get("etag") ?? "" });
    expect([same.status, same.text]).toEqual([304, ""]);
    expect((await call(admin, "GET", `/documents/${read.body.id}`)).body).toEqual(read.body);
  });

  it("says who wrote it: the token's name", async () => {
    const { body } = await put(admin, {});
    expect(body.updatedBy).toBe((await call(admin, "GET", "/me")).body.name);
  });

  it("refers to others by id, or by type and name; a reference stays a reference", async () => {
    const child = await server.store.save(part("child"));
    const references = { "/a": { id: child.id, type: "a lie", name: "of the client" }, "/b": { type: "part", name: "child" } };
    const { body } = await put(admin, { references });
    const to = { id: child.id, type: "part", name: "child" };
    expect(body.references).toEqual({ "/a": to, "/b": to });
    expect((await call(admin, "GET", ONE)).body.references).toEqual({ "/a": to, "/b": to });
    const gone = await put(admin, { references: { "/a": { type: "part", name: "gone" } } }, {}, `${ONE}?overwrite=true`);
    expect([...error(gone), gone.body.error.path]).toEqual([422, "ERR_BROKEN_REFERENCE", "/a"]);
    expect(error(await put(admin, { references: { "/a": { id: randomUUID(), type: "x", name: "y" } } }, { "if-match": '"1"' }))).toEqual([
      422,
      "ERR_BROKEN_REFERENCE",
    ]);
  });

  it("is deleted, at a revision, and with those that refer to it", async () => {
    const child = await server.store.save(part("child"));
    const parent = await server.store.save(over("parent", child));
    const used = await call(admin, "DELETE", "/documents/part/child");
    expect([...error(used), used.body.error.documents]).toEqual([409, "ERR_REFERENCED", ["part/parent"]]);
    expect(error(await call(admin, "DELETE", `/documents/${parent.id}`, undefined, { "if-match": '"7"' }))).toEqual([412, "ERR_CONFLICT"]);
    const gone = await call(admin, "DELETE", `/documents/${child.id}?cascade=true`);
    expect(gone.body.deleted.map(({ name }) => name).sort()).toEqual(["child", "parent"]);
    expect(last()).toMatchObject({ what: "delete", of: "part/child", outcome: "done", deleted: ["part/parent"] });
    expect(error(await call(admin, "DELETE", "/documents/part/child"))).toEqual([404, "ERR_NOT_FOUND"]);
  });
});

describe("a secret", () => {
  beforeEach(async () => {
    await server.store.save(
      part("one", { data: { text: "t" }, secrets: { "/token": CANARY, "/a": "a", "/list/0": "first", "/list/1": "second" } }),
    );
  });

  it("is set, kept, replaced, cleared: what is not named is cleared", async () => {
    const secrets = { "/token": { keep: true }, "/a": { set: "new" }, "/b": { set: { deep: ["b"] } }, "/list/0": { clear: true } };
    const before = (await call(editor, "GET", ONE)).body.secrets;
    const saved = await put(editor, { secrets }, { "if-match": '"1"' });
    expect(Object.keys(saved.body.secrets)).toEqual(["/token", "/a", "/b"]);
    expect(saved.body.secrets["/token"]).toEqual(before["/token"]);
    expect(await secretsOf()).toEqual({ "/token": CANARY, "/a": "new", "/b": { deep: ["b"] } });
    expect(last()?.secrets).toEqual({ set: ["/a", "/b"], kept: ["/token"], cleared: ["/list/0", "/list/1"] });
  });

  it("is kept in another place, as when the items of a list change their order", async () => {
    const secrets = { "/list/0": { keep: "/list/1" }, "/list/1": { keep: "/list/0" } };
    await put(admin, { data: { list: [null, null] }, secrets }, { "if-match": '"1"' });
    expect(await secretsOf()).toEqual({ "/list/0": "second", "/list/1": "first" });
  });

  it("that is kept is that of the revision which is replaced", async () => {
    await server.store.save(part("one", { secrets: { "/token": "newer" } }), { overwrite: true });
    for (const revision of [1, 3])
      expect(error(await put(editor, { secrets: { "/token": { keep: true } } }, { "if-match": `"${revision}"` }))).toEqual([
        412,
        "ERR_CONFLICT",
      ]);
    await put(editor, { secrets: { "/token": { keep: true } } }, { "if-match": '"2"' });
    expect(await secretsOf()).toEqual({ "/token": "newer" });
  });

  it("can be any text, eight asterisks too, and any JSON", async () => {
    const values: Json[] = ["********", "", null, 0, { keep: true }, ["********"]];
    for (const set of values) {
      await put(editor, { secrets: { "/token": { set } } }, {}, `${ONE}?overwrite=true`);
      expect(await secretsOf()).toEqual({ "/token": set });
    }
  });

  it("that is not stored cannot be kept, nor stand in the data; all that does not fit is told at once, by pointer, without a value", async () => {
    const body = {
      data: { token: CANARY, a: null, host: 12345678901234567890n.toString(), big: 1 },
      secrets: { "/token": { keep: true }, "/gone": { keep: true }, "/b": { keep: "/nowhere" }, "/a": { set: CANARY } },
      references: { "/token": { type: "part", name: "one" }, "/a/b/c": { type: "part", name: "one" } },
    };
    const refused = await put(editor, body, { "if-match": '"1"' });
    expect(error(refused)).toEqual([422, "ERR_INVALID"]);
    expect(pointers(refused)).toEqual([
      "/secrets/~1gone/keep",
      "/secrets/~1b/keep",
      "/references/~1token",
      "/data/token",
      "/references/~1a~1b~1c",
    ]);
    expect(refused.text).not.toContain("canary");
    const wrong = {
      schema: 5,
      data: [],
      more: 1,
      secrets: { token: { set: 1 }, "/a": { set: 1, keep: true }, "/b": { keep: "x" }, "/c": CANARY },
      references: { "/d": {} },
    };
    const shapes = await call(editor, "PUT", ONE, wrong, { "if-match": '"1"' });
    expect(pointers(shapes)?.sort()).toEqual(
      ["/data", "/more", "/references/~1d", "/schema", "/secrets/token", "/secrets/~1a", "/secrets/~1b", "/secrets/~1c"].sort(),
    );
    expect(shapes.text).not.toContain("canary");
    expect(await secretsOf()).toMatchObject({ "/token": CANARY });
  });

  it("is shown as set and when it changed, at every depth, whoever asks", async () => {
    for (const client of [admin, editor, await server.client("viewer")])
      for (const path of [ONE, "/documents", "/documents?type=part&limit=1"]) {
        const { text } = await call(client, "GET", path);
        expect(text).toContain('"/token":{"changed":"2');
        expect(text).not.toMatch(/canary|first|second|\*/);
      }
  });

  it("goes out only where it is asked for, by who may have it, and then the audit log says so", async () => {
    const user = await server.client("user");
    const { body } = await call(user, "GET", "/secrets/part/one");
    expect(body.documents[0]?.secrets).toEqual({
      ...{ "/token": { value: CANARY }, "/a": { value: "a" }, "/list/0": { value: "first" }, "/list/1": { value: "second" } },
    });
    expect(last()).toMatchObject({
      what: "load",
      of: "part/one",
      outcome: "done",
      revision: 1,
      revealed: { "part/one": ["/token", "/a", "/list/0", "/list/1"] },
    });
    expect(JSON.stringify(server.audit.entries)).not.toMatch(/canary|first|second/);
    const count = server.audit.entries.length;
    for (const client of [editor, await server.client("viewer")])
      for (const path of ["/secrets/part/one", `/secrets/${body.documents[0]?.id}`, "/secrets"])
        expect((await call(client, "GET", path)).status).toBe(403);
    await call(user, "GET", ONE);
    expect(server.audit.entries.length).toBe(count);
  });

  it("goes out in pages, each document once, with all that it refers to; what cannot be opened stands there with its error", async () => {
    const one = await server.store.inspect(at("one"));
    const parents = [await server.store.save(over("p1", one)), await server.store.save(over("p2", one))];
    const { body } = await call(admin, "GET", "/secrets?after=part/one");
    expect(body.items.map(({ name, documents }) => [name, documents])).toEqual([
      ["p1", [parents[0]?.id, one.id]],
      ["p2", [parents[1]?.id, one.id]],
    ]);
    expect(body.documents.map(({ name }) => name)).toEqual(["p1", "one", "p2"]);
    expect(Object.keys(last()?.revealed ?? {})).toEqual(["part/p1", "part/one", "part/p2"]);
    for (const query of ["limit=0", "limit=1001", "limit=x", "after=one", "after=a/b/c", "anonymous=maybe"])
      expect(error(await call(admin, "GET", `/secrets?${query}`))).toEqual([422, "ERR_INVALID"]);
  });
});

describe("a secret stays one", () => {
  const save = (client: Client, body: object) => put(client, { data: { text: "other" }, ...body }, {}, `${ONE}?overwrite=true`);
  beforeEach(async () => {
    const child = await server.store.save(part("child"));
    await server.store.save({ ...over("one", child), data: { text: "t", child: null, token: null } });
  });
  const keep = { secrets: { "/token": { keep: true } } };

  it("who may not load it cannot make its place readable; who may can, and the audit log says so", async () => {
    const refused = await save(editor, { data: { token: "now readable" } });
    expect([...error(refused), refused.body.error.path]).toEqual([403, "ERR_DENIED", "/token"]);
    expect(last()).toMatchObject({ what: "save", of: "part/one", outcome: "ERR_DENIED" });
    expect((await save(admin, { data: { token: "now readable" } })).status).toBe(200);
    expect(last()).toMatchObject({ freed: ["/token"], secrets: { set: [], kept: [], cleared: ["/token"] } });
  });

  it("another value beside one that is kept, here or in a document referred to, is in the audit log", async () => {
    expect((await save(editor, keep)).status).toBe(200);
    expect(last()?.redirects).toEqual({ kept: ["/token"], changed: ["/text", "/child"] });
    const references = { "/child": { type: "part", name: "child" } };
    await save(editor, { references, secrets: { "/token": { set: "new" } } });
    expect(last()?.redirects).toEqual({ kept: ["/child"], changed: ["/child"] });
    await save(editor, { references, data: { text: "once more" }, secrets: {} });
    expect(last()?.redirects).toEqual({ kept: ["/child"], changed: ["/text"] });
    await save(editor, { references, data: { text: "once more" }, secrets: {} });
    expect(last()).not.toHaveProperty("redirects");
    await save(editor, { data: { text: "no secrets any more" } });
    expect(last()).not.toHaveProperty("redirects");
  });

  it("and refused where the server is told to guard them, unless the caller may load them or gives them anew", async () => {
    await start({ guardKept: true });
    await server.store.save(part("one", { data: { list: ["x"] }, secrets: { "/token": CANARY, "/list/1": "second" } }));
    const refused = await save(editor, keep);
    expect(error(refused)).toEqual([403, "ERR_DENIED"]);
    expect(refused.body.error.message).toMatch(/\/text.*\/token/);
    const moved = { data: { list: ["x", null] }, secrets: { "/token": { keep: true }, "/a": { keep: "/list/1" } } };
    expect(error(await save(editor, moved))).toEqual([403, "ERR_DENIED"]);
    expect(await secretsOf()).toEqual({ "/token": CANARY, "/list/1": "second" });
    expect((await save(editor, { data: { list: ["x"] }, secrets: { "/token": { keep: true } } })).status).toBe(200);
    expect((await save(editor, { secrets: { "/token": { set: "mine" } } })).status).toBe(200);
    expect((await save(await server.client(["editor", "user"]), keep)).status).toBe(200);
  });
});

describe("types and schemas", () => {
  const about = { name: "New", description: "d", logoUrl: null, documentationUrl: null, codeExample: null };

  it("are made, changed when that is asked for, and deleted; nothing is logged where nothing changes", async () => {
    expect((await call(editor, "PUT", "/types/new", about)).status).toBe(201);
    const count = server.audit.entries.length;
    expect((await call(editor, "PUT", "/types/new", { ...about, description: "e" })).body).toMatchObject({
      change: "unchanged",
      type: { description: "d" },
    });
    expect((await call(editor, "POST", "/schemas", partSchema())).body.created).toBe(false);
    expect(server.audit.entries.length).toBe(count);
    expect((await call(editor, "PUT", "/types/new?update=true", { ...about, description: "e" })).body).toMatchObject({ change: "updated" });
    expect((await call(editor, "GET", "/types/new")).body.description).toBe("e");
    expect((await call(editor, "DELETE", "/types/new")).body).toEqual({ deleted: [] });
    expect(error(await call(editor, "GET", "/types/new"))).toEqual([404, "ERR_NOT_FOUND"]);
    expect(server.audit.entries.map(({ what }) => what)).toEqual(["save type", "save type", "delete type"]);
  });

  it("of the system are made by admins only", async () => {
    expect(error(await call(editor, "PUT", "/types/new", { ...about, protected: true }))).toEqual([403, "ERR_DENIED"]);
    expect((await call(admin, "PUT", "/types/new", { ...about, protected: true })).status).toBe(201);
    expect(error(await call(admin, "DELETE", "/types/new"))).toEqual([403, "ERR_PROTECTED"]);
  });

  it("keep the form of their numbers, and have the checksum that they say", async () => {
    const given = partSchema("7");
    expect(given.fields).toContain("1.0");
    expect((await call(editor, "POST", "/schemas", given)).status).toBe(201);
    const { body } = await call(editor, "GET", `/types/part/schema?checksum=${encodeURIComponent(given.checksum)}`);
    expect(body.fields).toBe(given.fields);
    for (const wrong of [
      { ...given, fields: given.fields.replace("1.0", "1") },
      { ...given, fields: "[" },
      { ...given, fields: "5" },
    ])
      expect(pointers(await call(editor, "POST", "/schemas", wrong))?.[0]).toMatch(/^\/(fields|checksum)$/);
  });
});

describe("access tokens", () => {
  it("are made, listed and revoked by admins, and count at once", async () => {
    const body = { name: "ci", roles: ["viewer"], types: ["part"], names: null, expires: null };
    const made = await call(admin, "POST", "/tokens", body);
    expect(made.status).toBe(201);
    expect(last()).toMatchObject({ what: "create token", of: "ci", grant: { roles: ["viewer"], types: ["part"] } });
    const ci = server.stranger(`Bearer ${made.body.text}`);
    expect((await call(ci, "GET", "/me")).body).toEqual({ name: "ci", rights: ["see"], token: made.body.token });
    expect((await call(admin, "GET", "/tokens")).text).not.toContain(made.body.text.slice(13, 40));
    expect((await call(admin, "DELETE", "/tokens/ci")).body.token.revoked).not.toBeNull();
    expect((await call(ci, "GET", "/me")).status).toBe(401);
    expect(JSON.stringify(server.audit.entries)).not.toContain("ashlartoken1_");
  });

  it("that cannot be are told by pointer; a name that is taken, and one that is none", async () => {
    const wrong = await call(admin, "POST", "/tokens", { name: "Ci", roles: ["root"], expires: "tomorrow" });
    expect(pointers(wrong)).toEqual(["/name", "/roles", "/expires"]);
    const me = (await call(admin, "GET", "/me")).body.name;
    expect(error(await call(admin, "POST", "/tokens", { name: me, roles: ["viewer"] }))).toEqual([409, "ERR_EXISTS"]);
    expect(error(await call(admin, "DELETE", "/tokens/none"))).toEqual([404, "ERR_NOT_FOUND"]);
  });
});

describe("a refusal", () => {
  it("tells no path of the server, no key file, no stack", async () => {
    const url = server.store.url;
    const { message } = (await call(admin, "GET", "/documents/part/none")).body.error;
    expect(message).toContain("There is no document part/none in the store.");
    expect(message).not.toContain(url);
    for (const [code, status] of [
      ["ERR_UNREACHABLE", 503],
      ["ERR_NO_KEY", 500],
      ["ERR_UNKNOWN_KEY", 500],
      ["ERR_OUTCOME_UNKNOWN", 504],
      ["ERR_MISSING_PACKAGE", 500],
    ] as const) {
      const failing = { ...server.store, load: () => Promise.reject(new AshlarError(code, "in /someone/keys")) };
      const other = await serving({ store: Object.assign(Object.create(server.store), failing), routes: ownRoutes });
      const refused = await call(await other.client("admin"), "GET", "/secrets/part/one");
      expect(error(refused)).toEqual([status, code]);
      expect(refused.text).not.toMatch(/someone|\.ts/);
      expect(refused.body.error.request).toBe(refused.headers.get("x-request-id"));
      expect(other.log.join()).toContain("in /someone/keys");
    }
  });

  it("of a body that is none says where", async () => {
    for (const [body, pointer] of [
      ["{", "/0"],
      ['{"data":{"a":1,"a":2}}', "/data/a"],
      ['{"data":{"a":9007199254740993}}', "/data/a"],
    ] as const) {
      const refused = await call(admin, "PUT", ONE, body, { "if-none-match": "*" });
      expect(error(refused)).toEqual([422, "ERR_INVALID"]);
      expect(pointers(refused)).toContain(pointer);
    }
    expect(
      error(await call(admin, "PUT", ONE, JSON.stringify({ data: { a: "x".repeat(1024 * 1024) } }), { "if-none-match": "*" })),
    ).toEqual([413, "ERR_LIMIT"]);
  });

  it("of the audit log: nothing is revealed, and nothing changed, with a code that no client repeats", async () => {
    await server.store.save(part("one"));
    server.audit.fail = new AshlarError("ERR_UNREACHABLE", "the disk is full: /someone/audit.jsonl");
    for (const [method, path, body] of [
      ["GET", "/secrets/part/one", undefined],
      ["GET", "/secrets", undefined],
      ["PUT", ONE, { schema, data: {} }],
      ["DELETE", ONE, undefined],
      ["PUT", "/types/new", { name: "New" }],
      ["DELETE", "/types/part", undefined],
      ["POST", "/tokens", { name: "new", roles: ["viewer"] }],
    ] as const) {
      const refused = await call(admin, method, path, body, { "if-none-match": "*" });
      expect([path, refused.status]).toEqual([path, 500]);
      expect(refused.text).not.toMatch(/canary|someone/);
    }
    expect((await server.store.inspect(at("one"))).revision).toBe(1);
    expect([(await server.store.types()).length, await server.store.type({ slug: "new" })]).toEqual([1, null]);
    expect((await server.store.accessTokens?.list())?.some(({ name }) => name === "new")).toBe(false);
    expect(server.log.join()).toContain("/someone/audit.jsonl");
  });
});

/** What Prefect's server shows or loses, and this one does not. */
import { describe, expect, test } from "vitest";
import { serving } from "./serving.ts";
import { type Body, idOf, makeSchema, makeType, PART_FIELDS, subject } from "./subject.ts";

const MASK = "********";
const S = "s3cr3t";

async function ready(settings = {}) {
  const server = await serving({ settings });
  const client = await server.client("admin");
  return { server, client, ...(await subject(client)) };
}

/** Documents of one schema: what is sent, and what is shown of it. */
async function shown(fields: object, data: object) {
  const { server, client } = await ready();
  const type = await makeType(client, "one");
  const schema = await makeSchema(client, type, { type: "object", block_type_slug: "one", ...fields });
  const made = await client.post("/block_documents/", { name: "x", data, block_schema_id: schema, block_type_id: type });
  const id = idOf(made);
  expect((await client.get(`/block_documents/${id}?include_secrets=true`)).body).toMatchObject({ data });
  const masked = (made.body as Body).data;
  expect((await client.patch(`/block_documents/${id}`, { data: masked, merge_existing_data: false })).status).toBe(204);
  expect(((await client.get(`/block_documents/${id}?include_secrets=true`)).body as Body).data).toEqual(data);
  expect((await server.store.inspect({ id })).revision).toBe(1);
  return masked;
}

const password = { type: "string", format: "password", writeOnly: true };

describe("masked, and kept when the mask comes back:", () => {
  test("a secret in a list of models", async () => {
    const model = { type: "object", properties: { user: { type: "string" }, pw: password } };
    const fields = {
      properties: { many: { type: "array", items: { $ref: "#/definitions/M" } } },
      secret_fields: ["many.pw"],
      definitions: { M: model },
    };
    expect(
      await shown(fields, {
        many: [
          { user: "u", pw: S },
          { user: "v", pw: S },
        ],
      }),
    ).toEqual({
      many: [
        { user: "u", pw: MASK },
        { user: "v", pw: MASK },
      ],
    });
  });

  test("a list of secrets", async () => {
    expect(await shown({ properties: { x: { type: "array", items: password } }, secret_fields: ["x"] }, { x: [S, S] })).toEqual({
      x: [MASK, MASK],
    });
  });

  test("dictionaries of secrets and of models", async () => {
    const model = { type: "object", properties: { user: { type: "string" }, pw: password } };
    const fields = {
      properties: { d: { type: "object" }, m: { type: "object" } },
      secret_fields: ["d", "m.pw"],
      definitions: { M: model },
    };
    expect(await shown(fields, { d: { k: S }, m: { k: { user: "u", pw: S } } })).toEqual({ d: MASK, m: { k: { user: "u", pw: MASK } } });
  });

  test("a secret in a union", async () => {
    const [a, b] = [
      { type: "object", properties: { pw: password }, block_type_slug: "a" },
      { type: "object", properties: { key: password }, block_type_slug: "b" },
    ];
    const fields = {
      properties: { u: { anyOf: [{ $ref: "#/definitions/A" }, { $ref: "#/definitions/B" }] } },
      secret_fields: ["u.pw", "u.key"],
      definitions: { A: a, B: b },
    };
    expect(await shown(fields, { u: { key: S, block_type_slug: "b" } })).toEqual({ u: { key: MASK, block_type_slug: "b" } });
  });

  test("a secret that is JSON, a number, a truth value, empty", async () => {
    const fields = { properties: { v: {}, n: {}, t: {}, e: {}, l: {} }, secret_fields: ["v", "n", "t", "e", "l"] };
    expect(await shown(fields, { v: { u: S }, n: 5, t: false, e: "", l: [] })).toEqual({ v: MASK, n: MASK, t: MASK, e: MASK, l: MASK });
  });

  test("a secret under an alias, which the schema names by another name", async () => {
    expect(await shown({ properties: { "X-Token": password }, secret_fields: ["x_token"] }, { "X-Token": S })).toEqual({ "X-Token": MASK });
  });
});

describe("the mask that comes back", () => {
  async function many() {
    const { client } = await ready();
    const type = await makeType(client, "one");
    const model = { type: "object", properties: { user: { type: "string" }, pw: password } };
    const fields = {
      type: "object",
      block_type_slug: "one",
      properties: { many: { type: "array", items: { $ref: "#/definitions/M" } } },
      secret_fields: ["many.pw"],
      definitions: { M: model },
    };
    const schema = await makeSchema(client, type, fields);
    const items = ["a", "b", "c"].map((user) => ({ user, pw: `pw of ${user}` }));
    const id = idOf(
      await client.post("/block_documents/", { name: "x", data: { many: items }, block_schema_id: schema, block_type_id: type }),
    );
    const change = async (list: object[]) => {
      const { status } = await client.patch(`/block_documents/${id}`, { data: { many: list } });
      return status === 204 ? ((await client.get(`/block_documents/${id}?include_secrets=true`)).body as Body).data.many : status;
    };
    return { change, items };
  }
  const masked = (user: string) => ({ user, pw: MASK });

  test("in a list goes with its item, wherever that moves, and when others come and go", async () => {
    const { change, items } = await many();
    const [a, b, c] = items;
    expect(await change(["c", "a", "b"].map(masked))).toEqual([c, a, b]);
    expect(await change([masked("a"), masked("b")])).toEqual([a, b]);
    expect(await change([masked("b"), { user: "new", pw: "p" }, masked("a")])).toEqual([b, { user: "new", pw: "p" }, a]);
  });

  test("in a list of which an item changed keeps the one in its place, and is refused where that cannot be told", async () => {
    const { change, items } = await many();
    expect(await change([masked("a"), masked("renamed"), masked("c")])).toEqual([items[0], { user: "renamed", pw: "pw of b" }, items[2]]);
    expect(await change([masked("nobody")])).toBe(422);
  });

  test("where nothing is stored is a value, as Prefect's server has it; inside of a secret it is refused", async () => {
    const { client, make, data } = await ready();
    const id = await make("x", { b: "x" });
    expect((await client.patch(`/block_documents/${id}`, { data: { a: MASK } })).status).toBe(204);
    expect(await data(id)).toEqual({ a: MASK, b: "x" });
    await client.patch(`/block_documents/${id}`, { data: { c: { k: S } } });
    expect((await client.patch(`/block_documents/${id}`, { data: { c: { other: MASK } } })).status).toBe(422);
    expect((await client.patch(`/block_documents/${id}`, { data: { b: "**********" } })).status).toBe(204);
    expect(await data(id)).toMatchObject({ b: "**********", c: { k: S } });
  });

  test("of a document that is referred to keeps the reference; changed beside it, it is refused", async () => {
    const { client, make, ref, read } = await ready();
    const child = await make("child", { a: S, b: "c" });
    const id = await make("parent", { child: ref(child), b: "x" });
    const { data: masked } = (await client.get(`/block_documents/${id}`)).body as Body;
    await client.patch(`/block_documents/${id}`, { data: { ...masked, b: "new" }, merge_existing_data: false });
    expect(await read(id)).toMatchObject({
      data: { child: { a: S }, b: "new" },
      block_document_references: { child: { block_document: { id: child } } },
    });
    expect((await client.patch(`/block_documents/${id}`, { data: { child: { ...masked.child, b: "other" } } })).status).toBe(422);
  });
});

describe("a secret stays one", () => {
  test("under a new schema that forgets to mark it, also when its value is given anew", async () => {
    const { server, client, type, make } = await ready();
    const editor = await server.client("editor");
    const id = await make("x", { a: S, b: "x", c: { k: S } });
    const forgetful = await makeSchema(editor, type, {
      ...PART_FIELDS,
      properties: { a: { type: "string" }, b: {}, c: {} },
      secret_fields: [],
    });
    for (const data of [{ b: "y" }, { a: "n3w" }, { a: MASK, c: { k: "n3w" } }]) {
      expect((await editor.patch(`/block_documents/${id}`, { block_schema_id: forgetful, data })).status).toBe(204);
      const seen = await editor.get(`/block_documents/${id}`);
      expect(seen.body).toMatchObject({ block_schema_id: forgetful, data: { a: MASK, b: "y", c: MASK } });
    }
    expect((await client.get(`/block_documents/${id}?include_secrets=true`)).body).toMatchObject({ data: { a: "n3w", c: { k: "n3w" } } });
  });

  test("kept beside other values by who may not load it: the audit log says so, and a setting refuses it", async () => {
    for (const guardKept of [false, true]) {
      const { server, client, make, data } = await ready({ guardKept });
      const id = await make("x", { a: S, b: "good.host" });
      const editor = await server.client("editor");
      const both = await server.client(["editor", "user"]);
      server.audit.entries.length = 0;
      const answer = await editor.patch(`/block_documents/${id}`, { data: { b: "evil.host" } });
      const [entry] = server.audit.entries;
      expect(entry).toMatchObject({ what: "save", of: "part/x", outcome: guardKept ? "ERR_DENIED" : "done" });
      expect(await data(id)).toEqual({ a: S, b: guardKept ? "good.host" : "evil.host" });
      if (guardKept)
        expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringMatching(/\/b.*beside secrets that stay \(\/a\)/) } });
      else expect(entry).toMatchObject({ redirects: { kept: ["/a"], changed: ["/b"] }, secrets: { set: [], kept: ["/a"], cleared: [] } });
      expect((await editor.patch(`/block_documents/${id}`, { data: { b: "their.host", a: "anew" } })).status).toBe(204);
      expect((await both.patch(`/block_documents/${id}`, { data: { b: "other.host" } })).status).toBe(204);
      expect(server.audit.entries.at(-1)?.redirects).toBeUndefined();
      expect(client.url).toBe(server.url);
    }
  });
});

describe("without the right to secrets", () => {
  test("a single document is 403 when it is asked for with them, and a list is masked", async () => {
    const { server, make } = await ready();
    const id = await make("x", { a: S });
    for (const role of ["viewer", "editor"] as const) {
      const client = await server.client(role);
      for (const path of [`/block_documents/${id}`, "/block_types/slug/part/block_documents/name/x"]) {
        expect(await client.get(`${path}?include_secrets=true`)).toMatchObject({
          status: 403,
          body: { detail: "The access token may not load with its secrets part/x." },
        });
        expect((await client.get(path)).body).toMatchObject({ data: { a: MASK } });
      }
      expect((await client.post("/block_documents/filter", { include_secrets: true })).body).toMatchObject([{ data: { a: MASK } }]);
      expect((await client.get("/block_types/slug/part/block_documents?include_secrets=true")).body).toMatchObject([{ data: { a: MASK } }]);
    }
    expect(server.audit.entries.filter(({ what }) => what === "load")).toEqual([]);
  });

  test("a reference beyond the token's scope makes reading 403 and names the path; in lists it is masked as a whole", async () => {
    const { server, client, make, ref } = await ready();
    const other = await makeType(client, "other");
    const schema = await makeSchema(client, other, { title: "Other", secret_fields: ["a"] });
    const child = await make("child", { a: S, b: "not for all" });
    const body = { name: "user", data: { child: ref(child), b: "x" }, block_type_id: other, block_schema_id: schema };
    const id = idOf(await client.post("/block_documents/", body));
    const scoped = await server.client(["user", "editor"], { types: ["other"] });
    for (const query of ["", "?include_secrets=true"])
      expect(await scoped.get(`/block_documents/${id}${query}`)).toMatchObject({
        status: 403,
        body: { detail: expect.stringContaining("/child") },
      });
    const listed = (await scoped.post("/block_documents/filter", { include_secrets: true })).body as Body[];
    expect(listed.map(({ name, data, block_document_references }) => [name, data, block_document_references])).toEqual([
      ["user", { child: MASK, b: "x" }, {}],
    ]);
    for (const path of [`/block_documents/${child}`, "/block_types/slug/part"])
      expect([403, 404]).toContain((await scoped.get(path)).status);
    expect((await scoped.post("/block_documents/count", { block_documents: { id: { any_: [child, id] } } })).body).toBe(1);
    expect((await scoped.post("/block_documents/", { ...body, name: "mine" })).status).toBe(409); // what it may not see is not there for it
    expect((await scoped.post("/block_types/filter")).body).toMatchObject([{ slug: "other" }]);
    expect((await scoped.delete(`/block_documents/${child}?cascade=true`)).status).toBe(404);
  });
});

describe("documents that do not fit their schema", () => {
  const fields = {
    title: "T",
    type: "object",
    properties: { n: { type: "integer" }, a: password, child: { $ref: "#/definitions/Part" } },
    required: ["n"],
    secret_fields: ["a"],
    block_type_slug: "one",
    block_schema_references: {},
    definitions: { Part: PART_FIELDS },
  };

  test.each([false, true])("are refused when that is asked for (%s), all faults at once, without a value", async (validate) => {
    const { client, make, ref } = await ready({ validate });
    const type = await makeType(client, "one");
    const schema = await makeSchema(client, type, fields);
    const save = (name: string, data: object) =>
      client.post("/block_documents/", { name, data, block_schema_id: schema, block_type_id: type });
    const child = await make("child");
    const good = idOf(await save("good", { n: 1, a: S, child: ref(child) }));
    const bad = await save("bad", { n: "s3cr3t-text", a: 5, unknown: S });
    expect(bad.status).toBe(validate ? 422 : 201);
    if (validate) {
      expect((bad.body as Body).exception_detail.map(({ loc }: Body) => loc.at(-1)).toSorted()).toEqual(["a", "n", "unknown"]);
      expect(bad.text).not.toContain(S);
    }
    expect((await client.patch(`/block_documents/${good}`, { data: { n: "x" } })).status).toBe(validate ? 422 : 204);
    expect((await client.patch(`/block_documents/${good}`, { data: { n: 2, child: ref(child) } })).status).toBe(204);
  });
});

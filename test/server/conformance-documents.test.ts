/** Prefect's own tests of its server on documents, as far as they can be asked over HTTP; the numbers are those of protocol.md §12.1 A. */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { LIKE_PREFECT } from "../../src/server/rules.ts";
import { type Answered, serving } from "./serving.ts";
import { type Body, idOf, makeSchema, makeType, PART_FIELDS, subject } from "./subject.ts";

const MASK = "********";
const NOWHERE = "00000000-0000-0000-0000-000000000000";

async function ready(likePrefect = false) {
  const server = await serving(likePrefect ? { settings: { rules: LIKE_PREFECT } } : {});
  const client = await server.client("admin");
  return { server, client, ...(await subject(client)) };
}

function names(answer: Answered): string[] {
  return (answer.body as Body[]).map(({ name }) => name);
}

describe("making documents", () => {
  test("39: a new one is 201, not anonymous, its data echoed, with its schema and type", async () => {
    const { client, type, schema } = await ready();
    const made = await client.post("/block_documents/", { name: "x", data: { b: "y" }, block_schema_id: schema, block_type_id: type });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      name: "x",
      data: { b: "y" },
      is_anonymous: false,
      block_type_name: "Part",
      block_document_references: {},
    });
    expect((made.body as Body).block_schema).toEqual((await client.get(`/block_schemas/${schema}`)).body);
    expect((made.body as Body).block_type).toEqual((await client.get(`/block_types/${type}`)).body);
  });

  test("40 41 42: anonymous ones get names of their own, or keep the given one; names are unique in a type", async () => {
    const { client, type, schema, make } = await ready();
    const anonymous = { data: {}, block_schema_id: schema, block_type_id: type, is_anonymous: true };
    const [one, two] = [
      await client.post("/block_documents/", anonymous),
      await client.post("/block_documents/", { ...anonymous, name: null }),
    ];
    for (const { status, body } of [one, two]) {
      expect(status).toBe(201);
      expect((body as Body).name).toMatch(/^anonymous-[0-9a-f-]{36}$/);
      expect((body as Body).is_anonymous).toBe(true);
    }
    expect((one.body as Body).name).not.toBe((two.body as Body).name);
    expect((await client.post("/block_documents/", { ...anonymous, name: "given" })).body).toMatchObject({
      name: "given",
      is_anonymous: true,
    });
    await make("taken");
    for (const [name, is_anonymous] of [
      ["taken", false],
      ["taken", true],
      ["given", false],
      ["given", true],
    ])
      expect(await client.post("/block_documents/", { ...anonymous, name, is_anonymous })).toMatchObject({
        status: 409,
        body: { detail: "Block already exists" },
      });
    const other = await makeType(client, "other");
    const otherSchema = await makeSchema(client, other, { title: "Other" });
    const elsewhere = { name: "taken", data: {}, block_type_id: other, block_schema_id: otherSchema };
    expect((await client.post("/block_documents/", elsewhere)).status).toBe(201);
    expect((await client.get("/block_types/slug/part/block_documents/name/given")).body).toMatchObject({ is_anonymous: true });
  });

  test.each(["my-block", "myblock", "0", "-"])("43: the name %s is good", async (name) => {
    const { make } = await ready();
    await make(name);
  });

  test.each(["my%block", "my/block", "my block", "my\\block", "my👍block", "my|block", "My", "a_b", "a\n", "", null])(
    "43: the name %j is 422",
    async (name) => {
      const { client, type, schema } = await ready();
      const answer = await client.post("/block_documents/", { name, data: {}, block_schema_id: schema, block_type_id: type });
      expect(answer.status).toBe(422);
      const [fault] = (answer.body as Body).exception_detail;
      if (!name) expect(fault).toMatchObject({ loc: ["body"], msg: "Value error, Names must be provided for block documents." });
      else expect(fault.loc).toEqual(["body", "name"]);
    },
  );

  test.each([{}, { block_document_id: 5 }, { block_document_id: "x" }, "text", null, []])(
    "44: the reference %j is 400, new or changed",
    async ($ref) => {
      const { client, type, schema, make } = await ready();
      const id = await make("x");
      const body = { name: "y", data: { b: { $ref } }, block_schema_id: schema, block_type_id: type };
      expect((await client.post("/block_documents/", body)).status).toBe(400);
      expect((await client.patch(`/block_documents/${id}`, { data: { b: { $ref } } })).status).toBe(400);
      if (JSON.stringify($ref) === "{}")
        expect((await client.post("/block_documents/", body)).body).toEqual({
          detail: "Received block reference without a block_document_id in key b",
        });
    },
  );

  test("unknown types, schemas and documents: 404, 409 and 409", async () => {
    const { client, type, schema, ref } = await ready();
    const body = { name: "x", data: {}, block_schema_id: schema, block_type_id: type };
    expect((await client.post("/block_documents/", { ...body, block_type_id: randomUUID() })).status).toBe(404);
    for (const wrong of [{ block_schema_id: randomUUID() }, { data: { b: ref(randomUUID()) } }])
      expect(await client.post("/block_documents/", { ...body, ...wrong })).toMatchObject({
        status: 409,
        body: { detail: expect.stringMatching(/^Data integrity conflict/) },
      });
  });
});

describe("reading documents", () => {
  test("45 50: what is no UUID, or nobody's, is 404; a deleted one too", async () => {
    const { client, make } = await ready();
    const id = await make("x");
    for (const ask of [
      (at: string) => client.get(`/block_documents/${at}`),
      (at: string) => client.patch(`/block_documents/${at}`, { data: {} }),
      (at: string) => client.delete(`/block_documents/${at}`),
    ]) {
      expect(await ask("not-a-uuid")).toMatchObject({ status: 404, body: { detail: "Not Found" } });
      expect(await ask(NOWHERE)).toMatchObject({ status: 404, body: { detail: "Block document not found" } });
    }
    expect((await client.get(`/block_documents/${id.toUpperCase().replaceAll("-", "")}`)).status).toBe(200);
    expect((await client.delete(`/block_documents/${id}`)).status).toBe(204);
    expect((await client.delete(`/block_documents/${id}`)).status).toBe(404);
    expect((await client.get(`/block_documents/${id}`)).status).toBe(404);
  });

  test("46 47: lists are in order of names, without anonymous ones unless they are asked for; no key is null", async () => {
    const { client, type, schema, make } = await ready();
    for (const name of ["b", "a"]) await make(name);
    await client.post("/block_documents/", { name: "c", is_anonymous: true, data: {}, block_schema_id: schema, block_type_id: type });
    const all = await client.post("/block_documents/filter");
    expect(names(all)).toEqual(["a", "b"]);
    for (const [key, value] of Object.entries((all.body as Body[])[0])) expect([key, value]).toEqual([key, expect.anything()]);
    const by = async (is_anonymous: unknown) => names(await client.post("/block_documents/filter", { block_documents: { is_anonymous } }));
    expect(await by({ eq_: true })).toEqual(["c"]);
    expect(await by({ eq_: false })).toEqual(["a", "b"]);
    for (const both of [null, { eq_: null }]) expect(await by(both)).toEqual(["a", "b", "c"]);
    expect(names(await client.post("/block_documents/filter", { block_documents: {} }))).toEqual(["a", "b"]);
    expect(names(await client.post("/block_documents/filter", { block_documents: null }))).toEqual(["a", "b"]);
  });

  test("48 49: by types, capabilities, names, ids, in every order, limited, counted", async () => {
    const { client, type, make } = await ready();
    const ids = new Map<string, string>();
    for (const name of ["nested-b", "b", "nested-a"]) ids.set(name, await make(name));
    const zulu = await makeType(client, "aaa", { name: "Zulu" });
    const schema = await makeSchema(client, zulu, { title: "Zulu" }, { capabilities: ["fly"] });
    idOf(await client.post("/block_documents/", { name: "bb", data: {}, block_schema_id: schema, block_type_id: zulu }));
    const found = async (body: object) => names(await client.post("/block_documents/filter", body));
    const counted = async (body?: object) => (await client.post("/block_documents/count", body)).body;
    expect(await found({})).toEqual(["b", "bb", "nested-a", "nested-b"]);
    expect(await found({ sort: "NAME_DESC" })).toEqual(["nested-b", "nested-a", "bb", "b"]);
    expect(await found({ sort: "BLOCK_TYPE_AND_NAME_ASC" })).toEqual(["b", "nested-a", "nested-b", "bb"]);
    expect(await found({ limit: 2, offset: 1 })).toEqual(["bb", "nested-a"]);
    expect(await found({ limit: 0 })).toEqual([]);
    const filters: [object, string[]][] = [
      [{ block_types: { slug: { any_: ["aaa"] } } }, ["bb"]],
      [{ block_types: { name: { like_: "ZUL" } } }, ["bb"]],
      [{ block_schemas: { block_capabilities: { all_: ["fly"] } } }, ["bb"]],
      [{ block_schemas: { block_capabilities: { all_: ["swim"] } } }, []],
      [{ block_documents: { name: { like_: "NESTED" } } }, ["nested-a", "nested-b"]],
      [{ block_documents: { name: { any_: ["b", "nested-a", "none"] } } }, ["b", "nested-a"]],
      [{ block_documents: { block_type_id: { any_: [type] } } }, ["b", "nested-a", "nested-b"]],
      [{ block_documents: { id: { any_: [ids.get("b")] } } }, ["b"]],
      [{ block_documents: { id: { any_: [] } } }, []],
      [{ block_documents: { name: { like_: "b" } }, block_types: { slug: { any_: ["part"] } } }, ["b", "nested-b"]],
      [
        { block_documents: { operator: "or_", id: { any_: [ids.get("b")] }, name: { any_: ["nested-b"] }, is_anonymous: null } },
        ["b", "nested-b"],
      ],
      [{ block_documents: { operator: "or_", name: { any_: ["b"] } } }, ["b", "bb", "nested-a", "nested-b"]], // not anonymous, or of that name
    ];
    for (const [filter, expected] of filters) {
      expect([filter, await found(filter)]).toEqual([filter, expected]);
      expect([filter, await counted(filter)]).toEqual([filter, expected.length]);
    }
    expect(await counted()).toBe(4);
    expect((await client.post("/block_documents/filter", { sort: "ID" })).status).toBe(422);
  });

  test("57 58: five ways to read, masked and in clear", async () => {
    const { client, type, schema } = await ready();
    const data = { a: "s3cr3t", b: "plain", c: { k: "s3cr3t", list: ["s3cr3t", 1] } };
    const made = await client.post("/block_documents/", { name: "x", data, block_schema_id: schema, block_type_id: type });
    const { id } = made.body as Body;
    const masked = { a: MASK, b: "plain", c: MASK };
    expect((made.body as Body).data).toEqual(masked);
    const ways: ((secrets: boolean) => Promise<Answered>)[] = [
      (secrets) => client.get(`/block_documents/${id}?include_secrets=${secrets}`),
      (secrets) => client.get(`/block_types/slug/part/block_documents/name/x?include_secrets=${secrets}`),
      (secrets) => client.get(`/block_types/slug/part/block_documents?include_secrets=${secrets}`),
      (include_secrets) => client.post("/block_documents/filter", { include_secrets }),
    ];
    for (const way of ways) {
      const dataOf = async (secrets: boolean) => [(await way(secrets)).body as Body].flat()[0].data;
      expect(await dataOf(false)).toEqual(masked);
      expect(await dataOf(true)).toEqual(data);
    }
    for (const word of ["1", "True", "YES", "on", "t", "y"])
      expect((await client.get(`/block_documents/${id}?include_secrets=${word}`)).text).toContain("s3cr3t");
    for (const word of ["0", "False", "no", "off", "f", "n"])
      expect((await client.get(`/block_documents/${id}?include_secrets=${word}`)).text).not.toContain("s3cr3t");
    for (const word of ["", "2", "x"]) expect((await client.get(`/block_documents/${id}?include_secrets=${word}`)).status).toBe(422);
  });

  test("59 60: secrets of a nested block, saved or inside of its parent, and of dictionaries, are masked; not those that are not set", async () => {
    const { client, make, ref } = await ready();
    const parent = await makeType(client, "parent");
    const fields = {
      title: "Parent",
      type: "object",
      properties: {
        child: { $ref: "#/definitions/Part" },
        headers: { type: "object" },
        none: { type: "string", format: "password", writeOnly: true },
      },
      secret_fields: ["child.a", "child.c.*", "headers.*", "none"],
      block_type_slug: "parent",
      definitions: { Part: PART_FIELDS },
    };
    const schema = await makeSchema(client, parent, fields);
    const child = await make("child", { a: "s3cr3t", b: "x", c: { k: "s3cr3t" } });
    const save = (name: string, data: object) =>
      client.post("/block_documents/", { name, data, block_schema_id: schema, block_type_id: parent });
    const saved = (await save("saved", { child: ref(child), headers: { x: "s3cr3t" }, none: null })).body as Body;
    expect(saved.data).toEqual({ child: { a: MASK, b: "x", c: MASK }, headers: MASK, none: null });
    expect(saved.block_document_references).toMatchObject({ child: { block_document: { id: child, name: "child", is_anonymous: false } } });
    const inline = (await save("inline", { child: { a: "s3cr3t", b: "x", c: { k: "s3cr3t" }, block_type_slug: "part" } })).body as Body;
    expect(inline.data).toEqual({ child: { a: MASK, b: "x", c: MASK, block_type_slug: "part" } });
    expect(inline.block_document_references).toEqual({});
    for (const { id } of [saved, inline])
      expect(((await client.get(`/block_documents/${id}?include_secrets=true`)).body as Body).data.child).toMatchObject({
        a: "s3cr3t",
        c: { k: "s3cr3t" },
      });
  });
});

describe("changing documents", () => {
  test("51 52: merged by top-level keys, or whole, also with an empty object; anonymous ones too", async () => {
    const { client, type, schema, make, data } = await ready();
    const named = await make("x", { a: "s", b: "b", more: { deep: 1 } });
    const anonymous = { data: { b: "b" }, block_schema_id: schema, block_type_id: type, is_anonymous: true };
    const other = idOf(await client.post("/block_documents/", anonymous));
    const change = async (id: string, body: object) => {
      expect((await client.patch(`/block_documents/${id}`, body)).status).toBe(204);
      return data(id);
    };
    expect(await change(named, { data: { b: "new", more: { other: 2 } } })).toEqual({ a: "s", b: "new", more: { other: 2 } });
    expect(await change(other, { data: { x: 1 } })).toEqual({ b: "b", x: 1 });
    expect(await change(named, {})).toEqual({ a: "s", b: "new", more: { other: 2 } });
    expect(await change(named, { data: { b: "only" }, merge_existing_data: false })).toEqual({ b: "only" });
    expect(await change(named, { data: {}, merge_existing_data: false })).toEqual({});
    expect(await change(other, { merge_existing_data: false })).toEqual({});
  });

  test("53 54: a changed child is read changed through its parent; references are swapped; an unknown one is 409", async () => {
    const { client, make, ref, read } = await ready();
    const [one, two] = [await make("one", { b: "1" }), await make("two", { b: "2" })];
    const parent = await make("parent", { child: ref(one) });
    await client.patch(`/block_documents/${one}`, { data: { b: "changed" } });
    expect((await read(parent)).data).toEqual({ child: { b: "changed" } });
    expect((await client.patch(`/block_documents/${parent}`, { data: { child: ref(two) } })).status).toBe(204);
    expect(await read(parent)).toMatchObject({
      data: { child: { b: "2" } },
      block_document_references: { child: { block_document: { id: two } } },
    });
    expect((await client.patch(`/block_documents/${parent}`, { data: { child: ref(randomUUID()) } })).status).toBe(409);
    expect((await read(parent)).data).toEqual({ child: { b: "2" } });
  });

  test("55 56: a reference goes by a plain value, or when it is not sent again; one that is sent again stays", async () => {
    const { client, make, ref, read } = await ready();
    const [one, two] = [await make("one", { b: "1" }), await make("two", { b: "2" })];
    const parent = await make("parent", { x: ref(one), y: ref(one), b: "b" });
    await client.patch(`/block_documents/${parent}`, { data: { x: ref(one), y: ref(two) } });
    expect((await read(parent)).data).toEqual({ b: "b", x: { b: "1" }, y: { b: "2" } });
    await client.patch(`/block_documents/${parent}`, { data: { y: ref(two) } });
    expect((await read(parent)).data).toEqual({ b: "b", y: { b: "2" } });
    await client.patch(`/block_documents/${parent}`, { data: {}, merge_existing_data: false });
    const { data, block_document_references } = await read(parent);
    expect([data, block_document_references]).toEqual([{}, {}]);
  });

  test("61: the mask that comes back keeps the secret, merged or whole", async () => {
    const { client, make, data } = await ready();
    for (const merge_existing_data of [true, false]) {
      const id = await make(`x-${merge_existing_data}`, { a: "s3cr3t", b: "b", c: { k: "s3cr3t", l: "other" } });
      const { data: masked } = (await client.get(`/block_documents/${id}`)).body as Body;
      await client.patch(`/block_documents/${id}`, { data: { ...masked, b: "new" }, merge_existing_data });
      expect(await data(id)).toEqual({ a: "s3cr3t", b: "new", c: { k: "s3cr3t", l: "other" } });
      await client.patch(`/block_documents/${id}`, { data: { a: MASK, c: { k: MASK, n: "added" } }, merge_existing_data });
      expect(await data(id)).toMatchObject({ a: "s3cr3t", c: { k: "s3cr3t", n: "added" } });
    }
  });

  test("62: a way back to itself is refused, at any distance, also by a change; a diamond is not; 50 deep is the bound", async () => {
    const { client, type, schema, make, ref } = await ready();
    const [a, d] = [await make("a", { b: "a" }), await make("d", { b: "d" })];
    const [b, c] = [await make("b", { child: ref(a) }), await make("c", { child: ref(a), other: ref(d) })];
    const top = await make("top", { b: ref(b), c: ref(c) });
    expect(((await client.get(`/block_documents/${top}`)).body as Body).data).toEqual({
      b: { child: { b: "a" } },
      c: { child: { b: "a" }, other: { b: "d" } },
    });
    for (const [id, target] of [
      [a, a],
      [a, b],
      [a, top],
    ] as const)
      expect(await client.patch(`/block_documents/${id}`, { data: { x: ref(target) } })).toMatchObject({
        status: 400,
        body: {
          detail: `Cannot create block document reference: it would introduce a cycle into the block_document_reference graph (parent=${id}, reference=${target}).`,
        },
      });
    let last = a;
    for (let depth = 1; depth <= 50; depth++) last = await make(`deep-${depth}`, { child: ref(last) });
    const body = { name: "deep-51", data: { child: ref(last) }, block_schema_id: schema, block_type_id: type };
    expect(await client.post("/block_documents/", body)).toMatchObject({
      status: 400,
      body: { detail: "Block document reference graph exceeds max depth 50; refusing to recurse further." },
    });
    expect((await client.get(`/block_documents/${last}?include_secrets=true`)).status).toBe(200);
  });

  test("one that would expand to more than ten thousand is made, said to be, stands in lists with empty data, and alone is an error", async () => {
    const { client, make, ref } = await ready();
    let last = await make("d-0", { b: "b" });
    for (let depth = 1; depth <= 13; depth++) last = await make(`d-${depth}`, { left: ref(last), right: ref(last) });
    const listed = (await client.post("/block_documents/filter")).body as Body[];
    expect(listed.find(({ name }) => name === "d-13")).toMatchObject({ id: last, data: {} });
    expect(listed.find(({ name }) => name === "d-11").data).toHaveProperty("left.right.left");
    expect(await client.get(`/block_documents/${last}`)).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining("more than 10000 ways") },
    });
  });

  test("another schema of the type is taken over with data, and of another type is 400", async () => {
    const { client, type, make, read } = await ready();
    const id = await make("x");
    const newer = await makeSchema(client, type, { ...PART_FIELDS, title: "Newer" });
    await client.patch(`/block_documents/${id}`, { block_schema_id: newer });
    expect((await read(id)).block_schema_id).not.toBe(newer);
    await client.patch(`/block_documents/${id}`, { block_schema_id: newer, data: {} });
    expect((await read(id)).block_schema_id).toBe(newer);
    const foreign = await makeSchema(client, await makeType(client, "other"), { title: "Other" });
    expect(await client.patch(`/block_documents/${id}`, { block_schema_id: foreign, data: {} })).toMatchObject({
      status: 400,
      body: { detail: "Must migrate block document to a block schema of the same block type." },
    });
  });

  test("a change that changes nothing leaves the time, and the revision", async () => {
    const { server, client, type, schema, make, ref, read } = await ready();
    const child = await make("child");
    const id = await make("x", { a: "s", b: "b", c: { k: "v" }, child: ref(child) });
    const before = await read(id);
    await new Promise((done) => setTimeout(done, 3));
    for (const body of [
      {},
      { data: { a: "s", child: ref(child) } },
      { data: { a: MASK, b: "b", c: MASK, child: ref(child) }, merge_existing_data: false },
      { data: { child: ref(child) }, block_schema_id: schema },
    ])
      expect((await client.patch(`/block_documents/${id}`, body)).status).toBe(204);
    expect(await read(id)).toEqual(before);
    expect((await server.store.inspect({ id })).revision).toBe(1);
    expect(type).toBe(before.block_type_id);
  });
});

describe("Prefect's protocol against forged requests", () => {
  test("64: tokens are asked for where something changes, in Prefect's words", async () => {
    const { server, client } = await ready();
    const token = (await client.get("/csrf-token?client=me")).body as Body;
    expect(token).toMatchObject({ client: "me", token: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(Date.parse(token.expiration) - Date.now()).toBeGreaterThan(50 * 60 * 1000);
    expect((await client.get("/csrf-token")).status).toBe(422);
    const refused = async (headers: Record<string, string>) => {
      const plain = { authorization: client.authorization ?? "", "content-type": "application/json", ...headers };
      const answer = await fetch(`${server.url}/api/block_types/filter`, { method: "POST", headers: plain });
      return [answer.status, answer.status === 200 ? "" : ((await answer.json()) as Body).detail];
    };
    const invalid = [403, "Invalid CSRF token or client identifier."];
    expect(await refused({})).toEqual([403, "Missing CSRF token."]);
    expect(await refused({ "prefect-csrf-token": token.token })).toEqual([403, "Missing client identifier."]);
    expect(await refused({ "prefect-csrf-token": token.token, "prefect-csrf-client": "you" })).toEqual(invalid);
    expect(await refused({ "prefect-csrf-token": "0".repeat(64), "prefect-csrf-client": "me" })).toEqual(invalid);
    expect(await refused({ "prefect-csrf-token": "ü", "prefect-csrf-client": "me" })).toEqual(invalid);
    expect(await refused({ "prefect-csrf-token": token.token, "prefect-csrf-client": "me" })).toEqual([200, ""]);
    const other = await server.client("admin");
    const stolen = { authorization: other.authorization ?? "", "prefect-csrf-token": token.token, "prefect-csrf-client": "me" };
    expect(await refused(stolen)).toEqual(invalid);
  });

  test("64: Prefect's rules ask for none", async () => {
    const { client } = await ready(true);
    expect(await client.get("/csrf-token?client=me")).toMatchObject({ status: 422, body: { detail: "CSRF protection is disabled." } });
  });

  test("65: health and ready ask for no access, all else does", async () => {
    const { server } = await ready();
    const nobody = server.stranger();
    expect(await nobody.get("/health")).toMatchObject({ status: 200, body: true });
    expect(await nobody.get("/ready")).toMatchObject({ status: 200, body: { message: "OK" } });
    for (const path of [
      "/version",
      "/admin/version",
      "/block_types/slug/part",
      "/nothing",
      "/x-health",
      "/health/x",
      "/csrf-token?client=x",
    ])
      expect(await nobody.get(path)).toMatchObject({ status: 401, body: { exception_message: "Unauthorized" } });
  });
});

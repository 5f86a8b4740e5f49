/** Where the server is stricter than Prefect's, and that `--like-prefect` takes each rule back. */
import { describe, expect, test } from "vitest";
import { LIKE_PREFECT, STRICT } from "../../src/server/rules.ts";
import { serving } from "./serving.ts";
import { type Body, idOf, makeSchema, makeType, PART_FIELDS, subject } from "./subject.ts";

async function ready(rules = STRICT) {
  const server = await serving({ settings: { rules } });
  const client = await server.client("admin");
  return { server, client, ...(await subject(client)) };
}

test("every rule is one of the two ways", () => {
  expect(Object.keys(LIKE_PREFECT)).toEqual(Object.keys(STRICT));
  expect(Object.values(STRICT).every((holds) => holds)).toBe(true);
  expect(Object.values(LIKE_PREFECT).some((holds) => holds)).toBe(false);
});

describe("what others refer to", () => {
  test("is not deleted: 409 names them; with ?cascade=true they go too, at any distance", async () => {
    const { client, make, ref } = await ready();
    const child = await make("child");
    const parent = await make("parent", { child: ref(child) });
    const list = await make("list", { b: "x", more: [1, ref(parent)] });
    const refused = await client.delete(`/block_documents/${child}`);
    expect(refused).toMatchObject({
      status: 409,
      body: { detail: "Other documents refer to it: part/parent. Delete them first, or all together with ?cascade=true." },
    });
    expect((await client.delete(`/block_documents/${child}?cascade=true`)).status).toBe(204);
    for (const id of [child, parent, list]) expect((await client.get(`/block_documents/${id}`)).status).toBe(404);
  });

  test("is not deleted with its type or schema, either, where the others are of another type", async () => {
    const { client, type, schema, make, ref } = await ready();
    const child = await make("child");
    const other = await makeType(client, "other");
    const otherSchema = await makeSchema(client, other, { title: "Other" });
    const body = { name: "user", data: { child: ref(child) }, block_schema_id: otherSchema, block_type_id: other };
    const user = idOf(await client.post("/block_documents/", body));
    for (const path of [`/block_types/${type}`, `/block_schemas/${schema}`]) {
      expect(await client.delete(path)).toMatchObject({ status: 409, body: { detail: expect.stringContaining("other/user") } });
      expect((await client.get(path)).status).toBe(200);
    }
    expect((await client.delete(`/block_types/${type}?cascade=true`)).status).toBe(204);
    for (const id of [child, user]) expect((await client.get(`/block_documents/${id}`)).status).toBe(404);
  });

  test("Prefect's rules: it goes, and the others lose the field", async () => {
    const { client, type, schema, make, ref, read } = await ready(LIKE_PREFECT);
    const other = await makeType(client, "other");
    const otherSchema = await makeSchema(client, other, { ...PART_FIELDS, title: "Other" });
    const about = { block_schema_id: otherSchema, block_type_id: other };
    const user = async (name: string, child: string) =>
      idOf(await client.post("/block_documents/", { name, data: { a: "s3cr3t", child: ref(child) }, ...about }));
    const paths: [string, string][] = [];
    const child = await make("one");
    paths.push(
      [`/block_documents/${child}`, await user("u-one", child)],
      [`/block_schemas/${schema}`, await user("u-two", await make("two"))],
    );
    for (const [path, id] of paths) {
      expect((await client.delete(path)).status).toBe(204);
      const { data, block_document_references } = await read(id);
      expect([data, block_document_references]).toEqual([{ a: "s3cr3t" }, {}]);
    }
    const again = await makeSchema(client, type, PART_FIELDS);
    const three = idOf(await client.post("/block_documents/", { name: "three", data: {}, block_schema_id: again, block_type_id: type }));
    const last = await user("u-three", three);
    expect((await client.delete(`/block_types/${type}`)).status).toBe(204);
    expect((await read(last)).data).toEqual({ a: "s3cr3t" });
  });
});

describe("a key that is given twice", () => {
  const twice = (type: string) => `{"block_type_id":"${type}","fields":{"secret_fields":["p"],"title":"T","secret_fields":[]}}`;

  test("is refused, saying where", async () => {
    const { client, type } = await ready();
    const answer = await client.post("/block_schemas/", twice(type));
    expect(answer.status).toBe(422);
    expect((answer.body as Body).exception_detail[0]).toMatchObject({
      loc: ["body", "fields", "secret_fields"],
      msg: expect.stringContaining("given twice"),
    });
  });

  test("Prefect's rules: the last counts", async () => {
    const { client, type } = await ready(LIKE_PREFECT);
    expect((await client.post("/block_schemas/", twice(type))).body).toMatchObject({ fields: { secret_fields: [] } });
  });
});

describe("a document's schema", () => {
  const foreign = async (client: Awaited<ReturnType<typeof ready>>["client"], type: string) => {
    const other = await makeType(client, "other");
    const schema = await makeSchema(client, other, { title: "Other", secret_fields: ["b"], block_type_slug: "other" });
    return client.post("/block_documents/", { name: "x", data: { b: "s3cr3t" }, block_type_id: type, block_schema_id: schema });
  };

  test("is one of its type, else 400", async () => {
    const { client, type } = await ready();
    expect(await foreign(client, type)).toMatchObject({
      status: 400,
      body: { detail: "The block schema is one of the block type 'other', not of 'part'." },
    });
  });

  test("Prefect's rules: any will do; what it calls secret is", async () => {
    const { client, type } = await ready(LIKE_PREFECT);
    const made = await foreign(client, type);
    expect(made).toMatchObject({
      status: 201,
      body: { data: { b: "********" }, block_type_id: type, block_schema: { fields: { title: "Other" } } },
    });
    const { id } = made.body as Body;
    expect((await client.patch(`/block_documents/${id}`, { data: { b: "********", n: 1 } })).status).toBe(204);
    expect((await client.get(`/block_documents/${id}?include_secrets=true`)).body).toMatchObject({ data: { b: "s3cr3t", n: 1 } });
  });
});

describe("a reference below the top level", () => {
  const data = (ref: object) => ({ b: "x", list: [{ name: "one", at: ref }, ref], deep: { er: ref, other: { $ref: "#/x", more: 1 } } });

  test("is one: expanded when it is read, kept by changes elsewhere, and protects what it leads to", async () => {
    const { server, client, make, ref, read } = await ready();
    const child = await make("child", { a: "s3cr3t", b: "c" });
    const id = await make("parent", data(ref(child)));
    const inner = { a: "s3cr3t", b: "c" };
    const expected = { b: "x", list: [{ name: "one", at: inner }, inner], deep: { er: inner, other: { $ref: "#/x", more: 1 } } };
    expect((await read(id)).data).toEqual(expected);
    const hidden = { a: "********", b: "c" };
    expect(((await client.get(`/block_documents/${id}`)).body as Body).data).toMatchObject({ list: [{ at: hidden }, hidden] });
    await client.patch(`/block_documents/${id}`, { data: { b: "new" } });
    expect((await read(id)).data).toEqual({ ...expected, b: "new" });
    expect((await read(id)).block_document_references).toEqual({}); // Prefect's client would look for a field of that name
    expect(Object.keys((await server.store.inspect({ id })).references).toSorted()).toEqual(["/deep/er", "/list/0/at", "/list/1"]);
    expect((await client.delete(`/block_documents/${child}`)).status).toBe(409);
    const masked = ((await client.get(`/block_documents/${id}`)).body as Body).data;
    expect((await client.patch(`/block_documents/${id}`, { data: masked })).status).toBe(204);
    expect((await read(id)).data).toEqual({ ...expected, b: "new" });
  });

  test("Prefect's rules: it is kept as it stands; one that is there already stays one", async () => {
    const { server, client, make, ref, read } = await ready(LIKE_PREFECT);
    const child = await make("child");
    const id = await make("parent", data(ref(child)));
    expect((await read(id)).data).toEqual(data(ref(child)));
    expect((await server.store.inspect({ id })).references).toEqual({});
    const [document] = await server.store.load({ id });
    if (!document) throw new Error("it is gone");
    const reference = { id: child, type: "part", name: "child" };
    await server.store.save({ ...document, data: { list: [null] }, references: { "/list/0": reference } }, { overwrite: true });
    await client.patch(`/block_documents/${id}`, { data: { b: "new" } });
    expect((await server.store.inspect({ id })).references).toEqual({ "/list/0": reference });
  });
});

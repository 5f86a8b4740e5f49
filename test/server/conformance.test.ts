/** Prefect's own tests of its server, as far as they can be asked over HTTP; the numbers are those of protocol.md §12.1 A. */
import { describe, expect, test } from "vitest";
import { LIKE_PREFECT } from "../../src/server/rules.ts";
import { installSystemTypes } from "../../src/server/system-types.ts";
import { serving } from "./serving.ts";
import { type Body, idOf, makeSchema, makeType, PART_FIELDS, subject } from "./subject.ts";

const NOWHERE = "00000000-0000-0000-0000-000000000000";

async function admin(likePrefect = false) {
  const server = await serving(likePrefect ? { settings: { rules: LIKE_PREFECT } } : {});
  return { server, client: await server.client("admin") };
}

function names(answer: { readonly body: never }): string[] {
  return (answer.body as Body[]).map(({ name }) => name);
}

describe("block types", () => {
  test("1 2 7: a new one is 201 and can be read by id and slug; a second of the slug is 409; an unknown slug 404", async () => {
    const { client } = await admin();
    const about = {
      logo_url: "http://example.com/logo.png",
      documentation_url: "http://example.com/docs",
      description: "D <b>",
      code_example: "x < 1",
    };
    const made = await client.post("/block_types/", { name: "x", slug: "x", ...about });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: "x", slug: "x", is_protected: false, ...about });
    const { id } = made.body as Body;
    for (const path of [`/block_types/${id}`, "/block_types/slug/x"]) expect((await client.get(path)).body).toEqual(made.body);
    expect(await client.post("/block_types/", { name: "x", slug: "x" })).toMatchObject({
      status: 409,
      body: { detail: 'Block type with name "x" already exists' },
    });
    expect(await client.get("/block_types/slug/y")).toMatchObject({ status: 404, body: { detail: "Block type not found" } });
  });

  test.each(["my block", "my:block", "my\\block", "my👍block", "my|block"])("3: the name %s is accepted", async (name) => {
    const { client } = await admin();
    expect((await client.post("/block_types/", { name, slug: "s" })).status).toBe(201);
  });

  test.each(["my%block", "my/block", "a&b", "<b>", ""])("4: the name %s is 422", async (name) => {
    const { client } = await admin();
    expect((await client.post("/block_types/", { name, slug: "s" })).status).toBe(422);
  });

  test.each(["Prefect", "prefect", "PREFECT block", "prefectural"])("5: the name %s is reserved", async (name) => {
    const { client } = await admin();
    expect(await client.post("/block_types/", { name, slug: "s" })).toMatchObject({
      status: 403,
      body: { detail: "Block type names beginning with 'Prefect' are reserved." },
    });
  });

  test.each(["my block", "Upper", "under_score", "s\n", ""])("6: the slug %j is 422", async (slug) => {
    const { client } = await admin();
    expect((await client.post("/block_types/", { name: "n", slug })).status).toBe(422);
  });

  test("8 9 10: lists are in order of names, with limit and offset, and by a part of the name in any case", async () => {
    const { client } = await admin();
    for (const name of ["beta", "Alpha", "alphabet", "gam_ma", "gamXma"])
      await makeType(client, name.toLowerCase().replace("_", "-"), { name });
    expect(names(await client.post("/block_types/filter"))).toEqual(["Alpha", "alphabet", "beta", "gamXma", "gam_ma"]);
    expect(names(await client.post("/block_types/filter", { limit: 2, offset: 1 }))).toEqual(["alphabet", "beta"]);
    const like = async (like_: string) => names(await client.post("/block_types/filter", { block_types: { name: { like_ } } }));
    expect(await like("ALPH")).toEqual(["Alpha", "alphabet"]);
    expect(await like("m_m")).toEqual(["gamXma", "gam_ma"]);
    expect(await like("a%b")).toEqual(["alphabet"]);
    expect(await like("")).toHaveLength(5);
    expect(await like("nothing")).toEqual([]);
  });

  test("11: by capabilities of their schemas, which are to be a superset", async () => {
    const { client } = await admin();
    for (const [slug, capabilities] of [
      ["one", ["run"]],
      ["two", ["run", "fly"]],
      ["three", []],
    ] as const)
      await makeSchema(client, await makeType(client, slug), { slug }, { capabilities });
    const by = async (all_: string[]) =>
      names(await client.post("/block_types/filter", { block_schemas: { block_capabilities: { all_ } } }));
    expect(await by(["run"])).toEqual(["one", "two"]);
    expect(await by(["fly", "run"])).toEqual(["two"]);
    expect(await by(["fly", "swim"])).toEqual([]);
  });

  test("12 13 15: a change is 204 and visible, of an unknown one 404; an equal one changes nothing", async () => {
    const { client } = await admin();
    const id = await makeType(client, "x");
    const change = { logo_url: "http://e.com/l", documentation_url: "http://e.com/d", description: "new", code_example: "y" };
    expect((await client.patch(`/block_types/${id}`, change)).status).toBe(204);
    const changed = (await client.get(`/block_types/${id}`)).body as Body;
    expect(changed).toMatchObject(change);
    for (const again of [change, { description: "new" }, {}]) expect((await client.patch(`/block_types/${id}`, again)).status).toBe(204);
    expect((await client.get(`/block_types/${id}`)).body).toEqual(changed);
    expect((await client.patch(`/block_types/${id}`, { description: null })).status).toBe(204);
    expect((await client.get(`/block_types/${id}`)).body).toMatchObject({ ...change, description: null });
    expect((await client.patch(`/block_types/${NOWHERE}`, change)).status).toBe(404);
  });

  test("14 16: a protected one can be changed and not deleted; another is 204 and then 404", async () => {
    const { server, client } = await admin();
    await installSystemTypes(server.store);
    const { id } = (await client.get("/block_types/slug/secret")).body as Body;
    expect((await client.patch(`/block_types/${id}`, { description: "other" })).status).toBe(204);
    expect(await client.delete(`/block_types/${id}`)).toMatchObject({
      status: 403,
      body: { detail: "protected block types cannot be deleted." },
    });
    expect((await client.get("/block_types/slug/secret")).body).toMatchObject({ description: "other", is_protected: true });
    const other = await makeType(client, "other");
    expect((await client.delete(`/block_types/${other}`)).status).toBe(204);
    expect((await client.delete(`/block_types/${other}`)).status).toBe(404);
    expect((await client.get(`/block_types/${other}`)).status).toBe(404);
  });

  test("16: deleting one takes its schemas and documents with it", async () => {
    const { client } = await admin();
    const { type, schema, make } = await subject(client);
    const id = await make("one");
    expect((await client.delete(`/block_types/${type}`)).status).toBe(204);
    for (const path of [`/block_schemas/${schema}`, `/block_documents/${id}`]) expect((await client.get(path)).status).toBe(404);
  });

  test("17 18: its documents, all and by name; an unknown type or name is 404", async () => {
    const { client } = await admin();
    const { make } = await subject(client);
    for (const name of ["b", "a", "c"]) await make(name);
    const documents = await client.get("/block_types/slug/part/block_documents?offset=&limit=");
    expect(names(documents)).toEqual(["a", "b", "c"]);
    expect((documents.body as Body[])[0]).toEqual((await client.get("/block_types/slug/part/block_documents/name/a")).body);
    expect(await client.get("/block_types/slug/none/block_documents")).toMatchObject({
      status: 404,
      body: { detail: "Block type not found" },
    });
    for (const path of ["part/block_documents/name/none", "none/block_documents/name/a"])
      expect(await client.get(`/block_types/slug/${path}`)).toMatchObject({ status: 404, body: { detail: "Block document not found" } });
  });

  test("19 63: system types can be installed again and again, are protected, keep their ids, and hold documents", async () => {
    const { client } = await admin();
    expect(names(await client.post("/block_types/filter"))).toEqual([]);
    const seen: unknown[] = [];
    for (let turn = 0; turn < 3; turn++) {
      expect(await client.post("/block_types/install_system_block_types")).toMatchObject({ status: 200, body: null });
      const types = (await client.post("/block_types/filter")).body as Body[];
      expect(types.map(({ slug, is_protected }) => [slug, is_protected])).toEqual([
        ["local-file-system", true],
        ["secret", true],
        ["webhook", true],
      ]);
      seen.push(types); // the same, times too
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[2]).toEqual(seen[0]);
    const type = (await client.get("/block_types/slug/secret")).body as Body;
    const filter = { block_schemas: { block_type_id: { any_: [type.id] } } };
    const [schema] = (await client.post("/block_schemas/filter", filter)).body as Body[];
    expect(schema.checksum).toMatch(/^sha256:c078ed9c/);
    const saved = { name: "s", data: { value: { u: "v" } }, block_type_id: type.id, block_schema_id: schema.id };
    const id = idOf(await client.post("/block_documents/", saved));
    expect((await client.get(`/block_documents/${id}?include_secrets=true`)).body).toMatchObject({ data: { value: { u: "v" } } });
  });
});

describe("block schemas", () => {
  test("20 21 23: a new one is 201, the same again 200 and equal; a version is kept", async () => {
    const { client } = await admin();
    const type = await makeType(client, "x");
    const made = await client.post("/block_schemas/", { block_type_id: type });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      checksum: "sha256:f8e6e96abbc38504d4e9c99fc57281fa0026bede1fa42db79f22f984501710f4",
      version: "non-versioned",
      block_type: { slug: "x" },
    });
    const again = await client.post("/block_schemas/", { block_type_id: type, fields: {} });
    expect([again.status, again.text]).toEqual([200, made.text]);
    const versioned = await client.post("/block_schemas/", { block_type_id: type, fields: {}, version: "1.2.3" });
    expect(versioned).toMatchObject({ status: 201, body: { version: "1.2.3" } });
  });

  test("22 24: of a protected type one can be made and not deleted; another is 204 and then 404", async () => {
    const { server, client } = await admin();
    await installSystemTypes(server.store);
    const { id } = (await client.get("/block_types/slug/secret")).body as Body;
    const schema = await makeSchema(client, id, { title: "newer" });
    expect(await client.delete(`/block_schemas/${schema}`)).toMatchObject({
      status: 403,
      body: { detail: "Block schemas for protected block types cannot be deleted." },
    });
    const other = await makeSchema(client, await makeType(client, "x"));
    expect((await client.delete(`/block_schemas/${other}`)).status).toBe(204);
    expect((await client.delete(`/block_schemas/${other}`)).status).toBe(404);
  });

  test("25 26 36: lists are the newest first, by types, capabilities, versions and ids, with limit and offset", async () => {
    const { client } = await admin();
    const [x, y] = [await makeType(client, "x"), await makeType(client, "y")];
    const ids: string[] = [];
    for (const [type, n, more] of [
      [x, 1, { capabilities: ["run"] }],
      [y, 2, { capabilities: ["run", "fly"], version: "2.0" }],
      [x, 3, { version: "3.0" }],
    ] as const) {
      await new Promise((done) => setTimeout(done, 3));
      ids.push(await makeSchema(client, type, { n }, more));
    }
    const [one, two, three] = ids;
    const found = async (block_schemas: object, more: object = {}) =>
      ((await client.post("/block_schemas/filter", { block_schemas, ...more })).body as Body[]).map(({ id }) => id);
    expect(await found({})).toEqual([three, two, one]);
    expect(await found({ block_type_id: { any_: [x] } })).toEqual([three, one]);
    expect(await found({ block_type_id: { any_: [y, x] } })).toEqual([three, two, one]);
    expect(await found({ block_type_id: { any_: [NOWHERE] } })).toEqual([]);
    expect(await found({ block_capabilities: { all_: ["run"] } })).toEqual([two, one]);
    expect(await found({ block_capabilities: { all_: ["fly", "run"] } })).toEqual([two]);
    expect(await found({ block_capabilities: { all_: [] } })).toHaveLength(3);
    expect(await found({ block_type_id: { any_: [x] }, version: { any_: ["3.0"] } })).toEqual([three]);
    expect(await found({ operator: "or_", id: { any_: [one] }, version: { any_: ["2.0"] } })).toEqual([two, one]);
    expect(await found({}, { limit: 1, offset: 1 })).toEqual([two]);
  });

  test("27: by checksum, and version; without one the newest", async () => {
    const { client } = await admin();
    const type = await makeType(client, "x");
    const first = await makeSchema(client, type, {}, { version: "1.0" });
    await new Promise((done) => setTimeout(done, 3));
    const second = await makeSchema(client, type, {}, { version: "2.0" });
    const { checksum } = (await client.get(`/block_schemas/${first}`)).body as Body;
    const by = async (query: string) => (await client.get(`/block_schemas/checksum/${checksum}${query}`)) as Body;
    expect((await by("?version=1.0")).body.id).toBe(first);
    expect((await by("?version=2.0")).body.id).toBe(second);
    expect((await by("")).body.id).toBe(second);
    expect((await by("?version=3.0")).status).toBe(404);
  });

  test("28: capabilities are each named once; none on an empty server", async () => {
    const { client } = await admin();
    expect((await client.get("/block_capabilities/")).body).toEqual([]);
    const type = await makeType(client, "x");
    await makeSchema(client, type, { n: 1 }, { capabilities: ["run", "fly"] });
    await makeSchema(client, type, { n: 2 }, { capabilities: ["swim", "fly"] });
    expect(((await client.get("/block_capabilities/")).body as string[]).toSorted()).toEqual(["fly", "run", "swim"]);
  });
});

/** Schemas that Prefect's classes of three levels make: `definitions` holds every level, checksums are those of each class. */
const LEAF = { ...PART_FIELDS, block_type_slug: "leaf", title: "Leaf" };
const NO_SUM = `sha256:${"0".repeat(64)}`;

describe("nested schemas", () => {
  async function nested() {
    const { server, client } = await admin();
    for (const slug of ["leaf", "middle", "top"]) await makeType(client, slug);
    const { schemaChecksum } = await import("../../src/checksum.ts");
    const leaf = schemaChecksum(LEAF);
    const reference = { block_type_slug: "leaf", block_schema_checksum: leaf };
    const middleFields = {
      title: "Middle",
      type: "object",
      properties: { leaf: { $ref: "#/definitions/Leaf" }, more: { items: { $ref: "#/definitions/Leaf" }, type: "array" } },
      secret_fields: ["leaf.a", "more.a"],
      block_type_slug: "middle",
      block_schema_references: { leaf: reference, more: reference },
    };
    const middle = schemaChecksum({ ...middleFields, definitions: { Leaf: LEAF } });
    const topFields = {
      title: "Top",
      type: "object",
      properties: {
        middle: { $ref: "#/definitions/Middle" },
        either: { anyOf: [{ $ref: "#/definitions/Leaf" }, { $ref: "#/definitions/Middle" }] },
      },
      secret_fields: [],
      block_type_slug: "top",
      block_schema_references: {
        middle: { block_type_slug: "middle", block_schema_checksum: middle },
        either: [reference, { block_type_slug: "middle", block_schema_checksum: middle }],
      },
      definitions: { Leaf: LEAF, Middle: middleFields, Model: { type: "object", properties: {} } },
    };
    return { server, client, leaf, middle, middleFields, topFields };
  }

  test("29 30 32 35: a parent makes its children known, each once, readable by their own checksum with their own fields", async () => {
    const { client, leaf, middle, middleFields, topFields } = await nested();
    const { id } = (await client.get("/block_types/slug/top")).body as Body;
    const top = await makeSchema(client, id, topFields);
    expect(((await client.get(`/block_schemas/${top}`)).body as Body).fields).toEqual(topFields);
    expect(((await client.get(`/block_schemas/checksum/${leaf}`)).body as Body).fields).toEqual(LEAF);
    expect(((await client.get(`/block_schemas/checksum/${middle}`)).body as Body).fields).toEqual({
      ...middleFields,
      definitions: { Leaf: LEAF },
    });
    expect((await client.post("/block_schemas/filter")).body).toHaveLength(3);
  });

  test("31: a child that is registered after its parent has the checksum that the parent refers to", async () => {
    const { client, topFields, middle, middleFields } = await nested();
    await makeSchema(client, ((await client.get("/block_types/slug/top")).body as Body).id, topFields);
    const type = ((await client.get("/block_types/slug/middle")).body as Body).id;
    const again = await client.post("/block_schemas/", { block_type_id: type, fields: { ...middleFields, definitions: { Leaf: LEAF } } });
    expect(again).toMatchObject({ status: 200, body: { checksum: middle } });
  });

  test("33 34 37: definitions that are no blocks survive, in any mixture with those that are, and so does every number", async () => {
    const { client, leaf } = await nested();
    const type = ((await client.get("/block_types/slug/top")).body as Body).id;
    const fields = `{"title":"Top","type":"object","properties":{"m":{"$ref":"#/definitions/Model"},"e":{"$ref":"#/definitions/Color"},"l":{"type":"array","items":{"$ref":"#/definitions/Model"}},"u":{"anyOf":[{"$ref":"#/definitions/Model"},{"type":"null"}]},"leaf":{"$ref":"#/definitions/Leaf"},"f":{"default":1.0},"i":{"default":1},"b":{"default":12345678901234567890}},"block_type_slug":"top","secret_fields":[],"block_schema_references":{"leaf":{"block_type_slug":"leaf","block_schema_checksum":"${leaf}"}},"definitions":{"Model":{"type":"object","properties":{"inner":{"$ref":"#/definitions/Inner"}}},"Inner":{"type":"object","properties":{"x":{"type":"number","default":1e16}}},"Color":{"enum":["red"],"type":"string"},"Leaf":${JSON.stringify(LEAF)}}}`;
    const made = await client.post("/block_schemas/", `{"block_type_id":"${type}","fields":${fields}}`);
    expect(made.status).toBe(201);
    expect((await client.get(`/block_schemas/${(made.body as Body).id}`)).text).toContain(`"fields":${fields.replace("1e16", "1e+16")}`);
  });

  test("38: a schema does not change when one that it refers to is deleted; documents of both go on", async () => {
    const { client, leaf, topFields } = await nested();
    const top = await makeSchema(client, ((await client.get("/block_types/slug/top")).body as Body).id, topFields);
    const child = ((await client.get(`/block_schemas/checksum/${leaf}`)).body as Body).id;
    expect((await client.delete(`/block_schemas/${child}`)).status).toBe(204);
    expect(((await client.get(`/block_schemas/${top}`)).body as Body).fields).toEqual(topFields);
  });

  test("a child of a type that nobody registered is 409, one that is nowhere defined 422; nothing is stored then", async () => {
    const { client, topFields } = await nested();
    const type = ((await client.get("/block_types/slug/top")).body as Body).id;
    const unknown = { ...topFields, block_schema_references: { middle: { block_type_slug: "nobody", block_schema_checksum: NO_SUM } } };
    expect(await client.post("/block_schemas/", { block_type_id: type, fields: unknown })).toMatchObject({
      status: 409,
      body: {
        detail: "Cannot create block schema because block type 'nobody' was not found.Did you forget to register the block type?",
      },
    });
    const { definitions: _none, ...undefinedFields } = topFields;
    expect((await client.post("/block_schemas/", { block_type_id: type, fields: undefinedFields })).status).toBe(422);
    expect((await client.post("/block_schemas/filter")).body).toEqual([]);
  });
});

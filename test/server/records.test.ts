/** Records that cannot be opened, several servers on one store, writes at the same time. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { openStore } from "../../src/index.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { temporaryFolder } from "../temporary.ts";
import { type Client, type Serving, serving } from "./serving.ts";
import { type Body, idOf, makeSchema, PART_FIELDS, subject } from "./subject.ts";

const folder = temporaryFolder();

async function ready() {
  const path = join(folder, `${randomUUID()}.db`);
  const keys = [keyText(generateKey())];
  const open = () => openStore(`sqlite:${path}`, { create: true, keys });
  const server = await serving({ store: await open() });
  const client = await server.client("admin");
  const change = (sql: string) => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  };
  return { server, client, open, change, ...(await subject(client)) };
}

/** Two ways to spoil the document `bad`: its seal, and all that can be read of it. */
const SPOILED = [
  ["its seal was changed", "UPDATE records SET sealed = 'ashlar1.00000000.AAAA' WHERE name = 'bad'", false],
  ["it is no record any more", "UPDATE records SET body = 'x' WHERE name = 'bad'", true],
] as const;

describe.each(SPOILED)("a document of which %s", (_how, sql, gone) => {
  test("breaks no list: it stands there with empty data where it cannot be opened; alone it is an error that clients do not repeat", async () => {
    const { client, change, make, ref } = await ready();
    const bad = await make("bad", { a: "s3cr3t", b: "x" });
    const good = await make("good");
    await make("parent", { child: ref(bad) });
    change(sql);
    const lists = {
      "the filter": async (secrets: boolean) => (await client.post("/block_documents/filter", { include_secrets: secrets })).body as Body[],
      "the type's list": async (secrets: boolean) =>
        (await client.get(`/block_types/slug/part/block_documents?include_secrets=${secrets}`)).body as Body[],
    };
    for (const [name, list] of Object.entries(lists)) {
      const open = new Map((await list(true)).map((document) => [document.name, document]));
      expect([name, [...open.keys()]]).toEqual([name, ["bad", "good", "parent"]]);
      expect([name, open.get("bad")?.data, open.get("bad")?.id]).toEqual([name, {}, bad]);
      expect([name, open.get("parent")?.data]).toEqual([name, {}]);
      expect([name, open.get("good")?.data]).toEqual([name, { a: "s3cr3t", b: "x" }]);
      const masked = new Map((await list(false)).map((document) => [document.name, document]));
      expect([name, masked.get("bad")?.data]).toEqual([name, gone ? {} : { a: "********", b: "x" }]);
    }
    const filter = { block_documents: { id: { any_: [bad, good] } } };
    expect(((await client.post("/block_documents/filter", filter)).body as Body[]).map(({ name }) => name)).toEqual(["bad", "good"]);
    expect((await client.post("/block_documents/count")).body).toBe(3);
    for (const path of [`/block_documents/${bad}`, "/block_types/slug/part/block_documents/name/bad"]) {
      const answer = await client.get(`${path}?include_secrets=true`);
      expect(answer).toMatchObject({ status: 500, body: { detail: expect.stringContaining("part/bad") } });
      expect((await client.get(path)).status).toBe(gone ? 500 : 200);
    }
  });

  test("can be deleted", async () => {
    const { client, change, make } = await ready();
    const bad = await make("bad");
    change(sql);
    expect((await client.delete(`/block_documents/${bad}`)).status).toBe(204);
    expect((await client.get(`/block_documents/${bad}`)).status).toBe(404);
    await make("bad");
  });

  test("can be entered anew, and a change of some of it is the same error as reading", async () => {
    const { client, change, make, schema, data } = await ready();
    const bad = await make("bad", { a: "s3cr3t", b: "x" });
    change(sql);
    const patch = (body: object) => client.patch(`/block_documents/${bad}`, body);
    expect((await patch({ data: { b: "y" } })).status).toBe(500);
    expect((await patch({ data: { a: "********" }, merge_existing_data: false, block_schema_id: schema })).status).toBe(500);
    const anew = { a: "anew", b: "y" };
    expect((await patch({ data: anew, merge_existing_data: false, block_schema_id: schema })).status).toBe(204);
    expect(await data(bad)).toEqual(anew);
  });
});

test("a schema that was changed is an error of its own, breaks no list, and can be deleted", async () => {
  const { client, change, type, make } = await ready();
  await make("x");
  const other = await makeSchema(client, type, { ...PART_FIELDS, title: "Other" });
  change(`UPDATE records SET body = replace(body, 'Other', 'Otter') WHERE id = '${other}'`);
  expect((await client.get(`/block_schemas/${other}`)).status).toBe(500);
  expect((await client.post("/block_schemas/filter")).body).toHaveLength(1);
  expect((await client.post("/block_documents/filter")).body).toHaveLength(1);
  expect((await client.delete(`/block_schemas/${other}`)).status).toBe(204);
});

describe("several servers on one store", () => {
  async function two(): Promise<{ one: Client; two: Client; servers: Serving[] }> {
    const { server, client, open } = await ready();
    const second = await serving({ store: await open() });
    return { one: client, two: second.stranger(client.authorization), servers: [server, second] };
  }

  test("agree at once on documents, types, schemas and what is gone", async () => {
    const { one, two: other } = await two();
    const type = ((await one.get("/block_types/slug/part")).body as Body).id;
    for (let turn = 0; turn < 5; turn++) {
      const fields = { ...PART_FIELDS, title: `Turn ${turn}` };
      const schema = await makeSchema(other, type, fields);
      const body = { name: "x", data: { b: String(turn) }, block_schema_id: schema, block_type_id: type };
      const id = idOf(await one.post("/block_documents/", body));
      await other.patch(`/block_types/${type}`, { description: `Turn ${turn}` });
      for (const client of [one, other]) {
        const read = (await client.get("/block_types/slug/part/block_documents/name/x")).body as Body;
        expect(read).toMatchObject({ id, data: { b: String(turn) }, block_schema_id: schema, block_type: { description: `Turn ${turn}` } });
        expect(read.block_schema.fields).toEqual(fields);
      }
      await one.patch(`/block_documents/${id}`, { data: { b: "changed" } });
      expect((await other.get(`/block_documents/${id}`)).body).toMatchObject({ data: { b: "changed" } });
      await other.delete(`/block_schemas/${schema}`);
      expect((await one.get(`/block_documents/${id}`)).status).toBe(404);
      const anew = await makeSchema(one, type, fields);
      expect((await other.get(`/block_schemas/${anew}`)).status).toBe(200);
      idOf(await other.post("/block_documents/", { ...body, block_schema_id: anew }));
      expect((await one.get("/block_types/slug/part/block_documents/name/x")).body).toMatchObject({ block_schema_id: anew });
      await one.delete(`/block_schemas/${anew}`);
    }
  });

  test("a token that is revoked through one is refused by the other from the next request on", async () => {
    const { servers } = await two();
    const [first, second] = servers as [Serving, Serving];
    const client = await first.client("viewer");
    const there = second.stranger(client.authorization);
    expect((await there.get("/version")).status).toBe(200);
    const [token] = (await first.store.accessTokens?.list())?.filter(({ roles }) => roles.includes("viewer")) ?? [];
    await first.store.accessTokens?.revoke(token?.name ?? "");
    expect((await there.get("/version")).status).toBe(401);
  });

  test("of changes of different keys at the same time, none is lost, nor refused", async () => {
    const { one, two: other } = await two();
    const { type, schema } = await (async () => {
      const found = (await one.post("/block_schemas/filter")).body as Body[];
      return { type: found[0].block_type_id, schema: found[0].id };
    })();
    const id = idOf(await one.post("/block_documents/", { name: "x", data: {}, block_schema_id: schema, block_type_id: type }));
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
    const answers = await Promise.all(
      keys.map((key, index) => (index % 2 === 0 ? one : other).patch(`/block_documents/${id}`, { data: { [key]: index } })),
    );
    expect(answers.filter(({ status }) => status !== 204)).toEqual([]);
    const { data } = (await one.get(`/block_documents/${id}`)).body as Body;
    expect(Object.keys(data).toSorted()).toEqual(keys.toSorted());
  });

  test("of thirty who make one name, one is 201 and all others 409", async () => {
    const { one, two: other } = await two();
    const [schema] = (await one.post("/block_schemas/filter")).body as Body[];
    const body = { name: "x", data: {}, block_schema_id: schema.id, block_type_id: schema.block_type_id };
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => (index % 2 === 0 ? one : other).post("/block_documents/", body)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array.from({ length: 29 }, () => 409)]);
  });
});

/** Values at the edges between Python's client and ours: kinds, nesting, unions, older documents, and what people leave behind in the page. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { Azure } from "../../blocks/azure.ts";
import { AzureContainer } from "../../blocks/azure-container.ts";
import { DatabricksCredentials } from "../../blocks/databricks-credentials.ts";
import { SecretBlock } from "../../blocks/secret.ts";
import { Block, block, bytes, openStore, Secret, type Store, secret } from "../../src/index.ts";
import { type PrefectServer, startPrefectServer } from "./prefect-server.ts";
import { type PythonSide, startPython } from "./python-side.ts";

const EdgeModel = z.object({ user: z.string(), password: secret().optional() }).meta({ id: "EdgeModel" });
class EdgeChild extends Block.define({ name: "EdgeChild", fields: { label: z.string(), token: secret() } }) {}
class EdgeOther extends Block.define({ name: "EdgeOther", fields: { label: secret(), size: z.int().default(1) } }) {}
class Edges extends Block.define({
  name: "Edges",
  fields: {
    text: z.string(),
    number: z.number().default(1),
    count: z.int().default(0),
    flag: z.boolean().default(false),
    when: z.date().optional(),
    day: z.iso.date().optional(),
    raw: bytes().default(new Uint8Array()),
    unset: z.string().optional(),
    words: z.array(z.string()).prefault(() => []),
    token: secret().optional(),
    tokens: z.array(secret()).prefault(() => []),
    headers: secret(z.record(z.string(), z.unknown())).optional(),
    account: EdgeModel.optional(),
    accounts: z.array(EdgeModel).prefault(() => []),
    child: block(EdgeChild).optional(),
    children: z.array(block(EdgeChild)).prefault(() => []),
    either: z.union([block(EdgeChild), block(EdgeOther)]).optional(),
  },
}) {}
class Keyring extends Block.define({
  name: "Keyring",
  description: "What a masked view forgets in Python: aliases, dictionaries of secrets and of models, bytes.",
  fields: {
    apiKey: secret().optional().meta({ key: "apiKey" }),
    extra: secret(z.record(z.string(), z.unknown())).optional().meta({ key: "Extra" }),
    named: z.record(z.string(), secret()).prefault(() => ({})),
    models: z.record(z.string(), EdgeModel).prefault(() => ({})),
    binary: secret(bytes()).optional(),
    label: z.string().default("public"),
  },
}) {}

let server: PrefectServer;
let python: PythonSide;
let store: Store;

beforeAll(async () => {
  server = await startPrefectServer();
  python = await startPython(server.environment);
  store = await openStore(`prefect+${server.apiUrl}`);
});
afterAll(async () => {
  await store?.close();
  await python?.stop();
  await server?.stop();
});

async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await fetch(server.apiUrl + path, init);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

test.each([EdgeChild, EdgeOther, Edges, Keyring])("the class $name has Python's checksum", async (cls) => {
  expect(cls.checksum).toBe(await python.checksum(cls.slug));
});

const TEXTS = ["", " ", "ünï → 東京 𝒳 🔑 👩‍🚒", "\u0000\u0001\u001f\u007f\u2028\ufeff", `'"\\;--\n\t`, "null", "{{ prefect.blocks.a.b }}"];
const edges = (text: string) =>
  new Edges({
    text,
    number: 1,
    count: Number.MAX_SAFE_INTEGER,
    flag: true,
    when: new Date("2024-02-29T23:59:59.999Z"),
    day: "2024-02-29",
    raw: new TextEncoder().encode(`bytes ${text}`),
    words: [text, "b"],
    token: text,
    tokens: [text, "second"],
    headers: { [`key ${text}`]: text, deep: { list: [1, null, { [text]: true }] } },
    account: { user: text, password: text },
    accounts: [{ user: "a", password: text }, { user: "b" }],
    child: { label: text, token: text },
    children: [{ label: "1", token: text }],
    either: new EdgeOther({ label: text, size: 2 }),
  });

describe("values", () => {
  test.each(TEXTS.map((text, index) => [index, text] as const))("text %i of ours comes through Python and back", async (index, text) => {
    const ours = edges(text);
    await ours.save(`edge-${index}`, { store, overwrite: true });
    const { data } = await python.load("edges", `edge-${index}`);
    expect(data.text).toBe(text);
    expect(data.headers).toEqual({ [`key ${text}`]: text, deep: { list: [1, null, { [text]: true }] } });
    await python.save("edges", `back-${index}`, data, true);
    expect((await Edges.load(`back-${index}`, { store })).equals(ours)).toBe(true);
  });

  test("of eight asterisks are kept as a secret, and no mask becomes a value", async () => {
    const stars = new Secret("********");
    await edges("x")
      .with({ token: stars, tokens: [stars] })
      .save("stars", { store, overwrite: true });
    expect((await python.load("edges", "stars")).data).toMatchObject({ token: "********", tokens: ["********"] });
    const read = await Edges.load("stars", { store });
    expect(read.token?.reveal()).toBe("********");
    await read.with({ text: "y" }).save("stars", { store, overwrite: true }); // unchanged asterisks may be written again
    await edges("x").save("no-stars", { store, overwrite: true });
    await expect(edges("x").with({ token: stars }).save("no-stars", { store, overwrite: true })).rejects.toMatchObject({
      code: "ERR_UNSUPPORTED",
      message: expect.stringContaining("token is 8 asterisks"),
    });
    const headers = new Secret({ new: "********" });
    await expect(edges("x").with({ headers }).save("no-stars", { store, overwrite: true })).rejects.toMatchObject({
      code: "ERR_UNSUPPORTED",
    });
    expect((await Edges.load("no-stars", { store })).equals(edges("x"))).toBe(true);
  });

  test("beyond what JavaScript holds are refused, not rounded; as text they are kept", async () => {
    const id = await python.save("edges", "huge", { text: "x" }, true);
    await fetch(`${server.apiUrl}/block_documents/${id}`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: '{"data":{"count":12345678901234567891}}',
    });
    await expect(Edges.load("huge", { store })).rejects.toMatchObject({
      code: "ERR_UNSUPPORTED",
      message: expect.stringContaining("count"),
    });
    expect((await store.inspect({ type: "edges", name: "huge" })).data.count).toBe("12345678901234567891");
    await edges("12345678901234567891").save("huge-text", { store, overwrite: true });
    expect((await python.load("edges", "huge-text")).data.text).toBe("12345678901234567891");
  });

  test("that Prefect could not write again are refused before they are sent", async () => {
    const before = await store.names({ type: "edges" });
    for (const input of [{ text: "\ud800" }, { text: "x", token: "\udfff" }, { text: "x", headers: { "\ud800": 1 } }])
      await expect(new Edges(input).save("half", { store })).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
    expect(await store.names({ type: "edges" })).toEqual(before);
  });

  test("of Python's defaults and nulls read as unset", async () => {
    await python.save("edges", "bare", { text: "x" }, true);
    const bare = await Edges.load("bare", { store });
    expect(bare.equals(new Edges({ text: "x" }))).toBe(true);
    expect(bare.unset).toBeUndefined();
  });
});

describe("nesting", () => {
  test("a union is told by its slug, saved or not, whoever wrote it", async () => {
    const saved = await new EdgeChild({ label: "c", token: "t" }).save("in-union", { store, overwrite: true });
    await edges("x").with({ either: saved }).save("union", { store, overwrite: true });
    expect((await python.load("edges", "union")).nested.either).toEqual(["EdgeChild", "in-union"]);
    expect((await Edges.load("union", { store })).either).toBeInstanceOf(EdgeChild);
    await python.save("edges", "union-theirs", { text: "x", either: { load: "edgechild/in-union" } }, true);
    const read = await Edges.load("union-theirs", { store });
    expect([read.either instanceof EdgeChild, read.either?.document?.name]).toEqual([true, "in-union"]);
    await python.save("edges", "union-inline", { text: "x", either: { block_type_slug: "edgeother", label: "l", size: 3 } }, true);
    expect((await Edges.load("union-inline", { store })).either?.equals(new EdgeOther({ label: "l", size: 3 }))).toBe(true);
  });

  test("a changed child reaches its parents on both sides", async () => {
    const child = await new EdgeChild({ label: "c", token: "old" }).save("rotated", { store, overwrite: true });
    await edges("x").with({ child }).save("parent", { store, overwrite: true });
    await python.save("edgechild", "rotated", { label: "c", token: "new" }, true);
    expect((await Edges.load("parent", { store })).child?.token.reveal()).toBe("new");
    await child.with({ token: "newer" }).save(undefined, { store, overwrite: true });
    expect((await python.load("edges", "parent")).data.child).toMatchObject({ token: "newer" });
  });

  test("a reference below the top level is refused; a copy is stored when asked for, and read by Python", async () => {
    const child = await new EdgeChild({ label: "c", token: "t" }).save("below", { store, overwrite: true });
    const parent = edges("x").with({ children: [child] });
    await expect(parent.save("lists", { store, overwrite: true })).rejects.toMatchObject({
      code: "ERR_UNSUPPORTED",
      message: expect.stringMatching(/children\[0\] refers to edgechild\/below below the top level.*inline: true/),
    });
    await parent.save("lists", { store, overwrite: true, inline: true });
    expect((await python.load("edges", "lists")).data.children).toMatchObject([{ label: "c", token: "t" }]);
    expect((await Edges.load("lists", { store })).equals(parent)).toBe(true);
  });

  test("a copy that Python made of a saved block in a list loads without Python's traces", async () => {
    await python.save("edges", "snapshot", { text: "x", children: [{ load: "edgechild/below" }] }, true);
    const [document] = await store.load({ type: "edges", name: "snapshot" });
    expect(JSON.stringify(document?.data)).not.toContain("_block_document");
    const [copy] = (await Edges.load("snapshot", { store })).children;
    expect([copy?.label, copy?.token.reveal(), copy?.document]).toEqual(["c", "t", null]);
  });

  test("anonymous documents are loaded by their id, and by Python", async () => {
    const saved = await new EdgeChild({ label: "a", token: "t" }).save(undefined, { store, anonymous: true });
    expect(saved.document?.name).toMatch(/^anonymous-/);
    const name = saved.document?.name ?? "";
    expect((await python.load("edgechild", name)).data).toMatchObject({ label: "a", token: "t" });
    expect((await EdgeChild.names({ store })).includes(name)).toBe(false);
    expect((await EdgeChild.load({ id: saved.document?.id ?? "" }, { store })).label).toBe("a");
  });
});

describe("what Python's server does not mask", () => {
  const keyring = { apiKey: "s1", Extra: { k: "s2" }, named: { n: "s3" }, models: { m: { user: "u", password: "s4" } }, binary: "s5" };

  test("is masked by us in every masked view, and loads as it is", async () => {
    await python.save("keyring", "theirs", keyring, true);
    for (const shown of [await store.inspect({ type: "keyring", name: "theirs" }), await store.list({ type: "keyring" })])
      expect(JSON.stringify(shown)).not.toMatch(/s[1-5]"/);
    const read = await Keyring.load("theirs", { store });
    const expected = new Keyring({
      apiKey: "s1",
      extra: { k: "s2" },
      named: { n: "s3" },
      models: { m: { user: "u", password: "s4" } },
      binary: new TextEncoder().encode("s5"),
    });
    expect(read.equals(expected)).toBe(true);
    await expected.save("ours", { store, overwrite: true });
    expect((await python.load("keyring", "ours")).data).toMatchObject(keyring);
  });

  test("a Secret with an object", async () => {
    await python.save("secret", "object", { value: { user: "u", password: "s3cr3t" } }, true);
    expect(JSON.stringify(await store.inspect({ type: "secret", name: "object" }))).not.toContain("s3cr3t");
    expect((await SecretBlock.load("object", { store })).get()).toEqual({ user: "u", password: "s3cr3t" });
  });
});

describe("documents of other times and hands", () => {
  test("a block Azure as Prefect 2.10 saved it", async () => {
    const releases = JSON.parse(readFileSync(new URL("../fixtures/core-blocks-by-release.json", import.meta.url), "utf8")) as Releases;
    const old = azureOf(releases, "d7b8e34b2198");
    const type = await api<{ id: string }>("POST", "/block_types/", { name: "Azure", slug: "azure" });
    const schema = await api<{ id: string; checksum: string }>("POST", "/block_schemas/", {
      fields: old,
      block_type_id: type.id,
      version: "2.10.9",
      capabilities: ["get-directory", "put-directory", "read-path", "write-path"],
    });
    expect(schema.checksum).toMatch(/^sha256:d7b8e34b2198/);
    const data = {
      bucket_path: "mta-demo/stage",
      azure_storage_connection_string: null,
      azure_storage_account_name: "mtademo",
      azure_storage_account_key: "key",
      azure_storage_tenant_id: null,
      azure_storage_client_id: null,
      azure_storage_client_secret: null,
      azure_storage_anon: true,
    };
    const post = { data, block_schema_id: schema.id, block_type_id: type.id };
    const { id } = await api<{ id: string }>("POST", "/block_documents/", { ...post, name: "mtademo" });
    const azure = await Azure.load("mtademo", { store });
    expect([azure.bucketPath, azure.azureStorageAccountKey?.reveal(), azure.azureStorageTenantId]).toEqual([
      "mta-demo/stage",
      "key",
      undefined,
    ]);
    const masked = await store.inspect({ type: "azure", name: "mtademo" });
    expect(Object.keys(masked.secrets).sort()).toEqual(["/azure_storage_account_key", "/azure_storage_account_name"]);
    expect(masked.schema).toBe(schema.checksum);
    await azure.with({ bucketPath: "other" }).save(undefined, { store, overwrite: true }); // migrates to the class's schema
    expect(await store.inspect({ type: "azure", name: "mtademo" })).toMatchObject({
      id,
      schema: Azure.checksum,
      data: { bucket_path: "other" },
    });
    expect((await python.load("azure", "mtademo")).data).toMatchObject({ bucket_path: "other", azure_storage_account_key: "key" });
  });

  test("fields that a class has no longer do not hinder loading, and Python's leftovers are not shown", async () => {
    class Before extends Block.define({
      name: "Aged",
      title: "Aged",
      fields: { kept: z.string(), gone: secret(), child: block(EdgeOther).optional() },
    }) {}
    class After extends Block.define({ name: "Aged", title: "Aged", fields: { kept: z.string(), child: block(EdgeOther).optional() } }) {}
    const saved = await new Before({ kept: "k", gone: "leftover" }).save("aged", { store });
    expect((await After.load("aged", { store })).kept).toBe("k");
    await After.register({ store });
    const schema = await store.schema({ type: "aged", checksum: After.checksum });
    await api("PATCH", `/block_documents/${saved.document?.id}`, { data: { kept: "merged" }, block_schema_id: schema?.id }); // as Python's client does
    expect((await After.load("aged", { store })).kept).toBe("merged");
    expect(JSON.stringify([await store.inspect({ type: "aged", name: "aged" }), await store.list({ type: "aged" })])).not.toContain(
      "leftover",
    );
  });

  test("a document filled in by hand: fields missing, references as objects", async () => {
    await AzureContainer.register({ store });
    const [type, schema] = [await store.type({ slug: "azurecontainer" }), await store.schema({ type: "azurecontainer" })];
    const credentials = await new Azure({ bucketPath: "b", azureStorageAccountKey: "k" }).save("by-hand", { store });
    const post = { block_type_id: type?.id, block_schema_id: schema?.id, is_anonymous: false };
    const reference = { $ref: { block_document_id: credentials.document?.id } };
    await api("POST", "/block_documents/", { ...post, name: "whole", data: { container: "c", credentials: reference } });
    expect((await AzureContainer.load("whole", { store })).credentials.azureStorageAccountKey?.reveal()).toBe("k");
    await api("POST", "/block_documents/", { ...post, name: "partial", data: { credentials: reference } });
    await expect(AzureContainer.load("partial", { store })).rejects.toMatchObject({
      code: "ERR_SCHEMA",
      message: expect.stringContaining("container: is missing"),
    });
  });

  test("a child that was deleted in the page leaves a field missing, which is said", async () => {
    const credentials = await new Azure({ bucketPath: "b" }).save("lost", { store });
    await new AzureContainer({ container: "c", credentials }).save("orphan", { store });
    await api("DELETE", `/block_documents/${credentials.document?.id}`);
    await expect(AzureContainer.load("orphan", { store })).rejects.toMatchObject({
      code: "ERR_SCHEMA",
      message: expect.stringContaining("credentials"),
    });
  });

  test("types and schemas deleted behind our back are made anew by the next save; by other means it is said", async () => {
    await new EdgeOther({ label: "l" }).save("first", { store });
    await api("DELETE", `/block_types/${(await store.type({ slug: "edgeother" }))?.id}`);
    await new EdgeOther({ label: "l" }).save("second", { store });
    expect((await EdgeOther.load("second", { store })).size).toBe(1);
    const [draft] = await store.load({ type: "edgeother", name: "second" });
    await api("DELETE", `/block_types/${(await store.type({ slug: "edgeother" }))?.id}`);
    if (draft) await expect(store.save({ ...draft, name: "third" })).rejects.toMatchObject({ code: "ERR_UNKNOWN_TYPE" });
  });

  test("Prefect's own types cannot be deleted, and are told as such", async () => {
    await expect(store.deleteType("secret", { cascade: true })).rejects.toMatchObject({ code: "ERR_PROTECTED" });
    const schema = await store.schema({ type: "secret" });
    await expect(store.deleteSchema(schema?.id ?? "", { cascade: true })).rejects.toMatchObject({ code: "ERR_PROTECTED" });
  });

  test("a Python version's row of a schema serves: ours is not stored beside it", async () => {
    const rows = async () => (await store.schemas({ type: DatabricksCredentials.slug })).map(({ version }) => version);
    const before = await rows();
    expect(before.some((version) => /^\d/.test(version))).toBe(true);
    await new DatabricksCredentials({ databricksInstance: "i", token: "t" }).save("row", { store });
    expect(await rows()).toEqual(before);
  });
});

interface Releases {
  readonly [name: string]: unknown;
}

/** The fields of the published schema of Azure whose checksum begins so, wherever the fixture has it. */
function azureOf(tree: unknown, checksum: string): object {
  if (typeof tree === "object" && tree !== null) {
    const node = tree as Record<string, unknown>;
    if (typeof node.checksum === "string" && node.checksum.startsWith(`sha256:${checksum}`)) return node.fields as object;
    for (const each of Object.values(node)) {
      const found = azureOf(each, checksum);
      if (Object.keys(found).length > 0) return found;
    }
  }
  return {};
}

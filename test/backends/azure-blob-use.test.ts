/** What the Azure Blob backend does of its own: opening, names, damage, interrupted and lost writes, how often it asks. On a real Azurite. */
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { ContainerClient, ContainerSASPermissions, StorageSharedKeyCredential } from "@azure/storage-blob";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { type AzureBlobOptions, azureBlobBackend, openBackend } from "../../src/backends/azure-blob.ts";
import { decoded, encoded, placeOf, placeText } from "../../src/backends/azure-blob-record.ts";
import type { Backend, StoredRecord } from "../../src/backends/backend.ts";
import { comesBack, create, namesOf, next, over, record } from "../../src/testing/backend-subject.ts";
import { refused } from "../../src/testing/suite.ts";
import { startAzurite } from "../azurite.ts";
import { later } from "../later.ts";
import { type Call, Lost, type Watcher, watched } from "./watched-container.ts";

const azurite = await startAzurite();
afterAll(() => azurite.stop());
afterEach(() => void vi.unstubAllEnvs());

const newContainer = () => new ContainerClient(azurite.connectionString, randomUUID());
const HOUR = 3_600_000;
const CANARY = "canary-4411aa";

async function opened(options: Partial<AzureBlobOptions> & { watcher?: Watcher } = {}) {
  const { watcher = {}, ...more } = options;
  const client = newContainer();
  const backend = await azureBlobBackend({ container: watched(client, watcher), create: true, ...more });
  /** The same store, as another process opens it. */
  const another = () => azureBlobBackend({ container: client, ...more });
  return { client, backend, watcher, another };
}

const placeIn = (name: string) => ({ kind: "document", type: "part", name }) as const;

describe("a URL", () => {
  const url = (container: string, query = "") => `azure-blob://${azurite.account}/${container}${query}`;

  it("and a connection string from the environment name a store; its own URL names it too", async () => {
    vi.stubEnv("AZURE_STORAGE_CONNECTION_STRING", azurite.connectionString);
    const container = randomUUID();
    await refused("ERR_NO_STORE", () => openBackend(url(container)));
    const made = await openBackend(url(container), { create: true });
    const [one] = await create(made, record("one"));
    for (const each of [url(container), made.url]) expect(await (await openBackend(each)).get({ id: one.id })).toEqual(one);
    expect(await (await openBackend(url(container), { create: true })).storeId()).toBe(await made.storeId());
  });

  it("with a folder names a store of its own in the same container", async () => {
    vi.stubEnv("AZURE_STORAGE_CONNECTION_STRING", azurite.connectionString);
    const container = randomUUID();
    const stores = await Promise.all(
      ["", "?prefix=a", "?prefix=a/b", "?prefix=a/"].map((query) => openBackend(url(container, query), { create: true })),
    );
    const [root, a, ab, same] = stores as [Backend, Backend, Backend, Backend];
    expect(a.url).toMatch(/\?prefix=a$/);
    for (const [index, each] of [root, a, ab].entries()) await create(each, record("one", { data: { index } }), record(`only-${index}`));
    expect(await namesOf(a.list({ kind: "document", limit: 10 }))).toEqual(["one", "only-1"]);
    expect(await namesOf(same.scan({ limit: 10 }).then((all) => all.toSorted((x, y) => (x.name < y.name ? -1 : 1))))).toEqual([
      "one",
      "only-1",
    ]);
    expect((await root.get(placeIn("one")))?.data).toEqual({ index: 0 });
    for (const each of stores) expect(await each.check()).toEqual([]);
    expect(new Set(await Promise.all(stores.map((each) => each.storeId()))).size).toBe(3);
  });

  it("of another form is refused and not repeated", async () => {
    for (const bad of [
      "azure-blob:",
      "azure-blob://account",
      "azure-blob://account/",
      "azure-blob://account/UPPER",
      "azure-blob://account/a",
      "azure-blob://account/a--b",
      "azure-blob://account/a/b/container",
      `azure-blob://account/container?sig=${CANARY}`,
      `azure-blob://account/container?prefix=a&sv=${CANARY}`,
      `azure-blob://account:${CANARY}@host/container`,
      "azure-blob://account/container?prefix=../a",
      "azure-blob://account/container?prefix=/a",
      "azure-blob://account/container?prefix=a//b",
      "azure-blob://account/container?prefix=a./b",
      `azure-blob://account/container?prefix=${CANARY}%0a`,
    ]) {
      const { message } = await refused("ERR_INVALID", () => openBackend(bad));
      expect(message).not.toContain(CANARY);
    }
  });

  it("with a damaged connection string is refused without it", async () => {
    for (const bad of [
      "x",
      `AccountName=${azurite.account};AccountKey=${CANARY}`,
      azurite.connectionString.replace(/AccountKey=.{9}/, `AccountKey=${CANARY}#`),
    ]) {
      vi.stubEnv("AZURE_STORAGE_CONNECTION_STRING", bad);
      const error = await refused(["ERR_INVALID", "ERR_DENIED"], () => openBackend(url("container")));
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain(CANARY);
    }
  });
});

describe("who is not let in", () => {
  it("with a wrong key is ERR_DENIED, and nothing is told as absent", async () => {
    const { client } = await opened();
    const credential = new StorageSharedKeyCredential(azurite.account, Buffer.alloc(64).toString("base64"));
    const error = await refused("ERR_DENIED", () => azureBlobBackend({ container: new ContainerClient(client.url, credential) }));
    expect(error.message).toMatch(/refuses access \(403 AuthorizationFailure\): the role "Storage Blob Data Contributor"/);
    expect(inspect(error, { depth: null, showHidden: true })).not.toMatch(/SharedKey|authorization:/i);
  });

  it("with a signature for reading may read; writing is ERR_DENIED, and check says so", async () => {
    const { client, backend } = await opened();
    const [one] = await create(backend, record("one"));
    const sign = (permissions: string) =>
      client.generateSasUrl({ permissions: ContainerSASPermissions.parse(permissions), expiresOn: new Date(Date.now() + HOUR) });
    const reader = await azureBlobBackend({ container: new ContainerClient(await sign("rl")) });
    expect(reader.url).toBe(backend.url); // without the signature
    await comesBack(reader, one);
    const uses = [() => reader.put(next(one), 1), () => reader.put(record("two"), null), () => reader.remove([one])];
    for (const use of uses) expect(inspect(await refused("ERR_DENIED", use), { depth: null, showHidden: true })).not.toMatch(/sig=/);
    expect(await reader.check()).toEqual([expect.stringMatching(/refuses access \(403 Authorization\w+\)/)]);
    await comesBack(backend, one);
  });
});

describe("a container that is no store, or not any more", () => {
  it("was made by a newer version, or is damaged: each is said", async () => {
    const { client, another } = await opened();
    const put = (text: string) => client.getBlockBlobClient("store").upload(text, Buffer.byteLength(text));
    await put('{"format":2,"id":"00000000-0000-4000-8000-000000000000"}');
    await refused("ERR_UNSUPPORTED", another);
    await put("{}");
    await refused("ERR_CANNOT_OPEN", another);
    await client.getBlockBlobClient("store").delete();
    await refused("ERR_NO_STORE", another);
  });

  it("is gone while it is in use: ERR_NO_STORE, never an absence", async () => {
    const { client, backend } = await opened();
    const [one] = await create(backend, record("one"));
    await client.delete();
    const uses = [
      () => backend.get({ id: one.id }),
      () => backend.get(placeIn("one")),
      () => backend.list({ kind: "document", limit: 1 }),
      () => backend.put(next(one), 1),
      () => backend.put(record("two"), null),
      () => backend.remove([one]),
      () => backend.check(),
    ];
    for (const use of uses) await refused("ERR_NO_STORE", use);
  });

  it("cannot be reached: ERR_UNREACHABLE, in reading and opening", async () => {
    const other = await startAzurite();
    const container = new ContainerClient(other.connectionString, "container", { retryOptions: { maxTries: 1 } });
    const backend = await azureBlobBackend({ container, create: true });
    await other.stop();
    expect((await refused("ERR_UNREACHABLE", () => backend.get(placeIn("one")))).message).toMatch(/Nothing listens at azure-blob:/);
    await refused("ERR_UNREACHABLE", () => azureBlobBackend({ container, create: true }));
  });
});

describe("names", () => {
  const text = fc.string({ unit: "binary", maxLength: 12 }).filter((each) => each.isWellFormed());

  it("become blob names that come back, keep the order of bytes, and need no encoding", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(decoded(encoded(a))).toBe(a);
        const order = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(encoded(a) < encoded(b) ? -1 : encoded(a) > encoded(b) ? 1 : 0).toBe(order);
        expect(encoded(a)).toMatch(/^(?:[-0-9A-Za-z]|[$.=_~][0-9a-f]{2})*$/);
      }),
    );
    fc.assert(
      fc.property(text, text, text, text, (type, name, type2, name2) => {
        const [one, two] = [{ kind: "document", type, name } as const, { kind: "document", type: type2, name: name2 } as const];
        expect(placeOf(placeText(one))).toEqual(one);
        const order = Buffer.compare(Buffer.from(type), Buffer.from(type2)) || Buffer.compare(Buffer.from(name), Buffer.from(name2));
        expect(Math.sign(placeText(one) < placeText(two) ? -1 : placeText(one) > placeText(two) ? 1 : 0)).toBe(order);
      }),
    );
    expect(() => encoded("\ud800")).toThrow(/half of a character/);
  });

  it("of any text are kept apart and listed in order", async () => {
    const { backend } = await opened();
    const names = [
      "..",
      ".",
      "/",
      "a/b",
      "a%2Fb",
      "a!b",
      "a",
      "A",
      "Ä",
      "ä",
      "東京",
      "🔑",
      " ",
      "",
      "\n",
      "a.",
      "a\\b",
      "con",
      "~",
      "$",
      "-",
    ];
    const records = await create(backend, ...names.map((name) => record(name, { kind: "token", type: name })));
    for (const each of records) await comesBack(backend, each);
    const byBytes = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect((await backend.names({ kind: "token", limit: 100 })).map(({ name }) => name)).toEqual(byBytes);
  });

  it("are refused when the service lists them in another order: pages would have gaps", async () => {
    const { client, backend } = await opened();
    await create(backend, record("one"), record("two"));
    const backwards = watched(client, {});
    const listBlobsFlat: typeof client.listBlobsFlat = (options) => {
      const listing = backwards.listBlobsFlat(options);
      const byPage: typeof listing.byPage = (settings) => {
        const pages = listing.byPage(settings);
        const turned = async () => {
          const page = await pages.next();
          page.value?.segment.blobItems.reverse();
          return page;
        };
        return { next: turned, [Symbol.asyncIterator]: () => pages };
      };
      return { next: () => listing.next(), byPage, [Symbol.asyncIterator]: () => listing };
    };
    const odd = await azureBlobBackend({ container: { ...backwards, listBlobsFlat } });
    await refused("ERR_UNSUPPORTED", () => odd.names({ kind: "document", limit: 10 }));
  });
});

describe("a damaged blob", () => {
  const NAME = "records/document/part!one";

  it("is listed, replaced and removed, whatever is wrong with it", async () => {
    const { client, backend, another } = await opened();
    const good = {
      kind: "document",
      type: "part",
      name: "one",
      schema: "",
      data: {},
      references: {},
      secrets: {},
      sealed: "",
      created: "",
      updated: "",
      updatedBy: "",
    };
    const blob = client.getBlockBlobClient(NAME);
    for (const body of [
      "",
      "{",
      "null",
      "[]",
      "x".repeat(100),
      JSON.stringify(good),
      JSON.stringify({ ...good, id: 1, revision: 1 }),
      JSON.stringify({ ...good, id: "a", revision: 0 }),
      JSON.stringify({ ...good, id: "a", revision: 1, more: 1 }),
      JSON.stringify({ ...good, id: "a", revision: 1, data: [] }),
      JSON.stringify({ ...good, id: "a", revision: 1, secrets: { a: 1 } }),
      JSON.stringify({ ...good, id: "a", revision: 1, references: { a: { id: "a", type: "b" } } }),
      `{"id":"a","revision":1,"__proto__":{}}`,
      `{"data":${'{"a":'.repeat(100)}1${"}".repeat(100)}}`,
    ])
      for (const metadata of [true, false]) {
        const [one] = await create(backend, record("one"));
        const { metadata: kept = {} } = await blob.getProperties();
        await blob.upload(body, Buffer.byteLength(body), metadata ? { metadata: kept } : {});
        const fresh = await another();
        const [listed] = await fresh.list({ kind: "document", limit: 10 });
        expect(listed).toMatchObject({ id: one.id, kind: "document", type: "part", name: "one", damaged: true, data: {} });
        expect(await fresh.get({ id: one.id })).toEqual(listed);
        expect(await fresh.scan({ limit: 10 })).toEqual([listed]);
        const { revision } = listed as StoredRecord;
        await fresh.put(next(one, { revision: revision + 1 }), revision);
        await comesBack(fresh, next(one, { revision: revision + 1 }));
        await blob.upload(body, Buffer.byteLength(body), metadata ? { metadata: kept } : {});
        const { id, revision: last } = (await fresh.get({ id: one.id })) as StoredRecord;
        await fresh.remove([{ id, revision: last }]);
        expect(await fresh.list({ kind: "document", limit: 10 })).toEqual([]);
      }
  });

  it("that is a copy of another one is damaged: it is not taken for that one, nor for another", async () => {
    const { client, backend, another } = await opened();
    const [one, two] = await create(backend, record("one"), record("two"));
    const from = client.getBlockBlobClient(NAME);
    for (const name of ["two", "three"])
      await (await client.getBlockBlobClient(NAME.replace("one", name)).beginCopyFromURL(from.url)).pollUntilDone();
    const fresh = await another();
    const [, copy, over_] = (await fresh.list({ kind: "document", limit: 10 })) as [StoredRecord, StoredRecord, StoredRecord];
    expect(over_).toMatchObject({ id: two.id, name: "two", damaged: true });
    expect(copy).toMatchObject({ name: "three", damaged: true });
    expect(await fresh.check()).toHaveLength(2);
    await fresh.remove([copy]);
    await fresh.put(next(two, { revision: over_.revision + 1 }), over_.revision);
    expect(await fresh.check()).toEqual([]);
    await comesBack(await another(), one);
    await comesBack(await another(), next(two, { revision: 1 }));
  });
});

describe("interrupted at any call", () => {
  /** What by name and by id say of two records; whether they contradict each other or themselves. */
  async function contradictions(backend: Backend, records: readonly StoredRecord[]): Promise<string[]> {
    const found: string[] = [];
    for (const { id, name, references } of records) {
      const [byId, byName] = [await backend.get({ id }), await backend.get(placeIn(name))]; // what was read by name is known by id
      if ((byName?.id === id) !== (byId !== null)) found.push(`${name} is ${byName ? "there" : "not there"} by name only`);
      if (byName)
        for (const to of Object.values(references)) if (!(await backend.get({ id: to.id }))) found.push(`${name} refers to what is gone`);
    }
    return found;
  }

  /** Runs against a store until its process is killed after so many changes. */
  async function killedAfter(
    changes: number,
    prepare: (backend: Backend) => Promise<unknown>,
    work: (backend: Backend) => Promise<unknown>,
  ) {
    const { backend, watcher, another } = await opened();
    await prepare(backend);
    let left = changes;
    watcher.before = ({ what }) => {
      if (left <= 0) throw new Error("killed");
      if (what === "write" || what === "delete") left--;
    };
    const ended = await work(backend).then(
      () => true,
      () => false,
    );
    return { ended, fresh: await another() };
  }

  it("of making a record: it is there by name and id, or by neither; what is left over is found", async () => {
    let kills = 0;
    for (let changes = 0; ; changes++) {
      const one = record("one");
      const { ended, fresh } = await killedAfter(
        changes,
        async () => undefined,
        (backend) => backend.put(one, null),
      );
      expect(await contradictions(fresh, [one])).toEqual([]);
      expect(await fresh.check()).toEqual([]); // it could be under way
      const found = await later(2 * HOUR, () => fresh.check());
      const isLeft = found.length > 0;
      if (isLeft) expect(found).toEqual([expect.stringMatching(/ids\/.* leads nowhere/)]);
      await fresh.put(record("one"), null).catch(() => undefined); // the name is not lost
      expect(await fresh.get(placeIn("one"))).not.toBeNull();
      if (ended) break;
      kills++;
    }
    expect(kills).toBe(2);
  });

  it("of removing two, one of which refers to the other: nothing refers to what is gone", async () => {
    const left: number[] = [];
    for (let changes = 0; changes <= 4; changes++) {
      const child = record("child");
      const parent = over("parent", child);
      const { fresh } = await killedAfter(
        changes,
        (backend) => create(backend, child, parent),
        (backend) => backend.remove([child, parent]),
      );
      expect(await contradictions(fresh, [child, parent])).toEqual([]);
      left.push((await fresh.list({ kind: "document", limit: 10 })).length);
    }
    expect(left).toEqual([2, 1, 0, 0, 0]);
  });

  it("the examination itself sees a record that is there by name only, and a reference to what is gone", async () => {
    const { client, backend, another } = await opened();
    const [child] = await create(backend, record("child"));
    const [parent] = await create(backend, over("parent", child));
    await client.getBlockBlobClient(`ids/${parent.id}`).delete();
    await client.getBlockBlobClient("records/document/part!child").delete();
    const fresh = await another();
    expect(await contradictions(fresh, [parent])).toEqual(["parent is there by name only", "parent refers to what is gone"]);
    expect(await fresh.check()).toEqual([expect.stringMatching(/records\/document\/part!parent cannot be found by the id/)]);
    await fresh.get(placeIn("parent"));
    await fresh.remove([parent]); // as the message says
    expect(await fresh.list({ kind: "document", limit: 10 })).toEqual([]);
  });

  it("several that cannot all be removed are put back", async () => {
    const { backend, watcher, another } = await opened();
    const records = await create(backend, record("one"), record("two"), record("three"));
    const other = await another();
    watcher.before = async ({ what, name }) => {
      watcher.before = what === "delete" && name.endsWith("!two") ? undefined : watcher.before;
      if (what === "delete" && name.endsWith("!two")) await other.put(next(records[1]), 1); // someone writes just then
    };
    await refused("ERR_CONFLICT", () => backend.remove(records));
    expect(await namesOf(other.list({ kind: "document", limit: 10 }))).toEqual(["one", "three", "two"]);
    for (const each of [records[0], records[2]]) await comesBack(await another(), each);
    expect(await backend.check()).toEqual([]);
  });
});

describe("a lost answer", () => {
  const one = record("one");
  const NAME = "records/document/part!one";
  const lose = (watcher: Watcher, what: Call["what"], times = 1, meanwhile: () => unknown = () => undefined) => {
    let left = times;
    watcher.after = async (call) => {
      if (call.what !== what || call.name !== NAME || left-- <= 0) return;
      await meanwhile();
      throw new Lost();
    };
  };

  it("of a write that was done: it is done, once", async () => {
    const { backend, watcher } = await opened();
    lose(watcher, "write");
    await backend.put(one, null);
    lose(watcher, "write");
    await backend.put(next(one), 1);
    await comesBack(backend, next(one));
    expect(await backend.check()).toEqual([]);
  });

  it("of a write that was done, and that others wrote over since: it is done", async () => {
    const { backend, watcher, another } = await opened();
    await backend.put(one, null);
    const other = await another();
    lose(watcher, "write", 1, async () => {
      for (let revision = 2; revision < 12; revision++) await other.put(next({ ...one, revision }), revision);
    });
    await backend.put(next(one), 1);
    expect((await backend.get({ id: one.id }))?.revision).toBe(12);
  });

  it("of a write that was not done, since another one was: ERR_CONFLICT, ERR_EXISTS", async () => {
    const { backend, watcher, another } = await opened();
    const other = await another();
    const overtaking = (work: () => Promise<unknown>) => {
      watcher.before = async ({ what, name }) => {
        if (what !== "write" || name !== NAME) return;
        watcher.before = undefined;
        await work();
        throw new Lost();
      };
    };
    overtaking(() => other.put(record("one"), null));
    await refused("ERR_EXISTS", () => backend.put(one, null));
    const there = (await other.get(placeIn("one"))) as StoredRecord;
    overtaking(() => other.put(next(there), 1));
    const { details } = await refused("ERR_CONFLICT", () => backend.put(next(there), 1));
    expect([details.expected, details.actual]).toEqual([1, 2]);
    overtaking(() => other.remove([{ id: there.id, revision: 2 }]));
    expect((await refused("ERR_CONFLICT", () => backend.put(next(there, { revision: 3 }), 2))).details.actual).toBeNull();
    expect(await backend.check()).toEqual([]);
  });

  it("of a write that did not arrive: it is sent again", async () => {
    const { backend, watcher } = await opened();
    let left = 2;
    watcher.before = ({ what, name }) => {
      if (what === "write" && name === NAME && left-- > 0) throw new Lost();
    };
    await backend.put(one, null);
    await comesBack(backend, one);
  });

  it("of a write that more others wrote over than the blob tells of: ERR_OUTCOME_UNKNOWN", async () => {
    const { backend, watcher, another } = await opened();
    await backend.put(one, null);
    const other = await another();
    lose(watcher, "write", 1, async () => {
      for (let revision = 2; revision < 40; revision++) await other.put(next({ ...one, revision }), revision);
    });
    await refused("ERR_OUTCOME_UNKNOWN", () => backend.put(next(one), 1));
  });

  it("where nothing can be looked up: ERR_OUTCOME_UNKNOWN, and no id is taken back", async () => {
    const { backend, watcher, another } = await opened();
    let cutOff = false;
    watcher.before = () => {
      if (cutOff) throw new Lost();
    };
    watcher.after = ({ what, name }) => {
      cutOff = what === "write" && name === NAME;
      if (cutOff) throw new Lost();
    };
    await refused("ERR_OUTCOME_UNKNOWN", () => backend.put(one, null));
    await comesBack(await another(), one);
    expect(await (await another()).check()).toEqual([]);
  });

  it("of a deletion: it is done", async () => {
    const { backend, watcher } = await opened();
    await backend.put(one, null);
    lose(watcher, "delete");
    await backend.remove([one]);
    expect(await backend.get({ id: one.id })).toBeNull();
    expect(await backend.check()).toEqual([]);
  });

  it("the examination itself: without looking it up, a write that was done would be told as a lost race", async () => {
    const { client, another, backend } = await opened();
    await backend.put(one, null);
    const blob = client.getBlockBlobClient(NAME);
    const { etag = "" } = await blob.getProperties();
    const again = () => blob.upload("{}", 2, { conditions: { ifMatch: etag } });
    await again();
    await expect(again()).rejects.toMatchObject({ statusCode: 412 });
    expect((await (await another()).get(placeIn("one")))?.damaged).toBe(true);
  });
});

describe("what it costs", () => {
  async function counted(work: (backend: Backend) => Promise<unknown>, prepare: (backend: Backend) => Promise<unknown>, fresh = true) {
    const { client, backend } = await opened();
    await prepare(backend);
    const calls: Call["what"][] = [];
    const watching = watched(client, { before: ({ what }) => void calls.push(what) });
    const subject = await azureBlobBackend({ container: watching });
    if (!fresh) await prepare(subject);
    calls.length = 0;
    await work(subject);
    return calls;
  }

  it("a load: one read for each record, level by level", async () => {
    const chain = [record("d0")];
    for (let depth = 1; depth <= 5; depth++) chain.push(over(`d${depth}`, chain[depth - 1] as StoredRecord));
    const calls = await counted(
      async (backend) => backend.graph(placeIn("d5")),
      (backend) => create(backend, ...chain),
    );
    expect(calls).toEqual(Array.from({ length: 6 }, () => "read"));
  });

  it("a load by id: one more, for the first time", async () => {
    const one = record("one");
    const twice = async (backend: Backend) => [await backend.get({ id: one.id }), await backend.get({ id: one.id })];
    expect(await counted(twice, (backend) => create(backend, one))).toEqual(["head", "read", "read"]);
  });

  it("a new record: two writes; a change of what was read: one", async () => {
    expect(
      await counted(
        (backend) => backend.put(record("one"), null),
        async () => undefined,
      ),
    ).toEqual(["write", "write"]);
    const one = record("one");
    const change = async (backend: Backend) => backend.put(next((await backend.get(placeIn("one"))) as StoredRecord), 1);
    expect(await counted(change, (backend) => create(backend, one))).toEqual(["read", "write"]);
  });

  it("names: a listing; pages: at most two listings each, however many there were before", async () => {
    const records = Array.from({ length: 40 }, (_, index) => record(`n${String(index).padStart(2, "0")}`));
    const names = (backend: Backend) => backend.names({ kind: "document", limit: 1000 });
    const filled = (backend: Backend) => create(backend, ...records);
    expect(await counted(names, filled)).toEqual(["list"]);
    const seen: string[] = [];
    const pages = async (backend: Backend) => {
      for (let page = await backend.list({ kind: "document", limit: 5 }); page.length > 0; ) {
        seen.push(...page.map(({ name }) => name));
        const { type, name } = page.at(-1) as StoredRecord;
        page = await backend.list({ kind: "document", limit: 5, after: { type, name } });
      }
    };
    const calls = await counted(pages, filled);
    expect(seen).toEqual(records.map(({ name }) => name));
    expect(calls.filter((call) => call === "read")).toHaveLength(40);
    expect(calls.filter((call) => call === "list").length).toBeLessThanOrEqual(2 * 9);
  });

  it("who refers to a record: a listing, and a read for each that does", async () => {
    const child = record("child");
    const parents = Array.from({ length: 3 }, (_, index) => over(`p${index}`, child));
    const others = Array.from({ length: 10 }, (_, index) => record(`o${index}`));
    const calls = await counted(
      (backend) => backend.referrers(child.id),
      (backend) => create(backend, child, ...parents, ...others),
    );
    expect(calls.sort()).toEqual(["list", "read", "read", "read"]);
  });

  it("never more than 32 at once", async () => {
    let [now, most] = [0, 0];
    const watcher: Watcher = {};
    const { backend } = await opened({ watcher });
    await create(backend, ...Array.from({ length: 60 }, (_, index) => record(`n${index}`)));
    watcher.before = () => void (most = Math.max(most, ++now));
    watcher.after = () => void now--;
    expect(await backend.list({ kind: "document", limit: 100 })).toHaveLength(60);
    expect(most).toBeLessThanOrEqual(32);
    expect(most).toBeGreaterThan(8);
  });

  it("a record that refers to more than metadata holds is still found by whom it refers to", async () => {
    const { backend } = await opened();
    const children = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const child = record(`c${index}`);
        await backend.put(child, null);
        return child;
      }),
    );
    const [parent] = await create(backend, over("parent", ...children));
    expect(await namesOf(backend.referrers(children[199]?.id ?? ""))).toEqual(["parent"]);
    await refused("ERR_REFERENCED", () => backend.remove([children[199] as StoredRecord]));
    await comesBack(backend, parent);
  });
});

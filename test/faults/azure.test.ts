/**
 * What may happen between a store, Azure Blob Storage and Azure Key Vault: answers cut off, swallowed and late, requests that never arrive, processes
 * killed between their two writes, many writers. Nothing acknowledged is lost, nothing is done twice, no reader sees half of a document, and where
 * nobody can know whether a write was done, the error says so. On a real Azurite, and our double of Key Vault.
 *
 * ASHLAR_SEED: when what is cut. ASHLAR_INCREMENTS: how often each of eight writers writes; default 250 in CI, 60 elsewhere.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { ContainerClient } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { azureBlobBackend } from "../../src/backends/azure-blob.ts";
import type { Backend, StoredRecord } from "../../src/backends/backend.ts";
import { isAshlarError, type Store } from "../../src/index.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { comesBack, create, next, record } from "../../src/testing/backend-subject.ts";
import { at, loaded, part, register, revealed } from "../../src/testing/store-subject.ts";
import { refused } from "../../src/testing/suite.ts";
import { azureKeyVault } from "../../src/vaults/azure-key-vault.ts";
import { type Azurite, startAzurite } from "../azurite.ts";
import { CERTIFICATE, KeyVaultDouble } from "../doubles/key-vault.ts";
import { type ManagedIdentity, startManagedIdentity } from "../doubles/managed-identity.ts";
import { later } from "../later.ts";
import { type Random, seeded, seedOr } from "./random.ts";
import { startTcpProxy, type TcpProxy, type Treatment } from "./tcp-proxy.ts";

vi.setConfig({ testTimeout: 120_000 });

const SEED = seedOr(20_251_125);
const INCREMENTS = Number(process.env.ASHLAR_INCREMENTS ?? (process.env.CI ? 250 : 60));
const TIMEOUT = 1000;
const HOUR = 3_600_000;
/** As the product retries, only sooner. */
const RETRIES = { maxTries: 4, retryDelayInMs: 10, maxRetryDelayInMs: 50 };
const WRITES = /^(?:PUT|DELETE) \S+records/;
const every = Number.POSITIVE_INFINITY;

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());

/** A container, reached straight and by way of a proxy. */
async function bothWays(proxy: TcpProxy, tries = RETRIES.maxTries) {
  const name = randomUUID();
  const through = azurite.connectionString.replace(/BlobEndpoint=http:\/\/127\.0\.0\.1:\d+/, `BlobEndpoint=http://127.0.0.1:${proxy.port}`);
  const client = new ContainerClient(through, name, { retryOptions: { ...RETRIES, maxTries: tries } });
  const direct = await azureBlobBackend({ container: new ContainerClient(azurite.connectionString, name), create: true });
  return { direct, client, backend: await azureBlobBackend({ container: client, timeout: TIMEOUT }) };
}

/** Cuts, swallows and delays at random, in either direction. */
function storm(proxy: TcpProxy, random: Random): void {
  const weather = (): Treatment => {
    const drawn = random(150);
    return drawn < 4 ? "cut" : drawn < 6 ? "half" : drawn === 6 ? "swallow" : drawn < 20 ? random(20) : "pass";
  };
  proxy.toServer = weather;
  proxy.toClient = weather;
}

/** What a call ended with. */
function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error: unknown) => (isAshlarError(error) ? error.code : String(error)),
  );
}

describe("faults between a store and Azure Blob Storage", () => {
  let proxy: TcpProxy;
  /** Straight to the server: to see what is there. */
  let direct: Backend;
  let backend: Backend;
  beforeAll(async () => {
    proxy = await startTcpProxy({ port: Number(new URL(azurite.endpoint).port) });
    ({ direct, backend } = await bothWays(proxy));
  });
  afterEach(() => proxy.heal());
  afterAll(() => proxy.close());

  /** How often a write of a record is sent while something is done; the answer to each of the first `times` is treated so. */
  async function disturbed(treatment: Treatment, times: number, work: () => Promise<unknown>) {
    const waiting = new Set<number>();
    let sent = 0;
    proxy.toServer = (data, connection) => {
      if (WRITES.test(data.toString()) && ++sent <= times) waiting.add(connection);
      return "pass";
    };
    proxy.toClient = (_data, connection) => (waiting.delete(connection) ? treatment : "pass");
    await work().finally(() => proxy.heal());
    return sent;
  }

  /** The same for writes that never arrive. */
  async function unheard(times: number, work: () => Promise<unknown>) {
    let sent = 0;
    proxy.toServer = (data) => (WRITES.test(data.toString()) && ++sent <= times ? "cut" : "pass");
    await work().finally(() => proxy.heal());
  }

  for (const treatment of ["cut", "half", "swallow", 1500] as const)
    it(`a write whose answer is ${typeof treatment === "number" ? "too late" : `treated by "${treatment}"`} is done once and acknowledged`, async () => {
      const one = record(`answer-${treatment}`);
      const sent = treatment === "swallow" || treatment === 1500 ? 1 : 2; // a broken connection is tried again, a silent one is looked up
      expect(await disturbed(treatment, 1, () => backend.put(one, null))).toBe(sent);
      await comesBack(direct, one);
      expect(await disturbed(treatment, 1, () => backend.put(next(one), 1))).toBe(sent);
      await comesBack(direct, next(one));
      expect(await disturbed(treatment, 1, () => backend.remove([next(one)]))).toBe(sent);
      expect(await direct.get({ id: one.id })).toBeNull();
      expect(await direct.check()).toEqual([]);
    });

  it("a write that never arrived is sent again and done once", async () => {
    const one = record("unheard");
    await unheard(1, () => backend.put(one, null));
    await comesBack(direct, one);
    await unheard(6, () => backend.put(next(one), 1));
    await comesBack(direct, next(one));
    await unheard(1, () => backend.remove([next(one)]));
    expect(await direct.get({ id: one.id })).toBeNull();
  });

  it("a write that never arrives has an unknown outcome: nobody can tell that from one that still will", async () => {
    const one = record("undone");
    await unheard(every, () => refused("ERR_OUTCOME_UNKNOWN", () => backend.put(one, null)));
    expect(await direct.get({ kind: "document", type: "part", name: "undone" })).toBeNull();
  });

  it("a write of which nobody can find out what became of it has an unknown outcome", async () => {
    const one = record("done");
    const waiting = new Set<number>();
    proxy.toServer = (data, connection) => {
      if (waiting.size > 0) return "cut";
      if (WRITES.test(data.toString())) waiting.add(connection);
      return "pass";
    };
    proxy.toClient = (_data, connection) => (waiting.has(connection) ? "cut" : "pass");
    await refused("ERR_OUTCOME_UNKNOWN", () => backend.put(one, null));
    proxy.heal();
    await comesBack(direct, one);
  });

  it("reading is repeated, and is ERR_UNREACHABLE when that does not help; it is never told as an absence", async () => {
    const [one] = await create(direct, record("read"));
    let left = 2;
    proxy.toClient = (data) => (data.includes("sealed.read") && left-- > 0 ? "cut" : "pass");
    expect(await backend.get({ id: one.id })).toEqual(one);
    for (const treatment of ["cut", "half", "swallow"] as const) {
      proxy.toClient = (data) => (data.includes("sealed.read") || data.includes("HTTP/1.1 404") ? treatment : "pass");
      await refused("ERR_UNREACHABLE", () => backend.graph({ id: one.id }));
      await refused("ERR_UNREACHABLE", () => backend.get({ kind: "document", type: "part", name: "not-there" }));
      proxy.toClient = (data) => (/<Blobs>/.test(data.toString()) ? treatment : "pass");
      await refused("ERR_UNREACHABLE", () => backend.names({ kind: "document", limit: 10 }));
    }
  });

  it(`in a storm, what was acknowledged is there, and nothing that was refused (seed ${SEED})`, async () => {
    const before = proxy.connections;
    const wrong: string[] = [];
    const codes = new Map<string, number>();
    const writer = async (index: number) => {
      let now: StoredRecord | null = null;
      for (let step = 0; step < 40; step++) {
        const wanted: StoredRecord | null = now === null ? record(`storm-${index}`) : step % 5 === 0 ? null : next(now, { data: { step } });
        const code = await codeOf(wanted === null ? backend.remove([now as StoredRecord]) : backend.put(wanted, now?.revision ?? null));
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (code === "ERR_OUTCOME_UNKNOWN") await wait(100); // it may still be under way
        const there = await direct.get({ kind: "document", type: "part", name: `storm-${index}` });
        const allowed = { done: [wanted], ERR_UNREACHABLE: [now], ERR_OUTCOME_UNKNOWN: [now, wanted] }[code] ?? [];
        const versions = allowed.map((each) => (each === null ? "nothing" : `${each.id} ${each.revision}`));
        if (!versions.includes(there === null ? "nothing" : `${there.id} ${there.revision}`))
          wrong.push(`writer ${index}, step ${step}: ${code}, and there is ${there?.id}`);
        now = there;
      }
    };
    storm(proxy, seeded(SEED));
    await Promise.all(Array.from({ length: 6 }, (_, index) => writer(index)));
    proxy.heal();
    expect(wrong).toEqual([]);
    expect(proxy.connections - before).toBeGreaterThan(20); // it did storm
    expect(codes.get("done")).toBeGreaterThan(180);
    expect(await direct.check()).toEqual([]);
  });

  it(`in a storm, of those who create one name one is told that it did (seed ${SEED})`, async () => {
    storm(proxy, seeded(SEED + 2));
    for (let round = 0; round < 20; round++) {
      const records = Array.from({ length: 4 }, () => record(`created-${round}`));
      const codes = await Promise.all(records.map((each) => codeOf(backend.put(each, null))));
      await wait(codes.includes("ERR_OUTCOME_UNKNOWN") ? 100 : 0);
      const there = await direct.get({ kind: "document", type: "part", name: `created-${round}` });
      const winners = records.filter((_, index) => codes[index] === "done");
      expect(winners.length).toBeLessThanOrEqual(1);
      if (winners[0]) expect(there?.id).toBe(winners[0].id);
      else if (there) expect(codes[records.findIndex(({ id }) => id === there.id)]).toBe("ERR_OUTCOME_UNKNOWN");
    }
  });

  it(`in a storm, four who add to one number by compare-and-swap add what they were told, once (seed ${SEED})`, async () => {
    await create(direct, record("counter", { data: { count: 0 } }));
    const key = { kind: "document", type: "part", name: "counter" } as const;
    const told = { done: 0, unknown: 0 };
    const adder = async () => {
      for (let step = 0; step < 25; ) {
        const code = await codeOf(
          backend.get(key).then((now) => {
            if (!now) throw new Error("told as absent");
            return backend.put(next(now, { data: { count: Number(now.data.count) + 1 } }), now.revision);
          }),
        );
        if (code === "done") step++;
        else if (code === "ERR_OUTCOME_UNKNOWN") told.unknown++;
        else expect(["ERR_CONFLICT", "ERR_UNREACHABLE"]).toContain(code);
        if (code === "done") told.done++;
      }
    };
    storm(proxy, seeded(SEED + 1));
    await Promise.all(Array.from({ length: 4 }, adder));
    proxy.heal();
    const count = Number((await direct.get(key))?.data.count);
    expect(told.done).toBe(100);
    expect(count).toBeGreaterThanOrEqual(told.done);
    expect(count).toBeLessThanOrEqual(told.done + told.unknown);
  });

  it("in the same storm, one who sends again without looking adds twice: the test sees it", async () => {
    const { client: naive } = await bothWays(proxy, 1);
    const blob = naive.getBlockBlobClient("counter");
    const patience = () => ({ abortSignal: AbortSignal.timeout(TIMEOUT) });
    await blob.upload("0", 1);
    storm(proxy, seeded(SEED + 1));
    let done = 0;
    while (done < 100) {
      try {
        const more = String(Number(await blob.downloadToBuffer(0, undefined, patience())) + 1);
        await blob.upload(more, more.length, patience());
        done++;
      } catch {
        // and again
      }
    }
    proxy.heal();
    expect(Number(await blob.downloadToBuffer())).toBeGreaterThan(done);
  });
});

describe("faults between a store, Azure Blob Storage and Azure Key Vault", () => {
  let double: KeyVaultDouble;
  let [toBlob, toVault]: [TcpProxy | undefined, TcpProxy | undefined] = [undefined, undefined];
  beforeAll(async () => {
    double = await KeyVaultDouble.start();
    toBlob = await startTcpProxy({ port: Number(new URL(azurite.endpoint).port) });
    toVault = await startTcpProxy({ port: double.port });
  });
  afterAll(async () => {
    await toBlob?.close();
    await toVault?.close();
    await double.stop();
  });

  /** A store that is reached by way of both proxies, and the same one straight. */
  async function openBoth() {
    if (!toBlob || !toVault) throw new Error("not started");
    const proxies = [toBlob, toVault] as const;
    const { direct, backend } = await bothWays(toBlob);
    const vaultBy = (url: string, store: Backend) => azureKeyVault({ vault: double.client(url), store, timeout: TIMEOUT });
    const straight = sealedStore({ backend: direct, vault: await vaultBy(double.url, direct) });
    await register(straight);
    const vault = await vaultBy(`https://localhost:${toVault.port}`, backend);
    return { straight, store: sealedStore({ backend, vault }), proxies, backend: direct };
  }
  const found = async (store: Store) => ((await store.maintenance?.check()) ?? []).map(({ message }) => message);

  /** The first answer after the vault has written something is treated so. */
  function disturbed(proxy: TcpProxy, treatment: Treatment): void {
    let wrote = false;
    double.done = ({ method }) => void (wrote = method === "PUT");
    proxy.toClient = () => {
      if (!wrote) return "pass";
      [wrote, double.done] = [false, () => {}];
      return treatment;
    };
  }

  it("a version that was written and not heard of is written again; what is left over is found", async () => {
    const { straight, store, proxies } = await openBoth();
    await store.save(part("one"));
    disturbed(proxies[1], "cut");
    await store.save(part("one", { secrets: { "/token": "new" } }), { overwrite: true });
    proxies[1].heal();
    expect(revealed(await loaded(straight, "one"))).toEqual({ "/token": "new" });
    expect(await found(straight)).toEqual([]);
    expect(await later(2 * HOUR, () => found(straight))).toEqual([
      expect.stringMatching(/\(part\/one\) has a version .* that no document names/),
    ]);
  });

  it("a vault that does not answer leaves the document as it was: ERR_UNREACHABLE", async () => {
    const { straight, store, proxies } = await openBoth();
    await store.save(part("one"));
    disturbed(proxies[1], "swallow");
    await refused("ERR_UNREACHABLE", () => store.save(part("one", { secrets: { "/token": "new" } }), { overwrite: true }));
    proxies[1].heal();
    for (const each of [store, straight]) expect(revealed(await loaded(each, "one"))).not.toEqual({ "/token": "new" });
    disturbed(proxies[1], "swallow");
    await refused("ERR_UNREACHABLE", () => store.save(part("two")));
    proxies[1].heal();
    expect(await straight.names()).toEqual([at("one")]);
  });

  it(`in a storm over both, writers and readers never see half, and what was acknowledged is there (seed ${SEED})`, async () => {
    const { straight, store, proxies } = await openBoth();
    const versions = (name: string, step: number) => part(name, { data: { step }, secrets: { "/token": step } });
    const wrong: string[] = [];
    const codes = new Map<string, number>();
    let writing = true;
    const writer = async (name: string) => {
      await straight.save(versions(name, 0));
      let last = 0;
      for (let step = 1; step <= 25; step++) {
        const code = await codeOf(store.save(versions(name, step), { ifRevision: (await straight.inspect(at(name))).revision as number }));
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (code === "ERR_OUTCOME_UNKNOWN") await wait(100);
        const { data, secrets } = await loaded(straight, name);
        const allowed = { done: [step], ERR_UNREACHABLE: [last], ERR_OUTCOME_UNKNOWN: [last, step] }[code] ?? [];
        if (!allowed.includes(Number(data.step))) wrong.push(`${name}, step ${step}: ${code}, and there is ${data.step}`);
        if (secrets["/token"]?.reveal() !== data.step) wrong.push(`${name}, step ${step}: half`);
        last = Number(data.step);
      }
    };
    const reader = async (name: string) => {
      while (writing) {
        const document = await loaded(store, name).catch((error: unknown) => error);
        if (isAshlarError(document, "ERR_UNREACHABLE") || isAshlarError(document, "ERR_NOT_FOUND")) continue;
        const { data, secrets } = document as Awaited<ReturnType<typeof loaded>>;
        if (isAshlarError(document) || secrets["/token"]?.reveal() !== data.step) wrong.push(`${name} was read as ${document}`);
      }
    };
    const random = seeded(SEED + 3);
    for (const proxy of proxies) storm(proxy, random);
    const names = ["storm-a", "storm-b", "storm-c"];
    const readers = names.map(reader);
    await Promise.all(names.map(writer));
    writing = false;
    await Promise.all(readers);
    for (const proxy of proxies) proxy.heal();
    expect(wrong).toEqual([]);
    expect(codes.get("done")).toBeGreaterThan(35);
  });
});

describe("processes that use Azure", () => {
  let double: KeyVaultDouble;
  let identity: ManagedIdentity;
  const { NODE_OPTIONS: _own, ...inherited } = process.env;
  const environment = () => ({
    ...inherited,
    ...identity.environment,
    AZURE_STORAGE_CONNECTION_STRING: azurite.connectionString,
    NODE_EXTRA_CA_CERTS: CERTIFICATE,
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, "../doubles/no-resource-check.ts"))}`,
  });
  beforeAll(async () => {
    [double, identity] = await Promise.all([KeyVaultDouble.start(), startManagedIdentity()]);
  });
  afterAll(async () => {
    await double.stop();
    await identity.stop();
  });

  it("killed between their two writes leave the document whole, as it was; what they wrote is found", async () => {
    const name = randomUUID();
    const backend = await azureBlobBackend({ container: new ContainerClient(azurite.connectionString, name), create: true });
    const store = sealedStore({ backend, vault: await azureKeyVault({ vault: double.client(), store: backend }) });
    await register(store);
    const url = `azure-blob://${azurite.account}/${name}?vault=${double.url}`;
    for (let killed = 0; killed < 5; killed++) {
      const before = killed === 0 ? undefined : await loaded(store, "doc");
      const script = join(import.meta.dirname, "writer.ts");
      const child = spawn(process.execPath, [script, url, "doc", String(1 + 5 * killed)], {
        env: environment(),
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exited = once(child, "exit");
      let writes = 0;
      double.done = ({ method }) => {
        // Of the secret, the version is written, and of the record nothing yet.
        if (method === "PUT" && ++writes === 2 + (killed % 2)) return void child.kill("SIGKILL");
      };
      await exited;
      double.done = () => {};
      const now = await loaded(store, "doc");
      expect(now.secrets["/token"]?.reveal()).toBe(now.data.step); // never half
      expect(now.data.step).toBe(5 * killed + writes - 1); // the one before
      if (before) expect(now.revision).toBeGreaterThan(before.revision as number);
    }
    const left = await later(2 * HOUR, async () => ((await store.maintenance?.check()) ?? []).map(({ message }) => message));
    expect(left.filter((message) => /\(part\/doc\) has a version .* that no document names/.test(message))).toHaveLength(5);
  });
});

describe(`eight writers that add one to a number ${INCREMENTS} times each`, () => {
  const key = { kind: "document", type: "part", name: "counter" } as const;

  /** Each with a client of its own. `blindly`: what was read before is written in the place of whatever is there. */
  async function counted(times: number, blindly = false): Promise<[number, number]> {
    const name = randomUUID();
    const open = () => azureBlobBackend({ container: new ContainerClient(azurite.connectionString, name), create: true });
    const random = seeded(SEED + 4);
    await create(await open(), record("counter", { data: { count: 0 } }));
    const read = async (backend: Backend) => (await backend.get(key)) as StoredRecord;
    const writer = async () => {
      const backend = await open();
      for (let done = 0; done < times; ) {
        const before = await read(backend);
        const now = blindly ? await read(backend) : before;
        const code = await codeOf(backend.put(next(now, { data: { count: Number(before.data.count) + 1 } }), now.revision));
        if (code === "done") done++;
        else if (code === "ERR_CONFLICT") await wait(random(30));
        else throw new Error(code);
      }
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    const { data, revision } = await read(await open());
    return [Number(data.count), revision];
  }

  it("by compare-and-swap lose none", async () => {
    expect(await counted(INCREMENTS)).toEqual([8 * INCREMENTS, 8 * INCREMENTS + 1]);
  }, 300_000);

  it("without it lose some: the test sees it", async () => {
    const [count, revision] = await counted(20, true);
    expect([count < 160, revision]).toEqual([true, 161]);
  });
});

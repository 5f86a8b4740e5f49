/** The Prefect store against real servers as they are set up: open, with a login, with CSRF; what their command line and engine see of us. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { Azure } from "../../blocks/azure.ts";
import { AzureContainer } from "../../blocks/azure-container.ts";
import { IcebergAzureHadoop } from "../../blocks/iceberg-azure-hadoop.ts";
import { SecretBlock } from "../../blocks/secret.ts";
import { copyDocuments } from "../../src/copy.ts";
import { Block, openStore, type Store, secret } from "../../src/index.ts";
import { Workplace } from "../cli/workplace.ts";
import { type PrefectServer, startPrefectServer, withSettings } from "./prefect-server.ts";
import { python } from "./python.ts";
import { startPython } from "./python-side.ts";
import { startRecorder } from "./recorder.ts";

const run = promisify(execFile);
const CANARY = "canary-5e7e";

class Simple extends Block.define({
  name: "Simple",
  fields: { x: z.int(), s: secret(), d: secret(z.record(z.string(), z.unknown())).prefault(() => ({})) },
}) {}

/** Opens a store as a program does that has such an environment. */
function storeOf(environment: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = {}): Promise<Store> {
  return withSettings({ ...environment, ...more }, () => openStore("prefect:"));
}

async function prefect(server: PrefectServer, ...args: string[]): Promise<string> {
  const bin = join(dirname(await python()), "prefect");
  const { stdout } = await run(bin, args, { env: { ...server.environment, COLUMNS: "300", NO_COLOR: "1" } });
  return stdout;
}

describe("a server that is open", () => {
  let server: PrefectServer;
  let store: Store;
  beforeAll(async () => {
    server = await startPrefectServer({ services: true });
    store = await storeOf(server.environment);
  });
  afterAll(async () => {
    await store?.close();
    await server?.stop();
  });

  test("its command line lists and inspects what we saved, and masks it", async () => {
    await new Simple({ x: 1, s: CANARY, d: { k: CANARY } }).save("shown", { store });
    const [listed, inspected, type] = [
      await prefect(server, "block", "ls"),
      await prefect(server, "block", "inspect", "simple/shown"),
      await prefect(server, "block", "type", "inspect", "simple"),
    ];
    expect(listed).toContain("simple/shown");
    expect(inspected).toMatch(/Block Type\s.*Simple/);
    expect(inspected).not.toContain(CANARY);
    expect(type).toMatch(/simple/);
    expect(type).toMatch(/title: X/);
  });

  test("a flow run of its engine loads what we saved", async () => {
    await new SecretBlock({ value: `${CANARY}-flow` }).save("for-flow", { store });
    const program = `
from prefect import flow
from prefect.blocks.system import Secret

@flow
def reading():
    return Secret.load("for-flow").get()[::-1]

print("READ", reading())
`;
    const { stdout } = await run(await python(), ["-c", program], { env: server.environment });
    expect(stdout).toContain(`READ ${Array.from(`${CANARY}-flow`).reverse().join("")}`);
    expect(stdout).not.toContain(CANARY);
  });

  test("hears of a load only when asked to", async () => {
    const heard = async (name: string) => {
      const filter = { filter: { event: { name: ["prefect.block.simple.loaded"] } }, limit: 50 };
      const init = { method: "POST", body: JSON.stringify(filter), headers: { "content-type": "application/json" } };
      const { events } = (await (await fetch(`${server.apiUrl}/events/filter`, init)).json()) as {
        events: { resource: Record<string, string> }[];
      };
      return events.filter(({ resource }) => resource["prefect.resource.name"] === name).length;
    };
    await new Simple({ x: 1, s: "s" }).save("heard", { store });
    await Simple.load("heard", { store });
    const telling = await openStore(`prefect+${server.apiUrl}`, { loadEvents: true });
    await Simple.load("heard", { store: telling });
    await telling.close();
    for (const end = Date.now() + 30_000; (await heard("heard")) === 0 && Date.now() < end; )
      await new Promise((next) => setTimeout(next, 500));
    expect(await heard("heard")).toBe(1);
  });

  test("documents move between it and a store of our own, with all that they refer to, and what cannot is said", async () => {
    const own = await openStore("memory:");
    const azure = await new Azure({ bucketPath: "b", azureStorageAccountKey: CANARY }).save("moved", { store: own });
    const container = await new AzureContainer({ container: "c", credentials: azure }).save("moved", { store: own });
    const iceberg = await new IcebergAzureHadoop({ catalogName: "n", warehouseLocation: "w", container }).save("moved", { store: own });
    const actions = async (from: Store, to: Store) => {
      const done: string[] = [];
      for await (const { type, action, error } of copyDocuments(from, to, [{ type: "icebergazurehadoop", name: "moved" }]))
        done.push(`${action} ${type}${error ? ` ${error.message}` : ""}`);
      return done;
    };
    expect(await actions(own, store)).toEqual(["create azure", "create azurecontainer", "create icebergazurehadoop"]);
    expect(await actions(own, store)).toEqual(["unchanged azure", "unchanged azurecontainer", "unchanged icebergazurehadoop"]);
    const back = await openStore("memory:");
    expect(await actions(store, back)).toEqual(["create azure", "create azurecontainer", "create icebergazurehadoop"]);
    expect((await IcebergAzureHadoop.load("moved", { store: back })).equals(iceberg)).toBe(true);
  });

  test("doctor says where it is, its version and that nobody is logged in", async () => {
    const { code, stdout } = await new Workplace().run("doctor --store prefect:", { PREFECT_API_URL: server.apiUrl });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/ok {7}store {4}http:\S+, Prefect 3\.8\.8\nok {7}login {4}none is set\nok {7}records/),
    ]);
  });

  test("an address without /api, and one of another server, are told as what they are", async () => {
    for (const url of [server.apiUrl.replace("/api", ""), `${server.apiUrl}/nowhere`]) {
      const wrong = await openStore(`prefect+${url}`);
      await expect(Simple.load("shown", { store: wrong })).rejects.toMatchObject({
        code: "ERR_NO_STORE",
        message: expect.stringContaining("/api"),
      });
      await wrong.close();
    }
  });

  test("twenty parallel saves of one new class share one registration", async () => {
    class Shared extends Block.define({ name: "Shared Once", fields: { n: z.int() } }) {}
    await Promise.all(Array.from({ length: 20 }, (_, n) => new Shared({ n }).save(`n-${n}`, { store })));
    expect((await store.schemas({ type: "shared-once" })).length).toBe(1);
    expect((await Shared.names({ store })).length).toBe(20);
  });

  test("a connection is kept, and a pause longer than the server's patience is no matter", async () => {
    await Simple.load("shown", { store });
    await new Promise((later) => setTimeout(later, 6000));
    await new Simple({ x: 2, s: "s" }).save("after-pause", { store });
    expect((await Simple.load("after-pause", { store })).x).toBe(2);
  });
});

describe("request for request", () => {
  let server: PrefectServer;
  beforeAll(async () => {
    server = await startPrefectServer({ blocks: false });
  });
  afterAll(() => server?.stop());

  const { traces } = JSON.parse(readFileSync(new URL("../fixtures/client-http-traces.json", import.meta.url), "utf8")) as {
    traces: { step: string; http: { method: string; path: string; body: { data?: unknown } | null }[] }[];
  };
  const recorded = (step: string) => traces.find((trace) => trace.step === step)?.http ?? [];

  /** Runs with a new store through a server that keeps what passes. */
  async function passing(use: (store: Store) => Promise<unknown>): Promise<{ method: string; path: string; body: string }[]> {
    const recorder = await startRecorder(server.port);
    const store = await openStore(`prefect+http://127.0.0.1:${recorder.port}/api`);
    try {
      await use(store);
    } finally {
      await store.close();
      await recorder.stop();
    }
    return recorder.taken();
  }

  const azure = new Azure({ bucketPath: "bkt", azureStorageAccountKey: "KEY" });
  const ignored = () => undefined;
  const steps: readonly (readonly [step: string, use: (store: Store) => Promise<unknown>])[] = [
    ["register (first time)", (store) => Simple.register({ store })],
    ["register (idempotent)", (store) => Simple.register({ store })],
    ["save new", (store) => new Simple({ x: 1, s: "pw", d: { k: "v" } }).save("one", { store })],
    ["save duplicate without overwrite", (store) => new Simple({ x: 1, s: "pw" }).save("one", { store }).catch(ignored)],
    ["save overwrite from a fresh instance", (store) => new Simple({ x: 2, s: "pw2" }).save("one", { store, overwrite: true })],
    ["load", (store) => Simple.load("one", { store })],
    ["load generic", (store) => Block.load("simple/one", { store })],
    ["load missing", (store) => Simple.load("nope", { store }).catch(ignored)],
    ["load generic without slash", (store) => Block.load("nope", { store }).catch(ignored)],
    ["load_from_ref slug", (store) => Block.load("simple/one", { store })],
    ["load_from_ref bad uuid", (store) => Simple.load({ id: "zz" }, { store }).catch(ignored)],
    ["delete", (store) => Simple.delete("one", { store })],
    ["delete missing", (store) => Simple.delete("one", { store }).catch(ignored)],
    ["invalid name", (store) => new Simple({ x: 1, s: "p" }).save("Bad_Name", { store }).catch(ignored)],
    ["anonymous save", (store) => new Simple({ x: 1, s: "p" }).save(undefined, { store, anonymous: true })],
    ["register 3-level nesting", (store) => IcebergAzureHadoop.register({ store })],
    ["save leaf credentials", (store) => azure.save("creds", { store })],
    [
      "save container referencing saved credentials",
      async (store) => containerOf(await Azure.load("creds", { store: await direct() })).save("cont", { store }),
    ],
    [
      "save root referencing saved container",
      async (store) => icebergOf(await AzureContainer.load("cont", { store: await direct() })).save("ice", { store }),
    ],
    ["load root (nested rebuilt)", (store) => IcebergAzureHadoop.load("ice", { store })],
    [
      "save root with inline unsaved children",
      (store) => icebergOf(containerOf(new Azure({ bucketPath: "b", azureStorageAccountKey: "K2" }))).save("inline", { store }),
    ],
    ["save secret string", (store) => new SecretBlock({ value: "tok" }).save("tok", { store })],
    ["save secret json", (store) => new SecretBlock({ value: { u: "v", n: 1.5 } }).save("js", { store })],
    ["load secret json", (store) => SecretBlock.load("js", { store })],
  ];
  const containerOf = (credentials: Azure) => new AzureContainer({ container: "c", credentials });
  const icebergOf = (container: AzureContainer) => new IcebergAzureHadoop({ catalogName: "cat", warehouseLocation: "wh", container });
  const direct = () => openStore(`prefect+${server.apiUrl}`);

  test("every recorded step is here", () => {
    expect(steps.map(([step]) => step)).toEqual(traces.map(({ step }) => step));
  });

  test.each(steps)("%s: no more than Python's client, and the same document", async (step, use) => {
    const [ours, theirs] = [await passing(use), recorded(step)];
    expect(ours.length, ours.map(({ method, path }) => `${method} ${path}`).join("\n")).toBeLessThanOrEqual(theirs.length);
    const saved = theirs.find(({ method, path }) => method === "POST" && path.endsWith("/block_documents/"));
    if (["save new", "save secret string", "save secret json"].includes(step)) {
      const { data } = JSON.parse(ours.at(-1)?.body ?? "") as { data?: unknown };
      expect(data).toEqual(saved?.body?.data);
    }
  });
});

describe("a server with a login", () => {
  const authString = `admin:${CANARY}:pass`;
  let server: PrefectServer;
  beforeAll(async () => {
    server = await startPrefectServer({ authString });
  });
  afterAll(() => server?.stop());

  test("is used by the auth string, by us and by Python", async () => {
    const store = await storeOf(server.environment);
    await new SecretBlock({ value: "v" }).save("one", { store });
    const other = await startPython(server.environment);
    expect((await other.load("secret", "one")).data).toEqual({ value: "v" });
    await other.stop();
    expect((await SecretBlock.load("one", { store })).get()).toBe("v");
    await SecretBlock.delete("one", { store });
    await store.close();
  });

  test("tells a wrong login, and none, apart from what is not there; nothing half done", async () => {
    for (const [wrong, message] of [
      [
        { PREFECT_API_AUTH_STRING: "admin:wrong" },
        /does not accept the login \(401\): PREFECT_API_AUTH_STRING of the environment is wrong/,
      ],
      [{ PREFECT_API_AUTH_STRING: "", PREFECT_API_KEY: CANARY }, /does not accept the login \(401\): PREFECT_API_KEY of the environment/],
      [{ PREFECT_API_AUTH_STRING: "" }, /asks for a login \(401\): set PREFECT_API_AUTH_STRING/],
    ] as const) {
      const store = await storeOf(server.environment, wrong);
      for (const use of [
        () => SecretBlock.load("none", { store }),
        () => SecretBlock.exists("none", { store }),
        () => Simple.register({ store }),
        () => new Simple({ x: 1, s: "s" }).save("x", { store }),
      ])
        await expect(use()).rejects.toMatchObject({ code: "ERR_DENIED", message: expect.stringMatching(message) });
      await store.close();
    }
    const right = await storeOf(server.environment);
    expect(await right.type({ slug: "simple" })).toBeNull();
    await right.close();
  });

  test("doctor says whose login it is, and what is wrong with it", async () => {
    const place = new Workplace();
    const path = place.write(
      "h/profiles.toml",
      `active = "a"\n[profiles.a]\nPREFECT_API_URL = "${server.apiUrl}"\nPREFECT_API_AUTH_STRING = "${authString}"\n`,
    );
    const good = await place.run("doctor --store prefect:", { PREFECT_HOME: dirname(path) });
    expect(good.stdout).toMatch(/login {4}PREFECT_API_AUTH_STRING of the profile "a" of /);
    const wrong = await place.run("doctor --store prefect:", { PREFECT_HOME: dirname(path), PREFECT_API_AUTH_STRING: "a:b" });
    expect([wrong.code, wrong.stdout]).toEqual([3, expect.stringMatching(/does not accept the login/)]);
    expect(place.printed).not.toContain(CANARY);
  });
});

describe("a server with CSRF protection", () => {
  let server: PrefectServer;
  let store: Store;
  beforeAll(async () => {
    server = await startPrefectServer({ csrf: true });
    store = await storeOf(server.environment);
  });
  afterAll(async () => {
    await store?.close();
    await server?.stop();
  });

  test("gets a token with every write, of us and of Python", async () => {
    await new SecretBlock({ value: "v1" }).save("one", { store });
    await new SecretBlock({ value: "v2" }).save("one", { store, overwrite: true });
    const other = await startPython(server.environment);
    expect((await other.load("secret", "one")).data).toEqual({ value: "v2" });
    await other.save("secret", "one", { value: "v3" }, true);
    await other.stop();
    expect((await SecretBlock.load("one", { store })).get()).toBe("v3");
    await SecretBlock.delete("one", { store });
  });

  test("takes a large document as its first write, which it refuses before it has read it", async () => {
    const fresh = await storeOf(server.environment);
    const value = "x".repeat(1_000_000);
    await new SecretBlock({ value }).save("large", { store: fresh });
    expect((await SecretBlock.load("large", { store: fresh })).get()).toBe(value);
    await fresh.close();
  });

  test("is refused where Prefect is told not to care", async () => {
    const careless = await storeOf(server.environment, { PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: "false" });
    await expect(new SecretBlock({ value: "v" }).save("two", { store: careless })).rejects.toMatchObject({ code: "ERR_DENIED" });
    await careless.close();
  });
});

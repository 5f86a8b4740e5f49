/** The Prefect store over a network that breaks, against a real server: nothing is done twice, nothing acknowledged is lost, what is not known is said. */
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { type AshlarError, Block, type ErrorCode, isAshlarError, openStore, type Store, secret } from "../../src/index.ts";
import { openClient } from "../../src/prefect/client.ts";
import { findSettings } from "../../src/prefect/settings.ts";
import { seeded, seedOr } from "../faults/random.ts";
import { type PrefectServer, startPrefectServer } from "./prefect-server.ts";
import { type Fault, startProxy } from "./tcp-proxy.ts";

const CANARY = "canary-f417";
class Faulty extends Block.define({ name: "Faulty", fields: { n: z.int(), token: secret() } }) {}

let server: PrefectServer;
let direct: Store;

beforeAll(async () => {
  vi.stubEnv("PREFECT_API_REQUEST_TIMEOUT", "3");
  server = await startPrefectServer({ blocks: false });
  direct = await openStore(`prefect+${server.apiUrl}`);
  await Faulty.register({ store: direct });
});
afterAll(async () => {
  await direct?.close();
  await server?.stop();
});

/** What an action came to. */
type Outcome = "done" | ErrorCode;

async function outcomeOf(action: Promise<unknown>): Promise<Outcome> {
  try {
    await action;
    return "done";
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(CANARY);
    return (error as AshlarError).code;
  }
}

/** Runs with a store behind a proxy that breaks what the list says, request by request, and then nothing. */
async function broken<T>(faults: readonly Fault[] | (() => Fault), run: (store: Store) => Promise<T>): Promise<T> {
  const list = typeof faults === "function" ? undefined : [...faults];
  const proxy = await startProxy(server.port, () => (list === undefined ? (faults as () => Fault)() : (list.shift() ?? "none")));
  const store = await openStore(`prefect+http://127.0.0.1:${proxy.port}/api`);
  try {
    return await run(store);
  } finally {
    await store.close();
    await proxy.stop();
  }
}

/** The fault for each of so many requests, whose second attempt goes well. */
const each = (fault: Fault, requests: number) => Array.from({ length: requests * 2 }, (_, index) => (index % 2 === 0 ? fault : "none"));
const block = (n: number) => new Faulty({ n, token: `${CANARY} ${n}` });
const there = async (name: string) => (await Faulty.exists(name, { store: direct })) && (await Faulty.load(name, { store: direct })).n;

describe("a fault", () => {
  /** The first request of a save asks for the schema, the second writes. */
  test.each<[Fault, boolean]>([
    ["before", false],
    ["dropped", true],
    ["half", true],
    ["silent", true],
  ])("%s: a create says that its outcome is unknown, and is not done twice", async (fault, done) => {
    const name = `create-${fault}`;
    expect(await broken(["none", fault], (store) => outcomeOf(block(1).save(name, { store })))).toBe("ERR_OUTCOME_UNKNOWN");
    expect(await there(name)).toBe(done ? 1 : false);
    // Saying "replace" makes it a write that can be repeated.
    expect(await broken(["none", "none", fault], (store) => outcomeOf(block(2).save(name, { store, overwrite: true })))).toBe("done");
    expect(await there(name)).toBe(2);
  });

  // Together, since each attempt but the first waits for 2 seconds, as Prefect's own client does.
  test.concurrent.each<Fault>(["before", "dropped", "half", "busy"])(
    "%s: a load, an overwrite, a delete and a registration go on",
    async (fault) => {
      const name = `on-${fault}`;
      await block(1).save(name, { store: direct });
      expect((await broken([fault], (store) => Faulty.load(name, { store }))).n).toBe(1);
      await broken(["none", ...each(fault, 3)], (store) => block(3).save(name, { store, overwrite: true }));
      expect(await there(name)).toBe(3);
      expect((await broken(each(fault, 2), (store) => Faulty.delete(name, { store }))).length).toBe(1);
      expect(await there(name)).toBe(false);
      class Made extends Block.define({ name: `Made ${fault}`, fields: { n: z.int() } }) {}
      await broken(each(fault, 4), (store) => Made.register({ store }));
      expect((await direct.schemas({ type: Made.slug })).length).toBe(1);
    },
  );

  test("busy: a create goes on, since it was not begun", async () => {
    expect(await broken(["busy", "busy", "busy"], (store) => outcomeOf(block(1).save("busy-create", { store })))).toBe("done");
    expect(await there("busy-create")).toBe(1);
  });

  test("dropped: an anonymous create goes on, and makes one document", async () => {
    const before = (await direct.names({ anonymous: true })).length;
    const saved = await broken(["none", "dropped"], (store) => block(7).save(undefined, { store, anonymous: true }));
    expect((await direct.names({ anonymous: true })).length).toBe(before + 1);
    expect((await Faulty.load({ id: saved.document?.id ?? "" }, { store: direct })).n).toBe(7);
  });
});

test("the proxy itself: who sends a lost create again makes two", async () => {
  const before = (await direct.names({ anonymous: true })).length;
  const faults: Fault[] = ["dropped"];
  const proxy = await startProxy(server.port, () => faults.shift() ?? "none");
  const client = await openClient(await findSettings(`prefect+http://127.0.0.1:${proxy.port}/api`));
  const schema = (await (await fetch(`${server.apiUrl}/block_schemas/checksum/${Faulty.checksum}`)).json()) as {
    id: string;
    block_type_id: string;
  };
  const body = JSON.stringify({
    name: null,
    is_anonymous: true,
    data: { n: 1 },
    block_schema_id: schema.id,
    block_type_id: schema.block_type_id,
  });
  await client.call({ method: "POST", path: "/block_documents/", body, effect: "repeat" });
  client.close();
  await proxy.stop();
  expect((await direct.names({ anonymous: true })).length).toBe(before + 2);
});

test("storms: twelve writers and readers through a network that breaks every third request lose nothing that was acknowledged", async () => {
  const seed = seedOr(417);
  const random = seeded(seed);
  const kinds: readonly Fault[] = ["before", "dropped", "half", "busy"];
  const fault = (): Fault => (random(3) === 0 ? (kinds[random(kinds.length)] as Fault) : "none");
  const acknowledged = new Map<string, Set<number | false>>();
  await broken(fault, (store) =>
    Promise.all(
      Array.from({ length: 12 }, async (_, worker) => {
        const name = `storm-${worker}`;
        let possible = new Set<number | false>([false]);
        for (let n = 1; n <= 5; n++) {
          const deletes = n === 4;
          const outcome = await outcomeOf(deletes ? Faulty.delete(name, { store }) : block(n).save(name, { store, overwrite: n > 1 }));
          const aim = deletes ? false : n;
          if (outcome === "done") possible = new Set([aim]);
          else if (outcome === "ERR_OUTCOME_UNKNOWN") possible.add(aim);
          else expect(["ERR_UNREACHABLE", "ERR_NOT_FOUND", "ERR_EXISTS"]).toContain(outcome);
          const read = await Faulty.load(name, { store }).then(
            (block) => block.n,
            (error: unknown) => isAshlarError(error, "ERR_NOT_FOUND") && (false as const),
          );
          expect([...possible], `seed ${seed}: ${name} after ${n}: ${outcome}`).toContain(read);
        }
        acknowledged.set(name, possible);
      }),
    ),
  );
  expect(acknowledged.size).toBe(12);
  for (const [name, possible] of acknowledged) expect([...possible], `seed ${seed}: ${name}`).toContain(await there(name));
});

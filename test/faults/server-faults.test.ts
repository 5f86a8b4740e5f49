/**
 * The server as a process while it is killed, while its store is locked, and when its disk is full.
 *
 * ASHLAR_SERVER_KILLS: how many times it is killed, 100 writes each; default 5. ASHLAR_SEED: when.
 */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { listening, newToken, type Served, serve } from "../cli/served.ts";
import { Workplace } from "../cli/workplace.ts";
import type { Client } from "../server/serving.ts";
import type { Body } from "../server/subject.ts";
import { seeded, seedOr } from "./random.ts";

const KILLS = Number(process.env.ASHLAR_SERVER_KILLS ?? 5);
const WRITERS = 10;
const WRITES = 100;

/** A folder with a store and a token of an admin. */
async function ready(): Promise<{ place: Workplace; token: string }> {
  const place = new Workplace();
  await place.run("init");
  return { place, token: await newToken(place, "admin") };
}

/** Body of a document of the system's type `secret`. */
async function secrets(client: Client): Promise<(name: string, value: string) => object> {
  const type = (await client.get("/block_types/slug/secret")).body as Body;
  const [schema] = (await client.post("/block_schemas/filter", { block_schemas: { block_type_id: { any_: [type.id] } } })).body as Body[];
  return (name, value) => ({ name, data: { value }, block_type_id: type.id, block_schema_id: schema.id });
}

describe("a server that is killed while it writes", () => {
  it(`loses no write that it acknowledged, in ${KILLS * WRITES} writes`, { timeout: 60_000 + KILLS * 20_000 }, async () => {
    const { place, token } = await ready();
    const random = seeded(seedOr(20_261_125));
    const acknowledged = new Map<string, string>();
    for (let kill = 0; kill < KILLS; kill++) {
      const served = await serve(place);
      const last = random(WRITES);
      await writeUntilKilled(served, token, kill, last, acknowledged);
      await served.ended;
      expect(served.child.signalCode).toBe("SIGKILL");
    }
    const client = (await serve(place)).client(token);
    const lost: string[] = [];
    for (const [name, value] of acknowledged) {
      const answer = await client.get(`/block_types/slug/secret/block_documents/name/${name}?include_secrets=true`);
      if ((answer.body as Body)?.data?.value !== value) lost.push(`${name}: ${answer.status}`);
    }
    expect(lost).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(0);
    expect((await place.run("doctor")).code).toBe(0);
    expect(await place.run("audit verify")).toMatchObject({ code: 0 });
  });

  /** Ten write at a time, new documents and changes of what they made; after so many answers the server is killed. */
  async function writeUntilKilled(
    { client: clientOf, child }: Served,
    token: string,
    round: number,
    last: number,
    acknowledged: Map<string, string>,
  ) {
    const body = await secrets(clientOf(token));
    let [begun, answered] = [0, 0];
    const writer = async (client: Client) => {
      while (begun < WRITES) {
        const name = `r${round}-${begun++}`;
        try {
          const made = await client.post("/block_documents/", body(name, "first"));
          if (made.status !== 201) continue;
          acknowledged.set(name, "first");
          const changed = client.patch(`/block_documents/${(made.body as Body).id}`, { data: { value: "second" } });
          acknowledged.delete(name); // until it is answered, both may be there
          if ((await changed).status === 204) acknowledged.set(name, "second");
          if (++answered === last) child.kill("SIGKILL");
        } catch (error) {
          if (child.killed) return;
          throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, () => writer(clientOf(token))));
    child.kill("SIGKILL");
  }
});

describe("a server whose database another process has locked", () => {
  it("goes on answering, and writes when the lock is gone; one that stays is 503", { timeout: 60_000 }, async () => {
    const { place, token } = await ready();
    const client = (await serve(place)).client(token);
    const body = await secrets(client);
    const { id } = (await client.post("/block_documents/", body("x", "before"))).body as Body;
    const database = new DatabaseSync(`${place.data}/ashlar.db`);
    database.exec("BEGIN IMMEDIATE");
    const writing = client.patch(`/block_documents/${id}`, { data: { value: "after" } });
    let reads = 0;
    let done = false;
    const reading = (async () => {
      while (!done) {
        const answer = await client.get(`/block_documents/${id}?include_secrets=true`);
        expect(answer).toMatchObject({ status: 200, body: { data: { value: "before" } } });
        reads++;
      }
    })();
    await wait(1000);
    done = true;
    await reading;
    database.exec("ROLLBACK");
    expect((await writing).status).toBe(204);
    expect(reads).toBeGreaterThan(10); // a server that waits for the lock would have answered none
    database.exec("BEGIN IMMEDIATE");
    const refused = await client.patch(`/block_documents/${id}`, { data: { value: "never" } });
    expect(refused).toMatchObject({ status: 503, body: { exception_message: "Service Unavailable" } });
    database.close();
    expect((await client.get(`/block_documents/${id}?include_secrets=true`)).body).toMatchObject({ data: { value: "after" } });
  });
});

describe("a server whose files may not grow any more", () => {
  it("refuses writes and what it cannot write down, keeps what it acknowledged, and goes on reading", { timeout: 120_000 }, async () => {
    const { place, token } = await ready();
    await (await serve(place)).child.kill("SIGTERM");
    const served = await listening(place.startShell("sh", ["-c", "ulimit -f 1000; exec ashlar serve --port 0 --json"])); // in kilobytes
    const client = served.client(token);
    const body = await secrets(client);
    const acknowledged: string[] = [];
    let status = 201;
    for (let index = 0; index < 200 && status === 201; index++) {
      status = (await client.post("/block_documents/", body(`x${index}`, "v".repeat(20_000)))).status;
      if (status === 201) acknowledged.push(`x${index}`);
    }
    expect([500, 503]).toContain(status);
    expect(acknowledged.length).toBeGreaterThan(3);
    expect(((await client.post("/block_documents/filter", { limit: 5 })).body as Body[]).length).toBe(5);
    expect((await client.get("/health")).status).toBe(200);
    served.child.kill("SIGTERM");
    await served.ended;
    const again = (await serve(place)).client(token);
    const found = ((await again.post("/block_documents/filter")).body as Body[]).map(({ name }) => name);
    expect(acknowledged.filter((name) => !found.includes(name))).toEqual([]);
    expect((await again.post("/block_documents/", body("after", "v"))).status).toBe(201);
    expect((await place.run("doctor")).code).toBe(0);
  });
});

/**
 * Several processes on one store: none loses another's write, and killing them at any moment loses nothing that was acknowledged.
 *
 * A kill shows what is written in an unsafe order, never a missing synchronisation with the disk: what a process wrote stays with the system. So
 * these files lie in memory where there is such a place.
 *
 * ASHLAR_KILLS: how many processes are killed; default 200 in CI, 40 elsewhere. ASHLAR_SEED: when. ASHLAR_FAULT_STORE: the URL of another store, in
 * place of SQLite and files; NAME in it stands for a new name each time, as in `postgres://…/postgres?schema=NAME`.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { isAshlarError, openStore, type Store } from "../../src/index.ts";
import { loaded, revealed } from "../../src/testing/store-subject.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { postgresForTests } from "../postgres.ts";
import { missingPostgres } from "../postgres-server.ts";
import { IN_MEMORY, temporaryFolder } from "../temporary.ts";
import { seeded, seedOr } from "./random.ts";
import { draftOf, isAbsent } from "./steps.ts";

const KILLS = Number(process.env.ASHLAR_KILLS ?? (process.env.CI ? 200 : 40));
const SEED = seedOr(20_250_311);
const WRITERS = 4;
/** How long a writer writes at most, in milliseconds, to begin with; longer where each step is a way over the network. */
const LONGEST = process.env.ASHLAR_FAULT_STORE ? 600 : 60;

const folder = temporaryFolder(IN_MEMORY);
const key = keyText(generateKey());
const { NODE_OPTIONS: _own, ...inherited } = process.env;
const env = { ...inherited, ASHLAR_KEYS: key, NODE_COMPILE_CACHE: join(folder, "compiled") };
const run = promisify(execFile);

/** The URL with a name that is new. */
const fresh = (url: string) => url.replaceAll("NAME", `test_${randomUUID().replaceAll("-", "")}`);

/** URLs of new stores. */
const STORES: Readonly<Record<string, (name: string) => string>> = process.env.ASHLAR_FAULT_STORE
  ? { [new URL(process.env.ASHLAR_FAULT_STORE).protocol]: () => fresh(process.env.ASHLAR_FAULT_STORE ?? "") }
  : { "sqlite:": (name) => `sqlite:${join(folder, `${name}.db`)}`, "file:": (name) => `file:${join(folder, name)}` };

const postgres = postgresForTests();
/** The same and PostgreSQL, where there is one. */
const COUNTED = process.env.ASHLAR_FAULT_STORE || missingPostgres ? STORES : { ...STORES, "postgres:": () => postgres.freshUrl() };

describe.each(Object.entries(COUNTED))("eight processes that add one to a number 250 times each, in %s", (_scheme, urlOf) => {
  const script = join(import.meta.dirname, "../stores/increments.ts");

  async function counted(name: string, times: number, ...more: string[]): Promise<number> {
    const url = urlOf(name);
    await (await openStore(url, { create: true, keys: [key] })).close();
    await Promise.all(Array.from({ length: 8 }, () => run(process.execPath, [script, url, String(times), ...more], { env })));
    const store = await openStore(url, { keys: [key] });
    const { data, revision } = await loaded(store, "counter");
    await store.close();
    expect(revision).toBe(8 * times + 1); // every write was done
    return Number(data.count);
  }

  it("by compare-and-swap lose none", async () => {
    expect(await counted("counted", 250)).toBe(2000);
  }, 300_000);

  it("without it lose some: the test sees it", async () => {
    expect(await counted("blindly", 40, "blindly")).toBeLessThan(320);
  }, 300_000);
});

/** A process that writes one document, and the last step that it acknowledged. */
class Writer {
  readonly #child: ChildProcess;
  #acknowledged: number;
  readonly ready: Promise<unknown>;

  constructor(url: string, name: string, after: number, ...more: string[]) {
    const script = join(import.meta.dirname, "writer.ts");
    this.#acknowledged = after;
    this.#child = spawn(process.execPath, [script, url, name, String(after + 1), ...more], { env, stdio: ["ignore", "pipe", "inherit"] });
    this.ready = Promise.race([once(this.#child.stdout as NodeJS.ReadableStream, "data"), once(this.#child, "exit")]);
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      if (/^\d+$/.test(line)) this.#acknowledged = Number(line);
    });
  }

  /** Ends it at once. @returns the last step that it acknowledged. */
  async kill(): Promise<number> {
    const closed = once(this.#child, "close"); // after all it printed was read
    this.#child.kill("SIGKILL");
    const [, signal] = await closed;
    if (signal !== "SIGKILL") throw new Error(`A writer ended by itself, with ${signal ?? this.#child.exitCode}.`);
    return this.#acknowledged;
  }
}

/** The first to open a file after all were killed brings it in order. */
function checkIntegrity(path: string): void {
  const database = new DatabaseSync(path);
  expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  database.close();
}

/** Which step a document is at: one of the two that it can be at, the acknowledged one and the one after it. */
async function stepOf(store: Store, name: string, acknowledged: number): Promise<number | string> {
  const found = await loaded(store, name).catch((error: unknown) => {
    if (isAshlarError(error, "ERR_NOT_FOUND")) return undefined;
    throw error;
  });
  if (!found) return [acknowledged, acknowledged + 1].find(isAbsent) ?? `${name} is gone after step ${acknowledged}`;
  const step = Number(found.data.step);
  const { data, secrets } = draftOf(name, step);
  expect(found.data).toEqual(data);
  expect(revealed(found)).toEqual({ "/token": step, "/a": secrets["/a"]?.reveal() });
  return step === acknowledged || step === acknowledged + 1 ? step : `${name} is at step ${step} after step ${acknowledged}`;
}

describe.each(Object.entries(STORES))("processes killed at random while they write to %s", (scheme, urlOf) => {
  it(`${KILLS} of them: nothing acknowledged is lost, nothing is half there, and the store opens (seed ${SEED})`, async () => {
    const random = seeded(SEED);
    const url = urlOf("killed");
    await (await openStore(url, { create: true, keys: [key] })).close();
    const steps = Array.from({ length: WRITERS }, () => 0);
    const written = () => steps.reduce((sum, step) => sum + step);
    let [killed, longest] = [0, LONGEST];
    for (; killed < KILLS || written() <= killed; killed += WRITERS) {
      const writers = steps.map((step, index) => new Writer(url, `doc-${index}`, step));
      const acknowledged = await Promise.all(
        writers.map(async (writer) => {
          const [early, delay] = [random(10) === 0, random(longest)];
          if (early)
            await wait(Math.min(delay * 3, 180)); // while it starts and opens the store
          else {
            await writer.ready;
            await wait(delay);
          }
          return writer.kill();
        }),
      );
      if (scheme === "sqlite:") checkIntegrity(url.slice(scheme.length));
      const store = await openStore(url, { keys: [key] });
      const now = await Promise.all(acknowledged.map((last, index) => stepOf(store, `doc-${index}`, last)));
      expect(
        now.filter((step) => typeof step === "string"),
        `after ${killed + WRITERS} kills, seed ${SEED}`,
      ).toEqual([]);
      const findings = (await store.maintenance?.check()) ?? [];
      expect(findings.filter(({ message }) => !/is not registered/.test(message))).toEqual([]);
      await store.close();
      steps.splice(0, WRITERS, ...(now as number[]));
      if (written() <= killed + WRITERS) longest = Math.min(longest * 2, 2000); // a busy machine: they are to be killed while they write, not before
    }
    expect(killed).toBeGreaterThanOrEqual(KILLS);
    expect(written()).toBeGreaterThan(killed);
  }, 600_000);

  it("that acknowledge too early lose what they acknowledged: the test sees it", async () => {
    const url = urlOf("early");
    const store = await openStore(url, { create: true, keys: [key] });
    let step = 0;
    let lost = 0;
    for (let round = 0; round < 20 && lost === 0; round++) {
      const writer = new Writer(url, "doc", step, "early");
      await writer.ready;
      await wait(20 + round);
      const last = await writer.kill();
      const now = await loaded(store, "doc").then(
        ({ data }) => Number(data.step),
        () => -1,
      );
      if (now !== last && !(now === -1 && isAbsent(last))) lost++;
      step = last + 1 + (isAbsent(last + 1) ? 1 : 0);
    }
    await store.close();
    expect(lost).toBeGreaterThan(0);
  });
});

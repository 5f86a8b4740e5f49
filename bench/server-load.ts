/**
 * What server.ts measures of one server, by HTTP from outside: requests a second, waiting times, memory. Touches the server's process in /proc only.
 * @module
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import autocannon from "autocannon";
import { median } from "./measure.ts";
import { asked, loadPath, maker, type Subject } from "./serving.ts";

/** How a server bears a load of one request again and again. */
export interface Load {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Loads of one document with secrets, over so many connections. @throws Error when an answer is none of success */
async function loaded(subject: Subject, connections: number, seconds: number): Promise<Load> {
  const result = await autocannon({ url: subject.api + loadPath(), connections, duration: seconds, headers: { ...subject.headers } });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${subject.name}: ${result.non2xx} bad answers, ${result.errors} errors`);
  return { perSecond: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 };
}

/**
 * The same for several servers by turns, so that what else the machine does falls on all of them; the median of each. Before each turn a rest: the
 * server before is to have ended what it was left with, which takes Prefect's more than a second.
 */
export async function loadedByTurns(
  subjects: readonly Subject[],
  connections: number,
  { turns, seconds, restMs }: { readonly turns: number; readonly seconds: number; readonly restMs: number },
): Promise<ReadonlyMap<Subject, Load>> {
  const all = new Map(subjects.map((subject): [Subject, Load[]] => [subject, []]));
  for (const subject of subjects) await loaded(subject, connections, seconds); // warm
  for (let turn = 0; turn < turns; turn++)
    for (const [subject, loads] of all) {
      await setTimeout(restMs);
      loads.push(await loaded(subject, connections, seconds));
    }
  const middle = (loads: readonly Load[], of: keyof Load) => median(loads.map((load) => load[of]));
  return new Map(
    Array.from(all, ([subject, loads]): [Subject, Load] => [
      subject,
      { perSecond: middle(loads, "perSecond"), p50: middle(loads, "p50"), p99: middle(loads, "p99") },
    ]),
  );
}

/** Milliseconds of one request, answer read. */
async function timed({ api, headers }: Subject, path: string, body?: object): Promise<number> {
  const begun = performance.now();
  const init = body && { method: "POST", body: JSON.stringify(body) };
  const answer = await asked(api + path, { headers: { ...headers, "content-type": "application/json" }, ...init });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return performance.now() - begun;
}

/** Milliseconds of a filter of up to 200 documents with secrets; the median of some. */
export async function filtering(subject: Subject, times: number): Promise<number> {
  const all: number[] = [];
  for (let turn = 0; turn < times; turn++) all.push(await timed(subject, "/block_documents/filter", { include_secrets: true, limit: 200 }));
  return median(all);
}

/** How long others wait, at worst, while all documents of a type are listed; milliseconds. */
export async function heldUp(subject: Subject): Promise<{ readonly list: number; readonly worst: number }> {
  const url = subject.api + loadPath().replace(/\/name.*/, "?include_secrets=true");
  const lister = new Worker(new URL("./server-list.ts", import.meta.url), { workerData: { url, headers: subject.headers } });
  await once(lister, "message");
  await timed(subject, "/health"); // connected
  let list: number | undefined;
  lister.once("message", (ms: number) => (list = ms)).postMessage("go");
  let worst = 0;
  while (list === undefined) worst = Math.max(worst, await timed(subject, "/health"));
  return { list, worst };
}

/** Creates, four at a time. */
export async function creating(subject: Subject, count: number): Promise<{ readonly perSecond: number; readonly refused: number }> {
  const make = await maker(subject);
  const begun = performance.now();
  let [next, refused] = [0, 0];
  const one = async () => {
    while (next < count) if ((await make(`new-${subject.name}-${next++}`)) !== 201) refused++;
  };
  await Promise.all([one(), one(), one(), one()]);
  return { perSecond: ((count - refused) / (performance.now() - begun)) * 1000, refused };
}

/** Resident memory in MB after each fifth of so many requests; zeros where the system does not say. */
export async function memoryOf(subject: Subject, requests: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (let fifth = 0; fifth < 5; fifth++) {
    await autocannon({ url: subject.api + loadPath(), connections: 50, amount: requests / 5, headers: { ...subject.headers } });
    found.push(residentMb(subject));
  }
  return found;
}

function residentMb({ pid }: Subject): number {
  if (pid === undefined || process.platform !== "linux") return 0;
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}

#!/usr/bin/env node
/**
 * `npm run bench:server`: `ashlar serve` beside a real Prefect server and beside bare node:http that reads the same row and sends the same bytes, all
 * in one run on one machine. `-- --json` prints one object a line; `--tiny` does as little as possible, to see that it works: its numbers mean
 * nothing; `--documents 1,1000,10000` says how full the stores are (a Prefect server takes minutes to fill).
 * @module
 */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import autocannon from "autocannon";
import { median } from "./measure.ts";
import { loadPath, maker, type Subject, startBare, startOurs, startPrefect } from "./serving.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    tiny: { type: "boolean" },
    documents: { type: "string", default: "1,1000,10000" },
    "no-prefect": { type: "boolean" },
  },
});
const SECONDS = values.tiny ? 1 : 5;
const CONNECTIONS = [1, 10, 50];
const REQUESTS = values.tiny ? 1000 : 100_000;
const LISTED = values.tiny ? 50 : 1000;

/** One figure; prints it. */
function tell(figure: string, subject: string, numbers: Readonly<Record<string, number>>): void {
  const rounded = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value.toPrecision(4))]));
  if (values.json) console.log(JSON.stringify({ figure, subject, ...rounded }));
  else
    console.log(
      `${figure.padEnd(44)} ${subject.padEnd(8)} ${Object.entries(rounded)
        .map(([name, value]) => `${name} ${value}`.padEnd(20))
        .join(" ")}`,
    );
}

interface Load {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

async function loaded(subject: Subject, connections: number, seconds = SECONDS): Promise<Load> {
  const before = cpuMs(subject);
  const result = await autocannon({ url: subject.api + loadPath(), connections, duration: seconds, headers: { ...subject.headers } });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${subject.name}: ${result.non2xx} bad answers, ${result.errors} errors`);
  const cpu = (cpuMs(subject) - before) / result.requests.total;
  return {
    perSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    ...(subject.pid !== undefined && { "cpu µs": cpu * 1000 }),
  };
}

/** Processor time of a server so far, where Linux says it. */
function cpuMs({ pid }: Subject): number {
  if (pid === undefined || process.platform !== "linux") return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function memoryMb({ pid }: Subject): number {
  const [, kilobytes] =
    /VmRSS:\s+(\d+)/.exec(process.platform === "linux" && pid !== undefined ? readFileSync(`/proc/${pid}/status`, "utf8") : "") ?? [];
  return Number(kilobytes ?? 0) / 1024;
}

/** Milliseconds of one request, answer read. */
async function timed({ api, headers }: Subject, path: string, body?: object): Promise<number> {
  const begun = performance.now();
  const init = body && { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(api + path, { headers: { ...headers, "content-type": "application/json" }, ...init });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return performance.now() - begun;
}

async function repeated(times: number, work: () => Promise<number>): Promise<number> {
  const all: number[] = [];
  for (let turn = 0; turn < times; turn++) all.push(await work());
  return median(all);
}

/** How long others wait while all documents of a type are listed. */
async function heldUp(subject: Subject): Promise<{ readonly list: number; readonly worst: number }> {
  let listing = true;
  const list = timed(subject, loadPath().replace(/\/name.*/, "?include_secrets=true")).finally(() => (listing = false));
  let worst = 0;
  while (listing) worst = Math.max(worst, await timed(subject, "/health"));
  return { list: await list, worst };
}

/** Milliseconds of a create, with four at a time. */
async function creating(subject: Subject, count: number): Promise<{ readonly perSecond: number; readonly refused: number }> {
  const make = await maker(subject);
  const begun = performance.now();
  let [next, refused] = [0, 0];
  const one = async () => {
    while (next < count) if ((await make(`new-${subject.name}-${next++}`)) !== 201) refused++;
  };
  await Promise.all([one(), one(), one(), one()]);
  return { perSecond: ((count - refused) / (performance.now() - begun)) * 1000, refused };
}

async function ofServers(documents: number, last: boolean): Promise<void> {
  const ours = await startOurs(documents);
  const bare = await startBare(ours);
  const prefect = values["no-prefect"] ? null : await startPrefect(documents);
  const servers = [ours, bare, ...(prefect ? [prefect] : [])];
  try {
    for (const connections of CONNECTIONS)
      for (const server of servers) {
        await loaded(server, connections, 1); // warm
        tell(`load, ${documents} documents, ${connections} connections`, server.name, { ...(await loaded(server, connections)) });
      }
    for (const server of servers.filter(({ name }) => name !== "bare")) {
      const filter = () => timed(server, "/block_documents/filter", { include_secrets: true, limit: 200 });
      tell(`filter of up to 200, ${documents} documents`, server.name, { ms: await repeated(values.tiny ? 2 : 20, filter) });
      if (documents >= LISTED) tell(`list of a type, ${documents} documents`, server.name, { ...(await heldUp(server)) });
      tell(`create, ${documents} documents, 4 at a time`, server.name, { ...(await creating(server, values.tiny ? 20 : 200)) });
      tell("start", server.name, { ms: server.startMs });
    }
    if (last) await memory(ours);
  } finally {
    for (const server of servers.toReversed()) await server.stop();
  }
}

async function memory(ours: Subject): Promise<void> {
  for (let done = 0; done <= REQUESTS; done += REQUESTS / 5) {
    tell(`memory after ${done} more requests`, ours.name, { MB: memoryMb(ours) });
    await autocannon({ url: ours.api + loadPath(), connections: 50, amount: REQUESTS / 5, headers: { ...ours.headers } });
  }
}

if (!values.json) console.log(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model.trim()}, ${process.platform}\n`);
const sizes = values.tiny ? [60] : values.documents.split(",").map(Number);
for (const [index, size] of sizes.entries()) await ofServers(size, index === sizes.length - 1);

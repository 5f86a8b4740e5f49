#!/usr/bin/env node
/**
 * `npm run bench:server`: `ashlar serve` beside a real Prefect server (Python is needed, see test/interop) and beside bare node:http that reads the same
 * row and sends the same bytes, all in one run on one machine; the goals at the end, and whether they are met. `-- --json` prints one object a line;
 * `--tiny` does as little as possible, to see that it works: its numbers mean nothing; `--documents 1,1000,10000` says how full the stores are (a Prefect
 * server takes minutes to fill); `--no-prefect` leaves it out, with the goals beside it.
 * @module
 */
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { creating, filtering, heldUp, type Load, loadedByTurns, memoryOf } from "./server-load.ts";
import { type Subject, startBare, startOurs, startPrefect, withBuilt } from "./serving.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    tiny: { type: "boolean", default: false },
    documents: { type: "string", default: "1,1000,10000" },
    "no-prefect": { type: "boolean", default: false },
  },
});
const SIZES = values.tiny ? [1, 60] : values.documents.split(",").map(Number);
const [LEAST, MOST_DOCUMENTS] = [Math.min(...SIZES), Math.max(...SIZES)];
const CONNECTIONS = [1, 10, 50];
const MOST = 50;
/** A list of so many documents at least is long enough to hold others up. */
const LISTED = values.tiny ? 50 : 1000;

type Name = Subject["name"];

/** All that is measured. */
interface Measured {
  /** By size, connections and server. */
  readonly loads: Map<string, Load>;
  /** Worst wait beside a list, by server: of the first size that is long enough. */
  readonly waits: Map<Name, number>;
  readonly starts: number[];
  /** How many times as many loads a second with the fewest documents as with the most. */
  slower: number;
  memory: readonly number[];
}

const measured: Measured = { loads: new Map(), waits: new Map(), starts: [], slower: Number.NaN, memory: [] };
const TURNS = values.tiny ? { turns: 1, seconds: 1, restMs: 0 } : { turns: 3, seconds: 3, restMs: 2000 };

/** One figure; prints it. */
function tell(figure: string, server: string, numbers: Readonly<Record<string, number>>): void {
  const rounded = Object.entries(numbers).map(([name, value]): [string, number] => [name, Number(value.toPrecision(3))]);
  if (values.json) console.log(JSON.stringify({ figure, server, ...Object.fromEntries(rounded) }));
  else console.log(`${figure.padEnd(40)} ${server.padEnd(8)} ${rounded.map(([name, value]) => `${value} ${name}`.padEnd(16)).join("")}`);
}

async function measureServers(bin: string, documents: number): Promise<void> {
  const ours = await startOurs(bin, documents);
  const servers: Subject[] = [ours];
  try {
    servers.push(await startBare(ours));
    const prefect = values["no-prefect"] ? null : await startPrefect(documents);
    if (prefect) servers.push(prefect);
    for (const connections of CONNECTIONS)
      for (const [server, load] of await loadedByTurns(servers, connections, TURNS)) {
        measured.loads.set(`${documents} ${connections} ${server.name}`, load);
        tell(`load, ${documents} documents, ${connections} connections`, server.name, {
          "a second": load.perSecond,
          "ms p50": load.p50,
          "ms p99": load.p99,
        });
      }
    for (const server of servers.filter(({ name }) => name !== "bare")) await measureRest(server, documents);
    measured.starts.push(ours.startMs);
  } finally {
    for (const server of servers.toReversed()) await server.stop();
  }
}

async function measureRest(server: Subject, documents: number): Promise<void> {
  tell(`filter of 200, ${documents} documents`, server.name, { ms: await filtering(server, values.tiny ? 2 : 20) });
  if (documents >= LISTED) {
    const { list, worst } = await heldUp(server);
    if (!measured.waits.has(server.name)) measured.waits.set(server.name, worst);
    tell(`list of a type, ${documents} documents`, server.name, { ms: list, "ms others wait": worst });
  }
  const { perSecond, refused } = await creating(server, values.tiny ? 20 : 200);
  tell(`create, ${documents} documents, 4 at a time`, server.name, { "a second": perSecond, refused });
  tell("start", server.name, { ms: server.startMs });
}

/** Ours with the fewest documents beside ours with the most, by turns; and the memory of the first. */
async function measureOurs(bin: string): Promise<void> {
  const [few, many] = [await startOurs(bin, LEAST), await startOurs(bin, MOST_DOCUMENTS)];
  try {
    const loads = await loadedByTurns([few, many], MOST, TURNS);
    measured.slower = (loads.get(few)?.perSecond ?? 0) / (loads.get(many)?.perSecond ?? 0);
    await many.stop();
    const requests = values.tiny ? 1000 : 100_000;
    measured.memory = await memoryOf(few, requests);
    for (const [index, memory] of measured.memory.entries())
      tell(`memory after ${((index + 1) * requests) / 5} requests`, few.name, { MB: memory });
  } finally {
    for (const server of [few, many]) await server.stop();
  }
}

/** A goal; undefined where what it is measured beside is not there. */
interface Goal {
  readonly goal: string;
  readonly measured: number | undefined;
  readonly met: boolean | undefined;
}

function goals(): Goal[] {
  const of = (name: Name) => measured.loads.get(`${MOST_DOCUMENTS} ${MOST} ${name}`);
  const ratio = (a: number | undefined, b: number | undefined) => (a === undefined || b === undefined ? undefined : a / b);
  const atLeast = (goal: string, value: number | undefined, bound: number): Goal => ({
    ...{ goal, measured: value },
    met: value === undefined ? undefined : value >= bound,
  });
  const atMost = (goal: string, value: number | undefined, bound: number): Goal => ({
    ...{ goal, measured: value },
    met: value === undefined ? undefined : value <= bound,
  });
  const [first, last] = [measured.memory[0], measured.memory.at(-1)];
  return [
    atLeast("≥ 150 × Prefect's loads a second, 50 connections", ratio(of("ours")?.perSecond, of("prefect")?.perSecond), 150),
    atMost("≤ 0.01 × Prefect's p99, 50 connections", ratio(of("ours")?.p99, of("prefect")?.p99), 0.01),
    atLeast("≥ 0.25 × bare node:http's loads a second", ratio(of("ours")?.perSecond, of("bare")?.perSecond), 0.25),
    atMost(`≤ 1.2 × slower with ${MOST_DOCUMENTS} documents than with ${LEAST}`, measured.slower, 1.2),
    atMost(`≤ 20 ms that others wait beside a list of ${LISTED}`, measured.waits.get("ours"), 20),
    atMost("≤ 500 ms from start to listening", Math.max(...measured.starts), 500),
    atMost("≤ 150 MB of memory at the end", last, 150),
    atMost("≤ 1.1 × the memory after the first fifth: flat", ratio(last, first), 1.1),
  ];
}

if (!values.json) console.log(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model.trim()}, ${process.platform}\n`);
await withBuilt(async (bin) => {
  for (const size of SIZES) await measureServers(bin, size);
  await measureOurs(bin);
});
if (!values.json) console.log(`\n${"goal".padEnd(52)} ${"measured".padEnd(10)} met`);
for (const { goal, measured: value, met } of goals()) {
  const number = value === undefined ? null : Number(value.toPrecision(3));
  if (values.json) console.log(JSON.stringify({ goal, measured: number, met: met ?? null }));
  else console.log(`${goal.padEnd(52)} ${String(number ?? "-").padEnd(10)} ${met === undefined ? "-" : met ? "yes" : "no"}`);
}

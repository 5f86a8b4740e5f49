#!/usr/bin/env node
/**
 * `npm run bench:prefect`: the Prefect store beside Prefect's own client, in one run against one real server (Python is needed, see test/interop).
 * Loads are measured beside the bare request that they cannot do without, saves and cold starts beside Python. Each by turns; medians.
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openStore, type Store } from "ashlar";
import { type PrefectServer, startPrefectServer } from "../test/interop/prefect-server.ts";
import { python } from "../test/interop/python.ts";
import { alternate, type Figure, isMet, type Measured, rowOf, timed } from "./measure.ts";
import { Account, accountInput, Service, saveService } from "./sample.ts";

const root = join(import.meta.dirname, "..");

/** Python's classes of the same fields, and what is done with them as fast as its client can. */
const CLASSES = `
import sys, time
from typing import Optional
from prefect.blocks.core import Block
from pydantic import SecretStr

class Account(Block):
    _block_type_name = "Bench Account"
    user: str
    token: SecretStr
    retries: int = 3

class Service(Block):
    _block_type_name = "Bench Service"
    host: str
    port: int = 443
    region: Optional[str] = None
    password: SecretStr
    account: Account
`;
const COMMANDS = `${CLASSES}
count = 0
for line in sys.stdin:
    start = time.perf_counter()
    if line.strip() == "load":
        Service.load("main")
    else:
        count += 1
        Account(user="etl", token="bench-token-0123456789abcdef", retries=5).save(f"python-{count}")
    print((time.perf_counter() - start) * 1000, flush=True)
`;

/** A Python process that does one thing a line, and says how many milliseconds it took. */
async function startTimed(server: PrefectServer): Promise<{ time(what: "load" | "save"): Promise<number>; stop(): void }> {
  const child = spawn(await python(), ["-c", COMMANDS], { env: server.environment, stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async time(what) {
      child.stdin.write(`${what}\n`);
      const { value } = await lines.next();
      if (value === undefined) throw new Error("Python ended.");
      return Number(value);
    },
    stop: () => child.kill(),
  };
}

/** The document as bytes, and nothing done with them. */
function bareGet(url: string, agent: Agent): Promise<void> {
  return new Promise((done, failed) => {
    get(url, { agent }, (answer) => answer.resume().on("end", done)).on("error", failed);
  });
}

/** Times ours and Python's by turns. */
async function besidePython(ours: () => Promise<unknown>, theirs: () => Promise<number>, runs: number): Promise<Measured> {
  const measured: { ours: number[]; floor: number[] } = { ours: [], floor: [] };
  for (let run = -2; run < runs; run++) {
    const times = [await timed(ours, 1), await theirs()] as const;
    if (run < 0) continue;
    measured.ours.push(times[0]);
    measured.floor.push(times[1]);
  }
  return measured;
}

/** A process from its start to its end, with one load. */
async function coldStart(server: PrefectServer, runs: number): Promise<Measured> {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache/bench-"));
  const process_ = (file: string, args: readonly string[]) => {
    const { status, stderr } = spawnSync(file, args, { cwd: root, env: server.environment, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  };
  try {
    process_(process.execPath, [join(root, "node_modules/.bin/tsc"), "-p", "tsconfig.build.json", "--outDir", join(folder, "ashlar")]);
    const program = join(folder, "cold.js");
    writeFileSync(program, COLD);
    const interpreter = await python();
    return await alternate(
      {
        ours: () => process_(process.execPath, [program]),
        floor: () => process_(interpreter, ["-c", `${CLASSES}\nService.load("main")`]),
      },
      runs,
      1,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const COLD = `import { Block, openStore, secret, useStore } from "./ashlar/src/index.js";
import { z } from "zod";

class Account extends Block.define({ name: "Bench Account", fields: { user: z.string(), token: secret(), retries: z.int().default(3) } }) {}
class Service extends Block.define({
  name: "Bench Service",
  fields: { host: z.string(), port: z.int().default(443), region: z.string().optional(), password: secret(), account: Account },
}) {}

useStore(await openStore("prefect:"));
const service = await Service.load("main");
if (!service.account.token.reveal().startsWith("bench-token")) process.exit(1);
`;

function figures(server: PrefectServer, store: Store, side: Awaited<ReturnType<typeof startTimed>>): Figure[] {
  const agent = new Agent({ keepAlive: true });
  const url = `${server.apiUrl}/block_types/slug/bench-service/block_documents/name/main?include_secrets=true`;
  let count = 0;
  const load = () => Service.load("main", { store });
  return [
    {
      name: "load",
      about: "a block and the one it refers to, warm; floor: the bare GET of that document on a kept connection",
      unit: "ms",
      goal: { ratio: 1.2 },
      measure: (scaled) => alternate({ ours: load, floor: () => bareGet(url, agent) }, scaled(200), 1),
    },
    {
      name: "load.python",
      about: "the same; floor: Python's client",
      unit: "ms",
      goal: { ratio: 0.5 },
      measure: (scaled) => besidePython(load, () => side.time("load"), scaled(100)),
    },
    {
      name: "save.python",
      about: "a new block, its class registered before; floor: Python's client",
      unit: "ms",
      goal: { ratio: 0.5 },
      measure: (scaled) =>
        besidePython(
          () => new Account(accountInput).save(`ours-${count++}`, { store }),
          () => side.time("save"),
          scaled(60),
        ),
    },
    {
      name: "cold.python",
      about: "a process from its start to its end, with one load; floor: a Python process",
      unit: "ms",
      goal: { ratio: Number((1 / 6).toFixed(3)) },
      measure: (scaled) => coldStart(server, scaled(15)),
    },
  ];
}

async function main(tiny: boolean): Promise<void> {
  const server = await startPrefectServer({ blocks: false });
  const store = await openStore(`prefect+${server.apiUrl}`);
  const side = await startTimed(server);
  try {
    await saveService(store);
    await side.time("load"); // Python has started, and takes no time from the others
    console.log(`Node ${process.version}, Prefect 3.8.8, ${availableParallelism()} × ${cpus()[0]?.model.trim()}, ${process.platform}\n`);
    for (const figure of figures(server, store, side)) {
      const row = rowOf(figure, await figure.measure((runs) => (tiny ? 1 : runs)));
      console.log(
        `${row.name.padEnd(12)} ${row.median} ms, floor ${row.floor} ms, ratio ${row.ratio}: ${row.goal} ${isMet(figure, row) ? "met" : "not met"}`,
      );
      console.log(`${"".padEnd(12)} ${figure.about}`);
    }
  } finally {
    side.stop();
    await store.close();
    await server.stop();
  }
}

await main(process.argv.includes("--tiny"));

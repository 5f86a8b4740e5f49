/**
 * Sealing 100,000 documents of a SQLite store anew, in a process of its own, while two readers load from it: `rotate.100k`, `rotate.reads`,
 * `rotate.memory`. A read that fails ends it.
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openStore, type Store } from "ashlar";
import { generateKey, keyText } from "ashlar/vaults/keyring";
import { type Figure, type Measured, timed } from "./measure.ts";
import type { Rotated } from "./rotating.ts";
import { Account, accountInput, withSqlite } from "./sample.ts";

/** Times in milliseconds, memory in megabytes. */
interface Rotation {
  /** A document. */
  readonly sealing: Measured;
  /** A load: while all is sealed anew, and before. */
  readonly reads: Measured;
  /** Of the process that seals: when all is sealed anew, and when a tenth is. */
  readonly memory: Measured;
}

let measured: Promise<Rotation> | undefined;

/** Measured once for all figures. */
function rotated(scaled: (count: number) => number): Promise<Rotation> {
  measured ??= withSqlite((store, folder, old) => measure(store, folder, old, scaled(100_000)));
  return measured;
}

async function measure(store: Store, folder: string, old: string, count: number): Promise<Rotation> {
  for (let index = 0; index < count; index++) await new Account(accountInput).save(`account-${index}`, { store });
  const keys = [keyText(generateKey()), old];
  const readers = [await openStore(store.url, { keys }), await openStore(store.url, { keys })];
  let next = 0;
  const read = async () => {
    const name = `account-${(next++ * 7919) % count}`; // all over the store
    const { token } = await Account.load(name, { store: readers[next % readers.length] });
    if (token.reveal() !== accountInput.token) throw new Error(`${name} reads as another`);
  };
  const still: number[] = [];
  for (let run = 0; run < Math.min(count, 5000); run++) still.push(await timed(read, 1));
  const [bare, result] = [join(folder, "bare.db"), join(folder, "rotated.json")];
  const child = spawn(process.execPath, ["--expose-gc", join(import.meta.dirname, "rotating.ts"), store.url, bare, result], {
    env: { ...process.env, ASHLAR_KEYS: keys.join(",") },
    stdio: "inherit",
  });
  const ended = once(child, "exit");
  const meanwhile: number[] = [];
  try {
    while (child.exitCode === null && child.signalCode === null) {
      meanwhile.push(await timed(read, 1));
      await new Promise(setImmediate); // node:sqlite answers at once: without a pause its end would never be heard of
    }
  } finally {
    child.kill();
    await ended;
  }
  for (const reader of readers) await reader.close();
  const { ours, floor, tenth, end }: Rotated = JSON.parse(readFileSync(result, "utf8"));
  if (ours.length !== count + 1) throw new Error(`${ours.length} records were sealed anew, not ${count} documents, a type and a schema`);
  return { sealing: { ours, floor }, reads: { ours: meanwhile, floor: still }, memory: { ours: [end], floor: [tenth] } };
}

export const rotation: readonly Figure[] = [
  {
    name: "rotate.100k",
    about:
      "one of 100,000 documents sealed anew while two readers load; floor: node:sqlite's read, open, seal and update with full sync, by turns",
    unit: "µs",
    goal: { ratio: 2 },
    measure: async (scaled) => (await rotated(scaled)).sealing,
  },
  {
    name: "rotate.reads",
    about: "a load while 100,000 documents are sealed anew, of which none failed; floor: the same load before",
    unit: "µs",
    goal: { ratio: 2 },
    measure: async (scaled) => (await rotated(scaled)).reads,
  },
  {
    name: "rotate.memory",
    about: "resident memory of the process that seals 100,000 documents anew, at the end; floor: when a tenth was done",
    unit: "MB",
    goal: { more: 32 }, // V8 may double its young generation once
    measure: async (scaled) => (await rotated(scaled)).memory,
  },
];

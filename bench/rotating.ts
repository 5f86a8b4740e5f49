/**
 * Run by rotation.ts: seals a store anew, as `ashlar key rotate` does, by turns with bare rows beside it, and tells how long each took and how much
 * memory it held. Arguments: the store's URL, the paths of the bare rows and of what it tells.
 * @module
 */
import { writeFileSync } from "node:fs";
import { openStore } from "ashlar";
import { BareStore } from "./bare.ts";
import { Account, accountInput, bareRecord } from "./sample.ts";

/** What it tells: milliseconds of each document and of each bare row; megabytes when a tenth was done, and at the end. */
export interface Rotated {
  readonly ours: readonly number[];
  readonly floor: readonly number[];
  readonly tenth: number;
  readonly end: number;
}

const ROWS = 1000;
/** A bare row follows each so manieth document. */
const EACH = 10;

/** Resident memory, after what is garbage is gone: when that happens else is chance. */
function megabytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 1024 ** 2;
}

const [url = "", path = "", result = ""] = process.argv.slice(2);
const store = await openStore(url);
const bare = new BareStore(path);
const record = await bareRecord(store, Account.slug, "account-0", { token: accountInput.token });
bare.together(() => {
  for (let index = 0; index < ROWS; index++) bare.insert(`id-${index}`, `account-${index}`, record);
});

const [ours, floor]: [number[], number[]] = [[], []];
let [tenth, begun] = [0, Number.NaN];
await store.maintenance?.reseal({
  onProgress(at, total) {
    const ended = performance.now();
    if (at > 1) ours.push(ended - begun); // before the first all records were looked at
    if (at === Math.ceil(total / 10)) tenth = megabytes();
    if (at % EACH === 0) bare.reseal(`account-${(at / EACH) % ROWS}`);
    begun = performance.now();
    if (at % EACH === 0) floor.push(begun - ended);
  },
});
const told: Rotated = { ours, floor, tenth, end: megabytes() };
bare.close();
await store.close();
writeFileSync(result, JSON.stringify(told));

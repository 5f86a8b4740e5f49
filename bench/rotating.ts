/**
 * Run by rotation.ts: seals a store anew, as `ashlar key rotate` does, and tells how long it took and how much memory it held. Argument: the URL.
 * @module
 */
import { openStore } from "ashlar";

/** What it tells. */
export interface Rotated {
  readonly resealed: number;
  readonly ms: number;
  /** Megabytes when a tenth was done, and at the end. */
  readonly tenth: number;
  readonly end: number;
}

const megabytes = () => process.memoryUsage().rss / 1024 ** 2;

const store = await openStore(process.argv[2] ?? "");
const begun = performance.now();
let tenth = 0;
const done = await store.maintenance?.reseal({
  onProgress(at, total) {
    if (at === Math.ceil(total / 10)) tenth = megabytes();
  },
});
const told: Rotated = { resealed: done?.resealed ?? 0, ms: performance.now() - begun, tenth, end: megabytes() };
await store.close();
process.send?.(told);
process.disconnect?.();

/**
 * Keeps the memory of a server small. Touches V8's settings, so it is the process's own affair: the command line's, and no library's.
 *
 * V8 lets the heap of a busy process grow while memory is there, and fills it with requests that are over. These two settings are only of when that is
 * thrown away. `npm run bench:server` measures what memory is left.
 * @module
 */
import { setFlagsFromString } from "node:v8";

/** From now on the young half of the heap grows no more, and the old half is looked through when it has grown by a third. */
export function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=30");
}

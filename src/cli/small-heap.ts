/**
 * Keeps the memory of a server small. Touches V8's settings, so it is the process's own affair: the command line's, and no library's.
 *
 * V8 lets the heap of a busy process grow while memory is there: requests that are over would fill some 200 MB before they are thrown away. These two
 * settings are only of when that is done; half of the memory costs about a tenth of the speed (npm run bench:server).
 * @module
 */
import { setFlagsFromString } from "node:v8";

/** From now on the young half of the heap grows no more, and the old half is looked through when it has grown by a third. */
export function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=30");
}

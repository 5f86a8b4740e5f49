/**
 * How a figure is measured: an operation and its floor by turns in the same run, medians of both. Touches nothing else.
 * @module
 */

/** What a figure should be: a multiple of its floor, at most so much, or at most so much more than its floor. */
export type Goal = { readonly ratio: number } | { readonly most: number } | { readonly more: number };

/** Milliseconds of each run; megabytes of a figure in MB. */
export interface Measured {
  readonly ours: readonly number[];
  readonly floor: readonly number[];
}

/** One thing that is measured. */
export interface Figure {
  readonly name: string;
  /** What is measured, and beside which floor. */
  readonly about: string;
  readonly unit: "µs" | "ms" | "MB";
  /** In the figure's unit. */
  readonly goal: Goal;
  /** @param scaled how many of something to make or do: as given for a figure that counts, few to see that it works. */
  measure(scaled: (count: number) => number): Promise<Measured>;
}

/** A measured figure; numbers in its unit. */
export interface Row {
  readonly name: string;
  readonly median: number;
  readonly unit: string;
  readonly floor: number;
  readonly ratio: number;
  readonly goal: string;
  readonly runs: number;
}

/** An operation and the bare calls that it cannot do without. */
export interface Pair {
  ours(): unknown;
  floor(): unknown;
}

/**
 * Times both by turns, `batch` calls a run; a fifth as many runs go before, unmeasured. Milliseconds a call. A run is best about a millisecond:
 * a longer one is interrupted by other processes each time, a shorter one seldom, and the ratio of the two would tell of the machine's load.
 */
export async function alternate(pair: Pair, runs: number, batch: number): Promise<Measured> {
  const ours: number[] = [];
  const floor: number[] = [];
  for (let run = -Math.ceil(runs / 5); run < runs; run++) {
    const times = [await timed(pair.ours, batch), await timed(pair.floor, batch)] as const;
    if (run < 0) continue;
    ours.push(times[0]);
    floor.push(times[1]);
  }
  return { ours, floor };
}

/** Milliseconds a call. */
export async function timed(work: () => unknown, batch: number): Promise<number> {
  const start = performance.now();
  for (let call = 0; call < batch; call++) {
    const result = work();
    if (result instanceof Promise) await result; // a floor that needs no promise does not pay for one
  }
  return (performance.now() - start) / batch;
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** A figure with what was measured of it. */
export function rowOf({ name, unit, goal }: Figure, { ours, floor }: Measured): Row {
  const [ownTime, floorTime] = [ours, floor].map((times) => median(times) * (unit === "µs" ? 1000 : 1)) as [number, number];
  const ratio = Number((ownTime / floorTime).toFixed(2));
  return { name, median: rounded(ownTime), unit, floor: rounded(floorTime), ratio, goal: goalText(goal, unit), runs: ours.length };
}

/** Whether a figure is what it should be. */
export function isMet({ goal }: Figure, { median: own, floor, ratio }: Row): boolean {
  if ("ratio" in goal) return ratio <= goal.ratio;
  return "most" in goal ? own <= goal.most : own <= floor + goal.more;
}

function goalText(goal: Goal, unit: string): string {
  if ("ratio" in goal) return `≤ ${goal.ratio} × floor`;
  return "most" in goal ? `≤ ${goal.most} ${unit}` : `≤ floor + ${goal.more} ${unit}`;
}

/** Three digits that count; what is smaller than that differs from run to run. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

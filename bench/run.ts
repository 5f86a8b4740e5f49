/**
 * A benchmark's command: measures all figures of a list or those that are named, and prints a table, or with `--json` one object a line. `--tiny` does
 * as little as possible, to see that it works: its numbers mean nothing.
 * @module
 */
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Figure, isMet, type Row, rowOf } from "./measure.ts";

/** Runs as a process' only work, with its arguments. @param command how the user called it. */
export async function runFigures(command: string, figures: readonly Figure[]): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean" }, tiny: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  const width = Math.max(...figures.map(({ name }) => name.length));
  if (values.help) {
    console.log(`${command} -- [--json] [--tiny] [NAME…]\n`);
    for (const { name, about } of figures) console.log(`${name.padEnd(width)} ${about}`);
    return;
  }
  const unknown = positionals.filter((name) => !figures.some((figure) => figure.name === name));
  if (unknown.length > 0) {
    console.error(`There is no figure ${unknown.join(", ")}; there are ${figures.map(({ name }) => name).join(", ")}.`);
    process.exitCode = 64;
    return;
  }
  if (!values.json) {
    console.log(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model.trim()}, ${process.platform}\n`);
    const numbers = ["median", "floor", "ratio"].map((text) => text.padStart(10)).join(" ");
    console.log(`${"name".padEnd(width)} ${numbers}   ${"goal".padEnd(16)} ${"met".padEnd(6)} runs`);
  }
  for (const figure of figures) {
    if (positionals.length > 0 && !positionals.includes(figure.name)) continue;
    const row = rowOf(figure, await figure.measure((count) => (values.tiny ? Math.ceil(count / 100) : count)));
    console.log(values.json ? JSON.stringify(row) : cells(row, isMet(figure, row) ? "yes" : "no", width));
  }
}

function cells({ name, median, unit, floor, ratio, goal, runs }: Row, met: string, width: number): string {
  const numbers = [`${median} ${unit}`, `${floor} ${unit}`, ratio.toFixed(2)].map((text) => text.padStart(10)).join(" ");
  return `${name.padEnd(width)} ${numbers}   ${goal.padEnd(16)} ${met.padEnd(6)} ${runs}`;
}

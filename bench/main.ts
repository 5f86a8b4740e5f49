#!/usr/bin/env node
/**
 * `npm run bench`: the figures, each beside its floor. `npm run bench -- NAME…` measures some, `--json` prints one object a line, `--tiny` does
 * as little as possible, to see that it works: its numbers mean nothing.
 * @module
 */
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { chain50, list10k, load10k } from "./many.ts";
import { type Figure, isMet, type Row, rowOf } from "./measure.ts";
import { loadMemory, loadSqlite, saveSqlite } from "./one.ts";
import { coldLoad, tscBlock } from "./processes.ts";

const FIGURES: readonly Figure[] = [loadSqlite, loadMemory, coldLoad, list10k, load10k, chain50, saveSqlite, tscBlock];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, tiny: { type: "boolean" }, help: { type: "boolean", short: "h" } },
});
const unknown = positionals.filter((name) => !FIGURES.some((figure) => figure.name === name));

function cells({ name, median, unit, floor, ratio, goal, runs }: Row, met: string): string {
  const numbers = [`${median} ${unit}`, `${floor} ${unit}`, ratio.toFixed(2)].map((text) => text.padStart(10)).join(" ");
  return `${name.padEnd(12)} ${numbers}   ${goal.padEnd(14)} ${met.padEnd(6)} ${runs}`;
}

async function main(): Promise<void> {
  const chosen = positionals.length === 0 ? FIGURES : FIGURES.filter(({ name }) => positionals.includes(name));
  if (!values.json) {
    console.log(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model.trim()}, ${process.platform}\n`);
    console.log(
      `${"name".padEnd(12)} ${["median", "floor", "ratio"].map((text) => text.padStart(10)).join(" ")}   ${"goal".padEnd(14)} ${"met".padEnd(6)} runs`,
    );
  }
  for (const figure of chosen) {
    const row = rowOf(figure, await figure.measure((count) => (values.tiny ? Math.ceil(count / 100) : count)));
    console.log(values.json ? JSON.stringify(row) : cells(row, isMet(figure, row) ? "yes" : "no"));
  }
}

if (values.help) {
  console.log("npm run bench -- [--json] [--tiny] [NAME…]\n");
  for (const { name, about } of FIGURES) console.log(`${name.padEnd(12)} ${about}`);
} else if (unknown.length > 0) {
  console.error(`There is no figure ${unknown.join(", ")}; there are ${FIGURES.map(({ name }) => name).join(", ")}.`);
  process.exitCode = 64;
} else await main();

/** The benchmarks measure every figure and print the shape they promise. What they measure is no test: it depends on the machine. */
import { execFile } from "node:child_process";
import { expect, it } from "vitest";
import { type Figure, isMet, median, rowOf } from "../bench/measure.ts";
import { missingPostgres } from "./postgres-server.ts";

const NAMES = ["load.sqlite", "load.memory", "cold.load", "list.10k", "load.10k", "chain.50", "save.sqlite", "tsc.block"];
/** Without the figures that need a PostgreSQL where there can be none. */
const STORE_NAMES = [
  ...["sqlite", "file", ...(missingPostgres ? [] : ["postgres"]), "azure-blob"].flatMap((store) =>
    ["load", "save", "list.10k", "depth.10"].map((name) => `${name}.${store}`),
  ),
  ...["load.key-vault", "rotate.100k", "rotate.reads", "rotate.memory"],
];

/** Runs one as npm does. */
function run(program: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [program, ...args], (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}
const bench = (...args: string[]) => run("bench/main.ts", ...args);

it.each([
  ["bench/main.ts", [], NAMES],
  ["bench/stores.ts", STORE_NAMES, STORE_NAMES],
])(
  "%s measures every figure beside its floor, and prints an object a line",
  async (program, asked, names) => {
    const { code, stdout, stderr } = await run(program, "--tiny", "--json", ...asked);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map(({ name }) => name)).toEqual(names);
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(["name", "median", "unit", "floor", "ratio", "goal", "runs"]);
      expect(row).toMatchObject({
        unit: expect.stringMatching(/^(µs|ms|MB)$/),
        goal: expect.stringMatching(/^≤ /),
        runs: expect.any(Number),
      });
      for (const number of [row.median, row.floor, row.ratio]) expect(number).toEqual(expect.any(Number));
      // What a process costs is measured as a difference of a few milliseconds, which one run does not resolve.
      if (row.name !== "tsc.block") expect(row.floor).toBeGreaterThan(0);
    }
  },
  180_000,
);

it("prints a table of the figures that are named", async () => {
  const { stdout } = await bench("--tiny", "load.memory");
  const [machine, , head, ...rows] = stdout.trimEnd().split("\n");
  expect(machine).toMatch(/^Node v/);
  expect(head).toMatch(/^name +median +floor +ratio +goal +met +runs$/);
  expect(rows).toEqual([expect.stringMatching(/^load\.memory +[\d.]+ µs +[\d.]+ µs +[\d.]+ +≤ 4 × floor +(yes|no) +5$/)]);
});

it("names the figures when one is misspelt", async () => {
  expect(await bench("load.sqlit")).toEqual({
    code: 64,
    stdout: "",
    stderr: `There is no figure load.sqlit; there are ${NAMES.join(", ")}.\n`,
  });
});

it("reckons medians, ratios and goals", () => {
  const figure = (goal: Figure["goal"], unit: Figure["unit"] = "ms") => ({
    name: "x",
    about: "",
    unit,
    goal,
    measure: () => Promise.reject(),
  });
  const measured = { ours: [3, 100, 2], floor: [1, 2, 1, 50] };
  expect(median([])).toBe(0);
  const row = rowOf(figure({ ratio: 2 }, "µs"), measured);
  expect(row).toEqual({ name: "x", median: 3000, unit: "µs", floor: 1500, ratio: 2, goal: "≤ 2 × floor", runs: 3 });
  for (const [goal, met] of [
    [{ ratio: 2 }, true],
    [{ ratio: 1.9 }, false],
    [{ most: 3 }, true],
    [{ most: 2.9 }, false],
    [{ more: 1.5 }, true],
    [{ more: 1.4 }, false],
  ] as const)
    expect([goal, isMet(figure(goal), rowOf(figure(goal), measured))]).toEqual([goal, met]);
});

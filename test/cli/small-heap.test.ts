/** Beginning again with a small heap, in processes of their own: with what, under which id, and where not. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { Workplace } from "./workplace.ts";

const place = new Workplace();
const program = place.write(
  "begin.ts",
  `import { beginWithSmallHeap } from ${JSON.stringify(new URL("../../src/cli/small-heap.ts", import.meta.url).href)};
beginWithSmallHeap();
const told = { pid: process.pid, options: process.execArgv, given: process.argv.slice(2), kept: process.env.KEPT };
if (process.send) process.send(told);
else console.log(JSON.stringify(told));`,
);

it.skipIf(process.platform === "win32")("the process begins again under its id, with its arguments and environment", async () => {
  const { child, ended } = place.start([program, "serve", "a b"], { KEPT: "k" });
  expect(JSON.parse((await ended).stdout)).toEqual({
    ...{ pid: child.pid, given: ["serve", "a b"], kept: "k" },
    options: ["--max-semi-space-size=8", "--heap-growing-percent=30"],
  });
});

it.each([
  ["a size was chosen", ["--max-semi-space-size=16"]],
  ["it may not", ["--permission", "--allow-fs-read=*"]],
])("it goes on as it is where %s", async (_where, options) => {
  expect(JSON.parse((await place.node([...options, program])).stdout)).toMatchObject({ options });
});

it("it goes on as it is where the process above keeps a channel to it", async () => {
  const child = fork(program, { execArgv: [] });
  expect((await once(child, "message"))[0]).toMatchObject({ pid: child.pid, options: [] });
});

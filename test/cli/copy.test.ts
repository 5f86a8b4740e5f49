/** `ashlar copy` between stores of this machine: shown, refused, interrupted and gone on with. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeAll, expect, it } from "vitest";
import { openStore } from "../../src/index.ts";
import { part, register } from "../../src/testing/store-subject.ts";
import { Workplace } from "./workplace.ts";

const CANARY = "canary-of-copy";
const COUNT = 300;
const place = new Workplace();
const sqlite = `sqlite:${join(place.folder, "a.db")}`;
const files = `file:${join(place.folder, "repository")}`;

beforeAll(async () => {
  for (const store of [sqlite, files]) expect((await place.run(`init --store ${store}`)).code).toBe(0);
  const keys = readFileSync(place.keyFile, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("ashlarkey1_"));
  const store = await openStore(sqlite, { keys });
  await register(store);
  for (let index = 0; index < COUNT; index++) await store.save(part(`n${index}`, { secrets: { "/token": `${CANARY}-${index}` } }));
  await store.close();
});

it("says what is missing or contradicts itself", async () => {
  expect(await place.run("copy")).toMatchObject({ code: 64, stderr: expect.stringContaining("--from URL --to URL") });
  expect(await place.run(`copy --from ${sqlite} --to ${sqlite}`)).toMatchObject({
    code: 65,
    stderr: expect.stringContaining("not copied into itself"),
  });
  expect(await place.run(`copy --from ${sqlite} --to ${files} --skip --overwrite`)).toMatchObject({ code: 64 });
  expect(await place.run(`copy --from ${sqlite} --to file:${place.folder}/none`)).toMatchObject({
    code: 69,
    stderr: expect.stringContaining("ashlar init"),
  });
  expect(await place.run(`copy part/none --from ${sqlite} --to ${files}`)).toMatchObject({ code: 66 });
});

it("shows a dry run, copies one, then all but that", async () => {
  const dry = await place.run(`copy part/n1 --from ${sqlite} --to ${files} --dry-run`);
  expect(dry).toMatchObject({
    code: 2,
    stdout: "+ part/n1\nA dry run, nothing was written: 1 created, 0 replaced, 0 the same on both sides, 0 left as they were.\n",
  });
  expect(readdirSync(join(place.folder, "repository"))).not.toContain("part");
  expect(await place.run(`copy part/n1 --store ${sqlite} --to ${files}`)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("1 created"),
  });
});

it("interrupted, it says so; killed, it leaves what is whole; run again, it goes on", async () => {
  const start = () => place.start(`copy --from ${sqlite} --to ${files} --json`);
  const written = () => readdirSync(join(place.folder, "repository/part")).filter((name) => name.endsWith(".json")).length;
  const first = start();
  while (written() < 20) await wait(2);
  first.child.kill("SIGINT");
  const stopped = await first.ended;
  expect(stopped.code).toBe(130);
  expect(JSON.parse(stopped.stdout)).toMatchObject({ interrupted: true });
  const before = written();
  expect(before).toBeLessThan(COUNT);
  const second = start();
  while (written() < before + 20) await wait(2);
  second.child.kill("SIGKILL");
  await second.ended;
  expect(written()).toBeLessThan(COUNT);
  const third = JSON.parse((await start().ended).stdout) as { documents: { action: string }[]; interrupted: boolean };
  const count = (action: string) => third.documents.filter((each) => each.action === action).length;
  expect([third.interrupted, count("create") + count("unchanged"), count("unchanged") >= before]).toEqual([false, COUNT, true]);
  expect((await place.run(`doctor --store ${files}`)).code).toBe(0);
});

it("back into another store, where one record is damaged: that one fails, the rest is copied", async () => {
  const damaged = join(place.folder, "repository/part/n7.json");
  writeFileSync(damaged, readFileSync(damaged, "utf8").replace(/"sealed": ".{80}/, '"sealed": "edit1.'));
  const back = `sqlite:${join(place.folder, "b.db")}`;
  await place.run(`init --store ${back}`);
  const ended = await place.run(`copy --from ${files} --to ${back}`);
  expect(ended).toMatchObject({ code: 74, stdout: expect.stringMatching(/failed {2}part\/n7: .*[\s\S]*299 created, .*, 1 failed/) });
  expect((await place.run(`get part/n8 token --reveal --store ${back}`)).stdout).toBe(`${CANARY}-8\n`);
});

it("no secret was printed unasked, or lies in a file", async () => {
  expect(place.printed.replaceAll(`${CANARY}-8\n`, "")).not.toContain(CANARY);
  const grep = spawn("grep", ["-rl", CANARY, place.folder]);
  expect(await once(grep, "close")).toEqual([1, null]);
});

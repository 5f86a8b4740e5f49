/** `ashlar audit verify` as a real process, over a log that a program of the same store wrote. */
import { appendFileSync, copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it, vi } from "vitest";
import { Workplace } from "./workplace.ts";

vi.setConfig({ testTimeout: 60_000 });

const place = new Workplace();
const log = join(place.data, "audit.jsonl");
const SOURCES = join(import.meta.dirname, "../../src");

/** Records entries as a server does, in the place where one does so by default. */
const WRITER = `
const { openStore } = await import("${SOURCES}/index.ts");
const { auditKeys, openAudit } = await import("${SOURCES}/server/audit.ts");
const { auditLogPath } = await import("${SOURCES}/user-folders.ts");
const store = await openStore(process.argv[2] ?? "sqlite:");
const audit = await openAudit(auditLogPath(), auditKeys(store));
for (const each of ["db/one", "db/two"]) await audit.record({ who: "ci", what: "load", of: each, outcome: "done", revealed: { [each]: ["/token"] } });
await audit.close();
await store.close();
`;

beforeAll(async () => {
  await place.run("init");
  place.write("writer.ts", WRITER);
  expect(await place.node(["writer.ts"])).toEqual({ code: 0, stdout: "", stderr: "" });
});

it("says that nothing was changed, and where the log ends", async () => {
  const { hash } = JSON.parse(readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "") as { hash: string };
  const sum = `5 lines, none of them changed. It ends with line 5, ${hash}.\n`;
  expect(await place.run("audit verify")).toEqual({ code: 0, stdout: sum, stderr: "" });
  expect(await place.json(`audit verify ${log}`)).toEqual({
    ...{
      files: [log],
      lines: 5,
      last: { line: 5, hash },
      goesOnFrom: null,
      breaks: [],
      missingKeys: [],
      unproven: 0,
      unsure: [],
      endKnown: true,
    },
  });
});

it("says where it was changed: file, line and what, for each; exit code 74", async () => {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  const file = place.write(
    "changed.jsonl",
    `${lines
      .with(2, (lines[2] as string).replace("ci", "me"))
      .toSpliced(3, 1)
      .join("\n")}\n`,
  );
  copyFileSync(`${log}.head`, `${file}.head`);
  const { code, stdout } = await place.run(`audit verify ${file}`);
  expect([code, stdout.split("\n").slice(0, 2)]).toEqual([
    74,
    [`${file}:3  Line 3 was changed, or the one before it.`, `${file}:4  Line 4 is missing before it.`],
  ]);
  expect(stdout).toContain("4 lines, 2 breaks. It ends with line 5");
  const { breaks }: { breaks?: unknown } = JSON.parse((await place.run(`audit verify ${file} --json`)).stdout);
  expect(breaks).toHaveLength(2);
});

it("checks a log that was moved away, and the one that goes on from it, as one", async () => {
  renameSync(log, `${log}.1`);
  await place.node(["writer.ts"]);
  expect((await place.run(`audit verify ${log}.1 ${log}`)).stdout).toContain("10 lines, none of them changed. It ends with line 10");
  const { code, stdout } = await place.run("audit verify");
  expect([code, stdout]).toEqual([
    0,
    expect.stringContaining("note  It goes on from line 5, which lies in another file: name that one before it"),
  ]);
});

it("says when the key is missing that nothing vouches for it, exit code 77; and shows nothing that steers a terminal", async () => {
  const old = readFileSync(place.keyFile, "utf8");
  await place.run("key rotate --new");
  const both = readFileSync(place.keyFile, "utf8");
  writeFileSync(
    place.keyFile,
    both.replace(/^ashlarkey1_\S+$/gm, (key) => (old.includes(key) ? "" : key)),
  );
  const unproven = await place.run(`audit verify ${log}.1`);
  expect([unproven.code, unproven.stdout]).toEqual([
    77,
    expect.stringContaining("note  Nothing vouches for the last 5 lines: bring back that key"),
  ]);
  writeFileSync(place.keyFile, both);
  appendFileSync(log, "\u001b[2Jforged\n");
  const forged = await place.run("audit verify");
  expect([forged.code, forged.stdout.includes("\u001b")]).toEqual([74, false]);
});

it("refuses what is not there, and a store that has no keys for it", async () => {
  expect(await place.run("audit verify nowhere.jsonl")).toMatchObject({
    code: 66,
    stderr: expect.stringContaining("There is no audit log"),
  });
  expect((await place.run(`audit verify ${log}.1 --store memory:`)).code).toBe(77); // its keys are those of its process
});

/**
 * A process that changes a store in files is killed at every call of the system that it makes there, and each call fails for want of space and for a
 * broken disk: what was there stays, or what is new is there, whole, and what was told is true. By strace, which a bare machine installs.
 */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { openStore, type Store } from "../../src/index.ts";
import { at, over, part, register } from "../../src/testing/store-subject.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const original = join(folder, "original");
const key = keyText(generateKey());
const { NODE_OPTIONS: _own, ...inherited } = process.env;
const env = { ...inherited, ASHLAR_KEYS: key, NODE_COMPILE_CACHE: join(folder, "compiled") };
const run = promisify(execFile);

beforeAll(async () => {
  if (spawnSync("strace", ["-V"]).status !== 0) execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "strace"]);
  const store = await openStore(`file:${original}`, { create: true, keys: [key] });
  await register(store);
  await store.save(over("parent", await store.save(part("child", { data: { n: 1 } }))));
  await store.close();
});

type Change = "init" | "overwrite" | "create" | "cascade" | "in-place";

/** Every file that a change touches; others, such as Node's own, are not looked at. */
function pathsOf(store: string): string[] {
  const names = [
    "",
    "ashlar.json",
    "ashlar.json.new",
    ".gitignore",
    ".gitignore.new",
    ".lock",
    ".removals.json",
    ".removals.json.new",
    "part",
  ];
  const documents = ["child", "parent", "fresh"].flatMap((name) => [`part/${name}.json`, `part/${name}.json.new`]);
  return [...names, ...documents, "part/_anonymous"].map((name) => (name === "" ? store : join(store, name)));
}

/** Runs a change under strace. @returns what it said, and the calls that it made. */
async function traced(change: Change, store: string, ...inject: string[]): Promise<{ said: string; calls: string[] }> {
  const log = `${store}.log`;
  const paths = pathsOf(store).flatMap((path) => ["-P", path]);
  const args = ["-f", "-qq", ...paths, ...inject, "-o", log, process.execPath, join(import.meta.dirname, "file-writer.ts"), store, change];
  const { stdout } = await run("strace", args, { env, encoding: "utf8" }).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? "",
  }));
  const { stdout: lines } = await run("cat", [log]);
  const calls = lines.split("\n").flatMap((line) => /^\d+ +(\w+)\(/.exec(line)?.[1] ?? []);
  return { said: stdout.trim(), calls };
}

/** A fresh copy of the store for each run. */
function place(change: Change, run: string): string {
  const store = join(folder, `${change}-${run}`);
  if (change !== "init") cpSync(original, store, { recursive: true });
  return store;
}

/** What a store holds: the number of `child`, and the names of documents; `damaged` where one does not load. */
async function stateOf(store: Store): Promise<string> {
  const names = (await store.list()).map(({ name }) => name);
  const documents = await Promise.all(names.map((name) => store.load(at(name)).catch(() => undefined)));
  if (documents.includes(undefined)) return "damaged";
  return names.map((name, index) => `${name}${name === "child" ? documents[index]?.[0]?.data.n : ""}`).join();
}

const STATES: Readonly<Record<Exclude<Change, "init">, { before: string; after: string }>> = {
  overwrite: { before: "child1,parent", after: "child2,parent" },
  create: { before: "child1,parent", after: "child1,fresh,parent" },
  cascade: { before: "child1,parent", after: "" },
  "in-place": { before: "child1,parent", after: "child1,parent" },
};

/** All that is wrong with what a change left; undefined when nothing is. */
async function wrongAfter(change: Exclude<Change, "init">, path: string, said: string): Promise<string | undefined> {
  const store = await openStore(`file:${path}`, { keys: [key] });
  const { before, after } = STATES[change];
  const seen = await stateOf(store);
  await store.save(part("another"), { overwrite: true }); // the next writer finishes what was begun, and is not hindered
  await store.delete(at("another"));
  const now = await stateOf(store);
  const findings = (await store.maintenance?.check()) ?? [];
  await store.close();
  if (now !== before && now !== after) return `it holds ${now} (and ${seen} before the next writer)`;
  if (seen === "damaged") return "a document did not load";
  if (said === "done" && now !== after) return `it was told as done, and holds ${now}`;
  if (said.startsWith("ERR_") && said !== "ERR_OUTCOME_UNKNOWN" && now !== before) return `it was told as ${said}, and holds ${now}`;
  if (said === "ERR_UNEXPECTED") return "an error without a code of ours";
  return findings.length > 0 ? `doctor finds ${findings[0]?.message}` : undefined;
}

/** Runs all injections, two at a time. @returns how many there were, and what went wrong. */
async function examined(change: Exclude<Change, "init">): Promise<{ points: number; wrong: string[] }> {
  const { said, calls } = await traced(change, place(change, "plain"));
  expect(said).toBe("done");
  const counted = new Map<string, number>();
  const first = change === "cascade" ? calls.indexOf("write") : 0; // before that it reads every document
  const points = calls.flatMap((call, index) => {
    const nth = (counted.get(call) ?? 0) + 1;
    counted.set(call, nth);
    if (index < first) return [];
    const failing = ["openat", "write", "fsync", "rename", "unlink", "close", "mkdir", "fcntl", "pread64", "read"].includes(call);
    return ["signal=SIGKILL", ...(failing ? ["error=ENOSPC", "error=EIO"] : [])].map((what) => `${call}:${what}:when=${nth}`);
  });
  const wrong: string[] = [];
  const left = [...points];
  const worker = async () => {
    for (let point = left.pop(); point !== undefined; point = left.pop()) {
      const path = place(change, point.replaceAll(/\W/g, "-"));
      const { said: told } = await traced(change, path, "-e", `inject=${point}`);
      const fault = await wrongAfter(change, path, told).catch((error: Error) => error.message);
      if (fault) wrong.push(`${point}: ${fault}`);
      rmSync(path, { recursive: true, force: true });
    }
  };
  await Promise.all([worker(), worker()]);
  return { points: points.length, wrong };
}

describe("at every call of the system", () => {
  it.each(["overwrite", "create", "cascade"] as const)(
    "%s: killed, out of space, a broken disk",
    async (change) => {
      const { points, wrong } = await examined(change);
      expect(wrong).toEqual([]);
      expect(points).toBeGreaterThan(30);
    },
    600_000,
  );

  it("making a store: killed anywhere, it is made by the next who is asked to", async () => {
    const { calls } = await traced("init", place("init", "plain"));
    const counted = new Map<string, number>();
    for (const call of calls) {
      const nth = (counted.get(call) ?? 0) + 1;
      counted.set(call, nth);
      const path = place("init", `${call}-${nth}`);
      await traced("init", path, "-e", `inject=${call}:signal=SIGKILL:when=${nth}`);
      const again = await openStore(`file:${path}`, { create: true, keys: [key] });
      expect(await again.list(), `${call} ${nth}`).toEqual([]);
      await again.close();
      expect(existsSync(join(path, "ashlar.json"))).toBe(true);
    }
    expect(calls.length).toBeGreaterThan(10);
  }, 300_000);

  it("a writer that writes in place loses the document: the test sees it", async () => {
    const { wrong } = await examined("in-place");
    expect(wrong.join()).toContain("write:signal=SIGKILL");
  }, 300_000);
});

/** The suites themselves: a subject that breaks a rule fails the cases of that rule, whatever runner is passed in. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Backend, StoredRecord } from "../src/backends/backend.ts";
import { memoryBackend } from "../src/backends/memory.ts";
import { AshlarError } from "../src/errors.ts";
import { sealedStore } from "../src/stores/sealed.ts";
import { backendConformance, type Runner, type SuiteOptions, storeConformance, vaultConformance } from "../src/testing.ts";
import { generateKey, keyring } from "../src/vaults/keyring.ts";
import { memoryVault } from "../src/vaults/memory.ts";
import { sodiumVault } from "../src/vaults/sodium.ts";
import type { Vault } from "../src/vaults/vault.ts";
import { temporaryFolder } from "./temporary.ts";

/** How many cases a suite has for a subject of which nothing is told but its name. */
function rules<T>(suite: (runner: Runner, options: SuiteOptions<T>) => void): number {
  let count = 0;
  const open = () => Promise.reject(new Error("no case is run"));
  suite({ describe: (_name, body) => body(), it: () => count++ }, { name: "any", open });
  return count;
}

/** Runs a suite as a runner would; gives the names of the cases that failed. */
async function failures<T, O extends SuiteOptions<T>>(suite: (runner: Runner, options: O) => void, options: O): Promise<string[]> {
  const failed: string[] = [];
  const cases: { name: string; run: () => Promise<void> }[] = [];
  suite({ describe: (_name, body) => body(), it: (name, run) => cases.push({ name, run }) }, options);
  expect(cases.length).toBeGreaterThan(15);
  for (const { name, run } of cases) await run().catch(() => failed.push(name));
  return failed;
}

/** A backend with one method done wrongly. */
function sabotaged(change: (backend: Backend) => Partial<Backend>): () => Backend {
  return () => {
    const backend = memoryBackend();
    const changed = change(backend);
    return new Proxy(backend, {
      get(target, key) {
        if (key in changed) return changed[key as keyof Backend];
        const member: unknown = Reflect.get(target, key);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  };
}

describe("the suite of backends finds", () => {
  const found = (change: (backend: Backend) => Partial<Backend>) =>
    failures(backendConformance, { name: "sabotaged", open: sabotaged(change) });

  it("nothing where nothing is wrong", async () => expect(await found(() => ({}))).toEqual([]));

  it("a write without compare-and-swap", async () => {
    const put: (backend: Backend) => Backend["put"] = (backend) => (record, expected) =>
      backend.put(record, expected).catch((error) => backend.put(record, error.details.actual));
    expect(await found((backend) => ({ put: put(backend) }))).toEqual(
      expect.arrayContaining([expect.stringContaining("a stale revision"), expect.stringContaining("twenty writers")]),
    );
  });

  it("a failure told as an absence", async () => {
    const get: (backend: Backend) => Backend["get"] = (backend) => (key) => backend.get(key).catch(() => null);
    expect(await found((backend) => ({ get: get(backend) }))).toEqual([expect.stringContaining("nothing is told as absent")]);
  });

  it("a removal of what is referred to", async () => {
    const referrers: Backend["referrers"] = async () => [];
    const remove: (backend: Backend) => Backend["remove"] = (backend) => (records) =>
      records.length > 0
        ? backend.remove(records).catch((error) => (error.code === "ERR_REFERENCED" ? undefined : Promise.reject(error)))
        : Promise.resolve();
    expect(await found((backend) => ({ referrers, remove: remove(backend) }))).toEqual(
      expect.arrayContaining([expect.stringContaining("is referred to is ERR_REFERENCED"), expect.stringContaining("referrers: those")]),
    );
  });

  it("names folded into one", async () => {
    const put: (backend: Backend) => Backend["put"] = (backend) => (record, expected) =>
      backend.put({ ...record, name: record.name.normalize("NFC").toLowerCase() }, expected);
    expect(await found((backend) => ({ put: put(backend) }))).toContainEqual(expect.stringContaining("names that a system could fold"));
  });

  it("a lost answer that is told as a lost race, and one that nobody lost", async () => {
    const lostAnswer = "put, remove: a write whose answer is lost is done once, and is acknowledged or ERR_OUTCOME_UNKNOWN";
    for (const [code, loses, expected] of [
      ["ERR_OUTCOME_UNKNOWN", true, []],
      ["ERR_EXISTS", true, [lostAnswer]],
      ["ERR_UNREACHABLE", true, [lostAnswer]],
      ["ERR_OUTCOME_UNKNOWN", false, [lostAnswer]],
    ] as const) {
      let [armed, lost] = [false, 0];
      const answered = async (done: Promise<void>) => {
        await done;
        if (!armed || !loses) return;
        armed = false;
        lost++;
        throw new AshlarError(code, "The answer was lost.");
      };
      const open = sabotaged((backend) => ({
        put: (record, revision) => answered(backend.put(record, revision)),
        remove: (records) => answered(backend.remove(records)),
      }));
      const losing = async () => ({ backend: open(), lose: () => void (armed = true), lost: () => lost, close: async () => {} });
      expect([code, await failures(backendConformance, { name: "losing", open: memoryBackend, losing })]).toEqual([code, expected]);
    }
  });

  it("keys lost", async () => {
    const folded = (record: StoredRecord): StoredRecord => ({ ...record, data: JSON.parse(JSON.stringify({ ...record.data, keys: {} })) });
    expect(await found((backend) => ({ put: (record, expected) => backend.put(folded(record), expected) }))).toContainEqual(
      expect.stringContaining("__proto__ and constructor"),
    );
  });
});

describe("the suite of vaults finds", () => {
  it("a vault that binds nothing, and one that answers a damaged token with nothing", async () => {
    const careless = async (): Promise<Vault> => {
      const vault = await sodiumVault(keyring([generateKey()], "a test"));
      const nothing = () => new Uint8Array(32);
      return {
        seal: (secrets) => vault.seal(secrets, nothing),
        async open(token) {
          try {
            return await vault.open(token, nothing);
          } catch {
            return {};
          }
        },
        discard: () => {},
        keyOf: (token) => vault.keyOf(token),
        sealingKey: () => "",
        close: () => vault.close(),
      };
    };
    const failed = await failures(vaultConformance, { name: "careless", open: careless });
    for (const rule of ["another binding", "bit flipped", "cut at any length", "is no token", "key that it does not hold"])
      expect(failed).toContainEqual(expect.stringContaining(rule));
  });
});

describe("the suite of stores finds", () => {
  it("a refusal that leaves something behind, and a failure told as an absence", async () => {
    const open = () => {
      const store = sealedStore({ backend: memoryBackend(), vault: memoryVault() });
      const save = store.save.bind(store);
      store.save = async (draft, condition) =>
        save(draft, condition).catch(async (error) => {
          await save({ ...draft, name: "left-behind", references: {} }, { overwrite: true }).catch(() => undefined);
          throw error;
        });
      return store;
    };
    const failing = () => sealedStore({ backend: memoryBackend(), vault: memoryVault() });
    const failed = await failures(storeConformance, { name: "careless", open, failing });
    for (const rule of ["a taken name", "ifRevision replaces", "ERR_CYCLE", "ERR_INVALID", "never told as an absence"])
      expect(failed).toContainEqual(expect.stringContaining(rule));
  });

  it("a secret that lies in the storage, in clear or encoded, and a storage that shows nothing", async () => {
    const open = () => sealedStore({ backend: memoryBackend(), vault: memoryVault() });
    const rest = "at rest: no secret in any encoding, of what is there, was replaced, or was deleted";
    const secret = "canary-c0ffee of one";
    for (const [lying, expected] of [
      ["readable-facade", []],
      ["", [rest]],
      [`readable-facade ${secret}`, [rest]],
      [`readable-facade ${Buffer.from(`{"a":"${secret}"}`).toString("base64")}`, [rest]],
      [`readable-facade ${Buffer.from(`{"ab":"${secret}"}`).toString("base64url")}`, [rest]],
      [`readable-facade ${Buffer.from(`{"abc":"${secret}"}`).toString("base64url")}`, [rest]],
      [`readable-facade ${Buffer.from(secret).toString("hex")}`, [rest]],
    ] as const) {
      const options = { name: "lying", open, atRest: async () => Buffer.from(lying) };
      expect([lying, (await failures(storeConformance, options)).filter((name) => name === rest)]).toEqual([lying, expected]);
    }
  });
});

describe("deviations", () => {
  const deviations = [{ reason: "on purpose", cases: ["close: twice"] }];

  it("are asserted: one that is gone fails", async () => {
    expect(await failures(backendConformance, { name: "sound", open: memoryBackend, deviations })).toEqual([
      "deviates (on purpose): close: twice",
    ]);
  });

  it("name a case that there is", () => {
    const misnamed = { name: "x", open: memoryBackend, deviations: [{ reason: "none", cases: ["no such case"] }] };
    expect(() => backendConformance({ describe, it }, misnamed)).toThrow(TypeError);
  });
});

describe("docs/testing.md", () => {
  const text = readFileSync("docs/testing.md", "utf8");

  it("has an example of at most 15 lines that runs all three suites under node:test", () => {
    const [, file = "", example = ""] = /```ts\n\/\/ (\S+)\n([\s\S]*?)```/.exec(text) ?? [];
    expect(example.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
    const folder = temporaryFolder();
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(process.cwd(), join(folder, "node_modules/ashlar"));
    writeFileSync(join(folder, file), example);
    const { NODE_OPTIONS: _own, ...env } = process.env;
    const { stdout, status } = spawnSync(process.execPath, ["--test", "--test-reporter=tap", file], { cwd: folder, encoding: "utf8", env });
    expect(stdout).toMatch(/# fail 0/);
    expect(status).toBe(0);
    const [, passed] = /# pass (\d+)/.exec(stdout) ?? [];
    expect(Number(passed)).toBe(rules(backendConformance) + rules(vaultConformance) + rules(storeConformance));
  });

  it("counts the rules", () => {
    const counted = Object.fromEntries([...text.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, suite, count]) => [suite, Number(count)]));
    expect(counted).toEqual({
      backendConformance: rules(backendConformance),
      vaultConformance: rules(vaultConformance),
      storeConformance: rules(storeConformance),
    });
  });
});

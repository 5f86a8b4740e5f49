/** The audit log: what is in a line, that it is written before the answer, that no change to it goes unnoticed, and what it does when it cannot be written. */
import { execFile } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { AshlarError } from "../../src/errors.ts";
import { type Audit, type AuditKeys, auditKeys, openAudit } from "../../src/server/audit.ts";
import { makeLine, START } from "../../src/server/audit-chain.ts";
import type { AuditEntry } from "../../src/server/audit-entry.ts";
import { verifyAudit } from "../../src/server/audit-verify.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { memoryVault } from "../../src/vaults/memory.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { temporaryFolder } from "../temporary.ts";
import { writerKeys } from "./audit-keys.ts";

const folder = temporaryFolder();
const [first, second] = [generateKey(), generateKey()];
let count = 0;

const newPath = () => join(folder, `audit-${++count}.jsonl`);
/** The audit keys of one store under a ring, the first one primary. */
async function keysOf(...ring: (typeof first)[]): Promise<AuditKeys> {
  const backend = await sqliteBackend({ path: join(folder, "store.db"), create: true });
  return auditKeys(sealedStore({ backend, vault: await sodiumVault(keyring(ring, "a test")) }));
}
const keys = await keysOf(first);

const entry = (of: string, more: Partial<AuditEntry> = {}): AuditEntry => ({ who: "ci", what: "load", of, outcome: "done", ...more });
const linesIn = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n");
const parsed = (path: string) => linesIn(path).map((line) => JSON.parse(line) as Record<string, unknown>);
const whats = (path: string) => parsed(path).map(({ what, of }) => of ?? what);
const verified = (...files: string[]) => verifyAudit(files, keys);
const broken = async (path: string) => (await verified(path)).breaks.map(({ line, what }) => `${line}: ${what}`);

/** A log with some entries, closed. */
async function written(path: string, ...of: string[]): Promise<string> {
  const audit = await openAudit(path, keys);
  for (const each of of) await audit.record(entry(each));
  await audit.close();
  return path;
}

describe("a line", () => {
  it("says who did what, and where it stands; and nothing that came along with an entry", async () => {
    const path = newPath();
    const audit = await openAudit(path, keys);
    const more = { secrets: { set: ["/a"], kept: ["/b"], cleared: [], value: "canary" }, grant: undefined, value: "canary", [Symbol()]: 1 };
    await audit.record({
      ...entry("db/one", { id: "1", revision: 3, revealed: { "db/one": ["/token"] }, from: "::1" }),
      ...(more as object),
    });
    expect(parsed(path).at(-1)).toEqual({
      ...{ line: 3, time: expect.stringMatching(/^\d{4}-.*Z$/), who: "ci", from: "::1", what: "load", of: "db/one", id: "1", revision: 3 },
      ...{ outcome: "done", revealed: { "db/one": ["/token"] }, secrets: { set: ["/a"], kept: ["/b"], cleared: [] } },
      ...{ key: first.id, hash: expect.stringMatching(/^[\w-]{43}$/), mac: expect.stringMatching(/^[\w-]{22}$/) },
    });
    expect(readFileSync(path, "utf8")).not.toContain("canary");
    await audit.close();
    expect(whats(path)).toEqual(["file", "begin", "db/one", "end"]);
  });

  it("stays one line of printable ASCII whatever is in it, and is never longer than it needs to be", async () => {
    const path = newPath();
    const odd = `a\n{"line":99}\r\u2028\u0000\u001b[2J\u202e"\\\ud800é€😀`;
    const audit = await openAudit(path, keys);
    await audit.record(entry(odd, { who: odd, outcome: odd, revealed: { [odd]: [odd] }, freed: [odd] }));
    await audit.record(entry("x".repeat(100_000)));
    await audit.close();
    expect(readFileSync(path, "latin1")).toMatch(/^[\x20-\x7e\n]*$/);
    expect(parsed(path)[2]).toMatchObject({ line: 3, who: odd, of: odd, revealed: { [odd]: [odd] }, freed: [odd] });
    expect(linesIn(path)[3]?.length).toBeLessThan(1000);
    expect(await broken(path)).toEqual([]);
  });

  it("is written when it is recorded, and on disk when it is synced; of many at once, in few writes, each synchronised", async () => {
    const path = newPath();
    const audit = await openAudit(path, keys);
    const handle = await open(path);
    const files = Object.getPrototypeOf(handle) as { datasync(): Promise<void> };
    const { datasync } = files;
    let onDisk = 0;
    const sync = vi.spyOn(files, "datasync").mockImplementation(async function (this: typeof handle) {
      const { length } = linesIn(path);
      await datasync.call(this);
      onDisk = length;
    });
    try {
      const all = Array.from({ length: 500 }, async (_, each) => {
        await audit.record(entry(`e${each}`));
        expect(readFileSync(path, "utf8")).toContain(`"e${each}"`);
        await audit.synced();
        expect(onDisk).toBeGreaterThanOrEqual(parsed(path).findIndex(({ of }) => of === `e${each}`) + 1);
      });
      await Promise.all(all);
      expect(sync.mock.calls.length).toBeGreaterThan(0);
      expect(sync.mock.calls.length).toBeLessThan(10);
      expect(whats(path).slice(2)).toEqual(Array.from({ length: 500 }, (_, each) => `e${each}`));
    } finally {
      sync.mockRestore();
      await handle.close();
      await audit.close();
    }
  });

  it("is for the owner of the file only", async () => {
    const path = await written(newPath());
    expect([statSync(path).mode & 0o777, statSync(`${path}.head`).mode & 0o777]).toEqual([0o600, 0o600]);
  });
});

describe("a change to the log is found", async () => {
  const sound = await written(newPath(), "a/1", "b/2", "c/3");
  const lines = linesIn(sound);
  const changed = (change: (lines: string[]) => string[]) => {
    const path = newPath();
    writeFileSync(
      path,
      change([...lines])
        .map((line) => `${line}\n`)
        .join(""),
    );
    copyFileSync(`${sound}.head`, `${path}.head`);
    return path;
  };
  const without = (index: number) => (all: string[]) => all.toSpliced(index, 1);
  const every = lines.map((_, index) => index);

  it("and where there is none, none", async () => {
    expect(await verified(changed((all) => all))).toMatchObject({ lines: 6, breaks: [], unproven: 0, endKnown: true, goesOnFrom: null });
  });

  it.each(every)("line %i: any byte of it", async (index) => {
    const line = lines[index] as string;
    for (let at = 0; at < line.length; at++) {
      const other = `${line.slice(0, at)}${line[at] === "x" ? "y" : "x"}${line.slice(at + 1)}`;
      const breaks = await broken(changed((all) => all.with(index, other)));
      expect([at, breaks.length > 0, breaks[0]?.startsWith(`${index + 1}: `)]).toEqual([at, true, true]);
    }
  });

  it.each(every)("line %i: taken away, doubled, moved, cut", async (index) => {
    const isLast = index === lines.length - 1;
    const gone = await broken(changed(without(index)));
    expect(gone).toEqual([`${index + 1}: Line ${index + 1} is missing ${isLast ? "at the end" : "before it"}.`]);
    const doubled = await broken(changed((all) => all.toSpliced(index, 0, lines[index] as string)));
    expect(doubled[0]).toBe(`${index + 2}: Line ${index + 1} stands here again, or in the wrong place: line ${index + 2} was to come.`);
    for (const other of every.filter((each) => each !== index)) {
      const swapped = await broken(changed((all) => all.with(index, lines[other] as string).with(other, lines[index] as string)));
      expect(swapped.length).toBeGreaterThan(0);
    }
    const cut = await broken(changed((all) => all.with(index, (lines[index] as string).slice(0, -1))));
    expect(cut[0]).toBe(`${index + 1}: This is no line of an audit log: it was changed, or written by something else.`);
  });

  it("lines put in or appended, also well formed, with hashes that fit, and another key", async () => {
    const last = JSON.parse(lines.at(-1) as string) as { line: number; hash: string };
    const forgedKey = { key: first.id, bytes: new Uint8Array(32) };
    const forged = makeLine(JSON.stringify(entry("forged")), last, forgedKey);
    expect(await broken(changed((all) => [...all, forged.text]))).toEqual([
      `7: Line 7 was not written by a holder of the key ${first.id}.`,
    ]);
    const unknown = makeLine(JSON.stringify(entry("forged")), last, { ...forgedKey, key: "ffffffff" });
    expect(await verified(changed((all) => [...all, unknown.text]))).toMatchObject({ breaks: [], missingKeys: ["ffffffff"], unproven: 1 });
    for (const text of ["", "{}", "null", "forged", lines[0] as string])
      expect((await broken(changed((all) => [...all, text]))).length).toBe(1);
  });

  it("a whole log made anew without the key: each of its lines", async () => {
    let link = START;
    const made = lines.map((line) => {
      const { line: _line, hash: _hash, mac: _mac, key, ...content } = JSON.parse(line) as Record<string, string>;
      const next = makeLine(JSON.stringify({ ...content, who: "someone-else" }), link, { key: key as string, bytes: new Uint8Array(32) });
      link = next.link;
      return next.text;
    });
    expect((await broken(changed(() => made))).filter((each) => /not written by a holder/.test(each))).toHaveLength(6);
  });

  it("all of it taken away, and with the end cut off also what stands beside it", async () => {
    expect(await broken(changed(() => []))).toEqual(["1: Lines 1 to 6 are missing at the end."]);
    const path = changed((all) => all.slice(0, -2));
    rmSync(`${path}.head`);
    expect(await verified(path)).toMatchObject({ breaks: [], endKnown: false }); // nothing can know: it is said that it is not known
    writeFileSync(`${path}.head`, '{"line":4,"hash":"x","key":"","mac":"y"}');
    expect((await verified(path)).endKnown).toBe(false);
  });

  it("also where the first lines of a file are taken away as if it went on from another", async () => {
    expect(await broken(changed((all) => all.slice(2)))).toEqual(["1: Lines 1 to 2 are missing before it."]);
  });
});

describe("opened again", () => {
  it("goes on where it was, in one chain", async () => {
    const path = await written(newPath(), "a");
    await written(path, "b");
    expect(whats(path)).toEqual(["file", "begin", "a", "end", "begin", "b", "end"]);
    expect(await verified(path)).toMatchObject({ lines: 7, breaks: [], endKnown: true });
  });

  it("after a crash cuts off what was never acknowledged, and keeps what was", async () => {
    const path = newPath();
    const crashed = await openAudit(path, keys);
    await crashed.record(entry("kept"));
    const [sound, head] = [readFileSync(path), readFileSync(`${path}.head`)];
    for (const rest of ['{"line":4,"time":"2', "\0\0\0", " "]) {
      writeFileSync(path, Buffer.concat([sound, Buffer.from(rest)]));
      await written(path, "next");
      expect(await verified(path)).toMatchObject({ breaks: [], unsure: [] });
      expect(whats(path).slice(2, 5)).toEqual(["kept", "begin", "next"]);
      writeFileSync(path, sound);
      writeFileSync(`${path}.head`, head);
    }
    await crashed.close();
  });

  it("without what stands beside it, as after a power cut, goes on and says from where on it is not known whether lines were cut off", async () => {
    const path = await written(newPath(), "a", "b");
    writeFileSync(path, `${linesIn(path).slice(0, -2).join("\n")}\n`);
    rmSync(`${path}.head`);
    await written(path, "c");
    expect(whats(path)).toEqual(["file", "begin", "a", "without head", "begin", "c", "end"]);
    expect(await verified(path)).toMatchObject({ breaks: [], unsure: [4], endKnown: true });
  });

  it("after a line of a key that is not at hand is refused: what was written next would vouch for it", async () => {
    const path = await written(newPath(), "a");
    const last = JSON.parse(linesIn(path).at(-1) as string) as { line: number; hash: string };
    const forged = makeLine(JSON.stringify(entry("forged")), last, { key: "ffffffff", bytes: new Uint8Array(32) });
    appendFileSync(path, `${forged.text}\n`);
    await expect(openAudit(path, keys)).rejects.toMatchObject({
      code: "ERR_UNKNOWN_KEY",
      message: expect.stringContaining("bring that key back"),
    });
  });

  it("is refused where its end was changed or cut off, which says what to do", async () => {
    const path = await written(newPath(), "a", "b");
    const sound = linesIn(path);
    for (const lines of [
      sound.slice(0, -1),
      sound.slice(0, 2),
      sound.with(-1, (sound.at(-1) as string).replace("end", "and")),
      [...sound, "{}"],
    ]) {
      writeFileSync(path, `${lines.join("\n")}\n`);
      await expect(openAudit(path, keys)).rejects.toMatchObject({
        code: "ERR_CANNOT_OPEN",
        message: expect.stringContaining("move it and its .head away"),
      });
    }
  });

  it("is refused where it is no file of its own", async () => {
    await expect(openAudit(folder, keys)).rejects.toMatchObject({ code: "ERR_UNREACHABLE" });
    await expect(openAudit(join(folder, "store.db", "such.jsonl"), keys)).rejects.toMatchObject({ code: "ERR_UNREACHABLE" });
    expect((await broken(await written(join(folder, "new", "folder", "audit.jsonl")))).length).toBe(0);
    const link = newPath();
    symlinkSync(await written(newPath()), link);
    await expect(openAudit(link, keys)).rejects.toMatchObject({ code: "ERR_UNREACHABLE", message: expect.stringContaining("ELOOP") });
  });
});

describe("moved away by the operator", () => {
  const moves: Record<string, (path: string, to: string) => void> = {
    renamed: (path, to) => renameSync(path, to),
    "renamed, a new file made": (path, to) => {
      renameSync(path, to);
      writeFileSync(path, "");
    },
    "copied and emptied": (path, to) => {
      copyFileSync(path, to);
      truncateSync(path);
    },
  };

  it.each(Object.keys(moves))("while it is written (%s), goes on in a new file, which says from where", async (how) => {
    const path = newPath();
    const audit = await openAudit(path, keys);
    await audit.record(entry("before"));
    moves[how]?.(path, `${path}.1`);
    await audit.record(entry("after"));
    await audit.close();
    expect([whats(`${path}.1`), whats(path)]).toEqual([
      ["file", "begin", "before"],
      ["file", "after", "end"],
    ]);
    expect(await verified(`${path}.1`, path)).toMatchObject({ lines: 6, breaks: [], goesOnFrom: null });
    expect(await verified(path)).toMatchObject({ lines: 3, breaks: [], goesOnFrom: 3 });
    expect((await verified(path, `${path}.1`)).breaks.length).toBeGreaterThan(0);
  });

  it.each(Object.keys(moves))("while no server runs (%s), too", async (how) => {
    const path = await written(newPath(), "before");
    moves[how]?.(path, `${path}.1`);
    await written(path, "after");
    expect(await verified(`${path}.1`, path)).toMatchObject({ lines: 8, breaks: [], last: { line: 8 } });
  });

  it("with what stands beside it, begins a new log, and that is seen", async () => {
    const path = await written(newPath(), "before");
    for (const end of ["", ".head"]) renameSync(path + end, `${path}.1${end}`);
    await written(path, "after");
    expect(await verified(path)).toMatchObject({ breaks: [], goesOnFrom: null });
    expect((await verified(`${path}.1`, path)).breaks.map(({ what }) => what)).toEqual([
      "A new log begins here: it does not go on from the lines before.",
    ]);
  });

  it("lines that are missing between two files are missed", async () => {
    const path = newPath();
    const audit = await openAudit(path, keys);
    for (const part of [1, 2, 3]) {
      await audit.record(entry(`part-${part}`));
      renameSync(path, `${path}.${part}`);
    }
    await audit.close();
    expect((await verified(`${path}.1`, `${path}.2`, `${path}.3`)).breaks).toEqual([]);
    expect((await verified(`${path}.1`, `${path}.3`)).breaks).toEqual([
      { file: `${path}.3`, line: 1, what: "Lines 4 to 5 are missing before it." },
    ]);
  });
});

describe("when keys rotate", () => {
  it("goes on with the new key, which vouches for all before it, also when the old one is gone", async () => {
    const path = await written(newPath(), "old");
    const [both, onlyNew] = [await keysOf(second, first), await keysOf(second)];
    const audit = await openAudit(path, both);
    await audit.record(entry("new"));
    await audit.close();
    expect(new Set(parsed(path).map(({ key }) => key))).toEqual(new Set([first.id, second.id]));
    expect(await verifyAudit([path], both)).toMatchObject({ breaks: [], unproven: 0, missingKeys: [] });
    expect(await verifyAudit([path], onlyNew)).toMatchObject({ breaks: [], unproven: 0, missingKeys: [first.id] });
    const lines = linesIn(path);
    for (const index of [0, 1, 2, 3]) {
      writeFileSync(path, `${lines.with(index, (lines[index] as string).replace(/"time":"./, '"time":"9')).join("\n")}\n`);
      expect((await verifyAudit([path], onlyNew)).breaks.length).toBeGreaterThan(0);
    }
  });

  it("a holder of the old key alone, who writes lines of his own into it, is found by the new one", async () => {
    const path = await written(newPath(), "old");
    const audit = await openAudit(path, await keysOf(second, first));
    await audit.close();
    const stolen = await keys();
    const lines = linesIn(path);
    let link = START;
    const forged = lines.map((line, index) => {
      if (index > 3) return line;
      const { line: _line, hash: _hash, mac: _mac, key: _key, ...content } = JSON.parse(line) as Record<string, string>;
      const made = makeLine(JSON.stringify({ ...content, who: "someone-else" }), link, stolen);
      link = made.link;
      return made.text;
    });
    writeFileSync(path, `${forged.join("\n")}\n`);
    expect((await verifyAudit([path], await keysOf(second))).breaks.length).toBeGreaterThan(0);
  });

  it("without any of its keys says that nothing vouches for it", async () => {
    const path = await written(newPath(), "a");
    expect(await verifyAudit([path], await keysOf(second))).toMatchObject({ breaks: [], unproven: 4, missingKeys: [first.id] });
  });

  it("another store with the same key has other audit keys; one that seals nothing under keys has none", async () => {
    const backend = await sqliteBackend({ path: join(folder, "other.db"), create: true });
    const other = sealedStore({ backend, vault: await sodiumVault(keyring([first], "a test")) });
    const path = await written(newPath(), "a");
    expect((await verifyAudit([path], auditKeys(other))).breaks.length).toBe(4);
    const { maintenance: _none, ...without } = sealedStore({ backend: memoryBackend(), vault: memoryVault() });
    expect(() => auditKeys(without as never)).toThrow(expect.objectContaining({ code: "ERR_UNSUPPORTED" }));
  });
});

describe("when it cannot be written", () => {
  it("because it may not grow any more, in a process of its own: what was recorded is whole, and the next process goes on", async () => {
    const path = newPath();
    const program = join(import.meta.dirname, "audit-writer.ts");
    const script = `ulimit -f 40; exec '${process.execPath}' '${program}' '${path}'`; // in kilobytes
    const { stdout } = await promisify(execFile)("bash", ["-c", script]);
    const { recorded, code } = JSON.parse(stdout) as { recorded: number; code: string };
    expect(code).toBe("ERR_UNREACHABLE");
    expect(recorded).toBeGreaterThan(10);
    const audit = await openAudit(path, writerKeys);
    await audit.close();
    expect(await verifyAudit([path], writerKeys)).toMatchObject({ breaks: [], unproven: 0 });
    expect(whats(path).filter((each) => each === "one")).toHaveLength(recorded);
  });

  const unreachable = expect.objectContaining({ code: "ERR_UNREACHABLE" });

  const fails = (code: string, before?: () => void) => async () => {
    before?.();
    throw Object.assign(new Error("of the disk"), { code });
  };

  /** Runs with another method of all files. */
  async function withFiles(method: "appendFile" | "datasync", instead: () => Promise<void>, run: () => Promise<void>) {
    const handle = await open(newPath(), "w");
    const spy = vi.spyOn(Object.getPrototypeOf(handle) as Record<typeof method, () => Promise<void>>, method).mockImplementation(instead);
    try {
      await run();
    } finally {
      spy.mockRestore();
      await handle.close();
    }
  }

  async function failingOnce(audit: Audit, method: "appendFile" | "datasync", before?: () => void) {
    await withFiles(method, fails("ENOSPC", before), async () => {
      const recorded = Promise.all([audit.record(entry("lost")), audit.record(entry("lost"))]);
      await expect(recorded.then(() => audit.synced())).rejects.toEqual(unreachable);
      await expect(audit.record(entry("lost, too"))).rejects.toEqual(unreachable);
      await expect(audit.ready()).rejects.toMatchObject({ message: expect.stringContaining("cannot be written (ENOSPC)") });
    });
  }

  it("says so to everyone who waits, and goes on as soon as it can, with one chain", async () => {
    const path = newPath();
    const audit = await openAudit(path, keys);
    await failingOnce(audit, "appendFile", () => appendFileSync(path, '{"line":3,"half of a'));
    await audit.ready();
    await audit.record(entry("found"));
    await failingOnce(audit, "datasync");
    await audit.record(entry("again"));
    await audit.close();
    // What was written and could not be synchronised is there, though nobody was told so.
    const lost = ["lost", "lost", "lost, too", "resume"];
    expect(whats(path)).toEqual(["file", "begin", "resume", "found", ...lost, "again", "end"]);
    expect(await broken(path)).toEqual([]);
  });

  it("in time: what is recorded waits for a sync that takes long", async () => {
    const path = newPath();
    const audit = await openAudit(path, keys);
    const slow = Promise.withResolvers<void>();
    await withFiles(
      "datasync",
      () => slow.promise,
      async () => {
        await audit.record(entry("first")); // its sync begins
        await setTimeout(150);
        let answered = false;
        const late = audit.record(entry("late")).then(() => (answered = true));
        await setTimeout(50);
        expect([whats(path).at(-1), answered]).toEqual(["late", false]);
        slow.resolve();
        await late;
      },
    );
    await audit.close();
    expect(await broken(path)).toEqual([]);
  });

  it("and is moved away before it can be again: the new file goes on from what was written", async () => {
    const path = newPath();
    const audit = await openAudit(path, keys);
    await withFiles("datasync", fails("EIO"), async () => {
      await audit.record(entry("answered"));
      await expect(audit.synced()).rejects.toEqual(unreachable);
    });
    renameSync(path, `${path}.1`);
    await audit.record(entry("again"));
    await audit.close();
    expect((await verified(`${path}.1`, path)).breaks).toEqual([]);
  });

  it("from the start: no file stays open, and a key that fails at once stops nothing for ever", async () => {
    const opened = () => readdirSync("/proc/self/fd").length;
    const before = process.platform === "linux" ? opened() : 0;
    await withFiles("datasync", fails("EIO"), async () => {
      for (let time = 0; time < 5; time++) await expect(openAudit(newPath(), keys)).rejects.toEqual(unreachable);
    });
    if (process.platform === "linux") expect(opened()).toBeLessThanOrEqual(before + 1);
    let gone = false;
    const audit = await openAudit(newPath(), (id) => {
      if (gone) throw new AshlarError("ERR_NO_KEY", "no key");
      return keys(id);
    });
    gone = true;
    await expect(audit.record(entry("a"))).rejects.toMatchObject({ code: "ERR_NO_KEY" });
    gone = false;
    await audit.record(entry("b"));
    await audit.close();
  });

  it("because something else writes it: refused, and nothing of what that wrote is taken for its own", async () => {
    const path = newPath();
    const [one, two] = [await openAudit(path, keys), await openAudit(path, keys)];
    await expect(one.record(entry("a"))).rejects.toMatchObject({ message: expect.stringContaining("something else writes it too") });
    await two.record(entry("b"));
    expect(await broken(path)).toEqual([]);
    await Promise.all([one.close(), two.close()]);
  });

  it("because lines were cut off while it was open: refused until they are back", async () => {
    const path = newPath();
    const audit = await openAudit(path, keys);
    await audit.record(entry("a"));
    const whole = readFileSync(path);
    writeFileSync(path, `${linesIn(path).slice(0, 2).join("\n")}\n`);
    for (let time = 0; time < 2; time++)
      await expect(audit.record(entry("b"))).rejects.toMatchObject({ code: expect.stringMatching(/UNREACHABLE|CANNOT_OPEN/) });
    writeFileSync(path, whole);
    await audit.record(entry("c"));
    await audit.close();
    expect(await broken(path)).toEqual([]);
  });

  it("because its keys are gone: refused with what the store says", async () => {
    const path = newPath();
    let gone = false;
    const audit = await openAudit(path, async (id) => {
      if (gone) throw new AshlarError("ERR_NO_KEY", "no key");
      return keys(id);
    });
    gone = true;
    await expect(audit.record(entry("a"))).rejects.toMatchObject({ code: "ERR_NO_KEY" });
    gone = false;
    await audit.record(entry("b"));
    await audit.close();
  });

  it("because it was closed: refused; closing twice is once", async () => {
    const path = newPath();
    const audit = await openAudit(path, keys);
    const last = audit.record(entry("last"));
    await Promise.all([audit.close(), audit.close()]);
    await last;
    await audit.close();
    for (const use of [audit.record(entry("a")), audit.ready()]) await expect(use).rejects.toEqual(unreachable);
    expect(whats(path).at(-1)).toBe("end");
    expect(existsSync(path)).toBe(true);
  });
});

/** `ashlar key …` as real processes: from a new key to the old one's end, with others reading and writing; interrupted, killed, at once. */
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { generateKey, keyText, parseKey } from "../../src/vaults/keyring.ts";
import { noTerminal } from "./terminal.ts";
import { Workplace } from "./workplace.ts";

vi.setConfig({ testTimeout: 120_000 });

const CANARY = "canary-3e91ab";
const ITEMS = 800;
/** Writers write the items before this one; those from it on are left for the rotation. */
const WRITTEN = 400;
/** Saves items, reads them once, or reads or writes them until the file `stop` is there or the folder is gone, and says how that went. */
const TRAFFIC = `
import { existsSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { Block, secret } from "ashlar";
import { z } from "zod";

class Item extends Block.define({ name: "Item", fields: { count: z.int(), token: secret() } }) {}
const [role, amount] = process.argv.slice(2);
const name = (index) => "item-" + index;
const item = (index, count) => new Item({ count, token: "${CANARY}-" + index });
const failed = [];
let done = 0;
if (role === "fill") for (; done < Number(amount); done++) await item(done, 0).save(name(done));
else
  for (let turn = 0; role === "once" ? turn < 3 : existsSync("traffic.ts") && !existsSync("stop"); turn++, await setImmediate()) {
    const index = (turn * 7919) % Number(amount);
    try {
      if (role === "write") await item(index, turn).save(name(index), { overwrite: true });
      else if ((await Item.load(name(index))).token.reveal() !== "${CANARY}-" + index) throw new Error("wrong");
      done++;
    } catch (error) {
      failed.push(error.code ?? error.message);
    }
  }
console.log(JSON.stringify({ done, failed }));
`;

/** How many records of a place's store each key seals, read past the command line; `untouched`: without those that writers write. */
function sealedBy(place: Workplace, untouched = false): Map<string, number> {
  const database = new DatabaseSync(join(place.data, "ashlar.db"), { readOnly: true });
  try {
    const where = untouched ? `WHERE CAST(substr(name, 6) AS INTEGER) >= ${WRITTEN}` : "";
    const rows = database.prepare(`SELECT substr(sealed, 9, 8) AS key, count(*) AS n FROM records ${where} GROUP BY key`).all();
    return new Map(rows.map(({ key, n }) => [String(key), Number(n)]));
  } finally {
    database.close();
  }
}

/** Starts a rotation and sends a signal when it has begun. */
async function stopped(place: Workplace, key: string, signal: NodeJS.Signals) {
  const before = sealedBy(place, true).get(key) ?? 0;
  const rotation = place.start("key rotate --json");
  while ((sealedBy(place, true).get(key) ?? 0) < before + 20 && rotation.child.exitCode === null) await setTimeout(2);
  rotation.child.kill(signal);
  return rotation.ended;
}

async function ids(place: Workplace, environment = {}): Promise<string[]> {
  const { keys = [] }: { keys?: { id: string }[] } = await place.json("key ls", environment);
  return keys.map(({ id }) => id);
}

describe("rotation, while others read and write", () => {
  const place = new Workplace();

  it("goes on after SIGKILL and SIGINT, fails nobody, and leaves the old key with nothing to open", async () => {
    place.write("traffic.ts", TRAFFIC);
    await place.run("init");
    expect(JSON.parse((await place.node(["traffic.ts", "fill", String(ITEMS)])).stdout)).toEqual({ done: ITEMS, failed: [] });
    const [old = ""] = await ids(place);
    const traffic = [place.start(["traffic.ts", "read", String(ITEMS)]), place.start(["traffic.ts", "write", String(WRITTEN)])];
    await setTimeout(300);

    const { id: mistaken } = await place.json("key add");
    expect((await place.run(`key remove ${mistaken} --yes`)).code).toBe(0); // nothing needs it yet
    const { id: key = "" } = await place.json("key add");
    traffic.push(place.start(["traffic.ts", "write", String(WRITTEN)])); // knows both keys, and the old one as the one that seals
    await setTimeout(1000);
    expect(await place.json("key ls")).toMatchObject({
      keys: [
        { id: old, state: "primary", records: ITEMS + 2 },
        { id: key, state: "enabled", records: 0 },
      ],
    });
    await place.run(`key promote ${key}`);

    expect((await stopped(place, key, "SIGKILL")).stdout).toBe("");
    expect(sealedBy(place).get(old)).toBeGreaterThan(0);
    const refused = await place.run(`key remove ${old} --yes`);
    expect([refused.code, refused.stderr]).toEqual([
      73,
      expect.stringMatching(/^error: \d+ records are sealed with .*"ashlar key rotate"/),
    ]);

    const interrupted = await stopped(place, key, "SIGINT");
    expect([interrupted.code, JSON.parse(interrupted.stdout)]).toMatchObject([130, { key, failed: [], interrupted: true }]);
    const ended = await place.json("key rotate");
    expect(ended).toMatchObject({ key, failed: [], interrupted: false });
    await setTimeout(300); // whoever still sealed with the old key would do so now
    expect([...sealedBy(place)]).toEqual([[key, ITEMS + 2]]);
    expect((await place.run(`key remove ${old} --yes`)).code).toBe(0);
    await setTimeout(300);

    place.write("stop", "");
    for (const { ended: end } of traffic) {
      const { done, failed } = JSON.parse((await end).stdout) as { done: number; failed: string[] };
      expect(failed).toEqual([]);
      expect(done).toBeGreaterThan(20);
    }
    expect(await ids(place)).toEqual([key]);
    expect((await place.run("doctor")).code).toBe(0);
  });

  it("--new does it in one step", async () => {
    const before = await ids(place);
    const { key, resealed } = await place.json("key rotate --new");
    expect(resealed).toBe(ITEMS + 2);
    expect(await ids(place)).toEqual([key, ...before]);
    expect((await place.run("key rotate")).stdout).toBe(`Everything is sealed with ${key}.\n`);
  });

  it.skipIf(noTerminal())("shows on a terminal how far it is, and asks before a key is removed", async () => {
    const [first, second] = await ids(place);
    await place.run(`key promote ${second}`);
    const rotation = place.terminal("key rotate");
    await rotation.shows("Sealing anew: ");
    await rotation.shows(`${ITEMS + 2} records sealed anew with ${second}.`);
    expect(await rotation.ended()).toBe(0);
    const no = place.terminal(`key remove ${first}`);
    await no.shows(`Delete the key ${first}?`);
    no.types("\r"); // no is what stands there
    expect([await no.ended(), await ids(place)]).toEqual([130, [second, first]]);
    const yes = place.terminal(`key remove ${first}`);
    await yes.shows("Delete the key");
    yes.types("y");
    expect([await yes.ended(), await ids(place)]).toEqual([0, [second]]);
    await place.run("key rotate --new");
    place.printed += rotation.screen + no.screen + yes.screen;
  });

  it("says what it could not open, and leaves it", async () => {
    const [first, second] = await ids(place);
    const database = new DatabaseSync(join(place.data, "ashlar.db"));
    database.exec("UPDATE records SET body = replace(body, '\"count\":', '\"kount\":') WHERE name = 'item-3'");
    database.close();
    await place.run(`key promote ${second}`);
    const { code, stdout } = await place.run("key rotate");
    expect(code).toBe(74);
    expect(stdout).toMatch(
      /^failed {2}item\/item-3: The document item\/item-3 cannot be read\. The record was changed.*\n801 records .* 1 could not be\.\n$/,
    );
    expect((await place.run(`key remove ${first} --yes`)).stderr).toMatch(/^error: 1 record is sealed with/);
  });

  it("shows no secret and no key", () => {
    expect(place.printed).not.toContain(CANARY);
    expect(place.printed).not.toMatch(/ashlarkey1_[\w-]/);
  });
});

describe("the key file", () => {
  const place = new Workplace();

  it("loses no key of many that are added at once, and keeps its rights and comments", async () => {
    await place.run("init");
    const [first = ""] = await ids(place);
    const commented = `# the first one, of March\n${keyText(generateKey())}  # inline\n# the end\n`;
    writeFileSync(place.keyFile, readFileSync(place.keyFile, "utf8") + commented);
    const added = await Promise.all(Array.from({ length: 6 }, () => place.json("key add")));
    const all = await ids(place);
    expect(all).toHaveLength(8);
    expect(all).toEqual(expect.arrayContaining(added.map(({ id }) => id)));
    await place.run(`key promote ${all[1]}`);
    expect(await ids(place)).toEqual([all[1], first, ...all.slice(2)]);
    expect(readFileSync(place.keyFile, "utf8")).toMatch(
      /^# Keys of .*\n# the first one, of March\nashlarkey1_\S+ {2}# inline\n(ashlarkey1_\S+\n){7}# the end\n$/,
    );
    expect(statSync(place.keyFile).mode & 0o777).toBe(0o600);
    expect(existsSync(`${place.keyFile}.new`)).toBe(false);
  });

  it("stays as it is where the change is refused", async () => {
    const before = readFileSync(place.keyFile, "utf8");
    const [primary = "", second = ""] = await ids(place);
    const said = async (command: string, environment = {}) => {
      const { code, stderr } = await place.run(command, environment);
      return `${code} ${stderr.replace(/^error: /, "").trimEnd()}`;
    };
    expect(await said(`key remove ${second}`)).toMatch(
      /^64 Other stores may use this key.*\nerror: This would delete the key .*say --yes\.$/,
    );
    expect(await said(`key remove ${primary} --yes`)).toMatch(/^65 \w+ is the key that seals: "ashlar key promote"/);
    expect(await said("key remove 00000000 --yes")).toMatch(/^66 No key of that id is in the key file/);
    expect(await said(`key promote ${second.slice(0, 7)}`)).toMatch(new RegExp(`^66 .*Did you mean ${second}\\?$`));
    expect(await said(`key remove ${second} --yes --store sqlite:none.db`)).toMatch(/^69 There is no store/);
    expect(await said("key ls --store memory:")).toMatch(/^65 A store of memory seals nothing/);
    expect(await said("key add", { ASHLAR_KEY_FILE: "nowhere/keys" })).toMatch(/^77 There is no key/);
    chmodSync(place.keyFile, 0o644);
    expect(await said("key add")).toMatch(/^77 Others may read the key file/);
    chmodSync(place.keyFile, 0o600);
    writeFileSync(`${place.keyFile}.new`, "");
    expect(await said("key add")).toMatch(/^69 .* is being changed by another process.*delete \S+\.new if none/);
    expect(readFileSync(place.keyFile, "utf8")).toBe(before);
  });

  it("is read without a store, and keys that records need and it lacks are shown", async () => {
    expect(await place.json("key ls --store sqlite:none.db")).toMatchObject({
      keys: expect.arrayContaining([expect.objectContaining({ records: null })]),
    });
    place.write("blocks.ts", 'import { Block } from "ashlar"; export class Empty extends Block.define({ name: "Empty", fields: {} }) {}');
    await place.run("register blocks.ts");
    const [sealing = ""] = await ids(place);
    await place.run("init --store sqlite:other/o.db", { ASHLAR_KEY_FILE: "other-keys" });
    const { stdout } = await place.run("key ls", { ASHLAR_KEY_FILE: "other-keys" });
    expect(stdout).toMatch(new RegExp(`KEY +STATE +RECORDS\n[0-9a-f]{8} +primary +0\n${sealing} +missing +2\n`));
    expect(place.printed).not.toMatch(/ashlarkey1_[\w-]/);
  });
});

describe("keys from ASHLAR_KEYS", () => {
  const place = new Workplace();
  const first = generateKey();
  let ASHLAR_KEYS = keyText(first);

  it("are changed by nobody but the user: the new value is all that stands on standard output", async () => {
    place.write("traffic.ts", TRAFFIC);
    await place.run("init", { ASHLAR_KEYS });
    await place.node(["traffic.ts", "fill", "3"], { ASHLAR_KEYS });
    const changed = async (command: string) => {
      const { code, stdout, stderr } = await place.run(command, { ASHLAR_KEYS });
      expect([code, stderr]).toEqual([0, expect.stringMatching(/^Nothing is changed yet: this is the new value of ASHLAR_KEYS/)]);
      expect(stdout).toMatch(/^ashlarkey1_\S+\n$/);
      ASHLAR_KEYS = stdout.trim();
      return ASHLAR_KEYS.split(",").map((text) => parseKey(text, "a test").id);
    };
    const [, second] = await changed("key add");
    expect(await changed(`key promote ${second}`)).toEqual([second, first.id]);
    expect(await place.run(`key remove ${first.id} --yes`, { ASHLAR_KEYS })).toMatchObject({ code: 73, stdout: "" });
    expect(await place.json("key rotate", { ASHLAR_KEYS })).toMatchObject({ key: second, resealed: 5 });
    expect(await changed(`key remove ${first.id} --yes`)).toEqual([second]);
    expect(await place.json("key ls", { ASHLAR_KEYS })).toEqual({
      source: "ASHLAR_KEYS",
      keys: [{ id: second, state: "primary", records: 5 }],
    });
    expect(await place.json("key add", { ASHLAR_KEYS })).toMatchObject({
      source: "ASHLAR_KEYS",
      ASHLAR_KEYS: expect.stringContaining(`${ASHLAR_KEYS},`),
    });
    expect(existsSync(place.keyFile)).toBe(false);
  });

  it("are not rotated in one step, nor is the only one removed", async () => {
    const [only] = await ids(place, { ASHLAR_KEYS });
    const { code, stdout, stderr } = await place.run("key rotate --new", { ASHLAR_KEYS });
    expect([code, stdout, stderr]).toEqual([
      65,
      "",
      expect.stringMatching(/ASHLAR_KEYS, which only you can change: "ashlar key add", then/),
    ]);
    expect((await place.run(`key remove ${only} --yes`, { ASHLAR_KEYS })).stderr).toMatch(/is the only key/);
    expect(place.printed).not.toContain(CANARY);
  });
});

describe("a key from a passphrase", () => {
  const place = new Workplace();
  const passphrase = { ASHLAR_PASSPHRASE: `${CANARY}-words` };

  it("gives way to a key file; meanwhile both open, and a wrong passphrase changes nothing", async () => {
    place.write("traffic.ts", TRAFFIC);
    await place.run("init --passphrase", passphrase);
    await place.node(["traffic.ts", "fill", "3"], passphrase);
    const [old] = await ids(place, passphrase);
    for (const command of ["key add", `key remove ${old} --yes`]) {
      const { code, stderr } = await place.run(command, passphrase);
      expect([code, stderr]).toEqual([65, expect.stringContaining('"ashlar key rotate --new" makes a key file')]);
    }
    const wrong = await place.run("key rotate --new", { ASHLAR_PASSPHRASE: "another" });
    expect([wrong.code, wrong.stderr, existsSync(place.keyFile)]).toEqual([
      77,
      expect.stringMatching(/is not the one.*nothing was changed/),
      false,
    ]);

    // Another process made the key file, and was stopped before it sealed anything anew.
    await place.run("init --store sqlite:aside/a.db");
    expect(JSON.parse((await place.node(["traffic.ts", "once", "3"], passphrase)).stdout)).toEqual({ done: 3, failed: [] });
    expect(JSON.parse((await place.node(["traffic.ts", "once", "3"])).stdout)).toMatchObject({
      done: 0,
      failed: Array(3).fill("ERR_UNKNOWN_KEY"),
    });
    const { stdout } = await place.run("key ls", passphrase);
    expect(stdout).toMatch(
      new RegExp(`Keys from the key file \\S+ and the passphrase\n\n.*\n[0-9a-f]{8} +primary +0\n${old} +enabled +5\n`),
    );

    expect(await place.json("key rotate", passphrase)).toMatchObject({ resealed: 5, failed: [] });
    expect((await place.run("doctor")).code).toBe(0); // without the passphrase
  });

  it("becomes a key file by key rotate --new", async () => {
    const store = "--store sqlite:second/s.db";
    const ASHLAR_KEY_FILE = "second-keys";
    await place.run(`init --passphrase ${store}`, { ...passphrase, ASHLAR_KEY_FILE });
    place.write("blocks.ts", 'import { Block } from "ashlar"; export class Empty extends Block.define({ name: "Empty", fields: {} }) {}');
    await place.run(`register blocks.ts ${store}`, { ...passphrase, ASHLAR_KEY_FILE });
    const { code, stdout, stderr } = await place.run(`key rotate --new ${store}`, { ...passphrase, ASHLAR_KEY_FILE });
    expect([code, stdout, stderr]).toEqual([
      0,
      expect.stringMatching(/^2 records sealed anew with/),
      expect.stringMatching(/ASHLAR_PASSPHRASE is not needed afterwards/),
    ]);
    expect((await place.run(`doctor ${store}`, { ASHLAR_KEY_FILE })).code).toBe(0);
    expect(place.printed).not.toContain(CANARY);
    expect(place.printed).not.toMatch(/ashlarkey1_[\w-]/);
  });
});

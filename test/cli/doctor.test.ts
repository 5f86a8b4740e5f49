/** What `ashlar doctor` finds, each finding made for real; that it changes nothing, shows no secret, and is well pleased with a store that is well. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { networkFileSystem } from "../../src/cli/doctor.ts";
import { BLOCKS, Workplace } from "./workplace.ts";

vi.setConfig({ testTimeout: 60_000 });

interface Check {
  readonly name: string;
  readonly state: string;
  readonly detail: string;
  readonly findings: readonly { readonly where: string; readonly message: string }[];
}

const CANARY = "canary-d0c7";
const place = new Workplace();
let copies = 0;

beforeAll(async () => {
  place.write("blocks.ts", BLOCKS);
  place.write(
    "documents.yaml",
    `- { type: account, name: main, data: { user: ${CANARY}-user, token: { env: TOKEN } } }
- { type: service, name: web, data: { host: h, account: { ref: account/main } } }`,
  );
  await place.run("init");
  await place.run("register blocks.ts");
  expect((await place.run("apply documents.yaml", { TOKEN: `${CANARY}-token` })).code).toBe(0);
  place.printed = ""; // apply shows public values
}, 120_000);

/** A copy of the store in a folder of its own, after some SQL; its path from the place. */
function copyOf(sql = ""): string {
  const name = `copy-${++copies}/s.db`;
  mkdirSync(join(place.folder, `copy-${copies}`), { mode: 0o700 });
  copyFileSync(join(place.data, "ashlar.db"), join(place.folder, name));
  chmodSync(join(place.folder, name), 0o600);
  const database = new DatabaseSync(join(place.folder, name), { enableForeignKeyConstraints: false });
  database.exec(sql);
  database.close();
  return name;
}

/** Runs doctor: what it found, by check, and that it left every file as it was. */
async function found(store: string, environment: Readonly<Record<string, string>> = {}, nodeOptions: readonly string[] = []) {
  const { code, stdout } = await place.run(`doctor --json --store sqlite:${store}`, environment, nodeOptions);
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
  expect([code, ok]).toEqual(checks.some(({ state }) => state === "problem") ? [3, false] : [0, true]);
  return Object.fromEntries(
    checks.map(({ name, state, findings }) => [
      name,
      state === "problem" ? findings.map(({ where, message }) => place.steady(`${where}: ${message}`)) : state,
    ]),
  );
}

const WELL = { node: "ok", store: "ok", keys: "ok", records: "ok" };
const says = (text: RegExp) => expect.stringMatching(text);

describe("a store that is well", () => {
  it("gets one line for each check", async () => {
    const { code, stdout, stderr } = await place.run("doctor");
    expect([code, stderr]).toEqual([0, ""]);
    expect(
      place
        .steady(stdout)
        .replace(/v\d\S+ on \w+/, "VERSION")
        .replace(/[0-9a-f]{8} seals/, "KEY seals"),
    ).toMatchInlineSnapshot(`
      "ok       node     VERSION
      ok       store    sqlite:~/data/ashlar/ashlar.db
      ok       keys     the key file ~/config/ashlar/keys; KEY seals
      ok       records  8 records
      "
    `);
  });

  it("is left as it is to the last byte, and so is one that is damaged", async () => {
    const store = copyOf("UPDATE records SET name = 'gone' WHERE kind = 'document'");
    const folder = join(place.folder, store, "..");
    const bytes = () =>
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString("base64"), statSync(join(folder, name)).mode]);
    const before = bytes();
    expect(await found(store)).not.toEqual(WELL);
    expect(bytes()).toEqual(before);
    await place.run("doctor --store sqlite:nowhere/s.db");
    expect(readdirSync(place.folder)).not.toContain("nowhere");
  });
});

describe("a store that is none", () => {
  it.each(["nonsense", "sqlite://host/x", "file://host/x", "mysql:x"])("%s is a finding", async (url) => {
    const { code, stdout, stderr } = await place.run(`doctor --json --store ${url}`);
    expect([code, stderr]).toEqual([3, ""]);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      checks: [{ state: "ok" }, { name: "store", state: "problem" }, {}, { state: "skipped" }],
    });
  });
});

describe("keys", () => {
  it("that are not there, damaged, or readable by others: records are looked at all the same", async () => {
    const store = copyOf("DELETE FROM records WHERE kind = 'document' AND name = 'main'");
    expect(await found(copyOf(), { ASHLAR_KEY_FILE: "none/keys" })).toEqual({
      ...WELL,
      keys: [says(/There is no key.*"ashlar init" makes a key; if the store was sealed before, bring its key back/)],
    });
    expect(await found(copyOf(), { ASHLAR_KEYS: `ashlarkey1_${CANARY}` })).toEqual({
      ...WELL,
      keys: [says(/A key in ASHLAR_KEYS is damaged/)],
    });
    cpSync(place.keyFile, join(place.folder, "open-keys"));
    chmodSync(join(place.folder, "open-keys"), 0o644);
    expect(await found(store, { ASHLAR_KEY_FILE: "open-keys" })).toMatchObject({
      keys: [says(/Others may read the key file ~\/open-keys: chmod 600 it/)],
      records: [says(/^service\/web: It refers at \/account to account\/main/)],
    });
  });

  it("that lie beside the data, or in a folder where others write, or were left by a change that was stopped", async () => {
    const store = copyOf();
    cpSync(place.keyFile, join(place.folder, store, "../keys"));
    expect(await found(store, { ASHLAR_KEY_FILE: `${store}/../keys` })).toMatchObject({ keys: [says(/lies in the folder of the data/)] });
    mkdirSync(join(place.folder, "shared"));
    cpSync(place.keyFile, join(place.folder, "shared/keys"));
    chmodSync(join(place.folder, "shared"), 0o777);
    writeFileSync(join(place.folder, "shared/keys.new"), "");
    expect(await found(store, { ASHLAR_KEY_FILE: "shared/keys" })).toMatchObject({
      keys: [
        says(/Others may write in the folder ~\/shared, .*chmod o-w it/),
        says(/~\/shared\/keys\.new is left of a change that was stopped: delete it/),
      ],
    });
  });

  it("that records need and nobody has", async () => {
    await place.run("init --store sqlite:elsewhere/s.db", { ASHLAR_KEY_FILE: "other/keys" });
    const { keys, records } = await found(copyOf(), { ASHLAR_KEY_FILE: "other/keys" });
    expect(keys).toEqual([
      says(/^: 8 records are sealed with key [0-9a-f]{8}, which the key file ~\/other\/keys does not hold: bring that key back/),
    ]);
    expect(records).toContainEqual(says(/^account\/main: The document account\/main cannot be read. The record is sealed with key/));
  });
});

describe("the store", () => {
  it("that is not there, or no store, or cut off", async () => {
    expect(await found("nowhere/s.db")).toMatchObject({
      store: [says(/There is no store at sqlite:~\/nowhere\/s\.db\. "ashlar init/)],
      keys: "ok",
      records: "skipped",
    });
    place.write("text/s.db", "no database, and long enough to be looked at as one ".repeat(40));
    chmodSync(join(place.folder, "text/s.db"), 0o600);
    expect(await found("text/s.db")).toMatchObject({ store: [says(/is damaged, or no store of Ashlar/)], records: "skipped" });
    const store = copyOf();
    truncateSync(join(place.folder, store), statSync(join(place.folder, store)).size / 2);
    expect(await found(store)).toMatchObject({ store: expect.arrayContaining([says(/damage|SQLite's integrity check says/)]) });
  });

  it("whose file or folder others may write", async () => {
    const store = copyOf();
    chmodSync(join(place.folder, store), 0o646);
    chmodSync(join(place.folder, store, ".."), 0o777);
    expect(await found(store)).toEqual({
      ...WELL,
      store: [says(/Others may read or write ~\/copy-\d+\/s\.db: chmod o= it/), says(/Others may write in the folder ~\/copy-\d+,/)],
    });
    chmodSync(join(place.folder, store, ".."), 0o1777); // sticky: others may not take away what is not theirs
    chmodSync(join(place.folder, store), 0o600);
    expect(await found(store)).toEqual(WELL);
  });

  it("that stays locked", async () => {
    const store = copyOf();
    const database = new DatabaseSync(join(place.folder, store));
    database.exec("BEGIN IMMEDIATE");
    expect(await found(store)).toEqual({ ...WELL, store: [says(/stays locked by another process: try again/)] });
    database.close();
  });

  it("that may only be read", async () => {
    const store = copyOf();
    const file = join(place.folder, store);
    chmodSync(file, 0o400);
    const others: string[] = [];
    if (process.geteuid?.() === 0) {
      // Root may write anything, so another user looks.
      for (const path of [place.folder, join(file, "..")]) chmodSync(path, 0o755);
      for (const path of [file, join(file, "..")]) chownSync(path, 65_534, 65_534);
      others.push("--import", "data:text/javascript,process.setuid(65534)");
    }
    const { store: findings } = await found(store, {}, others);
    expect(findings).toEqual([says(/cannot be written: the file or its folder is read-only/)]);
  });

  it("on a network file system, by Linux's numbers of them", () => {
    expect([0x6969, 0xff534d42, -11317950, 0xef53].map(networkFileSystem)).toEqual(
      process.platform === "linux" ? ["NFS", "CIFS", "CIFS", undefined] : [undefined, undefined, undefined, undefined],
    );
  });
});

describe("records", () => {
  const records = async (sql: string) => (await found(copyOf(sql))).records;

  it("that were changed are named, with what hides one from look-up", async () => {
    expect(await records("UPDATE records SET body = replace(body, 'user\":', 'usex\":') WHERE name = 'main'")).toEqual([
      says(
        /^account\/main: The document account\/main cannot be read\. The record was changed, moved or damaged.*Bring back a copy of the store, save it again, or delete it\.$/,
      ),
    ]);
    expect(await records("UPDATE records SET body = '{' WHERE name = 'main'")).toEqual([
      says(/^account\/main: .*save it again, or delete it/),
    ]);
    expect(await records("UPDATE records SET sealed = 'x' || sealed WHERE name = 'account' AND kind = 'type'")).toEqual([
      says(/^type account: The type account cannot be read/),
    ]);
    for (const [column, where] of [
      ["name", /^account\/hidden: /],
      ["type", /^hidden\/main: /],
      ["kind", /^hidden main: /],
    ] as const)
      expect(await records(`UPDATE records SET ${column} = 'hidden' WHERE kind = 'document' AND name = 'main'`)).toEqual(
        expect.arrayContaining([says(where)]),
      );
  });

  it("that refer to what is gone", async () => {
    expect(await found(copyOf("DELETE FROM records WHERE kind = 'document' AND name = 'main'"))).toMatchObject({
      store: [says(/The index of references leads nowhere in 1 places: the file was changed from outside/)],
      records: [
        says(/^service\/web: It refers at \/account to account\/main, which is not there any more: save service\/web with another/),
      ],
    });
  });

  it("whose type or schema is not registered", async () => {
    expect(await records("DELETE FROM records WHERE kind = 'type' AND name = 'account'")).toEqual([
      says(/^account\/main: Its block type account is not registered: register the class, ashlar register FILE/),
    ]);
    expect(await records("DELETE FROM records WHERE kind = 'schema' AND type = 'account'")).toEqual([
      says(/^account\/main: The schema that it was saved under, sha256:SUM, is not registered/),
    ]);
  });

  it("are shown as lines, and no more than a screen of them", async () => {
    const rows =
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 30) INSERT INTO records SELECT 'id-' || i, 'document', 'account', 'n-' || i, 1, '{', '' FROM n";
    const { code, stdout } = await place.run(`doctor --store sqlite:${copyOf(rows)}`);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^problem {2}records {2}.*\n( {9}- account\/n-\d+: .*\n){20} {9}- and 10 more; --json shows all\n$/m);
  });
});

it("shows no secret, no key and no value", () => {
  expect(place.printed).toContain("records");
  expect(place.printed).not.toContain(CANARY);
  expect(place.printed).not.toMatch(/ashlarkey1_[\w-]/);
});

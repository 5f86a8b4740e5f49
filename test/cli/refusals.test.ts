/** What the command line says to bad input: one clear message, an exit code by kind, no value, nothing half written. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import { BLOCKS, Workplace } from "./workplace.ts";

const place = new Workplace();
const CANARY = "canary-77c0de";

/** The exit code and what stands on standard error, in one text. Standard output has to be empty. */
async function refused(command: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, stdout, stderr } = await place.run(command, environment);
  expect(stdout).toBe("");
  expect(stderr).not.toMatch(/^ {4}at /m);
  return `${code} ${place
    .steady(stderr)
    .replace(/^error: /, "")
    .trimEnd()}`;
}

/** Applies a text as a file. */
function refusedManifest(text: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  place.write("bad.yaml", text);
  return refused("apply bad.yaml", environment);
}

beforeAll(async () => {
  place.write("blocks.ts", BLOCKS);
  place.write("good.yaml", "- { type: account, name: main, data: { user: me, token: { env: TOKEN } } }");
  await place.run("init");
  await place.run("register blocks.ts");
  expect((await place.run("apply good.yaml", { TOKEN: CANARY })).code).toBe(0);
});

describe("arguments", () => {
  it("that are wrong get the way back, and are not echoed where they may be secret", async () => {
    expect(await refused("lss")).toBe("64 unknown command 'lss'\n(Did you mean ls?)");
    expect(await refused("ls --jsn")).toBe("64 unknown option '--jsn'\n(Did you mean --json?)");
    expect(await refused(`apply good.yaml --token=${CANARY}`)).toBe(
      `64 unknown option '--token'. "ashlar apply --help" shows how it is used.`,
    );
    expect(await refused(`ls account ${CANARY}`)).toBe(
      `64 too many arguments for 'ls'. Expected 1 argument but got 2. "ashlar ls --help" shows how it is used.`,
    );
    expect(await refused("register")).toBe(`64 missing required argument 'file|module'. "ashlar register --help" shows how it is used.`);
    expect(await refused("key promote")).toBe(`64 missing required argument 'id'. "ashlar key promote --help" shows how it is used.`);
  });

  it("that are none show the help", async () => {
    const { code, stdout, stderr } = await place.run("");
    expect([code, stdout]).toEqual([64, ""]);
    expect(stderr).toMatch(/^Usage: ashlar .*Exit codes:/s);
    expect(await place.run("--help")).toMatchObject({ code: 0, stdout: stderr, stderr: "" });
    for (const [command, meant] of [
      ["--json", "ashlar"],
      ["key --json", "ashlar key"],
    ] as const)
      expect(await refused(command)).toBe(
        `64 ${JSON.stringify({ error: { code: "ERR_USAGE", message: `A command is missing. "${meant} --help" lists them.` } })}`,
      );
  });
});

describe("names", () => {
  it("of types and documents that are misspelt get the nearest", async () => {
    expect(await refused("type inspect acount")).toBe(
      '66 sqlite:~/data/ashlar/ashlar.db knows no block type "acount". Did you mean "account"?',
    );
    expect(await refused("ls acount")).toMatch(/^66 .*Did you mean "account"\?$/);
    expect(await refused("inspect acount/main")).toMatch(/^66 .*Did you mean "account"\?$/);
    expect(await refused("inspect account/mian")).toBe(
      '66 There is no document account/mian in sqlite:~/data/ashlar/ashlar.db. Did you mean "main"?',
    );
    expect(await refused("delete account/mian")).toMatch(/^66 /);
  });

  it("that cannot be names say what one is", async () => {
    expect(await refused("inspect account")).toMatch(/^65 A document is named "slug\/name"/);
    expect(await refused("inspect account/a/b")).toMatch(/^65 A document is named "slug\/name"/);
    expect(await refused("inspect account/Main")).toMatch(
      /^65 A document's name consists of lower-case letters, digits and dashes, such as "main"/,
    );
  });
});

describe("a store", () => {
  it("that is not there, or no store, is told apart", async () => {
    expect(await refused("ls --store sqlite:nowhere.db")).toBe(
      '69 There is no store at sqlite:~/nowhere.db. "ashlar init --store sqlite:~/nowhere.db" makes one.',
    );
    expect(existsSync(`${place.folder}/nowhere.db`)).toBe(false);
    expect(await refused("ls --store nonsense")).toMatch(/^65 A store is named by a URL/);
    expect(await refused("ls --store mysql:x")).toMatch(/^65 A store is named by a URL.*"mysql:" is no scheme that is known/);
    place.write("text.db", "this is no database, and long enough to be looked at as one ".repeat(20));
    expect(await refused("ls --store sqlite:text.db")).toMatch(/^74 /);
    expect(await refused("init --store memory:")).toMatch(/^65 A store of memory ends with its process/);
  });
});

describe.runIf(existsSync("/proc/self"))("a folder that cannot be made, where the system says that there is none", () => {
  it("is an error, of a store in SQLite and in files, of keys, of an audit log", async () => {
    // Node's own recursive mkdir never ends there.
    const made = / A key was made before, in ~\/proc-keys\/\w+: it stays there, for the next init\.$/;
    for (const [store, file] of [
      ["sqlite:/proc/none/a.db", "proc-keys/a"],
      ["file:/proc/none", "proc-keys/b"],
      ["file:/proc/none/below", "proc-keys/c"],
    ] as const) {
      const said = await refused(`init --store ${store}`, { ASHLAR_KEY_FILE: file });
      expect(said).toMatch(made);
      expect(said).toContain(`77 ${store} cannot be made (ENOENT).`);
    }
    expect(await refused("init --store sqlite:proc.db", { ASHLAR_KEY_FILE: "/proc/none/keys" })).toBe(
      "77 The key file /proc/none/keys cannot be written (ENOENT).",
    );
    expect(await refused("serve --port 0", { ASHLAR_AUDIT_LOG: "/proc/none/log.jsonl" })).toContain("(ENOENT)");
  });
});

describe("keys", () => {
  const elsewhere = { ASHLAR_KEY_FILE: "elsewhere/keys" };

  it("that are missing are asked for, and never made over sealed records", async () => {
    expect(await refused("apply good.yaml", { TOKEN: "x", ...elsewhere })).toMatch(
      /^77 .*There is no key: ASHLAR_KEYS is not set, the key file ~\/elsewhere\/keys/,
    );
    expect(await refused("init", elsewhere)).toMatch(
      /^77 sqlite:\S+ holds records that were sealed with a key, and no key is found\..*bring the old one back/,
    );
    expect(existsSync(`${place.folder}/elsewhere`)).toBe(false);
  });

  it("that are wrong, unknown or readable by others are each their own error", async () => {
    expect(await refused("apply good.yaml", { TOKEN: "x", ASHLAR_KEYS: `ashlarkey1_${CANARY}` })).toMatch(
      /^77 .*A key in ASHLAR_KEYS is damaged/,
    );
    const other = await place.json("init --store sqlite:other/o.db", { ASHLAR_KEY_FILE: "keys2" });
    expect(other).toMatchObject({ key: { created: true, path: `${place.folder}/keys2` } });
    expect(await refused("apply good.yaml", { TOKEN: "x", ASHLAR_KEY_FILE: "keys2" })).toMatch(
      /^77 .*is sealed with key [0-9a-f]{8}; the key file ~\/keys2 holds only [0-9a-f]{8}\. Bring [0-9a-f]{8} back: nothing else opens it\.$/,
    );
    chmodSync(`${place.folder}/keys2`, 0o644);
    expect(await refused("apply good.yaml", { TOKEN: "x", ASHLAR_KEY_FILE: "keys2" })).toMatch(/^77 .*Others may read the key file/);
  });

  it("do not lie beside the data", async () => {
    mkdirSync(`${place.folder}/beside`);
    const beside = { ASHLAR_KEY_FILE: "beside/keys" };
    expect(await refused("init --store sqlite:beside/b.db", beside)).toMatch(
      /^77 The key file ~\/beside\/keys lies in the folder of the data/,
    );
    expect(existsSync(`${place.folder}/beside/keys`) || existsSync(`${place.folder}/beside/b.db`)).toBe(false);
    for (const store of ["sqlite:beside/b.db", "file:beside"])
      expect(await refused(`init --store ${store}`, { ASHLAR_KEY_FILE: "beside/below/keys" })).toMatch(
        /^77 The key file ~\/beside\/below\/keys lies in the folder of the data/,
      );
    expect(readdirSync(`${place.folder}/beside`)).toEqual([]);
  });

  it.runIf(existsSync("/sys"))("that were made for a store that cannot be made are named, and taken by the next init", async () => {
    const alone = { ASHLAR_KEY_FILE: "alone/keys" };
    expect(await refused("init --store sqlite:/sys/none/a.db", alone)).toMatch(
      /^77 .* \((EPERM|EACCES|EROFS)\)\. A key was made before, in ~\/alone\/keys: it stays there, for the next init\.$/,
    );
    expect(await place.json("init --store sqlite:a-folder/a.db", alone)).toMatchObject({
      store: { created: true },
      key: { created: false },
    });
  });

  it("are made once by many that begin at once", async () => {
    const at = { ASHLAR_KEY_FILE: "many/keys" };
    const all = await Promise.all(Array.from({ length: 5 }, () => place.json("init --store sqlite:many-data/m.db", at)));
    const made = all as unknown as { key: { id: string; created: boolean }; store: { created: boolean } }[];
    expect(made.filter(({ key }) => key.created)).toHaveLength(1);
    expect(new Set(made.map(({ key }) => key.id)).size).toBe(1);
    expect(readFileSync(`${place.folder}/many/keys`, "utf8").match(/^ashlarkey1_/gm)).toHaveLength(1);
  });

  it("come from a passphrase only when there is one, and no other key", async () => {
    const nowhere = { ASHLAR_KEY_FILE: "nowhere/keys" };
    expect(await refused("init --passphrase --store sqlite:p/p.db", nowhere)).toMatch(/^77 ASHLAR_PASSPHRASE is not set/);
    expect(await refused("init --passphrase --store sqlite:p/p.db", { ASHLAR_PASSPHRASE: CANARY })).toMatch(
      /^65 Keys in the key file \S+ go before a passphrase/,
    );
    expect(existsSync(`${place.folder}/p`)).toBe(false);
    const made = await place.json("init --passphrase --store sqlite:p/p.db", { ...nowhere, ASHLAR_PASSPHRASE: CANARY });
    expect(made).toMatchObject({
      store: { created: true },
      key: { source: "the passphrase in ASHLAR_PASSPHRASE", path: null, id: null, created: false },
    });
    expect(existsSync(`${place.folder}/nowhere`)).toBe(false);
  });
});

describe("a declared document", () => {
  it("that does not fit: all is said at once, by file, line and field, and nothing is written", async () => {
    const text = await refusedManifest(`
- type: account
  name: one
  data: { usr: ${CANARY}, token: { env: MISSING }, retries: ${CANARY}, user: { env: HOME }, pin: ${CANARY} }
- { type: account, name: two, data: { user: u, token: t } }
- { type: account, name: two, data: { user: u } }
- { type: account, name: three, data: { user: u } }
- { type: service, name: s, data: { host: h, account: { ref: account/mian } } }
- { type: service, name: t, data: { host: { ref: account/main }, account: { ref: service/s } } }
- { type: service, name: u, data: { host: h, account: { user: u, token: { file: ./none } } } }
- { type: acount, name: four }
- { type: account, name: a/b }
- { type: account, nam: x, ${CANARY}: 1 }
`);
    expect(text.replaceAll(CANARY, "CANARY")).toMatchInlineSnapshot(`
      "65 Nothing was changed, since 16 things do not fit:
        bad.yaml:4: account/one: pin: expected number, got string
        bad.yaml:4: account/one: retries: expected number, got string
        bad.yaml:4: account/one: token: the environment variable MISSING is not set
        bad.yaml:4: account/one: user: only a secret comes from { env }: write the value itself
        bad.yaml:4: account/one: usr: is no field; did you mean user?
        bad.yaml:6: account/two: is declared twice, first at bad.yaml:5
        bad.yaml:7: account/three: token: is missing (string)
        bad.yaml:8: service/s: account: there is no document account/mian, neither in the store nor in these files; did you mean account/main?
        bad.yaml:9: service/t: account: a document of type account belongs here, not service/s
        bad.yaml:9: service/t: host: no block stands here that { ref } could name
        bad.yaml:10: service/u: account.token: There is no file none
        bad.yaml:11: acount/four: sqlite:~/data/ashlar/ashlar.db knows no block type "acount". Did you mean "account"?
        bad.yaml:12: A document's name consists of lower-case letters, digits and dashes, such as "a-b": "a/b" does not
        bad.yaml:13: "nam" is no part of a document; did you mean name?
        bad.yaml:13: "CANARY" is no part of a document: it has type, name and data
        bad.yaml:13: name is missing"
    `);
    expect((await place.json("ls")).documents).toHaveLength(1);
  });

  it("that refers to itself by others is named with the way round", async () => {
    const store = "--store sqlite:circle/c.db";
    await place.run(`init ${store}`);
    // No class can contain itself, but the newest schemas of two types may come from classes that never met.
    const leaf = (name: string) => `class Leaf extends Block.define({ name: "${name}", title: "Leaf", fields: {} }) {}`;
    const file = (name: string, fields: string, other: string) =>
      `import { Block } from "ashlar"; import { z } from "zod"; ${leaf(other)} export class X extends Block.define({ name: "${name}", fields: { ${fields} } }) {}`;
    place.write("circle/1.ts", file("A", "b: Leaf", "B"));
    place.write("circle/2.ts", file("B", "a: Leaf", "A"));
    place.write("circle/3.ts", file("A", "b: Leaf, more: z.string().optional()", "B"));
    for (const each of [1, 2, 3]) expect((await place.run(`register circle/${each}.ts ${store}`)).code).toBe(0);
    place.write("circle.yaml", "- { type: a, name: x, data: { b: { ref: b/y } } }\n- { type: b, name: y, data: { a: { ref: a/x } } }");
    expect(await refused(`apply circle.yaml ${store}`)).toMatch(/would refer to itself: a\/x → b\/y → a\/x$/);
  });

  it("that is too large names the limit", async () => {
    place.write("large", "x".repeat(700_000));
    expect(
      await refusedManifest("- { type: account, name: l, data: { user: u, token: { file: large }, headers: { a: { file: large } } } }"),
    ).toMatch(/^65 .*account\/l: account\/l has 1400\d+ bytes; a document has at most 1048576/s);
  });

  it("in a file that is no YAML: the line, and nothing of the text", async () => {
    const text = await refusedManifest(`- ok: 1\n  "${CANARY}`);
    expect(text).toBe("65 Nothing was changed, since something does not fit:\n  bad.yaml:2: a quote, bracket or colon is missing");
    expect(await refused("apply none.yaml")).toBe("66 There is no file none.yaml.");
    expect(await refused("apply .")).toBe("65 . is a folder, not a file.");
  });
});

describe("a damaged record", () => {
  it("is an error of its own where it is opened, and never breaks a list", async () => {
    const store = "--store sqlite:torn/t.db";
    await place.run(`init ${store}`);
    await place.run(`register blocks.ts ${store}`);
    await place.run(`apply good.yaml ${store}`, { TOKEN: CANARY });
    const database = new DatabaseSync(`${place.folder}/torn/t.db`);
    database.exec("UPDATE records SET body = replace(body, '\"me\"', '\"you\"') WHERE kind = 'document'");
    expect(await refused(`apply good.yaml ${store}`, { TOKEN: CANARY })).toMatch(
      /^74 The document account\/main cannot be read\. The record was changed/,
    );
    database.exec("UPDATE records SET body = 'x' WHERE kind = 'document'");
    database.close();
    expect((await place.run(`ls ${store}`)).stdout).toMatch(/main .*\(damaged\)$/m);
    expect(await refused(`inspect account/main ${store}`)).toMatch(/^74 The document account\/main cannot be read\./);
  });
});

describe("errors as JSON", () => {
  it("have a code, a message and details, on standard error", async () => {
    const parse = async (command: string) => JSON.parse((await place.run(`${command} --json`)).stderr) as unknown;
    expect(await parse("inspect account/mian")).toEqual({
      error: {
        code: "ERR_NOT_FOUND",
        message: expect.stringContaining("mian"),
        type: "account",
        name: "mian",
        store: expect.stringContaining("sqlite:"),
      },
    });
    expect(await parse("lss")).toEqual({ error: { code: "ERR_USAGE", message: expect.stringContaining("unknown command 'lss'") } });
    place.write("bad.yaml", "- { type: account, name: x, data: { user: 5, token: t } }");
    expect(await parse("apply bad.yaml")).toMatchObject({
      error: { code: "ERR_INVALID", issues: [{ path: "bad.yaml:1: account/x: user", message: "expected string, got number" }] },
    });
  });

  it("show a stack only when asked", async () => {
    const { stderr } = await place.run("inspect account/mian --stack");
    expect(stderr).toMatch(/^error: There is no document.*\n {4}at /s);
    place.write("throws.ts", `function inner() { throw new RangeError("of the module itself"); }\ninner();`);
    expect((await place.run("register throws.ts")).stderr).not.toContain("of the module itself");
    expect((await place.run("register throws.ts --stack")).stderr).toMatch(
      /^error: throws\.ts cannot be imported.*\ncaused by RangeError: of the module itself\n {4}at inner \(.*throws\.ts:1:/s,
    );
    expect(JSON.parse((await place.run("register throws.ts --stack --json")).stderr)).toMatchObject({
      error: { code: "ERR_DEFINITION", stack: expect.stringContaining("caused by RangeError") },
    });
  });
});

it("an old Node gets one sentence", async () => {
  const old = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'22.12.0'})";
  expect(await place.run("ls", {}, ["--import", old])).toEqual({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^ashlar needs Node 24\.15 or newer; this is v\S+\.\n$/),
  });
});

describe("output", () => {
  it("that nobody reads to its end is no error, and the work is done all the same", async () => {
    place.write(
      "many.yaml",
      Array.from({ length: 300 }, (_, i) => `- { type: account, name: m${i}, data: { user: u, token: t } }`).join("\n"),
    );
    const sh = (line: string) => place.shell("bash", ["-c", line]);
    expect((await sh("ashlar --help 2>&1 | head -n 1")).stdout).toBe("Usage: ashlar [options] [command]\n");
    expect((await sh("ashlar apply many.yaml 2>/dev/null | true; echo $PIPESTATUS")).stdout).toBe("0\n");
    expect((await place.json("ls")).documents).toHaveLength(301);
    expect((await sh("ashlar inspect account/none 2>&1 >/dev/null | true; echo $PIPESTATUS")).stdout).toBe("66\n");
  });

  it.runIf(existsSync("/dev/full"))("that cannot be written is an error, with a result and without", async () => {
    const sh = (line: string) => place.shell("bash", ["-c", line]);
    const full = {
      code: 69,
      stdout: "",
      stderr: expect.stringMatching(/ its result is lost: standard output cannot be written \(ENOSPC\)\./),
    };
    for (const command of ["export", "ls --json", "inspect account/main"])
      expect(await sh(`ashlar ${command} > /dev/full`)).toMatchObject(full);
    expect((await sh("ashlar inspect account/none > /dev/full")).code).toBe(66);
    expect(await refused("export --out /dev/full")).toBe("69 /dev/full cannot be written (ENOSPC).");
  });
});

it("nothing of all this showed a value", () => {
  const ours = place.printed.split("\n").filter((line) => line.includes(CANARY));
  // A key of the file that is no part of a document is named: keys there are ours, not the user's.
  expect(ours.every((line) => line.includes("is no part of a document") || line.includes("is no field"))).toBe(true);
  expect(place.printed).not.toContain(readFileSync(place.keyFile, "utf8").match(/ashlarkey1_\S+/)?.[0]);
});

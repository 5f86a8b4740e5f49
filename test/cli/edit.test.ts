/** Documents made and changed without a terminal: create, set, get, export, apply --prune, type delete. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { BLOCKS, Workplace } from "./workplace.ts";

const place = new Workplace();
const CANARY = "canary-6d02aa";
const ENV = { TOKEN: `${CANARY}-token`, PIN: "5512309", HEADERS: JSON.stringify({ [`${CANARY}-key`]: `${CANARY}-value` }) };

/** A refused call: its exit code and what it said. Nothing on standard output, and no secret. */
function refusal({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }): string {
  expect([stdout, stderr.includes(CANARY)]).toEqual(["", false]);
  return `${code} ${place
    .steady(stderr)
    .replace(/^error: /, "")
    .trimEnd()}`;
}

beforeAll(async () => {
  place.write("blocks.ts", BLOCKS);
  await place.run("init");
  await place.run("register blocks.ts");
});

describe("create", () => {
  it("reads YAML or JSON from standard input or a file, and secrets from the environment", async () => {
    const { code, stdout } = await place.feed("user: me\n", "create account/main --secret-env token=TOKEN --secret-env pin=PIN", ENV);
    expect([code, stdout]).toEqual([
      0,
      '+ account/main\n    user     "me"\n    token    secret, new\n    pin      secret, new\n    retries  3\n    tags     []\n',
    ]);
    place.write(
      "web.json",
      JSON.stringify({ host: "h", account: { ref: "account/main" }, more: [{ user: "u", token: { env: "TOKEN" } }] }),
    );
    expect(await place.json("create service/web --file web.json", ENV)).toMatchObject({
      document: { type: "service", name: "web", action: "create", revision: 1 },
    });
  });

  it("refuses a taken name, what is missing, what is no secret, and asks nobody", async () => {
    expect(refusal(await place.feed("user: me", "create account/main"))).toBe(
      '73 account/main exists. "ashlar set account/main FIELD=VALUE" changes it; --overwrite replaces all of it.',
    );
    expect(refusal(await place.feed("", "create account/second"))).toBe(
      "65 Nothing was changed, since 2 things do not fit:\n  standard input:1: account/second: token: is missing (string)\n  standard input:1: account/second: user: is missing (string)",
    );
    expect(refusal(await place.feed("token: { env: TOKEN }", "create account/second --secret-env user=TOKEN", ENV))).toContain(
      "user: only a secret comes from { env }",
    );
    expect(refusal(await place.feed("[1]", "create account/second"))).toContain("has to be a mapping of fields");
    expect(refusal(await place.run("create acount/second"))).toContain('Did you mean "account"?');
    expect(refusal(await place.run("create account/second --secret-env token"))).toBe(
      "64 A change is given as --secret-env FIELD=VARIABLE.",
    );
    expect((await place.run("inspect account/second")).code).toBe(66);
  });

  it("replaces with --overwrite", async () => {
    expect(await place.json("create account/main --overwrite --file new.yaml", ENV).catch(String)).toContain("There is no file new.yaml");
    place.write("new.yaml", "{ user: new, token: { env: TOKEN }, headers: { env: HEADERS } }");
    expect(await place.json("create account/main --overwrite --file new.yaml", ENV)).toMatchObject({
      document: { action: "change", revision: 2 },
    });
  });
});

describe("set", () => {
  it("reads values by the field's schema and leaves the rest as it is", async () => {
    const { stdout } = await place.run("set account/main user=42 retries=5 tags=[a,b] --secret-env pin=PIN", ENV);
    expect(stdout).toBe(
      '~ account/main\n    user     "new" → "42"\n    token    secret, same\n    pin      secret, new\n    headers  secret, same\n    retries  3 → 5\n    tags     [] → ["a","b"]\n',
    );
    expect(await place.json("set account/main tags[1]=c --unset pin")).toMatchObject({ document: { revision: 4 } });
    expect(await place.json("get account/main --reveal")).toEqual({
      ...{ type: "account", name: "main", revision: 4, field: null },
      value: { user: "42", token: ENV.TOKEN, pin: null, headers: JSON.parse(ENV.HEADERS), retries: 5, tags: ["a", "c"] },
    });
    expect(await place.json("set account/main retries=5")).toMatchObject({ document: { action: "unchanged", revision: 4 } });
  });

  it("refers to blocks, and takes a secret from standard input", async () => {
    expect((await place.run("set service/web either=ref:account/main more[0].retries=9")).stdout).toContain(
      "either           → account/main",
    );
    expect((await place.feed(`${CANARY}-piped\n`, "set service/web --secret-stdin more[0].token")).code).toBe(0);
    expect((await place.run("get service/web more[0].token --reveal")).stdout).toBe(`${CANARY}-piped\n`);
  });

  it("refuses secrets in arguments without repeating them, wherever they stand", async () => {
    const advice = /^64 account\/main: token is secret, and arguments can be read by others.*--secret-env/;
    expect(refusal(await place.run(`set account/main token=${CANARY}`))).toMatch(advice);
    expect(refusal(await place.run(`set account/main headers.${"x"}=${CANARY}`))).toMatch(/^64 .*headers is secret as a whole/);
    expect(refusal(await place.run(`set service/web more=[{user:u,token:${CANARY}}]`))).toMatch(/^65 .*more\[0\]: is no field/s);
    expect(refusal(await place.run(`set service/web more=[{"user":"u","token":"${CANARY}"}]`))).toMatch(
      /^64 service\/web: more\[0\]\.token is secret/,
    );
    expect(refusal(await place.run(`set service/web more[0].token=${CANARY}`))).toMatch(/^64 service\/web: more\[0\]\.token is secret/);
    expect(refusal(await place.run(`set account/main --secret token=${CANARY}`))).toMatch(/^64 There is no terminal/);
    expect(refusal(await place.run(`set account/main --secret-stdin token=${CANARY}`))).toMatch(/^64 --secret-stdin takes the name/);
    expect(refusal(await place.run(`set account/main --unset token=${CANARY}`))).toMatch(/^64 --unset takes the name/);
  });

  it("refuses what does not fit, and writes nothing", async () => {
    expect(refusal(await place.run("set account/main retries=many"))).toContain("account/main: retries: expected number, got string");
    expect(refusal(await place.run("set account/main usr=x"))).toContain("usr: is no field; did you mean user?");
    expect(refusal(await place.run("set account/main __proto__.x=1"))).toMatch(/^65 /);
    expect(refusal(await place.run("set account/main --unset user"))).toContain("user: is missing (string)");
    expect(refusal(await place.run("set service/web account=ref:account/none"))).toContain(
      "there is no document account/none in the store",
    );
    expect(refusal(await place.run("set service/web account.user=x"))).toMatch(/^64 .*"ashlar set account\/main …" changes it there/);
    expect(refusal(await place.run("set account/main retries=6 --if-revision 3"))).toMatch(
      /^73 account\/main is not at revision 3 any more/,
    );
    expect(refusal(await place.run("set account/main"))).toMatch(/^64 Nothing to set/);
    expect(await place.json("get account/main retries")).toMatchObject({ revision: 4, field: "retries", value: 5 });
  });
});

describe("set, where a path leads nowhere,", () => {
  it("says so", { timeout: 120_000 }, async () => {
    expect(refusal(await place.run("set account/main --unset usr"))).toBe("64 account/main has no field usr; did you mean user?");
    expect(refusal(await place.run("set account/main .=x"))).toMatch(/^64 account\/main: "\." is no path of a field/);
    for (const [path, length] of [
      ["tags[3]", 2],
      ["tags.length", 2],
      ["tags.x", 2],
      ["tags.4294967294", 2],
      ["more[0].tags[1]", 0],
    ] as const)
      expect(refusal(await place.run(`set ${path.startsWith("more") ? "service/web" : "account/main"} ${path}=x`))).toMatch(
        new RegExp(`^64 .* is a list of ${length}: .*\\[${length}\\] adds one\\.$`),
      );
  });
});

describe("get", () => {
  it("prints raw values, secrets only when asked and with the key", async () => {
    expect((await place.run("get account/main")).stdout).toBe('user=42\ntoken=********\nheaders=********\nretries=5\ntags=["a","c"]\n');
    expect((await place.run("get account/main tags[1]", { ASHLAR_KEY_FILE: "/nowhere" })).stdout).toBe("c\n");
    expect((await place.run("get service/web account")).stdout).toBe("account/main\n");
    expect((await place.run("get account/main token --reveal")).stdout).toBe(`${ENV.TOKEN}\n`);
    expect(refusal(await place.run("get account/main token --reveal", { ASHLAR_KEY_FILE: "/nowhere" }))).toMatch(/^77 /);
    expect((await place.run("inspect account/main --reveal")).stdout).toContain(`token    "${ENV.TOKEN}"`);
    expect((await place.json("inspect account/main --reveal")).document).toMatchObject({ secrets: { "/token": { value: ENV.TOKEN } } });
  });

  it("prints what stands under any key, one with dots too", async () => {
    place.write(
      "map.ts",
      `${BLOCKS} export class Map extends Block.define({ name: "Map", fields: { all: z.record(z.string(), z.int()), more: secret(z.record(z.string(), z.string())).optional() } }) {}`,
    );
    const store = "--store sqlite:maps/m.db";
    await place.run(`init ${store}`);
    await place.run(`register map.ts ${store}`);
    await place.feed(`{ all: { a.b: 1, "": 2, "c[0]": 3, toString: 4 }, more: { env: HEADERS } }`, `create map/one ${store}`, ENV);
    expect((await place.run(`get map/one ${store}`)).stdout).toBe("all.a.b=1\nall.=2\nall.c[0]=3\nall.toString=4\nmore=********\n");
    expect((await place.run(`get map/one --reveal ${store}`)).stdout).toContain(`more=${ENV.HEADERS}\n`);
    for (const [path, value] of Object.entries({ "all.a.b": 1, "all.": 2, "all.c[0]": 3 }))
      expect((await place.run(`get map/one ${path} ${store}`)).stdout).toBe(`${value}\n`);
    expect(refusal(await place.run(`get map/one . ${store}`))).toBe("66 map/one has nothing at ..");
  });

  it("says what is not there, and where it is", async () => {
    expect(refusal(await place.run("get account/main pin"))).toBe("66 account/main has nothing at pin.");
    expect(refusal(await place.run("get account/main usr"))).toBe('66 account/main has nothing at usr. Did you mean "user"?');
    expect(refusal(await place.run("get service/web account.user"))).toBe(
      "66 account of service/web refers to account/main: ashlar get account/main user",
    );
  });
});

describe("export", () => {
  const variables: Record<string, string> = {};

  it("writes no secret, needs no key, and names a variable for each", async () => {
    const { code, stdout, stderr } = await place.run("export", { ASHLAR_KEY_FILE: "/nowhere" });
    expect([code, stderr, stdout.includes(CANARY)]).toEqual([0, "", false]);
    expect(stdout.replace(/^#.*\n/gm, "")).toMatchInlineSnapshot(`
      "
      - type: account
        name: main
        data:
          user: "42"
          token: { env: ACCOUNT_MAIN_TOKEN } # fill in
          headers: { env: ACCOUNT_MAIN_HEADERS } # fill in
          retries: 5
          tags:
            - a
            - c
      - type: service
        name: web
        data:
          host: h
          account: { ref: account/main }
          more:
            - user: u
              token: { env: SERVICE_WEB_MORE_0_TOKEN } # fill in
              pin: null
              headers: null
              retries: 9
              tags: []
              block_type_slug: account
          either: { ref: account/main }
      "
    `);
    expect((await place.json("export")).documents).toMatchObject([
      { type: "account", name: "main" },
      { type: "service", name: "web" },
    ]);
    const only = await place.run("export service/web");
    expect(only.stderr).toContain("account/main: referred to, and not in this export");
  });

  it("comes back equal in a new store", { timeout: 120_000 }, async () => {
    expect((await place.run("export --out all.yaml")).code).toBe(0);
    const text = readFileSync(`${place.folder}/all.yaml`, "utf8");
    Object.assign(variables, {
      ACCOUNT_MAIN_TOKEN: ENV.TOKEN,
      ACCOUNT_MAIN_HEADERS: ENV.HEADERS,
      SERVICE_WEB_MORE_0_TOKEN: `${CANARY}-piped`,
    });
    expect([...text.matchAll(/env: (\w+)/g)].map(([, name]) => name).sort()).toEqual(Object.keys(variables).sort());
    const other = "--store sqlite:other/a.db";
    for (const command of ["init", "register blocks.ts", "apply all.yaml"])
      expect((await place.run(`${command} ${other}`, variables)).code).toBe(0);
    for (const document of ["account/main", "service/web"]) {
      const [before, after] = [await place.json(`get ${document} --reveal`), await place.json(`get ${document} --reveal ${other}`)];
      expect({ ...after, revision: 0 }).toEqual({ ...before, revision: 0 });
    }
    expect((await place.run("apply all.yaml --dry-run", variables)).code).toBe(0);
  });

  it("that is larger than a document is read back, and says when apply would not read it", { timeout: 120_000 }, async () => {
    const [store, other] = ["--store sqlite:large/l.db", "--store sqlite:large-copy/l.db"];
    place.write("large.ts", `${BLOCKS} export class Large extends Block.define({ name: "Large", fields: { text: z.string() } }) {}`);
    for (const each of [store, other]) for (const command of ["init", "register large.ts"]) await place.run(`${command} ${each}`);
    const save = async (count: number, length: number) => {
      place.write(
        "fill.ts",
        `import { Large } from "./large.ts"; for (let i = 0; i < ${count}; i++) await new Large({ text: "x".repeat(${length}) }).save("l" + i, { overwrite: true });`,
      );
      return place.node(["fill.ts"], { ASHLAR_STORE: "sqlite:large/l.db" });
    };
    await save(4, 400_000);
    expect(await place.run(`export --out large.yaml ${store}`)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await place.run(`apply large.yaml ${other}`)).stdout).toContain("4 created");
    await save(17, 1_000_000);
    expect((await place.run(`export --json --out large.json ${store}`)).stderr).toMatch(/^note: .*larger than apply reads/);
  });

  it("says when it cannot write", async () => {
    expect(refusal(await place.run("export --out nowhere/a.yaml"))).toMatch(/^66 There is no folder/);
    expect(refusal(await place.run("export acount"))).toMatch(/^66 .*Did you mean "account"/);
  });
});

describe("apply --prune", () => {
  it("names what no file declares, and removes it only when agreed to", { timeout: 120_000 }, async () => {
    await place.feed("{ user: me, token: { env: TOKEN } }", "create account/extra", ENV);
    place.write(
      "main.yaml",
      "- { type: account, name: main, data: { user: '42', token: { env: TOKEN }, headers: { env: HEADERS }, retries: 5, tags: [a, c] } }",
    );
    const plain = await place.run("apply main.yaml", ENV);
    expect(plain.stderr).toBe(
      "note: service/web, account/extra are in the store and in none of the files; --prune removes what is in none.\n",
    );
    expect(refusal(await place.run("apply main.yaml --prune --type acount", ENV))).toMatch(/^66 /);
    expect(await place.run("apply main.yaml --prune --type account --dry-run", ENV)).toMatchObject({
      code: 2,
      stdout: "= account/main\n- account/extra\nA dry run, nothing was written: 0 to create, 0 to change, 1 unchanged, 1 to remove.\n",
    });
    const unasked = await place.run("apply main.yaml --prune", ENV);
    expect([unasked.code, unasked.stderr]).toEqual([
      64,
      "error: This would delete what none of the files declares: service/web, account/extra. Without a terminal to ask on, say --yes.\n",
    ]);
    expect(await place.json("apply main.yaml --prune --type account --yes", ENV)).toMatchObject({
      undeclared: [{ type: "account", name: "extra", action: "remove" }],
    });
    place.write("none.yaml", "documents: []");
    expect(refusal(await place.run("apply none.yaml --prune --type account --yes"))).toMatch(
      /^73 Nothing was changed: account\/main is referred to by service\/web/,
    );
    expect((await place.json("ls")).documents).toHaveLength(2);
  });
});

describe("type delete", () => {
  it("refuses while there are documents, and cascades when agreed to", async () => {
    expect(refusal(await place.run("type delete service"))).toBe(
      "73 The type service has documents: service/web. Delete them first, or all together with --cascade.",
    );
    expect(refusal(await place.run("type delete service --cascade"))).toMatch(/^64 This would delete the type service and its 1 documents/);
    expect(await place.json("type delete service --cascade --yes")).toMatchObject({
      type: "service",
      deleted: [{ type: "service", name: "web" }],
    });
    expect(refusal(await place.run("type inspect service"))).toMatch(/^66 /);
  });
});

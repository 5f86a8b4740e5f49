/** The command line from the first call on, as a reader types it; and that no secret shows anywhere. */
import { readFileSync, statSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { BLOCKS, Workplace } from "./workplace.ts";

const place = new Workplace();
const CANARY = "canary-5b1f9d";
const stored: Buffer[] = [];
const ENV = { TOKEN: `${CANARY}-one`, PIN: "5512309", HEADERS: JSON.stringify({ [`${CANARY}-key`]: `${CANARY}-value` }) };

/** Runs a command and shows what came of it. */
async function typed(command: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, stdout, stderr } = await place.run(command, environment);
  return place.steady(`${stdout}${stderr}${code === 0 ? "" : `exit code ${code}\n`}`);
}

beforeAll(() => {
  place.write("blocks.ts", BLOCKS);
  place.write("secrets/token", `${CANARY}-two\n`);
  place.write(
    "documents.yaml",
    `- type: service
  name: web
  data:
    host: example.invalid
    account: { ref: account/main }
    more:
      - { user: inline, token: { file: ./secrets/token } }
      - { ref: account/main }
    either: { block_type_slug: other, token: { env: TOKEN } }
---
documents:
  - type: account
    name: main
    data:
      user: me
      token: { env: TOKEN }
      pin: { env: PIN }
      headers: { env: HEADERS }
`,
  );
});

describe("the first minute", () => {
  it("init makes a store and a key, apart and for the owner only", async () => {
    expect(await typed("init")).toMatchInlineSnapshot(`
      "Store  sqlite:~/data/ashlar/ashlar.db, created
      Key    ~/config/ashlar/keys, id KEY, created

      Everything in the store is sealed with this key. If it is lost, nobody can read the secrets again.
      Keep a copy of that file, apart from the store's.

      Next: ashlar register FILE, with a file that exports block classes.
      "
    `);
    expect(statSync(place.keyFile).mode & 0o777).toBe(0o600);
    expect(readFileSync(place.keyFile, "utf8")).toMatch(/^ashlarkey1_/m);
  });

  it("init again changes nothing and says so", async () => {
    const before = readFileSync(place.keyFile, "utf8");
    expect(await typed("init")).toMatchInlineSnapshot(`
      "Store  sqlite:~/data/ashlar/ashlar.db, there already, left as it is
      Key    ~/config/ashlar/keys, id KEY, there already, left as it is
      Nothing was changed.
      "
    `);
    expect(readFileSync(place.keyFile, "utf8")).toBe(before);
  });

  it("register makes every exported class known, once", async () => {
    expect(await typed("register blocks.ts")).toMatchInlineSnapshot(`
      "TYPE              CHECKSUM
      account  created  sha256:SUM
      other    created  sha256:SUM
      service  created  sha256:SUM
      "
    `);
    expect((await typed("register ./blocks.ts")).match(/unchanged/g)).toHaveLength(3);
  });

  it("type ls and type inspect show what is known", async () => {
    expect(await typed("type ls")).toMatchInlineSnapshot(`
      "TYPE     NAME     DESCRIPTION
      account  Account  Where bytes are kept.
      other    Other
      service  Service
      "
    `);
    expect(await typed("type inspect account")).toMatchInlineSnapshot(`
      "account
        Name    Account
        About   Where bytes are kept. More of it.
        Schema  sha256:SUM

      FIELD    TYPE            REQUIRED  SECRET  DEFAULT  DESCRIPTION
      user     string          yes       no               Who.
      token    string          yes       yes              The token.
      pin      integer         no        yes
      headers  map of string   no        yes
      retries  integer         no        no      3
      tags     list of string  no        no      []
      "
    `);
    expect(await typed("type inspect service")).toMatchInlineSnapshot(`
      "service
        Name    Service
        Schema  sha256:SUM

      FIELD    TYPE                          REQUIRED  SECRET  DEFAULT  DESCRIPTION
      host     string                        yes       no
      account  block account                 yes       no
      more     list of block account         no        no
      either   block account or block other  no        no

      Account is the block type account: ashlar type inspect account

      Other is the block type other: ashlar type inspect other
      "
    `);
  });
});

describe("apply", () => {
  it("shows in a dry run what it would do, and does nothing", async () => {
    expect(await typed("apply documents.yaml --dry-run", ENV)).toMatchInlineSnapshot(`
      "+ account/main
          user     "me"
          token    secret, new
          pin      secret, new
          headers  secret, new
          retries  3
          tags     []
      + service/web
          host                     "example.invalid"
          account                  → account/main
          more[0].user             "inline"
          more[0].token            secret, new
          more[0].retries          3
          more[0].tags             []
          more[0].block_type_slug  "account"
          more[1]                  → account/main
          either.token             secret, new
          either.block_type_slug   "other"
      A dry run, nothing was written: 2 to create, 0 to change, 0 unchanged.
      exit code 2
      "
    `);
    expect(await typed("ls")).toContain("There are no documents");
  });

  it("creates in order of references, and changes nothing when run again", async () => {
    expect(await typed("apply documents.yaml", ENV)).toContain("2 created, 0 changed, 0 unchanged.");
    expect(await typed("apply documents.yaml", ENV)).toMatchInlineSnapshot(`
      "= account/main
      = service/web
      0 created, 0 changed, 2 unchanged.
      "
    `);
    stored.push(place.storeBytes());
    expect(await typed("ls")).toMatchInlineSnapshot(`
      "TYPE     NAME  REVISION  UPDATED               BY
      account  main  1         TIME  USER
      service  web   1         TIME  USER
      "
    `);
  });

  it("names what changes: values old and new, secrets not", async () => {
    const text = readFileSync(`${place.folder}/documents.yaml`, "utf8");
    place.write("changed.yaml", text.replace("example.invalid", "other.invalid").replace("pin:", "tags: [a, b]\n      pin:"));
    expect(await typed("apply changed.yaml --dry-run", { ...ENV, TOKEN: `${CANARY}-three` })).toMatchInlineSnapshot(`
      "~ account/main
          token    secret, changed
          pin      secret, same
          headers  secret, same
          tags     [] → ["a","b"]
      ~ service/web
          host           "example.invalid" → "other.invalid"
          more[0].token  secret, same
          either.token   secret, changed
      A dry run, nothing was written: 0 to create, 2 to change, 0 unchanged.
      exit code 2
      "
    `);
    expect(await typed("apply changed.yaml", { ...ENV, TOKEN: `${CANARY}-three` })).toContain("0 created, 2 changed, 0 unchanged.");
    expect(await typed("apply documents.yaml", ENV)).toContain("0 created, 2 changed, 0 unchanged.");
  });
});

describe("looking and deleting", () => {
  it("inspect masks, shows where references go, and needs no key", async () => {
    const shown = await typed("inspect service/web");
    expect(shown).toMatchInlineSnapshot(`
      "service/web
        Id       ID
        Saved    revision 3, TIME by USER
        Created  TIME
        Schema   sha256:SUM

        host                     "example.invalid"
        account                  → account/main
        more[0].user             "inline"
        more[0].token            ********  changed TIME
        more[0].retries          3
        more[0].tags             []
        more[0].block_type_slug  "account"
        more[1]                  → account/main
        either.token             ********  changed TIME
        either.block_type_slug   "other"
      "
    `);
    expect(await typed("inspect service/web", { ASHLAR_KEY_FILE: `${place.folder}/nowhere` })).toBe(shown);
    expect(await typed("inspect account/main")).toMatchInlineSnapshot(`
      "account/main
        Id       ID
        Saved    revision 3, TIME by USER
        Created  TIME
        Schema   sha256:SUM

        user     "me"
        token    ********  changed TIME
        pin      ********  changed TIME
        headers  ********  changed TIME
        retries  3
        tags     []
      "
    `);
  });

  it("delete refuses what is referred to, and asks before a cascade", async () => {
    expect(await typed("delete account/main")).toMatchInlineSnapshot(`
      "error: account/main is referred to by service/web. Delete or change them first, or delete all together with --cascade.
      exit code 73
      "
    `);
    expect(await typed("delete account/main --cascade")).toMatchInlineSnapshot(`
      "error: This would delete account/main and the 1 that refer to it: service/web. Without a terminal to ask on, say --yes.
      exit code 64
      "
    `);
    expect(await typed("delete account/main --cascade --yes")).toMatchInlineSnapshot(`
      "- account/main
      - service/web
      "
    `);
    expect(await typed("delete account/main")).toMatchInlineSnapshot(`
      "error: There is no document account/main in sqlite:~/data/ashlar/ashlar.db. It has no document of type account.
      exit code 66
      "
    `);
  });
});

it("no secret was printed, or lies in the store's files", () => {
  expect(place.printed).toContain("example.invalid");
  stored.push(place.storeBytes());
  expect(stored[0]?.includes("example.invalid")).toBe(true);
  for (const secret of [CANARY, ENV.PIN]) {
    for (const form of [
      secret,
      Buffer.from(secret).toString("base64").slice(0, -3),
      Buffer.from(secret).toString("hex"),
      encodeURIComponent(secret),
    ]) {
      expect(place.printed.includes(form)).toBe(false);
      expect(stored.some((bytes) => bytes.includes(form))).toBe(false);
    }
  }
});

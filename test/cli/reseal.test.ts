/** `ashlar reseal`: what was edited in files is shown, refused or sealed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { Workplace } from "./workplace.ts";

const CANARY = "canary-of-reseal";
const place = new Workplace();
const store = `file:${join(place.folder, "repository")}`;
const document = join(place.folder, "repository/account/main.json");
const run = (command: string) => place.run(`${command} --store ${store}`, { TOKEN: CANARY });
const edit = (change: (text: string) => string) => writeFileSync(document, change(readFileSync(document, "utf8")));

beforeAll(async () => {
  place.write(
    "blocks.ts",
    `import { Block, secret } from "ashlar";
import { z } from "zod";
export class Account extends Block.define({ name: "Account", fields: { user: z.string(), retries: z.int().min(1).default(3), token: secret() } }) {}
`,
  );
  expect((await run("init")).code).toBe(0);
  expect((await run("register blocks.ts")).code).toBe(0);
  const created = await place.feed("user: etl\n", `create account/main --secret-env token=TOKEN --store ${store}`, { TOKEN: CANARY });
  expect(created).toMatchObject({ code: 0 });
});

it("says what an untouched document is, and what it does not know", async () => {
  expect((await run("reseal account/main --yes")).stdout).toBe("= account/main\n0 sealed, 1 as they were.\n");
  expect(await run("reseal repository/none.json")).toMatchObject({
    code: 66,
    stderr: expect.stringContaining("There is no file repository/none.json"),
  });
  expect(await run("reseal account/none")).toMatchObject({ code: 66 });
  place.write("elsewhere.json", readFileSync(document, "utf8"));
  expect(await run("reseal elsewhere.json")).toMatchObject({ code: 65, stderr: expect.stringContaining("does not lie where the store") });
  place.write("conflict.json", "<<<<<<< HEAD\n{}");
  expect(await run("reseal conflict.json")).toMatchObject({ code: 65, stderr: expect.stringContaining("<<<<<<<") });
  expect(await place.run(`reseal account/main --store sqlite:x.db`)).toMatchObject({ code: 69 });
});

it("shows what was changed, asks, and seals", async () => {
  edit((text) => text.replace('"etl"', '"loader"').replace('"retries": 3', '"retries": 5'));
  expect(await run("get account/main user --reveal")).toMatchObject({ code: 74, stderr: expect.stringContaining("ashlar reseal") });
  expect((await run("doctor")).stdout).toContain("account/main");
  expect(await run(`reseal ${document} --dry-run`)).toMatchObject({
    code: 2,
    stdout: `~ account/main\n    retries  3 → 5\n    user     "etl" → "loader"\nA dry run, nothing was sealed.\n`,
  });
  expect(await run(`reseal ${document}`)).toMatchObject({ code: 64, stderr: expect.stringContaining("say --yes") });
  const sealed = JSON.parse((await run(`reseal ${document} --yes --json`)).stdout) as unknown;
  expect(sealed).toEqual({
    dryRun: false,
    documents: [
      {
        ...{ type: "account", name: "main", changed: true, revision: 2 },
        changes: [
          { path: "retries", kind: "value", change: "changed", before: 3, after: 5 },
          { path: "user", kind: "value", change: "changed", before: "etl", after: "loader" },
        ],
      },
    ],
  });
  expect((await run("get account/main token --reveal")).stdout).toBe(`${CANARY}\n`);
});

it("refuses what does not fit, with file, field and no value, and seals nothing", async () => {
  const before = readFileSync(document, "utf8");
  for (const [from, to, message] of [
    ['"retries": 5', '"retries": 0', /retries: expected at least 1/],
    ['"retries": 5', '"retires": 5', /retires: is no field/],
    ['"token": null', '"token": "hunter2"', /token: is secret and stands here in clear/],
    ['"name": "main"', '"name": "other"', /does not lie where the store/],
    ['"kind": "document"', '"kind": "type"', /is no document of a store/],
  ] as const) {
    edit((text) => text.replace(from, to));
    const refused = await run(`reseal ${document} --yes`);
    expect(refused).toMatchObject({ code: 65, stderr: expect.stringMatching(message) });
    expect(refused.stderr).not.toContain("hunter2");
    expect(readFileSync(document, "utf8")).toContain(to);
    writeFileSync(document, before);
  }
  expect((await run("get account/main user --reveal")).stdout).toBe("loader\n");
});

it("nothing of all this showed the secret unasked", () => {
  expect(place.printed.replace(`${CANARY}\n`, "")).not.toContain(CANARY);
});

/** The shapes of `--json`, which programs rely on; and that files and TypeScript write the same documents. */
import { beforeAll, describe, expect, it } from "vitest";
import { BLOCKS, Workplace } from "./workplace.ts";

const place = new Workplace();
const ENV = { TOKEN: "canary-9e-token", PIN: "77120045", HEADERS: '{"canary-9e-key":"canary-9e-value"}' };
const ID = expect.stringMatching(/^[0-9a-f-]{36}$/);
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
const CHECKSUM = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
const STORE = `sqlite:${place.data}/ashlar.db`;

beforeAll(() => {
  place.write("blocks.ts", BLOCKS);
  place.write("token", `${ENV.TOKEN}\n`);
  place.write(
    "documents.yaml",
    `- { type: account, name: main, data: { user: me, token: { file: token }, pin: { env: PIN }, headers: { env: HEADERS } } }
- { type: service, name: web, data: { host: h, account: { ref: account/main } } }`,
  );
});

describe("one object on one line", () => {
  it("of init", async () => {
    const key = { source: `the key file ${place.keyFile}`, path: place.keyFile, id: expect.stringMatching(/^[0-9a-f]{8}$/) };
    expect(await place.json("init")).toEqual({ store: { url: STORE, created: true }, key: { ...key, created: true } });
    expect(await place.json("init")).toEqual({ store: { url: STORE, created: false }, key: { ...key, created: false } });
  });

  it("of register and type", async () => {
    const { types } = await place.json("register blocks.ts");
    expect(types).toEqual(
      ["account", "other", "service"].map((type) => ({ type, checksum: CHECKSUM, change: "created", newSchema: true })),
    );
    const account = {
      ...{ slug: "account", name: "Account", description: "Where bytes are kept. More of it." },
      ...{ logoUrl: null, documentationUrl: null, codeExample: expect.stringContaining("Account.load") },
    };
    expect((await place.json("type ls")).types).toMatchObject([account, { slug: "other" }, { slug: "service" }]);
    expect(await place.json("type inspect account")).toEqual({
      type: expect.objectContaining(account),
      schema: {
        ...{ checksum: CHECKSUM, version: "non-versioned", capabilities: [] },
        fields: expect.objectContaining({ title: "Account", secret_fields: expect.arrayContaining(["token", "pin", "headers.*"]) }),
      },
    });
  });

  it("of apply", async () => {
    const account = [
      { path: "user", kind: "value", change: "new", after: "me" },
      { path: "token", kind: "secret", change: "new" },
      { path: "pin", kind: "secret", change: "new" },
      { path: "headers", kind: "secret", change: "new" },
      { path: "retries", kind: "value", change: "new", after: 3 },
      { path: "tags", kind: "value", change: "new", after: [] },
    ];
    const service = [
      { path: "host", kind: "value", change: "new", after: "h" },
      { path: "account", kind: "reference", change: "new", after: "account/main" },
    ];
    const documents = (revision: number | null) => [
      { type: "account", name: "main", action: "create", revision, changes: account },
      { type: "service", name: "web", action: "create", revision, changes: service },
    ];
    expect(await place.json("apply documents.yaml --dry-run", ENV)).toEqual({
      dryRun: true,
      documents: documents(null),
      undeclared: [],
      notes: [],
    });
    expect(await place.json("apply documents.yaml", ENV)).toEqual({ dryRun: false, documents: documents(1), undeclared: [], notes: [] });
    place.write("more.yaml", "- { type: account, name: main, data: { user: you, token: canary-literal, pin: { env: PIN } } }");
    expect(await place.json("apply more.yaml --dry-run", ENV)).toEqual({
      dryRun: true,
      documents: [
        {
          ...{ type: "account", name: "main", action: "change", revision: 1 },
          changes: [
            { path: "user", kind: "value", change: "changed", before: "me", after: "you" },
            { path: "token", kind: "secret", change: "changed" },
            { path: "pin", kind: "secret", change: "same" },
            { path: "headers", kind: "secret", change: "removed" },
          ],
        },
      ],
      undeclared: [{ type: "service", name: "web", action: "keep" }],
      notes: [expect.stringMatching(/^more\.yaml:1: account\/main: token stands in clear in the file/)],
    });
  });

  it("of ls and inspect", async () => {
    const head = { id: ID, schema: CHECKSUM, revision: 1, created: TIME, updated: TIME, updatedBy: expect.any(String) };
    const [account, service] = [
      { type: "account", name: "main", ...head },
      { type: "service", name: "web", ...head },
    ];
    expect(await place.json("ls")).toEqual({ documents: [account, service] });
    expect(await place.json("ls service")).toEqual({ documents: [service] });
    expect(await place.json("inspect account/main")).toEqual({
      document: {
        ...account,
        data: { user: "me", token: null, pin: null, headers: null, retries: 3, tags: [] },
        references: {},
        secrets: { "/token": { changed: TIME }, "/pin": { changed: TIME }, "/headers": { changed: TIME } },
      },
    });
    expect(await place.json("inspect service/web")).toMatchObject({
      document: { references: { "/account": { id: ID, type: "account", name: "main" } } },
    });
  });
});

describe("files and TypeScript", () => {
  it("mean the same: what a file declared loads typed, and what a class saved is unchanged for the file", async () => {
    place.write(
      "flow.ts",
      `import { Account, Service } from "./blocks.ts";
       const { account } = await Service.load("web");
       if (account.token.reveal() !== process.env.TOKEN || account.pin?.reveal() !== Number(process.env.PIN)) throw new Error("not equal");
       if (JSON.stringify(account.headers?.reveal()) !== process.env.HEADERS || account.tags.length !== 0) throw new Error("not equal");
       await new Account({ user: "me", token: process.env.TOKEN, headers: { a: "b" } }).save("typed");
       await new Service({ host: "h", account: { user: "in", token: "t" }, more: [account] }).save("typed");`,
    );
    expect(await place.node(["flow.ts"], ENV)).toEqual({ code: 0, stdout: "", stderr: "" });
    place.write(
      "typed.yaml",
      `- { type: account, name: typed, data: { user: me, token: { env: TOKEN }, headers: { a: b } } }
- { type: service, name: typed, data: { host: h, account: { user: in, token: t }, more: [{ ref: account/main }] } }`,
    );
    const { stdout, code } = await place.run("apply typed.yaml", ENV);
    expect([code, stdout]).toEqual([0, "= account/typed\n= service/typed\n0 created, 0 changed, 2 unchanged.\n"]);
  });

  it("differ after a new schema: the document is written anew, once", async () => {
    place.write("newer.ts", BLOCKS.replace("retries:", "region: z.string().optional(), retries:"));
    await place.json("register newer.ts");
    const { documents } = (await place.json("apply documents.yaml", ENV)) as unknown as { documents: { changes: object[] }[] };
    expect(documents[0]).toMatchObject({ name: "main", action: "change", revision: 2 });
    expect(documents[0]?.changes).toContainEqual({ path: "schema", kind: "schema", change: "changed", before: CHECKSUM, after: CHECKSUM });
    expect((await place.run("apply documents.yaml", ENV)).stdout).toContain("0 created, 0 changed, 2 unchanged.");
    expect((await place.node(["flow.ts"], ENV)).stderr).toContain("ERR_EXISTS"); // the older class still loads what was written
  });

  it("of delete: what is gone", async () => {
    expect(await place.json("delete service/web")).toEqual({ deleted: [{ id: ID, type: "service", name: "web" }] });
  });
});

it("no secret was printed or lies in the store's files", () => {
  const [printed, stored] = [place.printed, place.storeBytes()];
  for (const secret of ["canary-9e", "canary-literal", ENV.PIN])
    expect([printed.includes(secret), stored.includes(secret)]).toEqual([false, false]);
  expect(stored.includes("account")).toBe(true);
});

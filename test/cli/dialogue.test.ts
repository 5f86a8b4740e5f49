/** What the command line asks on a terminal: answers that do not fit are asked for again, and a secret is not seen. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { noTerminal } from "./terminal.ts";
import { BLOCKS, Workplace } from "./workplace.ts";

const place = new Workplace();
const CANARY = "canary-2c81f0";
const MORE = `
export class Job extends Block.define({
  name: "Job",
  fields: {
    label: z.string().min(3).describe("What it is called."),
    size: z.enum(["small", "large"]).default("large"),
    dry: z.boolean(),
    days: z.array(z.int()).optional(),
    account: Account,
    spare: block(Account).optional(),
    many: z.array(block(Account)).optional(),
    key: secret(),
    pin: secret(z.int()).optional(),
    limits: secret(z.record(z.string(), z.int())),
    note: z.string().optional(),
  },
}) {}
`;
const [ENTER, DOWN, SPACE] = ["\r", "\u001b[B", " "];
const absent = noTerminal();

beforeAll(async () => {
  place.write("blocks.ts", BLOCKS + MORE);
  await place.run("init");
  await place.run("register blocks.ts");
  for (const name of ["main", "other"])
    expect((await place.feed("{ user: me, token: { env: TOKEN } }", `create account/${name}`, { TOKEN: CANARY })).code).toBe(0);
});
beforeEach((context) => context.skip(absent !== undefined, absent));

describe("create", () => {
  it("asks field by field, refuses at once what does not fit, and shows no secret", { timeout: 120_000 }, async () => {
    const terminal = place.terminal("create job/nightly");
    await terminal.shows("label (string): What it is called.");
    terminal.types(`ab${ENTER}`);
    await terminal.shows("expected at least 3 characters");
    terminal.types(`c${ENTER}`);
    await terminal.shows('size ("small" or "large", optional)');
    terminal.types(ENTER);
    await terminal.shows("dry (boolean)");
    terminal.types(`${DOWN}${ENTER}`);
    await terminal.shows("days (list of integer, optional)");
    terminal.types(`[1, x]${ENTER}`);
    await terminal.shows("days[1]: expected number, got string");
    terminal.types(`\u007f\u007f2]${ENTER}`);
    await terminal.shows("account (block account)");
    terminal.types(`${DOWN}${ENTER}`);
    await terminal.shows("spare (block account, optional)");
    terminal.types(ENTER);
    await terminal.shows("many (list of block account, optional)");
    terminal.types(`${SPACE}${DOWN}${SPACE}${ENTER}`);
    await terminal.shows("key (string)");
    terminal.types(ENTER);
    await terminal.shows("is missing");
    terminal.types(`${CANARY}-key${ENTER}`);
    await terminal.shows("pin (integer, optional), Enter leaves it out");
    terminal.types(`${CANARY}-no-number${ENTER}`);
    await terminal.shows("expected number");
    terminal.types(`5512309${ENTER}`);
    await terminal.shows("limits (object)");
    terminal.types(`{"${CANARY}": 1}${ENTER}`);
    await terminal.shows("note (string, optional)");
    terminal.types(ENTER);
    await terminal.shows("+ job/nightly");
    expect(await terminal.ended()).toBe(0);
    expect(terminal.screen).toContain("days");
    expect(terminal.screen.includes("canary")).toBe(false);
    expect(terminal.screen.includes("5512309")).toBe(false);
    expect(await place.json("get job/nightly --reveal")).toMatchObject({
      value: {
        ...{ label: "abc", size: "large", dry: false, days: [1, 2], account: { ref: "account/other" }, spare: null, note: null },
        many: [{ ref: "account/main" }, { ref: "account/other" }],
        ...{ key: `${CANARY}-key`, pin: 5512309, limits: { [CANARY]: 1 } },
      },
    });
  });

  it("does not ask for what --secret-env gives, and stops without a trace", async () => {
    const terminal = place.terminal("create account/third --secret-env token=PATH");
    await terminal.shows("user (string): Who.");
    terminal.types(`me${ENTER}`);
    await terminal.shows("pin (integer, optional)");
    terminal.types("\u0003");
    await terminal.shows("Stopped. Nothing was changed.");
    expect(await terminal.ended()).toBe(130);
    expect((await place.run("inspect account/third")).code).toBe(66);
  });

  it.each([
    ["Ctrl+D", "\u0004"],
    ["Ctrl+C", "\u0003"],
    ["Escape", "\u001b"],
  ])("is stopped by %s, on every kind of question", { timeout: 120_000 }, async (_name, keys) => {
    const questions = {
      "create account/third": "user (string)",
      "create job/third": "label (string)",
      "set account/main --secret token": "token",
      "delete account/other --cascade": "Delete account/other",
      "create service/third --secret-env host=PATH": "account (block account)",
    };
    for (const [command, question] of Object.entries(questions)) {
      const terminal = place.terminal(command);
      await terminal.shows(question);
      terminal.types(keys);
      await terminal.shows("Nothing was");
      expect([await terminal.ended(), terminal.screen.includes("    at ")], `${command}: ${terminal.screen}`).toEqual([130, false]);
    }
    for (const name of ["account/third", "job/third"]) expect((await place.run(`inspect ${name}`)).code).toBe(66);
  });

  it.each(["\u0003", "\u0004"])("outlives a key pressed in the moment after Enter: %j", async (key) => {
    const terminal = place.terminal("create account/third");
    await terminal.shows("user (string)");
    terminal.types(`x${ENTER}${key}`);
    await terminal.shows("token (string)");
    terminal.types(key);
    await terminal.shows("Stopped. Nothing was changed.");
    expect([await terminal.ended(), terminal.screen.includes("    at ")]).toEqual([130, false]);
  });

  it("names the block that has to be saved first", async () => {
    await place.run("init --store sqlite:empty/a.db");
    await place.run("register blocks.ts --store sqlite:empty/a.db");
    const terminal = place.terminal("create service/early --store sqlite:empty/a.db");
    await terminal.shows("host (string)");
    terminal.types(`h${ENTER}`);
    await terminal.shows('account needs a saved block of type account, and there is none: "ashlar create account/NAME" makes one.');
    expect(await terminal.ended()).toBe(66);
  });
});

describe("set", () => {
  it("asks for a secret, unseen", async () => {
    const terminal = place.terminal("set account/main --secret token");
    await terminal.shows("token");
    terminal.types(`${CANARY}-new${ENTER}`);
    await terminal.shows("~ account/main");
    expect(await terminal.ended()).toBe(0);
    expect(terminal.screen.includes(CANARY)).toBe(false);
    expect((await place.run("get account/main token --reveal")).stdout).toBe(`${CANARY}-new\n`);
  });
});

describe("the question before deleting", () => {
  it("is answered with no by Enter, and with yes by y", { timeout: 120_000 }, async () => {
    const question = "Delete account/other and the 1 that refer to it: job/nightly?";
    const no = place.terminal("delete account/other --cascade");
    await no.shows(question);
    no.types(ENTER);
    await no.shows("Nothing was deleted.");
    expect(await no.ended()).toBe(130);
    expect((await place.run("inspect account/other")).code).toBe(0);
    const yes = place.terminal("delete account/other --cascade");
    await yes.shows(question);
    yes.types("y");
    await yes.shows("- account/other");
    expect(await yes.ended()).toBe(0);
    expect((await place.json("ls")).documents).toMatchObject([{ type: "account", name: "main" }]);
  });

  it("comes before apply --prune and type delete --cascade too", { timeout: 120_000 }, async () => {
    place.write("none.yaml", "documents: []");
    const prune = place.terminal("apply none.yaml --prune");
    await prune.shows("Delete what none of the files declares: account/main?");
    prune.types("n");
    expect(await prune.ended()).toBe(130);
    const type = place.terminal("type delete account --cascade");
    await type.shows("Delete the type account and its 1 documents: account/main?");
    type.types("y");
    await type.shows("- type account");
    expect(await type.ended()).toBe(0);
  });
});

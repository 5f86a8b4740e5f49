/** `ashlar token …` as real processes: made, listed, revoked; what is refused says how; the text is shown once and lies nowhere. */
import { beforeAll, describe, expect, it, vi } from "vitest";
import { BLOCKS, Workplace } from "./workplace.ts";

vi.setConfig({ testTimeout: 60_000 });

const place = new Workplace();
const TOKEN = /^ashlartoken1_[A-Za-z0-9_-]{43}_[0-9a-f]{6}$/;
const ID = expect.stringMatching(/^[0-9a-f-]{36}$/);
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);

beforeAll(async () => {
  place.write("blocks.ts", BLOCKS);
  await place.run("init");
  await place.run("register blocks.ts");
});

describe("a token", () => {
  it("is made: its text alone on standard output, what it may do beside it", async () => {
    const made = await place.run("token create nightly --role viewer,user --types account --names x-*,main --expires 90d");
    expect(made.stdout.trim()).toMatch(TOKEN);
    expect(made.stderr).toMatch(
      /^The token nightly is shown only now: whoever has it may see documents without their secrets, load documents with their secrets, only those of account, named x-\*, main, until \d{4}-/,
    );
    expect(made.stderr).not.toContain(made.stdout.trim());
    expect(place.storeBytes().includes(made.stdout.trim().slice(13, 56))).toBe(false);
  });

  it("has JSON of a fixed shape, and roles that add up however they are given", async () => {
    const made = await place.json("token create ci --role editor --role user --role user");
    const token = { id: ID, name: "ci", roles: ["editor", "user"], types: null, names: null, created: TIME, expires: null, revoked: null };
    expect(made).toEqual({ token, text: expect.stringMatching(TOKEN) });
    const nightly = { ...token, name: "nightly", roles: ["viewer", "user"], types: ["account"], names: ["x-*", "main"], expires: TIME };
    expect(await place.json("token ls")).toEqual({
      tokens: [
        { ...token, state: "in force" },
        { ...nightly, state: "in force" },
      ],
    });
    expect(await place.json("token revoke ci")).toEqual({ token: { ...token, revoked: TIME } });
  });

  it("is listed for people, also when it is revoked", async () => {
    const { stdout } = await place.run("token ls");
    expect(stdout).toMatch(
      /^NAME +ROLES +TYPES +NAMES +CREATED +EXPIRES +STATE\nci +editor,user +all +all +\S+ \S+ +never +revoked\nnightly +/,
    );
    expect((await place.run("token revoke nightly")).stdout).toBe("The token nightly is revoked.\n");
  });

  it("expires at the time that was said", async () => {
    const { token } = (await place.json("token create until --role viewer --expires 2099-12-31")) as unknown as {
      token: { expires: string };
    };
    expect(token.expires).toBe("2099-12-31T00:00:00.000Z");
    const hours = (await place.json("token create hours --role viewer --expires 12h")) as unknown as { token: { expires: string } };
    expect(Math.abs(Date.parse(hours.token.expires) - Date.now() - 12 * 3_600_000)).toBeLessThan(60_000);
  });
});

describe("what is refused", () => {
  it.each([
    ["token create a", 64, "Say what the token may do: --role viewer, user, editor or admin"],
    ["token create a --role viwer", 65, "roles: is any of viewer, user, editor, admin; did you mean viewer?"],
    ["token create a --role viewer,", 65, "roles: is any of"],
    ["token create A_b --role viewer", 65, "name: consists of lower-case letters, digits and dashes"],
    ["token create until --role viewer", 73, "There is an access token until already. Revoke it first"],
    ["token create a --role viewer --types acount", 66, 'knows no block type "acount". Did you mean "account"?'],
    ["token create a --role viewer --names X/*", 65, "names: is a list of document names"],
    ["token create a --role admin --types account", 65, "types: does not go with the role admin"],
    [
      "token create a --role viewer --expires 90",
      65,
      '--expires takes a duration such as 30m, 12h, 90d, 2w or 1y, or a date such as 2027-01-31: "90" is neither.',
    ],
    ["token create a --role viewer --expires 2027-02-31", 65, "is neither"],
    ["token create a --role viewer --expires 2001-01-01", 65, "lies in the past"],
    ["token create a --role viewer --expires 0d", 65, "lies in the past"],
    ["token revoke untl", 66, 'There is no access token "untl". Did you mean "until"?'],
    ["token revoke something-else", 66, '"ashlar token ls" lists them.'],
  ])("%s", async (command, code, message) => {
    const refused = await place.run(command);
    expect([refused.code, refused.stdout]).toEqual([code, ""]);
    expect(refused.stderr).toContain(message);
  });

  it("leaves nothing behind", async () => {
    const { tokens = [] }: { tokens?: { name: string }[] } = await place.json("token ls");
    expect(tokens.map(({ name }) => name)).toEqual(["ci", "hours", "nightly", "until"]);
  });

  it("says how to make the first one where there is none", async () => {
    expect((await place.run("token ls --store memory:")).stdout).toBe(
      'There are no access tokens. "ashlar token create NAME --role viewer" makes one.\n',
    );
  });
});

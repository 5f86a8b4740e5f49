import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isAshlarError } from "../../src/errors.ts";
import { findSettings, type PrefectSettings } from "../../src/prefect/settings.ts";
import { temporaryFolder } from "../temporary.ts";

const KEY = "pnu_canary-key-0123456789";
const AUTH = "admin:canary:pass";

/** A home with a profiles.toml in it. */
function home(profiles?: string): string {
  const folder = temporaryFolder();
  if (profiles !== undefined) writeFileSync(join(folder, "profiles.toml"), profiles);
  return folder;
}

const PROFILES = `active = "work"
[profiles.work]
PREFECT_API_URL = "https://prefect.example.com/api/"
PREFECT_API_KEY = "${KEY}"
PREFECT_API_REQUEST_TIMEOUT = 5
PREFECT_CLIENT_CSRF_SUPPORT_ENABLED = false
[profiles.work.PREFECT_CLIENT_CUSTOM_HEADERS]
X-Team = "data"
[profiles.other]
PREFECT_API_URL = "http://localhost:4300/api"
`;

function find(environment: Record<string, string>, url = "prefect:", allowPlainHttp?: boolean): Promise<PrefectSettings> {
  return findSettings(url, { environment, allowPlainHttp });
}

async function refused(code: string, environment: Record<string, string>, url?: string): Promise<string> {
  const error: unknown = await find(environment, url).catch((thrown: unknown) => thrown);
  if (!isAshlarError(error)) throw new Error("was not refused");
  expect(error.code).toBe(code);
  expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.toContain("canary");
  return error.message;
}

describe("the settings", () => {
  test("come from the environment", async () => {
    const { apiUrl, authorization, login, isCloud, csrf } = await find({
      PREFECT_HOME: home(),
      PREFECT_API_URL: "http://127.0.0.1:4200/api",
      PREFECT_API_KEY: KEY,
    });
    expect([apiUrl, authorization?.reveal(), login, isCloud, csrf]).toEqual([
      "http://127.0.0.1:4200/api",
      `Bearer ${KEY}`,
      "PREFECT_API_KEY of the environment",
      false,
      true,
    ]);
  });

  test("come from the active profile, a number and a table of it too", async () => {
    const folder = home(PROFILES);
    const settings = await find({ PREFECT_HOME: folder });
    expect(settings.apiUrl).toBe("https://prefect.example.com/api");
    expect(settings.timeout).toBe(5000);
    expect(settings.csrf).toBe(false);
    expect(settings.customHeaders["x-team"]?.reveal()).toBe("data");
    expect(settings.login).toBe(`PREFECT_API_KEY of the profile "work" of ${join(folder, "profiles.toml")}`);
    expect(settings.origins.get("PREFECT_API_REQUEST_TIMEOUT")).toBe(`profile "work" of ${join(folder, "profiles.toml")}`);
  });

  test("PREFECT_PROFILE names another profile, and the environment goes before it; empty, it takes back", async () => {
    const PREFECT_HOME = home(PROFILES);
    expect((await find({ PREFECT_HOME, PREFECT_PROFILE: "other" })).apiUrl).toBe("http://localhost:4300/api");
    expect((await find({ PREFECT_HOME, PREFECT_API_URL: "http://[::1]:1/api" })).apiUrl).toBe("http://[::1]:1/api");
    const { authorization, timeout } = await find({ PREFECT_HOME, PREFECT_API_KEY: "", PREFECT_API_REQUEST_TIMEOUT: "0.5" });
    expect([authorization, timeout]).toEqual([undefined, 500]);
  });

  test("PREFECT_PROFILES_PATH may stand elsewhere, and name the home", async () => {
    const PREFECT_HOME = home();
    mkdirSync(join(PREFECT_HOME, "more"));
    writeFileSync(join(PREFECT_HOME, "more/p.toml"), PROFILES);
    const { apiUrl } = await find({ PREFECT_HOME, PREFECT_PROFILES_PATH: "$PREFECT_HOME/more/p.toml" });
    expect(apiUrl).toBe("https://prefect.example.com/api");
  });

  test("the profile local is there without a file", async () => {
    expect((await find({ PREFECT_HOME: home(), PREFECT_PROFILE: "local" })).apiUrl).toBe("http://127.0.0.1:4200/api");
  });

  test("the auth string goes before the key, and may hold colons and other scripts", async () => {
    const { authorization } = await find({
      PREFECT_HOME: home(),
      PREFECT_API_URL: "http://localhost/api",
      PREFECT_API_KEY: KEY,
      PREFECT_API_AUTH_STRING: `${AUTH}é`,
    });
    expect(authorization?.reveal()).toBe(`Basic ${Buffer.from(`${AUTH}é`).toString("base64")}`);
  });

  test("Cloud is told by its address, and wants no CSRF token", async () => {
    const environment = { PREFECT_HOME: home(), PREFECT_API_URL: "https://api.prefect.cloud/api/accounts/a/workspaces/w" };
    const { isCloud, csrf } = await find(environment);
    expect([isCloud, csrf]).toEqual([true, false]);
    expect((await find({ ...environment, PREFECT_CLOUD_API_URL: "https://cloud.example.com/api" })).isCloud).toBe(false);
  });

  test("show no secret, however they are printed", async () => {
    const settings = await find({ PREFECT_HOME: home(PROFILES), PREFECT_CLIENT_CUSTOM_HEADERS: '{"x-a":"canary"}' });
    const { inspect } = await import("node:util");
    expect(inspect(settings, { depth: 9, showHidden: true }) + JSON.stringify(settings)).not.toMatch(/canary/);
  });
});

describe("a server that the store's URL names", () => {
  test("gets the login of the environment, and of the profile only where the profile is of the same origin", async () => {
    const PREFECT_HOME = home(PROFILES);
    const same = await find({ PREFECT_HOME }, "prefect+https://prefect.example.com/api");
    expect([same.apiUrl, same.authorization?.reveal(), same.timeout]).toEqual(["https://prefect.example.com/api", `Bearer ${KEY}`, 5000]);
    const other = await find({ PREFECT_HOME }, "prefect+https://elsewhere.example.com/api");
    expect([other.authorization, other.timeout, Object.keys(other.customHeaders)]).toEqual([undefined, 60_000, []]);
    expect(other.unusedLogin).toMatch(/the profile "work" belongs to another server/);
    const given = await find({ PREFECT_HOME, PREFECT_API_KEY: "mine" }, "prefect+https://elsewhere.example.com/api");
    expect(given.authorization?.reveal()).toBe("Bearer mine");
  });
});

describe("what does not fit is refused, in one sentence and without what was given", () => {
  test("a misspelt profile: the nearest, or all there are", async () => {
    const PREFECT_HOME = home(PROFILES);
    expect(await refused("ERR_INVALID", { PREFECT_HOME, PREFECT_PROFILE: "wrok" })).toBe(
      'There is no Prefect profile "wrok", which PREFECT_PROFILE names. Did you mean "work"?',
    );
    expect(await refused("ERR_INVALID", { PREFECT_HOME, PREFECT_PROFILE: "production-eu" })).toMatch(
      /have work, other, ephemeral, local, test, cloud\.$/,
    );
    expect(await refused("ERR_INVALID", { PREFECT_HOME: home('active = "gone"') })).toMatch(/which .*profiles\.toml calls active/);
    expect(await refused("ERR_INVALID", { PREFECT_HOME, PREFECT_PROFILE: "__proto__" })).toMatch(/^There is no/);
  });

  test("no server at all", async () => {
    const message = await refused("ERR_NO_STORE", { PREFECT_HOME: home() });
    expect(message).toMatch(/neither in the environment nor by the profile "ephemeral" of .*profiles\.toml.*prefect\+https:\/\/HOST\/api/);
  });

  test("a file that is no TOML, or no file", async () => {
    const PREFECT_HOME = home(`[profiles.work]\nPREFECT_API_KEY = "canary\n`);
    expect(await refused("ERR_INVALID", { PREFECT_HOME })).toBe(`${join(PREFECT_HOME, "profiles.toml")} is not TOML: look at line 2.`);
    const folder = home();
    mkdirSync(join(folder, "profiles.toml"));
    expect(await refused("ERR_INVALID", { PREFECT_HOME: folder })).toMatch(/cannot be read \(EISDIR\)/);
  });

  test.each([
    ["https://user:canary@prefect.example.com/api", /holds a user or a password/],
    ["ftp://canary", /no address of Prefect's API/],
    ["canary", /no address of Prefect's API/],
    ["https://prefect.example.com/api?key=canary", /has no options/],
    ["https://app.prefect.cloud/account/canary/workspace/b", /the address of Prefect Cloud's pages/],
  ])("the address %s", async (url, message) => {
    expect(await refused("ERR_INVALID", { PREFECT_HOME: home(), PREFECT_API_URL: url })).toMatch(message);
    const named = await refused("ERR_INVALID", { PREFECT_HOME: home() }, `prefect+${url}`);
    expect(named).toMatch(message);
  });

  test.each([
    ["PREFECT_API_KEY", "canary key"],
    ["PREFECT_API_KEY", "canary\nkey"],
    ["PREFECT_API_REQUEST_TIMEOUT", "canary"],
    ["PREFECT_CLIENT_MAX_RETRIES", "-1"],
    ["PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "canary"],
    ["PREFECT_CLIENT_RETRY_EXTRA_CODES", "429,canary"],
    ["PREFECT_CLIENT_CUSTOM_HEADERS", '{"x": "canary'],
    ["PREFECT_CLIENT_CUSTOM_HEADERS", '{"x": "canary\\n"}'],
    ["PREFECT_CLIENT_CUSTOM_HEADERS", '{"x y": "canary"}'],
    ["PREFECT_CLIENT_CUSTOM_HEADERS", '["canary"]'],
  ])("%s: %j", async (name, value) => {
    const environment = { PREFECT_HOME: home(), PREFECT_API_URL: "http://localhost/api", [name]: value };
    expect(await refused("ERR_INVALID", environment)).toMatch(new RegExp(`^${name} of the environment does not fit: expected `));
  });

  test("plain http to another machine, unless it is allowed", async () => {
    const environment = { PREFECT_HOME: home(), PREFECT_API_URL: "http://prefect.example.com:4200/api" };
    expect(await refused("ERR_INVALID", environment)).toMatch(/is plain http.*ASHLAR_ALLOW_PLAIN_HTTP=1/);
    await refused("ERR_INVALID", { PREFECT_HOME: home() }, "prefect+http://192.168.0.4/api");
    await refused("ERR_INVALID", { PREFECT_HOME: home() }, "prefect+http://localhost.example.com/api");
    await refused("ERR_INVALID", { PREFECT_HOME: home() }, "prefect+http://127.0.0.1.example.com/api");
    expect((await find({ ...environment, ASHLAR_ALLOW_PLAIN_HTTP: "1" })).apiUrl).toBe("http://prefect.example.com:4200/api");
    expect((await find(environment, "prefect:", true)).apiUrl).toBe("http://prefect.example.com:4200/api");
    for (const host of ["localhost", "prefect.localhost", "127.1.2.3", "[::1]"])
      expect((await find({ PREFECT_HOME: home() }, `prefect+http://${host}:1/api`)).apiUrl).toBe(`http://${host}:1/api`);
  });
});

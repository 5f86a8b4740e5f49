/**
 * `ashlar doctor` for a Prefect server, against stand-ins that answer with the documented shapes: the real server is asked in test/interop, Prefect
 * Cloud cannot be run here.
 */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { type Reply, startDouble } from "../prefect/double.ts";
import { Workplace } from "./workplace.ts";

vi.setConfig({ testTimeout: 60_000 });

const KEY = "pnu_canary-d0c7";
const place = new Workplace();

/** A server with nothing in it. */
const empty =
  (version: string): ((asked: { path: string }) => Reply) =>
  ({ path }) =>
    path.endsWith("/admin/version") ? { status: 200, body: `"${version}"` } : { status: 200, body: [] };

async function doctor(environment: Record<string, string>, store = "prefect:"): Promise<string> {
  const { code, stdout, stderr } = await place.run(`doctor --store ${store}`, environment);
  expect([0, 3]).toContain(code);
  expect(stdout + stderr).not.toContain("canary");
  return `${code}\n${stdout.replace(/v24[\d.]+ on \w+/, "NODE")}`;
}

describe("a server", () => {
  test("that is well: where it is, its version, who is logged in, what is there", async () => {
    const { apiUrl } = await startDouble(empty("3.8.8"));
    expect(await doctor({ PREFECT_API_URL: apiUrl })).toBe(`0
ok       node     NODE
ok       store    ${apiUrl}, Prefect 3.8.8
ok       login    none is set
ok       records  0 block types, 0 documents and 0 without a name
`);
    expect(await doctor({ PREFECT_API_KEY: KEY }, `prefect+${apiUrl}`)).toContain("ok       login    PREFECT_API_KEY of the environment\n");
  });

  test("that is not named, not there, of another generation, or wants another login", async () => {
    expect(await doctor({})).toMatch(/^3\n.*problem {2}store.*No Prefect server is named: PREFECT_API_URL/s);
    expect(await doctor({ PREFECT_API_URL: "http://127.0.0.1:9/api" })).toMatch(/Nothing listens at 127\.0\.0\.1:9.*skipped {2}records/s);
    const old = await startDouble(empty("2.20.1"));
    expect(await doctor({ PREFECT_API_URL: old.apiUrl })).toMatch(/is Prefect 2\.20\.1; this speaks with Prefect 3/);
    const closed = await startDouble([{ status: 401, body: { exception_message: "Unauthorized" } }]);
    expect(await doctor({ PREFECT_API_URL: closed.apiUrl, PREFECT_API_AUTH_STRING: `u:${KEY}` })).toMatch(
      /does not accept the login \(401\): PREFECT_API_AUTH_STRING of the environment is wrong/,
    );
  });

  test("whose profile others may read, and whose certificate is not verified", async () => {
    const { apiUrl } = await startDouble(empty("3.8.8"), { secure: true });
    const settings = `PREFECT_API_URL = "${apiUrl}"\nPREFECT_API_KEY = "${KEY}"\nPREFECT_API_TLS_INSECURE_SKIP_VERIFY = true`;
    const path = place.write("home/profiles.toml", `active = "a"\n[profiles.a]\n${settings}\n`);
    chmodSync(path, 0o644);
    const said = await doctor({ PREFECT_HOME: join(place.folder, "home") });
    expect(said).toMatch(/PREFECT_API_TLS_INSECURE_SKIP_VERIFY of the profile "a" of .* is on: anybody on the way can read secrets/);
    expect(said).toMatch(/Others may read .*profiles\.toml, which holds a key: chmod go= it/);
    chmodSync(path, 0o600);
    expect(await doctor({ PREFECT_HOME: join(place.folder, "home") })).not.toContain("Others may read");
  });

  test("that cannot decrypt a document", async () => {
    const { apiUrl } = await startDouble(({ path }) =>
      path.includes("block_documents") ? { status: 500, body: { exception_message: "Internal Server Error" } } : empty("3.8.8")({ path }),
    );
    expect(await doctor({ PREFECT_API_URL: apiUrl })).toMatch(/problem {2}records {2}cannot be listed.*PREFECT_SERVER_ENCRYPTION_KEY/s);
  });
});

describe("Prefect Cloud, played by a stand-in with the documented shapes", () => {
  const workspace = (id: string, handle: string) => ({
    ...{ account_id: "a1", account_name: "Acme", account_handle: "acme", workspace_description: "" },
    ...{ workspace_id: id, workspace_name: handle, workspace_handle: handle },
  });
  const cloud: (asked: { path: string; headers: Record<string, unknown> }) => Reply = ({ path, headers }) => {
    if (headers.authorization !== `Bearer ${KEY}`) return { status: 401, body: { detail: "Unauthorized" } };
    if (path === "/api/me/workspaces") return { status: 200, body: [workspace("w1", "etl"), workspace("w2", "web")] };
    return path.startsWith("/api/accounts/a1/workspaces/w1/") ? { status: 200, body: [] } : { status: 403, body: { detail: "Forbidden" } };
  };
  const environment = (apiUrl: string, workspaceId: string, key = KEY) => ({
    PREFECT_CLOUD_API_URL: apiUrl,
    PREFECT_API_URL: `${apiUrl}/accounts/a1/workspaces/${workspaceId}`,
    PREFECT_API_KEY: key,
  });

  test("whose workspace the key may use", async () => {
    const { apiUrl } = await startDouble(cloud);
    const said = await doctor(environment(apiUrl, "w1"));
    expect(said).toMatch(
      /^0\n.*ok {7}store {4}.*\/workspaces\/w1, Prefect Cloud\nok {7}login {4}PREFECT_API_KEY of the environment; workspace acme\/etl\n/s,
    );
  });

  test("with a key of another workspace, and with a wrong one", async () => {
    const { apiUrl } = await startDouble(cloud);
    const other = await doctor(environment(apiUrl, "w9"));
    expect(other).toMatch(/The key may not use this workspace; it may use acme\/etl, acme\/web/);
    expect(other).toMatch(/the key may be of another workspace, or its role may not do it/);
    expect(await doctor(environment(apiUrl, "w1", "pnu_wrong"))).toMatch(/does not accept the login \(401\)/);
  });
});

test("what concerns keys is told to be no matter of a Prefect server", async () => {
  for (const command of ["init", "key ls", "key add", "key rotate"]) {
    const { code, stderr } = await place.run(`${command} --store prefect+http://127.0.0.1:9/api`);
    expect([65, 69]).toContain(code);
    expect(stderr).toMatch(/needs no init|looks after its store and keys itself|not sealed by Ashlar/);
  }
});

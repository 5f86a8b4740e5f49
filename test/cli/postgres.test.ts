/** The command line on a store in PostgreSQL: made, used, looked after; and that the password of its URL shows nowhere. */
import { expect, it, vi } from "vitest";
import { describePostgres, postgresForTests } from "../postgres.ts";
import { BLOCKS, Workplace } from "./workplace.ts";

vi.setConfig({ testTimeout: 120_000 });

const server = postgresForTests();
const place = new Workplace();
place.write("blocks.ts", BLOCKS);

interface Check {
  readonly name: string;
  readonly state: string;
  readonly findings: readonly { readonly message: string }[];
}

/** What doctor finds wrong, in one text a check. */
async function findings(url: string): Promise<Record<string, string>> {
  const { code, stdout } = await place.run(`doctor --json --store ${url}`);
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
  expect(code).toBe(ok ? 0 : 3);
  const wrong = checks.filter(({ state }) => state === "problem");
  return Object.fromEntries(wrong.map(({ name, findings: all }) => [name, all.map(({ message }) => message).join(" ")]));
}

describePostgres("a store in PostgreSQL", () => {
  it("is made by init, with a key in its usual place, and left as it is the second time", async () => {
    const url = server.freshUrl();
    const store = expect.stringMatching(/^postgres:\/\/[^@]*\?schema=test_[0-9a-f]+$/);
    expect(await place.json(`init --store ${url}`)).toMatchObject({ store: { url: store, created: true }, key: { path: place.keyFile } });
    expect(await place.json(`init --store ${url}`)).toMatchObject({ store: { created: false }, key: { created: false } });
    expect(await findings(url)).toEqual({});
  });

  it("holds documents, whose secrets no table shows", async () => {
    const url = server.freshUrl();
    const schema = new URL(url).searchParams.get("schema");
    await place.json(`init --store ${url}`);
    await place.json(`register blocks.ts --store ${url}`);
    const typed = await place.feed(`{"user":"me","token":"canary-4711"}`, `create account/main --store ${url}`);
    expect(typed.stderr).toBe("");
    expect((await place.run(`get account/main token --reveal --store ${url}`)).stdout).toBe("canary-4711\n");
    const rows = await server.sql(`SELECT row_to_json(r)::text AS text FROM ${schema}.records r`);
    expect(rows).toHaveLength(7); // three types and schemas, one document
    expect(rows.filter(({ text }) => String(text).includes("4711"))).toEqual([]);
    expect(JSON.stringify(rows)).toContain('\\\\\\"user\\\\\\":');
    expect(await findings(url)).toEqual({});
  });

  it("that is not there, or whose tables are gone, is told with what to do", async () => {
    const url = server.freshUrl();
    const { code, stderr } = await place.run(`ls --store ${url}`);
    expect([code, stderr]).toEqual([69, expect.stringMatching(/holds no store: "ashlar init" with its URL makes one/)]);
    expect(await findings(url)).toEqual({ store: expect.stringMatching(/"ashlar init"/) });
    const nowhere = server.urlWith({ pathname: "/no_such_database" });
    expect((await place.run(`init --store ${nowhere}`)).stderr).toMatch(/is no database: make it with CREATE DATABASE/);
  });

  it("with a damaged record does not satisfy doctor", async () => {
    const url = server.freshUrl();
    const schema = new URL(url).searchParams.get("schema");
    await place.json(`init --store ${url}`);
    await place.json(`register blocks.ts --store ${url}`);
    await server.sql(`UPDATE ${schema}.records SET body = '{' WHERE kind = 'type' AND name = 'other'`);
    expect(await findings(url)).toEqual({ records: expect.stringMatching(/type other cannot be read/) });
  });

  it("is never shown with its password, also where it cannot be opened", async () => {
    const { password } = new URL(server.url);
    const url = server.freshUrl();
    await place.json(`init --store ${url}`);
    await place.json(`register blocks.ts --store ${url}`);
    await place.run(`key add --store ${url}`);
    const { keys = [] }: { keys?: { id: string }[] } = await place.json(`key ls --store ${url}`);
    await place.run(`key promote ${keys[1]?.id} --store ${url}`);
    const inUse = await place.run(`key remove ${keys[0]?.id} --yes --store ${url}`);
    expect(inUse.stderr).toMatch(/6 records are sealed with [0-9a-f]{8} in postgres:\/\/[^@]*\?schema=test_/);
    const wrong = server.urlWith({ password: `${password}x` }, url);
    expect(await findings(wrong)).toMatchObject({ store: expect.stringMatching(/refuses this user or password/) });
    await place.run(`doctor --store ${wrong}`);
    for (const broken of [`${url}&sslmod=x`, url.replace("//", ""), url.replace("@", "%zz@")]) await place.run(`doctor --store ${broken}`);
    expect(password.length).toBeGreaterThan(5);
    expect(place.printed).toContain("refuses this user");
    expect(place.printed).not.toContain(password);
  });
});

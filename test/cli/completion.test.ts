/** Completion as shells do it: the printed script sourced in a real bash, and read by zsh and fish where they are installed. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, expect, it } from "vitest";
import { BLOCKS, Workplace } from "./workplace.ts";

const place = new Workplace();

beforeAll(async () => {
  place.write("blocks.ts", BLOCKS);
  await place.run("init");
  await place.run("register blocks.ts");
  await place.feed("{ user: me, token: { env: TOKEN } }", "create account/main", { TOKEN: "canary-completion" });
});

/** What bash offers for the last word of a line. */
async function offered(...line: string[]): Promise<string[]> {
  const script = `eval "$(ashlar completion bash)"; COMP_LINE='ashlar ${line.join(" ")}'; COMP_POINT=\${#COMP_LINE}
    complete -p ashlar >&2; _ashlar ashlar 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await place.shell("bash", ["-c", script]);
  expect(stderr).toMatch(/^complete .*-F _ashlar ashlar/);
  return stdout.split("\n").filter((each) => each !== "");
}

it("offers commands, options, types, documents and fields in bash", { timeout: 120_000 }, async () => {
  expect(await offered("ty")).toEqual(["type"]);
  expect(await offered("type", "")).toEqual(expect.arrayContaining(["ls", "inspect", "delete"]));
  expect(await offered("apply", "--pr")).toEqual(["--prune"]);
  expect(await offered("type", "inspect", "")).toEqual(["account", "other", "service"]);
  expect(await offered("generate", "account", "se")).toEqual(["service"]);
  expect(await offered("get", "acc")).toEqual(["account/main"]);
  expect(await offered("set", "account/main", "--secret-env", "to")).toEqual(["token="]);
  expect(await offered("get", "account/main", "re")).toEqual(["retries"]);
  await place.run("token create nightly --role viewer");
  expect(await offered("token", "revoke", "")).toEqual(["nightly"]);
  expect(await offered("token", "create", "a", "--role", "")).toEqual(["viewer", "user", "editor", "admin"]);
  expect(await offered("token", "create", "a", "--types", "ac")).toEqual(["account"]);
});

it("knows the store that the line names, though its URL has a colon", async () => {
  await place.run("init --store sqlite:other/o.db");
  await place.run("register blocks.ts --store sqlite:other/o.db");
  await place.feed("{ user: me, token: { env: TOKEN } }", "create account/second --store sqlite:other/o.db", {
    TOKEN: "canary-completion",
  });
  expect(await offered("--store", "sqlite:other/o.db", "inspect", "acc")).toEqual(["account/second"]);
  expect(await offered("--store=sqlite:other/o.db", "inspect", "")).toEqual(["account/second"]);
});

it("offers nothing that a shell would run, whatever someone wrote into the store's file", async () => {
  await place.run("init --store sqlite:evil/e.db");
  const database = new DatabaseSync(join(place.folder, "evil/e.db"));
  const insert = database.prepare("INSERT INTO records VALUES (?, 'document', 'a', ?, 1, '{}', '')");
  for (const [index, name] of [
    "ok",
    "$(touch x)",
    "`id`",
    "a b",
    "a;id",
    "\u001b[2J",
    "a\nb",
    "*",
    "a'",
    'a"',
    "a|b",
    "a>b",
    "~",
  ].entries())
    insert.run(String(index), name);
  database.close();
  expect(await offered("--store", "sqlite:evil/e.db", "get", "a")).toEqual(["a/ok"]);
});

it("is silent where files belong and where something fails", async () => {
  expect(await offered("apply", "do")).toEqual([]);
  expect(await offered("get", "--store", "sqlite:nowhere.db", "acc")).toEqual([]);
  expect(await place.run("completion --words -- get --store nonsense a")).toEqual({ code: 0, stdout: "", stderr: "" });
});

it.each(["zsh", "fish"])("prints a script that %s can read", async (shell) => {
  const script = place.write(`completion.${shell}`, (await place.run(`completion ${shell}`)).stdout);
  const { error, status, stderr } = spawnSync(shell, ["-n", script], { encoding: "utf8" });
  expect(readFileSync(script, "utf8")).toContain("completion --words --");
  if (error === undefined) expect([status, stderr]).toEqual([0, ""]); // where the shell is not installed, only that there is a script
});

it("refuses a shell it does not know", async () => {
  expect(await place.run("completion tcsh")).toEqual({ code: 64, stdout: "", stderr: "error: Name the shell: bash, zsh or fish.\n" });
});

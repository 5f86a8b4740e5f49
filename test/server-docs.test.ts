/** docs/server.md: it has every option of `ashlar serve`, every rule of Prefect's that can be had back, every count, and a container starts as it says. */
import { readFileSync } from "node:fs";
import { expect, it, onTestFinished, vi } from "vitest";
import { STRICT } from "../src/server/rules.ts";
import { generateKey, keyText } from "../src/vaults/keyring.ts";
import { listening } from "./cli/served.ts";
import { Workplace } from "./cli/workplace.ts";
import { Client, serving } from "./server/serving.ts";

vi.setConfig({ testTimeout: 60_000 });

const page = readFileSync("docs/server.md", "utf8");

/** First cells of the table whose head begins with a word. */
function rowsOf(head: string): string[] {
  const [, rows = ""] = new RegExp(`^\\| ${head} \\|.*\\n\\|[-|]+\\n((?:\\|.*\\n)+)`, "m").exec(page) ?? [];
  return rows
    .trimEnd()
    .split("\n")
    .map((row) => row.split("|")[1]?.trim() ?? "");
}

it("has every option, and no other", async () => {
  const { stdout } = await new Workplace().run("serve --help");
  const [, options = "", inherited = ""] = /\nOptions:\n([\s\S]*?)\n\nGlobal Options:\n([\s\S]*)/.exec(stdout) ?? [];
  const names = [...options.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name).filter((name) => name !== "--help");
  expect(inherited).toContain("--store");
  const documented = rowsOf("option").flatMap((cell) => [...cell.matchAll(/`(--[\w-]+)/g)].map(([, name]) => name));
  expect(documented.toSorted()).toEqual([...names, "--store"].toSorted());
});

it("has as many rules as --like-prefect turns back", () => {
  expect(rowsOf("rule")).toHaveLength(Object.keys(STRICT).length);
});

it("has every count of /metrics, and no other", async () => {
  const { client } = await serving();
  const counted = [...(await (await client("viewer")).get("//metrics")).text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const documented = [...page.matchAll(/`((?:ashlar|process|nodejs)_\w+)`/g)].map(([, name]) => name);
  expect(documented.toSorted()).toEqual(counted.toSorted());
});

it("starts in a container as it says", async () => {
  const place = new Workplace();
  const [, init = "", serve = ""] = /```sh\nashlar (init .*)\nashlar (serve .*)\n```/.exec(page) ?? [];
  const here = (command: string) => command.replaceAll("/data", place.folder);
  const admin = "0123456789abcdef".repeat(4);
  const environment = { ASHLAR_KEYS: keyText(generateKey()), ASHLAR_ADMIN: admin };
  expect((await place.run(here(init), environment)).code).toBe(0);
  const started = place.start(`${here(serve)} --port 0 --json`, environment);
  onTestFinished(() => void started.child.kill("SIGKILL"));
  const { shown } = await listening(started);
  expect(shown.python).toBe("export PREFECT_API_URL=https://blocks.example/api PREFECT_API_AUTH_STRING=TOKEN");
  const client = new Client(shown.url.replace("0.0.0.0", "127.0.0.1"), `Bearer ${admin}`);
  expect((await client.post("/block_types/filter")).body).toHaveLength(3);
});

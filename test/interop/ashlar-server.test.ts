/**
 * `ashlar serve` as Prefect's own Python client, command line and engine see it: the whole life of blocks beside a real Prefect server, every difference
 * on a list with its reason; and which role each call needs.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Role } from "../../src/access-token.ts";
import { type AshlarServer, startAshlarServer } from "./ashlar-server.ts";
import { compared, type Difference, type Step } from "./compared.ts";
import { startPrefectServer } from "./prefect-server.ts";
import { python } from "./python.ts";
import { type PythonSide, startPython } from "./python-side.ts";
import { EDGES, played } from "./server-scenario.ts";

const MASK = "********";

/** Why a field differs, and which ones do for that reason. */
interface Reason {
  readonly why: string;
  readonly is: (difference: Difference) => boolean;
}

const isAt =
  (pattern: RegExp, theirs: (value: unknown) => boolean, ours: (value: unknown) => boolean): Reason["is"] =>
  (each) =>
    pattern.test(each.at) && theirs(each.theirs) && ours(each.ours);
const isOne =
  (...values: readonly unknown[]) =>
  (value: unknown) =>
    values.some((each) => JSON.stringify(each) === JSON.stringify(value));
const step =
  (name: string, is: Reason["is"]): Reason["is"] =>
  (each) =>
    each.step === name && is(each);
/** A text that is the other once something in it is changed. */
const become =
  (pattern: RegExp, change: (text: string) => string): Reason["is"] =>
  ({ at, theirs, ours }) =>
    pattern.test(at) && typeof theirs === "string" && theirs !== ours && change(theirs) === ours;
const unescaped = (text: string) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** The server's headers: what is sent on every answer, and why. */
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "answers hold secrets: nothing in between keeps them",
  "content-security-policy": "nothing of an answer runs in a browser",
  "cross-origin-opener-policy": "pages of other sites are kept apart",
  "cross-origin-resource-policy": "pages of other sites are kept apart",
  "referrer-policy": "addresses with names of documents do not go to other sites",
  "x-content-type-options": "an answer is what it says that it is",
  "x-frame-options": "no page shows an answer in a frame",
  "x-request-id": "an answer is found again in the audit log",
};

const REASONS: readonly Reason[] = [
  ...Object.entries(HEADERS).map(([name, why]) => ({
    why,
    is: ({ at, theirs, ours }: Difference) => at === `headers/${name}` && theirs === undefined && typeof ours === "string",
  })),
  { why: "it says nothing of itself", is: isAt(/^headers\/server$/, isOne("uvicorn"), isOne(undefined)) },
  { why: "answers are not compressed", is: isAt(/^headers\/vary$/, isOne("Accept-Encoding"), isOne(undefined)) },
  {
    why: "JavaScript has one kind of number",
    is: isAt(/\/data\/number$/, (value) => JSON.stringify(value) === "1.0", isOne(1)),
  },
  { why: "each secret of a list is masked", is: isAt(/\/data\/tokens$/, isOne(MASK), isOne([MASK, MASK])) },
  {
    why: "the keys of a dictionary of secrets are secret, too",
    is: isAt(/\/data\/headers$/, isOne({ authorization: MASK }), isOne(MASK)),
  },
  {
    why: "a secret inside a list is masked",
    is: isAt(/\/data\/(accounts\/0\/password|children\/0\/token)$/, isOne("models-token", "listed-child-token"), isOne(MASK)),
  },
  {
    why: "a secret that is JSON is masked as a whole",
    is: isAt(/\/data\/value$/, isOne({ user: "u", list: [1, 1.5, null] }), isOne(MASK)),
  },
  {
    why: "a description and an example stay as they were sent",
    is: become(/\/(description|code_example)$/, unescaped),
  },
  {
    why: "and so the command line shows them",
    is: step("prefect block type ls", become(/^outcome\/1$/, unescaped)),
  },
  {
    why: "system types have no logo until a client brings its own",
    is: isAt(/^answer\/\d+\/logo_url$/, (value) => String(value).startsWith("https://"), isOne(null)),
  },
  {
    why: "so the client writes its logo into a system type when it first saves one",
    is: step(
      "save a secret of JSON",
      ({ at, theirs, ours }) =>
        at === "requests" &&
        JSON.stringify(theirs) ===
          JSON.stringify((ours as readonly string[]).filter((each, index) => !(each.startsWith("PATCH /api/block_types/") || index === 1))),
    ),
  },
  {
    why: "the command line shows the masks, and fields in the order in which they were saved",
    is: step(
      "prefect block inspect",
      ({ at, theirs, ours }) =>
        at === "outcome/1" && /models-token.*listed-child-token/.test(String(theirs)) && !/-token/.test(String(ours)),
    ),
  },
  {
    why: "a schema is kept as it was sent, so its keys stand in another order",
    is: step(
      "prefect block type inspect",
      ({ at, theirs, ours }) => at === "outcome/1" && sortedText(String(theirs)) === sortedText(String(ours)),
    ),
  },
  {
    why: "what others refer to is not deleted",
    is: step(
      "prefect block delete what others refer to",
      (each) => JSON.stringify(REFUSED_DELETION[each.at]) === JSON.stringify(each.ours),
    ),
  },
  {
    why: "and the command line ends with what the server says",
    is: step(
      "prefect block delete what others refer to",
      ({ at, ours }) => at === "outcome/1" && /409 Conflict.*Other documents refer to it: edges\/root\./s.test(String(ours)),
    ),
  },
];

const REFUSED_DELETION: Readonly<Record<string, unknown>> = {
  "outcome/0": 1,
  status: 409,
  "headers/content-type": "application/json",
  answer: { detail: "Other documents refer to it: edges/root. Delete them first, or all together with ?cascade=true." },
};

function sortedText(text: string): string {
  return Array.from(text).sort().join("");
}

describe("the life of blocks, from registration to deletion", () => {
  let theirs: Awaited<ReturnType<typeof played>>;
  let ours: Awaited<ReturnType<typeof played>>;
  beforeAll(async () => {
    const prefect = await startPrefectServer({ blocks: false, csrf: true, authString: "admin:password" });
    theirs = await played(prefect).finally(prefect.stop);
    const server = await startAshlarServer("PREFECT_API_AUTH_STRING", "--no-system-types");
    ours = await played(server).finally(server.stop);
  });

  test("on both servers, is as many requests as there should be", () => {
    for (const { steps } of [theirs, ours]) expect(steps.flatMap(({ exchanges }) => exchanges).length).toBeGreaterThan(100);
  });

  test("with secrets reads what was saved", () => {
    const outcome = (name: string) => ours.steps.find((each: Step) => each.name === name)?.outcome;
    const { headers, tokens, accounts, children } = EDGES;
    expect(outcome("load")).toMatchObject({ class: "Edges", nested: { child: ["EdgeChild", "one"] } });
    expect(outcome("load")).toMatchObject({ data: { headers, tokens, accounts, children, child: { token: "child-token" } } });
    expect(outcome("load what was overwritten")).toMatchObject({ data: { text: "changed", child: { token: "child-token" } } });
    expect(outcome("load, awaited")).toMatchObject({ token: "dapi-2" });
    expect(outcome("load a secret of JSON")).toMatchObject({ data: { value: { user: "u", list: [1, 1.5, null] } } });
    expect(outcome("save a name that is taken")).toMatchObject({ refused: expect.stringContaining("already in use") });
    expect(outcome("prefect block type delete of a system type")).toEqual([1, expect.stringContaining("protected block")]);
  });

  test("differs from Prefect's server where a reason says so, field by field, and every reason is needed", () => {
    const found = compared(theirs.steps, ours.steps);
    expect(found.filter((difference) => !REASONS.some(({ is }) => is(difference)))).toEqual([]);
    expect(REASONS.filter(({ is }) => !found.some(is)).map(({ why }) => why)).toEqual([]);
  });

  test("tells both servers of loads by a websocket", () => {
    expect([theirs.websockets, ours.websockets]).toEqual([1, 1]);
  });
});

/** Calls of Prefect's, as docs/server.md names them. Each on a document of its own. */
const CALLS: Readonly<Record<string, (python: PythonSide, name: string) => Promise<unknown>>> = {
  "`prefect block ls`": ({ prefect }) => succeeded(prefect("block ls")),
  "`prefect block inspect`": ({ prefect }, name) => succeeded(prefect(`block inspect edgechild/${name}`)),
  "`prefect block type ls`": ({ prefect }) => succeeded(prefect("block type ls")),
  "`prefect block type inspect`": ({ prefect }) => succeeded(prefect("block type inspect edgechild")),
  "`prefect block register`": ({ prefect }) => succeeded(prefect("block register -m prefect_databricks")),
  "`prefect block delete`": ({ prefect }, name) => succeeded(prefect(`block delete edgechild/${name}`)),
  "`prefect block type delete`": ({ prefect }) => succeeded(prefect("block type delete aws-credentials")),
  "`X.load`, `Block.load`": async ({ load }, name) => [await load("edgechild", name), await load("edgechild", name, "Block")],
  "`x.save(name)`, a new one": ({ save }, name) => save("edgechild", `new-${name}`, { label: "l", token: "t" }),
  "`x.save(name, overwrite=True)`, one that is there": ({ save }, name) => save("edgechild", name, { label: "l", token: "t" }, true),
  "`X.delete`": (python, name) => python.delete("edgechild", name),
};

async function succeeded(command: Promise<readonly [code: number, output: string]>): Promise<void> {
  const [code, output] = await command;
  if (code !== 0) throw new Error(output);
}

/** The rows of a table in docs/server.md whose head begins with a word. */
function tableOf(head: string): string[][] {
  const text = readFileSync(new URL("../../docs/server.md", import.meta.url), "utf8");
  const [, rows = ""] = new RegExp(`^\\| ${head} \\|.*\\n\\|[-|]+\\n((?:\\|.*\\n)+)`, "m").exec(text) ?? [];
  const cells = (row: string) => row.split("|").slice(1, -1);
  return rows
    .trimEnd()
    .split("\n")
    .map((row) => cells(row).map((cell) => cell.trim()));
}

describe("which role each call needs", () => {
  const HOLDERS: readonly (readonly Role[])[] = [["viewer"], ["user"], ["editor"], ["user", "editor"], ["admin"]];
  let server: AshlarServer;
  let admin: PythonSide;
  beforeAll(async () => {
    server = await startAshlarServer();
    admin = await startPython(server.environment);
  });
  afterAll(async () => {
    await admin?.stop();
    await server?.stop();
  });

  test("is what docs/server.md says", async () => {
    const needs = new Map(Object.keys(CALLS).map((call) => [call, [] as string[]]));
    for (const roles of HOLDERS) {
      const holder = await startPython(await server.environmentOf(...roles));
      try {
        for (const [index, [call, run]] of Object.entries(CALLS).entries()) {
          const name = `${roles.join("-")}-${index}`;
          await admin.save("edgechild", name, { label: "l", token: "t" });
          await admin.register("aws-credentials");
          const done = await run(holder, name).then(
            () => true,
            (error: Error) => {
              expect([call, error.message]).toEqual([call, expect.stringMatching(/403 Forbidden|Cannot delete Block Type/)]);
              return false;
            },
          );
          needs.get(call)?.push(done ? "yes" : "");
          if (call.includes("register") && done) await admin.prefect("block type delete databricks-credentials");
        }
      } finally {
        await holder.stop();
      }
    }
    expect(tableOf("call")).toEqual([...needs].map(([call, cells]) => [call, ...cells]));
  });
});

describe("Prefect's engine", () => {
  test("runs its flows on a server of Prefect's, and loads blocks from ours before the flow, or in it by a client of its own", async () => {
    const [ours, theirs] = [await startAshlarServer(), await startPrefectServer({ blocks: false })];
    try {
      const [, program = ""] =
        /```python\n(# flow\.py\n[\s\S]*?)```/.exec(readFileSync(new URL("../../docs/server.md", import.meta.url), "utf8")) ?? [];
      const writer = await startPython(ours.environment);
      await writer.save("secret", "pager", { value: "canary" });
      await writer.stop();
      const environment = { ...theirs.environment, BLOCKS_API_URL: ours.apiUrl, BLOCKS_TOKEN: ours.token };
      const { stdout } = await promisify(execFile)(await python(), ["-c", program], { env: environment });
      expect(stdout).toBe("6 6\n");
    } finally {
      await Promise.all([ours.stop(), theirs.stop()]);
    }
  });
});

/**
 * What Prefect's Python client and its command line do with blocks, from the first registration to the last deletion, against whatever server.
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Step } from "./compared.ts";
import type { PrefectServer } from "./prefect-server.ts";
import { type PythonSide, startPython } from "./python-side.ts";
import { startRecorder } from "./recorder.ts";

/** What the server is told through its API and Python has no call for. */
type Ask = (method: string, path: string) => Promise<number>;

const CHILD = { label: "one", token: "child-token" };
export const EDGES = {
  text: "t",
  number: 1,
  count: 2,
  when: "2024-02-29T12:00:00Z",
  raw: "bytes",
  words: ["a", "b"],
  token: "root-token",
  tokens: ["listed-token", "second"],
  headers: { authorization: "header-token" },
  account: { user: "u", password: "model-token" },
  accounts: [{ user: "u", password: "models-token" }, { user: "v" }],
  children: [{ label: "in a list", token: "listed-child-token" }],
  either: { label: "union-token", size: 2 },
};
const DATABRICKS = { databricks_instance: "adb-1.azuredatabricks.net", token: "dapi-1" };

/** Each step: its name, and what is done. What is refused comes to Python's error. */
const STEPS: readonly (readonly [name: string, run: (python: PythonSide, ask: Ask) => Promise<unknown>])[] = [
  ["install the system types", (_, ask) => ask("POST", "/block_types/install_system_block_types")],
  ["register", ({ register }) => register("edges")],
  ["register again", ({ register }) => register("edges")],
  ["register, awaited", ({ twins }) => twins.register("databricks-credentials")],
  ["save a child", ({ save }) => save("edgechild", "one", CHILD)],
  ["save what nests a saved child", ({ save }) => save("edges", "root", { ...EDGES, child: { load: "edgechild/one" } })],
  ["save what nests children inside", ({ save }) => save("edges", "inline", { ...EDGES, child: CHILD })],
  ["save a name that is taken", ({ save }) => save("edgechild", "one", CHILD)],
  ["overwrite", ({ save }) => save("edges", "inline", { ...EDGES, text: "changed", child: CHILD }, true)],
  ["save under a name that cannot be", ({ save }) => save("edgechild", "Not_Good", CHILD)],
  ["save without a name", ({ saveAnonymous }) => saveAnonymous("edgechild", { label: "anonymous", token: "t" })],
  ["save, awaited", ({ twins }) => twins.save("databricks-credentials", "dbx", DATABRICKS)],
  ["overwrite, awaited", ({ twins }) => twins.save("databricks-credentials", "dbx", { ...DATABRICKS, token: "dapi-2" }, true)],
  ["save a secret of JSON", ({ save }) => save("secret", "json", { value: { user: "u", list: [1, 1.5, null] } })],
  ["load", ({ load }) => load("edges", "root")],
  ["load by slug and name", ({ load }) => load("edges", "root", "Block")],
  ["load what was overwritten", ({ load }) => load("edges", "inline")],
  ["load, awaited", ({ twins }) => twins.load("databricks-credentials", "dbx")],
  ["load a secret of JSON", ({ load }) => load("secret", "json")],
  ["show", ({ shown }) => shown("databricks-credentials", "dbx")],
  ["load what is not there", ({ load }) => load("edges", "missing")],
  ["load of a type that is not there", ({ load }) => load("keyring", "missing", "Block")],
  ["prefect block ls", ({ prefect }) => prefect("block ls")],
  ["prefect block ls as JSON", ({ prefect }) => prefect("block ls -o json")],
  ["prefect block inspect", ({ prefect }) => prefect("block inspect edges/root")],
  ["prefect block inspect as JSON", ({ prefect }) => prefect("block inspect edges/root -o json")],
  ["prefect block inspect what is not there", ({ prefect }) => prefect("block inspect edges/missing")],
  ["prefect block register", ({ prefect }) => prefect("block register -m prefect_aws.credentials")],
  ["prefect block register a file", ({ prefect }) => prefect("block register -f registered_blocks.py")],
  ["prefect block type ls", ({ prefect }) => prefect("block type ls")],
  ["prefect block type inspect", ({ prefect }) => prefect("block type inspect edges")],
  ["prefect block type inspect as JSON", ({ prefect }) => prefect("block type inspect edges -o json")],
  ["prefect block type delete", ({ prefect }) => prefect("block type delete minio-credentials")],
  ["prefect block type delete of a system type", ({ prefect }) => prefect("block type delete secret")],
  ["prefect block type delete of what is not there", ({ prefect }) => prefect("block type delete missing")],
  ["delete", (python) => python.delete("edges", "inline")],
  ["delete, awaited", ({ twins }) => twins.delete("databricks-credentials", "dbx")],
  ["delete what is not there", (python) => python.delete("edges", "inline")],
  ["prefect block delete", ({ prefect }) => prefect("block delete secret/json")],
  ["prefect block delete what is not there", ({ prefect }) => prefect("block delete secret/json")],
  ["prefect block delete what others refer to", ({ prefect }) => prefect("block delete edgechild/one")],
];

/** The log of the scenario on a server, what Python's events service asks in the background apart, and how many websockets it opened. */
export async function played(server: PrefectServer): Promise<{ readonly steps: readonly Step[]; readonly websockets: number }> {
  const recorder = await startRecorder(server.port);
  const api = `http://127.0.0.1:${recorder.port}/api`;
  const python = await startPython({ ...server.environment, PREFECT_API_URL: api });
  const steps: Step[] = [];
  try {
    for (const [name, run] of STEPS) {
      const outcome = await run(python, asking(api, server)).catch(({ message }: Error) => ({ refused: message }));
      // Each load is told to the server by a thread of its own, which asks for the server's version first.
      const exchanges = recorder.taken().filter(({ path }) => path !== "/api/admin/version");
      steps.push({ name, exchanges, outcome: plain(outcome, recorder.port) });
    }
    return { steps, websockets: recorder.websockets() };
  } finally {
    await python.stop();
    await recorder.stop();
  }
}

/** Without the server's address, and JSON that a command printed as what it says. */
function plain(outcome: unknown, port: number): unknown {
  const value: unknown = JSON.parse((JSON.stringify(outcome) ?? "null").replaceAll(`127.0.0.1:${port}`, "SERVER"));
  const [code, output] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  return code === 0 && typeof output === "string" && /^[[{]/.test(output) ? [code, JSON.parse(output)] : value;
}

function asking(api: string, { environment }: PrefectServer): Ask {
  const { PREFECT_API_KEY: key, PREFECT_API_AUTH_STRING: login = "" } = environment;
  const authorization = key === undefined ? `Basic ${Buffer.from(login).toString("base64")}` : `Bearer ${key}`;
  return async (method, path) => {
    const client = randomUUID();
    const answer = await fetch(`${api}/csrf-token?client=${client}`, { headers: { authorization } });
    const { token = "" } = (await answer.json()) as { readonly token?: string };
    const headers = { authorization, "prefect-csrf-token": token, "prefect-csrf-client": client };
    return (await fetch(api + path, { method, headers })).status;
  };
}

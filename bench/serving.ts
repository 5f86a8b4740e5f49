/**
 * The servers that server.ts measures, each a process of its own: ours, bare node:http, and a real Prefect. Touches src/ only through the command line
 * and the public names.
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openStore } from "ashlar";
import { DatabricksCredentials } from "ashlar/blocks/databricks-credentials";
import { makeFolder } from "./sample.ts";

const ROOT = join(import.meta.dirname, "..");

/** A server that is measured. */
export interface Subject {
  readonly name: "ours" | "bare" | "prefect";
  /** Of the API, without a slash at the end. */
  readonly api: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds from its start to its first answer. */
  readonly startMs: number;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** Where a document is read with its secrets: the hot path of every load. */
export function loadPath(name = "doc-0"): string {
  return `/block_types/slug/${DatabricksCredentials.slug}/block_documents/name/${name}?include_secrets=true`;
}

/** Data of one document, as Prefect's API takes it. */
export const DATA = { databricks_instance: "adb-0123456789.azuredatabricks.net", token: "dapi0123456789abcdef0123456789abcdef" };

/** Runs with the command line as it is published: built, so that no start has to read types. */
export async function withBuilt<T>(run: (bin: string) => Promise<T>): Promise<T> {
  const folder = makeFolder();
  try {
    execFileSync(process.execPath, [join(ROOT, "scripts/build.ts"), folder], { cwd: ROOT });
    return await run(join(folder, "src/cli/bin.js"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ours, over SQLite, with so many documents. @param bin the built command line. */
export async function startOurs(bin: string, documents: number): Promise<Subject & { readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-bench-"));
  const env = { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: join(folder, "data"), XDG_CONFIG_HOME: join(folder, "config") };
  const ashlar = (...args: string[]) => execFileSync(process.execPath, [bin, ...args], { env, encoding: "utf8" });
  ashlar("init");
  const { text } = JSON.parse(ashlar("token", "create", "bench", "--role", "admin", "--json")) as { text: string };
  await fill(join(folder, "data/ashlar/ashlar.db"), readFileSync(join(folder, "config/ashlar/keys"), "utf8"), documents);
  const begun = performance.now();
  const child = spawn(process.execPath, [bin, "serve", "--port", "0", "--json"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const { url } = JSON.parse(await firstLine(child)) as { url: string };
  const startMs = performance.now() - begun;
  const authorization = `Bearer ${text}`;
  const client = randomUUID();
  const answer = await fetch(`${url}/api/csrf-token?client=${client}`, { headers: { authorization } });
  const { token } = (await answer.json()) as { token: string };
  return {
    ...{ name: "ours", folder, startMs, pid: child.pid, api: `${url}/api` },
    headers: { authorization, "prefect-csrf-token": token, "prefect-csrf-client": client },
    stop: () => ended(child, () => rmSync(folder, { recursive: true, force: true })),
  };
}

async function fill(path: string, keys: string, documents: number): Promise<void> {
  const [key = ""] = /ashlarkey1_\S+/.exec(keys) ?? [];
  const store = await openStore(`sqlite:${path}`, { keys: [key] });
  const block = new DatabricksCredentials({ databricksInstance: DATA.databricks_instance, token: DATA.token });
  for (let index = 0; index < documents; index++) await block.save(`doc-${index}`, { store });
  await store.close();
}

/** Bare node:http over the same file, with the bytes that ours answers. */
export async function startBare(ours: Subject & { readonly folder: string }): Promise<Subject> {
  const bytes = join(ours.folder, "answer.json");
  writeFileSync(bytes, await (await fetch(ours.api + loadPath(), { headers: ours.headers })).text());
  const begun = performance.now();
  const program = join(import.meta.dirname, "server-bare.ts");
  const child = spawn(process.execPath, [program, join(ours.folder, "data/ashlar/ashlar.db"), bytes], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await firstLine(child);
  const startMs = performance.now() - begun;
  return { name: "bare", api: `http://127.0.0.1:${port}/api`, headers: {}, startMs, pid: child.pid, stop: () => ended(child) };
}

/** A real Prefect server with so many documents; null where there is none on this machine. */
export async function startPrefect(documents: number): Promise<Subject | null> {
  if (!existsSync(join(ROOT, ".cache/interop/venv"))) return null;
  const { startPrefectServer } = await import("../test/interop/prefect-server.ts");
  const begun = performance.now();
  const server = await startPrefectServer({ authString: "bench:bench" });
  const startMs = performance.now() - begun;
  const headers = { authorization: `Basic ${Buffer.from("bench:bench").toString("base64")}` };
  const subject = { name: "prefect", api: server.apiUrl, headers, startMs, pid: undefined, stop: server.stop } as const;
  const make = await maker(subject);
  for (let index = 0; index < documents; index++) await make(`doc-${index}`); // one after the other: what comes at the same time it refuses
  return subject;
}

/** A request; again where the server has just closed the connection, as Prefect's does after five seconds without use, and under load. */
export async function asked(url: string, init: RequestInit, tries = 5): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (error instanceof TypeError && tries > 1) return asked(url, init, tries - 1);
    throw error;
  }
}

/** Makes documents of the measured type through the API; gives the status. */
export async function maker({ api, headers }: Subject): Promise<(name: string) => Promise<number>> {
  const ask = (method: string, path: string, body?: string) =>
    asked(api + path, { method, headers: { ...headers, "content-type": "application/json" }, ...(body !== undefined && { body }) });
  const cls = DatabricksCredentials;
  await ask("POST", "/block_types/", JSON.stringify({ name: "Databricks Credentials", slug: cls.slug }));
  const type = (await (await ask("GET", `/block_types/slug/${cls.slug}`)).json()) as { id: string };
  const fields = JSON.stringify(cls.schema());
  const schema = (await (await ask("POST", "/block_schemas/", `{"block_type_id":"${type.id}","fields":${fields}}`)).json()) as {
    id: string;
  };
  return async (name) => {
    const body = { name, data: DATA, block_type_id: type.id, block_schema_id: schema.id };
    const answer = await ask("POST", "/block_documents/", JSON.stringify(body));
    await answer.arrayBuffer();
    return answer.status;
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), "line")) as [string];
  return line;
}

async function ended(child: ChildProcess, after = () => {}): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
  after();
}

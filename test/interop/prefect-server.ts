/**
 * A real Prefect server for tests: SQLite in an empty home, a free port of the loopback interface; it ends when this process does.
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { python } from "./python.ts";

/** A running server. */
export interface PrefectServer {
  /** `http://127.0.0.1:PORT/api` */
  readonly apiUrl: string;
  readonly port: number;
  /** What Python's client, and ours, need in the environment to use it; nothing else of Prefect is set. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it has printed. */
  log(): string;
  /** Ends it; what it held is gone. */
  stop(): Promise<void>;
}

/** How a server is set up. */
export interface ServerOptions {
  /** `user:password` that it asks for. Default: none. */
  readonly authString?: string | undefined;
  /** Whether it asks for CSRF tokens. Default false, as Prefect's own. */
  readonly csrf?: boolean | undefined;
  /** Whether it knows Prefect's own block types from the start. Default true. */
  readonly blocks?: boolean | undefined;
  /** Whether scheduler and event services run. Default false: the start is quicker. */
  readonly services?: boolean | undefined;
}

const START_TIMEOUT = 120_000;
/** Runs Prefect's command line, and ends when standard input closes, which happens also when this process is killed. */
const END_WITH_PARENT = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
from prefect.cli import app
app()
`;

/** Starts one and waits until it is healthy. @throws Error with its log when it does not come up in two minutes. */
export async function startPrefectServer(options: ServerOptions = {}): Promise<PrefectServer> {
  const home = mkdtempSync(join(tmpdir(), "ashlar-prefect-"));
  const port = await freePort();
  const server = {
    PREFECT_SERVER_ANALYTICS_ENABLED: "false",
    ...(options.authString !== undefined && { PREFECT_SERVER_API_AUTH_STRING: options.authString }),
    PREFECT_API_BLOCKS_REGISTER_ON_START: String(options.blocks !== false),
    PREFECT_SERVER_CSRF_PROTECTION_ENABLED: String(options.csrf === true),
  };
  const apiUrl = `http://127.0.0.1:${port}/api`;
  const environment = {
    ...withoutPrefect(process.env),
    PREFECT_HOME: home,
    PREFECT_API_URL: apiUrl,
    ...(options.authString !== undefined && { PREFECT_API_AUTH_STRING: options.authString }),
  };
  const args = ["server", "start", "--host", "127.0.0.1", "--port", String(port), ...(options.services ? [] : ["--no-services"])];
  const child = spawn(await python(), ["-c", END_WITH_PARENT, ...args], {
    cwd: home,
    env: { ...environment, ...server },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (log += text));
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGKILL"); // nothing of it needs to be put in order
    await ended;
    rmSync(home, { recursive: true, force: true });
  };
  const healthy = await Promise.race([untilHealthy(apiUrl), ended.then(() => false)]);
  if (!healthy) {
    await stop();
    throw new Error(`Prefect's server did not start:\n${log}`);
  }
  return { apiUrl, port, environment, log: () => log, stop };
}

/** The environment without what the machine says of Prefect: a real profile must never be used by a test. */
export function withoutPrefect(environment: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(environment).filter(([name, value]) => !name.startsWith("PREFECT_") && value !== undefined);
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Runs as a program does that has such an environment: only what it says of Prefect counts. */
export async function withSettings<T>(environment: Readonly<Record<string, string>>, run: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith("PREFECT_")) delete process.env[name];
  Object.assign(process.env, Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith("PREFECT_"))));
  try {
    return await run();
  } finally {
    process.env = before;
  }
}

async function untilHealthy(apiUrl: string): Promise<boolean> {
  for (const end = Date.now() + START_TIMEOUT; Date.now() < end; await sleep(200)) {
    const answer = await fetch(`${apiUrl}/health`).catch(() => undefined);
    if (answer?.ok) return true;
  }
  return false;
}

/** A port of the loopback interface that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/**
 * PgBouncer before a PostgreSQL, in transaction mode with two connections to it: sessions change hands between any two statements. And how Debian's
 * packages come to be there.
 * @module
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../postgres-server.ts";

const run = promisify(execFile);

/** Installs a package of Debian where a file of it is missing, without starting its service. @returns why it cannot be had; undefined: it is there. */
export async function debianPackage(name: string, isThere: () => boolean): Promise<string | undefined> {
  if (isThere()) return undefined;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get"))
    return `${name} is not installed, and only root on Debian can install it`;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await run("apt-get", ["update", "--quiet"], { env });
  await run("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", name], { env });
  return isThere() ? undefined : `${name} was installed, and is not where it is looked for`;
}

/** A running PgBouncer. */
export interface Pooler {
  readonly port: number;
  end(): Promise<void>;
}

/** Starts one for a server's user. @throws Error with its log when it does not come up. */
export async function startPgBouncer(serverUrl: string): Promise<Pooler> {
  const { username, password, port: serverPort } = new URL(serverUrl);
  const folder = mkdtempSync(join(tmpdir(), "ashlar-pgbouncer-"));
  const port = await freePort();
  const nobody = process.getuid?.() === 0 ? Number((await run("id", ["-u", "nobody"])).stdout) : undefined;
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (nobody !== undefined) chownSync(path, nobody, nobody);
    return path;
  };
  chmodSync(folder, 0o755);
  const config = write(
    "pgbouncer.ini",
    `[databases]
postgres = host=127.0.0.1 port=${serverPort} dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${write("users", `"${username}" "${password}"\n`)}
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200
`,
  );
  const child = spawn("/usr/sbin/pgbouncer", [config], { uid: nobody, cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const guard = spawn("sh", ["-c", `read -r _; kill -KILL ${child.pid}`], { stdio: ["pipe", "ignore", "ignore"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const ended = once(child, "exit");
  const end = async () => {
    guard.kill("SIGKILL");
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 100; tries++) {
    if (await listens(port)) return { port, end };
    await wait(100);
  }
  await end();
  throw new Error(`PgBouncer did not start:\n${log}`);
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

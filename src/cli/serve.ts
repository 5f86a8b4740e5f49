/**
 * `ashlar serve`: the server over a store, for Prefect's clients and our own. Touches the server's folder, the keys and the access tokens.
 *
 * JSON: one object when it listens, `{"url","store","keys","audit","python","typescript"}`; `keys` is null where the store has none of its own.
 * What fails later is told on standard error, one line each, and never a value.
 * @module
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { AshlarError, type ErrorCode } from "../errors.ts";
import { storeAccess, tokenFromVariable } from "../server/access.ts";
import { serverApp } from "../server/app.ts";
import { auditKeys, openAudit } from "../server/audit.ts";
import { DEFAULT_MAX_BODY } from "../server/body.ts";
import { failureOf } from "../server/failures.ts";
import { LOOPBACK } from "../server/guard.ts";
import { type Listening, listen } from "../server/listen.ts";
import { ownRoutes } from "../server/own-routes.ts";
import { LIKE_PREFECT, STRICT } from "../server/rules.ts";
import { installSystemTypes } from "../server/system-types.ts";
import type { Store } from "../stores/store.ts";
import { auditLogPath } from "../user-folders.ts";
import { usageError } from "./failure.ts";
import { findKeys, keysInUse } from "./keys.ts";
import { paint, pairs, plain, print } from "./output.ts";
import type { Session } from "./session.ts";

/** Options as the command line has them. */
interface ServeOptions {
  readonly host: string;
  readonly port: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly behindProxy?: boolean;
  readonly allowHost?: readonly string[];
  readonly tokenEnv?: string;
  readonly audit?: string;
  readonly systemTypes: boolean;
  readonly likePrefect?: boolean;
  readonly validate?: boolean;
  readonly guardKept?: boolean;
  readonly maxBody?: string;
}

/** How many documents are opened at the start, to see whether the keys are the right ones. */
const SAMPLE = 100;
const OF_KEYS: readonly ErrorCode[] = ["ERR_NO_KEY", "ERR_WRONG_KEY", "ERR_UNKNOWN_KEY"];

/** Listens until it is told to stop. */
export async function serve(session: Session, _given: readonly string[], options: ServeOptions): Promise<void> {
  const door = doorOf(options);
  const maxBody = options.maxBody === undefined ? DEFAULT_MAX_BODY : numberOf("--max-body", options.maxBody, 1024, 64 * 1024 * 1024);
  const tokenFromEnvironment = options.tokenEnv === undefined ? undefined : tokenFromVariable(options.tokenEnv);
  const store = await session.store({ maxBytes: Math.max(maxBody, DEFAULT_MAX_BODY) });
  const keys = await checkKeys(session, store);
  if (options.systemTypes) await installSystemTypes(store);
  const auditPath = options.audit === undefined ? auditLogPath() : resolve(options.audit);
  const audit = await openAudit(auditPath, auditKeys(store));
  try {
    const app = serverApp({
      ...{ store, audit, access: storeAccess(store, { tokenFromEnvironment }), routes: ownRoutes },
      settings: {
        ...{ maxBody, log, validate: options.validate === true, guardKept: options.guardKept === true },
        ...{ secure: door.tls !== undefined, proxied: options.behindProxy === true, hosts: hostsOf(options) },
        rules: options.likePrefect ? LIKE_PREFECT : STRICT,
      },
    });
    const told = untilTold();
    const listening = await opened(() => listen(app, door), options);
    const { url, found } = addressesOf(options, listening.port);
    const shown = { url, store: store.url, keys, audit: auditPath, ...linesToPaste(found) };
    print(session, shown, () => greeting(shown));
    if (!session.json && !tokenFromEnvironment && !(await hasTokens(store))) process.stderr.write(`${NO_TOKENS}\n`);
    await told;
    await listening.stop(); // running requests end first
    if (!session.json) process.stdout.write("Stopped.\n");
  } finally {
    await audit.close();
  }
}

const NO_TOKENS = 'Nobody can come in yet: "ashlar token create NAME --role admin" makes an access token.';

function doorOf({ host, port, tlsCert, tlsKey, behindProxy }: ServeOptions) {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw usageError("--tls-cert and --tls-key go together.");
  if (!LOOPBACK.includes(host.toLowerCase()) && tlsCert === undefined && !behindProxy)
    throw usageError(
      `${plain(host)} can be reached from elsewhere, where tokens and secrets would be read on the way: give --tls-cert and --tls-key, or --behind-proxy where a proxy does TLS.`,
    );
  const tls =
    tlsCert === undefined || tlsKey === undefined ? undefined : { cert: read("--tls-cert", tlsCert), key: read("--tls-key", tlsKey) };
  return { host, port: numberOf("--port", port, 0, 65_535), tls };
}

function numberOf(option: string, text: string, least: number, most: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw usageError(`${option} is a whole number from ${least} to ${most}.`);
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new AshlarError("ERR_DENIED", `${option} ${plain(path)} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** Which keys open the store, tried on what is there; null where it has none of its own. @throws AshlarError when the keys are missing or wrong */
async function checkKeys(session: Session, store: Store): Promise<{ readonly source: string; readonly ids: readonly string[] } | null> {
  const sample = (await Promise.all([false, true].map((anonymous) => store.loadPage({ anonymous, limit: SAMPLE })))).flat();
  for (const { error } of sample) if (error && OF_KEYS.includes(error.code)) throw error;
  if (!store.maintenance || session.url.startsWith("memory:")) return null;
  const { ring } = await findKeys(session);
  const isRight = sample.some(({ documents }) => documents); // else all records are looked through: it may hold none but types
  const used = isRight ? [] : [...((await keysInUse(session)) ?? new Map<string, number>()).keys()];
  const missing = used.filter((id) => !ring.get(id));
  if (used.length > 0 && missing.length === used.length)
    throw new AshlarError(
      "ERR_UNKNOWN_KEY",
      `The store is sealed with ${missing.join(", ")}; ${ring.source} holds ${ring.ids.join(", ")}. Bring the right key, or name another store.`,
      { keys: missing },
    );
  return { source: ring.source, ids: [ring.primary.id, ...ring.ids.filter((id) => id !== ring.primary.id)] };
}

function hostsOf({ host, allowHost = [] }: ServeOptions) {
  const anyAddress = host === "0.0.0.0" || host === "::";
  return { names: [...LOOPBACK, ...(anyAddress ? [] : [host]), ...allowHost].map((name) => name.toLowerCase()), anyAddress };
}

/** The system's errors for an address, in words. */
async function opened(open: () => Promise<Listening>, { host, port }: ServeOptions): Promise<Listening> {
  try {
    return await open();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const about: Readonly<Record<string, string>> = {
      EADDRINUSE: "something listens there already: choose another --port",
      EACCES: "this user may not listen there: choose a --port above 1023",
      EADDRNOTAVAIL: "this machine has no such address",
      ENOTFOUND: "this host is not known",
    };
    if (code === undefined) throw error;
    const why = about[code] ?? (code.startsWith("ERR_OSSL") ? "the certificate and the key do not go together" : "the system refuses");
    throw new AshlarError("ERR_DENIED", `${plain(host)}, port ${port}, cannot be had (${code}): ${why}.`);
  }
}

/** Where it listens, and by which address clients find it there. */
function addressesOf(
  { host, allowHost = [], tlsCert, behindProxy }: ServeOptions,
  port: number,
): { readonly url: string; readonly found: string } {
  const at = (scheme: string, name: string) => `${scheme}://${isIP(name) === 6 ? `[${name}]` : name}:${port}`;
  const url = at(tlsCert === undefined ? "http" : "https", host);
  const [name = host === "0.0.0.0" || host === "::" ? hostname() : undefined] = allowHost;
  if (behindProxy && allowHost[0] !== undefined) return { url, found: `https://${allowHost[0]}` };
  return { url, found: name === undefined ? url : at(tlsCert === undefined ? "http" : "https", name) };
}

function linesToPaste(url: string): { readonly python: string; readonly typescript: string } {
  return {
    python: `export PREFECT_API_URL=${url}/api PREFECT_API_AUTH_STRING=TOKEN`,
    typescript: `export ASHLAR_STORE=${url} ASHLAR_TOKEN=TOKEN`,
  };
}

interface Shown {
  readonly url: string;
  readonly store: string;
  readonly keys: { readonly source: string; readonly ids: readonly string[] } | null;
  readonly audit: string;
  readonly python: string;
  readonly typescript: string;
}

function greeting({ url, store, keys, audit, python, typescript }: Shown): string[] {
  return [
    ...pairs([
      ["Listening", paint("bold", url)],
      ["Store", plain(store)],
      ["Key", keys === null ? "none of its own" : `${plain(keys.source)}; ${keys.ids[0]} seals`],
      ["Audit log", plain(audit)],
      ["Python", python],
      ["TypeScript", typescript],
    ]),
    "",
    "Put an access token in the place of TOKEN. Ctrl+C stops.",
  ];
}

async function hasTokens(store: Store): Promise<boolean> {
  return ((await store.accessTokens?.list()) ?? []).length > 0;
}

/** Until the process is told to stop; a second time ends it at once. */
async function untilTold(): Promise<void> {
  const { promise, resolve: tell } = Promise.withResolvers<unknown>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, tell);
  process.once("uncaughtException", (error) => {
    log(`stops: ${failureOf(error).log}`); // its own text may hold anything
    process.exitCode = 1;
    tell(undefined);
  });
  await promise;
}

/** One line of the server's log. */
function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${plain(line)}\n`);
}

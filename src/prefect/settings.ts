/**
 * How Prefect's API is reached: address, login, TLS, timeouts and retries, found where Prefect's own client finds them (protocol.md §1), each with
 * the place it came from. Touches the environment and `profiles.toml`; opens no connection.
 * @module
 */
import { readFile } from "node:fs/promises";
import { AshlarError } from "../errors.ts";
import { Secret } from "../secret.ts";
import { isLoopback } from "../transport.ts";
import { activeProfile, type Environment, type Profile } from "./profile.ts";

/** All that a client of Prefect's API is told. */
export interface PrefectSettings {
  /** Base address, without a slash at its end and without credentials: `http://127.0.0.1:4200/api`. */
  readonly apiUrl: string;
  /** Whether this is Prefect Cloud. */
  readonly isCloud: boolean;
  /** Base address of Prefect Cloud, below which its workspaces are. */
  readonly cloudUrl: string;
  /** The `Authorization` header, where a login is set. */
  readonly authorization: Secret | undefined;
  /** Which setting the login came from, and from where; for messages. */
  readonly login: string | undefined;
  /** Why the login of the active profile is not used; for messages. */
  readonly unusedLogin: string | undefined;
  /** Further headers, in lower case; their values may be secret. */
  readonly customHeaders: Readonly<Record<string, Secret>>;
  /** Whether a CSRF token is fetched when the server asks for one. */
  readonly csrf: boolean;
  /** Whether the server's certificate is verified. */
  readonly verifyTls: boolean;
  /** File of the certificate authorities that are trusted in place of Node's, as PEM. */
  readonly caFile: string | undefined;
  /** Longest time for one attempt, in milliseconds. */
  readonly timeout: number;
  /** How often a request is repeated. */
  readonly maxRetries: number;
  /** By how much waiting times vary: 0.2 is ±20 %. */
  readonly jitter: number;
  /** Further HTTP codes after which a request is repeated. */
  readonly retryCodes: ReadonlySet<number>;
  /** Where each setting was found that is not a default: its name → `environment` or `profile NAME of PATH`. */
  readonly origins: ReadonlyMap<string, string>;
}

/** What a program says of the connection. */
export interface SettingsOptions {
  /** Take an address of plain `http` that is not this machine's. Default: `ASHLAR_ALLOW_PLAIN_HTTP=1`. */
  readonly allowPlainHttp?: boolean | undefined;
  /** Default: `process.env`. */
  readonly environment?: Environment | undefined;
}

/** Headers that the client makes itself. */
const OWN_HEADERS = ["user-agent", "prefect-csrf-token", "prefect-csrf-client", "content-length", "transfer-encoding", "connection"];

/**
 * The settings for a store's URL: `prefect:` is the server that Prefect's own settings name, `prefect+https://HOST/api` one that is named here.
 *
 * The active profile counts for a named server only where it is of the same origin: its key goes to no other.
 * @throws AshlarError `ERR_NO_STORE` when no server is named; `ERR_INVALID` for a URL or a setting that does not fit; what a profile throws.
 */
export async function findSettings(url: string, options: SettingsOptions = {}): Promise<PrefectSettings> {
  const environment = options.environment ?? process.env;
  const profile = await activeProfile(environment);
  const named = url === "prefect:" ? undefined : checkedUrl(url.replace(/^prefect\+/, ""), "The store's URL");
  const foreign = named !== undefined && !sameOrigin(named, profile.settings.PREFECT_API_URL);
  const source = new Source(environment, foreign ? undefined : profile);
  const address = named ?? checkedUrl(source.text("PREFECT_API_URL") ?? noServer(profile), "PREFECT_API_URL");
  checkPlainHttp(address, options.allowPlainHttp ?? environment.ASHLAR_ALLOW_PLAIN_HTTP === "1");
  const apiUrl = address.href.replace(/\/+$/, "");
  const cloudUrl = (source.text("PREFECT_CLOUD_API_URL") ?? "https://api.prefect.cloud/api").replace(/\/+$/, "");
  const isCloud = apiUrl.startsWith(cloudUrl);
  const hasLogin = LOGINS.some((name) => profile.settings[name]);
  return {
    apiUrl,
    isCloud,
    cloudUrl,
    ...login(source),
    unusedLogin:
      foreign && hasLogin ? `the login of the profile "${profile.name}" belongs to another server and is not sent to this one` : undefined,
    customHeaders: customHeaders(source),
    csrf: !isCloud && source.flag("PREFECT_CLIENT_CSRF_SUPPORT_ENABLED", true),
    verifyTls: !source.flag("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", false),
    caFile: source.text("PREFECT_API_SSL_CERT_FILE") ?? (environment.SSL_CERT_FILE || undefined),
    timeout: source.number("PREFECT_API_REQUEST_TIMEOUT", 60) * 1000,
    maxRetries: Math.floor(source.number("PREFECT_CLIENT_MAX_RETRIES", 5)),
    jitter: source.number("PREFECT_CLIENT_RETRY_JITTER_FACTOR", 0.2),
    retryCodes: source.codes("PREFECT_CLIENT_RETRY_EXTRA_CODES"),
    origins: source.origins,
  };
}

/** The certificates of authorities in a file. @throws AshlarError `ERR_INVALID` when it cannot be read. */
export async function certificates(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new AshlarError("ERR_INVALID", `PREFECT_API_SSL_CERT_FILE names ${path}, which cannot be read (${code}).`);
  }
}

/** The names of the settings that log in; the first that is set wins. */
const LOGINS = ["PREFECT_API_AUTH_STRING", "PREFECT_API_KEY"] as const;

function login(source: Source): Pick<PrefectSettings, "authorization" | "login"> {
  for (const name of LOGINS) {
    const value = source.text(name);
    if (value === undefined) continue;
    // What is no header would be quoted, or split, on the way.
    if (name === "PREFECT_API_KEY" && !/^[\x21-\x7e]+$/.test(value)) throw source.misfit(name, "a key without blanks and line ends");
    const header = name === "PREFECT_API_KEY" ? `Bearer ${value}` : `Basic ${Buffer.from(value, "utf8").toString("base64")}`;
    return { authorization: new Secret(header), login: `${name} of the ${source.origins.get(name)}` };
  }
  return { authorization: undefined, login: undefined };
}

function customHeaders(source: Source): Record<string, Secret> {
  const name = "PREFECT_CLIENT_CUSTOM_HEADERS";
  const text = source.text(name);
  if (text === undefined) return {};
  const wrong = () => source.misfit(name, "a JSON object of header names and texts");
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw wrong(); // the parser's message quotes the text
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw wrong();
  const headers: Record<string, Secret> = {};
  for (const [key, value] of Object.entries(given)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(key) || typeof value !== "string" || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw wrong();
    if (!OWN_HEADERS.includes(key.toLowerCase())) headers[key.toLowerCase()] = new Secret(value);
  }
  return headers;
}

/** Reads single settings, and remembers where each was. */
class Source {
  readonly origins = new Map<string, string>();
  readonly #environment: Environment;
  readonly #profile: Profile | undefined;

  constructor(environment: Environment, profile: Profile | undefined) {
    this.#environment = environment;
    this.#profile = profile;
  }

  /** A variable of the environment counts also when it is empty: it takes back what a profile sets. */
  text(name: string): string | undefined {
    const own = this.#environment[name];
    const value = (own ?? this.#profile?.settings[name])?.trim();
    if (!value) return undefined;
    this.origins.set(name, own === undefined ? `profile "${this.#profile?.name}" of ${this.#profile?.path}` : "environment");
    return value;
  }

  flag(name: string, preset: boolean): boolean {
    const text = this.text(name)?.toLowerCase();
    if (text === undefined) return preset;
    if (["1", "true", "t", "yes", "y", "on"].includes(text)) return true;
    if (["0", "false", "f", "no", "n", "off"].includes(text)) return false;
    throw this.misfit(name, "true or false");
  }

  number(name: string, preset: number): number {
    const text = this.text(name);
    if (text === undefined) return preset;
    if (!/^\d+(\.\d+)?$/.test(text)) throw this.misfit(name, "a number, 0 or more");
    return Number(text);
  }

  codes(name: string): Set<number> {
    const parts = (this.text(name) ?? "").split(",").filter((part) => part.trim() !== "");
    const numbers = parts.map(Number);
    if (numbers.some((code) => !(Number.isInteger(code) && code >= 100 && code <= 599)))
      throw this.misfit(name, "HTTP codes separated by commas");
    return new Set(numbers);
  }

  /** The error for a setting that does not fit; what it holds is not said. */
  misfit(name: string, expected: string): AshlarError {
    return new AshlarError("ERR_INVALID", `${name} of the ${this.origins.get(name)} does not fit: expected ${expected}.`);
  }
}

function noServer(profile: Profile): never {
  throw new AshlarError(
    "ERR_NO_STORE",
    `No Prefect server is named: PREFECT_API_URL is set neither in the environment nor by the profile "${profile.name}" of ${profile.path}. Set it, or write where the server is: prefect+https://HOST/api. (Neither .env nor prefect.toml of a working directory is read.)`,
  );
}

/** An address, or why it is none; an address with a password in it is not repeated. */
function checkedUrl(text: string, what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol))
    throw new AshlarError("ERR_INVALID", `${what} is no address of Prefect's API: it has the form https://HOST/api.`);
  if (url.username !== "" || url.password !== "")
    throw new AshlarError(
      "ERR_INVALID",
      `${what} holds a user or a password, which would show wherever the address does: set PREFECT_API_AUTH_STRING or PREFECT_API_KEY instead.`,
    );
  if (url.search !== "" || url.hash !== "")
    throw new AshlarError("ERR_INVALID", `${what} has no options: it ends with the path of the API, https://HOST/api.`);
  if (url.hostname === "app.prefect.cloud" || /\/account\/[^/]+\/workspace\//.test(url.pathname))
    throw new AshlarError(
      "ERR_INVALID",
      `${what} is the address of Prefect Cloud's pages; its API is https://api.prefect.cloud/api/accounts/ACCOUNT-ID/workspaces/WORKSPACE-ID.`,
    );
  return url;
}

function sameOrigin(url: URL, other: string | undefined): boolean {
  return other !== undefined && URL.canParse(other) && new URL(other).origin === url.origin;
}

/** Secrets cross the network with every load. */
function checkPlainHttp(url: URL, allowed: boolean): void {
  if (url.protocol === "https:" || isLoopback(url) || allowed) return;
  throw new AshlarError(
    "ERR_INVALID",
    `${url.origin} is plain http: every load and save would carry secrets readable over the network. Use https; where the network itself is safe, allow it by ASHLAR_ALLOW_PLAIN_HTTP=1 or openStore(url, { allowPlainHttp: true }).`,
  );
}

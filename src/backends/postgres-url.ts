/**
 * The database that a PostgreSQL store's URL names, and how it is reached: by whom, by which certificate, whether by TLS. Touches `pg`, imported when one is
 * reached, and the files of certificates.
 * @module
 */
import { readFileSync } from "node:fs";
import { AshlarError, isAshlarError } from "../errors.ts";
import { PostgresDatabase } from "./postgres-database.ts";

const CONNECT_MS = 5000;
const OPTIONS = ["schema", "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "max"];
const MODES = ["disable", "require", "verify-ca", "verify-full"];

/** Reaches the database of a URL. @throws AshlarError `ERR_INVALID`, `ERR_MISSING_PACKAGE` */
export async function reach(url: string): Promise<PostgresDatabase> {
  const { config, schema, shown } = parseUrl(url);
  const { default: pg } = await import("pg").catch(() => {
    throw new AshlarError("ERR_MISSING_PACKAGE", "PostgreSQL is reached by the package pg, which is not installed: npm install pg");
  });
  const pool = new pg.Pool({ ...config, connectionTimeoutMillis: CONNECT_MS, keepAlive: true, allowExitOnIdle: true });
  return new PostgresDatabase({ pool, schema, url: shown, end: () => pool.end() });
}

/** Nothing of a URL that does not fit is repeated: any part of it may be one of the password. */
function parseUrl(text: string) {
  const invalid = (why: string) =>
    new AshlarError("ERR_INVALID", `A PostgreSQL store is "postgres://USER:PASSWORD@HOST:PORT/DATABASE"; ${why}.`);
  try {
    const { host, hostname, port, username, password, pathname, searchParams, hash } = new URL(text);
    const options: Partial<Record<string, string>> = Object.fromEntries(searchParams);
    const { schema = "ashlar", sslmode, sslrootcert, sslcert, sslkey, application_name, max = "10" } = options;
    const foreign = Object.keys(options).some((name) => !OPTIONS.includes(name));
    if (!hostname || !/^\/[^/]+$/.test(pathname) || hash || foreign || !/^[1-9]\d{0,3}$/.test(max))
      throw invalid(`this one lacks a part, or says more than that and ${OPTIONS.join(", ")}`);
    const [ca, cert, key] = [sslrootcert, sslcert, sslkey].map((path) => path && readFileSync(path, "utf8"));
    const here = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
    const mode = sslmode ?? (here && !ca && !cert ? "disable" : "verify-full");
    if (!MODES.includes(mode)) throw invalid("its sslmode is verify-full, which require and verify-ca mean too, or disable: all in clear");
    const [user, secret, database] = [username, password, pathname.slice(1)].map(decodeURIComponent);
    const server = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 5432), database, user, password: secret };
    const ssl = mode !== "disable" && { rejectUnauthorized: true, ca, cert, key };
    const shown = `postgres://${host}${pathname}${schema === "ashlar" ? "" : `?schema=${encodeURIComponent(schema)}`}`;
    return { config: { ...server, ssl, max: Number(max), application_name, fallback_application_name: "ashlar" }, schema, shown };
  } catch (error) {
    if (isAshlarError(error)) throw error;
    const { code, path } = error as NodeJS.ErrnoException;
    throw invalid(path ? `the file of a certificate cannot be read (${code})` : "in this one a character is to be written as %XX");
  }
}

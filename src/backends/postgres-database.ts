/**
 * A database of PostgreSQL and the tables of a store in it: made, brought up to date; statements that are sent again when their answer is lost, and
 * PostgreSQL's errors as ours. Touches a pool that it is given; knows no record.
 *
 * A statement is one round trip and a transaction of its own, and leaves nothing in its session: a pooler may hand out connections by transaction.
 * Waiting for a connection, a lock or an answer has an end.
 * @module
 */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { AshlarError, type ErrorCode, isAshlarError } from "../errors.ts";

/** What each version adds to the tables of the one before; what is there already stays. */
const MIGRATIONS: readonly ((schema: string) => string)[] = [
  (at) => `
    CREATE TABLE IF NOT EXISTS ${at}.records (
      id text COLLATE "C" PRIMARY KEY, kind text COLLATE "C" NOT NULL, type text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
      revision bigint NOT NULL, body text NOT NULL, sealed text NOT NULL, UNIQUE (kind, type, name)
    );
    CREATE TABLE IF NOT EXISTS ${at}.record_references (
      parent text COLLATE "C" REFERENCES ${at}.records ON DELETE CASCADE,
      child text COLLATE "C" REFERENCES ${at}.records DEFERRABLE INITIALLY DEFERRED,
      PRIMARY KEY (parent, child)
    );
    CREATE INDEX IF NOT EXISTS references_by_child ON ${at}.record_references (child);`,
];
const VERSION = MIGRATIONS.length;
/** Who makes tables waits for others who do. "Ashl" in ASCII. */
const MAKING = 0x4173_686c;

/** Pauses before a statement is sent again. */
const PAUSES_MS = [50, 250, 1000];
/** When it is sent again: cut off, rolled back for another's sake, too many connections, a server that stops or starts. */
const TRANSIENT = /^(08|40|53300|57P|cut off|no answer|E(?!RR_|PROTO)[A-Z_]+$)/;
/** Refusals that a write counts on: a foreign key, and a division by zero, which stands for a wrong number of rows. */
const EXPECTED = /^(23503|22012)$/;
export const FOREIGN_KEY = "23503";

/** A row, by column. */
export type Row = Record<string, unknown>;

/** The subset of pg's `PoolClient` that is needed. */
export interface PostgresClient {
  query(query: { text: string; values: unknown[]; query_timeout: number }): Promise<{ rows?: Row[] }>;
  on(event: "error", listener: () => void): unknown;
  off(event: "error", listener: () => void): unknown;
  release(destroy: boolean): void;
}

/** The subset of pg's `Pool` that is needed. */
export interface PostgresPool {
  connect(done: (error: Error | undefined, client: PostgresClient | undefined) => void): void;
  on(event: "error", listener: () => void): unknown;
}

/** A pool, and where in its database a store lies. */
export interface PostgresPlace {
  readonly pool: PostgresPool;
  /** Schema of the tables: a-z, 0-9 and _. Default `ashlar`. */
  readonly schema?: string | undefined;
  /** Where it is, for messages; without credentials. Default `postgres:`. */
  readonly url?: string | undefined;
  /** How long to wait for an answer, in milliseconds; for a lock half as long. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Closes the pool. Default: it stays open, as the program's own. */
  readonly end?: (() => Promise<void>) | undefined;
}

/** What came of a write. */
export interface Written {
  readonly rows: readonly Row[];
  /** SQLSTATE of a refusal that says something of the rows; undefined where it was done. */
  readonly refusal: string | undefined;
  /** Whether an earlier try was sent and its answer lost: it may have been done, and be what this one met. */
  readonly again: boolean;
}

/** A database, and the schema of a store in it. */
export class PostgresDatabase {
  /** Where it is, without credentials. */
  readonly url: string;
  /** Quoted name of the schema. */
  readonly schema: string;
  /** Begins a write: in its transaction a lock is waited for less long than an answer, so that who gives up knows that nothing was done. */
  readonly patience: string;
  readonly #pool: PostgresPool;
  readonly #timeout: number;
  readonly #end: () => Promise<void>;
  #open = true;

  /** @throws AshlarError `ERR_INVALID` for the schema's name */
  constructor({ pool, schema = "ashlar", url = "postgres:", timeoutMs = 10_000, end = async () => {} }: PostgresPlace) {
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new AshlarError("ERR_INVALID", "A schema's name consists of a-z, 0-9 and _.");
    this.schema = `"${schema}"`;
    this.patience = `SELECT set_config('lock_timeout', '${Math.ceil(timeoutMs / 2)}', true)`;
    this.url = url;
    this.#pool = pool;
    this.#timeout = timeoutMs;
    this.#end = end;
    pool.on("error", ignored); // of an idle connection, which the pool drops; unheard it would end the process
  }

  /** Recognises the tables, and makes them or brings them up to date if that is asked for; closes where that fails. */
  async prepared(create: boolean): Promise<this> {
    try {
      if (await this.#isToBeMade(create)) await this.#make();
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #isToBeMade(create: boolean): Promise<boolean> {
    const [row] = await this.read(`SELECT version FROM ${this.schema}.store`).catch((error: unknown) => {
      if (create && isAshlarError(error, "ERR_NO_STORE")) return [{ version: 0 }];
      throw error;
    });
    if (!row) throw this.lostIdentity();
    const version = Number(row.version);
    if (version > VERSION)
      throw this.#error("ERR_UNSUPPORTED", `was made by a newer version of Ashlar (format ${version}; this one reads ${VERSION})`);
    if (version < VERSION && !create)
      throw this.#error("ERR_NO_STORE", 'is of an older format: "ashlar init" with its URL brings it up to date');
    return version < VERSION;
  }

  async #make(): Promise<void> {
    const at = this.schema;
    const [row] = await this.read("SELECT getdatabaseencoding() AS encoding");
    if (row?.encoding !== "UTF8") throw this.#error("ERR_UNSUPPORTED", `is a database in ${row?.encoding}: a store needs one in UTF8`);
    // Statements that are sent at once are one transaction. Where the schema is there, no right to make one is needed; that is looked up in the table,
    // since to_regnamespace() and IF NOT EXISTS can remember from before the waiting that there was none.
    await this.write(`SET TRANSACTION ISOLATION LEVEL READ COMMITTED; ${this.patience}; SELECT pg_advisory_xact_lock(${MAKING});
      DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_namespace WHERE format('"%s"', nspname) = '${at}') THEN CREATE SCHEMA ${at}; END IF; END $$;
      CREATE TABLE IF NOT EXISTS ${at}.store (one boolean PRIMARY KEY DEFAULT true CHECK (one), id text NOT NULL, version integer NOT NULL);
      ${MIGRATIONS.map((add) => add(at)).join("")}
      INSERT INTO ${at}.store (id, version) VALUES ('${randomUUID()}', ${VERSION}) ON CONFLICT (one)
        DO UPDATE SET version = greatest(store.version, ${VERSION});`);
  }

  /**
   * Rows of a statement that changes nothing; none where PostgreSQL could not hold a text that is looked for.
   * @param after the write that it is to explain: where that one may have been done, a failure is `ERR_OUTCOME_UNKNOWN`.
   * @throws AshlarError
   */
  async read(text: string, values: readonly unknown[] = [], after?: Written): Promise<readonly Row[]> {
    return values.some(isNoText) ? [] : (await this.#send(text, values, false, after?.again)).rows;
  }

  /** Sends a statement that may be done twice without harm. @throws AshlarError `ERR_OUTCOME_UNKNOWN`, and as {@link PostgresDatabase.read} */
  async write(text: string, values: readonly unknown[] = []): Promise<Written> {
    return this.#send(text, values, true);
  }

  /** The error for a store whose identity is gone: with another one, nothing in it could be opened. */
  lostIdentity(): AshlarError {
    return this.#error("ERR_CANNOT_OPEN", "has lost its identity, which was in the table store: bring back a copy of it");
  }

  /** The error for a write of which nobody knows whether it was done. */
  outcomeUnknown(): AshlarError {
    return this.#error(
      "ERR_OUTCOME_UNKNOWN",
      "was sent a write, and the answer was lost: whether it was done is not known. Look before you repeat it",
    );
  }

  /** Ends the pool; may be called twice. */
  async close(): Promise<void> {
    if (this.#open) {
      this.#open = false;
      await this.#end();
    }
  }

  async #send(text: string, values: readonly unknown[], writes: boolean, before = false): Promise<Written> {
    const end = performance.now() + 1.5 * this.#timeout; // at most two answers are waited for
    for (let tries = 0, again = before; ; tries++) {
      const { rows, state = "", sent } = await this.#once(text, values);
      if (rows || EXPECTED.test(state)) return { rows: rows ?? [], refusal: rows ? undefined : state, again };
      const transient = TRANSIENT.test(state);
      if (writes && sent && transient && !/^40(?!003)/.test(state)) again = true; // class 40 was rolled back
      const pause = PAUSES_MS[tries];
      if (!transient || pause === undefined || performance.now() > end) throw again ? this.outcomeUnknown() : this.#failure(state);
      await wait(pause);
    }
  }

  async #once(text: string, values: readonly unknown[]): Promise<{ rows?: Row[]; state?: string; sent: boolean }> {
    if (!this.#open) return { state: "closed", sent: false };
    const client = await this.#connected();
    if (typeof client === "string") return { state: client, sent: false };
    let state = "";
    try {
      return { rows: (await client.query({ text, values: [...values], query_timeout: this.#timeout })).rows ?? [], sent: true };
    } catch (error) {
      state = stateOf(error);
      return { state, sent: true };
    } finally {
      client.off("error", ignored);
      client.release(TRANSIENT.test(state));
    }
  }

  /** A connection, or why there is none. Its errors are heard from the very moment on: a promise of the pool's would leave one in which they end the process. */
  #connected(): Promise<PostgresClient | string> {
    return new Promise((done) => {
      this.#pool.connect((error, client) => {
        client?.on("error", ignored); // the query rejects with it as well
        done(client ?? stateOf(error));
      });
    });
  }

  #failure(state: string): AshlarError {
    const [, code, what] = FAILURES.find(([states]) => states.test(state)) ?? OTHERWISE;
    return this.#error(code, `${what} (${state})`);
  }

  #error(code: ErrorCode, what: string): AshlarError {
    return new AshlarError(code, `${this.url} ${what}.`, { store: this.url });
  }
}

function ignored(): void {}

/** PostgreSQL holds no U+0000, and UTF-8 no half of a character. */
function isNoText(value: unknown): boolean {
  return Array.isArray(value) ? value.some(isNoText) : typeof value === "string" && (value.includes("\0") || !value.isWellFormed());
}

/** The SQLSTATE of an answer, or what there was instead of one: Node's code, or words where pg gives none. Its texts may quote values. */
function stateOf(error: unknown): string {
  const { code, message = "" } = error as { code?: string; message?: string };
  if (code === "08P01" && /authentication|no such user/.test(message)) return "28P01"; // PgBouncer's code for whatever it refuses
  if (code === "08P01" && /no such database/.test(message)) return "3D000";
  if (code !== undefined) return code;
  if (/^SASL/.test(message)) return "no login";
  if (/SSL/.test(message)) return "no TLS";
  if (/calling end/.test(message)) return "closed";
  return /time/.test(message) ? "no answer" : "cut off";
}

type Failure = readonly [states: RegExp, code: ErrorCode, what: string];

/** By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) or Node's code; the first that fits. */
const FAILURES: readonly Failure[] = [
  [/^28/, "ERR_DENIED", "refuses this user or password"],
  [/^no login/, "ERR_DENIED", "asks for a password: there is none, in the URL or as PGPASSWORD, or one that pg cannot use"],
  [
    /^42501/,
    "ERR_DENIED",
    "does not let this user do that: a store needs USAGE of its schema, and SELECT, INSERT, UPDATE and DELETE in it",
  ],
  [/^25006/, "ERR_DENIED", "can only be read: it is a standby, or the user may not write"],
  [/^3D000/, "ERR_NO_STORE", 'is no database: make it with CREATE DATABASE, then run "ashlar init" with its URL'],
  [/^(3F000|42P01)/, "ERR_NO_STORE", 'holds no store: "ashlar init" with its URL makes one'],
  [/^42/, "ERR_CANNOT_OPEN", "holds tables that are not those of a store"],
  [/^XX00[12]/, "ERR_CANNOT_OPEN", "is damaged: bring back a copy of it"],
  [/^22/, "ERR_INVALID", "cannot hold this value"],
  [/^53[12]/, "ERR_UNREACHABLE", "is out of space or memory"],
  [/^53300/, "ERR_UNREACHABLE", "has no connection left: a smaller max in the URLs of its users, or a pooler, leaves some"],
  [/^55P03/, "ERR_UNREACHABLE", "stays locked by someone else: try again"],
  [/^closed/, "ERR_UNREACHABLE", "is not open any more"],
  [/^ECONNREFUSED/, "ERR_UNREACHABLE", "is not there: nothing listens at this host and port"],
  [/^(ENOTFOUND|EAI_AGAIN)/, "ERR_UNREACHABLE", "is not there: no computer has this name, or there is no network"],
  [/^(no TLS|EPROTO|ERR_SSL)/, "ERR_UNREACHABLE", "speaks no TLS: sslmode=disable would send all in clear"],
  [/CERT|SIGNATURE|ISSUER/, "ERR_UNREACHABLE", "shows a certificate that is not trusted: sslrootcert names the file of its authority"],
];
const OTHERWISE: Failure = [/^/, "ERR_UNREACHABLE", "fails, or the way to it: try again"];

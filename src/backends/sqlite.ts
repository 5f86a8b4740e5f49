/**
 * Records in one SQLite file, by Node's own node:sqlite. Touches sqlite-file.ts, which opens it.
 *
 * WAL, full sync: an acknowledged write survives a power cut. Every change is one transaction begun as a writer, so that compare-and-swap holds
 * between processes; a locked database is waited for up to five seconds unless told otherwise, and this process goes on meanwhile.
 * @module
 */
import { dirname } from "node:path";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { AshlarError, isAshlarError } from "../errors.ts";
import type { Backend, RecordKey, StoredRecord } from "./backend.ts";
import { bodyText, brokenReference, changedMeanwhile, childrenOf, lostRace, recordOf, stillReferred } from "./rows.ts";
import { inTransaction, openFile, patiently, type SqliteOptions, sqlitePath } from "./sqlite-file.ts";

export type { SqliteOptions } from "./sqlite-file.ts";

const COLUMNS = "id, kind, type, name, revision, body, sealed";
/** node:sqlite throws for an integer that JavaScript cannot hold; a flipped bit can make one. */
const READ = `id, kind, type, name, CASE WHEN revision BETWEEN 1 AND ${Number.MAX_SAFE_INTEGER} THEN revision END AS revision, body, sealed`;

const RECORD_OF_ID = `SELECT ${READ} FROM records WHERE id = ?`;
const RECORD_OF_NAME = `SELECT ${READ} FROM records WHERE kind = ? AND type = ? AND name = ?`;
const GRAPH_OF_ID = graphOf("id = ?");
const GRAPH_OF_NAME = graphOf("kind = ? AND type = ? AND name = ?");

/** One query for a record and all it refers to; UNION ends at circles. CROSS JOIN keeps SQLite from reading all records first. */
function graphOf(root: string): string {
  return `WITH RECURSIVE reached (at) AS (
    SELECT id FROM records WHERE ${root} UNION SELECT r.child FROM reached JOIN record_references r ON r.parent = at
  ) SELECT ${READ} FROM reached CROSS JOIN records ON id = at`;
}

/**
 * Opens a SQLite file as a backend.
 * @throws AshlarError `ERR_NO_STORE` when it is not there; `ERR_UNSUPPORTED` when a newer version made it; `ERR_CANNOT_OPEN` when it is no store;
 * `ERR_DENIED`; `ERR_UNREACHABLE` when it stays locked.
 */
export async function sqliteBackend(options: SqliteOptions): Promise<Backend> {
  const { database, url } = await openFile(options);
  return new SqliteBackend(database, url, options);
}

/** `sqlite:PATH`; `sqlite:` alone is a file in the user's data folder. */
export async function openBackend(url: string, options: { readonly create?: boolean | undefined } = {}): Promise<Backend> {
  return sqliteBackend({ path: sqlitePath(url), create: options.create });
}

/** The folder of the file. */
export function folderOf(url: string): string {
  return dirname(sqlitePath(url));
}

class SqliteBackend implements Backend {
  readonly url: string;
  readonly #database: DatabaseSync;
  readonly #options: SqliteOptions;
  readonly #statements = new Map<string, StatementSync>();
  #open = true;
  /** How often this connection may have changed something. */
  #changes = 0;

  constructor(database: DatabaseSync, url: string, options: SqliteOptions) {
    this.#database = database;
    this.url = url;
    this.#options = options;
  }

  storeId(): Promise<string> {
    return this.#do(() => {
      const [row] = this.#all("SELECT id FROM store");
      if (typeof row?.id !== "string")
        throw new AshlarError("ERR_CANNOT_OPEN", `${this.url} has lost its identity: the file is damaged.`, { store: this.url });
      return row.id;
    });
  }

  /** SQLite counts what other connections commit. https://www.sqlite.org/pragma.html#pragma_data_version */
  stamp(): Promise<string> {
    return this.#do(() => {
      const statement = this.#statement("PRAGMA data_version");
      statement.setReturnArrays(true); // on the way of every request to a server
      return `${(statement.get() as unknown as readonly [number])[0]} ${this.#changes}`;
    });
  }

  get(key: RecordKey): Promise<StoredRecord | null> {
    return this.#do(() => {
      const [row] = "id" in key ? this.#all(RECORD_OF_ID, key.id) : this.#all(RECORD_OF_NAME, key.kind, key.type, key.name);
      return row ? recordOf(row) : null;
    });
  }

  graph(key: RecordKey): readonly StoredRecord[] | Promise<readonly StoredRecord[]> {
    return this.#atOnce(() => {
      const records = "id" in key ? this.#graph(GRAPH_OF_ID, key.id) : this.#graph(GRAPH_OF_NAME, key.kind, key.type, key.name);
      const asked = ({ id, kind, type, name }: StoredRecord) =>
        "id" in key ? id === key.id : kind === key.kind && type === key.type && name === key.name;
      const root = records.find(asked);
      return root ? this.#reached(root, records) : [];
    });
  }

  getMany(ids: readonly string[]): Promise<readonly StoredRecord[]> {
    return this.#records(`SELECT ${READ} FROM records WHERE id IN (SELECT value FROM json_each(?))`, JSON.stringify(ids));
  }

  put(record: StoredRecord, expected: number | null): Promise<void> {
    const { id, kind, type, name, revision, sealed } = record;
    return this.#change(() => {
      const text = bodyText(record);
      const { changes } =
        expected === null
          ? this.#run(
              `INSERT INTO records (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
              id,
              kind,
              type,
              name,
              revision,
              text,
              sealed,
            )
          : this.#run(
              "UPDATE records SET revision = ?, body = ?, sealed = ? WHERE id = ? AND revision = ?",
              revision,
              text,
              sealed,
              id,
              expected,
            );
      if (changes === 0) throw this.#lostRace(record, expected);
      if (expected !== null) this.#run("DELETE FROM record_references WHERE parent = ?", id);
      for (const child of childrenOf(record)) {
        const { changes: linked } = this.#run(
          "INSERT INTO record_references (parent, child) SELECT ?, id FROM records WHERE id = ?",
          id,
          child,
        );
        if (linked === 0) throw brokenReference(record, child);
      }
    });
  }

  remove(records: readonly { id: string; revision: number }[]): Promise<void> {
    const ids = JSON.stringify(records.map(({ id }) => id));
    return this.#change(() => {
      const referrers = this.#all(
        `SELECT DISTINCT p.type || '/' || p.name AS place FROM record_references r JOIN records p ON p.id = r.parent
           WHERE r.child IN (SELECT value FROM json_each(?)) AND r.parent NOT IN (SELECT value FROM json_each(?)) ORDER BY place`,
        ids,
        ids,
      ).map((row) => String(row.place));
      if (referrers.length > 0) throw stillReferred(referrers);
      for (const { id, revision } of records) {
        if (this.#run("DELETE FROM records WHERE id = ? AND revision = ?", id, revision).changes === 0) {
          const [row] = this.#all("SELECT revision FROM records WHERE id = ?", id);
          throw changedMeanwhile(revision, row ? Number(row.revision) : null);
        }
      }
    });
  }

  referrers(id: string): Promise<readonly StoredRecord[]> {
    return this.#records(
      `SELECT ${READ} FROM records WHERE id IN (SELECT parent FROM record_references WHERE child = ?) ORDER BY type, name`,
      id,
    );
  }

  list({ kind, type, after, limit }: Parameters<Backend["list"]>[0]): Promise<readonly StoredRecord[]> {
    return this.#records(
      `SELECT ${READ} FROM records WHERE kind = ? AND (type, name) > (?, ?) ${type === undefined ? "" : "AND type = ?"}
       AND typeof(type) = 'text' AND typeof(name) = 'text' ORDER BY type, name LIMIT ?`, // a damaged name has no place in the order
      ...[kind, after?.type ?? "", after?.name ?? "", ...(type === undefined ? [] : [type]), limit],
    );
  }

  async names({ kind, type, after, limit }: Parameters<Backend["names"]>[0]): Promise<readonly { type: string; name: string }[]> {
    const rows = await this.#rows(
      `SELECT type, name FROM records WHERE kind = ? AND (type, name) > (?, ?) ${type === undefined ? "" : "AND type = ?"}
       AND typeof(type) = 'text' AND typeof(name) = 'text' ORDER BY type, name LIMIT ?`,
      ...[kind, after?.type ?? "", after?.name ?? "", ...(type === undefined ? [] : [type]), limit],
    );
    return rows as unknown as { type: string; name: string }[];
  }

  scan({ after, limit }: { after?: string | undefined; limit: number }): Promise<readonly StoredRecord[]> {
    return this.#records(`SELECT ${READ} FROM records WHERE id > ? ORDER BY id LIMIT ?`, after ?? "", limit);
  }

  async check(): Promise<readonly string[]> {
    const found = (await this.#rows("PRAGMA integrity_check")).map((row) => String(Object.values(row)[0]));
    const damage = found
      .filter((line) => line !== "ok")
      .map((line) => `SQLite's integrity check says: ${line}. Bring back a copy of the file.`);
    const [nameless] = await this.#rows("SELECT count(*) AS n FROM records WHERE typeof(id) <> 'text'");
    if (nameless?.n !== 0) damage.push(`${nameless?.n} records have lost their id: the file is damaged. Bring back a copy of it.`);
    const [loose] = await this.#rows("SELECT count(*) AS n FROM pragma_foreign_key_check");
    if (loose?.n !== 0)
      damage.push(
        `The index of references leads nowhere in ${loose?.n} places: the file was changed from outside. Saving the documents anew mends it.`,
      );
    try {
      await this.#change(() => this.#run("DELETE FROM records WHERE 0")); // may write, and does not
    } catch (error) {
      if (!isAshlarError(error)) throw error;
      damage.push(error.message);
    }
    return damage;
  }

  async close(): Promise<void> {
    if (this.#open) this.#database.close();
    this.#open = false;
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  /** Does some work of one step on the file: nothing that is inside of it may wait. */
  async #do<T>(work: () => T): Promise<T> {
    return this.#atOnce(work);
  }

  /** The same, without a promise unless the file is locked. */
  #atOnce<T>(work: () => T): T | Promise<T> {
    return patiently(this.url, this.#options, () => {
      if (!this.#open) throw new AshlarError("ERR_UNREACHABLE", `${this.url} was closed.`, { store: this.url });
      return work();
    });
  }

  /** Does some changes as one. */
  #change<T>(work: () => T): Promise<T> {
    return this.#do(() => {
      this.#changes++;
      return inTransaction(this.#database, work);
    });
  }

  #rows(sql: string, ...values: SQLInputValue[]): Promise<Record<string, unknown>[]> {
    return this.#do(() => this.#all(sql, ...values));
  }

  #records(sql: string, ...values: SQLInputValue[]): Promise<readonly StoredRecord[]> {
    return this.#do(() => this.#all(sql, ...values).map((row) => recordOf(row)));
  }

  #all(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...values);
  }

  /** The rows come as arrays: as objects node:sqlite takes a third longer, and this is on the way of every load. */
  #graph(sql: string, ...values: SQLInputValue[]): StoredRecord[] {
    const statement = this.#statement(sql);
    statement.setReturnArrays(true);
    const rows = statement.all(...values) as unknown as readonly unknown[][];
    return rows.map(([id, kind, type, name, revision, body, sealed]) => recordOf({ id, kind, type, name, revision, body, sealed }));
  }

  #run(sql: string, ...values: SQLInputValue[]): { changes: number | bigint } {
    return this.#statement(sql).run(...values);
  }

  /** What the records themselves refer to: they are bound to their seals, the table of references is only an index. */
  #reached(root: StoredRecord, fetched: readonly StoredRecord[]): StoredRecord[] {
    const byId = new Map(fetched.map((record) => [record.id, record]));
    const found = new Map([[root.id, root]]);
    for (const record of found.values()) {
      for (const { id } of Object.values(record.references)) {
        const [row] = found.has(id) || byId.has(id) ? [] : this.#all(RECORD_OF_ID, id);
        const child = row ? recordOf(row) : byId.get(id);
        if (child) found.set(id, child);
      }
    }
    return [...found.values()];
  }

  #lostRace(record: StoredRecord, expected: number | null): AshlarError {
    const { id, kind, type, name } = record;
    const [row] =
      expected === null
        ? this.#all(`SELECT ${READ} FROM records WHERE id = ? OR (kind = ? AND type = ? AND name = ?)`, id, kind, type, name)
        : this.#all(RECORD_OF_ID, id);
    return lostRace(record, expected, row ? Number(row.revision) : null);
  }
}

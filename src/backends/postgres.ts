/**
 * Records in PostgreSQL; tested with 15 and 18. Touches rows.ts, postgres-url.ts, and postgres-database.ts, which sends the statements.
 *
 * Compare-and-swap is one statement, with the index of references in it; a foreign key of that index keeps what is referred to. A write whose answer was
 * lost is sent again: done twice it is done once, and what stands in the way of the second tells whether the first was done.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import { type Backend, MAX_REFERENCE_DEPTH, type RecordKey, type StoredRecord } from "./backend.ts";
import { FOREIGN_KEY, PostgresDatabase, type PostgresPlace, type Written } from "./postgres-database.ts";
import { reach } from "./postgres-url.ts";
import { bodyText, brokenReference, changedMeanwhile, childrenOf, lostRace, recordOf, stillReferred } from "./rows.ts";

export type { PostgresClient, PostgresPlace, PostgresPool } from "./postgres-database.ts";

/** A program's own pool, and where in its database the store lies. */
export interface PostgresOptions extends PostgresPlace {
  /** Make the tables if they are not there, and bring older ones up to date. Default false. */
  readonly create?: boolean | undefined;
}

const COLUMNS = "id, kind, type, name, revision::float8 AS revision, body, sealed";

/**
 * Opens the tables in a schema as a backend. An error of an idle connection of the pool ends the process no longer: the next statement takes another.
 * @throws AshlarError `ERR_NO_STORE` when they are not there, or of an older version; `ERR_UNSUPPORTED` when a newer version made them;
 * `ERR_CANNOT_OPEN` when they are not ours; `ERR_DENIED`; `ERR_UNREACHABLE`; `ERR_INVALID` for the schema's name.
 */
export async function postgresBackend({ create, ...place }: PostgresOptions): Promise<Backend> {
  return new PostgresBackend(await new PostgresDatabase(place).prepared(create === true));
}

/**
 * `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with the options `schema`, `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `application_name`, and
 * `max` for the number of connections (10). User and password may come from `PGUSER` and `PGPASSWORD`.
 *
 * TLS verifies certificate and host name, whichever mode asks for it. Where neither a mode nor a certificate is given, a server on this machine is
 * spoken to in clear, and no other; `sslmode=disable` does so anywhere.
 */
export async function openBackend(url: string, options: { readonly create?: boolean | undefined } = {}): Promise<Backend> {
  return new PostgresBackend(await (await reach(url)).prepared(options.create === true));
}

class PostgresBackend implements Backend {
  readonly url: string;
  readonly #database: PostgresDatabase;
  readonly #store: string;
  readonly #records: string;
  readonly #references: string;

  constructor(database: PostgresDatabase) {
    const { url, schema: at } = database;
    this.url = url;
    this.#database = database;
    [this.#store, this.#records, this.#references] = [`${at}.store`, `${at}.records`, `${at}.record_references`];
  }

  async storeId(): Promise<string> {
    const [row] = await this.#database.read(`SELECT id FROM ${this.#store}`);
    if (typeof row?.id === "string") return row.id;
    throw this.#database.lostIdentity();
  }

  async get(key: RecordKey): Promise<StoredRecord | null> {
    const [record] = await this.#select(...placeOf(key));
    return record ?? null;
  }

  async graph(key: RecordKey): Promise<readonly StoredRecord[]> {
    const [where, values] = placeOf(key);
    const rows = await this.#database.read(
      `WITH RECURSIVE reached (at, depth) AS (
        SELECT id, 0 FROM ${this.#records} WHERE ${where}
        UNION SELECT child, depth + 1 FROM reached JOIN ${this.#references} ON parent = at WHERE depth <= ${MAX_REFERENCE_DEPTH}
      ) SELECT ${COLUMNS} FROM ${this.#records} WHERE id = ANY (ARRAY (SELECT at FROM reached))`,
      values,
    );
    const found = new Map(rows.map((row) => [row.id, recordOf(row)]));
    // What records refer to is bound to their seals, the table is only an index: what it lacks is fetched, a level at a time.
    for (let level = 0; level <= MAX_REFERENCE_DEPTH; level++) {
      const missing = [...found.values()].flatMap(childrenOf).filter((id) => !found.has(id));
      const fetched = missing.length > 0 ? await this.getMany(missing) : [];
      if (fetched.length === 0) break;
      for (const record of fetched) found.set(record.id, record);
    }
    return [...found.values()];
  }

  async getMany(ids: readonly string[]): Promise<readonly StoredRecord[]> {
    return this.#select("id = ANY ($1::text[])", [ids]);
  }

  async put(record: StoredRecord, expected: number | null): Promise<void> {
    const { id, kind, type, name, revision, sealed } = record;
    const [body, children] = [bodyText(record), childrenOf(record)];
    const written =
      expected === null
        ? await this.#database.write(this.#inserting(), [id, revision, body, sealed, children, kind, type, name])
        : await this.#database.write(this.#updating(), [id, revision, body, sealed, children, expected]);
    if (written.refusal === FOREIGN_KEY) {
      const there = new Set((await this.getMany(children)).map((child) => child.id));
      throw brokenReference(record, children.find((child) => child !== id && !there.has(child)) ?? children[0]);
    }
    if (written.rows.length === 0) await this.#settle(record, expected, written);
  }

  /** Takes the record's own row, if the name is free, and those of what it refers to. */
  #inserting(): string {
    return `WITH patience AS MATERIALIZED (${this.#database.patience}), written AS (
        INSERT INTO ${this.#records} (id, revision, body, sealed, kind, type, name) SELECT $1, $2, $3, $4, $6, $7, $8 FROM patience
        ON CONFLICT DO NOTHING RETURNING id
      ), linked AS (INSERT INTO ${this.#references} (parent, child) SELECT id, child FROM written, unnest($5::text[]) AS child)
      SELECT id FROM written`;
  }

  #updating(): string {
    return `WITH patience AS MATERIALIZED (${this.#database.patience}), written AS (
        UPDATE ${this.#records} SET revision = $2, body = $3, sealed = $4 FROM patience WHERE id = $1 AND revision = $6 RETURNING id
      ), unlinked AS (DELETE FROM ${this.#references} USING written WHERE parent = id AND child <> ALL ($5::text[])
      ), linked AS (
        INSERT INTO ${this.#references} (parent, child) SELECT id, child FROM written, unnest($5::text[]) AS child ON CONFLICT DO NOTHING
      ) SELECT id FROM written`;
  }

  /** Why a write changed nothing. Where its own first try stands in the way, which was done and its answer lost, all is well. */
  async #settle(record: StoredRecord, expected: number | null, written: Written): Promise<void> {
    const { id, kind, type, name, revision, sealed } = record;
    const [found] = await this.#database.read(
      `SELECT ${COLUMNS} FROM ${this.#records} WHERE id = $1 OR ($2 AND kind = $3 AND type = $4 AND name = $5) ORDER BY id <> $1 LIMIT 1`,
      [id, expected === null, kind, type, name],
      written,
    );
    const [own, actual] = [found?.id === id, found ? Number(found.revision) : null];
    if (written.again && own && (expected === null || (actual === revision && found?.sealed === sealed))) return;
    // Gone, written over or sealed anew: that may have come after it, or instead of it.
    if (written.again && expected !== null && (actual === null || actual > revision || found?.body === bodyText(record)))
      throw this.#database.outcomeUnknown();
    throw lostRace(record, expected, actual);
  }

  async remove(records: readonly { id: string; revision: number }[]): Promise<void> {
    const ids = records.map(({ id }) => id);
    // Dividing by zero undoes the whole statement: all or none.
    const written = await this.#database.write(
      `WITH patience AS MATERIALIZED (${this.#database.patience}), removed AS (
        DELETE FROM ${this.#records} r USING patience, unnest($1::text[], $2::bigint[]) AS wanted (id, revision)
        WHERE r.id = wanted.id AND r.revision = wanted.revision RETURNING r.id
      ) SELECT 1 / (count(*) = $3)::integer FROM removed`,
      [ids, records.map(({ revision }) => revision), records.length],
    );
    if (written.refusal === undefined) return;
    if (written.refusal === FOREIGN_KEY) {
      const referrers = (await this.#referrers(ids)).filter(({ id }) => !ids.includes(id));
      if (referrers.length > 0) throw stillReferred(referrers.map(({ type, name }) => `${type}/${name}`));
    }
    const rows = await this.#database.read(`SELECT ${COLUMNS} FROM ${this.#records} WHERE id = ANY ($1::text[])`, [ids], written);
    const now = new Map(rows.map(({ id, revision }) => [id, Number(revision)]));
    if (written.again && now.size === 0) return; // all are gone, as was asked for
    const changed = records.find(({ id, revision }) => now.get(id) !== revision) ?? records[0];
    throw changedMeanwhile(changed?.revision ?? 0, now.get(changed?.id ?? "") ?? null);
  }

  async referrers(id: string): Promise<readonly StoredRecord[]> {
    return this.#referrers([id]);
  }

  async #referrers(ids: readonly string[]): Promise<readonly StoredRecord[]> {
    return this.#select(`id IN (SELECT parent FROM ${this.#references} WHERE child = ANY ($1::text[])) ORDER BY type, name`, [ids]);
  }

  async list(query: Parameters<Backend["list"]>[0]): Promise<readonly StoredRecord[]> {
    return this.#select(...pageOf(query));
  }

  async names(query: Parameters<Backend["names"]>[0]): Promise<readonly { type: string; name: string }[]> {
    const [where, values] = pageOf(query);
    const rows = await this.#database.read(`SELECT type, name FROM ${this.#records} WHERE ${where}`, values);
    return rows as readonly { type: string; name: string }[];
  }

  async scan({ after = "", limit }: { after?: string | undefined; limit: number }): Promise<readonly StoredRecord[]> {
    return this.#select("id > $1 ORDER BY id LIMIT $2", [after, limit]);
  }

  async check(): Promise<readonly string[]> {
    const damage: string[] = [];
    const [loose] = await this.#database.read(`SELECT count(*)::integer AS places FROM ${this.#references}
      WHERE NOT EXISTS (SELECT FROM ${this.#records} WHERE id = parent) OR NOT EXISTS (SELECT FROM ${this.#records} WHERE id = child)`);
    if (loose?.places !== 0)
      damage.push(
        `The index of references leads nowhere in ${loose?.places} places: the tables have lost their foreign keys. Bring back a copy of the database.`,
      );
    try {
      // Every right that a store needs, and no row.
      await this.#database.write(`WITH a AS (INSERT INTO ${this.#records} SELECT * FROM ${this.#records} WHERE false),
        b AS (UPDATE ${this.#records} SET revision = revision WHERE false), c AS (DELETE FROM ${this.#records} WHERE false),
        d AS (INSERT INTO ${this.#references} SELECT * FROM ${this.#references} WHERE false), e AS (DELETE FROM ${this.#references} WHERE false)
        SELECT 1`);
    } catch (error) {
      if (!isAshlarError(error, "ERR_DENIED")) throw error;
      damage.push(error.message);
    }
    return damage;
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #select(where: string, values: readonly unknown[]): Promise<readonly StoredRecord[]> {
    return (await this.#database.read(`SELECT ${COLUMNS} FROM ${this.#records} WHERE ${where}`, values)).map(recordOf);
  }
}

type Condition = readonly [where: string, values: readonly unknown[]];

function placeOf(key: RecordKey): Condition {
  return "id" in key ? ["id = $1", [key.id]] : ["kind = $1 AND type = $2 AND name = $3", [key.kind, key.type, key.name]];
}

function pageOf({ kind, type, after, limit }: Parameters<Backend["list"]>[0]): Condition {
  const place = "kind = $1 AND (type, name) > ($2, $3)";
  const values = [kind, after?.type ?? "", after?.name ?? "", limit];
  return type === undefined
    ? [`${place} ORDER BY type, name LIMIT $4`, values]
    : [`${place} AND type = $5 ORDER BY type, name LIMIT $4`, [...values, type]];
}

/**
 * PostgreSQL by pg alone. The server is TEST_POSTGRES_URL's, else one that is started here, as PostgreSQL comes: each commit is on disk.
 * @module
 */
import { randomUUID } from "node:crypto";
import { openStore } from "ashlar";
import { generateKey, keyText } from "ashlar/vaults/keyring";
import pg from "pg";
import { serverAt, startPostgres } from "../test/postgres-server.ts";
import { type BareRecord, BareSeal } from "./bare.ts";
import type { Bare, BareDocument, Place } from "./store-figures.ts";

const COLUMNS = "id, kind, type, name, revision, body, sealed";

/** Tables as the store has them, and the same statements. */
class BarePostgres implements Bare {
  readonly #pool: pg.Pool;
  readonly #seal = new BareSeal();

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url });
  }

  async make(): Promise<void> {
    await this.#pool.query(`CREATE TABLE bare (id text COLLATE "C" PRIMARY KEY, kind text COLLATE "C" NOT NULL, type text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL, revision integer NOT NULL, body text NOT NULL, sealed text NOT NULL, UNIQUE (kind, type, name));
      CREATE TABLE bare_references (parent text COLLATE "C" REFERENCES bare, child text COLLATE "C" REFERENCES bare, PRIMARY KEY (parent, child));
      CREATE INDEX ON bare_references (child)`);
  }

  /** One statement. */
  async insert({ type, name, body, secrets, child }: BareDocument): Promise<string> {
    const [id, text] = [randomUUID(), JSON.stringify(body)];
    const sealed = this.#seal.seal(text, JSON.stringify(secrets));
    await this.#pool.query(
      `WITH written AS (INSERT INTO bare (id, kind, type, name, revision, body, sealed) VALUES ($1, 'document', $2, $3, 1, $4, $5) RETURNING id)
       INSERT INTO bare_references SELECT id, child FROM written, unnest($6::text[]) AS child`,
      [id, type, name, text, sealed, child === undefined ? [] : [child]],
    );
    return id;
  }

  async has(type: string, name: string): Promise<boolean> {
    for (const kind of ["document", "anonymous"]) {
      const { rows } = await this.#pool.query(`SELECT ${COLUMNS} FROM bare WHERE kind = $1 AND type = $2 AND name = $3`, [
        kind,
        type,
        name,
      ]);
      if (rows.length > 0) return true;
    }
    return false;
  }

  async graph(type: string, name: string): Promise<BareRecord[]> {
    const { rows } = await this.#pool.query(
      `WITH RECURSIVE reached (at) AS (
        SELECT id FROM bare WHERE kind = 'document' AND type = $1 AND name = $2
        UNION SELECT child FROM reached JOIN bare_references ON parent = at
      ) SELECT ${COLUMNS} FROM bare WHERE id = ANY (ARRAY (SELECT at FROM reached))`,
      [type, name],
    );
    return rows.map(({ body, sealed }) => ({ body: JSON.parse(body), secrets: JSON.parse(this.#seal.open(body, sealed)) }));
  }

  async list(type: string): Promise<unknown[]> {
    const text = `SELECT ${COLUMNS} FROM bare WHERE kind = 'document' AND type = $1 ORDER BY type, name`;
    return (await this.#pool.query(text, [type])).rows.map(({ body }) => JSON.parse(body));
  }

  async end(): Promise<void> {
    await this.#pool.query("DROP TABLE bare_references, bare");
    await this.#pool.end();
  }
}

export const postgres: Place = {
  name: "postgres",
  driver: "pg",
  ratio: 1.3,
  batch: 4,
  lists: 10,
  async with(measure) {
    const given = process.env.TEST_POSTGRES_URL;
    const own = given === undefined ? await startPostgres({ settings: { fsync: "on" } }) : undefined;
    const schemas: string[] = [];
    const server = own ?? serverAt(() => given ?? "", schemas);
    try {
      const store = await openStore(server.freshUrl(), { create: true, keys: [keyText(generateKey())] });
      const bare = new BarePostgres(server.url);
      try {
        await bare.make();
        return await measure(store, bare);
      } finally {
        await store.close();
        await bare.end();
      }
    } finally {
      for (const schema of schemas) await server.sql(`DROP SCHEMA "${schema}" CASCADE`);
      await own?.end();
    }
  },
};

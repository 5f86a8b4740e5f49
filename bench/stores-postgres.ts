#!/usr/bin/env node
/**
 * A store in PostgreSQL beside the bare driver doing the same calls on tables of the same form: `load.postgres`, `save.postgres`, `list.10k.postgres`,
 * `names.10k.postgres`, `depth.10.postgres`. Alone: `node bench/stores-postgres.ts [NAME…]`. The server is TEST_POSTGRES_URL's, else one that is started
 * here, as PostgreSQL comes: each commit is on disk.
 * @module
 */
import { randomUUID } from "node:crypto";
import { Block, openStore, type Store } from "ashlar";
import { generateKey, keyText } from "ashlar/vaults/keyring";
import pg from "pg";
import { serverAt, startPostgres } from "../test/postgres-server.ts";
import { type BareRecord, BareSeal } from "./bare.ts";
import { bareLink, chainClasses } from "./many.ts";
import { alternate, type Figure, isMet, type Measured, type Pair, rowOf } from "./measure.ts";
import { Account, accountInput, bareRecord, bareService, Service, saveService, serviceInput } from "./sample.ts";

const COLUMNS = "id, kind, type, name, revision, body, sealed";

/** A document as a bare program keeps it, and the documents that it refers to. */
interface BareDocument extends BareRecord {
  readonly type: string;
  readonly name: string;
  readonly child?: string | undefined;
}

/** What cannot be done without: tables as the store has them, the same statements by pg alone, and a sealed half opened with commitment. */
class Bare {
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

  /** One statement. @returns the id */
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

  /** Whether a name is taken. */
  async has(kind: string, type: string, name: string): Promise<boolean> {
    const { rows } = await this.#pool.query(`SELECT ${COLUMNS} FROM bare WHERE kind = $1 AND type = $2 AND name = $3`, [kind, type, name]);
    return rows.length > 0;
  }

  /** A document and all it refers to, opened. */
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

  /** The readable halves of all documents of a type. */
  async list(type: string): Promise<unknown[]> {
    const { rows } = await this.#pool.query(`SELECT ${COLUMNS} FROM bare WHERE kind = 'document' AND type = $1 ORDER BY type, name`, [
      type,
    ]);
    return rows.map(({ body }) => JSON.parse(body));
  }

  async names(type: string): Promise<unknown[]> {
    return (await this.#pool.query("SELECT type, name FROM bare WHERE kind = 'document' AND type = $1 ORDER BY type, name", [type])).rows;
  }

  async end(): Promise<void> {
    await this.#pool.query("DROP TABLE bare_references, bare");
    await this.#pool.end();
  }
}

/** Measures with a new store, and bare tables beside it. */
async function withPostgres(measure: (store: Store, bare: Bare) => Promise<Measured>): Promise<Measured> {
  const given = process.env.TEST_POSTGRES_URL;
  const own = given === undefined ? await startPostgres({ settings: { fsync: "on" } }) : undefined;
  const schemas: string[] = [];
  const server = own ?? serverAt(() => given ?? "", schemas);
  try {
    const url = server.freshUrl();
    const store = await openStore(url, { create: true, keys: [keyText(generateKey())] });
    const bare = new Bare(server.url);
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
}

const { token, ...publicAccount } = accountInput;
const { password, ...publicService } = serviceInput;

/** Measures with as many accounts in both. */
function withAccounts(count: number, runs: number, pair: (store: Store, bare: Bare) => Pair): Promise<Measured> {
  return withPostgres(async (store, bare) => {
    const names = Array.from({ length: count }, (_, index) => `account-${String(index).padStart(5, "0")}`);
    await new Account(accountInput).save(names[0] as string, { store }); // which registers the class, once
    const record = await bareRecord(store, Account.slug, names[0] as string, { token });
    await inTens(names.slice(1), (name) => new Account(accountInput).save(name, { store }));
    await inTens(names, (name) => bare.insert({ ...record, type: Account.slug, name }));
    return alternate(pair(store, bare), runs, 1);
  });
}

async function inTens<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += 10) await Promise.all(items.slice(at, at + 10).map(work));
}

export const loadPostgres: Figure = {
  name: "load.postgres",
  about: "a block and the one it refers to, 2 secrets; floor: pg's query of both, 2 JSON.parse, 2 opens with commitment, 1 zod parse",
  unit: "µs",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withPostgres(async (store, bare) => {
      await saveService(store);
      const account = await bareRecord(store, Account.slug, "main", { token });
      const child = await bare.insert({ ...account, type: Account.slug, name: "main" });
      const service = await bareRecord(store, Service.slug, "main", { password });
      await bare.insert({ ...service, type: Service.slug, name: "main", child });
      const floor = async () => {
        const records = await bare.graph(Service.slug, "main");
        const secretsOf = (type: string) => records.find(({ body }) => body.type === type)?.secrets;
        return bareService.parse({
          ...publicService,
          ...secretsOf(Service.slug),
          account: { ...publicAccount, ...secretsOf(Account.slug) },
        });
      };
      return alternate({ ours: () => Service.load("main", { store }), floor }, scaled(500), scaled(5));
    }),
};

export const savePostgres: Figure = {
  name: "save.postgres",
  about: "a new block with a secret, on disk; floor: pg's look for the name among documents with and without one, and a sealed insert",
  unit: "µs",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withPostgres(async (store, bare) => {
      await saveService(store);
      const record = await bareRecord(store, Account.slug, "main", { token });
      let count = 0;
      const ours = () => new Account(accountInput).save(`account-${count++}`, { store });
      const floor = async () => {
        const document = { ...record, type: Account.slug, name: `account-${count++}` };
        for (const kind of ["document", "anonymous"])
          if (await bare.has(kind, document.type, document.name)) throw new Error("it is taken");
        await bare.insert(document);
      };
      return alternate({ ours, floor }, scaled(300), scaled(3));
    }),
};

export const list10kPostgres: Figure = {
  name: "list.10k.postgres",
  about: "10,000 documents, masked; floor: pg's query of them, and JSON.parse of each",
  unit: "ms",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withAccounts(scaled(10_000), scaled(20), (store, bare) => ({
      ours: () => store.list({ type: Account.slug, limit: 10_000 }),
      floor: () => bare.list(Account.slug),
    })),
};

export const names10kPostgres: Figure = {
  name: "names.10k.postgres",
  about: "the names of 10,000 documents; floor: pg's query of them",
  unit: "ms",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withAccounts(scaled(10_000), scaled(20), (store, bare) => ({
      ours: () => Account.names({ store }),
      floor: () => bare.names(Account.slug),
    })),
};

export const depth10Postgres: Figure = {
  name: "depth.10.postgres",
  about:
    "10 blocks, each referring to the next, a secret each; floor: pg's query of all, 10 JSON.parse, opens with commitment and zod parses",
  unit: "µs",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withPostgres(async (store, bare) => {
      const classes = chainClasses(10);
      const label = "a label";
      let [next, child, type]: [Block | undefined, string | undefined, string] = [undefined, undefined, ""];
      for (const Link of classes) {
        next = await (new Link({ label, token, ...(next ? { next } : {}) }) as Block).save("main", { store });
        type = next.document?.type ?? "";
        child = await bare.insert({ ...(await bareRecord(store, type, "main", { token })), type, name: "main", child });
      }
      const ours = () => Block.load(`${type}/main`, { store, classes });
      const floor = async () => (await bare.graph(type, "main")).map(({ secrets }) => bareLink.parse({ label, ...secrets }));
      return alternate({ ours, floor }, scaled(300), scaled(5));
    }),
};

export const POSTGRES_FIGURES: readonly Figure[] = [loadPostgres, savePostgres, list10kPostgres, names10kPostgres, depth10Postgres];

if (import.meta.main) {
  const chosen = process.argv.slice(2);
  for (const figure of POSTGRES_FIGURES) {
    if (chosen.length > 0 && !chosen.includes(figure.name)) continue;
    const row = rowOf(figure, await figure.measure((count) => count));
    console.log(JSON.stringify({ ...row, met: isMet(figure, row) }));
  }
}

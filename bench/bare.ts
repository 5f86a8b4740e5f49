/**
 * The floor of a sealed store: node:sqlite, node:crypto and libsodium called directly, with nothing around them. Touches those three.
 *
 * It keeps what no sealed store can do without: a row with a name and an id, one commitment and one XChaCha20-Poly1305 call a record, with all
 * that can be read bound to it.
 * @module
 */
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import sodium from "libsodium-wrappers";

await sodium.ready;

const LABEL = Buffer.from("bench");
const NONCE = 24;
const HEAD = NONCE + 32;

/** What lies in a row: text to parse, and secrets by field. */
export interface BareRecord {
  readonly body: Record<string, unknown>;
  readonly secrets: Record<string, unknown>;
}

/** Seals and opens with a key of its own. */
export class BareSeal {
  readonly #key = randomBytes(32);

  seal(body: string, secrets: string): string {
    const bound = hash("sha256", body, "buffer");
    const nonce = randomBytes(NONCE);
    const both = this.#derive(bound, nonce);
    const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(secrets, bound, null, nonce, both.subarray(0, 32));
    return Buffer.concat([nonce, both.subarray(32), sealed]).toString("base64url");
  }

  open(body: string, token: string): string {
    const bytes = Buffer.from(token, "base64url");
    const bound = hash("sha256", body, "buffer");
    const nonce = bytes.subarray(0, NONCE);
    const both = this.#derive(bound, nonce);
    if (!timingSafeEqual(both.subarray(32), bytes.subarray(NONCE, HEAD))) throw new Error("the row was changed");
    const opened = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, bytes.subarray(HEAD), bound, nonce, both.subarray(0, 32));
    return Buffer.from(opened).toString();
  }

  #derive(bound: Uint8Array, nonce: Uint8Array): Uint8Array {
    return sodium.crypto_generichash(64, Buffer.concat([LABEL, bound, nonce]), this.#key);
  }
}

/** One table of sealed rows. */
export class BareStore {
  readonly #seal = new BareSeal();
  readonly #database: DatabaseSync;
  readonly #statements;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      CREATE TABLE records (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL, sealed TEXT NOT NULL) STRICT;`);
    this.#statements = {
      insert: this.#database.prepare("INSERT INTO records (id, name, body, sealed) VALUES (?, ?, ?, ?)"),
      byName: this.#database.prepare("SELECT body, sealed FROM records WHERE name = ?"),
      byId: this.#database.prepare("SELECT body, sealed FROM records WHERE id = ?"),
      all: this.#database.prepare("SELECT body, sealed FROM records ORDER BY name"),
      names: this.#database.prepare("SELECT name FROM records ORDER BY name"),
      bodies: this.#database.prepare("SELECT body FROM records ORDER BY name"),
      replace: this.#database.prepare("UPDATE records SET sealed = ? WHERE name = ?"),
    };
  }

  /** Seals a record and inserts it: one transaction, on disk when this returns. */
  insert(id: string, name: string, { body, secrets }: BareRecord): void {
    const text = JSON.stringify(body);
    this.#statements.insert.run(id, name, text, this.#seal.seal(text, JSON.stringify(secrets)));
  }

  byName(name: string): BareRecord {
    return this.#read(this.#statements.byName.get(name));
  }

  byId(id: string): BareRecord {
    return this.#read(this.#statements.byId.get(id));
  }

  *all(): Generator<BareRecord> {
    for (const row of this.#statements.all.iterate()) yield this.#read(row);
  }

  names(): unknown[] {
    return this.#statements.names.all();
  }

  has(name: string): boolean {
    return this.#statements.byName.get(name) !== undefined;
  }

  /** The readable halves of all. */
  bodies(): unknown[] {
    return this.#statements.bodies.all().map(({ body }) => JSON.parse(body as string));
  }

  /** Opens a record and seals it anew: one transaction. */
  reseal(name: string): void {
    const { body, secrets } = this.byName(name);
    this.#statements.replace.run(this.#seal.seal(JSON.stringify(body), JSON.stringify(secrets)), name);
  }

  /** Runs inserts as one transaction, to fill the table. */
  together(inserts: () => void): void {
    this.#database.exec("BEGIN");
    inserts();
    this.#database.exec("COMMIT");
  }

  close(): void {
    this.#database.close();
  }

  #read(row: Record<string, unknown> | undefined): BareRecord {
    const { body, sealed } = row as { body: string; sealed: string };
    return { body: JSON.parse(body), secrets: JSON.parse(this.#seal.open(body, sealed)) };
  }
}

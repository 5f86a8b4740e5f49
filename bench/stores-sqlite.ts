/**
 * SQLite by node:sqlite alone.
 * @module
 */
import { join } from "node:path";
import { type BareRecord, BareStore } from "./bare.ts";
import { withSqlite } from "./sample.ts";
import type { Bare, BareDocument, Place } from "./store-figures.ts";

/** Rows by name and by id; a parent's body names its child. */
class BareSqlite implements Bare {
  readonly #rows: BareStore;

  constructor(rows: BareStore) {
    this.#rows = rows;
  }

  insert({ type, name, body, secrets, child }: BareDocument): string {
    const place = `${type}/${name}`;
    this.#rows.insert(place, place, { body: { ...body, child }, secrets });
    return place;
  }

  has(type: string, name: string): boolean {
    return ["", "anonymous "].some((kind) => this.#rows.has(`${kind}${type}/${name}`));
  }

  graph(type: string, name: string): BareRecord[] {
    const found = [this.#rows.byName(`${type}/${name}`)];
    for (let child = found[0]?.body.child; typeof child === "string"; child = found.at(-1)?.body.child) found.push(this.#rows.byId(child));
    return found;
  }

  list(): unknown[] {
    return this.#rows.bodies();
  }
}

export const sqlite: Place = {
  name: "sqlite",
  driver: "node:sqlite",
  ratio: 2,
  batch: 20,
  lists: 10,
  with: (measure) =>
    withSqlite(async (store, folder) => {
      const rows = new BareStore(join(folder, "bare.db"));
      try {
        return await measure(store, new BareSqlite(rows));
      } finally {
        rows.close();
      }
    }),
};

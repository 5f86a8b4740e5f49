/**
 * Files by node:fs alone, each beside its place first and onto the disk, then into its place, then the folder onto the disk.
 * @module
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openStore } from "ashlar";
import { generateKey, keyText } from "ashlar/vaults/keyring";
import { type BareRecord, BareSeal } from "./bare.ts";
import { inFolder } from "./sample.ts";
import type { Bare, BareDocument, Place } from "./store-figures.ts";

/** A file a document, in folders by type. */
class BareFiles implements Bare {
  readonly #folder: string;
  readonly #seal = new BareSeal();

  constructor(folder: string) {
    this.#folder = folder;
  }

  insert({ type, name, body, secrets, child }: BareDocument): string {
    const path = join(this.#folder, type, `${name}.json`);
    const sealed = this.#seal.seal(JSON.stringify(body), JSON.stringify(secrets));
    mkdirSync(dirname(path), { recursive: true });
    const file = openSync(`${path}.new`, "wx");
    writeFileSync(file, JSON.stringify({ body, child, sealed }, null, 2));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${path}.new`, path);
    const folder = openSync(dirname(path), "r");
    fsyncSync(folder);
    closeSync(folder);
    return path;
  }

  has(type: string, name: string): boolean {
    return ["", "_anonymous"].some((kind) => existsSync(join(this.#folder, type, kind, `${name}.json`)));
  }

  graph(type: string, name: string): BareRecord[] {
    const found: BareRecord[] = [];
    for (let path: string | undefined = join(this.#folder, type, `${name}.json`); path !== undefined; ) {
      const { body, child, sealed } = JSON.parse(readFileSync(path, "utf8"));
      found.push({ body, secrets: JSON.parse(this.#seal.open(JSON.stringify(body), sealed)) });
      path = child;
    }
    return found;
  }

  list(type: string): unknown[] {
    const folder = join(this.#folder, type);
    const files = readdirSync(folder).sort();
    return files.map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")).body);
  }
}

export const file: Place = {
  name: "file",
  driver: "node:fs",
  ratio: 2,
  batch: 10,
  lists: 10,
  with: (measure) =>
    inFolder(async (folder) => {
      const store = await openStore(`file:${join(folder, "store")}`, { create: true, keys: [keyText(generateKey())] });
      try {
        return await measure(store, new BareFiles(join(folder, "bare")));
      } finally {
        await store.close();
      }
    }),
};

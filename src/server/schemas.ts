/**
 * Finds a schema as Prefect's API asks for one: by checksum alone, or as the one of a document. Touches the store's contract.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import type { MaskedDocument, Store, StoredSchema } from "../stores/store.ts";

/** How many checksums are remembered. */
const MOST_REMEMBERED = 10_000;

/** The schemas of a store. */
export class Schemas {
  readonly #store: Store;
  /** Where a checksum was found last: looked at first, and no more than that. */
  readonly #types = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The schema that a document was saved under; null when it is gone or damaged. */
  async of({ type, schema: checksum, version }: Pick<MaskedDocument, "type" | "schema" | "version">): Promise<StoredSchema | null> {
    if (checksum === "") return null;
    try {
      const own = await this.#store.schema({ type, checksum, version: version ?? "non-versioned" });
      return own ?? (await this.#store.schema({ type, checksum })) ?? (await this.find(checksum, version));
    } catch (error) {
      if (isAshlarError(error, "ERR_CANNOT_OPEN")) return null;
      throw error;
    }
  }

  /** The schema of a checksum, whatever its type; without a version the newest. */
  async find(checksum: string, version?: string): Promise<StoredSchema | null> {
    if (!/^sha256:[0-9a-f]{64}$/.test(checksum)) return null;
    if (version === undefined) return (await this.#store.schemas()).find((schema) => schema.checksum === checksum) ?? null;
    const last = this.#types.get(checksum);
    const known = last === undefined ? null : await this.#store.schema({ type: last, checksum, version });
    if (known) return known;
    for (const { slug } of await this.#store.types()) {
      const found = await this.#store.schema({ type: slug, checksum, version });
      if (!found) continue;
      if (this.#types.size === MOST_REMEMBERED) this.#types.clear();
      this.#types.set(checksum, slug);
      return found;
    }
    return null;
  }
}

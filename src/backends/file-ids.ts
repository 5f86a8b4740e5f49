/**
 * Which ids the folders of a store hold, so that one more record is written without reading all that are there. Touches nothing but the contract.
 *
 * A folder whose time of change is as it was holds what it held. Someone else's change within the same tick of the system's clock would go unseen;
 * what depends on it is only that no id comes twice, and ids are random.
 * @module
 */
import type { RecordKind } from "./backend.ts";

/** What is known of a store's folders; asked and told only while the store's lock is held. */
export class KnownIds {
  readonly #changed: (kind: RecordKind, type: string) => bigint | undefined;
  readonly #folders = new Map<string, { changed: bigint; readonly ids: Set<string> }>();

  /** @param changed when a folder was changed last; undefined where there is none. */
  constructor(changed: (kind: RecordKind, type: string) => bigint | undefined) {
    this.#changed = changed;
  }

  /** The ids in a folder; `read` is asked for them where it was changed since. */
  in(kind: RecordKind, type: string, read: () => Iterable<string>): ReadonlySet<string> {
    const changed = this.#changed(kind, type);
    if (changed === undefined) return new Set();
    const known = this.#folders.get(`${kind} ${type}`);
    if (known?.changed === changed) return known.ids;
    const ids = new Set(read());
    this.#folders.set(`${kind} ${type}`, { changed, ids });
    return ids;
  }

  /** Writes a record into its folder, of which is known afterwards what was known before, and this id. */
  writing({ kind, type, id }: { kind: RecordKind; type: string; id: string }, write: () => void): void {
    const known = this.#folders.get(`${kind} ${type}`);
    const fresh = known !== undefined && known.changed === this.#changed(kind, type);
    write();
    const changed = this.#changed(kind, type);
    if (!fresh || changed === undefined) return;
    known.ids.add(id);
    known.changed = changed;
  }
}

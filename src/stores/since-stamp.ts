/**
 * What was read while a store's stamp stood: it need not be read again until somebody changes something. Pure.
 * @module
 */

/** Values by key, all read since one stamp was given, at most so many. */
export class SinceStamp<T> {
  readonly #most: number;
  readonly #values = new Map<string, T>();
  #stamp: string | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** What was read under a key since the stamp was given; under another stamp all is forgotten. */
  get(stamp: string, key: string): T | undefined {
    if (stamp !== this.#stamp) this.#values.clear();
    this.#stamp = stamp;
    return this.#values.get(key);
  }

  /** Keeps what was read after `get` had nothing; nothing where the stamp has become another one meanwhile. */
  set(stamp: string, key: string, value: T): void {
    if (stamp !== this.#stamp) return;
    if (this.#values.size >= this.#most) this.#values.clear();
    this.#values.set(key, value);
  }
}

/**
 * State that all installed copies of Ashlar in one process share, so that a class of one is known to the other. Touches nothing else.
 * @module
 */

/** The value of that name, made on first use by whichever copy asks first. */
export function shared<T>(name: string, make: () => T): T {
  const key = Symbol.for(`ashlar.shared.${name}`);
  const home = globalThis as unknown as Record<symbol, T | undefined>;
  home[key] ??= make();
  return home[key] as T;
}

/**
 * `Secret<T>`: a value that shows itself to nobody unless asked by `reveal()`. Touches node:crypto and node:util only.
 *
 * What it cannot do: hide from a debugger, a heap snapshot or a core dump, and follow a string after `reveal()`.
 * @module
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** What stands where a secret was, always these eight characters, as Prefect's server writes it. */
export const MASK = "********";

const marker = Symbol.for("ashlar.secret");
const comparisonKey = randomBytes(32);

/**
 * Holds a value out of sight. Text, JSON, inspection, spreading, cloning and errors show a mask; `reveal()` is the only way out.
 *
 * Two secrets look alike to deep-equality functions (that is what hiding means): compare with {@link Secret.equals}.
 */
export class Secret<out T = string> {
  readonly #value: T;
  readonly #label: string | undefined;

  /**
   * @param value what to hide; taken as it is, without a copy.
   * @param label a name for logs in place of the mask, such as `"pager key"`; never derived from the value. Default: none.
   */
  constructor(value: T, label?: string) {
    this.#value = value;
    this.#label = label;
    Object.freeze(this);
  }

  /** The hidden value. What happens to it afterwards is up to the caller. */
  reveal(): T {
    return this.#value;
  }

  /** Whether another secret hides the same JSON value. Takes the same time wherever the two differ. */
  equals(other: unknown): boolean {
    return other instanceof Secret && timingSafeEqual(digest(this.#value), digest(other.reveal()));
  }

  /** The label, else `********`. */
  toString(): string {
    return this.#label ?? MASK;
  }

  /** Always `********`; `new X()` refuses to take that for a value. */
  toJSON(): string {
    return MASK;
  }

  /** Same as {@link Secret.toString}. */
  toLocaleString(): string {
    return this.toString();
  }

  /** `NaN` as a number, else the same as {@link Secret.toString}. */
  [Symbol.toPrimitive](hint: string): string | number {
    return hint === "number" ? Number.NaN : this.toString();
  }

  /** What `console.log` and `util.inspect` show: `Secret(********)`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Secret(${this.toString()})`;
  }

  get [Symbol.toStringTag](): string {
    return "Secret";
  }

  /** A secret of another installed copy of Ashlar is one too. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && marker in value;
  }
}

Object.defineProperty(Secret.prototype, marker, { value: true });

/** Keyed, so that the digest itself tells nothing, and of fixed length, so that the comparison is. */
function digest(value: unknown): Buffer {
  return createHmac("sha256", comparisonKey).update(stableText(value)).digest();
}

function stableText(value: unknown): string {
  if (typeof value === "bigint") return `n${value}`;
  if (typeof value !== "object" || value === null) return `${typeof value}${JSON.stringify(value) ?? ""}`;
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString("base64")}`;
  if (value instanceof Date) return `d${value.getTime()}`;
  if (value instanceof Secret) return `s${stableText(value.reveal())}`;
  if (Array.isArray(value)) return `[${value.map(stableText).join()}]`;
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined) // as JSON does
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${stableText(item)}`).join()}}`;
}

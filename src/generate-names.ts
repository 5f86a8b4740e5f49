/**
 * Names for what a schema calls by keys and titles: fields in camelCase, classes and models in PascalCase. Touches fields.ts and define.ts.
 * @module
 */
import { isReserved } from "./define.ts";
import { isIdentifier, lettersOf } from "./expression-text.ts";
import { snakeCase } from "./fields.ts";

/** What a generated file imports or may mean: a class of that name would hide it. */
const TAKEN = `Block AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError
  FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number
  Object Promise Proxy RangeError ReferenceError Reflect RegExp Secret Set SharedArrayBuffer String Symbol SyntaxError TypeError URIError Uint16Array
  Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly`.split(/\s+/);

/** The words of a key or title, apart at whatever is no letter or digit, and at capitals: `HTTPServer_v2` → HTTP, Server, v2. */
function wordsOf(text: string): string[] {
  return lettersOf(text)
    .replace(/([\p{Ll}\p{Nd}])(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, "$1 $2")
    .split(" ")
    .filter((word) => word !== "");
}

/** A class's name as people write it: `DatabricksCredentials` → Databricks Credentials. */
export function spaced(title: string): string {
  return wordsOf(title).join(" ");
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function camelCase(key: string): string {
  const [first = "", ...more] = wordsOf(key).map((word) => word.toLowerCase());
  return identifier(first + more.map(capital).join(""), "field");
}

function identifier(text: string, otherwise: string): string {
  if (text === "") return otherwise;
  return isIdentifier(text) ? text : `_${text}`;
}

/** A name of a field for each key: the one that gives the key back by itself, where there is one. */
export function fieldNames(keys: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  const fits = (name: string, key: string) => isIdentifier(name) && snakeCase(name) === key && !isReserved(name) && !taken.has(name);
  const choose = (key: string, name: string) => {
    names.set(key, name);
    taken.add(name);
  };
  for (const key of keys) {
    const name = [camelCase(key), key].find((each) => fits(each, key));
    if (name !== undefined) choose(key, name);
  }
  for (const key of keys) {
    if (names.has(key)) continue;
    const camel = camelCase(key);
    choose(key, unique(isReserved(camel) ? `${camel}_` : camel, "", taken));
  }
  return new Map(keys.map((key) => [key, names.get(key) as string]));
}

/** Names of one file's declarations, each once. */
export class DeclaredNames {
  readonly #taken = new Set(TAKEN);

  /** A name made of a title; one that is taken gets the suffix, and then a number. */
  declare(title: string, suffix: "Block" | "Model"): string {
    const words = wordsOf(title).map(capital).join("");
    const natural = isIdentifier(title) && /^\p{Lu}/u.test(title) ? title : identifier(words, suffix);
    const chosen = unique(natural, suffix, this.#taken);
    this.#taken.add(chosen);
    return chosen;
  }
}

function unique(name: string, suffix: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let chosen = name + suffix;
  for (let count = 2; taken.has(chosen); count++) chosen = `${name}${suffix}${count}`;
  return chosen;
}

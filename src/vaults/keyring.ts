/**
 * The keys that seal: where they come from, their text, their ids. Touches node:crypto, node:fs, and azure-key-vault.ts where keys lie in a Key
 * Vault; never makes a key unless asked to.
 *
 * A key's text is `ashlarkey1_`, 32 bytes in base64url, `_`, and six hexadecimal digits that find typing errors. Its id is derived from it, so
 * that two different keys never share one; ids stand in the records, in messages and in `ashlar key ls`, and tell nothing of the key.
 * @module
 */
import { argon2, createHash, randomBytes } from "node:crypto";
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { AshlarError } from "../errors.ts";

/** One key. */
export interface Key {
  /** Eight hexadecimal digits. */
  readonly id: string;
  /** 32 bytes; out of sight of inspection, JSON and clones. */
  readonly bytes: Uint8Array;
}

/** The keys of a store. */
export interface Keyring {
  /** The key that seals. */
  readonly primary: Key;
  /** A key by id; undefined when the ring does not hold it. */
  get(id: string): Key | undefined;
  /** All ids, primary first. */
  readonly ids: readonly string[];
  /** Where the keys come from, in words: "ASHLAR_KEYS", "the Key Vault secret URL", "the key file PATH", "the passphrase". */
  readonly source: string;
  /** Whether the ring was made from a passphrase: then an unknown key is a wrong passphrase. */
  readonly fromPassphrase: boolean;
  /** Whether they are to be read again: the key file was changed, or a Key Vault was asked a while ago. False for keys from elsewhere. */
  changed(): boolean;
}

const PREFIX = "ashlarkey1_";
const KEY_TEXT = /^ashlarkey1_([A-Za-z0-9_-]{43})_([0-9a-f]{6})$/;

function digest(label: string, bytes: Uint8Array): string {
  return createHash("sha256").update(`ashlar ${label}\0`).update(bytes).digest("hex");
}

class HiddenKey implements Key {
  readonly id: string;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.id = digest("key id", bytes).slice(0, 8);
    this.#bytes = bytes;
    Object.freeze(this);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }
}

function makeKey(bytes: Uint8Array): Key {
  return new HiddenKey(bytes);
}

/** A new random key. */
export function generateKey(): Key {
  return makeKey(new Uint8Array(randomBytes(32)));
}

/** The text of a key. It is as secret as what the key seals. */
export function keyText(key: Key): string {
  return `${PREFIX}${Buffer.from(key.bytes).toString("base64url")}_${digest("key check", key.bytes).slice(0, 6)}`;
}

/**
 * The key of a text.
 * @param where names the source in the message; the text itself never is.
 * @throws AshlarError `ERR_WRONG_KEY`
 */
export function parseKey(text: string, where: string): Key {
  const [, encoded, check] = KEY_TEXT.exec(text.trim()) ?? [];
  const bytes = encoded === undefined ? undefined : new Uint8Array(Buffer.from(encoded, "base64url"));
  if (bytes?.length === 32 && digest("key check", bytes).slice(0, 6) === check && Buffer.from(bytes).toString("base64url") === encoded)
    return makeKey(bytes);
  const reason = text.trim().startsWith(PREFIX) ? "is damaged: a character is missing or wrong" : `is no key: a key begins with ${PREFIX}`;
  throw new AshlarError("ERR_WRONG_KEY", `A key in ${where} ${reason}.`);
}

/** A ring of keys, the first one primary. @throws AshlarError `ERR_NO_KEY` without any. */
export function keyring(keys: readonly Key[], source: string, fromPassphrase = false, changed = () => false): Keyring {
  const [primary] = keys;
  if (!primary) throw new AshlarError("ERR_NO_KEY", `There is no key in ${source}.`);
  const byId = new Map(keys.map((key) => [key.id, key]));
  return Object.freeze({ primary, get: (id: string) => byId.get(id), ids: [...byId.keys()], source, fromPassphrase, changed });
}

/** All keys of a ring, primary first. */
export function keysOf(ring: Keyring): Key[] {
  return ring.ids.flatMap((id) => ring.get(id) ?? []);
}

/** Where {@link findKeyring} looks. */
export interface KeySources {
  /** Key texts given by code; nothing else is looked at then. */
  readonly keys?: readonly string[] | undefined;
  /** The key file's path. */
  readonly keyFile: string;
  /** Folder of the data, where no key may lie; undefined: not on disk. */
  readonly dataFolder?: string | undefined;
  /** Identity of the store, asked for only when a passphrase is to be salted with it. */
  readonly storeId: string | (() => Promise<string>);
  /** Default `process.env`. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/**
 * The keys of a store: those given, else `ASHLAR_KEYS` (separated by commas, the first one seals; or the URL of a secret in Azure Key Vault that
 * holds them), else the key file, else `ASHLAR_PASSPHRASE`.
 * Beside `ASHLAR_KEYS` or a key file the passphrase seals nothing, but what it sealed before still opens: its key comes last in the ring.
 *
 * @param needed ids of keys that records ask for. A passphrase beside other keys is looked at only when they lack one of these, since it costs a
 * second.
 * @throws AshlarError `ERR_NO_KEY`, with what to do; `ERR_WRONG_KEY` for a damaged text; `ERR_DENIED` for a key file that others may read or that
 * lies beside the data.
 */
export async function findKeyring(sources: KeySources, needed: readonly string[] = []): Promise<Keyring> {
  const ring = await keysAtHand(sources);
  const passphrase = (sources.environment ?? process.env).ASHLAR_PASSPHRASE;
  if (ring && (sources.keys || !passphrase || needed.every((id) => ring.get(id)))) return ring;
  if (!passphrase)
    throw new AshlarError(
      "ERR_NO_KEY",
      `There is no key: ASHLAR_KEYS is not set, the key file ${sources.keyFile} does not exist, and ASHLAR_PASSPHRASE is not set. "ashlar init" makes a key; if the store was sealed before, bring its key back instead.`,
    );
  let deriving = derived.get(sources);
  if (!deriving) derived.set(sources, (deriving = passphraseKey(passphrase, sources.storeId)));
  const key = await deriving;
  if (!ring) return keyring([key], "the passphrase", true);
  return needed.includes(key.id) ? keyring([...keysOf(ring), key], `${ring.source} and the passphrase`, false, ring.changed) : ring;
}

/** The keys that cost little to read. */
async function keysAtHand({ keys, environment = process.env, keyFile, dataFolder }: KeySources): Promise<Keyring | null> {
  const parsed = (texts: readonly string[], source: string) =>
    keyring(
      texts.map((text) => parseKey(text, source)),
      source,
    );
  if (keys) return parsed(keys, "the keys given");
  if (!environment.ASHLAR_KEYS) return readKeyFile(keyFile, dataFolder);
  if (/^\s*https:/.test(environment.ASHLAR_KEYS)) return keysInKeyVault(environment.ASHLAR_KEYS.trim());
  return parsed(
    environment.ASHLAR_KEYS.split(",").filter((text) => text.trim() !== ""),
    "ASHLAR_KEYS",
  );
}

/** How long keys out of a Key Vault seal before they are read again. */
const FRESH_MS = 300_000;

/** The keys in a secret of Azure Key Vault, whose text is that of a key file, or of `ASHLAR_KEYS`. */
async function keysInKeyVault(url: string): Promise<Keyring> {
  const { readKeyVaultSecret } = await import("./azure-key-vault.ts");
  const read = Date.now();
  const text = await readKeyVaultSecret(url);
  const source = `the Key Vault secret ${url}`;
  if (text === null)
    throw new AshlarError(
      "ERR_NO_KEY",
      `There is no key: ASHLAR_KEYS names ${source}, which does not exist. "ashlar init" without ASHLAR_KEYS makes a key file, and "az keyvault secret set --file" puts it there.`,
    );
  const keys = text.split(/[\n,]/).flatMap((line) => keyOfLine(line, source) ?? []);
  return keyring(keys, source, false, () => Date.now() - read > FRESH_MS);
}

/** What a passphrase gave, as long as the store is open: opening a page of records asks again for each. */
const derived = new WeakMap<KeySources, Promise<Key>>();

/** Argon2id (RFC 9106) with 256 MiB and three passes: about a second. The store's id is the salt. */
async function passphraseKey(passphrase: string, storeId: KeySources["storeId"]): Promise<Key> {
  const options = {
    message: passphrase.normalize("NFKC"),
    nonce: Buffer.from(typeof storeId === "string" ? storeId : await storeId()),
    parallelism: 1,
    tagLength: 32,
    memory: 262_144,
    passes: 3,
  };
  const bytes = await new Promise<Uint8Array>((done, failed) => {
    argon2("argon2id", options, (error: Error | null, key: Buffer) =>
      error
        ? failed(new AshlarError("ERR_UNSUPPORTED", "The key could not be derived from the passphrase: it takes 256 MiB of memory."))
        : done(new Uint8Array(key)),
    );
  });
  return makeKey(bytes);
}

/** The keys of a file, one a line, `#` begins a comment; null when the file does not exist. */
export function readKeyFile(path: string, dataFolder?: string): Keyring | null {
  return readKeyText(path, dataFolder)?.ring ?? null;
}

/** The key file with its text, for whoever writes it anew; null when it does not exist. */
export function readKeyText(path: string, dataFolder?: string): { readonly ring: Keyring; readonly text: string } | null {
  let file: number;
  try {
    // A link could be pointed elsewhere by someone else; the opened file is what gets checked.
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new AshlarError("ERR_DENIED", `The key file ${path} cannot be read (${code === "ELOOP" ? "it is a link" : code}).`);
  }
  try {
    const state = fstatSync(file, { bigint: true });
    checkOwned(path, state);
    checkApart(path, dataFolder);
    const text = readFileSync(file, "utf8");
    const source = `the key file ${path}`;
    const keys = text.split("\n").flatMap((line) => keyOfLine(line, source) ?? []);
    return { text, ring: keyring(keys, source, false, () => !isSame(state, path)) };
  } finally {
    closeSync(file);
  }
}

/** The key on a line of a key file; undefined where there is only a comment or nothing. */
export function keyOfLine(line: string, source: string): Key | undefined {
  const text = line.replace(/#.*/, "").trim();
  return text === "" ? undefined : parseKey(text, source);
}

function checkOwned(path: string, state: BigIntStats): void {
  if (!state.isFile()) throw new AshlarError("ERR_DENIED", `The key file ${path} is no file.`);
  if (process.platform === "win32") return;
  if ((state.mode & 0o077n) !== 0n)
    throw new AshlarError(
      "ERR_DENIED",
      `Others may read the key file ${path}: chmod 600 it. If they could have read it already, make a new key.`,
    );
  if (Number(state.uid) !== process.geteuid?.()) throw new AshlarError("ERR_DENIED", `The key file ${path} belongs to another user.`);
}

function isSame({ ino, size, mtimeNs }: BigIntStats, path: string): boolean {
  try {
    const now = statSync(path, { bigint: true });
    return now.ino === ino && now.size === size && now.mtimeNs === mtimeNs;
  } catch {
    return false; // whoever reads it again is told why that fails
  }
}

/**
 * Refuses a key beside the data, or in a folder below: whoever takes the one would have the other. Where the data lie in the user's home itself,
 * or above it, only a key right beside them is.
 * @throws AshlarError `ERR_DENIED`
 */
export function checkApart(keyFile: string, dataFolder: string | undefined): void {
  if (dataFolder === undefined) return;
  const [keys, data, home] = [dirname(resolve(keyFile)), resolve(dataFolder), homedir()].map(existingFolder) as [string, string, string];
  if (keys !== data && (!isBelow(keys, data) || home === data || isBelow(home, data))) return;
  throw new AshlarError(
    "ERR_DENIED",
    `The key file ${keyFile} lies in the folder of the data, ${dataFolder}: whoever copies that folder has both. Move one of them; ASHLAR_KEY_FILE names the key's place.`,
  );
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

function existingFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(existingFolder(above), basename(path)); // not there yet
  }
}

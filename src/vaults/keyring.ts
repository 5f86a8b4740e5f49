/**
 * The keys that seal: where they come from, their text, their ids. Touches node:crypto and node:fs; never makes a key unless asked to.
 *
 * A key's text is `ashlarkey1_`, 32 bytes in base64url, `_`, and six hexadecimal digits that find typing errors. Its id is derived from it, so
 * that two different keys never share one; ids stand in the records, in messages and in `ashlar key ls`, and tell nothing of the key.
 * @module
 */
import { argon2, createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AshlarError } from "../errors.ts";

/** One key. */
export interface Key {
  /** Eight hexadecimal digits. */
  readonly id: string;
  /** 32 bytes. */
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
  /** Where the keys come from, in words: "ASHLAR_KEYS", "the key file PATH", "the passphrase". */
  readonly source: string;
  /** Whether the ring was made from a passphrase: then an unknown key is a wrong passphrase. */
  readonly fromPassphrase: boolean;
}

const PREFIX = "ashlarkey1_";
const KEY_TEXT = /^ashlarkey1_([A-Za-z0-9_-]{43})_([0-9a-f]{6})$/;

function digest(label: string, bytes: Uint8Array): string {
  return createHash("sha256").update(`ashlar ${label}\0`).update(bytes).digest("hex");
}

function makeKey(bytes: Uint8Array): Key {
  return Object.freeze({ id: digest("key id", bytes).slice(0, 8), bytes });
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
export function keyring(keys: readonly Key[], source: string, fromPassphrase = false): Keyring {
  const [primary] = keys;
  if (!primary) throw new AshlarError("ERR_NO_KEY", `There is no key in ${source}.`);
  const byId = new Map(keys.map((key) => [key.id, key]));
  return Object.freeze({ primary, get: (id: string) => byId.get(id), ids: [...byId.keys()], source, fromPassphrase });
}

/** Where {@link findKeyring} looks. */
export interface KeySources {
  /** Key texts given by code; nothing else is looked at then. */
  readonly keys?: readonly string[] | undefined;
  /** The key file's path. */
  readonly keyFile: string;
  /** Folder of the data, where no key may lie; undefined: not on disk. */
  readonly dataFolder?: string | undefined;
  /** Identity of the store; salts a passphrase. */
  readonly storeId: string;
  /** Default `process.env`. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/**
 * The keys of a store: those given, else `ASHLAR_KEYS` (separated by commas, the first one seals), else the key file, else `ASHLAR_PASSPHRASE`.
 *
 * @throws AshlarError `ERR_NO_KEY`, with what to do; `ERR_WRONG_KEY` for a damaged text; `ERR_DENIED` for a key file that others may read or that
 * lies beside the data.
 */
export async function findKeyring(sources: KeySources): Promise<Keyring> {
  const environment = sources.environment ?? process.env;
  if (sources.keys)
    return keyring(
      sources.keys.map((text) => parseKey(text, "the keys given")),
      "the keys given",
    );
  const fromEnvironment = environment.ASHLAR_KEYS;
  if (fromEnvironment) {
    const texts = fromEnvironment.split(",").filter((text) => text.trim() !== "");
    return keyring(
      texts.map((text) => parseKey(text, "ASHLAR_KEYS")),
      "ASHLAR_KEYS",
    );
  }
  const fromFile = readKeyFile(sources.keyFile, sources.dataFolder);
  if (fromFile) return fromFile;
  const passphrase = environment.ASHLAR_PASSPHRASE;
  if (passphrase) return keyring([await passphraseKey(passphrase, sources.storeId)], "the passphrase", true);
  throw new AshlarError(
    "ERR_NO_KEY",
    `There is no key: ASHLAR_KEYS is not set, the key file ${sources.keyFile} does not exist, and ASHLAR_PASSPHRASE is not set. "ashlar init" makes a key; if the store was sealed before, bring its key back instead.`,
  );
}

/** Argon2id (RFC 9106) with 256 MiB and three passes: about a second. The store's id is the salt. */
async function passphraseKey(passphrase: string, storeId: string): Promise<Key> {
  const options = {
    message: passphrase.normalize("NFKC"),
    nonce: Buffer.from(storeId),
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
    const state = fstatSync(file);
    const { mode, uid } = state;
    if (!state.isFile()) throw new AshlarError("ERR_DENIED", `The key file ${path} is no file.`);
    if (process.platform !== "win32") {
      if ((mode & 0o077) !== 0)
        throw new AshlarError(
          "ERR_DENIED",
          `Others may read the key file ${path}: chmod 600 it. If they could have read it already, make a new key.`,
        );
      if (uid !== process.geteuid?.()) throw new AshlarError("ERR_DENIED", `The key file ${path} belongs to another user.`);
    }
    checkApart(path, dataFolder);
    const lines = readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.replace(/#.*/, "").trim());
    return keyring(
      lines.filter((line) => line !== "").map((line) => parseKey(line, `the key file ${path}`)),
      `the key file ${path}`,
    );
  } finally {
    closeSync(file);
  }
}

/** Refuses a key beside the data: whoever takes the one would have the other. */
function checkApart(keyFile: string, dataFolder: string | undefined): void {
  if (dataFolder === undefined || existingFolder(dirname(resolve(keyFile))) !== existingFolder(resolve(dataFolder))) return;
  throw new AshlarError(
    "ERR_DENIED",
    `The key file ${keyFile} lies in the folder of the data, ${dataFolder}: whoever copies that folder has both. Move one of them; ASHLAR_KEY_FILE names the key's place.`,
  );
}

function existingFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(existingFolder(above), basename(path)); // not there yet
  }
}

/**
 * Writes a new key file that only its owner may read.
 * @throws AshlarError `ERR_EXISTS` when there is one: a key is never overwritten; `ERR_DENIED`; `ERR_UNREACHABLE` when it cannot be written whole.
 */
export function writeKeyFile(path: string, keys: readonly Key[], dataFolder?: string): void {
  checkApart(path, dataFolder);
  const text = [
    "# Keys of an Ashlar store; the first one seals. Without them what is sealed cannot be read again: keep a copy.",
    ...keys.map(keyText),
    "",
  ].join("\n");
  let file: number;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && syscall === "open")
      throw new AshlarError("ERR_EXISTS", `There is a key file already: ${path}. It is left as it is.`);
    throw new AshlarError("ERR_DENIED", `The key file ${path} cannot be written (${code}).`);
  }
  try {
    fchmodSync(file, 0o600);
    writeSync(file, text);
    fsyncSync(file);
    syncFolder(dirname(path));
  } catch (error) {
    unlinkSync(path); // half a key is none
    throw new AshlarError("ERR_UNREACHABLE", `The key file ${path} cannot be written (${(error as NodeJS.ErrnoException).code}).`);
  } finally {
    closeSync(file);
  }
}

/** Until its folder is on the disk too, a power cut can take a new file away. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return; // folders cannot be opened there
  const folder = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * The vault of a keyring: seals with libsodium's XChaCha20-Poly1305 and commits to the key. Touches libsodium-wrappers and keyring.ts.
 *
 * A token is `ashlar1.KEYID.` and base64url of nonce (24 bytes) ‖ commitment (32) ‖ ciphertext. For a record's binding H and a random nonce,
 * `k ‖ commitment = BLAKE2b-512(key, "ashlar seal 1" ‖ H ‖ nonce)`; the AEAD runs under k with H as additional data. The commitment is checked
 * first: XChaCha20-Poly1305 alone opens a crafted ciphertext under two keys (reference: libsodium, "Key commitment").
 * @module
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type Sodium from "libsodium-wrappers";
import { AshlarError } from "../errors.ts";
import { checkDepth, MAX_JSON_DEPTH, parseJson } from "../json.ts";
import type { Key, Keyring } from "./keyring.ts";
import type { Binding, DerivedKey, Secrets, Vault } from "./vault.ts";

const FORMAT = "ashlar1";
const LABEL = Buffer.from("ashlar seal 1");
const DERIVE_LABEL = "ashlar derive 1\0";
const NONCE_BYTES = 24;
const COMMITMENT_BYTES = 32;
/** Plaintexts are filled up to a multiple of this, so that a token's length tells little of the secret's. */
const BLOCK_BYTES = 64;

/** Finds the keys; `needed` are ids that a record asks for. */
type Find = (needed: readonly string[]) => Promise<Keyring>;

/** A vault of a keyring; it does not need to know which record it seals. */
export interface KeyringVault extends Vault {
  seal(secrets: Secrets, binding: Binding): Promise<string> | string;
}

/**
 * A vault that seals with the keys of a ring.
 * @param ring the ring, or a function that finds it when the first record is to be sealed or opened, and again when a record needs a key that it
 * does not hold (it is told the id) or when the key file has changed.
 */
export async function sodiumVault(ring: Keyring | Find): Promise<KeyringVault> {
  const { default: sodium } = await import("libsodium-wrappers");
  await sodium.ready;
  return new SodiumVault(sodium, ring);
}

class SodiumVault implements KeyringVault {
  readonly #sodium: typeof Sodium;
  readonly #find: Find | undefined;
  #ring: Keyring | undefined;
  #loading: Promise<Keyring> | undefined;

  constructor(sodium: typeof Sodium, ring: Keyring | Find) {
    this.#sodium = sodium;
    if (typeof ring === "function") this.#find = ring;
    else this.#ring = ring;
  }

  seal(secrets: Secrets, binding: Binding): string | Promise<string> {
    const ring = this.#current();
    return ring ? this.#seal(ring, secrets, binding()) : this.#load([]).then((found) => this.#seal(found, secrets, binding()));
  }

  open(token: string, binding: Binding): Secrets | Promise<Secrets> {
    if (/^azure\d+\./.test(token)) throw inKeyVault(); // no key would help
    const ring = this.#ring;
    const id = this.keyOf(token);
    if (ring && (ring.get(id) || !this.#find || !/^[0-9a-f]{8}$/.test(id))) return this.#open(ring, token, binding());
    // A key that was added while this process runs: its sources are read once more before it counts as unknown.
    return this.#ringWith(id).then(
      (found) => this.#open(found, token, binding()),
      (error) => {
        if (!ring) throw error;
        return this.#open(ring, token, binding());
      },
    );
  }

  sealingKey(): string | Promise<string> {
    return this.#current()?.primary.id ?? this.#load([]).then((ring) => ring.primary.id);
  }

  async derive(purpose: string, key?: string): Promise<DerivedKey> {
    const ring = key === undefined ? (this.#current() ?? (await this.#load([]))) : await this.#ringWith(key);
    const master = key === undefined ? ring.primary : ring.get(key);
    if (!master) throw unknownKey(key ?? "", ring);
    return { key: master.id, bytes: this.#sodium.crypto_generichash(32, Buffer.from(DERIVE_LABEL + purpose), master.bytes) };
  }

  discard(): void {}

  keyOf(token: string): string {
    const [format = "", id = ""] = token.split(".", 2);
    return /^ashlar\d+$/.test(format) ? id : "";
  }

  async close(): Promise<void> {
    this.#ring = undefined;
  }

  /** The ring to seal with. One that is out of date must not: its first key may be one that is about to be retired. */
  #current(): Keyring | undefined {
    return this.#find && this.#ring?.changed() ? undefined : this.#ring;
  }

  /** The ring for a record; whoever waits for another record's key looks again for his own. */
  async #ringWith(id: string): Promise<Keyring> {
    while (this.#loading) await this.#loading.catch(() => undefined);
    return this.#ring && (this.#ring.get(id) || !this.#find) ? this.#ring : this.#load([id]);
  }

  async #load(needed: readonly string[]): Promise<Keyring> {
    if (!this.#find) throw new AshlarError("ERR_UNREACHABLE", "The vault was closed.");
    this.#loading ??= this.#find(needed); // once for all who wait: a passphrase takes a second and 256 MiB
    try {
      return (this.#ring = await this.#loading);
    } finally {
      this.#loading = undefined;
    }
  }

  #seal(ring: Keyring, secrets: Secrets, binding: Uint8Array): string {
    const sodium = this.#sodium;
    const nonce = randomBytes(NONCE_BYTES); // libsodium's own generator is 17 times slower in WebAssembly
    const { key, commitment } = this.#derive(ring.primary, binding, nonce);
    try {
      const text = Buffer.from(JSON.stringify(secrets));
      const padded = Buffer.alloc(Math.ceil((text.length + 1) / BLOCK_BYTES) * BLOCK_BYTES);
      text.copy(padded);
      padded[text.length] = 0x80; // ISO/IEC 7816-4
      const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(padded, binding, null, nonce, key);
      return `${FORMAT}.${ring.primary.id}.${Buffer.concat([nonce, commitment, sealed]).toString("base64url")}`;
    } finally {
      sodium.memzero(key);
    }
  }

  #open(ring: Keyring, token: string, binding: Uint8Array): Secrets {
    const sodium = this.#sodium;
    const [format, id, text, ...rest] = token.split(".");
    if (format !== FORMAT && /^ashlar\d+$/.test(format ?? ""))
      throw new AshlarError("ERR_UNSUPPORTED", `This record was sealed by a newer version of Ashlar (format ${format}).`);
    if (format !== FORMAT || id === undefined || text === undefined || rest.length > 0 || !/^[0-9a-f]{8}$/.test(id)) throw cannotOpen();
    const master = ring.get(id);
    if (!master) throw unknownKey(id, ring);
    const bytes = Buffer.from(text, "base64url");
    if (
      bytes.toString("base64url") !== text ||
      bytes.length < NONCE_BYTES + COMMITMENT_BYTES + sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES
    )
      throw cannotOpen();
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const { key, commitment } = this.#derive(master, binding, nonce);
    try {
      if (!timingSafeEqual(commitment, bytes.subarray(NONCE_BYTES, NONCE_BYTES + COMMITMENT_BYTES))) throw cannotOpen();
      return parseSecrets(
        sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, bytes.subarray(NONCE_BYTES + COMMITMENT_BYTES), binding, nonce, key),
      );
    } catch {
      throw cannotOpen(); // one answer for every way in which a record can be damaged, and no cause: it could quote the text
    } finally {
      sodium.memzero(key);
    }
  }

  #derive(master: Key, binding: Uint8Array, nonce: Uint8Array): { key: Uint8Array; commitment: Uint8Array } {
    const both = this.#sodium.crypto_generichash(64, Buffer.concat([LABEL, binding, nonce]), master.bytes);
    return { key: both.subarray(0, 32), commitment: both.subarray(32) };
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function parseSecrets(padded: Uint8Array): Secrets {
  const end = padded.lastIndexOf(0x80);
  const secrets = parseJson(strictUtf8.decode(padded.subarray(0, end)));
  if (typeof secrets !== "object" || secrets === null || Array.isArray(secrets)) throw cannotOpen();
  checkDepth(secrets, "A secret", MAX_JSON_DEPTH + 1); // each may have that many levels
  return secrets as Secrets;
}

function inKeyVault(): AshlarError {
  return new AshlarError(
    "ERR_CANNOT_OPEN",
    "Its secrets are in Azure Key Vault: name that in the store's URL, ?vault=https://NAME.vault.azure.net.",
  );
}

/** What stands in the record is named by whoever asked for it. */
function cannotOpen(): AshlarError {
  return new AshlarError("ERR_CANNOT_OPEN", "The record was changed, moved or damaged since it was sealed.");
}

function unknownKey(id: string, ring: Keyring): AshlarError {
  if (ring.fromPassphrase)
    return new AshlarError("ERR_WRONG_KEY", "The passphrase is not the one that this record was sealed with.", { keys: [id] });
  return new AshlarError(
    "ERR_UNKNOWN_KEY",
    `The record is sealed with key ${id}; ${ring.source} holds ${ring.ids.length === 1 ? "only " : ""}${ring.ids.join(", ")}. Bring ${id} back: nothing else opens it.`,
    { keys: [id] },
  );
}

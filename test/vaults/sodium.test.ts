/** The sodium vault beyond its contract: format, commitment to the key, nonces, padding, and when the ring is looked for. */
import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import sodium from "libsodium-wrappers";
import { beforeAll, describe, expect, it } from "vitest";
import { generateKey, type Key, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { twoKeyCiphertext } from "./two-keys.ts";

const binding = () => new Uint8Array(32).fill(7);
const key = generateKey();
const vaultOf = (...keys: Key[]) => sodiumVault(keyring(keys, "a test"));

beforeAll(() => sodium.ready);

/** The parts of a token. */
function partsOf(token: string): { nonce: Buffer; commitment: Buffer; ciphertext: Buffer } {
  const bytes = Buffer.from(token.split(".")[2] ?? "", "base64url");
  return { nonce: bytes.subarray(0, 24), commitment: bytes.subarray(24, 56), ciphertext: bytes.subarray(56) };
}

/** Key and commitment as the format defines them, computed without the vault. */
function derive({ bytes }: Key, nonce: Uint8Array): { aead: Uint8Array; commitment: Uint8Array } {
  const both = sodium.crypto_generichash(64, Buffer.concat([Buffer.from("ashlar seal 1"), binding(), nonce]), bytes);
  return { aead: both.subarray(0, 32), commitment: both.subarray(32) };
}

function token(id: string, ...parts: Uint8Array[]): string {
  return `ashlar1.${id}.${Buffer.concat(parts).toString("base64url")}`;
}

describe("the format", () => {
  it("is what its description says: a token made by hand opens, and one of the vault's opens by hand", async () => {
    const vault = await vaultOf(key);
    const nonce = randomBytes(24);
    const { aead, commitment } = derive(key, nonce);
    const padded = Buffer.concat([Buffer.from('{"/a":"by hand"}'), Buffer.of(0x80), Buffer.alloc(47)]);
    const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(padded, binding(), null, nonce, aead);
    expect(vault.open(token(key.id, nonce, commitment, sealed), binding)).toEqual({ "/a": "by hand" });

    const parts = partsOf(await vault.seal({ "/a": "b" }, binding));
    const own = derive(key, parts.nonce);
    expect(parts.commitment.equals(own.commitment)).toBe(true);
    const opened = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, parts.ciphertext, binding(), parts.nonce, own.aead);
    expect(
      Buffer.from(opened)
        .toString()
        .replace(/\x80?\0*$/, ""),
    ).toContain('{"/a":"b"}');
  });

  it("of a later version is ERR_UNSUPPORTED, which is neither damage nor another key", async () => {
    const vault = await vaultOf(key);
    for (const format of ["ashlar2", "ashlar10"])
      expect(() => vault.open(`${format}.${key.id}.AAAA`, binding)).toThrow(expect.objectContaining({ code: "ERR_UNSUPPORTED" }));
  });

  it("refuses what is validly sealed and is no object of secrets, without quoting it", async () => {
    const vault = await vaultOf(key);
    for (const text of ["[]", "5", "null", '"s3cret"', "{", "s3cret", "", `{"/a":${"[".repeat(80)}1${"]".repeat(80)}}`]) {
      const nonce = randomBytes(24);
      const { aead, commitment } = derive(key, nonce);
      const padded = Buffer.concat([Buffer.from(text), Buffer.of(0x80)]);
      const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(padded, binding(), null, nonce, aead);
      let refusal: unknown;
      try {
        await vault.open(token(key.id, nonce, commitment, sealed), binding);
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toMatchObject({ code: "ERR_CANNOT_OPEN" });
      expect(inspect(refusal, { showHidden: true })).not.toMatch(/s3cret|cause/);
    }
  });
});

describe("commitment to the key", () => {
  it("refuses a ciphertext that opens under two keys, which bare XChaCha20-Poly1305 accepts", async () => {
    const [one, other] = [generateKey(), generateKey()];
    const vault = await vaultOf(one, other);
    const nonce = randomBytes(24);
    const [first, second] = [derive(one, nonce), derive(other, nonce)];
    const ciphertext = twoKeyCiphertext(first.aead, second.aead, nonce, binding());
    const opened = [first, second].map(({ aead }) =>
      Buffer.from(sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, ciphertext, binding(), nonce, aead)),
    );
    expect(opened[0]?.length).toBe(opened[1]?.length);
    expect(opened[0]?.equals(opened[1] as Buffer)).toBe(false); // two different plaintexts of one ciphertext

    // One commitment stands in a token. Whichever it is, the other key is refused before the cipher is asked.
    const asked = countDecryptions();
    for (const [id, commitment] of [
      [one.id, second.commitment],
      [other.id, first.commitment],
    ] as const)
      expect(() => vault.open(token(id, nonce, commitment, ciphertext), binding)).toThrow(
        expect.objectContaining({ code: "ERR_CANNOT_OPEN" }),
      );
    expect(asked()).toBe(0);
    expect(() => vault.open(token(one.id, nonce, first.commitment, ciphertext), binding)).toThrow(); // its plaintext is noise
    expect(asked()).toBe(1);
  });

  it("refuses the wrong key of the right id at the commitment", async () => {
    const sealed = await (await vaultOf(key)).seal({ "/a": "b" }, binding);
    const impostor = { id: key.id, bytes: generateKey().bytes };
    const vault = await vaultOf(impostor);
    const asked = countDecryptions();
    expect(() => vault.open(sealed, binding)).toThrow(expect.objectContaining({ code: "ERR_CANNOT_OPEN" }));
    expect(asked()).toBe(0);
  });

  /** Counts calls of the cipher from now on. */
  function countDecryptions(): () => number {
    const name = "crypto_aead_xchacha20poly1305_ietf_decrypt";
    const original = sodium[name];
    let count = 0;
    sodium[name] = ((...given: Parameters<typeof original>) => {
      count++;
      return original(...given);
    }) as typeof original;
    return () => count;
  }
});

describe("nonces and padding", () => {
  it("never repeat a nonce, nor a commitment", async () => {
    const vault = await vaultOf(key);
    const tokens = await Promise.all(Array.from({ length: 2000 }, () => vault.seal({}, binding)));
    expect(new Set(tokens.map((each) => partsOf(each).nonce.toString("hex"))).size).toBe(2000);
    expect(new Set(tokens.map((each) => partsOf(each).commitment.toString("hex"))).size).toBe(2000);
  });

  it("fill up to 64 bytes, so that a token's length tells only of how many", async () => {
    const vault = await vaultOf(key);
    const lengthOf = async (size: number) => partsOf(await vault.seal({ "/a": "x".repeat(size) }, binding)).ciphertext.length - 16;
    const frame = JSON.stringify({ "/a": "" }).length;
    expect(await lengthOf(0)).toBe(64);
    expect(await lengthOf(63 - frame)).toBe(64);
    expect(await lengthOf(64 - frame)).toBe(128); // the end's mark takes one byte
    expect(await lengthOf(127 - frame)).toBe(128);
    expect(partsOf(await vault.seal({}, binding)).ciphertext.length - 16).toBe(64);
  });
});

describe("the ring", () => {
  it("is looked for once, by the first who needs it, and again after a failure", async () => {
    let looked = 0;
    const vault = await sodiumVault(async () => {
      looked++;
      await new Promise((done) => setTimeout(done, 5));
      if (looked === 1) throw new Error("not there yet");
      return keyring([key], "a test");
    });
    expect(looked).toBe(0);
    const failed = await Promise.allSettled([vault.seal({}, binding), vault.seal({}, binding)]);
    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(looked).toBe(1);
    const [sealed] = await Promise.all([vault.seal({ "/a": 1 }, binding), vault.seal({}, binding)]);
    expect(await vault.open(sealed ?? "", binding)).toEqual({ "/a": 1 });
    expect(looked).toBe(2);
  });

  it("seals with its first key and opens with any", async () => {
    const [old, fresh] = [generateKey(), generateKey()];
    const before = await (await vaultOf(old)).seal({ "/a": 1 }, binding);
    const vault = await vaultOf(fresh, old);
    expect(await vault.open(before, binding)).toEqual({ "/a": 1 });
    expect(vault.keyOf(before)).toBe(old.id);
    expect(vault.keyOf(await vault.seal({}, binding))).toBe(fresh.id);
    const retired = await vaultOf(fresh);
    expect(() => retired.open(before, binding)).toThrow(
      expect.objectContaining({ code: "ERR_UNKNOWN_KEY", message: expect.stringMatching(new RegExp(`${old.id}.*only ${fresh.id}`)) }),
    );
  });
});

/**
 * Makes a ciphertext that XChaCha20-Poly1305 opens under two keys. Poly1305 is a polynomial over 2^130 - 5: for two known one-time keys, one free
 * block solves for equal tags (RFC 8439 §2.5; the attack is that of "Partitioning Oracle Attacks", Len, Grubbs and Ristenpart 2021).
 */
import { createCipheriv, randomBytes } from "node:crypto";

const P = (1n << 130n) - 5n;
const TAG = 1n << 128n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** Ciphertext and tag for two keys, one nonce and one additional data. */
export function twoKeyCiphertext(one: Uint8Array, other: Uint8Array, nonce: Uint8Array, additional: Uint8Array): Uint8Array {
  const keys = [oneTimeKey(one, nonce), oneTimeKey(other, nonce)] as const;
  for (;;) {
    const filler = randomBytes(48);
    const blocks = [...blocksOf(additional), ...blocksOf(filler), 0n, lengths(additional.length, 64)];
    const free = blocks.length - 2;
    const found = solve(keys, blocks, free);
    if (found === undefined) continue;
    const tag = tagOf(keys[0], blocks.with(free, found + TAG));
    return Buffer.concat([filler, littleEndian(found), littleEndian(tag)]);
  }
}

interface OneTimeKey {
  readonly r: bigint;
  readonly s: bigint;
}

/** The value of the free block that gives both keys one tag, if there is one below 2^128. */
function solve([a, b]: readonly [OneTimeKey, OneTimeKey], blocks: readonly bigint[], free: number): bigint | undefined {
  const [fixedA, fixedB] = [a, b].map(({ r }) => evaluate(blocks.with(free, TAG), r)) as [bigint, bigint];
  const power = BigInt(blocks.length - free);
  const slope = mod(powerOf(a.r, power) - powerOf(b.r, power));
  for (let carry = -4n; carry <= 4n; carry++) {
    const value = mod((fixedB + b.s - fixedA - a.s + carry * TAG) * powerOf(slope, P - 2n));
    if (value >= TAG) continue;
    const filled = blocks.with(free, value + TAG);
    if (tagOf(a, filled) === tagOf(b, filled)) return value;
  }
  return undefined;
}

function tagOf({ r, s }: OneTimeKey, blocks: readonly bigint[]): bigint {
  return (evaluate(blocks, r) + s) % TAG;
}

function evaluate(blocks: readonly bigint[], r: bigint): bigint {
  return blocks.reduce((sum, block) => mod((sum + block) * r), 0n);
}

function mod(value: bigint): bigint {
  return ((value % P) + P) % P;
}

function powerOf(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = mod(base), rest = exponent; rest > 0n; rest >>= 1n, square = mod(square * square))
    if (rest & 1n) result = mod(result * square);
  return result;
}

/** Sixteen bytes a block, each with Poly1305's final 1; whole blocks only. */
function blocksOf(bytes: Uint8Array): bigint[] {
  return Array.from({ length: bytes.length / 16 }, (_, index) => number(bytes.subarray(index * 16, index * 16 + 16)) + TAG);
}

function lengths(additional: number, ciphertext: number): bigint {
  return BigInt(additional) + (BigInt(ciphertext) << 64n) + TAG;
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function littleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(32, "0"), "hex").reverse();
}

/** The first block of the key stream under HChaCha20's subkey. */
function oneTimeKey(key: Uint8Array, nonce: Uint8Array): OneTimeKey {
  const iv = Buffer.concat([Buffer.alloc(8), nonce.subarray(16)]);
  const block = createCipheriv("chacha20", hchacha20(key, nonce), iv).update(Buffer.alloc(32));
  return { r: number(block.subarray(0, 16)) & CLAMP, s: number(block.subarray(16)) };
}

/** draft-irtf-cfrg-xchacha-03 §2.2. */
function hchacha20(key: Uint8Array, nonce: Uint8Array): Buffer {
  const input = Buffer.concat([Buffer.from("expand 32-byte k"), key, nonce.subarray(0, 16)]);
  const state = Array.from({ length: 16 }, (_, index) => input.readUInt32LE(index * 4));
  const rotate = (target: number, from: number, bits: number) => {
    const mixed = ((state[target] as number) ^ (state[from] as number)) >>> 0;
    state[target] = ((mixed << bits) | (mixed >>> (32 - bits))) >>> 0;
  };
  const add = (target: number, from: number) => (state[target] = ((state[target] as number) + (state[from] as number)) >>> 0);
  const quarter = (a: number, b: number, c: number, d: number) => {
    for (const [left, right] of [
      [16, 12],
      [8, 7],
    ] as const) {
      add(a, b);
      rotate(d, a, left);
      add(c, d);
      rotate(b, c, right);
    }
  };
  for (let round = 0; round < 10; round++) {
    for (let column = 0; column < 4; column++) quarter(column, column + 4, column + 8, column + 12);
    for (let column = 0; column < 4; column++) quarter(column, 4 + ((column + 1) % 4), 8 + ((column + 2) % 4), 12 + ((column + 3) % 4));
  }
  const output = Buffer.alloc(32);
  for (const [index, word] of [0, 1, 2, 3, 12, 13, 14, 15].entries()) output.writeUInt32LE(state[word] as number, index * 4);
  return output;
}

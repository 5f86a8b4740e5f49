/** Random numbers that come again: the seed is `ASHLAR_SEED` or the one given, and stands in every failure's message. */

/** A source of whole numbers from 0 up to, not including, `below`. */
export type Random = (below: number) => number;

/** The seed to use: a failure is repeated with `ASHLAR_SEED=…`. */
export function seedOr(usual: number): number {
  return Number(process.env.ASHLAR_SEED ?? usual);
}

/** mulberry32: small, and each of its bits is good enough to choose by. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

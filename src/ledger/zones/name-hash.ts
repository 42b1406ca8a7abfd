import { randomFactors, spread } from "../keyed-hash.ts";

/** Bytes with a factor each; the bytes behind them have these factors again. */
const FACTORS = 1024;

let factors = randomFactors(FACTORS);

/** What the hashes of this thread depend on. */
export function nameKey(): Int32Array {
  return factors;
}

/** Has names hashed in this thread as they are in the one that this is the key of. To be called before any is. */
export function useNameKey(key: Int32Array): void {
  factors = key;
}

/**
 * Hashes the name bytes[from, to) as keyed-hash.ts says: two names have the same hash in one case of 2^24 at most, unless
 * they are longer than FACTORS and differ in more than one piece of so many bytes. Hot; does not allocate.
 */
export function nameHash(bytes: Uint8Array, from: number, to: number): number {
  const key = factors;
  let sum = 0;
  for (let start = from; start < to; start += FACTORS) {
    const end = Math.min(to, start + FACTORS);
    sum = spread(sum);
    // 1 more than the byte: so that zeros at the end count.
    for (let k = start; k < end; k++) sum = (sum + Math.imul(key[k - start]!, bytes[k]! + 1)) | 0;
  }
  return spread(sum) >>> 0;
}

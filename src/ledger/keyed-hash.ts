/*
 * Hashes that nobody can make collide who does not know their key, which is drawn at random for each. A seed that only
 * starts the mixing would not do: for MurmurHash3 and FNV-1a there are words that collide whatever it is (Aumasson and
 * Bernstein, SipHash, section 7).
 *
 * They are sums of numbers, each times a random factor of its place (Lemire and Kaser, Strongly Universal String Hashing
 * Is Fast, section 2). Of two keys that differ in one number by d, a multiple of 2^v and no more, 2^v of all 2^32 factors
 * make the sums equal, whatever the other factors are. The finalizer of MurmurHash3, a bijection, spreads a sum over all
 * bits.
 */

const FACTORS_PER_WORD = 2;

/** Of a fixed number of words, by their halves: two keys have the same one in one case of 2^17 at most. */
export class KeyedHash {
  /** | of the lower half of word 0, of its upper half | of word 1 ... */
  readonly #factors: Int32Array;

  constructor(words: number) {
    this.#factors = randomFactors(FACTORS_PER_WORD * words);
  }

  /** Of all words. Hot; does not allocate. */
  of(words: Int32Array): number {
    let sum = 0;
    for (let k = 0; k < words.length; k++) sum = (sum + this.#term(k, words[k]!)) | 0;
    return spread(sum);
  }

  /** Of five words. Hot; does not allocate. */
  ofFive(word0: number, word1: number, word2: number, word3: number, word4: number): number {
    const lower = this.#term(0, word0) + this.#term(1, word1);
    return spread(lower + this.#term(2, word2) + this.#term(3, word3) + this.#term(4, word4));
  }

  #term(k: number, word: number): number {
    const at = FACTORS_PER_WORD * k;
    return Math.imul(this.#factors[at]!, word & 0xffff) + Math.imul(this.#factors[at + 1]!, word >>> 16);
  }
}

/** Others each time. They are no secret worth node:crypto, which would cost the start 6 ms: no hash is ever shown. */
export function randomFactors(count: number): Int32Array {
  return Int32Array.from({ length: count }, () => Math.floor(Math.random() * 2 ** 32) | 0);
}

/** The finalizer of MurmurHash3, of a sum (Austin Appleby, public domain). */
export function spread(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}

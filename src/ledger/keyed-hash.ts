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

/**
 * Of four words, in its upper bits, as many as are needed: two keys have the same 17 of them in one case of 2^17 at most.
 * A product for each two halves instead of one for each (MULTILINEAR-HM, as above). A factor is a field, which needs no
 * test of bounds.
 */
export class AddressHash {
  readonly #lower0: number;
  readonly #upper0: number;
  readonly #lower1: number;
  readonly #upper1: number;
  readonly #lower2: number;
  readonly #upper2: number;
  readonly #lower3: number;
  readonly #upper3: number;

  constructor() {
    const factors = randomFactors(4 * FACTORS_PER_WORD);
    this.#lower0 = factors[0]!;
    this.#upper0 = factors[1]!;
    this.#lower1 = factors[2]!;
    this.#upper1 = factors[3]!;
    this.#lower2 = factors[4]!;
    this.#upper2 = factors[5]!;
    this.#lower3 = factors[6]!;
    this.#upper3 = factors[7]!;
  }

  /** Hot; does not allocate. */
  of(word0: number, word1: number, word2: number, word3: number): number {
    return (
      Math.imul(this.#lower0 + (word0 & 0xffff), this.#upper0 + (word0 >>> 16)) +
      Math.imul(this.#lower1 + (word1 & 0xffff), this.#upper1 + (word1 >>> 16)) +
      Math.imul(this.#lower2 + (word2 & 0xffff), this.#upper2 + (word2 >>> 16)) +
      Math.imul(this.#lower3 + (word3 & 0xffff), this.#upper3 + (word3 >>> 16))
    );
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

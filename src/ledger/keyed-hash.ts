const FACTORS_PER_WORD = 2;

/**
 * A hash of a fixed number of words that nobody can make collide without the seed, which is another in each process. A
 * seed that only starts the mixing would not do: for MurmurHash3 and FNV-1a there are words that collide whatever it is
 * (Aumasson and Bernstein, SipHash, section 7).
 *
 * A sum of halves of words, each times a random factor: of any two keys, one pair of 65,536 at most has the same one
 * (Lemire and Kaser, Strongly Universal String Hashing Is Fast, section 2). The finalizer of MurmurHash3, a bijection,
 * spreads it over all bits.
 */
export class KeyedHash {
  /** | of the lower half of word 0, of its upper half | of word 1 ... */
  readonly #factors: Int32Array;

  constructor(seed: number, words: number) {
    this.#factors = randomWords(seed, FACTORS_PER_WORD * words);
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

/** Words that look random and follow from a seed: splitmix32 (Steele, Lea and Flood, OOPSLA 2014). */
export function randomWords(seed: number, count: number): Int32Array {
  let state = seed | 0;
  return Int32Array.from({ length: count }, () => {
    state = (state + 0x9e37_79b9) | 0;
    return spread(state);
  });
}

/** The finalizer of MurmurHash3 (Austin Appleby, public domain). */
function spread(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}

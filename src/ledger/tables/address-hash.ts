/*
 * The multilinear hash of Dietzfelbinger (Universal Hashing and k-wise Independent Random Variables via Integer Arithmetic
 * without Primes, section 3), in doubles, which have one multiplication a word: of a sum of words, each times a random
 * factor, the bits in the middle. A factor is a multiple of 2^-32 below 2^18, so that they are the last ones before the
 * point. If two addresses differ in one word by d, a multiple of 2^v and no more, the factor times d is as likely any
 * multiple of 2^(v - 32) modulo 2^18: their last k bits are equal in about one case of 2^(k - 2) at most, for k up to 18.
 * What is rounded stands 2 bits behind the point.
 *
 * Addresses in a row have sums in a row, which some factors crowd. So the sum is mixed: that is a bijection, which keeps
 * different sums apart.
 */
const FACTOR_BITS = 50;
const WORD_BITS = 32;

/** Others each time the program runs. More than are needed: an array as long as this stays at one place in memory. */
const FACTORS = Float64Array.from({ length: 16 }, () => Math.floor(Math.random() * 2 ** FACTOR_BITS) / 2 ** WORD_BITS);

/** Of four signed words, in its last bits, as many as are needed: nobody can tell which addresses collide. Hot. */
export function addressHash(word0: number, word1: number, word2: number, word3: number): number {
  const sum = (FACTORS[0]! * word0 + FACTORS[1]! * word1 + (FACTORS[2]! * word2 + FACTORS[3]! * word3)) | 0;
  const hash = Math.imul(sum ^ (sum >>> 15), 0x9e37_79b1);
  return hash ^ (hash >>> 15);
}

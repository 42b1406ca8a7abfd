const MIN_BOUND = 64;
/** Upper bounds of the buckets in bytes, inclusive; what is larger falls into one more bucket, `+Inf`. */
export const BUCKET_BOUNDS = [MIN_BOUND, 128, 256, 512, 1024, 2048] as const;

/** Buckets of a histogram, `+Inf` included. */
export const BUCKETS = 7;

/*
 * A slot: one histogram in eight doubles, a cache line. Buckets are exclusive: a packet costs one increment, and the
 * cumulative counts of the page are summed when it is written.
 *
 *     | <=64 | <=128 | <=256 | <=512 | <=1024 | <=2048 | more | sum of bytes |
 */
export const SLOT_DOUBLES = BUCKETS + 1;
export const SUM = BUCKETS;

/** Bucket of a packet of `lengthBytes` (0 to 2^31-1): the smallest k with lengthBytes <= 64 * 2^k. Hot. */
export function bucketOf(lengthBytes: number): number {
  if (lengthBytes <= MIN_BOUND) return 0;
  const bucket = 32 - Math.clz32((lengthBytes - 1) >> 6);
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

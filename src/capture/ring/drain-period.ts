/**
 * How often finished blocks are read, in milliseconds; a scrape reads them too. Sooner if packets come so fast, or the ring
 * is so small, that a good part of the ring is filled meanwhile. Not sooner than needed: each time costs 100 to 300 µs,
 * because the event loop has gone cold.
 */
const PERIODS_MS = [80, 50, 25, 10] as const;
const PERIODS_OF_OTHERS_MS = PERIODS_MS.slice(1);
const BUSY_SHARE = 1 / 4;
/**
 * Room for what may come out of silence in the longest period: 3.5 million packets a second of IPv4, 3.1 of IPv6, where
 * 50 ms have room for 5.6 and 4.9.
 */
const ROOMY_BYTES = 32 * 1024 * 1024;

/** What a ring holds. */
export interface RingRoom {
  readonly bytes: number;
  /** Frames are snapped behind their transport header, or that of a tunnel: a packet may take five times the room. */
  readonly hasLongFrames: boolean;
}

/** Milliseconds until a ring is read again of which packets fill this share in a millisecond. Does not allocate. */
export function drainPeriod({ bytes, hasLongFrames }: RingRoom, sharePerMs: number): number {
  const periods = bytes < ROOMY_BYTES || hasLongFrames ? PERIODS_OF_OTHERS_MS : PERIODS_MS;
  for (const ms of periods) if (sharePerMs * ms < BUSY_SHARE) return ms;
  return periods.at(-1)!;
}

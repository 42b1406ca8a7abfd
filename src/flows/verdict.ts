/** What a datagram is: read, or why it was not, or not to its end. */
export const Verdict = {
  READ: 0,
  /** None of the protocols that are known here. */
  VERSION: 1,
  /** It ends before what it says that it holds. */
  TRUNCATED: 2,
  /** It contradicts itself. */
  MALFORMED: 3,
  /** There is no room for another exporter, or another domain of one. */
  CROWDED: 4,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** All but `READ`, with their names on the page. */
export const REFUSALS = [
  [Verdict.VERSION, "version"],
  [Verdict.TRUNCATED, "truncated"],
  [Verdict.MALFORMED, "malformed"],
  [Verdict.CROWDED, "crowded"],
] as const;

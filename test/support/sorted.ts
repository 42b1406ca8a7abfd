/** Counts in the order of their names, so that what differs stands side by side in a failure. */
export function sorted<T>(counts: Iterable<readonly [string, T]>): Map<string, T> {
  return new Map([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The name that another one is likely meant to be; undefined: none is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  return [...known]
    .map((spelling) => ({ spelling, distance: distance(name, spelling) }))
    .filter((each) => each.distance <= Math.max(2, name.length / 4) && each.distance < name.length)
    .toSorted((a, b) => a.distance - b.distance)[0]?.spelling;
}

/** Characters to insert, delete or change to make one word the other (Levenshtein); a missing "web." counts nothing. */
function distance(from: string, to: string): number {
  if (to.endsWith(`.${from}`)) return 0;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at++) {
      const change = row[at - 1]! + (from[index] === to[at - 1] ? 0 : 1);
      next.push(Math.min(change, row[at]! + 1, next[at - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

import fc from "fast-check";

/** What was written, with up to four of its bytes changed. */
export function damaged(good: Uint8Array): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  return changes.map((changed) => {
    const bytes = Uint8Array.from(good);
    for (const [at, value] of changed) bytes[at] = value;
    return bytes;
  });
}

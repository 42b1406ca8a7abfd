import { ErrorCode, PromtapError } from "../errors.ts";
import { type Range, rangeSeries } from "../ledger/ranges.ts";
import { MAX_IPV4_SERIES } from "../config/range-syntax.ts";
import { parseLabels } from "../page/labels.ts";
import { textAt } from "./label-texts.ts";
import type { PrefixSet } from "./prefix-set.ts";
import { prefixText } from "./prefix-text.ts";

/** What has series of its own for each address. */
export const BY_ADDRESS = "address";

/**
 * The prefixes of lists by address as ranges, the longest first: the first range that holds an address has it. Throws a
 * usage error if they have more addresses than can be counted one by one.
 */
export function addressRanges(sets: readonly PrefixSet[]): Range[] {
  const ranges = sets.flatMap(rangesOf);
  const series = ranges.reduce((sum, range) => sum + (range.version === 4 ? rangeSeries(range) : 0), 0);
  if (series > MAX_IPV4_SERIES) {
    throw new PromtapError(
      ErrorCode.USAGE,
      `lists by address have ${series} IPv4 addresses; legal is at most ${MAX_IPV4_SERIES}: use series=prefix or labels`,
    );
  }
  return ranges.toSorted((a, b) => lengthOf(a, b));
}

/** Compares by the number of addresses: fewer are a longer prefix. */
function lengthOf(a: Range, b: Range): number {
  const [first, second] = [a.last - a.first, b.last - b.first];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

function rangesOf(set: PrefixSet): Range[] {
  const labels = Array.from(set.labels.ends, (_, index) => parseLabels(textAt(set.labels, index)));
  return Array.from({ length: set.count }, (_, index) => {
    const version = set.versions[index] === 4 ? 4 : 6;
    const width = version === 4 ? 32 : 128;
    const words = [...set.words.subarray(4 * index, 4 * index + 4)];
    const first = words.reduce((value, word) => (value << 32n) | BigInt(word), 0n);
    return {
      version,
      first,
      last: first + (1n << BigInt(width - set.bits[index]!)) - 1n,
      rollupBits: width,
      labels: labels[set.sets[index]!]!,
      text: prefixText(set, index),
    };
  });
}

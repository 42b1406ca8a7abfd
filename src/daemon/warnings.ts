import type { Range, RangeTable } from "../ledger/ranges.ts";
import type { Config } from "./config.ts";
import { featureWarnings } from "./features.ts";

/** Most ranges that are named one by one; one mistake in a list may make thousands. */
const NAMED_RANGES = 10;

/** What is legal but hardly meant; a sentence each. */
export function warningsOf(config: Config, ranges: RangeTable): string[] {
  return [...coveredRanges(config.ranges, ranges), ...featureWarnings(config.features)];
}

/** Of those given by flags: of lists, what covers others is counted. */
function coveredRanges(given: readonly Range[], ranges: RangeTable): string[] {
  const named = new Set(given);
  const covered = ranges.covered().filter((range) => named.has(range));
  const lines = covered.slice(0, NAMED_RANGES).map((range) => {
    const owner = ranges.owner(range);
    return `-r ${JSON.stringify(range.text)} never counts: all its addresses belong to ranges before it, as to ${JSON.stringify(owner.text)}`;
  });
  if (covered.length > NAMED_RANGES) lines.push(`${covered.length - NAMED_RANGES} more ranges never count likewise`);
  return lines;
}

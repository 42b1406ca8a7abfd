import { BY_ADDRESS } from "../address-ranges.ts";
import { countedSet, joined } from "../counted-sets.ts";
import { tablesOf } from "../customer-tables.ts";
import type { LoadedPrefixes } from "../load-prefixes.ts";
import { type SweptPrefixes, sweepPrefixes } from "../prefix-sweep.ts";
import { readLists, type ReadSet, type Wanted } from "./read-lists.ts";

/** Reads all lists, and makes the tables of what is labelled; throws an Error with FILE:LINE: why at what is wrong. */
export async function loadLists(wanted: Wanted): Promise<LoadedPrefixes> {
  const { sets, ...read } = await readLists(wanted);
  const byAddress = sets.filter(({ series }) => series === BY_ADDRESS);
  const labelled = sets
    .filter(({ series }) => series !== BY_ADDRESS)
    .map((each) => ({ ...each, set: countedSet(each) }));
  // What is counted by its labels may be counted by address as well.
  const addressed = sweepPrefixes(joined(byAddress));
  const swept = sweepPrefixes(joined(labelled));
  return {
    ...read,
    repeated: addressed.repeated + swept.repeated,
    example: exampleOf(addressed, byAddress) ?? exampleOf(swept, labelled),
    covered: addressed.covered + swept.covered,
    byAddress: byAddress.map(({ set }) => set),
    labelled: labelled.map(({ series, set: { count, labelNames, labels } }) => ({ series, count, labelNames, labels })),
    tables: tablesOf(swept),
  };
}

function exampleOf({ example }: SweptPrefixes, sets: readonly ReadSet[]): [string, string] | undefined {
  return example && [placeOf(sets, example[0]), placeOf(sets, example[1])];
}

/** Where a prefix of all of them, joined, stands: FILE:LINE. */
function placeOf(sets: readonly ReadSet[], index: number): string {
  let [set, rest] = [0, index];
  while (rest >= sets[set]!.set.count) rest -= sets[set++]!.set.count;
  return sets[set]!.placeOf(rest);
}

import type { PrefixSet } from "./prefix-set.ts";
import type { SeriesSet } from "./reading/read-lists.ts";
import { prefixText } from "./prefix-text.ts";

/** What has a prefix of its own on the page. */
const PREFIX = "prefix";

/** What sets count: in one by prefix, every prefix has labels of its own. */
export function countedSet({ series, set }: SeriesSet): PrefixSet {
  if (series !== "prefix") return set;
  const indices = Array.from({ length: set.count }, (_, index) => index);
  return {
    ...set,
    labelNames: [...set.labelNames, PREFIX],
    sets: Uint32Array.from(indices),
    labelSets: indices.map((index) => [...set.labelSets[set.sets[index]!]!, prefixText(set, index)]),
  };
}

/** The prefixes of all sets, and no labels: the label sets are numbered through. */
export function joined(sets: readonly PrefixSet[]): PrefixSet {
  const count = sets.reduce((sum, set) => sum + set.count, 0);
  const all = {
    labelNames: [],
    count,
    versions: new Uint8Array(count),
    words: new Uint32Array(4 * count),
    bits: new Uint8Array(count),
    sets: new Uint32Array(count),
    labelSets: [],
  };
  let at = 0;
  let before = 0;
  for (const set of sets) {
    all.versions.set(set.versions, at);
    all.words.set(set.words, 4 * at);
    all.bits.set(set.bits, at);
    for (let index = 0; index < set.count; index++) all.sets[at + index] = before + set.sets[index]!;
    at += set.count;
    before += set.labelSets.length;
  }
  return all;
}

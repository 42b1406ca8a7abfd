import { nameHash } from "../ledger/zones/name-hash.ts";
import { labelText } from "../page/labels.ts";
import { textAt } from "./label-texts.ts";
import type { PrefixSet, SeriesSet } from "./prefix-set.ts";
import { prefixText } from "./prefix-text.ts";

/** What has a prefix of its own on the page. */
const PREFIX = "prefix";
const NO_TEXTS = { bytes: new Uint8Array(0), ends: new Uint32Array(0), hashes: new Uint32Array(0) };

/** What sets count: in one by prefix, every prefix has labels of its own. */
export function countedSet({ series, set }: SeriesSet): PrefixSet {
  if (series !== "prefix") return set;
  const texts = Array.from({ length: set.count }, (_, index) => {
    const labels = textAt(set.labels, set.sets[index]!);
    return Buffer.from(`${labels}${labels === "" ? "" : ","}${labelText(PREFIX, prefixText(set, index))}`);
  });
  let end = 0;
  return {
    ...set,
    labelNames: [...set.labelNames, PREFIX],
    sets: Uint32Array.from(texts.keys()),
    labels: {
      bytes: new Uint8Array(Buffer.concat(texts)),
      ends: Uint32Array.from(texts, ({ length }) => (end += length)),
      hashes: Uint32Array.from(texts, (text) => nameHash(text, 0, text.length)),
    },
  };
}

/** The prefixes of all sets, and no labels: the label sets are numbered through. */
export function joined(sets: readonly { readonly set: PrefixSet }[]): PrefixSet {
  const count = sets.reduce((sum, { set }) => sum + set.count, 0);
  const all = {
    labelNames: [],
    count,
    versions: new Uint8Array(count),
    words: new Uint32Array(4 * count),
    bits: new Uint8Array(count),
    sets: new Uint32Array(count),
    labels: NO_TEXTS,
  };
  let at = 0;
  let before = 0;
  for (const { set } of sets) {
    all.versions.set(set.versions, at);
    all.words.set(set.words, 4 * at);
    all.bits.set(set.bits, at);
    for (let index = 0; index < set.count; index++) all.sets[at + index] = before + set.sets[index]!;
    at += set.count;
    before += set.labels.ends.length;
  }
  return all;
}

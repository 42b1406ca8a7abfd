import type { Series } from "../config/prefix-lists.ts";
import type { Texts } from "../ledger/zones/names.ts";

/** Prefixes and the labels that each of them has, as files and the configuration list them: in any order, and repeated. */
export interface PrefixSet extends LabelSets {
  readonly count: number;
  /** 4 or 6, of each prefix. */
  readonly versions: Uint8Array;
  /** Four words of each prefix, the most significant one first; an IPv4 address is the last one. */
  readonly words: Uint32Array;
  /** The length of each prefix: up to 32 of IPv4, up to 128 of IPv6. */
  readonly bits: Uint8Array;
  /** Index of the label set of each prefix. */
  readonly sets: Uint32Array;
}

export interface LabelSets {
  readonly labelNames: readonly string[];
  /** As the page has them, in the order of `labelNames`; what is empty is no label. All are different. */
  readonly labels: Texts;
}

/** Prefixes that are counted in one way. */
export interface SeriesSet {
  readonly series: Series;
  readonly set: PrefixSet;
}

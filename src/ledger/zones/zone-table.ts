import { Spans } from "./spans.ts";
import { Zone } from "./zone.ts";

/** Bits that choose an entry of the directory, and as many values. */
export const DIRECTORY_BITS = 16;
export const DIRECTORY_ENTRIES = 1 << DIRECTORY_BITS;
/** Further bits of an IPv6 address, if the first ones lead to many spans. */
export const SUBDIRECTORY_BITS = 10;
export const SUBDIRECTORY_ENTRIES = 1 << SUBDIRECTORY_BITS;
/** Stands for the highest span in an entry that leads to a subdirectory. */
export const SUBDIRECTORY = 0xffff_ffff;
/** More spans than this below one entry are worth a subdirectory. */
const MAX_SPANS = 16;

/** Words of a span in `spans`. */
export const IPV4_WORDS = 2;
export const IPV6_WORDS = 6;
/** Word of the zone in a span. */
export const IPV4_ZONE = 1;
export const IPV6_ZONE = 4;

/**
 * What is looked up for one IP version, in 32-bit words. A program in the kernel reads the same of IPv6, and trees that
 * are made of this of IPv4 (capture/bpf/zones/ipv4-tree.ts):
 *
 *   directory   | lowest span, highest span | ...        by the first 16 bits of the address
 *               | lowest span, highest span | ...        of IPv6, subdirectories by the next 10 bits
 *   spans       | start, zone | ...                      IPv4
 *               | start: words 1 0 3 2, zone, 0 | ...    IPv6: as two numbers of 64 bits, lower half first
 */
export interface ZoneIndex {
  readonly directory: Uint32Array;
  readonly spans: Uint32Array;
  /** Most spans that follow the lowest one of an entry: a search halves them. */
  readonly longest: number;
}

/**
 * Finds the zone of an address: the first bits lead to few spans, among which a binary search finds the one. As DXR of
 * Zec, Rizzo and Mikuc (2012): a country database of 5 MB takes a few hundred thousand spans, and a look-up two or three
 * reads that miss the cache, where the tree of the file takes up to 32. Two look-ups in the kernel's own trie
 * (BPF_MAP_TYPE_LPM_TRIE) took 730 to 1070 ns for random addresses (Linux 6.18).
 */
export class ZoneTable {
  readonly ipv4: ZoneIndex;
  readonly ipv6: ZoneIndex;

  /** Of spans that cover all addresses of their version, or of what another table of them has. */
  constructor(ipv4: Spans | ZoneIndex, ipv6: Spans | ZoneIndex) {
    this.ipv4 = ipv4 instanceof Spans ? indexIpv4(ipv4) : ipv4;
    this.ipv6 = ipv6 instanceof Spans ? indexIpv6(ipv6) : ipv6;
  }

  /** The zone of an IPv4 address, as a signed word. Hot; does not allocate. */
  zoneOfIpv4(word: number): number {
    const { directory, spans } = this.ipv4;
    const address = word >>> 0;
    const at = (address >>> DIRECTORY_BITS) * 2;
    let low = directory[at]!;
    for (let length = directory[at + 1]! - low; length > 0; length >>>= 1) {
      const middle = low + ((length + 1) >>> 1);
      if (spans[middle * IPV4_WORDS]! <= address) low = middle;
    }
    return spans[low * IPV4_WORDS + IPV4_ZONE]!;
  }

  /** The zone of an IPv6 address. Hot; does not allocate. */
  zoneOfIpv6(word0: number, word1: number, word2: number, word3: number): number {
    const { directory, spans } = this.ipv6;
    let at = (word0 >>> DIRECTORY_BITS) * 2;
    if (directory[at + 1] === SUBDIRECTORY) {
      at = (directory[at]! + ((word0 >>> (DIRECTORY_BITS - SUBDIRECTORY_BITS)) & (SUBDIRECTORY_ENTRIES - 1))) * 2;
    }
    let low = directory[at]!;
    for (let length = directory[at + 1]! - low; length > 0; length >>>= 1) {
      const middle = low + ((length + 1) >>> 1);
      if (isAtOrBelow(spans, middle * IPV6_WORDS, word0, word1, word2, word3)) low = middle;
    }
    const zone = spans[low * IPV6_WORDS + IPV6_ZONE]!;
    return zone === Zone.TRANSLATED ? this.zoneOfIpv4(word3) : zone;
  }
}

/** Whether the span at `at` starts at or below an address. Hot. */
function isAtOrBelow(
  spans: Uint32Array,
  at: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): boolean {
  const difference =
    spans[at + 1]! - (word0 >>> 0) ||
    spans[at]! - (word1 >>> 0) ||
    spans[at + 3]! - (word2 >>> 0) ||
    spans[at + 2]! - (word3 >>> 0);
  return difference <= 0;
}

function indexIpv4(source: Spans): ZoneIndex {
  const spans = new Uint32Array(source.count * IPV4_WORDS);
  for (let span = 0; span < source.count; span++) {
    spans[span * IPV4_WORDS] = source.start(span, 0);
    spans[span * IPV4_WORDS + IPV4_ZONE] = source.zone(span);
  }
  const directory = new Uint32Array(DIRECTORY_ENTRIES * 2);
  const longest = fillDirectory(directory, 0, DIRECTORY_ENTRIES, source, 0, DIRECTORY_BITS, 0);
  return { directory, spans, longest };
}

function indexIpv6(source: Spans): ZoneIndex {
  const spans = new Uint32Array(source.count * IPV6_WORDS);
  for (let span = 0; span < source.count; span++) {
    const at = span * IPV6_WORDS;
    for (let k = 0; k < 4; k++) spans[at + (k ^ 1)] = source.start(span, k);
    spans[at + IPV6_ZONE] = source.zone(span);
  }
  const first = new Uint32Array(DIRECTORY_ENTRIES * 2);
  fillDirectory(first, 0, DIRECTORY_ENTRIES, source, 0, DIRECTORY_BITS, 0);
  const crowded: number[] = [];
  for (let entry = 0; entry < DIRECTORY_ENTRIES; entry++) {
    if (first[entry * 2 + 1]! - first[entry * 2]! > MAX_SPANS) crowded.push(entry);
  }
  const directory = new Uint32Array((DIRECTORY_ENTRIES + crowded.length * SUBDIRECTORY_ENTRIES) * 2);
  directory.set(first);
  let longest = MAX_SPANS;
  for (const [index, entry] of crowded.entries()) {
    const base = DIRECTORY_ENTRIES + index * SUBDIRECTORY_ENTRIES;
    const shift = DIRECTORY_BITS - SUBDIRECTORY_BITS;
    const lowest = entry * SUBDIRECTORY_ENTRIES;
    longest = Math.max(
      longest,
      fillDirectory(directory, base, SUBDIRECTORY_ENTRIES, source, first[entry * 2]!, shift, lowest),
    );
    directory[entry * 2] = base;
    directory[entry * 2 + 1] = SUBDIRECTORY;
  }
  return { directory, spans, longest };
}

/**
 * Fills entries from `base` on: entry k is for the addresses whose first word, shifted right, is `lowest` + k. `span`
 * holds the first of them. Returns the most spans that follow the lowest one of an entry.
 */
function fillDirectory(
  directory: Uint32Array,
  base: number,
  entries: number,
  source: Spans,
  span: number,
  shift: number,
  lowest: number,
): number {
  let longest = 0;
  for (let entry = 0; entry < entries; entry++) {
    const prefix = lowest + entry;
    while (span + 1 < source.count && startsAtOrBelow(source, span + 1, (prefix << shift) >>> 0)) span++;
    const low = span;
    while (span + 1 < source.count && source.start(span + 1, 0) >>> shift <= prefix) span++;
    directory[(base + entry) * 2] = low;
    directory[(base + entry) * 2 + 1] = span;
    longest = Math.max(longest, span - low);
  }
  return longest;
}

/** Whether a span starts at or below the address of this first word and zeros behind it. */
function startsAtOrBelow(source: Spans, span: number, word0: number): boolean {
  const start = source.start(span, 0);
  if (start !== word0) return start < word0;
  return source.start(span, 1) === 0 && source.start(span, 2) === 0 && source.start(span, 3) === 0;
}

import {
  DIRECTORY_ENTRIES,
  IPV4_WORDS,
  IPV4_ZONE,
  IPV6_WORDS,
  IPV6_ZONE,
  SUBDIRECTORY,
  type ZoneIndex,
  type ZoneTable,
} from "../../../ledger/zones/zone-table.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import * as bpf from "../../../native/bpf.ts";
import type { MapSet } from "../maps.ts";
import { DIRECTORY_ENTRY_BYTES, IPV4_SPAN_BYTES, IPV6_SPAN_BYTES, type SideMaps, ZONE_STATE } from "./zone-layout.ts";
import { neededSteps, searchSteps } from "./zone-sizes.ts";

/** Room for the tables of a later database: half as much again, and some networks that are the host's own. */
const SPARE = 1.5;
const SPARE_SPANS = 8192;
const SPARE_ENTRIES = 16 * 1024;
const ENTRY_WORDS = DIRECTORY_ENTRY_BYTES / 4;

/** Half of two arrays, and the way into it. */
class Side implements SideMaps {
  readonly directory: number;
  readonly spans: number;
  readonly steps: number;
  readonly #words: number;
  readonly #capacity: { entries: number; spans: number };
  readonly #directoryWords: Uint32Array;
  readonly #spanWords: Uint32Array;

  constructor(maps: MapSet, name: string, index: ZoneIndex, words: number, spanBytes: number) {
    const array = bpf.BPF_MAP_TYPE_ARRAY;
    const entries = index.directory.length / ENTRY_WORDS;
    this.#words = words;
    this.#capacity = {
      entries: entries === DIRECTORY_ENTRIES && words === IPV4_WORDS ? entries : entries + SPARE_ENTRIES,
      spans: Math.ceil((index.spans.length / words) * SPARE) + SPARE_SPANS,
    };
    this.steps = searchSteps(index);
    this.directory = maps.create(`dir${name}`, array, 4, DIRECTORY_ENTRY_BYTES, 2 * this.#capacity.entries);
    this.spans = maps.create(`span${name}`, array, 4, spanBytes, 2 * this.#capacity.spans);
    this.#directoryWords = new Uint32Array(
      maps.map(this.directory, 2 * this.#capacity.entries * DIRECTORY_ENTRY_BYTES),
    );
    this.#spanWords = new Uint32Array(maps.map(this.spans, 2 * this.#capacity.spans * spanBytes));
  }

  fits(index: ZoneIndex): boolean {
    return (
      index.directory.length / ENTRY_WORDS <= this.#capacity.entries &&
      index.spans.length / this.#words <= this.#capacity.spans &&
      neededSteps(index) <= this.steps
    );
  }

  /** Writes a table into a half; returns the first entry of that half's directory. */
  write(index: ZoneIndex, half: number): number {
    const firstEntry = half * this.#capacity.entries;
    const firstSpan = half * this.#capacity.spans;
    this.#spanWords.set(index.spans, firstSpan * this.#words);
    const { directory } = index;
    const to = this.#directoryWords;
    for (let at = 0; at < directory.length; at += ENTRY_WORDS) {
      const [low, high] = [directory[at]!, directory[at + 1]!];
      const base = high === SUBDIRECTORY ? firstEntry : firstSpan;
      to[firstEntry * ENTRY_WORDS + at] = low + base;
      to[firstEntry * ENTRY_WORDS + at + 1] = high === SUBDIRECTORY ? high : high + base;
    }
    return firstEntry;
  }
}

/**
 * The tables of one zoning in the kernel. They follow those of the zoning: a new one is written beside the one in use,
 * and then takes its place in one step, so that no right is needed and no packet waits. A program is done with the old
 * one in far less time than it takes to make the next.
 */
export class ZoneTables {
  readonly ipv4: SideMaps;
  readonly ipv6: SideMaps;
  readonly #sides: readonly [Side, Side];
  readonly #maxZones: number;
  readonly #stateWords: Uint32Array;
  readonly #unwatch: () => void;
  #half = 0;

  /** In `maps`; `state` is what says which half is in use. A table with a zone of `maxZones` or above is refused. */
  constructor(maps: MapSet, zoning: Zoning, stateWords: Uint32Array, maxZones: number) {
    const { ipv4, ipv6 } = zoning.table;
    const side4 = new Side(maps, "4", ipv4, IPV4_WORDS, IPV4_SPAN_BYTES);
    this.#sides = [side4, new Side(maps, "6", ipv6, IPV6_WORDS, IPV6_SPAN_BYTES)];
    [this.ipv4, this.ipv6] = this.#sides;
    this.#maxZones = maxZones;
    this.#stateWords = stateWords;
    this.#write(zoning.table);
    this.#unwatch = zoning.watch((table) => this.#replace(table));
  }

  /** Follows no more. */
  close(): void {
    this.#unwatch();
  }

  #replace(table: ZoneTable): string | undefined {
    const [side4, side6] = this.#sides;
    if (!side4.fits(table.ipv4) || !side6.fits(table.ipv6) || highestZone(table) >= this.#maxZones) {
      return "it is too large for the tables that were made in the kernel at start; restart promtap to use it";
    }
    this.#write(table);
    return undefined;
  }

  #write({ ipv4, ipv6 }: ZoneTable): void {
    const half = 1 - this.#half;
    const [side4, side6] = this.#sides;
    const first4 = side4.write(ipv4, half);
    const first6 = side6.write(ipv6, half);
    Atomics.store(this.#stateWords, ZONE_STATE.FIRST_ENTRY_IPV4 / 4, first4);
    Atomics.store(this.#stateWords, ZONE_STATE.FIRST_ENTRY_IPV6 / 4, first6);
    this.#half = half;
  }
}

function highestZone({ ipv4, ipv6 }: ZoneTable): number {
  let highest = 0;
  for (const [{ spans }, words, zone] of [
    [ipv4, IPV4_WORDS, IPV4_ZONE],
    [ipv6, IPV6_WORDS, IPV6_ZONE],
  ] as const) {
    for (let at = zone; at < spans.length; at += words) highest = Math.max(highest, spans[at]!);
  }
  return highest;
}

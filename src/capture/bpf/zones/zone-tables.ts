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
import { Ipv4Tree } from "./ipv4-tree.ts";
import {
  GROUP_BYTES,
  GROUP_ENTRIES,
  IPV6_ENTRY_BYTES,
  IPV6_SPAN_BYTES,
  type Ipv4Maps,
  type Ipv6Maps,
  NODE_BYTES,
  ZONE_STATE,
} from "./zone-layout.ts";
import { neededLevels, neededSteps, searchLevels, searchSteps } from "./zone-sizes.ts";

/** Room for the tables of a later database: half as much again, and some networks that are the host's own. */
const SPARE = 1.5;
const SPARE_SPANS = 8192;
const SPARE_NODES = 1024;
const SPARE_ENTRIES = 16 * 1024;
const ENTRY_WORDS = 2;
/** Of a directory of IPv6, that are written in a step. */
const WORDS_PER_STEP = 2 ** 17;
const DIRECTORY_BYTES = (DIRECTORY_ENTRIES / GROUP_ENTRIES) * GROUP_BYTES;
const ARRAY = bpf.BPF_MAP_TYPE_ARRAY;
const FIRST_HALF = 0;
const TOO_LARGE = "it is too large for the tables that were made in the kernel; restart promtap to use it";

/** The tables of IPv4, of which one is in use. */
class Ipv4Side implements Ipv4Maps {
  readonly directory: number;
  readonly nodes: number;
  readonly levels: number;
  readonly #capacity: number;
  readonly #groupWords: Uint32Array;
  readonly #nodeWords: Uint32Array;

  /** `tree`: that of the index. */
  constructor(maps: MapSet, index: ZoneIndex, tree: Ipv4Tree) {
    this.#capacity = Math.ceil(tree.nodeCount * SPARE) + SPARE_NODES;
    this.levels = searchLevels(index);
    this.directory = maps.create("dir4", ARRAY, 4, 2 * DIRECTORY_BYTES, 1);
    this.nodes = maps.create("node4", ARRAY, 4, NODE_BYTES, 2 * this.#capacity);
    this.#groupWords = new Uint32Array(maps.map(this.directory, 2 * DIRECTORY_BYTES));
    this.#nodeWords = new Uint32Array(maps.map(this.nodes, 2 * this.#capacity * NODE_BYTES));
  }

  fits(index: ZoneIndex, tree: Ipv4Tree): boolean {
    return tree.nodeCount <= this.#capacity && neededLevels(index) <= this.levels;
  }

  /** The first entry of the directory of a half. */
  firstEntry(half: number): number {
    return half * DIRECTORY_ENTRIES;
  }

  /** Writes a table into a half, in steps. */
  write(tree: Ipv4Tree, half: number): Generator<void> {
    const groups = this.#groupWords.subarray((half * DIRECTORY_BYTES) / 4, ((half + 1) * DIRECTORY_BYTES) / 4);
    return tree.write({ groups, nodes: this.#nodeWords, firstNode: half * this.#capacity });
  }
}

/** The tables of IPv6, likewise. */
class Ipv6Side implements Ipv6Maps {
  readonly directory: number;
  readonly spans: number;
  readonly steps: number;
  readonly #capacity: { entries: number; spans: number };
  readonly #directoryWords: Uint32Array;
  readonly #spanWords: Uint32Array;

  constructor(maps: MapSet, index: ZoneIndex) {
    this.#capacity = {
      entries: index.directory.length / ENTRY_WORDS + SPARE_ENTRIES,
      spans: Math.ceil((index.spans.length / IPV6_WORDS) * SPARE) + SPARE_SPANS,
    };
    this.steps = searchSteps(index);
    const directoryBytes = 2 * this.#capacity.entries * IPV6_ENTRY_BYTES;
    this.directory = maps.create("dir6", ARRAY, 4, IPV6_ENTRY_BYTES, 2 * this.#capacity.entries);
    this.spans = maps.create("span6", ARRAY, 4, IPV6_SPAN_BYTES, 2 * this.#capacity.spans);
    this.#directoryWords = new Uint32Array(maps.map(this.directory, directoryBytes));
    this.#spanWords = new Uint32Array(maps.map(this.spans, 2 * this.#capacity.spans * IPV6_SPAN_BYTES));
  }

  fits(index: ZoneIndex): boolean {
    return (
      index.directory.length / ENTRY_WORDS <= this.#capacity.entries &&
      index.spans.length / IPV6_WORDS <= this.#capacity.spans &&
      neededSteps(index) <= this.steps
    );
  }

  /** The first entry of the directory of a half. */
  firstEntry(half: number): number {
    return half * this.#capacity.entries;
  }

  /** Writes a table into a half, in steps. */
  *write({ directory, spans }: ZoneIndex, half: number): Generator<void> {
    const firstEntry = this.firstEntry(half);
    const firstSpan = half * this.#capacity.spans;
    this.#spanWords.set(spans, firstSpan * IPV6_WORDS);
    const to = this.#directoryWords;
    for (let at = 0; at < directory.length; at += ENTRY_WORDS) {
      const [low, high] = [directory[at]!, directory[at + 1]!];
      const base = high === SUBDIRECTORY ? firstEntry : firstSpan;
      to[firstEntry * ENTRY_WORDS + at] = low + base;
      to[firstEntry * ENTRY_WORDS + at + 1] = high === SUBDIRECTORY ? high : high + base;
      if (at % WORDS_PER_STEP === WORDS_PER_STEP - ENTRY_WORDS) yield;
    }
  }
}

/**
 * The tables of one zoning in the kernel. They follow those of the zoning: a new one is written beside the one in use,
 * and then takes its place in one step, so that no right is needed and no packet waits. A program is done with the old
 * one in far less time than it takes to make the next.
 */
export class ZoneTables {
  readonly ipv4: Ipv4Side;
  readonly ipv6: Ipv6Side;
  readonly #zoning: Zoning;
  readonly #maxZones: number;
  /** Those of the zoning when room was made. */
  readonly #numbers: number;
  readonly #stateWords: Uint32Array;
  readonly #unwatch: () => void;
  /** What they were made for, until they are filled. */
  #first: { readonly tree: Ipv4Tree; readonly ipv6: ZoneIndex } | undefined;
  #half = FIRST_HALF;
  #isClosed = false;

  /**
   * In `maps`, to be filled; `state` is what says which half is in use. A table with a zone of `maxZones` or above is
   * refused.
   */
  constructor(maps: MapSet, zoning: Zoning, stateWords: Uint32Array, maxZones: number) {
    const { ipv4, ipv6 } = zoning.table;
    const tree = new Ipv4Tree(ipv4);
    this.ipv4 = new Ipv4Side(maps, ipv4, tree);
    this.ipv6 = new Ipv6Side(maps, ipv6);
    this.#zoning = zoning;
    this.#maxZones = maxZones;
    this.#numbers = zoning.maxZones;
    this.#stateWords = stateWords;
    this.#unwatch = zoning.watch((table) => this.#follow(table));
    this.#first = { tree, ipv6 };
  }

  /** Writes the table of the zoning, in steps; nothing is found before. */
  *fill(): Generator<void> {
    const first = this.#first;
    if (first === undefined) return;
    // Not if another has come meanwhile, which is in use.
    const isWanted = (): boolean => this.#first === first && this.#half === FIRST_HALF;
    yield* this.#write(first.tree, first.ipv6, FIRST_HALF, isWanted);
    if (isWanted()) this.#use(FIRST_HALF);
    this.#first = undefined;
  }

  /** Follows no more. */
  close(): void {
    this.#isClosed = true;
    this.#unwatch();
  }

  /** Writes a table beside the one in use. */
  *#follow(table: ZoneTable): Generator<void, (() => void) | string> {
    const { ipv4, ipv6 } = table;
    if (this.#zoning.maxZones !== this.#numbers || highestZone(table) >= this.#maxZones) return TOO_LARGE;
    if (!this.ipv6.fits(ipv6)) return TOO_LARGE;
    yield;
    const tree = new Ipv4Tree(ipv4);
    if (!this.ipv4.fits(ipv4, tree)) return TOO_LARGE;
    yield;
    const half = 1 - this.#half;
    yield* this.#write(tree, ipv6, half);
    return () => this.#use(half);
  }

  /** Writes a table into a half, as long as it is wanted. */
  *#write(tree: Ipv4Tree, ipv6: ZoneIndex, half: number, isWanted = () => true): Generator<void> {
    for (const writing of [this.ipv4.write(tree, half), this.ipv6.write(ipv6, half)]) {
      // Between the steps it may be closed, and then the memory is gone.
      while (!this.#isClosed && isWanted() && writing.next().done !== true) yield;
      yield;
    }
  }

  #use(half: number): void {
    if (this.#isClosed) return;
    Atomics.store(this.#stateWords, ZONE_STATE.FIRST_ENTRY_IPV4 / 4, this.ipv4.firstEntry(half));
    Atomics.store(this.#stateWords, ZONE_STATE.FIRST_ENTRY_IPV6 / 4, this.ipv6.firstEntry(half));
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

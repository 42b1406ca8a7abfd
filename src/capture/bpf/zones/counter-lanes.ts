import * as bpf from "../../../native/bpf.ts";
import type { MapSet } from "../maps.ts";
import { ZONE_COUNTER_BYTES } from "./zone-layout.ts";
import { DIRECTIONS } from "./zone-sizes.ts";

export const COUNTER_DOUBLES = ZONE_COUNTER_BYTES / 8;
/** Places that are looked at before the event loop gets its turn: 1 to 2 ms if all have news (Node 24.21). */
export const PLACES_PER_TURN = 8192;

/** What programs count on one interface by place and direction, and what of it was taken. See KernelTables. */
export class CounterLanes {
  /** Good until the maps' descriptors are closed. */
  readonly fd: number;
  /** Counter → what it was when it was last read, all lanes together. */
  readonly seen: Float64Array;
  readonly #counters: Float64Array;
  /** The same memory, by halves of counters. */
  readonly #halves: Uint32Array;
  readonly #double = new Float64Array(1);
  readonly #words = new Uint32Array(this.#double.buffer);

  /** In `maps`. Throws PromtapError. */
  constructor(maps: MapSet, name: string, places: number, lanes: number) {
    const entries = lanes * places * DIRECTIONS;
    this.fd = maps.create(name, bpf.BPF_MAP_TYPE_ARRAY, 4, ZONE_COUNTER_BYTES, entries);
    this.#counters = new Float64Array(maps.map(this.fd, entries * ZONE_COUNTER_BYTES));
    this.#halves = new Uint32Array(this.#counters.buffer);
    this.seen = new Float64Array(places * DIRECTIONS * COUNTER_DOUBLES);
  }

  /**
   * Whether a counter is not what was seen of it, which is told from the lower half alone: not of 2^32 more, to the one, until
   * one more comes.
   */
  hasNews(at: number): boolean {
    let lower = 0;
    const stride = this.seen.length;
    for (let lane = at; lane < this.#counters.length; lane += stride) lower += this.#halves[2 * lane]!;
    return lower >>> 0 !== this.seen[at]! >>> 0;
  }

  /** One number over all lanes. The kernel may be writing it: see KernelTables. */
  total(at: number): number {
    const stride = this.seen.length;
    let total = 0;
    for (let lane = at; lane < this.#counters.length; lane += stride) {
      this.#double[0] = this.#counters[lane]!;
      total += this.#words[0]! + this.#words[1]! * 2 ** 32;
    }
    return total;
  }

  /** Makes a place as it was at first. */
  clear(place: number): void {
    const doubles = DIRECTIONS * COUNTER_DOUBLES;
    for (let lane = place * doubles; lane < this.#counters.length; lane += this.seen.length) {
      this.#counters.fill(0, lane, lane + doubles);
    }
    this.seen.fill(0, place * doubles, (place + 1) * doubles);
  }

  /** Takes all that was counted for taken. */
  discard(): void {
    for (let at = 0; at < this.seen.length; at++) this.seen[at] = this.total(at);
  }
}

import type { CustomerSlots } from "../collectors/customers.ts";
import { grown } from "../grown-array.ts";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { Direction } from "../ledger/rows.ts";
import { BYTES, type SlotCounters, slotAt, ZONE_DOUBLES } from "../ledger/zones/slot-counters.ts";
import { FIRST_NAMED, Zone } from "../ledger/zones/zone.ts";

/** Of each slot: bytes received and bytes sent. */
const SUMS = 2;
const SLOTS_PER_TURN = 8192;
/** Where what counts no more counts. */
export const NONE = -1;
const decoder = new TextDecoder();

/** What a customer has received and sent; `slot`: where it counts, or NONE. */
export interface CustomerSum {
  readonly slot: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** As on the page, without `interface` and `direction`. */
  labels(): string;
}

/** The labels of customers that count no more, or did before the program was started → bytes received and sent. */
export type Carried = Map<string, [bytesIn: number, bytesOut: number]>;

/** The counters of an interface, and what they were when they were last read. */
interface Reading {
  readonly counts: SlotCounters;
  seen: Float64Array;
}

/**
 * Sums what customers receive and send on all interfaces, until it is told to begin again. A customer is its labels: what
 * it had before it lost its slot, or left the lists, is not lost.
 */
export class CustomerBytes implements Disposable {
  readonly #ledger: Ledger;
  readonly #customers: CustomerSlots;
  readonly #unwatch: readonly (() => void)[];
  #readings = new Map<SlotCounters, Reading>();
  #sums = new Float64Array(0);
  #carried: Carried = new Map();

  /** Sums what is counted from now on. `onMove` is told of slots that are another customer's from then on. */
  constructor(ledger: Ledger, customers: CustomerSlots, onMove: (slot: number) => void = () => {}) {
    this.#ledger = ledger;
    this.#customers = customers;
    for (const each of ledger.interfaces()) this.#begin(each);
    this.#unwatch = [
      ledger.watchInterfaces((each) => this.#begin(each)),
      customers.slots.watchSlots((slot, into) => {
        this.#move(slot, into);
        onMove(slot);
      }),
    ];
  }

  /** Has customers begin with these sums. */
  carry(carried: Carried): void {
    for (const [labels, [bytesIn, bytesOut]] of carried) this.#add(labels, bytesIn, bytesOut);
  }

  /** Sums what was counted since the last time. */
  read(): void {
    const all = new Set(this.#ledger.interfaces().map((ledger) => this.#customers.countsOf(ledger)));
    this.#readings = new Map([...this.#readings].filter(([counts]) => all.has(counts)));
    for (const reading of this.#readings.values()) {
      const slots = reading.counts.counters.length / ZONE_DOUBLES;
      for (let slot = Zone.OTHER; slot < slots; slot++) this.#readSlot(reading, slot);
    }
  }

  /**
   * The sums as they are now; with `isLast`, they begin again. Undefined stands for a turn of the event loop; nothing may
   * lose its slot until all are taken.
   */
  take(isLast: boolean): Iterable<CustomerSum | undefined> {
    const sums = isLast ? this.#sums : this.#sums.slice();
    const carried = isLast ? this.#carried : new Map(this.#carried);
    if (isLast) {
      this.#sums = new Float64Array(sums.length);
      this.#carried = new Map();
    }
    return this.#each(sums, carried);
  }

  [Symbol.dispose](): void {
    for (const unwatch of this.#unwatch) unwatch();
  }

  *#each(sums: Float64Array, carried: Carried): Generator<CustomerSum | undefined> {
    for (let slot = 0; slot * SUMS < sums.length; slot++) {
      const [bytesIn, bytesOut] = [sums[slot * SUMS]!, sums[slot * SUMS + 1]!];
      if (bytesIn > 0 || bytesOut > 0) yield { slot, bytesIn, bytesOut, labels: () => this.#labelsOf(slot) };
      if (slot % SLOTS_PER_TURN === SLOTS_PER_TURN - 1) yield undefined;
    }
    for (const [labels, [bytesIn, bytesOut]] of carried) yield { slot: NONE, bytesIn, bytesOut, labels: () => labels };
  }

  #begin(ledger: InterfaceLedger): void {
    const counts = this.#customers.countsOf(ledger);
    this.#readings.set(counts, { counts, seen: counts.copy() });
  }

  /** Hot. */
  #readSlot(reading: Reading, slot: number): void {
    const { counts } = reading;
    const received = counts.count(slot, Direction.RX, BYTES);
    const sent = counts.count(slot, Direction.TX, BYTES);
    const [rx, tx] = [slotAt(slot, Direction.RX) + BYTES, slotAt(slot, Direction.TX) + BYTES];
    const bytesIn = received - (reading.seen[rx] ?? 0);
    const bytesOut = sent - (reading.seen[tx] ?? 0);
    if (bytesIn === 0 && bytesOut === 0) return;
    this.#makeRoom(reading, slot);
    reading.seen[rx] = received;
    reading.seen[tx] = sent;
    this.#sums[slot * SUMS]! += bytesIn;
    this.#sums[slot * SUMS + 1]! += bytesOut;
  }

  #makeRoom(reading: Reading, slot: number): void {
    const doubles = (slot + 1) * ZONE_DOUBLES;
    if (reading.seen.length < doubles) reading.seen = grown(reading.seen, doubles);
    if (this.#sums.length < (slot + 1) * SUMS) this.#sums = grown(this.#sums, (slot + 1) * SUMS);
  }

  /** Before the counts of a slot are moved to another one, and it is another customer's. */
  #move(slot: number, into: number): void {
    for (const reading of this.#readings.values()) {
      this.#readSlot(reading, slot);
      this.#makeRoom(reading, Math.max(slot, into));
      for (const at of [slotAt(slot, Direction.RX) + BYTES, slotAt(slot, Direction.TX) + BYTES]) {
        reading.seen[at + (into - slot) * ZONE_DOUBLES]! += reading.seen[at]!;
        reading.seen[at] = 0;
      }
    }
    const sum = slot * SUMS;
    const [bytesIn = 0, bytesOut = 0] = [this.#sums[sum], this.#sums[sum + 1]];
    if (bytesIn === 0 && bytesOut === 0) return;
    this.#add(this.#labelsOf(slot), bytesIn, bytesOut);
    this.#sums.fill(0, sum, sum + SUMS);
  }

  #add(labels: string, bytesIn: number, bytesOut: number): void {
    const [beforeIn, beforeOut] = this.#carried.get(labels) ?? [0, 0];
    this.#carried.set(labels, [beforeIn + bytesIn, beforeOut + bytesOut]);
  }

  #labelsOf(slot: number): string {
    const { labels, otherLabels } = this.#customers;
    if (slot < FIRST_NAMED) return otherLabels;
    labels.learn(slot);
    return decoder.decode(labels.bytes.subarray(labels.start(slot), labels.end(slot)));
  }
}

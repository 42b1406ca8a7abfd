import { setImmediate as nextTurn } from "node:timers/promises";
import { SLOT_DOUBLES, SUM } from "../../ledger/histogram.ts";
import { ALL_SLOT, type InterfaceLedger } from "../../ledger/interface-ledger.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { BYTES, PACKETS, type SlotCounters, ZONE_DOUBLES, slotAt } from "../../ledger/zones/slot-counters.ts";
import { type Family, gauge, MetricType, type WrittenFamily } from "../../page/family.ts";
import type { Collector } from "../collector.ts";
import { type CustomerSlots, writeCustomers } from "../customers.ts";
import type { TrafficSource } from "../traffic.ts";
import { RatePeaks } from "./rate-peaks.ts";

/** Counts are read again after so much time, and a little more: no second is shorter than one. */
const READ_MS = 1000;
/** Counters that are read before the event loop gets its turn. */
const DOUBLES_PER_TURN = 2 ** 18;

/**
 * Tells the highest second of traffic: reads the counts of interfaces and customers each second. A reading that comes
 * late is divided by the time that it stands for. What is told is the same for all that scrape, however many they are.
 */
export class PeaksCollector implements Collector, Disposable {
  readonly name = "peaks";
  readonly #source: TrafficSource;
  readonly #ledger: Ledger;
  readonly #customersOf: () => CustomerSlots | undefined;
  readonly #windowMs: number;
  readonly #now: () => number;
  #customers: CustomerSlots | undefined;
  #unwatch: (() => void) | undefined;
  /** Name of an interface → packets and bytes of it. */
  #interfaces = new Map<string, RatePeaks>();
  readonly #slots = new Map<SlotCounters, RatePeaks>();
  /** When the last reading began. */
  #beganAtMs: number;
  #windowAtMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** `customersOf`: those that are counted by now. `now`: a clock in milliseconds that never steps back. */
  constructor(
    source: TrafficSource,
    ledger: Ledger,
    customersOf: () => CustomerSlots | undefined,
    windowMs: number,
    now = () => performance.now(),
  ) {
    this.#source = source;
    this.#ledger = ledger;
    this.#customersOf = customersOf;
    this.#windowMs = windowMs;
    this.#now = now;
    this.#beganAtMs = now();
    this.#windowAtMs = this.#beganAtMs;
    this.#follow();
  }

  /** Reads customers as well from now on, if there are any by now. */
  #follow(): void {
    this.#customers ??= this.#customersOf();
    this.#unwatch ??= this.#customers?.slots.watchSlots((slot, into) => {
      for (const peaks of this.#slots.values()) peaks.fold(slot * ZONE_DOUBLES, into * ZONE_DOUBLES, ZONE_DOUBLES);
    });
  }

  /** Reads each second from now on, until it is disposed of. */
  begin(): void {
    this.#timer = setTimeout(() => void this.#readAgain(), 0).unref();
  }

  async #readAgain(): Promise<void> {
    await this.read();
    if (this.#timer !== undefined) this.#timer = setTimeout(() => void this.#readAgain(), READ_MS).unref();
  }

  /** Reads all counts; the event loop has its turns. */
  async read(): Promise<void> {
    const beginsAtMs = this.#now();
    for (const _ of this.#source.syncTotals()) await nextTurn();
    const nowMs = this.#now();
    // From the first that was read the last time to the last that is read now: a rate is never told as higher than it was.
    const seconds = (nowMs - this.#beganAtMs) / 1000;
    this.#beganAtMs = beginsAtMs;
    this.#follow();
    const ledgers = this.#ledger.interfaces();
    this.#interfaces = new Map(ledgers.map((ledger) => [ledger.name, this.#readTotals(ledger, seconds)]));
    if (this.#customers !== undefined) await this.#readCustomers(this.#customers, ledgers, seconds);
    if (nowMs - this.#windowAtMs < this.#windowMs) return;
    this.#windowAtMs = nowMs;
    for (const peaks of [...this.#interfaces.values(), ...this.#slots.values()]) peaks.turn();
  }

  async #readCustomers(customers: CustomerSlots, ledgers: readonly InterfaceLedger[], seconds: number): Promise<void> {
    const all = new Set(ledgers.map((ledger) => customers.countsOf(ledger)));
    for (const counts of this.#slots.keys()) if (!all.has(counts)) this.#slots.delete(counts);
    for (const counts of all) {
      const peaks = this.#slots.get(counts);
      if (peaks === undefined) this.#slots.set(counts, new RatePeaks(counts.counters));
      else await readSlots(peaks, counts, seconds);
    }
  }

  #readTotals(ledger: InterfaceLedger, seconds: number): RatePeaks {
    const totals = totalsOf(ledger);
    const peaks = this.#interfaces.get(ledger.name);
    peaks?.read(totals, 0, totals.length, seconds);
    return peaks ?? new RatePeaks(totals);
  }

  async collect(): Promise<Family[]> {
    const ofInterfaces = [
      this.#interfaceFamily("bytes", "promtap_traffic_peak_bytes_per_second", BYTES),
      this.#interfaceFamily("packets", "promtap_traffic_peak_packets_per_second", PACKETS),
    ];
    if (this.#customers === undefined) return ofInterfaces;
    return [
      ...ofInterfaces,
      this.#customerFamily(this.#customers, "bytes", "promtap_customer_peak_bytes_per_second", BYTES),
      this.#customerFamily(this.#customers, "packets", "promtap_customer_peak_packets_per_second", PACKETS),
    ];
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unwatch?.();
  }

  #interfaceFamily(unit: string, name: string, what: number): Family {
    return gauge(
      name,
      `Highest second of the interface within the time of --peaks, both directions together, in ${unit}.`,
      [...this.#interfaces].map(([interfaceName, peaks]) => ({
        labels: { interface: interfaceName },
        value: Math.round(peaks.peak(what)),
      })),
    );
  }

  #customerFamily(customers: CustomerSlots, unit: string, name: string, what: number): WrittenFamily {
    return {
      name,
      help: `Highest second of the addresses of customers within the time of --peaks, in ${unit}.`,
      type: MetricType.GAUGE,
      write: (writer) =>
        writeCustomers(writer, name, customers, this.#ledger.interfaces(), (ledger) => {
          const peaks = this.#slots.get(customers.countsOf(ledger));
          return (slot, direction) => Math.round(peaks?.peak(slotAt(slot, direction) + what) ?? 0);
        }),
    };
  }
}

async function readSlots(peaks: RatePeaks, counts: SlotCounters, seconds: number): Promise<void> {
  for (let from = 0; from < counts.counters.length; from += DOUBLES_PER_TURN) {
    const { counters } = counts;
    peaks.read(counters, from, Math.min(from + DOUBLES_PER_TURN, counters.length), seconds);
    if (from + DOUBLES_PER_TURN < counters.length) await nextTurn();
  }
}

/** Packets and bytes, at PACKETS and BYTES. */
function totalsOf(ledger: InterfaceLedger): Float64Array {
  const totals = new Float64Array(2);
  for (const { slots } of ledger.parts()) {
    totals[PACKETS]! += slots.packets(ALL_SLOT);
    totals[BYTES]! += slots.counters[ALL_SLOT * SLOT_DOUBLES + SUM]!;
  }
  return totals;
}

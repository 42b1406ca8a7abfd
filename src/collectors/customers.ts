import type { GeoDatabases } from "../geo/databases.ts";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { Direction } from "../ledger/rows.ts";
import { BYTES, PACKETS, type SlotCounters } from "../ledger/zones/slot-counters.ts";
import type { SlotPool } from "../ledger/zones/slot-pool.ts";
import { FIRST_NAMED, Zone } from "../ledger/zones/zone.ts";
import { counter, type Family, gauge, MetricType, type WrittenFamily } from "../page/family.ts";
import { labelText } from "../page/labels.ts";
import type { PageWriter } from "../page/page-writer.ts";
import { Piece } from "../page/piece.ts";
import { isTurnOver, SeriesLines } from "../page/series-lines.ts";
import { type Collector, reloaded } from "./collector.ts";
import { databaseFamilies } from "./geo-databases.ts";
import type { TrafficSource } from "./traffic.ts";

const encoder = new TextEncoder();
const TX = directionEnd("tx");
const RX = directionEnd("rx");

/** Where the labels of slots from FIRST_NAMED on stand, in bytes. */
export interface SlotLabels {
  /** Sees to it that those of a slot are there. Hot. */
  learn(slot: number): void;
  /** Replaced by another array when labels are added. */
  readonly bytes: Uint8Array;
  start(slot: number): number;
  end(slot: number): number;
}

/** A number of a slot in a direction. */
export type SlotValue = (slot: number, direction: Direction) => number;

/** What has series of customers. */
export interface CustomerSlots {
  readonly slots: SlotPool;
  countsOf(ledger: InterfaceLedger): SlotCounters;
  readonly labels: SlotLabels;
  /** The labels of what found no place. */
  readonly otherLabels: string;
  /** Whether there are no lists any more, and the last page with those of the last list has been. */
  readonly isOver: boolean;
}

/** What tells of a bounded set of them: names and texts of families. */
export interface CustomerBound {
  readonly used: readonly [name: string, help: string];
  readonly limit: readonly [name: string, help: string];
  readonly evicted: readonly [name: string, help: string];
}

/** What goes with them. */
export interface CustomerSurroundings {
  readonly bound: CustomerBound;
  /** Sees to it that the other ends of packets are looked up in what databases hold now. */
  refresh?(): Promise<void>;
  /** Given if no other collector tells of them. */
  databases?(): GeoDatabases | undefined;
}

export const CUSTOMERS: CustomerBound = {
  used: ["promtap_customers", "Customers that have series."],
  limit: ["promtap_customers_limit", "Customers that may have series."],
  evicted: [
    "promtap_evicted_customers_total",
    "Customers that gave their series to others, because they were silent longest when the limit was reached.",
  ],
};

export const CUSTOMER_ACCOUNTS: CustomerBound = {
  used: ["promtap_customer_accounts", "Customers, each with what is told apart of its traffic, that have series."],
  limit: ["promtap_customer_accounts_limit", "Customers, each with what is told apart, that may have series."],
  evicted: [
    "promtap_evicted_customer_accounts_total",
    "Accounts of customers that gave their series to others, because they were silent longest at the limit.",
  ],
};

/** Traffic of customers: of addresses that lists of prefixes give labels. */
export class CustomersCollector implements Collector {
  readonly name = "customers";
  readonly #source: TrafficSource;
  readonly #ledger: Ledger;
  readonly #customers: CustomerSlots;
  readonly #around: CustomerSurroundings;

  constructor(source: TrafficSource, ledger: Ledger, customers: CustomerSlots, around: CustomerSurroundings) {
    this.#source = source;
    this.#ledger = ledger;
    this.#customers = customers;
    this.#around = around;
  }

  async collect(deadline: number): Promise<Family[]> {
    const { bound } = this.#around;
    await reloaded(this.#around.refresh?.() ?? Promise.resolve(), deadline);
    const databases = this.#around.databases?.();
    this.#source.sync();
    const { slots } = this.#customers;
    slots.beginPage();
    if (this.#customers.isOver) return [];
    const { used, limit, evicted } = bound;
    return [
      ...(databases === undefined ? [] : databaseFamilies(databases)),
      gauge(...used, slots.quota.used),
      gauge(...limit, slots.quota.limit),
      counter(...evicted, slots.evicted),
      this.#family("packets", PACKETS),
      this.#family("bytes", BYTES),
    ];
  }

  #family(unit: string, what: number): WrittenFamily {
    const name = `promtap_customer_${unit}_total`;
    return {
      name,
      help: `Traffic of the addresses of customers, sent and received, in ${unit}.`,
      type: MetricType.COUNTER,
      write: (writer) =>
        writeCustomers(writer, name, this.#customers, this.#ledger.interfaces(), (ledger) => {
          const counts = this.#customers.countsOf(ledger);
          return (slot, direction) => counts.count(slot, direction, what);
        }),
    };
  }
}

/** Writes a line for all that has counted something: `valuesOf` says what is told of an interface. */
export function* writeCustomers(
  writer: PageWriter,
  name: string,
  customers: CustomerSlots,
  ledgers: readonly InterfaceLedger[],
  valuesOf: (ledger: InterfaceLedger) => SlotValue,
): Generator<void> {
  const { slots, labels, otherLabels } = customers;
  using _ = slots.quota.hold();
  const other = encoder.encode(otherLabels);
  for (const ledger of ledgers) {
    const counts = customers.countsOf(ledger);
    const value = valuesOf(ledger);
    const lines = new SeriesLines(name, labelText("interface", ledger.name));
    for (let slot = Zone.OTHER; slot < slots.count; slot++) {
      writeSlot(writer, lines, counts, slot, labels, other, value);
      if (isTurnOver(writer, slot)) yield;
    }
  }
}

/** Hot. */
function writeSlot(
  writer: PageWriter,
  lines: SeriesLines,
  counts: SlotCounters,
  slot: number,
  labels: SlotLabels,
  other: Uint8Array,
  valueOf: SlotValue,
): void {
  const hasSent = counts.count(slot, Direction.TX, PACKETS) > 0;
  const hasReceived = counts.count(slot, Direction.RX, PACKETS) > 0;
  if (!hasSent && !hasReceived) return;
  const isOther = slot < FIRST_NAMED;
  if (!isOther) labels.learn(slot);
  const bytes = isOther ? other : labels.bytes;
  const from = isOther ? 0 : labels.start(slot);
  const to = isOther ? other.length : labels.end(slot);
  if (hasSent) lines.write(writer, valueOf(slot, Direction.TX), bytes, from, to, from === to ? TX.alone : TX.behind);
  if (!hasReceived) return;
  lines.write(writer, valueOf(slot, Direction.RX), bytes, from, to, from === to ? RX.alone : RX.behind);
}

/** The last label, alone and behind others, and the end of the labels. */
function directionEnd(name: string): { readonly alone: Piece; readonly behind: Piece } {
  const text = labelText("direction", name);
  return { alone: new Piece(`${text}} `), behind: new Piece(`,${text}} `) };
}

import { lengthened } from "../../grown-array.ts";
import { BUCKETS, SLOT_DOUBLES, SUM } from "../../ledger/histogram.ts";
import { ALL_SLOT, type InterfaceLedger } from "../../ledger/interface-ledger.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { ROW_CELLS } from "../../ledger/rows.ts";
import type { Counted } from "./accounting-record.ts";

/** About 250 kB of JSON; brokers take 1 MB unless they are told otherwise. */
const BATCH_RECORDS = 1000;
/** Rows that are looked at before the event loop gets its turn. */
const ROWS_PER_TURN = 4096;
/** Most interfaces that are kept for what they have not delivered, after the ledger has forgotten them. */
const MAX_FORGOTTEN = 256;

/** Of a slot, so much has been delivered: packets and bytes. */
const DELIVERED_DOUBLES = 2;

/** Differences that are delivered together. */
export interface Batch {
  readonly counted: readonly Counted[];
  /** Takes note that all of it has been taken. */
  take(): void;
}

interface Difference extends Counted {
  /** Where it stands now. */
  holder: InterfaceLedger;
  slot: number;
}

/**
 * What a ledger has counted from now on and nobody has taken yet: by address if there are ranges, by interface if there
 * are none. It costs two doubles a histogram, however long it is not taken.
 */
export class Differences implements Disposable {
  /** Packets of interfaces that went, and that could not be kept any longer. */
  droppedPackets = 0;
  readonly #ledger: Ledger;
  /** In the order in which they were first seen. */
  readonly #delivered = new Map<InterfaceLedger, Float64Array>();
  readonly #unwatch: readonly (() => void)[];
  /** Given to a taker, or about to be, and not taken. */
  #open: Difference[] = [];

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    for (const each of ledger.interfaces()) this.#begin(each);
    this.#unwatch = [
      ledger.watchInterfaces((each) => this.#begin(each)),
      ledger.watchFolds((from, slot, into, to) => this.#fold(from, slot, into, to)),
    ];
  }

  [Symbol.dispose](): void {
    for (const unwatch of this.#unwatch) unwatch();
  }

  /** What an interface begins with, as when it goes on from a run before, is not to be delivered. */
  #begin(ledger: InterfaceLedger): void {
    for (const part of ledger.parts()) {
      const { counters, used } = part.slots;
      const delivered = new Float64Array(used * DELIVERED_DOUBLES);
      for (let slot = 0; slot < used; slot++) {
        delivered[slot * DELIVERED_DOUBLES] = packetsIn(counters, slot);
        delivered[slot * DELIVERED_DOUBLES + 1] = counters[slot * SLOT_DOUBLES + SUM]!;
      }
      this.#delivered.set(part, delivered);
    }
  }

  /** Of the interfaces that are there, or went and have something that nobody has taken yet. */
  get names(): Set<string> {
    return new Set(Array.from(this.#delivered.keys(), ({ name }) => name));
  }

  /** Gets to know new interfaces, so that what they have counted is kept when they go before it is delivered. */
  watch(): void {
    const present = new Set(this.#ledger.parts());
    for (const ledger of present) {
      if (!this.#delivered.has(ledger)) this.#delivered.set(ledger, new Float64Array(DELIVERED_DOUBLES));
    }
    const gone = [...this.#delivered.keys()].filter((ledger) => !present.has(ledger));
    for (const ledger of gone.slice(0, Math.max(0, gone.length - MAX_FORGOTTEN))) {
      for (const row of this.#rowsOf(ledger)) {
        for (const { packets } of this.#differencesOf(ledger, row)) this.droppedPackets += packets;
      }
      this.#delivered.delete(ledger);
    }
  }

  /**
   * Goes through all differences once. The next batch is made when it is asked for, which is after the last was
   * taken; undefined stands for a turn of the event loop. A batch tells of rows as they are when it is given: they
   * are to be read at once. What interfaces in `passedOver` have counted is taken for delivered: it counts elsewhere too.
   */
  *batches(passedOver: ReadonlySet<string> = new Set()): Generator<Batch | undefined> {
    this.watch();
    const present = new Set(this.#ledger.parts());
    const known = [...this.#delivered.keys()];
    this.#open = [];
    let held = this.#ledger.addresses.hold();
    try {
      for (const [ledger, row] of this.#allRows(known)) {
        if (row !== undefined && row % ROWS_PER_TURN === ROWS_PER_TURN - 1) yield undefined;
        const found = this.#differencesOf(ledger, row);
        if (passedOver.has(ledger.name)) this.#take(found);
        else this.#open.push(...found);
        if (this.#open.length < BATCH_RECORDS) continue;
        held[Symbol.dispose]();
        yield this.#batch();
        held = this.#ledger.addresses.hold();
        this.#open = [];
      }
    } finally {
      held[Symbol.dispose]();
    }
    if (this.#open.length > 0) yield this.#batch();
    this.#open = [];
    for (const ledger of known) if (!present.has(ledger)) this.#delivered.delete(ledger);
  }

  *#allRows(ledgers: readonly InterfaceLedger[]): Generator<[InterfaceLedger, row: number | undefined]> {
    for (const ledger of ledgers) for (const row of this.#rowsOf(ledger)) yield [ledger, row];
  }

  /** The rows of an interface, as far as they go while it is asked, or the interface as a whole. */
  *#rowsOf(ledger: InterfaceLedger): Generator<number | undefined> {
    if (this.#isByAddress) for (let row = 0; row < ledger.rows.count; row++) yield row;
    else yield undefined;
  }

  get #isByAddress(): boolean {
    return this.#ledger.ranges.ranges.length > 0;
  }

  #differencesOf(ledger: InterfaceLedger, row: number | undefined): Difference[] {
    if (row === undefined) return this.#differenceOf(ledger, ALL_SLOT, row, 0);
    const found: Difference[] = [];
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = ledger.rows.slotOf(row, cell);
      if (slot !== 0) found.push(...this.#differenceOf(ledger, slot, row, cell));
    }
    return found;
  }

  /** One, or none if nothing new was counted. */
  #differenceOf(ledger: InterfaceLedger, slot: number, row: number | undefined, cell: number): Difference[] {
    const { counters } = ledger.slots;
    const delivered = this.#delivered.get(ledger);
    const packets = packetsIn(counters, slot) - (delivered?.[slot * DELIVERED_DOUBLES] ?? 0);
    if (packets <= 0) return [];
    const bytes = counters[slot * SLOT_DOUBLES + SUM]! - (delivered?.[slot * DELIVERED_DOUBLES + 1] ?? 0);
    return [{ ledger, holder: ledger, slot, row, cell, packets, bytes }];
  }

  #batch(): Batch {
    const counted = this.#open;
    return { counted, take: () => this.#take(counted) };
  }

  #take(counted: readonly Difference[]): void {
    for (const { holder, slot, packets, bytes } of counted) this.#deliver(holder, slot, packets, bytes);
  }

  #deliver(ledger: InterfaceLedger, slot: number, packets: number, bytes: number): void {
    const delivered = this.#roomFor(ledger, slot);
    delivered[slot * DELIVERED_DOUBLES]! += packets;
    delivered[slot * DELIVERED_DOUBLES + 1]! += bytes;
  }

  /** What a slot has counted is in another one now: so is what was delivered of it, and what is about to be. */
  #fold(ledger: InterfaceLedger, slot: number, into: number, to: InterfaceLedger): void {
    for (const difference of this.#open) {
      if (difference.ledger !== ledger || difference.slot !== slot) continue;
      difference.slot = into;
      difference.holder = to;
    }
    const delivered = this.#delivered.get(ledger);
    const at = slot * DELIVERED_DOUBLES;
    if (delivered === undefined || at >= delivered.length) return;
    this.#deliver(to, into, delivered[at]!, delivered[at + 1]!);
    this.#delivered.get(ledger)!.fill(0, at, at + DELIVERED_DOUBLES);
  }

  #roomFor(ledger: InterfaceLedger, slot: number): Float64Array {
    const delivered = this.#delivered.get(ledger) ?? new Float64Array(0);
    if ((slot + 1) * DELIVERED_DOUBLES <= delivered.length) return delivered;
    const larger = lengthened(delivered, ledger.slots.used * DELIVERED_DOUBLES);
    this.#delivered.set(ledger, larger);
    return larger;
  }
}

function packetsIn(counters: Float64Array, slot: number): number {
  let packets = 0;
  const start = slot * SLOT_DOUBLES;
  for (let at = start; at < start + BUCKETS; at++) packets += counters[at]!;
  return packets;
}

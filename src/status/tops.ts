import { grown } from "../grown-array.ts";
import { SLOT_DOUBLES, SUM } from "../ledger/histogram.ts";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { Direction, ROW_CELLS } from "../ledger/rows.ts";
import { NO_VLAN, vlanLabel } from "../ledger/vlans/vlan.ts";
import { BYTES } from "../ledger/zones/slot-counters.ts";
import type { Zoning } from "../ledger/zones/zoning.ts";
import { Largest } from "./largest.ts";

/** One line of what sends and receives most. */
export interface TopLine {
  readonly name: string;
  readonly interfaceName: string;
  /** Bytes a second since the look before, both directions. */
  readonly rate: number;
  /** Bytes since the start. */
  readonly sum: number;
}

/** What sends and receives most: since the look before, and since the start. */
export interface Top {
  readonly byRate: readonly TopLine[];
  readonly bySum: readonly TopLine[];
}

const ROWS_PER_TURN = 4096;
const INITIAL_PLACES = 64;

/** What places of a set had counted when they were last looked at, and for what they stood then. */
class Before {
  #sums = new Float64Array(INITIAL_PLACES);
  #editions = new Uint32Array(INITIAL_PLACES);

  /** The growth of a place since it was last asked for; 0 if it stood for something else then. */
  growth(place: number, edition: number, sum: number): number {
    while (place >= this.#sums.length) {
      this.#sums = grown(this.#sums);
      this.#editions = grown(this.#editions);
    }
    const growth = this.#editions[place] === edition + 1 ? sum - this.#sums[place]! : 0;
    this.#sums[place] = sum;
    this.#editions[place] = edition + 1;
    return growth;
  }
}

/** Tells an address of a row, as the page of metrics does. */
export type NameOfRow = (ledger: InterfaceLedger, row: number) => string;

/** Finds the addresses that send and receive most. */
export class TopAddresses {
  readonly #ledger: Ledger;
  readonly #nameOf: NameOfRow;
  readonly #before = new WeakMap<InterfaceLedger, Before>();

  constructor(ledger: Ledger, nameOf: NameOfRow) {
    this.#ledger = ledger;
    this.#nameOf = nameOf;
  }

  /** Looks at all rows; yields often enough not to hold the event loop. `seconds`: since the look before. */
  *look(seconds: number): Generator<void, Top> {
    const byRate = new Largest<TopLine>();
    const bySum = new Largest<TopLine>();
    using _ = this.#ledger.addresses.hold();
    for (const ledger of this.#ledger.parts()) {
      const before = this.#before.get(ledger) ?? new Before();
      this.#before.set(ledger, before);
      for (let row = 0; row < ledger.rows.count; row++) {
        if (row % ROWS_PER_TURN === ROWS_PER_TURN - 1) yield;
        if (!ledger.rows.isAddress(row)) continue;
        const sum = bytesOf(ledger, row);
        const rate = before.growth(row, ledger.rows.editionOf(row), sum) / seconds;
        const line = (): TopLine => ({ name: this.#nameOf(ledger, row), interfaceName: placeOf(ledger), rate, sum });
        byRate.offer(rate, line);
        bySum.offer(sum, line);
      }
    }
    return { byRate: byRate.take(), bySum: bySum.take() };
  }
}

/** The interface, and the VLAN if they are told apart. */
function placeOf({ name, vlan }: InterfaceLedger): string {
  return vlan === undefined || vlan === NO_VLAN ? name : `${name}, VLAN ${vlanLabel(vlan)}`;
}

/** Hot, for a look. */
function bytesOf({ rows, slots }: InterfaceLedger, row: number): number {
  const { counters } = slots;
  let sum = 0;
  for (let cell = 0; cell < ROW_CELLS; cell++) {
    const slot = rows.slotOf(row, cell);
    if (slot > 0) sum += counters[slot * SLOT_DOUBLES + SUM]!;
  }
  return sum;
}

/** Finds the countries, ASes or customers that send and receive most, over all interfaces. */
export class TopZones {
  readonly zoning: Zoning;
  readonly #ledger: Ledger;
  readonly #nameOf: (zone: number) => string;
  readonly #before = new Before();

  constructor(ledger: Ledger, zoning: Zoning, nameOf: (zone: number) => string) {
    this.#ledger = ledger;
    this.zoning = zoning;
    this.#nameOf = nameOf;
  }

  *look(seconds: number): Generator<void, Top> {
    const byRate = new Largest<TopLine>();
    const bySum = new Largest<TopLine>();
    using _ = this.zoning.quota.hold();
    const all = this.#ledger.interfaces().flatMap(({ zones }) => zones.filter(({ zoning }) => zoning === this.zoning));
    for (let slot = 1; slot < this.zoning.slots.count; slot++) {
      if (slot % ROWS_PER_TURN === ROWS_PER_TURN - 1) yield;
      const zone = this.zoning.slots.ownerOf(slot);
      let sum = 0;
      for (const { counts } of all) {
        sum += counts.count(slot, Direction.TX, BYTES) + counts.count(slot, Direction.RX, BYTES);
      }
      const rate = this.#before.growth(slot, zone, sum) / seconds;
      const line = (): TopLine => ({ name: this.#nameOf(zone), interfaceName: "", rate, sum });
      byRate.offer(rate, line);
      bySum.offer(sum, line);
    }
    return { byRate: byRate.take(), bySum: bySum.take() };
  }
}

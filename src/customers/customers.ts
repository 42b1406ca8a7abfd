import { setImmediate as nextTurn } from "node:timers/promises";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { SlotCounters } from "../ledger/zones/slot-counters.ts";
import type { SlotPool } from "../ledger/zones/slot-pool.ts";
import { Ends, FIRST_NAMED } from "../ledger/zones/zone.ts";
import { Zoning } from "../ledger/zones/zoning.ts";
import { labelText } from "../page/labels.ts";
import { type CustomerTables, numbered } from "./customer-tables.ts";
import type { LabelSets } from "./prefix-set.ts";
import { NamedSlotLabels } from "./slot-labels.ts";

/** Room for a later list: half as many customers again, and some. */
const SPARE = 1.5;
const SPARE_CUSTOMERS = 1024;
/** Label sets that are given a number before the event loop gets its turn. */
const SETS_PER_TURN = 8192;

/** Label sets and what is counted for them, at both ends of a packet: the zones of a zoning, named by their labels. */
export class Customers {
  readonly zoning: Zoning;
  readonly labels: NamedSlotLabels;
  #labelNames: readonly string[] = [];

  /** `expected`: different sets of labels at first. `limit`: most that have series. */
  constructor(expected: number, limit: number) {
    const room = Math.ceil(expected * SPARE) + SPARE_CUSTOMERS;
    // A customer that leaves the list keeps its number.
    this.zoning = new Zoning("customer", Math.min(limit, room), FIRST_NAMED + 2 * room, Ends.BOTH);
    this.labels = new NamedSlotLabels(this.zoning);
  }

  get slots(): SlotPool {
    return this.zoning.slots;
  }

  countsOf({ zones }: InterfaceLedger): SlotCounters {
    return zones.find(({ zoning }) => zoning === this.zoning)!.counts;
  }

  /** The labels of what found no place. */
  get otherLabels(): string {
    return this.#labelNames.map((name) => labelText(name, "other")).join(",");
  }

  /** From now on, these sets count; their tables, which number the label sets through, are used up. Returns why that can't be: then those before stay. */
  async use(sets: readonly LabelSets[], tables: CustomerTables): Promise<string | undefined> {
    const zones = new Uint32Array(sets.reduce((sum, { labels }) => sum + labels.ends.length, 0));
    let count = 0;
    for (const { labels } of sets) {
      let start = 0;
      for (const end of labels.ends) {
        zones[count++] = this.zoning.zoneOfBytes(labels.bytes, start, end);
        start = end;
        if (count % SETS_PER_TURN === 0) await nextTurn();
      }
    }
    const refusal = this.zoning.use(numbered(tables, zones));
    if (refusal === undefined) this.#labelNames = [...new Set(sets.flatMap(({ labelNames }) => labelNames))];
    return refusal;
  }
}

import { setImmediate as nextTurn } from "node:timers/promises";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { SlotCounters } from "../ledger/zones/slot-counters.ts";
import type { SlotPool } from "../ledger/zones/slot-pool.ts";
import { Ends, FIRST_NAMED } from "../ledger/zones/zone.ts";
import type { ZoneTable } from "../ledger/zones/zone-table.ts";
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

/** What counts by other lists, until it is undone. */
export interface Takeover {
  /** What is in these lists no more leaves the page, and its number goes to others. */
  commit(): void;
  undo(): Promise<void>;
}

/** Label sets and what is counted for them, at both ends of a packet: the zones of a zoning, named by their labels. */
export class Customers {
  readonly zoning: Zoning;
  readonly labels: NamedSlotLabels;
  #labelNames: readonly string[] = [];
  /** Zone → 1 of those that count. */
  #counted = new Uint8Array(0);

  /** `expected`: different sets of labels at first. `limit`: most that have series. */
  constructor(expected: number, limit: number) {
    const room = Math.ceil(expected * SPARE) + SPARE_CUSTOMERS;
    // Those that are gone keep their numbers until they were told, while others take their place.
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

  /**
   * From now on, these sets count; they and their tables, which number the label sets through, are used up. Returns why
   * that can't be: then those before stay.
   */
  async use(sets: readonly LabelSets[], tables: CustomerTables): Promise<Takeover | string> {
    const zones = await this.#zonesOf(sets);
    for (const { labels } of sets) free(labels.bytes, labels.ends, labels.hashes);
    const counted = new Uint8Array(this.zoning.zones);
    for (const zone of zones) counted[zone] = 1;
    const { table } = this.zoning;
    await nextTurn();
    const refusal = await this.#change(numbered(tables, zones));
    if (refusal !== undefined) {
      // What only these sets have is wanted no more.
      this.zoning.retain(this.#counted);
      return refusal;
    }
    const before = this.#labelNames;
    this.#labelNames = [...new Set(sets.flatMap(({ labelNames }) => labelNames))];
    return {
      commit: () => {
        this.#counted = counted;
        this.zoning.retain(counted);
        for (const { directory, spans } of [table.ipv4, table.ipv6]) free(directory, spans);
      },
      undo: async () => {
        // It was in use: there is room for it.
        await this.#change(table);
        this.#labelNames = before;
        this.zoning.retain(this.#counted);
      },
    };
  }

  /** Changes the table, and lets the event loop have its turn between the steps. */
  async #change(table: ZoneTable): Promise<string | undefined> {
    const change = this.zoning.change(table);
    let step = change.next();
    for (; step.done !== true; step = change.next()) await nextTurn();
    return step.value;
  }

  /** The zones of all label sets. */
  async #zonesOf(sets: readonly LabelSets[]): Promise<Uint32Array> {
    const zones = new Uint32Array(sets.reduce((sum, { labels }) => sum + labels.ends.length, 0));
    this.zoning.names.reserve(zones.length);
    let count = 0;
    for (const { labels } of sets) {
      const { bytes, ends, hashes } = labels;
      for (let index = 0, start = 0; index < ends.length; index++) {
        const end = ends[index]!;
        zones[count++] = this.zoning.zoneOfBytes(bytes, start, end, hashes[index]);
        start = end;
        if (count % SETS_PER_TURN === 0) await nextTurn();
      }
    }
    return zones;
  }
}

/** Gives the memory that is an array's own back at once, instead of when V8 is short of it: nothing may read it any more. */
function free(...arrays: readonly (Uint8Array | Uint32Array)[]): void {
  for (const { buffer, byteLength } of arrays) {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  }
}

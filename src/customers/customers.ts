import { setImmediate as nextTurn } from "node:timers/promises";
import { ErrorCode, PromtapError } from "../errors.ts";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { SlotCounters } from "../ledger/zones/slot-counters.ts";
import type { SlotPool } from "../ledger/zones/slot-pool.ts";
import { Ends, FIRST_NAMED } from "../ledger/zones/zone.ts";
import { type MakeRoom, Zoning } from "../ledger/zones/zoning.ts";
import { labelText } from "../page/labels.ts";
import { type CustomerTables, numbered } from "./customer-tables.ts";
import type { LabelSets } from "./prefix-set.ts";
import { NamedSlotLabels } from "./slot-labels.ts";

/** Room for a later list: half as many customers again, and some. */
const SPARE = 1.5;
const SPARE_CUSTOMERS = 1024;
/** Label sets that are given a number before the event loop gets its turn. */
const SETS_PER_TURN = 2048;

/** What counts by other lists, until it is undone. */
export interface Takeover {
  /** What is in these lists no more leaves the page, and its number goes to others. */
  commit(): void;
  /** Throws PromtapError if there is no room any more for what was before: then these stay. */
  undo(): Promise<void>;
}

/** Label sets and what is counted for them, at both ends of a packet: the zones of a zoning, named by their labels. */
export class Customers {
  readonly zoning: Zoning;
  readonly labels: NamedSlotLabels;
  #labelNames: readonly string[] = [];
  #isListed = false;
  /** Zone → 1 of those that count. */
  #counted = new Uint8Array(0);

  readonly #limit: number;

  /** `expected`: different sets of labels at first. `limit`: most that ever have series. */
  constructor(expected: number, limit: number) {
    this.#limit = limit;
    const { series, numbers } = roomFor(expected, limit);
    this.zoning = new Zoning("customer", series, numbers, Ends.BOTH);
    this.labels = new NamedSlotLabels(this.zoning);
  }

  get slots(): SlotPool {
    return this.zoning.slots;
  }

  countsOf(ledger: InterfaceLedger): SlotCounters {
    return ledger.zonesOf(this.zoning)!.counts;
  }

  get isOver(): boolean {
    const { names } = this.zoning;
    return !this.#isListed && names.count - names.free === FIRST_NAMED;
  }

  /** The labels of what found no place. */
  get otherLabels(): string {
    return this.#labelNames.map((name) => labelText(name, "other")).join(",");
  }

  /**
   * From now on, these sets count; they and their tables, which number the label sets through, are used up. Returns why
   * that can't be: then those before stay. Throws what `makeRoom` throws, likewise.
   */
  async use(sets: readonly LabelSets[], tables: CustomerTables, makeRoom?: MakeRoom): Promise<Takeover | string> {
    const shrink = this.#grow(sets);
    const zones = await this.#zonesOf(sets);
    for (const { labels } of sets) free(labels.bytes, labels.ends, labels.hashes);
    const counted = new Uint8Array(this.zoning.zones);
    for (const zone of zones) counted[zone] = 1;
    const { table } = this.zoning;
    await nextTurn();
    let isUsed = false;
    try {
      const refusal = await this.zoning.changeInTurns(numbered(tables, zones), nextTurn, makeRoom);
      if (refusal !== undefined) return refusal;
      isUsed = true;
    } finally {
      // What only these sets have is wanted no more.
      if (!isUsed) {
        shrink();
        this.zoning.retain(this.#counted);
      }
    }
    const before = this.#labelNames;
    const wasListed = this.#isListed;
    this.#isListed = sets.length > 0;
    // Those of the last list are those of its last page.
    if (this.#isListed) this.#labelNames = [...new Set(sets.flatMap(({ labelNames }) => labelNames))];
    return {
      commit: () => {
        this.#counted = counted;
        this.zoning.retain(counted);
        for (const { directory, spans } of [table.ipv4, table.ipv6]) free(directory, spans);
      },
      undo: async () => {
        const refusal = await this.zoning.changeInTurns(table, nextTurn, makeRoom);
        if (refusal !== undefined) {
          throw new PromtapError(ErrorCode.HOST, `couldn't go back to the lists before: ${refusal}`);
        }
        this.#labelNames = before;
        this.#isListed = wasListed;
        this.zoning.retain(this.#counted);
      },
    };
  }

  /** Makes room for as many as there are now, and for a later list, if there is not enough. Returns what takes it back. */
  #grow(sets: readonly LabelSets[]): () => void {
    const listed = sets.reduce((sum, { labels }) => sum + labels.ends.length, 0);
    const { names, maxZones } = this.zoning;
    const { limit } = this.slots.quota;
    // All may be new.
    const left = maxZones - names.count + names.free;
    if (listed <= left && (listed <= limit || limit === this.#limit)) return () => {};
    const { series, numbers } = roomFor(listed, this.#limit);
    return this.zoning.grow(Math.max(limit, series), Math.max(names.count + listed, numbers));
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

/** How many may have series, and how many a number: those that are gone keep theirs until they were told. */
function roomFor(customers: number, limit: number): { series: number; numbers: number } {
  const room = Math.ceil(customers * SPARE) + SPARE_CUSTOMERS;
  return { series: Math.min(limit, room), numbers: FIRST_NAMED + 2 * room };
}

/** Gives the memory that is an array's own back at once, instead of when V8 is short of it: nothing may read it any more. */
function free(...arrays: readonly (Uint8Array | Uint32Array)[]): void {
  for (const { buffer, byteLength } of arrays) {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  }
}

import { grown } from "../../grown-array.ts";
import { Leavers } from "../quota/leavers.ts";
import { Quota } from "../quota/quota.ts";
import { Direction } from "../rows.ts";
import { FREE, type Places } from "../quota/silence.ts";
import { encoded, Names, NO_NAME } from "./names.ts";
import { Spans } from "./spans.ts";
import { Ends, FIRST_NAMED, Zone, ZONE_NAMES } from "./zone.ts";
import { ZoneTable } from "./zone-table.ts";

/** Countries or ASes that are told apart at all; there are 90,000 AS numbers in use (2026). */
export const MAX_ZONES = 1 << 18;

/** What is counted by slot on one interface. */
export interface SlotCounts {
  packets(slot: number, direction: Direction): number;
  /** Moves all counts of a slot to another one. */
  fold(slot: number, into: number): void;
}

/** Takes over a table, or returns why it cannot. */
export type TableFollower = (table: ZoneTable) => string | undefined;

/**
 * One way to tell remote addresses apart, by country or by AS: shared by all interfaces. Zones are numbered as the
 * databases first name them, and keep their number when another database comes.
 *
 * Of the zones only so many get series: they are given a slot, for which that one gives way which has been silent longest.
 * The rest is counted as OTHER.
 */
export class Zoning implements Places {
  /** What tells zones apart: the label on the page. */
  readonly label: string;
  /** Of the zones that have a slot, without those that have no name of their own. */
  readonly quota: Quota;
  /** Zones that gave their slot to others. */
  evicted = 0;
  /** Zones that may have a number. */
  readonly maxZones: number;
  readonly ends: Ends;
  /** Names by zone. */
  readonly names = new Names(ZONE_NAMES);
  /** Zone → what else is said of it, if there is anything. */
  readonly #descriptions = new Map<number, string>();
  /** Zone → slot; 0 if it has none. */
  #slots = new Uint32Array(FIRST_NAMED);
  /** Slot → zone; 0 if it is free. */
  readonly #zones: number[] = [];
  readonly #freeSlots: number[] = [];
  /** Zones that lost their slot. */
  readonly #leavers = new Leavers<number>();
  readonly #ledgers = new Set<SlotCounts>();
  readonly #followers = new Set<TableFollower>();
  #table = new ZoneTable(Spans.all(4, Zone.UNKNOWN), Spans.all(6, Zone.UNKNOWN));

  constructor(label: string, limit: number, maxZones = MAX_ZONES, ends: Ends = Ends.REMOTE) {
    this.label = label;
    this.ends = ends;
    this.quota = new Quota(limit, () => [this]);
    this.maxZones = maxZones;
    for (let zone = 0; zone < FIRST_NAMED; zone++) this.#give(zone);
  }

  get table(): ZoneTable {
    return this.#table;
  }

  /**
   * From now on, addresses are looked up there. Returns why that cannot be: then the table before stays in use, for all
   * that follow.
   */
  use(table: ZoneTable): string | undefined {
    for (const follower of this.#followers) {
      const refusal = follower(table);
      if (refusal !== undefined) return refusal;
    }
    this.#table = table;
    return undefined;
  }

  /** Hands every table to come to a follower, until the returned function is called. */
  watch(follower: TableFollower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** The zone of this name, which is given a number if it has none; OTHER if there are too many. */
  zoneOf(name: string): number {
    const bytes = encoded(name);
    return this.zoneOfBytes(bytes, 0, bytes.length);
  }

  /** Likewise, of the name bytes[from, to). */
  zoneOfBytes(bytes: Uint8Array, from: number, to: number): number {
    const known = this.names.find(bytes, from, to);
    if (known !== NO_NAME) return known;
    if (this.names.free === 0 && this.names.count === this.maxZones) return Zone.OTHER;
    const zone = this.names.add(bytes, from, to);
    if (zone >= this.#slots.length) this.#slots = grown(this.#slots);
    return zone;
  }

  /** Zones that have a number, one more than the highest. */
  get zones(): number {
    return this.names.count;
  }

  nameOf(zone: number): string {
    return this.names.text(zone);
  }

  describe(zone: number, description: string): void {
    this.#descriptions.set(zone, description);
  }

  descriptionOf(zone: number): string {
    return this.#descriptions.get(zone) ?? "";
  }

  /** One more than the highest slot; they are given out from 1 on. */
  get count(): number {
    return this.#zones.length;
  }

  /** The zone that a slot is for; 0 if it is for none. */
  zoneOfSlot(slot: number): number {
    return this.#zones[slot]!;
  }

  /** The slot of a zone that packets go to or come from, which is given one if there is room; else OTHER's. Hot. */
  slotOf(zone: number, direction: Direction): number {
    const slot = this.#slots[zone]!;
    return slot > 0 ? slot : this.#admit(zone, direction);
  }

  /** A page begins, once all is counted that is to be on it: zones that lost their slot before are not on it. */
  beginPage(): void {
    this.quota.beginPage();
    this.#leavers.beginPage();
  }

  /** Whether a zone has a slot. */
  hasSlot(zone: number): boolean {
    return this.#slots[zone]! > 0;
  }

  /** Lets a ledger count by slot, until it is told to leave. */
  join(ledger: SlotCounts): void {
    this.#ledgers.add(ledger);
  }

  leave(ledger: SlotCounts): void {
    this.#ledgers.delete(ledger);
  }

  activity(slot: number): number {
    if (slot < FIRST_NAMED || this.#zones[slot] === 0) return FREE;
    return this.#packets(slot, Direction.TX) + this.#packets(slot, Direction.RX);
  }

  hasSent(slot: number): boolean {
    return this.#packets(slot, Direction.TX) > 0;
  }

  vacate(slot: number): void {
    const zone = this.#zones[slot]!;
    for (const ledger of this.#ledgers) ledger.fold(slot, Zone.OTHER);
    if (this.quota.hasPages) this.#leavers.add(zone);
    this.#slots[zone] = 0;
    this.#zones[slot] = 0;
    this.#freeSlots.push(slot);
    this.evicted++;
  }

  #packets(slot: number, direction: Direction): number {
    let packets = 0;
    for (const ledger of this.#ledgers) packets += ledger.packets(slot, direction);
    return packets;
  }

  #admit(zone: number, direction: Direction): number {
    return !this.#leavers.has(zone) && this.quota.take(direction === Direction.TX) ? this.#give(zone) : Zone.OTHER;
  }

  #give(zone: number): number {
    const slot = this.#freeSlots.pop() ?? this.#zones.length;
    this.#zones[slot] = zone;
    this.#slots[zone] = slot;
    return slot;
  }
}

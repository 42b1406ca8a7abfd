import { FIRST_NAMED, Zone, ZONE_NAMES } from "./zone.ts";
import { Spans } from "./spans.ts";
import { ZoneTable } from "./zone-table.ts";

/** Countries or ASes that are told apart at all; there are 90,000 AS numbers in use (2026). */
export const MAX_ZONES = 1 << 18;

/** Takes over a table, or returns why it cannot. */
export type TableFollower = (table: ZoneTable) => string | undefined;

/**
 * One way to tell remote addresses apart, by country or by AS: shared by all interfaces. Zones are numbered as the
 * databases first name them, and keep their number when another database comes.
 *
 * Of the zones only so many get series, those that are seen first: they are given a slot. The rest is counted as OTHER.
 */
export class Zoning {
  /** What tells zones apart: the label on the page. */
  readonly label: string;
  /** Zones that may have a slot, without those that have no name of their own. */
  readonly limit: number;
  /** Zones that may have a number. */
  readonly maxZones: number;
  readonly #names: string[] = [...ZONE_NAMES];
  readonly #numbers = new Map<string, number>();
  /** Zone → what else is said of it, where there is anything. */
  readonly #descriptions = new Map<number, string>();
  /** Zone → slot; 0 where it has none. */
  #slots = new Uint32Array(FIRST_NAMED);
  /** Slot → zone. */
  readonly #zones: number[] = [];
  readonly #followers = new Set<TableFollower>();
  #table = new ZoneTable(Spans.all(4, Zone.UNKNOWN), Spans.all(6, Zone.UNKNOWN));

  constructor(label: string, limit: number, maxZones = MAX_ZONES) {
    this.label = label;
    this.limit = limit;
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

  /** Has somebody take over every table to come, until the returned function is called. */
  watch(follower: TableFollower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** The zone of this name, which is given a number where it has none; OTHER where there are too many. */
  zoneOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const zone = this.#names.length;
    if (zone === this.maxZones) return Zone.OTHER;
    this.#names.push(name);
    this.#numbers.set(name, zone);
    if (zone >= this.#slots.length) {
      const slots = new Uint32Array(this.#slots.length * 2);
      slots.set(this.#slots);
      this.#slots = slots;
    }
    return zone;
  }

  /** Zones that have a number, one more than the highest. */
  get zones(): number {
    return this.#names.length;
  }

  nameOf(zone: number): string {
    return this.#names[zone]!;
  }

  describe(zone: number, description: string): void {
    this.#descriptions.set(zone, description);
  }

  descriptionOf(zone: number): string {
    return this.#descriptions.get(zone) ?? "";
  }

  /** Zones that have slots and names of their own. */
  get used(): number {
    return this.#zones.length - FIRST_NAMED;
  }

  /** Slots given out, from 1 on. */
  get slots(): number {
    return this.#zones.length;
  }

  zoneOfSlot(slot: number): number {
    return this.#zones[slot]!;
  }

  /** The slot of a zone, which is given one where it has none and there is room, else that of OTHER. Hot. */
  slotOf(zone: number): number {
    const slot = this.#slots[zone]!;
    return slot > 0 ? slot : this.#admit(zone);
  }

  #admit(zone: number): number {
    return this.used < this.limit ? this.#give(zone) : Zone.OTHER;
  }

  #give(zone: number): number {
    const slot = this.#zones.length;
    this.#zones.push(zone);
    this.#slots[zone] = slot;
    return slot;
  }
}

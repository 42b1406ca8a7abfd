import { grown, lengthened } from "../../grown-array.ts";
import type { Quota } from "../quota/quota.ts";
import type { Direction } from "../rows.ts";
import { nameHash } from "./name-hash.ts";
import { encoded, Names, NO_NAME } from "./names.ts";
import { SlotPool } from "./slot-pool.ts";
import { Spans } from "./spans.ts";
import { Ends, FIRST_NAMED, Zone, ZONE_NAMES } from "./zone.ts";
import { ZoneTable } from "./zone-table.ts";

/** Countries or ASes that are told apart at all; there are 90,000 AS numbers in use (2026). */
export const MAX_ZONES = 1 << 18;

/**
 * Where a zone stands: NEW, and in no table in use yet; GONE from all tables, and not told yet that it is; TOLD by a page
 * that is the last with it.
 */
const Stay = { NONE: 0, NEW: 1, LISTED: 2, GONE: 3, TOLD: 4 } as const;
/** Zones that lose their number before the event loop gets its turn. */
const ZONES_PER_TURN = 8192;

/** Told of zones whose numbers go to others: zone → 1. */
export type ReleaseListener = (released: Uint8Array) => void;

/** Makes ready for a table, in steps; returns what takes it into use, or why that can't be. */
export type TableFollower = (table: ZoneTable) => Generator<void, (() => void) | string>;

/** Has what follows tables made again, with room for those of now. Throws PromtapError, and all is as it was. */
export type MakeRoom = () => Promise<void>;

/**
 * One way to tell remote addresses apart, by country or by AS: shared by all interfaces. Zones are numbered as the
 * databases first name them, and keep their number when another database comes.
 *
 * Of the zones only so many get series: they are given a slot, for which that one gives way which has been silent longest.
 * The rest is counted as OTHER.
 */
export class Zoning {
  /** What tells zones apart: the label on the page. */
  readonly label: string;
  /** Of the zones that have series. */
  readonly slots: SlotPool;
  readonly ends: Ends;
  /** Names by zone. */
  readonly names = new Names(ZONE_NAMES);
  /** Zone → what else is said of it, if there is anything. */
  readonly #descriptions = new Map<number, string>();
  /** Zone → slot; 0 if it has none. */
  #slots = Uint32Array.from({ length: FIRST_NAMED }, (_, zone) => zone);
  /** Zone → Stay, of those that have a name of their own. */
  #stays = new Uint8Array(FIRST_NAMED);
  #hasGone = false;
  readonly #releaseListeners = new Set<ReleaseListener>();
  readonly #followers = new Set<TableFollower>();
  #maxZones: number;
  #table = new ZoneTable(Spans.all(4, Zone.UNKNOWN), Spans.all(6, Zone.UNKNOWN));

  constructor(label: string, limit: number, maxZones = MAX_ZONES, ends: Ends = Ends.REMOTE) {
    this.label = label;
    this.ends = ends;
    this.slots = new SlotPool(limit, (zone) => void (this.#slots[zone] = 0));
    this.slots.watchPages(() => this.tellGone());
    this.#maxZones = maxZones;
  }

  get quota(): Quota {
    return this.slots.quota;
  }

  /** Zones that may have a number. */
  get maxZones(): number {
    return this.#maxZones;
  }

  get table(): ZoneTable {
    return this.#table;
  }

  /** Has more series and numbers from now on, which the next table may use. Returns what takes that back. */
  grow(limit: number, maxZones: number): () => void {
    const before = [this.quota.limit, this.#maxZones] as const;
    [this.quota.limit, this.#maxZones] = [limit, maxZones];
    return () => void ([this.quota.limit, this.#maxZones] = before);
  }

  /**
   * From now on, addresses are looked up there. Returns why that cannot be: then the table before stays in use, for all
   * that follow.
   */
  use(table: ZoneTable): string | undefined {
    const change = this.change(table);
    let step = change.next();
    while (step.done !== true) step = change.next();
    return step.value;
  }

  /** Likewise, in steps of some ms, between which there may be anything but another change. */
  *change(table: ZoneTable): Generator<void, string | undefined> {
    const switches: (() => void)[] = [];
    for (const follower of this.#followers) {
      const ready = yield* follower(table);
      if (typeof ready !== "string") switches.push(ready);
      // One that has left meanwhile needs no room.
      else if (this.#followers.has(follower)) return ready;
    }
    for (const switchOver of switches) switchOver();
    this.#table = table;
    return undefined;
  }

  /**
   * Likewise; waits for `nextTurn` between the steps. A table that finds no room in its followers is in use while `makeRoom`
   * has others take their place, which begin with it. Throws what that throws: the table before is in use. Zones that were
   * numbered for a table that can't be used lose their numbers, which no later table has to find room for.
   */
  async changeInTurns(
    table: ZoneTable,
    nextTurn: () => Promise<unknown>,
    makeRoom?: MakeRoom,
  ): Promise<string | undefined> {
    let isUsed = false;
    try {
      const refusal = await this.#changeInTurns(table, nextTurn, makeRoom);
      isUsed = refusal === undefined;
      return refusal;
    } finally {
      if (isUsed) this.#keepNew();
      else await this.#withdrawNew(nextTurn);
    }
  }

  async #changeInTurns(
    table: ZoneTable,
    nextTurn: () => Promise<unknown>,
    makeRoom?: MakeRoom,
  ): Promise<string | undefined> {
    const change = this.change(table);
    let step = change.next();
    for (; step.done !== true; step = change.next()) await nextTurn();
    if (step.value === undefined || makeRoom === undefined) return step.value;
    const before = this.#table;
    this.#table = table;
    try {
      await makeRoom();
    } catch (error) {
      this.#table = before;
      throw error;
    }
    return undefined;
  }

  #keepNew(): void {
    for (let zone = FIRST_NAMED; zone < this.zones; zone++) {
      if (this.#stays[zone] === Stay.NEW) this.#stays[zone] = Stay.LISTED;
    }
  }

  async #withdrawNew(nextTurn: () => Promise<unknown>): Promise<void> {
    for (let zone = FIRST_NAMED; zone < this.zones; zone++) {
      if (this.#stays[zone] === Stay.NEW) this.#forget(zone);
      if (zone % ZONES_PER_TURN === 0) await nextTurn();
    }
    this.names.tidy();
  }

  /**
   * Zones that are not among these are in no table any more: one more page has them, and then their numbers go to others
   * that a later table has. `kept`: zone → 1.
   */
  retain(kept: Uint8Array): void {
    for (let zone = FIRST_NAMED; zone < this.zones; zone++) {
      if (this.#stays[zone] === Stay.NONE) continue;
      if (kept[zone] === 1) this.#stays[zone] = Stay.LISTED;
      else if (this.#stays[zone] === Stay.LISTED) this.#stays[zone] = Stay.GONE;
      this.#hasGone ||= this.#stays[zone]! >= Stay.GONE;
    }
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

  /** Likewise, of the name bytes[from, to). `hash`: that of nameHash. */
  zoneOfBytes(bytes: Uint8Array, from: number, to: number, hash = nameHash(bytes, from, to)): number {
    const known = this.names.find(bytes, from, to, hash);
    if (known !== NO_NAME) {
      // If it was gone, it is wanted again.
      if (this.#stays[known] !== Stay.NEW) this.#stays[known] = Stay.LISTED;
      return known;
    }
    if (this.names.free === 0 && this.names.count >= this.#maxZones) return Zone.OTHER;
    const zone = this.names.add(bytes, from, to, hash);
    if (zone >= this.#slots.length) {
      this.#slots = grown(this.#slots);
      this.#stays = lengthened(this.#stays, this.#slots.length);
    }
    this.#stays[zone] = Stay.NEW;
    return zone;
  }

  /** The zone of this name; undefined if it has no number. */
  knownZone(name: string): number | undefined {
    const bytes = encoded(name);
    const zone = this.names.find(bytes, 0, bytes.length);
    if (zone === NO_NAME) return undefined;
    // It is about to count something: from now on it keeps its number.
    if (this.#stays[zone] === Stay.NEW) this.#stays[zone] = Stay.LISTED;
    return zone;
  }

  /** The zone of a name that may be in no table: then one more page has it. Undefined if there is no number for it. */
  departingZoneOf(name: string): number | undefined {
    const known = this.knownZone(name);
    if (known !== undefined) return known;
    const zone = this.zoneOf(name);
    if (zone < FIRST_NAMED) return undefined;
    this.#stays[zone] = Stay.GONE;
    this.#hasGone = true;
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

  /** The slot of a zone that packets go to or come from, which is given one if there is room; else OTHER's. Hot. */
  slotOf(zone: number, direction: Direction): number {
    const slot = this.#slots[zone]!;
    return slot > 0 ? slot : this.#admit(zone, direction);
  }

  /** Whether a zone has a slot. */
  hasSlot(zone: number): boolean {
    return this.#slots[zone]! > 0;
  }

  /** A page begins that has zones: those that are gone and that one before it told of are not on it. */
  tellGone(): void {
    if (!this.#hasGone) return;
    this.#hasGone = false;
    const released = new Uint8Array(this.zones);
    for (let zone = FIRST_NAMED; zone < released.length; zone++) {
      if (this.#stays[zone] === Stay.TOLD) released[zone] = 1;
      if (this.#stays[zone] !== Stay.GONE) continue;
      this.#stays[zone] = Stay.TOLD;
      this.#hasGone = true;
    }
    this.slots.drop((zone) => released[zone] === 1);
    for (const listener of this.#releaseListeners) listener(released);
    for (let zone = FIRST_NAMED; zone < released.length; zone++) if (released[zone] === 1) this.#forget(zone);
    this.names.tidy();
  }

  /** Tells of zones whose numbers go to others: zone → 1. */
  watchReleases(listener: ReleaseListener): void {
    this.#releaseListeners.add(listener);
  }

  #forget(zone: number): void {
    this.#descriptions.delete(zone);
    this.#stays[zone] = Stay.NONE;
    this.names.remove(zone);
  }

  #admit(zone: number, direction: Direction): number {
    const slot = this.slots.admit(zone, direction);
    if (slot !== Zone.OTHER) this.#slots[zone] = slot;
    return slot;
  }
}

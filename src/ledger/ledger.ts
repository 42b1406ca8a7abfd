import type { Accounts } from "./accounts/accounts.ts";
import { Adoption } from "./adoption/adoption.ts";
import { adoptAccounts, adoptZones } from "./adoption/slot-adoption.ts";
import { type FoldListener, type FurtherCounts, InterfaceLedger, type Shared } from "./interface-ledger.ts";
import { Ipv4Memory } from "./tables/ipv4-memory.ts";
import { Quota } from "./quota/quota.ts";
import type { Places } from "./quota/silence.ts";
import type { RangeTable } from "./ranges.ts";
import { NO_VLAN, OTHER_VLAN } from "./vlans/vlan.ts";
import { VlanQuota } from "./vlans/vlan-sink.ts";
import type { SlotPool } from "./zones/slot-pool.ts";
import type { Zoning } from "./zones/zoning.ts";

/**
 * Memory of the IPv4 tables: several times what addresses need that are neighbours, and a bound for what a sender can
 * make of few addresses in many networks, or of many protocols. What finds no room is looked up in another way.
 */
const MIN_IPV4_BYTES = 4 * 1024 * 1024;
const IPV4_BYTES_PER_ADDRESS = 128;

export interface LedgerOptions {
  /** Count the packets inside of tunnels. */
  readonly opensTunnels?: boolean;
  /** Most VLANs that have series, over all interfaces; undefined if they are not told apart. */
  readonly maxVlans?: number | undefined;
  /** Customers by what is at the other end, if that is counted. */
  readonly accounts?: Accounts | undefined;
}

/** All counts of the process: one ledger an interface. */
export class Ledger {
  readonly #interfaces = new Map<string, InterfaceLedger>();
  readonly #foldListeners = new Set<FoldListener>();
  readonly #interfaceListeners = new Set<(ledger: InterfaceLedger) => void>();
  #shared: Shared;
  /** What was counted by ranges that are gone, until it is told. */
  #departed: InterfaceLedger[] = [];
  /** Addresses that had given way when all IPv4 tables last began again. */
  #evictedBefore = 0;
  /** Ledgers of a run before; what an interface goes on from is taken from them. */
  #inherited: readonly Ledger[] = [];
  /** Such a ledger → how its rows are moved, once any were. */
  readonly #adoptions = new Map<Ledger, Adoption>();
  #edition = 0;

  constructor(
    ranges: RangeTable,
    maxAddresses: number,
    zonings: readonly Zoning[] = [],
    { opensTunnels = false, accounts, maxVlans }: LedgerOptions = {},
  ) {
    this.#shared = {
      zonings,
      accounts,
      opensTunnels,
      vlans: maxVlans === undefined ? undefined : new VlanQuota(maxVlans),
      onFold: (ledger, slot, into, to) => {
        for (const listener of this.#foldListeners) listener(ledger, slot, into, to);
      },
      ...this.#boundsOf(ranges, maxAddresses),
    };
  }

  #boundsOf(ranges: RangeTable, maxAddresses: number): Pick<Shared, "ranges" | "addresses" | "ipv4"> {
    return {
      ranges,
      addresses: new Quota(maxAddresses, () => this.#lookedAt()),
      ipv4: new Ipv4Memory(ranges, MIN_IPV4_BYTES + maxAddresses * IPV4_BYTES_PER_ADDRESS),
    };
  }

  /**
   * Counts by other ranges from now on, in other ledgers of the interfaces. A series that both ranges give keeps its
   * counts; what the ranges gave that are gone is told once more.
   */
  rerange(ranges: RangeTable, maxAddresses: number): void {
    const before = this.interfaces();
    const adoption = new Adoption(this.ranges, ranges, this.#shared.onFold);
    const { hasPages } = this.addresses;
    this.#shared = { ...this.#shared, ...this.#boundsOf(ranges, maxAddresses) };
    if (hasPages) this.addresses.beginPage();
    this.#evictedBefore = 0;
    this.#adoptions.clear();
    this.#edition++;
    for (const from of before) {
      const to = new InterfaceLedger(from.name, this.#shared, from);
      this.#interfaces.set(from.name, to);
      from.releaseVlans();
      for (const part of from.parts()) this.#adopt(part, part === from ? to : to.part(part.vlan!), adoption);
    }
  }

  #adopt(from: InterfaceLedger, to: InterfaceLedger, adoption: Adoption): void {
    if (adoption.adopt(from, to)) this.#departed.push(from);
    to.addresses.takeRefused(from.addresses);
  }

  /** Counts in these ways besides by address from now on; what sinks take the frames of interfaces is asked for again. */
  countFurther({ zonings, accounts }: FurtherCounts): void {
    this.#shared = { ...this.#shared, zonings, accounts };
    this.#edition++;
    for (const ledger of this.interfaces()) ledger.countFurther(this.#shared);
  }

  /** What was counted by ranges that are gone, to be told now and not again. */
  takeDeparted(): InterfaceLedger[] {
    const departed = this.#departed;
    this.#departed = [];
    return departed;
  }

  get ranges(): RangeTable {
    return this.#shared.ranges;
  }

  /** The ways to tell remote addresses apart. */
  get zonings(): readonly Zoning[] {
    return this.#shared.zonings;
  }

  /** Customers by what is at the other end, if that is counted. */
  get accounts(): Accounts | undefined {
    return this.#shared.accounts;
  }

  get opensTunnels(): boolean {
    return this.#shared.opensTunnels;
  }

  /** Of the VLANs that have series, over all interfaces; undefined if they are not told apart. */
  get vlans(): VlanQuota | undefined {
    return this.#shared.vlans;
  }

  /** Of the addresses and networks that have series, over all interfaces. */
  get addresses(): Quota {
    return this.#shared.addresses;
  }

  /** The ledger of an interface; it is kept when the interface goes, so that its counters do not step back. */
  interface(name: string): InterfaceLedger {
    let ledger = this.#interfaces.get(name);
    if (ledger === undefined) {
      ledger = new InterfaceLedger(name, this.#shared);
      this.#interfaces.set(name, ledger);
      this.#inherit(ledger);
      for (const listener of this.#interfaceListeners) listener(ledger);
    }
    return ledger;
  }

  /** Tells of interfaces that are counted from now on, as they are before their first packet; until the returned function is called. */
  watchInterfaces(listener: (ledger: InterfaceLedger) => void): () => void {
    this.#interfaceListeners.add(listener);
    return () => this.#interfaceListeners.delete(listener);
  }

  /**
   * Has each interface go on, when it is first counted, from what ledgers of a run before counted for its name: by the
   * same ranges and zones, as far as they are still there. Those ledgers are used up.
   */
  succeed(ledgers: readonly Ledger[]): void {
    this.#inherited = ledgers;
    for (const before of ledgers) {
      for (const zoning of this.zonings) {
        const same = before.zonings.find(({ label }) => label === zoning.label);
        if (same !== undefined) moveEvicted(same.slots, zoning.slots);
      }
      if (this.accounts !== undefined && before.accounts !== undefined) {
        moveEvicted(before.accounts.slots, this.accounts.slots);
      }
    }
  }

  /** Ledgers of a run before, with what no interface went on from yet. */
  get inherited(): readonly Ledger[] {
    return this.#inherited;
  }

  /** The VLANs that have room, here or in ledgers of a run before. */
  knownVlans(): number[] {
    const all = [this, ...this.#inherited];
    return namedVlans(all.flatMap((ledger) => ledger.parts().map(({ vlan = NO_VLAN }) => vlan)));
  }

  /** Likewise, of accounts. */
  knownVlansOfAccounts(): number[] {
    return namedVlans([this, ...this.#inherited].flatMap(({ accounts }) => [...(accounts?.vlans() ?? [])]));
  }

  /** Gives up what no interface went on from. */
  disinherit(): void {
    this.#inherited = [];
    this.#adoptions.clear();
    this.#edition++;
  }

  #inherit(to: InterfaceLedger): void {
    for (const before of this.#inherited) {
      const from = before.#interfaces.get(to.name);
      if (from === undefined) continue;
      const adoption = this.#adoptions.get(before) ?? new Adoption(before.ranges, this.ranges, this.#shared.onFold);
      this.#adoptions.set(before, adoption);
      for (const part of from.parts()) {
        const into = to.part(part.vlan ?? NO_VLAN);
        adoption.adopt(part, into);
        into.addresses.takeRefused(part.addresses);
      }
      for (const zones of to.zones) {
        const same = from.zones.find(({ zoning }) => zoning.label === zones.zoning.label);
        if (same !== undefined) adoptZones(same, zones);
      }
      if (from.accounts !== undefined && to.accounts !== undefined) adoptAccounts(from.accounts, to.accounts);
      before.forget(to.name);
      this.#edition++;
    }
  }

  /** Another number as soon as counts were moved from one ledger of an interface to another. */
  get edition(): number {
    return this.#edition;
  }

  /**
   * Drops the ledger of an interface, and lets others have its addresses; its counters begin again should it return.
   */
  forget(name: string): void {
    const ledger = this.#interfaces.get(name);
    ledger?.forget();
    for (const part of ledger?.parts() ?? []) part.clearIpv4();
    this.#interfaces.delete(name);
    this.#clearIpv4();
  }

  interfaces(): InterfaceLedger[] {
    return [...this.#interfaces.values()];
  }

  /** What has rows of addresses: all interfaces, and the VLANs of each if they are told apart. */
  parts(): InterfaceLedger[] {
    return this.interfaces().flatMap((ledger) => ledger.parts());
  }

  /**
   * Looks what is silent, of all that is bounded: to be called when all is counted that was seen, and not again within
   * seconds. Yields often enough not to hold the event loop.
   */
  *look(): Generator<void> {
    for (const quota of this.#quotas()) yield* quota.look();
  }

  /** A page of addresses begins, once all is counted that is to be on it. */
  beginPage(): void {
    this.addresses.beginPage();
    for (const { addresses } of this.parts()) addresses.beginPage();
  }

  /** Makes it look by itself from now on: for what is counted without a clock, such as a file. */
  lookByNewcomers(): void {
    for (const quota of this.#quotas()) quota.lookByNewcomers();
  }

  /** Nothing loses its place until this is disposed of, or counts are moved to other ledgers. */
  hold(): Disposable {
    const holds = new DisposableStack();
    for (const quota of this.#quotas()) holds.use(quota.hold());
    return holds;
  }

  #quotas(): Quota[] {
    const { zonings, accounts } = this.#shared;
    const pools = [...zonings, ...(accounts === undefined ? [] : [accounts])];
    return [this.addresses, ...pools.map(({ slots }) => slots.quota)];
  }

  /** Tells of every slot whose counts go to another one, until the returned function is called. */
  watchFolds(listener: FoldListener): () => void {
    this.#foldListeners.add(listener);
    return () => this.#foldListeners.delete(listener);
  }

  /** All parts. If the IPv4 tables are full, and some of it is of addresses that gave way, they begin again. */
  #lookedAt(): readonly Places[] {
    if (this.#shared.ipv4.isFull && this.#evicted() > this.#evictedBefore) this.#clearIpv4();
    return this.parts().map(({ addresses }) => addresses);
  }

  #evicted(): number {
    return this.parts().reduce((sum, { addresses }) => sum + addresses.evicted, 0);
  }

  /** Makes all IPv4 tables begin again, with what is seen from now on. */
  #clearIpv4(): void {
    this.#evictedBefore = this.#evicted();
    this.#shared.ipv4.clear();
    for (const ledger of this.parts()) ledger.clearIpv4();
  }
}

/** Each once. */
function namedVlans(vlans: readonly number[]): number[] {
  return [...new Set(vlans)].filter((vlan) => vlan !== NO_VLAN && vlan !== OTHER_VLAN);
}

function moveEvicted(from: SlotPool, to: SlotPool): void {
  to.evicted += from.evicted;
  from.evicted = 0;
}

import { IPV6_DESTINATION, IPV6_SOURCE } from "../packet/headers.ts";
import { ipv6NextHeader } from "../packet/ipv6.ts";
import { type Packet, Unopened, Verdict } from "../packet/packet.ts";
import { IPV4_COLUMN, IPV6_COLUMN } from "../packet/protocols.ts";
import { AccountLedger } from "./accounts/account-ledger.ts";
import type { Accounts } from "./accounts/accounts.ts";
import { AddressRows } from "./address-rows.ts";
import { bucketOf, SUM } from "./histogram.ts";
import { type Ipv4Memory, UNLISTED, UNSEEN } from "./tables/ipv4-memory.ts";
import { Ipv4Table } from "./tables/ipv4-table.ts";
import { RX_SELECTOR, SELECTOR_OF_HEADER } from "./tables/ipv6-table.ts";
import type { Quota } from "./quota/quota.ts";
import type { RangeTable } from "./ranges.ts";
import { type Rows, RX_CELLS } from "./rows.ts";
import { Slots } from "./slots.ts";
import { TunnelSink } from "./tunnels/tunnel-sink.ts";
import { packetsOnWire } from "./unfolding.ts";
import { NO_VLAN } from "./vlans/vlan.ts";
import { type VlanQuota, VlanSink } from "./vlans/vlan-sink.ts";
import { ZoneLedger } from "./zones/zone-ledger.ts";
import { type FrameCounts, ZonedSink } from "./zones/zoned-sink.ts";
import type { Zoning } from "./zones/zoning.ts";

/** The slot of all frames of an interface: the first, so that 0 can stand for "none" in a row. */
export const ALL_SLOT = 0;

/** Told that all that was counted in a slot is in another one from now on, `into`, of the same ledger or another. */
export type FoldListener = (ledger: InterfaceLedger, slot: number, into: number, to: InterfaceLedger) => void;

/** Ways to count packets besides by address. */
export interface FurtherCounts {
  /** The ways to tell addresses apart by zone. */
  readonly zonings: readonly Zoning[];
  /** Undefined: no accounts are counted. */
  readonly accounts: Accounts | undefined;
}

/** What the ledgers of all interfaces have together. */
export interface Shared extends FurtherCounts {
  readonly ranges: RangeTable;
  /** Of addresses and networks that have series. */
  readonly addresses: Quota;
  readonly ipv4: Ipv4Memory;
  /** Whether the packets inside of tunnels are counted. */
  readonly opensTunnels: boolean;
  /** Of VLANs that have series; undefined if they are not told apart. */
  readonly vlans: VlanQuota | undefined;
  onFold: FoldListener;
}

/** The counts of one interface; if VLANs are told apart, of what has none, and those of others are parts of it. */
export class InterfaceLedger {
  readonly name: string;
  readonly ranges: RangeTable;
  readonly slots = new Slots();
  readonly addresses: AddressRows;
  /** Verdict → frames that have it; those that are IP are not counted here. */
  readonly verdicts = new Float64Array(Object.keys(Verdict).length);
  /** Why a tunnel was not opened → its frames, which count for their own addresses. */
  readonly unopened = new Float64Array(Object.keys(Unopened).length);
  /** Frames that stand for several packets of the wire, as far as the engine can tell; each counts once. */
  aggregatedPackets = 0;
  /** Packets under `other` because an engine's own tables were full. */
  exhaustedPackets = 0;
  /** Packets that a run before lost before they were counted. */
  lostBefore = 0;
  /** See vlans/vlan.ts; undefined if VLANs are not told apart. */
  readonly vlan: number | undefined;
  readonly #vlans: VlanSink<InterfaceLedger> | undefined;
  readonly #ipv4: Ipv4Table;
  readonly #opensTunnels: boolean;
  #zones: readonly ZoneLedger[];
  #accounts: AccountLedger | undefined;
  #sink: FrameCounts;

  /** `before`: a ledger whose counts by zone and account go on. */
  constructor(name: string, shared: Shared, before?: Pick<InterfaceLedger, "zones" | "accounts">, vlan = NO_VLAN) {
    const { ranges, addresses, ipv4, opensTunnels, vlans } = shared;
    this.name = name;
    this.vlan = vlans === undefined ? undefined : vlan;
    const { zones, accounts } = before ?? furtherCounts(shared);
    this.#zones = zones;
    this.#accounts = accounts;
    this.#opensTunnels = opensTunnels;
    if (vlans !== undefined && vlan === NO_VLAN) {
      const further = { zones: [], accounts: undefined };
      this.#vlans = new VlanSink(this, vlans, (each) => new InterfaceLedger(name, shared, further, each));
    }
    this.#sink = this.#newSink();
    this.ranges = ranges;
    this.#ipv4 = new Ipv4Table(ipv4);
    this.addresses = new AddressRows(ranges, addresses, this.slots, this.#ipv4, (slot, into) =>
      shared.onFold(this, slot, into, this),
    );
    this.slots.add();
  }

  /** Takes the frames of the interface, until it counts in other ways. */
  get sink(): FrameCounts {
    return this.#sink;
  }

  /** One for each way to tell addresses apart by zone. */
  get zones(): readonly ZoneLedger[] {
    return this.#zones;
  }

  /** If accounts are counted. */
  get accounts(): AccountLedger | undefined {
    return this.#accounts;
  }

  /** What counts by these zones; undefined if nothing does. */
  zonesOf(zoning: Zoning): ZoneLedger | undefined {
    return this.#zones.find((each) => each.zoning === zoning);
  }

  /** What counts by these accounts, likewise. */
  accountsOf(accounts: Accounts): AccountLedger | undefined {
    return this.#accounts?.accounts === accounts ? this.#accounts : undefined;
  }

  /** Counts in these ways besides by address from now on; those that it counts in already go on. */
  countFurther({ zonings, accounts }: FurtherCounts): void {
    const before = [...this.#zones, ...(this.#accounts === undefined ? [] : [this.#accounts])];
    this.#zones = zonings.map((zoning) => this.zonesOf(zoning) ?? new ZoneLedger(zoning));
    this.#accounts = accounts && (this.accountsOf(accounts) ?? new AccountLedger(accounts));
    const kept: readonly unknown[] = [...this.#zones, this.#accounts];
    for (const each of before) if (!kept.includes(each)) each.forget();
    this.#sink = this.#newSink();
  }

  #newSink(): FrameCounts {
    const counts = this.#vlans ?? this;
    const further = this.#accounts === undefined ? this.#zones : [...this.#zones, this.#accounts];
    const zoned = further.length === 0 ? counts : new ZonedSink(counts, further);
    return this.#opensTunnels ? new TunnelSink(zoned, this.unopened) : zoned;
  }

  /** It, and what counts the VLANs of the interface. */
  parts(): InterfaceLedger[] {
    return [this, ...(this.#vlans?.parts() ?? [])];
  }

  /** What counts a VLAN of the interface. */
  part(vlan: number): InterfaceLedger {
    return this.#vlans?.part(vlan) ?? this;
  }

  /** Lets other ledgers have its VLANs: it counts no more. */
  releaseVlans(): void {
    this.#vlans?.release();
  }

  get rows(): Rows {
    return this.addresses.rows;
  }

  /** Whether no frame was seen yet. */
  isEmpty(): boolean {
    return this.slots.packets(ALL_SLOT) === 0;
  }

  /** Goes on from the counts of another ledger that are of the interface as a whole, before its rows are moved. */
  takeTotals(from: InterfaceLedger): void {
    for (const [verdict, packets] of from.verdicts.entries()) this.verdicts[verdict]! += packets;
    for (const [reason, packets] of from.unopened.entries()) this.unopened[reason]! += packets;
    this.aggregatedPackets += from.aggregatedPackets;
    this.exhaustedPackets += from.exhaustedPackets;
    this.lostBefore += from.lostBefore;
    this.addresses.evicted += from.addresses.evicted;
  }

  /** Gives the places of all addresses and zones back; none of them loses its own any more. */
  forget(): void {
    for (const zones of this.zones) zones.forget();
    this.accounts?.forget();
    for (const part of this.parts()) part.addresses.forget();
    this.releaseVlans();
  }

  /** Forgets which slots IPv4 addresses have, until they are looked up again. */
  clearIpv4(): void {
    this.#ipv4.clear();
  }

  /** Counts one frame. Hot; does not allocate, but for what is seen for the first time. */
  record(packet: Packet): void {
    const { verdict, version, source, destination, protocol, lengthBytes } = packet;
    if (verdict === Verdict.IP && version === 4 && this.recordIpv4(source, destination, protocol, lengthBytes)) return;
    this.#count(packet, lengthBytes, 1);
  }

  /**
   * Counts one IPv4 packet, given by its addresses, protocol and size: the way of most frames. Counts nothing and says
   * false if an address needs a slot that it does not have yet, which `record` gives it. Calls nothing that V8 does
   * not inline: a call in the loop around it would make V8 load again what stays the same from packet to packet. Hot.
   */
  recordIpv4(source: number, destination: number, protocol: number, lengthBytes: number): boolean {
    const column = IPV4_COLUMN[protocol]!;
    const from = this.#ipv4.find(source, column);
    const to = this.#ipv4.find(destination, RX_CELLS + column);
    if (from === UNSEEN || to === UNSEEN) return false;
    this.#countKnown(from, to, lengthBytes);
    return true;
  }

  /**
   * As `recordIpv4`, an IPv6 packet, whose header is at `at`: eight words of addresses are many to hand over. Says false as
   * well if it has extension headers. Hot.
   */
  recordIpv6(view: DataView, at: number, lengthBytes: number): boolean {
    const { ipv6 } = this.addresses;
    const selector = SELECTOR_OF_HEADER[ipv6NextHeader(view, at)]!;
    if (selector === 0) return false;
    const source = at + IPV6_SOURCE;
    const from = ipv6.find(
      view.getInt32(source),
      view.getInt32(source + 4),
      view.getInt32(source + 8),
      view.getInt32(source + 12),
      selector,
    );
    const destination = at + IPV6_DESTINATION;
    const to = ipv6.find(
      view.getInt32(destination),
      view.getInt32(destination + 4),
      view.getInt32(destination + 8),
      view.getInt32(destination + 12),
      selector | RX_SELECTOR,
    );
    if (from === UNSEEN || to === UNSEEN) return false;
    this.#countKnown(from, to, lengthBytes);
    return true;
  }

  /** Counts a packet of two addresses whose counters begin there, or that are UNLISTED. Hot. */
  #countKnown(from: number, to: number, lengthBytes: number): void {
    const { counters } = this.slots;
    const bucket = bucketOf(lengthBytes);
    counters[bucket]! += 1;
    counters[SUM]! += lengthBytes;
    if (from !== UNLISTED) {
      counters[from + bucket]! += 1;
      counters[from + SUM]! += lengthBytes;
    }
    if (to !== UNLISTED) {
      counters[to + bucket]! += 1;
      counters[to + SUM]! += lengthBytes;
    }
  }

  /** Counts one frame that stands for several packets: as those if the record says how it was made, else as one. */
  recordAggregated(packet: Packet): void {
    const { lengthBytes, headerBytes, segmentBytes } = packet;
    this.aggregatedPackets++;
    const full = packetsOnWire(lengthBytes, headerBytes, segmentBytes) - 1;
    if (full > 0) this.#count(packet, headerBytes + segmentBytes, full);
    this.#count(packet, lengthBytes - full * segmentBytes, 1);
  }

  /**
   * Counts packets like this one, of so many bytes together, by zone and account alone: the size of each is not known.
   * Hot; does not allocate, but for what is seen first.
   */
  recordFlow(packet: Packet, packets: number, bytes: number): void {
    for (const zones of this.zones) zones.recordMany(packet, packets, bytes);
    this.accounts?.recordMany(packet, packets, bytes);
  }

  /** Adds what another ledger has counted by zone and account, which is to be forgotten. */
  takeFlows(from: InterfaceLedger): void {
    for (const [k, zones] of this.zones.entries()) zones.counts.addAll(from.zones[k]!.counts);
    if (from.accounts !== undefined) this.accounts!.counts.addAll(from.accounts.counts);
  }

  /** Counts packets of one size, and gives their addresses what they need for it. */
  #count(packet: Packet, lengthBytes: number, packets: number): void {
    const { verdict, version } = packet;
    const bucket = bucketOf(lengthBytes);
    this.slots.count(ALL_SLOT, bucket, lengthBytes, packets);
    if (verdict !== Verdict.IP) this.verdicts[verdict]! += packets;
    else if (version === 4) this.#countIpv4(packet, bucket, lengthBytes, packets);
    else this.#countIpv6(packet, bucket, lengthBytes, packets);
  }

  #countIpv4({ source, destination, protocol }: Packet, bucket: number, lengthBytes: number, packets: number): void {
    const column = IPV4_COLUMN[protocol]!;
    const from = this.addresses.slotOfIpv4(source, column);
    if (from !== UNLISTED) this.slots.count(from, bucket, lengthBytes, packets);
    const to = this.addresses.slotOfIpv4(destination, RX_CELLS + column);
    if (to !== UNLISTED) this.slots.count(to, bucket, lengthBytes, packets);
  }

  #countIpv6(packet: Packet, bucket: number, lengthBytes: number, packets: number): void {
    const { source, source1, source2, source3, destination, destination1, destination2, destination3 } = packet;
    const column = IPV6_COLUMN[packet.protocol]!;
    const from = this.addresses.slotOfIpv6(source, source1, source2, source3, column);
    if (from !== UNLISTED) this.slots.count(from, bucket, lengthBytes, packets);
    const to = this.addresses.slotOfIpv6(destination, destination1, destination2, destination3, RX_CELLS + column);
    if (to !== UNLISTED) this.slots.count(to, bucket, lengthBytes, packets);
  }
}

/** What counts the packets of an interface besides by address. */
function furtherCounts({ zonings, accounts }: FurtherCounts): Pick<InterfaceLedger, "zones" | "accounts"> {
  return {
    zones: zonings.map((zoning) => new ZoneLedger(zoning)),
    accounts: accounts === undefined ? undefined : new AccountLedger(accounts),
  };
}

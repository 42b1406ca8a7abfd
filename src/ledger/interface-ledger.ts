import { type Packet, Verdict } from "../packet/packet.ts";
import { IPV4_COLUMN, IPV6_COLUMN, PROTOCOL_COLUMNS } from "../packet/protocols.ts";
import { AddressIndex } from "./address-index.ts";
import { BUCKETS, bucketOf, SLOT_DOUBLES, SUM } from "./histogram.ts";
import { type Ipv4Memory, UNLISTED, UNSEEN } from "./ipv4-memory.ts";
import { Ipv4Table } from "./ipv4-table.ts";
import { NO_RANGE, type RangeTable } from "./ranges.ts";
import type { Quota } from "./quota/quota.ts";
import { Direction, ROW_CELLS, Rows } from "./rows.ts";
import { FREE, type Places } from "./quota/silence.ts";
import { Slots } from "./slots.ts";
import { packetsOnWire } from "./unfolding.ts";
import { ZoneLedger } from "./zones/zone-ledger.ts";
import { type FrameCounts, ZonedSink } from "./zones/zoned-sink.ts";
import type { Zoning } from "./zones/zoning.ts";

/** First cell of the received packets in a row. */
const RX_CELLS = Direction.RX * PROTOCOL_COLUMNS;

/** The slot of all frames of an interface: the first, so that 0 can stand for "none" in a row. */
export const ALL_SLOT = 0;

/** Told that all that was counted in a slot is in another one from now on, `into`, of the same ledger or another. */
export type FoldListener = (ledger: InterfaceLedger, slot: number, into: number, to: InterfaceLedger) => void;

/** What the ledgers of all interfaces have together. */
export interface Shared {
  readonly ranges: RangeTable;
  /** Of addresses and networks that have series. */
  readonly addresses: Quota;
  readonly ipv4: Ipv4Memory;
  readonly zonings: readonly Zoning[];
  onFold: FoldListener;
}

/** The counts of one interface. */
export class InterfaceLedger implements Places {
  readonly name: string;
  /** Takes the frames of the interface. */
  readonly sink: FrameCounts;
  /** One for each way to tell remote addresses apart. */
  readonly zones: readonly ZoneLedger[];
  readonly slots = new Slots();
  readonly rows = new Rows();
  /** Verdict → frames that have it; those that are IP are not counted here. */
  readonly verdicts = new Float64Array(Object.keys(Verdict).length);
  /** Frames that stand for several packets of the wire, as far as the engine can tell; each counts once. */
  aggregatedPackets = 0;
  /** Packets under `other` because an engine's own tables were full. */
  exhaustedPackets = 0;
  /** Addresses that gave their row to others. */
  evictedAddresses = 0;
  readonly ranges: RangeTable;

  readonly #shared: Shared;
  /** Packets under `other` by ranges that are gone. */
  #refusedBefore = 0;
  readonly #addresses: Quota;
  readonly #ipv4: Ipv4Table;
  /** Rows of addresses and of rolled-up networks; what it finds for IPv4, #ipv4 remembers. */
  readonly #index = new AddressIndex();
  /** Group of labels × 2, and 1 more for IPv6 → row + 1 of its `other`. */
  readonly #otherRow: Uint32Array;
  /** What lost its row since a page began, and between that one and the one before; undefined if nothing did. */
  #gone: AddressIndex | undefined;
  #goneBefore: AddressIndex | undefined;

  #isForgotten = false;

  /** `zones`: those of a ledger before it, if there is one. */
  constructor(name: string, shared: Shared, zones?: readonly ZoneLedger[]) {
    const { ranges, addresses, ipv4, zonings } = shared;
    this.name = name;
    this.#shared = shared;
    this.zones = zones ?? zonings.map((zoning) => new ZoneLedger(zoning));
    this.sink = zonings.length === 0 ? this : new ZonedSink(this, this.zones);
    this.ranges = ranges;
    this.#addresses = addresses;
    this.#ipv4 = new Ipv4Table(ipv4);
    this.#otherRow = new Uint32Array(ranges.groups * 2);
    this.slots.add();
  }

  /** Whether no frame was seen yet. */
  isEmpty(): boolean {
    return this.#packets(ALL_SLOT) === 0;
  }

  /** Whether the limit of addresses leaves some that have no series yet. */
  get hasPlaces(): boolean {
    return this.#addresses.used < this.#addresses.limit;
  }

  /** Gives the places of all addresses back; none of them loses its own any more. */
  forget(): void {
    this.#isForgotten = true;
    for (const zones of this.zones) zones.forget();
    this.#addresses.used -= this.rows.used - this.#otherRow.filter((row) => row > 0).length;
  }

  /** A page begins: what lost its row before is not on it. */
  beginPage(): void {
    this.#goneBefore = this.#gone;
    this.#gone = undefined;
  }

  get count(): number {
    return this.rows.count;
  }

  /** Bytes that were counted for the address of a row: no packet has none. */
  activity(row: number): number {
    if (this.#isForgotten || !this.rows.isAddress(row)) return FREE;
    const { counters } = this.slots;
    let bytes = 0;
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = this.rows.slotOf(row, cell);
      if (slot > 0) bytes += counters[slot * SLOT_DOUBLES + SUM]!;
    }
    return bytes;
  }

  hasSent(row: number): boolean {
    for (let cell = 0; cell < RX_CELLS; cell++) if (this.rows.slotOf(row, cell) > 0) return true;
    return false;
  }

  vacate(row: number): void {
    const { rows, slots } = this;
    const range = rows.rangeOf(row);
    const other = this.otherRow(range);
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = rows.slotOf(row, cell);
      if (slot === 0) continue;
      const into = this.slotOf(other, cell);
      slots.fold(slot, into);
      rows.setSlot(row, cell, 0);
      this.#shared.onFold(this, slot, into, this);
    }
    this.#forgetAddress(row, range);
    rows.remove(row);
    this.evictedAddresses++;
  }

  #forgetAddress(row: number, range: number): void {
    const word = (k: number): number => this.rows.addressWord(row, k) | 0;
    this.#index.remove(range, word(0), word(1), word(2), word(3));
    if (this.#addresses.hasPages) {
      this.#gone ??= new AddressIndex();
      this.#gone.add(range, word(0), word(1), word(2), word(3), row);
    }
    if (this.ranges.ranges[range]!.version === 6) return;
    const mask = this.ranges.maskWord(range, 0, -1);
    this.#ipv4.forget(word(0), word(0) | ~mask);
  }

  /** Forgets which slots IPv4 addresses have, until they are looked up again. */
  clearIpv4(): void {
    this.#ipv4.clear();
  }

  /** Packets under `other` because their address was refused a row; one that is sent and received counts twice. */
  refusedPackets(): number {
    let packets = this.#refusedBefore;
    for (const row of this.#otherRow.filter((found) => found > 0)) {
      if (!this.rows.isOther(row - 1)) continue;
      for (let cell = 0; cell < ROW_CELLS; cell++) {
        const slot = this.rows.slotOf(row - 1, cell);
        if (slot > 0) packets += this.#packets(slot);
      }
    }
    return packets;
  }

  /** Goes on from the counts of another ledger that are of the interface as a whole, before its rows are moved. */
  takeTotals(from: InterfaceLedger): void {
    for (const [verdict, packets] of from.verdicts.entries()) this.verdicts[verdict]! += packets;
    this.aggregatedPackets += from.aggregatedPackets;
    this.exhaustedPackets += from.exhaustedPackets;
    this.evictedAddresses += from.evictedAddresses;
  }

  /** Adds what stayed in another ledger under `other` when its rows were moved. */
  takeRefused(from: InterfaceLedger): void {
    this.#refusedBefore += from.refusedPackets();
  }

  /** Counts one frame. Hot; does not allocate, but for what is seen for the first time. */
  record(packet: Packet): void {
    const { verdict, version, source, destination, protocol, lengthBytes } = packet;
    if (verdict === Verdict.IP && version === 4 && this.recordIpv4(source, destination, protocol, lengthBytes)) return;
    this.#record(packet, lengthBytes, 1);
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
    return true;
  }

  /** Counts one frame that stands for several packets: as those if the record says how it was made, else as one. */
  recordAggregated(packet: Packet): void {
    const { lengthBytes, headerBytes, segmentBytes } = packet;
    this.aggregatedPackets++;
    const full = packetsOnWire(lengthBytes, headerBytes, segmentBytes) - 1;
    if (full > 0) this.#record(packet, headerBytes + segmentBytes, full);
    this.#record(packet, lengthBytes - full * segmentBytes, 1);
  }

  /** Counts `packets` packets of one size. */
  #record(packet: Packet, lengthBytes: number, packets: number): void {
    const { verdict, version } = packet;
    const bucket = bucketOf(lengthBytes);
    this.slots.count(ALL_SLOT, bucket, lengthBytes, packets);
    if (verdict !== Verdict.IP) this.verdicts[verdict]! += packets;
    else if (version === 4) this.#recordIpv4(packet, bucket, lengthBytes, packets);
    else this.#recordIpv6(packet, bucket, lengthBytes, packets);
  }

  #recordIpv4({ source, destination, protocol }: Packet, bucket: number, lengthBytes: number, packets: number): void {
    const column = IPV4_COLUMN[protocol]!;
    const from = this.#slotOfIpv4(source, column);
    if (from !== UNLISTED) this.slots.count(from, bucket, lengthBytes, packets);
    const to = this.#slotOfIpv4(destination, RX_CELLS + column);
    if (to !== UNLISTED) this.slots.count(to, bucket, lengthBytes, packets);
  }

  #recordIpv6(packet: Packet, bucket: number, lengthBytes: number, packets: number): void {
    const { source, source1, source2, source3, destination, destination1, destination2, destination3 } = packet;
    const column = IPV6_COLUMN[packet.protocol]!;
    const from = this.ranges.rangeOfIpv6(source, source1, source2, source3);
    if (from !== NO_RANGE) {
      this.#count(this.row(from, source, source1, source2, source3, true), column, bucket, lengthBytes, packets);
    }
    const to = this.ranges.rangeOfIpv6(destination, destination1, destination2, destination3);
    if (to === NO_RANGE) return;
    const row = this.row(to, destination, destination1, destination2, destination3, false);
    this.#count(row, RX_CELLS + column, bucket, lengthBytes, packets);
  }

  #count(row: number, cell: number, bucket: number, lengthBytes: number, packets: number): void {
    this.slots.count(this.slotOf(row, cell), bucket, lengthBytes, packets);
  }

  /** The slot of a row's cell (see rows.ts), which is given one if it has none. Hot. */
  slotOf(row: number, cell: number): number {
    const slot = this.rows.slotOf(row, cell);
    return slot > 0 ? slot : this.#addSlot(row, cell);
  }

  #addSlot(row: number, cell: number): number {
    const slot = this.slots.add();
    this.rows.setSlot(row, cell, slot);
    return slot;
  }

  /** Slot of an IPv4 address in a cell of its row, which the table learns, or UNLISTED. */
  #slotOfIpv4(address: number, cell: number): number {
    const known = this.#ipv4.find(address, cell);
    if (known !== UNSEEN) return known === UNLISTED ? UNLISTED : known / SLOT_DOUBLES;
    const range = this.ranges.rangeOfIpv4(address);
    if (range === NO_RANGE) {
      this.#ipv4.setUnlisted(address, cell);
      return UNLISTED;
    }
    const row = this.row(range, address, 0, 0, 0, cell < RX_CELLS);
    const slot = this.slotOf(row, cell);
    // A refused address is not worth a page of the table.
    if (!this.rows.isOther(row)) this.#ipv4.set(address, cell, slot * SLOT_DOUBLES);
    return slot;
  }

  /**
   * Row of an address that `range` has, and that sends or receives now. Hot for IPv6; does not allocate but for new rows.
   */
  row(range: number, word0: number, word1: number, word2: number, word3: number, sends: boolean): number {
    const ranges = this.ranges;
    const net0 = ranges.maskWord(range, 0, word0);
    const net1 = ranges.maskWord(range, 1, word1);
    const net2 = ranges.maskWord(range, 2, word2);
    const net3 = ranges.maskWord(range, 3, word3);
    const found = this.#index.find(range, net0, net1, net2, net3);
    if (found >= 0) return found;
    const isGone =
      isIn(this.#gone, range, net0, net1, net2, net3) || isIn(this.#goneBefore, range, net0, net1, net2, net3);
    if (isGone || !this.#addresses.take(sends)) return this.otherRow(range);
    const row = this.rows.add(range, false, net0, net1, net2, net3);
    this.#index.add(range, net0, net1, net2, net3, row);
    return row;
  }

  /** The row that takes the traffic of refused addresses: one for each set of labels and IP version. */
  otherRow(range: number): number {
    const isIpv6 = this.ranges.ranges[range]!.version === 6;
    const at = this.ranges.groupOf[range]! * 2 + (isIpv6 ? 1 : 0);
    if (this.#otherRow[at] === 0) this.#otherRow[at] = this.rows.add(range, true, 0, 0, 0, 0) + 1;
    return this.#otherRow[at]! - 1;
  }

  #packets(slot: number): number {
    const start = slot * SLOT_DOUBLES;
    return this.slots.counters.subarray(start, start + BUCKETS).reduce((sum, count) => sum + count, 0);
  }
}

function isIn(
  index: AddressIndex | undefined,
  range: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): boolean {
  return index !== undefined && index.find(range, word0, word1, word2, word3) >= 0;
}

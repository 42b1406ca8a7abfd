import { type Packet, Verdict } from "../packet/packet.ts";
import { IPV4_COLUMN, IPV6_COLUMN, PROTOCOL_COLUMNS } from "../packet/protocols.ts";
import { AddressIndex } from "./address-index.ts";
import { NONE, type RangeTable } from "./ranges.ts";
import { Slots } from "./slots.ts";

/** Direction of a packet as seen from an address in a range: it sent the packet, or it received it. */
export const Direction = { TX: 0, RX: 1 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/*
 * A row: what one address (or rolled-up network, or the `other` of a set of labels) has on one interface. It holds the
 * slots of its histograms, 0 where there is none yet.
 *
 *     | tx: other icmp igmp tcp ... icmpv6 | rx: other icmp igmp tcp ... icmpv6 |
 */
const ROW_SLOTS = 2 * PROTOCOL_COLUMNS;
const INITIAL_ROWS = 64;

/** The slot of all frames of an interface: the first, so that 0 can stand for "none" in a row. */
export const ALL_SLOT = 0;

/** How many addresses may have series, over all interfaces, and how many have. */
export interface AddressBudget {
  readonly limit: number;
  used: number;
}

/** All counts of the process: one ledger an interface. */
export class Ledger {
  readonly ranges: RangeTable;
  readonly addresses: AddressBudget;
  readonly #interfaces = new Map<string, InterfaceLedger>();
  readonly #seed: number;

  /** `seed`: any number, random for each process (see AddressIndex). */
  constructor(ranges: RangeTable, maxAddresses: number, seed: number) {
    this.ranges = ranges;
    this.addresses = { limit: maxAddresses, used: 0 };
    this.#seed = seed;
  }

  /** The ledger of an interface; it is kept when the interface goes, so that its counters never step back. */
  interface(name: string): InterfaceLedger {
    let ledger = this.#interfaces.get(name);
    if (ledger === undefined) {
      ledger = new InterfaceLedger(name, this.ranges, this.addresses, this.#seed);
      this.#interfaces.set(name, ledger);
    }
    return ledger;
  }

  interfaces(): Iterable<InterfaceLedger> {
    return this.#interfaces.values();
  }
}

/** The counts of one interface. */
export class InterfaceLedger {
  readonly name: string;
  readonly slots = new Slots();
  /** Verdict → frames that have it. */
  readonly verdicts = new Float64Array(Object.keys(Verdict).length);
  /** Packets counted under `other` because their address was refused a row of its own; tx and rx apart. */
  refusedPackets = 0;

  readonly #ranges: RangeTable;
  readonly #addresses: AddressBudget;
  /** Place of an IPv4 address → row + 1. Zero pages are free until they are touched. */
  readonly #rowOfPlace: Uint32Array;
  readonly #rowOfIpv6: AddressIndex;
  /** Group of labels → row + 1 of its `other`. */
  readonly #otherRow: Uint32Array;

  #rows = 0;
  #rowSlots = new Uint32Array(INITIAL_ROWS * ROW_SLOTS);
  #rowRange = new Uint32Array(INITIAL_ROWS);
  #rowAddress = new Uint32Array(INITIAL_ROWS * 4);
  #rowIsOther = new Uint8Array(INITIAL_ROWS);

  constructor(name: string, ranges: RangeTable, addresses: AddressBudget, seed: number) {
    this.name = name;
    this.#ranges = ranges;
    this.#addresses = addresses;
    this.#rowOfPlace = new Uint32Array(ranges.places);
    this.#rowOfIpv6 = new AddressIndex(seed);
    this.#otherRow = new Uint32Array(ranges.groups * 2);
    this.slots.add();
  }

  get rows(): number {
    return this.#rows;
  }

  /** Whether no frame was seen yet. */
  isEmpty(): boolean {
    return this.verdicts.every((frames) => frames === 0);
  }

  /** Index into `ranges` of the range whose labels the row carries. */
  rangeOfRow(row: number): number {
    return this.#rowRange[row]!;
  }

  /** Whether the row gathers the addresses that were refused one of their own. */
  isOther(row: number): boolean {
    return this.#rowIsOther[row] === 1;
  }

  /** Word `k` of the row's address, highest first; IPv4 has word 0 alone. Low bits of a rolled-up network are 0. */
  addressWord(row: number, k: number): number {
    return this.#rowAddress[row * 4 + k]!;
  }

  /** The slot of a row's histogram, or 0 where nothing was counted. */
  slotOf(row: number, direction: Direction, column: number): number {
    return this.#rowSlots[row * ROW_SLOTS + direction * PROTOCOL_COLUMNS + column]!;
  }

  /** Counts one frame. Hot; does not allocate, but for what is seen for the first time. */
  record(packet: Packet): void {
    this.slots.count(ALL_SLOT, packet.lengthBytes);
    this.verdicts[packet.verdict]! += 1;
    if (packet.verdict !== Verdict.IP) return;
    if (packet.version === 4) this.#recordIpv4(packet);
    else this.#recordIpv6(packet);
  }

  #recordIpv4(packet: Packet): void {
    const column = IPV4_COLUMN[packet.protocol]!;
    const source = this.#ranges.rangeOfIpv4(packet.source);
    if (source !== NONE) this.#count(this.#rowIpv4(source, packet.source), column, packet.lengthBytes);
    const destination = this.#ranges.rangeOfIpv4(packet.destination);
    if (destination === NONE) return;
    this.#count(this.#rowIpv4(destination, packet.destination), PROTOCOL_COLUMNS + column, packet.lengthBytes);
  }

  #recordIpv6(packet: Packet): void {
    const column = IPV6_COLUMN[packet.protocol]!;
    const { source, source1, source2, source3, destination, destination1, destination2, destination3 } = packet;
    const from = this.#ranges.rangeOfIpv6(source, source1, source2, source3);
    if (from !== NONE) {
      this.#count(this.#rowIpv6(from, source, source1, source2, source3), column, packet.lengthBytes);
    }
    const to = this.#ranges.rangeOfIpv6(destination, destination1, destination2, destination3);
    if (to === NONE) return;
    const row = this.#rowIpv6(to, destination, destination1, destination2, destination3);
    this.#count(row, PROTOCOL_COLUMNS + column, packet.lengthBytes);
  }

  #count(row: number, cell: number, lengthBytes: number): void {
    const at = row * ROW_SLOTS + cell;
    let slot = this.#rowSlots[at]!;
    if (slot === 0) {
      slot = this.slots.add();
      this.#rowSlots[at] = slot;
    }
    this.slots.count(slot, lengthBytes);
  }

  #rowIpv4(range: number, address: number): number {
    const place = this.#ranges.placeOfIpv4(range, address);
    const row = this.#rowOfPlace[place]! - 1;
    return row >= 0 ? row : this.#addIpv4(range, place, address);
  }

  #addIpv4(range: number, place: number, address: number): number {
    if (this.#addresses.used >= this.#addresses.limit) return this.#refuse(range);
    this.#addresses.used++;
    const row = this.#addRow(range);
    this.#rowOfPlace[place] = row + 1;
    this.#rowAddress[row * 4] = this.#ranges.maskWord(range, 0, address);
    return row;
  }

  #rowIpv6(range: number, word0: number, word1: number, word2: number, word3: number): number {
    const net0 = this.#ranges.maskWord(range, 0, word0);
    const net1 = this.#ranges.maskWord(range, 1, word1);
    const net2 = this.#ranges.maskWord(range, 2, word2);
    const net3 = this.#ranges.maskWord(range, 3, word3);
    const found = this.#rowOfIpv6.find(range, net0, net1, net2, net3);
    if (found >= 0) return found;
    if (this.#addresses.used >= this.#addresses.limit) return this.#refuse(range);
    this.#addresses.used++;
    const row = this.#addRow(range);
    this.#rowOfIpv6.add(range, net0, net1, net2, net3, row);
    const at = row * 4;
    this.#rowAddress[at] = net0;
    this.#rowAddress[at + 1] = net1;
    this.#rowAddress[at + 2] = net2;
    this.#rowAddress[at + 3] = net3;
    return row;
  }

  /** The row that takes the traffic of refused addresses: one for each set of labels and IP version. */
  #refuse(range: number): number {
    this.refusedPackets++;
    const isIpv6 = this.#ranges.ranges[range]!.version === 6;
    const at = this.#ranges.groupOf[range]! * 2 + (isIpv6 ? 1 : 0);
    if (this.#otherRow[at] === 0) {
      const row = this.#addRow(range);
      this.#rowIsOther[row] = 1;
      this.#otherRow[at] = row + 1;
    }
    return this.#otherRow[at]! - 1;
  }

  #addRow(range: number): number {
    if (this.#rows === this.#rowRange.length) this.#growRows();
    const row = this.#rows++;
    this.#rowRange[row] = range;
    return row;
  }

  #growRows(): void {
    this.#rowSlots = doubled(this.#rowSlots);
    this.#rowRange = doubled(this.#rowRange);
    this.#rowAddress = doubled(this.#rowAddress);
    const isOther = new Uint8Array(this.#rowIsOther.length * 2);
    isOther.set(this.#rowIsOther);
    this.#rowIsOther = isOther;
  }
}

function doubled(words: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(words.length * 2);
  larger.set(words);
  return larger;
}

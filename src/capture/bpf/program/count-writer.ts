import type { RangeTable } from "../../../ledger/ranges.ts";
import type { Assembler, Label } from "../assembly/assembler.ts";
import { r0, r1, r2, r3, r6, r7, r8, r10 } from "../assembly/instruction.ts";
import { COLUMN_STEP, DIRECTION_BYTES, EVENT } from "../layout.ts";
import type { Places } from "../tables/places.ts";
import type { VlanMaps } from "../vlans/vlan-layout.ts";
import type { AccountMaps } from "../zones/account-layout.ts";
import type { ZoneMaps } from "../zones/zone-layout.ts";
import type { CountersWriter } from "./counters.ts";
import type { ParseExits } from "./parsing/network-writer.ts";
import { writeIpv4Tree, writeIpv6Tree } from "./range-tree.ts";
import { type RowsOptions, RowsWriter } from "./rows.ts";
import {
  ADDRESS,
  IPV4_DESTINATION,
  IPV4_SOURCE,
  IPV6_DESTINATION,
  IPV6_SOURCE,
  KIND,
  SEGMENT_BYTES,
} from "./storage.ts";
import { writeVlanNumber } from "./vlan-writer.ts";
import { writeAccountCounting, writeKeptColumn } from "./zones/account-writer.ts";
import { writeZoneCounting } from "./zones/zone-writer.ts";

/** The half of a row that has what the address sent; the other starts at DIRECTION_BYTES. */
const TX_BYTES = 0;
/** A tree of more ranges is too long for jumps over it to what was put off before. */
const RANGES_IN_REACH = 1000;
/** Kinds of packets besides IPv4. */
const Kind = { NOT_IP: 0, TRUNCATED: 1, MALFORMED: 2, IPV6: 6 } as const;

export interface CountOptions extends RowsOptions {
  ranges: RangeTable;
  places: Places;
  unfolds: boolean;
  zones: readonly ZoneMaps[];
  accounts: AccountMaps | undefined;
  /** Undefined if VLANs of addresses are not told apart. */
  vlans: VlanMaps | undefined;
  /** What the program returns. */
  result: number;
}

/**
 * Writes what counts a parsed packet, as ledger/interface-ledger.ts does, and places `exits`. Registers: r6 column of the
 * protocol, r7 size, r8 bucket, r9 lane.
 */
export function writeCounting(
  asm: Assembler,
  options: CountOptions,
  counters: CountersWriter,
  exits: ParseExits,
): void {
  new CountWriter(asm, options, counters, exits).write();
}

class CountWriter {
  readonly #asm: Assembler;
  readonly #options: CountOptions;
  readonly #exits: ParseExits;
  readonly #counters: CountersWriter;
  readonly #rows: RowsWriter;

  constructor(asm: Assembler, options: CountOptions, counters: CountersWriter, exits: ParseExits) {
    this.#asm = asm;
    this.#options = options;
    this.#exits = exits;
    this.#counters = counters;
    this.#rows = new RowsWriter(asm, options, this.#counters);
  }

  /**
   * Both directions are written out: a loop over them would not pass the verifier without CAP_PERFMON, whose guard
   * against speculation follows a loop for ever. So a program of many ranges is long, and jumps reach 32,767
   * instructions: then what all paths need comes first, and the jump to IPv6 has a step in the middle of IPv4.
   *
   * Else what nearly every packet runs stands in one piece, with the first exit of the program at its end: on x86-64 the
   * kernel compiles all others into jumps to that one. Both together are 25 ns a packet.
   */
  write(): void {
    const asm = this.#asm;
    const ipv6 = asm.label("ipv6_addresses");
    const step = asm.label("to_ipv6_addresses");
    const isLong = this.#options.ranges.ipv4.rangeOf.length > RANGES_IN_REACH;
    asm.place(this.#exits.ipv4);
    this.#writeAll(false);
    asm.putOff(() => this.#writeOtherKinds(step));
    if (isLong) this.#writePutOffBetween();
    writeKeptColumn(asm, this.#options.accounts);
    this.#numberColumn();
    this.#writeIpv4(IPV4_SOURCE, TX_BYTES);
    asm.putOff(() => {
      asm.place(step);
      asm.jump(ipv6);
    });
    if (isLong) this.#writePutOffBetween();
    this.#writeIpv4(IPV4_DESTINATION, DIRECTION_BYTES);
    this.#writeZones(4);
    this.#writeExit();
    asm.writePutOff();

    asm.place(ipv6);
    writeKeptColumn(asm, this.#options.accounts);
    this.#writeIpv6(IPV6_SOURCE, TX_BYTES);
    this.#writeIpv6(IPV6_DESTINATION, DIRECTION_BYTES);
    this.#writeZones(6);
    this.#writeExit();
    asm.writePutOff();
  }

  #writePutOffBetween(): void {
    const behind = this.#asm.label("behind");
    this.#asm.jump(behind);
    this.#asm.writePutOff();
    this.#asm.place(behind);
  }

  /** All but IPv4: counted for the interface likewise, and then by what they are. */
  #writeOtherKinds(ipv6: Label): void {
    const asm = this.#asm;
    const all = asm.label("count_kind");
    const malformed = asm.label("event_malformed");
    const kinds = [
      [this.#exits.ipv6, Kind.IPV6],
      [this.#exits.truncated, Kind.TRUNCATED],
      [this.#exits.malformed, Kind.MALFORMED],
      [this.#exits.notIp, Kind.NOT_IP],
    ] as const;
    for (const [label, kind] of kinds) {
      asm.place(label);
      asm.store(8, r10, KIND, kind);
      if (kind !== Kind.NOT_IP) asm.jump(all);
    }
    asm.place(all);
    this.#writeAll(true);
    asm.comment("by its kind");
    asm.load(8, r1, r10, KIND);
    asm.jeq(r1, Kind.IPV6, ipv6);
    asm.jeq(r1, Kind.NOT_IP, this.#exits.ignored);
    asm.jeq(r1, Kind.MALFORMED, malformed);
    this.#counters.countEvent(EVENT.TRUNCATED);
    this.#writeExit();
    asm.place(malformed);
    this.#counters.countEvent(EVENT.MALFORMED);
    asm.place(this.#exits.ignored);
    this.#writeExit();
  }

  /** Counts the packet for the interface. */
  #writeAll(hasKind: boolean): void {
    if (this.#options.vlans !== undefined) writeVlanNumber(this.#asm, this.#options.vlans);
    this.#counters.chooseLane(this.#exits.ignored);
    this.#writeSize(hasKind);
    this.#counters.countAll(this.#exits.ignored);
  }

  #writeZones(version: 4 | 6): void {
    const { zones, accounts, unfolds } = this.#options;
    for (const counters of zones) writeZoneCounting(this.#asm, counters, version, unfolds);
    if (accounts !== undefined) writeAccountCounting(this.#asm, accounts, version, unfolds);
  }

  #writeExit(): void {
    this.#asm.mov(r0, this.#options.result);
    this.#asm.exit();
  }

  /** r8 = bucket; of a packet that is unfolded, r7 = the bytes of all and r8 = bucket of the last one. */
  #writeSize(hasKind: boolean): void {
    const asm = this.#asm;
    const aggregated = asm.label("size_aggregated");
    const single = asm.label("size_single");
    const sized = asm.label("sized");
    if (this.#options.unfolds) {
      asm.load(8, r1, r10, SEGMENT_BYTES);
      asm.jne(r1, 0, aggregated);
    }
    asm.place(single);
    asm.mov(r1, r7);
    this.#counters.bucketOfR1(r8);
    asm.place(sized);
    if (!this.#options.unfolds) return;
    asm.putOff(() => {
      asm.place(aggregated);
      if (hasKind) {
        asm.load(8, r1, r10, KIND);
        asm.jne(r1, Kind.IPV6, single);
      }
      this.#counters.unfold(single);
      asm.jump(sized);
    });
  }

  /** If addresses have all their slots, r6 becomes the number of the first slot of the protocol's column. */
  #numberColumn(): void {
    const { sizes, ranges } = this.#options;
    const { densePlaces } = sizes;
    if (densePlaces === 0 || ranges.ipv4.rangeOf.length === 0) return;
    this.#asm.comment("r6 = first slot of the column");
    this.#asm.mul(r6, densePlaces / COLUMN_STEP);
  }

  /** Counts for the address at a place on the stack, in the half of its row at `direction`. */
  #writeIpv4(address: number, direction: number): void {
    const asm = this.#asm;
    const { ranges, places, sizes } = this.#options;
    const { hasPlaceMap, firstRow, densePlaces, vlans } = sizes;
    const hasRow = !hasPlaceMap && densePlaces === 0 && vlans === 0;
    if (ranges.ipv4.rangeOf.length === 0) return;
    const [found, next] = this.#addressLabels(address, direction);
    asm.load(4, r2, r10, address);
    asm.mov(r1, r2);
    asm.be(r1, 32);
    const leaf = (range: number): void => {
      const { lowest, shift, first } = places.formula(range);
      asm.comment(`range ${range}: r2 = ${hasRow ? "row" : "place"}`);
      // From the address as it was loaded: of r1 the verifier knows what the tree has compared, another thing in each leaf.
      asm.be(r2, 32);
      asm.sub32(r2, lowest);
      // The kernel refuses to shift by the whole width.
      if (shift === 32) asm.mov32(r2, 0);
      else if (shift > 0) asm.rsh32(r2, shift);
      asm.add32(r2, first + (hasRow ? firstRow : 0));
      if (hasPlaceMap || vlans > 0) asm.mov(r3, range);
      asm.jump(found);
    };
    writeIpv4Tree(asm, ranges.ipv4, leaf, next);
    asm.place(found);
    if (vlans > 0) this.#rows.placeRowOfVlan(direction, next);
    else if (hasPlaceMap) this.#rows.placeRow(direction, next);
    if (densePlaces > 0) this.#rows.countDense(direction, next);
    else this.#rows.countInRow(direction, next);
    asm.place(next);
  }

  /** For an address that is in a range, and for what comes after it. */
  #addressLabels(address: number, direction: number): [found: Label, next: Label] {
    const end = direction === TX_BYTES ? "source" : "destination";
    this.#asm.comment(`the ${end}, at ${address}: its range, by a tree of compares`);
    return [this.#asm.label(`${end}_in_range`), this.#asm.label(`${end}_done`)];
  }

  /** Likewise for IPv6. */
  #writeIpv6(address: number, direction: number): void {
    const asm = this.#asm;
    const { ranges } = this.#options;
    if (ranges.ipv6.rangeOf.length === 0) return;
    const [found, next] = this.#addressLabels(address, direction);
    asm.load(8, r1, r10, address);
    asm.load(8, r2, r10, address + 8);
    asm.store(8, r10, ADDRESS, r1);
    asm.store(8, r10, ADDRESS + 8, r2);
    asm.be(r1, 64);
    asm.be(r2, 64);
    const leaf = (range: number): void => {
      asm.comment(`range ${range}`);
      asm.mov(r2, range);
      asm.jump(found);
    };
    writeIpv6Tree(asm, ranges.ipv6, leaf, next);
    asm.place(found);
    this.#rows.indexedRow(direction, next);
    this.#rows.countInRow(direction, next);
    asm.place(next);
  }
}

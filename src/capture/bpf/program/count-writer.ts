import type { RangeTable } from "../../../ledger/ranges.ts";
import type { Assembler, Label } from "../assembly/assembler.ts";
import { r0, r1, r2, r3, r7, r8, r9, r10 } from "../assembly/instruction.ts";
import { ALL_SLOT, DIRECTION_BYTES, EVENT } from "../layout.ts";
import type { Places } from "../places.ts";
import { CountersWriter } from "./counters.ts";
import type { ParseExits } from "./network-writer.ts";
import { writeIpv4Tree, writeIpv6Tree } from "./range-tree.ts";
import { type RowsOptions, RowsWriter } from "./rows.ts";
import { ADDRESS, IPV4_DESTINATION, IPV4_SOURCE, IPV6_DESTINATION, IPV6_SOURCE, SEGMENT_BYTES } from "./stack.ts";

/** The half of a row that has what the address sent; the other starts at DIRECTION_BYTES. */
const TX_BYTES = 0;
/** A tree of more ranges is too long for jumps over it to what was put off before. */
const RANGES_IN_REACH = 1000;
/** Kinds of packets, in r9. */
const KIND = { NOT_IP: 0, TRUNCATED: 1, MALFORMED: 2, IPV4: 4, IPV6: 6 } as const;

export interface CountOptions extends RowsOptions {
  ranges: RangeTable;
  places: Places;
  /** Whether rows of IPv4 addresses are given out on first use; else the row of a place is `firstRow` + place. */
  hasPlaceMap: boolean;
  lanes: number;
  isAtomic: boolean;
  unfolds: boolean;
  /** What the program returns. */
  result: number;
}

/**
 * Writes what counts a parsed packet, as ledger/ledger.ts does, and places `exits`. Registers: r6 column of the
 * protocol, r7 size, r8 bucket, r9 kind.
 */
export function writeCounting(asm: Assembler, options: CountOptions, exits: ParseExits): void {
  new CountWriter(asm, options, exits).write();
}

class CountWriter {
  readonly #asm: Assembler;
  readonly #options: CountOptions;
  readonly #exits: ParseExits;
  readonly #counters: CountersWriter;
  readonly #rows: RowsWriter;

  constructor(asm: Assembler, options: CountOptions, exits: ParseExits) {
    const { fds, slots, lanes, isAtomic, unfolds } = options;
    this.#asm = asm;
    this.#options = options;
    this.#exits = exits;
    this.#counters = new CountersWriter(asm, {
      countersFd: fds.counters,
      tablesFd: fds.tables,
      slots,
      lanes,
      isAtomic,
      unfolds,
    });
    this.#rows = new RowsWriter(asm, options, this.#counters);
  }

  /**
   * Both directions are written out: a loop over them would not pass the verifier without CAP_PERFMON, whose guard
   * against speculation follows a loop for ever. So a program of many ranges is long, and jumps reach 32,767
   * instructions: what all ways need comes first, and the way to IPv6 has a step in the middle of IPv4.
   */
  write(): void {
    const asm = this.#asm;
    const ipv4 = asm.label();
    const ipv6 = asm.label();
    const step = asm.label();
    this.#writeKinds();
    this.#counters.chooseLane();
    this.#writeSize();
    asm.mov(r2, ALL_SLOT);
    this.#counters.count(this.#exits.ignored);
    this.#writeOtherKinds(step);
    asm.jump(ipv4);
    asm.writePutOff();

    asm.place(ipv4);
    this.#writeIpv4(IPV4_SOURCE, TX_BYTES);
    asm.putOff(() => {
      asm.place(step);
      asm.jump(ipv6);
    });
    if (this.#options.ranges.ipv4.rangeOf.length > RANGES_IN_REACH) this.#writePutOffBetween();
    this.#writeIpv4(IPV4_DESTINATION, DIRECTION_BYTES);
    this.#writeExit();
    asm.writePutOff();

    asm.place(ipv6);
    this.#writeIpv6(IPV6_SOURCE, TX_BYTES);
    this.#writeIpv6(IPV6_DESTINATION, DIRECTION_BYTES);
    this.#writeExit();
    asm.writePutOff();
  }

  #writePutOffBetween(): void {
    const behind = this.#asm.label();
    this.#asm.jump(behind);
    this.#asm.writePutOff();
    this.#asm.place(behind);
  }

  /** All but IPv4 go other ways from here. */
  #writeOtherKinds(ipv6: Label): void {
    const asm = this.#asm;
    const other = asm.label();
    const malformed = asm.label();
    asm.jne(r9, KIND.IPV4, other);
    asm.putOff(() => {
      asm.place(other);
      asm.jeq(r9, KIND.IPV6, ipv6);
      asm.jeq(r9, KIND.NOT_IP, this.#exits.ignored);
      asm.jeq(r9, KIND.MALFORMED, malformed);
      this.#counters.countEvent(EVENT.TRUNCATED);
      this.#writeExit();
      asm.place(malformed);
      this.#counters.countEvent(EVENT.MALFORMED);
      asm.place(this.#exits.ignored);
      this.#writeExit();
    });
  }

  #writeExit(): void {
    this.#asm.mov(r0, this.#options.result);
    this.#asm.exit();
  }

  /** r9 = kind, by the way the parser left. */
  #writeKinds(): void {
    const asm = this.#asm;
    const all = asm.label();
    const kinds = [
      [this.#exits.ipv6, KIND.IPV6],
      [this.#exits.truncated, KIND.TRUNCATED],
      [this.#exits.malformed, KIND.MALFORMED],
      [this.#exits.notIp, KIND.NOT_IP],
    ] as const;
    asm.putOff(() => {
      for (const [label, kind] of kinds) {
        asm.place(label);
        asm.mov(r9, kind);
        asm.jump(all);
      }
    });
    asm.place(this.#exits.ipv4);
    asm.mov(r9, KIND.IPV4);
    asm.place(all);
  }

  /** r8 = bucket; of a packet that stands for several, r7 = their bytes and r8 = bucket of the last one. */
  #writeSize(): void {
    const asm = this.#asm;
    const aggregated = asm.label();
    const single = asm.label();
    const sized = asm.label();
    asm.load(8, r1, r10, SEGMENT_BYTES);
    asm.jne(r1, 0, aggregated);
    asm.place(single);
    asm.mov(r1, r7);
    this.#counters.bucketOfR1(r8);
    asm.place(sized);
    asm.putOff(() => {
      asm.place(aggregated);
      this.#counters.countEvent(EVENT.AGGREGATED);
      if (this.#options.unfolds) {
        asm.jlt(r9, KIND.IPV4, single);
        this.#counters.unfold(single);
        asm.jump(sized);
      } else {
        asm.jump(single);
      }
    });
  }

  /** Counts for the address at a place on the stack, in the half of its row at `direction`. */
  #writeIpv4(address: number, direction: number): void {
    const asm = this.#asm;
    const { ranges, places, hasPlaceMap, firstRow, denseSlot } = this.#options;
    if (ranges.ipv4.rangeOf.length === 0) return;
    const found = asm.label();
    const next = asm.label();
    asm.load(4, r1, r10, address);
    asm.be(r1, 32);
    const leaf = (range: number): void => {
      const { lowest, shift, first } = places.formula(range);
      asm.mov32(r2, r1);
      asm.sub32(r2, lowest);
      // The kernel refuses to shift by the whole width.
      if (shift === 32) asm.mov32(r2, 0);
      else if (shift > 0) asm.rsh32(r2, shift);
      asm.add32(r2, first + (hasPlaceMap || denseSlot > 0 ? 0 : firstRow));
      if (hasPlaceMap) asm.mov(r3, range);
      asm.jump(found);
    };
    writeIpv4Tree(asm, ranges.ipv4, leaf, next);
    asm.place(found);
    if (hasPlaceMap) this.#rows.placeRow(next);
    if (denseSlot > 0) this.#rows.countDense(direction, next);
    else this.#rows.countInRow(direction, next);
    asm.place(next);
  }

  /** Likewise for IPv6. */
  #writeIpv6(address: number, direction: number): void {
    const asm = this.#asm;
    const { ranges } = this.#options;
    if (ranges.ipv6.rangeOf.length === 0) return;
    const found = asm.label();
    const next = asm.label();
    asm.load(8, r1, r10, address);
    asm.load(8, r2, r10, address + 8);
    asm.store(8, r10, ADDRESS, r1);
    asm.store(8, r10, ADDRESS + 8, r2);
    asm.be(r1, 64);
    asm.be(r2, 64);
    const leaf = (range: number): void => {
      asm.mov(r2, range);
      asm.jump(found);
    };
    writeIpv6Tree(asm, ranges.ipv6, leaf, next);
    asm.place(found);
    this.#rows.indexedRow(next);
    this.#rows.countInRow(direction, next);
    asm.place(next);
  }
}

import type { RangeTable } from "../../../ledger/ranges.ts";
import type { Assembler } from "../assembly/assembler.ts";
import { r0, r1, r2, r3, r6, r7, r8, r9, r10 } from "../assembly/instruction.ts";
import { ALL_SLOT, DIRECTION_BYTES, EVENT } from "../layout.ts";
import type { Places } from "../places.ts";
import { CountersWriter } from "./counters.ts";
import type { ParseExits } from "./network-writer.ts";
import { writeIpv4Tree, writeIpv6Tree } from "./range-tree.ts";
import { type RowsOptions, RowsWriter } from "./rows.ts";
import { ADDRESS, IPV4_DESTINATION, IPV4_SOURCE, IPV6_DESTINATION, IPV6_SOURCE, SEGMENT_BYTES } from "./stack.ts";
import { writeUnfolding } from "./unfold-writer.ts";

/** Kinds of packets, in r9; then r9 is the direction: 0 (tx), DIRECTION_BYTES (rx). */
const KIND = { NOT_IP: 0, REFUSED: 1, IPV4: 4, IPV6: 6 } as const;

export interface CountOptions extends RowsOptions {
  ranges: RangeTable;
  places: Places;
  /** Whether rows of IPv4 addresses are given out on first use; else the row of a place is `firstRow` + place. */
  hasPlaceMap: boolean;
  firstRow: number;
  lanes: number;
  isAtomic: boolean;
  unfolds: boolean;
  /** What the program returns. */
  result: number;
}

/**
 * Writes what counts a parsed packet, as ledger/ledger.ts does, and places `exits`. Registers: r6 column of the
 * protocol, r7 size, r8 bucket, r9 kind and direction.
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

  write(): void {
    const asm = this.#asm;
    const ipv6 = asm.label();
    const refused = asm.label();
    this.#writeKinds();
    this.#counters.chooseLane();
    this.#writeSize();
    asm.mov(r2, ALL_SLOT);
    this.#counters.count(this.#exits.ignored);
    asm.jeq(r9, KIND.IPV6, ipv6);
    asm.jeq(r9, KIND.REFUSED, refused);
    asm.jne(r9, KIND.IPV4, this.#exits.ignored);
    this.#writeIpv4();
    asm.place(ipv6);
    this.#writeIpv6();
    asm.place(refused);
    this.#counters.countEvent(r6);
    asm.place(this.#exits.ignored);
    asm.mov(r0, this.#options.result);
    asm.exit();
  }

  /** r9 = kind, by the way the parser left. */
  #writeKinds(): void {
    const asm = this.#asm;
    const all = asm.label();
    const kinds = [
      [this.#exits.ipv6, KIND.IPV6],
      [this.#exits.refused, KIND.REFUSED],
      [this.#exits.notIp, KIND.NOT_IP],
    ] as const;
    for (const [label, kind] of kinds) {
      asm.place(label);
      asm.mov(r9, kind);
      asm.jump(all);
    }
    asm.place(this.#exits.ipv4);
    asm.mov(r9, KIND.IPV4);
    asm.place(all);
  }

  /** r8 = bucket; of a packet that stands for several, r7 = their bytes and r8 = bucket of the last one. */
  #writeSize(): void {
    const asm = this.#asm;
    const single = asm.label();
    const sized = asm.label();
    asm.load(8, r1, r10, SEGMENT_BYTES);
    asm.jeq(r1, 0, single);
    asm.mov(r1, EVENT.AGGREGATED);
    this.#counters.countEvent(r1);
    if (this.#options.unfolds) {
      asm.jeq(r9, KIND.NOT_IP, single);
      asm.jeq(r9, KIND.REFUSED, single);
      writeUnfolding(asm, this.#counters, single);
      asm.jump(sized);
    }
    asm.place(single);
    asm.mov(r1, r7);
    this.#counters.bucketOfR1(r8);
    asm.place(sized);
  }

  #writeIpv4(): void {
    const asm = this.#asm;
    const { ranges, places, hasPlaceMap, firstRow } = this.#options;
    if (ranges.ipv4.rangeOf.length === 0) {
      asm.jump(this.#exits.ignored);
      return;
    }
    const found = asm.label();
    const next = asm.label();
    asm.mov(r9, 0);
    asm.load(4, r1, r10, IPV4_SOURCE);
    const again = asm.here();
    asm.be(r1, 32);
    const leaf = (range: number): void => {
      const { lowest, shift, first } = places.formula(range);
      asm.mov32(r2, r1);
      asm.sub32(r2, lowest);
      // The kernel refuses to shift by the whole width.
      if (shift === 32) asm.mov32(r2, 0);
      else if (shift > 0) asm.rsh32(r2, shift);
      asm.add32(r2, first + (hasPlaceMap ? 0 : firstRow));
      if (hasPlaceMap) asm.mov(r3, range);
      asm.jump(found);
    };
    writeIpv4Tree(asm, ranges.ipv4, leaf, next);
    asm.place(found);
    if (hasPlaceMap) this.#rows.placeRow(next);
    this.#rows.countInRow(next);
    asm.place(next);
    asm.jne(r9, 0, this.#exits.ignored);
    asm.mov(r9, DIRECTION_BYTES);
    asm.load(4, r1, r10, IPV4_DESTINATION);
    asm.jump(again);
  }

  #writeIpv6(): void {
    const asm = this.#asm;
    const { ranges } = this.#options;
    if (ranges.ipv6.rangeOf.length === 0) {
      asm.jump(this.#exits.ignored);
      return;
    }
    const found = asm.label();
    const next = asm.label();
    asm.mov(r9, 0);
    this.#loadIpv6(IPV6_SOURCE);
    const again = asm.here();
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
    this.#rows.countInRow(next);
    asm.place(next);
    asm.jne(r9, 0, this.#exits.ignored);
    asm.mov(r9, DIRECTION_BYTES);
    this.#loadIpv6(IPV6_DESTINATION);
    asm.jump(again);
  }

  /** r1, r2 = the halves of an address, in network order. */
  #loadIpv6(at: number): void {
    this.#asm.load(8, r1, r10, at);
    this.#asm.load(8, r2, r10, at + 8);
  }
}

import type { RangeTable } from "../../ledger/ranges.ts";
import type { Assembler, Label } from "./assembly/assembler.ts";
import { r0, r1, r2, r3, r4, r6, r7, r8, r9, r10 } from "./assembly/instruction.ts";
import {
  ALL_SLOT,
  BUCKET_LAST,
  BUCKET_MASK,
  BUCKET_STEP_BITS,
  BUDGET,
  DIRECTION_BYTES,
  EVENT,
  EVENT_SLOT,
  FLAG,
  FLAG_OFFSET,
  KEY_BYTES,
  OTHER_OFFSET,
  RANGE,
  STATE,
  SUM_OFFSET,
  TABLE,
} from "./layout.ts";
import {
  GSO_SIZE,
  IPV4_DESTINATION,
  IPV4_SOURCE,
  IPV6_DESTINATION,
  IPV6_SOURCE,
  PARSE_STACK,
  type ParseExits,
} from "./parse-program.ts";
import type { Places } from "./places.ts";
import { writeIpv4Tree, writeIpv6Tree } from "./range-tree.ts";

/*
 * Stack, by offset from r10, below the parser's. Registers: r6 column of the protocol, r7 size, r8 bucket, r9 kind of
 * packet and then the direction: 0 (tx), DIRECTION_BYTES (rx).
 */
const KEY = -4;
/** First slot of this CPU's lane. */
const LANE = -8;
const CELL_POINTER = PARSE_STACK - 8;
const ROW_POINTER = PARSE_STACK - 16;
/** An address in network order, 16 bytes. */
const ADDRESS = PARSE_STACK - 32;
/** Key of a row: range, address; 24 bytes. */
const ROW_KEY = PARSE_STACK - 56;
const NEW_ROW = PARSE_STACK - 64;
const OTHER_ROW = PARSE_STACK - 72;

/* enum bpf_func_id */
const BPF_FUNC_MAP_LOOKUP_ELEM = 1;
const BPF_FUNC_MAP_UPDATE_ELEM = 2;
const BPF_FUNC_GET_SMP_PROCESSOR_ID = 8;
const BPF_NOEXIST = 1;

/** Kinds of packets, in r9. */
const KIND = { NOT_IP: 0, REFUSED: 1, IPV4: 4, IPV6: 6 } as const;

/** Descriptors of the maps; see layout.ts. */
export interface MapFds {
  counters: number;
  rows: number;
  places: number;
  keys: number;
  index: number;
  state: number;
  budget: number;
  tables: number;
  ranges: number;
}

export interface CountOptions {
  fds: MapFds;
  ranges: RangeTable;
  places: Places;
  /** Whether rows of IPv4 addresses are given out on first use; else the row of a place is `firstRow` + place. */
  hasPlaceMap: boolean;
  firstRow: number;
  rows: number;
  slots: number;
  /** 2^n. */
  lanes: number;
  /** CPUs share lanes, or can be interrupted while they count: counters are added to in one locked step. */
  isAtomic: boolean;
  maxAddresses: number;
}

/** Writes what counts a parsed packet; `exits` are placed here. Returns 0 or -1: a socket keeps nothing, tcx goes on. */
export function writeCounter(asm: Assembler, options: CountOptions, exits: ParseExits, result: number): void {
  new CounterWriter(asm, options, exits, result).write();
}

class CounterWriter {
  readonly #asm: Assembler;
  readonly #options: CountOptions;
  readonly #exits: ParseExits;
  readonly #result: number;

  constructor(asm: Assembler, options: CountOptions, exits: ParseExits, result: number) {
    this.#asm = asm;
    this.#options = options;
    this.#exits = exits;
    this.#result = result;
  }

  write(): void {
    const asm = this.#asm;
    const ipv6 = asm.label();
    const refused = asm.label();
    this.#writeKinds();
    this.#writeBucket();
    this.#writeLane();
    this.#writeAggregated();
    asm.mov(r2, ALL_SLOT);
    this.#count(this.#exits.ignored);
    asm.jeq(r9, KIND.IPV6, ipv6);
    asm.jeq(r9, KIND.REFUSED, refused);
    asm.jne(r9, KIND.IPV4, this.#exits.ignored);
    this.#writeIpv4();
    asm.place(ipv6);
    this.#writeIpv6();
    asm.place(refused);
    this.#countEvent(r6);
    asm.place(this.#exits.ignored);
    asm.mov(r0, this.#result);
    asm.exit();
  }

  #writeKinds(): void {
    const asm = this.#asm;
    const all = asm.label();
    asm.place(this.#exits.ipv4);
    asm.mov(r9, KIND.IPV4);
    asm.jump(all);
    asm.place(this.#exits.ipv6);
    asm.mov(r9, KIND.IPV6);
    asm.jump(all);
    asm.place(this.#exits.refused);
    asm.mov(r9, KIND.REFUSED);
    asm.jump(all);
    asm.place(this.#exits.notIp);
    asm.mov(r9, KIND.NOT_IP);
    asm.place(all);
  }

  /** r8 = offset of the bucket in a slot. The mask tells the verifier what the table holds. */
  #writeBucket(): void {
    const asm = this.#asm;
    const inside = asm.label();
    asm.mov(r1, r7);
    asm.add(r1, (1 << BUCKET_STEP_BITS) - 1);
    asm.rsh(r1, BUCKET_STEP_BITS);
    asm.jle(r1, BUCKET_LAST, inside);
    asm.mov(r1, BUCKET_LAST);
    asm.place(inside);
    asm.loadMapValue(r2, this.#options.fds.tables, TABLE.BUCKET);
    asm.add(r2, r1);
    asm.load(1, r8, r2, 0);
    asm.and(r8, BUCKET_MASK);
  }

  #writeLane(): void {
    const { lanes, slots } = this.#options;
    if (lanes === 1) return;
    const asm = this.#asm;
    asm.call(BPF_FUNC_GET_SMP_PROCESSOR_ID);
    asm.and(r0, lanes - 1);
    asm.mul(r0, slots);
    asm.store(4, r10, LANE, r0);
  }

  #writeAggregated(): void {
    const asm = this.#asm;
    const single = asm.label();
    asm.load(8, r1, r10, GSO_SIZE);
    asm.jeq(r1, 0, single);
    asm.mov(r1, EVENT.AGGREGATED);
    this.#countEvent(r1);
    asm.place(single);
  }

  #writeIpv4(): void {
    const asm = this.#asm;
    const { ranges, places, hasPlaceMap, firstRow, fds } = this.#options;
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
      if (shift > 0) asm.rsh32(r2, shift);
      asm.add32(r2, first + (hasPlaceMap ? 0 : firstRow));
      if (hasPlaceMap) asm.mov(r3, range);
      asm.jump(found);
    };
    writeIpv4Tree(asm, ranges.ipv4, leaf, next);
    asm.place(found);
    if (hasPlaceMap) this.#writePlace(next);
    asm.store(4, r10, KEY, r2);
    this.#lookUp(fds.rows, KEY, next);
    this.#countInRow(next);
    asm.place(next);
    asm.jne(r9, 0, this.#exits.ignored);
    asm.mov(r9, DIRECTION_BYTES);
    asm.load(4, r1, r10, IPV4_DESTINATION);
    asm.jump(again);
  }

  /** r2 = row of place r2 of range r3, which is given one where it has none. */
  #writePlace(next: Label): void {
    const asm = this.#asm;
    const { fds } = this.#options;
    const isNew = asm.label();
    const known = asm.label();
    const other = asm.label();
    asm.store(8, r10, ROW_KEY, r3);
    asm.store(8, r10, ROW_KEY + 8, r2);
    asm.store(8, r10, ROW_KEY + 16, 0);
    asm.store(4, r10, KEY, r2);
    this.#lookUp(fds.places, KEY, next);
    asm.load(8, r2, r0, 0);
    asm.jeq(r2, 0, isNew);
    asm.sub(r2, 1);
    asm.jump(known);

    asm.place(isNew);
    asm.load(8, r1, r10, ROW_KEY);
    asm.store(4, r10, KEY, r1);
    this.#lookUp(fds.ranges, KEY, next);
    asm.load(4, r1, r0, RANGE.OTHER_ROW);
    asm.store(8, r10, OTHER_ROW, r1);
    this.#writeNewRow(other, next);
    asm.load(8, r1, r10, ROW_KEY + 8);
    asm.store(4, r10, KEY, r1);
    this.#lookUp(fds.places, KEY, next);
    asm.mov(r3, r0);
    asm.load(8, r2, r10, NEW_ROW);
    asm.add(r2, 1);
    asm.mov(r0, 0);
    asm.atomicCompareExchange(8, r3, 0, r2);
    const first = asm.label();
    asm.jeq(r0, 0, first);
    // Another CPU was faster: its row is the one.
    asm.mov(r2, r0);
    asm.store(8, r10, NEW_ROW, r2);
    this.#giveBack();
    asm.load(8, r2, r10, NEW_ROW);
    asm.place(first);
    asm.sub(r2, 1);
    asm.jump(known);

    asm.place(other);
    asm.load(8, r2, r10, OTHER_ROW);
    asm.place(known);
  }

  #writeIpv6(): void {
    const asm = this.#asm;
    const { ranges, fds } = this.#options;
    if (ranges.ipv6.rangeOf.length === 0) {
      asm.jump(this.#exits.ignored);
      return;
    }
    const found = asm.label();
    const next = asm.label();
    asm.mov(r9, 0);
    asm.load(8, r1, r10, IPV6_SOURCE);
    asm.load(8, r2, r10, IPV6_SOURCE + 8);
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
    this.#writeIndexed(next);
    asm.store(4, r10, KEY, r2);
    this.#lookUp(fds.rows, KEY, next);
    this.#countInRow(next);
    asm.place(next);
    asm.jne(r9, 0, this.#exits.ignored);
    asm.mov(r9, DIRECTION_BYTES);
    asm.load(8, r1, r10, IPV6_DESTINATION);
    asm.load(8, r2, r10, IPV6_DESTINATION + 8);
    asm.jump(again);
  }

  /** r2 = row of the address on the stack, of range r2, which is given one where it has none. */
  #writeIndexed(next: Label): void {
    const asm = this.#asm;
    const { fds } = this.#options;
    const known = asm.label();
    const isNew = asm.label();
    const other = asm.label();
    asm.store(8, r10, ROW_KEY, r2);
    asm.store(4, r10, KEY, r2);
    this.#lookUp(fds.ranges, KEY, next);
    for (const [half, mask] of [
      [0, RANGE.MASK_HIGH],
      [8, RANGE.MASK_LOW],
    ] as const) {
      asm.load(8, r1, r10, ADDRESS + half);
      asm.load(8, r2, r0, mask);
      asm.and(r1, r2);
      asm.store(8, r10, ROW_KEY + 8 + half, r1);
    }
    asm.load(4, r1, r0, RANGE.OTHER_ROW);
    asm.store(8, r10, OTHER_ROW, r1);
    this.#lookUp(fds.index, ROW_KEY, isNew);
    asm.load(8, r2, r0, 0);
    asm.jump(known);

    asm.place(isNew);
    this.#writeNewRow(other, next);
    asm.loadMap(r1, fds.index);
    asm.mov(r2, r10);
    asm.add(r2, ROW_KEY);
    asm.mov(r3, r10);
    asm.add(r3, NEW_ROW);
    asm.mov(r4, BPF_NOEXIST);
    asm.call(BPF_FUNC_MAP_UPDATE_ELEM);
    asm.load(8, r2, r10, NEW_ROW);
    asm.jeq(r0, 0, known);
    // Another CPU was faster, or the kernel is out of memory.
    this.#giveBack();
    this.#lookUp(fds.index, ROW_KEY, other);
    asm.load(8, r2, r0, 0);
    asm.jump(known);

    asm.place(other);
    asm.load(8, r2, r10, OTHER_ROW);
    asm.place(known);
  }

  /** Takes an address from the budget and a row for it, and fills that in; `other` where either is used up. */
  #writeNewRow(other: Label, next: Label): void {
    const asm = this.#asm;
    const { fds, rows } = this.#options;
    const full = asm.label();
    const taken = asm.label();
    this.#takeAddress(other);
    asm.loadMapValue(r1, fds.state, STATE.NEXT_ROW);
    asm.mov(r2, 1);
    asm.atomicFetchAdd(8, r1, 0, r2);
    asm.jge(r2, rows, full);
    asm.store(8, r10, NEW_ROW, r2);
    asm.jump(taken);

    asm.place(full);
    this.#giveBack();
    asm.mov(r1, EVENT.EXHAUSTED);
    this.#countEvent(r1);
    asm.jump(other);

    asm.place(taken);
    asm.store(4, r10, KEY, r2);
    this.#lookUp(fds.keys, KEY, next);
    for (let at = 0; at < KEY_BYTES; at += 8) {
      asm.load(8, r1, r10, ROW_KEY + at);
      asm.store(8, r0, at, r1);
    }
    this.#lookUp(fds.rows, KEY, next);
    asm.load(8, r1, r10, OTHER_ROW);
    asm.store(4, r0, OTHER_OFFSET, r1);
    asm.store(4, r0, FLAG_OFFSET, FLAG.ADMITTED);
  }

  /** Counts in the row at r0. A slot is given out on first use; where there is none, the row for the refused has one. */
  #countInRow(next: Label): void {
    const asm = this.#asm;
    const { fds } = this.#options;
    const hasSlot = asm.label();
    const needsSlot = asm.label();
    const refused = asm.label();
    this.#loadCell();
    asm.jeq(r2, 0, needsSlot);
    asm.place(hasSlot);
    this.#count(next);
    asm.jump(next);

    asm.place(needsSlot);
    asm.store(8, r10, CELL_POINTER, r1);
    asm.store(8, r10, ROW_POINTER, r0);
    this.#writeAdmission(refused);
    this.#writeNewSlot(hasSlot, refused);

    asm.place(refused);
    asm.load(8, r3, r10, ROW_POINTER);
    asm.load(4, r2, r3, OTHER_OFFSET);
    asm.store(4, r10, KEY, r2);
    this.#lookUp(fds.rows, KEY, next);
    this.#loadCell();
    asm.jne(r2, 0, hasSlot);
  }

  /** r2 = slot of this protocol and direction in the row at r0, r1 = where that stands. */
  #loadCell(): void {
    const asm = this.#asm;
    asm.mov(r1, r0);
    asm.add(r1, r6);
    asm.add(r1, r9);
    asm.load(4, r2, r1, 0);
  }

  /** Takes an address from the budget for a row that is seen for the first time. */
  #writeAdmission(refused: Label): void {
    const asm = this.#asm;
    const admitted = asm.label();
    const refuse = asm.label();
    asm.load(4, r1, r0, FLAG_OFFSET);
    asm.jeq(r1, FLAG.ADMITTED, admitted);
    asm.jeq(r1, FLAG.REFUSED, refused);
    this.#takeAddress(refuse);
    asm.load(8, r3, r10, ROW_POINTER);
    asm.mov(r0, FLAG.UNSEEN);
    asm.mov(r2, FLAG.ADMITTED);
    asm.atomicCompareExchange(4, r3, FLAG_OFFSET, r2);
    asm.jeq(r0, FLAG.UNSEEN, admitted);
    // Another CPU decided meanwhile.
    this.#giveBack();
    asm.jeq(r0, FLAG.ADMITTED, admitted);
    asm.jump(refused);

    asm.place(refuse);
    asm.load(8, r3, r10, ROW_POINTER);
    asm.store(4, r3, FLAG_OFFSET, FLAG.REFUSED);
    asm.jump(refused);
    asm.place(admitted);
  }

  /** r2 = a new slot, published in the cell. */
  #writeNewSlot(hasSlot: Label, refused: Label): void {
    const asm = this.#asm;
    const { fds, slots } = this.#options;
    const exhausted = asm.label();
    asm.loadMapValue(r1, fds.state, STATE.NEXT_SLOT);
    asm.mov(r2, 1);
    asm.atomicFetchAdd(8, r1, 0, r2);
    asm.jge(r2, slots, exhausted);
    asm.load(8, r3, r10, CELL_POINTER);
    asm.mov(r0, 0);
    asm.atomicCompareExchange(4, r3, 0, r2);
    asm.jeq(r0, 0, hasSlot);
    // Another CPU was faster: its slot is the one, ours stays empty.
    asm.mov(r2, r0);
    asm.jump(hasSlot);

    asm.place(exhausted);
    asm.mov(r1, EVENT.EXHAUSTED);
    this.#countEvent(r1);
    asm.jump(refused);
  }

  /** One address more; `full` where the limit is reached. */
  #takeAddress(full: Label): void {
    const asm = this.#asm;
    const { fds, maxAddresses } = this.#options;
    const taken = asm.label();
    asm.loadMapValue(r1, fds.budget, BUDGET.USED);
    asm.load(8, r2, r1, 0);
    asm.jge(r2, maxAddresses, full);
    asm.mov(r2, 1);
    asm.atomicFetchAdd(8, r1, 0, r2);
    asm.jlt(r2, maxAddresses, taken);
    this.#giveBack();
    asm.jump(full);
    asm.place(taken);
  }

  /** One address less; keeps r0. */
  #giveBack(): void {
    const asm = this.#asm;
    asm.loadMapValue(r1, this.#options.fds.budget, BUDGET.USED);
    asm.mov(r2, -1);
    asm.atomicAdd(8, r1, 0, r2);
  }

  /** Counts size r7 into bucket r8 of slot r2. */
  #count(missing: Label): void {
    const asm = this.#asm;
    this.#lookUpSlot(missing);
    if (this.#options.isAtomic) {
      asm.atomicAdd(8, r0, SUM_OFFSET, r7);
      asm.add(r0, r8);
      asm.mov(r1, 1);
      asm.atomicAdd(8, r0, 0, r1);
      return;
    }
    asm.load(8, r1, r0, SUM_OFFSET);
    asm.add(r1, r7);
    asm.store(8, r0, SUM_OFFSET, r1);
    asm.add(r0, r8);
    asm.load(8, r1, r0, 0);
    asm.add(r1, 1);
    asm.store(8, r0, 0, r1);
  }

  /** Counts an event by the offset in a register. Rare: always in one locked step. */
  #countEvent(event: typeof r1 | typeof r6): void {
    const asm = this.#asm;
    const missing = asm.label();
    asm.and(event, BUCKET_MASK);
    asm.store(8, r10, CELL_POINTER, event);
    asm.mov(r2, EVENT_SLOT);
    this.#lookUpSlot(missing);
    asm.load(8, r1, r10, CELL_POINTER);
    asm.and(r1, BUCKET_MASK);
    asm.add(r0, r1);
    asm.mov(r1, 1);
    asm.atomicAdd(8, r0, 0, r1);
    asm.place(missing);
  }

  /** r0 = the counters of slot r2 in this CPU's lane. */
  #lookUpSlot(missing: Label): void {
    const asm = this.#asm;
    if (this.#options.lanes > 1) {
      asm.load(4, r1, r10, LANE);
      asm.add32(r2, r1);
    }
    asm.store(4, r10, KEY, r2);
    this.#lookUp(this.#options.fds.counters, KEY, missing);
  }

  /** r0 = the value of the key at a place on the stack. Arrays cost no call: the kernel writes the look-up in line. */
  #lookUp(fd: number, key: number, missing: Label): void {
    const asm = this.#asm;
    asm.loadMap(r1, fd);
    asm.mov(r2, r10);
    asm.add(r2, key);
    asm.call(BPF_FUNC_MAP_LOOKUP_ELEM);
    asm.jeq(r0, 0, missing);
  }
}

import type { Assembler, Label } from "../assembly/assembler.ts";
import { r0, r1, r2, r3, r6, r7, r8, r10, type Register } from "../assembly/instruction.ts";
import {
  BUCKET_LAST,
  BUCKET_MASK,
  BUCKET_SHIFT,
  BUCKET_STEP_BITS,
  EVENT_SLOT,
  type EventOffset,
  SUM_OFFSET,
  TABLE,
} from "../layout.ts";
import { readFromR2 } from "./skb.ts";
import {
  CELL_POINTER,
  CONTEXT,
  FULL_BUCKET,
  FULL_PACKETS,
  KEY,
  LANE,
  NETWORK_OFFSET,
  PROTOCOL,
  SCRATCH,
  SEGMENT_BYTES,
  TRANSPORT_OFFSET,
} from "./stack.ts";

/* enum bpf_func_id */
const BPF_FUNC_MAP_LOOKUP_ELEM = 1;
const BPF_FUNC_GET_SMP_PROCESSOR_ID = 8;

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const UDP_HEADER_BYTES = 8;
const TCP_DATA_OFFSET = 12;
const TCP_MINIMUM_DATA_OFFSET = 5;

export interface CountersOptions {
  countersFd: number;
  tablesFd: number;
  slots: number;
  /** 2^n. */
  lanes: number;
  /** CPUs share lanes, or can be interrupted while they count: counters are added to in one locked step. */
  isAtomic: boolean;
  /** A packet may count as several. */
  unfolds: boolean;
}

/** Writes the steps that touch counters. They use up r0 to r5, and keep r6 to r9. */
export class CountersWriter {
  readonly #asm: Assembler;
  readonly #options: CountersOptions;

  constructor(asm: Assembler, options: CountersOptions) {
    this.#asm = asm;
    this.#options = options;
  }

  /** Chooses the lane of this CPU. */
  chooseLane(): void {
    const { lanes, slots } = this.#options;
    if (lanes === 1) return;
    const asm = this.#asm;
    asm.call(BPF_FUNC_GET_SMP_PROCESSOR_ID);
    asm.and(r0, lanes - 1);
    asm.mul(r0, slots);
    asm.store(4, r10, LANE, r0);
  }

  /**
   * `bucket` = offset of the bucket of size r1 in a slot. The size is cut to the last index of the table without a jump,
   * and the masks tell the verifier the bounds: without CAP_PERFMON it refuses an index that differs by the way to it.
   */
  bucketOfR1(bucket: Register): void {
    const asm = this.#asm;
    asm.add(r1, (1 << BUCKET_STEP_BITS) - 1);
    asm.rsh(r1, BUCKET_STEP_BITS);
    asm.mov(r2, BUCKET_LAST);
    asm.sub(r2, r1);
    asm.arsh(r2, 63);
    asm.or(r1, r2);
    asm.and(r1, BUCKET_LAST);
    asm.loadMapValue(r2, this.#options.tablesFd, TABLE.BUCKET);
    asm.add(r2, r1);
    asm.load(1, bucket, r2, 0);
    asm.rsh(bucket, BUCKET_SHIFT);
    asm.and(bucket, BUCKET_MASK);
  }

  /** Counts r7 bytes, and a packet in bucket r8, in slot r2. */
  count(missing: Label): void {
    this.#lookUpSlot(missing);
    this.#add();
  }

  /** Likewise, but goes to `empty` where nothing was counted in the slot before. */
  countUnlessEmpty(empty: Label, missing: Label): void {
    this.#lookUpSlot(missing);
    this.#asm.load(8, r1, r0, SUM_OFFSET);
    this.#asm.jeq(r1, 0, empty);
    this.#add();
  }

  /** Counts in the slot whose counters are at r0. */
  #add(): void {
    const asm = this.#asm;
    if (this.#options.unfolds) this.#countFull();
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

  /** Counts an event. Rare: always in one locked step. */
  countEvent(event: EventOffset): void {
    const asm = this.#asm;
    const missing = asm.label();
    asm.mov(r2, EVENT_SLOT);
    this.#lookUpSlot(missing);
    asm.mov(r1, 1);
    asm.atomicAdd(8, r0, event, r1);
    asm.place(missing);
  }

  /**
   * What ledger/unfolding.ts computes, for a packet that the kernel has merged or has yet to cut: the number and
   * bucket of the full packets on the stack, r7 = bytes of all that were on the wire, r8 = bucket of the last one. Goes to
   * `single`, with r7 as it was, where the packet counts as one.
   */
  unfold(single: Label): void {
    const asm = this.#asm;
    const udp = asm.label();
    const known = asm.label();
    const giveUp = asm.label();
    const unfold = asm.label();
    // The column in r6 makes room for the context.
    asm.store(8, r10, CELL_POINTER, r6);
    asm.load(8, r6, r10, CONTEXT);
    asm.load(8, r8, r10, TRANSPORT_OFFSET);
    asm.jeq(r8, 0, giveUp);
    asm.load(8, r1, r10, PROTOCOL);
    asm.jeq(r1, IPPROTO_UDP, udp);
    asm.jne(r1, IPPROTO_TCP, giveUp);
    asm.mov(r2, r8);
    asm.add(r2, TCP_DATA_OFFSET);
    readFromR2(asm, SCRATCH, 1, giveUp);
    asm.load(1, r1, r10, SCRATCH);
    asm.rsh(r1, 4);
    asm.jlt(r1, TCP_MINIMUM_DATA_OFFSET, giveUp);
    asm.lsh(r1, 2);
    asm.jump(known);
    asm.place(udp);
    asm.mov(r1, UDP_HEADER_BYTES);
    asm.place(known);
    // r8 = bytes of all headers of a packet.
    asm.add(r8, r1);
    asm.load(8, r1, r10, NETWORK_OFFSET);
    asm.sub(r8, r1);
    // By their difference, so that nothing is learned of r7: its bounds must not differ by the way (see bucketOfR1).
    asm.mov(r1, r7);
    asm.sub(r1, r8);
    asm.jsgt(r1, 0, unfold);

    asm.place(giveUp);
    asm.load(8, r6, r10, CELL_POINTER);
    asm.jump(single);

    asm.place(unfold);
    asm.load(8, r6, r10, CELL_POINTER);
    // r3 = packets before the last one: the payload less one byte, in whole segments.
    asm.load(8, r2, r10, SEGMENT_BYTES);
    asm.mov(r3, r7);
    asm.sub(r3, r8);
    asm.sub(r3, 1);
    asm.div(r3, r2);
    asm.store(8, r10, FULL_PACKETS, r3);
    // The last one has what is left; all repeat the headers.
    asm.mul(r2, r3);
    asm.mul(r3, r8);
    asm.mov(r1, r7);
    asm.sub(r1, r2);
    asm.store(8, r10, CELL_POINTER, r1);
    asm.add(r7, r3);
    asm.load(8, r1, r10, SEGMENT_BYTES);
    asm.add(r1, r8);
    this.bucketOfR1(r8);
    asm.store(8, r10, FULL_BUCKET, r8);
    asm.load(8, r1, r10, CELL_POINTER);
    this.bucketOfR1(r8);
  }

  /** r0 = the value of the key at a place on the stack. Arrays cost no call: the kernel writes the look-up in line. */
  lookUp(fd: number, key: number, missing: Label): void {
    const asm = this.#asm;
    asm.loadMap(r1, fd);
    asm.mov(r2, r10);
    asm.add(r2, key);
    asm.call(BPF_FUNC_MAP_LOOKUP_ELEM);
    asm.jeq(r0, 0, missing);
  }

  /** Counts the packets that went before the last one of those that were merged; their bytes are in r7 already. */
  #countFull(): void {
    const asm = this.#asm;
    const single = asm.label();
    asm.load(8, r2, r10, FULL_PACKETS);
    asm.jeq(r2, 0, single);
    asm.load(8, r1, r10, FULL_BUCKET);
    asm.and(r1, BUCKET_MASK);
    asm.mov(r3, r0);
    asm.add(r3, r1);
    asm.atomicAdd(8, r3, 0, r2);
    asm.place(single);
  }

  /** r0 = the counters of slot r2 in this CPU's lane. */
  #lookUpSlot(missing: Label): void {
    const asm = this.#asm;
    if (this.#options.lanes > 1) {
      asm.load(4, r1, r10, LANE);
      asm.add32(r2, r1);
    }
    asm.store(4, r10, KEY, r2);
    this.lookUp(this.#options.countersFd, KEY, missing);
  }
}

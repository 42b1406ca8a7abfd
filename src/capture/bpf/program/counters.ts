import {
  IPPROTO_TCP,
  IPPROTO_UDP,
  MIN_TCP_DATA_OFFSET,
  TCP_DATA_OFFSET,
  UDP_HEADER_BYTES,
} from "../../../packet/headers.ts";
import { Unopened } from "../../../packet/packet.ts";
import type { Assembler, Label } from "../assembly/assembler.ts";
import { BPF_FUNC } from "../assembly/helper.ts";
import { r0, r1, r2, r3, r6, r7, r8, r9, r10, type Register } from "../assembly/instruction.ts";
import {
  ALL_SLOT,
  BUCKET_LAST,
  BUCKET_MASK,
  BUCKET_STEP_BITS,
  CHUNK_SHIFT,
  CHUNK_SLOTS,
  EVENT,
  EVENT_SLOT,
  type EventOffset,
  SLOT_BYTES,
  SUM_OFFSET,
  TABLE,
} from "../layout.ts";
import { writeLookUp } from "./look-up.ts";
import { readFromR2 } from "./skb.ts";
import {
  CONTEXT,
  FULL_BUCKET,
  FULL_PACKETS,
  KEY,
  LANE,
  LAST_BYTES,
  NETWORK_OFFSET,
  PROTOCOL,
  SCRATCH,
  SEGMENT_BYTES,
  SLOT_OFFSET,
  TRANSPORT_OFFSET,
  UNFOLDED_COLUMN,
  VLAN_NUMBER,
} from "./storage.ts";

export interface CountersOptions {
  countersFd: number;
  tablesFd: number;
  stateFd: number;
  slots: number;
  /** 2^n. */
  lanes: number;
  /** CPUs share lanes, or can be interrupted while they count: counters are added to in one locked step. */
  isAtomic: boolean;
  /** Where the value of `state` counts what tunnels could not be opened: see layout.ts. */
  unopenedOffset: number;
  /** A packet may count as several. */
  unfolds: boolean;
  /** Numbers of VLANs; 0 if they are not told apart. */
  vlans: number;
}

/** The name of a number in a closed set, in lower case. */
function nameIn(set: Readonly<Record<string, number>>, number: number): string {
  return Object.entries(set)
    .find(([, each]) => each === number)![0]
    .toLowerCase();
}

const SLOT_SHIFT = Math.log2(SLOT_BYTES);

/** Writes the steps that touch counters. They use up r0 to r5, and keep r6 to r8; r9 is theirs. */
export class CountersWriter {
  readonly #asm: Assembler;
  readonly #options: CountersOptions;

  constructor(asm: Assembler, options: CountersOptions) {
    this.#asm = asm;
    this.#options = options;
  }

  /** r9 = the lane of this CPU; if that is long, its number goes to the stack instead. */
  chooseLane(missing: Label): void {
    const asm = this.#asm;
    const { countersFd, lanes } = this.#options;
    asm.comment(this.#chunks > 1 ? "the first element of this CPU's lane" : "r9 = this CPU's lane");
    if (lanes === 1) {
      asm.mov(r0, 0);
    } else {
      asm.call(BPF_FUNC.GET_SMP_PROCESSOR_ID);
      asm.and(r0, lanes - 1);
    }
    if (this.#chunks > 1) {
      asm.mul(r0, this.#chunks);
      asm.store(4, r10, LANE, r0);
      return;
    }
    asm.store(4, r10, KEY, r0);
    writeLookUp(this.#asm, countersFd, KEY, missing);
    asm.mov(r9, r0);
  }

  /**
   * `bucket` = offset of the bucket of size r1 in a slot. The masks tell the verifier the bounds: without CAP_PERFMON it
   * refuses an index that differs by the path to it.
   */
  bucketOfR1(bucket: Register): void {
    const asm = this.#asm;
    asm.comment(`r${bucket.number} = bucket of the size in r1`);
    asm.add(r1, (1 << BUCKET_STEP_BITS) - 1);
    asm.rsh(r1, BUCKET_STEP_BITS);
    asm.and(r1, BUCKET_LAST);
    asm.loadMapValue(r2, this.#options.tablesFd, TABLE.BUCKET);
    asm.add(r2, r1);
    asm.load(1, bucket, r2, 0);
    asm.and(bucket, BUCKET_MASK);
  }

  /** Counts r7 bytes, and a packet in bucket r8, in slot 0, which has all frames; or in that of all frames of the VLAN. */
  countAll(missing: Label): void {
    const asm = this.#asm;
    if (this.#options.vlans > 0) {
      asm.comment("count in the slot of all frames of the VLAN");
      asm.load(4, r2, r10, VLAN_NUMBER);
      this.countUnknown(missing);
      return;
    }
    asm.comment("count in slot 0, which has all frames");
    if (this.#chunks > 1) {
      asm.mov(r2, ALL_SLOT);
      this.#lookUpSlot(missing);
    } else {
      asm.mov(r0, r9);
    }
    this.#add();
  }

  /** Likewise in slot r2. */
  count(missing: Label): void {
    this.forget(r2);
    this.#lookUpSlot(missing);
    this.#add();
  }

  /** Likewise, of a slot r2 of which the verifier knows nothing. */
  countUnknown(missing: Label): void {
    this.#lookUpSlot(missing);
    this.#add();
  }

  /** Counts in the slot whose counters are at r0. */
  #add(): void {
    const asm = this.#asm;
    asm.comment("r7 bytes, and a packet in bucket r8");
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

  /** Counts an event. Rare: always in the first lane, in one locked step. */
  countEvent(event: EventOffset): void {
    const asm = this.#asm;
    const missing = asm.label("event_counted");
    asm.comment(`an event: ${nameIn(EVENT, event)}`);
    asm.store(4, r10, KEY, 0);
    writeLookUp(this.#asm, this.#options.countersFd, KEY, missing);
    asm.mov(r1, 1);
    asm.atomicAdd(8, r0, EVENT_SLOT * SLOT_BYTES + event, r1);
    asm.place(missing);
  }

  /** Counts a tunnel that can't be opened, in one locked step. */
  countUnopened(reason: Unopened): void {
    const asm = this.#asm;
    const { stateFd, unopenedOffset } = this.#options;
    asm.comment(`unopened: ${nameIn(Unopened, reason)}`);
    asm.loadMapValue(r1, stateFd, unopenedOffset + reason * 8);
    asm.mov(r2, 1);
    asm.atomicAdd(8, r1, 0, r2);
  }

  /**
   * What ledger/unfolding.ts computes, for a packet that the kernel has merged or has yet to cut: the number and
   * bucket of the full packets on the stack, r7 = bytes of all that were on the wire, r8 = bucket of the last one. Goes to
   * `single`, with r7 as it was, if the packet counts as one.
   */
  unfold(single: Label): void {
    const asm = this.#asm;
    const udp = asm.label("unfold_udp");
    const known = asm.label("header_length");
    const giveUp = asm.label("counts_as_one");
    const unfold = asm.label("unfold");
    asm.comment("the packets on the wire: the column in r6 makes room for the context");
    asm.store(8, r10, UNFOLDED_COLUMN, r6);
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
    asm.jlt(r1, MIN_TCP_DATA_OFFSET, giveUp);
    asm.lsh(r1, 2);
    asm.jump(known);
    asm.place(udp);
    asm.mov(r1, UDP_HEADER_BYTES);
    asm.place(known);
    asm.comment("r8 = bytes of all headers of a packet");
    asm.add(r8, r1);
    asm.load(8, r1, r10, NETWORK_OFFSET);
    asm.sub(r8, r1);
    // By their difference, so that nothing is learned of r7: its bounds must not differ by the path (see bucketOfR1).
    asm.mov(r1, r7);
    asm.sub(r1, r8);
    asm.jsgt(r1, 0, unfold);

    asm.place(giveUp);
    asm.load(8, r6, r10, UNFOLDED_COLUMN);
    asm.jump(single);

    asm.place(unfold);
    asm.load(8, r6, r10, UNFOLDED_COLUMN);
    asm.comment("r3 = packets before the last one: the payload less one byte, in whole segments");
    asm.load(8, r2, r10, SEGMENT_BYTES);
    asm.mov(r3, r7);
    asm.sub(r3, r8);
    asm.sub(r3, 1);
    asm.div(r3, r2);
    asm.store(8, r10, FULL_PACKETS, r3);
    asm.comment("the last one has what is left; all repeat the headers");
    asm.mul(r2, r3);
    asm.mul(r3, r8);
    asm.mov(r1, r7);
    asm.sub(r1, r2);
    asm.store(8, r10, LAST_BYTES, r1);
    asm.add(r7, r3);
    asm.load(8, r1, r10, SEGMENT_BYTES);
    asm.add(r1, r8);
    this.bucketOfR1(r8);
    asm.store(8, r10, FULL_BUCKET, r8);
    asm.load(8, r1, r10, LAST_BYTES);
    this.bucketOfR1(r8);
  }

  /** Counts the packets that went before the last one of those that were merged; their bytes are in r7 already. */
  #countFull(): void {
    const asm = this.#asm;
    const single = asm.label("last_packet");
    asm.comment("the packets before the last one");
    asm.load(8, r2, r10, FULL_PACKETS);
    asm.jeq(r2, 0, single);
    asm.load(8, r1, r10, FULL_BUCKET);
    asm.and(r1, BUCKET_MASK);
    asm.mov(r3, r0);
    asm.add(r3, r1);
    asm.atomicAdd(8, r3, 0, r2);
    asm.place(single);
  }

  /** Elements of a lane. */
  get #chunks(): number {
    return Math.ceil(this.#options.slots / CHUNK_SLOTS);
  }

  /**
   * Makes the verifier forget what it knows of a number of 32 bits, by a detour over the stack: else it follows each path
   * to here by itself (1,000,000 steps are not enough for 4,000 ranges), and refuses bounds that differ by the path if
   * CAP_PERFMON is missing. The number is the key of a look-up then.
   */
  forget(register: Register): void {
    this.#asm.comment(`the same r${register.number}, of which the verifier knows nothing`);
    this.#asm.store(4, r10, KEY, register);
    this.#asm.load(4, register, r10, KEY);
  }

  /** r0 = the counters of slot r2 in this CPU's lane. */
  #lookUpSlot(missing: Label): void {
    const asm = this.#asm;
    asm.comment("r0 = counters of slot r2");
    asm.jge(r2, this.#options.slots, missing);
    if (this.#chunks === 1) {
      asm.lsh(r2, SLOT_SHIFT);
      asm.mov(r0, r9);
      asm.add(r0, r2);
      return;
    }
    asm.mov(r1, r2);
    asm.rsh(r1, CHUNK_SHIFT);
    asm.load(4, r3, r10, LANE);
    asm.add(r1, r3);
    asm.store(4, r10, KEY, r1);
    asm.and(r2, CHUNK_SLOTS - 1);
    asm.lsh(r2, SLOT_SHIFT);
    asm.store(8, r10, SLOT_OFFSET, r2);
    writeLookUp(this.#asm, this.#options.countersFd, KEY, missing);
    asm.load(8, r2, r10, SLOT_OFFSET);
    asm.add(r0, r2);
  }
}

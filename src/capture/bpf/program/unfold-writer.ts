import type { Assembler, Label } from "../assembly/assembler.ts";
import { r1, r2, r3, r6, r7, r8, r10 } from "../assembly/instruction.ts";
import type { CountersWriter } from "./counters.ts";
import { readFromR2 } from "./skb.ts";
import {
  CELL_POINTER,
  CONTEXT,
  FULL_BUCKET,
  FULL_PACKETS,
  NETWORK_OFFSET,
  PROTOCOL,
  SCRATCH,
  SEGMENT_BYTES,
  TRANSPORT_OFFSET,
} from "./stack.ts";

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const UDP_HEADER_BYTES = 8;
const TCP_DATA_OFFSET = 12;
const TCP_MINIMUM_DATA_OFFSET = 5;

/**
 * Writes what ledger/unfolding.ts computes, for a packet that the kernel has merged or has yet to cut: the number and
 * bucket of the full packets on the stack, r7 = bytes of all that were on the wire, r8 = bucket of the last one. Goes to
 * `single`, with r7 as it was, where the packet counts as one.
 */
export function writeUnfolding(asm: Assembler, counters: CountersWriter, single: Label): void {
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
  asm.jlt(r8, r7, unfold);

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
  counters.bucketOfR1(r8);
  asm.store(8, r10, FULL_BUCKET, r8);
  asm.load(8, r1, r10, CELL_POINTER);
  counters.bucketOfR1(r8);
}

import type { Assembler, Label } from "../assembly/assembler.ts";
import { BPF_FUNC } from "../assembly/helper.ts";
import { r0, r1, r2, r3, r4, r6, r7, r8, r10 } from "../assembly/instruction.ts";
import { SCRATCH } from "./storage.ts";

/** Fields of struct __sk_buff (linux/bpf.h), 32 bits each. */
export const SKB_LEN = 0;
export const SKB_PKT_TYPE = 4;
export const SKB_PROTOCOL = 16;
export const SKB_VLAN_PRESENT = 20;
export const SKB_VLAN_TCI = 24;
export const SKB_DATA = 76;
export const SKB_DATA_END = 80;
export const SKB_GSO_SIZE = 176;

export const PACKET_OUTGOING = 4;

/**
 * Reads `bytes` from offset r2 of the packet whose context is in r6, wherever in the packet's pieces they are. Uses up
 * r0 to r5; goes to `otherwise` if the packet ends before.
 */
export function readFromR2(asm: Assembler, to: number, bytes: number, otherwise: Label): void {
  asm.mov(r1, r6);
  asm.mov(r3, r10);
  asm.add(r3, to);
  asm.mov(r4, bytes);
  asm.call(BPF_FUNC.SKB_LOAD_BYTES);
  asm.jne(r0, 0, otherwise);
}

/** Reads `bytes` at r8. */
export function readAt(asm: Assembler, bytes: number, otherwise: Label, to: number = SCRATCH): void {
  asm.mov(r2, r8);
  readFromR2(asm, to, bytes, otherwise);
}

/** Reads `bytes` at r8 into the scratch and steps over them, even if the packet ends before. */
export function readNext(asm: Assembler, bytes: number, otherwise: Label): void {
  asm.mov(r2, r8);
  asm.add(r8, bytes);
  readFromR2(asm, SCRATCH, bytes, otherwise);
}

/**
 * Makes the verifier forget what it knows of r7 and r8, by loading the length again, and adding and subtracting it. It
 * has followed every stack of tags to here, and would follow each to the end of the program: 40 ms a load instead of 4.
 */
export function forgetPath(asm: Assembler): void {
  asm.comment("the same r7 and r8, of which the verifier knows nothing");
  asm.load(4, r7, r6, SKB_LEN);
  asm.load(4, r1, r6, SKB_LEN);
  asm.add(r8, r7);
  asm.sub(r8, r1);
  asm.and(r8, 0xffff);
}

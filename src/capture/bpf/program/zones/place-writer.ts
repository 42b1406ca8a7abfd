import type { Assembler, Label } from "../../assembly/assembler.ts";
import { BPF_FUNC } from "../../assembly/helper.ts";
import { r0, r1, r2, r6, r7, r9, r10 } from "../../assembly/instruction.ts";
import { COUNTER_BYTES, COUNTER_PACKETS, type CounterMaps } from "../../zones/zone-layout.ts";
import { writeLookUp } from "../look-up.ts";
import { FULL_PACKETS, KEY } from "../storage.ts";

/** Writes what adds a packet to place r6 of so many, in direction r9, in the lane of this CPU. Its size is in r7. */
export function writePlaceCount(
  asm: Assembler,
  { fd, lanes, isAtomic }: CounterMaps,
  places: number,
  unfolds: boolean,
  missing: Label,
): void {
  asm.comment("count in place r6, in direction r9");
  if (lanes > 1) {
    asm.call(BPF_FUNC.GET_SMP_PROCESSOR_ID);
    asm.and(r0, lanes - 1);
    asm.mul(r0, places);
    asm.add(r6, r0);
  }
  asm.lsh(r6, 1);
  asm.add(r6, r9);
  asm.store(4, r10, KEY, r6);
  writeLookUp(asm, fd, KEY, missing);
  if (unfolds) {
    asm.load(8, r2, r10, FULL_PACKETS);
    asm.add(r2, 1);
  } else asm.mov(r2, 1);
  if (isAtomic) {
    asm.atomicAdd(8, r0, COUNTER_BYTES, r7);
    asm.atomicAdd(8, r0, COUNTER_PACKETS, r2);
    return;
  }
  asm.load(8, r1, r0, COUNTER_BYTES);
  asm.add(r1, r7);
  asm.store(8, r0, COUNTER_BYTES, r1);
  asm.load(8, r1, r0, COUNTER_PACKETS);
  asm.add(r1, r2);
  asm.store(8, r0, COUNTER_PACKETS, r1);
}

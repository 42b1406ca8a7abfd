import type { Assembler, Label } from "../assembly/assembler.ts";
import { r1, r2, r3, r4 } from "../assembly/instruction.ts";
import type { DispenserPlace } from "../tables/dispenser.ts";
import { DISPENSER, QUEUE_ENTRY_BYTES } from "../layout.ts";

/**
 * Writes what takes a number into r2 from a dispenser in the value of map `fd`, or goes to `none` if not more than
 * `reserve` are left. Uses up r1, r3 and r4.
 */
export function writeTake(asm: Assembler, fd: number, place: DispenserPlace, reserve: number, none: Label): void {
  const { offset, capacity, queue } = place;
  const found = asm.label("number_taken");
  asm.comment("r2 = a ticket, if more than the reserve are left");
  asm.loadMapValue(r1, fd, offset);
  asm.load(8, r2, r1, DISPENSER.NEXT);
  asm.load(8, r3, r1, DISPENSER.LIMIT);
  if (reserve > 0) asm.add(r2, reserve);
  asm.jge(r2, r3, none);
  asm.mov(r2, 1);
  asm.atomicFetchAdd(8, r1, DISPENSER.NEXT, r2);
  asm.comment("another CPU may have taken the last one meanwhile");
  asm.jge(r2, r3, none);
  asm.jlt(r2, capacity, found);
  asm.comment("behind the capacity: what waits in the queue at that place");
  asm.and(r2, queue - 1);
  asm.mul(r2, QUEUE_ENTRY_BYTES);
  asm.loadMapValue(r4, fd, offset + DISPENSER.QUEUE);
  asm.add(r4, r2);
  asm.load(4, r2, r4, 0);
  asm.place(found);
}

import type { Assembler, Label } from "../assembly/assembler.ts";
import { BPF_FUNC } from "../assembly/helper.ts";
import { r0, r1, r2, r10 } from "../assembly/instruction.ts";

/**
 * Writes a look-up: r0 = the value of the key at a place on the stack; goes to `missing` if there is none. Uses up r0 to
 * r5. Arrays cost no call: the kernel writes the look-up in line.
 */
export function writeLookUp(asm: Assembler, fd: number, key: number, missing: Label): void {
  asm.loadMap(r1, fd);
  asm.mov(r2, r10);
  asm.add(r2, key);
  asm.call(BPF_FUNC.MAP_LOOKUP_ELEM);
  asm.jeq(r0, 0, missing);
}

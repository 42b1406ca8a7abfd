import type { Assembler, Label } from "../assembly/assembler.ts";
import { BPF_FUNC, BPF_NOEXIST } from "../assembly/helper.ts";
import { r0, r1, r2, r3, r4, r10 } from "../assembly/instruction.ts";

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

/**
 * Writes what adds the value at a place on the stack to a hash, by the key at another, unless the key is there: r0 = 0 if
 * it was added. Uses up r0 to r5.
 */
export function writeAdd(asm: Assembler, fd: number, key: number, value: number): void {
  asm.loadMap(r1, fd);
  asm.mov(r2, r10);
  asm.add(r2, key);
  asm.mov(r3, r10);
  asm.add(r3, value);
  asm.mov(r4, BPF_NOEXIST);
  asm.call(BPF_FUNC.MAP_UPDATE_ELEM);
}

/*
 * One eBPF instruction (kernel Documentation/bpf/standardization/instruction-set.rst):
 *
 *     | opcode u8 | source:4 destination:4 | offset i16 | immediate i32 |
 *
 * and its opcode:  arithmetic, jump | operation:4 | source:1 | class:3 |
 *                  load, store      | mode:3 | size:2 | class:3 |
 *
 * Names are the kernel's (linux/bpf_common.h, linux/bpf.h).
 */
export const INSTRUCTION_BYTES = 8;

export const BPF_LD = 0x00;
export const BPF_LDX = 0x01;
export const BPF_ST = 0x02;
export const BPF_STX = 0x03;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_JMP32 = 0x06;
export const BPF_ALU64 = 0x07;

/** Whether the second operand is the immediate or a register. */
export const BPF_K = 0x00;
export const BPF_X = 0x08;

export const BPF_ADD = 0x00;
export const BPF_SUB = 0x10;
export const BPF_MUL = 0x20;
export const BPF_DIV = 0x30;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_RSH = 0x70;
export const BPF_XOR = 0xa0;
export const BPF_MOV = 0xb0;
export const BPF_ARSH = 0xc0;
export const BPF_END = 0xd0;
/** Source bit of BPF_END: to big-endian. */
export const BPF_TO_BE = 0x08;

export const BPF_JA = 0x00;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
export const BPF_JNE = 0x50;
export const BPF_JSGT = 0x60;
export const BPF_CALL = 0x80;
export const BPF_EXIT = 0x90;
export const BPF_JLT = 0xa0;
export const BPF_JLE = 0xb0;

/** Sizes of loads and stores: bytes → bits of the opcode. */
export const SIZE = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const;
export type AccessBytes = keyof typeof SIZE;

export const BPF_IMM = 0x00;
export const BPF_MEM = 0x60;
export const BPF_ATOMIC = 0xc0;
/** Immediates of BPF_ATOMIC: the operation, and whether the old value comes back. */
export const BPF_FETCH = 0x01;
export const BPF_CMPXCHG = 0xf0 | BPF_FETCH;

/** Source register of a 64-bit immediate load that the kernel replaces by a map, or the memory of its only value. */
export const BPF_PSEUDO_MAP_FD = 1;
export const BPF_PSEUDO_MAP_VALUE = 2;

/** A register: r0 result, r1 to r5 arguments that a call destroys, r6 to r9 kept, r10 frame pointer. */
export class Register {
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

const registers = Array.from({ length: 11 }, (_, number) => new Register(number));
export const [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10] = registers as unknown as readonly [
  Register,
  Register,
  Register,
  Register,
  Register,
  Register,
  Register,
  Register,
  Register,
  Register,
  Register,
];

export interface Instruction {
  opcode: number;
  destination: number;
  source: number;
  /** In instructions for a jump, from the one behind it; in bytes for an access. */
  offset: number;
  /** -2^31 to 2^32-1: its lower 32 bits are what counts. */
  immediate: number;
}

/** Encodes for a little-endian machine. */
export function encode(instructions: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(instructions.length * INSTRUCTION_BYTES));
  for (const [index, { opcode, destination, source, offset, immediate }] of instructions.entries()) {
    const at = index * INSTRUCTION_BYTES;
    view.setUint8(at, opcode);
    view.setUint8(at + 1, (source << 4) | destination);
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate | 0, true);
  }
  return new Uint8Array(view.buffer);
}

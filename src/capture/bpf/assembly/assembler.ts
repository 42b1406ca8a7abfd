import type { BpfFunc } from "./helper.ts";
import {
  type AccessBytes,
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DIV,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_IMM,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGT,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MOV,
  BPF_MUL,
  BPF_OR,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TO_BE,
  BPF_X,
  BPF_XOR,
  encode,
  type Instruction,
  Register,
  SIZE,
} from "./instruction.ts";
import { disassemble } from "./listing.ts";

/** The second operand: a register, or an immediate of 32 bits, which 64-bit operations extend by its sign. */
export type Operand = Register | number;

/** A place in the program; it may be jumped to before it is placed. */
export class Label {
  /** What a listing calls it; one without a name is called by its position. */
  readonly name: string;
  /** Index of the instruction that it stands before; -1 as long as it is not placed. */
  position = -1;

  constructor(name = "") {
    this.name = name;
  }
}

const FARTHEST_JUMP = 0x7fff;
const NO_REGISTER = new Register(0);
/** Opcode of the first half of a 64-bit immediate. */
const WIDE = BPF_LD | BPF_IMM | SIZE[8];

/** Thrown if a jump can't reach its label: offsets have 16 bits. */
export class JumpTooFarError extends Error {}

/**
 * Writes an eBPF program, one instruction a call, in the order of the program. Methods have the names of the assembly:
 * plain ones work on 64 bits, those with 32 on the lower half, and clear the upper.
 */
export class Assembler {
  readonly #instructions: Instruction[] = [];
  readonly #jumps: { at: number; target: Label }[] = [];
  readonly #putOff: (() => void)[] = [];
  readonly #labels: Label[] = [];
  /** Index of an instruction → what is said of it. */
  readonly #comments = new Map<number, string>();

  /** Instructions so far; a 64-bit immediate takes two. */
  get length(): number {
    return this.#instructions.length;
  }

  /** Makes a label to be placed later; `name`: what the listing calls it. */
  label(name?: string): Label {
    return new Label(name);
  }

  /** Places a label before the next instruction. */
  place(label: Label): void {
    if (label.position >= 0) throw new Error("a label is placed twice");
    label.position = this.#instructions.length;
    this.#labels.push(label);
  }

  /** Makes and places a label: the target of a jump backwards. */
  here(name?: string): Label {
    const label = this.label(name);
    this.place(label);
    return label;
  }

  /** Says of the next instruction what it and those behind it do, for the listing. */
  comment(text: string): void {
    const at = this.#instructions.length;
    const before = this.#comments.get(at);
    this.#comments.set(at, before === undefined ? text : `${before}; ${text}`);
  }

  /**
   * Puts off to write what is seldom run, so that what nearly every packet runs stands in one piece: between two packets
   * the processor's caches forget the program, and each jump and each line of 64 bytes has to be found again.
   */
  putOff(write: () => void): void {
    this.#putOff.push(write);
  }

  /** Writes what was put off. Nothing runs into it: what stands before must end with a jump. */
  writePutOff(): void {
    for (let write = this.#putOff.shift(); write !== undefined; write = this.#putOff.shift()) write();
  }

  mov = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_MOV, destination, operand);
  add = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_ADD, destination, operand);
  sub = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_SUB, destination, operand);
  mul = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_MUL, destination, operand);
  div = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_DIV, destination, operand);
  and = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_AND, destination, operand);
  or = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_OR, destination, operand);
  lsh = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_LSH, destination, operand);
  rsh = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_RSH, destination, operand);

  xor = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_XOR, destination, operand);
  arsh = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU64, BPF_ARSH, destination, operand);

  mov32 = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU, BPF_MOV, destination, operand);
  add32 = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU, BPF_ADD, destination, operand);
  sub32 = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU, BPF_SUB, destination, operand);
  and32 = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU, BPF_AND, destination, operand);
  rsh32 = (destination: Register, operand: Operand): void => this.#alu(BPF_ALU, BPF_RSH, destination, operand);

  /** Turns the lower `bits` of a register from big-endian to the machine's order, or back, and clears the rest. */
  be(destination: Register, bits: 16 | 32 | 64): void {
    this.#emit(BPF_ALU | BPF_END | BPF_TO_BE, destination, NO_REGISTER, 0, bits);
  }

  /** Loads memory at base + offset into a register, extended by zeros. */
  load(bytes: AccessBytes, destination: Register, base: Register, offset: number): void {
    this.#emit(BPF_LDX | BPF_MEM | SIZE[bytes], destination, base, offset, 0);
  }

  /** Stores a register, or an immediate, at base + offset. */
  store(bytes: AccessBytes, base: Register, offset: number, operand: Operand): void {
    if (operand instanceof Register) this.#emit(BPF_STX | BPF_MEM | SIZE[bytes], base, operand, offset, 0);
    else this.#emit(BPF_ST | BPF_MEM | SIZE[bytes], base, NO_REGISTER, offset, operand);
  }

  /** Adds a register to memory in one step. */
  atomicAdd(bytes: 4 | 8, base: Register, offset: number, operand: Register): void {
    this.#emit(BPF_STX | BPF_ATOMIC | SIZE[bytes], base, operand, offset, BPF_ADD);
  }

  /** Likewise, and leaves the old value in the register. Kernel 5.12. */
  atomicFetchAdd(bytes: 4 | 8, base: Register, offset: number, operand: Register): void {
    this.#emit(BPF_STX | BPF_ATOMIC | SIZE[bytes], base, operand, offset, BPF_ADD | BPF_FETCH);
  }

  /** Stores the register if memory equals r0; r0 becomes what was there. Kernel 5.12. */
  atomicCompareExchange(bytes: 4 | 8, base: Register, offset: number, operand: Register): void {
    this.#emit(BPF_STX | BPF_ATOMIC | SIZE[bytes], base, operand, offset, BPF_CMPXCHG);
  }

  /** Loads 64 bits. */
  loadImmediate(destination: Register, value: bigint): void {
    this.#emit(WIDE, destination, NO_REGISTER, 0, Number(value & 0xffff_ffffn));
    this.#emit(0, NO_REGISTER, NO_REGISTER, 0, Number((value >> 32n) & 0xffff_ffffn));
  }

  /** Loads the map that `fd` stands for, as an argument of a helper. */
  loadMap(destination: Register, fd: number): void {
    this.#emit(WIDE, destination, new Register(BPF_PSEUDO_MAP_FD), 0, fd);
    this.#emit(0, NO_REGISTER, NO_REGISTER, 0, 0);
  }

  /** Loads the address of the only value of an array, plus `offset`. Kernel 5.2. */
  loadMapValue(destination: Register, fd: number, offset: number): void {
    this.#emit(WIDE, destination, new Register(BPF_PSEUDO_MAP_VALUE), 0, fd);
    this.#emit(0, NO_REGISTER, NO_REGISTER, 0, offset);
  }

  jump = (target: Label): void => this.#jump(BPF_JMP | BPF_JA, NO_REGISTER, 0, target);
  jeq = (left: Register, right: Operand, target: Label): void => this.#jump(BPF_JMP | BPF_JEQ, left, right, target);
  jne = (left: Register, right: Operand, target: Label): void => this.#jump(BPF_JMP | BPF_JNE, left, right, target);
  jgt = (left: Register, right: Operand, target: Label): void => this.#jump(BPF_JMP | BPF_JGT, left, right, target);
  jge = (left: Register, right: Operand, target: Label): void => this.#jump(BPF_JMP | BPF_JGE, left, right, target);
  jlt = (left: Register, right: Operand, target: Label): void => this.#jump(BPF_JMP | BPF_JLT, left, right, target);
  jle = (left: Register, right: Operand, target: Label): void => this.#jump(BPF_JMP | BPF_JLE, left, right, target);
  /** Signed. */
  jsgt = (left: Register, right: Operand, target: Label): void => this.#jump(BPF_JMP | BPF_JSGT, left, right, target);
  jset = (left: Register, right: Operand, target: Label): void => this.#jump(BPF_JMP | BPF_JSET, left, right, target);
  /** Compares the lower halves; unsigned. Kernel 5.1. */
  jlt32 = (left: Register, right: Operand, target: Label): void => this.#jump(BPF_JMP32 | BPF_JLT, left, right, target);

  /** Calls a helper of the kernel. */
  call(helper: BpfFunc): void {
    this.#emit(BPF_JMP | BPF_CALL, NO_REGISTER, NO_REGISTER, 0, helper);
  }

  exit(): void {
    this.#emit(BPF_JMP | BPF_EXIT, NO_REGISTER, NO_REGISTER, 0, 0);
  }

  /** The finished program, ready for bpf(2). Throws JumpTooFarError. */
  assemble(): Uint8Array<ArrayBuffer> {
    this.#link();
    return encode(this.#instructions);
  }

  /**
   * The finished program as text, a line an instruction, in the form of the kernel and bpftool; comments stand on lines
   * of their own, and `maps` names maps by their descriptors. Throws JumpTooFarError.
   */
  listing(maps: ReadonlyMap<number, string>): string {
    this.#link();
    const names = this.#namesOfLabels();
    const labels = Map.groupBy(names.keys(), ({ position }) => position);
    const targetOf = new Map(this.#jumps.map(({ at, target }) => [at, names.get(target)!]));
    const lines: string[] = [];
    const targets = {
      target: (index: number) => targetOf.get(index)!,
      map: (fd: number) => maps.get(fd) ?? `fd ${fd}`,
    };
    for (let index = 0; index < this.#instructions.length; index++) {
      for (const label of labels.get(index) ?? []) lines.push(`${names.get(label)}:`);
      const comment = this.#comments.get(index);
      if (comment !== undefined) lines.push(`      ; ${comment}`);
      const instruction = this.#instructions[index]!;
      const text = disassemble(instruction, this.#instructions[index + 1], index, targets);
      lines.push(`${String(index).padStart(5)}: ${text}`);
      // The second half of a 64-bit immediate is none by itself.
      if (instruction.opcode === WIDE) index++;
    }
    return lines.map((line) => `${line}\n`).join("");
  }

  /** The names of labels, in the order of the program; a name that several have is numbered. */
  #namesOfLabels(): ReadonlyMap<Label, string> {
    const names = new Map<Label, string>();
    const used = new Map<string, number>();
    for (const label of this.#labels.toSorted((a, b) => a.position - b.position)) {
      const name = label.name === "" ? `L${label.position}` : label.name;
      const times = (used.get(name) ?? 0) + 1;
      used.set(name, times);
      names.set(label, times === 1 ? name : `${name}.${times}`);
    }
    return names;
  }

  #link(): void {
    for (const { at, target } of this.#jumps) {
      if (target.position < 0) throw new Error("a jump goes to a label that is not placed");
      const offset = target.position - at - 1;
      if (Math.abs(offset) > FARTHEST_JUMP) throw new JumpTooFarError(`a jump spans ${Math.abs(offset)} instructions`);
      this.#instructions[at]!.offset = offset;
    }
  }

  #alu(family: number, operation: number, destination: Register, operand: Operand): void {
    if (operand instanceof Register) this.#emit(family | operation | BPF_X, destination, operand, 0, 0);
    else this.#emit(family | operation | BPF_K, destination, NO_REGISTER, 0, operand);
  }

  #jump(opcode: number, left: Register, right: Operand, target: Label): void {
    this.#jumps.push({ at: this.#instructions.length, target });
    if (right instanceof Register) this.#emit(opcode | BPF_X, left, right, 0, 0);
    else this.#emit(opcode | BPF_K, left, NO_REGISTER, 0, right);
  }

  #emit(opcode: number, destination: Register, source: Register, offset: number, immediate: number): void {
    this.#instructions.push({ opcode, destination: destination.number, source: source.number, offset, immediate });
  }
}

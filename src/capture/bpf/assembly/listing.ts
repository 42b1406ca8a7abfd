import { HELPER_NAMES } from "./helper.ts";
import {
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
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MOV,
  BPF_MUL,
  BPF_OR,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_X,
  BPF_XOR,
  type Instruction,
} from "./instruction.ts";

const CLASS = 0x07;
const OPERATION = 0xf0;
const MODE = 0xe0;
const SIZE_BITS = 0x18;

const TYPES = new Map([
  [0x10, "u8"],
  [0x08, "u16"],
  [0x00, "u32"],
  [0x18, "u64"],
]);
const ASSIGNMENTS = new Map([
  [BPF_ADD, "+="],
  [BPF_SUB, "-="],
  [BPF_MUL, "*="],
  [BPF_DIV, "/="],
  [BPF_OR, "|="],
  [BPF_AND, "&="],
  [BPF_LSH, "<<="],
  [BPF_RSH, ">>="],
  [BPF_XOR, "^="],
  [BPF_MOV, "="],
  [BPF_ARSH, "s>>="],
]);
const COMPARISONS = new Map([
  [BPF_JEQ, "=="],
  [BPF_JNE, "!="],
  [BPF_JGT, ">"],
  [BPF_JGE, ">="],
  [BPF_JLT, "<"],
  [BPF_JLE, "<="],
  [BPF_JSGT, "s>"],
  [BPF_JSET, "&"],
]);

/** Names for what instructions hold as numbers. */
export interface Names {
  /** The target of the jump at `index`. */
  target(index: number): string;
  /** The map that a descriptor stands for. */
  map(fd: number): string;
}

/**
 * Writes instruction `index` as the kernel and bpftool do (kernel/bpf/disasm.c), the opcode first. `high`: the second
 * half of a 64-bit immediate.
 */
export function disassemble(
  instruction: Instruction,
  high: Instruction | undefined,
  index: number,
  names: Names,
): string {
  const opcode = instruction.opcode.toString(16).padStart(2, "0");
  return `(${opcode}) ${bodyOf(instruction, high, index, names)}`;
}

function bodyOf(instruction: Instruction, high: Instruction | undefined, index: number, names: Names): string {
  switch (instruction.opcode & CLASS) {
    case BPF_ALU:
    case BPF_ALU64:
      return arithmetic(instruction);
    case BPF_JMP:
    case BPF_JMP32:
      return jump(instruction, index, names);
    case BPF_LD:
      return `r${instruction.destination} = ${wide(instruction, high!, names)}`;
    case BPF_LDX:
      return `r${instruction.destination} = ${memory(instruction, instruction.source)}`;
    case BPF_ST:
      return `${memory(instruction, instruction.destination)} = ${instruction.immediate | 0}`;
    case BPF_STX:
      return store(instruction);
    default:
      throw new Error(`no instruction has the class ${instruction.opcode & CLASS}`);
  }
}

function arithmetic({ opcode, destination, source, immediate }: Instruction): string {
  const operation = opcode & OPERATION;
  if (operation === BPF_END) return `r${destination} = be${immediate} r${destination}`;
  const letter = (opcode & CLASS) === BPF_ALU ? "w" : "r";
  const operand = (opcode & BPF_X) === 0 ? String(immediate | 0) : `${letter}${source}`;
  return `${letter}${destination} ${ASSIGNMENTS.get(operation)} ${operand}`;
}

function jump({ opcode, destination, source, immediate }: Instruction, index: number, names: Names): string {
  const operation = opcode & OPERATION;
  if (operation === BPF_EXIT) return "exit";
  if (operation === BPF_CALL) return `call bpf_${HELPER_NAMES.get(immediate)}#${immediate}`;
  const target = names.target(index);
  if (operation === BPF_JA) return `goto ${target}`;
  const letter = (opcode & CLASS) === BPF_JMP32 ? "w" : "r";
  const operand = (opcode & BPF_X) === 0 ? `0x${(immediate >>> 0).toString(16)}` : `${letter}${source}`;
  return `if ${letter}${destination} ${COMPARISONS.get(operation)} ${operand} goto ${target}`;
}

function wide({ source, immediate }: Instruction, high: Instruction, names: Names): string {
  if (source === BPF_PSEUDO_MAP_FD) return `map[${names.map(immediate)}]`;
  if (source === BPF_PSEUDO_MAP_VALUE) return `map[${names.map(immediate)}][0]+${high.immediate}`;
  const value = (BigInt(high.immediate >>> 0) << 32n) | BigInt(immediate >>> 0);
  return `0x${value.toString(16)}`;
}

function store(instruction: Instruction): string {
  const { opcode, destination, source, immediate } = instruction;
  const at = memory(instruction, destination);
  if ((opcode & MODE) !== (BPF_ATOMIC & MODE)) return `${at} = r${source}`;
  if (immediate === BPF_ADD) return `lock ${at} += r${source}`;
  const width = TYPES.get(opcode & SIZE_BITS) === "u64" ? "64" : "";
  const place = at.slice(1);
  if (immediate === BPF_CMPXCHG) return `r0 = atomic${width}_cmpxchg(${place}, r0, r${source})`;
  if (immediate === (BPF_ADD | BPF_FETCH)) return `r${source} = atomic${width}_fetch_add(${place}, r${source})`;
  throw new Error(`no atomic instruction has the operation ${immediate}`);
}

/** `*(u32 *)(r6 +4)` */
function memory({ opcode, offset }: Instruction, base: number): string {
  return `*(${TYPES.get(opcode & SIZE_BITS)} *)(r${base} ${offset < 0 ? "" : "+"}${offset})`;
}

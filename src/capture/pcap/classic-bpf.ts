import { u16, u32 } from "../../packet/bytes.ts";

/*
 * An instruction, in the byte order of the machine (struct bpf_insn, linux/filter.h):
 *
 *     0 | code (2) | jump if true (1) | jump if false (1) | 4 | constant k (4) |
 *
 * The code: a class in the lowest three bits, and what that class makes of the rest.
 */
const INSTRUCTION_BYTES = 8;
const SCRATCH_WORDS = 16;

const LD = 0x00;
const LDX = 0x01;
const ST = 0x02;
const STX = 0x03;
const ALU = 0x04;
const JMP = 0x05;
const RET = 0x06;
const CLASS = 0x07;

const SIZE = 0x18;
const WORD = 0x00;
const HALF = 0x08;

const MODE = 0xe0;
const IMM = 0x00;
const ABS = 0x20;
const IND = 0x40;
const MEM = 0x60;
const LEN = 0x80;
const MSH = 0xa0;

const SOURCE_X = 0x08;
const OPERATION = 0xf0;
const RETURNED = 0x18;
const RET_A = 0x10;
const TXA = 0x80;

const ADD = 0x00;
const SUB = 0x10;
const MUL = 0x20;
const DIV = 0x30;
const OR = 0x40;
const AND = 0x50;
const LSH = 0x60;
const RSH = 0x70;
const NEG = 0x80;
const MOD = 0x90;

const JA = 0x00;
const JEQ = 0x10;
const JGT = 0x20;
const JGE = 0x30;

/** Loads from here on are not of the frame but of what the kernel knows about it: SKF_AD_OFF of linux/filter.h. */
const BESIDE_FRAME = 0xffff_f000;

const scratch = new Uint32Array(SCRATCH_WORDS);

/** What the kernel knows about a frame besides its bytes, as far as libpcap's programs ask for it. */
export interface Ancillary {
  /** EtherType of what the frame carries. */
  protocol: number;
  /** PACKET_HOST 0, ..., PACKET_OUTGOING 4. */
  packetType: number;
  interfaceIndex: number;
  /** The tag that the kernel took out of the frame, with its priority, and its EtherType; 0 if there is none. */
  vlanTag: number;
  hasVlanTag: boolean;
  vlanProtocol: number;
}

/**
 * A program of classic BPF, as libpcap makes it of an expression: the machine of McCanne and Jacobson (USENIX Winter
 * 1993), in TypeScript, for frames that come from no kernel.
 */
export class ClassicBpf {
  readonly #codes: Uint16Array;
  readonly #jumps: Uint8Array;
  readonly #constants: Uint32Array;

  /** `program`: instructions that libpcap made, which always end and stay inside. */
  constructor(program: Buffer) {
    const count = program.length / INSTRUCTION_BYTES;
    this.#codes = new Uint16Array(count);
    this.#jumps = new Uint8Array(2 * count);
    this.#constants = new Uint32Array(count);
    for (let index = 0; index < count; index++) {
      const at = index * INSTRUCTION_BYTES;
      this.#codes[index] = program.readUInt16LE(at);
      this.#jumps[2 * index] = program[at + 2]!;
      this.#jumps[2 * index + 1] = program[at + 3]!;
      this.#constants[index] = program.readUInt32LE(at + 4);
    }
  }

  /**
   * Whether the frame captured in bytes[start, end), of `wireBytes`, passes. Hot; does not allocate.
   * A frame from a file has nothing besides.
   *
   * `protochain` jumps backward for each header that it looks through: no frame has more of them than bytes, and one
   * whose headers lead in a circle does not pass.
   */
  passes(bytes: Uint8Array, start: number, end: number, wireBytes: number, beside?: Ancillary): boolean {
    const codes = this.#codes;
    let a = 0;
    let x = 0;
    let returnsLeft = end - start;
    for (let index = 0; index < codes.length; index++) {
      const code = codes[index]!;
      const k = this.#constants[index]!;
      switch (code & CLASS) {
        case LD:
        case LDX: {
          const isA = (code & CLASS) === LD;
          let value = load(code, k, x, bytes, start, end, wireBytes);
          if (value < 0 && beside !== undefined && k >= BESIDE_FRAME) value = loadBeside(k - BESIDE_FRAME, beside);
          // A load from behind the end ends the program, and the frame does not pass.
          if (value < 0) return false;
          if (isA) a = value;
          else x = value;
          break;
        }
        case ST:
          scratch[k] = a;
          break;
        case STX:
          scratch[k] = x;
          break;
        case ALU: {
          const operand = (code & SOURCE_X) === 0 ? k : x;
          const operation = code & OPERATION;
          if (operand === 0 && (operation === DIV || operation === MOD)) return false;
          a = calculate(operation, a, operand);
          break;
        }
        case JMP: {
          const distance = this.#distance(index, code, a, (code & SOURCE_X) === 0 ? k : x);
          if (distance < 0 && --returnsLeft < 0) return false;
          index += distance;
          break;
        }
        case RET:
          return ((code & RETURNED) === RET_A ? a : k) !== 0;
        default:
          if ((code & TXA) === 0) x = a;
          else a = x;
      }
    }
    return false;
  }

  #distance(index: number, code: number, a: number, operand: number): number {
    switch (code & OPERATION) {
      case JA:
        // Signed, as in libpcap; the kernel accepts no program that jumps backward.
        return this.#constants[index]! | 0;
      case JEQ:
        return this.#jump(index, a === operand);
      case JGT:
        return this.#jump(index, a > operand);
      case JGE:
        return this.#jump(index, a >= operand);
      default:
        return this.#jump(index, (a & operand) !== 0);
    }
  }

  #jump(index: number, isTrue: boolean): number {
    return this.#jumps[2 * index + (isTrue ? 0 : 1)]!;
  }
}

/** The value that a load has, unsigned; -1 if it is from behind the end. */
function load(
  code: number,
  k: number,
  x: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  wireBytes: number,
): number {
  switch (code & MODE) {
    case ABS:
      return loadAt(code, start + k, bytes, end);
    case IND:
      return loadAt(code, start + x + k, bytes, end);
    case IMM:
      return k;
    case MEM:
      return scratch[k]!;
    case LEN:
      return wireBytes;
    case MSH:
      return start + k < end ? (bytes[start + k]! & 0x0f) * 4 : -1;
    default:
      return -1;
  }
}

function loadAt(code: number, at: number, bytes: Uint8Array, end: number): number {
  switch (code & SIZE) {
    case WORD:
      return at + 4 <= end ? u32(bytes, at) : -1;
    case HALF:
      return at + 2 <= end ? u16(bytes, at) : -1;
    default:
      return at < end ? bytes[at]! : -1;
  }
}

/** SKF_AD_* of linux/filter.h; -1 if it is unknown here. */
function loadBeside(what: number, beside: Ancillary): number {
  switch (what) {
    case 0:
      return beside.protocol;
    case 4:
      return beside.packetType;
    case 8:
      return beside.interfaceIndex;
    case 44:
      return beside.vlanTag;
    case 48:
      return beside.hasVlanTag ? 1 : 0;
    case 60:
      return beside.vlanProtocol;
    default:
      return -1;
  }
}

function calculate(operation: number, a: number, operand: number): number {
  switch (operation) {
    case ADD:
      return (a + operand) >>> 0;
    case SUB:
      return (a - operand) >>> 0;
    case MUL:
      return Math.imul(a, operand) >>> 0;
    case DIV:
      return Math.floor(a / operand);
    case OR:
      return (a | operand) >>> 0;
    case AND:
      return (a & operand) >>> 0;
    case LSH:
      return operand > 31 ? 0 : (a << operand) >>> 0;
    case RSH:
      return operand > 31 ? 0 : a >>> operand;
    case NEG:
      return -a >>> 0;
    case MOD:
      return a % operand;
    default:
      return (a ^ operand) >>> 0;
  }
}

/*
 * Runs classic BPF programs as the kernel does (linux/Documentation/networking/filter.rst, net/core/filter.c): as much of
 * the machine as filters of packet sockets use.
 */

const LD_W_ABS = 0x20;
const LD_H_ABS = 0x28;
const LD_B_ABS = 0x30;
const LD_H_IND = 0x48;
const LDX_B_MSH = 0xb1;
const LD_W_LEN = 0x80;
const ALU_AND_K = 0x54;
const JMP_JEQ = 0x15;
const JMP_JGE = 0x35;
const RET_K = 0x06;
/** SKF_AD_OFF, and from there on SKF_AD_PROTOCOL and SKF_AD_PKTTYPE of linux/filter.h. */
const ANCILLARY = 0xffff_f000;
/** SKF_NET_OFF: loads from there on, up to SKF_AD_OFF, count from the network header. */
const NETWORK = 0xfff0_0000;

/** What the kernel knows of a frame beside its bytes. */
export interface Surroundings {
  /** EtherType, in host order. */
  protocol: number;
  /** PACKET_HOST 0, PACKET_BROADCAST 1, ..., PACKET_OUTGOING 4. */
  packetType: number;
  /** Where the network header starts; 0 if it is not given. */
  networkOffset?: number;
}

/** Returns how many bytes of the frame are kept: 0 drops it. Throws on what the kernel would not attach. */
export function runClassicBpf(program: Uint8Array, frame: Uint8Array, surroundings: Surroundings): number {
  const code = new DataView(program.buffer, program.byteOffset, program.length);
  const packet = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let accumulator = 0;
  let index = 0;
  for (let at = 0; at < program.length; at += 8) {
    const operand = code.getUint32(at + 4, true);
    const operation = code.getUint16(at, true);
    let isTrue: boolean | undefined;
    switch (operation) {
      case LD_W_ABS:
      case LD_H_ABS:
      case LD_B_ABS:
      case LD_H_IND: {
        const from = operation === LD_H_IND ? index + operand : operand;
        const loaded = load(packet, operation === LD_H_IND ? LD_H_ABS : operation, from, surroundings);
        // A load from behind the end ends the program, and the frame is dropped.
        if (loaded === undefined) return 0;
        accumulator = loaded;
        break;
      }
      case LDX_B_MSH:
        if (operand >= frame.length) return 0;
        index = 4 * (frame[operand]! & 0x0f);
        break;
      case LD_W_LEN:
        accumulator = frame.length;
        break;
      case ALU_AND_K:
        accumulator = (accumulator & operand) >>> 0;
        break;
      case JMP_JEQ:
        isTrue = accumulator === operand;
        break;
      case JMP_JGE:
        isTrue = accumulator >= operand;
        break;
      case RET_K:
        return operand;
      default:
        throw new Error(`operation 0x${operation.toString(16)} at ${at / 8}`);
    }
    if (isTrue !== undefined) at += 8 * code.getUint8(at + (isTrue ? 2 : 3));
  }
  throw new Error("the program runs over its end");
}

function load(packet: DataView, operation: number, at: number, surroundings: Surroundings): number | undefined {
  if (at === ANCILLARY) return surroundings.protocol;
  if (at === ANCILLARY + 4) return surroundings.packetType;
  if (at >= NETWORK) at += (surroundings.networkOffset ?? 0) - NETWORK;
  const bytes = operation === LD_W_ABS ? 4 : operation === LD_H_ABS ? 2 : 1;
  if (at + bytes > packet.byteLength) return undefined;
  if (bytes === 4) return packet.getUint32(at);
  return bytes === 2 ? packet.getUint16(at) : packet.getUint8(at);
}

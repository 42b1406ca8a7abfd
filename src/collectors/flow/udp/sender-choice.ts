import {
  BPF_JMP_JEQ,
  BPF_LD_B_ABS,
  BPF_LD_W_ABS,
  type Instruction,
  pack,
  SKF_NET_OFF,
} from "../../../capture/ring/snap-filter.ts";
import { IPV4_SOURCE, IPV6_SOURCE } from "../../../packet/headers.ts";

/* Classic BPF (linux/bpf_common.h). */
const BPF_JMP_JA = 0x05;
const BPF_MISC_TAX = 0x07;
const BPF_RET_A = 0x16;
const BPF_ALU_MUL_K = 0x24;
const BPF_ALU_RSH_K = 0x74;
const BPF_ALU_MOD_K = 0x94;
const BPF_ALU_XOR_X = 0xac;

/** 2^32 over the golden ratio: the upper half of what it multiplies depends on all bits of that. */
const HASH_FACTOR = 0x9e37_79b1;

/** A program that takes one of so many sockets by the address that a datagram comes from, whatever the port. */
export function choiceBySender(sockets: number): Uint8Array {
  const load = (offset: number): Instruction => [BPF_LD_W_ABS, 0, 0, SKF_NET_OFF + offset];
  const fold = [1, 2, 3].flatMap((word) => [op(BPF_MISC_TAX), load(IPV6_SOURCE + 4 * word), op(BPF_ALU_XOR_X)]);
  const ofIpv6 = [load(IPV6_SOURCE), ...fold];
  return pack([
    [BPF_LD_B_ABS, 0, 0, SKF_NET_OFF],
    op(BPF_ALU_RSH_K, 4),
    [BPF_JMP_JEQ, 2, 0, 6],
    load(IPV4_SOURCE),
    op(BPF_JMP_JA, ofIpv6.length),
    ...ofIpv6,
    op(BPF_ALU_MUL_K, HASH_FACTOR),
    op(BPF_ALU_RSH_K, 16),
    op(BPF_ALU_MOD_K, sockets),
    op(BPF_RET_A),
  ]);
}

function op(code: number, operand = 0): Instruction {
  return [code, 0, 0, operand];
}

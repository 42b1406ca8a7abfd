/*
 * node without-bpf.ts ERRNO PROGRAM ARGUMENT...
 *
 * Becomes a program that bpf(2) is refused to, as by the seccomp profile of a container: seccomp(2).
 */
import koffi from "koffi";

const SYS_BPF = process.arch === "arm64" ? 280 : 321;
const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;
const SECCOMP_RET_ERRNO = 0x0005_0000;
const SECCOMP_RET_ALLOW = 0x7fff_0000;

/* Classic BPF over struct seccomp_data, which begins with the number of the call. */
const LD_W_ABS = 0x20;
const JMP_JEQ = 0x15;
const RET_K = 0x06;

const [errno, program = "", ...args] = process.argv.slice(2);
const instructions: [code: number, ifTrue: number, ifFalse: number, operand: number][] = [
  [LD_W_ABS, 0, 0, 0],
  [JMP_JEQ, 0, 1, SYS_BPF],
  [RET_K, 0, 0, SECCOMP_RET_ERRNO | Number(errno)],
  [RET_K, 0, 0, SECCOMP_RET_ALLOW],
];
const filter = Buffer.concat(
  instructions.map(([code, ifTrue, ifFalse, operand]) => {
    const instruction = Buffer.alloc(8);
    instruction.writeUInt16LE(code);
    instruction.writeUInt8(ifTrue, 2);
    instruction.writeUInt8(ifFalse, 3);
    instruction.writeUInt32LE(operand, 4);
    return instruction;
  }),
);
// struct sock_fprog: u16 count, padding, pointer.
const fprog = Buffer.alloc(16);
fprog.writeUInt16LE(instructions.length);
fprog.writeBigUInt64LE(koffi.address(filter), 8);

const prctl = koffi
  .load("libc.so.6")
  .func("int prctl(int option, unsigned long first, const uint8_t *second, unsigned long third, unsigned long fourth)");
if (prctl(PR_SET_NO_NEW_PRIVS, 1, null, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog, 0, 0) < 0) {
  throw new Error(`couldn't set the filter of system calls: errno ${koffi.errno()}`);
}
// The filter is this thread's, and its program's once that replaces this one.
process.execve?.(program, [program, ...args], process.env);

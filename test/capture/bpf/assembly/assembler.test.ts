import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Assembler, JumpTooFarError, type Label } from "../../../../src/capture/bpf/assembly/assembler.ts";
import { r0, r1, r2, r3, r6, r9, r10 } from "../../../../src/capture/bpf/assembly/instruction.ts";

/** What a method writes, in hexadecimal. */
function encoded(write: (asm: Assembler) => void): string {
  const asm = new Assembler();
  write(asm);
  return Buffer.from(asm.assemble()).toString("hex");
}

/** A jump over `distance` instructions. */
function jumpOver(distance: number, jump: (asm: Assembler, target: Label) => void): string {
  return encoded((asm) => {
    const target = asm.label();
    jump(asm, target);
    for (let k = 0; k < distance; k++) asm.exit();
    asm.place(target);
    asm.exit();
  }).slice(0, 16);
}

/* As llvm-mc -triple bpfel encodes them, and as kernel Documentation/bpf/standardization/instruction-set.rst says. */
const INSTRUCTIONS: [assembly: string, bytes: string, write: (asm: Assembler) => void][] = [
  ["r1 = r2", "bf21 0000 00000000", (asm) => asm.mov(r1, r2)],
  ["r10 as a source", "bfa1 0000 00000000", (asm) => asm.mov(r1, r10)],
  ["r1 = 42", "b701 0000 2a000000", (asm) => asm.mov(r1, 42)],
  ["r1 = -1", "b701 0000 ffffffff", (asm) => asm.mov(r1, -1)],
  ["r1 += r2", "0f21 0000 00000000", (asm) => asm.add(r1, r2)],
  ["r1 += -8", "0701 0000 f8ffffff", (asm) => asm.add(r1, -8)],
  ["r1 -= r2", "1f21 0000 00000000", (asm) => asm.sub(r1, r2)],
  ["r1 -= 1", "1701 0000 01000000", (asm) => asm.sub(r1, 1)],
  ["r1 *= r2", "2f21 0000 00000000", (asm) => asm.mul(r1, r2)],
  ["r1 *= 7", "2701 0000 07000000", (asm) => asm.mul(r1, 7)],
  ["r1 /= r2", "3f21 0000 00000000", (asm) => asm.div(r1, r2)],
  ["r1 /= 7", "3701 0000 07000000", (asm) => asm.div(r1, 7)],
  ["r1 |= r2", "4f21 0000 00000000", (asm) => asm.or(r1, r2)],
  ["r1 |= 7", "4701 0000 07000000", (asm) => asm.or(r1, 7)],
  ["r1 &= r2", "5f21 0000 00000000", (asm) => asm.and(r1, r2)],
  ["r1 &= 0xffff", "5701 0000 ffff0000", (asm) => asm.and(r1, 0xffff)],
  ["r1 <<= r2", "6f21 0000 00000000", (asm) => asm.lsh(r1, r2)],
  ["r1 <<= 3", "6701 0000 03000000", (asm) => asm.lsh(r1, 3)],
  ["r1 >>= r2", "7f21 0000 00000000", (asm) => asm.rsh(r1, r2)],
  ["r1 >>= 63", "7701 0000 3f000000", (asm) => asm.rsh(r1, 63)],
  ["r1 s>>= r2", "cf21 0000 00000000", (asm) => asm.arsh(r1, r2)],
  ["r1 s>>= 63", "c701 0000 3f000000", (asm) => asm.arsh(r1, 63)],

  ["w1 = w2", "bc21 0000 00000000", (asm) => asm.mov32(r1, r2)],
  ["w1 = 0xdeadbeef", "b401 0000 efbeadde", (asm) => asm.mov32(r1, 0xdeadbeef)],
  ["w1 += w2", "0c21 0000 00000000", (asm) => asm.add32(r1, r2)],
  ["w1 += 1", "0401 0000 01000000", (asm) => asm.add32(r1, 1)],
  ["w1 -= w2", "1c21 0000 00000000", (asm) => asm.sub32(r1, r2)],
  ["w1 -= 0xffffffff", "1401 0000 ffffffff", (asm) => asm.sub32(r1, 0xffff_ffff)],
  ["w1 &= w2", "5c21 0000 00000000", (asm) => asm.and32(r1, r2)],
  ["w1 &= 1", "5401 0000 01000000", (asm) => asm.and32(r1, 1)],
  ["w1 >>= w2", "7c21 0000 00000000", (asm) => asm.rsh32(r1, r2)],
  ["w1 >>= 8", "7401 0000 08000000", (asm) => asm.rsh32(r1, 8)],

  ["r1 = be16 r1", "dc01 0000 10000000", (asm) => asm.be(r1, 16)],
  ["r1 = be32 r1", "dc01 0000 20000000", (asm) => asm.be(r1, 32)],
  ["r9 = be64 r9", "dc09 0000 40000000", (asm) => asm.be(r9, 64)],

  ["r1 = *(u8 *)(r2 + 1)", "7121 0100 00000000", (asm) => asm.load(1, r1, r2, 1)],
  ["r1 = *(u16 *)(r2 + 258)", "6921 0201 00000000", (asm) => asm.load(2, r1, r2, 258)],
  ["r1 = *(u32 *)(r6 + 176)", "6161 b000 00000000", (asm) => asm.load(4, r1, r6, 176)],
  ["r1 = *(u64 *)(r10 - 8)", "79a1 f8ff 00000000", (asm) => asm.load(8, r1, r10, -8)],
  ["*(u8 *)(r1 + 1) = w2", "7321 0100 00000000", (asm) => asm.store(1, r1, 1, r2)],
  ["*(u16 *)(r1 + 2) = w2", "6b21 0200 00000000", (asm) => asm.store(2, r1, 2, r2)],
  ["*(u32 *)(r1 + 4) = w2", "6321 0400 00000000", (asm) => asm.store(4, r1, 4, r2)],
  ["*(u64 *)(r10 - 512) = r1", "7b1a 00fe 00000000", (asm) => asm.store(8, r10, -512, r1)],
  ["*(u8 *)(r1 + 1) = 7", "7201 0100 07000000", (asm) => asm.store(1, r1, 1, 7)],
  ["*(u16 *)(r1 + 2) = 7", "6a01 0200 07000000", (asm) => asm.store(2, r1, 2, 7)],
  ["*(u32 *)(r1 + 4) = 7", "6201 0400 07000000", (asm) => asm.store(4, r1, 4, 7)],
  ["*(u64 *)(r1 + 8) = -1", "7a01 0800 ffffffff", (asm) => asm.store(8, r1, 8, -1)],

  ["lock *(u32 *)(r1 + 4) += w2", "c321 0400 00000000", (asm) => asm.atomicAdd(4, r1, 4, r2)],
  ["lock *(u64 *)(r1 + 8) += r2", "db21 0800 00000000", (asm) => asm.atomicAdd(8, r1, 8, r2)],
  ["w2 = atomic_fetch_add((u32 *)(r1 + 4), w2)", "c321 0400 01000000", (asm) => asm.atomicFetchAdd(4, r1, 4, r2)],
  ["r2 = atomic_fetch_add((u64 *)(r1 + 8), r2)", "db21 0800 01000000", (asm) => asm.atomicFetchAdd(8, r1, 8, r2)],
  ["w0 = cmpxchg_32(r1 + 4, w0, w2)", "c321 0400 f1000000", (asm) => asm.atomicCompareExchange(4, r1, 4, r2)],
  ["r0 = cmpxchg_64(r1 + 8, r0, r2)", "db21 0800 f1000000", (asm) => asm.atomicCompareExchange(8, r1, 8, r2)],

  [
    "r3 = 0x123456789abcdef0 ll",
    "1803 0000 f0debc9a 0000 0000 78563412",
    (asm) => asm.loadImmediate(r3, 0x1234_5678_9abc_def0n),
  ],
  ["r3 = 0xffffffff00000000 ll", "1803 0000 00000000 0000 0000 ffffffff", (asm) => asm.loadImmediate(r3, -1n << 32n)],
  ["r1 = map[fd:5]", "1811 0000 05000000 0000 0000 00000000", (asm) => asm.loadMap(r1, 5)],
  ["r1 = map[fd:5][0] + 256", "1821 0000 05000000 0000 0000 00010000", (asm) => asm.loadMapValue(r1, 5, 256)],

  ["call 26", "8500 0000 1a000000", (asm) => asm.call(26)],
  ["exit", "9500 0000 00000000", (asm) => asm.exit()],
];

/** Name → opcode with an immediate and with a register. */
const CONDITIONS = {
  jeq: ["15", "1d"],
  jgt: ["25", "2d"],
  jge: ["35", "3d"],
  jset: ["45", "4d"],
  jne: ["55", "5d"],
  jlt: ["a5", "ad"],
  jle: ["b5", "bd"],
  jlt32: ["a6", "ae"],
} as const;
type Condition = keyof typeof CONDITIONS;

describe("the assembler", () => {
  for (const [assembly, bytes, write] of INSTRUCTIONS) {
    test(`encodes ${assembly}`, () => assert.equal(encoded(write), bytes.replaceAll(" ", "")));
  }

  test("encodes a jump", () => {
    assert.equal(
      jumpOver(3, (asm, target) => asm.jump(target)),
      "0500030000000000",
    );
  });

  for (const [name, [immediate, register]] of Object.entries(CONDITIONS)) {
    test(`encodes ${name}`, () => {
      const condition = name as Condition;
      assert.equal(
        jumpOver(2, (asm, target) => asm[condition](r1, 0x0a000001, target)),
        `${immediate}0102000100000a`,
      );
      assert.equal(
        jumpOver(0, (asm, target) => asm[condition](r1, r2, target)),
        `${register}21000000000000`,
      );
      assert.equal(
        jumpOver(0, (asm, target) => asm[condition](r1, 0xffff_ffff, target)),
        `${immediate}010000ffffffff`,
      );
    });
  }

  test("counts instructions, and two for a 64-bit immediate", () => {
    const asm = new Assembler();
    asm.mov(r0, 0);
    asm.loadImmediate(r1, 1n);
    asm.loadMapValue(r1, 1, 0);
    assert.equal(asm.length, 5);
  });

  test("jumps backwards to a label that is placed where it stands", () => {
    const bytes = encoded((asm) => {
      const again = asm.here();
      asm.mov(r0, 0);
      asm.jump(again);
    });
    assert.equal(bytes.slice(16), "0500feff00000000");
  });

  test("counts both halves of a 64-bit immediate that is jumped over", () => {
    const bytes = encoded((asm) => {
      const behind = asm.label();
      asm.jump(behind);
      asm.loadImmediate(r1, 0n);
      asm.place(behind);
      asm.exit();
    });
    assert.equal(bytes.slice(0, 16), "0500020000000000");
  });

  test("jumps as far as 16 bits reach, and throws beyond", () => {
    assert.equal(
      jumpOver(0x7fff, (asm, target) => asm.jump(target)),
      "0500ff7f00000000",
    );
    assert.throws(() => jumpOver(0x8000, (asm, target) => asm.jump(target)), JumpTooFarError);
  });

  test("jumps back as far as that, and throws beyond", () => {
    const jumpBack = (distance: number): string =>
      encoded((asm) => {
        const start = asm.here();
        for (let k = 0; k < distance - 1; k++) asm.exit();
        asm.jump(start);
      });
    assert.equal(jumpBack(0x7fff).slice(-16), "0500018000000000");
    assert.throws(() => jumpBack(0x8001), JumpTooFarError);
  });

  test("does not assemble a jump to a label that is placed nowhere", () => {
    assert.throws(() => encoded((asm) => asm.jump(asm.label())), /not placed/);
  });

  test("does not place a label twice", () => {
    const asm = new Assembler();
    const label = asm.here();
    assert.throws(() => asm.place(label), /twice/);
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Assembler } from "../../../../src/capture/bpf/assembly/assembler.ts";
import { r0, r1, r2, r3, r6, r7, r10 } from "../../../../src/capture/bpf/assembly/instruction.ts";
import * as bpf from "../../../../src/native/bpf.ts";
import * as libc from "../../../../src/native/libc.ts";
import { lacking } from "../../../support/requirements.ts";

/** Reads of the context, which the verifier makes reads of other structures. */
const CONTEXT_READS = 2;

/** Every kind of instruction that the verifier leaves as it is, behind reads whose values it can't foresee. */
function writeAll(asm: Assembler): void {
  const end = asm.label("end");
  const behind = asm.label("behind");
  asm.load(4, r3, r1, 0);
  asm.load(4, r1, r1, 8);
  asm.mov(r0, 0);
  asm.mov(r2, -1);
  asm.mov(r7, r3);
  for (const operation of [asm.add, asm.sub, asm.mul, asm.and, asm.or, asm.xor]) {
    operation(r3, r1);
    operation(r3, 5);
  }
  // By a register, the verifier writes a check for 0 before it.
  asm.div(r3, 5);
  for (const operation of [asm.lsh, asm.rsh, asm.arsh]) operation(r3, 3);
  for (const operation of [asm.mov32, asm.add32, asm.sub32, asm.and32]) {
    operation(r3, r1);
    operation(r3, -2);
  }
  asm.rsh32(r3, 1);
  for (const bits of [16, 32, 64] as const) asm.be(r3, bits);
  asm.loadImmediate(r6, 0x1234_5678_9abc_def0n);
  asm.store(8, r10, -8, r6);
  for (const bytes of [1, 2, 4, 8] as const) {
    asm.store(bytes, r10, -8, r1);
    asm.store(bytes, r10, -8, 9);
    asm.load(bytes, r3, r10, -8);
  }
  asm.atomicAdd(8, r10, -8, r1);
  asm.atomicFetchAdd(8, r10, -8, r1);
  asm.atomicCompareExchange(8, r10, -8, r2);
  for (const jump of [asm.jeq, asm.jne, asm.jgt, asm.jge, asm.jlt, asm.jle, asm.jsgt, asm.jset, asm.jlt32]) {
    // Each to what follows: so the verifier has to follow both ways, and finds none that is never gone.
    for (const operand of [r1, 4096]) {
      const next = asm.label();
      jump(r7, operand, next);
      asm.place(next);
    }
  }
  asm.jeq(r7, 1, behind);
  asm.mov(r0, 1);
  asm.jump(end);
  asm.place(behind);
  asm.mov(r0, 2);
  asm.place(end);
  asm.exit();
}

test(
  "instructions read as bpftool prints those of the program that the kernel has",
  { skip: lacking("root", "bpftool") },
  () => {
    const asm = new Assembler();
    writeAll(asm);
    const result = bpf.loadProgram(bpf.BPF_PROG_TYPE_SOCKET_FILTER, asm.assemble(), "promtap_list");
    assert.ok("fd" in result);
    try {
      const info = readFileSync(`/proc/self/fdinfo/${result.fd}`, "utf8");
      const id = /^prog_id:\s*(\d+)/m.exec(info)![1]!;
      const printed = execFileSync("bpftool", ["prog", "dump", "xlated", "id", id], { encoding: "utf8" });
      const instructions = (text: string) =>
        text
          .split("\n")
          .filter((line) => /^ *\d+: /.test(line))
          .slice(CONTEXT_READS);
      const expected = instructions(printed).map((line) => line.trim());
      // bpftool knows no labels.
      const listed = instructions(asm.listing(new Map())).map((line) => line.trim().replace(/goto \w+$/, "goto"));
      assert.deepEqual(
        listed,
        expected.map((line) => line.replace(/goto pc[-+]\d+$/, "goto")),
      );
      assert.ok(listed.length > 60);
    } finally {
      libc.close(result.fd);
    }
  },
);

test("labels, maps and comments stand in the listing by their names", () => {
  const asm = new Assembler();
  const out = asm.label("out");
  asm.comment("the key of the look-up");
  asm.store(4, r10, -4, 3);
  asm.loadMap(r1, 7);
  asm.comment("none is there");
  asm.comment("so be it");
  asm.jeq(r0, 0, out);
  const back = asm.here();
  asm.loadMapValue(r2, 8, 16);
  asm.loadMapValue(r2, 9, 0);
  asm.call(1);
  asm.jump(back);
  asm.place(out);
  asm.place(asm.label("out"));
  asm.exit();
  assert.equal(
    asm.listing(
      new Map([
        [7, "rows"],
        [8, "state"],
      ]),
    ),
    `      ; the key of the look-up
    0: (62) *(u32 *)(r10 -4) = 3
    1: (18) r1 = map[rows]
      ; none is there; so be it
    3: (15) if r0 == 0x0 goto out
L4:
    4: (18) r2 = map[state][0]+16
    6: (18) r2 = map[fd 9][0]+0
    8: (85) call bpf_map_lookup_elem#1
    9: (05) goto L4
out:
out.2:
   10: (95) exit
`,
  );
});

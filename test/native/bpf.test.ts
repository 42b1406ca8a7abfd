import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Assembler } from "../../src/capture/bpf/assembly/assembler.ts";
import { r0, r1, r2 } from "../../src/capture/bpf/assembly/instruction.ts";
import * as bpf from "../../src/native/bpf.ts";
import * as libc from "../../src/native/libc.ts";
import { behindEthernet, readElement, testRun, writeElement } from "../capture/bpf/test-run.ts";
import { lacking } from "../support/requirements.ts";

const options = { skip: lacking("root") };
const VALUE_BYTES = 16;
const LOOPBACK_INDEX = 1;

function program(write: (asm: Assembler) => void): Uint8Array {
  const asm = new Assembler();
  write(asm);
  return asm.assemble();
}

const ANSWER = program((asm) => {
  asm.mov(r0, -1);
  asm.exit();
});

/** Loads what must load. */
function load(type: number, instructions: Uint8Array): number {
  const result = bpf.loadProgram(type, instructions, "promtap_test");
  assert.ok("fd" in result, "log" in result ? result.log : "");
  return result.fd;
}

describe("bpf(2)", options, () => {
  test("makes an array of which we and the kernel see the same memory", () => {
    const fd = bpf.createMap(bpf.BPF_MAP_TYPE_ARRAY, 4, VALUE_BYTES, 3, bpf.BPF_F_MMAPABLE, "promtap_test");
    assert.ok(fd >= 0);
    const mapping = libc.mmap(fd, 4096);
    assert.ok(typeof mapping !== "number");
    const value = new DataView(new ArrayBuffer(VALUE_BYTES));
    value.setUint32(0, 0x01020304, true);
    writeElement(fd, 2, value);
    const ours = new Uint32Array(mapping.buffer);
    assert.equal(ours[(2 * VALUE_BYTES) / 4], 0x01020304);
    ours[VALUE_BYTES / 4] = 7;
    assert.equal(readElement(fd, 1, VALUE_BYTES).getUint32(0, true), 7);
    mapping.unmap();
    libc.close(fd);
  });

  test("returns the negated errno if a map cannot be", () => {
    const { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_F_MMAPABLE } = bpf;
    assert.equal(bpf.createMap(BPF_MAP_TYPE_ARRAY, 8, 8, 1, 0, "t"), -libc.errno.EINVAL);
    assert.equal(bpf.createMap(BPF_MAP_TYPE_ARRAY, 4, 8, 0, 0, "t"), -libc.errno.EINVAL);
    assert.equal(bpf.createMap(BPF_MAP_TYPE_HASH, 4, 8, 1, BPF_F_MMAPABLE, "t"), -libc.errno.EINVAL);
  });

  test("takes a name of any length, and shows the kernel 15 letters of it", () => {
    const fd = bpf.createMap(bpf.BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, "promtap_counters_of_eth0");
    assert.ok(fd >= 0);
    libc.close(fd);
  });

  test("loads a program, which runs", () => {
    const fd = load(bpf.BPF_PROG_TYPE_SOCKET_FILTER, ANSWER);
    assert.equal(testRun(fd, behindEthernet(new Uint8Array(20))), -1);
    libc.close(fd);
  });

  test("tells errno and what the verifier said of a program that it refuses", () => {
    const unset = program((asm) => {
      asm.mov(r0, r2);
      asm.exit();
    });
    const result = bpf.loadProgram(bpf.BPF_PROG_TYPE_SOCKET_FILTER, unset, "t");
    assert.ok(!("fd" in result));
    assert.equal(result.errno, -libc.errno.EACCES);
    assert.match(result.log, /R2 !read_ok/);
  });

  test("keeps the whole of a long log", () => {
    const long = program((asm) => {
      for (let k = 0; k < 20_000; k++) asm.mov(r1, k);
      asm.mov(r0, r2);
      asm.exit();
    });
    const result = bpf.loadProgram(bpf.BPF_PROG_TYPE_SOCKET_FILTER, long, "t");
    assert.ok(!("fd" in result));
    assert.match(result.log, /^(func#0.*\n)?0: R1=ctx/);
    assert.match(result.log, /R2 !read_ok/);
  });

  test("attaches a program to a hook of an interface until the link is closed", () => {
    const programFd = load(bpf.BPF_PROG_TYPE_SCHED_CLS, ANSWER);
    const link = bpf.attachTcx(programFd, LOOPBACK_INDEX, bpf.BPF_TCX_INGRESS);
    assert.ok(link >= 0);
    // The same program cannot be twice at a hook: that it can be again shows that the link is gone.
    assert.equal(bpf.attachTcx(programFd, LOOPBACK_INDEX, bpf.BPF_TCX_INGRESS), -EEXIST);
    libc.close(link);
    const again = bpf.attachTcx(programFd, LOOPBACK_INDEX, bpf.BPF_TCX_INGRESS);
    assert.ok(again >= 0);
    libc.close(again);
    libc.close(programFd);
  });

  test("does not attach to an interface that is not there", () => {
    const programFd = load(bpf.BPF_PROG_TYPE_SCHED_CLS, ANSWER);
    assert.equal(bpf.attachTcx(programFd, 0x7fff_ffff, bpf.BPF_TCX_INGRESS), -libc.errno.ENODEV);
    libc.close(programFd);
  });
});

const EEXIST = 17;

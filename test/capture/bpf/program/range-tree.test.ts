import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Assembler } from "../../../../src/capture/bpf/assembly/assembler.ts";
import { r0, r1, r2, r6, r7, r10 } from "../../../../src/capture/bpf/assembly/instruction.ts";
import { writeIpv4Tree, writeIpv6Tree } from "../../../../src/capture/bpf/program/range-tree.ts";
import { readFromR2 } from "../../../../src/capture/bpf/program/skb.ts";
import { type Range, RangeTable } from "../../../../src/ledger/ranges.ts";
import * as bpf from "../../../../src/native/bpf.ts";
import * as libc from "../../../../src/native/libc.ts";
import { addresses, bordersOf, rangeLists } from "../../../ledger/arbitraries.ts";
import { lacking } from "../../../support/requirements.ts";
import { behindEthernet, testRun } from "../test-run.ts";

const options = { skip: lacking("root") };
const NONE = -1;
const UNREADABLE = -2;
const BITS = { 4: 32n, 6: 128n } as const;
/** As many as jumps of 16 bits reach over, if all bits of an address have to be looked at. */
const MANY = { 4: 4000, 6: 1900 } as const;

/** The tree of some ranges in the kernel, asked with one address a packet. */
class LoadedTree implements Disposable {
  readonly #version: 4 | 6;
  readonly #fd: number;

  constructor(ranges: readonly Range[], version: 4 | 6) {
    this.#version = version;
    const loaded = bpf.loadProgram(bpf.BPF_PROG_TYPE_SOCKET_FILTER, assembleTree(new RangeTable(ranges), version), "t");
    if (!("fd" in loaded)) throw new Error(loaded.log);
    this.#fd = loaded.fd;
  }

  /** The index of the range that has an address, or NONE. */
  rangeOf(address: bigint): number {
    const bits = BITS[this.#version];
    const bytes = Buffer.from(address.toString(16).padStart(Number(bits / 4n), "0"), "hex");
    return testRun(this.#fd, behindEthernet(bytes));
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

function assembleTree(ranges: RangeTable, version: 4 | 6): Uint8Array {
  const asm = new Assembler();
  const none = asm.label();
  const unreadable = asm.label();
  const leave = asm.label();
  asm.mov(r6, r1);
  asm.mov(r7, NONE);
  asm.mov(r2, 0);
  readFromR2(asm, -16, version === 4 ? 4 : 16, unreadable);
  const leaf = (range: number): void => {
    asm.mov(r7, range);
    asm.jump(leave);
  };
  if (version === 4) {
    asm.load(4, r1, r10, -16);
    asm.be(r1, 32);
    writeIpv4Tree(asm, ranges.ipv4, leaf, none);
  } else {
    asm.load(8, r1, r10, -16);
    asm.load(8, r2, r10, -8);
    asm.be(r1, 64);
    asm.be(r2, 64);
    writeIpv6Tree(asm, ranges.ipv6, leaf, none);
  }
  asm.place(unreadable);
  // Behind the tree, which leaves by its labels alone.
  asm.mov(r7, UNREADABLE);
  asm.jump(leave);
  asm.place(none);
  asm.mov(r7, NONE);
  asm.place(leave);
  asm.mov(r0, r7);
  asm.exit();
  return asm.assemble();
}

/** The plain reading: the first range that holds the address. */
function firstRange(ranges: readonly Range[], version: 4 | 6, address: bigint): number {
  return ranges.findIndex((range) => range.version === version && range.first <= address && address <= range.last);
}

for (const version of [4, 6] as const) {
  const highest = (1n << BITS[version]) - 1n;
  const isTree = (ranges: readonly Range[]): boolean => {
    const holds = (address: bigint): boolean => firstRange(ranges, version, address) >= 0;
    return bordersOf(ranges, version).some((address) => !holds(address));
  };

  test(`the tree finds the first range that holds an IPv${version} address`, options, () => {
    const queries = fc.array(addresses(version), { maxLength: 20 });
    const property = fc.property(rangeLists.filter(isTree), queries, (ranges, others) => {
      using tree = new LoadedTree(ranges, version);
      for (const address of [0n, highest, ...bordersOf(ranges, version), ...others]) {
        assert.equal(tree.rangeOf(address), firstRange(ranges, version, address), address.toString(16));
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  test(`the tree finds each of ${MANY[version]} ranges of IPv${version}, and none beside them`, options, () => {
    const step = version === 4 ? 1n << 18n : 1n << 80n;
    const ranges = Array.from({ length: MANY[version] }, (_, index): Range => {
      const first = BigInt(index) * step + 3n;
      return { version, first, last: first + 5n, rollupBits: Number(BITS[version]), labels: [], text: `${index}` };
    });
    using tree = new LoadedTree(ranges, version);
    for (const [index, { first, last }] of ranges.entries()) {
      assert.deepEqual(
        [first - 1n, first, last, last + 1n].map((address) => tree.rangeOf(address)),
        [NONE, index, index, NONE],
      );
    }
    assert.equal(tree.rangeOf(highest), NONE);
  });
}

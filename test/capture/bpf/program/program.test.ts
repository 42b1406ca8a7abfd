import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Places } from "../../../../src/capture/bpf/tables/places.ts";
import { Hook, loadProgram } from "../../../../src/capture/bpf/program/program.ts";
import type { Range } from "../../../../src/ledger/ranges.ts";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { bordersOf, rangeLists } from "../../../ledger/arbitraries.ts";
import { hex, IPV4, IPV6, ipv6, MACS } from "../../../packet/frames.ts";
import { lacking } from "../../../support/requirements.ts";
import { frames, layers } from "../../ring/layered-frames.ts";
import { canRun, MAX_FRAME_BYTES } from "../test-run.ts";
import { totalsOf, Twins } from "../twins.ts";

const options = { skip: lacking("root") };
const HOOKS = Object.values(Hook);
const ANSWER = { [Hook.SOCKET]: 0, [Hook.TCX]: -1 };
const RANGES = ["10.1.2.0/24:site=ams", "0.0.0.0/0/8:site=all", "2001:db8::/64:site=ams", "::/0/32:site=all"];

/** Frames by name, all of addresses in RANGES. */
const FRAMES: Record<string, string> = {
  IPv4: `0800 ${IPV4}`,
  "IPv4 with options": `0800 46 ${IPV4.slice(3)} 01010101 0102`,
  "IPv4 with a payload": `0800 ${IPV4} ${"ab".repeat(1000)}`,
  "a later fragment of IPv4": `0800 ${IPV4.replace("40 00 40 11", "20 b9 40 11")} 0102`,
  "IPv4 of version 6": `0800 6${IPV4.slice(1)}`,
  "IPv4 with a header of 4 words": `0800 44 ${IPV4.slice(3)}`,
  IPv6: `86dd ${IPV6}`,
  "IPv6 of version 4": `86dd 4${IPV6.slice(1)}`,
  "IPv6 with every extension header": `86dd ${ipv6("00")} 2b 00 000000000000 2c 00 000000000000
    33 00 0000 00000000 3c 01 0000 00000000 87 00 000000000000 000000000000
    8b 00 000000000000 8c 00 000000000000 11 00 000000000000 aabb`,
  "a later fragment of IPv6": `86dd ${ipv6("2c")} 06 00 0009 00000001 0102030405`,
  "IPv6 with more extension headers than are read": `86dd ${ipv6("3c")} ${"3c 00 000000000000".repeat(9)} 11`,
  "IPv6 with an extension header that is longer than is read": `86dd ${ipv6("3c")} 3c 0f ${"00".repeat(126)} 11 00 00 00`,
  "IPv6 with an extension header that ends at what is read": `86dd ${ipv6("3c")} 3c 0e ${"00".repeat(118)} 11 00 00 00 00 00 00 00`,
  ARP: "0806 0001 0800 06 04 0001",
  "802.3": "0026 aaaa03 000000 0800",
  "SNAP with IPv4": `001c aaaa03 000000 0800 ${IPV4}`,
  "SNAP with IPv6": `0030 aaaa03 000000 86dd ${IPV6}`,
  "SNAP of Cisco with bits of group and response": `001c abab03 0000f8 0800 ${IPV4}`,
  "SNAP in a VLAN": `8100 0007 001c aaaa03 000000 0800 ${IPV4}`,
  "SNAP in a jumbo frame": `8870 aaaa03 000000 86dd ${IPV6}`,
  "SNAP with ARP": `001c aaaa03 000000 0806 ${IPV4}`,
  "SNAP with a VLAN": `001c aaaa03 000000 8100 0007 0800 ${IPV4}`,
  "SNAP of another organization": `001c aaaa03 0080c2 0800 ${IPV4}`,
  "SNAP with information": `001c aaaa00 000000 0800 ${IPV4}`,
  "LLC with IPv4": `0017 060603 ${IPV4}`,
  "LLC with a test": `0017 0606f3 ${IPV4}`,
  "a spanning tree": "0026 424203 000000000000",
  "a length that is none": `05dd aaaa03 000000 0800 ${IPV4}`,
  VLAN: `8100 0007 0800 ${IPV4}`,
  "a tag of 0x9200": `9200 0064 0800 ${IPV4}`,
  QinQ: `88a8 0064 8100 00c8 86dd ${IPV6}`,
  "old QinQ": `9100 0064 9100 00c8 0800 ${IPV4}`,
  "eight tags": `${"8100 0007".repeat(8)} 0800 ${IPV4}`,
  "nine tags": `${"8100 0007".repeat(9)} 0800 ${IPV4}`,
  "MPLS with IPv4": `8847 000640ff 000641ff ${IPV4}`,
  "multicast MPLS with IPv6": `8848 000641ff ${IPV6}`,
  "MPLS with neither": "8847 000641ff 00000000",
  "eight labels": `8847 ${"000640ff".repeat(7)} 000641ff ${IPV4}`,
  "nine labels": `8847 ${"000640ff".repeat(8)} 000641ff ${IPV4}`,
  "ten labels": `8847 ${"000640ff".repeat(9)} 000641ff ${IPV4}`,
  "PPPoE with IPv4": `8864 11 00 0001 0016 0021 ${IPV4}`,
  "PPPoE with IPv6, compressed": `8864 11 00 0001 0029 57 ${IPV6}`,
  "PPPoE with address and control": `8864 11 00 0001 0018 ff03 0021 ${IPV4}`,
  "PPPoE with MPLS": `8864 11 00 0001 001a 0281 000640ff 000641ff ${IPV6}`,
  "PPPoE with LCP": "8864 11 00 0001 0016 c021 01010008",
  "PPPoE in a VLAN": `8100 0007 8864 11 00 0001 0016 0021 ${IPV4}`,
};

function frameOf(text: string): Uint8Array {
  return hex(`${MACS} ${text}`);
}

/** Shows every start of a frame, and holds both ledgers to each other after each. */
function seeEveryLength(twins: Twins, hook: Hook, name: string, frame: Uint8Array): void {
  for (let end = 0; end <= frame.length; end++) {
    const part = frame.slice(0, end);
    if (!canRun(hook, part)) continue;
    assert.equal(twins.see(part), ANSWER[hook]);
    assert.deepEqual(twins.counted(), twins.parsed(), `${name}, ${end} bytes`);
  }
}

for (const hook of HOOKS) {
  describe(`the program at the hook ${hook} counts as the parser and the ledger do`, options, () => {
    test("frames of every kind, cut at every length", () => {
      using twins = new Twins(RANGES.map(parseRange), { hook });
      for (const [name, text] of Object.entries(FRAMES)) seeEveryLength(twins, hook, name, frameOf(text));
    });

    test("frames of every length around the bounds of the buckets", () => {
      using twins = new Twins(RANGES.map(parseRange), { hook });
      for (let length = 14; length <= MAX_FRAME_BYTES; length++) {
        const frame = new Uint8Array(length);
        frame.set(frameOf(FRAMES["VLAN"]!).subarray(0, length));
        if (canRun(hook, frame)) twins.see(frame);
      }
      assert.deepEqual(twins.counted(), twins.parsed());
    });

    test("every protocol number, in IPv4 and in IPv6", () => {
      using twins = new Twins(RANGES.map(parseRange), { hook });
      for (let protocol = 0; protocol < 256; protocol++) {
        const number = protocol.toString(16).padStart(2, "0");
        twins.see(frameOf(`0800 ${IPV4.replace("40 11", `40 ${number}`)}`));
        twins.see(frameOf(`86dd ${ipv6(number)} 3a 00 0000 0000 0000`));
      }
      assert.deepEqual(twins.counted(), twins.parsed());
      assert.equal(twins.counted().refused["truncated"], 0);
    });

    test("stacks of headers, legal and not", () => {
      using twins = new Twins(RANGES.map(parseRange), { hook });
      const property = fc.property(frames, (frame) => see(twins, hook, frame));
      fc.assert(property, { numRuns: 5000 });
      assert.deepEqual(twins.counted(), twins.parsed());
    });

    test("valid frames of which bytes are changed", () => {
      using twins = new Twins(RANGES.map(parseRange), { hook });
      const changes = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { minLength: 1, maxLength: 4 });
      const property = fc.property(fc.constantFrom(...Object.values(FRAMES)), changes, (text, list) => {
        const frame = frameOf(text);
        for (const [at, value] of list) if (at < frame.length) frame[at] = value;
        see(twins, hook, frame);
      });
      fc.assert(property, { numRuns: 5000 });
      assert.deepEqual(twins.counted(), twins.parsed());
    });

    test("random bytes", () => {
      using twins = new Twins(RANGES.map(parseRange), { hook });
      const types = fc.constantFrom("0800", "86dd", "8100", "8847", "8864", "0806");
      const property = fc.property(types, fc.uint8Array({ maxLength: 200 }), (type, bytes) => {
        see(twins, hook, Uint8Array.from([...frameOf(type), ...bytes]));
      });
      fc.assert(property, { numRuns: 5000 });
      assert.deepEqual(twins.counted(), twins.parsed());
    });

    test("any ranges, at their borders and beyond the limit of addresses", () => {
      const property = fc.property(rangeLists.filter(isLoadable), fc.nat(20), fc.nat(), (ranges, limit, seed) => {
        using twins = new Twins(ranges, { hook, maxAddresses: limit });
        for (const frame of borderFrames(ranges, seed)) {
          twins.see(frame);
          twins.counted();
        }
        const [counted, parsed] = [twins.counted(), twins.parsed()];
        // Of two addresses of one packet, either may be the last one of the limit.
        if (parsed.addresses < limit) assert.deepEqual(counted, parsed);
        assert.deepEqual(totalsOf(counted), totalsOf(parsed));
        assert.deepEqual({ ...counted, cells: 0 }, { ...parsed, cells: 0 });
      });
      fc.assert(property, { numRuns: 60 });
    });

    const lists: Record<string, string[]> = {
      "no range": [],
      "ranges of IPv6 alone": ["2001:db8::/64", "::/0/0"],
      "ranges of IPv4 alone": ["10.1.2.0/24", "192.0.2.9"],
      "one range with all addresses of IPv4 in one series": ["0.0.0.0/0/0"],
      "one range with all addresses of IPv6 in one series": ["::/0/0"],
      "the lowest and the highest addresses": ["0.0.0.0", "255.255.255.255", "::", `${"ffff:".repeat(7)}ffff`],
      "ranges that overlap": ["10.1.2.3", "10.1.2.0/24", "10.0.0.0/8/24", "2001:db8::1", "2001:db8::/48/64"],
      "more addresses than have a row from the start": ["10.1.0.0/16:a=1", "192.0.0.0/14/24:b=2", "2001:db8::/64"],
    };
    for (const [name, list] of Object.entries(lists)) {
      test(name, () => {
        const ranges = list.map(parseRange);
        using twins = new Twins(ranges, { hook });
        for (const frame of borderFrames(ranges, 1)) twins.see(frame);
        for (const text of Object.values(FRAMES)) see(twins, hook, frameOf(text));
        assert.deepEqual(twins.counted(), twins.parsed());
      });
    }

    test("the limit of addresses when rows are given out one by one", () => {
      const ranges = ["10.0.0.0/8:a=1", "2001:db8::/64:b=2"].map(parseRange);
      using twins = new Twins(ranges, { hook, maxAddresses: 5 });
      for (let host = 0; host < 20; host++) {
        twins.see(frameOf(`0800 ${IPV4.replace("02 03", `02 ${hexByte(host)}`)}`));
        twins.see(frameOf(`86dd ${IPV6.replace("00 01", `00 ${hexByte(host)}`)}`));
      }
      const counted = twins.counted();
      assert.equal(counted.addresses, 5);
      assert.deepEqual(counted, twins.parsed());
    });
  });
}

test("more ranges than jumps can reach over are refused in words", options, () => {
  const ranges = Array.from({ length: 7000 }, (_, index) => parseRange(`10.${index >> 8}.${index & 0xff}.1`));
  assert.throws(() => new Twins(ranges), /too many ranges for one program/);
});

test("ranges that are too many are named as the reason, also when the kernel alone finds them to be", options, () => {
  // At the limit the assembler's jumps reach their targets; those of the kernel, which makes programs longer, do not.
  let refusals = 0;
  for (let count = 1960; count < 1980; count++) {
    const ranges = Array.from({ length: count }, (_, index) => parseRange(`2001:db8::${(2 * index).toString(16)}`));
    try {
      using _twins = new Twins(ranges);
    } catch (error) {
      assert.match((error as Error).message, /too many ranges for one program: a jump/);
      refusals++;
    }
  }
  assert.ok(refusals > 0);
});

test("what the verifier refuses is told by its last lines, and kept whole", options, () => {
  using twins = new Twins(RANGES.map(parseRange));
  const { fds, sizes } = twins.tables;
  const places = new Places(twins.ranges);
  const program = {
    hook: Hook.SOCKET,
    isEthernet: true,
    ignoreOutgoing: false,
    wireSizes: false,
    opensTunnels: false,
    zones: [],
  };
  // Counters that are smaller than the program takes them for.
  const tables = { fds: { ...fds, counters: fds.state }, sizes, createChain: () => assert.fail() };
  assert.throws(
    () => loadProgram(program, twins.ranges, places, tables),
    (error: Error) => {
      assert.match(error.message, /^couldn't load the program: .*the verifier says: .*invalid access to map value/);
      assert.doesNotMatch(error.message, /\n/);
      const log = (error.cause as Error).message;
      assert.match(log, /R1=ctx/);
      assert.match(log, /invalid access to map value/);
      return true;
    },
  );
});

test("packets without a link header count as the parser and the ledger do", options, () => {
  using twins = new Twins(RANGES.map(parseRange), { isEthernet: false });
  const property = fc.property(layers, ({ etherType, bytes }) => {
    // The kernel takes smaller numbers for lengths, and knows nothing of what follows.
    if (etherType < 0x0600 || !canRun("bare", bytes, etherType)) return;
    twins.see(Uint8Array.from(bytes), { etherType });
  });
  fc.assert(property, { numRuns: 5000 });
  assert.deepEqual(twins.counted(), twins.parsed());
});

for (const tags of ["8100 0005", "8100 4505", "88a8 4505 8100 4505", "8100 4505 8100 0600 9100 4fff"]) {
  test(`the kernel may name what stands behind tags: ${tags}`, options, () => {
    assertCountedAsReceived(`${tags} 0800 ${IPV4}`);
  });
}

for (const bytes of [1500, 1535, 1536, 2048, 0x8100, 0xffff]) {
  test(`an IPv4 packet of ${bytes} bytes by its header is one`, options, () => {
    const length = bytes.toString(16).padStart(4, "0");
    assertCountedAsReceived(`0800 4500 ${length} ${IPV4.slice(12)}`);
  });
}

/** Both count for the address in a frame of which the kernel says that it is IPv4; the digits follow the addresses of the link. */
function assertCountedAsReceived(digits: string): void {
  using twins = new Twins([parseRange("10.1.2.0/24")], { hook: Hook.SOCKET });
  twins.see(hex(`${MACS} ${digits}`), { etherType: 0x0800 });
  const counted = twins.counted();
  assert.deepEqual(counted, twins.parsed());
  assert.ok(counted.cells.size > 0);
}

function see(twins: Twins, hook: Hook, frame: Uint8Array): void {
  if (canRun(hook, frame)) assert.equal(twins.see(frame), ANSWER[hook]);
}

/** IPv4 ranges of hundreds of MiB of tables are not worth their time here. */
function isLoadable(ranges: readonly Range[]): boolean {
  return ranges.every(({ version, first, last, rollupBits }) => {
    return version === 6 || (last - first) >> BigInt(32 - rollupBits) < 1n << 20n;
  });
}

/** Frames between addresses at the borders of ranges, in an order of their own for each seed. */
function borderFrames(ranges: readonly Range[], seed: number): Uint8Array[] {
  const made: Uint8Array[] = [];
  for (const version of [4, 6] as const) {
    const borders = [...bordersOf(ranges, version), 0n, (1n << (version === 4 ? 32n : 128n)) - 1n];
    for (const [index, source] of borders.entries()) {
      const destination = borders[(index * 7 + seed) % borders.length]!;
      made.push(ipFrame(version, source, destination));
    }
  }
  return made;
}

function ipFrame(version: 4 | 6, source: bigint, destination: bigint): Uint8Array {
  const digits = version === 4 ? 8 : 32;
  const addresses = [source, destination].map((address) => address.toString(16).padStart(digits, "0")).join("");
  const header = version === 4 ? `0800 ${IPV4.slice(0, 36)}` : `86dd ${IPV6.slice(0, 24)}`;
  return frameOf(header.trim() + addresses);
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

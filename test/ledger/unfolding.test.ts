import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { packetsOnWire } from "../../src/ledger/unfolding.ts";
import { Packet, Verdict } from "../../src/packet/packet.ts";
import { rangeLists, traffic } from "./arbitraries.ts";
import { Model, packetOf, seriesOf } from "./model.ts";

const NO_LIMIT = 1_000_000;

/** Sizes of the packets on the wire: a payload is cut, piece by piece, and each piece gets the headers. */
function cut(payloadBytes: number, headerBytes: number, segmentBytes: number): number[] {
  const sizes: number[] = [];
  for (let left = payloadBytes; left > 0; left -= segmentBytes) sizes.push(headerBytes + Math.min(left, segmentBytes));
  return sizes;
}

describe("the packets on the wire of a frame", () => {
  test("are as many as pieces of its payload", () => {
    const expectations: [what: string, numbers: [number, number, number], count: number][] = [
      ["ten full ones", [40 + 14_480, 40, 1448], 10],
      ["ten full ones and a byte", [40 + 14_481, 40, 1448], 11],
      ["nine full ones and one short of a byte", [40 + 14_479, 40, 1448], 10],
      ["one that fits", [40 + 1448, 40, 1448], 1],
      ["one that is shorter", [41, 40, 1448], 1],
      ["the most there can be", [20 + 8 + 65_507, 28, 1], 65_507],
      ["more than 64 KiB (BIG TCP)", [60 + 190_000, 60, 1000], 190],
    ];
    for (const [what, [lengthBytes, headerBytes, segmentBytes], count] of expectations) {
      assert.equal(packetsOnWire(lengthBytes, headerBytes, segmentBytes), count, what);
    }
  });

  test("are one if it is not known how it was made, or cannot be", () => {
    const expectations: [what: string, numbers: [number, number, number]][] = [
      ["unknown headers", [60_000, 0, 1448]],
      ["unknown payload", [60_000, 40, 0]],
      ["nothing known", [60_000, 0, 0]],
      ["more payload in each than a packet has", [200_000, 40, 65_536]],
      ["headers alone", [40, 40, 1448]],
      ["headers longer than the frame", [39, 40, 1448]],
      ["an empty frame", [0, 40, 1448]],
    ];
    for (const [what, [lengthBytes, headerBytes, segmentBytes]] of expectations) {
      assert.equal(packetsOnWire(lengthBytes, headerBytes, segmentBytes), 1, what);
    }
  });
});

test("a merged frame of any traffic counts like its packets, to the last bucket", () => {
  const merged = fc.tuple(
    traffic,
    fc.integer({ min: 28, max: 228 }),
    fc.integer({ min: 1, max: 9000 }),
    fc.nat(70_000),
  );
  const property = fc.property(rangeLists.filter(isNarrow), fc.array(merged), fc.nat(8), (ranges, list, limit) => {
    const table = new RangeTable(ranges);
    const ledger = new Ledger(table, limit);
    const model = new Model(ranges, limit);
    for (const [fields, headerBytes, segmentBytes, payloadBytes] of list) {
      const packet = packetOf({ ...fields, lengthBytes: headerBytes + payloadBytes });
      ledger.interface("eth0").recordAggregated(Object.assign(packet, { headerBytes, segmentBytes }));
      const sizes = payloadBytes === 0 ? [headerBytes] : cut(payloadBytes, headerBytes, segmentBytes);
      for (const lengthBytes of sizes) model.record("eth0", { ...fields, lengthBytes });
    }
    assert.deepEqual(seriesOf(ledger.interface("eth0"), table), list.length > 0 ? model.seriesOf("eth0") : EMPTY);
    assert.equal(ledger.interface("eth0").aggregatedPackets, list.length);
    assert.equal(ledger.interface("eth0").addresses.refusedPackets(), model.refused);
  });
  fc.assert(property, { numRuns: 100 });
});

/** What a ledger says that has seen nothing. */
const EMPTY = new Map([["all", { buckets: [0, 0, 0, 0, 0, 0, 0], bytes: 0 }]]);

/** Every interface has a table as wide as the IPv4 ranges. */
function isNarrow(ranges: readonly { version: 4 | 6; first: bigint; last: bigint }[]): boolean {
  return ranges.every(({ version, first, last }) => version === 6 || last - first < 1n << 24n);
}

test("a merged frame of which nothing is known counts as one, and as merged", () => {
  const ledger = new Ledger(new RangeTable([]), NO_LIMIT).interface("eth0");
  ledger.recordAggregated(Object.assign(new Packet(), { verdict: Verdict.IP, version: 4, lengthBytes: 64_000 }));
  assert.deepEqual([...ledger.slots.counters.subarray(0, 8)], [0, 0, 0, 0, 0, 0, 1, 64_000]);
  assert.equal(ledger.aggregatedPackets, 1);
});

test("a merged frame that is refused counts once", () => {
  const ledger = new Ledger(new RangeTable([]), NO_LIMIT).interface("eth0");
  ledger.recordAggregated(
    Object.assign(new Packet(), { verdict: Verdict.TRUNCATED, lengthBytes: 10, segmentBytes: 1 }),
  );
  assert.equal(ledger.verdicts[Verdict.TRUNCATED], 1);
});

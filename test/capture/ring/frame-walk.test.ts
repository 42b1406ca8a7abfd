import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { FrameWalk } from "../../../src/capture/ring/frame-walk.ts";
import { CAPTURED, LENGTH, MAC, NEXT, STATUS, TP_STATUS_GSO_TCP } from "../../../src/capture/ring/ring.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { type Range, RangeTable } from "../../../src/ledger/ranges.ts";
import { RX_CELLS } from "../../../src/ledger/rows.ts";
import { LINKTYPE_ETHERNET } from "../../../src/packet/link/link-types.ts";
import { IPPROTO_TCP } from "../../../src/packet/headers.ts";
import { Packet, Verdict } from "../../../src/packet/packet.ts";
import { parseFrame } from "../../../src/packet/parse.ts";
import { IPV6_COLUMN } from "../../../src/packet/protocols.ts";
import { EXTENSION_HEADERS } from "../../../src/packet/transport.ts";
import { rangeLists, traffic } from "../../ledger/arbitraries.ts";
import { Model, seriesOf, type Traffic } from "../../ledger/model.ts";
import { zoningOf } from "../../ledger/zones/zonings.ts";

const NO_LIMIT = 1_000_000;
/** As the kernel has it: an Ethernet header in front of an aligned network header. */
const MAC_OFFSET = 82;
const ROOM_BYTES = 256;
const HOP_BY_HOP = 0;

/** A frame as the ring has it. */
interface Frame {
  readonly bytes: Uint8Array;
  readonly isMerged: boolean;
}

function bytesOf(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, k) => Number((value >> BigInt(8 * (count - 1 - k))) & 0xffn));
}

function headersOf({ version, source, destination, protocol }: Traffic, hasOptions: boolean): number[] {
  if (version === 4) {
    const fields = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
    return [0x08, 0x00, ...fields, ...bytesOf(source, 4), ...bytesOf(destination, 4)];
  }
  const next = hasOptions ? HOP_BY_HOP : protocol;
  const options = hasOptions ? [protocol, 0, 0, 0, 0, 0, 0, 0] : [];
  const fields = [0x60, 0, 0, 0, 0, 0, next, 64];
  return [0x86, 0xdd, ...fields, ...bytesOf(source, 16), ...bytesOf(destination, 16), ...options];
}

/** Most are plain; others have options, a tag, damage, or an end before that of their headers. */
const frames: fc.Arbitrary<Frame> = fc
  .record({
    traffic,
    hasOptions: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.boolean()),
    tag: fc.oneof({ weight: 8, arbitrary: fc.constant<number[]>([]) }, fc.constant([0x81, 0, 0, 7])),
    damage: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, fc.nat(60)),
    cut: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat(60)),
    isMerged: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.boolean()),
  })
  .map(({ traffic: each, hasOptions, tag, damage, cut, isMerged }) => {
    const bytes = Uint8Array.from([...Array<number>(12).fill(2), ...tag, ...headersOf(each, hasOptions)]);
    if (damage !== undefined && damage < bytes.length) bytes[damage]! ^= 0x55;
    return { bytes: bytes.subarray(0, Math.max(0, bytes.length - cut)), isMerged };
  });

/** The memory of a ring that holds these frames, each of 1 byte more on the wire than the one before. */
function ringOf(list: readonly Frame[]) {
  const bytes = new Uint8Array(list.length * ROOM_BYTES);
  const [words, halves] = [new Uint32Array(bytes.buffer), new Uint16Array(bytes.buffer)];
  for (const [index, frame] of list.entries()) {
    const at = index * ROOM_BYTES;
    words[(at >> 2) + NEXT] = ROOM_BYTES;
    words[(at >> 2) + CAPTURED] = frame.bytes.length;
    words[(at >> 2) + LENGTH] = lengthOf(frame, index);
    words[(at >> 2) + STATUS] = frame.isMerged ? TP_STATUS_GSO_TCP : 0;
    halves[(at >> 1) + MAC] = MAC_OFFSET;
    bytes.set(frame.bytes, at + MAC_OFFSET);
  }
  return { bytes, words, halves, view: new DataView(bytes.buffer) };
}

function lengthOf({ bytes }: Frame, index: number): number {
  return bytes.length + index;
}

function parsed(frame: Frame, index: number): Packet {
  const packet = new Packet();
  parseFrame(packet, LINKTYPE_ETHERNET, frame.bytes, 0, frame.bytes.length, lengthOf(frame, index));
  return packet;
}

/** One that counts by zone as well. */
function ledgerOf(ranges: readonly Range[], limit: number): Ledger {
  const zoning = zoningOf({ "10.0.0.0/24": "A", "2001:db8::/64": "B", "::/1": "C", "8000::/1": "D" });
  return new Ledger(new RangeTable(ranges), limit, [zoning]);
}

function trafficOf(packet: Packet): Traffic {
  const value = (...words: number[]): bigint =>
    words.reduce((sum, word) => (sum << 32n) | BigInt.asUintN(32, BigInt(word)), 0n);
  const { version, protocol, lengthBytes, source, source1, source2, source3 } = packet;
  const { destination, destination1, destination2, destination3 } = packet;
  if (version === 4) return { version, protocol, lengthBytes, source: value(source), destination: value(destination) };
  const ends = {
    source: value(source, source1, source2, source3),
    destination: value(destination, destination1, destination2, destination3),
  };
  return { version: 6, protocol, lengthBytes, ...ends };
}

test("frames count as the model says of what the parser finds, the second time as the first", () => {
  const property = fc.property(rangeLists, fc.array(frames, { maxLength: 60 }), (ranges, list) => {
    const ledger = ledgerOf(ranges, NO_LIMIT);
    const eth0 = ledger.interface("eth0");
    const walk = new FrameWalk(ringOf(list));
    const model = new Model(ranges, NO_LIMIT);
    for (let round = 0; round < 2; round++) {
      walk.walk(0, list.length, eth0.sink);
      for (const [index, frame] of list.entries()) {
        const packet = parsed(frame, index);
        if (packet.verdict === Verdict.IP) model.record("eth0", trafficOf(packet));
      }
    }
    const counted = seriesOf(eth0, ledger.ranges);
    counted.delete("all");
    const expected = model.seriesOf("eth0");
    expected.delete("all");
    assert.deepEqual(counted, expected);
    assert.equal(eth0.slots.packets(0), 2 * list.length);
  });
  fc.assert(property, { numRuns: 200 });
});

test("frames count as their parsed packets one by one, by address and by zone, also of addresses that give way", () => {
  let evicted = 0;
  const blocks = fc.array(fc.array(frames, { maxLength: 12 }), { maxLength: 8 });
  const property = fc.property(rangeLists, blocks, fc.integer({ min: 1, max: 6 }), (ranges, list, limit) => {
    const [short, long] = [ledgerOf(ranges, limit), ledgerOf(ranges, limit)];
    for (const block of list) {
      new FrameWalk(ringOf(block)).walk(0, block.length, short.interface("eth0").sink);
      const { sink } = long.interface("eth0");
      for (const [index, frame] of block.entries()) {
        if (frame.isMerged) sink.recordAggregated(parsed(frame, index));
        else sink.record(parsed(frame, index));
      }
      for (const ledger of [short, long]) for (const _ of ledger.look());
    }
    const [own, other] = [short, long].map((ledger) => ledger.interface("eth0"));
    assert.deepEqual(seriesOf(own!, short.ranges), seriesOf(other!, long.ranges));
    assert.deepEqual(own!.zones[0]!.counts.copy(), other!.zones[0]!.counts.copy());
    assert.deepEqual(own!.verdicts, other!.verdicts);
    evicted += own!.addresses.evicted;
  });
  fc.assert(property, { numRuns: 300 });
  assert.ok(evicted > 10, `only ${evicted} gave way`);
});

test("an IPv6 packet with an extension header counts by what is behind it, though its addresses are known", () => {
  const [source, destination] = [
    0x2001_0db8_0000_0000_0000_0000_0000_0001n,
    0x2001_0db8_0000_0000_0000_0000_0000_0002n,
  ];
  const frame = (next: number, ...behind: number[]): Frame => {
    const headers = headersOf({ version: 6, source, destination, protocol: next } as Traffic, false);
    return { bytes: Uint8Array.from([...Array<number>(12).fill(2), ...headers, ...behind]), isMerged: false };
  };
  for (const header of EXTENSION_HEADERS) {
    const eth0 = new Ledger(new RangeTable([parseRange("2001:db8::/64")]), NO_LIMIT).interface("eth0");
    // Each row has counters of other protocols, which a header that is none of the known would be.
    const list = [frame(253), frame(IPPROTO_TCP), frame(header, IPPROTO_TCP, 0, 0, 0, 0, 0, 0, 0)];
    new FrameWalk(ringOf(list)).walk(0, list.length, eth0.sink);
    const { rows } = eth0;
    for (let row = 0; row < rows.count; row++) {
      const direction = rows.slotOf(row, IPV6_COLUMN[IPPROTO_TCP]!) > 0 ? 0 : RX_CELLS;
      const packets = [IPPROTO_TCP, 253].map((protocol) =>
        eth0.slots.packets(rows.slotOf(row, direction + IPV6_COLUMN[protocol]!)),
      );
      assert.deepEqual(packets, [2, 1], `header ${header}, row ${row}`);
    }
    assert.equal(rows.count, 2);
  }
});

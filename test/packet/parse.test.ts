import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../../src/packet/headers.ts";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isKnownLinkType } from "../../src/packet/link.ts";
import { MAX_TAGS } from "../../src/packet/link/encapsulation.ts";
import { LINKTYPE_ETHERNET } from "../../src/packet/link/link-types.ts";
import { Packet, REFUSALS, Verdict } from "../../src/packet/packet.ts";
import { parseFrame, parsePayload } from "../../src/packet/parse.ts";
import { facts, hex, IPV4, IPV4_FACTS, IPV6, IPV6_FACTS, MACS, parse } from "./frames.ts";

const RUNS = { numRuns: 2000 };
const LINK_TYPES = Array.from({ length: 300 }, (_, linkType) => linkType);
const KNOWN_LINK_TYPES = LINK_TYPES.filter(isKnownLinkType);

/** Pieces that lead random bytes past the first check. */
const PIECES = [
  MACS,
  "08 00",
  "86 dd",
  "81 00",
  "88 a8",
  "00 64",
  "88 47",
  "00 06 40 40",
  "00 06 51 40",
  "88 64",
  "11 00 00 01 00 16",
  "00 21",
  "57",
  "ff 03",
  "02 81",
  "0f 00",
  "00 00 00 02",
  "1e 00 00 00",
  IPV4,
  IPV6,
  "60 00 00 00 00 00 00 40",
  "3c 00 00 00 00 00 00 00",
  "2c 00 00 00 00 00 00 00",
  "33 04 00 00",
  "2b ff 00 00",
  "aa aa 03 00 00 00 08 00",
  "06 06 03",
  "05 dc",
  "88 00 00 00",
  "00 00 09 00 02 00 00 00 10",
  "00 00 08 00 69 00 00 00",
  "18 41 03 cc",
  "4d 47 43 80 00 02 00 00",
  "02 00 00 00 08 00 01 00 08 00 00 00 08 00 09 00",
].map(hex);

const randomBytes = fc.uint8Array({ maxLength: 64 });
const frames = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), randomBytes), { maxLength: 12 })
  .map((pieces) => Uint8Array.from(Buffer.concat(pieces)));
const linkTypes = fc.oneof(fc.constantFrom(...KNOWN_LINK_TYPES), fc.constantFrom(...LINK_TYPES), fc.integer());

describe("any bytes of any link type", () => {
  test("get a verdict, and a size between nothing and the frame's", () => {
    const verdicts = new Set<number>(Object.values(Verdict));
    const property = fc.property(linkTypes, frames, fc.nat(), (linkType, frame, more) => {
      const originalBytes = frame.length + more;
      const { verdict, lengthBytes, version } = parse(linkType, frame, originalBytes);
      assert.ok(verdicts.has(verdict));
      assert.ok(lengthBytes >= 0 && lengthBytes <= originalBytes);
      if (verdict === Verdict.IP) assert.ok(version === 4 || version === 6);
      // some link types wrap others
      if (!isKnownLinkType(linkType)) assert.equal(verdict, Verdict.UNKNOWN_LINK);
    });
    fc.assert(property, RUNS);
  });

  test("are read between the start and the captured end alone", () => {
    const property = fc.property(linkTypes, frames, fc.nat(20), (linkType, frame, before) => {
      const memory = Uint8Array.from([...new Uint8Array(before), ...frame, ...new Uint8Array(64)]);
      const end = before + frame.length;
      parseFrame(new Packet(), linkType, fenced(memory, before, end), before, end, frame.length);
    });
    fc.assert(property, RUNS);
  });

  test("give the same whatever stands around them in memory", () => {
    const surroundings = fc.uint8Array({ minLength: 128, maxLength: 128 });
    const property = fc.property(linkTypes, frames, surroundings, (linkType, frame, noise) => {
      const memory = Uint8Array.from([...noise, ...frame, ...noise]);
      const packet = new Packet();
      parseFrame(packet, linkType, memory, noise.length, noise.length + frame.length, frame.length);
      assert.deepEqual(facts(packet), facts(parse(linkType, frame)));
    });
    fc.assert(property, RUNS);
  });

  test("give the same whatever was parsed into the record before", () => {
    const property = fc.property(linkTypes, frames, linkTypes, frames, (earlierType, earlier, linkType, frame) => {
      const packet = parse(earlierType, earlier);
      parseFrame(packet, linkType, frame, 0, frame.length, frame.length);
      assert.deepEqual(facts(packet), facts(parse(linkType, frame)));
    });
    fc.assert(property, RUNS);
  });
});

test("any stack of tags and labels gives the addresses and the size of the packet inside", () => {
  const tag = fc.tuple(fc.constantFrom(0x8100, 0x88a8, 0x9100), fc.nat(0xffff));
  const stack = fc.record({
    tags: fc.array(tag, { maxLength: 4 }),
    labels: fc.array(fc.nat(0xffffff), { maxLength: MAX_TAGS - 4 }),
  });
  const property = fc.property(stack, fc.boolean(), fc.uint8Array(), ({ tags, labels }, isIpv4, payload) => {
    const network = hex(isIpv4 ? IPV4 : IPV6);
    const header = [...hex(MACS)];
    for (const [etherType, tci] of tags) header.push(etherType >> 8, etherType & 0xff, tci >> 8, tci & 0xff);
    if (labels.length > 0) header.push(0x88, 0x47);
    else header.push(...(isIpv4 ? [0x08, 0x00] : [0x86, 0xdd]));
    for (const [index, label] of labels.entries()) {
      const bottom = index === labels.length - 1 ? 1 : 0;
      header.push(label >> 16, (label >> 8) & 0xff, (label & 0xfe) | bottom, 64);
    }
    const frame = Uint8Array.from([...header, ...network, ...payload]);
    const expected = { ...(isIpv4 ? IPV4_FACTS : IPV6_FACTS), lengthBytes: network.length + payload.length };
    assert.deepEqual(facts(parse(LINKTYPE_ETHERNET, frame)), expected);
  });
  fc.assert(property, RUNS);
});

test("a packet without its link header is accounted by the EtherType the kernel gives", () => {
  const expectations = [
    [ETHERTYPE_IPV4, hex(IPV4), { ...IPV4_FACTS, lengthBytes: 1500 }],
    [ETHERTYPE_IPV6, hex(IPV6), { ...IPV6_FACTS, lengthBytes: 1500 }],
    [0x8100, hex(`00 64 08 00 ${IPV4}`), { ...IPV4_FACTS, lengthBytes: 1496 }],
    [0x88a8, hex(`00 0a 81 00 00 64 86 dd ${IPV6}`), { ...IPV6_FACTS, lengthBytes: 1492 }],
    [0x0806, hex(IPV4), { verdict: Verdict.NOT_IP, lengthBytes: 1500 }],
    [ETHERTYPE_IPV4, hex(IPV4).subarray(0, 19), { verdict: Verdict.TRUNCATED, lengthBytes: 1500 }],
    [ETHERTYPE_IPV6, hex(IPV4), { verdict: Verdict.MALFORMED, lengthBytes: 1500 }],
  ] as const;
  for (const [etherType, bytes, expected] of expectations) {
    const packet = new Packet();
    parsePayload(packet, etherType, bytes, 0, bytes.length, 1500);
    assert.deepEqual(facts(packet), expected);
  }
});

test("a capture that ends inside the link header has no negative size", () => {
  assert.deepEqual(facts(parse(LINKTYPE_ETHERNET, hex(MACS))), { verdict: Verdict.TRUNCATED, lengthBytes: 0 });
});

test("each verdict but IP and NOT_IP has one name as a refusal", () => {
  const refused = REFUSALS.map(([verdict]) => verdict);
  const expected = Object.values(Verdict).filter((verdict) => verdict !== Verdict.IP && verdict !== Verdict.NOT_IP);
  assert.deepEqual(new Set<number>(refused), new Set<number>(expected));
  assert.equal(new Set(REFUSALS.map(([, name]) => name)).size, REFUSALS.length);
});

/** The same bytes, where reading one outside [start, end) fails the test. */
function fenced(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Proxy(bytes, {
    get(target, key) {
      const index = Number(key);
      if (!(index >= start && index < end)) assert.fail(`read byte ${String(key)} of [${start}, ${end})`);
      return target[index];
    },
  });
}

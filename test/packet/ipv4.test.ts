import assert from "node:assert/strict";
import { test } from "node:test";
import { LINKTYPE_ETHERNET, LINKTYPE_IPV4 } from "../../src/packet/link/link-types.ts";
import { Verdict } from "../../src/packet/packet.ts";
import { facts, hex, IPV4, IPV4_FACTS, MACS, parse } from "./frames.ts";

test("addresses above 127.255.255.255 are read in full", () => {
  const frame = hex("45 00 00 14 00 00 00 00 01 06 00 00 ff ff ff ff e0 00 00 fb");
  const expected = { ...IPV4_FACTS, protocol: 6, source: 0xffffffff, destination: 0xe00000fb };
  assert.deepEqual(facts(parse(LINKTYPE_IPV4, frame)), expected);
});

test("options change neither the addresses nor the protocol", () => {
  const frame = hex("46 00 00 18 00 00 00 00 01 02 00 00 0a 01 02 03 e0 00 00 16 94 04 00 00");
  const { verdict, protocol, source, lengthBytes } = parse(LINKTYPE_IPV4, frame);
  assert.deepEqual(
    { verdict, protocol, source, lengthBytes },
    { verdict: Verdict.IP, protocol: 2, source: 0x0a010203, lengthBytes: 24 },
  );
});

test("a fragment other than the first is accounted like any packet", () => {
  const frame = hex("45 00 00 1c 12 34 00 b9 40 11 00 00 0a 01 02 03 c0 00 02 09 de ad be ef de ad be ef");
  assert.deepEqual(facts(parse(LINKTYPE_IPV4, frame)), { ...IPV4_FACTS, lengthBytes: 28 });
});

test("the size is that of the frame, padding included, not the total length of the header", () => {
  const padded = hex(`${MACS} 08 00 ${IPV4} ${"00".repeat(26)}`);
  assert.equal(parse(LINKTYPE_ETHERNET, padded).lengthBytes, 46);
  const segmentedLater = hex(`45 00 00 00 ${IPV4.slice(12)}`);
  assert.equal(parse(LINKTYPE_IPV4, segmentedLater, 65_000).lengthBytes, 65_000);
});

test("every protocol number is reported as it is", () => {
  const frame = hex(IPV4);
  for (let protocol = 0; protocol < 256; protocol++) {
    frame[9] = protocol;
    assert.equal(parse(LINKTYPE_IPV4, frame).protocol, protocol);
  }
});

test("a header of another version is malformed, even if it is cut short", () => {
  const frame = hex(`${MACS} 08 00 65 ${IPV4.slice(2)}`);
  for (const length of [frame.length, 33, 15]) {
    assert.equal(parse(LINKTYPE_ETHERNET, frame.subarray(0, length)).verdict, Verdict.MALFORMED, `${length} bytes`);
  }
});

test("a header length below 20 bytes is malformed", () => {
  for (const first of ["40", "41", "42", "43", "44"]) {
    assert.equal(parse(LINKTYPE_IPV4, hex(first + IPV4.slice(2))).verdict, Verdict.MALFORMED, first);
  }
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LINKTYPE_RAW } from "../../src/packet/link/link-types.ts";
import { Packet } from "../../src/packet/packet.ts";
import { parseFrame } from "../../src/packet/parse.ts";
import { parseSegments } from "../../src/packet/transport.ts";
import { hex, IPV4, ipv6 } from "./frames.ts";

const UDP = "9c40 0009 0000 0000";
const SEGMENT_BYTES = 1448;

/** A TCP header that says it has this many words of 32 bits. */
function tcp(words: number): string {
  return `9c40 0009 00000001 00000001 ${words.toString(16)}010 ffff 0000 0000 ${"01010101".repeat(Math.max(0, words - 5))}`;
}

function ipv4(fields: { first?: string; fragment?: string; protocol?: string; options?: string }): string {
  const { first = "45", fragment = "4000", protocol = "06", options = "" } = fields;
  return `${first}00 0000 0000 ${fragment} 40${protocol} 0000 0a010203 c0000209 ${options}`;
}

/** Headers of the packets that a frame stands for, of which the first `capturedBytes` were captured. */
function headerBytesOf(text: string, capturedBytes = Number.POSITIVE_INFINITY): number {
  const captured = hex(text).subarray(0, capturedBytes);
  const packet = new Packet();
  parseFrame(packet, LINKTYPE_RAW, captured, 0, captured.length, 60_000);
  parseSegments(packet, SEGMENT_BYTES, captured, 0, captured.length);
  assert.equal(packet.segmentBytes, SEGMENT_BYTES);
  return packet.headerBytes;
}

describe("the headers that each of the packets in a frame repeats", () => {
  const hop = (next: string) => `${next} 00 01 04 00 00 00 00`;
  const expectations: [what: string, frame: string, headerBytes: number][] = [
    ["IPv4 and TCP", `${ipv4({})} ${tcp(5)}`, 20 + 20],
    ["IPv4 and TCP with all options that fit", `${ipv4({})} ${tcp(15)}`, 20 + 60],
    ["IPv4 with options, and TCP", `${ipv4({ first: "4f", options: "01".repeat(40) })} ${tcp(8)}`, 60 + 32],
    ["IPv4 and UDP", `${ipv4({ protocol: "11" })} ${UDP}`, 20 + 8],
    ["a first fragment", `${ipv4({ fragment: "2000" })} ${tcp(5)}`, 20 + 20],
    ["IPv6 and TCP", `${ipv6("06")} ${tcp(8)}`, 40 + 32],
    ["IPv6 and UDP", `${ipv6("11")} ${UDP}`, 40 + 8],
    ["IPv6, two extension headers and TCP", `${ipv6("00")} ${hop("3c")} ${hop("06")} ${tcp(8)}`, 40 + 16 + 32],
    ["IPv6, an authentication header and UDP", `${ipv6("33")} 11 04 0000 ${"22".repeat(20)} ${UDP}`, 40 + 24 + 8],
    ["IPv6, a first fragment and UDP", `${ipv6("2c")} 11 00 0001 00000007 ${UDP}`, 40 + 8 + 8],
  ];
  for (const [what, frame, headerBytes] of expectations) {
    test(`are those of ${what}`, () => assert.equal(headerBytesOf(frame), headerBytes));
  }
});

describe("the headers are not known", () => {
  const expectations: [what: string, frame: string][] = [
    ["neither TCP nor UDP", `${ipv4({ protocol: "32" })} ${tcp(5)}`],
    ["SCTP in IPv6", `${ipv6("84")} ${tcp(5)}`],
    ["a later fragment", `${ipv4({ fragment: "0001" })} ${tcp(5)}`],
    ["a later fragment in IPv6", `${ipv6("2c")} 11 00 0008 00000007 ${UDP}`],
    ["TCP that says it is shorter than it can be", `${ipv4({})} ${tcp(4)}`],
    ["an IPv4 header of another version", `${ipv4({ first: "55" })} ${tcp(5)}`],
    ["extension headers that end nowhere", `${ipv6("00")} 06 ff 0104 00000000 ${"00".repeat(64)}`],
  ];
  for (const [what, frame] of expectations) {
    test(`of ${what}`, () => assert.equal(headerBytesOf(frame), 0));
  }

  test("of TCP whose length was not captured", () => {
    const frame = `${ipv4({})} ${tcp(5)}`;
    for (let captured = 20; captured < 33; captured++) assert.equal(headerBytesOf(frame, captured), 0, `${captured}`);
    assert.equal(headerBytesOf(frame, 33), 40);
  });

  test("of what was known of the frame before", () => {
    const packet = new Packet();
    for (const [text, headerBytes] of [
      [`${ipv4({})} ${tcp(5)}`, 40],
      [IPV4.replace("40 11", "40 01"), 0],
    ] as const) {
      const frame = hex(text);
      parseFrame(packet, LINKTYPE_RAW, frame, 0, frame.length, 60_000);
      parseSegments(packet, SEGMENT_BYTES, frame, 0, frame.length);
      assert.equal(packet.headerBytes, headerBytes);
    }
  });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LINKTYPE_ETHERNET, LINKTYPE_IPV6 } from "../../src/packet/link/link-types.ts";
import { Verdict } from "../../src/packet/packet.ts";
import { MAX_EXTENSION_BYTES, MAX_EXTENSION_HEADERS } from "../../src/packet/transport.ts";
import { facts, hex, IPV6, ipv6, IPV6_FACTS, MACS, parse } from "./frames.ts";

const TCP = 6;
const UDP = 17;
const ESP = 50;
const NO_NEXT_HEADER = 59;

/** Extension headers that name TCP (06) next, of 8 bytes if nothing else is said. */
const CHAINS = [
  { name: "hop-by-hop options", first: "00", headers: "06 00 01 04 00 00 00 00" },
  { name: "a routing header of 24 bytes", first: "2b", headers: `06 02 04 01 00 00 00 00 ${"11".repeat(16)}` },
  { name: "a first fragment", first: "2c", headers: "06 00 00 01 00 00 00 07" },
  { name: "destination options", first: "3c", headers: "06 00 01 04 00 00 00 00" },
  { name: "an authentication header of 24 bytes", first: "33", headers: `06 04 00 00 ${"22".repeat(20)}` },
  {
    name: "an authentication header of 24 bytes and destination options",
    first: "33",
    headers: `3c 04 00 00 ${"22".repeat(20)} 06 00 01 04 00 00 00 00`,
  },
  { name: "a mobility header", first: "87", headers: "06 00 00 00 00 00 00 00" },
  { name: "HIP", first: "8b", headers: "06 00 00 00 00 00 00 00" },
  { name: "Shim6", first: "8c", headers: "06 00 00 00 00 00 00 00" },
  {
    name: "hop-by-hop, destination, routing, fragment and authentication headers",
    first: "00",
    headers: `3c 00 01 04 00 00 00 00  2b 00 01 04 00 00 00 00  2c 00 00 00 00 00 00 00
      33 00 00 01 00 00 00 07  06 04 00 00 ${"22".repeat(20)}`,
  },
];

describe("the protocol behind", () => {
  for (const { name, first, headers } of CHAINS) {
    test(`${name} is found`, () => {
      assert.equal(protocolOf(`${ipv6(first)} ${headers} 00 50 00 50`), TCP);
    });
  }

  test("no extension header is the next header itself, whatever its number", () => {
    const extensions = new Set([0, 43, 44, 51, 60, 135, 139, 140]);
    const frame = hex(IPV6);
    for (let protocol = 0; protocol < 256; protocol++) {
      frame[6] = protocol;
      if (!extensions.has(protocol)) assert.equal(parse(LINKTYPE_IPV6, frame).protocol, protocol);
    }
  });

  test("an encrypting header is ESP: what follows cannot be read", () => {
    assert.equal(protocolOf(`${ipv6("32")} 06 00 00 00 00 00 00 00`), ESP);
  });

  test("a header that says nothing follows is 59", () => {
    assert.equal(protocolOf(`${ipv6("3c")} 3b 00 01 04 00 00 00 00 06 06 06 06`), NO_NEXT_HEADER);
  });

  test("a later fragment is what the fragment header names, whose own headers stand in the first", () => {
    assert.equal(protocolOf(`${ipv6("2c")} 11 00 00 08 00 00 00 07 06 00 00 00`), UDP);
    assert.equal(protocolOf(`${ipv6("2c")} 3c 00 00 08 00 00 00 07 06 00 01 04 00 00 00 00`), 60);
  });
});

describe("a chain of extension headers", () => {
  const hop = (next: string): string => `${next} 00 01 04 00 00 00 00`;

  test("that the capture cuts keeps the last number that could be read, and the addresses", () => {
    const frame = hex(`${ipv6("00")} ${hop("3c")} ${hop("06")}`);
    const protocolAt = (length: number): number => parse(LINKTYPE_IPV6, frame.subarray(0, length), 100).protocol;
    for (let length = 40; length <= 43; length++) assert.equal(protocolAt(length), 0, `${length} bytes`);
    for (let length = 44; length <= 51; length++) assert.equal(protocolAt(length), 60, `${length} bytes`);
    for (let length = 52; length <= 56; length++) assert.equal(protocolAt(length), TCP, `${length} bytes`);
  });

  test(`is followed for ${MAX_EXTENSION_HEADERS} headers and no more`, () => {
    const chain = (count: number): string => `${ipv6("3c")} ${hop("3c").repeat(count - 1)} ${hop("06")}`;
    assert.equal(protocolOf(chain(MAX_EXTENSION_HEADERS)), TCP);
    assert.equal(protocolOf(chain(MAX_EXTENSION_HEADERS + 1)), 60);
  });

  test(`is followed for ${MAX_EXTENSION_BYTES} bytes and no more, so that all engines agree`, () => {
    const options = (next: string, bytes: number): string =>
      `${next} ${(bytes / 8 - 1).toString(16).padStart(2, "0")} ${"00".repeat(bytes - 2)}`;
    assert.equal(protocolOf(`${ipv6("3c")} ${options("3c", MAX_EXTENSION_BYTES - 8)} ${hop("06")}`), TCP);
    assert.equal(protocolOf(`${ipv6("3c")} ${options("3c", MAX_EXTENSION_BYTES)} ${hop("06")}`), 60);
  });

  test("that claims to be longer than the frame ends there", () => {
    assert.equal(protocolOf(`${ipv6("3c")} 2b ff 00 00 00 00 00 00`), 43);
  });
});

test("a header of another version is malformed, even if it is cut short", () => {
  const frame = hex(`${MACS} 86 dd 45 ${IPV6.slice(2)}`);
  for (const length of [frame.length, 53, 15]) {
    assert.equal(parse(LINKTYPE_ETHERNET, frame.subarray(0, length)).verdict, Verdict.MALFORMED, `${length} bytes`);
  }
});

test("all 32 bits of each quarter of an address are read", () => {
  const frame = hex(`60 00 00 00 00 00 06 40 ${"ff".repeat(16)} 80 00 00 01 80 00 00 02 80 00 00 03 80 00 00 04`);
  const sources = [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff];
  const destinations = [0x80000001, 0x80000002, 0x80000003, 0x80000004];
  assert.deepEqual(facts(parse(LINKTYPE_IPV6, frame)), { ...IPV6_FACTS, protocol: TCP, sources, destinations });
});

function protocolOf(frame: string): number {
  const packet = parse(LINKTYPE_IPV6, hex(frame));
  assert.equal(packet.verdict, Verdict.IP);
  return packet.protocol;
}

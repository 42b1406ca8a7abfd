import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isKnownLinkType } from "../../../src/packet/link.ts";
import * as types from "../../../src/packet/link/link-types.ts";
import { Verdict } from "../../../src/packet/packet.ts";
import { encapsulated, ENCAPSULATIONS, OTHER_FRAMES } from "../encapsulations.ts";
import { facts, hex, IPV4, IPV4_FACTS, IPV6, IPV6_FACTS, MACS, parse } from "../frames.ts";

for (const sample of ENCAPSULATIONS) {
  const { name, linkType, carries, trailer = "" } = sample;
  describe(`${carries} in ${name} (${linkType})`, () => {
    const network = hex(carries === "IPv4" ? IPV4 : IPV6);
    const frame = encapsulated(sample, network);
    const end = frame.length - hex(trailer).length;

    test("is accounted, and its size is that of layer 3", () => {
      assert.deepEqual(facts(parse(linkType, frame)), carries === "IPv4" ? IPV4_FACTS : IPV6_FACTS);
    });

    test("is truncated at every shorter length", () => {
      for (let length = 0; length < end; length++) {
        const { verdict } = parse(linkType, frame.subarray(0, length), frame.length);
        assert.equal(verdict, Verdict.TRUNCATED, `${length} of ${end} bytes`);
      }
    });

    test("keeps its size when the capture ends inside the network header", () => {
      const cut = frame.subarray(0, end - 1);
      assert.equal(parse(linkType, cut, frame.length + 1000).lengthBytes, network.length + 1000);
    });

    test("has a link type that is known", () => {
      assert.equal(isKnownLinkType(linkType), true);
    });
  });
}

describe("a frame has a size and nothing else that is", () => {
  for (const { name, linkType, frame, lengthBytes } of OTHER_FRAMES) {
    test(`${name} (${linkType})`, () => {
      assert.deepEqual(facts(parse(linkType, hex(frame))), { verdict: Verdict.NOT_IP, lengthBytes });
    });
  }
});

describe("a link header is malformed that", () => {
  const cases = [
    {
      name: "gives radiotap a length below its own",
      linkType: types.LINKTYPE_IEEE802_11_RADIOTAP,
      frame: "00 00 07 00 00 00 00 00",
    },
    {
      name: "gives AVS a length below its own",
      linkType: types.LINKTYPE_IEEE802_11_AVS,
      frame: "80 21 10 01 00 00 00 07",
    },
    { name: "gives PPI a length below its own", linkType: types.LINKTYPE_PPI, frame: "00 00 07 00 69 00 00 00" },
    {
      name: "gives PKTAP a length below its own",
      linkType: types.LINKTYPE_PKTAP,
      frame: `6b 00 00 00 01 ${"00 ".repeat(103)}`,
    },
    { name: "is not of Junos", linkType: types.LINKTYPE_JUNIPER_ETHER, frame: "4d 47 44 00" },
    { name: "has an address of frame relay of one byte", linkType: types.LINKTYPE_FRELAY, frame: "19 41 03 cc 45 00" },
    {
      name: "has an address of frame relay without an end",
      linkType: types.LINKTYPE_FRELAY,
      frame: "18 40 02 02 03 cc",
    },
    { name: "is of PFLOG and too short", linkType: types.LINKTYPE_PFLOG, frame: "3c 02 00 00" },
    { name: "is of another version of NFLOG", linkType: types.LINKTYPE_NFLOG, frame: "02 01 00 05 08 00 09 00" },
    {
      name: "has an attribute of NFLOG that doesn't end",
      linkType: types.LINKTYPE_NFLOG,
      frame: "02 00 00 05 03 00 01 00",
    },
    { name: "is SLIP before no IP", linkType: types.LINKTYPE_SLIP, frame: `${"00 ".repeat(16)} 75` },
  ];
  for (const { name, linkType, frame } of cases) {
    test(name, () => assert.equal(parse(linkType, hex(`${frame} ${IPV4}`)).verdict, Verdict.MALFORMED));
  }
});

test("a header of QoS data may have four bytes more", () => {
  const address = "02 00 00 00 00 03";
  const frame = `88 81 2c 00 ${MACS} ${address} 10 00 00 00 01 02 03 04 aa aa 03 00 00 00 08 00 ${IPV4}`;
  assert.deepEqual(facts(parse(types.LINKTYPE_IEEE802_11, hex(frame))), IPV4_FACTS);
});

test("a frame inside another is none that wraps a third, and of an unknown type it is unknown", () => {
  const ppi = (linkType: string): string => `00 00 08 00 ${linkType} 00 00 00`;
  const expected = { verdict: Verdict.UNKNOWN_LINK, lengthBytes: 28 };
  assert.deepEqual(facts(parse(types.LINKTYPE_PPI, hex(`${ppi("c0")} ${ppi("01")} ${IPV4}`))), expected);
  const unknown = { verdict: Verdict.UNKNOWN_LINK, lengthBytes: 20 };
  assert.deepEqual(facts(parse(types.LINKTYPE_PPI, hex(`${ppi("93")} ${IPV4}`))), unknown);
});

test("lengths that are larger than all frames are truncated, whatever follows", () => {
  const avs = hex(`80 21 10 01 ff ff ff ff ${"00 ".repeat(200)}`);
  assert.equal(parse(types.LINKTYPE_IEEE802_11_AVS, avs).verdict, Verdict.TRUNCATED);
  const pktap = hex(`ff ff ff ff 01 00 00 00 01 ${"00 ".repeat(200)}`);
  assert.equal(parse(types.LINKTYPE_PKTAP, pktap).verdict, Verdict.TRUNCATED);
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isKnownLinkType } from "../../src/packet/link.ts";
import { MAX_TAGS } from "../../src/packet/link/encapsulation.ts";
import {
  LINKTYPE_C_HDLC,
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_PPP,
  LINKTYPE_PPP_ETHER,
  LINKTYPE_PPP_HDLC,
  LINKTYPE_RAW,
} from "../../src/packet/link/link-types.ts";
import { Verdict } from "../../src/packet/packet.ts";
import { facts, hex, IPV4, IPV4_FACTS, IPV6, IPV6_FACTS, MACS, parse } from "./frames.ts";

const DLT_RAW = 12;
const DLT_RAW_OPENBSD = 14;
const SLL = "00 00 00 01 00 06 02 00 00 00 00 01 00 00";
const SLL2 = "00 00 00 00 00 03 00 01 00 06 02 00 00 00 00 01 00 00";
const MPLS_MORE = "00 06 40 40";
const MPLS_BOTTOM = "00 06 51 40";

interface Encapsulation {
  name: string;
  linkType: number;
  /** All bytes before the IP header. */
  header: string;
  carries: "IPv4" | "IPv6";
}

const ETHERNET: Encapsulation[] = [
  { name: "plain Ethernet", linkType: LINKTYPE_ETHERNET, header: `${MACS} 08 00`, carries: "IPv4" },
  { name: "plain Ethernet", linkType: LINKTYPE_ETHERNET, header: `${MACS} 86 dd`, carries: "IPv6" },
  { name: "802.1Q", linkType: LINKTYPE_ETHERNET, header: `${MACS} 81 00 60 64 08 00`, carries: "IPv4" },
  { name: "802.1Q", linkType: LINKTYPE_ETHERNET, header: `${MACS} 81 00 60 64 86 dd`, carries: "IPv6" },
  { name: "802.1ad", linkType: LINKTYPE_ETHERNET, header: `${MACS} 88 a8 00 0a 81 00 00 64 08 00`, carries: "IPv4" },
  {
    name: "QinQ of 0x9100",
    linkType: LINKTYPE_ETHERNET,
    header: `${MACS} 91 00 00 0a 81 00 00 64 08 00`,
    carries: "IPv4",
  },
  { name: "one MPLS label", linkType: LINKTYPE_ETHERNET, header: `${MACS} 88 47 ${MPLS_BOTTOM}`, carries: "IPv4" },
  { name: "MPLS multicast", linkType: LINKTYPE_ETHERNET, header: `${MACS} 88 48 ${MPLS_BOTTOM}`, carries: "IPv4" },
  {
    name: "three MPLS labels",
    linkType: LINKTYPE_ETHERNET,
    header: `${MACS} 88 47 ${MPLS_MORE} ${MPLS_MORE} ${MPLS_BOTTOM}`,
    carries: "IPv6",
  },
  {
    name: "a tag and an MPLS label",
    linkType: LINKTYPE_ETHERNET,
    header: `${MACS} 81 00 00 64 88 47 ${MPLS_BOTTOM}`,
    carries: "IPv4",
  },
  { name: "PPPoE", linkType: LINKTYPE_ETHERNET, header: `${MACS} 88 64 11 00 00 01 00 16 00 21`, carries: "IPv4" },
  { name: "PPPoE", linkType: LINKTYPE_ETHERNET, header: `${MACS} 88 64 11 00 00 01 00 2a 00 57`, carries: "IPv6" },
  {
    name: "PPPoE in a VLAN",
    linkType: LINKTYPE_ETHERNET,
    header: `${MACS} 81 00 00 07 88 64 11 00 00 01 00 16 00 21`,
    carries: "IPv4",
  },
  {
    name: "MPLS in PPPoE",
    linkType: LINKTYPE_ETHERNET,
    header: `${MACS} 88 64 11 00 00 01 00 1a 02 81 ${MPLS_BOTTOM}`,
    carries: "IPv4",
  },
];

const COOKED: Encapsulation[] = [
  { name: "Linux cooked v1", linkType: LINKTYPE_LINUX_SLL, header: `${SLL} 08 00`, carries: "IPv4" },
  { name: "Linux cooked v1", linkType: LINKTYPE_LINUX_SLL, header: `${SLL} 86 dd`, carries: "IPv6" },
  {
    name: "Linux cooked v1 with a tag",
    linkType: LINKTYPE_LINUX_SLL,
    header: `${SLL} 81 00 00 64 08 00`,
    carries: "IPv4",
  },
  { name: "Linux cooked v2", linkType: LINKTYPE_LINUX_SLL2, header: `08 00 ${SLL2}`, carries: "IPv4" },
  { name: "Linux cooked v2", linkType: LINKTYPE_LINUX_SLL2, header: `86 dd ${SLL2}`, carries: "IPv6" },
  {
    name: "Linux cooked v2 with a tag",
    linkType: LINKTYPE_LINUX_SLL2,
    header: `81 00 ${SLL2} 00 64 08 00`,
    carries: "IPv4",
  },
];

const POINT_TO_POINT: Encapsulation[] = [
  { name: "PPP", linkType: LINKTYPE_PPP, header: "00 21", carries: "IPv4" },
  { name: "PPP", linkType: LINKTYPE_PPP, header: "00 57", carries: "IPv6" },
  { name: "PPP with a compressed protocol", linkType: LINKTYPE_PPP, header: "21", carries: "IPv4" },
  { name: "PPP with a compressed protocol", linkType: LINKTYPE_PPP, header: "57", carries: "IPv6" },
  { name: "PPP with address and control", linkType: LINKTYPE_PPP, header: "ff 03 00 21", carries: "IPv4" },
  { name: "PPP with MPLS multicast", linkType: LINKTYPE_PPP, header: `02 83 ${MPLS_BOTTOM}`, carries: "IPv4" },
  { name: "PPP in HDLC", linkType: LINKTYPE_PPP_HDLC, header: "ff 03 00 21", carries: "IPv4" },
  { name: "PPP in HDLC, compressed protocol", linkType: LINKTYPE_PPP_HDLC, header: "ff 03 57", carries: "IPv6" },
  { name: "Cisco HDLC as PPP_HDLC", linkType: LINKTYPE_PPP_HDLC, header: "0f 00 08 00", carries: "IPv4" },
  { name: "Cisco HDLC unicast", linkType: LINKTYPE_C_HDLC, header: "0f 00 08 00", carries: "IPv4" },
  { name: "Cisco HDLC multicast", linkType: LINKTYPE_C_HDLC, header: "8f 00 86 dd", carries: "IPv6" },
  { name: "Cisco HDLC with MPLS", linkType: LINKTYPE_C_HDLC, header: `0f 00 88 47 ${MPLS_BOTTOM}`, carries: "IPv4" },
  { name: "PPPoE without Ethernet", linkType: LINKTYPE_PPP_ETHER, header: "11 00 00 01 00 16 00 21", carries: "IPv4" },
];

const BARE: Encapsulation[] = [
  ...[LINKTYPE_RAW, LINKTYPE_IPV4, DLT_RAW, DLT_RAW_OPENBSD].map((linkType) => bare(linkType, "IPv4")),
  ...[LINKTYPE_RAW, LINKTYPE_IPV6, DLT_RAW, DLT_RAW_OPENBSD].map((linkType) => bare(linkType, "IPv6")),
  { name: "NULL, little-endian", linkType: LINKTYPE_NULL, header: "02 00 00 00", carries: "IPv4" },
  { name: "NULL, big-endian", linkType: LINKTYPE_NULL, header: "00 00 00 02", carries: "IPv4" },
  { name: "NULL of Linux", linkType: LINKTYPE_NULL, header: "0a 00 00 00", carries: "IPv6" },
  { name: "NULL of OpenBSD", linkType: LINKTYPE_NULL, header: "18 00 00 00", carries: "IPv6" },
  { name: "NULL of FreeBSD", linkType: LINKTYPE_NULL, header: "1c 00 00 00", carries: "IPv6" },
  { name: "NULL of macOS", linkType: LINKTYPE_NULL, header: "1e 00 00 00", carries: "IPv6" },
  { name: "LOOP", linkType: LINKTYPE_LOOP, header: "00 00 00 02", carries: "IPv4" },
  { name: "LOOP", linkType: LINKTYPE_LOOP, header: "00 00 00 18", carries: "IPv6" },
];

function bare(linkType: number, carries: Encapsulation["carries"]): Encapsulation {
  return { name: `raw IP (${linkType})`, linkType, header: "", carries };
}

for (const { name, linkType, header, carries } of [...ETHERNET, ...COOKED, ...POINT_TO_POINT, ...BARE]) {
  describe(`${carries} in ${name}`, () => {
    const network = carries === "IPv4" ? IPV4 : IPV6;
    const frame = hex(header + network);

    test("is accounted, and its size is that of layer 3", () => {
      assert.deepEqual(facts(parse(linkType, frame)), carries === "IPv4" ? IPV4_FACTS : IPV6_FACTS);
    });

    test("is truncated at every shorter length", () => {
      for (let length = 0; length < frame.length; length++) {
        const { verdict } = parse(linkType, frame.subarray(0, length), frame.length);
        assert.equal(verdict, Verdict.TRUNCATED, `${length} bytes`);
      }
    });

    test("keeps its size when the capture ends inside the network header", () => {
      const cut = frame.subarray(0, frame.length - 1);
      assert.equal(parse(linkType, cut, frame.length + 1000).lengthBytes, hex(network).length + 1000);
    });

    test("has a link type that is known", () => {
      assert.equal(isKnownLinkType(linkType), true);
    });
  });
}

describe("frames that are not IP", () => {
  const cases = [
    { name: "ARP", linkType: LINKTYPE_ETHERNET, frame: `${MACS} 08 06 00 01 08 00 06 04 00 01`, lengthBytes: 8 },
    { name: "ARP in a VLAN", linkType: LINKTYPE_ETHERNET, frame: `${MACS} 81 00 00 64 08 06 00 01`, lengthBytes: 2 },
    {
      name: "802.3 with LLC (spanning tree)",
      linkType: LINKTYPE_ETHERNET,
      frame: `${MACS} 00 03 42 42 03`,
      lengthBytes: 3,
    },
    { name: "PPPoE discovery", linkType: LINKTYPE_ETHERNET, frame: `${MACS} 88 63 11 09 00 00 00 00`, lengthBytes: 6 },
    {
      name: "Ethernet in MPLS",
      linkType: LINKTYPE_ETHERNET,
      frame: `${MACS} 88 47 ${MPLS_BOTTOM} 00 00`,
      lengthBytes: 2,
    },
    {
      name: "LCP in PPPoE",
      linkType: LINKTYPE_ETHERNET,
      frame: `${MACS} 88 64 11 00 00 01 00 04 c0 21 09 00`,
      lengthBytes: 2,
    },
    { name: "LCP in PPP", linkType: LINKTYPE_PPP, frame: "ff 03 c0 21 09 00 00 04", lengthBytes: 4 },
    { name: "Cisco SLARP", linkType: LINKTYPE_C_HDLC, frame: "8f 00 80 35 00 00 00 02", lengthBytes: 4 },
    { name: "ARP in Linux cooked v1", linkType: LINKTYPE_LINUX_SLL, frame: `${SLL} 08 06 00 01`, lengthBytes: 2 },
    { name: "ARP in Linux cooked v2", linkType: LINKTYPE_LINUX_SLL2, frame: `08 06 ${SLL2} 00 01`, lengthBytes: 2 },
    { name: "OSI in NULL", linkType: LINKTYPE_NULL, frame: "07 00 00 00 81", lengthBytes: 1 },
    {
      name: "a family that only looks like IPv4",
      linkType: LINKTYPE_NULL,
      frame: `02 00 01 00 ${IPV4}`,
      lengthBytes: 20,
    },
  ];
  for (const { name, linkType, frame, lengthBytes } of cases) {
    test(`${name} has a size and nothing else`, () => {
      assert.deepEqual(facts(parse(linkType, hex(frame))), { verdict: Verdict.NOT_IP, lengthBytes });
    });
  }
});

describe("malformed link headers", () => {
  test(`${MAX_TAGS} tags are looked through, one more is malformed`, () => {
    const tagged = (count: number): Uint8Array => hex(`${MACS} ${"81 00 00 64 ".repeat(count)} 08 00 ${IPV4}`);
    assert.deepEqual(facts(parse(LINKTYPE_ETHERNET, tagged(MAX_TAGS))), IPV4_FACTS);
    assert.equal(parse(LINKTYPE_ETHERNET, tagged(MAX_TAGS + 1)).verdict, Verdict.MALFORMED);
  });

  test("an MPLS stack without a bottom is malformed, however long", () => {
    const frame = hex(`${MACS} 88 47 ${MPLS_MORE.repeat(300)}`);
    assert.equal(parse(LINKTYPE_ETHERNET, frame).verdict, Verdict.MALFORMED);
  });

  test("raw IP of a version that is neither 4 nor 6 is malformed", () => {
    for (const version of ["00", "55", "70", "ff"]) {
      assert.equal(parse(LINKTYPE_RAW, hex(`${version} ${IPV4}`)).verdict, Verdict.MALFORMED);
    }
  });
});

test("a link type that is not known gives the size of the whole frame", () => {
  const LINKTYPE_USER0 = 147;
  assert.equal(isKnownLinkType(LINKTYPE_USER0), false);
  const expected = { verdict: Verdict.UNKNOWN_LINK, lengthBytes: 1500 };
  assert.deepEqual(facts(parse(LINKTYPE_USER0, hex(IPV4), 1500)), expected);
});

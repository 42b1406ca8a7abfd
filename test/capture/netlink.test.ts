import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { linkDumpRequest, parseLinkMessages } from "../../src/capture/netlink.ts";
import { hex } from "../packet/frames.ts";

/*
 * Messages as a kernel of 6.1 sends them, shortened to three attributes. On the wire they are in the order of the host,
 * which is little-endian on every machine that promtap is built for.
 */

/** RTM_NEWLINK of eth0: Ethernet, index 2, up; IFLA_MTU before its name, IFLA_TXQLEN behind it. */
const ETH0 = `
  3c000000 1000 0000 00000000 00000000
  00 00 0100 02000000 43100100 00000000
  0800 0400 dc050000
  0900 0300 65746830 00 000000
  0800 0d00 e8030000`;
const UNRELATED = { altNames: [], kind: "", masterIndex: 0, lowerIndex: 0 };
const ETH0_LINK = {
  name: "eth0",
  index: 2,
  isUp: true,
  isLoopback: false,
  hardwareType: 1,
  isEthernet: true,
  ...UNRELATED,
};

/** RTM_NEWLINK of lo: ARPHRD_LOOPBACK, index 1, down. */
const LO = `
  28000000 1000 0000 00000000 00000000
  00 00 0403 01000000 08000000 00000000
  0700 0300 6c6f 00 00`;
const LO_LINK = {
  name: "lo",
  index: 1,
  isUp: false,
  isLoopback: true,
  hardwareType: 772,
  isEthernet: true,
  ...UNRELATED,
};

/** RTM_NEWLINK of wg0: ARPHRD_NONE, index 0x1234, up. */
const WG0 = `
  28000000 1000 0000 00000000 00000000
  00 00 feff 34120000 d1000100 00000000
  0800 0300 77673000`;
const WG0_LINK = {
  name: "wg0",
  index: 0x1234,
  isUp: true,
  isLoopback: false,
  hardwareType: 0xfffe,
  isEthernet: false,
  ...UNRELATED,
};

/** RTM_DELLINK of index 7, without attributes. */
const DELETED_7 = "20000000 1100 0000 00000000 00000000 00 00 0100 07000000 02100000 ffffffff";
const DONE = "14000000 0300 0200 00000000 00000000 00000000";

const GOES_ON = { isDone: false, error: 0, isInterrupted: false };
const NOTHING = { changed: [], removed: [], state: GOES_ON };

function parse(text: string | Uint8Array, length?: number) {
  const bytes = typeof text === "string" ? hex(text) : text;
  return parseLinkMessages(bytes, length ?? bytes.length);
}

test("a link is read with its name, index and flags", () => {
  assert.deepEqual(parse(ETH0), { ...NOTHING, changed: [ETH0_LINK] });
  assert.deepEqual(parse(LO), { ...NOTHING, changed: [LO_LINK] });
  assert.deepEqual(parse(WG0), { ...NOTHING, changed: [WG0_LINK] });
});

test("names that differ in bytes which aren't UTF-8 are told apart", () => {
  const [first, second] = ["ff", "fe"].map((byte) => parse(WG0.replace("77673000", `${byte}673000`)).changed[0]?.name);
  assert.equal(first, "\\xffg0");
  assert.equal(second, "\\xfeg0");
});

/** RTM_NEWLINK of v5: a VLAN stacked on 2, a port of 9, with IFLA_LINKINFO as the kernel nests it. */
const V5 = `
  4c000000 1000 0000 00000000 00000000
  00 00 0100 05000000 43100100 00000000
  0700 0300 7635 00 00
  0800 0500 02000000
  0800 0a00 09000000
  1400 1280 0900 0100 766c616e 00 000000 0400 0200`;
const V5_LINK = { ...ETH0_LINK, name: "v5", index: 5, kind: "vlan", masterIndex: 9, lowerIndex: 2 };

test("a link tells its kind, its master and what it is stacked on", () => {
  assert.deepEqual(parse(V5), { ...NOTHING, changed: [V5_LINK] });
});

test("the peer of a veth, and what stands in another namespace, are nothing to be stacked on", () => {
  const veth = V5.replace("766c616e", "76657468");
  assert.deepEqual(parse(veth).changed, [{ ...V5_LINK, kind: "veth", lowerIndex: 0 }]);
  // IFLA_LINK_NETNSID instead of IFLA_MASTER.
  const elsewhere = V5.replace("0800 0a00 09000000", "0800 2500 00000000");
  assert.deepEqual(parse(elsewhere).changed, [{ ...V5_LINK, masterIndex: 0, lowerIndex: 0 }]);
});

test("a link that went is known by its index", () => {
  assert.deepEqual(parse(DELETED_7), { ...NOTHING, removed: [7] });
});

test("a datagram may hold many messages, in any order, and the end of a dump", () => {
  assert.deepEqual(parse(LO + DELETED_7 + ETH0 + DONE), {
    changed: [LO_LINK, ETH0_LINK],
    removed: [7],
    state: { ...GOES_ON, isDone: true },
  });
});

test("a dump tells that it was torn, or failed", () => {
  const torn = DONE.replace("0300 0200", "0300 1200");
  assert.deepEqual(parse(torn), { ...NOTHING, state: { isDone: true, error: 0, isInterrupted: true } });
  const failed = "24000000 0200 0000 00000000 00000000 f3ffffff 14000000 1200 0103 00000000 00000000";
  assert.deepEqual(parse(failed), { ...NOTHING, state: { ...GOES_ON, error: -13 } });
});

test("messages and attributes begin at multiples of 4 bytes, whatever their lengths are", () => {
  const odd = LO.replace("28000000", "27000000");
  assert.deepEqual(parse(odd + WG0), { ...NOTHING, changed: [LO_LINK, WG0_LINK] });
  // IFLA_OPERSTATE, of one byte, before the name.
  const before = WG0.replace("28000000", "30000000").replace("0800 0300", "0500 1000 06000000 0800 0300");
  assert.deepEqual(parse(before), { ...NOTHING, changed: [WG0_LINK] });
});

test("what stands behind the length of the datagram is not read", () => {
  const bytes = hex(ETH0 + LO);
  assert.deepEqual(parse(bytes, hex(ETH0).length), { ...NOTHING, changed: [ETH0_LINK] });
  assert.deepEqual(parse(bytes, 0), NOTHING);
});

test("a message is read wherever it stands in memory", () => {
  const bytes = hex(`ff ff ff ${ETH0}`).subarray(3);
  assert.deepEqual(parse(bytes), { ...NOTHING, changed: [ETH0_LINK] });
});

test("messages of a bridge about its ports tell nothing of links", () => {
  const ofBridge = (message: string) => message.replace(/(00000000 00000000\s+)00 00/, "$107 00");
  assert.notEqual(ofBridge(ETH0), ETH0);
  assert.deepEqual(parse(ofBridge(ETH0)), NOTHING);
  assert.deepEqual(parse(ofBridge(DELETED_7)), NOTHING);
});

test("messages of other kinds are passed over", () => {
  // NLMSG_ERROR that acknowledges, and RTM_NEWADDR.
  const error = "24000000 0200 0000 00000000 00000000 00000000 20000000 1200 0103 00000000 00000000";
  const address = ETH0.replace("1000 0000", "1400 0000");
  assert.deepEqual(parse(error + address + LO), { ...NOTHING, changed: [LO_LINK] });
});

test("a datagram that ends early gives the messages before its end", () => {
  const bytes = hex(LO + ETH0);
  const firstBytes = hex(LO).length;
  for (let length = 0; length < bytes.length; length++) {
    const expected = length < firstBytes ? NOTHING : { ...NOTHING, changed: [LO_LINK] };
    assert.deepEqual(parse(bytes, length), expected, `${length} bytes`);
  }
});

test("a message whose length is shorter than a header, or longer than the datagram, ends the reading", () => {
  for (const length of ["00000000", "03000000", "0f000000", "3d000000", "00000080", "ffffffff"]) {
    assert.deepEqual(parse(LO + ETH0.replace("3c000000", length)), { ...NOTHING, changed: [LO_LINK] }, length);
  }
});

test("a message too short for a link is passed over", () => {
  const short = "14000000 1000 0000 00000000 00000000 00000000";
  assert.deepEqual(parse(short + LO), { ...NOTHING, changed: [LO_LINK] });
});

test("a link whose name cannot be read has none", () => {
  const named = (attribute: string) => WG0.replace("0800 0300 77673000", attribute);
  for (const attribute of [
    "0800 0400 77673000", // no name at all
    "0000 0300 77673000", // lengths shorter than the header of an attribute
    "0300 0300 77673000",
    "0900 0300 77673000", // longer than the message
    "ffff 0300 77673000",
    "0400 0300 77673000", // no value, not even the NUL
    "0500 0300 00000000", // the NUL alone
  ]) {
    assert.deepEqual(parse(named(attribute)), { ...NOTHING, changed: [{ ...WG0_LINK, name: "" }] }, attribute);
  }
});

test("a name may hold any bytes that the kernel allows", () => {
  const name = "a\u00fcb";
  const attribute = `0900 0300 ${Buffer.from(name).toString("hex")} 00 000000`;
  const message = WG0.replace("28000000", "2c000000").replace("0800 0300 77673000", attribute);
  assert.deepEqual(parse(message).changed, [{ ...WG0_LINK, name }]);
});

test("no bytes make it throw or never end", () => {
  const pieces = fc.constantFrom(...[ETH0, LO, WG0, DELETED_7, DONE, "14000000 1000 0000", "0400 0300"].map(hex));
  const datagrams = fc
    .array(fc.oneof(pieces, fc.uint8Array({ maxLength: 40 })), { maxLength: 8 })
    .map((parts) => Uint8Array.from(Buffer.concat(parts)));
  fc.assert(
    fc.property(datagrams, (bytes) => {
      const { changed } = parse(bytes);
      for (const { name } of changed) assert.ok(name.length <= bytes.length);
    }),
    { numRuns: 5000 },
  );
  const damages = fc.array(fc.tuple(fc.nat(hex(ETH0 + LO).length - 1), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(damages, (list) => {
      const bytes = hex(ETH0 + LO);
      for (const [at, value] of list) bytes[at] = value;
      parse(bytes);
    }),
    { numRuns: 20_000 },
  );
});

test("the request asks for all links: RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, any family", () => {
  assert.deepEqual(
    linkDumpRequest(),
    hex("20000000 1200 0103 00000000 00000000 00 00 0000 00000000 00000000 00000000"),
  );
});

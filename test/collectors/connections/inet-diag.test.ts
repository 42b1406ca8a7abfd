import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AF_INET6 } from "../../../src/packet/headers.ts";
import { dumpRequest, socketMessages } from "../../../src/collectors/connections/inet-diag.ts";
import { TcpSocket } from "../../../src/collectors/connections/tcp-socket.ts";
import { walkMessages } from "../../../src/native/netlink.ts";
import { hex } from "../../packet/frames.ts";
import { socketOf, textOf } from "./sockets.ts";

/* Messages as a kernel of 6.18 sends them, little-endian but for ports and addresses. */

/** 192.0.2.1:443 established with 198.51.100.7:50000; INET_DIAG_SHUTDOWN and INET_DIAG_CGROUP_ID. */
const IPV4 = `
  6c000000 1400 0200 00000000 00000000
  02 01 00 00  01bb c350  c0000201 00000000 00000000 00000000  c6336407 00000000 00000000 00000000
  00000000 0100000000000000  00000000 00000000 00000000 00000000 2a000000
  0500 0800 00 000000  0c00 1500 0100000000000000`;
const IPV4_SOCKET = "established 192.0.2.1 443 198.51.100.7";

/** [2001:db8::1]:50001 waiting for an answer of [2001:db8::2]:80. */
const IPV6 = `
  58000000 1400 0200 00000000 00000000
  0a 02 00 00  c351 0050  20010db8 00000000 00000000 00000001  20010db8 00000000 00000000 00000002
  00000000 0200000000000000  00000000 00000000 00000000 00000000 00000000`;
const IPV6_SOCKET = "syn_sent 2001:db8::1 50001 2001:db8::2";

/** [::ffff:192.0.2.1]:443, a socket of IPv6, established with 198.51.100.7. */
const MAPPED = `
  58000000 1400 0200 00000000 00000000
  0a 01 00 00  01bb c350  00000000 00000000 0000ffff c0000201  00000000 00000000 0000ffff c6336407
  00000000 0300000000000000  00000000 00000000 00000000 00000000 00000000`;

/** [::]:443 that listens; INET_DIAG_SHUTDOWN, INET_DIAG_SKV6ONLY. */
const listener = (isIpv6Only: "00" | "01"): string => `
  68000000 1400 0200 00000000 00000000
  0a 0a 00 00  01bb 0000  00000000 00000000 00000000 00000000  00000000 00000000 00000000 00000000
  00000000 0400000000000000  00000000 00000000 00000000 00000000 00000000
  0500 0800 00 000000  0500 0b00 ${isIpv6Only} 000000`;

const DONE = "14000000 0300 0200 00000000 00000000 00000000";
const REFUSED = "24000000 0200 0000 00000000 00000000 feffffff 48000000 1400 0103 00000000 00000000";
const NOTHING = { isDone: false, error: 0, isInterrupted: false };

function parse(bytes: Uint8Array, length = bytes.length) {
  const sockets: string[] = [];
  const state = walkMessages(
    bytes,
    length,
    socketMessages(new TcpSocket(), (socket) => sockets.push(textOf(socket))),
  );
  return { sockets, state };
}

test("the request asks for all TCP sockets of a family in some states", () => {
  assert.deepEqual(
    dumpRequest(AF_INET6, 1 << 10),
    hex(`48000000 1400 0103 00000000 00000000 0a 06 00 00 00040000 ${"00".repeat(48)}`),
  );
});

describe("a datagram", () => {
  test("tells sockets with their states and both ends, IPv4 mapped", () => {
    const { sockets, state } = parse(hex(IPV4 + IPV6 + MAPPED));
    assert.deepEqual(sockets, [IPV4_SOCKET, IPV6_SOCKET, IPV4_SOCKET].map(socketOf).map(textOf));
    assert.deepEqual(state, NOTHING);
  });

  test("tells which listeners refuse IPv4", () => {
    const found: boolean[] = [];
    const bytes = hex(listener("01") + listener("00") + IPV6 + IPV4);
    walkMessages(
      bytes,
      bytes.length,
      socketMessages(new TcpSocket(), (socket) => found.push(socket.isIpv6Only)),
    );
    assert.deepEqual(found, [true, false, false, false]);
  });

  test("tells the end of the dump, an error, and an interruption", () => {
    assert.deepEqual(parse(hex(IPV6 + DONE)).state, { ...NOTHING, isDone: true });
    assert.deepEqual(parse(hex(REFUSED)).state, { ...NOTHING, error: -2 });
    const late = "14000000 0300 0200 00000000 00000000 97ffffff";
    assert.deepEqual(parse(hex(late)).state, { ...NOTHING, isDone: true, error: -105 });
    const interrupted = IPV6.replace("1400 0200", "1400 1200");
    assert.deepEqual(parse(hex(interrupted)).state, { ...NOTHING, isInterrupted: true });
  });

  test("that is cut short at whatever byte tells only what is whole", () => {
    const bytes = hex(IPV4 + IPV6);
    for (let length = 0; length <= bytes.length; length++) {
      const whole = (length >= 108 ? 1 : 0) + (length >= 108 + 88 ? 1 : 0);
      assert.equal(parse(bytes, length).sockets.length, whole, `${length} bytes`);
    }
  });

  test("of any bytes is read to its end, and throws nothing", () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(hex(IPV4), hex(listener("01"))), fc.uint8Array())), (parts) => {
        parse(Uint8Array.from(parts.flatMap((part) => [...part])));
      }),
    ));
});

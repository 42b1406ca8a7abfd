import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressDumpRequest, parseAddressMessages } from "../../src/capture/netlink-addresses.ts";
import { hex } from "../packet/frames.ts";

/* As Linux 6.18 answers: 127.0.0.1/8, 192.0.2.2/24 with broadcast, 10.9.0.1 with peer 10.9.0.2, fd00::2/64. */
const LOOPBACK = `4c000000 1400 0200 01000000 00000000 02 08 80 fe 01000000
  0800 0100 7f000001  0800 0200 7f000001  0700 0300 6c6f0000  0800 0800 80000000  1400 0600 ${"ff".repeat(8)} ${"00".repeat(8)}`;
const BROADCAST = `38000000 1400 0200 01000000 00000000 02 18 80 00 04000000
  0800 0100 c0000202  0800 0200 c0000202  0800 0400 c00002ff  0800 0800 80000000`;
const PEER = `28000000 1400 0200 01000000 00000000 02 20 80 00 05000000  0800 0100 0a090002  0800 0200 0a090001`;
const IPV6 = `2c000000 1400 0200 01000000 00000000 0a 40 80 00 04000000
  1400 0100 fd000000 00000000 00000000 00000002`;
const DONE = "14000000 0300 0200 01000000 00000000 00000000";

function parse(...messages: string[]) {
  const bytes = hex(messages.join(""));
  return parseAddressMessages(bytes, bytes.length);
}

test("addresses are the host's own, not those of its peers, and what is broadcast is told apart", () => {
  assert.deepEqual(parse(BROADCAST, PEER, IPV6), {
    found: [
      { version: 4, value: 0xc0000202n, isBroadcast: false },
      { version: 4, value: 0xc00002ffn, isBroadcast: true },
      { version: 4, value: 0x0a090001n, isBroadcast: false },
      { version: 6, value: (0xfd00n << 112n) | 2n, isBroadcast: false },
    ],
    state: { isDone: false, error: 0, isInterrupted: false },
  });
  assert.deepEqual(parse(DONE), { found: [], state: { isDone: true, error: 0, isInterrupted: false } });
});

test("the last address of a network is broadcast though none is assigned, but not of two addresses or one", () => {
  const own = { version: 4, value: 0xc0000202n, isBroadcast: false };
  const assigned = { version: 4, value: 0xc00002ffn, isBroadcast: true };
  for (const [bits, last] of [
    [28, 0xc000020fn],
    [30, 0xc0000203n],
    [31, undefined],
    [32, undefined],
  ] as const) {
    const derived = last === undefined ? [] : [{ version: 4, value: last, isBroadcast: true }];
    const message = BROADCAST.replace(" 02 18", ` 02 ${bits.toString(16)}`);
    assert.deepEqual(parse(message).found, [own, assigned, ...derived]);
    const plain = message.replace("38000000", "30000000").replace("0800 0400 c00002ff", "");
    assert.deepEqual(parse(plain).found, [own, ...derived]);
  }
  assert.deepEqual(parse(LOOPBACK).found, [
    { version: 4, value: 0x7f000001n, isBroadcast: false },
    { version: 4, value: 0x7fffffffn, isBroadcast: true },
  ]);
});

test("what is cut short, of another kind or another family is passed over", () => {
  const whole = hex(BROADCAST);
  for (let length = 0; length < whole.length; length++) assert.deepEqual(parseAddressMessages(whole, length).found, []);
  assert.deepEqual(parse(BROADCAST.replace("1400", "1500"), BROADCAST.replace(" 02 18", " 07 18")).found, []);
  assert.deepEqual(parse("18000000 1400 0200 01000000 00000000 02 18 80 00 04000000").found, []);
  const short = "20000000 1400 0200 01000000 00000000 02 18 80 00 04000000 0700 0100 c0000200";
  assert.deepEqual(parse(short).found, []);
});

test("no bytes make it throw or never end", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseAddressMessages(bytes, bytes.length)));
});

test("the request asks for all addresses: RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, any family", () => {
  assert.deepEqual(addressDumpRequest(), hex("18000000 1600 0103 00000000 00000000 00000000 00000000"));
});

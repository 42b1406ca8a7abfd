import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  chainIn,
  generationIn,
  generationRequest,
  tableIn,
} from "../../../../src/collectors/iptables/kernel/chains.ts";
import { objectIn } from "../../../../src/collectors/iptables/kernel/objects.ts";
import { fillRule, RuleRecord, rulesRequest } from "../../../../src/collectors/iptables/kernel/rules.ts";
import { elementsIn, elementsRequest, setIn } from "../../../../src/collectors/iptables/kernel/sets.ts";
import { hex } from "../../../packet/frames.ts";

/* What a kernel of 6.18 sends behind the header of netlink for a ruleset, from its generation and tables on. */

const GENERATION = "00000002 08000100 00000002 08000200 0000197b 0f000300 4d61696e 54687265 61640000";
const TABLE = "02000002 06000100 74000000 08000300 00000007 0c000400 0000000000000001 08000200 00000000";
/** table ip filter { chain INPUT { type filter hook input priority 0; policy drop; } }, as iptables-nft makes it. */
const BASE_CHAIN = `
  02000005 0b000100 66696c74 65720000 0a000300 494e5055 54000000 0c000200 0000000000000001
  14000400 08000100 00000001 08000200 00000000 08000500 00000000 0b000700 66696c74 65720000
  1c000800 0c000200 0000000000000003 0c000100 0000000100000002 08000a00 00000001 08000600 00000001`;
const OWN_CHAIN = "0a000002 06000100 74000000 08000300 6f776e00 0c000200 0000000000000002 08000600 00000000";
/** counter c1 { packets 5 bytes 77 } */
const COUNTER = `
  01000002 06000100 74000000 07000200 63310000 08000300 00000001 0c000600 0000000000000003 08000500 00000000
  1c000400 0c000100 000000000000004d 0c000200 0000000000000005`;
/** quota q1 { over 5 mbytes used 3 kbytes } */
const QUOTA = `
  02000002 06000100 74000000 07000200 71310000 08000300 00000002 0c000600 0000000000000004 08000500 00000000
  24000400 0c000100 0000000000500000 0c000400 0000000000000c00 08000200 00000001`;
/** ct helper f { type "ftp" protocol tcp; } */
const HELPER = `
  02000002 06000100 74000000 06000200 66000000 08000300 00000003 0c000600 0000000000000005 08000500 00000000
  1c000400 08000100 66747000 05000300 06000000 06000200 00020000`;
/** set ivs { type inet_service; flags interval; size 50; elements = { 10-20, 30 } } */
const SET = `
  02000002 06000100 74000000 08000200 69767300 0c001000 0000000000000006 08000300 00000004 08000400 0000000d
  08000500 00000002 0a000d00 00040200 00000000 0c000900 08000100 00000032 08001400 00000002`;
/** set dyn { type ipv4_addr; flags dynamic,timeout; }, before Linux 6.16 */
const DYNAMIC_SET = `
  02000002 06000100 74000000 08000200 64796e00 0c001000 0000000000000007 08000300 00000030 08000400 00000007
  08000500 00000004 0a000d00 00040200 00000000 04000900`;
/** What { 22, 80 } is in a rule. */
const ANONYMOUS_SET =
  "02000002 06000100 74000000 0b000200 5f5f7365 74300000 0c001000 0000000000000008 08000300 00000003";
const ELEMENTS = `
  02000002 06000100 74000000 08000200 69767300 6c000300
  18000100 0c000100 06000100 001f0000 08000300 00000001  10000100 0c000100 06000100 001e0000
  18000100 0c000100 06000100 00150000 08000300 00000001  10000100 0c000100 06000100 000a0000
  18000100 0c000100 06000100 00000000 08000300 00000001`;
/** tcp dport { 22, 80 } counter packets 3 bytes 9 accept */
const RULE = `
  02000002 06000100 74000000 06000200 63000000 0c000300 0000000000000009 14010400
  24000100 09000100 6d657461 00000000 14000200 08000200 00000010 08000100 00000001
  2c000100 08000100 636d7000 20000200 08000100 00000001 08000200 00000000 0c000300 05000100 06000000
  34000100 0c000100 7061796c 6f616400 24000200 08000100 00000001 08000200 00000002 08000300 00000002 08000400 00000002
  30000100 0b000100 6c6f6f6b 75700000 20000200 0b000100 5f5f7365 74300000 08000200 00000001 08000500 00000000
  2c000100 0c000100 636f756e 74657200 1c000200 0c000100 0000000000000009 0c000200 0000000000000003
  30000100 0e000100 696d6d65 64696174 65000000 1c000200 08000100 00000000 10000200 0c000200 08000100 00000001`;
/** quota over 10 kbytes used 1000 bytes counter packets 1 bytes 1 counter packets 18446744073709551615 bytes 4294967297 */
const QUOTA_RULE = `
  02000002 06000100 74000000 06000200 63000000 0c000300 000000000000000a 0c000600 0000000000000009 90000400
  34000100 0a000100 71756f74 61000000 24000200 0c000100 0000000000002800 0c000400 00000000000003e8 08000200 00000001
  2c000100 0c000100 636f756e 74657200 1c000200 0c000100 0000000000000001 0c000200 0000000000000001
  2c000100 0c000100 636f756e 74657200 1c000200 0c000100 0000000100000001 0c000200 ffffffffffffffff`;

/** Reads a message that stands behind other bytes. */
function read<T>(message: string, reader: (bytes: Uint8Array, from: number, to: number) => T): T {
  const bytes = hex(`ffffffff ${message}`);
  return reader(bytes, 4, bytes.length);
}

function ruleOf(message: string, rule = new RuleRecord()): RuleRecord {
  read(message, (bytes, from, to) => fillRule(rule, bytes, from, to));
  return rule;
}

test("requests name what they ask for", () => {
  assert.deepEqual(generationRequest(), hex("14000000 100a 0100 00000000 00000000 00000000"));
  const chain = read(BASE_CHAIN, chainIn);
  assert.deepEqual(
    Buffer.from(rulesRequest(chain)),
    Buffer.from(
      hex("2c000000 070a 0103 00000000 00000000 02000000 0b000100 66696c7465720000 0a000200 494e505554000000"),
    ),
  );
  assert.deepEqual(
    Buffer.from(elementsRequest(read(SET, setIn))),
    Buffer.from(hex("24000000 0d0a 0103 00000000 00000000 02000000 06000100 74000000 08000200 69767300")),
  );
});

test("a generation is a number", () => {
  assert.equal(read(GENERATION, generationIn), 2);
});

test("a table has a family, a name and a handle", () => {
  assert.deepEqual(read(TABLE, tableIn), { family: "ipv4", familyNumber: 2, name: "t", handle: 1 });
});

test("a chain has a policy and counters if a hook leads to it", () => {
  assert.deepEqual(read(BASE_CHAIN, chainIn), {
    family: "ipv4",
    familyNumber: 2,
    table: "filter",
    name: "INPUT",
    handle: 1,
    policy: 0,
    packets: 3,
    bytes: 2 ** 32 + 2,
  });
  assert.deepEqual(read(OWN_CHAIN, chainIn), {
    family: "ipv6",
    familyNumber: 10,
    table: "t",
    name: "own",
    handle: 2,
    policy: undefined,
    packets: 0,
    bytes: 0,
  });
});

test("families have the names of the page, and others their numbers", () => {
  const families = ["01", "02", "03", "05", "07", "0a", "63"].map(
    (number) => read(`${number}${TABLE.slice(2)}`, tableIn).family,
  );
  assert.deepEqual(families, ["inet", "ipv4", "arp", "netdev", "bridge", "ipv6", "99"]);
});

test("an object is a counter, a quota, or neither", () => {
  const place = { table: "t" };
  const counter = { packets: 5, bytes: 77 };
  const quota = { bytes: 5 * 2 ** 20, used: 3 * 2 ** 10 };
  assert.deepEqual(read(COUNTER, objectIn), { family: "inet", ...place, name: "c1", counter, quota: undefined });
  assert.deepEqual(read(QUOTA, objectIn), { family: "ipv4", ...place, name: "q1", counter: undefined, quota });
  const neither = { counter: undefined, quota: undefined };
  assert.deepEqual(read(HELPER, objectIn), { family: "ipv4", ...place, name: "f", ...neither });
});

test("a set has a limit and a number of elements if they are told, and flags", () => {
  const found = [SET, DYNAMIC_SET, ANONYMOUS_SET].map((message) => {
    const { name, isAnonymous, isChanging, limit, elements } = read(message, setIn);
    return [name, isAnonymous, isChanging, limit, elements];
  });
  assert.deepEqual(found, [
    ["ivs", false, false, 50, 2],
    ["dyn", false, true, undefined, undefined],
    ["__set0", true, false, undefined, undefined],
  ]);
});

test("elements are counted without the ends of intervals", () => {
  assert.equal(read(ELEMENTS, elementsIn), 2);
  assert.equal(read("02000002 06000100 74000000 08000200 69767300 04000300", elementsIn), 0);
});

describe("a rule", () => {
  test("has a counter among other expressions", () => {
    const { packets, bytes, quotas } = ruleOf(RULE);
    assert.deepEqual([packets, bytes, quotas], [3, 9, []]);
  });

  test("counts by its last counter, up to 2^64-1, and has quotas", () => {
    const { packets, bytes, quotas } = ruleOf(QUOTA_RULE);
    assert.deepEqual([packets, bytes], [2 ** 64, 2 ** 32 + 1]);
    assert.deepEqual(quotas, [{ bytes: 10 * 2 ** 10, used: 1000 }]);
  });

  test("leaves nothing of itself to the next one", () => {
    const rule = ruleOf(QUOTA_RULE);
    ruleOf("02000002 06000100 74000000 06000200 63000000", rule);
    assert.deepEqual([rule.digest, rule.packets, rule.bytes, rule.quotas], [0, 0, 0, []]);
  });

  test("has the same digest as long as only what it counts changes, and else another", () => {
    const digest = (message: string): number => ruleOf(message).digest;
    assert.equal(digest(QUOTA_RULE.replaceAll("ffffffffffffffff", "0000000000000005")), digest(QUOTA_RULE));
    assert.equal(digest(QUOTA_RULE.replace("00000000000003e8", "0000000000000005")), digest(QUOTA_RULE));
    assert.notEqual(digest(QUOTA_RULE.replace("0000000000002800", "0000000000002801")), digest(QUOTA_RULE));
    assert.notEqual(digest(RULE.replace("06000000", "11000000")), digest(RULE));
    const last = QUOTA_RULE.replaceAll("636f756e 74657200", "6c617374 00000000");
    assert.notEqual(digest(last), digest(QUOTA_RULE));
    assert.equal(digest(last.replaceAll("ffffffffffffffff", "0000000000000005")), digest(last));
    const comment = "0c000700 0006 61206200 0000";
    assert.notEqual(digest(RULE + comment), digest(RULE));
    assert.notEqual(digest(RULE + comment), digest(RULE + comment.replace("61", "62")));
  });

  test("that is cut short at whatever byte throws nothing", () => {
    const bytes = hex(QUOTA_RULE);
    for (let to = 4; to <= bytes.length; to++) fillRule(new RuleRecord(), bytes, 0, to);
  });
});

test("any bytes are read to their end, and throw nothing", () => {
  const messages = [GENERATION, TABLE, BASE_CHAIN, COUNTER, QUOTA, SET, ELEMENTS, RULE, QUOTA_RULE].map(hex);
  const readers = [generationIn, tableIn, chainIn, objectIn, setIn, elementsIn];
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...messages), fc.uint8Array())), fc.nat(), (parts, cut) => {
      const all = Uint8Array.from([0, 0, 0, 0, ...parts.flatMap((part) => [...part])]);
      const bytes = all.subarray(0, Math.max(4, all.length - (cut % 32)));
      for (const reader of readers) reader(bytes, 0, bytes.length);
      fillRule(new RuleRecord(), bytes, 0, bytes.length);
    }),
  );
});

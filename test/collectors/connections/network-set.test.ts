import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NetworkSet } from "../../../src/collectors/connections/network-set.ts";
import { configOf } from "../../../src/daemon/config.ts";
import { words } from "../../geo/addresses.ts";

function setOf(...networks: readonly string[]): NetworkSet {
  return new NetworkSet(
    configOf(
      new Map([
        ["geoip", [""]],
        ["geoip-exclude", networks],
      ]),
    ).features.geoip!.exclude,
  );
}

test("a set has the addresses of its networks, and no others", () => {
  const set = setOf("8.8.8.8,4.4.4.4", "10.0.0.0/8", "2001:db8::/32", "2001:4860::8888");
  for (const address of ["8.8.8.8", "4.4.4.4", "10.0.0.0", "10.255.255.255", "2001:db8:1::", "2001:4860::8888"]) {
    assert.ok(set.has(words(address)), address);
  }
  for (const address of ["8.8.8.9", "11.0.0.0", "9.255.255.255", "2001:db9::", "2001:4860::8889", "::8.8.8.8"]) {
    assert.ok(!set.has(words(address)), address);
  }
});

test("mapped addresses are of IPv4, and networks of them too", () => {
  assert.ok(setOf("10.0.0.0/8").has(words("::ffff:10.1.2.3")));
  assert.ok(setOf("::ffff:10.0.0.0/104").has(words("10.1.2.3")));
  assert.ok(!setOf("::ffff:10.0.0.0/104").has(words("11.1.2.3")));
});

test("all of one family is nothing of the other", () => {
  assert.deepEqual(
    ["192.0.2.1", "2001:db8::1"].map((address) => setOf("0.0.0.0/0").has(words(address))),
    [true, false],
  );
  assert.deepEqual(
    ["192.0.2.1", "2001:db8::1"].map((address) => setOf("::/0").has(words(address))),
    [false, true],
  );
});

test("a set finds what a search through the list finds", () => {
  const ipv4 = fc.tuple(fc.nat(0xffff_ffff), fc.integer({ min: 0, max: 32 }));
  fc.assert(
    fc.property(fc.array(ipv4), fc.array(fc.nat(0xffff_ffff)), (pairs, others) => {
      const networks = pairs.map(([address, prefixBits]) => {
        const hostBits = BigInt(32 - prefixBits);
        return { version: 4 as const, value: (BigInt(address) >> hostBits) << hostBits, prefixBits };
      });
      const set = new NetworkSet(networks);
      for (const address of [...others, ...pairs.map(([address]) => address ^ 1)]) {
        const expected = networks.some(({ value, prefixBits }) => {
          const hostBits = BigInt(32 - prefixBits);
          return BigInt(address >>> 0) >> hostBits === value >> hostBits;
        });
        assert.equal(set.has(Uint32Array.of(0, 0, 0xffff, address)), expected);
      }
    }),
  );
});

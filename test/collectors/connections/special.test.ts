import assert from "node:assert/strict";
import { test } from "node:test";
import { specialName } from "../../../src/collectors/connections/special.ts";
import { words } from "../../geo/addresses.ts";

/** Names by the first and last address of a range, and what is right outside of it. */
const RANGES: readonly [name: string, before: string, first: string, last: string, after: string][] = [
  ["private", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"],
  ["private", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"],
  ["private", "192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"],
  ["cgnat", "100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"],
  ["loopback", "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"],
  ["loopback", "::", "::1", "::1", "::2"],
  ["link_local", "169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"],
  ["private", "fbff:ffff::", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::"],
  ["link_local", "fe7f:ffff::", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff00::"],
  ["private", "ff00::", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff00::"],
];

for (const [name, before, first, last, after] of RANGES) {
  test(`${first} to ${last} is ${name}`, () => {
    assert.deepEqual(
      [before, first, last, after].map((address) => specialName(words(address))),
      [undefined, name, name, undefined],
    );
  });
}

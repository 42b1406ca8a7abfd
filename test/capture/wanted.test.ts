import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Link } from "../../src/capture/netlink.ts";
import { interfacesOf } from "../../src/capture/wanted.ts";

function link(name: string, fields: Partial<Link> = {}): Link {
  return {
    name,
    index: 1,
    isUp: true,
    isLoopback: false,
    hardwareType: 1,
    isEthernet: true,
    kind: "",
    masterIndex: 0,
    lowerIndex: 0,
    ...fields,
  };
}

const LINKS = [
  link("lo", { isLoopback: true }),
  link("eth0"),
  link("eth1", { isUp: false }),
  link("wg0", { isEthernet: false }),
  link("veth.1"),
];

describe("the interfaces that patterns name", () => {
  const expectations: [patterns: string[], names: string[]][] = [
    [["auto"], ["eth0", "wg0", "veth.1"]],
    [["eth0"], ["eth0"]],
    [["eth1"], ["eth1"]],
    [["lo"], ["lo"]],
    [
      ["auto", "lo"],
      ["lo", "eth0", "wg0", "veth.1"],
    ],
    [["eth*"], ["eth0", "eth1"]],
    [["*"], ["lo", "eth0", "eth1", "wg0", "veth.1"]],
    [["eth?"], ["eth0", "eth1"]],
    [["eth[1-9]"], ["eth1"]],
    [["veth.*"], ["veth.1"]],
    [
      ["wg0", "eth*", "eth0"],
      ["eth0", "eth1", "wg0"],
    ],
    [["docker*"], []],
  ];
  for (const [patterns, names] of expectations) {
    test(`${patterns.join(", ")}: ${names.join(", ") || "none yet"}`, () => {
      assert.deepEqual(
        interfacesOf(patterns, LINKS).map(({ name }) => name),
        names,
      );
    });
  }

  test("a name that no interface has is an error that lists those there are", () => {
    assert.throws(() => interfacesOf(["eth0", "eth7"], LINKS), {
      name: "PromtapError",
      code: "HOST",
      message: "couldn't open eth7: no such interface; this host has lo, eth0, eth1, wg0, veth.1",
    });
  });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Link } from "../../src/capture/netlink.ts";
import { InterfacePatterns } from "../../src/capture/interface-patterns.ts";
import { idlePatterns, interfacesOf } from "../../src/capture/wanted.ts";

function link(name: string, fields: Partial<Link> = {}): Link {
  return {
    name,
    altNames: [],
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

/** What leaves out: of AUTO and of patterns, and nothing of what is named in full. */
const WITHOUT: [patterns: string[], names: string[]][] = [
  [["!veth*"], ["eth0", "wg0"]],
  [["!veth*", "!wg0"], ["eth0"]],
  [["!lo"], ["eth0", "wg0", "veth.1"]],
  [
    ["*", "!eth*"],
    ["lo", "wg0", "veth.1"],
  ],
  [["auto", "lo", "!*"], ["lo"]],
  [["eth1", "!eth*"], ["eth1"]],
  [["eth*", "!*"], []],
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
  for (const [patterns, names] of [...expectations, ...WITHOUT]) {
    test(`${patterns.join(", ")}: ${names.join(", ") || "none yet"}`, () => {
      assert.deepEqual(
        interfacesOf(new InterfacePatterns(patterns), LINKS).map(({ name }) => name),
        names,
      );
    });
  }

  test("a name that no interface has is an error that lists those there are", () => {
    assert.throws(() => interfacesOf(new InterfacePatterns(["eth0", "eth7"]), LINKS), {
      name: "PromtapError",
      code: "HOST",
      message: "couldn't open eth7: no such interface; this host has lo, eth0, eth1, wg0, veth.1",
    });
  });

  test("an interface answers to its other names, in full, to patterns, and to what leaves out", () => {
    const links = [link("eth0", { altNames: ["enp3s0", "uplink"] }), link("eth1", { altNames: ["enp4s0"] })];
    const namesOf = (...patterns: string[]) =>
      interfacesOf(new InterfacePatterns(patterns), links).map(({ name }) => name);
    assert.deepEqual(namesOf("uplink"), ["eth0"]);
    assert.deepEqual(namesOf("enp*"), ["eth0", "eth1"]);
    assert.deepEqual(namesOf("auto", "!enp4s0"), ["eth0"]);
    assert.throws(
      () => interfacesOf(new InterfacePatterns(["enp5s0"]), links),
      /couldn't open enp5s0: no such interface/,
    );
  });

  test("patterns that name nothing yet are known, and AUTO if the edge has nothing for it", () => {
    assert.deepEqual(idlePatterns(new InterfacePatterns(["eth0", "eth*", "docker*", "auto"]), LINKS), ["docker*"]);
    assert.deepEqual(idlePatterns(new InterfacePatterns(["auto", "br?"]), [link("lo", { isLoopback: true })]), [
      "auto",
      "br?",
    ]);
    assert.deepEqual(idlePatterns(new InterfacePatterns(["!eth*", "!wg0", "!veth*"]), LINKS), ["auto"]);
  });
});

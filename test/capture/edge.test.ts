import assert from "node:assert/strict";
import { test } from "node:test";
import { edgeOf } from "../../src/capture/edge.ts";
import type { Link } from "../../src/capture/netlink.ts";

type Relations = Partial<Omit<Link, "name">> & { master?: string; lower?: string };

/** Links with the indexes of their order, all up; `master` and `lower` are names. */
function links(described: Readonly<Record<string, Relations>>): Link[] {
  const names = Object.keys(described);
  const indexOf = (name: string | undefined): number => (name === undefined ? 0 : names.indexOf(name) + 1);
  return Object.entries(described).map(([name, { master, lower, ...fields }]) => ({
    name,
    altNames: [],
    index: indexOf(name),
    isUp: true,
    isLoopback: false,
    hardwareType: 1,
    isEthernet: true,
    kind: "",
    masterIndex: indexOf(master),
    lowerIndex: indexOf(lower),
    ...fields,
  }));
}

function edge(described: Readonly<Record<string, Relations>>, among?: readonly string[]): string {
  const all = links(described);
  const candidates = among === undefined ? all : all.filter(({ name }) => among.includes(name));
  return edgeOf(candidates, all)
    .map(({ name }) => name)
    .join(" ");
}

const BRIDGE = { kind: "bridge" };
const GUEST = { kind: "veth", master: "br0" };

test("hardware, tunnels, and interfaces that belong to nothing are the edge", () => {
  assert.equal(
    edge({ eth0: {}, wg0: { kind: "wireguard", isEthernet: false }, dummy0: { kind: "dummy" } }),
    "eth0 wg0 dummy0",
  );
  assert.equal(edge({ eth0: {}, tun0: { kind: "tun" }, gre1: { kind: "gre", lower: "eth0" } }), "eth0 tun0 gre1");
});

test("of a bridge, its uplink is the edge: hardware, a bond, a VLAN, or what a container calls eth0", () => {
  assert.equal(
    edge({ br0: BRIDGE, vnet0: { kind: "tun", master: "br0" }, veth1: GUEST, eth0: { master: "br0" } }),
    "eth0",
  );
  assert.equal(
    edge({ br0: BRIDGE, veth1: GUEST, bond0: { kind: "bond", master: "br0" }, eth0: { master: "bond0" } }),
    "bond0",
  );
  assert.equal(edge({ br0: BRIDGE, veth1: GUEST, eth0: { ...GUEST } }), "eth0");
});

test("what a bridge of guests sends out is counted on the way out", () => {
  assert.equal(edge({ docker0: BRIDGE, veth1: { kind: "veth", master: "docker0" }, eth0: {} }), "eth0");
  assert.equal(edge({ br0: BRIDGE, veth1: GUEST, eth0: { kind: "veth" } }), "eth0");
});

test("of a bond or a team, it is the edge and not its slaves", () => {
  assert.equal(edge({ bond0: { kind: "bond" }, eth0: { master: "bond0" }, eth1: { master: "bond0" } }), "bond0");
  assert.equal(edge({ team0: { kind: "team" }, eth0: { master: "team0" } }), "team0");
  // Accelerated networking: the virtual function is a slave of the synthetic interface.
  assert.equal(edge({ eth0: {}, enP1s1: { master: "eth0" } }), "eth0");
});

test("of a VLAN or macvlan, the interface below it is the edge, also below a bridge", () => {
  for (const kind of ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"]) {
    assert.equal(edge({ eth0: {}, upper0: { kind, lower: "eth0" } }), "eth0", kind);
  }
  assert.equal(edge({ eth0: {}, "eth0.5": { kind: "vlan", lower: "eth0", master: "br5" }, br5: BRIDGE }), "eth0");
  // In a container, what is below stands in another namespace.
  assert.equal(edge({ eth0: { kind: "macvlan" } }), "eth0");
});

test("of a VRF, its members are the edge", () => {
  assert.equal(edge({ red: { kind: "vrf" }, eth0: { master: "red" }, eth1: { master: "red" } }), "eth0 eth1");
});

test("of Open vSwitch, its uplink is the edge", () => {
  const port = { master: "ovs-system" };
  const inside = { kind: "openvswitch" };
  assert.equal(
    edge({ "ovs-system": inside, br0: { ...inside, ...port }, vnet0: { kind: "tun", ...port }, eth0: port }),
    "eth0",
  );
});

test("of a switch chip, its ports are the edge and not the conduit that carries them tagged", () => {
  const port = { kind: "dsa", lower: "eth0" };
  assert.equal(edge({ eth0: {}, wan: port, lan1: { ...port, master: "br0" }, br0: BRIDGE }), "wan lan1");
});

test("what is down neither stands for other interfaces nor is stood for", () => {
  assert.equal(edge({ bond0: { kind: "bond", isUp: false }, eth0: { master: "bond0" } }, ["eth0"]), "eth0");
  assert.equal(edge({ br0: BRIDGE, veth1: { ...GUEST, isUp: false }, eth0: {} }, ["br0", "eth0"]), "br0 eth0");
});

test("a bridge that leads nowhere but to guests is seen at its ports, or by itself if they are not asked for", () => {
  assert.equal(edge({ br0: BRIDGE, veth1: GUEST, veth2: GUEST }), "veth1 veth2");
  assert.equal(edge({ br0: BRIDGE, veth1: GUEST, veth2: GUEST, eth0: {} }, ["br0"]), "br0");
  assert.equal(edge({ br0: BRIDGE, veth1: GUEST, veth2: GUEST, eth0: {} }, ["br0", "veth1"]), "veth1");
});

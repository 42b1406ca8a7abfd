import type { Link } from "./netlink.ts";

/** Kinds whose members stand beside each other: a member is no other view of the same packets. */
const SWITCHES: ReadonlySet<string> = new Set(["bridge", "openvswitch"]);
/** Kinds that show the packets of their members once more, on their way through the host. */
const VIEWS_OF_MEMBERS: ReadonlySet<string> = new Set([...SWITCHES, "vrf"]);
/** Kinds that show part of the frames of the interface below them, as they are there. */
const VIEWS_OF_LOWER: ReadonlySet<string> = new Set(["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"]);
/** Kinds that lead to guests, or to the host itself, when they are ports of a switch. */
const INNER_PORTS: ReadonlySet<string> = new Set(["veth", "tun", "openvswitch"]);
/** What a guest calls its way out, which is a veth or a tap as well when the guest is a container. */
const UPLINK_NAME = /^(?:eth|en|wl|ww|ib)/;

/** Where an interface stands among the others. */
export interface Position {
  readonly kind: string;
  /** The interface that it is a port or slave of, "" if of none. */
  readonly master: string;
  /** The interface that it is stacked on, "" if on none. */
  readonly lower: string;
  /** Whether packets enter or leave the host there; else they pass an interface of the edge too, and count there. */
  readonly isEdge: boolean;
}

/** Where the captured links stand, by index. `all`: the links of the namespace. */
export function positionsOf(captured: readonly Link[], all: readonly Link[]): ReadonlyMap<number, Position> {
  const names = new Map(all.map(({ index, name }) => [index, name]));
  const edge = new Set(edgeOf(captured, all));
  return new Map(
    captured.map((link) => {
      const { kind, masterIndex, lowerIndex } = link;
      const [master = "", lower = ""] = [names.get(masterIndex), names.get(lowerIndex)];
      return [link.index, { kind, master, lower, isEdge: edge.has(link) }];
    }),
  );
}

/**
 * The edge of the host among `candidates`: the interfaces at which packets enter or leave it. A packet that passes
 * several interfaces, such as a port, its bridge and the bridge's uplink, crosses the edge at one of them. `all`:
 * the links of the namespace, which say how they are stacked.
 *
 *     veth1 (guest) ─┐                      eth0 ─┐                       eth0 ── eth0.5 (vlan)
 *     veth2 (guest) ─┴ br0 ── eth0          eth1 ─┴ bond0
 *                             ^^^^                  ^^^^^                 ^^^^
 *
 * Tunnels are part of it: their packets are others than those that carry them. Packets that the host routes from one
 * interface of the edge to another cross the edge twice.
 */
export function edgeOf(candidates: readonly Link[], all: readonly Link[]): Link[] {
  const byIndex = new Map(all.filter(({ isUp }) => isUp).map((link) => [link.index, link]));
  const withMembers = new Set<number>();
  const underSwitch = new Set<number>();
  for (const { masterIndex, lowerIndex, kind } of byIndex.values()) {
    withMembers.add(masterIndex);
    // A port of a switch chip shows what the conduit below it carries tagged.
    if (kind === "dsa") underSwitch.add(lowerIndex);
  }
  const isView = ({ index, kind, lowerIndex }: Link): boolean =>
    (VIEWS_OF_MEMBERS.has(kind) && withMembers.has(index)) ||
    (VIEWS_OF_LOWER.has(kind) && byIndex.has(lowerIndex)) ||
    underSwitch.has(index);
  const isInner = ({ masterIndex, kind, name }: Link): boolean => {
    const master = byIndex.get(masterIndex);
    if (master === undefined || master.kind === "vrf") return false;
    return SWITCHES.has(master.kind) ? INNER_PORTS.has(kind) && !UPLINK_NAME.test(name) : true;
  };
  const edge = candidates.filter((link) => !isView(link) && !isInner(link));
  if (edge.length > 0) return edge;
  // A switch that leads nowhere but to guests: its ports see everything, though a packet from port to port twice.
  const ports = candidates.filter((link) => !isView(link));
  return ports.length > 0 ? ports : [...candidates];
}

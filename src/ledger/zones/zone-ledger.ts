import { type Packet, Verdict } from "../../packet/packet.ts";
import { Direction } from "../rows.ts";
import { packetsOnWire } from "../unfolding.ts";
import { SlotCounters } from "./slot-counters.ts";
import { Ends, nearness, Zone } from "./zone.ts";
import type { PacketCounts } from "./zoned-sink.ts";
import type { Zoning } from "./zoning.ts";

/**
 * What one interface has sent to each zone and received from it.
 *
 * Of the two ends of a packet the nearer one is ours: this host's before those that listen to a group, those before
 * private addresses, and all of them before the public ones. A packet that comes from the nearer end was sent, to the
 * zone of the other; one that goes to it was received. If both are as near there is no remote end: the packet counts
 * once, as sent, for the zone that both are in, or for TRANSIT if that is none. So every IP packet counts once.
 *
 * If both ends count, the zone of the source has sent the packet and that of the destination has received it, unless they
 * are UNKNOWN: a packet between two zones counts for both.
 */
export class ZoneLedger implements PacketCounts {
  readonly zoning: Zoning;
  readonly counts = new SlotCounters();

  constructor(zoning: Zoning) {
    this.zoning = zoning;
    zoning.slots.join(this.counts);
  }

  /** Counts for no page any more. */
  forget(): void {
    this.zoning.slots.leave(this.counts);
  }

  /** Counts what InterfaceLedger.recordIpv4 counts. Hot; does not allocate, but for what is seen first. */
  recordIpv4(source: number, destination: number, _protocol: number, lengthBytes: number): void {
    const { table } = this.zoning;
    this.#count(table.zoneOfIpv4(source), table.zoneOfIpv4(destination), 1, lengthBytes);
  }

  /** Counts one frame as one packet. Hot; does not allocate, but for what is seen first. */
  record(packet: Packet): void {
    this.recordMany(packet, 1, packet.lengthBytes);
  }

  /** Counts one frame as the packets that it stands for, as InterfaceLedger.recordAggregated does. */
  recordAggregated(packet: Packet): void {
    const { lengthBytes, headerBytes, segmentBytes } = packet;
    const packets = packetsOnWire(lengthBytes, headerBytes, segmentBytes);
    this.recordMany(packet, packets, lengthBytes + (packets - 1) * headerBytes);
  }

  /** Counts packets like this one, of so many bytes together. Hot; does not allocate, but for what is seen first. */
  recordMany(packet: Packet, packets: number, bytes: number): void {
    if (packet.verdict !== Verdict.IP) return;
    const { table } = this.zoning;
    const { source, source1, source2, source3, destination, destination1, destination2, destination3 } = packet;
    if (packet.version === 4) {
      this.#count(table.zoneOfIpv4(source), table.zoneOfIpv4(destination), packets, bytes);
      return;
    }
    const from = table.zoneOfIpv6(source, source1, source2, source3);
    this.#count(from, table.zoneOfIpv6(destination, destination1, destination2, destination3), packets, bytes);
  }

  /** Counts packets from one zone to another. */
  #count(from: number, to: number, packets: number, bytes: number): void {
    const { zoning, counts } = this;
    if (zoning.ends === Ends.BOTH) {
      if (from !== Zone.UNKNOWN) counts.add(zoning.slotOf(from, Direction.TX), Direction.TX, packets, bytes);
      if (to !== Zone.UNKNOWN) counts.add(zoning.slotOf(to, Direction.RX), Direction.RX, packets, bytes);
      return;
    }
    const lead = nearness(from) - nearness(to);
    if (lead < 0) counts.add(zoning.slotOf(from, Direction.RX), Direction.RX, packets, bytes);
    else counts.add(zoning.slotOf(lead > 0 ? to : between(from), Direction.TX), Direction.TX, packets, bytes);
  }
}

/** The zone of packets between two ends that are as near. */
function between(zone: number): number {
  return nearness(zone) === Zone.UNKNOWN ? Zone.TRANSIT : zone;
}

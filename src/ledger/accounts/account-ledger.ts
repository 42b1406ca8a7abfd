import { type Packet, Verdict } from "../../packet/packet.ts";
import { IPV4_COLUMN, IPV6_COLUMN } from "../../packet/protocols.ts";
import { Direction } from "../rows.ts";
import { packetsOnWire } from "../unfolding.ts";
import { NO_VLAN } from "../vlans/vlan.ts";
import { SlotCounters } from "../zones/slot-counters.ts";
import { Zone } from "../zones/zone.ts";
import type { PacketCounts } from "../zones/zoned-sink.ts";
import type { Accounts } from "./accounts.ts";

/**
 * What customers have sent and received on one interface, by what is at the other end. If both ends are customers, each
 * has an account of its own for the packet, with the other one as its remote end.
 */
export class AccountLedger implements PacketCounts {
  readonly accounts: Accounts;
  readonly counts = new SlotCounters();

  constructor(accounts: Accounts) {
    this.accounts = accounts;
    accounts.slots.join(this.counts);
  }

  /** Counts for no page any more. */
  forget(): void {
    this.accounts.slots.leave(this.counts);
  }

  /** Whether `record` must do it all, which is told the VLAN. */
  get needsPacket(): boolean {
    return this.accounts.hasVlans;
  }

  /** Hot; does not allocate, but for what is seen first. */
  recordIpv4(source: number, destination: number, protocol: number, lengthBytes: number): void {
    this.#countIpv4(source, destination, protocol, NO_VLAN, 1, lengthBytes);
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
    const vlan = this.accounts.hasVlans ? packet.vlan : NO_VLAN;
    if (packet.version === 6) this.#countIpv6(packet, vlan, packets, bytes);
    else this.#countIpv4(packet.source, packet.destination, packet.protocol, vlan, packets, bytes);
  }

  #countIpv4(
    source: number,
    destination: number,
    protocol: number,
    vlan: number,
    packets: number,
    bytes: number,
  ): void {
    const { customers, remotes } = this.accounts;
    const from = customers.table.zoneOfIpv4(source);
    const to = customers.table.zoneOfIpv4(destination);
    const column = this.accounts.hasProtocols ? IPV4_COLUMN[protocol]! : 0;
    if (from !== Zone.UNKNOWN) {
      const slot = this.accounts.slotOf(from, remotes.table.zoneOfIpv4(destination), column, vlan, Direction.TX);
      this.counts.add(slot, Direction.TX, packets, bytes);
    }
    if (to === Zone.UNKNOWN) return;
    const slot = this.accounts.slotOf(to, remotes.table.zoneOfIpv4(source), column, vlan, Direction.RX);
    this.counts.add(slot, Direction.RX, packets, bytes);
  }

  #countIpv6(packet: Packet, vlan: number, packets: number, bytes: number): void {
    const { customers, remotes } = this.accounts;
    const { source, source1, source2, source3, destination, destination1, destination2, destination3 } = packet;
    const from = customers.table.zoneOfIpv6(source, source1, source2, source3);
    const to = customers.table.zoneOfIpv6(destination, destination1, destination2, destination3);
    const column = this.accounts.hasProtocols ? IPV6_COLUMN[packet.protocol]! : 0;
    if (from !== Zone.UNKNOWN) {
      const remote = remotes.table.zoneOfIpv6(destination, destination1, destination2, destination3);
      const slot = this.accounts.slotOf(from, remote, column, vlan, Direction.TX);
      this.counts.add(slot, Direction.TX, packets, bytes);
    }
    if (to === Zone.UNKNOWN) return;
    const remote = remotes.table.zoneOfIpv6(source, source1, source2, source3);
    this.counts.add(this.accounts.slotOf(to, remote, column, vlan, Direction.RX), Direction.RX, packets, bytes);
  }
}

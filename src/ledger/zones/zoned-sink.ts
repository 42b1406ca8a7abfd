import { readPlainIpv6 } from "../../packet/ipv6.ts";
import { Packet } from "../../packet/packet.ts";

/** Counts the frames of one interface. */
export interface FrameCounts {
  record(packet: Packet): void;
  /**
   * An IPv4 packet, given by its addresses (signed words), protocol and size; or false, and nothing is counted, if
   * `record` must do it.
   */
  recordIpv4(source: number, destination: number, protocol: number, lengthBytes: number): boolean;
  /** Likewise, an IPv6 packet, given by where its header is; false if it has extension headers. */
  recordIpv6(view: DataView, at: number, lengthBytes: number): boolean;
  /** A frame that stands for several packets of the wire. */
  recordAggregated(packet: Packet): void;
}

/** Counts every frame of one interface in a further way; `recordIpv4` what that of FrameCounts has counted. */
export interface PacketCounts {
  /** Whether `recordIpv4` can't tell it enough. */
  readonly needsPacket?: boolean;
  record(packet: Packet): void;
  recordIpv4(source: number, destination: number, protocol: number, lengthBytes: number): void;
  recordAggregated(packet: Packet): void;
}

/** Counts every frame by address, and again in further ways: by zone, by account. */
export class ZonedSink implements FrameCounts {
  readonly #counts: FrameCounts;
  readonly #further: readonly PacketCounts[];
  readonly #needsPacket: boolean;
  readonly #packet = new Packet();

  constructor(counts: FrameCounts, further: readonly PacketCounts[]) {
    this.#counts = counts;
    this.#further = further;
    this.#needsPacket = further.some(({ needsPacket }) => needsPacket);
  }

  record(packet: Packet): void {
    this.#counts.record(packet);
    for (const each of this.#further) each.record(packet);
  }

  recordIpv4(source: number, destination: number, protocol: number, lengthBytes: number): boolean {
    if (this.#needsPacket || !this.#counts.recordIpv4(source, destination, protocol, lengthBytes)) return false;
    for (const each of this.#further) each.recordIpv4(source, destination, protocol, lengthBytes);
    return true;
  }

  recordIpv6(view: DataView, at: number, lengthBytes: number): boolean {
    if (this.#needsPacket || !this.#counts.recordIpv6(view, at, lengthBytes)) return false;
    readPlainIpv6(this.#packet, view, at, lengthBytes);
    for (const each of this.#further) each.record(this.#packet);
    return true;
  }

  recordAggregated(packet: Packet): void {
    this.#counts.recordAggregated(packet);
    for (const each of this.#further) each.recordAggregated(packet);
  }
}

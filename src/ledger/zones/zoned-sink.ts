import type { Packet } from "../../packet/packet.ts";
import type { ZoneLedger } from "./zone-ledger.ts";

/** Counts the frames of one interface. */
export interface FrameCounts {
  record(packet: Packet): void;
  /**
   * An IPv4 packet, given by its addresses (signed words), protocol and size; or false, and nothing is counted, if
   * `record` must do it.
   */
  recordIpv4(source: number, destination: number, protocol: number, lengthBytes: number): boolean;
  /** A frame that stands for several packets of the wire. */
  recordAggregated(packet: Packet): void;
}

/** Counts every frame by address, and again by each way to tell zones apart. */
export class ZonedSink implements FrameCounts {
  readonly #counts: FrameCounts;
  readonly #zones: readonly ZoneLedger[];

  constructor(counts: FrameCounts, zones: readonly ZoneLedger[]) {
    this.#counts = counts;
    this.#zones = zones;
  }

  record(packet: Packet): void {
    this.#counts.record(packet);
    for (const zones of this.#zones) zones.record(packet);
  }

  recordIpv4(source: number, destination: number, protocol: number, lengthBytes: number): boolean {
    if (!this.#counts.recordIpv4(source, destination, protocol, lengthBytes)) return false;
    for (const zones of this.#zones) zones.recordIpv4(source, destination, lengthBytes);
    return true;
  }

  recordAggregated(packet: Packet): void {
    this.#counts.recordAggregated(packet);
    for (const zones of this.#zones) zones.recordAggregated(packet);
  }
}

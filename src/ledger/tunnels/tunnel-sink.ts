import { type Packet, Unopened } from "../../packet/packet.ts";
import type { FrameCounts } from "../zones/zoned-sink.ts";

/** Counts what tunnels could not be opened, by `Unopened`, and every frame as it is. */
export class TunnelSink implements FrameCounts {
  readonly #counts: FrameCounts;
  readonly #unopened: Float64Array;

  constructor(counts: FrameCounts, unopened: Float64Array) {
    this.#counts = counts;
    this.#unopened = unopened;
  }

  record(packet: Packet): void {
    this.#note(packet);
    this.#counts.record(packet);
  }

  recordIpv4(source: number, destination: number, protocol: number, lengthBytes: number): boolean {
    return this.#counts.recordIpv4(source, destination, protocol, lengthBytes);
  }

  recordIpv6(view: DataView, at: number, lengthBytes: number): boolean {
    return this.#counts.recordIpv6(view, at, lengthBytes);
  }

  recordAggregated(packet: Packet): void {
    this.#note(packet);
    this.#counts.recordAggregated(packet);
  }

  #note({ unopened }: Packet): void {
    if (unopened !== Unopened.NONE) this.#unopened[unopened]! += 1;
  }
}

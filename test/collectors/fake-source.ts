import type { TrafficSource } from "../../src/collectors/traffic.ts";

/** Stands in for an engine: what it has seen comes into the ledger when it is told to bring it up to date. */
export class FakeSource implements TrafficSource {
  readonly engine = "fake";
  readonly interfaces: { name: string; isUp: boolean; lostPackets: number }[] = [];
  /** Called by `sync`. */
  seen: () => void = () => {};

  sync(): void {
    this.seen();
  }

  taps(): { name: string; isUp: boolean; lostPackets: number }[] {
    return this.interfaces;
  }
}

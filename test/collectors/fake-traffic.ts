import type { TapState } from "../../src/capture/capture.ts";
import type { TrafficSource } from "../../src/collectors/traffic.ts";

/** Stands in for an engine: what it has seen comes into the ledger when it is told to bring it up to date. */
export class FakeTraffic implements TrafficSource {
  readonly engine = "fake";
  /** Those without a position are gone. */
  readonly interfaces: (Omit<TapState, "position"> & Partial<TapState>)[] = [];
  /** Called by `sync`. */
  seen: () => void = () => {};

  sync(): void {
    this.seen();
  }

  *syncTotals(): Generator<void> {
    this.seen();
    yield;
  }

  taps(): TapState[] {
    return this.interfaces.map((tap) => ({ position: undefined, ...tap }));
  }
}

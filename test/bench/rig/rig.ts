import { setMaxListeners } from "node:events";
import { Namespace } from "../../support/namespace.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { until } from "../../support/waiting.ts";

/** The sender and the programs measured never share a CPU: what one costs must not slow the other down. */
export const SENDER_CPU = 0;
export const PROGRAM_CPU = 1;

/** The name of either end of the pair, each in its own namespace. */
export const INTERFACE = "veth0";

/**
 * What every measurement stands on: two network namespaces joined by a veth pair, a folder for files and sockets, and
 * the signal that ends the run early. Offloads stay as the kernel sets them.
 */
export class Rig implements Disposable {
  readonly sender = new Namespace();
  readonly listener = new Namespace();
  readonly folder = new TemporaryFolder();
  readonly signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.signal = signal;
    // Each child and each wait adds a listener for its own time.
    setMaxListeners(0, signal);
    this.sender.ip("link", "add", INTERFACE, "type", "veth", "peer", "name", INTERFACE, "netns", this.listener.name);
    for (const end of [this.sender, this.listener]) end.ip("link", "set", INTERFACE, "arp", "off", "up");
  }

  /** Polls like `until`, and throws as soon as the run is interrupted. */
  async until(what: string, probe: () => boolean | Promise<boolean>, deadlineMs?: number): Promise<void> {
    await until(what, async () => this.signal.aborted || (await probe()), deadlineMs);
    this.signal.throwIfAborted();
  }

  /** What the kernel counted on the listener's end since the pair was made: what programs are held against. */
  arrivedPackets(): number {
    return this.listener.statistic(INTERFACE, "rx_packets");
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
    // The pair goes with the first of its namespaces.
    this.listener[Symbol.dispose]();
    this.sender[Symbol.dispose]();
  }
}

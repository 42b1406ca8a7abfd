import type { FrameTap } from "../../capture/engine.ts";
import type { FileFilter } from "../../capture/pcap/file-filter.ts";
import type { Packet } from "../../packet/packet.ts";
import type { WialonMonitor } from "./monitor.ts";

/** Takes the frames of a file that pass the filter; its time is theirs. */
export class WialonFileTap implements FrameTap {
  readonly #monitor: WialonMonitor;
  readonly #filter: FileFilter;
  #now = 0;

  constructor(monitor: WialonMonitor, filter: FileFilter) {
    this.#monitor = monitor;
    this.#filter = filter;
  }

  /** The time of the latest frame, in seconds since 1970. */
  get now(): number {
    return this.#now;
  }

  take(packet: Packet, linkType: number, bytes: Uint8Array, start: number, end: number, atSeconds: number): void {
    const wireBytes = packet.networkOffset - start + packet.lengthBytes;
    if (!this.#filter.passes(linkType, bytes, start, end, wireBytes)) return;
    if (atSeconds > this.#now) this.#now = atSeconds;
    this.#monitor.take(packet, bytes, end, atSeconds);
  }

  end(): void {
    this.#monitor.flush(this.#now);
  }
}

import type { FrameReader } from "../../capture/engine.ts";
import type { FileFilter } from "../../capture/pcap/file-filter.ts";
import { LINKTYPE_RAW } from "../../packet/link/link-types.ts";
import { type Packet, Verdict } from "../../packet/packet.ts";
import type { WialonMonitor } from "./monitor.ts";

/** Takes the frames of a file that pass the filter; its time is theirs. */
export class WialonFileReader implements FrameReader {
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
    if (!this.#passes(packet, linkType, bytes, start, end)) return;
    if (atSeconds > this.#now) this.#now = atSeconds;
    this.#monitor.take(packet, bytes, end, atSeconds);
  }

  /** A link type that libpcap has no filters for, such as NFLOG's, is looked behind: the packet may pass by itself. */
  #passes(packet: Packet, linkType: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { networkOffset, lengthBytes } = packet;
    if (this.#filter.isFor(linkType)) {
      return this.#filter.passes(linkType, bytes, start, end, networkOffset - start + lengthBytes);
    }
    return packet.verdict === Verdict.IP && this.#filter.passes(LINKTYPE_RAW, bytes, networkOffset, end, lengthBytes);
  }

  end(): void {
    this.#monitor.flush(this.#now);
  }
}

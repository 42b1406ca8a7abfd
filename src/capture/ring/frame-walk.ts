import type { FrameCounts } from "../../ledger/zones/zoned-sink.ts";
import { ETHERNET_HEADER_BYTES } from "../../packet/headers.ts";
import { ipv4Destination, ipv4Protocol, ipv4Source } from "../../packet/ipv4.ts";
import { LINKTYPE_ETHERNET } from "../../packet/link/link-types.ts";
import { Packet } from "../../packet/packet.ts";
import { hasIpv6Header, isPlainIpv4, parseFrame } from "../../packet/parse.ts";
import { CAPTURED, LENGTH, MAC, NEXT, type Ring, STATUS, TP_STATUS_GSO_TCP } from "./ring.ts";

type RingMemory = Pick<Ring, "bytes" | "words" | "halves" | "view">;

/** Walks frames that begin with their Ethernet header, whose VLANs do not count. */
export class FrameWalk {
  readonly #ring: RingMemory;
  readonly #packet = new Packet();
  #sink: FrameCounts | undefined;
  /** Where it stands in the ring. */
  #at = 0;

  constructor(ring: RingMemory) {
    this.#ring = ring;
  }

  /** Counts `packets` frames of a block, of which the first is at `first`. Hot; does not allocate. */
  walk(first: number, packets: number, sink: FrameCounts): void {
    this.#at = first;
    this.#sink = sink;
    let left = packets - this.#walkIpv4(packets);
    while (left > 0) {
      const ipv6 = this.#walkIpv6(left);
      if (ipv6 === 0) this.#recordFrame();
      left -= Math.max(ipv6, 1);
      left -= this.#walkIpv4(left);
    }
  }

  /**
   * Counts at most `packets` frames from #at on, as long as they are like most, and says how many. A loop without a call
   * that V8 does not inline: after one, V8 would load again all that stays the same from packet to packet. Hot.
   */
  #walkIpv4(packets: number): number {
    const { words, halves, view } = this.#ring;
    const sink = this.#sink!;
    let at = this.#at;
    let count = 0;
    for (; count < packets; count++) {
      const word = at >> 2;
      const start = at + halves[(at >> 1) + MAC]!;
      const isSingle = (words[word + STATUS]! & TP_STATUS_GSO_TCP) === 0;
      if (!isSingle || !isPlainIpv4(view, start, start + words[word + CAPTURED]!)) break;
      const network = start + ETHERNET_HEADER_BYTES;
      const lengthBytes = words[word + LENGTH]! - ETHERNET_HEADER_BYTES;
      const source = ipv4Source(view, network);
      const destination = ipv4Destination(view, network);
      if (!sink.recordIpv4(source, destination, ipv4Protocol(view, network), lengthBytes)) break;
      at += words[word + NEXT]!;
    }
    this.#at = at;
    return count;
  }

  /** Likewise, of IPv6: in a loop of its own, which costs that of IPv4 nothing. Hot. */
  #walkIpv6(packets: number): number {
    const { words, halves, view } = this.#ring;
    const sink = this.#sink!;
    let at = this.#at;
    let count = 0;
    for (; count < packets; count++) {
      const word = at >> 2;
      const start = at + halves[(at >> 1) + MAC]!;
      const isSingle = (words[word + STATUS]! & TP_STATUS_GSO_TCP) === 0;
      if (!isSingle || !hasIpv6Header(view, start, start + words[word + CAPTURED]!)) break;
      const lengthBytes = words[word + LENGTH]! - ETHERNET_HEADER_BYTES;
      if (!sink.recordIpv6(view, start + ETHERNET_HEADER_BYTES, lengthBytes)) break;
      at += words[word + NEXT]!;
    }
    this.#at = at;
    return count;
  }

  #recordFrame(): void {
    const { bytes, words, halves } = this.#ring;
    const packet = this.#packet;
    const at = this.#at;
    const word = at >> 2;
    const start = at + halves[(at >> 1) + MAC]!;
    parseFrame(packet, LINKTYPE_ETHERNET, bytes, start, start + words[word + CAPTURED]!, words[word + LENGTH]!);
    if ((words[word + STATUS]! & TP_STATUS_GSO_TCP) === 0) this.#sink!.record(packet);
    else this.#sink!.recordAggregated(packet);
    this.#at = at + words[word + NEXT]!;
  }
}

import { isKnownLinkType } from "../../packet/link.ts";
import { Packet } from "../../packet/packet.ts";
import { parseFrame } from "../../packet/parse.ts";
import { openTunnel } from "../../packet/tunnel.ts";
import type { FrameSink, FrameReader } from "../engine.ts";
import type { ByteStream } from "./byte-stream.ts";

/** How long frames are counted at a time if readers take them. */
const TURN_MS = 20;

/** The time of performance.now() until which frames are counted before others get their turn. */
export function turnEnd(hasReaders: boolean): number {
  return hasReaders ? performance.now() + TURN_MS : Number.POSITIVE_INFINITY;
}

/** What the frames of a file are handed to. */
export interface FrameReceiver {
  /** The sink of an interface; asked for with its first frame, and again if the file describes it again. */
  sinkFor(interfaceName: string): FrameSink;
  /** Take the whole frames of all interfaces as well, with the times of packets; simple packets of pcapng have none. */
  readonly readers?: readonly FrameReader[];
  /** Whether the packets inside of tunnels are recorded; readers take the outer ones. */
  readonly opensTunnels?: boolean;
  /** Takes a sentence for the log. */
  warn(message: string): void;
}

/** What a file says about an interface. */
export interface InterfaceDescription {
  name: string;
  linkType: number;
  /** Bytes of frame check sequence at the end of each frame. */
  fcsBytes: number;
}

/** Names that are kept of one file, so that a hostile one cannot exhaust the memory. */
export const MAX_INTERFACES = 256;

/** The interfaces of one file: bounds their number and warns of each link type once. */
export class FileInterfaces {
  /** Whether counting a frame may take so long that the event loop has to get its turn in between. */
  readonly hasReaders: boolean;
  readonly #receiver: FrameReceiver;
  readonly #stream: ByteStream;
  readonly #names = new Set<string>();
  readonly #warned = new Set<number>();
  readonly #packet = new Packet();

  /** `stream`: the file that the descriptions stand in. */
  constructor(receiver: FrameReceiver, stream: ByteStream) {
    this.hasReaders = (receiver.readers ?? []).length > 0;
    this.#receiver = receiver;
    this.#stream = stream;
  }

  /** Returns the counter of an interface; throws PromtapError when the file has named MAX_INTERFACES others. */
  describe(description: InterfaceDescription): FrameCounter {
    this.#names.add(description.name);
    if (this.#names.size > MAX_INTERFACES) throw this.#stream.damage(`more than ${MAX_INTERFACES} interface names`);
    return new FrameCounter(description, this.#packet, this.#receiver, () => this.#openSink(description));
  }

  #openSink({ name, linkType }: InterfaceDescription): FrameSink {
    if (!isKnownLinkType(linkType)) this.#warnOnce(linkType);
    return this.#receiver.sinkFor(name);
  }

  #warnOnce(linkType: number): void {
    if (this.#warned.has(linkType)) return;
    this.#warned.add(linkType);
    this.#receiver.warn(
      `${this.#stream.name}: link type ${linkType} isn't known: its frames are counted by size alone`,
    );
  }
}

/** Parses the frames of one interface and records them. */
export class FrameCounter {
  /** Whether it has to be known when a frame was captured: then it is to be set before it is counted. */
  readonly isTimed: boolean;
  atSeconds = 0;
  readonly #linkType: number;
  readonly #fcsBytes: number;
  readonly #packet: Packet;
  readonly #readers: readonly FrameReader[];
  readonly #opensTunnels: boolean;
  readonly #openSink: () => FrameSink;
  #sink: FrameSink | undefined;

  /** `openSink` is called with the first frame. */
  constructor(
    description: InterfaceDescription,
    packet: Packet,
    { readers = [], opensTunnels = false }: FrameReceiver,
    openSink: () => FrameSink,
  ) {
    this.isTimed = readers.length > 0;
    this.#linkType = description.linkType;
    this.#fcsBytes = description.fcsBytes;
    this.#packet = packet;
    this.#readers = readers;
    this.#opensTunnels = opensTunnels;
    this.#openSink = openSink;
  }

  /**
   * Counts the frame captured in bytes[start, end). An `originalBytes` below what was captured is not believed: some
   * writers leave it 0. Hot; does not allocate.
   */
  count(bytes: Uint8Array, start: number, end: number, originalBytes: number): void {
    let frameBytes = Math.max(originalBytes, end - start);
    if (this.#fcsBytes > 0) {
      frameBytes = Math.max(0, frameBytes - this.#fcsBytes);
      end = Math.min(end, start + frameBytes);
    }
    const packet = this.#packet;
    packet.vlan = 0;
    parseFrame(packet, this.#linkType, bytes, start, end, frameBytes);
    this.#sink ??= this.#openSink();
    if (this.isTimed) this.#handOver(bytes, start, end);
    if (this.#opensTunnels) openTunnel(packet, bytes, end);
    this.#sink.record(packet);
  }

  #handOver(bytes: Uint8Array, start: number, end: number): void {
    for (const reader of this.#readers) reader.take(this.#packet, this.#linkType, bytes, start, end, this.atSeconds);
  }
}

import type { Packet } from "../../../packet/packet.ts";
import { type Segment, TcpFlag } from "./segment.ts";
import { Stream } from "./stream.ts";
import type { Surroundings } from "./surroundings.ts";

/** A stream that says nothing for so long has ended. */
const SILENCE_SECONDS = 300;
/** How long the ports of an ended connection are remembered: what is repeated of it is not read again (TIME-WAIT). */
const MEMORY_SECONDS = 60;
/** How long it is known whose a silent connection is: a tracker that stands still may report once in many minutes. */
const SILENT_MEMORY_SECONDS = 3600;
/** How long a hole may stay, if nobody is seen to acknowledge what is behind it. */
const HOLE_SECONDS = 60;

/**
 * Two addresses and ports, and what each side says. Source and destination are in the order of their numbers, so that
 * both directions find the same connection.
 */
export class Connection {
  /** The next one with the same hash, and its neighbours in the order of their last packets. */
  chained: Connection | undefined;
  older: Connection | undefined;
  newer: Connection | undefined;
  readonly hash: number;
  /** Where the table has its key. */
  readonly slot: number;
  readonly #surroundings: Surroundings;
  #lower: Stream | undefined;
  #higher: Stream | undefined;
  #lastAt = 0;
  /** Whether a TCP connection has said something since it was opened or closed. */
  #isOpen = false;

  constructor(hash: number, slot: number, surroundings: Surroundings) {
    this.hash = hash;
    this.slot = slot;
    this.#surroundings = surroundings;
  }

  /** Takes a TCP segment; `isLower`: of the side whose address and port are the lower ones. */
  takeSegment(packet: Packet, segment: Segment, isLower: boolean, bytes: Uint8Array, now: number): void {
    this.#lastAt = now;
    const stream = this.#stream(isLower);
    const peer = isLower ? this.#higher : this.#lower;
    const { flags, payloadBytes } = segment;
    if ((flags & (TcpFlag.FIN | TcpFlag.RST)) !== 0) this.#isOpen = false;
    else if (payloadBytes > 0) this.#isOpen = true;
    if ((flags & TcpFlag.RST) !== 0) {
      if (stream.accepts(segment.sequence)) this.end(now);
      return;
    }
    const isSyn = (flags & TcpFlag.SYN) !== 0;
    if (isSyn) stream.open(segment, now);
    // A SYN has a sequence number of its own (RFC 9293, section 3.4).
    const first = isSyn ? (segment.sequence + 1) | 0 : segment.sequence;
    if (payloadBytes > 0) stream.takeSegment(packet, segment, first, bytes, now);
    if ((flags & TcpFlag.FIN) !== 0) stream.finish((first + payloadBytes) | 0);
    if (stream.isFinished) stream.end(now);
    if (peer === undefined || (flags & TcpFlag.ACK) === 0) return;
    peer.acknowledged(segment.acknowledgment);
    if (peer.isFinished) peer.end(now);
  }

  takeDatagram(packet: Packet, segment: Segment, isLower: boolean, bytes: Uint8Array, now: number): void {
    this.#lastAt = now;
    this.#stream(isLower).takeDatagram(packet, segment, bytes, now);
  }

  /** Ends streams that are silent, and gives up holes; returns whether the connection may be forgotten. */
  age(now: number): boolean {
    const isLowerAlive = ageStream(this.#lower, now);
    const isHigherAlive = ageStream(this.#higher, now);
    const isOfDevice = this.#isOpen && this.#surroundings.tally.devices !== undefined;
    const memorySeconds = isOfDevice ? SILENT_MEMORY_SECONDS : MEMORY_SECONDS;
    return !isLowerAlive && !isHigherAlive && now - this.#lastAt > memorySeconds;
  }

  /** Reads what is held behind holes, as nothing will fill them any more. */
  flush(now: number): void {
    for (const stream of this.#streams()) {
      stream.flush();
      if (stream.isFinished) stream.end(now);
    }
  }

  end(now: number): void {
    for (const stream of this.#streams()) stream.end(now);
  }

  /** How many of its streams live. */
  get aliveStreams(): number {
    return this.#streams().filter(({ isAlive }) => isAlive).length;
  }

  #streams(): Stream[] {
    return [this.#lower, this.#higher].filter((stream) => stream !== undefined);
  }

  #stream(isLower: boolean): Stream {
    const known = isLower ? this.#lower : this.#higher;
    if (known !== undefined) return known;
    const stream = new Stream(this.#surroundings);
    const peer = isLower ? this.#higher : this.#lower;
    if (peer !== undefined) stream.pairWith(peer);
    if (isLower) this.#lower = stream;
    else this.#higher = stream;
    return stream;
  }
}

/** Returns whether the stream lives. */
function ageStream(stream: Stream | undefined, now: number): boolean {
  if (stream === undefined) return false;
  stream.giveUp(now, HOLE_SECONDS);
  if (stream.isFinished || (stream.isAlive && now - stream.lastAt > SILENCE_SECONDS)) stream.end(now);
  return stream.isAlive;
}

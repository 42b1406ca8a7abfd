import type { Packet } from "../../../packet/packet.ts";
import { Reassembly, SkipReason, type StreamReader } from "./reassembly.ts";
import type { Segment } from "./segment.ts";
import { Speech } from "./speech.ts";
import type { Surroundings } from "./surroundings.ts";

/**
 * One direction of a connection: what one side says to the other. It lives from its first payload until it is closed or
 * silent; what comes later to the same ports is another life.
 */
export class Stream implements StreamReader {
  isAlive = false;
  /** Whether a life has ended since a SYN: the next one is of another connection. */
  #hasEnded = false;
  #startedAt = 0;
  readonly #surroundings: Surroundings;
  readonly #reassembly: Reassembly;
  readonly #speech: Speech;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#reassembly = new Reassembly(this, surroundings.budget);
    this.#speech = new Speech(surroundings);
  }

  /** Makes the two directions of a connection known to each other. */
  pairWith(peer: Stream): void {
    this.#speech.pairWith(peer.#speech);
  }

  /** When its last payload came. */
  get lastAt(): number {
    return this.#speech.lastAt;
  }

  /** A SYN. Of a connection that is open already it is a repetition, or its ports have a new owner. */
  open(segment: Segment, now: number): void {
    const first = (segment.sequence + 1) | 0;
    if (!this.#hasEnded && this.#reassembly.beganAt(first)) return;
    this.end(now);
    this.#hasEnded = false;
    this.#speech.forgetDevice();
    this.#reassembly.begin(first);
  }

  /** Payload that begins at `sequence`. */
  takeSegment(packet: Packet, segment: Segment, sequence: number, bytes: Uint8Array, now: number): void {
    const { payloadStart, payloadEnd, payloadBytes } = segment;
    if (this.isAlive) this.#speech.touch();
    else if (this.#reassembly.isNews(sequence, payloadBytes)) this.#start(packet, true, now);
    this.#speech.lastAt = now;
    this.#reassembly.take(sequence, bytes, payloadStart, payloadEnd, payloadBytes, now);
  }

  takeDatagram(packet: Packet, segment: Segment, bytes: Uint8Array, now: number): void {
    if (this.isAlive) this.#speech.touch();
    else this.#start(packet, false, now);
    this.#speech.lastAt = now;
    const { payloadStart, payloadEnd, payloadBytes } = segment;
    const missing = payloadBytes - (payloadEnd - payloadStart);
    this.#speech.readDatagram(bytes, payloadStart, payloadEnd, missing);
    this.#surroundings.tally.skippedBytes[SkipReason.TRUNCATED]! += missing;
  }

  /** A FIN that comes after the byte before `sequence`. */
  finish(sequence: number): void {
    this.#reassembly.finish(sequence);
  }

  /** The other side has everything before `sequence`. */
  acknowledged(sequence: number): void {
    this.#reassembly.acknowledged(sequence);
  }

  get isFinished(): boolean {
    return this.#reassembly.isFinished;
  }

  /** Whether a RST with this sequence number is for the stream. */
  accepts(sequence: number): boolean {
    return this.#reassembly.isNear(sequence);
  }

  /** Reads what is held behind holes that are older than `seconds`. */
  giveUp(now: number, seconds: number): void {
    this.#reassembly.giveUp(now, seconds);
  }

  /** Reads what is held behind holes, as nothing will fill them any more. */
  flush(): void {
    this.#reassembly.giveUpAll();
  }

  /** Ends its life, if it lives. What was read stays known, so that a repetition of it is not read again. */
  end(now: number): void {
    this.flush();
    if (!this.isAlive) return;
    this.#speech.end();
    this.isAlive = false;
    this.#hasEnded = true;
    const { tally } = this.#surroundings;
    tally.streams--;
    tally.lives.add(Math.max(0, this.lastAt - this.#startedAt), now);
  }

  #start(packet: Packet, isTcp: boolean, now: number): void {
    this.#speech.begin(packet, isTcp);
    this.#startedAt = now;
    this.isAlive = true;
    this.#surroundings.tally.streams++;
  }

  read(bytes: Uint8Array, start: number, end: number): void {
    this.#speech.read(bytes, start, end);
  }

  skip(byteCount: number, reason: SkipReason): void {
    this.#surroundings.tally.skippedBytes[reason]! += byteCount;
    if (reason !== SkipReason.STRAY) this.#speech.skip(byteCount);
  }

  restart(): void {
    this.#speech.restart();
  }
}

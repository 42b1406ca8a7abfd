import { formatIpv4, formatIpv6 } from "../../../packet/address.ts";
import type { Packet } from "../../../packet/packet.ts";
import type { Segment } from "./segment.ts";
import { answerCode, isAccepted } from "../protocol/answer-code.ts";
import type { ContainerFault } from "../protocol/container.ts";
import { LineParser, type PacketListener } from "../protocol/line-parser.ts";
import { ANSWERED, BLACK_BOX, IS_REQUEST, LOGIN, LOGIN_ANSWER, typeOf } from "../protocol/packet-type.ts";
import { Version } from "../protocol/version.ts";
import type { Series } from "../series-table.ts";
import { DeviceColumn, PairColumn, type Tally } from "../tally.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { OpenRequests } from "./open-requests.ts";
import { Reassembly, SkipReason, type StreamReader } from "./reassembly.ts";

const PING_ANSWER = typeOf("AP");

/** What all streams share. */
export interface Surroundings {
  readonly tally: Tally;
  readonly budget: MemoryBudget;
  /** Parsers that no stream is in the middle of a packet with; most streams need none most of the time. */
  readonly idleParsers: LineParser[];
}

/**
 * One direction of a connection: what one side says to the other. It lives from its first payload until it is closed or
 * silent; what comes later to the same ports is another life.
 */
export class Stream implements StreamReader, PacketListener {
  isAlive = false;
  /** When its last payload came. */
  lastAt = 0;
  /** Whether a life has ended since a SYN: the next one is of another connection. */
  #hasEnded = false;
  #peer: Stream | undefined;
  readonly #surroundings: Surroundings;
  readonly #reassembly: Reassembly;
  #parser: LineParser | undefined;
  /** What is known of the protocol. */
  #version: Version = Version.UNKNOWN;
  #isTcp = true;
  #requests: OpenRequests | undefined;
  #device: Series | undefined;
  /** Of its addresses; there from its first life on. */
  #pair!: Series;
  #startedAt = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#reassembly = new Reassembly(this, surroundings.budget);
  }

  /** Makes the two directions of a connection known to each other. */
  pairWith(peer: Stream): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  /** A SYN. Of a connection that is open already it is a repetition, or its ports have a new owner. */
  open(segment: Segment, now: number): void {
    const first = (segment.sequence + 1) | 0;
    if (!this.#hasEnded && this.#reassembly.beganAt(first)) return;
    this.end(now);
    this.#hasEnded = false;
    this.#device = undefined;
    this.#reassembly.begin(first);
  }

  /** Payload that begins at `sequence`. */
  takeSegment(packet: Packet, segment: Segment, sequence: number, bytes: Uint8Array, now: number): void {
    const { payloadStart, payloadEnd, payloadBytes } = segment;
    if (this.isAlive) this.#touchPair();
    else if (this.#reassembly.isNews(sequence, payloadBytes)) this.#start(packet, true, now);
    this.lastAt = now;
    this.#reassembly.take(sequence, bytes, payloadStart, payloadEnd, payloadBytes, now);
  }

  takeDatagram(packet: Packet, segment: Segment, bytes: Uint8Array, now: number): void {
    if (this.isAlive) this.#touchPair();
    else this.#start(packet, false, now);
    this.lastAt = now;
    const { payloadStart, payloadEnd, payloadBytes } = segment;
    const parser = this.#borrowParser();
    const missing = payloadBytes - (payloadEnd - payloadStart);
    if (missing === 0) {
      parser.parseAll(bytes, payloadStart, payloadEnd);
    } else {
      parser.parse(bytes, payloadStart, payloadEnd);
      parser.cut();
      this.#surroundings.tally.skippedBytes[SkipReason.TRUNCATED]! += missing;
    }
    this.#returnParser(parser);
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
    if (this.#parser !== undefined) {
      this.#parser.cut();
      this.#returnParser(this.#parser);
    }
    this.#requests = undefined;
    this.isAlive = false;
    this.#hasEnded = true;
    const { tally } = this.#surroundings;
    tally.streams--;
    tally.pairs.add(this.#pair, PairColumn.STREAMS, -1);
    tally.lives.add(Math.max(0, this.lastAt - this.#startedAt), now);
  }

  #start(packet: Packet, isTcp: boolean, now: number): void {
    const { tally } = this.#surroundings;
    this.#isTcp = isTcp;
    this.#version = this.#peer?.version ?? Version.UNKNOWN;
    this.#pair = tally.pairs.claim(`${sourceOf(packet)} ${destinationOf(packet)}`);
    this.#startedAt = now;
    this.isAlive = true;
    tally.streams++;
    tally.pairs.add(this.#pair, PairColumn.STREAMS);
  }

  /** Its addresses may have lost their series while it was silent: then it lived on under `other`. */
  #touchPair(): void {
    const { pairs } = this.#surroundings.tally;
    const pair = pairs.touch(this.#pair);
    if (pair === this.#pair) return;
    pairs.add(this.#pair, PairColumn.STREAMS, -1);
    pairs.add(pair, PairColumn.STREAMS);
    this.#pair = pair;
  }

  get version(): Version {
    return this.#version;
  }

  set version(version: Version) {
    this.#version = version;
    if (this.#parser !== undefined) this.#parser.version = version;
  }

  /** Seconds since a request of this type that is answered now; undefined if there is none. */
  answerTo(type: number, now: number): number | undefined {
    const seconds = this.#requests?.answer(type, now);
    if (this.#requests?.isEmpty === true) this.#requests = undefined;
    return seconds;
  }

  #borrowParser(): LineParser {
    if (this.#parser !== undefined) return this.#parser;
    const { idleParsers, budget } = this.#surroundings;
    const parser = idleParsers.pop() ?? new LineParser(this, budget);
    parser.serve(this, !this.#isTcp, this.#version);
    return parser;
  }

  /** Keeps a parser that is in the middle of a packet. */
  #returnParser(parser: LineParser): void {
    this.#version = parser.version;
    this.#parser = parser.isIdle ? undefined : parser;
    if (parser.isIdle) this.#surroundings.idleParsers.push(parser);
  }

  read(bytes: Uint8Array, start: number, end: number): void {
    const parser = this.#borrowParser();
    parser.parse(bytes, start, end);
    this.#returnParser(parser);
  }

  skip(byteCount: number, reason: SkipReason): void {
    this.#surroundings.tally.skippedBytes[reason]! += byteCount;
    if (reason === SkipReason.STRAY) return;
    this.#forgetRequests();
    const parser = this.#borrowParser();
    parser.skip(byteCount);
    this.#returnParser(parser);
  }

  restart(): void {
    this.#forgetRequests();
    if (this.#parser !== undefined) {
      this.#parser.cut();
      this.#returnParser(this.#parser);
    }
    this.#device = undefined;
  }

  /** Which end asked what, and what was answered, can't be told behind a gap. */
  #forgetRequests(): void {
    this.#requests = undefined;
    if (this.#peer !== undefined) this.#peer.#requests = undefined;
  }

  began(type: number): void {
    this.#surroundings.tally.pairs.add(this.#pair, type);
    // A login counts for the device that it names, which is known at its end.
    if (type !== LOGIN) this.#countForDevice();
  }

  #countForDevice(): void {
    const { devices } = this.#surroundings.tally;
    if (devices === undefined || this.#device === undefined) return;
    this.#device = devices.touch(this.#device);
    devices.add(this.#device, DeviceColumn.PACKETS);
    devices.raise(this.#device, DeviceColumn.LAST_SEEN_SECONDS, this.lastAt);
  }

  ended(parser: LineParser, isWhole: boolean): void {
    const { tally } = this.#surroundings;
    const { type } = parser;
    tally.bytes[type]! += parser.bytes;
    if (type === LOGIN) this.#countForDevice();
    if (parser.isChecksumWrong) tally.pairs.add(this.#pair, PairColumn.CHECKSUM_ERRORS);
    if (type === BLACK_BOX) tally.points += parser.fields.points();
    if (!isWhole) return;
    this.#shareVersion(parser.version);
    if (IS_REQUEST[type] === 1) (this.#requests ??= new OpenRequests()).add(type, this.lastAt);
    if (ANSWERED[type]! >= 0) this.#answered(parser);
  }

  #answered({ type, fields }: LineParser): void {
    const { tally } = this.#surroundings;
    const request = ANSWERED[type]!;
    const seconds = this.#peer?.answerTo(request, this.lastAt);
    if (seconds !== undefined) tally.addAnswer(request, seconds);
    if (type === PING_ANSWER) return;
    const code = answerCode(type, fields.packed, fields.length);
    if (type === LOGIN_ANSWER) tally.logins[code]!++;
    else if (!isAccepted(code)) tally.addRejection(request, code);
  }

  /** Only the tracker says which version it speaks. */
  #shareVersion(version: Version): void {
    if (this.#peer?.version === Version.UNKNOWN) this.#peer.version = version;
  }

  failed(): void {
    this.#surroundings.tally.pairs.add(this.#pair, PairColumn.PARSE_ERRORS);
  }

  named(device: string): void {
    this.#device = this.#surroundings.tally.deviceOf(device);
  }

  unpacked(containerBytes: number, fault: ContainerFault | undefined): void {
    const { tally } = this.#surroundings;
    if (fault !== undefined) {
      tally.containerFaults.set(fault, tally.containerFaults.get(fault)! + 1);
      return;
    }
    tally.compressedPackets++;
    tally.compressedBytes += containerBytes;
  }
}

function sourceOf(packet: Packet): string {
  const { version, source, source1, source2, source3 } = packet;
  return version === 4 ? formatIpv4(source) : formatIpv6(source, source1, source2, source3);
}

function destinationOf(packet: Packet): string {
  const { version, destination, destination1, destination2, destination3 } = packet;
  return version === 4 ? formatIpv4(destination) : formatIpv6(destination, destination1, destination2, destination3);
}

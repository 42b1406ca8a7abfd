import { formatIpv4, formatIpv6 } from "../../../packet/address.ts";
import type { Packet } from "../../../packet/packet.ts";
import { answerCode, isAccepted } from "../protocol/answer-code.ts";
import type { ContainerFault } from "../protocol/container.ts";
import { LineParser, type PacketListener } from "../protocol/line-parser.ts";
import { ANSWERED, BLACK_BOX, IS_REQUEST, LOGIN, LOGIN_ANSWER, typeOf } from "../protocol/packet-type.ts";
import { Version } from "../protocol/version.ts";
import type { Series } from "../series-table.ts";
import { DeviceColumn, PairColumn } from "../tally.ts";
import { OpenRequests } from "./open-requests.ts";
import type { Surroundings } from "./surroundings.ts";

const PING_ANSWER = typeOf("AP");

/** What one side says in one life of a stream, in order: read packet by packet, and counted. */
export class Speech implements PacketListener {
  /** When its last payload came. */
  lastAt = 0;
  #peer: Speech | undefined;
  readonly #surroundings: Surroundings;
  #parser: LineParser | undefined;
  /** What is known of the protocol. */
  #version: Version = Version.UNKNOWN;
  #isTcp = true;
  #requests: OpenRequests | undefined;
  #device: Series | undefined;
  /** Of its addresses; there from its first life on. */
  #pair!: Series;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Makes the two sides of a connection known to each other. */
  pairWith(peer: Speech): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  /** Begins a life, with the addresses of this packet. */
  begin(packet: Packet, isTcp: boolean): void {
    const { pairs } = this.#surroundings.tally;
    this.#isTcp = isTcp;
    this.#version = this.#peer?.version ?? Version.UNKNOWN;
    this.#pair = pairs.claim(`${sourceOf(packet)} ${destinationOf(packet)}`);
    pairs.add(this.#pair, PairColumn.STREAMS);
  }

  /** Its addresses may have lost their series while it was silent: then it lived on under `other`. */
  touch(): void {
    const { pairs } = this.#surroundings.tally;
    const pair = pairs.touch(this.#pair);
    if (pair === this.#pair) return;
    pairs.add(this.#pair, PairColumn.STREAMS, -1);
    pairs.add(pair, PairColumn.STREAMS);
    this.#pair = pair;
  }

  /** Ends a life; whose device it is stays known for the next one. */
  end(): void {
    this.#cut();
    this.#requests = undefined;
    this.#surroundings.tally.pairs.add(this.#pair, PairColumn.STREAMS, -1);
  }

  /** The connection is a new one. */
  forgetDevice(): void {
    this.#device = undefined;
  }

  read(bytes: Uint8Array, start: number, end: number): void {
    const parser = this.#borrowParser();
    parser.parse(bytes, start, end);
    this.#returnParser(parser);
  }

  /** Reads a datagram, of which so many bytes at its end are missing. */
  readDatagram(bytes: Uint8Array, start: number, end: number, missing: number): void {
    const parser = this.#borrowParser();
    if (missing === 0) {
      parser.parseAll(bytes, start, end);
    } else {
      parser.parse(bytes, start, end);
      parser.cut();
    }
    this.#returnParser(parser);
  }

  /** Goes on behind bytes that were not seen. */
  skip(byteCount: number): void {
    this.#forgetRequests();
    const parser = this.#borrowParser();
    parser.skip(byteCount);
    this.#returnParser(parser);
  }

  /** Goes on with what follows nothing that was read. */
  restart(): void {
    this.#forgetRequests();
    this.#cut();
    this.#device = undefined;
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

  /** Which end asked what, and what was answered, can't be told behind a gap. */
  #forgetRequests(): void {
    this.#requests = undefined;
    if (this.#peer !== undefined) this.#peer.#requests = undefined;
  }

  #cut(): void {
    if (this.#parser === undefined) return;
    this.#parser.cut();
    this.#returnParser(this.#parser);
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

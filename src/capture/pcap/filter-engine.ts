import { setTimeout as pause } from "node:timers/promises";
import * as libc from "../../native/libc.ts";
import { Packet } from "../../packet/packet.ts";
import { parseFrame, parsePayload } from "../../packet/parse.ts";
import type { Engine, Losses } from "../engine.ts";
import type { Link } from "../netlink.ts";
import {
  CAPTURED,
  INTERFACE,
  LENGTH,
  MAC,
  NANOSECONDS,
  NEXT,
  PACKET_TYPE,
  type Ring,
  SECONDS,
  SETTLE_MS,
  STATUS,
  TP_STATUS_VLAN_VALID,
  VLAN_PROTOCOL,
  VLAN_TAG,
} from "../ring/ring.ts";
import type { RingHolder, RingShares } from "../ring/ring-shares.ts";
import type { Ancillary, ClassicBpf } from "./classic-bpf.ts";
import type { LiveProgram } from "./live-filter.ts";
import { closeRingSocket, openRingSocket, receive, receiveNoMore, type RingSocket } from "./ring-socket.ts";

/** Read in one turn of the event loop, before others have theirs: some 2,000 packets, which take a few milliseconds. */
const TURN_BYTES = 512 * 1024;

/**
 * Counts a packet, parsed: bytes up to `end` are what was captured of its frame, good until it returns. `atSeconds`: when
 * it was, in seconds since 1970 by the host's clock.
 */
export type PacketRecorder<Sink> = (
  sink: Sink,
  packet: Packet,
  bytes: Uint8Array,
  end: number,
  atSeconds: number,
) => void;

/** What an engine is opened with. */
export interface FilterEngineOptions<Sink> {
  readonly link: Link;
  readonly program: LiveProgram;
  readonly record: PacketRecorder<Sink>;
  readonly shares: RingShares;
}

/**
 * Hands over the frames of an interface as libpcap would show them: promiscuously, on loopback once, and only those that
 * match the filter, whole or what of them is wanted. They come through a ring as in ../ring, but when the kernel says so
 * and not at fixed times: most interfaces have none.
 */
export class FilterEngine<Sink> implements Engine<Sink>, RingHolder {
  readonly #link: Link;
  readonly #program: LiveProgram;
  readonly #record: PacketRecorder<Sink>;
  readonly #shares: RingShares;
  readonly #packet = new Packet();
  readonly #ancillary: Ancillary = newAncillary();
  readonly #losses: Losses = { packets: 0 };
  #sink: Sink | undefined;
  /** The last one receives; one before it has yet to be read to its end. */
  readonly #readings: Reading[] = [];
  #resizing: Promise<boolean> | undefined;
  #isGrowing = false;
  #isOpen = true;

  private constructor({ link, program, record, shares }: FilterEngineOptions<Sink>, sink: Sink) {
    this.#link = link;
    this.#program = program;
    this.#record = record;
    this.#shares = shares;
    this.#sink = sink;
  }

  /** Opens an engine on an interface, one of `siblings`. Throws PromtapError. */
  static async open<Sink>(
    options: FilterEngineOptions<Sink>,
    sink: Sink,
    siblings: number,
  ): Promise<FilterEngine<Sink>> {
    const { shares } = options;
    const engine = new FilterEngine(options, sink);
    const ringBytes = await shares.claim(siblings);
    try {
      await engine.#receiveBy(ringBytes);
    } catch (error) {
      shares.giveBack(ringBytes);
      throw error;
    }
    shares.hold(engine, ringBytes);
    return engine;
  }

  sync(): void {
    for (const reading of this.#readings) {
      this.#readLosses(reading.socket);
      if (this.#sink !== undefined) this.#drain(reading);
    }
  }

  retarget(sink: Sink | undefined): void {
    this.sync();
    this.#sink = sink;
    for (const reading of this.#readings) this.#watch(reading);
  }

  losses(): Losses {
    return this.#losses;
  }

  /** A packet that comes in just at the change may be in both rings. */
  resize(ringBytes: number): Promise<boolean> {
    this.#resizing = this.#resize(ringBytes);
    return this.#resizing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#resizing;
    await pause(SETTLE_MS);
    this.sync();
    for (const reading of this.#readings.splice(0)) await this.#close(reading);
    this.#shares.release(this);
  }

  async #resize(ringBytes: number): Promise<boolean> {
    const [before] = this.#readings;
    if (!this.#isOpen || before === undefined) return false;
    try {
      await this.#receiveBy(ringBytes);
    } catch {
      // For want of a descriptor, say: the present ring goes on.
      return false;
    }
    receiveNoMore(before.socket);
    await pause(SETTLE_MS);
    this.sync();
    this.#readings.shift();
    await this.#close(before);
    return true;
  }

  async #receiveBy(ringBytes: number): Promise<void> {
    const socket = await openRingSocket(this.#link.name, this.#program, ringBytes);
    try {
      await receive(socket, this.#link);
    } catch (error) {
      await closeRingSocket(socket);
      throw error;
    }
    const { ring, filter } = socket;
    const reading = {
      socket,
      walk: (first: number, packets: number) => this.#walk(ring, filter, first, packets),
      stopWatching() {},
    };
    this.#readings.push(reading);
    this.#watch(reading);
  }

  /** Without a sink nothing is read, and a watcher would be told all the time. */
  #watch(reading: Reading): void {
    reading.stopWatching();
    reading.stopWatching =
      this.#sink === undefined ? () => {} : libc.watchReadable(reading.socket.fd, () => this.#read(reading));
  }

  #read(reading: Reading): void {
    // If there is nothing to read, it was an error, such as that the interface went down.
    if (this.#drain(reading, TURN_BYTES) === 0) libc.takeSocketError(reading.socket.fd);
  }

  /** Returns what part of the ring was read. */
  #drain({ socket: { ring }, walk }: Reading, maxBytes?: number): number {
    if (ring.isHalfFull && this.#isOpen) this.#grow();
    return ring.drain(walk, maxBytes);
  }

  #grow(): void {
    if (this.#isGrowing) return;
    this.#isGrowing = true;
    void this.#shares.grow(this).finally(() => (this.#isGrowing = false));
  }

  #readLosses({ fd }: RingSocket): void {
    this.#losses.packets += libc.packetStatistics(fd)?.drops ?? 0;
  }

  async #close(reading: Reading): Promise<void> {
    reading.stopWatching();
    await closeRingSocket(reading.socket);
  }

  /** Hot; allocates nothing but the time. */
  #walk(ring: Ring, filter: ClassicBpf | undefined, first: number, packets: number): void {
    const { bytes, words, halves } = ring;
    const { framing, copiedBytes } = this.#program;
    const { linkType, isCooked } = framing;
    const packet = this.#packet;
    const sink = this.#sink!;
    let at = first;
    for (let count = 0; count < packets; count++) {
      const word = at >> 2;
      const start = at + halves[(at >> 1) + MAC]!;
      const end = start + words[word + CAPTURED]!;
      const lengthBytes = words[word + LENGTH]!;
      // It did not fit into a block: those of a larger ring are larger, up to a size.
      if (end - start < lengthBytes && end - start < copiedBytes) this.#grow();
      if (filter === undefined || filter.passes(bytes, start, end, lengthBytes, this.#beside(ring, at))) {
        packet.vlan = ring.vlan(at);
        if (isCooked) parsePayload(packet, ring.etherType(at), bytes, start, end, lengthBytes);
        else parseFrame(packet, linkType, bytes, start, end, lengthBytes);
        this.#record(sink, packet, bytes, end, words[word + SECONDS]! + words[word + NANOSECONDS]! / 1e9);
      }
      at += words[word + NEXT]!;
    }
  }

  /** What the kernel says about the packet at `at`; the record is reused for the next one. */
  #beside(ring: Ring, at: number): Ancillary {
    const { bytes, words, halves } = ring;
    const ancillary = this.#ancillary;
    const word = at >> 2;
    ancillary.protocol = ring.etherType(at);
    ancillary.packetType = bytes[at + PACKET_TYPE]!;
    ancillary.interfaceIndex = words[word + INTERFACE]!;
    ancillary.vlanTag = words[word + VLAN_TAG]!;
    ancillary.hasVlanTag = (words[word + STATUS]! & TP_STATUS_VLAN_VALID) !== 0;
    ancillary.vlanProtocol = halves[(at >> 1) + VLAN_PROTOCOL]!;
    return ancillary;
  }
}

/** A socket that is read. */
interface Reading {
  readonly socket: RingSocket;
  readonly walk: (first: number, packets: number) => void;
  stopWatching: () => void;
}

function newAncillary(): Ancillary {
  return { protocol: 0, packetType: 0, interfaceIndex: 0, vlanTag: 0, hasVlanTag: false, vlanProtocol: 0 };
}

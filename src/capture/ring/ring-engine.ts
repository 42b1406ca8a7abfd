import { messageOf } from "../../errors.ts";
import type { InterfaceLedger } from "../../ledger/interface-ledger.ts";
import type { FrameCounts } from "../../ledger/zones/zoned-sink.ts";
import * as libc from "../../native/libc.ts";
import { LINKTYPE_ETHERNET } from "../../packet/link/link-types.ts";
import { Packet } from "../../packet/packet.ts";
import { parseFrame, parsePayload } from "../../packet/parse.ts";
import { parseSegments } from "../../packet/transport.ts";
import { openTunnel } from "../../packet/tunnel.ts";
import { type Engine, type EngineKind, EngineName, type Losses } from "../engine.ts";
import type { Link } from "../netlink.ts";
import { openPacketSocket, packetAddress, packetSocketRefusal, type Promiscuity } from "../packet-socket.ts";
import { drainPeriod, type RingRoom } from "./drain-period.ts";
import { FrameWalk } from "./frame-walk.ts";
import {
  type BlockWalker,
  CAPTURED,
  LENGTH,
  MAC,
  NETWORK,
  NEXT,
  Ring,
  SETTLE_MS,
  STATUS,
  TP_STATUS_GSO_TCP,
  TP_STATUS_USER,
} from "./ring.ts";
import { snapFilter, type SnapOptions } from "./snap-filter.ts";

/** The kernel counts what it drops in 32 bits: read in time, but not with every block, because a call makes garbage. */
const DRAINS_PER_LOOK_AT_LOSSES = 100;
/** Memory of all rings together, and the bounds of one. 32 MiB hold 270,000 packets. */
const ALL_RINGS_BYTES = 256 * 1024 * 1024;
const MAX_RING_BYTES = 32 * 1024 * 1024;
const MIN_RING_BYTES = 2 * 1024 * 1024;

/** What packets are counted into; such as an InterfaceLedger. */
type Counted = Pick<InterfaceLedger, "sink">;

/** The memory of all rings of a kind, in bytes: what a new one may take, and what the open ones hold. */
export class RingBudget {
  readonly #bytes: number;
  #heldBytes = 0;

  constructor(bytes = ALL_RINGS_BYTES) {
    this.#bytes = bytes;
  }

  /** A share for one of `siblings`, which leaves as much again to interfaces that are not known yet. */
  shareBytes(siblings: number): number {
    const left = this.#bytes - this.#heldBytes;
    const share = Math.min(MAX_RING_BYTES, this.#bytes / Math.max(siblings, 1), left / 2);
    return Math.max(MIN_RING_BYTES, share);
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

/** How packets are counted by rings. */
export interface RingOptions {
  /**
   * Frames that stand for several packets of the wire are recorded with what they are made of. Only if it is asked for:
   * the kernel drops, and counts as lost, merged frames that its virtio_net_hdr cannot express (virtio_net_hdr_from_skb
   * in linux/virtio_net.h), such as those of SCTP, and of UDP before Linux 6.2.
   */
  wireSizes?: boolean;
  promiscuity?: Promiscuity;
  /** The packets inside of tunnels are recorded; not with `wireSizes`. */
  opensTunnels?: boolean;
  /** Frames are recorded with their VLAN. */
  tellsVlans?: boolean;
}

/** Packet sockets with a memory-mapped ring (TPACKET_V3): needs CAP_NET_RAW and nothing else. */
export function ringKind(options: RingOptions = {}, budget = new RingBudget()): EngineKind {
  return {
    name: EngineName.RING,
    needs: ["CAP_NET_RAW"],
    keeps: ["CAP_NET_RAW"],
    descriptors: 1,
    async probe() {
      try {
        const snap = { isEthernet: true, ignoreOutgoing: false, hasTransport: options.wireSizes === true };
        const { fd, ring } = await openSocket(undefined, snap, MIN_RING_BYTES);
        ring.close();
        void libc.closeInBackground(fd);
        return undefined;
      } catch (error) {
        return messageOf(error);
      }
    },
    open: (link, ledger, siblings) => openRingEngine(link, ledger, siblings, options, budget),
  };
}

/** Starts to count the frames of an interface that is up; see `EngineKind` and `ringKind`. Throws PromtapError. */
export async function openRingEngine(
  link: Link,
  ledger: Counted,
  siblings: number,
  { wireSizes = false, promiscuity, opensTunnels = false, tellsVlans = false }: RingOptions = {},
  budget = new RingBudget(),
): Promise<Engine<Counted>> {
  const snap = { isEthernet: link.isEthernet, ignoreOutgoing: link.isLoopback, hasTransport: wireSizes, opensTunnels };
  const ringBytes = budget.shareBytes(siblings);
  // At once, because others may be opened meanwhile.
  budget.hold(ringBytes);
  try {
    const { fd, ring } = await openSocket(link.name, snap, ringBytes);
    try {
      await promiscuity?.join(fd, link);
      const bound = libc.bind(fd, packetAddress(link.index));
      const onClose = (): Promise<void> | undefined => {
        budget.release(ringBytes);
        return promiscuity?.leave(fd);
      };
      if (bound >= 0) return new RingEngine(fd, ring, { ...snap, tellsVlans }, ledger, onClose);
      throw packetSocketRefusal(bound, `open ${link.name}`, "bind to it");
    } catch (error) {
      ring.close();
      await promiscuity?.leave(fd);
      void libc.closeInBackground(fd);
      throw error;
    }
  } catch (error) {
    budget.release(ringBytes);
    throw error;
  }
}

/**
 * A packet socket, bound to nothing yet, whose filter snaps frames to what is parsed, and its ring. Not in cooked mode
 * if the transport header is parsed: the kernel does not tell then how a frame was merged.
 */
async function openSocket(
  name: string | undefined,
  snap: SnapOptions,
  ringBytes: number,
): Promise<{ fd: number; ring: Ring }> {
  const fd = openPacketSocket(name, snap.isEthernet || snap.hasTransport);
  const filtered = libc.attachFilter(fd, snapFilter(snap));
  const ring = filtered < 0 ? filtered : await Ring.open(fd, ringBytes, snap.hasTransport);
  if (typeof ring === "number") {
    void libc.closeInBackground(fd);
    const part = filtered < 0 ? "attach a filter" : "get memory for its ring";
    throw packetSocketRefusal(ring, ...(name === undefined ? [part] : [`open ${name}`, part]));
  }
  return { fd, ring };
}

class RingEngine implements Engine<Counted> {
  readonly #fd: number;
  readonly #ring: Ring;
  #sink: FrameCounts | undefined;
  readonly #onClose: () => Promise<void> | undefined;
  readonly #isEthernet: boolean;
  readonly #opensTunnels: boolean;
  readonly #walk: BlockWalker;
  readonly #packet = new Packet();
  readonly #room: RingRoom;
  #periodMs: number;
  /** What part of the ring was read since the period began. */
  #share = 0;
  #timer: NodeJS.Timeout;
  readonly #losses: Losses = { packets: 0 };
  #drains = 0;
  #isOpen = true;

  constructor(
    fd: number,
    ring: Ring,
    { isEthernet, hasTransport, opensTunnels = false, tellsVlans }: SnapOptions & { tellsVlans: boolean },
    { sink }: Counted,
    onClose: () => Promise<void> | undefined,
  ) {
    this.#fd = fd;
    this.#ring = ring;
    this.#sink = sink;
    this.#onClose = onClose;
    this.#isEthernet = isEthernet;
    this.#opensTunnels = opensTunnels;
    if (hasTransport) this.#walk = this.#walkMerged.bind(this);
    else if (opensTunnels || tellsVlans) this.#walk = this.#walkParsed.bind(this);
    else if (isEthernet) this.#walk = this.#walkFrames(new FrameWalk(ring));
    else this.#walk = this.#walkPackets.bind(this);
    this.#room = { bytes: ring.bytes.length, hasLongFrames: hasTransport || opensTunnels };
    this.#periodMs = drainPeriod(this.#room, 0);
    this.#timer = setInterval(this.#drainInTime, this.#periodMs);
  }

  sync(): void {
    if (!this.#isOpen) return;
    this.#readLosses();
    this.#drain();
  }

  retarget(ledger: Counted | undefined): void {
    this.sync();
    this.#sink = ledger?.sink;
    if (this.#isOpen) this.#drain();
  }

  /** Without a sink packets stay in the ring. */
  #drain(): void {
    if (this.#sink !== undefined) this.#share += this.#ring.drain(this.#walk);
  }

  readonly #drainInTime = (): void => {
    if (++this.#drains % DRAINS_PER_LOOK_AT_LOSSES === 0) this.#readLosses();
    this.#drain();
    const periodMs = drainPeriod(this.#room, this.#share / this.#periodMs);
    this.#share = 0;
    if (periodMs === this.#periodMs) return;
    clearInterval(this.#timer);
    this.#timer = setInterval(this.#drainInTime, periodMs);
    this.#periodMs = periodMs;
  };

  #readLosses(): void {
    this.#losses.packets += libc.packetStatistics(this.#fd)?.drops ?? 0;
  }

  losses(): Losses {
    return this.#losses;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    clearInterval(this.#timer);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    this.sync();
    this.#isOpen = false;
    this.#ring.close();
    await this.#onClose();
    await libc.closeInBackground(this.#fd);
  }

  #walkFrames(frames: FrameWalk): BlockWalker {
    return (first, packets) => frames.walk(first, packets, this.#sink!);
  }

  /** Packets of which the kernel has taken off the link header. Hot; does not allocate. */
  #walkPackets(first: number, packets: number): void {
    const ring = this.#ring;
    const { bytes, words, halves } = ring;
    const packet = this.#packet;
    const sink = this.#sink!;
    let at = first;
    for (let count = 0; count < packets; count++) {
      const word = at >> 2;
      const start = at + halves[(at >> 1) + MAC]!;
      const end = start + words[word + CAPTURED]!;
      parsePayload(packet, ring.etherType(at), bytes, start, end, words[word + LENGTH]!);
      if ((words[word + STATUS]! & TP_STATUS_GSO_TCP) === 0) sink.record(packet);
      else sink.recordAggregated(packet);
      at += words[word + NEXT]!;
    }
  }

  /** Frames with or without an Ethernet header, with their VLANs, and maybe the packets inside of tunnels. Hot; does not allocate. */
  #walkParsed(first: number, packets: number): void {
    const ring = this.#ring;
    const { bytes, words, halves } = ring;
    const packet = this.#packet;
    const sink = this.#sink!;
    let at = first;
    for (let count = 0; count < packets; count++) {
      const word = at >> 2;
      const start = at + halves[(at >> 1) + MAC]!;
      const end = start + words[word + CAPTURED]!;
      const length = words[word + LENGTH]!;
      packet.vlan = ring.vlan(at);
      if (this.#isEthernet) parseFrame(packet, LINKTYPE_ETHERNET, bytes, start, end, length);
      else parsePayload(packet, ring.etherType(at), bytes, start, end, length);
      if (this.#opensTunnels) openTunnel(packet, bytes, end);
      if ((words[word + STATUS]! & TP_STATUS_GSO_TCP) === 0) sink.record(packet);
      else sink.recordAggregated(packet);
      at += words[word + NEXT]!;
    }
  }

  /** Frames behind a virtio_net_hdr, with or without an Ethernet header. Hot; does not allocate. */
  #walkMerged(first: number, packets: number): void {
    const { words } = this.#ring;
    let at = first;
    for (let count = 0; count < packets; count++) {
      const word = at >> 2;
      // What the kernel could not express keeps its place in the block, but is not written there (tpacket_rcv).
      if ((words[word + STATUS]! & TP_STATUS_USER) !== 0) this.#recordMerged(at);
      at += words[word + NEXT]!;
    }
  }

  #recordMerged(at: number): void {
    const { bytes, words, halves } = this.#ring;
    const packet = this.#packet;
    const word = at >> 2;
    const mac = at + halves[(at >> 1) + MAC]!;
    const end = mac + words[word + CAPTURED]!;
    const length = words[word + LENGTH]!;
    packet.vlan = this.#ring.vlan(at);
    if (this.#isEthernet) parseFrame(packet, LINKTYPE_ETHERNET, bytes, mac, end, length);
    else {
      const start = at + halves[(at >> 1) + NETWORK]!;
      parsePayload(packet, this.#ring.etherType(at), bytes, start, end, length - (start - mac));
    }
    const segmentBytes = this.#ring.gsoSize(mac);
    if (segmentBytes === 0) {
      this.#sink!.record(packet);
      return;
    }
    parseSegments(packet, segmentBytes, bytes, mac + length - packet.lengthBytes, end);
    this.#sink!.recordAggregated(packet);
  }
}

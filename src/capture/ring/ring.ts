import * as libc from "../../native/libc.ts";

/*
 * TPACKET_V3 (linux/if_packet.h, Documentation/networking/packet_mmap.rst). The kernel fills blocks in turn and hands
 * each over when it is full or its time is up.
 *
 *   block:   0 version | 4 offset to private | 8 status | 12 packets | 16 offset to first packet | ...
 *   packet:  0 offset to next | 4 s | 8 ns | 12 captured | 16 length | 20 status | 24 mac u16 | 26 network u16 |
 *            28 hash | 32 VLAN tag | 36 VLAN protocol u16 | ...
 *            48 sockaddr_ll: 48 family u16 | 50 protocol u16, big-endian | 52 interface | 56 hardware u16 | 58 type u8
 *
 * With PACKET_VNET_HDR a struct virtio_net_hdr (linux/virtio_net.h) stands right before the frame's first byte, at mac:
 *
 *            0 flags u8 | 1 gso_type u8 | 2 hdr_len u16 | 4 gso_size u16 | 6 csum_start u16 | 8 csum_offset u16
 */
const PACKET_RX_RING = 5;
const PACKET_VERSION = 10;
const PACKET_VNET_HDR = 15;
const TPACKET_V3 = 2;
const SOL_PACKET = 263;
/** A block holds about 2,000 snapped packets. */
const BLOCK_BYTES = 256 * 1024;
/** Only checked by the kernel, not used: a multiple of TPACKET_ALIGNMENT that divides a block. */
const FRAME_BYTES = 2048;
/**
 * Milliseconds after which a block is handed over though it is not full, so the age of the youngest packet on the page.
 * The ring must have many more blocks than fit between two drains.
 */
const RETIRE_MS = 10;
/** Longer than the kernel keeps a block that is not full: then all that was captured can be read. */
export const SETTLE_MS = 3 * RETIRE_MS;

const TP_STATUS_KERNEL = 0;
export const TP_STATUS_USER = 1;
export const TP_STATUS_VLAN_VALID = 1 << 4;
/** A frame of TCP that stands for several packets; Linux 6.3. */
export const TP_STATUS_GSO_TCP = 1 << 8;

/** Offsets in a packet of the ring, in words of 32 bits. */
export const NEXT = 0;
export const SECONDS = 1;
export const NANOSECONDS = 2;
export const CAPTURED = 3;
export const LENGTH = 4;
export const STATUS = 5;
export const VLAN_TAG = 8;
export const INTERFACE = 13;
/** In halves of 16. */
export const MAC = 12;
export const NETWORK = 13;
export const VLAN_PROTOCOL = 18;
export const PROTOCOL = 25;
/** In bytes. */
export const PACKET_TYPE = 58;

/** Offsets in words of 32 bits. */
const BLOCK_STATUS = 2;
const BLOCK_PACKETS = 3;
const BLOCK_FIRST = 4;

/** Of a tag, what is not its priority. */
const VLAN_MASK = 0xfff;

/** From the first byte of a frame back to the gso_size of its virtio_net_hdr. */
const GSO_SIZE_BEFORE_MAC = 10 - 4;

/** Walks the packets of one block: `first` is the offset of the first in the ring, in bytes. */
export type BlockWalker = (first: number, packets: number) => void;

/** The memory shared with the kernel, and our place in it. */
export class Ring {
  /** The whole ring; offsets below are in bytes from its start, and packets are 8-byte aligned. */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly halves: Uint16Array;
  /** For what the network has written: numbers of any alignment, big-endian. */
  readonly view: DataView;

  readonly #mapping: libc.Mapping;
  readonly #blockBytes: number;
  readonly #blocks: number;
  #next = 0;

  private constructor(mapping: libc.Mapping, blockBytes: number) {
    this.#mapping = mapping;
    this.#blockBytes = blockBytes;
    this.#blocks = mapping.buffer.byteLength / blockBytes;
    this.bytes = new Uint8Array(mapping.buffer);
    this.words = new Uint32Array(mapping.buffer);
    this.halves = new Uint16Array(mapping.buffer);
    this.view = new DataView(mapping.buffer);
  }

  /**
   * Gives a packet socket a ring of about `ringBytes`, or half of it if memory is short, and so on; or the errno.
   * `hasVnetHeaders`: each frame has a virtio_net_hdr before it; for SOCK_RAW alone. `blockBytes`: a power of two, of
   * pages; no frame is captured beyond the size of a block.
   */
  static async open(
    fd: number,
    ringBytes: number,
    hasVnetHeaders: boolean,
    blockBytes = BLOCK_BYTES,
  ): Promise<Ring | number> {
    const version = libc.setsockopt(fd, SOL_PACKET, PACKET_VERSION, words(TPACKET_V3));
    if (version < 0) return version;
    const headers = hasVnetHeaders ? libc.setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, words(1)) : 0;
    if (headers < 0) return headers;
    let blocks = Math.ceil(ringBytes / blockBytes);
    let result = await requestRing(fd, blocks, blockBytes);
    while (result === -libc.errno.ENOMEM && blocks > 1) {
      blocks = blocks >> 1;
      result = await requestRing(fd, blocks, blockBytes);
    }
    if (result < 0) return result;
    const mapping = libc.mmap(fd, blocks * blockBytes);
    return typeof mapping === "number" ? mapping : new Ring(mapping, blockBytes);
  }

  /**
   * Hands every block that the kernel has finished to `walk`, and back to the kernel; returns what part of the ring they
   * were, 0 to 1. At most one round, or `maxBytes`, so that a flood cannot keep the event loop.
   *
   * The status is the only word that both sides write; the atomic load and store order the accesses to the block
   * around it, as the acquire and release of libpcap do.
   */
  drain(walk: BlockWalker, maxBytes = this.bytes.length): number {
    const { words } = this;
    const most = Math.max(1, maxBytes / this.#blockBytes);
    let count = 0;
    for (; count < this.#blocks && count < most; count++) {
      const block = this.#next * this.#blockBytes;
      const at = block >> 2;
      if ((Atomics.load(words, at + BLOCK_STATUS) & TP_STATUS_USER) === 0) break;
      walk(block + words[at + BLOCK_FIRST]!, words[at + BLOCK_PACKETS]!);
      Atomics.store(words, at + BLOCK_STATUS, TP_STATUS_KERNEL);
      this.#next = this.#next + 1 === this.#blocks ? 0 : this.#next + 1;
    }
    return count / this.#blocks;
  }

  /** Whether at least half of the blocks wait to be read. */
  get isHalfFull(): boolean {
    const block = ((this.#next + (this.#blocks >> 1)) % this.#blocks) * this.#blockBytes;
    return (Atomics.load(this.words, (block >> 2) + BLOCK_STATUS) & TP_STATUS_USER) !== 0;
  }

  /** What follows the link header of the packet at `at`, as the kernel says: an EtherType. */
  etherType(at: number): number {
    const protocol = this.halves[(at >> 1) + PROTOCOL]!;
    return ((protocol & 0xff) << 8) | (protocol >> 8);
  }

  /** The VLAN of the tag that the kernel has taken off a packet, 0 if it has none. Hot; does not allocate. */
  vlan(at: number): number {
    const word = at >> 2;
    return (this.words[word + STATUS]! & TP_STATUS_VLAN_VALID) === 0 ? 0 : this.words[word + VLAN_TAG]! & VLAN_MASK;
  }

  /** The gso_size that the kernel tells of the frame at `mac`, 0 if it is a single packet. Hot; does not allocate. */
  gsoSize(mac: number): number {
    const at = mac - GSO_SIZE_BEFORE_MAC;
    // In the machine's own order, which is little-endian wherever this runs; `mac` may be odd.
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }

  /** Gives the memory back; none of the views may be read any more. */
  close(): void {
    this.#mapping.unmap();
  }
}

/** In the background: the kernel takes 8 ms, until no CPU can be at the socket (synchronize_net in packet_set_ring). */
function requestRing(fd: number, blocks: number, blockBytes: number): Promise<number> {
  // struct tpacket_req3: block size, blocks, frame size, frames, retire time-out, size of private area, features.
  const frames = (blockBytes / FRAME_BYTES) * blocks;
  const request = words(blockBytes, blocks, FRAME_BYTES, frames, RETIRE_MS, 0, 0);
  return libc.setsockoptInBackground(fd, SOL_PACKET, PACKET_RX_RING, request);
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

import * as libc from "../../native/libc.ts";

/*
 * TPACKET_V3 (linux/if_packet.h, Documentation/networking/packet_mmap.rst). The kernel fills blocks in turn and hands
 * each over when it is full or its time is up.
 *
 *   block:   0 version | 4 offset to private | 8 status | 12 packets | 16 offset to first packet | ...
 *   packet:  0 offset to next | 4 s | 8 ns | 12 captured | 16 length | 20 status | 24 mac u16 | 26 network u16 | ...
 *            48 sockaddr_ll: 48 family u16 | 50 protocol u16, big-endian | ...
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
/** A block of the size of a chunk holds about 2,000 snapped packets. */
const BLOCK_BYTES = 256 * 1024;
/** Only checked by the kernel, not used: a multiple of TPACKET_ALIGNMENT that divides a block. */
const FRAME_BYTES = 2048;
/**
 * Milliseconds after which a block is handed over though it is not full, so the age of the youngest packet on the page.
 * The ring must have many more blocks than fit between two drains.
 */
const RETIRE_MS = 10;

const TP_STATUS_KERNEL = 0;
const TP_STATUS_USER = 1;

/** Offsets in words of 32 bits. */
const BLOCK_STATUS = 2;
const BLOCK_PACKETS = 3;
const BLOCK_FIRST = 4;

/** From the first byte of a frame back to the gso_size of its virtio_net_hdr. */
const GSO_SIZE_BEFORE_MAC = 10 - 4;

/** Walks the packets of one block: `first` is the offset of the first in the ring, in bytes. */
export type BlockWalker = (first: number, packets: number) => void;

/** The memory that the kernel and we share, and our place in it. */
export class Ring {
  /** The whole ring; offsets below are in bytes from its start, and packets are 8-byte aligned. */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly halves: Uint16Array;
  /** For what the network has written: numbers of any alignment, big-endian. */
  readonly view: DataView;

  readonly #mapping: libc.Mapping;
  readonly #blocks: number;
  #next = 0;

  private constructor(mapping: libc.Mapping) {
    this.#mapping = mapping;
    this.#blocks = mapping.buffer.byteLength / BLOCK_BYTES;
    this.bytes = new Uint8Array(mapping.buffer);
    this.words = new Uint32Array(mapping.buffer);
    this.halves = new Uint16Array(mapping.buffer);
    this.view = new DataView(mapping.buffer);
  }

  /**
   * Gives a packet socket a ring of about `ringBytes`, or half of it where memory is short, and so on; or the errno.
   * `hasVnetHeaders`: each frame has a virtio_net_hdr before it; for SOCK_RAW alone.
   */
  static async open(fd: number, ringBytes: number, hasVnetHeaders: boolean): Promise<Ring | number> {
    const version = libc.setsockopt(fd, SOL_PACKET, PACKET_VERSION, words(TPACKET_V3));
    if (version < 0) return version;
    const headers = hasVnetHeaders ? libc.setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, words(1)) : 0;
    if (headers < 0) return headers;
    let blocks = Math.ceil(ringBytes / BLOCK_BYTES);
    let result = await requestRing(fd, blocks);
    while (result === -libc.errno.ENOMEM && blocks > 1) {
      blocks = blocks >> 1;
      result = await requestRing(fd, blocks);
    }
    if (result < 0) return result;
    const mapping = libc.mmap(fd, blocks * BLOCK_BYTES);
    return typeof mapping === "number" ? mapping : new Ring(mapping);
  }

  /**
   * Hands every block that the kernel has finished to `walk`, and back to the kernel; returns what part of the ring they
   * were, 0 to 1. At most one round, so that a flood cannot keep the event loop.
   *
   * The status is the only word that both sides write; the atomic load and store order the accesses to the block
   * around it, as the acquire and release of libpcap do.
   */
  drain(walk: BlockWalker): number {
    const { words } = this;
    let count = 0;
    for (; count < this.#blocks; count++) {
      const block = this.#next * BLOCK_BYTES;
      const at = block >> 2;
      if ((Atomics.load(words, at + BLOCK_STATUS) & TP_STATUS_USER) === 0) break;
      walk(block + words[at + BLOCK_FIRST]!, words[at + BLOCK_PACKETS]!);
      Atomics.store(words, at + BLOCK_STATUS, TP_STATUS_KERNEL);
      this.#next = this.#next + 1 === this.#blocks ? 0 : this.#next + 1;
    }
    return count / this.#blocks;
  }

  /** The gso_size that the kernel says of the frame at `mac`, 0 where it is a packet like any. Hot; does not allocate. */
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
function requestRing(fd: number, blocks: number): Promise<number> {
  // struct tpacket_req3: block size, blocks, frame size, frames, retire time-out, size of private area, features.
  const frames = (BLOCK_BYTES / FRAME_BYTES) * blocks;
  const request = words(BLOCK_BYTES, blocks, FRAME_BYTES, frames, RETIRE_MS, 0, 0);
  return libc.setsockoptInBackground(fd, SOL_PACKET, PACKET_RX_RING, request);
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

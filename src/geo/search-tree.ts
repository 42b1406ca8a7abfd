import { u32 } from "../packet/bytes.ts";

/** Bits from the root of an IPv6 tree to where it holds the IPv4 addresses, at ::/96. */
const IPV4_DEPTH = 96;

/** How a MaxMind DB file describes its search tree. */
export interface SearchTreeShape {
  readonly nodeCount: number;
  readonly recordBits: number;
  readonly ipVersion: number;
}

/**
 * The binary search tree that a MaxMind DB file begins with (MaxMind DB File Format 2.0, "Binary Search Tree Section").
 * A node is two records, for the next bit of the address:
 *
 *   24 bits  | left 3 bytes | right 3 bytes |
 *   28 bits  | left, lower 24 | left, upper 4 : right, upper 4 | right, lower 24 |
 *   32 bits  | left 4 bytes | right 4 bytes |
 *
 * A record below the number of nodes is the next node, equal to it nothing, above it a place in the data, which here
 * and elsewhere is called a pointer; 0 stands for none.
 */
export class SearchTree {
  readonly nodeCount: number;
  readonly ipVersion: number;
  /** The record at which IPv4 addresses begin: a node, or what holds for all of them. */
  readonly ipv4Root: number;
  readonly #bytes: Uint8Array;
  readonly #recordBits: number;

  /** The file is lent for good. Throws nothing: whether all records are good, `GeoDatabase.open` checks. */
  constructor(bytes: Uint8Array, shape: SearchTreeShape) {
    this.#bytes = bytes;
    this.#recordBits = shape.recordBits;
    this.nodeCount = shape.nodeCount;
    this.ipVersion = shape.ipVersion;
    let root = 0;
    for (let depth = 0; shape.ipVersion === 6 && depth < IPV4_DEPTH && root < this.nodeCount; depth++) {
      root = this.record(root, 0);
    }
    this.ipv4Root = root;
  }

  get lengthBytes(): number {
    return (this.nodeCount * this.#recordBits) / 4;
  }

  /** The record of a node for a bit that is 0 or 1. Hot; does not allocate. */
  record(node: number, bit: number): number {
    const bytes = this.#bytes;
    if (this.#recordBits === 24) {
      const at = node * 6 + bit * 3;
      return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    }
    if (this.#recordBits === 32) return u32(bytes, node * 8 + bit * 4);
    const at = node * 7;
    const upper = bit === 0 ? bytes[at + 3]! >>> 4 : bytes[at + 3]! & 0xf;
    const lower = at + bit * 4;
    return (upper << 24) | (bytes[lower]! << 16) | (bytes[lower + 1]! << 8) | bytes[lower + 2]!;
  }

  /** The pointer of an address, given as four 32-bit words, one of IPv4 mapped into IPv6. Hot; does not allocate. */
  find(words: Uint32Array): number {
    const isIpv4 = words[2] === 0xffff && words[0] === 0 && words[1] === 0;
    return isIpv4 ? this.findIpv4(words[3]!) : this.findIpv6(words);
  }

  /** The pointer of an IPv4 address, given as 32 bits. Hot; does not allocate. */
  findIpv4(address: number): number {
    let record = this.ipv4Root;
    for (let shift = 31; shift >= 0 && record < this.nodeCount; shift--) {
      record = this.record(record, (address >>> shift) & 1);
    }
    return record > this.nodeCount ? record : 0;
  }

  /** The pointer of an IPv6 address, given as four 32-bit words; 0 in a tree of IPv4. Hot; does not allocate. */
  findIpv6(words: Uint32Array): number {
    if (this.ipVersion === 4) return 0;
    let record = 0;
    for (let depth = 0; depth < 128 && record < this.nodeCount; depth++) {
      record = this.record(record, (words[depth >>> 5]! >>> (31 - (depth & 31))) & 1);
    }
    return record > this.nodeCount ? record : 0;
  }
}

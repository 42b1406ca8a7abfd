import { type Address, isIpv4, MAPPED_BITS, unmapped } from "../../packet/address.ts";

/** What a branch leads to if not to another node. */
const NOTHING = 0;
const ALL = -1;
const IPV4_ROOT = 0;
const IPV6_ROOT = 2;

/** A set of networks, kept as a binary tree, so that many cost little more than one. */
export class NetworkSet {
  /** Two branches a node; a node is the index of its first. */
  readonly #branches = [NOTHING, NOTHING, NOTHING, NOTHING];
  readonly #isEmpty: boolean;

  constructor(networks: readonly (Address & { prefixBits: number })[]) {
    this.#isEmpty = networks.length === 0;
    for (const network of networks) {
      const { version, value, bits } = unmapped(network, network.prefixBits);
      if (version === 4) this.#add(IPV4_ROOT, value, 32, bits);
      else this.#add(IPV6_ROOT, value, 128, bits);
    }
  }

  /** `address`: four words, IPv4 mapped. Hot; does not allocate. */
  has(address: Uint32Array): boolean {
    if (this.#isEmpty) return false;
    const isOfIpv4 = isIpv4(address);
    let node = isOfIpv4 ? IPV4_ROOT : IPV6_ROOT;
    for (let bit = isOfIpv4 ? MAPPED_BITS : 0; bit < 128; bit++) {
      const next = this.#branches[node + ((address[bit >>> 5]! >>> (31 - (bit & 31))) & 1)]!;
      if (next <= 0) return next === ALL;
      node = next;
    }
    return false;
  }

  #add(root: number, value: bigint, width: number, prefixBits: number): void {
    if (prefixBits === 0) {
      this.#branches[root] = ALL;
      this.#branches[root + 1] = ALL;
      return;
    }
    let node = root;
    for (let depth = 1; ; depth++) {
      const branch = node + Number((value >> BigInt(width - depth)) & 1n);
      const next = this.#branches[branch]!;
      if (next === ALL) return;
      if (depth === prefixBits) {
        this.#branches[branch] = ALL;
        return;
      }
      node = next === NOTHING ? this.#branches.push(NOTHING, NOTHING) - 2 : next;
      this.#branches[branch] = node;
    }
  }
}

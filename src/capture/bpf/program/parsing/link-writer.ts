import {
  ETHERNET_HEADER_BYTES,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_HEADER_BYTES,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from "../../../../packet/headers.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r1, r2, r3, r6, r7, r8, r9, r10 } from "../../assembly/instruction.ts";
import type { NetworkLabels } from "./network-writer.ts";
import {
  PACKET_OUTGOING,
  readAt,
  readFromR2,
  SKB_DATA,
  SKB_DATA_END,
  SKB_LEN,
  SKB_PKT_TYPE,
  SKB_PROTOCOL,
} from "../skb.ts";
import { FRAME, IPV4 } from "../storage.ts";
import { writeTags } from "./tags-writer.ts";

/** The EtherType as a machine of this byte order loads it; ours are little-endian, as Node's builds are. */
const IPV4_TYPE_AS_LOADED = ((ETHERTYPE_IPV4 & 0xff) << 8) | (ETHERTYPE_IPV4 >> 8);
/** Lowest upper byte of an EtherType; below, the field is a length (IEEE 802.3). */
const MIN_TYPE = 0x06;

export interface LinkOptions {
  /** Frames begin with an Ethernet header; else with the network header, and the kernel knows the EtherType. */
  isEthernet: boolean;
  /** The packet's memory can be read in place: in tcx programs, not in socket filters. */
  hasDirectAccess: boolean;
  /** The whole network header is needed later on. */
  keepsOffsets: boolean;
  tellsVlans: boolean;
}

/**
 * Writes what packet/link.ts does: reads the link header of the packet whose context is in r6, and goes to the network
 * header with the packet's length in r7 and the offset of that header in r8. Runs on into what is written next with an
 * IPv4 header on the stack: `ipv4Loaded`.
 */
export function writeLink(asm: Assembler, options: LinkOptions, labels: NetworkLabels): void {
  new LinkWriter(asm, options, labels).write();
}

class LinkWriter {
  readonly #asm: Assembler;
  readonly #options: LinkOptions;
  readonly #labels: NetworkLabels;

  constructor(asm: Assembler, options: LinkOptions, labels: NetworkLabels) {
    this.#asm = asm;
    this.#options = options;
    this.#labels = labels;
  }

  write(): void {
    const asm = this.#asm;
    asm.comment("r7 = length of the packet, r8 = offset of what is next");
    asm.load(4, r7, r6, SKB_LEN);
    if (this.#options.isEthernet) this.#writeEthernet();
    else this.#writeCooked();
  }

  /** IPv4 in Ethernet goes on at once to what is written next; all else is read piece by piece. */
  #writeEthernet(): void {
    const asm = this.#asm;
    const short = asm.label("short");
    const other = asm.label("other_type");
    asm.mov(r8, ETHERNET_HEADER_BYTES);
    if (this.#options.hasDirectAccess) {
      this.#readDirectly(short);
      this.#jumpUnlessIpv4(other);
    } else {
      this.#readReceived(short, other);
    }
    asm.putOff(() => {
      asm.place(short);
      asm.comment("too short for IPv4: the Ethernet header alone");
      this.#readFromStart(ETHERNET_HEADER_BYTES, this.#labels.truncated);
      asm.load(2, r9, r10, FRAME + ETHERNET_TYPE);
      asm.place(other);
      asm.comment("r9 = EtherType");
      asm.be(r9, 16);
      writeTags(asm, this.#labels, this.#options.tellsVlans);
    });
  }

  /** r9 = the EtherType on the stack, as loaded. */
  #jumpUnlessIpv4(other: Label): void {
    this.#asm.load(2, r9, r10, FRAME + ETHERNET_TYPE);
    this.#asm.jne(r9, IPV4_TYPE_AS_LOADED, other);
  }

  /**
   * Reads the IPv4 header alone if the kernel has found IPv4 in what it received: 14 ns less than to read the Ethernet
   * header too, which many packets have in another piece. Of what is sent, the sender says what it is; and behind a
   * tag that stands in the frame all the same, the length would be an EtherType: then both are read. Only what rewrites
   * the EtherType and redirects the packet to be received again (tc's pedit and mirred) makes the two differ.
   */
  #readReceived(short: Label, other: Label): void {
    const asm = this.#asm;
    const both = asm.label("both_headers");
    const loaded = asm.label("ipv4_is_next");
    asm.comment("IPv4 that was received: its header alone is read");
    asm.load(4, r1, r6, SKB_PKT_TYPE);
    asm.jeq(r1, PACKET_OUTGOING, both);
    asm.load(4, r1, r6, SKB_PROTOCOL);
    asm.jne(r1, IPV4_TYPE_AS_LOADED, both);
    readAt(asm, IPV4_HEADER_BYTES, both, IPV4);
    asm.comment("a length that is an EtherType: a tag may stand before it");
    // The upper byte of the length: in a frame with a tag, of the EtherType behind that.
    asm.load(1, r1, r10, IPV4 + IPV4_TOTAL_LENGTH);
    asm.jge(r1, MIN_TYPE, both);
    asm.place(loaded);
    asm.putOff(() => {
      asm.place(both);
      asm.comment("Ethernet header and IPv4 header");
      this.#readFromStart(ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES, short);
      this.#jumpUnlessIpv4(other);
      asm.jump(loaded);
    });
  }

  #readFromStart(bytes: number, otherwise: Label): void {
    this.#asm.mov(r2, 0);
    readFromR2(this.#asm, FRAME, bytes, otherwise);
  }

  /**
   * Copies what the fast path needs to where it expects it. Many packets have no more than their Ethernet header in one
   * piece (those of a packet socket's ring, and of some drivers): a call for the rest costs 30 ns, one for all 36.
   */
  #readDirectly(short: Label): void {
    const asm = this.#asm;
    const pieces = asm.label("in_pieces");
    const whole = asm.label("whole");
    asm.comment("the Ethernet header and what IPv4 needs, if they are in one piece");
    asm.load(4, r2, r6, SKB_DATA);
    asm.load(4, r3, r6, SKB_DATA_END);
    this.#jumpUnlessInPiece(ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES, pieces);
    this.#copy(2, ETHERNET_TYPE);
    this.#copy(1, ETHERNET_HEADER_BYTES);
    if (this.#options.keepsOffsets) this.#copy(2, ETHERNET_HEADER_BYTES + IPV4_FRAGMENT);
    this.#copy(1, ETHERNET_HEADER_BYTES + IPV4_PROTOCOL);
    this.#copy(4, ETHERNET_HEADER_BYTES + IPV4_SOURCE);
    this.#copy(4, ETHERNET_HEADER_BYTES + IPV4_DESTINATION);
    asm.place(whole);
    asm.putOff(() => {
      asm.place(pieces);
      asm.comment("only the Ethernet header is: a call for the rest");
      this.#jumpUnlessInPiece(ETHERNET_HEADER_BYTES, short);
      this.#copy(2, ETHERNET_TYPE);
      asm.mov(r2, ETHERNET_HEADER_BYTES);
      readFromR2(asm, IPV4, IPV4_HEADER_BYTES, short);
      asm.jump(whole);
    });
  }

  /** Goes to `otherwise` unless `bytes` stand between r2 and r3. Uses up r1. */
  #jumpUnlessInPiece(bytes: number, otherwise: Label): void {
    this.#asm.mov(r1, r2);
    this.#asm.add(r1, bytes);
    this.#asm.jgt(r1, r3, otherwise);
  }

  /** Copies from r2 + offset. Uses up r1. */
  #copy(bytes: 1 | 2 | 4, offset: number): void {
    this.#asm.load(bytes, r1, r2, offset);
    this.#asm.store(bytes, r10, FRAME + offset, r1);
  }

  #writeCooked(): void {
    const asm = this.#asm;
    const cooked = asm.label("without_link_header");
    asm.jump(cooked);
    asm.putOff(() => {
      asm.place(cooked);
      asm.comment("r9 = EtherType, as the kernel knows it");
      asm.mov(r8, 0);
      asm.load(4, r9, r6, SKB_PROTOCOL);
      asm.be(r9, 16);
      writeTags(asm, this.#labels, this.#options.tellsVlans);
    });
  }
}

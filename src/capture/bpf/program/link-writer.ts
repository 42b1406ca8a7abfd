import {
  ETHERNET_HEADER_BYTES,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_9100,
  ETHERTYPE_QINQ_9200,
  ETHERTYPE_VLAN,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_HEADER_BYTES,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  MPLS_BOTTOM_OF_STACK,
  MPLS_LABEL_BOTTOM,
  MPLS_LABEL_BYTES,
  PPPOE_HEADER_BYTES,
  PPP_ADDRESS_AND_CONTROL,
  PPP_IPV4,
  PPP_IPV6,
  PPP_MPLS,
  PPP_MPLS_MULTICAST,
  VLAN_TAG_BYTES,
  VLAN_TAG_TYPE,
} from "../../../packet/headers.ts";
import { MAX_TAGS } from "../../../packet/link/encapsulation.ts";
import type { Assembler, Label } from "../assembly/assembler.ts";
import { r1, r2, r3, r6, r7, r8, r9, r10 } from "../assembly/instruction.ts";
import type { NetworkLabels } from "./network-writer.ts";
import {
  forgetPath,
  PACKET_OUTGOING,
  readAt,
  readFromR2,
  readNext,
  SKB_DATA,
  SKB_DATA_END,
  SKB_LEN,
  SKB_PKT_TYPE,
  SKB_PROTOCOL,
} from "./skb.ts";
import { FRAME, IPV4, SCRATCH } from "./storage.ts";

const VLAN_TYPES = [ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_9100, ETHERTYPE_QINQ_9200];
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
  readonly #ppp: Label;
  readonly #labelled: Label;

  constructor(asm: Assembler, options: LinkOptions, labels: NetworkLabels) {
    this.#asm = asm;
    this.#options = options;
    this.#labels = labels;
    this.#ppp = asm.label("ppp");
    this.#labelled = asm.label("labelled");
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
      this.#writeRest();
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

  /** Everything that may stand between a link header and the network header. */
  #writeRest(): void {
    this.#writeTags();
    this.#writePpp();
    this.#writeLabelled();
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
      this.#writeRest();
    });
  }

  /** VLAN tags, MPLS labels and PPPoE by the EtherType in r9, as parseTags does; LLC is left to the network. */
  #writeTags(): void {
    const asm = this.#asm;
    for (let count = 0; count <= MAX_TAGS; count++) {
      const vlan = asm.label("vlan");
      const mpls = asm.label("mpls");
      const next = asm.label("behind_tag");
      asm.comment(`tag ${count + 1}: VLAN, MPLS or PPPoE; or the network`);
      for (const type of VLAN_TYPES) asm.jeq(r9, type, vlan);
      for (const type of [ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST]) asm.jeq(r9, type, mpls);
      asm.jne(r9, ETHERTYPE_PPPOE_SESSION, this.#labels.network);
      asm.add(r8, PPPOE_HEADER_BYTES);
      asm.jgt(r8, r7, this.#labels.truncated);
      asm.jump(this.#ppp);

      asm.place(mpls);
      this.#readLabel(this.#labelled);
      asm.jump(next);

      asm.place(vlan);
      readNext(asm, VLAN_TAG_BYTES, this.#labels.truncated);
      asm.load(2, r9, r10, SCRATCH + VLAN_TAG_TYPE);
      asm.be(r9, 16);
      asm.place(next);
    }
    asm.comment("too many tags");
    asm.jump(this.#labels.malformed);
  }

  /** Reads one MPLS label and goes to `bottom` behind the last. */
  #readLabel(bottom: Label): void {
    const asm = this.#asm;
    readNext(asm, MPLS_LABEL_BYTES, this.#labels.truncated);
    asm.load(1, r1, r10, SCRATCH + MPLS_LABEL_BOTTOM);
    asm.jset(r1, MPLS_BOTTOM_OF_STACK, bottom);
  }

  /** The PPP protocol at r8, with or without address and control bytes, compressed or not. */
  #writePpp(): void {
    const asm = this.#asm;
    const bare = asm.label("bare_ppp");
    const known = asm.label("ppp_protocol");
    const mpls = asm.label("ppp_mpls");
    asm.place(this.#ppp);
    asm.comment("PPP, with or without address and control bytes");
    forgetPath(asm);
    readAt(asm, 2, this.#labels.truncated);
    asm.load(2, r1, r10, SCRATCH);
    asm.be(r1, 16);
    asm.jne(r1, PPP_ADDRESS_AND_CONTROL, bare);
    asm.add(r8, 2);
    const behindControl = asm.label("ends_behind_control");
    readAt(asm, 2, behindControl);
    asm.jump(bare);
    asm.place(behindControl);
    asm.sub(r8, 2);
    asm.jump(this.#labels.truncated);

    asm.place(bare);
    asm.comment("r9 = protocol, in one byte if that is odd, else in two");
    asm.load(1, r9, r10, SCRATCH);
    asm.add(r8, 1);
    asm.mov(r1, r9);
    asm.jset(r1, 1, known);
    asm.load(2, r9, r10, SCRATCH);
    asm.be(r9, 16);
    asm.add(r8, 1);
    asm.place(known);
    asm.jeq(r9, PPP_IPV4, this.#labels.ipv4);
    asm.jeq(r9, PPP_IPV6, this.#labels.ipv6);
    asm.jeq(r9, PPP_MPLS, mpls);
    asm.jeq(r9, PPP_MPLS_MULTICAST, mpls);
    asm.jump(this.#labels.notIp);

    asm.place(mpls);
    asm.comment("MPLS in PPP");
    for (let count = 0; count <= MAX_TAGS; count++) this.#readLabel(this.#labelled);
    asm.jump(this.#labels.malformed);
  }

  /** MPLS does not say what it carries: the first four bits tell. */
  #writeLabelled(): void {
    const asm = this.#asm;
    asm.place(this.#labelled);
    asm.comment("behind the last MPLS label: the version is in the first four bits");
    forgetPath(asm);
    readAt(asm, 1, this.#labels.truncated);
    asm.load(1, r1, r10, SCRATCH);
    asm.rsh(r1, 4);
    asm.jeq(r1, 4, this.#labels.ipv4);
    asm.jeq(r1, 6, this.#labels.ipv6);
    asm.jump(this.#labels.notIp);
  }
}

import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_OLD,
  ETHERTYPE_VLAN,
  MAX_TAGS,
} from "../../packet/link.ts";
import { MAX_EXTENSION_BYTES, MAX_EXTENSION_HEADERS } from "../../packet/transport.ts";
import type { Assembler, Label } from "./assembly/assembler.ts";
import { r0, r1, r2, r3, r4, r6, r7, r8, r9, r10 } from "./assembly/instruction.ts";
import { COLUMN_MASK, EVENT, type EventOffset, TABLE } from "./layout.ts";

/*
 * The parser of src/packet, written in eBPF: the same verdicts, sizes, addresses and protocols, to the packet. A test
 * holds the two against each other.
 *
 * Registers: r6 context, r7 size, r8 offset of the header that is read next, r9 its type. Stack, by offset from r10:
 *
 *   -16  8 bytes that are read one after another: tags, extension headers
 *   -50  the Ethernet header and, right behind it at -36, the IPv4 header
 *   -96  the IPv6 header
 */
const SCRATCH = -16;
const FRAME = -50;
const IPV4 = FRAME + ETHERNET_HEADER_BYTES;
export const IPV4_SOURCE = IPV4 + 12;
export const IPV4_DESTINATION = IPV4 + 16;
const IPV6 = -96;
export const IPV6_SOURCE = IPV6 + 8;
export const IPV6_DESTINATION = IPV6 + 24;
/** Bytes of the extension headers so far. Not their offset: that differs by the way here, and is verified anew each time. */
const EXTENSION_BYTES = -104;
/** Size of the segments that the packet stands for, or 0, 8 bytes. */
export const GSO_SIZE = -112;
/** Below this the counting part has its own. */
export const PARSE_STACK = GSO_SIZE;

/** Fields of struct __sk_buff (linux/bpf.h), 32 bits each. */
const SKB_LEN = 0;
const SKB_PKT_TYPE = 4;
const SKB_PROTOCOL = 16;
const SKB_DATA = 76;
const SKB_DATA_END = 80;
const SKB_GSO_SIZE = 176;

const PACKET_OUTGOING = 4;
/** enum bpf_func_id. */
const BPF_FUNC_SKB_LOAD_BYTES = 26;

const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_AH = 51;
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
const PPP_MPLS = 0x0281;
const PPP_MPLS_MULTICAST = 0x0283;

export interface ParseOptions {
  /** Frames begin with an Ethernet header; else with the network header, and the kernel knows the EtherType. */
  isEthernet: boolean;
  /** The packet's memory can be read in place: in tcx programs, not in socket filters. */
  hasDirectAccess: boolean;
  /** Frames that are sent pass a second time, received: loopback, where a socket sees both. */
  ignoreOutgoing: boolean;
  /** Descriptor of the map of tables. */
  tablesFd: number;
}

/**
 * Where the parser leaves to, with the layer-3 size in r7. For IP the offset of the protocol's column in a row stands
 * in r6, and the addresses on the stack; for refused frames r6 is the event to count.
 */
export interface ParseExits {
  ipv4: Label;
  ipv6: Label;
  notIp: Label;
  refused: Label;
  /** Not to be counted at all. */
  ignored: Label;
}

/** Writes the parser; r1 is the context, as at the entry of a program. */
export function writeParser(asm: Assembler, options: ParseOptions, exits: ParseExits): void {
  new ParserWriter(asm, options, exits).write();
}

class ParserWriter {
  readonly #asm: Assembler;
  readonly #options: ParseOptions;
  readonly #exits: ParseExits;
  /** Network headers, at r8. */
  readonly #ipv4: Label;
  readonly #ipv6: Label;
  /** The IPv4 header stands on the stack already. */
  readonly #ipv4Loaded: Label;
  /** By the EtherType in r9: nothing that can be looked through any more. */
  readonly #network: Label;
  readonly #ppp: Label;
  readonly #labelled: Label;
  readonly #notIp: Label;
  readonly #truncated: Label;
  readonly #malformed: Label;

  constructor(asm: Assembler, options: ParseOptions, exits: ParseExits) {
    this.#asm = asm;
    this.#options = options;
    this.#exits = exits;
    this.#ipv4 = asm.label();
    this.#ipv6 = asm.label();
    this.#ipv4Loaded = asm.label();
    this.#network = asm.label();
    this.#ppp = asm.label();
    this.#labelled = asm.label();
    this.#notIp = asm.label();
    this.#truncated = asm.label();
    this.#malformed = asm.label();
  }

  write(): void {
    const asm = this.#asm;
    asm.mov(r6, r1);
    asm.load(4, r7, r6, SKB_LEN);
    asm.load(4, r1, r6, SKB_GSO_SIZE);
    asm.store(8, r10, GSO_SIZE, r1);
    if (this.#options.ignoreOutgoing) {
      asm.load(4, r1, r6, SKB_PKT_TYPE);
      asm.jeq(r1, PACKET_OUTGOING, this.#exits.ignored);
    }
    if (this.#options.isEthernet) this.#writeEthernet();
    else this.#writeCooked();
    this.#writeTags();
    this.#writePpp();
    this.#writeLabelled();
    this.#writeNetwork();
    this.#writeIpv6();
    this.#writeVerdicts();
    this.#writeIpv4();
  }

  /** IPv4 in Ethernet goes on at once, with both headers read in one step; all else is read piece by piece. */
  #writeEthernet(): void {
    const asm = this.#asm;
    const short = asm.label();
    const other = asm.label();
    asm.mov(r8, ETHERNET_HEADER_BYTES);
    if (this.#options.hasDirectAccess) this.#readDirectly(short);
    else this.#read(0, FRAME, ETHERNET_HEADER_BYTES + IPV4_BYTES, short);
    asm.load(2, r9, r10, FRAME + 12);
    asm.be(r9, 16);
    asm.jeq(r9, ETHERTYPE_IPV4, this.#ipv4Loaded);
    asm.jump(other);

    asm.place(short);
    this.#read(0, FRAME, ETHERNET_HEADER_BYTES, this.#truncated);
    asm.load(2, r9, r10, FRAME + 12);
    asm.be(r9, 16);
    asm.place(other);
  }

  /** Copies what the fast way needs to where it expects it. */
  #readDirectly(short: Label): void {
    const asm = this.#asm;
    asm.load(4, r2, r6, SKB_DATA);
    asm.load(4, r3, r6, SKB_DATA_END);
    asm.mov(r1, r2);
    asm.add(r1, ETHERNET_HEADER_BYTES + IPV4_BYTES);
    asm.jgt(r1, r3, short);
    const copies = [
      [2, 12],
      [1, 14],
      [1, 23],
      [4, 26],
      [4, 30],
    ] as const;
    for (const [bytes, offset] of copies) {
      asm.load(bytes, r1, r2, offset);
      asm.store(bytes, r10, FRAME + offset, r1);
    }
  }

  #writeCooked(): void {
    const asm = this.#asm;
    asm.mov(r8, 0);
    asm.load(4, r9, r6, SKB_PROTOCOL);
    asm.be(r9, 16);
  }

  /** VLAN tags, MPLS labels and PPPoE by the EtherType in r9, as parseTags does. */
  #writeTags(): void {
    const asm = this.#asm;
    for (let count = 0; count <= MAX_TAGS; count++) {
      const vlan = asm.label();
      const mpls = asm.label();
      const next = asm.label();
      for (const type of [ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_OLD]) asm.jeq(r9, type, vlan);
      for (const type of [ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST]) asm.jeq(r9, type, mpls);
      asm.jne(r9, ETHERTYPE_PPPOE_SESSION, this.#network);
      asm.add(r8, 6);
      asm.jgt(r8, r7, this.#truncated);
      asm.jump(this.#ppp);

      asm.place(mpls);
      this.#readLabel(this.#labelled);
      asm.jump(next);

      asm.place(vlan);
      this.#readNext(4);
      asm.load(2, r9, r10, SCRATCH + 2);
      asm.be(r9, 16);
      asm.place(next);
    }
    asm.jump(this.#malformed);
  }

  /** Reads one MPLS label and goes to `bottom` behind the last. */
  #readLabel(bottom: Label): void {
    const asm = this.#asm;
    this.#readNext(4);
    asm.load(1, r1, r10, SCRATCH + 2);
    asm.jset(r1, 1, bottom);
  }

  /** The PPP protocol at r8, with or without address and control bytes, compressed or not. */
  #writePpp(): void {
    const asm = this.#asm;
    const bare = asm.label();
    const known = asm.label();
    const mpls = asm.label();
    asm.place(this.#ppp);
    this.#forgetWay();
    this.#readAt(2, this.#truncated);
    asm.load(2, r1, r10, SCRATCH);
    asm.be(r1, 16);
    asm.jne(r1, 0xff03, bare);
    asm.add(r8, 2);
    const behindControl = asm.label();
    this.#readAt(2, behindControl);
    asm.jump(bare);
    asm.place(behindControl);
    asm.sub(r8, 2);
    asm.jump(this.#truncated);

    asm.place(bare);
    asm.load(1, r9, r10, SCRATCH);
    asm.add(r8, 1);
    asm.mov(r1, r9);
    asm.jset(r1, 1, known);
    asm.load(2, r9, r10, SCRATCH);
    asm.be(r9, 16);
    asm.add(r8, 1);
    asm.place(known);
    asm.jeq(r9, PPP_IPV4, this.#ipv4);
    asm.jeq(r9, PPP_IPV6, this.#ipv6);
    asm.jeq(r9, PPP_MPLS, mpls);
    asm.jeq(r9, PPP_MPLS_MULTICAST, mpls);
    asm.jump(this.#notIp);

    asm.place(mpls);
    for (let count = 0; count <= MAX_TAGS; count++) this.#readLabel(this.#labelled);
    asm.jump(this.#malformed);
  }

  /** MPLS does not say what it carries: the first four bits tell. */
  #writeLabelled(): void {
    const asm = this.#asm;
    asm.place(this.#labelled);
    this.#forgetWay();
    this.#readAt(1, this.#truncated);
    asm.load(1, r1, r10, SCRATCH);
    asm.rsh(r1, 4);
    asm.jeq(r1, 4, this.#ipv4);
    asm.jeq(r1, 6, this.#ipv6);
    asm.jump(this.#notIp);
  }

  #writeNetwork(): void {
    const asm = this.#asm;
    asm.place(this.#network);
    asm.jeq(r9, ETHERTYPE_IPV4, this.#ipv4);
    asm.jne(r9, ETHERTYPE_IPV6, this.#notIp);
  }

  #writeIpv6(): void {
    const asm = this.#asm;
    const done = asm.label();
    asm.place(this.#ipv6);
    this.#forgetWay();
    this.#readHeader(IPV6, IPV6_BYTES, 6);
    asm.load(1, r1, r10, IPV6);
    asm.rsh(r1, 4);
    asm.jne(r1, 6, this.#malformed);
    asm.sub(r7, r8);
    asm.load(1, r9, r10, IPV6 + 6);
    asm.add(r8, IPV6_BYTES);
    asm.store(8, r10, EXTENSION_BYTES, 0);
    for (let count = 0; count < MAX_EXTENSION_HEADERS; count++) this.#writeExtension(done);
    asm.place(done);
    this.#loadColumn(TABLE.IPV6_COLUMN);
    asm.jump(this.#exits.ipv6);
  }

  /** Steps over the extension header at r8 of type r9, or goes to `done` as payloadProtocol does. */
  #writeExtension(done: Label): void {
    const asm = this.#asm;
    const authentication = asm.label();
    const fragment = asm.label();
    const next = asm.label();
    asm.loadMapValue(r1, this.#options.tablesFd, TABLE.IS_EXTENSION);
    asm.add(r1, r9);
    asm.load(1, r1, r1, 0);
    asm.jeq(r1, 0, done);
    asm.load(8, r1, r10, EXTENSION_BYTES);
    asm.jgt(r1, MAX_EXTENSION_BYTES - 4, done);
    this.#readAt(4, done);
    asm.mov(r1, r9);
    asm.load(1, r9, r10, SCRATCH);
    asm.load(1, r2, r10, SCRATCH + 1);
    asm.jeq(r1, IPPROTO_FRAGMENT, fragment);
    asm.jeq(r1, IPPROTO_AH, authentication);
    asm.add(r2, 1);
    asm.lsh(r2, 3);
    asm.jump(next);

    asm.place(authentication);
    asm.add(r2, 2);
    asm.lsh(r2, 2);
    asm.jump(next);

    asm.place(fragment);
    asm.load(2, r1, r10, SCRATCH + 2);
    asm.be(r1, 16);
    asm.rsh(r1, 3);
    asm.jne(r1, 0, done);
    asm.mov(r2, 8);
    asm.place(next);
    asm.add(r8, r2);
    asm.load(8, r1, r10, EXTENSION_BYTES);
    asm.add(r1, r2);
    asm.store(8, r10, EXTENSION_BYTES, r1);
  }

  #writeVerdicts(): void {
    const asm = this.#asm;
    const refuse = (label: Label, event: EventOffset): void => {
      asm.place(label);
      this.#leaveLinkHeader();
      asm.mov(r6, event);
      asm.jump(this.#exits.refused);
    };
    refuse(this.#truncated, EVENT.TRUNCATED);
    refuse(this.#malformed, EVENT.MALFORMED);
    asm.place(this.#notIp);
    this.#leaveLinkHeader();
    asm.jump(this.#exits.notIp);
  }

  /** Comes last, so that the fast way falls through to the counting. */
  #writeIpv4(): void {
    const asm = this.#asm;
    asm.place(this.#ipv4);
    this.#forgetWay();
    this.#readHeader(IPV4, IPV4_BYTES, 4);
    asm.place(this.#ipv4Loaded);
    // Version 4 and at least five words of header: 0x45 to 0x4f.
    asm.load(1, r1, r10, IPV4);
    asm.sub32(r1, 0x45);
    asm.jgt(r1, 0x0a, this.#malformed);
    asm.sub(r7, r8);
    asm.load(1, r9, r10, IPV4 + 9);
    this.#loadColumn(TABLE.IPV4_COLUMN);
    asm.jump(this.#exits.ipv4);
  }

  /** r6 = offset of the column of protocol r9; the context is not needed any more. */
  #loadColumn(table: number): void {
    const asm = this.#asm;
    asm.loadMapValue(r1, this.#options.tablesFd, table);
    asm.add(r1, r9);
    asm.load(1, r6, r1, 0);
    asm.and(r6, COLUMN_MASK);
  }

  /** Reads a network header; where it is cut short, its version still tells malformed from truncated. */
  #readHeader(to: number, bytes: number, version: number): void {
    const asm = this.#asm;
    const whole = asm.label();
    const short = asm.label();
    this.#readAt(bytes, short, to);
    asm.jump(whole);
    asm.place(short);
    this.#readAt(1, this.#truncated);
    asm.load(1, r1, r10, SCRATCH);
    asm.rsh(r1, 4);
    asm.jeq(r1, version, this.#truncated);
    asm.jump(this.#malformed);
    asm.place(whole);
  }

  /** Reads `bytes` at r8 into the scratch and steps over them; a frame that ends before is truncated behind them. */
  #readNext(bytes: number): void {
    const asm = this.#asm;
    asm.mov(r2, r8);
    asm.add(r8, bytes);
    this.#callRead(SCRATCH, bytes, this.#truncated);
  }

  #readAt(bytes: number, otherwise: Label, to = SCRATCH): void {
    this.#asm.mov(r2, r8);
    this.#callRead(to, bytes, otherwise);
  }

  #read(at: number, to: number, bytes: number, otherwise: Label): void {
    this.#asm.mov(r2, at);
    this.#callRead(to, bytes, otherwise);
  }

  /** bpf_skb_load_bytes from offset r2; wherever in the packet's pieces the bytes are. */
  #callRead(to: number, bytes: number, otherwise: Label): void {
    const asm = this.#asm;
    asm.mov(r1, r6);
    asm.mov(r3, r10);
    asm.add(r3, to);
    asm.mov(r4, bytes);
    asm.call(BPF_FUNC_SKB_LOAD_BYTES);
    asm.jne(r0, 0, otherwise);
  }

  /**
   * Makes the verifier forget what it knows of r7 and r8, by loading the length anew, and adding and subtracting it. It
   * has followed every stack of tags to here, and would follow each to the end of the program.
   */
  #forgetWay(): void {
    const asm = this.#asm;
    asm.load(4, r7, r6, SKB_LEN);
    asm.load(4, r1, r6, SKB_LEN);
    asm.add(r8, r7);
    asm.sub(r8, r1);
    asm.and(r8, 0xffff);
  }

  /** r7 = size without the link header, of which r8 bytes were read; never below 0. */
  #leaveLinkHeader(): void {
    const asm = this.#asm;
    this.#forgetWay();
    const longer = asm.label();
    asm.jge(r7, r8, longer);
    asm.mov(r7, r8);
    asm.place(longer);
    asm.sub(r7, r8);
  }
}

import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  EXTENSION_FRAGMENT,
  EXTENSION_LENGTH,
  EXTENSION_READ_BYTES,
  FRAGMENT_HEADER_BYTES,
  IPPROTO_AH,
  IPPROTO_FRAGMENT,
  IPPROTO_UDP,
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_OFFSET,
  IPV4_HEADER_BYTES,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV6_HEADER_BYTES,
  IPV6_MORE_FRAGMENTS,
  IPV6_NEXT_HEADER,
  IPV6_SOURCE,
  MAX_IPV4_IHL,
  MIN_IPV4_IHL,
} from "../../../../packet/headers.ts";
import { MAX_EXTENSION_BYTES, MAX_EXTENSION_HEADERS } from "../../../../packet/transport.ts";
import { TUNNEL_PROTOCOLS } from "../../../../packet/tunnel.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r1, r2, r3, r6, r7, r8, r9, r10 } from "../../assembly/instruction.ts";
import { COLUMN_MASK, TABLE } from "../../layout.ts";
import { writeLlc } from "./llc-writer.ts";
import { forgetPath, readAt } from "../skb.ts";
import {
  EXTENSION_BYTES,
  FRAGMENTED,
  INNER,
  IPV4,
  IPV6,
  NETWORK_OFFSET,
  PROTOCOL,
  SCRATCH,
  TRANSPORT_OFFSET,
} from "../storage.ts";

/** Version 4 and the smallest header of five words, and how much more the header can be. */
const IPV4_FIRST_BYTE = 0x40 | MIN_IPV4_IHL;
const IPV4_MORE_WORDS = MAX_IPV4_IHL - MIN_IPV4_IHL;
/** Of the fragment field in IPv6, what is 0 in a packet that is whole: the offset, and whether more follow. */
const IPV6_FRAGMENTED = 0xfff8 | IPV6_MORE_FRAGMENTS;
/** Both addresses, one behind the other. */
const ADDRESS_BYTES = { 4: 8, 6: 32 } as const;
/** So that its addresses can be copied by 8 bytes. */
const INNER_IPV4 = INNER + 4;

/** Where the link header leads to, with the packet's length in r7 and the offset of what is next in r8. */
export interface NetworkLabels {
  /** By the EtherType in r9. */
  network: Label;
  ipv4: Label;
  ipv6: Label;
  /** By its first four bits. */
  labelled: Label;
  /** The header stands on the stack already. */
  ipv4Loaded: Label;
  notIp: Label;
  truncated: Label;
  malformed: Label;
}

/**
 * Where the parser leaves to, with the layer-3 size in r7. For IP the offset of the protocol's column in a row stands
 * in r6, and the addresses on the stack.
 */
export interface ParseExits {
  ipv4: Label;
  ipv6: Label;
  notIp: Label;
  truncated: Label;
  malformed: Label;
  /** Not to be counted at all. */
  ignored: Label;
}

/** `prefix`: of their names. */
export function networkLabels(asm: Assembler, prefix = ""): NetworkLabels {
  return {
    network: asm.label(`${prefix}network`),
    ipv4: asm.label(`${prefix}ipv4`),
    ipv6: asm.label(`${prefix}ipv6`),
    labelled: asm.label(`${prefix}labelled`),
    ipv4Loaded: asm.label(`${prefix}ipv4_loaded`),
    notIp: asm.label(`${prefix}not_ip`),
    truncated: asm.label(`${prefix}truncated`),
    malformed: asm.label(`${prefix}malformed`),
  };
}

/** Between what reads packets and what opens tunnels. */
export interface TunnelDoors {
  /** To a packet that may carry another; the offset of what it carries in r8, or 0 if that is in another packet. */
  readonly carrier4: Label;
  readonly carrier6: Label;
  /** Back to one that counts as it is, with its size in r7 and its protocol in r9. */
  readonly outer4: Label;
  readonly outer6: Label;
}

export interface NetworkOptions {
  tablesFd: number;
  /** Places of headers are left on the stack, for packets that are unfolded. */
  unfolds: boolean;
  /** Undefined if tunnels are not opened. */
  doors: TunnelDoors | undefined;
}

/** Writes what packet/ipv4.ts, ipv6.ts and transport.ts do, and places the labels; runs on with IPv4. */
export function writeNetwork(asm: Assembler, options: NetworkOptions, labels: NetworkLabels, exits: ParseExits): void {
  new NetworkWriter(asm, options, labels, exits, false).write();
}

/**
 * Likewise for the packet in a tunnel: from `labels.network` on, to the exits of IP. Only then have its addresses taken
 * the place of those of the packet that carries it. Nothing runs into what is written next.
 */
export function writeInnerNetwork(asm: Assembler, tablesFd: number, labels: NetworkLabels, exits: ParseExits): void {
  new NetworkWriter(asm, { tablesFd, unfolds: false, doors: undefined }, labels, exits, true).writeInner();
}

class NetworkWriter {
  readonly #asm: Assembler;
  readonly #options: NetworkOptions;
  readonly #labels: NetworkLabels;
  readonly #exits: ParseExits;
  readonly #isInner: boolean;

  constructor(asm: Assembler, options: NetworkOptions, labels: NetworkLabels, exits: ParseExits, isInner: boolean) {
    this.#asm = asm;
    this.#options = options;
    this.#labels = labels;
    this.#exits = exits;
    this.#isInner = isInner;
  }

  write(): void {
    this.#writeLoadedIpv4();
    this.#asm.putOff(() => {
      this.#writeNetwork();
      this.#writeIpv6();
      this.#writeVerdicts();
      this.#writeIpv4();
    });
  }

  writeInner(): void {
    this.#writeNetwork();
    this.#writeIpv6();
    this.#writeIpv4();
    this.#writeLoadedIpv4();
    this.#asm.jump(this.#exits.ipv4);
  }

  get #keepsOffsets(): boolean {
    return this.#options.unfolds || this.#options.doors !== undefined;
  }

  /** Where the header is read to. */
  get #ipv4(): number {
    return this.#isInner ? INNER_IPV4 : IPV4;
  }

  get #ipv6(): number {
    return this.#isInner ? INNER : IPV6;
  }

  #writeLoadedIpv4(): void {
    const asm = this.#asm;
    const { doors } = this.#options;
    asm.place(this.#labels.ipv4Loaded);
    asm.comment("version 4 and a header of 5 to 15 words");
    asm.load(1, r1, r10, this.#ipv4);
    asm.sub32(r1, IPV4_FIRST_BYTE);
    asm.jgt(r1, IPV4_MORE_WORDS, this.#labels.malformed);
    asm.comment("r7 = size in layer 3, r9 = protocol");
    asm.sub(r7, r8);
    asm.load(1, r9, r10, this.#ipv4 + IPV4_PROTOCOL);
    if (this.#keepsOffsets) this.#keepIpv4Offsets();
    if (this.#isInner) this.#takeAddresses(4, this.#ipv4 + IPV4_SOURCE, IPV4 + IPV4_SOURCE);
    if (doors !== undefined) this.#leaveForTunnel(doors.carrier4, doors.outer4);
    this.#loadColumn(TABLE.IPV4_COLUMN);
  }

  /** Goes to `carrier` with a packet that may carry another; one that does not comes back to `outer`. */
  #leaveForTunnel(carrier: Label, outer: Label): void {
    const asm = this.#asm;
    asm.comment("does it carry another packet?");
    for (const protocol of [IPPROTO_UDP, ...TUNNEL_PROTOCOLS]) asm.jeq(r9, protocol, carrier);
    asm.place(outer);
  }

  /** The addresses of the packet in a tunnel take the place of those of the packet that carries it. */
  #takeAddresses(version: 4 | 6, from: number, to: number): void {
    const asm = this.#asm;
    asm.comment("the addresses of the packet inside");
    for (let at = 0; at < ADDRESS_BYTES[version]; at += 8) {
      asm.load(8, r1, r10, from + at);
      asm.store(8, r10, to + at, r1);
    }
  }

  /** Runs on into IPv6. */
  #writeNetwork(): void {
    const asm = this.#asm;
    asm.place(this.#labels.network);
    asm.jeq(r9, ETHERTYPE_IPV4, this.#labels.ipv4);
    asm.jeq(r9, ETHERTYPE_IPV6, this.#labels.ipv6);
    writeLlc(asm, this.#labels);
  }

  #writeIpv6(): void {
    const asm = this.#asm;
    const done = asm.label("payload");
    const { doors } = this.#options;
    asm.place(this.#labels.ipv6);
    forgetPath(asm);
    this.#readHeader(this.#ipv6, IPV6_HEADER_BYTES, 6);
    asm.comment("version 6");
    asm.load(1, r1, r10, this.#ipv6);
    asm.rsh(r1, 4);
    asm.jne(r1, 6, this.#labels.malformed);
    asm.comment("r7 = size in layer 3, r9 = next header");
    asm.sub(r7, r8);
    if (this.#keepsOffsets) asm.store(8, r10, NETWORK_OFFSET, r8);
    asm.load(1, r9, r10, this.#ipv6 + IPV6_NEXT_HEADER);
    if (this.#isInner) this.#takeAddresses(6, this.#ipv6 + IPV6_SOURCE, IPV6 + IPV6_SOURCE);
    asm.add(r8, IPV6_HEADER_BYTES);
    asm.store(8, r10, EXTENSION_BYTES, 0);
    if (doors !== undefined) asm.store(8, r10, FRAGMENTED, 0);
    for (let count = 0; count < MAX_EXTENSION_HEADERS; count++) this.#writeExtension(count, done);
    asm.place(done);
    this.#keepTransport();
    if (doors !== undefined) this.#leaveForTunnel(doors.carrier6, doors.outer6);
    this.#loadColumn(TABLE.IPV6_COLUMN);
    asm.jump(this.#exits.ipv6);
  }

  /** Steps over the extension header at r8 of type r9, or goes to `done` as payloadProtocol does. */
  #writeExtension(count: number, done: Label): void {
    const asm = this.#asm;
    const authentication = asm.label("authentication");
    const fragment = asm.label("fragment");
    const next = asm.label("step_over");
    const first = asm.label("first_fragment");
    asm.comment(`extension header ${count + 1}, if r9 is the type of one`);
    asm.loadMapValue(r1, this.#options.tablesFd, TABLE.IS_EXTENSION);
    asm.add(r1, r9);
    asm.load(1, r1, r1, 0);
    asm.jeq(r1, 0, done);
    asm.load(8, r1, r10, EXTENSION_BYTES);
    asm.jgt(r1, MAX_EXTENSION_BYTES - EXTENSION_READ_BYTES, done);
    readAt(asm, EXTENSION_READ_BYTES, done);
    asm.mov(r1, r9);
    asm.load(1, r9, r10, SCRATCH);
    asm.load(1, r2, r10, SCRATCH + EXTENSION_LENGTH);
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
    asm.load(2, r1, r10, SCRATCH + EXTENSION_FRAGMENT);
    asm.be(r1, 16);
    if (this.#options.doors !== undefined) this.#markFragment();
    asm.rsh(r1, 3);
    asm.jeq(r1, 0, first);
    asm.comment("a later fragment: the rest of the chain is in another packet");
    asm.mov(r8, 0);
    asm.jump(done);
    asm.place(first);
    asm.mov(r2, FRAGMENT_HEADER_BYTES);
    asm.place(next);
    asm.add(r8, r2);
    asm.load(8, r1, r10, EXTENSION_BYTES);
    asm.add(r1, r2);
    asm.store(8, r10, EXTENSION_BYTES, r1);
  }

  /** Leaves on the stack that the packet is a part of another, if r1, the field of a fragment header, says so. */
  #markFragment(): void {
    const asm = this.#asm;
    asm.mov(r2, r1);
    asm.and(r2, IPV6_FRAGMENTED);
    asm.load(8, r3, r10, FRAGMENTED);
    asm.or(r2, r3);
    asm.store(8, r10, FRAGMENTED, r2);
  }

  #writeVerdicts(): void {
    const asm = this.#asm;
    for (const verdict of ["truncated", "malformed", "notIp"] as const) {
      asm.place(this.#labels[verdict]);
      this.#leaveLinkHeader();
      asm.jump(this.#exits[verdict]);
    }
  }

  #writeIpv4(): void {
    const asm = this.#asm;
    asm.place(this.#labels.ipv4);
    forgetPath(asm);
    this.#readHeader(this.#ipv4, IPV4_HEADER_BYTES, 4);
    if (!this.#isInner) asm.jump(this.#labels.ipv4Loaded);
  }

  #keepIpv4Offsets(): void {
    const asm = this.#asm;
    const first = asm.label("keep_transport");
    asm.comment("where the headers start; r1 = words of options");
    asm.store(8, r10, NETWORK_OFFSET, r8);
    asm.load(2, r2, r10, this.#ipv4 + IPV4_FRAGMENT);
    asm.be(r2, 16);
    asm.lsh(r1, 2);
    asm.add(r8, r1);
    asm.add(r8, IPV4_HEADER_BYTES);
    asm.and(r2, IPV4_FRAGMENT_OFFSET);
    asm.jeq(r2, 0, first);
    asm.mov(r8, 0);
    asm.place(first);
    this.#keepTransport();
  }

  #keepTransport(): void {
    if (this.#options.unfolds) this.#asm.store(8, r10, TRANSPORT_OFFSET, r8);
    if (this.#keepsOffsets) this.#asm.store(8, r10, PROTOCOL, r9);
  }

  /** r6 = offset of the column of protocol r9; the context is not needed any more. */
  #loadColumn(table: number): void {
    const asm = this.#asm;
    asm.comment("r6 = column of the protocol");
    asm.loadMapValue(r1, this.#options.tablesFd, table);
    asm.add(r1, r9);
    asm.load(1, r6, r1, 0);
    asm.and(r6, COLUMN_MASK);
  }

  /** Reads a network header; if it is cut short, its version still tells malformed from truncated. */
  #readHeader(to: number, bytes: number, version: number): void {
    const asm = this.#asm;
    const whole = asm.label(`ipv${version}_whole`);
    const short = asm.label(`ipv${version}_short`);
    asm.comment(`the IPv${version} header`);
    readAt(asm, bytes, short, to);
    asm.jump(whole);
    asm.place(short);
    asm.comment("cut short: its version tells malformed from truncated");
    readAt(asm, 1, this.#labels.truncated);
    asm.load(1, r1, r10, SCRATCH);
    asm.rsh(r1, 4);
    asm.jeq(r1, version, this.#labels.truncated);
    asm.jump(this.#labels.malformed);
    asm.place(whole);
  }

  /** r7 = size without the link header, of which r8 bytes were read; never below 0. Without a jump: see bucketOfR1. */
  #leaveLinkHeader(): void {
    const asm = this.#asm;
    forgetPath(asm);
    asm.comment("r7 = size behind the link header, 0 if that alone is longer");
    asm.sub(r7, r8);
    asm.mov(r1, r7);
    asm.arsh(r1, 63);
    asm.xor(r1, -1);
    asm.and(r7, r1);
  }
}

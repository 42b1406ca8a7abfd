import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  EXTENSION_FRAGMENT,
  EXTENSION_LENGTH,
  EXTENSION_READ_BYTES,
  FRAGMENT_HEADER_BYTES,
  IPPROTO_AH,
  IPPROTO_FRAGMENT,
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_OFFSET,
  IPV4_HEADER_BYTES,
  IPV4_PROTOCOL,
  IPV6_HEADER_BYTES,
  IPV6_NEXT_HEADER,
  MAX_IPV4_IHL,
  MIN_IPV4_IHL,
} from "../../../packet/headers.ts";
import { MAX_EXTENSION_BYTES, MAX_EXTENSION_HEADERS } from "../../../packet/transport.ts";
import type { Assembler, Label } from "../assembly/assembler.ts";
import { r1, r2, r6, r7, r8, r9, r10 } from "../assembly/instruction.ts";
import { COLUMN_MASK, TABLE } from "../layout.ts";
import { writeLlc } from "./llc-writer.ts";
import { forgetPath, readAt } from "./skb.ts";
import { EXTENSION_BYTES, IPV4, IPV6, NETWORK_OFFSET, PROTOCOL, SCRATCH, TRANSPORT_OFFSET } from "./storage.ts";

/** Version 4 and the smallest header of five words, and how much more the header can be. */
const IPV4_FIRST_BYTE = 0x40 | MIN_IPV4_IHL;
const IPV4_MORE_WORDS = MAX_IPV4_IHL - MIN_IPV4_IHL;

/** Where the link header leads to, with the packet's length in r7 and the offset of what is next in r8. */
export interface NetworkLabels {
  /** By the EtherType in r9. */
  network: Label;
  ipv4: Label;
  ipv6: Label;
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

export function networkLabels(asm: Assembler): NetworkLabels {
  return {
    network: asm.label("network"),
    ipv4: asm.label("ipv4"),
    ipv6: asm.label("ipv6"),
    ipv4Loaded: asm.label("ipv4_loaded"),
    notIp: asm.label("not_ip"),
    truncated: asm.label("truncated"),
    malformed: asm.label("malformed"),
  };
}

/**
 * Writes what packet/ipv4.ts, ipv6.ts and transport.ts do, and places the labels. With `keepsOffsets` the places of the
 * headers are left on the stack, for packets that are unfolded.
 */
export function writeNetwork(
  asm: Assembler,
  tablesFd: number,
  keepsOffsets: boolean,
  labels: NetworkLabels,
  exits: ParseExits,
): void {
  new NetworkWriter(asm, tablesFd, keepsOffsets, labels, exits).write();
}

class NetworkWriter {
  readonly #asm: Assembler;
  readonly #tablesFd: number;
  readonly #keepsOffsets: boolean;
  readonly #labels: NetworkLabels;
  readonly #exits: ParseExits;

  constructor(asm: Assembler, tablesFd: number, keepsOffsets: boolean, labels: NetworkLabels, exits: ParseExits) {
    this.#asm = asm;
    this.#tablesFd = tablesFd;
    this.#keepsOffsets = keepsOffsets;
    this.#labels = labels;
    this.#exits = exits;
  }

  write(): void {
    this.#writePlainIpv4();
    this.#asm.putOff(() => {
      this.#writeNetwork();
      this.#writeIpv6();
      this.#writeVerdicts();
      this.#writeIpv4();
    });
  }

  /** Comes first, and runs on into the counting. */
  #writePlainIpv4(): void {
    const asm = this.#asm;
    asm.place(this.#labels.ipv4Loaded);
    asm.comment("version 4 and a header of 5 to 15 words");
    asm.load(1, r1, r10, IPV4);
    asm.sub32(r1, IPV4_FIRST_BYTE);
    asm.jgt(r1, IPV4_MORE_WORDS, this.#labels.malformed);
    asm.comment("r7 = size in layer 3, r9 = protocol");
    asm.sub(r7, r8);
    asm.load(1, r9, r10, IPV4 + IPV4_PROTOCOL);
    if (this.#keepsOffsets) this.#keepIpv4Offsets();
    this.#loadColumn(TABLE.IPV4_COLUMN);
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
    asm.place(this.#labels.ipv6);
    forgetPath(asm);
    this.#readHeader(IPV6, IPV6_HEADER_BYTES, 6);
    asm.comment("version 6");
    asm.load(1, r1, r10, IPV6);
    asm.rsh(r1, 4);
    asm.jne(r1, 6, this.#labels.malformed);
    asm.comment("r7 = size in layer 3, r9 = next header");
    asm.sub(r7, r8);
    if (this.#keepsOffsets) asm.store(8, r10, NETWORK_OFFSET, r8);
    asm.load(1, r9, r10, IPV6 + IPV6_NEXT_HEADER);
    asm.add(r8, IPV6_HEADER_BYTES);
    asm.store(8, r10, EXTENSION_BYTES, 0);
    for (let count = 0; count < MAX_EXTENSION_HEADERS; count++) this.#writeExtension(count, done);
    asm.place(done);
    if (this.#keepsOffsets) asm.store(8, r10, TRANSPORT_OFFSET, r8);
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
    asm.loadMapValue(r1, this.#tablesFd, TABLE.IS_EXTENSION);
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
    this.#readHeader(IPV4, IPV4_HEADER_BYTES, 4);
    asm.jump(this.#labels.ipv4Loaded);
  }

  #keepIpv4Offsets(): void {
    const asm = this.#asm;
    const first = asm.label("keep_transport");
    asm.comment("where the headers start, for a packet that is unfolded; r1 = words of options");
    asm.store(8, r10, NETWORK_OFFSET, r8);
    asm.load(2, r2, r10, IPV4 + IPV4_FRAGMENT);
    asm.be(r2, 16);
    asm.lsh(r1, 2);
    asm.add(r8, r1);
    asm.add(r8, IPV4_HEADER_BYTES);
    asm.and(r2, IPV4_FRAGMENT_OFFSET);
    asm.jeq(r2, 0, first);
    asm.mov(r8, 0);
    asm.place(first);
    asm.store(8, r10, TRANSPORT_OFFSET, r8);
  }

  /** r6 = offset of the column of protocol r9; the context is not needed any more. */
  #loadColumn(table: number): void {
    const asm = this.#asm;
    if (this.#keepsOffsets) asm.store(8, r10, PROTOCOL, r9);
    asm.comment("r6 = column of the protocol");
    asm.loadMapValue(r1, this.#tablesFd, table);
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

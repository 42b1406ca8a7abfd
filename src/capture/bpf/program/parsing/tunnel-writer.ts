import * as headers from "../../../../packet/headers.ts";
import { Unopened } from "../../../../packet/packet.ts";
import {
  ERSPAN_ETHERNET,
  ERSPAN_IP,
  MAX_GTP_EXTENSIONS,
  MAX_TUNNEL_BYTES,
  TUNNEL_PORTS,
  UDP_PORT_BYTES,
} from "../../../../packet/tunnel.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r1, r2, r6, r7, r8, r9, r10 } from "../../assembly/instruction.ts";
import type { CountersWriter } from "../counters.ts";
import {
  networkLabels,
  type NetworkLabels,
  type ParseExits,
  type TunnelDoors,
  writeInnerNetwork,
} from "./network-writer.ts";
import { forgetPath, readAt, readFromR2, readNext, SKB_LEN } from "../skb.ts";
import {
  FRAGMENTED,
  INNER,
  IPV4,
  KEY,
  NETWORK_OFFSET,
  OUTER_VERSION,
  PROTOCOL,
  SCRATCH,
  TUNNEL_LIMIT,
} from "../storage.ts";
import { writeSetAsideVlan, writeTakeBackVlan } from "../vlan-writer.ts";
import { writeTags } from "./tags-writer.ts";

export function tunnelDoors(asm: Assembler): TunnelDoors {
  return {
    carrier4: asm.label("carrier_ipv4"),
    carrier6: asm.label("carrier_ipv6"),
    outer4: asm.label("outer_ipv4"),
    outer6: asm.label("outer_ipv6"),
  };
}

export interface TunnelOptions {
  readonly tablesFd: number;
  readonly tellsVlans: boolean;
}

/**
 * Writes what packet/tunnel.ts does, between the doors: puts off all of it, for packets that may carry another are not
 * most. A packet inside goes to the exits of IP, with its addresses on the stack; it is not unfolded.
 */
export function writeTunnels(
  asm: Assembler,
  options: TunnelOptions,
  counters: CountersWriter,
  doors: TunnelDoors,
  exits: ParseExits,
): void {
  asm.putOff(() => new TunnelWriter(asm, options, counters, doors, exits).write());
}

/**
 * What stands where: r8 = offset of what is next; r9 = protocol or port of the packet that carries, then the EtherType of
 * what is inside.
 */
class TunnelWriter {
  readonly #asm: Assembler;
  readonly #options: TunnelOptions;
  readonly #counters: CountersWriter;
  readonly #doors: TunnelDoors;
  readonly #exits: ParseExits;
  readonly #udp: Label;
  readonly #geneve: Label;
  readonly #gtp: Label;
  readonly #gre: Label;
  readonly #erspanIII: Label;
  /** What is inside, by the EtherType in r9. */
  readonly #type: Label;
  readonly #ethernet: Label;
  readonly #inner: NetworkLabels;
  /** Why it can't be opened, besides the verdicts of what is inside. */
  readonly #reasons: { readonly fragment: Label; readonly unsupported: Label };
  /** The packet counts as it is. */
  readonly #plain: Label;

  constructor(asm: Assembler, options: TunnelOptions, counters: CountersWriter, doors: TunnelDoors, exits: ParseExits) {
    this.#asm = asm;
    this.#options = options;
    this.#counters = counters;
    this.#doors = doors;
    this.#exits = exits;
    this.#udp = asm.label("carrier_udp");
    this.#geneve = asm.label("geneve");
    this.#gtp = asm.label("gtp");
    this.#gre = asm.label("gre");
    this.#erspanIII = asm.label("erspan_iii");
    this.#type = asm.label("inner_type");
    this.#ethernet = asm.label("inner_ethernet");
    this.#inner = networkLabels(asm, "inner_");
    this.#reasons = { fragment: asm.label("unopened_fragment"), unsupported: asm.label("unopened_unsupported") };
    this.#plain = asm.label("counts_as_it_is");
  }

  write(): void {
    this.#writeCarrier();
    this.#writeUdp();
    this.#writeVxlan();
    this.#writeGeneve();
    this.#writeGre();
    this.#writeErspan();
    this.#writeErspanIII();
    this.#writeGtp();
    this.#writeInnerType();
    writeTags(this.#asm, this.#inner, this.#options.tellsVlans);
    writeInnerNetwork(this.#asm, this.#options.tablesFd, this.#inner, this.#exits);
    this.#writeUnopened();
    this.#writePlain();
  }

  /** By the protocol. */
  #writeCarrier(): void {
    const asm = this.#asm;
    const carrier = asm.label("carrier");
    asm.place(this.#doors.carrier4);
    asm.load(2, r1, r10, IPV4 + headers.IPV4_FRAGMENT);
    asm.be(r1, 16);
    asm.and(r1, headers.IPV4_FRAGMENT_OFFSET | headers.IPV4_MORE_FRAGMENTS);
    asm.store(8, r10, FRAGMENTED, r1);
    asm.store(8, r10, OUTER_VERSION, 4);
    asm.jump(carrier);
    asm.place(this.#doors.carrier6);
    asm.store(8, r10, OUTER_VERSION, 6);
    asm.place(carrier);
    forgetPath(asm);
    if (this.#options.tellsVlans) writeSetAsideVlan(asm);
    asm.jeq(r9, headers.IPPROTO_UDP, this.#udp);
    this.#refuseFragment();
    asm.jeq(r9, headers.IPPROTO_GRE, this.#gre);
    asm.jeq(r9, headers.IPPROTO_IPIP, this.#inner.ipv4);
    asm.jump(this.#inner.ipv6);
  }

  #refuseFragment(): void {
    this.#asm.load(8, r1, r10, FRAGMENTED);
    this.#asm.jne(r1, 0, this.#reasons.fragment);
  }

  /** By the port; a later fragment shows none. */
  #writeUdp(): void {
    const asm = this.#asm;
    const tunnel = asm.label("tunnel_port");
    asm.place(this.#udp);
    asm.comment("r9 = port");
    asm.jeq(r8, 0, this.#plain);
    readAt(asm, UDP_PORT_BYTES, this.#plain);
    asm.load(2, r9, r10, SCRATCH + headers.DESTINATION_PORT);
    asm.be(r9, 16);
    for (const port of TUNNEL_PORTS) asm.jeq(r9, port, tunnel);
    asm.jump(this.#plain);
    asm.place(tunnel);
    this.#refuseFragment();
    asm.add(r8, headers.UDP_HEADER_BYTES);
    asm.jeq(r9, headers.GENEVE_PORT, this.#geneve);
    asm.jeq(r9, headers.GTP_PORT, this.#gtp);
  }

  /** Comes behind UDP. */
  #writeVxlan(): void {
    const asm = this.#asm;
    asm.comment("VXLAN");
    readNext(asm, headers.VXLAN_HEADER_BYTES, this.#inner.truncated);
    asm.load(1, r1, r10, SCRATCH);
    asm.and(r1, headers.VXLAN_INSTANCE | headers.VXLAN_NEXT_PROTOCOL);
    asm.jne(r1, headers.VXLAN_INSTANCE, this.#reasons.unsupported);
    asm.jump(this.#ethernet);
  }

  #writeGeneve(): void {
    const asm = this.#asm;
    asm.place(this.#geneve);
    readNext(asm, headers.GENEVE_HEADER_BYTES, this.#inner.truncated);
    asm.comment("of version 0: the first byte has the words of options");
    asm.load(1, r1, r10, SCRATCH);
    asm.jgt(r1, headers.GENEVE_OPTION_WORDS, this.#reasons.unsupported);
    asm.lsh(r1, 2);
    asm.add(r8, r1);
    asm.load(2, r9, r10, SCRATCH + headers.GENEVE_TYPE);
    asm.be(r9, 16);
    asm.jump(this.#type);
  }

  #writeGre(): void {
    const asm = this.#asm;
    asm.place(this.#gre);
    readNext(asm, headers.GRE_HEADER_BYTES, this.#inner.truncated);
    asm.load(2, r1, r10, SCRATCH);
    asm.be(r1, 16);
    asm.jset(r1, headers.GRE_VERSION | headers.GRE_ROUTING, this.#reasons.unsupported);
    asm.comment("steps over the fields that there are; r2 = bytes of the last one, the sequence");
    for (const flag of [headers.GRE_CHECKSUM, headers.GRE_KEY, headers.GRE_SEQUENCE]) {
      asm.mov(r2, r1);
      asm.and(r2, flag);
      asm.rsh(r2, Math.log2(flag / headers.GRE_FIELD_BYTES));
      asm.add(r8, r2);
    }
    asm.load(2, r9, r10, SCRATCH + headers.GRE_TYPE);
    asm.be(r9, 16);
    asm.jeq(r9, headers.ERSPAN_III, this.#erspanIII);
    asm.jne(r9, headers.ERSPAN, this.#type);
  }

  /** Comes behind GRE. */
  #writeErspan(): void {
    const asm = this.#asm;
    asm.comment("ERSPAN I without a sequence, II with one");
    asm.jeq(r2, 0, this.#ethernet);
    readNext(asm, headers.ERSPAN_II_BYTES, this.#inner.truncated);
    asm.load(1, r1, r10, SCRATCH);
    asm.rsh(r1, 4);
    asm.jne(r1, 1, this.#reasons.unsupported);
    asm.jump(this.#ethernet);
  }

  #writeErspanIII(): void {
    const asm = this.#asm;
    asm.place(this.#erspanIII);
    readAt(asm, headers.ERSPAN_III_BYTES, this.#inner.truncated, INNER);
    asm.load(1, r1, r10, INNER);
    asm.rsh(r1, 4);
    asm.jne(r1, 2, this.#reasons.unsupported);
    asm.load(2, r9, r10, INNER + headers.ERSPAN_III_FRAME);
    asm.be(r9, 16);
    asm.comment("behind the subheader, if there is one");
    asm.mov(r1, r9);
    asm.and(r1, headers.ERSPAN_III_SUBHEADER);
    asm.mul(r1, headers.ERSPAN_III_SUBHEADER_BYTES);
    asm.add(r8, r1);
    asm.add(r8, headers.ERSPAN_III_BYTES);
    asm.comment("r9 = type of the frame");
    asm.rsh(r9, 10);
    asm.and(r9, 0x1f);
    asm.jeq(r9, ERSPAN_IP, this.#inner.labelled);
    asm.jeq(r9, ERSPAN_ETHERNET, this.#ethernet);
    asm.jump(this.#reasons.unsupported);
  }

  #writeGtp(): void {
    const asm = this.#asm;
    const extended = asm.label("gtp_extended");
    asm.place(this.#gtp);
    asm.mov(r1, r8);
    asm.add(r1, MAX_TUNNEL_BYTES - headers.UDP_HEADER_BYTES);
    asm.store(8, r10, TUNNEL_LIMIT, r1);
    readNext(asm, headers.GTP_HEADER_BYTES, this.#inner.truncated);
    asm.comment("r9 = flags");
    asm.load(1, r9, r10, SCRATCH);
    asm.mov(r1, r9);
    asm.and(r1, headers.GTP_VERSION);
    asm.jne(r1, headers.GTP_VERSION_1, this.#reasons.unsupported);
    asm.load(1, r1, r10, SCRATCH + headers.GTP_MESSAGE);
    asm.jne(r1, headers.GTP_PDU, this.#inner.notIp);
    asm.mov(r1, r9);
    asm.and(r1, headers.GTP_OPTIONAL);
    asm.jeq(r1, 0, this.#inner.labelled);
    readNext(asm, headers.GTP_OPTIONAL_BYTES, this.#inner.truncated);
    asm.jset(r9, headers.GTP_EXTENSION, extended);
    asm.jump(this.#inner.labelled);
    asm.place(extended);
    asm.load(1, r9, r10, SCRATCH + headers.GTP_OPTIONAL_BYTES - 1);
    for (let count = 0; count < MAX_GTP_EXTENSIONS; count++) this.#stepOverExtension(count);
    asm.jne(r9, 0, this.#reasons.unsupported);
    asm.jump(this.#inner.labelled);
  }

  /** Steps over the extension header at r8 of type r9, if that is one; r9 = type of the next. */
  #stepOverExtension(count: number): void {
    const asm = this.#asm;
    asm.comment(`extension header ${count + 1}, unless r9 is 0`);
    asm.jeq(r9, 0, this.#inner.labelled);
    readAt(asm, 1, this.#inner.truncated);
    asm.load(1, r1, r10, SCRATCH);
    asm.jeq(r1, 0, this.#inner.malformed);
    asm.lsh(r1, 2);
    asm.add(r8, r1);
    asm.load(8, r1, r10, TUNNEL_LIMIT);
    asm.jgt(r8, r1, this.#reasons.unsupported);
    asm.mov(r2, r8);
    asm.sub(r2, 1);
    readFromR2(asm, SCRATCH, 1, this.#inner.truncated);
    asm.load(1, r9, r10, SCRATCH);
  }

  /** By the EtherType in r9, which is no length here; runs on into tags. */
  #writeInnerType(): void {
    const asm = this.#asm;
    const tags = asm.label("inner_tags");
    asm.place(this.#type);
    asm.jeq(r9, headers.ETHERTYPE_ETHERNET, this.#ethernet);
    asm.jgt(r9, headers.MAX_ETHERNET_LENGTH, tags);
    asm.jump(this.#inner.notIp);
    asm.place(this.#ethernet);
    asm.mov(r2, r8);
    asm.add(r2, headers.ETHERNET_TYPE);
    readFromR2(asm, SCRATCH, headers.ETHERNET_HEADER_BYTES - headers.ETHERNET_TYPE, this.#inner.truncated);
    asm.load(2, r9, r10, SCRATCH);
    asm.be(r9, 16);
    asm.add(r8, headers.ETHERNET_HEADER_BYTES);
    asm.place(tags);
    forgetPath(asm);
  }

  /** Counts why, and runs on into what counts the packet as it is. */
  #writeUnopened(): void {
    const { notIp, truncated, malformed } = this.#inner;
    const reasons = [
      [this.#reasons.fragment, Unopened.FRAGMENT],
      [this.#reasons.unsupported, Unopened.UNSUPPORTED],
      [truncated, Unopened.TRUNCATED],
      [malformed, Unopened.MALFORMED],
      [notIp, Unopened.NOT_IP],
    ] as const;
    for (const [label, reason] of reasons) {
      this.#asm.place(label);
      this.#counters.countUnopened(reason);
      if (label !== notIp) this.#asm.jump(this.#plain);
    }
  }

  /** r7 = size and r9 = protocol of the outer packet, whose addresses still stand on the stack. */
  #writePlain(): void {
    const asm = this.#asm;
    asm.place(this.#plain);
    if (this.#options.tellsVlans) writeTakeBackVlan(asm);
    asm.comment("the same r7, of which the verifier has learned bounds: see bucketOfR1");
    asm.load(4, r7, r6, SKB_LEN);
    asm.load(8, r1, r10, NETWORK_OFFSET);
    asm.sub(r7, r1);
    asm.comment("by a detour, for the verifier may know which protocol it is");
    asm.load(8, r9, r10, PROTOCOL);
    asm.store(4, r10, KEY, r9);
    asm.load(1, r9, r10, KEY);
    asm.load(8, r1, r10, OUTER_VERSION);
    asm.jeq(r1, 6, this.#doors.outer6);
    asm.jump(this.#doors.outer4);
  }
}

import {
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_9100,
  ETHERTYPE_QINQ_9200,
  ETHERTYPE_VLAN,
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
} from "../../../../packet/headers.ts";
import { MAX_TAGS } from "../../../../packet/link/encapsulation.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r1, r7, r8, r9, r10 } from "../../assembly/instruction.ts";
import type { NetworkLabels } from "./network-writer.ts";
import { forgetPath, readAt, readNext } from "../skb.ts";
import { SCRATCH } from "../storage.ts";
import { writeNoteVlan } from "../vlan-writer.ts";

const VLAN_TYPES = [ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_9100, ETHERTYPE_QINQ_9200];

/**
 * Writes what parseTags does, but for LLC, which is left to the network: everything that may stand between a link header
 * and the network header, at r8, by the EtherType in r9. The length of the packet is in r7. `tellsVlans`: see vlan-writer.ts.
 */
export function writeTags(asm: Assembler, labels: NetworkLabels, tellsVlans: boolean): void {
  new TagsWriter(asm, labels, tellsVlans).write();
}

class TagsWriter {
  readonly #asm: Assembler;
  readonly #labels: NetworkLabels;
  readonly #tellsVlans: boolean;
  readonly #ppp: Label;

  constructor(asm: Assembler, labels: NetworkLabels, tellsVlans: boolean) {
    this.#asm = asm;
    this.#labels = labels;
    this.#tellsVlans = tellsVlans;
    this.#ppp = asm.label("ppp");
  }

  write(): void {
    this.#writeTags();
    this.#writePpp();
    this.#writeLabelled();
  }

  /** VLAN tags, MPLS labels and PPPoE. */
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
      this.#readLabel(this.#labels.labelled);
      asm.jump(next);

      asm.place(vlan);
      readNext(asm, VLAN_TAG_BYTES, this.#labels.truncated);
      if (this.#tellsVlans) writeNoteVlan(asm);
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
    for (let count = 0; count <= MAX_TAGS; count++) this.#readLabel(this.#labels.labelled);
    asm.jump(this.#labels.malformed);
  }

  /** MPLS does not say what it carries: the first four bits tell. */
  #writeLabelled(): void {
    const asm = this.#asm;
    asm.place(this.#labels.labelled);
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

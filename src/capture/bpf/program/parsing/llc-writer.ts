import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_JUMBO_LLC,
  LLC_BYTES,
  LLC_IPV4,
  LLC_SAPS,
  LLC_SNAP,
  LLC_SNAP_BYTES,
  LLC_UI,
  MAX_ETHERNET_LENGTH,
  SNAP_OUI_CISCO,
} from "../../../../packet/headers.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r1, r8, r9, r10 } from "../../assembly/instruction.ts";
import { forgetPath, readAt } from "../skb.ts";
import { SCRATCH } from "../storage.ts";

const CONTROL = SCRATCH + 2;
const OUI = SCRATCH + 3;
const ETHER_TYPE = SCRATCH + 6;

/** Where LLC leads to; runs on into what is written next with IPv6. */
export interface LlcLabels {
  ipv4: Label;
  notIp: Label;
  truncated: Label;
}

/** Writes what parseLlc and parseSnap do, at r8, if r9 is the length of an 802.3 frame; else goes on to `notIp`. */
export function writeLlc(asm: Assembler, labels: LlcLabels): void {
  const llc = asm.label("llc");
  const snap = asm.label("snap");
  asm.comment("LLC, if r9 is the length of an 802.3 frame");
  asm.jeq(r9, ETHERTYPE_JUMBO_LLC, llc);
  asm.jgt(r9, MAX_ETHERNET_LENGTH, labels.notIp);
  asm.place(llc);
  forgetPath(asm);
  readAt(asm, 2, labels.truncated);
  asm.load(2, r1, r10, SCRATCH);
  // The same in both byte orders, as are the numbers that it is compared with.
  asm.and(r1, LLC_SAPS);
  asm.jeq(r1, LLC_SNAP, snap);
  asm.jne(r1, LLC_IPV4, labels.notIp);
  readAt(asm, LLC_BYTES, labels.truncated);
  asm.load(1, r1, r10, CONTROL);
  asm.jne(r1, LLC_UI, labels.notIp);
  asm.add(r8, LLC_BYTES);
  asm.jump(labels.ipv4);

  asm.place(snap);
  asm.comment("SNAP: an EtherType, of IEEE or of Cisco");
  readAt(asm, LLC_SNAP_BYTES, labels.truncated);
  asm.load(1, r1, r10, CONTROL);
  asm.jne(r1, LLC_UI, labels.notIp);
  asm.add(r8, LLC_BYTES);
  const isEtherType = asm.label("snap_type");
  asm.load(1, r1, r10, OUI);
  asm.jne(r1, 0, labels.notIp);
  asm.load(1, r1, r10, OUI + 1);
  asm.jne(r1, 0, labels.notIp);
  asm.load(1, r1, r10, OUI + 2);
  asm.jeq(r1, 0, isEtherType);
  asm.jne(r1, SNAP_OUI_CISCO, labels.notIp);
  asm.place(isEtherType);
  asm.add(r8, LLC_SNAP_BYTES - LLC_BYTES);
  asm.load(2, r9, r10, ETHER_TYPE);
  asm.be(r9, 16);
  asm.jeq(r9, ETHERTYPE_IPV4, labels.ipv4);
  asm.jne(r9, ETHERTYPE_IPV6, labels.notIp);
}

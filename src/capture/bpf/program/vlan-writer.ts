import { NO_VLAN } from "../../../ledger/vlans/vlan.ts";
import { VLAN_BITS, VLAN_MASK } from "../../../packet/packet.ts";
import type { Assembler } from "../assembly/assembler.ts";
import { r0, r1, r2, r3, r4, r6, r10 } from "../assembly/instruction.ts";
import { type VlanMaps, VlanNumber } from "../vlans/vlan-layout.ts";
import { writeAdd, writeLookUp } from "./look-up.ts";
import { SKB_VLAN_PRESENT, SKB_VLAN_TCI } from "./skb.ts";
import { KEY, OUTER_VLAN, SCRATCH, VLAN, VLAN_NUMBER } from "./storage.ts";
import { writeTake } from "./take-writer.ts";

/*
 * What the packet record of packet/packet.ts has in `vlan` stands on the stack here, and then its number. The verifier
 * knows nothing of both: it would refuse a slot whose bounds differ by the path to it (see bucketOfR1).
 */

/** Bits of a VLAN in a VLAN. */
const ALL_BITS = 2 * VLAN_BITS;

/** Writes what begins with the VLAN of the tag that the kernel has taken off the frame. The context is in r6. */
export function writeTakenVlan(asm: Assembler): void {
  asm.comment("the VLAN of the tag that the kernel has taken off, if there is one");
  asm.load(4, r1, r6, SKB_VLAN_PRESENT);
  asm.load(4, r2, r6, SKB_VLAN_TCI);
  asm.and(r2, VLAN_MASK);
  asm.mul(r2, r1);
  asm.store(4, r10, VLAN, r2);
}

/**
 * Writes what noteVlan does, for the tag that was read into the scratch. Without a jump: the verifier would follow both
 * ways of each tag in a stack of them. Uses up r1 to r4.
 */
export function writeNoteVlan(asm: Assembler): void {
  asm.comment("notes the VLAN in r1, if it is one and there is room: r3 = 1");
  asm.load(2, r1, r10, SCRATCH);
  asm.be(r1, 16);
  asm.and(r1, VLAN_MASK);
  asm.load(4, r2, r10, VLAN);
  asm.mov(r3, r2);
  asm.sub(r3, VLAN_MASK + 1);
  asm.rsh(r3, 63);
  asm.mov(r4, 0);
  asm.sub(r4, r1);
  asm.rsh(r4, 63);
  asm.and(r3, r4);
  asm.mul(r1, r3);
  asm.mul(r3, VLAN_BITS);
  asm.lsh(r2, r3);
  asm.or(r2, r1);
  asm.store(4, r10, VLAN, r2);
}

/** Puts the VLAN of a packet that may carry another aside: the one inside begins without. Uses up r1. */
export function writeSetAsideVlan(asm: Assembler): void {
  asm.comment("its VLAN, and 0, which the verifier does not know, for what is inside");
  asm.load(4, r1, r10, VLAN);
  asm.store(4, r10, OUTER_VLAN, r1);
  asm.rsh(r1, ALL_BITS);
  asm.store(4, r10, VLAN, r1);
}

/** Takes it back. Uses up r1. */
export function writeTakeBackVlan(asm: Assembler): void {
  asm.load(4, r1, r10, OUTER_VLAN);
  asm.store(4, r10, VLAN, r1);
}

/** Writes what leaves the number of the VLAN on the stack, and gives one to a VLAN that has none. Uses up r0 to r5. */
export function writeVlanNumber(asm: Assembler, { index, names, state, dispenser }: VlanMaps): void {
  const numbered = asm.label("vlan_numbered");
  const found = asm.label("vlan_found");
  const isNew = asm.label("new_vlan");
  asm.comment("the number of the VLAN");
  asm.load(4, r1, r10, VLAN);
  asm.store(4, r10, VLAN_NUMBER, r1);
  asm.jeq(r1, NO_VLAN, numbered);
  writeLookUp(asm, index, VLAN, isNew);
  asm.load(4, r1, r0, 0);
  asm.place(found);
  asm.store(4, r10, VLAN_NUMBER, r1);
  asm.place(numbered);
  asm.putOff(() => {
    const other = asm.label("no_number_left");
    asm.place(isNew);
    writeTake(asm, state, dispenser, 0, other);
    asm.store(4, r10, VLAN_NUMBER, r2);
    asm.store(4, r10, KEY, r2);
    writeLookUp(asm, names, KEY, other);
    asm.load(4, r1, r10, VLAN);
    asm.store(4, r0, 0, r1);
    writeAdd(asm, index, VLAN, VLAN_NUMBER);
    asm.jeq(r0, 0, numbered);
    asm.comment("another CPU was faster: its number is the one; or the kernel is out of memory");
    writeLookUp(asm, index, VLAN, other);
    asm.load(4, r1, r0, 0);
    asm.jump(found);
    asm.place(other);
    asm.mov(r1, VlanNumber.OTHER);
    asm.jump(found);
  });
}

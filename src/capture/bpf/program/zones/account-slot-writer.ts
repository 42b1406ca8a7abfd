import { Direction } from "../../../../ledger/rows.ts";
import { Zone } from "../../../../ledger/zones/zone.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r0, r1, r2, r6, r10 } from "../../assembly/instruction.ts";
import { FLAG } from "../../layout.ts";
import { ACCOUNT, type AccountSlotMaps } from "../../zones/account-layout.ts";
import { writeAdd, writeLookUp } from "../look-up.ts";
import { ACCOUNT_KEY, KEY, NEW_ACCOUNT, VLAN_NUMBER } from "../storage.ts";
import { writeTake } from "../take-writer.ts";
import { writeVlanNumber } from "../vlan-writer.ts";

/**
 * Writes what finds the slot of an account in the VLAN: r6 = its place, and then the slot. One that has none is given one,
 * if there is room for what sends or receives; else it is OTHER. Uses up r0 to r5.
 */
export function writeAccountSlot(asm: Assembler, slots: AccountSlotMaps, direction: Direction, missing: Label): void {
  const known = asm.label("account_has_slot");
  const isNew = asm.label("new_account");
  writeVlanNumber(asm, slots.vlans);
  asm.comment("r6 = slot of the account in the VLAN");
  asm.store(8, r10, ACCOUNT_KEY, r6);
  asm.load(4, r1, r10, VLAN_NUMBER);
  asm.store(8, r10, ACCOUNT_KEY + 8, r1);
  writeLookUp(asm, slots.index, ACCOUNT_KEY, isNew);
  asm.load(4, r6, r0, 0);
  asm.place(known);
  asm.putOff(() => {
    asm.place(isNew);
    writeNewSlot(asm, slots, direction, known, missing);
  });
}

function writeNewSlot(
  asm: Assembler,
  { index, keys, state, dispenser, forSenders }: AccountSlotMaps,
  direction: Direction,
  known: Label,
  missing: Label,
): void {
  const full = asm.label("accounts_full");
  writeTake(asm, state, dispenser, direction === Direction.RX ? forSenders : 0, full);
  asm.store(4, r10, NEW_ACCOUNT, r2);
  asm.store(4, r10, KEY, r2);
  writeLookUp(asm, keys, KEY, missing);
  asm.comment("what the slot is for");
  asm.load(8, r1, r10, ACCOUNT_KEY);
  asm.store(8, r0, ACCOUNT.PLACE, r1);
  asm.load(8, r1, r10, ACCOUNT_KEY + 8);
  asm.store(4, r0, ACCOUNT.VLAN, r1);
  asm.store(4, r0, ACCOUNT.FLAG, FLAG.USED);
  writeAdd(asm, index, ACCOUNT_KEY, NEW_ACCOUNT);
  asm.load(4, r6, r10, NEW_ACCOUNT);
  asm.jeq(r0, 0, known);
  asm.comment("another CPU was faster, or the kernel is out of memory: the new slot is nobody's");
  asm.store(4, r10, KEY, r6);
  writeLookUp(asm, keys, KEY, missing);
  asm.store(4, r0, ACCOUNT.FLAG, FLAG.FREE);
  writeLookUp(asm, index, ACCOUNT_KEY, full);
  asm.load(4, r6, r0, 0);
  asm.jump(known);
  asm.place(full);
  asm.mov(r6, Zone.OTHER);
  asm.jump(known);
}

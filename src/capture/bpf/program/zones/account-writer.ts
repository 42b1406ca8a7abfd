import { Direction } from "../../../../ledger/rows.ts";
import { Zone } from "../../../../ledger/zones/zone.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r1, r6, r9, r10 } from "../../assembly/instruction.ts";
import { COLUMN_STEP } from "../../layout.ts";
import type { AccountMaps } from "../../zones/account-layout.ts";
import { ACCOUNT_COLUMN, ACCOUNT_REMOTE, ZONE_FROM, ZONE_TO } from "../storage.ts";
import { writeAccountSlot } from "./account-slot-writer.ts";
import { writePlaceCount } from "./place-writer.ts";
import { findDestination, findEnds, findSource } from "./zone-finder.ts";

/** Keeps the column in r6, if accounts are told apart by it. */
export function writeKeptColumn(asm: Assembler, maps: AccountMaps | undefined): void {
  if (maps === undefined || maps.sizes.columns === 1) return;
  asm.comment("the column of the protocol, for accounts");
  asm.mov(r1, r6);
  asm.div(r1, COLUMN_STEP);
  asm.store(8, r10, ACCOUNT_COLUMN, r1);
}

/**
 * Writes what counts a packet by account, as ledger/accounts/account-ledger.ts does: the size of all that it stands for
 * is in r7, its addresses are on the stack. Uses up all registers but r7 and r10.
 */
export function writeAccountCounting(asm: Assembler, maps: AccountMaps, version: 4 | 6, unfolds: boolean): void {
  const missing = asm.label("account_counted");
  findEnds(asm, maps.customers, version, missing);
  writeEnd(asm, maps, version, Direction.TX, unfolds, missing);
  writeEnd(asm, maps, version, Direction.RX, unfolds, missing);
  asm.place(missing);
}

/** Counts for the customer at an end of the packet, if there is one. */
function writeEnd(
  asm: Assembler,
  maps: AccountMaps,
  version: 4 | 6,
  direction: Direction,
  unfolds: boolean,
  missing: Label,
): void {
  const { remotes, sizes, slots } = maps;
  const counted = asm.label("end_counted");
  const [own, find] = direction === Direction.TX ? [ZONE_FROM, findDestination] : [ZONE_TO, findSource];
  asm.comment(direction === Direction.TX ? "the customer of the source" : "the customer of the destination");
  asm.load(8, r1, r10, own);
  asm.jeq(r1, Zone.UNKNOWN, counted);
  if (remotes !== undefined) find(asm, remotes, version, ACCOUNT_REMOTE, missing);
  asm.comment("r6 = place of the account");
  asm.load(8, r6, r10, own);
  asm.sub(r6, Zone.OTHER);
  asm.mul(r6, sizes.remotes);
  if (remotes !== undefined) {
    asm.load(8, r1, r10, ACCOUNT_REMOTE);
    asm.sub(r1, Zone.OTHER);
    asm.add(r6, r1);
  }
  if (sizes.columns > 1) {
    asm.mul(r6, sizes.columns);
    asm.load(8, r1, r10, ACCOUNT_COLUMN);
    asm.add(r6, r1);
  }
  if (slots !== undefined) writeAccountSlot(asm, slots, direction, missing);
  asm.mov(r9, direction);
  writePlaceCount(asm, maps, sizes.places, unfolds, missing);
  asm.place(counted);
}

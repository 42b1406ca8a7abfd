import type { AccountLedger } from "../accounts/account-ledger.ts";
import { Direction } from "../rows.ts";
import { BYTES, PACKETS, type SlotCounters } from "../zones/slot-counters.ts";
import { Ends, FIRST_NAMED } from "../zones/zone.ts";
import type { ZoneLedger } from "../zones/zone-ledger.ts";
import type { Zoning } from "../zones/zoning.ts";

/*
 * What a run before counted by slot goes to the slots of what has the same names. A customer that is in no list any more
 * is told once more, as one that goes at a reload; what else has no such name is left out.
 */

/** Adds what a ledger of another zoning counts. */
export function adoptZones(from: ZoneLedger, to: ZoneLedger): void {
  const pool = from.zoning.slots;
  adoptSlots(pool.count, from.counts, to.counts, (slot, direction) => {
    const zone = zoneIn(to.zoning, from.zoning, pool.ownerOf(slot));
    return zone === undefined ? undefined : to.zoning.slotOf(zone, direction);
  });
}

/** Adds what a ledger of other accounts counts, if they tell protocols and VLANs apart as these do. */
export function adoptAccounts({ accounts: before, counts }: AccountLedger, to: AccountLedger): void {
  const { accounts } = to;
  if (before.hasProtocols !== accounts.hasProtocols || before.hasVlans !== accounts.hasVlans) return;
  adoptSlots(before.slots.count, counts, to.counts, (slot, direction) => {
    if (slot < FIRST_NAMED) return slot;
    const account = before.accountOf(slot);
    const customer = zoneIn(accounts.customers, before.customers, account.customer);
    const remote = zoneIn(accounts.remotes, before.remotes, account.remote);
    if (customer === undefined || remote === undefined) return undefined;
    return accounts.slotOf(customer, remote, account.column, account.vlan, direction);
  });
}

function adoptSlots(
  count: number,
  from: SlotCounters,
  to: SlotCounters,
  slotOf: (slot: number, direction: Direction) => number | undefined,
): void {
  for (let slot = 1; slot < count; slot++) {
    for (const direction of [Direction.TX, Direction.RX]) {
      const packets = from.count(slot, direction, PACKETS);
      const into = packets === 0 ? undefined : slotOf(slot, direction);
      if (into !== undefined) to.add(into, direction, packets, from.count(slot, direction, BYTES));
    }
  }
}

/** The zone that is called like one of another zoning, if there is one. */
function zoneIn(zoning: Zoning, other: Zoning, zone: number): number | undefined {
  if (zone < FIRST_NAMED) return zone;
  const name = other.nameOf(zone);
  return zoning.ends === Ends.BOTH ? zoning.departingZoneOf(name) : zoning.knownZone(name);
}

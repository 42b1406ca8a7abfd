import { type Accounts, MAX_REMOTES } from "../../../ledger/accounts/accounts.ts";
import { FIRST_NAMED, Zone } from "../../../ledger/zones/zone.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import { PROTOCOL_COLUMNS } from "../../../packet/protocols.ts";
import { type DispenserPlace, queueLength } from "../tables/dispenser.ts";
import { type VlanMaps, vlanRefusal } from "../vlans/vlan-layout.ts";
import type { CounterMaps, ZoneTableMaps } from "./zone-layout.ts";
import { givenSlots, slotsForSenders } from "./zone-sizes.ts";

/*
 * Every account that there can be has a place of its own in the counters of an interface, as those of ZoneCounters:
 *
 *     place = ((customer - OTHER) × remotes + remote - OTHER) × columns + column
 *
 * So nothing is given out, and nothing is looked up besides customer and remote end. That is too much if VLANs are told
 * apart: then a place is a slot that is given out on first use, found by what the place would be and the number of the
 * VLAN (see vlans/vlan-layout.ts). Those of all interfaces share:
 *
 *   index   a hash: | place u64 | VLAN u64 | → slot
 *   keys    an array: slot → | place u64 | VLAN u32 | whether it was given to somebody u32 |
 *   state   what slots are given out from: see Dispenser
 *
 * What finds none is counted in the slot of OTHER.
 */
export const ACCOUNT_KEY_BYTES = 16;
export const ACCOUNT = { PLACE: 0, VLAN: 8, FLAG: 12, BYTES: 16 } as const;

/** Places in an interface's counters: 32 bytes each. */
const MAX_PLACES = 2 ** 21;
/** Over all interfaces. */
const MAX_ALL_PLACES = 2 ** 23;
/** Room for later lists and zones. */
const CUSTOMERS_SPARE = 1.5;
const REMOTES_SPARE = 2;
const MIN_SPARE = 8;
/** Room for later customers in any case, as far as they fit so many places: 512 KiB a lane. */
const MIN_PLACES = 2 ** 14;

/** How many places there are, and of what. */
export interface AccountSizes {
  readonly customers: number;
  readonly remotes: number;
  readonly columns: number;
  readonly places: number;
}

/** What a program counts by account in. */
export interface AccountMaps extends CounterMaps {
  readonly customers: ZoneTableMaps;
  /** Undefined if remote ends are not told apart. */
  readonly remotes: ZoneTableMaps | undefined;
  readonly sizes: AccountSizes;
  /** Undefined if every account has a place. */
  readonly slots: AccountSlotMaps | undefined;
}

/** What slots are given out with: descriptors of maps. */
export interface AccountSlotMaps {
  readonly vlans: VlanMaps;
  readonly index: number;
  readonly keys: number;
  readonly state: number;
  readonly dispenser: DispenserPlace;
  /** Slots that only accounts are given that send something. */
  readonly forSenders: number;
}

/** Where slots are given out from, if so many accounts may have series. */
export function accountDispenser(limit: number): Pick<AccountSlotMaps, "dispenser" | "forSenders"> {
  const capacity = givenSlots(limit);
  return { dispenser: { offset: 0, capacity, queue: queueLength(capacity) }, forSenders: slotsForSenders(limit) };
}

/** Whether remote ends are told apart. */
export function hasRemotes({ remotes }: Accounts): boolean {
  return remotes.zones > FIRST_NAMED;
}

/** `minPlaces`: that are made in any case, if there may be customers for them. */
export function accountSizes(accounts: Accounts, minPlaces = MIN_PLACES): AccountSizes {
  const { maxZones } = accounts.customers;
  const remotes = hasRemotes(accounts) ? roomFor(accounts.remotes, REMOTES_SPARE, MAX_REMOTES) : 1;
  const columns = accounts.hasProtocols ? PROTOCOL_COLUMNS : 1;
  if (accounts.hasVlans) {
    const most = hasRemotes(accounts) ? MAX_REMOTES - Zone.OTHER : 1;
    return { customers: maxZones - Zone.OTHER, remotes: most, columns, places: givenSlots(accounts.slots.quota.limit) };
  }
  const inAnyCase = Math.min(Math.floor(minPlaces / (remotes * columns)), maxZones - Zone.OTHER);
  const customers = Math.max(roomFor(accounts.customers, CUSTOMERS_SPARE, maxZones), inAnyCase);
  return { customers, remotes, columns, places: customers * remotes * columns };
}

/** Why accounts can't have a place each; undefined if they can. */
export function accountRefusal(accounts: Accounts, siblings: number): string | undefined {
  const { vlanLimit, slots } = accounts;
  const ofVlans = vlanLimit === undefined ? undefined : vlanRefusal(vlanLimit);
  if (ofVlans !== undefined) return ofVlans;
  const { customers, remotes, columns, places } = accountSizes(accounts, 0);
  const max = Math.min(MAX_PLACES, Math.floor(MAX_ALL_PLACES / Math.max(siblings, 1)));
  if (places <= max) return undefined;
  if (vlanLimit !== undefined) {
    const { limit } = slots.quota;
    return `there is no room in the kernel for ${limit} accounts; use --engine ring, or a lower --customers.max-accounts`;
  }
  const product = `${customers} customers × ${remotes} at the other end × ${columns} protocols`;
  return `--customers.by has ${product}, and there is room for ${max} in the kernel; use --engine ring`;
}

function roomFor({ zones }: Zoning, spare: number, max: number): number {
  const used = zones - Zone.OTHER;
  return Math.min(Math.max(Math.ceil(used * spare), used + MIN_SPARE), max - Zone.OTHER);
}

import { ALL_SLOT, FIRST_FREE_SLOT } from "../layout.ts";
import { type DispenserPlace, queueLength } from "../tables/dispenser.ts";

/*
 * Programs number the VLANs that they see, in the order in which they see them. Those of all interfaces share:
 *
 *   index   a hash: VLAN, as ledger/vlans/vlan.ts has it → its number
 *   names   an array: number → VLAN
 *   state   what numbers are given out from: see Dispenser
 *
 * All frames of a VLAN are counted in the slot of its number, so that of the events is no number.
 */

/** Numbers that are no VLAN's of their own. */
export const VlanNumber = { NONE: ALL_SLOT, OTHER: FIRST_FREE_SLOT } as const;
export const FIRST_VLAN_NUMBER = VlanNumber.OTHER + 1;

/** Numbers beyond the limit, which the ledger keeps: each CPU that is not the first to see a VLAN may lose one. */
const SPARE_NUMBERS = 64;
const SPARE_SHARE = 1 / 8;
/** Rows for addresses that find no place, of all VLANs and interfaces: 160 bytes each. */
const MAX_OTHER_ROWS = 2 ** 19;

/** What a program finds the number of a VLAN with: descriptors of maps. */
export interface VlanMaps {
  readonly index: number;
  readonly names: number;
  readonly state: number;
  readonly dispenser: DispenserPlace;
}

/** How many numbers there are, if so many VLANs may be told apart. */
export function vlanNumbers(limit: number): number {
  return FIRST_VLAN_NUMBER + limit + SPARE_NUMBERS + Math.ceil(limit * SPARE_SHARE);
}

/** Where they are given out from. */
export function vlanDispenser(limit: number): DispenserPlace {
  return { offset: 0, capacity: vlanNumbers(limit), queue: queueLength(0) };
}

/**
 * Why so many VLANs have no room, with rows for what `groups` sets of labels refuse in each, on so many interfaces;
 * undefined if they have.
 */
export function vlanRefusal(limit: number, groups = 1, siblings = 1): string | undefined {
  const max = Math.floor(MAX_OTHER_ROWS / Math.max(siblings, 1));
  if (vlanNumbers(limit) * Math.max(groups, 1) * 2 <= max) return undefined;
  const product = groups > 1 ? `${limit} VLANs × ${groups} sets of labels` : `${limit} VLANs`;
  return `there is no room in the kernel for ${product}; use --engine ring, or a lower --max-vlans`;
}

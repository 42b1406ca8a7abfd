import { Ends, FIRST_NAMED } from "../../../ledger/zones/zone.ts";
import type { ZoneIndex } from "../../../ledger/zones/zone-table.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import { queueLength } from "../tables/dispenser.ts";
import { NODE_PIECES, ZONE_COUNTER_BYTES, ZONE_STATE, type ZoneSlots } from "./zone-layout.ts";

export const DIRECTIONS = 2;
/** Memory of the counters of all interfaces, in which the lanes must find room. */
const ALL_COUNTERS_BYTES = 32 * 1024 * 1024;
/** Slots of an interface that nothing but their zones can have: 16 MiB a lane. */
const MAX_OWN_SLOTS = 1 << 19;
/** Slots beyond those that may have series: for what is new, until the ledger says what gives way to it. */
const SPARE_SLOTS = 1 / 8;
const MIN_SPARE_SLOTS = 64;
/** Steps of a search that a program has beyond those it needs; they cost nothing as long as they are not needed. */
const SPARE_STEPS = 2;
/** Enough for two thousand addresses of the host below one entry, such as those of a cluster's services. */
const MIN_STEPS = 12;

/** What else is counting. */
export interface Sharing {
  /** Interfaces that share the memory. */
  siblings: number;
  /** CPUs that may count at the same time; infinitely many if that is not known. */
  cpus: number;
  isRealtime: boolean;
}

/**
 * How many slots zones have together, and what is given them. Customers have one each, as long as there are not too many:
 * looking up which is their slot would be one more line that a packet waits for.
 */
export function slotsOf({ quota: { limit }, maxZones, ends }: Zoning): ZoneSlots & { hasOwn: boolean } {
  const hasOwn = ends === Ends.BOTH && maxZones <= MAX_OWN_SLOTS;
  const slotCount = hasOwn ? maxZones : givenSlots(limit);
  return {
    slotCount,
    hasOwn,
    slotDispenser: { offset: ZONE_STATE.DISPENSER, capacity: slotCount, queue: queueLength(slotCount) },
    slotsForSenders: slotsForSenders(limit),
  };
}

/** Slots that are given out on first use, those of unnamed zones included, if so many may have series. */
export function givenSlots(limit: number): number {
  return FIRST_NAMED + limit + MIN_SPARE_SLOTS + Math.ceil(limit * SPARE_SLOTS);
}

/** Of these, those that only what is sent to is given. */
export function slotsForSenders(limit: number): number {
  return Math.floor(limit * SPARE_SLOTS);
}

/** How often a search in this table has to halve. */
export function neededSteps({ longest }: ZoneIndex): number {
  return 32 - Math.clz32(longest);
}

/** How often a program can halve, so that it can search later tables too. */
export function searchSteps(index: ZoneIndex): number {
  return Math.max(neededSteps(index) + SPARE_STEPS, MIN_STEPS);
}

/** Through how many nodes a search in this table of IPv4 has to go. */
export function neededLevels(index: ZoneIndex): number {
  return levelsOf(neededSteps(index));
}

/** Through how many nodes a program can go. */
export function searchLevels(index: ZoneIndex): number {
  return levelsOf(searchSteps(index));
}

function levelsOf(steps: number): number {
  return Math.max(1, Math.ceil(steps / Math.log2(NODE_PIECES)));
}

/** How many lanes there are, and whether CPUs share them. */
export function lanesOf(
  slotCount: number,
  { siblings, cpus, isRealtime }: Sharing,
): { lanes: number; isAtomic: boolean } {
  const laneBytes = slotCount * DIRECTIONS * ZONE_COUNTER_BYTES;
  let lanes = Number.isFinite(cpus) ? 2 ** Math.ceil(Math.log2(cpus)) : 1;
  while (lanes > 1 && lanes * laneBytes > ALL_COUNTERS_BYTES / Math.max(siblings, 1)) lanes /= 2;
  return { lanes, isAtomic: lanes < cpus || isRealtime };
}

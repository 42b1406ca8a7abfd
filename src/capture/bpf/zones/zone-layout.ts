import type { Ends } from "../../../ledger/zones/zone.ts";
import type { DispenserPlace } from "../tables/dispenser.ts";

/*
 * What programs look zones up in, shared by the programs of all interfaces, and what they count in. All of it are
 * arrays, so that we map them; the words are those of ledger/zones/zone-table.ts.
 *
 *   directory   two halves for IPv4, and two for IPv6: one is in use, the other is where the next table is written
 *   spans       likewise
 *   slots       zone → slot of its counters; 0 while it has none
 *   state       which half is in use, and what slots are given out from: see Dispenser
 *   counters    of one interface; every lane has all slots, and a slot has two of these: sent, received
 *                  | packets | bytes |
 */
export const DIRECTORY_ENTRY_BYTES = 8;
export const IPV4_SPAN_BYTES = 8;
export const IPV6_SPAN_BYTES = 24;
export const ZONE_SLOT_BYTES = 8;
export const ZONE_STATE = { FIRST_ENTRY_IPV4: 0, FIRST_ENTRY_IPV6: 8, DISPENSER: 16 } as const;
export const ZONE_COUNTER_BYTES = 16;
export const COUNTER_PACKETS = 0;
export const COUNTER_BYTES = 8;

/** What a program looks up addresses of one version in: descriptors of maps. */
export interface SideMaps {
  readonly directory: number;
  readonly spans: number;
  /** How often a search can halve. */
  readonly steps: number;
}

/** What a program finds zones with: descriptors of maps. */
export interface ZoneTableMaps {
  readonly ends: Ends;
  readonly ipv4: SideMaps;
  readonly ipv6: SideMaps;
  readonly state: number;
}

/** What a program adds to: the counters of an interface. */
export interface CounterMaps {
  readonly fd: number;
  /** 2^n; see layout.ts. */
  readonly lanes: number;
  readonly isAtomic: boolean;
}

/** The slots of zones. */
export interface ZoneSlots {
  /** Slots that there may be, those of unnamed zones included. */
  readonly slotCount: number;
  /** What programs take slots from, in the value of `state`. */
  readonly slotDispenser: DispenserPlace;
  /** Slots that only zones are given to which something is sent. */
  readonly slotsForSenders: number;
}

/** What a program counts by zone in: descriptors of maps, and their sizes. */
export interface ZoneMaps extends CounterMaps {
  /** What all programs share. */
  readonly zones: ZoneSlots & ZoneTableMaps & { readonly slots: number };
}

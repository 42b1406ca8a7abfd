import type { Ends } from "../../../ledger/zones/zone.ts";
import type { DispenserPlace } from "../tables/dispenser.ts";

/*
 * What programs look zones up in, shared by the programs of all interfaces, and what they count in. All of it are
 * arrays, so that we map them; the words are those of ledger/zones/zone-table.ts.
 *
 *   directory   two halves for IPv4, and two for IPv6: one is in use, the other is where the next table is written
 *   nodes       likewise, of IPv4: see below
 *   spans       likewise, of IPv6
 *   slots       zone → slot of its counters, 0 while it has none; there is no such array if the slot of a zone is its number
 *   state       which half is in use, and what slots are given out from: see Dispenser
 *   counters    of one interface; every lane has all slots, and a slot has two of these: sent, received
 *                  | packets | bytes |
 *
 * A packet between random addresses finds little of this in the cache, and waits for each line that another one leads
 * to. So IPv4 has a directory of 16 KiB, which stays there, and trees below it, most of them of one node:
 *
 *   directory   | first node u32 | steps u32 | ...     a group of 32 entries, by the first 16 bits of the address: bit k
 *                                                      is set if entry k has another root than the entry before
 *   node        | start u32: 8 | value u32: 8 |        a line of the cache: pieces of one entry, or of several
 *   value       | 0 | zone: 25 bits | size: 6 bits |   a piece has 2^size addresses, and what follows is unknown
 *               | 1 | node: 31 bits |
 *
 * Most customers are alone among addresses that are nobody's, so that a piece for both halves the nodes. If a node has
 * less than 8, zeros stand before them. A piece of ENDLESS size reaches to the start of the next.
 */
export const GROUP_ENTRIES = 32;
export const GROUP_BYTES = 8;
export const NODE_PIECES = 8;
export const NODE_WORDS = 2 * NODE_PIECES;
export const NODE_BYTES = 4 * NODE_WORDS;
export const SIZE_BITS = 6;
export const ENDLESS = 32;
export const IS_NODE = 2 ** 31;
export const IPV6_ENTRY_BYTES = 8;
export const IPV6_SPAN_BYTES = 24;
export const ZONE_SLOT_BYTES = 8;
export const ZONE_STATE = { FIRST_ENTRY_IPV4: 0, FIRST_ENTRY_IPV6: 8, DISPENSER: 16 } as const;
export const ZONE_COUNTER_BYTES = 16;
export const COUNTER_PACKETS = 0;
export const COUNTER_BYTES = 8;

/** What a program looks up addresses of IPv4 in: descriptors of maps. */
export interface Ipv4Maps {
  /** An array of one element. */
  readonly directory: number;
  readonly nodes: number;
  /** Nodes that a search can go through. */
  readonly levels: number;
}

/** Likewise of IPv6. */
export interface Ipv6Maps {
  readonly directory: number;
  readonly spans: number;
  /** How often a search can halve. */
  readonly steps: number;
}

/** What a program finds zones with: descriptors of maps. */
export interface ZoneTableMaps {
  readonly ends: Ends;
  readonly ipv4: Ipv4Maps;
  readonly ipv6: Ipv6Maps;
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
  readonly zones: ZoneSlots & ZoneTableMaps & { readonly slots: number | undefined };
}

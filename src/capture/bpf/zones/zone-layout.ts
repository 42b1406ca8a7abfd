/*
 * What programs look zones up in, shared by the programs of all interfaces, and what they count in. All of it are
 * arrays, so that we map them; the words are those of ledger/zones/zone-table.ts.
 *
 *   directory   two halves for IPv4, and two for IPv6: one is in use, the other is where the next table is written
 *   spans       likewise
 *   slots       zone → slot of its counters; 0 where it has none yet
 *   state       which half is in use, and the next slot
 *   counters    of one interface; every lane has all slots, and a slot has two of these: sent, received
 *                  | packets | bytes |
 */
export const DIRECTORY_ENTRY_BYTES = 8;
export const IPV4_SPAN_BYTES = 8;
export const IPV6_SPAN_BYTES = 24;
export const ZONE_SLOT_BYTES = 8;
export const ZONE_STATE = { FIRST_ENTRY_IPV4: 0, FIRST_ENTRY_IPV6: 8, NEXT_SLOT: 16, BYTES: 24 } as const;
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

/** What a program counts by zone in: descriptors of maps, and their sizes. */
export interface ZoneMaps {
  /** Counters. */
  readonly fd: number;
  /** 2^n; see layout.ts. */
  readonly lanes: number;
  readonly isAtomic: boolean;
  /** What all programs share. */
  readonly zones: {
    readonly ipv4: SideMaps;
    readonly ipv6: SideMaps;
    readonly slots: number;
    readonly state: number;
    /** Slots that there may be, those of unnamed zones included. */
    readonly slotCount: number;
  };
}

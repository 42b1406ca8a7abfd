/**
 * What an address is to a count by country or by AS: one of these, or from FIRST_NAMED on a country or an AS. The first
 * four are in the order of how near they are; what has a name is as far as what is unknown.
 */
export const Zone = {
  /** Public, and the database does not say more. */
  UNKNOWN: 1,
  /** Private, link-local or reserved: of no country. */
  PRIVATE: 2,
  /** Multicast and broadcast: received by all that listen. */
  MULTICAST: 3,
  /** Of this host, or in a range that is accounted. */
  LOCAL: 4,
  /** No address's: of packets between two that are public. */
  TRANSIT: 5,
  /** Countries or ASes that found no room. */
  OTHER: 6,
  /** Of IPv4 behind NAT64: looked up by the last 32 bits, so that nothing is counted here. */
  TRANSLATED: 7,
} as const;
export const FIRST_NAMED = 8;

/** What the page calls them. */
export const ZONE_NAMES = ["", "unknown", "private", "multicast", "local", "transit", "other", ""] as const;

/** How near an address of this zone is. Hot. */
export function nearness(zone: number): number {
  return zone <= Zone.LOCAL ? zone : Zone.UNKNOWN;
}

/** Which ends of a packet a zoning counts for: the remote one of them, or each one that is in a zone. */
export const Ends = { REMOTE: "remote", BOTH: "both" } as const;
export type Ends = (typeof Ends)[keyof typeof Ends];

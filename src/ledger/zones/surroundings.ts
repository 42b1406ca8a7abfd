import { parseAddress } from "../../packet/address.ts";
import { cutSegments } from "../segments.ts";
import { Spans } from "./spans.ts";
import { Zone } from "./zone.ts";

/** Addresses from `first` to `last`, both inclusive. */
export interface Interval {
  readonly version: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/* The networks that are of no country by their kind, by IANA's registries of special-purpose addresses. */
const LOCAL = ["127.0.0.0/8", "::1/128"].map(networkOf);
const MULTICAST = ["224.0.0.0/4", "255.255.255.255/32", "ff00::/8"].map(networkOf);
const PRIVATE = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "240.0.0.0/4",
  "::/128",
  "64:ff9b:1::/48",
  "100::/64",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
].map(networkOf);

/** Of RFC 6052; networks of a provider's own are not known. */
const TRANSLATED = ["64:ff9b::/96"].map(networkOf);

/** What is LOCAL or MULTICAST whatever a database says; `local` and `broadcast` are the host's own. */
export function surroundings(version: 4 | 6, local: readonly Interval[], broadcast: readonly Interval[]): Spans {
  const near = [...local, ...LOCAL];
  // The first that holds an address has it.
  const segments = cutSegments([...near, ...broadcast, ...MULTICAST], version);
  return Spans.of(segments, (range) => (range < near.length ? Zone.LOCAL : Zone.MULTICAST), version);
}

/** What is PRIVATE, TRANSLATED or UNKNOWN if no database says more. */
export function leftovers(version: 4 | 6): Spans {
  const segments = cutSegments([...PRIVATE, ...TRANSLATED], version);
  const zoneOf = (range: number): number => (range < PRIVATE.length ? Zone.PRIVATE : Zone.TRANSLATED);
  return Spans.of(segments, zoneOf, version).over(Spans.all(version, Zone.UNKNOWN));
}

function networkOf(text: string): Interval {
  const [address = "", length] = text.split("/");
  const { version, value } = parseAddress(address)!;
  const hosts = 1n << BigInt((version === 4 ? 32 : 128) - Number(length));
  return { version, first: value, last: value + hosts - 1n };
}

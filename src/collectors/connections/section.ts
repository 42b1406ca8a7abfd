import { MAX_MAX_ASNS } from "../../config/by.ts";
import { illegal, list, single, toggle, wholeNumber } from "../../config/flag.ts";
import { optional, section, type ValueOf } from "../../config/section.ts";
import { type Address, parseAddress } from "../../packet/address.ts";

const TITLE = "Connections by country";
const MAX_INTERVAL_S = 2 ** 31 - 1;

/** All addresses that begin with the same bits. */
export interface Network extends Address {
  prefixBits: number;
}

const FLAGS = {
  isOn: toggle({
    name: "geoip",
    aliases: ["collector.geoip"],
    key: "geoip.enabled",
    help: "Count this host's TCP connections by the country and AS of the remote address.",
  }),
  /** Remote addresses to leave out. */
  exclude: list({
    name: "geoip-exclude",
    aliases: ["blacklist"],
    key: "geoip.exclude",
    value: "ADDRESS,...",
    help: 'Remote addresses and networks that count for no country, but as "excluded".',
    parse: networksOf,
  }),
  /** Most AS numbers that have series. */
  maxAsns: single({
    name: "geoip-max-asns",
    key: "geoip.max_asns",
    value: "N",
    default: "1024",
    help: 'Most AS numbers that get series, those with the most connections; the rest goes to asn="other".',
    parse: wholeNumber(MAX_MAX_ASNS),
  }),
  /** The time between two collections, as geoip-exporter takes it. */
  interval: single({
    name: "interval",
    value: "SECONDS",
    help: "geoip-exporter's, without effect here: connections are read whenever the page is asked for.",
    parse: wholeNumber(MAX_INTERVAL_S),
  }),
};

/** How connections are counted by country. */
export const geoipSection = optional(
  section(TITLE, FLAGS, ({ exclude, maxAsns, interval }) => ({
    exclude: exclude.flat(),
    maxAsns,
    ignoresInterval: interval !== null,
  })),
  "geoip",
);
export type GeoipConfig = NonNullable<ValueOf<typeof geoipSection>>;

/** Blanks and a trailing comma are let through, as people write lists. */
/** Reads addresses and networks with commas between. */
export function networksOf(list: string, spelling: string): Network[] {
  const words = list.split(",").map((word) => word.trim());
  return words.filter((word) => word !== "").map((word) => networkOf(word, spelling));
}

function networkOf(word: string, spelling: string): Network {
  const [, text = "", length] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(word) ?? [];
  const address = parseAddress(text);
  if (address === null) throw illegal(spelling, word, "an address, or a network such as 10.0.0.0/8");
  const width = address.version === 4 ? 32 : 128;
  const prefixBits = length === undefined ? width : Number(length);
  if (prefixBits > width) throw illegal(spelling, word, `a prefix length from 0 to ${width}`);
  const hostBits = BigInt(width - prefixBits);
  if ((address.value >> hostBits) << hostBits === address.value) return { ...address, prefixBits };
  throw illegal(spelling, word, `a network without bits beyond /${prefixBits}`);
}

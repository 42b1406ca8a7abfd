import { ErrorCode, PromtapError } from "../../errors.ts";
import { type Address, parseAddress } from "../../packet/address.ts";
import { type GivenFlags, illegal, numberOf } from "../values.ts";

/** Default values, as they would be given. */
export const GEOIP_DEFAULTS = { "geoip-max-asns": "1024" } as const;

const HIGHEST_MAX_ASNS = 1_000_000;
const HIGHEST_INTERVAL_S = 2 ** 31 - 1;
const NEEDS_GEOIP = ["geoip-exclude", "geoip-max-asns", "interval"];

/** All addresses that begin with the same bits. */
export interface Network extends Address {
  prefixBits: number;
}

/** How connections are counted by country. */
export interface GeoipConfig {
  /** Remote addresses to leave out. */
  exclude: Network[];
  /** Most AS numbers that have series. */
  maxAsns: number;
  /** Whether there is a time between two collections, as geoip-exporter takes it. */
  ignoresInterval: boolean;
}

/** The database files, wherever a flag asks for countries or AS numbers; none stands for the one in the binary. */
export function geoDatabasesOf(given: GivenFlags): string[] {
  const paths = given.get("geoip-db") ?? [];
  const isWanted = ["geoip", "by"].some((name) => given.has(name));
  if (paths.length > 0 && !isWanted) throw new PromtapError(ErrorCode.USAGE, "--geoip-db needs --geoip or --by");
  if (paths.includes("")) throw illegal("--geoip-db", "", "a file in the format of MaxMind DB (.mmdb)");
  return [...new Set(paths)];
}

/** How to count connections by country; null where they are not counted. */
export function geoipOf(given: GivenFlags): GeoipConfig | null {
  const maxAsns = given.get("geoip-max-asns")?.at(-1) ?? GEOIP_DEFAULTS["geoip-max-asns"];
  const interval = given.get("interval")?.at(-1);
  if (given.has("geoip")) {
    return {
      exclude: (given.get("geoip-exclude") ?? []).flatMap(networksOf),
      maxAsns: numberOf("geoip-max-asns", maxAsns, HIGHEST_MAX_ASNS),
      ignoresInterval: interval !== undefined && numberOf("interval", interval, HIGHEST_INTERVAL_S) >= 0,
    };
  }
  const needless = NEEDS_GEOIP.find((name) => given.has(name));
  if (needless !== undefined) throw new PromtapError(ErrorCode.USAGE, `--${needless} needs --geoip`);
  return null;
}

/** Blanks and a comma at the end are let through, as people write lists. */
function networksOf(list: string): Network[] {
  const words = list.split(",").map((word) => word.trim());
  return words.filter((word) => word !== "").map((word) => networkOf(word));
}

function networkOf(word: string): Network {
  const [, text = "", length] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(word) ?? [];
  const address = parseAddress(text);
  if (address === null) throw illegal("--geoip-exclude", word, "an address, or a network such as 10.0.0.0/8");
  const width = address.version === 4 ? 32 : 128;
  const prefixBits = length === undefined ? width : Number(length);
  if (prefixBits > width) throw illegal("--geoip-exclude", word, `a prefix length from 0 to ${width}`);
  const hostBits = BigInt(width - prefixBits);
  if ((address.value >> hostBits) << hostBits === address.value) return { ...address, prefixBits };
  throw illegal("--geoip-exclude", word, `a network without bits beyond /${prefixBits}`);
}

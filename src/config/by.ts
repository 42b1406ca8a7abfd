import { ErrorCode, PromtapError } from "../errors.ts";
import { type GivenFlags, illegal, numberOf } from "./values.ts";

/** What remote addresses are told apart by. */
export const BY = ["country", "asn"] as const;
export type By = (typeof BY)[number];

/** Default values, as they would be given. */
export const BY_DEFAULTS = { "max-asns": "4096" } as const;

const HIGHEST_MAX_ASNS = 100_000;

/** How traffic is counted by remote address. */
export interface ByConfig {
  /** At least one. */
  labels: By[];
  /** Most AS numbers that have series. */
  maxAsns: number;
}

/** How to count traffic by remote address; null where it is not counted so. */
export function byOf(given: GivenFlags): ByConfig | null {
  const words = (given.get("by") ?? []).flatMap((list) => list.split(","));
  const labels = words.map((word) => {
    const found = BY.find((label) => label === word.trim());
    if (found === undefined) throw illegal("--by", word, BY.join(", "));
    return found;
  });
  if (labels.includes("asn") && !given.has("geoip-db")) {
    throw new PromtapError(
      ErrorCode.USAGE,
      "--by=asn needs --geoip-db with a file of AS numbers (.mmdb): the binary carries those of countries alone",
    );
  }
  if (given.has("max-asns") && !labels.includes("asn")) {
    throw new PromtapError(ErrorCode.USAGE, "--max-asns needs --by=asn");
  }
  if (labels.length === 0) return null;
  const maxAsns = given.get("max-asns")?.at(-1) ?? BY_DEFAULTS["max-asns"];
  return { labels: [...new Set(labels)], maxAsns: numberOf("max-asns", maxAsns, HIGHEST_MAX_ASNS) };
}

import { choices, single, usageError, wholeNumber } from "./flag.ts";
import { section, type ValueOf } from "./section.ts";

/** What remote addresses are told apart by. */
export const BY = ["country", "asn"] as const;
export type By = (typeof BY)[number];

/** Fewer than are told apart at all, which are MAX_ZONES. */
export const MAX_MAX_ASNS = 250_000;

const FLAGS = {
  labels: choices({
    name: "by",
    isOfTraffic: true,
    key: "by",
    choices: BY,
    help:
      "Count the traffic of each interface by the country or the AS of the remote address as well, by the databases " +
      "of --geoip-db; countries are in the binary.",
  }),
  /** Most AS numbers that have series. */
  maxAsns: single({
    name: "max-asns",
    key: "max_asns",
    value: "N",
    default: "4096",
    needs: ["by=asn"],
    help: 'Most AS numbers that have series with --by=asn; the rest goes to asn="other".',
    parse: wholeNumber(MAX_MAX_ASNS),
  }),
};

/** How traffic is counted by remote address; null if it is not. */
export const bySection = section("Traffic", FLAGS, (values, given) => {
  if (values.labels.includes("asn") && !given.has("geoip-db")) {
    throw usageError(
      "--by=asn needs --geoip-db with a file of AS numbers (.mmdb): the binary carries those of countries alone",
    );
  }
  return values.labels.length === 0 ? null : values;
});
export type ByConfig = NonNullable<ValueOf<typeof bySection>>;

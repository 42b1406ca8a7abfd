import { choices, single, usageError, wholeNumber } from "./flag.ts";
import { section } from "./section.ts";

/** What remote addresses are told apart by. */
export type By = "country" | "asn";
/** And what traffic is, in a label of the series that there are. */
export const BY = ["country", "asn", "vlan"] as const satisfies readonly (By | "vlan")[];

/** Fewer than are told apart at all, which are MAX_ZONES. */
export const MAX_MAX_ASNS = 250_000;

/** As many as tags in tags can name. */
const MAX_MAX_VLANS = 4094 * 4095;

/** Of whatever tells VLANs apart. */
export const VLAN_FLAGS = {
  maxVlans: single({
    name: "max-vlans",
    key: "max_vlans",
    value: "N",
    default: "1024",
    needs: ["by=vlan", "customers.by=vlan"],
    help: 'Most VLANs that are told apart, over all interfaces; the rest goes to vlan="other".',
    parse: wholeNumber(MAX_MAX_VLANS),
  }),
};

const FLAGS = {
  labels: choices({
    name: "by",
    isOfTraffic: true,
    key: "by",
    choices: BY,
    help:
      "Count the traffic of each interface by the country or the AS of the remote address as well, by the databases " +
      "of --geoip-db; countries are in the binary. With vlan, tell VLANs apart: series of traffic have that label.",
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
  ...VLAN_FLAGS,
};

export interface ByConfig {
  /** What remote addresses are told apart by. */
  readonly labels: readonly By[];
  readonly maxAsns: number;
  /** Undefined if VLANs are not told apart. */
  readonly maxVlans: number | undefined;
}

/** What traffic is told apart by besides interfaces and addresses; null if by nothing. */
export const bySection = section("Traffic", FLAGS, (values, given): ByConfig | null => {
  const labels = values.labels.filter((label) => label !== "vlan");
  const tellsVlans = labels.length < values.labels.length;
  if (values.labels.includes("asn") && !given.has("geoip-db")) {
    throw usageError(
      "--by=asn needs --geoip-db with a file of AS numbers (.mmdb): the binary carries those of countries alone",
    );
  }
  if (values.labels.length === 0) return null;
  return { labels, maxAsns: values.maxAsns, maxVlans: tellsVlans ? values.maxVlans : undefined };
});

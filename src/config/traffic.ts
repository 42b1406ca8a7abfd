import { type Range, rangeSeries } from "../ledger/ranges.ts";
import { list, single, usageError, wholeNumber } from "./flag.ts";
import { patternsOf } from "./interfaces.ts";
import { MAX_IPV4_SERIES, parseRange } from "./range-syntax.ts";
import { section, type ValueOf } from "./section.ts";

/** Stands for the edge of the host. */
const DEFAULT_INTERFACES = "auto";
const MAX_MAX_ADDRESSES = 10_000_000;

const FLAGS = {
  /** Names, globs, or "auto". */
  interfaces: list({
    name: "interface",
    short: "i",
    key: "interfaces",
    value: "NAME",
    default: DEFAULT_INTERFACES,
    help:
      "Interface, pattern of interfaces (veth*), or auto: those at which packets enter or leave the host, each " +
      "packet once; new ones as they come. !veth* leaves out; several stand with commas between.",
    parse: String,
  }),
  ranges: list({
    name: "range",
    isOfTraffic: true,
    short: "r",
    key: "ranges",
    value: "RANGE",
    help:
      "Addresses that get series of their own, IPv4 or IPv6: START-END, ADDRESS, NETWORK/PREFIX, or " +
      "NETWORK/PREFIX/ROLLUP for one series each /ROLLUP; then :KEY=VALUE for each label. An address in several " +
      "ranges belongs to the first.",
    parse: parseRange,
  }),
  /** Most addresses that have series, over all interfaces. */
  maxAddresses: single({
    name: "max-addresses",
    isOfTraffic: true,
    key: "max_addresses",
    value: "N",
    default: "131072",
    help: 'Most addresses that have series of their own; what the rest sends and receives goes to ip="other".',
    parse: wholeNumber(MAX_MAX_ADDRESSES),
  }),
};

/** What is counted of the traffic. */
export const trafficSection = section("Traffic", FLAGS, (values) => {
  refuseTooMany(values.ranges);
  return { ...values, interfaces: patternsOf("-i", values.interfaces) };
});
export type TrafficConfig = ValueOf<typeof trafficSection>;

function refuseTooMany(ranges: readonly Range[]): void {
  let series = 0;
  for (const range of ranges) {
    if (range.version === 4) series += rangeSeries(range);
    if (series <= MAX_IPV4_SERIES) continue;
    const legal = `at most ${MAX_IPV4_SERIES}; a rollup length gives a series to each network, as in 10.0.0.0/8/24`;
    const text = JSON.stringify(range.text);
    throw usageError(
      `invalid -r ${text}: with the ranges before it there are ${series} IPv4 series; legal is ${legal}`,
    );
  }
}

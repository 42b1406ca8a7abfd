import { choices, list, single, usageError, wholeNumber } from "../flag.ts";
import { section, type ValueOf } from "../section.ts";
import { VLAN_FLAGS } from "../by.ts";
import { judgeZones, parseZone } from "./zone-items.ts";

/** What the traffic of customers is told apart by, besides by customer and direction. */
export const CUSTOMERS_BY = ["protocol", "country", "asn", "zone", "vlan"] as const;
export type CustomersBy = (typeof CUSTOMERS_BY)[number];

const MAX_MAX_ACCOUNTS = 4_000_000;

const FLAGS = {
  labels: choices({
    name: "customers.by",
    isOfTraffic: true,
    key: "customers.by",
    choices: CUSTOMERS_BY,
    help:
      "Tell the traffic of customers apart by protocol, by VLAN, and by the country, AS or zone of its other end: " +
      "further labels of promtap_customer_bytes_total.",
  }),
  maxAccounts: single({
    name: "customers.max-accounts",
    isOfTraffic: true,
    key: "customers.max_accounts",
    value: "N",
    default: "262144",
    needs: ["customers.by"],
    help: 'Most customers, each with what --customers.by tells apart, that have series; the rest goes to "other".',
    parse: wholeNumber(MAX_MAX_ACCOUNTS),
  }),
  zones: list({
    name: "zone",
    isOfTraffic: true,
    key: "zones",
    value: "NAME=ITEM,...",
    needs: ["customers.by=zone"],
    help:
      "A zone of --customers.by=zone: prefixes, ASes (AS64500), countries (DE), or * for what is in no other. The " +
      "longest prefix has an address, then its AS, then its country.",
    parse: parseZone,
  }),
  ...VLAN_FLAGS,
};

/** How the traffic of customers is told apart. */
export const customersSection = section("Traffic", FLAGS, ({ labels, maxAccounts, maxVlans, zones }, given) => {
  const items = zones.flat();
  judgeZones(items, "--zone");
  if (labels.includes("zone") && items.length === 0) {
    throw usageError("--customers.by=zone needs --zone: nothing says what is in a zone");
  }
  const tellsVlans = labels.includes("vlan");
  const ofSystem = items.find(({ content }) => content.kind === "asn");
  if ((labels.includes("asn") || ofSystem !== undefined) && !given.has("geoip-db")) {
    const what = ofSystem === undefined ? "--customers.by=asn" : `--zone ${JSON.stringify(ofSystem.given)}`;
    throw usageError(
      `${what} needs --geoip-db with a file of AS numbers (.mmdb): the binary carries those of countries alone`,
    );
  }
  return {
    /** null: by customer and direction alone. */
    customersBy: labels.length === 0 ? null : { labels, maxAccounts, maxVlans: tellsVlans ? maxVlans : undefined },
    zones: items,
  };
});
export type CustomersConfig = ValueOf<typeof customersSection>;

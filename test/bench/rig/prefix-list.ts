import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatIpv4 } from "../../../src/packet/address.ts";

/** A list of prefixes in two forms: CSV, with a customer for each, and a networks_file of pmacct, with an AS for each. */
export interface PrefixList {
  readonly count: number;
  readonly csv: string;
  readonly networks: string;
}

/** Shorter IPv4 prefixes than this would hold too many of the others. */
const MIN_IPV4_BITS = 16;
const IPV6_BITS = { least: 32, most: 64 };
/** One of so many prefixes is of IPv6. */
const IPV6_SHARE = 4;

/** Writes so many prefixes of random lengths all over the addresses; always the same, but for the first `changed`. */
export function writePrefixList(folder: string, count: number, changed = 0): PrefixList {
  const random = generator(1);
  const prefixes = new Set<string>();
  while (prefixes.size < count) {
    prefixes.add(prefixes.size % IPV6_SHARE === 0 ? ipv6Prefix(random) : ipv4Prefix(random));
  }
  const csv = [...prefixes].map(
    (prefix, index) => `${prefix},customer-${index < changed ? "new-" : ""}${index},prod\n`,
  );
  const networks = [...prefixes].map((prefix, index) => `${index + 1},${prefix}\n`);
  const list = { count, csv: join(folder, `${count}.csv`), networks: join(folder, `${count}.networks`) };
  writeFileSync(list.csv, `prefix,customer,environment\n${csv.join("")}`);
  writeFileSync(list.networks, networks.join(""));
  return list;
}

function ipv4Prefix(random: (below: number) => number): string {
  const bits = MIN_IPV4_BITS + random(33 - MIN_IPV4_BITS);
  const hosts = 2 ** (32 - bits);
  return `${formatIpv4(Math.floor(((1 + random(223)) * 2 ** 24 + random(2 ** 24)) / hosts) * hosts)}/${bits}`;
}

function ipv6Prefix(random: (below: number) => number): string {
  const bits = IPV6_BITS.least + random(1 + IPV6_BITS.most - IPV6_BITS.least);
  const groups = [0x2001, random(2 ** 16), random(2 ** 16), random(2 ** 16)].map((group, index) => {
    const hosts = 2 ** Math.min(16, Math.max(0, 16 * (index + 1) - bits));
    return (Math.floor(group / hosts) * hosts).toString(16);
  });
  return `${groups.join(":")}::/${bits}`;
}

/** Numbers that are the same in every run: a linear congruential generator of Numerical Recipes. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

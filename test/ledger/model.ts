import type { InterfaceLedger } from "../../src/ledger/interface-ledger.ts";
import type { Range, RangeTable } from "../../src/ledger/ranges.ts";
import { Packet, Verdict } from "../../src/packet/packet.ts";

/*
 * Another way to count, slow and plain: a list of ranges that is read from its start, addresses as one big number, and a
 * map of sums. What a ledger says is compared with it, series by series.
 */

/** A packet as text would describe it. */
export interface Traffic {
  version: 4 | 6;
  source: bigint;
  destination: bigint;
  protocol: number;
  lengthBytes: number;
  /** As a packet has it; no tag without. */
  vlan?: number;
}

/** Packets by upper bound of their size in bytes, and all their bytes. */
export interface SeriesCounts {
  buckets: number[];
  bytes: number;
}

const UPPER_BOUNDS = [64, 128, 256, 512, 1024, 2048, Number.POSITIVE_INFINITY];

/** Protocol number → name: spec of promacct, and icmpv6 of IPv6 alone. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [1, "icmp"],
  [2, "igmp"],
  [6, "tcp"],
  [17, "udp"],
  [41, "encap"],
  [47, "gre"],
  [50, "esp"],
  [88, "eigrp"],
  [89, "ospf"],
  [132, "sctp"],
]);
/** Columns of a row, by the name of their protocol. */
const COLUMNS = ["", "icmp", "igmp", "tcp", "udp", "encap", "gre", "esp", "eigrp", "ospf", "sctp", "icmpv6"];

/** The index of the first range that has the address; -1 if none has. */
export function firstRange(ranges: readonly Range[], version: 4 | 6, address: bigint): number {
  return ranges.findIndex((range) => range.version === version && range.first <= address && address <= range.last);
}

/** Counts packets of several interfaces that share a limit of addresses. */
export class Model {
  readonly #ranges: readonly Range[];
  readonly #limit: number;
  readonly #known = new Set<string>();
  readonly #series = new Map<string, Map<string, SeriesCounts>>();
  refused = 0;

  constructor(ranges: readonly Range[], limit: number) {
    this.#ranges = ranges;
    this.#limit = limit;
  }

  get addresses(): number {
    return this.#known.size;
  }

  record(interfaceName: string, traffic: Traffic): void {
    const { version, protocol, lengthBytes } = traffic;
    const series = this.seriesOf(interfaceName);
    add(series, "all", lengthBytes);
    const name = NAMES.get(protocol) ?? (version === 6 && protocol === 58 ? "icmpv6" : "");
    for (const [direction, address] of [["tx", traffic.source] as const, ["rx", traffic.destination] as const]) {
      const index = firstRange(this.#ranges, version, address);
      if (index < 0) continue;
      const range = this.#ranges[index]!;
      const hostBits = BigInt((version === 4 ? 32 : 128) - range.rollupBits);
      const network = this.#admit(interfaceName, index, (address >> hostBits) << hostBits);
      add(series, seriesName(direction, range, network, name), lengthBytes);
    }
  }

  seriesOf(interfaceName: string): Map<string, SeriesCounts> {
    const series = this.#series.get(interfaceName) ?? new Map<string, SeriesCounts>();
    this.#series.set(interfaceName, series);
    return series;
  }

  #admit(interfaceName: string, range: number, network: bigint): bigint | "other" {
    const key = `${interfaceName} ${range} ${network}`;
    if (this.#known.has(key)) return network;
    if (this.#known.size < this.#limit) {
      this.#known.add(key);
      return network;
    }
    this.refused++;
    return "other";
  }
}

/** All that a ledger has counted, in the words of the model. */
export function seriesOf(ledger: InterfaceLedger, ranges: RangeTable): Map<string, SeriesCounts> {
  const { rows, slots } = ledger;
  const series = new Map([["all", countsAt(slots.counters, 0)]]);
  for (let row = 0; row < rows.count; row++) {
    const range = ranges.ranges[rows.rangeOf(row)]!;
    const network = rows.isOther(row) ? "other" : addressOf(ledger, row, range.version);
    for (let cell = 0; cell < 2 * COLUMNS.length; cell++) {
      const slot = rows.slotOf(row, cell);
      if (slot === 0) continue;
      const direction = cell < COLUMNS.length ? "tx" : "rx";
      const name = seriesName(direction, range, network, COLUMNS[cell % COLUMNS.length]!);
      if (series.has(name)) throw new Error(`two rows have the series ${name}`);
      series.set(name, countsAt(slots.counters, slot));
    }
  }
  return series;
}

/** The four signed words of an IPv6 address, as the parser makes them. */
export function ipv6Words(address: bigint): [number, number, number, number] {
  const word = (shift: bigint): number => Number(BigInt.asIntN(32, address >> shift));
  return [word(96n), word(64n), word(32n), word(0n)];
}

/** A record as the parser leaves it: signed words. */
export function packetOf({ version, source, destination, protocol, lengthBytes, vlan = 0 }: Traffic): Packet {
  const packet = new Packet();
  const from = ipv6Words(version === 4 ? source << 96n : source);
  const to = ipv6Words(version === 4 ? destination << 96n : destination);
  const addresses = {
    source: from[0],
    source1: from[1],
    source2: from[2],
    source3: from[3],
    destination: to[0],
    destination1: to[1],
    destination2: to[2],
    destination3: to[3],
  };
  return Object.assign(packet, { verdict: Verdict.IP, version, protocol, lengthBytes, vlan }, addresses);
}

function add(series: Map<string, SeriesCounts>, name: string, lengthBytes: number): void {
  const counts = series.get(name) ?? { buckets: UPPER_BOUNDS.map(() => 0), bytes: 0 };
  counts.buckets[UPPER_BOUNDS.findIndex((bound) => lengthBytes <= bound)]! += 1;
  counts.bytes += lengthBytes;
  series.set(name, counts);
}

function seriesName(direction: string, range: Range, network: bigint | "other", protocol: string): string {
  const labels = range.labels.map((label) => label.join("=")).toSorted();
  // Two ranges may have networks of different length that begin with the same address.
  const suffix = network === "other" ? "" : `/${range.rollupBits}`;
  return [direction, range.version, ...labels, `${network}${suffix}`, protocol].join(" ");
}

function countsAt(counters: Float64Array, slot: number): SeriesCounts {
  const [bytes] = counters.subarray(slot * 8 + 7);
  return { buckets: [...counters.subarray(slot * 8, slot * 8 + 7)], bytes: bytes! };
}

function addressOf(ledger: InterfaceLedger, row: number, version: 4 | 6): bigint {
  const words = [0, 1, 2, 3].map((k) => BigInt(ledger.rows.addressWord(row, k)));
  const address = words.reduce((all, word) => (all << 32n) | word, 0n);
  return version === 4 ? address >> 96n : address;
}

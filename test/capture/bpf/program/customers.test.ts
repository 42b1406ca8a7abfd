import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Hook } from "../../../../src/capture/bpf/program/program.ts";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { type Book, customersOf, listOf, useBook } from "../../../customers/customers-of.ts";
import { lastOf, type Listed, longest } from "../../../customers/prefix-sets.ts";
import { ipv4Frame, ipv6Frame } from "../../../support/frames.ts";
import { lacking } from "../../../support/requirements.ts";
import { formatIpv4, formatIpv6 } from "../../../../src/packet/address.ts";
import { Twins } from "../twins.ts";

const options = { skip: lacking("root") };

const BOOK: Book = {
  "10.0.0.0/8": { customer: "ten" },
  "10.1.0.0/16": { customer: "one", site: "a" },
  "10.1.2.0/24": { customer: "ten" },
  "10.1.2.255": { customer: "last" },
  "192.0.2.7": { customer: "one", site: "a" },
  "2001:db8::/32": { customer: "six" },
  "2001:db8:0:1::/64": { customer: "one", site: "a" },
  "2001:db8:0:1:8000::/65": { customer: "half" },
  "2001:db8::1": { customer: "last" },
  ...Object.fromEntries(
    Array.from({ length: 400 }, (_, k) => [`172.16.${k >> 7}.${(k & 127) * 2}`, { n: `${k % 50}` }]),
  ),
  ...Object.fromEntries(Array.from({ length: 400 }, (_, k) => [`2400:${k.toString(16)}::/48`, { n: `${k % 70}` }])),
};

function textOf(version: 4 | 6, address: bigint): string {
  const word = (k: number): number => Number((address >> BigInt(32 * k)) & 0xffff_ffffn);
  return version === 4 ? formatIpv4(word(0)) : formatIpv6(word(3), word(2), word(1), word(0));
}

/** Addresses where a prefix begins or ends, and their neighbours. */
function bordersOf(list: readonly Listed[], version: 4 | 6): bigint[] {
  const own = list.filter((prefix) => prefix.version === version);
  return own.flatMap((prefix) => [prefix.first - 1n, prefix.first, lastOf(prefix), lastOf(prefix) + 1n]);
}

interface Sent {
  readonly version: 4 | 6;
  readonly source: bigint;
  readonly destination: bigint;
  readonly lengthBytes: number;
}

/** Packets between all borders of a book. */
function packetsOf(list: readonly Listed[]): Sent[] {
  return ([4, 6] as const).flatMap((version) => {
    const borders = bordersOf(list, version);
    return borders.map((source, k) => {
      const destination = borders[(k * 7 + 3) % borders.length]!;
      return { version, source, destination, lengthBytes: 60 + (k % 900) };
    });
  });
}

function frameOf({ version, source, destination, lengthBytes }: Sent): Uint8Array {
  const ends = {
    source: textOf(version, source),
    destination: textOf(version, destination),
    lengthBytes,
    protocol: 17,
  };
  return Uint8Array.from((version === 4 ? ipv4Frame(ends) : ipv6Frame(ends)).bytes);
}

/** A plain count: labels and direction → packets and bytes. */
function plainCount(list: readonly Listed[], packets: readonly Sent[]): Map<string, number[]> {
  const counts = new Map<string, number[]>();
  for (const { version, lengthBytes, ...ends } of packets) {
    for (const [end, direction] of [
      ["source", "TX"],
      ["destination", "RX"],
    ] as const) {
      const prefix = longest(list, version, ends[end]);
      if (prefix === undefined) continue;
      const labels = Object.entries(prefix.labels).map(([name, value]) => `${name}="${value}"`);
      const name = `customer ${labels.join(",")} ${direction}`;
      const [before = 0, bytes = 0] = counts.get(name) ?? [];
      counts.set(name, [before + 1, bytes + lengthBytes]);
    }
  }
  return new Map([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function twinsOf(book: Book, hook: Hook, ranges: readonly string[] = []) {
  const both = [await customersOf(book), await customersOf(book)];
  const left = [...both];
  const zonings = () => [left.shift()!.zoning];
  return { both, twins: new Twins(ranges.map(parseRange), { hook, zonings }) };
}

for (const hook of Object.values(Hook)) {
  describe(`a program of hook ${hook}`, () => {
    test("counts for each customer what a plain reading of the list says, as the parser does", options, async () => {
      const list = listOf(BOOK);
      const packets = packetsOf(list);
      const { twins } = await twinsOf(BOOK, hook, ["10.0.0.0/8/16:site=four"]);
      using _ = twins;
      for (const packet of packets) twins.see(frameOf(packet));
      const counted = twins.counted();
      assert.deepEqual(counted.zones, plainCount(list, packets));
      assert.deepEqual(counted, twins.parsed());
    });

    test("counts likewise if there may be too many customers for slots of their own", options, async () => {
      const both = await Promise.all([0, 1].map(() => customersOf(BOOK, 1000, 200_000)));
      const packets = packetsOf(listOf(BOOK)).slice(0, 100);
      using twins = new Twins([], { hook, zonings: () => [both.shift()!.zoning] });
      for (const packet of packets) twins.see(frameOf(packet));
      assert.deepEqual(twins.counted().zones, plainCount(listOf(BOOK), packets));
    });

    test("looks up in another list from the next packet on, and no count is lost", options, async () => {
      const later: Book = { "10.1.2.0/24": { customer: "new" }, "10.0.0.0/9": { customer: "one", site: "a" } };
      const packets = packetsOf([...listOf(BOOK).slice(0, 9), ...listOf(later)]);
      const { both, twins } = await twinsOf(BOOK, hook);
      using _ = twins;
      for (const packet of packets) twins.see(frameOf(packet));
      for (const customers of both) assert.equal(await useBook(customers, later), undefined);
      for (const packet of packets) twins.see(frameOf(packet));
      const expected = plainCount(listOf(BOOK), packets);
      for (const [name, [count = 0, bytes = 0]] of plainCount(listOf(later), packets)) {
        const [before = 0, bytesBefore = 0] = expected.get(name) ?? [];
        expected.set(name, [before + count, bytesBefore + bytes]);
      }
      const { zones } = twins.counted();
      assert.deepEqual(zones, new Map([...expected].toSorted(([a], [b]) => (a < b ? -1 : 1))));
    });
  });
}

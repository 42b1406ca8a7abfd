import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Ipv4Tree } from "../../../../src/capture/bpf/zones/ipv4-tree.ts";
import {
  GROUP_BYTES,
  GROUP_ENTRIES,
  IS_NODE,
  NODE_PIECES,
  NODE_WORDS,
  SIZE_BITS,
} from "../../../../src/capture/bpf/zones/zone-layout.ts";
import { neededLevels } from "../../../../src/capture/bpf/zones/zone-sizes.ts";
import { Spans } from "../../../../src/ledger/zones/spans.ts";
import { FIRST_NAMED, Zone } from "../../../../src/ledger/zones/zone.ts";
import { DIRECTORY_ENTRIES, ZoneTable } from "../../../../src/ledger/zones/zone-table.ts";

const GROUPS = DIRECTORY_ENTRIES / GROUP_ENTRIES;
/** Node that a tree is written from. */
const FIRST_NODE = 5;

/** Addresses that one entry has, if the directory leads from 16 bits to it. */
const ENTRY_ADDRESSES = 2 ** 16;

/** Prefixes all over the addresses, and a run of addresses each of which is of another zone than its neighbours. */
const spanLists = fc.record({
  prefixes: fc.array(fc.record({ at: fc.nat(2 ** 32 - 1), bits: fc.integer({ min: 8, max: 32 }) }), { maxLength: 200 }),
  run: fc.record({
    at: fc.nat(2 ** 32 - 1),
    length: fc.integer({ min: 0, max: 700 }),
    every: fc.integer({ min: 1, max: 3 }),
  }),
});

function spansOf({ prefixes, run }: typeof spanLists extends fc.Arbitrary<infer T> ? T : never): Spans {
  const zones = new Map<number, number>([[0, Zone.UNKNOWN]]);
  for (const [k, { at, bits }] of prefixes.entries()) {
    const size = 2 ** (32 - bits);
    const start = at - (at % size);
    zones.set(start, FIRST_NAMED + k);
    if (start + size < 2 ** 32 && !zones.has(start + size)) zones.set(start + size, Zone.UNKNOWN);
  }
  for (let k = 0; k < run.length; k++) {
    const start = run.at + k * run.every;
    if (start < 2 ** 32) zones.set(start, k % 3 === 0 ? Zone.UNKNOWN : FIRST_NAMED + k);
  }
  const spans = new Spans(4);
  for (const [start, zone] of [...zones].toSorted(([a], [b]) => a - b)) spans.add(start, 0, 0, 0, zone);
  return spans;
}

/** What a program finds, read plainly; and through how many nodes. */
function find(groups: Uint32Array, nodes: Uint32Array, address: number): { zone: number; levels: number } {
  const entry = Math.floor(address / ENTRY_ADDRESSES);
  const group = Math.floor(entry / GROUP_ENTRIES) * 2;
  let node = groups[group]!;
  for (let k = 0; k <= entry % GROUP_ENTRIES; k++) node += (groups[group + 1]! >>> k) & 1;
  for (let levels = 1; ; levels++) {
    const starts = nodes.subarray(node * NODE_WORDS, node * NODE_WORDS + NODE_PIECES);
    const last = starts.findLastIndex((start) => start <= address);
    assert.ok(last >= 0, "the first start in a node is behind the address");
    const value = nodes[node * NODE_WORDS + NODE_PIECES + last]!;
    if (value >= IS_NODE) {
      node = value - IS_NODE;
      continue;
    }
    const isIn = address - starts[last]! < 2 ** (value % 2 ** SIZE_BITS);
    return { zone: isIn ? value >>> SIZE_BITS : Zone.UNKNOWN, levels };
  }
}

test("a tree has the zones of the spans that it is made of, through no more nodes than it says", () => {
  fc.assert(
    fc.property(spanLists, fc.array(fc.nat(2 ** 32 - 1), { maxLength: 50 }), (lists, anywhere) => {
      const spans = spansOf(lists);
      const table = new ZoneTable(spans, Spans.all(6, Zone.UNKNOWN));
      const tree = new Ipv4Tree(table.ipv4);
      const groups = new Uint32Array((GROUPS * GROUP_BYTES) / 4);
      const nodes = new Uint32Array((FIRST_NODE + tree.nodeCount) * NODE_WORDS);
      for (const _ of tree.write({ groups, nodes, firstNode: FIRST_NODE }));
      const borders = Array.from({ length: spans.count }, (_, span) => spans.start(span, 0));
      for (const address of [...borders, ...borders.map((start) => (start - 1) >>> 0), ...anywhere]) {
        const { zone, levels } = find(groups, nodes, address);
        assert.equal(zone, table.zoneOfIpv4(address), `${address}`);
        assert.ok(levels <= neededLevels(table.ipv4), `${levels} levels`);
      }
    }),
    { numRuns: 60 },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FlowKind, FlowLedger, SLOT_COUNTERS } from "../../../src/collectors/flow/flow-ledger.ts";
import { FlowReader } from "../../../src/collectors/flow/records/flow-reader.ts";

const OWN_AS = 3;
const LABELS = ["as_src", "label", "as_dst", "iface_in"];

const flow = fc.record({
  as_src: fc.nat(6),
  as_dst: fc.constantFrom(0, 3, 255, 256, 2 ** 31, 2 ** 32 - 1),
  // so alike that a key without lengths would take one for another
  label: fc.constantFrom("", "a", "aa", "ab", "é"),
  iface_in: fc.constantFrom("", "a", "aa", "b"),
  bytes: fc.nat(1000),
  packets: fc.nat(10),
});

/** Ledgers that are small, and so find their ends soon. */
function ledgerOf(maxSeries: number, seed: number): { ledger: FlowLedger; send: (record: object) => void } {
  const ledger = new FlowLedger({ ownAs: OWN_AS, labels: LABELS, maxSeries, seed });
  const reader = new FlowReader(ledger.textKeys, false, {
    flow: (record) => ledger.add(record),
    refused: (verdict) => assert.fail(`refused: ${verdict}`),
  });
  return {
    ledger,
    send(record) {
      const data = Buffer.from(JSON.stringify(record));
      reader.read(data, 0, data.length);
    },
  };
}

test("counts as a map of labels would, whatever the order of the records", () => {
  fc.assert(
    fc.property(fc.array(flow, { maxLength: 200 }), fc.nat(), (flows, seed) => {
      const { ledger, send } = ledgerOf(1000, seed);
      const expected = new Map<string, number>();
      for (const each of flows) {
        send(each);
        const isOurs = each.as_src === OWN_AS;
        const kind = isOurs ? FlowKind.TRANSMIT : each.as_dst === OWN_AS ? FlowKind.RECEIVE : FlowKind.TRANSIT;
        const kinds = isOurs && each.as_dst === OWN_AS ? [kind, FlowKind.INTERNAL] : [kind];
        for (const counted of kinds) {
          const key = JSON.stringify([counted, each.as_src, each.label, each.as_dst, each.iface_in]);
          expected.set(key, (expected.get(key) ?? 0) + each.bytes);
        }
      }
      const found = new Map<string, number>();
      for (let slot = 1; slot < ledger.count; slot++) {
        for (const kind of Object.values(FlowKind)) {
          if (!ledger.hasSeen(slot, kind)) continue;
          found.set(
            JSON.stringify([kind, ...ledger.labelsOf(slot)]),
            ledger.counters[slot * SLOT_COUNTERS + 2 * kind]!,
          );
        }
      }
      assert.deepEqual(sorted(found), sorted(expected));
    }),
  );
});

function sorted(counts: Map<string, number>): [string, number][] {
  return [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

test("grows to many sets of labels and finds each again", () => {
  const { ledger, send } = ledgerOf(10_000, 7);
  for (let round = 0; round < 2; round++) {
    for (let k = 0; k < 5000; k++) send({ as_src: k, label: `router${k % 7}`, bytes: 1 });
  }
  assert.equal(ledger.series, 5000);
  assert.equal(ledger.records, 10_000);
  for (let slot = 1; slot < ledger.count; slot++) {
    const [as, label] = ledger.labelsOf(slot);
    assert.equal(label, `router${Number(as) % 7}`);
  }
});

test("gives out no slot beyond the limit", () => {
  const { ledger, send } = ledgerOf(0, 1);
  send({ bytes: 5 });
  assert.equal(ledger.series, 0);
  assert.equal(ledger.otherRecords, 1);
  assert.deepEqual(ledger.labelsOf(0), ["other", "other", "other", "other"]);
});

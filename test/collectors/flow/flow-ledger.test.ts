import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FlowKind, FlowLedger, SLOT_COUNTERS } from "../../../src/collectors/flow/flow-ledger.ts";
import { FlowReader } from "../../../src/collectors/flow/records/flow-reader.ts";

const OWN_AS = 3;
const LABELS = ["as_src", "label", "as_dst", "iface_in"];
/** The labels of what has no series of its own. */
const OTHER = "other other other other";

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
function ledgerOf(maxSeries: number): { ledger: FlowLedger; send: (record: object) => void } {
  const ledger = new FlowLedger({ ownAs: OWN_AS, labels: LABELS, maxSeries });
  const reader = new FlowReader(ledger.sets.textKeys, false, {
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
    fc.property(fc.array(flow, { maxLength: 200 }), (flows) => {
      const { ledger, send } = ledgerOf(1000);
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
            JSON.stringify([kind, ...ledger.sets.labelsOf(slot)]),
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
  const { ledger, send } = ledgerOf(10_000);
  for (let round = 0; round < 2; round++) {
    for (let k = 0; k < 5000; k++) send({ as_src: k, label: `router${k % 7}`, bytes: 1 });
  }
  assert.equal(ledger.series, 5000);
  assert.equal(ledger.records, 10_000);
  for (let slot = 1; slot < ledger.count; slot++) {
    const [as, label] = ledger.sets.labelsOf(slot);
    assert.equal(label, `router${Number(as) % 7}`);
  }
});

test("gives out no slot beyond the limit", () => {
  const { ledger, send } = ledgerOf(0);
  send({ bytes: 5 });
  assert.equal(ledger.series, 0);
  assert.equal(ledger.otherRecords, 1);
  assert.deepEqual(ledger.sets.labelsOf(0), ["other", "other", "other", "other"]);
});

/** Makes it look twice, so that what was silent in between may lose its slot. */
function look(ledger: FlowLedger): void {
  for (let time = 0; time < 2; time++) for (const _ of ledger.quota.look());
}

/** Bytes by set of labels, of all kinds together. */
function bytesOf(ledger: FlowLedger): Map<string, number> {
  const found = new Map<string, number>();
  for (let slot = 0; slot < ledger.count; slot++) {
    const kinds = Object.values(FlowKind).filter((kind) => ledger.hasSeen(slot, kind) && kind !== FlowKind.INTERNAL);
    if (kinds.length === 0) continue;
    const name = ledger.sets.labelsOf(slot).join(" ");
    assert.ok(!found.has(name), `${name} twice`);
    found.set(
      name,
      kinds.reduce<number>((sum, kind) => sum + ledger.counters[slot * SLOT_COUNTERS + 2 * kind]!, 0),
    );
  }
  return found;
}

test("gives the slot of what has been silent longest to what is new, and its counts to other", () => {
  const { ledger, send } = ledgerOf(3);
  for (const label of ["a", "b", "c"]) send({ label, bytes: 1 });
  for (const _ of ledger.quota.look());
  send({ label: "a", bytes: 10 });
  for (const _ of ledger.quota.look());
  send({ label: "c", bytes: 100 });
  look(ledger);
  send({ label: "d", bytes: 1000 });
  send({ label: "e", bytes: 10_000 });
  assert.deepEqual(
    bytesOf(ledger),
    new Map([
      [OTHER, 12],
      ["0 e 0 ", 10_000],
      ["0 d 0 ", 1000],
      ["0 c 0 ", 101],
    ]),
  );
});

test("lets a set have a slot again after a page without it", () => {
  const { ledger, send } = ledgerOf(1);
  send({ label: "a", bytes: 1 });
  look(ledger);
  send({ label: "b", bytes: 10 });
  const aBytes: (number | undefined)[] = [];
  for (let page = 0; page < 4; page++) {
    ledger.sets.beginPage();
    aBytes.push(bytesOf(ledger).get("0 a 0 "));
    look(ledger);
    send({ label: "a", bytes: 100 });
  }
  assert.deepEqual(aBytes, [undefined, undefined, 100, 200]);
  assert.equal(bytesOf(ledger).get(OTHER), 111);
});

test("keeps sums exact and series apart, whichever set loses a slot when", () => {
  const looked = fc.constantFrom("look", "page");
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 3, arbitrary: flow }, looked), { maxLength: 150 }),
      fc.nat(4),
      (steps, limit) => {
        const { ledger, send } = ledgerOf(limit);
        const expected = new Map<string, number>();
        let [total, other] = [0, 0];
        let page = new Map<string, number>();
        for (const step of steps) {
          if (step === "look") for (const _ of ledger.quota.look());
          if (step === "page") {
            const last = page;
            ledger.sets.beginPage();
            page = bytesOf(ledger);
            for (const [found, bytes] of page) assert.ok(bytes >= (last.get(found) ?? 0), `${found} went back`);
          }
          if (typeof step === "string") continue;
          const before = bytesOf(ledger);
          send(step);
          const after = bytesOf(ledger);
          const name = [step.as_src, step.label, step.as_dst, step.iface_in].join(" ");
          expected.set(name, (before.has(name) ? expected.get(name)! : 0) + step.bytes);
          total += step.bytes;
          assert.equal(
            [...after.values()].reduce((sum, bytes) => sum + bytes, 0),
            total,
          );
          assert.ok((after.get(OTHER) ?? 0) >= other);
          other = after.get(OTHER) ?? 0;
          for (const [found, bytes] of after) if (found !== OTHER) assert.equal(bytes, expected.get(found), found);
          assert.ok(ledger.series <= limit);
        }
      },
    ),
  );
});

test("finds each set again after thousands have come and gone", () => {
  const { ledger, send } = ledgerOf(1000);
  let total = 0;
  for (let round = 0; round < 40; round++) {
    for (let k = 0; k < 1000; k++) {
      send({ as_src: k, label: `router${round}`.repeat(1 + (k % 9)), bytes: 1 });
      total++;
    }
    look(ledger);
    ledger.sets.beginPage();
    const found = bytesOf(ledger);
    assert.equal(
      [...found.values()].reduce((sum, bytes) => sum + bytes, 0),
      total,
    );
    for (let k = 0; k < 1000; k++) assert.equal(found.get(`${k} ${`router${round}`.repeat(1 + (k % 9))} 0 `), 1);
  }
  assert.equal(ledger.evictions, 39_000);
});

test("takes no slot from anybody while it is held", () => {
  const { ledger, send } = ledgerOf(1);
  send({ label: "a", bytes: 1 });
  look(ledger);
  {
    using _ = ledger.quota.hold();
    send({ label: "b", bytes: 10 });
    assert.deepEqual(
      bytesOf(ledger),
      new Map([
        [OTHER, 10],
        ["0 a 0 ", 1],
      ]),
    );
  }
  send({ label: "b", bytes: 100 });
  assert.deepEqual(
    bytesOf(ledger),
    new Map([
      [OTHER, 11],
      ["0 b 0 ", 100],
    ]),
  );
  assert.equal(ledger.otherRecords, 1);
});

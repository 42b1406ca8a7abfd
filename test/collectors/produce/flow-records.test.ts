import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FlowLedger, SLOT_COUNTERS } from "../../../src/collectors/flow/flow-ledger.ts";
import { FlowReader } from "../../../src/collectors/flow/records/flow-reader.ts";
import { FlowRecord } from "../../../src/collectors/flow/records/flow-record.ts";
import { FlowRecords } from "../../../src/collectors/produce/flow-records.ts";
import type { RecordBatch } from "../../../src/collectors/produce/record-source.ts";
import { giveTexts } from "../flow/record-texts.ts";

const OWN_AS = 64_500;
const TIMES = /,"stamp_inserted":"2023-11-14T22:13:20Z","stamp_updated":"[-0-9T:]+Z"/;
const START = 1_700_000_000;

/** A flow: its ASes, the values of the other labels, and what it counts. */
interface Counted {
  readonly ases: readonly [number, number];
  readonly texts: readonly string[];
  readonly bytes: number;
  readonly packets: number;
}

/** A ledger, and records of what it counts. */
class Site {
  readonly ledger: FlowLedger;
  readonly records: FlowRecords;
  syncs = 0;
  readonly #record: FlowRecord;

  constructor(labels: readonly string[], maxSeries = 1000, ownAs = OWN_AS) {
    this.ledger = new FlowLedger({ ownAs, labels, maxSeries });
    this.records = new FlowRecords(this.ledger, { labels, ownAs }, () => this.syncs++);
    this.#record = new FlowRecord(this.ledger.sets.textKeys, false);
  }

  count({ ases, texts, bytes, packets }: Counted): void {
    const record = this.#record;
    giveTexts(
      record,
      texts.map((text) => Buffer.from(text)),
    );
    record.numbers.set([bytes, packets, ...ases, 1]);
    this.ledger.add(record);
  }

  /** Takes all records that there are. */
  take(taken: (records: readonly Buffer[]) => void): void {
    for (const batch of this.records.batches(START)) {
      if (batch === undefined) continue;
      taken(batch.records);
      batch.take();
    }
  }

  texts(): string[] {
    const texts: string[] = [];
    this.take((records) => texts.push(...records.map((record) => record.toString().replace(TIMES, ""))));
    return texts;
  }

  /** Counts what records say. */
  read(records: readonly Buffer[]): void {
    const reader = new FlowReader(this.ledger.sets.textKeys, false, {
      flow: (record) => this.ledger.add(record),
      refused: (verdict) => assert.fail(`refused: ${verdict}`),
    });
    for (const record of records) reader.read(record, 0, record.length);
  }

  /** Bytes and packets by kind, over all slots. */
  sums(): number[] {
    const { counters } = this.ledger.copy();
    return Array.from({ length: SLOT_COUNTERS }, (_, k) =>
      counters.reduce((sum, value, at) => (at % SLOT_COUNTERS === k ? sum + value : sum), 0),
    );
  }

  /** The counters of each set of labels. */
  sets(): Record<string, number[]> {
    const { counters, seen } = this.ledger.copy();
    const slots = [...seen.keys()].filter((slot) => seen[slot] !== 0);
    return Object.fromEntries(
      slots.map((slot) => [
        this.ledger.sets.labelsOf(slot).join(),
        [...counters.subarray(slot * SLOT_COUNTERS, (slot + 1) * SLOT_COUNTERS)],
      ]),
    );
  }
}

const flow = (ases: readonly [number, number], texts: readonly string[], bytes: number): Counted => ({
  ases,
  texts,
  bytes,
  packets: 1,
});

describe("records of flows that are received", () => {
  test("are pmacct's: one for each set of labels, of what came since the last", () => {
    const site = new Site(["as_src", "as_dst", "label", "iface_in", "port_src", "ip_proto", "as_path"]);
    site.count(flow([OWN_AS, 6939], ["bdr1", "3", "443", "tcp", ""], 100));
    site.count(flow([OWN_AS, 6939], ["bdr1", "3", "443", "tcp", ""], 200));
    site.count(flow([6939, 15_169], ["10", "ge-0/0/1", "0", "255", ""], 7));
    const first = '"as_src":64500,"as_dst":6939,"label":"bdr1","iface_in":3,"port_src":443,"ip_proto":"tcp"';
    const second = '"as_src":6939,"as_dst":15169,"label":"10","iface_in":"ge-0/0/1","port_src":0,"ip_proto":"255"';
    assert.deepEqual(site.texts(), [
      `{${first},"event_type":"purge","packets":2,"bytes":300}`,
      `{${second},"event_type":"purge","packets":1,"bytes":7}`,
    ]);
    assert.equal(site.syncs, 1);
    site.count(flow([OWN_AS, 6939], ["bdr1", "3", "443", "tcp", ""], 1));
    assert.deepEqual(site.texts(), [`{${first},"event_type":"purge","packets":1,"bytes":1}`]);
    assert.deepEqual(site.texts(), []);
  });

  test("tell the AS that is ours if no label does, so that the kind of a flow stays what it is", () => {
    const site = new Site(["label"]);
    const all = [
      [OWN_AS, 1],
      [1, OWN_AS],
      [1, 2],
      [OWN_AS, OWN_AS],
    ] as const;
    for (const ases of all) site.count(flow(ases, ["r"], 10));
    assert.deepEqual(site.texts(), [
      '{"label":"r","event_type":"purge","as_src":64500,"packets":1,"bytes":10}',
      '{"label":"r","event_type":"purge","as_dst":64500,"packets":1,"bytes":10}',
      '{"label":"r","event_type":"purge","packets":1,"bytes":10}',
      '{"label":"r","event_type":"purge","as_src":64500,"as_dst":64500,"packets":1,"bytes":10}',
    ]);
  });

  test("are whole: a fraction waits for the rest", () => {
    const site = new Site(["label"]);
    for (let k = 0; k < 3; k++) site.count({ ...flow([1, 2], ["r"], 10.5), packets: 0.5 });
    assert.deepEqual(site.texts(), ['{"label":"r","event_type":"purge","packets":1,"bytes":31}']);
    site.count({ ...flow([1, 2], ["r"], 0.5), packets: 0.5 });
    assert.deepEqual(site.texts(), ['{"label":"r","event_type":"purge","packets":1,"bytes":1}']);
  });

  test("are none of what a run before has counted", () => {
    const site = new Site(["label"]);
    site.count(flow([1, 2], ["r"], 10));
    const later = new FlowRecords(site.ledger, { labels: ["label"], ownAs: OWN_AS }, () => {});
    assert.equal(later.batches(START).next().done, true);
  });

  test("of more than fit a batch come in several, and what is not taken comes again", () => {
    const site = new Site(["label"], 10_000);
    for (let k = 0; k < 2500; k++) site.count(flow([1, 2], [`r${k}`], k + 1));
    const batches = [...site.records.batches(START)].filter((batch): batch is RecordBatch => batch !== undefined);
    assert.deepEqual(
      batches.map(({ records }) => records.length),
      [1000, 1000, 500],
    );
    batches[1]!.take();
    const again = [...site.records.batches(START)].flatMap((batch) => batch?.records ?? []);
    assert.equal(again.length, 1500);
    assert.equal(
      again.some((record) => record.includes('"r1000"')),
      false,
    );
  });

  const names = fc.constantFrom("a", "b", "c", "other", "7");
  const counted = fc.record({
    ases: fc.tuple(fc.constantFrom(0, 1, OWN_AS), fc.constantFrom(0, 2, OWN_AS)),
    texts: fc.tuple(names, names),
    bytes: fc.integer({ min: 0, max: 10_000 }),
    packets: fc.integer({ min: 1, max: 9 }),
  });
  const step = fc.oneof(
    { weight: 5, arbitrary: counted },
    fc.constantFrom("take" as const, "look" as const, "fail" as const),
  );

  test("make one that reads them count the same, whatever gives way and whatever is sent again", () => {
    const property = fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(2, 3, 1000),
      fc.boolean(),
      (steps, maxSeries, hasAses) => {
        const labels = [...(hasAses ? ["as_src", "as_dst"] : []), "label", "iface_in"];
        const [near, far] = [new Site(labels, maxSeries), new Site(labels)];
        for (const each of [...steps, "take" as const]) {
          if (each === "look") {
            near.ledger.sets.beginPage();
            for (const _ of near.ledger.quota.look()) continue;
          } else if (each === "fail") {
            near.records.batches(START).next();
          } else if (each === "take") {
            near.take((records) => far.read(records));
          } else {
            near.count(each);
          }
        }
        assert.deepEqual(far.sums(), near.sums());
        if (maxSeries === 1000) assert.deepEqual(far.sets(), near.sets());
      },
    );
    fc.assert(property, { numRuns: 100 });
  });
});

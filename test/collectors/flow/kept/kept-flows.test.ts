import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FlowIntake } from "../../../../src/collectors/flow/flow-intake.ts";
import { FlowLedger } from "../../../../src/collectors/flow/flow-ledger.ts";
import { TEMPLATE_LIFE_MS } from "../../../../src/flows/template.ts";
import { type FlowCounters, readFlows, writeFlows } from "../../../../src/collectors/flow/kept/kept-flows.ts";
import { FLOW_LABELS } from "../../../../src/collectors/flow/section.ts";
import type { ExportersOptions } from "../../../../src/collectors/flow/udp/exporters.ts";
import { UdpIntake } from "../../../../src/collectors/flow/udp/udp-intake.ts";
import { NetworkSet } from "../../../../src/collectors/connections/network-set.ts";
import { networksOf } from "../../../../src/collectors/connections/section.ts";
import { FIELDS, Flow, isField } from "../../../../src/flows/flow.ts";
import { type FieldSpec, Template, VARIABLE } from "../../../../src/flows/template.ts";
import { parseAddress } from "../../../../src/packet/address.ts";
import { ByteReader } from "../../../../src/state/byte-reader.ts";
import { damaged } from "../../../state/damage.ts";
import {
  type Bytes,
  ipfix,
  netflow5,
  netflow9,
  options9,
  record5,
  set,
  template,
  u16,
  u32,
  u64,
} from "../../../flows/datagrams.ts";

const OWN_AS = 64_500;
const START_MS = 1_700_000_000_000;
const TOPIC = { topic: "flows", mark: "m", positions: new Map([[3, 2 ** 40]]) };

interface Options extends ExportersOptions {
  labels?: readonly string[];
  maxSeries?: number;
}

/** What counts flows, with no socket and no broker. */
class Site {
  nowMs = START_MS;
  readonly counters: FlowCounters & { readonly udp: UdpIntake; readonly kafka: FlowIntake };

  constructor({ labels = FLOW_LABELS, maxSeries = 1000, ...exporters }: Options = {}) {
    const ledger = new FlowLedger({ ownAs: OWN_AS, labels, maxSeries });
    const udp = new UdpIntake(ledger, { sampling: "auto", ...exporters, now: () => this.nowMs });
    this.counters = { ledger, labels, udp, kafka: new FlowIntake(ledger, true, () => {}) };
  }

  /** One that goes on from what was kept, so much later. */
  static after(bytes: Uint8Array, options: Options = {}, afterMs = 1000): Site {
    const site = new Site(options);
    site.nowMs += afterMs;
    const reader = new ByteReader(bytes);
    assert.deepEqual(readFlows(reader, site.counters, site.nowMs), TOPIC);
    assert.ok(!reader.hasMore);
    return site;
  }

  send(from: string, ...datagrams: Bytes[]): void {
    const value = parseAddress(from)!.value | 0xffff_0000_0000n;
    for (const datagram of datagrams) {
      const view = new DataView(Uint8Array.from(datagram).buffer);
      const senderWord = (_: number, word: number): number => Number((value >> BigInt(96 - 32 * word)) & 0xffff_ffffn);
      this.counters.udp.take({ view, start: () => 0, end: () => datagram.length, senderWord }, 1);
    }
  }

  message(text: string): void {
    const bytes = Buffer.from(text);
    this.counters.kafka.message(bytes, 0, bytes.length, 0, 0);
  }

  async kept(): Promise<Buffer> {
    return Buffer.concat(await writeFlows(this.counters, TOPIC, async () => {}));
  }

  /** Bytes of all kinds by set of labels. */
  bytes(): Map<string, number> {
    const { ledger } = this.counters;
    const { counters, seen } = ledger.copy();
    const rows = [...seen.keys()].filter((slot) => seen[slot]! > 0);
    const sum = (slot: number): number => [0, 2, 4].reduce((total, at) => total + counters[slot * 8 + at]!, 0);
    return new Map(rows.map((slot) => [ledger.sets.labelsOf(slot).join(), sum(slot)]));
  }

  total(): number {
    return [...this.bytes().values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}

const COUNTS = template(256, [1, 8], [2, 4], [16, 4], [17, 4], [48, 2]);
const counts = (bytes: number): Bytes => [...u64(bytes), ...u32(1), ...u32(OWN_AS), ...u32(6939), ...u16(7)];
const OUT = record5({ sourceAs: OWN_AS, destinationAs: 6939, input: 3, output: 7, packets: 2, bytes: 3000 });

/** A little of everything: templates, a sampler that looks at one packet of 100, records that wait, lies, Kafka. */
function busySite(): Site {
  const site = new Site();
  const sampler = options9(
    257,
    [[1, 4]],
    [
      [48, 2],
      [50, 4],
    ],
  );
  site.send("192.0.2.1", netflow9([set(0, COUNTS), set(1, sampler)], { sequence: 1, domain: 2 }));
  site.send("192.0.2.1", netflow9([set(257, u32(1), u16(7), u32(100))], { sequence: 2, domain: 2 }));
  site.send("192.0.2.1", netflow9([set(256, counts(64))], { sequence: 5, domain: 2 }));
  site.send("192.0.2.9", netflow5([OUT, OUT], { sequence: 1 }, 10), netflow5([OUT], { sequence: 9 }), [0, 7, 0, 1]);
  site.send("192.0.2.9", ipfix([set(300, u32(1))], { domain: 9 }));
  site.message(`{"as_src": ${OWN_AS}, "as_dst": ${OWN_AS}, "label": "é", "packets": 1, "bytes": 10}`);
  site.message("not json");
  return site;
}

describe("flows that are kept", () => {
  test("go on as they were, of exporters and of Kafka, and are written again as they were read", async () => {
    const site = busySite();
    const kept = await site.kept();
    const next = Site.after(kept);
    assert.deepEqual(next.bytes(), site.bytes());
    assert.deepEqual(await next.kept(), kept);
    const { ledger, udp, kafka } = next.counters;
    assert.equal(ledger.records, 5);
    assert.equal(kafka.messages, 2);
    assert.equal(udp.room.held.dropped, 1);
    assert.equal(udp.exporters.count, 2);
  });

  test("are read at once after a restart, by the templates and the sampling rates of before", async () => {
    const site = busySite();
    const next = Site.after(await site.kept());
    next.send("192.0.2.1", netflow9([set(256, counts(5))], { sequence: 6, domain: 2 }));
    assert.equal(next.total(), site.total() + 500);
    assert.equal(next.counters.udp.room.held.count, 0);
  });

  test("tell what came between two runs apart from what was lost", async () => {
    const next = Site.after(await busySite().kept());
    const { sequence } = next.counters.udp.exporters.restored("192.0.2.1")!.exporter.domain(1, 2)!;
    assert.deepEqual([sequence.lost, sequence.missed], [2, 0]);
    next.send("192.0.2.1", netflow9([], { sequence: 16, domain: 2 }), netflow9([], { sequence: 20, domain: 2 }));
    assert.deepEqual([sequence.lost, sequence.missed, sequence.restarts], [2 + 3, 10, 0]);
  });

  test("are not read by templates of an exporter that was not heard of for long; they wait for new ones", async () => {
    const site = busySite();
    const kept = await site.kept();
    assert.equal(Site.after(kept, {}, TEMPLATE_LIFE_MS).counters.udp.room.templates, 2);
    const next = Site.after(kept, {}, TEMPLATE_LIFE_MS + 1);
    assert.equal(next.counters.udp.room.templates, 0);
    next.send("192.0.2.1", netflow9([set(256, counts(5))], { sequence: 6, domain: 2 }));
    assert.equal(next.total(), site.total());
    next.send("192.0.2.1", netflow9([set(0, COUNTS)], { sequence: 7, domain: 2 }));
    assert.equal(next.total(), site.total() + 5);
  });

  test("keep what fits: fewer labels add up, new ones and those without room are others, as are who is not heard", async () => {
    const site = busySite();
    const kept = await site.kept();
    const total = site.total();
    const fewer = Site.after(kept, { labels: ["as_dst", "label"] });
    assert.deepEqual(
      fewer.bytes(),
      new Map<string, number>([
        ["6939,192.0.2.1", 6400],
        ["6939,192.0.2.9", 63_000],
        [`${OWN_AS},é`, 10],
      ]),
    );
    assert.deepEqual(Site.after(kept, { labels: ["as_dst", "vlan"] }).bytes(), new Map([["other,other", total]]));
    const crowded = Site.after(kept, { maxSeries: 1 });
    assert.equal(crowded.bytes().size, 2);
    assert.equal(crowded.total(), total);
    const allowed = new NetworkSet(networksOf("192.0.2.9", "--flow-exporters"));
    const strict = Site.after(kept, { allowed });
    assert.equal(strict.counters.udp.exporters.count, 1);
    assert.equal(strict.counters.udp.room.templates, 0);
    assert.equal(strict.total(), total);
  });

  test("that are cut or damaged are refused with a reason, or count what they can", async () => {
    const good = await busySite().kept();
    const read = (bytes: Uint8Array): Site => {
      const site = new Site();
      readFlows(new ByteReader(bytes), site.counters, START_MS);
      return site;
    };
    for (let length = 0; length < good.length; length++) assert.throws(() => read(good.subarray(0, length)), Error);
    fc.assert(
      fc.property(damaged(good), (bytes) => {
        let site: Site;
        try {
          site = read(bytes);
        } catch (error) {
          assert.match((error as Error).message, /^(?:it |The encoded data was not valid)/);
          return;
        }
        // What was taken must do no harm.
        site.send("192.0.2.1", netflow9([set(256, counts(5)), set(257, u32(1), u16(7), u32(3))], { domain: 2 }));
      }),
      { numRuns: 200 },
    );
  });
});

const spec: fc.Arbitrary<FieldSpec> = fc.record({
  length: fc.oneof(fc.nat(12), fc.constant(VARIABLE)),
  use: fc.option(fc.record({ field: fc.nat(FIELDS - 1).filter(isField), rank: fc.nat(2) }), { nil: undefined }),
});

test("a template that is made again of its fields reads records alike", () => {
  fc.assert(
    fc.property(
      fc.array(spec, { minLength: 1, maxLength: 12 }),
      fc.uint8Array({ minLength: 200, maxLength: 200, max: 20 }),
      (fields, bytes) => {
        const [first, again] = [new Template(fields), new Template(new Template(fields).fields())];
        const view = new DataView(bytes.buffer);
        const read = (each: Template): unknown[] => {
          const flow = new Flow();
          const end = each.read(view, 0, bytes.length, flow);
          return [end, [...flow.numbers], each.minBytes, each.size, each.hasBytes, each.hasReverse, each.hasDirection];
        };
        assert.deepEqual(read(again), read(first));
      },
    ),
    { numRuns: 500 },
  );
});

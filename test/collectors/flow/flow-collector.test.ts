import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { AsNames } from "../../../src/collectors/flow/as-names/as-names.ts";
import { FlowCollector } from "../../../src/collectors/flow/flow-collector.ts";
import { FlowIntake, type Refusal } from "../../../src/collectors/flow/flow-intake.ts";
import { FlowLedger } from "../../../src/collectors/flow/flow-ledger.ts";
import { KafkaFamilies } from "../../../src/collectors/flow/kafka-families.ts";
import { SlotLabels } from "../../../src/collectors/flow/slot-labels.ts";
import { FLOW_LABELS } from "../../../src/collectors/flow/section.ts";
import { Format } from "../../../src/page/negotiation.ts";
import { makePage } from "../../../src/page/page.ts";
import { PageWriter } from "../../../src/page/page-writer.ts";
import { parseExposition } from "../../page/exposition-parser.ts";
import { Page } from "../../support/page.ts";
import { lacking } from "../../support/requirements.ts";

const GOLDEN = resolve(import.meta.dirname, "../../golden/flow.txt");
const NAMES = '15169 Google LLC\n6939 Hurricane Electric LLC\n64500 Name with a "quote"\n';
const OWN_AS = 15_169;

interface Options {
  labels?: readonly string[];
  maxSeries?: number;
  applySampling?: boolean;
}

/** A collector of flows, without Kafka. */
class Site {
  readonly told: Refusal[] = [];
  readonly intake: FlowIntake;
  readonly ledger: FlowLedger;
  readonly collector: FlowCollector;
  #offset = 0;

  constructor(names: AsNames, { labels = FLOW_LABELS, maxSeries = 1000, applySampling = false }: Options) {
    this.ledger = new FlowLedger({ ownAs: OWN_AS, labels, maxSeries });
    this.intake = new FlowIntake(this.ledger, applySampling, (refusal) => this.told.push(refusal));
    const source = {
      topic: "pmacct.acct",
      isUp: true,
      unread: 0,
      failures: 2,
      rebalances: 1,
      commits: 5,
      progress: new Map([
        [1, { position: 40, committed: 30, endOffset: 45 }],
        [0, { position: 7, committed: -1, endOffset: 7 }],
      ]),
    };
    const { ledger, intake } = this;
    const inputs = [new KafkaFamilies(source, intake)];
    const parts = { inputs, ledger, labels: new SlotLabels(ledger.sets, labels, names), names };
    this.collector = new FlowCollector(parts);
  }

  static async of(options: Options = {}): Promise<Site> {
    return new Site(await AsNames.carried(zstdCompressSync(NAMES)), options);
  }

  /** Texts as they are, all else as JSON. */
  send(...messages: unknown[]): void {
    for (const message of messages) {
      const data = Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
      this.intake.message(data, 0, data.length, 3, this.#offset++);
    }
  }

  async text(format: Format = Format.TEXT): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of makePage(await this.collector.collect(), format)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  }

  async page(): Promise<Page> {
    return new Page(await this.text());
  }
}

/** A little of everything that the page tells apart. */
async function smallSite(): Promise<Site> {
  const site = await Site.of();
  site.send(
    { label: "bdr1", as_src: 15169, as_dst: 6939, iface_in: 3, iface_out: 7, packets: 1, bytes: 52 },
    { label: "bdr1", as_src: 15169, as_dst: 6939, iface_in: 3, iface_out: 7, packets: 2, bytes: 3000 },
    { label: "bdr1", as_src: 6939, as_dst: 15169, iface_in: 7, iface_out: 3, packets: 4, bytes: 400 },
    { label: { nkey: "100.1" }, as_src: 6939, as_dst: 64500, packets: 1, bytes: 5_000_000_000 },
    { label: "bdr2", as_src: "15169", as_dst: 15169, packets: 1, bytes: "60" },
    { event_type: "purge_init" },
    '{"bytes": 1, "label": "a\\\\b\\n"}\n{"bytes": 2, "label": "a\\\\b\\n"}\n',
    "no JSON",
    { bytes: -1 },
    { packets: 1 },
    { bytes: 2 ** 60 },
  );
  site.intake.damaged(0, 9, "a batch with a wrong checksum");
  site.intake.lost(0, 3, 12);
  return site;
}

test("the page of a few flows is the golden one (UPDATE_GOLDEN=1 writes it again)", async () => {
  const page = await (await smallSite()).text();
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
  assert.equal(page, readFileSync(GOLDEN, "utf8"));
});

test("the golden page passes the strict reader and promtool", { skip: lacking("promtool") }, () => {
  const page = readFileSync(GOLDEN);
  parseExposition(page, "text");
  execFileSync("promtool", ["check", "metrics"], { input: page });
});

test("OpenMetrics names the families of counters without their suffix", async () => {
  const page = await (await smallSite()).text(Format.OPENMETRICS);
  parseExposition(Buffer.from(page), Format.OPENMETRICS);
  assert.match(page, /^# TYPE flow_transmit_bytes counter$/m);
});

test("flows without room of their own count as other, so that sums stay exact", async () => {
  const site = await Site.of({ maxSeries: 2 });
  for (let k = 1; k <= 10; k++) site.send({ as_src: OWN_AS, as_dst: k, label: "r", bytes: k, packets: 1 });
  const page = await site.page();
  assert.equal(page.sum("flow_transmit_bytes_total"), 55);
  assert.equal(page.sum("flow_transmit_bytes_total", 'destination_as="other"', 'hostname="other"'), 52);
  assert.equal(page.value("promtap_flow_other_records_total"), 8);
  assert.equal(page.value("promtap_flow_series"), 2);
});

test("a set of labels that is new gets the series of one that was silent from one page to the next", async () => {
  const site = await Site.of({ labels: ["label"], maxSeries: 1 });
  site.send({ bytes: 1, label: "a" });
  for (let time = 0; time < 2; time++) for (const _ of site.ledger.quota.look());
  assert.equal((await site.page()).value('flow_transit_bytes_total{hostname="a"}'), 1);
  site.send({ bytes: 2, label: "b" });
  const page = await site.page();
  assert.equal(page.value('flow_transit_bytes_total{hostname="a"}'), undefined);
  assert.equal(page.value('flow_transit_bytes_total{hostname="b"}'), 2);
  assert.equal(page.value('flow_transit_bytes_total{hostname="other"}'), 1);
  assert.equal(page.value("promtap_flow_series"), 1);
  assert.equal(page.value("promtap_flow_evicted_series_total"), 1);
});

test("a record that says other in every label shares the series of those without room", async () => {
  const site = await Site.of({ labels: ["label"], maxSeries: 1 });
  site.send({ bytes: 1, label: "a" }, { bytes: 2, label: "other" }, { bytes: 4, label: "b" });
  const page = await site.page();
  assert.equal(page.value('flow_transit_bytes_total{hostname="other"}'), 6);
  assert.equal(page.value("promtap_flow_other_records_total"), 1);
});

test("labels are those asked for, and the ASes decide even if they are no labels", async () => {
  const site = await Site.of({ labels: ["ip_proto", "as_dst"] });
  site.send({ as_src: OWN_AS, as_dst: 6939, ip_proto: "tcp", bytes: 5 }, { as_dst: OWN_AS, ip_proto: 17, bytes: 6 });
  const page = await site.page();
  const name = 'destination_as_name="Hurricane Electric LLC"';
  assert.equal(page.value(`flow_transmit_bytes_total{ip_proto="tcp",destination_as="6939",${name}}`), 5);
  assert.equal(page.sum("flow_receive_bytes_total", 'ip_proto="17"'), 6);
});

test("labels may have any name that objects of JavaScript have", async () => {
  const labels = Object.getOwnPropertyNames(Object.prototype).filter((name) => !name.startsWith("__"));
  const site = await Site.of({ labels });
  site.send({ as_src: OWN_AS, as_dst: 6939, bytes: 5, constructor: "a", hasOwnProperty: 7 });
  const values = new Map([
    ["constructor", "a"],
    ["hasOwnProperty", "7"],
  ]);
  const expected = labels.map((name) => `${name}="${values.get(name) ?? ""}"`);
  assert.equal((await site.page()).value(`flow_transmit_bytes_total{${expected.join(",")}}`), 5);
});

test("the sampling rate is applied if it is asked for, and must be a number then", async () => {
  const flows = [
    { as_src: OWN_AS, bytes: 10, packets: 2, sampling_rate: 100 },
    { as_src: OWN_AS, bytes: 10, packets: 2, sampling_rate: 0 },
    { as_src: OWN_AS, bytes: 10, packets: 2 },
    { as_src: OWN_AS, bytes: 10, packets: 2, sampling_rate: "often" },
    { as_src: OWN_AS, bytes: 2 ** 50, packets: 2, sampling_rate: 100 },
  ];
  const applied = await Site.of({ applySampling: true });
  applied.send(...flows.map((flow) => JSON.stringify(flow)));
  const page = await applied.page();
  assert.equal(page.sum("flow_transmit_bytes_total"), 1020);
  assert.equal(page.sum("flow_transmit_packets_total"), 204);
  assert.equal(page.value('promtap_flow_refused_records_total{reason="not_a_number"}'), 1);
  assert.equal(page.value('promtap_flow_refused_records_total{reason="too_large"}'), 1);
  const ignored = await Site.of();
  ignored.send(...flows);
  assert.equal((await ignored.page()).sum("flow_transmit_bytes_total"), 40 + 2 ** 50);
});

test("what is refused is told with its place, and once only however many follow", async () => {
  const site = await Site.of();
  site.send({ bytes: 1 }, "nonsense", "{}", "[");
  assert.deepEqual(site.told, [{ partition: 3, offset: 1, reason: "not_json" }]);
});

test("messages that were deleted are told with the offset of the first", async () => {
  const site = await Site.of();
  site.intake.lost(2, 100, 50);
  const reason = "50 messages were deleted before they could be read";
  assert.deepEqual(site.told, [{ partition: 2, offset: 100, reason }]);
});

test("a large page gives the event loop its turn often", async () => {
  const site = await Site.of({ maxSeries: 20_000 });
  for (let k = 0; k < 20_000; k++) site.send({ as_src: k, bytes: 1 });
  const families = await site.collector.collect();
  const family = families.find(({ name }) => name === "flow_transit_bytes_total")!;
  assert.ok("write" in family);
  const writer = new PageWriter();
  let lines = 0;
  for (const _ of family.write(writer, Format.TEXT)) {
    const found = Buffer.from(writer.filled()).toString().split("\n").length - 1;
    assert.ok(found < 4000, `${found} lines at once`);
    lines += found;
    writer.clear();
  }
  assert.equal(lines + Buffer.from(writer.filled()).toString().split("\n").length - 1, 19_999);
});

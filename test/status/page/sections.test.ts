import assert from "node:assert/strict";
import { test } from "node:test";
import { reportOf } from "../../../src/status/report.ts";
import type { Snapshot, View } from "../../../src/status/snapshot.ts";
import { sectionsOf } from "../../../src/status/page/sections.ts";

const line = { name: "192.0.2.1", where: "eth0", rate: 125, sum: 1000, history: [0, 125] };
const rate = { bytes: 125, packets: 1, history: [0, 125] };
const tap = (name: string, isUp = true) => ({ name, isUp, lostPackets: 0, position: undefined });

function snapshot(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    at: new Date(0),
    version: "1.2.3",
    uptimeSeconds: 60,
    isCounted: true,
    engine: "bpf",
    refusals: [],
    interfaces: [{ tap: tap("eth0"), rate }],
    collectors: [{ name: "traffic", seconds: 0.001, error: undefined, lastFailure: undefined }],
    limits: [{ name: "addresses", used: 1, limit: 100 }],
    databases: [],
    configuration: undefined,
    tops: [
      { title: "addresses", isPrivate: true, unit: "bytes", byRate: [line], bySum: [line] },
      { title: "countries", isPrivate: false, unit: "bytes", byRate: [], bySum: [] },
    ],
    ...changes,
  };
}

test("addresses are shown in full alone", () => {
  assert.match(sectionsOf(snapshot(), "full").get("lists")!, /192\.0\.2\.1/);
  const summary = [...sectionsOf(snapshot(), "summary").values()].join("");
  assert.doesNotMatch(summary, /192\.0\.2\.1|Addresses/);
  assert.match(summary, /Countries/);
});

test("there is no trouble if all is well", () => {
  assert.equal(sectionsOf(snapshot(), "full").get("troubles"), "");
});

test("errors of collectors, which may name anything, are shown in full alone", () => {
  const lastFailure = { at: new Date(0), error: "no answer from 192.0.2.7" };
  const troubled = snapshot({
    collectors: [
      { name: "flow", seconds: 1, error: "no answer from 192.0.2.7", lastFailure },
      { name: "iptables", seconds: 1, error: undefined, lastFailure },
    ],
  });
  const page = (view: View) => [...sectionsOf(troubled, view).values()].join("");
  const report = (view: View) => JSON.stringify(reportOf(troubled, view).collectors);
  for (const told of [page, report]) {
    assert.match(told("full"), /192\.0\.2\.7/);
    assert.doesNotMatch(told("summary"), /192\.0\.2\.7/);
    assert.match(told("summary"), /the log says why/);
  }
});

test("every trouble has a sentence", () => {
  const troubles = sectionsOf(
    snapshot({
      interfaces: [{ tap: tap("eth0", false), rate }],
      collectors: [{ name: "iptables", seconds: 1, error: "no <rules>", lastFailure: undefined }],
      limits: [{ name: "addresses", used: 96, limit: 100 }],
      configuration: { isSuccessful: false, succeededAt: 0 },
      refusals: ["engine bpf: needs CAP_BPF"],
    }),
    "full",
  ).get("troubles")!;
  assert.equal(troubles.match(/<li>/g)?.length, 5);
  assert.match(troubles, /eth0.*no &#60;rules&#62;.*addresses.*refused.*CAP_BPF/s);
});

test("of many interfaces those have a line that carry most", () => {
  const interfaces = Array.from({ length: 1300 }, (_, index) => ({
    tap: tap(`veth${index}`),
    rate: { ...rate, bytes: index },
  }));
  const text = sectionsOf(snapshot({ interfaces }), "summary").get("interfaces")!;
  assert.equal(text.match(/<bdi>/g)?.length, 20);
  assert.match(text, /<bdi>veth1299<\/bdi>/);
  assert.match(text, /1\u202f280 more/);
});

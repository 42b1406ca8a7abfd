import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readInterval } from "../../src/bill/kept-interval.ts";
import { ByteReader } from "../../src/state/byte-reader.ts";
import { ByteWriter } from "../../src/state/byte-writer.ts";
import { decodeState, encodeState } from "../../src/state/state-file.ts";
import { ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const INTERVAL_MS = 300_000;
const HOUR = 12;
const FRAMES = [
  ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_UDP, lengthBytes: 400 }),
  ipv4Frame({ source: "8.8.8.8", destination: "10.0.0.1", protocol: PROTOCOL_UDP, lengthBytes: 1000 }),
];
const COUNT = 500;
const RECEIVED = 'promtap_customer_bytes_total{interface="near",customer="one",direction="rx"}';
const WRITTEN = "promtap_state_last_write_timestamp_seconds";
const EXPECTED = { one: [COUNT * 1000, COUNT * 400], two: [COUNT * 400, 0] };

interface Bill {
  rows: { labels: { customer: string }; bytes_in: number; bytes_out: number }[];
}

/** Has a state say that what is not over began an hour earlier; returns the intervals of now and then. */
async function backdate(path: string): Promise<number[]> {
  const { sections, writtenAt } = decodeState(readFileSync(path));
  const { number, coveredMs, sums } = readInterval(new ByteReader(sections.get("bill")!));
  const section = new ByteWriter();
  section.numbers([number - HOUR, Math.round(coveredMs), sums.size]);
  for (const [labels, bytes] of sums) {
    section.text(labels);
    section.numbers(bytes);
  }
  const pieces = new Map([...sections].map(([name, bytes]) => [name, [bytes]]));
  const all = await encodeState(writtenAt, pieces.set("bill", [section.filled]), async () => {});
  writeFileSync(path, Buffer.concat(all));
  return [number, number - HOUR];
}

/** Bytes in and out by customer, of the months that have these intervals. */
async function bytesOf(state: string, intervals: readonly number[]): Promise<Record<string, number[]>> {
  const months = new Set(intervals.map((number) => new Date(number * INTERVAL_MS).toISOString().slice(0, 7)));
  const bytes: Record<string, number[]> = {};
  for (const month of months) {
    const { status, stdout } = await runPromtap(undefined, [
      "bill",
      "--month",
      month,
      "--state",
      state,
      "--format=json",
    ]);
    const { rows } = status === 0 ? (JSON.parse(stdout) as Bill) : { rows: [] };
    for (const { labels, bytes_in, bytes_out } of rows) {
      const [into = 0, out = 0] = bytes[labels.customer] ?? [];
      bytes[labels.customer] = [into + bytes_in, out + bytes_out];
    }
  }
  return bytes;
}

test(
  "what was sent before a kill is on the bill, once, that promtap prints beside one that runs",
  engineOptions("bpf"),
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    namespace.addVeth("near", "far");
    const state = join(folder.path, "state");
    const list = join(folder.path, "list.csv");
    writeFileSync(list, "prefix,customer\n10.0.0.1,one\n10.0.0.2,two\n");
    const flags = ["-i", "near", "--range-file", list, "--state", state, "--state-interval=1", "--bill-days=32"];
    {
      await using promtap = await RunningPromtap.start(namespace, flags);
      await send(namespace, "far", FRAMES, { count: 2 * COUNT });
      await promtap.pageWhere("all is counted", (page) => page.value(RECEIVED) === COUNT * 1000);
      const countedAtSeconds = Date.now() / 1000;
      await promtap.pageWhere("it was written", (page) => page.value(WRITTEN)! > countedAtSeconds);
      await promtap.kill();
    }
    const intervals = await backdate(state);
    await using _ = await RunningPromtap.start(namespace, flags);
    const bill = await until("there is a bill", async () => {
      const bytes = await bytesOf(state, intervals);
      return Object.keys(bytes).length === 2 && bytes;
    });
    assert.deepEqual(bill, EXPECTED);
  },
);

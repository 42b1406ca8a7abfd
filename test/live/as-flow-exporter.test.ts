import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { parseExposition } from "../page/exposition-parser.ts";
import { kafkaOptions } from "../support/flows.ts";
import { Kafka } from "../support/kafka.ts";
import { PROMTAP } from "../support/promtap.ts";
import { until } from "../support/waiting.ts";

const RECORDS = [
  `{"label": "bdr1.example.com", "as_src": 15169, "as_dst": 6939, "packets": 1, "bytes": 52}`,
  `{"label": "bdr1.example.com", "as_src": 15169, "as_dst": 6939, "packets": 1, "bytes": 48}`,
  `{"label": "bdr1.example.com", "as_src": 6939, "as_dst": 15169, "packets": 1, "bytes": 1000}`,
  `{"label": "bdr1.example.com", "as_src": 6939, "as_dst": 3320, "packets": 1, "bytes": 7}`,
];

test("as flow-exporter, bytes of a topic are on its page, with its labels and no others", kafkaOptions, async () => {
  await using kafka = await Kafka.start();
  await kafka.createTopic("pmacct.acct");
  const [program = "", ...first] = PROMTAP;
  const flags = [`--brokers=${kafka.address()}`, "--topic=pmacct.acct", "--asn=15169", "-addr", "127.0.0.1:0"];
  const exporter = spawn(program, [...first, "as", "flow-exporter", ...flags], {
    stdio: ["ignore", "inherit", "pipe"],
  });
  try {
    let log = "";
    exporter.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
    await until("it reads", () => log.includes("got partitions") && log.includes("reading from Kafka"));
    const [, address] = /msg=listening address=(\S+)/.exec(log)!;
    await kafka.produce("pmacct.acct", RECORDS);
    const body = await until("all is counted", async () => {
      const response = await fetch(`http://${address}/metrics`, { headers: { connection: "close" } });
      const text = await response.text();
      return text.includes("} 1000\n") && text.includes("} 100\n") && text;
    });
    const families = [...parseExposition(Buffer.from(body), "text").values()];
    const own = families.filter(({ name }) => !name.startsWith("process_"));
    assert.deepEqual(
      own.map(({ name, help, type }) => [name, help, type]),
      [
        ["flow_transmit_bytes_total", "Bytes transferred.", "counter"],
        ["flow_receive_bytes_total", "Bytes received.", "counter"],
      ],
    );
    // An empty label is as good as none.
    const labels = own.map(({ samples }) => samples.map((each) => each.labels.filter(([, text]) => text !== "")));
    const source = (number: string) => [["source_as", number] as const];
    assert.deepEqual(
      labels.map((series) => series.map((each) => each.filter(([name]) => !name.endsWith("_name")))),
      [
        [[...source("15169"), ["destination_as", "6939"], ["hostname", "bdr1.example.com"]]],
        [[...source("6939"), ["destination_as", "15169"], ["hostname", "bdr1.example.com"]]],
      ],
    );
    exporter.kill("SIGTERM");
    assert.deepEqual(await once(exporter, "exit"), [0, null]);
  } finally {
    exporter.kill("SIGKILL");
  }
});

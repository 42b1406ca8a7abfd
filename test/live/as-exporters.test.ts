import assert from "node:assert/strict";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { parseExposition } from "../page/exposition-parser.ts";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { until } from "../support/waiting.ts";
import type { Plan } from "./connection-holder.ts";

const HOLDER = resolve(import.meta.dirname, "connection-holder.ts");

/** The lines of a page that are not of the process, without those of comments. */
async function own(promtap: RunningPromtap): Promise<string[]> {
  const { body } = await promtap.get("/metrics");
  parseExposition(Buffer.from(body), "text");
  return body.split("\n").filter((line) => /^(?!process_|#)./.test(line));
}

describe("as another exporter, with the kernel's own counts:", () => {
  test("geoip-exporter counts connections by country, but not those of its blacklist", liveOptions(), async () => {
    using namespace = new Namespace();
    for (const address of ["8.8.4.4", "8.8.8.8", "1.1.1.1"]) namespace.ip("address", "add", address, "dev", "lo");
    const peer = { host: "8.8.4.4", port: 8000 };
    const connect = ["8.8.8.8", "1.1.1.1"].map((localAddress) => ({ ...peer, localAddress }));
    const plan: Plan = { listen: [peer], connect };
    const holder = namespace.spawn([process.execPath, HOLDER, JSON.stringify(plan)]);
    try {
      let output = "";
      holder.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
      await until("all is held", () => output.includes("ready"));
      await using exporter = await RunningPromtap.start(namespace, ["as", "geoip-exporter", "-blacklist=1.1.1.1"]);
      // Both ends of the one connection, and that end of the other which is connected to 8.8.4.4.
      assert.deepEqual(await own(exporter), ['job_location{location="US"} 3']);
    } finally {
      holder.kill("SIGKILL");
    }
  });

  test("iptables_exporter counts what a rule matched", liveOptions("iptables", "ping"), async () => {
    using namespace = new Namespace();
    namespace.run("iptables", "-A", "INPUT", "-d", "127.0.0.2", "-m", "comment", "--comment", "a  b", "-j", "ACCEPT");
    namespace.run("ping", "-q", "-i", "0.01", "-c", "5", "-s", "100", "127.0.0.2");
    await using exporter = await RunningPromtap.start(namespace, ["as", "iptables_exporter", "--log.level=warn"]);
    const rule = String.raw`chain="INPUT",rule="-d 127.0.0.2/32 -m comment --comment \"a  b\" -j ACCEPT",table="filter"`;
    const lines = (await own(exporter)).filter((line) => !/_default_|_duration_/.test(line));
    assert.deepEqual(lines, [
      "iptables_scrape_success 1",
      `iptables_rule_bytes_total{${rule}} ${5 * (20 + 8 + 100)}`,
      `iptables_rule_packets_total{${rule}} 5`,
    ]);
  });
});

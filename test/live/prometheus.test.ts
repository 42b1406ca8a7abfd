import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { ipv4Frame, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { Prometheus } from "../support/prometheus.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { until } from "../support/waiting.ts";

const options = liveOptions("prometheus", "promtool", "curl");

const PROMTAP_PORT = 9112;
const TEXT_PORT = 9113;

/** What the manual advises if dashboards name bounds as promacct wrote them. */
const README = readFileSync(resolve(import.meta.dirname, "../../src/ledger/README.md"), "utf8");
const [RELABELLING = ""] = /^ *metric_relabel_configs:\n(?: .*\n)+?(?= *```)/m.exec(README) ?? [];

const CONFIG = `
global:
  scrape_interval: 250ms
  scrape_timeout: 250ms
scrape_configs:
  - job_name: openmetrics
    static_configs: [{ targets: ["127.0.0.1:${PROMTAP_PORT}"] }]
  - job_name: text
    static_configs: [{ targets: ["127.0.0.1:${TEXT_PORT}"] }]
  - job_name: relabelled
    static_configs: [{ targets: ["127.0.0.1:${PROMTAP_PORT}"] }]
${RELABELLING.replace(/^/gm, "  ")}
`;

const FRAMES = [40, 100, 1500].map((lengthBytes) =>
  ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_TCP, lengthBytes }),
);
const FRAMES_BYTES = 1640;
const RANGE = ["-r", "10.0.0.0/24:site=lab"];

/** A Prometheus that scrapes promtap in both formats: for the text, by way of a program that asks for it. */
class BothFormats extends Prometheus {
  readonly #proxy: ChildProcess;
  readonly #proxyEnd: Promise<unknown>;

  constructor(namespace: Namespace) {
    super(namespace, CONFIG);
    const proxy = resolve(import.meta.dirname, "text-only-proxy.ts");
    const command = [process.execPath, proxy, `${TEXT_PORT}`, `${PROMTAP_PORT}`];
    this.#proxy = namespace.spawn(command, { stdio: "ignore" });
    this.#proxyEnd = once(this.#proxy, "close");
  }

  /** The value that a query gives for each job. Throws if Prometheus does not answer. */
  valueByJob(query: string): Record<string, number> {
    const samples = this.query(`sum by (job) (${query})`);
    return Object.fromEntries(samples.map(({ metric, value }) => [metric["job"]!, Number(value[1])]));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#proxy.kill();
    await Promise.all([this.#proxyEnd, super[Symbol.asyncDispose]()]);
  }
}

function all(value: number): Record<string, number> {
  return { openmetrics: value, text: value, relabelled: value };
}

test("a Prometheus scrapes it in both formats, and its queries give the bytes that were sent", options, async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  const listen = ["--web.listen-address", `127.0.0.1:${PROMTAP_PORT}`];
  await using _promtap = await RunningPromtap.start(namespace, ["-i", "veth0", ...RANGE, ...listen]);
  await using prometheus = new BothFormats(namespace);
  await send(namespace, "veth1", FRAMES);
  const expectByJob = async (query: string, value: number): Promise<void> => {
    await until(`${query} is ${value}`, () => {
      assert.deepEqual(prometheus.valueByJob(query), all(value));
      return true;
    });
  };
  await expectByJob("up", 1);
  await expectByJob('promacct_packet_size_bytes_all_sum{interface="veth0"}', FRAMES_BYTES);
  const labels = 'interface="veth0",site="lab",protocol="tcp"';
  await expectByJob(`promacct_packet_size_bytes_ipv4_tx_sum{${labels},ip="10.0.0.1"}`, FRAMES_BYTES);
  await expectByJob(`promacct_packet_size_bytes_ipv4_rx_count{${labels},ip="10.0.0.2"}`, FRAMES.length);
  // OpenMetrics has bounds as floats, and Prometheus 3 makes them so.
  const bucket = `promacct_packet_size_bytes_ipv4_rx_bucket{${labels},ip="10.0.0.2"`;
  await expectByJob(`${bucket},le=~"64([.]0)?"}`, 1);
  assert.equal(prometheus.valueByJob(`${bucket},le="64.0"}`)["openmetrics"], 1);
  assert.equal(prometheus.valueByJob(`${bucket},le="64"}`)["relabelled"], 1);
  await expectByJob('promtap_interface_up{interface="veth0"}', 1);
  // OpenMetrics declares a counter without the ending of its samples, the text format with it.
  assert.deepEqual(prometheus.jobsThatDeclare("promtap_capture_lost_packets"), ["openmetrics", "relabelled"]);
  assert.deepEqual(prometheus.jobsThatDeclare("promtap_capture_lost_packets_total"), ["text"]);
  assert.deepEqual(prometheus.valueByJob("process_start_time_seconds > bool 0"), all(1));
});

test("promtool finds nothing wrong with the page", options, async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  await using promtap = await RunningPromtap.start(namespace, ["-i", "veth0", ...RANGE]);
  await send(namespace, "veth1", [
    ...FRAMES,
    ipv4Frame({ source: "192.0.2.1", destination: "10.0.0.2", protocol: PROTOCOL_UDP, lengthBytes: 100 }),
  ]);
  const { body } = await promtap.get("/metrics");
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: body, encoding: "utf8" });
  // The names of the families that promacct had are as they are.
  const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line !== "" && !line.startsWith("promacct_"));
  assert.deepEqual(complaints, []);
  assert.notEqual(status, 1, "promtool could not read the page");
});

test("promtool would find something wrong with a wrong page", options, () => {
  const check = () => execFileSync("promtool", ["check", "metrics"], { input: "wrongTotal 1\n", stdio: "pipe" });
  assert.throws(check, { status: 3 });
});

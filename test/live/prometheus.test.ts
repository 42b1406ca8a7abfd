import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { ipv4Frame, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const options = liveOptions("prometheus", "promtool", "curl");

const PROMTAP_PORT = 9112;
const TEXT_PORT = 9113;
const PROMETHEUS = "127.0.0.1:9090";

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

/** A Prometheus that scrapes promtap in both formats, and is asked through its query API. */
class Prometheus implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #folder = new TemporaryFolder();
  readonly #ended: Promise<unknown>[];
  readonly #processes;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    const { path } = this.#folder;
    const config = join(path, "prometheus.yml");
    writeFileSync(config, CONFIG);
    const flags = [`--config.file=${config}`, `--storage.tsdb.path=${path}`, `--web.listen-address=${PROMETHEUS}`];
    const proxy = resolve(import.meta.dirname, "text-only-proxy.ts");
    this.#processes = [
      namespace.spawn(["prometheus", ...flags], { stdio: "ignore" }),
      namespace.spawn([process.execPath, proxy, `${TEXT_PORT}`, `${PROMTAP_PORT}`], { stdio: "ignore" }),
    ];
    this.#ended = this.#processes.map((child) => once(child, "close"));
  }

  /** The value that a query gives for each job. Throws if Prometheus does not answer. */
  valueByJob(query: string): Record<string, number> {
    const { result } = this.#ask("query", `query=sum by (job) (${query})`) as Vector;
    return Object.fromEntries(result.map(({ metric, value }) => [metric.job, Number(value[1])]));
  }

  /** The jobs whose page declares a family of this name. */
  jobsThatDeclare(family: string): string[] {
    const targets = this.#ask("targets/metadata", `metric=${family}`) as Metadata;
    return targets.map(({ target }) => target.job).toSorted((a, b) => (a < b ? -1 : 1));
  }

  #ask(what: string, parameter: string): unknown {
    const url = `http://${PROMETHEUS}/api/v1/${what}`;
    const body = this.#namespace.run("curl", "-sS", "--get", "--data-urlencode", parameter, url);
    return (JSON.parse(body) as { data: unknown }).data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) child.kill();
    await Promise.all(this.#ended);
    this.#folder[Symbol.dispose]();
  }
}

interface Vector {
  result: { metric: { job: string }; value: [seconds: number, value: string] }[];
}

type Metadata = { target: { job: string } }[];

function all(value: number): Record<string, number> {
  return { openmetrics: value, text: value, relabelled: value };
}

test("a Prometheus scrapes it in both formats, and its queries give the bytes that were sent", options, async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  const listen = ["--web.listen-address", `127.0.0.1:${PROMTAP_PORT}`];
  await using _promtap = await RunningPromtap.start(namespace, ["-i", "veth0", ...RANGE, ...listen]);
  await using prometheus = new Prometheus(namespace);
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

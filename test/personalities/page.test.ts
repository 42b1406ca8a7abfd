import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { type Config, configOf } from "../../src/daemon/config.ts";
import { run } from "../../src/daemon/daemon.ts";
import { configureLog } from "../../src/log.ts";
import type { Family, MetricType } from "../../src/page/family.ts";
import { makePage } from "../../src/page/page.ts";
import { disguised } from "../../src/personalities/guise.ts";
import { PERSONALITIES, type PersonalityName } from "../../src/personalities/personalities.ts";
import { ourFlags } from "../../src/personalities/personality.ts";
import { pcap } from "../capture/savefile/captures.ts";
import { DUMP, FakePrograms } from "../collectors/iptables/fake-programs.ts";
import { ACK, frameOf } from "../collectors/wialon/wire.ts";
import { type ParsedFamily, parseExposition } from "../page/exposition-parser.ts";
import { arpFrame, ipv4Frame, PROTOCOL_TCP, PROTOCOL_UDP } from "../support/frames.ts";
import { expectedTraffic } from "../support/oracle.ts";
import { Page } from "../support/page.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const GOLDEN = resolve(import.meta.dirname, "../golden");

/** What client_golang tells of every process, and promtap can tell as well. */
const GO_PROCESS = [
  "process_cpu_seconds_total",
  "process_max_fds",
  "process_open_fds",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
  "process_virtual_memory_bytes",
];

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

/** A program that runs as another one, on a unix socket. */
class Running implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #end = new AbortController();
  readonly #run: Promise<void>;

  constructor(
    name: PersonalityName,
    argv: readonly string[],
    changed: (config: Config) => Partial<Config> = () => ({}),
  ) {
    configureLog("error", "logfmt");
    const { style, flags, guise } = PERSONALITIES[name];
    const config = configOf(ourFlags(PERSONALITIES[name], style.scan(argv, flags).given));
    const listen = [{ kind: "unix" as const, path: this.#socket, mode: 0o600, group: null }];
    // What is given up would be missing to the tests that follow in this process.
    this.#run = run({ ...config, guise, listen, keepCapabilities: true, ...changed(config) }, this.#end.signal);
  }

  static async start(...options: ConstructorParameters<typeof Running>): Promise<Running> {
    const running = new Running(...options);
    const isReady = async () => (await running.get("/-/ready")).status === 200;
    await Promise.race([running.#run, until("it is ready", isReady)]);
    return running;
  }

  async get(path: string): Promise<Answer> {
    const accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    const sent = request({ socketPath: this.#socket, path, agent: false, headers: { accept } }).end();
    const [response] = await once(sent, "response");
    return { status: response.statusCode, type: response.headers["content-type"], body: await text(response) };
  }

  /** The page at the path, once a condition holds for it. */
  async families(path: string, isThere: (body: string) => boolean = () => true): Promise<Map<string, ParsedFamily>> {
    const { type, body } = await until("the page is complete", async () => {
      const answer = await this.get(path);
      return isThere(answer.body) && answer;
    });
    assert.equal(type, "text/plain; version=0.0.4; charset=utf-8");
    return parseExposition(Buffer.from(body), "text");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#run;
    this.#folder[Symbol.dispose]();
  }

  get #socket(): string {
    return join(this.#folder.path, "http");
  }
}

describe("the page, and other paths", { timeout: 60_000 }, () => {
  test("of promacct: the traffic at every path", async () => {
    const frames = [
      ipv4Frame({ source: "192.168.1.100", destination: "10.0.0.2", protocol: PROTOCOL_TCP, lengthBytes: 1500 }),
      ipv4Frame({ source: "192.0.2.1", destination: "192.168.1.200", protocol: PROTOCOL_UDP, lengthBytes: 64 }),
      ipv4Frame({ source: "192.168.1.100", destination: "192.168.1.200", protocol: 250, lengthBytes: 65 }),
      arpFrame(),
    ];
    using folder = new TemporaryFolder();
    const readPath = join(folder.path, "eth0");
    writeFileSync(readPath, Uint8Array.from(pcap({ order: "little" }, frames).flat()));
    const range = "192.168.1.100-192.168.1.200:customer=acmecorp:environment=production";
    await using promacct = await Running.start("promacct", ["-i", "eth0", "-r", range], () => ({ readPath }));
    const isRead = (body: string) => body.includes(`promacct_packet_size_bytes_all_count{interface="eth0"} 4\n`);
    const families = await promacct.families("/", isRead);
    const names = ["all", "ipv4_tx", "ipv4_rx"].map((end) => `promacct_packet_size_bytes_${end}`);
    assert.deepEqual([...families.keys()], names);
    const page = new Page((await promacct.get("/metrics")).body);
    const labels = 'customer="acmecorp",environment="production",';
    const expected = expectedTraffic("eth0", frames, (address) =>
      address.startsWith("192.168.1.") ? labels : undefined,
    );
    assert.deepEqual(page.samples, expected);
    for (const path of ["/favicon.ico", "/-/reload", "/metrics?collect[]=self"]) {
      assert.deepEqual([...(await promacct.families(path)).keys()], names);
    }
    assert.equal((await promacct.get("/-/healthy")).body, "Healthy\n");
  });

  test("of iptables_exporter: the golden page of its form, and its landing page", async () => {
    using fakes = new FakePrograms();
    fakes.print("iptables-save", DUMP);
    await using exporter = await Running.start("iptables_exporter", ["--web.telemetry-path=/m"], ({ features }) => ({
      features: { ...features, iptables: { ...features.iptables!, folders: [fakes.path] } },
    }));
    const families = await exporter.families("/m");
    const golden = parseExposition(readFileSync(join(GOLDEN, "iptables-compat.txt")), "text");
    families.get("iptables_scrape_duration_seconds")!.samples[0]!.value = "0.01";
    assert.deepEqual([...families.keys()].toSorted(), [...GO_PROCESS, ...golden.keys()].toSorted());
    for (const [name, family] of golden) assert.deepEqual(families.get(name), family);
    for (const path of ["/", "/metrics", "/-/reload"]) {
      const { type, body } = await exporter.get(path);
      assert.equal(type, "text/html; charset=utf-8");
      assert.match(body, /<h1>iptables exporter<\/h1>\n<p><a href="\/m">Metrics<\/a>/);
    }
  });

  test("of iptables_exporter: two families if the rules can't be read", async () => {
    using fakes = new FakePrograms();
    fakes.add("iptables-save", "exit 1");
    await using exporter = await Running.start("iptables_exporter", [], ({ features }) => ({
      features: { ...features, iptables: { ...features.iptables!, folders: [fakes.path] } },
    }));
    const families = await exporter.families("/metrics");
    const own = [...families.keys()].filter((name) => !GO_PROCESS.includes(name));
    assert.deepEqual(own, ["iptables_scrape_duration_seconds", "iptables_scrape_success"]);
    assert.equal(families.get("iptables_scrape_success")?.samples[0]?.value, "0");
  });

  test("of geoip-exporter: connections by country, and nothing elsewhere", async () => {
    await using exporter = await Running.start("geoip-exporter", ["--blacklist=8.8.8.8"]);
    const families = [...(await exporter.families("/metrics")).keys()];
    assert.deepEqual(families.filter((name) => name !== "job_location").toSorted(), GO_PROCESS);
    for (const path of ["/", "/-/reload", "/probe"]) assert.equal((await exporter.get(path)).status, 404);
  });

  test("of wialon_ips_exporter: what a file holds", { skip: lacking("libpcap") }, async () => {
    using folder = new TemporaryFolder();
    const readPath = join(folder.path, "trackers.pcap");
    const payload = Buffer.from("#L#imei;password\r\n#D#1;2;3\r\n#X#\r\n");
    const segment = { source: "10.0.0.1", sourcePort: 4000, destination: "10.0.0.9", destinationPort: 20332 };
    const tcp = { sequence: 1, acknowledgment: 0, flags: ACK };
    const frame = { bytes: [...frameOf({ ...segment, payload, tcp })] };
    writeFileSync(readPath, Uint8Array.from(pcap({ order: "little" }, [frame, frame]).flat()));
    await using exporter = await Running.start("wialon_ips_exporter", [], ({ features }) => ({
      readPath,
      features: { ...features, wialon: { ...features.wialon!, interfaces: null } },
    }));
    await exporter.families("/metrics", (body) => body.includes("wialon_ips_raw_packets_total 2\n"));
    const { body } = await exporter.get("/metrics");
    const own = body.split("\n").filter((line) => /^wialon_ips_(?!stream_live)/.test(line));
    assert.deepEqual(own.toSorted(), [
      'wialon_ips_packets_total{type="D",src_ip="10.0.0.1",dst_ip="10.0.0.9"} 1',
      'wialon_ips_packets_total{type="L",src_ip="10.0.0.1",dst_ip="10.0.0.9"} 1',
      'wialon_ips_parse_errors_total{src_ip="10.0.0.1",dst_ip="10.0.0.9"} 1',
      "wialon_ips_raw_packets_total 2",
      'wialon_ips_streams_by_ip_size{src_ip="10.0.0.1",dst_ip="10.0.0.9"} 1',
      "wialon_ips_streams_size 1",
    ]);
    assert.equal((await exporter.get("/")).status, 404);
  });
});

/** Family → help text, as the original has it; undefined if it is ours. */
const HELP: Record<string, [PersonalityName, Record<string, string | undefined>]> = {
  "geoip.txt": ["geoip-exporter", { job_location: "Location connections number" }],
  "wialon.txt": [
    "wialon_ips_exporter",
    {
      wialon_ips_packets_total: "Total number of IPS packets",
      wialon_ips_raw_packets_total: "Total number of packets handled",
      wialon_ips_streams_size: "Number of currently active streams",
      wialon_ips_streams_by_ip_size: "Number of currently active streams by src_ip and dst_ip",
      wialon_ips_parse_errors_total: "Total number of parse errors",
      wialon_ips_stream_live_seconds: undefined,
    },
  ],
  "flow.txt": [
    "flow-exporter",
    { flow_receive_bytes_total: "Bytes received.", flow_transmit_bytes_total: "Bytes transferred." },
  ],
};

for (const [file, [name, helpOf]] of Object.entries(HELP)) {
  test(`of the golden page ${file}, ${name} shows its own families with its own help`, async () => {
    const golden = parseExposition(readFileSync(join(GOLDEN, file)), "text");
    const families = disguised([...golden.values()].map(familyOf), PERSONALITIES[name].guise);
    const chunks: Buffer[] = [];
    for await (const chunk of makePage(families, "text")) chunks.push(Buffer.from(chunk));
    const shown = parseExposition(Buffer.concat(chunks), "text");
    assert.deepEqual([...shown.keys()].toSorted(), Object.keys(helpOf).toSorted());
    for (const [family, help = golden.get(family)!.help] of Object.entries(helpOf)) {
      assert.deepEqual(shown.get(family), { ...golden.get(family)!, help });
    }
  });
}

function familyOf({ name, help, type, samples }: ParsedFamily): Family {
  return {
    name,
    help,
    type: type as MetricType,
    samples: samples.map((sample) => ({
      name: sample.name,
      labels: Object.fromEntries(sample.labels),
      value: Number(sample.value),
    })),
  };
}

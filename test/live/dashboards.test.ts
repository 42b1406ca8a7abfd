import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { rulesText } from "../../src/cli/monitoring.ts";
import { DASHBOARD_NAMES, type DashboardName, makeDashboard } from "../../src/dashboards/dashboards.ts";
import { ipv4Frame, ipv6Frame, PROTOCOL_TCP } from "../support/frames.ts";
import { mmdb } from "../support/mmdb-writer.ts";
import { Namespace } from "../support/namespace.ts";
import { Prometheus } from "../support/prometheus.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const PORT = 9112;
const GOLDEN_PORT = 9113;
const GOLDEN = [
  "bill",
  "customer-accounts",
  "customers",
  "flow",
  "flow-udp",
  "geoip",
  "iptables",
  "state",
  "traffic",
  "web",
  "wialon",
  "zones",
];
const PATIENCE_MS = 50_000;

/** Those that one promtap with real traffic fills; the others need the pages of golden besides. */
const REAL: readonly string[] = ["overview", "interfaces", "addresses", "customers", "countries"];

const scrape = (job: string, port: number, path: string): string =>
  `  - { job_name: ${job}, metrics_path: ${path}, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }`;
const CONFIG = `
global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }
rule_files: [promtap.rules.yml]
scrape_configs:
${[scrape("promtap", PORT, "/metrics"), ...GOLDEN.map((name) => scrape(`golden-${name}`, GOLDEN_PORT, `/${name}`))].join("\n")}
`;

/** The expressions of a dashboard, with every variable at All. */
function expressions(name: DashboardName, job: string): [expression: string, title: string][] {
  const { panels = [] } = makeDashboard(name);
  return panels.flatMap((panel) => {
    const targets = "targets" in panel ? (panel.targets ?? []) : [];
    return targets.map(({ expr }): [string, string] => {
      const expression = String(expr)
        .replaceAll("$__rate_interval", "5s")
        .replaceAll("$__range", "1m")
        .replaceAll("$job", job)
        .replaceAll(/\$\w+/g, ".*");
      return [expression, `${name}: ${panel.title}`];
    });
  });
}

test(
  "every panel of every dashboard has data of a Prometheus that scrapes promtap",
  liveOptions("prometheus", "curl", "iptables"),
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    namespace.addVeth("veth0", "veth1");
    namespace.run("iptables", "-A", "INPUT", "-d", "127.0.0.1", "-j", "ACCEPT");
    const lists = join(folder.path, "customers.csv");
    writeFileSync(lists, "prefix,customer\n10.0.0.0/24,acme\n");
    const database = join(folder.path, "places.mmdb");
    writeFileSync(
      database,
      mmdb({
        "8.8.8.0/24": {
          country_code: "US",
          autonomous_system_number: 15_169,
          autonomous_system_organization: "Google",
        },
      }),
    );
    await using _promtap = await RunningPromtap.start(namespace, [
      "-i",
      "veth0",
      "-r",
      "10.0.0.0/24:site=lab",
      "-r",
      "2001:db8::/64",
      "--range-file",
      lists,
      "--by",
      "country",
      "--by",
      "asn",
      "--peaks",
      "1",
      "--geoip-db",
      database,
      "--iptables",
      "--web.listen-address",
      `127.0.0.1:${PORT}`,
    ]);
    const golden = namespace.spawn(
      [process.execPath, resolve(import.meta.dirname, "golden-pages.ts"), `${GOLDEN_PORT}`],
      { stdio: "ignore" },
    );
    const goldenEnd = once(golden, "close");
    try {
      // Groups have their hours; here a second is one.
      const rules = rulesText().replaceAll(/interval: \w+/g, "interval: 1s");
      await using prometheus = new Prometheus(namespace, CONFIG, { "promtap.rules.yml": rules });
      const frames = [
        ipv4Frame({ source: "10.0.0.1", destination: "8.8.8.8", protocol: PROTOCOL_TCP, lengthBytes: 100 }),
        ipv4Frame({ source: "8.8.8.8", destination: "10.0.0.1", protocol: PROTOCOL_TCP, lengthBytes: 1000 }),
        ipv6Frame({ source: "2001:db8::1", destination: "2001:db8:1::1", protocol: PROTOCOL_TCP, lengthBytes: 200 }),
      ];
      const wanted = new Map(
        DASHBOARD_NAMES.flatMap((name) => expressions(name, REAL.includes(name) ? "promtap" : ".*")),
      );
      await until(
        "all panels have data",
        async () => {
          await send(namespace, "veth1", frames, { count: 30 });
          for (const expression of wanted.keys()) {
            if (prometheus.query(expression).length > 0) wanted.delete(expression);
          }
          assert.deepEqual([...wanted], []);
          return true;
        },
        PATIENCE_MS,
      );
    } finally {
      golden.kill();
      await goldenEnd;
    }
  },
);

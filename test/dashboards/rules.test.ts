import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { rulesText } from "../../src/cli/monitoring.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const root = resolve(import.meta.dirname, "../..");
const skip = lacking("promtool");
const INSTANCE = 'job="promtap",instance="a:9112"';
const FLAT = "x150";

/** Series → values a minute. */
type Series = Readonly<Record<string, string>>;

/** Alert → what makes it fire, and the same series when all is well. */
const CASES: Readonly<Record<string, readonly [wrong: Series, well: Series]>> = {
  PromtapDown: [
    { up: `0${FLAT}`, promtap_build_info: `1x10 _x140` },
    { up: `1${FLAT}`, promtap_build_info: `1${FLAT}` },
  ],
  PromtapLosesPackets: [
    {
      'promtap_capture_lost_packets_total{interface="e"}': "0+2x150",
      'promacct_packet_size_bytes_all_count{interface="e"}': "0+1000x150",
    },
    {
      'promtap_capture_lost_packets_total{interface="e"}': "0+2x150",
      'promacct_packet_size_bytes_all_count{interface="e"}': "0+3000x150",
    },
  ],
  PromtapInterfaceDown: [
    { 'promtap_interface_up{interface="e"}': `0${FLAT}` },
    { 'promtap_interface_up{interface="e"}': `1${FLAT}` },
  ],
  PromtapCountsNothing: [
    {
      'promacct_packet_size_bytes_all_count{interface="e"}': `7${FLAT}`,
      'promtap_interface_up{interface="e"}': `1${FLAT}`,
    },
    {
      'promacct_packet_size_bytes_all_count{interface="e",vlan=""}': `7${FLAT}`,
      'promacct_packet_size_bytes_all_count{interface="e",vlan="10"}': "7+1x150",
      'promtap_interface_up{interface="e"}': `1${FLAT}`,
    },
  ],
  PromtapCollectorFails: [
    { 'promtap_collector_success{collector="x"}': `0${FLAT}` },
    { 'promtap_collector_success{collector="x"}': `1${FLAT}` },
  ],
  PromtapLimitReached: [
    { promtap_customers: `99${FLAT}`, promtap_customers_limit: `100${FLAT}` },
    { promtap_customers: `9${FLAT}`, promtap_customers_limit: `100${FLAT}` },
  ],
  PromtapFilesRunOut: [
    { process_open_fds: `95${FLAT}`, process_max_fds: `100${FLAT}`, promtap_build_info: `1${FLAT}` },
    { process_open_fds: `5${FLAT}`, process_max_fds: `100${FLAT}`, promtap_build_info: `1${FLAT}` },
  ],
  PromtapReloadFailed: [
    { promtap_config_last_reload_successful: `0${FLAT}` },
    { promtap_config_last_reload_successful: `1${FLAT}` },
  ],
  PromtapStateUnwritten: [
    { promtap_state_write_failures_total: "0+1x150" },
    { promtap_state_write_failures_total: `3${FLAT}` },
  ],
  PromtapSamplesUnwritten: [
    { promtap_bill_sample_failures_total: "0+1x150", promtap_bill_last_sample_timestamp_seconds: "0+60x150" },
    { promtap_bill_sample_failures_total: `3${FLAT}`, promtap_bill_last_sample_timestamp_seconds: "0+60x150" },
  ],
  PromtapCertificateEnds: [
    { promtap_web_certificate_not_after_timestamp_seconds: `1000000${FLAT}` },
    { promtap_web_certificate_not_after_timestamp_seconds: `2000000${FLAT}` },
  ],
  PromtapDatabaseOld: [
    { 'promtap_geoip_database_build_timestamp_seconds{database="d"}': `-6000000${FLAT}` },
    { 'promtap_geoip_database_build_timestamp_seconds{database="d"}': `0${FLAT}` },
  ],
  PromtapDatabaseUnreadable: [
    { 'promtap_geoip_database_current{database="d"}': `0${FLAT}` },
    { 'promtap_geoip_database_current{database="d"}': `1${FLAT}` },
  ],
  PromtapDatabaseUnfit: [
    { 'promtap_traffic_by_current{by="country"}': `0${FLAT}` },
    { 'promtap_traffic_by_current{by="country"}': `1${FLAT}` },
  ],
  PromtapFirewallUnreadable: [
    { 'iptables_scrape_success{family="ipv4"}': `0${FLAT}` },
    { 'iptables_scrape_success{family="ipv4"}': `1${FLAT}` },
  ],
  PromtapFirewallOld: [
    { 'promtap_iptables_age_seconds{family="ipv4"}': `400${FLAT}` },
    { 'promtap_iptables_age_seconds{family="ipv4"}': `4${FLAT}` },
  ],
  PromtapFlowsUnread: [{ promtap_flow_up: `0${FLAT}` }, { promtap_flow_up: `1${FLAT}` }],
  PromtapFlowsLag: [
    { 'promtap_flow_lag_messages{topic="t",partition="0"}': "2000+10x150" },
    { 'promtap_flow_lag_messages{topic="t",partition="0"}': "9000-10x150" },
  ],
  PromtapFlowsLost: [{ promtap_flow_lost_messages_total: "0+1x150" }, { promtap_flow_lost_messages_total: `5${FLAT}` }],
  PromtapDatagramsLost: [
    { 'promtap_flow_lost_total{exporter="192.0.2.1",protocol="ipfix",domain="0"}': "0+1x150" },
    { 'promtap_flow_lost_total{exporter="192.0.2.1",protocol="ipfix",domain="0"}': `9${FLAT}` },
  ],
  PromtapFlowsUnwritten: [{ promtap_flow_produce_up: `0${FLAT}` }, { promtap_flow_produce_up: `1${FLAT}` }],
  PromtapWialonLosesPackets: [
    { 'wialon_ips_capture_lost_packets_total{interface="e"}': "0+60x150" },
    { 'wialon_ips_capture_lost_packets_total{interface="e"}': `60${FLAT}` },
  ],
};

/** A test file for promtool: whether an alert fires after two hours, of these series. */
function suite(alert: string, series: Series, isFiring: boolean): string {
  const inputs = Object.entries(series).map(([name, values]) => {
    const labelled = name.includes("{") ? name.replace("}", `,${INSTANCE}}`) : `${name}{${INSTANCE}}`;
    return `      - { series: '${labelled}', values: '${values}' }`;
  });
  const expr = `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`;
  return [
    "  - interval: 1m",
    "    input_series:",
    ...inputs,
    "    promql_expr_test:",
    `      - { expr: '${expr}', eval_time: 2h, exp_samples: [{ value: ${isFiring ? 1 : 0} }] }`,
  ].join("\n");
}

function promtool(folder: TemporaryFolder, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync("promtool", args, { cwd: folder.path, encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
}

/** A folder with the rules in it. */
function rulesFolder(): TemporaryFolder {
  const folder = new TemporaryFolder();
  writeFileSync(join(folder.path, "promtap.rules.yml"), rulesText());
  return folder;
}

describe("the rules", () => {
  test("are legal", { skip }, () => {
    using folder = rulesFolder();
    promtool(folder, "check", "rules", "promtap.rules.yml");
  });

  test("have a case here for every alert, and the manual has a line for it", () => {
    const alerts = [...rulesText().matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
    assert.deepEqual(Object.keys(CASES), alerts);
    const manual = readFileSync(join(root, "src/dashboards/README.md"), "utf8");
    assert.deepEqual(
      [...manual.matchAll(/^\| `(Promtap\w+)`/gm)].map(([, name]) => name),
      alerts,
    );
  });

  test("record what the manual of customers says", () => {
    const manual = readFileSync(join(root, "src/customers/README.md"), "utf8");
    const [, groups = ""] = /```yaml\ngroups:\n([^]*?)```/.exec(manual) ?? [];
    assert.notEqual(groups, "");
    assert.ok(rulesText().includes(groups), "promtap.rules.yml has other groups than the manual");
  });

  test("fire if something is wrong, and at no other time", { skip }, () => {
    using folder = rulesFolder();
    const suites = Object.entries(CASES).flatMap(([alert, [wrong, well]]) => [
      suite(alert, wrong, true),
      suite(alert, well, false),
    ]);
    const lines = ["rule_files: [promtap.rules.yml]", "evaluation_interval: 5m", "tests:", ...suites];
    writeFileSync(join(folder.path, "test.yml"), `${lines.join("\n")}\n`);
    promtool(folder, "test", "rules", "test.yml");
  });

  test("stop firing when it is well again", { skip }, () => {
    using folder = rulesFolder();
    const series = suite("PromtapReloadFailed", { promtap_config_last_reload_successful: "0x60 1x90" }, false);
    const lines = ["rule_files: [promtap.rules.yml]", "evaluation_interval: 5m", "tests:", series];
    writeFileSync(join(folder.path, "test.yml"), `${lines.join("\n")}\n`);
    promtool(folder, "test", "rules", "test.yml");
  });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { ruleText } from "../../src/collectors/iptables/nft/rule-text.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";

const OPTIONS = liveOptions("iptables", "iptables-legacy", "nft", "ping", "setpriv");
const PINGS = 5;
/** ICMP echo with 100 bytes of payload. */
const PING_BYTES = { ipv4: 20 + 8 + 100, ipv6: 40 + 8 + 100 };
/** Bits of linux/capability.h. */
const CAP_DAC_READ_SEARCH = 1n << 2n;
const CAP_NET_ADMIN = 1n << 12n;
const CAP_NET_RAW = 1n << 13n;
const NEEDED = ["net_admin", "net_raw", "dac_read_search"];

/** Starts a program as a user with these capabilities alone, which the programs that it starts have too. */
function unprivileged(...capabilities: string[]): string[] {
  const added = capabilities.map((name) => `+${name}`).join(",");
  const sets = capabilities.length === 0 ? [] : [`--inh-caps=${added}`, `--ambient-caps=${added}`];
  return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", ...sets];
}

/** A namespace with IPv6 on its loopback. */
function dualNamespace(): Namespace {
  const namespace = new Namespace();
  namespace.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.lo.disable_ipv6=0");
  return namespace;
}

function ping(namespace: Namespace, address: string): void {
  namespace.run("ping", "-q", "-i", "0.01", "-c", `${PINGS}`, "-s", "100", address);
}

const BACKENDS: [backend: string, family: "ipv4" | "ipv6", rule: string][] = [
  ["iptables-nft", "ipv4", "-p icmp -m icmp --icmp-type 8 -j ACCEPT"],
  ["iptables-legacy", "ipv4", "-p icmp -m icmp --icmp-type 8 -j ACCEPT"],
  ["iptables-nft", "ipv6", "-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT"],
  ["iptables-legacy", "ipv6", "-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT"],
];
const NFT_TABLE = `
  table inet host {
    counter pings { }
    quota daily { over 1 mbytes }
    set local { type ipv4_addr; elements = { 127.0.0.1, 127.0.0.2, 127.0.0.3 } }
    chain input {
      type filter hook input priority 10; policy accept;
      icmp type echo-request counter name "pings" quota name "daily"
      icmp type echo-request counter comment "v4"
      icmpv6 type echo-request counter
    }
  }`;

/** Gives every backend a rule that counts pings. */
function addRules(namespace: Namespace): void {
  for (const [backend, family, rule] of BACKENDS) {
    const program = `${family === "ipv4" ? "iptables" : "ip6tables"}-${backend.slice("iptables-".length)}`;
    namespace.run(program, "-A", "INPUT", ...rule.split(" "));
  }
  namespace.run("nft", NFT_TABLE);
}

/** Whether each source could be read, by its labels. */
function successes(page: Page): Record<string, number> {
  const prefix = "iptables_scrape_success";
  return Object.fromEntries(
    [...page.samples]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

function assertPings(page: Page): void {
  for (const [backend, family, rule] of BACKENDS) {
    const labels = [`family="${family}"`, `backend="${backend}"`, 'table="filter"', 'chain="INPUT"', `rule="${rule}"`];
    assert.equal(page.sum("iptables_rule_packets_total", ...labels), PINGS, labels.join());
    assert.equal(page.sum("iptables_rule_bytes_total", ...labels), PINGS * PING_BYTES[family], labels.join());
  }
  const labels = '{family="inet",backend="nftables",table="host",chain="input"';
  const v4 = `${labels},rule="icmp type echo-request counter comment \\"v4\\""}`;
  assert.equal(page.value(`iptables_rule_packets_total${v4}`), PINGS);
  assert.equal(
    page.value(`iptables_rule_bytes_total${labels},rule="icmpv6 type echo-request counter"}`),
    PINGS * PING_BYTES.ipv6,
  );
  const named = (object: string) => `{family="inet",table="host",name="${object}"}`;
  assert.equal(page.value(`promtap_nftables_named_packets_total${named("pings")}`), PINGS);
  assert.equal(page.value(`promtap_nftables_named_bytes_total${named("pings")}`), PINGS * PING_BYTES.ipv4);
  assert.equal(page.value(`promtap_nftables_quota_used_bytes${named("daily")}`), PINGS * PING_BYTES.ipv4);
  assert.equal(page.value(`promtap_nftables_quota_bytes${named("daily")}`), 2 ** 20);
  assert.equal(page.value(`promtap_nftables_set_elements${named("local")}`), 3);
  assert.deepEqual([...new Set(Object.values(successes(page)))], [1]);
}

function capabilitiesOf(pid: number): bigint {
  const digits = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1];
  return BigInt(`0x${digits}`);
}

describe("the firewall", OPTIONS, () => {
  test("of every backend is counted to the packet, by root that has given up all but three capabilities", async () => {
    using namespace = dualNamespace();
    addRules(namespace);
    await using promtap = await RunningPromtap.start(namespace, ["--iptables"]);
    assert.equal(capabilitiesOf(promtap.process.pid!), CAP_NET_ADMIN | CAP_NET_RAW | CAP_DAC_READ_SEARCH);
    assert.equal((await promtap.page()).sum("iptables_rule_packets_total"), 0);
    ping(namespace, "127.0.0.1");
    ping(namespace, "::1");
    assertPings(await promtap.page());
    const listed = await promtap.listedWhere("firewall rules", ({ size }) => size > 0);
    for (const [backend, family, rule] of BACKENDS) {
      assert.equal(listed.get(`${rule} (${family} ${backend} filter INPUT)`), PINGS * PING_BYTES[family], backend);
    }
    const status = (await promtap.get("/")).body;
    assert.match(status, /Firewall rules/);
    assert.doesNotMatch(status, /Interfaces|Addresses|Traffic/, "no traffic is counted");
  });

  test("is counted by an unprivileged user with the capabilities of the unit", async () => {
    using namespace = dualNamespace();
    addRules(namespace);
    await using promtap = await RunningPromtap.start(namespace, ["--iptables"], unprivileged(...NEEDED));
    ping(namespace, "127.0.0.1");
    ping(namespace, "::1");
    assertPings(await promtap.page());
  });

  test("names the capability that is missing, and serves what needs none of it", async () => {
    using namespace = dualNamespace();
    addRules(namespace);
    await using promtap = await RunningPromtap.start(namespace, ["--iptables"], unprivileged("net_admin"));
    assert.deepEqual(successes(await promtap.page()), {
      '{family="ipv4",backend="iptables-nft"}': 1,
      '{family="ipv4",backend="iptables-legacy"}': 0,
      '{family="ipv6",backend="iptables-nft"}': 1,
      '{family="ipv6",backend="iptables-legacy"}': 0,
      '{backend="nftables"}': 1,
    });
    const { stderr } = await promtap.stop();
    assert.equal(stderr.match(/iptables-legacy-save .*missing CAP_NET_RAW, CAP_DAC_READ_SEARCH/g)?.length, 1, stderr);

    await using powerless = await RunningPromtap.start(namespace, ["--iptables"], unprivileged());
    for (let scrape = 0; scrape < 3; scrape++) {
      assert.deepEqual([...new Set(Object.values(successes(await powerless.page())))], [0]);
    }
    const log = (await powerless.stop()).stderr;
    assert.equal(log.match(/ip6?tables-nft-save ended .*; missing CAP_NET_ADMIN"/g)?.length, 2, log);
    assert.equal(log.match(/nft ended .*; missing CAP_NET_ADMIN"/g)?.length, 1, log);
  });

  test("stays as it is if there is none: no table is made by looking", async () => {
    using namespace = dualNamespace();
    await using promtap = await RunningPromtap.start(namespace, ["--iptables"]);
    const page = await promtap.page();
    assert.deepEqual([...new Set(Object.values(successes(page)))], [1]);
    assert.equal(page.sum("promtap_iptables_rules"), 0);
    for (const file of ["ip_tables_names", "ip6_tables_names"]) {
      assert.equal(namespace.run("cat", `/proc/net/${file}`), "");
    }
    assert.equal(namespace.run("nft", "list", "ruleset"), "");
  });

  test("has rules as iptables itself prints them, whatever their comments", async () => {
    using namespace = new Namespace();
    const comments = [
      'a "b"  c it\'s \\ } [12:34]',
      "new\nline\n[1:1] -A INPUT -j DROP\nCOMMIT",
      "# no",
      "é😀",
      "",
      "COMMIT",
      "--comment",
    ];
    for (const program of ["iptables-nft", "iptables-legacy"]) {
      for (const comment of comments) {
        namespace.run(program, "-A", "INPUT", "-m", "comment", "--comment", comment, "-j", "ACCEPT");
      }
      namespace.run(
        program,
        "-A",
        "INPUT",
        "-m",
        "string",
        "--algo",
        "bm",
        "--string",
        'x "y"  z',
        "-j",
        "LOG",
        "--log-prefix",
        "--comment ",
      );
    }
    await using promtap = await RunningPromtap.start(namespace, ["--iptables", "--iptables-comments"]);
    const page = await promtap.page();
    const escaped = (text: string): string =>
      text.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
    for (const program of ["iptables-nft", "iptables-legacy"]) {
      const printed = namespace
        .run(program, "-S", "INPUT")
        .split(/\n(?=-A INPUT -m (?:comment|string))/)
        .slice(1);
      const rules = printed.map((rule) => rule.trimEnd().slice("-A INPUT ".length));
      assert.equal(rules.length, comments.length + 1);
      for (const [index, rule] of rules.entries()) {
        const comment = comments[index] ?? "";
        const label = comment === "" ? "" : `,comment="${escaped(comment)}"`;
        const series = `{family="ipv4",backend="${program}",table="filter",chain="INPUT",rule="${escaped(rule)}"${label}}`;
        assert.equal(page.value(`iptables_rule_packets_total${series}`), 0, series);
      }
    }
    assert.equal(page.sum("promtap_iptables_unreadable_lines"), 0);
    assert.equal(page.sum("promtap_iptables_rules"), 2 * (comments.length + 1));
  });

  test("of iptables-nft is not counted again as nftables', and what nft adds to its tables is not lost", async () => {
    using namespace = new Namespace();
    namespace.run("iptables-nft", "-A", "INPUT", "-p", "icmp", "-j", "ACCEPT");
    namespace.run("nft", "add chain ip filter extra { type filter hook input priority -5; policy accept; }");
    namespace.run("nft", "add rule ip filter extra ip protocol icmp counter");
    namespace.run("nft", "add table ip plain; add chain ip plain input { type filter hook input priority -7; }");
    namespace.run("nft", "add rule ip plain input ip protocol icmp counter");
    await using promtap = await RunningPromtap.start(namespace, ["--iptables"]);
    ping(namespace, "127.0.0.1");
    const page = await promtap.page();
    const packets = [...page.samples].filter(
      ([name, value]) => name.startsWith("iptables_rule_packets_total") && value > 0,
    );
    // A request and its answer each.
    assert.deepEqual(Object.fromEntries(packets), {
      'iptables_rule_packets_total{family="ipv4",backend="iptables-nft",table="filter",chain="INPUT",rule="-p icmp -j ACCEPT"}':
        2 * PINGS,
      'iptables_rule_packets_total{family="ipv4",backend="nftables",table="filter",chain="extra",rule="ip protocol icmp counter"}':
        2 * PINGS,
      'iptables_rule_packets_total{family="ipv4",backend="nftables",table="plain",chain="input",rule="ip protocol icmp counter"}':
        2 * PINGS,
    });
  });

  test("is iptables_exporter's with --iptables-compat", async () => {
    using namespace = new Namespace();
    addRules(namespace);
    await using promtap = await RunningPromtap.start(namespace, ["--iptables", "--iptables-compat"]);
    ping(namespace, "127.0.0.1");
    const page = await promtap.page();
    const rule = '{chain="INPUT",rule="-p icmp -m icmp --icmp-type 8 -j ACCEPT",table="filter"}';
    assert.equal(page.value(`iptables_rule_bytes_total${rule}`), PINGS * PING_BYTES.ipv4);
    assert.equal(page.value("iptables_scrape_success"), 1);
    assert.deepEqual(
      [...page.samples.keys()].filter((name) => /backend=|nftables/.test(name)),
      [],
    );
  });
});

test("--check says what would be read, and what that takes; without any program it fails", OPTIONS, async () => {
  using namespace = new Namespace();
  const check = (...args: string[]) => runPromtap(namespace, ["--iptables", "--check", ...args]);
  const { status, stdout } = await check();
  assert.equal(status, 0);
  assert.match(stdout, /^would read iptables-legacy for ipv6 with \/usr\/sbin\/ip6tables-legacy-save$/m);
  assert.match(stdout, /^would read nftables with \/usr\/sbin\/nft$/m);
  assert.match(stdout, /^capabilities needed for the firewall: CAP_NET_ADMIN CAP_NET_RAW CAP_DAC_READ_SEARCH$/m);
  const missing = await check("--iptables-folder", "/nonexistent");
  assert.equal(missing.status, 1);
  assert.match(
    missing.stderr,
    /^couldn't find iptables-save, ip6tables-save or nft in \/nonexistent; install iptables or/,
  );
});

/** Rules in nft's language; what nft prints of them is what the page shows. */
const NFT_RULES = [
  "ip saddr 10.0.0.1 counter drop",
  "ip saddr 10.0.0.0/8 ip daddr != 10.0.0.2 counter accept",
  "ip saddr { 10.0.0.1, 10.0.0.5-10.0.0.9, 192.168.0.0/16 } counter accept",
  "ip6 saddr 2001:db8::/32 counter drop",
  'tcp dport 22 counter accept comment "ssh } [1:2] # x"',
  "tcp dport { 22, 80-90, 443 } counter accept",
  "tcp dport > 1024 counter",
  "ct state established,related counter accept",
  "ct state vmap { invalid : drop, established : accept } counter",
  "tcp flags syn counter",
  "tcp flags == syn counter",
  'iifname { "eth0", "eth1" } counter',
  'oifname "veth*" counter',
  "meta mark & 0x000000ff == 0x00000001 counter",
  "meta mark set 0x00000002 counter",
  "meta l4proto { tcp, udp } counter",
  "ip daddr { 192.0.2.1 counter, 192.0.2.2 counter } counter",
  "icmp type echo-request counter accept",
  "ip saddr . tcp dport { 1.2.3.4 . 80, 1.2.3.5 . 443 } counter",
  'log prefix "hello  world: " level warn counter',
  "limit rate over 10/second burst 20 packets counter drop",
  "quota over 5 mbytes counter drop",
  "counter jump other",
  "counter reject with tcp reset",
];

test("nftables' rules have the text that nft prints", OPTIONS, () => {
  using namespace = new Namespace();
  namespace.run("nft", `table inet t { chain other { }; chain c { ${NFT_RULES.join("; ")}; }; }`);
  const { nftables } = JSON.parse(namespace.run("nft", "-j", "-t", "list", "chain", "inet", "t", "c")) as {
    nftables: { rule?: { expr: unknown[]; comment?: string } }[];
  };
  const texts = nftables.flatMap(({ rule }) => (rule === undefined ? [] : [ruleText(rule.expr, rule.comment ?? "")]));
  const printed = namespace.run("nft", "--stateless", "list", "chain", "inet", "t", "c");
  assert.deepEqual(
    texts,
    printed
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.includes("counter")),
  );
  assert.equal(texts.length, NFT_RULES.length);
});

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FakePrograms } from "../collectors/iptables/fake-programs.ts";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const OPTIONS = liveOptions("iptables", "nft", "ping");
const ELEMENTS = 300_000;
/** What Prometheus waits by default. */
const SCRAPE_SECONDS = 10;

describe("a slow backend", OPTIONS, () => {
  test("of hundreds of thousands of elements holds no rule, and they are counted in time of their own", async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    const file = join(folder.path, "rules");
    const elements = Array.from({ length: ELEMENTS }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
    const set = `set bad { type ipv4_addr; elements = { ${elements.join(", ")} }; }`;
    const chain =
      "chain c { type filter hook input priority 0; ip saddr @bad counter; icmp type echo-request counter; }";
    writeFileSync(file, `table ip t { ${set}; ${chain}; }\n`);
    namespace.run("nft", "-f", file);
    await using promtap = await RunningPromtap.start(namespace, ["--iptables"]);
    namespace.run("ping", "-q", "-i", "0.01", "-c", "5", "127.0.0.1");
    const rule = '{family="ipv4",backend="nftables",table="t",chain="c",rule="icmp type echo-request counter"}';
    for (let counted: number | undefined; counted !== ELEMENTS;) {
      const page = await promtap.page(SCRAPE_SECONDS);
      assert.equal(page.value(`iptables_rule_packets_total${rule}`), 5);
      assert.equal(page.value('iptables_scrape_success{backend="nftables"}'), 1);
      counted = page.value('promtap_nftables_set_elements{family="ipv4",table="t",name="bad"}');
      assert.equal(page.value("promtap_nftables_set_elements_age_seconds") === undefined, counted === undefined);
    }
  });

  test("holds neither another one nor the traffic, and the page comes in time", async () => {
    using namespace = new Namespace();
    using fakes = new FakePrograms();
    namespace.run("iptables-nft", "-A", "INPUT", "-p", "icmp", "-j", "ACCEPT");
    fakes.link("/usr/sbin/iptables-nft-save", "iptables-nft-save");
    fakes.add("nft", "sleep 1000");
    const args = ["--iptables", "--iptables-folder", fakes.path, "-i", "lo"];
    await using promtap = await RunningPromtap.start(namespace, args);
    namespace.run("ping", "-q", "-i", "0.01", "-c", "5", "127.0.0.1");
    for (let scrape = 0; scrape < 2; scrape++) {
      const start = performance.now();
      const page = await promtap.page(SCRAPE_SECONDS);
      assert.ok(performance.now() - start < SCRAPE_SECONDS * 1000);
      assert.equal(page.value('iptables_scrape_success{backend="nftables"}'), 0);
      assert.equal(page.sum("iptables_rule_packets_total", 'backend="iptables-nft"'), 10);
      assert.equal(page.value('promacct_packet_size_bytes_all_count{interface="lo"}'), 10);
      assert.equal(page.value('promtap_collector_success{collector="iptables"}'), 1);
    }
    const { stderr } = await promtap.stop();
    assert.equal(stderr.match(/nft isn't done in its share of the scrape's time/g)?.length, 1, stderr);
  });
});

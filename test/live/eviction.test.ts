import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { type Frame, ipv4Frame, ipv6Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { Load, send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const LIMIT = 64;
const SCANNED = 300;
/** Two looks are some seconds apart; a machine that does other things too takes longer. */
const PATIENCE_MS = 45_000;

/** Somebody outside sends a packet to each address, none of which answers. */
function scan(version: 4 | 6): Frame[] {
  return Array.from({ length: SCANNED }, (_, host) => {
    const fields = { protocol: PROTOCOL_UDP, lengthBytes: 60 };
    if (version === 4) {
      return ipv4Frame({ source: "192.0.2.1", destination: `10.0.${host >> 8}.${host & 0xff}`, ...fields });
    }
    return ipv6Frame({ source: "2001:db8:1::1", destination: `2001:db8::${host.toString(16)}`, ...fields });
  });
}

function customer(version: 4 | 6, address: string): Frame {
  const fields = { source: address, protocol: PROTOCOL_UDP, lengthBytes: 100 };
  return version === 4
    ? ipv4Frame({ destination: "192.0.2.1", ...fields })
    : ipv6Frame({ destination: "2001:db8:1::1", ...fields });
}

type Case = [what: string, version: 4 | 6, ranges: string[], customers: [string, string]];
const CASES: Case[] = [
  ["IPv4", 4, ["10.0.0.0/20:site=lab"], ["10.0.9.1", "10.0.9.2"]],
  ["IPv6", 6, ["2001:db8::/64:site=lab"], ["2001:db8::9:1", "2001:db8::9:2"]],
];
/** The kernel gives out rows for addresses of a wide range as they are seen. */
const WIDE: Case = ["IPv4", 4, ["10.0.0.0/8:site=lab"], ["10.0.9.1", "10.9.9.2"]];
const BY_ENGINE: Record<string, Case[]> = {
  ring: CASES,
  pcap: CASES,
  bpf: [...CASES, WIDE],
  tcx: [...CASES, WIDE],
};

for (const [engine, cases] of Object.entries(BY_ENGINE)) {
  for (const [what, version, ranges, customers] of cases) {
    test(
      `engine ${engine} gives a customer the series of a scanned ${what} address of ${ranges.join()}`,
      engineOptions(engine),
      async () => {
        using namespace = new Namespace();
        namespace.addVeth("veth0", "veth1");
        const args = [
          "--engine",
          engine,
          "-i",
          "veth0",
          "--max-addresses",
          `${LIMIT}`,
          ...ranges.flatMap((range) => ["-r", range]),
        ];
        await using promtap = await RunningPromtap.start(namespace, args);
        const [tx, rx] = ["tx", "rx"].map((direction) => `promacct_packet_size_bytes_ipv${version}_${direction}`);
        await send(namespace, "veth1", scan(version));
        await promtap.pageWhere("all is scanned", (page) => page.sum(`${rx}_count`) === SCANNED);
        const frames = customers.map((address) => customer(version, address));
        const series = customers.map(
          (address) => `${tx}_count{interface="veth0",site="lab",ip="${address}",protocol="udp"}`,
        );
        let before = new Page("");
        {
          await using _ = new Load(namespace, "veth1", frames, "2ms");
          await promtap.pageWhere(
            "both customers have series",
            (page) => {
              assertGrows(before, page, series);
              before = page;
              return series.every((each) => page.value(each) !== undefined);
            },
            PATIENCE_MS,
          );
        }
        const sent = namespace.statistic("veth1", "tx_packets");
        const all = 'promacct_packet_size_bytes_all_count{interface="veth0"}';
        const page = await promtap.pageWhere("all frames are counted", (found) => found.value(all) === sent);
        assertGrows(before, page, series);
        assert.equal(page.sum(`${rx}_count`), SCANNED);
        assert.equal(page.sum(`${tx}_count`), sent - SCANNED);
        assert.equal(page.sum(`${tx}_sum`), (sent - SCANNED) * 100);
        assert.equal(page.value("promtap_traffic_addresses"), LIMIT);
        assert.equal(page.sum("promtap_traffic_evicted_addresses_total"), 2);
        assert.equal(page.sum("promtap_capture_lost_packets_total"), 0);
      },
    );
  }
}

/** Asserts that no counter of the later page is below the same one of the earlier. */
function assertGrows(earlier: Page, later: Page, series: readonly string[]): void {
  const counters = [...earlier.samples].filter(([name]) => series.includes(name) || /ip="other"|_total\b/.test(name));
  for (const [name, value] of counters) {
    const now = later.value(name);
    if (now !== undefined) assert.ok(now >= value, `${name} went from ${value} to ${now}`);
  }
}

test("a file that begins with a scan of thousands of addresses has series of the customers behind it", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "scan.pcap");
  const scanned = Array.from({ length: 9000 }, (_, host) =>
    ipv4Frame({
      source: "192.0.2.1",
      destination: `10.0.${host >> 8}.${host & 0xff}`,
      protocol: PROTOCOL_UDP,
      lengthBytes: 28,
    }),
  );
  const customers = Array.from({ length: 2000 }, (_, k) => customer(4, `10.1.0.${k % 5}`));
  writeFileSync(path, Uint8Array.from(pcap({ order: "little" }, [...scanned, ...customers]).flat()));
  const pages: string[] = [];
  for (let run = 0; run < 2; run++) {
    const args = ["--read", path, "--once", "-r", "10.0.0.0/8", "--max-addresses", "4000"];
    const { status, stdout, stderr } = await runPromtap(undefined, args);
    assert.equal(status, 0, stderr);
    pages.push(
      stdout
        .split("\n")
        .filter((line) => line.startsWith("promacct_"))
        .join("\n"),
    );
  }
  assert.equal(pages[0], pages[1], "the same file has the same page");
  const page = new Page(pages[0]!);
  const tx = "promacct_packet_size_bytes_ipv4_tx_count";
  for (let host = 0; host < 5; host++) {
    assert.equal(page.value(`${tx}{interface="scan.pcap",ip="10.1.0.${host}",protocol="udp"}`), 400);
  }
  assert.equal(page.sum(tx), 2000);
  assert.equal(page.sum("promacct_packet_size_bytes_ipv4_rx_count"), 9000);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { arpFrame, type Frame, ipv4Frame, ipv6Frame, PROTOCOL_TCP, PROTOCOL_UDP, tagged } from "../support/frames.ts";
import { mmdb, type MmdbValue } from "../support/mmdb-writer.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { startRecording } from "../support/recording.ts";
import { send } from "../support/sender.ts";
import { sorted } from "../support/sorted.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const ENGINES = ["bpf", "tcx", "ring", "pcap"];
const ALL = 'promacct_packet_size_bytes_all_count{interface="veth0"}';

const LIST = "prefix,customer\n10.0.0.0/8,ten\n10.1.0.0/16,one\n2001:db8::/32,one\n";

function record(country: string, asn: number): MmdbValue {
  return { country_code: country, autonomous_system_number: asn, autonomous_system_organization: `AS of ${country}` };
}

const DATABASE = mmdb({
  "8.8.0.0/16": record("US", 15_169),
  "193.0.0.0/16": record("NL", 3333),
  "9.9.9.0/24": record("US", 19_281),
  "2001:4860::/32": record("US", 15_169),
});

const configOf = (zones: string, database: string, list: string): string => `interfaces: [veth0]
ranges: [{file: ${list}}]
customers: {by: [zone, country, protocol]}
geoip_databases: [${database}]
zones: ${zones}
`;
const ZONES = `
  own: [10.0.0.0/8, "2001:db8::/32"]
  cache: [8.8.4.0/24, 10.1.2.0/24]
  peering: [AS15169]
  europe: [NL]
  transit: ["*"]
`;
/** More customers and zones than there was room for at the start. */
const CROWD = Array.from({ length: 300 }, (_, k) => `11.0.${k >> 8}.${k & 255},c${k}\n`).join("");
const LATER_ZONES = `
  own: [10.0.0.0/9]
  peering: [AS19281, NL]
${Array.from({ length: 40 }, (_, k) => `  z${k}: [11.1.${k}.0/24]\n`).join("")}`;

/** What the test knows of each address: customer, country, and its zone of both sets. */
const PLACES: Readonly<Record<string, readonly [customer: string, country: string, zone: string, later: string]>> = {
  "10.0.0.1": ["ten", "private", "own", "own"],
  "10.1.0.1": ["one", "private", "own", "own"],
  "10.1.2.3": ["one", "private", "cache", "own"],
  "10.200.0.1": ["ten", "private", "own", "unknown"],
  "8.8.8.8": ["", "US", "peering", "unknown"],
  "8.8.4.4": ["", "US", "cache", "unknown"],
  "9.9.9.9": ["", "US", "transit", "peering"],
  "193.0.14.129": ["", "NL", "europe", "peering"],
  "198.41.0.4": ["", "unknown", "transit", "unknown"],
  "224.0.0.1": ["", "multicast", "transit", "unknown"],
  "2001:db8::1": ["one", "unknown", "own", "unknown"],
  "2001:4860::8888": ["", "US", "peering", "unknown"],
  "64:ff9b::c100:e81": ["", "NL", "europe", "peering"],
  "2001:500::c": ["", "unknown", "transit", "unknown"],
};
const ZONE = 2;
const LATER_ZONE = 3;

/** Every pair of addresses, with sizes of their own. */
function allFrames(): Frame[] {
  const frames: Frame[] = [arpFrame()];
  for (const source of Object.keys(PLACES)) {
    for (const destination of Object.keys(PLACES)) {
      const isIpv6 = source.includes(":");
      if (destination.includes(":") !== isIpv6) continue;
      const fields = { source, destination, protocol: PROTOCOL_UDP, lengthBytes: 80 + frames.length };
      const frame = isIpv6 ? ipv6Frame(fields) : ipv4Frame({ ...fields, protocol: PROTOCOL_TCP });
      frames.push(frames.length % 5 === 0 ? tagged(frame, 7) : frame);
    }
  }
  return frames;
}

/** The series that the page must have, by a plain count; `zone`: which of the two sets counts. */
function expectedSeries(frames: readonly Frame[], zone: number, series = new Map<string, number>()) {
  const add = (name: string, value: number) => series.set(name, (series.get(name) ?? 0) + value);
  for (const { ip, lengthBytes } of frames) {
    if (ip === undefined) continue;
    for (const [own, remote, direction] of [
      [ip.source, ip.destination, "tx"],
      [ip.destination, ip.source, "rx"],
    ] as const) {
      const customer = PLACES[own]![0];
      if (customer === "") continue;
      const at = `zone="${PLACES[remote]![zone]}",country="${PLACES[remote]![1]}"`;
      const protocol = own.includes(":") ? "udp" : "tcp";
      const labels = `interface="veth0",customer="${customer}",${at},protocol="${protocol}",direction="${direction}"`;
      add(`promtap_customer_packets_total{${labels}}`, 1);
      add(`promtap_customer_bytes_total{${labels}}`, lengthBytes);
    }
  }
  return sorted(series);
}

function bytesByCustomer(series: ReadonlyMap<string, number>): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [name, value] of series) {
    const [, customer] = /^promtap_customer_bytes_total\{.*customer="(\w+)"/.exec(name) ?? [];
    if (customer !== undefined) sums.set(customer, (sums.get(customer) ?? 0) + value);
  }
  return sorted(sums);
}

function seriesOf(page: Page): Map<string, number> {
  return sorted([...page.samples].filter(([name]) => /^promtap_customer_(?:packets|bytes)_/.test(name)));
}

test(
  "every engine, and a recording by tcpdump, tells customers' traffic apart alike, before and after zones change",
  liveOptions("tcpdump", "libpcap"),
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    await using promtaps = new AsyncDisposableStack();
    namespace.addVeth("veth0", "veth1");
    const [list, database, config] = ["customers.csv", "geo.mmdb", "p.yml"].map((name) => join(folder.path, name));
    writeFileSync(list!, LIST);
    writeFileSync(database!, DATABASE);
    // Without customers at first.
    writeFileSync(config!, "interfaces: [veth0]\n");
    const running = new Map<string, RunningPromtap>();
    for (const engine of ENGINES) {
      const args = ["--engine", engine, "--config.file", config!, "--web.enable-lifecycle"];
      running.set(engine, promtaps.use(await RunningPromtap.start(namespace, args)));
    }
    writeFileSync(config!, configOf(ZONES, database!, list!));
    for (const promtap of running.values()) assert.equal((await promtap.post("/-/reload")).status, 200);
    const path = join(folder.path, "veth0");
    const tcpdump = startRecording(namespace, path);
    const ended = once(tcpdump, "close");
    await once(tcpdump.stderr!, "data");

    const frames = allFrames();
    await send(namespace, "veth1", frames, { gap: "200us" });
    await send(namespace, "veth0", frames, { gap: "200us" });
    const sent = [...frames, ...frames];
    const expected = expectedSeries(sent, ZONE);
    for (const [engine, promtap] of running) {
      const page = await promtap.pageWhere(`${engine} has all`, (now) => now.value(ALL) === sent.length);
      assert.deepEqual(seriesOf(page), expected, engine);
      const listed = await promtap.listedWhere("customers", ({ size }) => size > 0);
      assert.deepEqual(sorted(listed), bytesByCustomer(expected), engine);
    }
    const recorded = await until("the recording has all", async () => {
      const args = ["--read", path, "--once", "--config.file", config!];
      const { status, stdout, stderr } = await runPromtap(undefined, args);
      assert.ok(status === 0 || !stderr.includes("customers"), stderr);
      const page = new Page(stdout);
      return status === 0 && page.value(ALL) === sent.length && page;
    });
    tcpdump.kill();
    await ended;
    assert.deepEqual(seriesOf(recorded), expected, "savefile");

    writeFileSync(list!, LIST + CROWD);
    writeFileSync(config!, configOf(LATER_ZONES, database!, list!));
    for (const promtap of running.values()) assert.equal((await promtap.post("/-/reload")).status, 200);
    await send(namespace, "veth1", frames, { gap: "200us" });
    const later = expectedSeries(frames, LATER_ZONE, new Map(expected));
    for (const [engine, promtap] of running) {
      const all = sent.length + frames.length;
      const page = await promtap.pageWhere(`${engine} has all`, (now) => now.value(ALL) === all);
      assert.deepEqual(seriesOf(page), later, engine);
    }
  },
);

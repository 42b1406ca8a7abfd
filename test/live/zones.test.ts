import assert from "node:assert/strict";
import { once } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Frame, arpFrame, ipv4Frame, ipv6Frame, PROTOCOL_TCP, PROTOCOL_UDP, tagged } from "../support/frames.ts";
import { mmdb, type MmdbValue } from "../support/mmdb-writer.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { startRecording } from "../support/recording.ts";
import { send } from "../support/sender.ts";
import { sorted } from "../support/sorted.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const ENGINES = ["bpf", "tcx", "ring", "pcap"];
const ALL = 'promacct_packet_size_bytes_all_count{interface="veth0"}';
const FAMILIES = ["promtap_traffic_country_", "promtap_traffic_asn_packets", "promtap_traffic_asn_bytes"];

function record(country: string, asn: number): MmdbValue {
  return { country_code: country, autonomous_system_number: asn, autonomous_system_organization: `AS of ${country}` };
}

const NETWORKS = {
  "8.8.8.0/24": record("US", 15_169),
  "8.8.4.0/24": record("US", 15_170),
  "193.0.0.0/16": record("NL", 3333),
  "1.1.1.0/24": record("AU", 13_335),
  "2001:4860::/32": record("US", 15_169),
  "2001:67c::/32": record("NL", 3333),
};

/** What the test knows of each address it uses: country and AS; or what it is instead. */
const PLACES: Readonly<Record<string, readonly [country: string, asn: string]>> = {
  "8.8.8.8": ["US", "15169"],
  "8.8.4.4": ["US", "15170"],
  "193.0.14.129": ["NL", "3333"],
  "1.1.1.255": ["AU", "13335"],
  "198.41.0.4": ["unknown", "unknown"],
  "10.5.5.5": ["private", "private"],
  "192.0.2.1": ["local", "local"],
  "2001:4860::8888": ["US", "15169"],
  "2001:67c::1": ["NL", "3333"],
  "64:ff9b::c100:e81": ["NL", "3333"],
  "2001:500::c": ["unknown", "unknown"],
  "fe80::5": ["private", "private"],
  "2001:db8::1": ["local", "local"],
};
const NEAR = ["local", "private"];

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

/** The series that the page must have, by a plain reading of the rule: of two ends, the nearer is ours. */
function expectedSeries(frames: readonly Frame[]): Map<string, number> {
  const series = new Map<string, number>();
  const add = (name: string, labels: string, value: number) =>
    series.set(`${name}{${labels}}`, (series.get(`${name}{${labels}}`) ?? 0) + value);
  for (const { ip, lengthBytes } of frames) {
    if (ip === undefined) continue;
    for (const [at, label] of ["country", "asn"].entries()) {
      const [from, to] = [PLACES[ip.source]![at]!, PLACES[ip.destination]![at]!];
      const [a, b] = [from, to].map((name) => (NEAR.includes(name) ? NEAR.indexOf(name) : NEAR.length));
      const isPublic = a === NEAR.length;
      const zone = a! < b! ? to : a! > b! ? from : isPublic ? "transit" : from;
      const labels = `interface="veth0",direction="${a! > b! ? "rx" : "tx"}",${label}="${zone}"`;
      add(`promtap_traffic_${label}_packets_total`, labels, 1);
      add(`promtap_traffic_${label}_bytes_total`, labels, lengthBytes);
    }
  }
  return sorted(series);
}

function seriesOf(page: Page): Map<string, number> {
  return sorted([...page.samples].filter(([name]) => FAMILIES.some((family) => name.startsWith(family))));
}

test(
  "every engine, and a recording by tcpdump, gives to each country and AS what was sent",
  liveOptions("tcpdump", "libpcap"),
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    await using promtaps = new AsyncDisposableStack();
    namespace.addVeth("veth0", "veth1");
    const database = join(folder.path, "both.mmdb");
    writeFileSync(database, mmdb(NETWORKS));
    const by = ["--by", "country,asn", "--geoip-db", database, "-r", "192.0.2.1", "-r", "2001:db8::1"];
    const running = new Map<string, RunningPromtap>();
    for (const engine of ENGINES) {
      const args = ["--engine", engine, "-i", "veth0", ...by];
      running.set(engine, promtaps.use(await RunningPromtap.start(namespace, args)));
    }
    const path = join(folder.path, "veth0");
    const tcpdump = startRecording(namespace, path);
    const ended = once(tcpdump, "close");
    await once(tcpdump.stderr!, "data");

    const frames = allFrames();
    await send(namespace, "veth1", frames, { gap: "200us" });
    await send(namespace, "veth0", frames, { gap: "200us" });
    const sent = [...frames, ...frames];
    const expected = expectedSeries(sent);
    for (const [engine, promtap] of running) {
      const page = await promtap.pageWhere(`${engine} has all`, (now) => now.value(ALL) === sent.length);
      assert.deepEqual(seriesOf(page), expected, engine);
      assert.equal(page.value('promtap_traffic_asn_info{asn="3333",name="AS of NL"}'), 1);
    }
    const recorded = await until("the recording has all", async () => {
      const { status, stdout } = await runPromtap(undefined, ["--read", path, "--once", ...by]);
      const page = new Page(stdout);
      return status === 0 && page.value(ALL) === sent.length && page;
    });
    tcpdump.kill();
    await ended;
    assert.deepEqual(seriesOf(recorded), expected, "savefile");
  },
);

for (const engine of ["bpf", "ring"]) {
  test(
    `engine ${engine} follows the host's addresses and a database that is replaced`,
    engineOptions(engine),
    async () => {
      using namespace = new Namespace();
      using folder = new TemporaryFolder();
      namespace.addVeth("veth0", "veth1");
      namespace.ip("address", "add", "198.41.0.4/24", "dev", "veth0");
      const database = join(folder.path, "country.mmdb");
      writeFileSync(database, mmdb(NETWORKS));
      const args = ["--engine", engine, "-i", "veth0", "--by=country", "--geoip-db", database];
      await using promtap = await RunningPromtap.start(namespace, args);
      const packets = (page: Page, country: string, direction: string): number => {
        const labels = `interface="veth0",direction="${direction}",country="${country}"`;
        return page.value(`promtap_traffic_country_packets_total{${labels}}`) ?? 0;
      };
      const frame = (source: string, destination: string): Frame =>
        ipv4Frame({ source, destination, protocol: PROTOCOL_UDP, lengthBytes: 60 });
      const toUs = [frame("8.8.8.8", "198.41.0.4")];
      const toNew = [frame("8.8.8.8", "193.0.14.129")];

      await send(namespace, "veth1", toUs);
      await promtap.pageWhere("the host's address is known", (page) => packets(page, "US", "rx") === 1);
      await send(namespace, "veth1", toNew);
      await promtap.pageWhere("others are not ours", (page) => packets(page, "transit", "tx") === 1);

      // Each attempt sends one: the kernel's news takes its time.
      namespace.ip("address", "add", "193.0.14.129/32", "dev", "veth0");
      await until("the new address is ours", async () => {
        await send(namespace, "veth1", toNew);
        return packets(await promtap.page(), "US", "rx") > 1;
      });
      namespace.ip("address", "del", "193.0.14.129/32", "dev", "veth0");
      const transit = packets(await promtap.page(), "transit", "tx");
      await until("it is not ours any more", async () => {
        await send(namespace, "veth1", toNew);
        return packets(await promtap.page(), "transit", "tx") > transit;
      });

      writeFileSync(`${database}.new`, mmdb({ ...NETWORKS, "8.8.8.0/24": record("CA", 1) }));
      renameSync(`${database}.new`, database);
      const before = packets(await promtap.page(), "US", "rx");
      await send(namespace, "veth1", toUs);
      const page = await promtap.pageWhere("the new database is used", (now) => packets(now, "CA", "rx") === 1);
      assert.equal(packets(page, "US", "rx"), before);
      const all = page.sum("promtap_traffic_country_packets_total", 'interface="veth0"');
      assert.equal(all, page.value(ALL));
    },
  );
}

test("the countries in the binary do, and loopback is local", liveOptions("ping"), async () => {
  using namespace = new Namespace();
  await using promtap = await RunningPromtap.start(namespace, ["-i", "lo", "--by=country"]);
  namespace.run("ping", "-c", "2", "-i", "0.2", "127.0.0.1");
  const series = 'promtap_traffic_country_packets_total{interface="lo",direction="tx",country="local"}';
  await promtap.pageWhere("both pings and their answers are local", (page) => page.value(series) === 4);
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { NetworkSet } from "../../../../src/collectors/connections/network-set.ts";
import { networksOf } from "../../../../src/collectors/connections/section.ts";
import { FlowAccounts } from "../../../../src/collectors/flow/udp/flow-accounts.ts";
import { openExporterNames } from "../../../../src/collectors/flow/udp/exporter-names.ts";
import { openInterfaceNames } from "../../../../src/collectors/flow/udp/interface-names.ts";
import type { ExportersOptions } from "../../../../src/collectors/flow/udp/exporters.ts";
import { Ledger } from "../../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../../src/ledger/ranges.ts";
import { Zoning } from "../../../../src/ledger/zones/zoning.ts";
import {
  type Bytes,
  hex,
  flowSample,
  ipfix,
  netflow5,
  netflow9,
  opaque,
  options9,
  optionsIpfix,
  rawHeader,
  record5,
  set,
  sflow,
  template,
  u16,
  u32,
  u64,
  u8,
} from "../../../flows/datagrams.ts";
import { parseExposition } from "../../../page/exposition-parser.ts";
import { TemporaryFolder } from "../../../support/temporary-folder.ts";
import { until } from "../../../support/waiting.ts";
import { OWN_AS, Site } from "./site.ts";
import { lacking } from "../../../support/requirements.ts";

const GOLDEN = resolve(import.meta.dirname, "../../../golden/flow-udp.txt");
const OUT = record5({ sourceAs: OWN_AS, destinationAs: 6939, input: 3, output: 7, packets: 2, bytes: 3000 });
const COUNTS = template(256, [1, 8], [2, 4], [16, 4], [17, 4]);
const counts = (bytes: number): Bytes => [...u64(bytes), ...u32(1), ...u32(OWN_AS), ...u32(6939)];

/** A little of everything that the page tells apart. */
async function smallSite(): Promise<Site> {
  const ledger = new Ledger(new RangeTable([]), 1, [new Zoning("country", 1000)]);
  const site = await Site.of({ accounts: new FlowAccounts(ledger) });
  site.send("192.0.2.1", netflow5([OUT, OUT], { sequence: 1 }, 100), netflow5([OUT], { sequence: 5 }));
  site.nowMs += 1500;
  site.send("2001:db8::1", netflow9([set(0, COUNTS), set(256, counts(64), counts(2 ** 60))], { domain: 2 }));
  site.send("2001:db8::1", ipfix([set(256, counts(1))], { domain: 9 }));
  site.send("192.0.2.9", hex("0007 0001"), hex("00"), ipfix([[...u16(2), ...u16(2)]]));
  site.send("192.0.2.9", ipfix([set(2, template(256, [8, 4])), set(256, u32(1))], { domain: 1 }));
  return site;
}

describe("flows that come as datagrams", () => {
  test("make the golden page (UPDATE_GOLDEN=1 writes it again)", async () => {
    const page = await (await smallSite()).text();
    if (process.env["UPDATE_GOLDEN"]) writeFileSync(GOLDEN, page);
    assert.equal(page, readFileSync(GOLDEN, "utf8"));
  });

  test("make a page that passes the strict reader and promtool", { skip: lacking("promtool") }, () => {
    const page = readFileSync(GOLDEN);
    parseExposition(page, "text");
    execFileSync("promtool", ["check", "metrics"], { input: page });
  });

  test("count for what they were sampled from, or not, or for what the user says", async () => {
    for (const [sampling, factor] of [
      ["auto", 100],
      ["none", 1],
      [7, 7],
    ] as const) {
      const site = await Site.of({ sampling });
      site.send("192.0.2.1", netflow5([OUT], {}, 100));
      const page = await site.page();
      assert.equal(page.sum("flow_transmit_bytes_total"), 3000 * factor);
      assert.equal(page.sum("flow_transmit_packets_total"), 2 * factor);
      assert.equal(page.value('promtap_flow_sampling_interval{exporter="192.0.2.1"}'), 100);
    }
  });

  test("have the labels that are asked for, by pmacct's keys", async () => {
    const labels = "peer_ip_src,ip_proto,port_src,port_dst,vlan,tos,tcp_flags,peer_as_dst,as_path".split(",");
    const site = await Site.of({ labels });
    const fields = template(256, [1, 4], [4, 1], [7, 2], [11, 2], [58, 2], [5, 1], [6, 1], [128, 4]);
    const record = (protocol: number): Bytes =>
      [u32(10), u8(protocol), u16(443), u16(50_000), u16(100), u8(184), u8(27), u32(4_200_000_000)].flat();
    site.send("192.0.2.1", ipfix([set(2, fields), set(256, record(6), record(58), record(255), record(6))]));
    const page = await site.page();
    const rest =
      'port_src="443",port_dst="50000",vlan="100",tos="184",tcp_flags="27",peer_as_dst="4200000000",as_path=""';
    for (const [protocol, bytes] of [
      ["tcp", 20],
      ["ipv6-icmp", 10],
      ["255", 10],
    ] as const) {
      const series = `flow_transit_bytes_total{peer_ip_src="192.0.2.1",ip_proto="${protocol}",${rest}}`;
      assert.equal(page.value(series), bytes, series);
    }
  });

  test("have addresses for labels if these are asked for, whatever tells them", async () => {
    const site = await Site.of({ labels: ["ip_src", "ip_dst"] });
    const [source, destination] = [hex("0a000001"), hex("c0000209")];
    const [source6, destination6] = [
      hex("20010db8 00000000 00000000 00000001"),
      hex("20010db8 00000000 00000000 00000002"),
    ];
    const fields = template(256, [8, 4], [12, 4], [27, 16], [28, 16], [231, 4], [232, 4]);
    const none = (bytes: number): Bytes => Array<number>(bytes).fill(0);
    const ipv4 = [...source, ...destination, ...none(32)];
    const ipv6 = [...none(8), ...source6, ...destination6];
    const records = [ipv4, ipv4, ipv6, none(40), ipv6].map((addresses) => [...addresses, ...u32(10), ...u32(3)]);
    site.send("192.0.2.1", ipfix([set(2, fields), set(256, ...records)]), netflow5([record5({ bytes: 100 })]));
    const header = [...hex("45000064 00010000 40110000"), ...source, ...destination];
    site.send("192.0.2.1", sflow([flowSample([rawHeader(11, 100, 0, header)], { rate: 10 })]));
    const page = await site.page();
    const expected = {
      "10.0.0.1 192.0.2.9": 20 + 1000,
      "192.0.2.9 10.0.0.1": 6,
      "2001:db8::1 2001:db8::2": 20,
      "2001:db8::2 2001:db8::1": 6,
      "10.0.0.1 10.0.0.2": 100,
      " ": 10 + 3,
    };
    for (const [pair, bytes] of Object.entries(expected)) {
      const [from, to] = pair.split(" ");
      assert.equal(page.value(`flow_transit_bytes_total{ip_src="${from}",ip_dst="${to}"}`), bytes, pair);
    }
  });

  test("have ports of headers in samples for labels", async () => {
    const site = await Site.of({ labels: ["port_src", "port_dst"] });
    const header = hex("45000064 00010000 40110000 0a000001 0a000002 c35001bb 00500000");
    site.send("192.0.2.1", sflow([flowSample([rawHeader(11, 100, 0, header)], { rate: 1 })]));
    assert.equal((await site.page()).value('flow_transit_bytes_total{port_src="50000",port_dst="443"}'), 100);
  });

  test("from more exporters than there may be are counted together, and their templates are not kept", async () => {
    const site = await Site.of({ labels: ["label"] });
    const address = (k: number): string => `10.1.${k >> 8}.${k & 0xff}`;
    for (let k = 0; k < 1100; k++) site.send(address(k), netflow5([OUT]), netflow9([set(0, COUNTS)]));
    let page = await site.page();
    assert.equal(page.value("promtap_flow_exporters"), 1024);
    assert.equal(page.value('flow_transmit_bytes_total{hostname="other"}'), 76 * 3000);
    assert.equal(page.sum("flow_transmit_bytes_total"), 1100 * 3000);
    assert.equal(page.value('promtap_flow_refused_datagrams_total{reason="crowded"}'), 76);
    assert.equal(page.value("promtap_flow_templates"), 1024);
    // What has been silent for long gives its place, and its datagrams are not forgotten.
    site.nowMs += 599_999;
    for (let k = 1; k < 1024; k++) site.send(address(k), netflow5([OUT]));
    site.nowMs += 2;
    site.send("2001:db8::7", netflow5([OUT]));
    site.send("2001:db8::8", netflow5([OUT]));
    page = await site.page();
    assert.equal(page.value("promtap_flow_evicted_exporters_total"), 1);
    assert.equal(page.value('promtap_flow_datagrams_total{exporter="2001:db8::7"}'), 1);
    assert.equal(page.value('promtap_flow_datagrams_total{exporter="10.1.0.0"}'), undefined);
    assert.equal(page.value('promtap_flow_datagrams_total{exporter="other"}'), 76 * 2 + 2 + 1);
    assert.equal(page.value("promtap_flow_templates"), 1023);
  });

  test("are those of their exporter, however alike the addresses of several are", async () => {
    const site = await Site.of({ labels: ["label"], exporters: { max: 3 } });
    const [one, other, third] = ["2001:db8::3", "2001:db8:0:1::2", "2001:db8:0:2::1"] as const;
    const send = (from: string, times: number): void => {
      for (let k = 0; k < times; k++) site.send(from, netflow5([OUT]));
    };
    const counts = async (): Promise<(number | undefined)[]> => {
      const page = await site.page();
      return [one, other, third].map((from) => page.value(`promtap_flow_datagrams_total{exporter="${from}"}`));
    };
    for (let round = 0; round < 3; round++) {
      send(one, 2);
      send(other, 1);
      send(third, 3);
    }
    assert.deepEqual(await counts(), [6, 3, 9]);
    // One gives its place; the others are found as before.
    site.nowMs += 600_001;
    send(other, 1);
    send(third, 1);
    send("192.0.2.1", 1);
    send(other, 1);
    send(third, 1);
    assert.deepEqual(await counts(), [undefined, 5, 11]);
  });

  test("of exporters that are not to be heard are refused, and nothing is known of them", async () => {
    const allowed = new NetworkSet(networksOf("192.0.2.0/24,2001:db8::/32", "--flow-exporters"));
    const site = await Site.of({ exporters: { allowed } });
    for (const address of ["192.0.2.1", "192.0.3.1", "2001:db8::1", "2001:db9::1", "::1"]) {
      site.send(address, netflow5([OUT]));
    }
    const page = await site.page();
    assert.equal(page.sum("flow_transmit_bytes_total"), 6000);
    assert.equal(page.value('promtap_flow_refused_datagrams_total{reason="not_allowed"}'), 3);
    assert.equal(page.value("promtap_flow_exporters"), 2);
  });

  test("of exporters that are not to be heard any more are refused, and what they have sent stays counted", async () => {
    const site = await Site.of({ labels: ["label"] });
    const send = (): void => {
      for (const from of ["192.0.2.1", "192.0.3.1", "2001:db9::1"]) site.send(from, netflow5([OUT]));
    };
    send();
    const allowed = new NetworkSet(networksOf("192.0.2.0/24", "--flow-exporters"));
    site.intake.use({ sampling: "auto", allowed });
    send();
    let page = await site.page();
    assert.equal(page.sum("flow_transmit_bytes_total"), 4 * 3000);
    assert.equal(page.value("promtap_flow_exporters"), 1);
    assert.equal(page.value('promtap_flow_datagrams_total{exporter="other"}'), 2);
    assert.equal(page.value('promtap_flow_refused_datagrams_total{reason="not_allowed"}'), 2);
    site.intake.use({ sampling: 10 });
    send();
    page = await site.page();
    assert.equal(page.sum("flow_transmit_bytes_total"), 34 * 3000);
    assert.equal(page.value("promtap_flow_exporters"), 3);
  });

  test("of sFlow are those of their agent, if that is heard and no other can have its address", async () => {
    const RAW = rawHeader(11, 100, 0, hex("450000640001000040110000 0a000001 0a000002"));
    const allowed = new NetworkSet(networksOf("192.0.2.0/24,10.0.0.0/8,2001:db8::/32", "--flow-exporters"));
    const site = await Site.of({ labels: ["label", "iface_in"], exporters: { allowed } });
    const send = (from: string, agent: string, sequence: number): void =>
      site.send(from, sflow([flowSample([RAW], { rate: 1, input: 1 })], { sequence }, hex(agent)));
    // Two agents behind one address, whose numbers have nothing to do with each other; one by two ways.
    for (let k = 0; k < 4; k++) {
      send("192.0.2.1", "0a000001", k);
      send("192.0.2.1", "0a000002", 1000 + 2 * k);
    }
    send("192.0.2.2", "0a000001", 4);
    send("192.0.2.1", "20010db8 00000000 00000000 00000007", 0);
    // Not of this site; of no one alone; and from where nothing is heard.
    for (const agent of ["0b000001", "00000000", "7f000001"]) send("192.0.2.9", agent, 0);
    for (const agent of ["", "00000000", "00000001"]) send("192.0.2.9", agent.padStart(32, "0"), 0);
    send("198.51.100.1", "0a000001", 5);
    const page = await site.page();
    const expected = { "10.0.0.1": 5, "10.0.0.2": 4, "2001:db8::7": 1, "192.0.2.9": 6 };
    for (const [name, count] of Object.entries(expected)) {
      assert.equal(page.value(`flow_transit_packets_total{hostname="${name}",iface_in="1"}`), count, name);
      assert.equal(page.value(`promtap_flow_datagrams_total{exporter="${name}"}`), count, name);
    }
    assert.equal(page.value("promtap_flow_exporters"), 4);
    assert.equal(page.value('promtap_flow_refused_datagrams_total{reason="not_allowed"}'), 1);
    const lost = (name: string): number => page.sum("promtap_flow_lost_total", `exporter="${name}"`);
    assert.deepEqual(["10.0.0.1", "10.0.0.2"].map(lost), [0, 3]);
    assert.equal(page.sum("promtap_flow_sequence_restarts_total"), 0);
  });

  test("have the name that a file gives their exporter, which is read again when it changes", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "exporters");
    writeFileSync(path, "# routers\n192.0.2.1 bdr1 alias # core\n\n2001:DB8::0:1\tbdr2\n");
    const told: unknown[] = [];
    const names = await openExporterNames(path, (error) => told.push(error));
    const site = await Site.of({ labels: ["label"], exporters: { names } });
    const sum = async (name: string): Promise<number | undefined> =>
      (await site.page()).value(`flow_transmit_bytes_total{hostname="${name}"}`);
    const send = (): void => {
      for (const from of ["192.0.2.1", "2001:db8::1", "192.0.2.7"]) site.send(from, netflow5([OUT]));
    };
    send();
    for (const name of ["bdr1", "bdr2", "192.0.2.7"]) assert.equal(await sum(name), 3000, name);
    writeFileSync(path, "::ffff:192.0.2.1 renamed\n");
    await until("the file is read again", async () => (await site.page()) && told.length > 0);
    await site.page();
    send();
    for (const name of ["renamed", "2001:db8::1"]) assert.equal(await sum(name), 3000, name);
    assert.equal(await sum("bdr1"), 3000);
    for (const bad of ["router 192.0.2.1\n", "192.0.2.1\n", `192.0.2.1 ${"x".repeat(129)}\n`]) {
      writeFileSync(path, bad);
      await assert.rejects(
        openExporterNames(path, () => {}),
        /couldn't use .*: line 1 is no address with a name/,
      );
    }
  });

  describe("call interfaces", () => {
    const FLOWS = template(256, [10, 4], [14, 4], [1, 4]);
    const flow = (input: number, output: number): Bytes => set(256, u32(input), u32(output), u32(100));
    const text = (name: string, length: number): Bytes => [...Buffer.alloc(length, name.padEnd(length, "\0"))];

    /** What was counted, by where it came in and where it went out. */
    async function interfacesOf(site: Site): Promise<string[]> {
      const lines = (await site.text()).split("\n").filter((line) => line.startsWith("flow_transit_bytes_total"));
      return lines.map((line) => line.replace(/.*\{iface_in="(.*)",iface_out="(.*)"\} (.*)/, "$1 $2 $3"));
    }
    const site = (exporters?: ExportersOptions): Promise<Site> =>
      Site.of({ labels: ["iface_in", "iface_out"], ...(exporters === undefined ? {} : { exporters }) });

    test("as options data of NetFlow v9 do, by domain, and by their index before and if it has no name", async () => {
      const at = await site();
      // As IOS sends them: the scope is the system, and the interface is an option.
      const options = options9(
        257,
        [[1, 4]],
        [
          [10, 4],
          [82, 8],
          [83, 12],
        ],
      );
      const name = (index: number, short: string, long: string): Bytes =>
        [u32(0xc000_0201), u32(index), text(short, 8), text(long, 12)].flat();
      at.send("192.0.2.1", netflow9([set(0, FLOWS), flow(3, 7)]));
      const names = set(257, name(3, "Gi0/1", "uplink"), name(7, "Te1/1/10", "a customer"));
      at.send("192.0.2.1", netflow9([set(1, options), names, flow(3, 7), flow(3, 9)]));
      at.send("192.0.2.1", netflow9([set(0, FLOWS), flow(3, 7)], { domain: 1 }));
      assert.deepEqual(await interfacesOf(at), ["3 7 200", "Gi0/1 Te1/1/10 100", "Gi0/1 9 100"]);
      const page = await at.page();
      assert.equal(page.value("promtap_flow_interface_names"), 2);
      assert.equal(page.sum("promtap_flow_refused_records_total"), 0);
      // Another name is another series from then on.
      at.send("192.0.2.1", netflow9([set(257, name(3, "Gi0/2", "")), flow(3, 7)]));
      assert.deepEqual((await interfacesOf(at)).at(-1), "Gi0/2 Te1/1/10 100");
      assert.equal((await at.page()).value("promtap_flow_interface_names"), 2);
    });

    test("as those of IPFIX do, of any length and by the description if that is all", async () => {
      const at = await site();
      const options = optionsIpfix(257, [[10, 4]], [[82, 65_535]]);
      const described = optionsIpfix(258, [[14, 2]], [[83, 65_535]]);
      const short = [
        ...u32(3),
        ...u8(5),
        ...text("ge-0/", 5),
        ...u32(4),
        ...u8(255),
        ...u16(200),
        ...text("é".repeat(100), 200),
      ];
      const long = [...u16(7), ...u8(8), ...text('to "7"\n', 8)];
      const names = [set(3, options, described), set(257, short), set(258, long)];
      at.send("192.0.2.1", ipfix([set(2, FLOWS), ...names, flow(3, 7), flow(4, 0)]));
      // As many bytes as a label takes.
      const cut = Buffer.from("é".repeat(100)).subarray(0, 128).toString();
      assert.deepEqual(await interfacesOf(at), ['ge-0/ to \\"7\\"\\n 100', `${cut} 0 100`]);
    });

    test("as samples of counters of sFlow do", async () => {
      const at = await site();
      const raw = rawHeader(11, 100, 0, hex("45000064000100004011000 00a0000010a000002".replace(" ", "")));
      const port = (name: string): Bytes => opaque(1005, u32(name.length), text(name, (name.length + 3) & ~3));
      const generic = (index: number): Bytes => opaque(1, u32(index), Array<number>(84).fill(0));
      const counters = opaque(2, u32(1), u32(3), u32(2), port("eth1"), generic(3));
      const expanded = opaque(4, u32(1), u32(0), u32(7), u32(1), port("swp12"));
      const ofVlan = opaque(4, u32(1), u32(1), u32(7), u32(1), port("no port"));
      at.send("192.0.2.1", sflow([counters, expanded, ofVlan, flowSample([raw], { rate: 1 })]));
      assert.deepEqual(await interfacesOf(at), ["eth1 swp12 100"]);
      for (let length = 0; length < counters.length - 8; length++) {
        at.send("192.0.2.9", sflow([[...u32(2), ...u32(length), ...counters.slice(8, 8 + length)]]));
      }
      assert.equal(
        (await at.page()).value('promtap_flow_refused_datagrams_total{reason="malformed"}'),
        counters.length - 8,
      );
    });

    test("as a file does, before all, which is read again when it changes", async () => {
      using folder = new TemporaryFolder();
      const path = join(folder.path, "interfaces");
      writeFileSync(path, "# router, index, name\n192.0.2.1 3 uplink # to the world\n2001:DB8::1 3 other\n");
      const told: unknown[] = [];
      const interfaces = await openInterfaceNames(path, (error) => told.push(error));
      const at = await site({ interfaces });
      const options = optionsIpfix(257, [[10, 4]], [[82, 4]]);
      const names = set(257, u32(3), text("ge3", 4), u32(7), text("ge7", 4));
      at.send("192.0.2.1", ipfix([set(3, options), names, set(2, FLOWS), flow(3, 7)]));
      at.send("192.0.2.1", netflow5([record5({ input: 3, output: 7, bytes: 50 })]));
      at.send("2001:db8::1", netflow5([record5({ input: 3, output: 7, bytes: 60 })]));
      assert.deepEqual(await interfacesOf(at), ["uplink ge7 100", "uplink 7 50", "other 7 60"]);
      writeFileSync(path, "192.0.2.1 3 transit\n");
      await until("the file is read again", async () => (await at.page()) && told.length > 0);
      await at.page();
      at.send("192.0.2.1", netflow5([record5({ input: 3, output: 7, bytes: 70 })]));
      assert.deepEqual((await interfacesOf(at)).at(-1), "transit 7 70");
      for (const bad of ["router 3 a\n", "192.0.2.1 a 3\n", "192.0.2.1 3\n", `192.0.2.1 3 ${"x".repeat(129)}\n`]) {
        writeFileSync(path, bad);
        await assert.rejects(
          openInterfaceNames(path, () => {}),
          /couldn't use .*: line 1 is not an address, the index of an interface and a name/,
        );
      }
    });
  });
});

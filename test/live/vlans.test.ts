import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { hex, IPV4, IPV6, MACS } from "../packet/frames.ts";
import type { Frame } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const ENGINES = ["bpf", "tcx", "ring", "pcap"];
const RANGES = ["-r", "10.0.0.0/8:site=ams", "-r", "2001:db8::/64"];
const BY_VLAN = ["--by", "vlan", ...RANGES];

/** The tags of frames, in the order of first use → what they are on the page. */
const VLANS = {
  "": "",
  "8100 0007": "7",
  "88a8 0064": "100",
  "88a8 0064 8100 0007": "100.7",
  "8100 a007": "7",
  "8100 0000": "",
  "9100 0009 8100 0007": "9.7",
  "8100 0001 8100 0002 8100 0003": "1.2",
};
const LABELS = [...new Set(Object.values(VLANS))];
/** Frames of each size behind the Ethernet header, tags left out, so that sums tell which frames were counted. */
const IPV4_BYTES = 60;
const IPV6_BYTES = 100;
const COPIES = 3;
/** How often all of them are sent while promtap reads its configuration again, so often at least. */
const ROUNDS = 60;
const MIN_RELOADS = 4;

const FRAMES = framesOf(LABELS);

/** Frames of these VLANs. */
function framesOf(labels: readonly string[]): Frame[] {
  const all = Object.entries(VLANS).filter(([, label]) => labels.includes(label));
  return all.flatMap(([tags]) =>
    Array.from({ length: COPIES }, () => [
      frameOf(`${tags} 0800 ${IPV4}`, IPV4_BYTES, tags),
      frameOf(`${tags} 86dd ${IPV6}`, IPV6_BYTES, tags),
    ]).flat(),
  );
}

function frameOf(text: string, lengthBytes: number, tags: string): Frame {
  const start = hex(`${MACS} ${text}`);
  const bytes = new Uint8Array(14 + hex(tags).length + lengthBytes);
  bytes.set(start);
  return { bytes: [...bytes], lengthBytes };
}

function tagOf(vlan: number): string {
  return `8100 ${vlan.toString(16).padStart(4, "0")}`;
}

/** Frames of a VLAN and of one version. */
function framesIn(...labels: readonly string[]): number {
  return COPIES * Object.values(VLANS).filter((label) => labels.includes(label)).length;
}

function seen(page: Page): number {
  return page.sum("promacct_packet_size_bytes_all_count");
}

function assertPage(page: Page, labels = LABELS): void {
  for (const label of labels) {
    const frames = framesIn(label);
    const vlan = `vlan="${label}"`;
    const of4 = (what: string) => page.sum(`promacct_packet_size_bytes_ipv4_tx_${what}`, vlan, 'ip="10.1.2.3"');
    const of6 = (what: string) => page.sum(`promacct_packet_size_bytes_ipv6_tx_${what}`, vlan, 'ip="2001:db8::1"');
    const ofAll = (what: string) => page.sum(`promacct_packet_size_bytes_all_${what}`, vlan);
    assert.deepEqual([of4("count"), of4("sum")], [frames, frames * IPV4_BYTES], vlan);
    assert.deepEqual([of6("count"), of6("sum")], [frames, frames * IPV6_BYTES], vlan);
    assert.deepEqual([ofAll("count"), ofAll("sum")], [2 * frames, frames * (IPV4_BYTES + IPV6_BYTES)], vlan);
  }
  assert.equal(seen(page), 2 * framesIn(...labels));
  assert.equal(page.value("promtap_traffic_vlans"), labels.filter((label) => label !== "").length);
  assert.equal(page.value("promtap_traffic_vlans_limit"), 1024);
}

/** A file in which one customer has all that sends. */
class CustomerList implements Disposable {
  readonly flags: readonly string[];
  readonly #folder = new TemporaryFolder();

  constructor() {
    const path = join(this.#folder.path, "customers.csv");
    writeFileSync(path, "prefix,customer\n10.1.2.3/32,all\n2001:db8::1/128,all\n");
    this.flags = ["--range-file", path, "--customers.by", "vlan"];
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** The series of a customer that has the addresses of all frames. */
function assertCustomer(page: Page): void {
  for (const label of LABELS) {
    const frames = framesIn(label);
    const vlan = label === "" ? "" : `vlan="${label}",`;
    const labels = `customer="all",${vlan}direction="tx"`;
    const of = (unit: string) => page.sum(`promtap_customer_${unit}_total`, labels);
    assert.deepEqual([of("packets"), of("bytes")], [2 * frames, frames * (IPV4_BYTES + IPV6_BYTES)], vlan);
  }
  assert.equal(page.value("promtap_customer_accounts"), LABELS.length);
}

/** Starts every engine of these. */
async function startAll(
  namespace: Namespace,
  promtaps: AsyncDisposableStack,
  flags: readonly string[],
  engines = ENGINES,
): Promise<Map<string, RunningPromtap>> {
  const starts = engines.map(async (engine) => {
    const promtap = promtaps.use(await RunningPromtap.start(namespace, ["--engine", engine, ...flags]));
    return [engine, promtap] as const;
  });
  return new Map(await Promise.all(starts));
}

async function pageOfFile(flags: readonly string[]): Promise<Page> {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "vlans.pcap");
  writeFileSync(path, Uint8Array.from(pcap({ order: "little" }, FRAMES).flat()));
  const { status, stdout, stderr } = await runPromtap(undefined, ["--read", path, "--once", ...flags]);
  assert.equal(status, 0, stderr);
  return new Page(stdout);
}

describe("an address in several VLANs has series in each", () => {
  test("by every engine", liveOptions("libpcap"), async () => {
    using namespace = new Namespace();
    using list = new CustomerList();
    await using promtaps = new AsyncDisposableStack();
    namespace.addVeth("veth0", "veth1");
    await namespace.carrier("veth0");
    const flags = ["-i", "veth1", ...BY_VLAN, ...list.flags];
    const running = await startAll(namespace, promtaps, flags);
    running.set(
      "with the sizes on the wire",
      promtaps.use(await RunningPromtap.start(namespace, ["--engine", "ring", "--wire-sizes", ...flags])),
    );
    await send(namespace, "veth0", FRAMES, { gap: "100us" });
    for (const [engine, promtap] of running) {
      const page = await promtap.pageWhere(`${engine} has all`, (each) => seen(each) >= FRAMES.length);
      assertPage(page);
      assertCustomer(page);
    }
  });

  test("for customers alone", async () => {
    using list = new CustomerList();
    assertCustomer(await pageOfFile(list.flags));
  });

  test("in a file", async () => assertPage(await pageOfFile(BY_VLAN)));

  test("of all those that there may be", async () => {
    const page = await pageOfFile(["--max-vlans", "2", ...BY_VLAN]);
    const others = framesIn(...LABELS.slice(3));
    assert.equal(page.sum("promacct_packet_size_bytes_ipv4_tx_count", 'vlan="7"'), framesIn("7"));
    assert.equal(page.sum("promacct_packet_size_bytes_ipv4_tx_count", 'vlan="100"'), framesIn("100"));
    assert.equal(page.sum("promacct_packet_size_bytes_ipv4_tx_count", 'vlan="other"'), others);
    assert.equal(page.value("promtap_traffic_vlans"), 2);
  });
});

test("without --by=vlan they are one", async () => {
  const page = await pageOfFile(RANGES);
  assert.doesNotMatch([...page.samples.keys()].join(), /vlan=|_vlans/);
  assert.equal(page.sum("promacct_packet_size_bytes_ipv4_tx_count", 'ip="10.1.2.3"'), FRAMES.length / 2);
});

test("a frame that is sent with its tag beside it has that tag, for every engine", liveOptions("libpcap"), async () => {
  using namespace = new Namespace();
  await using promtaps = new AsyncDisposableStack();
  // The bridge sends on what it received, whose tag the kernel has taken off: the card is to put it on.
  namespace.addVeth("veth0", "veth1");
  namespace.addVeth("veth2", "veth3");
  namespace.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
  for (const port of ["veth1", "veth2"]) namespace.ip("link", "set", port, "master", "br0");
  namespace.ip("link", "set", "br0", "up", "arp", "off");
  // Without a tag they would pass netfilter, which judges what these frames are not: whole packets of IP.
  const labels = LABELS.filter((label) => label !== "");
  const frames = framesOf(labels);
  await until("the bridge forwards", async () => {
    await send(namespace, "veth0", frames.slice(0, 1));
    return namespace.statistic("veth2", "tx_packets") > 0;
  });
  const running = await startAll(namespace, promtaps, ["-i", "veth2", ...BY_VLAN]);
  await send(namespace, "veth0", frames, { gap: "100us" });
  for (const [engine, promtap] of running) {
    const page = await promtap.pageWhere(`${engine} has all`, (each) => seen(each) >= frames.length);
    assertPage(page, labels);
  }
});

/** A configuration of a promtap that tells all VLANs apart; `list`: of customers, if there are any. */
function configOf(list: string | undefined, ranges: readonly string[]): string {
  const lists = list === undefined ? [] : [`{ file: ${list} }`];
  return [
    "interfaces: [veth1]",
    "by: [vlan]",
    ...(list === undefined ? [] : ["customers: { by: [vlan] }"]),
    `ranges: [${[...ranges, ...lists].join(", ")}]`,
    "web: { enable_lifecycle: true }",
  ].join("\n");
}

test("programs count every packet in its VLAN once over reloads", { ...liveOptions(), timeout: 240_000 }, async () => {
  using namespace = new Namespace();
  using folder = new TemporaryFolder();
  await using promtaps = new AsyncDisposableStack();
  namespace.addVeth("veth0", "veth1");
  await namespace.carrier("veth0");
  const [list, config] = [join(folder.path, "customers.csv"), join(folder.path, "promtap.yml")];
  const use = async (reload: number): Promise<void> => {
    const others = reload % 2 === 0 ? "" : "10.1.0.0/16,others\n192.0.2.0/24,those\n";
    writeFileSync(list, `prefix,customer\n10.1.2.3/32,all\n2001:db8::1/128,all\n${others}`);
    const more = reload % 3 === 0 ? [] : ['"192.0.2.9"'];
    writeFileSync(config, configOf(list, [...more, '"10.1.0.0/16:site=ams"', '"2001:db8::/64"']));
    const answers = await Promise.all([...running.values()].map((promtap) => promtap.post("/-/reload")));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
  };
  writeFileSync(config, configOf(undefined, []));
  const running = await startAll(namespace, promtaps, ["--config.file", config], ["bpf", "tcx"]);
  await use(0);
  let isSent = false;
  const count = ROUNDS * FRAMES.length;
  const sent = send(namespace, "veth0", FRAMES, { count, gap: "200us" }).finally(() => (isSent = true));
  for (let reload = 1; reload <= MIN_RELOADS || !isSent; reload++) {
    await use(reload);
  }
  await sent;
  for (const [engine, promtap] of running) {
    assertRounds(await promtap.pageWhere(`${engine} has all`, (page) => seen(page) === count), engine);
  }
});

/** All frames, ROUNDS times. */
function assertRounds(page: Page, engine: string): void {
  for (const label of LABELS) {
    const frames = ROUNDS * framesIn(label);
    const of4 = page.sum("promacct_packet_size_bytes_ipv4_tx_count", `vlan="${label}"`, 'ip="10.1.2.3"');
    const of6 = page.sum("promacct_packet_size_bytes_ipv6_tx_sum", `vlan="${label}"`, 'ip="2001:db8::1"');
    const vlan = label === "" ? "" : `vlan="${label}",`;
    const bytes = page.sum("promtap_customer_bytes_total", `customer="all",${vlan}direction="tx"`);
    const expected = [frames, frames * IPV6_BYTES, frames * (IPV4_BYTES + IPV6_BYTES)];
    assert.deepEqual([of4, of6, bytes], expected, `${engine}, ${vlan}`);
  }
}

test("VLANs that had room go on with another program, whatever that sees first", liveOptions(), async () => {
  using namespace = new Namespace();
  using folder = new TemporaryFolder();
  namespace.addVeth("veth0", "veth1");
  await namespace.carrier("veth0");
  const list = join(folder.path, "customers.csv");
  writeFileSync(list, "prefix,customer\n");
  const state = ["--state", join(folder.path, "state"), "--range-file", list, "--web.enable-lifecycle"];
  const flags = ["-i", "veth1", ...state, "--max-vlans", "1", ...BY_VLAN];
  const one = framesOf(["7"]);
  // More than a program has numbers for.
  const others = Array.from({ length: 100 }, (_, k) =>
    frameOf(`${tagOf(1000 + k)} 0800 ${IPV4}`, IPV4_BYTES, tagOf(0)),
  );
  const expect = async (promtap: RunningPromtap, times: number): Promise<void> => {
    await send(namespace, "veth0", [...others, ...one], { gap: "100us" });
    const all = one.length + times * (others.length + one.length);
    const page = await promtap.pageWhere("all is counted", (each) => seen(each) >= all);
    const of = (vlan: string) => page.sum("promacct_packet_size_bytes_all_count", `vlan="${vlan}"`);
    assert.deepEqual([of("7"), of("other")], [(times + 1) * one.length, times * others.length]);
    assert.equal(page.value('promtap_capture_info{engine="bpf"}'), 1);
  };
  {
    await using promtap = await RunningPromtap.start(namespace, flags);
    await send(namespace, "veth0", one, { gap: "100us" });
    await promtap.pageWhere("all is counted", (page) => seen(page) >= one.length);
    // The first list takes a program that looks customers up.
    writeFileSync(list, "prefix,customer\n10.1.2.3,one\n");
    assert.equal((await promtap.post("/-/reload")).status, 200);
    await expect(promtap, 1);
  }
  await using promtap = await RunningPromtap.start(namespace, flags);
  await expect(promtap, 2);
});

test("auto takes the ring if there is no room in the kernel, and says so", liveOptions(), async () => {
  using namespace = new Namespace();
  const args = ["--check", "-i", "lo", "--max-vlans", "1000000", ...BY_VLAN];
  const { status, stdout, stderr } = await runPromtap(namespace, args);
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /^engine: ring\nrefused: engine bpf: there is no room in the kernel for 1000000 VLANs × 2 sets /m,
  );
});

test("a range that has the label is refused", async () => {
  const { status, stderr } = await runPromtap(undefined, ["--by", "vlan", "-r", "10.0.0.0/8:vlan=7"]);
  assert.equal(status, 2);
  assert.match(stderr, /^the range "10\.0\.0\.0\/8:vlan=7" can't have the label vlan with --by=vlan/);
  assert.equal(stderr.trim().split("\n").length, 1);
});

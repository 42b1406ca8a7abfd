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
import { engineOptions, liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

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

const FRAMES: Frame[] = Object.keys(VLANS).flatMap((tags) =>
  Array.from({ length: COPIES }, () => [
    frameOf(`${tags} 0800 ${IPV4}`, IPV4_BYTES, tags),
    frameOf(`${tags} 86dd ${IPV6}`, IPV6_BYTES, tags),
  ]).flat(),
);

function frameOf(text: string, lengthBytes: number, tags: string): Frame {
  const start = hex(`${MACS} ${text}`);
  const bytes = new Uint8Array(14 + hex(tags).length + lengthBytes);
  bytes.set(start);
  return { bytes: [...bytes], lengthBytes };
}

/** Frames of a VLAN and of one version. */
function framesIn(...labels: readonly string[]): number {
  return COPIES * Object.values(VLANS).filter((label) => labels.includes(label)).length;
}

function seen(page: Page): number {
  return page.sum("promacct_packet_size_bytes_all_count");
}

function assertPage(page: Page): void {
  for (const label of LABELS) {
    const frames = framesIn(label);
    const vlan = `vlan="${label}"`;
    const of4 = (what: string) => page.sum(`promacct_packet_size_bytes_ipv4_tx_${what}`, vlan, 'ip="10.1.2.3"');
    const of6 = (what: string) => page.sum(`promacct_packet_size_bytes_ipv6_tx_${what}`, vlan, 'ip="2001:db8::1"');
    const ofAll = (what: string) => page.sum(`promacct_packet_size_bytes_all_${what}`, vlan);
    assert.deepEqual([of4("count"), of4("sum")], [frames, frames * IPV4_BYTES], vlan);
    assert.deepEqual([of6("count"), of6("sum")], [frames, frames * IPV6_BYTES], vlan);
    assert.deepEqual([ofAll("count"), ofAll("sum")], [2 * frames, frames * (IPV4_BYTES + IPV6_BYTES)], vlan);
  }
  assert.equal(seen(page), FRAMES.length);
  assert.equal(page.value("promtap_traffic_vlans"), LABELS.length - 1);
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

async function pageOf(engine: string, flags: readonly string[]): Promise<Page> {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  await namespace.carrier("veth0");
  await using promtap = await RunningPromtap.start(namespace, ["-i", "veth1", "--engine", engine, ...flags]);
  await send(namespace, "veth0", FRAMES, { gap: "100us" });
  return await promtap.pageWhere("all is counted", (page) => seen(page) >= FRAMES.length);
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
  for (const engine of ["ring", "pcap"]) {
    test(`by engine ${engine}`, engineOptions(engine), async () => {
      using list = new CustomerList();
      const page = await pageOf(engine, [...BY_VLAN, ...list.flags]);
      assertPage(page);
      assertCustomer(page);
    });
  }

  test("for customers alone", async () => {
    using list = new CustomerList();
    assertCustomer(await pageOfFile(list.flags));
  });

  test("with the sizes on the wire", liveOptions(), async () => {
    assertPage(await pageOf("ring", ["--wire-sizes", ...BY_VLAN]));
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

test("auto takes an engine that tells VLANs apart, and says why", liveOptions(), async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  await using promtap = await RunningPromtap.start(namespace, ["-i", "veth1", ...BY_VLAN]);
  await promtap.logged(/engine bpf: counts an address alike in all VLANs/);
  assert.equal((await promtap.page()).value('promtap_capture_info{engine="ring"}'), 1);
});

test("a range that has the label is refused", async () => {
  const { status, stderr } = await runPromtap(undefined, ["--by", "vlan", "-r", "10.0.0.0/8:vlan=7"]);
  assert.equal(status, 2);
  assert.match(stderr, /^the range "10\.0\.0\.0\/8:vlan=7" can't have the label vlan with --by=vlan/);
  assert.equal(stderr.trim().split("\n").length, 1);
});

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { type Frame, ipv4Frame, ipv6Frame, PROTOCOL_TCP } from "../support/frames.ts";
import { Page } from "../support/page.ts";
import { runPromtap } from "../support/promtap.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const FRAMES = [
  ...["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].map((source) =>
    ipv4Frame({ source, destination: "192.0.2.1", protocol: PROTOCOL_TCP, lengthBytes: 100 }),
  ),
  ipv6Frame({ source: "2001:db8::1", destination: "2001:db9::1", protocol: PROTOCOL_TCP, lengthBytes: 100 }),
];

/** The page of a savefile with these frames, with a list by address if one is given; or what is wrong. */
async function pageOf(frames: readonly Frame[], list: string, args: readonly string[]): Promise<Page | string> {
  using folder = new TemporaryFolder();
  const [capture, path] = [join(folder.path, "frames.pcap"), join(folder.path, "customers.csv")];
  writeFileSync(capture, Uint8Array.from(pcap({ order: "little" }, frames).flat()));
  writeFileSync(path, list);
  const lists = list === "" ? [] : ["--range-file", `${path}:series=address`];
  const { status, stdout, stderr } = await runPromtap(undefined, ["--read", capture, "--once", ...lists, ...args]);
  return status === 0 ? new Page(stdout) : stderr;
}

/** What the page says of senders, with a list by address; or what is wrong. */
async function senders(list: string, ...args: readonly string[]): Promise<string[] | string> {
  const page = await pageOf(FRAMES, list, args);
  if (typeof page === "string") return page;
  const names = [...page.samples.keys()].filter((name) => /_tx_count/.test(name));
  return names.map((name) => name.replace(/^.*?interface="[^"]*",/, "").replace(/,protocol.*/, "")).toSorted();
}

test("addresses of a list have series of their own, by the longest prefix, behind those of -r", async () => {
  const list = "prefix,customer\n10.0.0.0/30,a\n10.0.0.1/32,b\n2001:db8::/64,c\n";
  assert.deepEqual(await senders(list, "-r", "10.0.0.2:own=x"), [
    'customer="a",ip="10.0.0.0"',
    'customer="a",ip="10.0.0.3"',
    'customer="b",ip="10.0.0.1"',
    'customer="c",ip="2001:db8::1"',
    'own="x",ip="10.0.0.2"',
  ]);
});

test("more addresses than can be counted one by one are refused", async () => {
  assert.match(
    String(await senders("prefix\n0.0.0.0/1\n")),
    /lists by address have 2147483648 IPv4 addresses; legal is/,
  );
});

test("addresses of a list are local, as those of -r are, where countries are counted", async () => {
  const frames = [
    ipv4Frame({ source: "8.8.8.8", destination: "193.0.6.139", protocol: PROTOCOL_TCP, lengthBytes: 100 }),
    ipv4Frame({ source: "193.0.6.139", destination: "8.8.8.8", protocol: PROTOCOL_TCP, lengthBytes: 200 }),
  ];
  const countries = async (list: string, ...args: readonly string[]): Promise<[string, number][]> => {
    const page = await pageOf(frames, list, ["--by", "country", ...args]);
    assert.ok(page instanceof Page, "it is refused");
    return [...page.samples].filter(([name]) => /bytes_total\{.*country=/.test(name));
  };
  const byFlag = await countries("", "-r", "8.8.8.8");
  assert.deepEqual(
    byFlag.map(([, bytes]) => bytes).toSorted((a, b) => a - b),
    [100, 200],
  );
  assert.deepEqual(await countries("prefix\n8.8.8.8/32\n"), byFlag);
});

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { ipv4Frame, ipv6Frame, PROTOCOL_TCP } from "../support/frames.ts";
import { Page } from "../support/page.ts";
import { runPromtap } from "../support/promtap.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const FRAMES = [
  ...["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].map((source) =>
    ipv4Frame({ source, destination: "192.0.2.1", protocol: PROTOCOL_TCP, lengthBytes: 100 }),
  ),
  ipv6Frame({ source: "2001:db8::1", destination: "2001:db9::1", protocol: PROTOCOL_TCP, lengthBytes: 100 }),
];

/** What the page says of senders in a savefile, with a list by address; or what is wrong. */
async function senders(list: string, ...args: readonly string[]): Promise<string[] | string> {
  using folder = new TemporaryFolder();
  const [capture, path] = [join(folder.path, "frames.pcap"), join(folder.path, "customers.csv")];
  writeFileSync(capture, Uint8Array.from(pcap({ order: "little" }, FRAMES).flat()));
  writeFileSync(path, list);
  const given = ["--read", capture, "--once", "--range-file", `${path}:series=address`, ...args];
  const { status, stdout, stderr } = await runPromtap(undefined, given);
  if (status !== 0) return stderr;
  const names = [...new Page(stdout).samples.keys()].filter((name) => /_tx_count/.test(name));
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

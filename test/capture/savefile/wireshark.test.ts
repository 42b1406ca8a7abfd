import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Facts } from "../../packet/frames.ts";
import { arpFrame, doubleTagged, type Frame, ipv4Frame, ipv6Frame, tagged } from "../../support/frames.ts";
import { lacking } from "../../support/requirements.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { enhancedPacket, interfaceBlock, nameOption, type Part, pcap, sectionHeader } from "./captures.ts";
import { countFile } from "./counting.ts";

/*
 * The same files, read by tshark and tcpdump and by us.
 */

const MPLS_LABEL = "00065140";
const SLL = "0000000100060200000000010000";
const SLL2 = "000000000003000100060200000000010000";
const MACS = "020000000002020000000001";

/** Headers of all kinds that may stand before an IP packet; type and protocol fields end in IPv4's and IPv6's number. */
const LINKS: { linkType: number; ipv4: string; ipv6: string }[] = [
  { linkType: 1, ipv4: `${MACS}0800`, ipv6: `${MACS}86dd` },
  { linkType: 1, ipv4: `${MACS}810060640800`, ipv6: `${MACS}8100606486dd` },
  { linkType: 1, ipv4: `${MACS}88a8000a810000640800`, ipv6: `${MACS}88a8000a8100006486dd` },
  { linkType: 1, ipv4: `${MACS}884700064040${MPLS_LABEL}`, ipv6: `${MACS}8847${MPLS_LABEL}` },
  { linkType: 1, ipv4: `${MACS}88641100000100160021`, ipv6: `${MACS}886411000001002a0057` },
  { linkType: 113, ipv4: `${SLL}0800`, ipv6: `${SLL}86dd` },
  { linkType: 276, ipv4: `0800${SLL2}`, ipv6: `86dd${SLL2}` },
  { linkType: 101, ipv4: "", ipv6: "" },
  { linkType: 228, ipv4: "", ipv6: "" },
  { linkType: 0, ipv4: "00000002", ipv6: "0000001e" },
  { linkType: 0, ipv4: "02000000", ipv6: "1c000000" },
  { linkType: 108, ipv4: "00000002", ipv6: "00000018" },
  { linkType: 9, ipv4: "0021", ipv6: "0057" },
  { linkType: 9, ipv4: "ff030021", ipv6: "ff030057" },
  { linkType: 50, ipv4: "ff030021", ipv6: "ff030057" },
  { linkType: 104, ipv4: "0f000800", ipv6: "8f0086dd" },
];

/** IPv4 and IPv6 of many sizes, addresses and protocols; what is behind the IP header is ours to choose. */
const PACKETS: Frame[] = Array.from({ length: 60 }, (_, index) => {
  const protocol = [1, 2, 6, 17, 47, 50, 89, 132, 253][index % 9]!;
  const lengthBytes = 60 + ((index * 97) % 1441);
  const fields = { protocol, lengthBytes };
  return index % 2 === 0
    ? ipv4Frame({ ...fields, source: `10.1.${index}.255`, destination: `203.0.113.${index}` })
    : ipv6Frame({ ...fields, source: `2001:db8::${index}`, destination: `fe80::ff:${index}:1` });
});

const ETHERNET_FRAMES = PACKETS.map((frame, index) => {
  if (index % 7 === 3) return tagged(frame, index);
  if (index % 7 === 5) return doubleTagged(frame, 10, index);
  return frame;
});

describe("tshark agrees", { skip: lacking("tshark", "editcap", "mergecap") }, () => {
  test("about the addresses, protocol and size of each packet, whatever its link type", async () => {
    const packets = LINKS.flatMap((link, index) =>
      PACKETS.map((frame) => enhancedPacket("little", index, { bytes: withLink(link, frame) })),
    );
    const interfaces = LINKS.map(({ linkType }) =>
      interfaceBlock("little", { linkType, options: nameOption("little", "all") }),
    );
    await compare("all.pcapng", [sectionHeader("little"), ...interfaces, ...packets], LINKS.length * PACKETS.length);
  });

  test("about a file of each format that editcap writes", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "original");
    writeFileSync(path, Uint8Array.from(pcap({ order: "big" }, ETHERNET_FRAMES).flat()));
    const expected = tsharkFacts(path);
    assert.equal(expected.length, ETHERNET_FRAMES.length);
    for (const format of ["pcap", "nsecpcap", "modpcap", "pcapng"]) {
      const converted = join(folder.path, format);
      execFileSync("editcap", ["-F", format, path, converted]);
      assert.deepEqual(await ourFacts(converted), expected, format);
    }
  });

  test("about a file that editcap cut to 60 bytes a packet", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "original");
    writeFileSync(path, Uint8Array.from(pcap({ order: "little" }, PACKETS).flat()));
    const cut = join(folder.path, "cut");
    execFileSync("editcap", ["-s", "60", path, cut]);
    assert.deepEqual(await ourFacts(cut), tsharkFacts(path));
  });

  test("about which interface has how many packets in a file that mergecap made of two", async () => {
    using folder = new TemporaryFolder();
    const raw = PACKETS.slice(0, 7).map((frame) => ({ bytes: frame.bytes.slice(14) }));
    const inputs = [pcap({ order: "big" }, PACKETS), pcap({ order: "little", linkType: 101 }, raw)];
    const paths = inputs.map((_, index) => join(folder.path, `input${index}`));
    for (const [index, parts] of inputs.entries()) writeFileSync(paths[index]!, Uint8Array.from(parts.flat()));
    const merged = join(folder.path, "merged.pcapng");
    execFileSync("mergecap", ["-F", "pcapng", "-w", merged, ...paths]);
    const perInterface = Map.groupBy(tshark(merged, ["frame.interface_id"]), ([id]) => id);
    const { frames } = await countFile(merged);
    assert.deepEqual(sizes(frames), sizes(perInterface));
  });
});

describe("tcpdump agrees", { skip: lacking("tcpdump") }, () => {
  test("about how many packets stand before the end of a file that is cut anywhere", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "cut.pcap");
    const bytes = Uint8Array.from(pcap({ order: "little" }, ETHERNET_FRAMES.slice(0, 6)).flat());
    for (let length = 24; length < bytes.length; length += 151) {
      writeFileSync(path, bytes.subarray(0, length));
      const { frames } = await countFile(path);
      assert.equal([...frames.values()].flat().length, tcpdumpCount(path), `${length} bytes`);
    }
  });

  for (const version of [
    [2, 0],
    [2, 2],
    [2, 3],
    [543, 0],
  ] as const) {
    test(`about the packets of a file of version ${version.join(".")}`, async () => {
      using folder = new TemporaryFolder();
      const path = join(folder.path, "old.pcap");
      const cut = PACKETS.map(({ bytes }) => ({
        bytes: bytes.slice(0, 60),
        capturedBytes: bytes.length,
        originalBytes: 60,
      }));
      writeFileSync(path, Uint8Array.from(pcap({ order: "little", version }, cut).flat()));
      const inNetwork = (await ourFacts(path)).filter(({ source }) => /^10\.1\.(\d|1[0-5])\./.test(source));
      assert.equal(inNetwork.length, tcpdumpCount(path, "src", "net", "10.1.0.0/20"));
      assert.equal(tcpdumpCount(path), PACKETS.length);
    });
  }

  test("about how many packets of a file have a source in a network", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "sources.pcap");
    writeFileSync(path, Uint8Array.from(pcap({ order: "big" }, [...PACKETS, arpFrame()]).flat()));
    const inNetwork = (await ourFacts(path)).filter(({ source }) => /^10\.1\.(\d|1[0-5])\./.test(source));
    assert.equal(inNetwork.length, tcpdumpCount(path, "src", "net", "10.1.0.0/20"));
    assert.ok(inNetwork.length > 0);
  });
});

interface Fact {
  source: string;
  destination: string;
  protocol: number;
  lengthBytes: number;
}

async function compare(name: string, parts: readonly Part[], expectedCount: number): Promise<void> {
  using folder = new TemporaryFolder();
  const path = join(folder.path, name);
  writeFileSync(path, Uint8Array.from(parts.flat()));
  const expected = tsharkFacts(path);
  assert.equal(expected.length, expectedCount);
  assert.deepEqual(await ourFacts(path), expected);
}

function withLink(link: (typeof LINKS)[0], frame: Frame): number[] {
  const header = frame.ip?.version === 6 ? link.ipv6 : link.ipv4;
  return [...Buffer.from(header, "hex"), ...frame.bytes.slice(14)];
}

/** The headers of a packet as tshark reads them: the size is what the IP header says. */
function tsharkFacts(path: string): Fact[] {
  const fields = ["ip.src", "ip.dst", "ip.proto", "ip.len", "ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.plen"];
  return tshark(path, fields).map((values) => {
    const [source, destination, protocol, lengthBytes, source6, destination6, nextHeader, payloadBytes] = values;
    if (source6 === "") return fact(source, destination, Number(protocol), Number(lengthBytes));
    return fact(source6, destination6, Number(nextHeader), Number(payloadBytes) + 40);
  });
}

/** The first value of each field of each packet. */
function tshark(path: string, fields: readonly string[]): string[][] {
  const columns = fields.flatMap((field) => ["-e", field]);
  const options = ["-n", "-T", "fields", "-E", "occurrence=f", "-E", "separator=|"];
  const output = execFileSync("tshark", ["-r", path, ...options, ...columns], { stdio: ["ignore", "pipe", "ignore"] });
  return output
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.split("|"));
}

async function ourFacts(path: string): Promise<Fact[]> {
  const { frames, error, warnings } = await countFile(path);
  assert.deepEqual({ error, warnings }, { error: undefined, warnings: [] });
  assert.equal(frames.size, 1);
  return [...frames.values()].flat().map(ourFact);
}

function ourFact(facts: Facts): Fact {
  const { version, protocol = 0, lengthBytes, source = 0, destination = 0, sources = [], destinations = [] } = facts;
  if (version === 4) return fact(dotted(source), dotted(destination), protocol, lengthBytes);
  return fact(colons(sources), colons(destinations), protocol, lengthBytes);
}

function fact(source = "", destination = "", protocol: number, lengthBytes: number): Fact {
  return { source: canonical(source), destination: canonical(destination), protocol, lengthBytes };
}

/** Addresses in the one spelling of the URL standard. */
function canonical(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]`).hostname : address;
}

function dotted(address: number): string {
  return [address >>> 24, (address >> 16) & 0xff, (address >> 8) & 0xff, address & 0xff].join(".");
}

function colons(words: readonly number[]): string {
  return words.map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(":");
}

function sizes(lists: ReadonlyMap<unknown, readonly unknown[]>): number[] {
  return [...lists.values()].map((list) => list.length).toSorted((a, b) => a - b);
}

/** Packets that tcpdump prints, one line each; it fails at the end of a file that is cut, after printing them. */
function tcpdumpCount(path: string, ...filter: readonly string[]): number {
  const { stdout, error } = spawnSync("tcpdump", ["-n", "-q", "-t", "-r", path, ...filter], { encoding: "utf8" });
  if (error !== undefined) throw error;
  return stdout.split("\n").filter((line) => /^\S/.test(line)).length;
}

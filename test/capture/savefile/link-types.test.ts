import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LINKTYPE_PPP_WITH_DIR } from "../../../src/packet/link/link-types.ts";
import { type Facts, hex } from "../../packet/frames.ts";
import { encapsulated, type Encapsulation, ENCAPSULATIONS, OTHER_FRAMES } from "../../packet/encapsulations.ts";
import { ipv4Frame, ipv6Frame } from "../../support/frames.ts";
import { lacking } from "../../support/requirements.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { type ByteOrder, enhancedPacket, interfaceBlock, nameOption, pcap, sectionHeader } from "./captures.ts";
import { countFile } from "./counting.ts";

/*
 * Files of all link types, read by tcpdump, tshark and us. The packets have no transport header.
 */

const NO_PROTOCOL = 253;
const NO_NEXT_HEADER = 59;
const ETHERNET_BYTES = 14;
const LENGTH_BYTES = 60;
const IPV4 = ipv4Frame({
  source: "10.1.2.3",
  destination: "192.0.2.9",
  protocol: NO_PROTOCOL,
  lengthBytes: LENGTH_BYTES,
}).bytes.slice(ETHERNET_BYTES);
const IPV6 = ipv6Frame({
  source: "2001:db8::1",
  destination: "fe80::3",
  protocol: NO_NEXT_HEADER,
  lengthBytes: LENGTH_BYTES,
}).bytes.slice(ETHERNET_BYTES);

/** What tshark of Debian 12 finds no IP in, and tcpdump does. */
const UNKNOWN_TO_TSHARK = [
  /^SNAP of a group/,
  /^a tag of 0x9200/,
  /^(Broadcom|Marvell)'s/,
  /^netANALYZER/,
  /^classical IP over ATM$/,
  /^multilink/,
  /^PPP of pppd/,
  /^SLIP/,
  /^Junos without a link/,
  /^IPNET/,
  /big-endian host$/,
];

/** The source and the destination, as all three are made to say them. */
function expectedOf({ carries }: Encapsulation): string {
  return carries === "IPv4" ? "10.1.2.3 192.0.2.9" : "2001:db8::1 fe80::3";
}

function frameOf(sample: Encapsulation): { bytes: number[] } {
  return { bytes: [...encapsulated(sample, Uint8Array.from(sample.carries === "IPv4" ? IPV4 : IPV6))] };
}

/** The byte order that a file is to have, so that tcpdump finds what is in the order of the host. */
function orderOf({ name }: Encapsulation): ByteOrder {
  return name.includes("big-endian") ? "big" : "little";
}

for (const [linkType, samples] of Map.groupBy(ENCAPSULATIONS, (sample) => sample.linkType)) {
  const skip = linkType === LINKTYPE_PPP_WITH_DIR ? "tcpdump doesn't know it" : lacking("tcpdump");
  test(`of frames of link type ${linkType}, tcpdump finds the addresses that are counted`, { skip }, async () => {
    using folder = new TemporaryFolder();
    for (const [order, ordered] of Map.groupBy(samples, orderOf)) {
      const path = join(folder.path, order);
      writeFileSync(path, Uint8Array.from(pcap({ order, linkType }, ordered.map(frameOf)).flat()));
      const expected = ordered.map(expectedOf);
      const { frames, warnings } = await countFile(path);
      assert.deepEqual(warnings, []);
      const counted = [...frames.values()].flat();
      assert.deepEqual(counted.map(addressesOf), expected);
      for (const { lengthBytes } of counted) assert.equal(lengthBytes, LENGTH_BYTES);
      assert.deepEqual(tcpdumpAddresses(path), expected);
    }
  });
}

test("of frames that are not IP, tcpdump finds no addresses", { skip: lacking("tcpdump") }, () => {
  using folder = new TemporaryFolder();
  for (const { name, linkType, frame } of OTHER_FRAMES) {
    const path = join(folder.path, name);
    writeFileSync(path, Uint8Array.from(pcap({ order: "little", linkType }, [{ bytes: [...hex(frame)] }]).flat()));
    assert.doesNotMatch(tcpdumpAddresses(path).join("\n"), /10\.1\.2\.3/, name);
  }
});

test(
  "of frames of many link types, tshark finds the addresses that are counted",
  { skip: lacking("tshark") },
  async () => {
    using folder = new TemporaryFolder();
    const samples = ENCAPSULATIONS.filter(({ name }) => !UNKNOWN_TO_TSHARK.some((unknown) => unknown.test(name)));
    const interfaces = samples.map(({ linkType }) =>
      interfaceBlock("little", { linkType, options: nameOption("little", "all") }),
    );
    const packets = samples.map((sample, index) => enhancedPacket("little", index, frameOf(sample)));
    const path = join(folder.path, "all.pcapng");
    writeFileSync(path, Uint8Array.from([sectionHeader("little"), ...interfaces, ...packets].flat()));
    const counted = [...(await countFile(path)).frames.values()].flat();
    assert.deepEqual(counted.map(addressesOf), samples.map(expectedOf));
    assert.deepEqual(tsharkAddresses(path), samples.map(expectedOf));
  },
);

function addressesOf({ version, source = 0, destination = 0, sources = [], destinations = [] }: Facts): string {
  return [version === 4 ? [source] : sources, version === 4 ? [destination] : destinations]
    .map((words) => (words.length === 1 ? dotted(words[0]!) : colons(words)))
    .join(" ");
}

function dotted(address: number): string {
  return [address >>> 24, (address >> 16) & 0xff, (address >> 8) & 0xff, address & 0xff].join(".");
}

/** In the one spelling of the URL standard. */
function colons(words: readonly number[]): string {
  const text = words.map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(":");
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

function tcpdumpAddresses(path: string): string[] {
  const lines = run("tcpdump", "-n", "-t", "-r", path).filter((line) => /^\S/.test(line));
  return lines.map((line) => / ?IP6? (\S+) > (\S+):/.exec(line)?.slice(1).join(" ") ?? line);
}

function tsharkAddresses(path: string): string[] {
  const fields = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "frame.protocols"].flatMap((field) => ["-e", field]);
  return run("tshark", "-n", "-r", path, "-T", "fields", ...fields).map((line) => {
    const [source = "", destination = "", source6, destination6, protocols] = line.split("\t");
    if (source6 !== "") return `${source6} ${destination6}`;
    return source === "" ? `nothing in ${protocols}` : `${source} ${destination}`;
  });
}

/** The lines that a program prints. */
function run(program: string, ...args: string[]): string[] {
  const { stdout, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined) throw error;
  return stdout.trimEnd().split("\n");
}

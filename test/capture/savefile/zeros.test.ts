import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Verdict } from "../../../src/packet/packet.ts";
import { lacking } from "../../support/requirements.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import {
  BYTE_ORDERS,
  type ByteOrder,
  enhancedPacket,
  interfaceBlock,
  MAGIC_MODIFIED,
  type Part,
  pcap,
  pcapRecord,
  sectionHeader,
} from "./captures.ts";
import { countFile } from "./counting.ts";
import { TCP_FRAME } from "./samples.ts";

/*
 * What a crash while writing leaves: a file that is as long as it was to be, and zeros where the last blocks of the disk
 * were not written.
 */

const EMPTY = { bytes: [] };
const EMPTY_FACTS = { verdict: Verdict.TRUNCATED, lengthBytes: 0 };

interface Sample {
  name: string;
  parts: readonly Part[];
  /** Packets that have bytes, and those that have none. */
  packets: number;
  empty?: number;
  /** The byte that the error names; undefined if the file is sound. */
  damagedAt?: number;
}

const SAMPLES = BYTE_ORDERS.flatMap((order) =>
  [...pcapSamples(order), ...pcapngSamples(order)].map((sample) => ({
    ...sample,
    name: `${order}-endian ${sample.name}`,
  })),
);

function pcapSamples(order: ByteOrder): Sample[] {
  const sound = pcap({ order }, [TCP_FRAME, TCP_FRAME]);
  const modified = pcap({ order, magic: MAGIC_MODIFIED }, [TCP_FRAME, TCP_FRAME]);
  const record = pcapRecord(order, TCP_FRAME);
  const empty = pcapRecord(order, EMPTY);
  const damagedAt = sound.flat().length;
  return [
    { name: "pcap with zeros behind its last packet", parts: [...sound, zeros(160)], packets: 2, damagedAt },
    { name: "pcap with one record of zeros", parts: [...sound, zeros(16)], packets: 2, damagedAt },
    { name: "pcap with zeros that are no whole records", parts: [...sound, zeros(167)], packets: 2, damagedAt },
    { name: "pcap with a packet behind the zeros", parts: [...sound, zeros(32), record], packets: 3, damagedAt },
    {
      name: "pcap with zeros from the middle of a payload",
      parts: [...sound, zerosFrom(record, 60), zeros(64)],
      packets: 3,
      damagedAt: damagedAt + record.length,
    },
    {
      name: "pcap with zeros from the middle of a time",
      parts: [...sound, zerosFrom(record, 4), zeros(64)],
      packets: 2,
      damagedAt,
    },
    {
      name: "pcap with zeros behind the time of a packet",
      parts: [...sound, zerosFrom(record, 8), zeros(64)],
      packets: 2,
      damagedAt,
    },
    {
      name: "modified pcap with zeros behind its last packet",
      parts: [...modified, zeros(240)],
      packets: 2,
      damagedAt: modified.flat().length,
    },
    { name: "pcap with a packet of no bytes", parts: [...sound, empty, record], packets: 3, empty: 1 },
    { name: "pcap that ends with packets of no bytes", parts: [...sound, empty, empty], packets: 2, empty: 2 },
    { name: "pcap with zeros in its packets", parts: pcap({ order }, [{ bytes: zeros(60) }]), packets: 1 },
  ];
}

function pcapngSamples(order: ByteOrder): Sample[] {
  const block = enhancedPacket(order, 0, TCP_FRAME);
  const empty = enhancedPacket(order, 0, EMPTY);
  const sound = [sectionHeader(order), interfaceBlock(order), block];
  const damagedAt = sound.flat().length;
  return [
    { name: "pcapng with zeros behind its last block", parts: [...sound, zeros(160)], packets: 1, damagedAt },
    { name: "pcapng with four zeros", parts: [...sound, zeros(4)], packets: 1, damagedAt },
    ...[4, 8, 20, 60].map((from) => ({
      name: `pcapng with zeros from byte ${from} of a block`,
      parts: [...sound, zerosFrom(block, from), zeros(64)],
      packets: 1,
      damagedAt,
    })),
    { name: "pcapng with a packet of no bytes", parts: [...sound, empty, block], packets: 2, empty: 1 },
  ];
}

for (const { name, parts, packets, empty = 0, damagedAt } of SAMPLES) {
  test(`a ${name} ${damagedAt === undefined ? "is sound" : "is damaged, and is counted without them"}`, async () => {
    using folder = new TemporaryFolder();
    const { frames, error } = await countFile(write(folder, parts));
    const counted = [...frames.values()].flat();
    assert.equal(counted.filter(({ lengthBytes }) => lengthBytes > 0).length, packets);
    const others = counted.filter(({ lengthBytes }) => lengthBytes === 0);
    assert.deepEqual(
      others,
      Array.from({ length: empty }, () => EMPTY_FACTS),
    );
    if (damagedAt === undefined) assert.equal(error, undefined);
    else assert.match(error ?? "sound", new RegExp(`sample\\.pcap at byte ${damagedAt}: `));
  });

  test(`tcpdump finds as many packets in a ${name}`, { skip: lacking("tcpdump") }, () => {
    using folder = new TemporaryFolder();
    const lines = linesOf("tcpdump", "-n", "-q", "-t", "-r", write(folder, parts));
    const isEmpty = (line: string): boolean => line.startsWith("[Invalid header: caplen==0");
    assert.equal(lines.filter((line) => !isEmpty(line)).length, packets);
  });

  test(`tshark finds as many packets in a ${name}`, { skip: lacking("tshark") }, () => {
    using folder = new TemporaryFolder();
    assert.equal(linesOf("tshark", "-n", "-r", write(folder, parts), "-Y", "frame.len > 0").length, packets);
  });
}

/** Writes a file of these parts into a folder, and returns its path. */
function write(folder: TemporaryFolder, parts: readonly Part[]): string {
  const path = join(folder.path, "sample.pcap");
  writeFileSync(path, Uint8Array.from(parts.flat()));
  return path;
}

/** The lines of a program that fails when a file is damaged. */
function linesOf(program: string, ...args: string[]): string[] {
  const { stdout, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined) throw error;
  return stdout.split("\n").filter((line) => /^\s*\S/.test(line));
}

function zeros(byteCount: number): Part {
  return Array.from({ length: byteCount }, () => 0);
}

function zerosFrom(part: Part, at: number): Part {
  return [...part.slice(0, at), ...zeros(part.length - at)];
}

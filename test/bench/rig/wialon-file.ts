import { closeSync, openSync, writeSync } from "node:fs";
import { line, data, type WialonPacket } from "../../support/wialon/packets.ts";

const PORT = 20332;
const SERVER = 0xc0a80001;
const FIRST_TRACKER = 0x0a000001;
const FIRST_SECOND = 1_000_000;
/** Ethernet, IPv4 and TCP without options. */
const HEADER_BYTES = 54;
const RECORD_HEADER_BYTES = 16;

/** pcap(5): little-endian, microseconds, version 2.4, LINKTYPE_ETHERNET. */
const FILE_HEADER = [0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, 1];

/** Packets that trackers send one after the other, each in a segment of its own, and their answers. */
export interface Fleet {
  trackers: number;
  /** Packets of each; as many answers. */
  rounds: number;
}

/** Writes a capture file of what a fleet sends, a second for each round. */
export function writeWialonFile(path: string, { trackers, rounds }: Fleet): void {
  const options = { protocol: "1.1" } as const;
  const [request, answer] = [line("D", data(60), options), line("AD", "1", options)];
  const pairBytes = 2 * (RECORD_HEADER_BYTES + HEADER_BYTES) + request.bytes.length + answer.bytes.length;
  const file = openSync(path, "w");
  const header = Buffer.alloc(24);
  let end = 0;
  for (const word of FILE_HEADER) end = header.writeUInt32LE(word, end);
  writeSync(file, header);
  const bytes = Buffer.alloc(trackers * pairBytes);
  for (let round = 0; round < rounds; round++) {
    let at = 0;
    for (let tracker = 0; tracker < trackers; tracker++) {
      const address = FIRST_TRACKER + tracker;
      at = writeRecord(bytes, at, round, { source: address, destination: SERVER, isRequest: true }, request);
      at = writeRecord(bytes, at, round, { source: SERVER, destination: address, isRequest: false }, answer);
    }
    writeSync(file, bytes);
  }
  closeSync(file);
}

interface Ends {
  source: number;
  destination: number;
  isRequest: boolean;
}

/** Returns where the next record begins. */
function writeRecord(bytes: Buffer, start: number, round: number, ends: Ends, packet: WialonPacket): number {
  const frameBytes = HEADER_BYTES + packet.bytes.length;
  bytes.writeUInt32LE(FIRST_SECOND + round, start);
  bytes.writeUInt32LE(frameBytes, start + 8);
  bytes.writeUInt32LE(frameBytes, start + 12);
  const ethernet = start + RECORD_HEADER_BYTES;
  bytes.set([0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x00], ethernet);
  const ip = ethernet + 14;
  bytes[ip] = 0x45;
  bytes.writeUInt16BE(frameBytes - 14, ip + 2);
  bytes[ip + 8] = 64;
  bytes[ip + 9] = 6;
  bytes.writeUInt32BE(ends.source, ip + 12);
  bytes.writeUInt32BE(ends.destination, ip + 16);
  const tcp = ip + 20;
  bytes.writeUInt16BE(ends.isRequest ? 4000 : PORT, tcp);
  bytes.writeUInt16BE(ends.isRequest ? PORT : 4000, tcp + 2);
  bytes.writeUInt32BE(1 + round * packet.bytes.length, tcp + 4);
  bytes[tcp + 12] = 0x50;
  bytes[tcp + 13] = 0x10;
  packet.bytes.copy(bytes, tcp + 20);
  return ethernet + frameBytes;
}

import { closeSync, openSync, writeSync } from "node:fs";
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../../support/frames.ts";

/** A set of addresses that are all active, and what its page holds. */
export interface Population {
  name: string;
  range: string;
  addresses: number;
  protocols: readonly number[];
  /** The page costs so much that a few scrapes must do. */
  scrapes: number;
}

export const THOUSAND: Population = {
  name: "1,000 addresses, 3 protocols",
  range: "10.0.0.0-10.0.3.231",
  addresses: 1_000,
  protocols: [PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP],
  scrapes: 25,
};

export const SLASH_16: Population = {
  name: "a /16, 1 protocol",
  range: "10.0.0.0-10.0.255.255",
  addresses: 65_536,
  protocols: [PROTOCOL_UDP],
  scrapes: 7,
};

const FIRST_ADDRESS = 0x0a000000;
const FRAME_BYTES = 60;
const ETHERNET_BYTES = 14;
const RECORD_HEADER_BYTES = 16;

/** pcap(5): little-endian, microseconds, version 2.4, LINKTYPE_ETHERNET. */
const FILE_HEADER = [0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, 1];

/**
 * Writes a capture file in which every address sends and receives one packet of each protocol; each frame goes from one
 * address to the next.
 */
export function writeTrafficFile(path: string, population: Population): void {
  const { addresses, protocols } = population;
  const bytes = Buffer.alloc(24 + frames(population) * (RECORD_HEADER_BYTES + FRAME_BYTES));
  let at = 0;
  for (const word of FILE_HEADER) at = bytes.writeUInt32LE(word, at);
  for (const protocol of protocols) {
    for (let index = 0; index < addresses; index++) {
      writeRecord(bytes, at, protocol, FIRST_ADDRESS + index, FIRST_ADDRESS + ((index + 1) % addresses));
      at += RECORD_HEADER_BYTES + FRAME_BYTES;
    }
  }
  const file = openSync(path, "w");
  writeSync(file, bytes);
  closeSync(file);
}

/** Frames in the file of a population. */
export function frames(population: Population): number {
  return population.addresses * population.protocols.length;
}

/** Record header: seconds, microseconds (all frames at the same time), captured and original length. */
function writeRecord(bytes: Buffer, start: number, protocol: number, source: number, destination: number): void {
  bytes.writeUInt32LE(FRAME_BYTES, start + 8);
  bytes.writeUInt32LE(FRAME_BYTES, start + 12);
  const ethernet = start + RECORD_HEADER_BYTES;
  bytes.set([0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x00], ethernet);
  const ip = ethernet + ETHERNET_BYTES;
  bytes[ip] = 0x45;
  bytes.writeUInt16BE(FRAME_BYTES - ETHERNET_BYTES, ip + 2);
  bytes[ip + 8] = 64;
  bytes[ip + 9] = protocol;
  bytes.writeUInt32BE(source, ip + 12);
  bytes.writeUInt32BE(destination, ip + 16);
}

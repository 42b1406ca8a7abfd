/*
 * Packets of Wialon IPS, written from Gurtam's documents of versions 1.1 and 2.0. Shares nothing with what reads them in
 * src/.
 */
import { deflateSync } from "node:zlib";

export type Protocol = "1.1" | "2.0";

/** A packet as it is sent, and what is true of it. */
export interface WialonPacket {
  type: string;
  /** What goes on the wire. */
  bytes: Buffer;
  /** Of the packet itself: more or less than `bytes` if that is compressed. */
  plainBytes: number;
  points: number;
}

export interface Options {
  protocol: Protocol;
  /** Puts a wrong checksum there, if the protocol has any. */
  isDamaged?: boolean;
}

/** A line of text with the fields of a message. */
export function line(type: string, text: string, { protocol, isDamaged = false }: Options): WialonPacket {
  const body = protocol === "2.0" && hasChecksum(type) ? withChecksum(type, text, isDamaged) : text;
  return plain(type, Buffer.from(`#${type}#${body}\r\n`));
}

/** A line that announces binary data, and the data; `fields` come behind the size in photos. */
export function binary(type: "I" | "T" | "US" | "UC", data: Buffer, fields: string, options: Options): WialonPacket {
  const head =
    type === "T" ? `;${data.length};${fields}` : [data.length, fields].filter((part) => part !== "").join(";");
  const sum = hex(crc(data) ^ (options.isDamaged === true ? 1 : 0));
  const body = options.protocol === "2.0" ? `${head};${sum}` : head;
  return plain(type, Buffer.concat([Buffer.from(`#${type}#${body}\r\n`), data]));
}

/** A black box of so many points. */
export function blackBox(points: readonly string[], options: Options): WialonPacket {
  const packet = line("B", points.join("|"), options);
  return { ...packet, points: points.length };
}

/** The same packet, compressed; it needs no end of line then. */
export function compressed(packet: WialonPacket): WialonPacket {
  const data = deflateSync(packet.bytes);
  const head = Buffer.from([0xff, data.length & 0xff, data.length >> 8]);
  return { ...packet, bytes: Buffer.concat([head, data]) };
}

/** The text of a short data packet. */
export function shortData(speed: number): string {
  return `211126;133000;5544.6025;N;03739.6834;E;${speed};90;150;7`;
}

/** The text of an extended data packet. */
export function data(speed: number): string {
  return `${shortData(speed)};1.1;0;0;14.77,0.02,3.6;NA;count1:1:564,fuel:2:45.8,hw:3:V4.5`;
}

function plain(type: string, bytes: Buffer): WialonPacket {
  return { type, bytes, plainBytes: bytes.length, points: 0 };
}

function hasChecksum(type: string): boolean {
  return ["L", "SD", "D", "B", "M", "IT"].includes(type);
}

function withChecksum(type: string, text: string, isDamaged: boolean): string {
  const covered = `${text}${type === "B" ? "|" : ";"}`;
  return `${covered}${hex(crc(Buffer.from(covered)) ^ (isDamaged ? 1 : 0))}`;
}

/** CRC-16/ARC, bit by bit. */
function crc(bytes: Buffer): number {
  let value = 0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ 0xa001 : value >> 1;
  }
  return value;
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, "0");
}

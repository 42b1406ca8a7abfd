/**
 * Puts frames of a capture file on an interface at a rate: `node paced-sender.ts FILE INTERFACE FIRST FRAMES RATE`, from
 * that one on and round and round the file, in groups that are sent when their time has come. Prints how many a second
 * there were. A process of its own, because it waits for each group without a rest.
 */
import { readFileSync } from "node:fs";
import koffi from "koffi";
import { Child } from "./child.ts";
import { INTERFACE, type Rig, SENDER_CPU } from "./rig.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Of struct mmsghdr and struct iovec, with 64-bit pointers. */
const MESSAGE_BYTES = 64;
const VECTOR_BYTES = 16;
/** Most that one call sends, and how far apart calls are at least. */
const MAX_GROUP = 32;
const GROUPS_PER_SECOND = 10_000;

/** What is sent: `frames` of a file from the one of this index on, at a rate a second. */
export interface Pace {
  path: string;
  first: number;
  frames: number;
  rate: number;
}

/** Runs this file in the sender's namespace, on its CPU; resolves with how many frames a second there were. */
export async function sendAtPace(rig: Rig, { path, first, frames, rate }: Pace): Promise<number> {
  const numbers = [first, frames, rate].map(String);
  const command = [process.execPath, import.meta.filename, path, INTERFACE, ...numbers];
  await using sender = new Child(rig, rig.sender, SENDER_CPU, command);
  const output = await sender.end();
  const achieved = Number(output);
  if (Number.isNaN(achieved)) throw new Error(`couldn't send frames of ${path}: ${output}`);
  return achieved;
}

const libc = koffi.load("libc.so.6");
const socket = libc.func("int socket(int domain, int type, int protocol)");
const bind = libc.func("int bind(int fd, const uint8_t *address, uint32_t length)");
const setsockopt = libc.func("int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)");
const sendmmsg = libc.func("int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)");
const indexOf = libc.func("unsigned int if_nametoindex(const char *name)");

function open(name: string): number {
  const fd = socket(AF_PACKET, SOCK_RAW, 0);
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeInt32LE(indexOf(name), 4);
  if (fd < 0 || bind(fd, address, address.length) < 0) throw new Error(`couldn't send on ${name}`);
  // Past the queue discipline: as a network card would put frames there.
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, Buffer.from([1, 0, 0, 0]), 4);
  return fd;
}

/** The frames of a pcap file (little-endian), as [offset, length]. */
function framesOf(file: Buffer): [number, number][] {
  const frames: [number, number][] = [];
  for (let at = FILE_HEADER_BYTES; at < file.length;) {
    const length = file.readUInt32LE(at + 8);
    frames.push([at + RECORD_HEADER_BYTES, length]);
    at += RECORD_HEADER_BYTES + length;
  }
  return frames;
}

/** An array of struct mmsghdr, one for each frame, and what it points to. */
function messagesOf(file: Buffer, frames: readonly [number, number][]): { address: bigint; kept: Buffer[] } {
  const vectors = Buffer.alloc(frames.length * VECTOR_BYTES);
  const messages = Buffer.alloc(frames.length * MESSAGE_BYTES);
  const [base, vectorBase] = [koffi.address(file), koffi.address(vectors)];
  for (const [index, [offset, length]] of frames.entries()) {
    vectors.writeBigUInt64LE(base + BigInt(offset), index * VECTOR_BYTES);
    vectors.writeBigUInt64LE(BigInt(length), index * VECTOR_BYTES + 8);
    messages.writeBigUInt64LE(vectorBase + BigInt(index * VECTOR_BYTES), index * MESSAGE_BYTES + 16);
    messages.writeBigUInt64LE(1n, index * MESSAGE_BYTES + 24);
  }
  return { address: koffi.address(messages), kept: [file, vectors, messages] };
}

/** Returns how many frames a second there were. */
function main(path: string, name: string, first: number, count: number, rate: number): number {
  const fd = open(name);
  const file = readFileSync(path);
  const frames = framesOf(file);
  const { address, kept } = messagesOf(file, frames);
  const most = Math.min(MAX_GROUP, Math.max(1, Math.round(rate / GROUPS_PER_SECOND)));
  const start = process.hrtime.bigint();
  for (let sent = 0; sent < count;) {
    const dueAt = start + BigInt(Math.round((sent / rate) * 1e9));
    while (process.hrtime.bigint() < dueAt);
    const at = (first + sent) % frames.length;
    const group = Math.min(most, count - sent, frames.length - at);
    const done = sendmmsg(fd, address + BigInt(at * MESSAGE_BYTES), group, 0);
    if (done < 0) throw new Error(`couldn't send: errno ${koffi.errno()}`);
    sent += done;
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (kept.length === 0) throw new Error("what is sent must be kept");
  return count / seconds;
}

if (import.meta.main) {
  const [path = "", name = "", ...numbers] = process.argv.slice(2);
  const [first = 0, count = 0, rate = 0] = numbers.map(Number);
  console.log(main(path, name, first, count, rate));
}

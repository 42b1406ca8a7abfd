/**
 * Puts the frames of a capture file on an interface at a rate: `paced-sender.ts FILE INTERFACE FRAMES RATE`, round and round
 * the file, in groups that are sent when their time has come. Prints how long it took, in nanoseconds.
 */
import { readFileSync } from "node:fs";
import koffi from "koffi";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Of struct mmsghdr and struct iovec, with 64-bit pointers. */
const MESSAGE_BYTES = 64;
const VECTOR_BYTES = 16;
/** Sent by one call: at 20,000 a second they are 0.4 ms apart. */
const GROUP = 8;

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

function main(path: string, name: string, count: number, rate: number): bigint {
  const fd = open(name);
  const file = readFileSync(path);
  const frames = framesOf(file);
  const { address, kept } = messagesOf(file, frames);
  const start = process.hrtime.bigint();
  for (let sent = 0; sent < count;) {
    const dueAt = start + BigInt(Math.round((sent / rate) * 1e9));
    while (process.hrtime.bigint() < dueAt);
    const first = sent % frames.length;
    const group = Math.min(GROUP, count - sent, frames.length - first);
    const done = sendmmsg(fd, address + BigInt(first * MESSAGE_BYTES), group, 0);
    if (done < 0) throw new Error(`couldn't send: errno ${koffi.errno()}`);
    sent += done;
  }
  if (kept.length === 0) throw new Error("what is sent must be kept");
  return process.hrtime.bigint() - start;
}

const [path = "", name = "", count = "", rate = ""] = process.argv.slice(2);
console.log(`${main(path, name, Number(count), Number(rate))}`);

/*
 * A road between two network namespaces that loses, repeats, delays and so reorders packets: two TUN interfaces, and this
 * program between them. tc-netem(8) does the same where the kernel has it; many kernels do not.
 *
 *     node rough-road.ts NEAR FAR OTHER-NAMESPACE LOSS DUPLICATION DELAY-MS
 *
 * Makes the interface NEAR in this namespace and FAR in the other one; prints `open` when both are there.
 */
import { execFileSync } from "node:child_process";
import { openSync, read, write } from "node:fs";
import koffi from "koffi";

/* linux/if_tun.h */
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFREQ_BYTES = 40;
const IFNAMSIZ = 16;
const MAX_PACKET_BYTES = 65_536;

const [near = "", far = "", namespace = "", loss = "", duplication = "", delayMs = ""] = process.argv.slice(2);
const ioctl = koffi.load("libc.so.6").func("int ioctl(int fd, unsigned long request, uint8_t *argument)");

function open(name: string): number {
  const fd = openSync("/dev/net/tun", "r+");
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name);
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI, IFNAMSIZ);
  if (ioctl(fd, TUNSETIFF, request) !== 0) throw new Error(`couldn't make ${name}`);
  return fd;
}

/** The kernel loses what it does not take, as a road may. */
function deliver(fd: number, packet: Buffer): void {
  setTimeout(() => write(fd, packet, () => {}), Math.random() * Number(delayMs));
}

function carry(from: number, to: number): void {
  const bytes = Buffer.alloc(MAX_PACKET_BYTES);
  const next = (): void =>
    read(from, bytes, 0, bytes.length, null, (error, length) => {
      if (error !== null) throw error;
      const packet = Buffer.from(bytes.subarray(0, length));
      if (Math.random() >= Number(loss)) deliver(to, packet);
      if (Math.random() < Number(duplication)) deliver(to, packet);
      next();
    });
  next();
}

const ends = [open(near), open(far)] as const;
execFileSync("ip", ["link", "set", far, "netns", namespace]);
carry(ends[0], ends[1]);
carry(ends[1], ends[0]);
process.stdout.write("open\n");

/*
 * A road between two network namespaces that loses, repeats, delays and so reorders packets: two TAP interfaces, and this
 * program between them. tc-netem(8) does the same when the kernel has it (sch_netem); many kernels do not, so no test
 * relies on it. TUN would do, but libpcap's ring holds 256 frames when there is no Ethernet.
 *
 *     node rough-road.ts NEAR FAR OTHER-NAMESPACE LOSS DUPLICATION DELAY-MS
 *
 * Makes the interface NEAR in this namespace and FAR in the other one, without ARP; prints `open` when both are there.
 */
import { execFileSync } from "node:child_process";
import { openSync, read, write } from "node:fs";
import koffi from "koffi";

/* linux/if_tun.h */
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFREQ_BYTES = 40;
const IFNAMSIZ = 16;
const MAX_FRAME_BYTES = 65_536;
/** Of both ends: what is sent without ARP goes to the sender's own address. */
const ADDRESS = "02:00:00:00:00:01";

const [near = "", far = "", namespace = "", loss = "", duplication = "", delayMs = ""] = process.argv.slice(2);
const ioctl = koffi.load("libc.so.6").func("int ioctl(int fd, unsigned long request, uint8_t *argument)");

function open(name: string): number {
  const fd = openSync("/dev/net/tun", "r+");
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name);
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI, IFNAMSIZ);
  if (ioctl(fd, TUNSETIFF, request) !== 0) throw new Error(`couldn't make ${name}`);
  execFileSync("ip", ["link", "set", name, "address", ADDRESS, "arp", "off"]);
  return fd;
}

/** The kernel loses what it does not take, as a road may. */
function deliver(fd: number, frame: Buffer): void {
  setTimeout(() => write(fd, frame, () => {}), Math.random() * Number(delayMs));
}

function carry(from: number, to: number): void {
  const bytes = Buffer.alloc(MAX_FRAME_BYTES);
  const next = (): void =>
    read(from, bytes, 0, bytes.length, null, (error, length) => {
      if (error !== null) throw error;
      const frame = Buffer.from(bytes.subarray(0, length));
      if (Math.random() >= Number(loss)) deliver(to, frame);
      if (Math.random() < Number(duplication)) deliver(to, frame);
      next();
    });
  next();
}

const ends = [open(near), open(far)] as const;
execFileSync("ip", ["link", "set", far, "netns", namespace]);
carry(ends[0], ends[1]);
carry(ends[1], ends[0]);
process.stdout.write("open\n");

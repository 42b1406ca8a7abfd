import assert from "node:assert/strict";
import { closeSync, openSync, writeSync } from "node:fs";
import koffi from "koffi";
import { ip } from "../private-network.ts";

/* linux/if_tun.h */
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFNAMSIZ = 16;
/** struct ifreq: the name, and a union of 24 bytes. */
const IFREQ_BYTES = 40;

/** An interface without a link header, up, that receives what is written to it. Needs root. */
export class TunInterface implements Disposable {
  readonly #fd: number = openSync("/dev/net/tun", "r+");

  constructor(name: string) {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write(name);
    request.writeUInt16LE(IFF_TUN | IFF_NO_PI, IFNAMSIZ);
    const ioctl = koffi.load("libc.so.6").func("int ioctl(int fd, unsigned long request, uint8_t *argument)");
    assert.equal(ioctl(this.#fd, TUNSETIFF, request), 0);
    ip(`link set ${name} up`);
  }

  /** Lets a packet come in, from its IP header on. */
  receive(packet: Uint8Array): void {
    writeSync(this.#fd, packet);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

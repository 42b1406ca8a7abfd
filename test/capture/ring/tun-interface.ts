import assert from "node:assert/strict";
import { closeSync, openSync, writeSync } from "node:fs";
import koffi from "koffi";
import { ip } from "../private-network.ts";

/* linux/if_tun.h */
const TUNSETIFF = 0x400454ca;
const TUNSETLINK = 0x400454cd;
const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFNAMSIZ = 16;
/** struct ifreq: the name, and a union of 24 bytes. */
const IFREQ_BYTES = 40;
const VNET_HEADER_BYTES = 10;

/** What is told of a frame that stands for several packets: struct virtio_net_hdr of linux/virtio_net.h. */
export interface Merged {
  /** VIRTIO_NET_HDR_GSO_TCPV4 1, UDP (fragments) 3, TCPV6 4, UDP_L4 5. */
  gsoType: number;
  gsoSize: number;
  /** Where the transport header starts in the frame, and where its checksum stands in that. */
  checksumStart: number;
  checksumOffset: number;
}

/**
 * An interface, up, that receives what is written to it: packets without a link header ("tun"), or Ethernet frames
 * ("tap"). It may say that it is of another ARPHRD_ type. Needs root.
 */
export class TunInterface implements Disposable {
  readonly #fd: number = openSync("/dev/net/tun", "r+");

  constructor(name: string, kind: "tun" | "tap" = "tun", hardwareType?: number) {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write(name);
    request.writeUInt16LE((kind === "tun" ? IFF_TUN : IFF_TAP) | IFF_NO_PI | IFF_VNET_HDR, IFNAMSIZ);
    const libc = koffi.load("libc.so.6");
    const ioctl = libc.func("int ioctl(int fd, unsigned long request, uint8_t *argument)");
    assert.equal(ioctl(this.#fd, TUNSETIFF, request), 0);
    const setLink = libc.func("ioctl", "int", ["int", "unsigned long", "unsigned long"]);
    if (hardwareType !== undefined) assert.equal(setLink(this.#fd, TUNSETLINK, hardwareType), 0);
    ip(`link set ${name} up`);
  }

  /** Lets a frame come in, merged from several packets if `merged` says so. */
  receive(frame: Uint8Array, merged?: Merged): void {
    const header = Buffer.alloc(VNET_HEADER_BYTES);
    if (merged !== undefined) {
      header.writeUInt8(1, 0);
      header.writeUInt8(merged.gsoType, 1);
      header.writeUInt16LE(merged.checksumStart + 20, 2);
      header.writeUInt16LE(merged.gsoSize, 4);
      header.writeUInt16LE(merged.checksumStart, 6);
      header.writeUInt16LE(merged.checksumOffset, 8);
    }
    writeSync(this.#fd, Buffer.concat([header, frame]));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

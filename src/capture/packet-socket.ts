import { ErrorCode, PromtapError } from "../errors.ts";
import * as libc from "../native/libc.ts";
import type { Link } from "./netlink.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ALL_BE = 0x0300;

/**
 * Opens a packet socket that receives nothing yet: its protocol is 0 until it is bound, so that no frame comes in before
 * its filter is there.
 *
 * Interfaces without an Ethernet header are opened in cooked mode: the kernel takes off whatever header they have, and
 * says what follows. `name`: the interface that it is for, if there is one. Throws PromtapError.
 */
export function openPacketSocket(name: string | undefined, isEthernet: boolean): number {
  const type = (isEthernet ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC;
  const fd = libc.socket(AF_PACKET, type, 0);
  if (fd < 0) throw packetSocketRefusal(fd, `open ${name ?? "a packet socket"}`);
  return fd;
}

/** Where to bind: struct sockaddr_ll of linux/if_packet.h, family, protocol and index; bind(2) ignores the rest. */
export function packetAddress(interfaceIndex: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(20));
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL_BE, true);
  view.setInt32(4, interfaceIndex, true);
  return new Uint8Array(view.buffer);
}

/**
 * Has the interface take in every frame as long as the socket is open, those to other MAC addresses too. Before the
 * socket is bound, or it misses some. Loopback has them all as it is. Throws PromtapError.
 */
export async function turnPromiscuous(fd: number, { name, index, isLoopback }: Link): Promise<void> {
  const joined = isLoopback ? 0 : await libc.makePromiscuous(fd, index);
  if (joined < 0) throw packetSocketRefusal(joined, `open ${name}`, "make it promiscuous");
}

/** Says why something could not be done with a packet socket, and what to do; `attempts`: from the whole to the part. */
export function packetSocketRefusal(result: number, ...attempts: string[]): PromtapError {
  const isPrivilege = result === -libc.errno.EPERM || result === -libc.errno.EACCES;
  const why = isPrivilege
    ? "CAP_NET_RAW is missing; run as root, or give the capability (setcap cap_net_raw+ep, AmbientCapabilities=)"
    : libc.errnoText(result);
  const tried = attempts.map((attempt) => `couldn't ${attempt}: `).join("");
  return new PromtapError(ErrorCode.HOST, tried + why);
}

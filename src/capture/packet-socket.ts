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

/** A socket that is open, and what is asked of the kernel for it. */
interface Member {
  readonly link: Link;
  isOn: boolean;
  /** A negated errno, or 0, once the kernel has done what was asked last. */
  last: Promise<number>;
}

/**
 * Whether interfaces take in every frame as long as sockets of theirs are open, those to other MAC addresses too; can be
 * turned on and off meanwhile. Loopback has them all as it is.
 */
export class Promiscuity {
  #isOn: boolean;
  readonly #members = new Map<number, Member>();

  constructor(isOn: boolean) {
    this.#isOn = isOn;
  }

  /** Adds a socket, which must not be bound yet, or it misses frames. Throws PromtapError. */
  async join(fd: number, link: Link): Promise<void> {
    const member = { link, isOn: false, last: Promise.resolve(0) };
    this.#members.set(fd, member);
    const result = await this.#settle(fd, member);
    if (result < 0) throw packetSocketRefusal(result, `open ${link.name}`, "make it promiscuous");
  }

  /** Has nothing to do with a socket any more: it can be closed. */
  async leave(fd: number): Promise<void> {
    const member = this.#members.get(fd);
    this.#members.delete(fd);
    await member?.last;
  }

  /** Turns it on or off. Throws PromtapError, and leaves all as it was. */
  async turn(isOn: boolean): Promise<void> {
    const before = this.#isOn;
    this.#isOn = isOn;
    const results = await this.#settleAll();
    const failed = results.find(({ result }) => result < 0 && result !== -libc.errno.ENODEV);
    if (failed === undefined) return;
    this.#isOn = before;
    await this.#settleAll();
    throw packetSocketRefusal(failed.result, `make ${failed.link.name} promiscuous`);
  }

  async #settleAll(): Promise<{ link: Link; result: number }[]> {
    const settled = [...this.#members].map(async ([fd, member]) => ({
      link: member.link,
      result: await this.#settle(fd, member),
    }));
    return Promise.all(settled);
  }

  /** Has the kernel do what is wanted when it has done what was asked before. */
  #settle(fd: number, member: Member): Promise<number> {
    member.last = member.last.then(async () => {
      const wanted = this.#isOn;
      if (member.isOn === wanted || member.link.isLoopback || this.#members.get(fd) !== member) return 0;
      const result = await libc.setPromiscuous(fd, member.link.index, wanted);
      // What can't be taken back is not there: the interface has gone.
      if (wanted && result < 0) return result;
      member.isOn = wanted;
      return 0;
    });
    return member.last;
  }
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

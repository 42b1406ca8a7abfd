import { ErrorCode, PromtapError } from "../../errors.ts";
import * as bpf from "../../native/bpf.ts";
import * as libc from "../../native/libc.ts";
import type { Link } from "../netlink.ts";
import { openPacketSocket, packetAddress, turnPromiscuous } from "../packet-socket.ts";

/** How packets get to the program on one interface: until the descriptors that it returns are closed. */
export type Attach = (link: Link, programFd: number) => Promise<readonly number[]>;

/** Has packets come to another program instead, each to one of both. Returns a negated errno, or 0 and more. */
export type Replace = (attached: readonly number[], programFd: number) => number;

export const replaceOnSocket: Replace = ([fd], programFd) => bpf.attachToSocket(fd!, programFd);

export const replaceTcx: Replace = (attached, programFd) =>
  Math.min(...attached.map((fd) => bpf.updateTcx(fd, programFd)));

export async function attachSocket(link: Link, programFd: number): Promise<number[]> {
  return attachToSocket(link, programFd, false);
}

export async function attachPromiscuousSocket(link: Link, programFd: number): Promise<number[]> {
  return attachToSocket(link, programFd, true);
}

async function attachToSocket(link: Link, programFd: number, isPromiscuous: boolean): Promise<number[]> {
  const fd = openPacketSocket(link.name, link.isEthernet);
  try {
    let result = bpf.attachToSocket(fd, programFd);
    if (result >= 0 && isPromiscuous) await turnPromiscuous(fd, link);
    if (result >= 0) result = libc.bind(fd, packetAddress(link.index));
    if (result >= 0) return [fd];
    throw new PromtapError(ErrorCode.HOST, `couldn't open ${link.name}: ${libc.errnoText(result)}`);
  } catch (error) {
    void libc.closeInBackground(fd);
    throw error;
  }
}

/** Not in a helper thread, though the kernel may wait: it looks the index up in the namespace of the thread. */
export async function attachTcx(link: Link, programFd: number): Promise<number[]> {
  // A packet on loopback is sent and received: one of both is counted.
  const hooks = link.isLoopback ? [bpf.BPF_TCX_INGRESS] : [bpf.BPF_TCX_INGRESS, bpf.BPF_TCX_EGRESS];
  const fds: number[] = [];
  for (const hook of hooks) {
    const fd = bpf.attachTcx(programFd, link.index, hook);
    if (fd < 0) {
      for (const attached of fds) void libc.closeInBackground(attached);
      throw new PromtapError(
        ErrorCode.HOST,
        `couldn't attach to ${link.name}: ${fd === -libc.errno.EPERM ? "CAP_NET_ADMIN is missing" : libc.errnoText(fd)}`,
      );
    }
    fds.push(fd);
  }
  return fds;
}

import { ErrorCode, PromtapError } from "../../errors.ts";
import * as bpf from "../../native/bpf.ts";
import * as libc from "../../native/libc.ts";
import type { Link } from "../netlink.ts";
import { openPacketSocket, packetAddress, type Promiscuity } from "../packet-socket.ts";

/** How packets get to the program on one interface. */
export interface Attachment {
  /** Until the descriptors that it returns are detached. Throws PromtapError. */
  attach(link: Link, programFd: number): Promise<readonly number[]>;
  /** Has packets come to another program instead, each to one of both. Returns a negated errno, or 0 and more. */
  replace(attached: readonly number[], programFd: number): number;
  detach(attached: readonly number[]): Promise<void>;
}

export function socketAttachment(promiscuity: Promiscuity | undefined): Attachment {
  return {
    attach: (link, programFd) => attachToSocket(link, programFd, promiscuity),
    replace: ([fd], programFd) => bpf.attachToSocket(fd!, programFd),
    async detach([fd]) {
      await promiscuity?.leave(fd!);
      await libc.closeInBackground(fd!);
    },
  };
}

export const TCX_ATTACHMENT: Attachment = {
  attach: attachTcx,
  replace: (attached, programFd) => Math.min(...attached.map((fd) => bpf.updateTcx(fd, programFd))),
  async detach(attached) {
    await Promise.all(attached.map(libc.closeInBackground));
  },
};

async function attachToSocket(
  link: Link,
  programFd: number,
  promiscuity: Promiscuity | undefined,
): Promise<readonly number[]> {
  const fd = openPacketSocket(link.name, link.isEthernet);
  try {
    let result = bpf.attachToSocket(fd, programFd);
    if (result >= 0) await promiscuity?.join(fd, link);
    if (result >= 0) result = libc.bind(fd, packetAddress(link.index));
    if (result >= 0) return [fd];
    throw new PromtapError(ErrorCode.HOST, `couldn't open ${link.name}: ${libc.errnoText(result)}`);
  } catch (error) {
    await promiscuity?.leave(fd);
    void libc.closeInBackground(fd);
    throw error;
  }
}

/** Not in a helper thread, though the kernel may wait: it looks the index up in the namespace of the thread. */
async function attachTcx(link: Link, programFd: number): Promise<number[]> {
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

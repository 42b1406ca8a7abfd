import { ErrorCode, PromtapError } from "../errors.ts";
import * as libc from "../native/libc.ts";
import { AF_NETLINK } from "../native/netlink.ts";

const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_ROUTE = 0;

/** Opens a socket of rtnetlink that is told of `groups`. Throws PromtapError, which says that `what` can't be listed. */
export function openNetlink(groups: number, what: string): number {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) throw netlinkUnavailable(what, fd);
  const bound = libc.bind(fd, netlinkAddress(groups));
  if (bound >= 0) return fd;
  libc.close(fd);
  throw netlinkUnavailable(what, bound);
}

export function netlinkUnavailable(what: string, result: number): PromtapError {
  return new PromtapError(
    ErrorCode.HOST,
    `couldn't list the ${what}: netlink says ${libc.errnoText(result)}; allow address family AF_NETLINK`,
  );
}

/** struct sockaddr_nl: family, padding, port (0: the kernel chooses), groups. */
function netlinkAddress(groups: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, groups, true);
  return new Uint8Array(view.buffer);
}

import { openNetlink } from "../../src/capture/netlink-socket.ts";
import * as libc from "../../src/native/libc.ts";

const RTMGRP_LINK = 1;
const MESSAGE_BYTES = 65_536;

/** Takes note of all that the kernel tells of the links of this namespace, as long as it is there. */
export class LinkNews implements Disposable {
  readonly #fd = openNetlink(RTMGRP_LINK, "interfaces");

  /** How many messages there were since this was last asked. */
  take(): number {
    let count = 0;
    while (libc.recv(this.#fd, new Uint8Array(MESSAGE_BYTES)) > 0) count++;
    return count;
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

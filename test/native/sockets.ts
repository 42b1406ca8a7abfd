import assert from "node:assert/strict";
import koffi from "koffi";
import * as libc from "../../src/native/libc.ts";
import { unixAddress } from "../../src/daemon/systemd/notify-socket.ts";

/* Calls that the program has no use for, and its tests have. */

const AF_INET = 2;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const LOOPBACK = [127, 0, 0, 1];

const c = koffi.load("libc.so.6");
const socketpair = c.func("int socketpair(int domain, int type, int protocol, _Out_ int *fds)");
const connect = c.func("int connect(int fd, const uint8_t *address, uint32_t length)");

/** Two sockets, each of which receives what the other sends, message by message. */
export class DatagramPair implements Disposable {
  readonly near: number;
  readonly far: number;

  constructor() {
    const fds = [0, 0];
    assert.equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    this.near = fds[0]!;
    this.far = fds[1]!;
  }

  [Symbol.dispose](): void {
    libc.close(this.near);
    libc.close(this.far);
  }
}

/** A socket to a port where nobody listens: each datagram that is sent makes the kernel put an error on it. */
export class RefusedSocket implements Disposable {
  readonly fd: number = libc.socket(AF_INET, SOCK_DGRAM, 0);

  constructor() {
    const discard = 9;
    const address = Uint8Array.from([AF_INET, 0, 0, discard, ...LOOPBACK, ...new Uint8Array(8)]);
    assert.equal(connect(this.fd, address, address.length), 0);
  }

  [Symbol.dispose](): void {
    libc.close(this.fd);
  }
}

/** The socket of a service manager, by path or, after `@`, abstract name. */
export class NotifySocket implements Disposable {
  readonly #fd: number = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
  readonly #buffer = new Uint8Array(4096);

  constructor(path: string) {
    assert.equal(libc.bind(this.#fd, unixAddress(path)), 0);
  }

  /** The messages that came since it was last asked; waits for none. */
  received(): string[] {
    const messages: string[] = [];
    for (;;) {
      const length = libc.recv(this.#fd, this.#buffer);
      if (length < 0) return messages;
      messages.push(Buffer.from(this.#buffer.subarray(0, length)).toString());
    }
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

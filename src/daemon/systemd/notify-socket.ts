import * as libc from "../../native/libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/**
 * Sends one datagram to a unix socket, by its path or, after `@`, its abstract name: Node knows no such sockets. Waits
 * for nothing; returns the negated errno if it can't be sent. Throws PromtapError if libc can't be called.
 */
export function sendDatagram(path: string, text: string): number {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  try {
    const connected = libc.connect(fd, unixAddress(path));
    return connected < 0 ? connected : libc.send(fd, Buffer.from(text));
  } finally {
    libc.close(fd);
  }
}

/** struct sockaddr_un: family, then the path. An abstract name begins with a zero and ends with the address: unix(7). */
export function unixAddress(path: string): Uint8Array {
  const name = path.startsWith("@") ? `\0${path.slice(1)}` : path;
  return Buffer.concat([new Uint8Array(Uint16Array.of(AF_UNIX).buffer), Buffer.from(name)]);
}

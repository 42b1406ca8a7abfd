import { ErrorCode, PromtapError } from "../errors.ts";
import { koffi } from "./koffi.ts";
import {
  attachChoice,
  bind,
  close,
  dup,
  errno,
  errnoText,
  getsockname,
  getsockopt,
  recvmmsg,
  setsockopt,
  socket,
} from "./libc.ts";

/* Sockets that receive datagrams of UDP, many in one call (recvmmsg(2)). */

const FAMILY_IPV4 = 2;
const FAMILY_IPV6 = 10;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
const MEMINFO_RCVBUF = 1;
const MEMINFO_DROPS = 8;
const MEMINFO_WORDS = 9;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** Where to receive: the bytes of an address, 4 or 16; without, on all addresses of the host. */
export interface UdpAddress {
  readonly host: readonly number[] | undefined;
  readonly port: number;
}

export interface UdpOptions {
  readonly bufferBytes: number;
  /** Of an address that others receive at as well: a program of classic BPF that says which of them has a datagram. */
  readonly choice?: Uint8Array | null;
  /** Sockets of this program at other addresses with the port, such as that of all addresses, which are no obstacle. */
  readonly beside?: readonly UdpSocket[];
}

/** sockaddr_in6; that of IPv4 is its beginning, with the address in the place of the flow information. */
const SOCKADDR_BYTES = 28;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_PORT = 2;
const SOCKADDR_IPV4 = 4;
const SOCKADDR_IPV6 = 8;

/** Sockets of this process by what they are bound to, and by how many: who asks for one again shares its queue. */
const shared = new Map<string, { fd: number; users: number; hasChoice: boolean }>();

/** A socket that is bound; never waits. */
export class UdpSocket implements Disposable {
  readonly fd: number;
  /** As it is bound: a port of 0 has become one. */
  readonly port: number;
  readonly #key: string;
  #isOpen = true;

  private constructor(fd: number, port: number, key: string) {
    this.fd = fd;
    this.port = port;
    this.#key = key;
  }

  /** `name`: the address as messages call it. Throws PromtapError. */
  static open(address: UdpAddress, name: string, options: UdpOptions): UdpSocket {
    const { choice = null } = options;
    const keyOf = (port: number): string => `${address.host?.join(".") ?? ""}:${port}`;
    const known = shared.get(keyOf(address.port));
    if (choice !== null && known?.hasChoice === false) {
      throw new PromtapError(ErrorCode.HOST, `couldn't share ${name}: it was opened for one program; restart promtap`);
    }
    const fd = known === undefined ? openBeside(address, options) : dup(known.fd);
    const result = fd < 0 || choice === null ? fd : share(fd, choice);
    if (result < 0) {
      if (fd >= 0) close(fd);
      throw new PromtapError(ErrorCode.HOST, `couldn't receive on ${name}: ${reasonOf(result)}`);
    }
    const port = portOf(fd);
    if (known === undefined) shared.set(keyOf(port), { fd: dup(fd), users: 1, hasChoice: choice !== null });
    else known.users++;
    return new UdpSocket(fd, port, keyOf(port));
  }

  /** Bytes that may wait in it, as the kernel counts them, and datagrams that were dropped because they did. */
  memory(): { bufferBytes: number; drops: number } {
    const words = new Uint32Array(MEMINFO_WORDS);
    getsockopt(this.fd, SOL_SOCKET, SO_MEMINFO, new Uint8Array(words.buffer));
    return { bufferBytes: words[MEMINFO_RCVBUF]!, drops: words[MEMINFO_DROPS]! };
  }

  /** Until it is disposed of. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
    close(this.fd);
    const known = shared.get(this.#key);
    if (known === undefined || --known.users > 0) return;
    shared.delete(this.#key);
    close(known.fd);
  }
}

function reasonOf(result: number): string {
  if (-result === errno.EADDRINUSE) return "another program receives there";
  if (-result === errno.EADDRNOTAVAIL) return "the address is none of this host";
  return -result === errno.EACCES ? "not permitted; ports below 1024 need CAP_NET_BIND_SERVICE" : errnoText(result);
}

/** Sockets that are no obstacle are none as long as this takes: then no other program is let in. */
function openBeside(address: UdpAddress, { bufferBytes, choice = null, beside = [] }: UdpOptions): number {
  if (beside.length === 0 || choice !== null) return openBound(address, bufferBytes, choice !== null);
  for (const { fd } of beside) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, int32(1));
  const opened = openBound(address, bufferBytes, true);
  for (const { fd } of beside) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, int32(0));
  if (opened >= 0) setsockopt(opened, SOL_SOCKET, SO_REUSEPORT, int32(0));
  return opened;
}

/** Without an address the socket is one of IPv6 that takes IPv4 too, unless the kernel has none (`ipv6.disable=1`). */
function openBound(address: UdpAddress, bufferBytes: number, isShared: boolean): number {
  const isOfIpv4 = address.host?.length === 4;
  const fd = openFamily(isOfIpv4 ? FAMILY_IPV4 : FAMILY_IPV6, address, bufferBytes, isShared);
  const hasNoIpv6 = fd === -errno.EAFNOSUPPORT || fd === -errno.EADDRNOTAVAIL;
  return address.host === undefined && hasNoIpv6 ? openFamily(FAMILY_IPV4, address, bufferBytes, isShared) : fd;
}

function openFamily(family: number, { host, port }: UdpAddress, bufferBytes: number, isShared: boolean): number {
  const fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  if (isShared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, int32(1));
  if (family === FAMILY_IPV6) setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, int32(host === undefined ? 0 : 1));
  // Beyond net.core.rmem_max only with CAP_NET_ADMIN.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, int32(bufferBytes)) < 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, int32(bufferBytes));
  }
  const address = new DataView(new ArrayBuffer(family === FAMILY_IPV4 ? SOCKADDR_IN_BYTES : SOCKADDR_BYTES));
  address.setUint16(0, family, true);
  address.setUint16(SOCKADDR_PORT, port);
  const bytes = new Uint8Array(address.buffer);
  if (host !== undefined) bytes.set(host, family === FAMILY_IPV4 ? SOCKADDR_IPV4 : SOCKADDR_IPV6);
  const result = bind(fd, bytes);
  if (result >= 0) return fd;
  close(fd);
  return result;
}

/** Has others receive at its address as well, by what the program says. */
function share(fd: number, choice: Uint8Array): number {
  const result = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, int32(1));
  return result < 0 ? result : attachChoice(fd, choice);
}

function portOf(fd: number): number {
  const address = new Uint8Array(SOCKADDR_BYTES);
  getsockname(fd, address);
  return (address[SOCKADDR_PORT]! << 8) | address[SOCKADDR_PORT + 1]!;
}

function int32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/** Datagrams of one call. */
const BATCH = 64;
/** What a datagram may have at most. */
const SLOT_BYTES = 65_536;
/**
 * struct mmsghdr, on 64 bits: 0 name | 8 its length u32 | 16 vectors | 24 how many | 32 control | 40 its length
 *                             48 flags u32 | 56 length u32
 */
const MMSGHDR_BYTES = 64;
const MMSGHDR_LENGTH = 56;
const IOVEC_BYTES = 16;
const NAME_BYTES = 32;

/** Where datagrams are received, up to 64 in one call; its memory is used again and again. */
export class DatagramBatch {
  /** All of them: the k-th is at `start(k)`. */
  readonly view = new DataView(new ArrayBuffer(BATCH * SLOT_BYTES));
  readonly #headers = new DataView(new ArrayBuffer(BATCH * MMSGHDR_BYTES));
  readonly #vectors = new DataView(new ArrayBuffer(BATCH * IOVEC_BYTES));
  readonly #names = new DataView(new ArrayBuffer(BATCH * NAME_BYTES));
  readonly #address: bigint;

  constructor() {
    const [slots, vectors, names] = [this.view, this.#vectors, this.#names].map(addressOf) as [bigint, bigint, bigint];
    for (let k = 0; k < BATCH; k++) {
      this.#vectors.setBigUint64(k * IOVEC_BYTES, slots + BigInt(k * SLOT_BYTES), true);
      this.#vectors.setBigUint64(k * IOVEC_BYTES + 8, BigInt(SLOT_BYTES), true);
      const header = k * MMSGHDR_BYTES;
      this.#headers.setBigUint64(header, names + BigInt(k * NAME_BYTES), true);
      this.#headers.setBigUint64(header + 16, vectors + BigInt(k * IOVEC_BYTES), true);
      this.#headers.setBigUint64(header + 24, 1n, true);
    }
    this.#address = addressOf(this.#headers);
  }

  /** Takes what waits in a socket; returns how many, 0 if there is none. */
  receive({ fd }: UdpSocket): number {
    for (let k = 0; k < BATCH; k++) this.#headers.setUint32(k * MMSGHDR_BYTES + 8, SOCKADDR_BYTES, true);
    // The kernel writes how long the addresses are that it found; errors that wait in a socket are of what it sent, which is nothing.
    return Math.max(recvmmsg(fd, this.#address, BATCH), 0);
  }

  /** Whether `count` are all that one call can take, so that there may be more. */
  isFull(count: number): boolean {
    return count === BATCH;
  }

  /** Bytes of the first `count`. */
  bytes(count: number): number {
    let bytes = 0;
    for (let k = 0; k < count; k++) bytes += this.end(k) - this.start(k);
    return bytes;
  }

  start(k: number): number {
    return k * SLOT_BYTES;
  }

  end(k: number): number {
    return k * SLOT_BYTES + this.#headers.getUint32(k * MMSGHDR_BYTES + MMSGHDR_LENGTH, true);
  }

  /** A word of the sender's address, as one of IPv6; that of IPv4 is ::ffff:0:0/96. Hot; does not allocate. */
  senderWord(k: number, word: number): number {
    const name = k * NAME_BYTES;
    const isIpv6 = this.#names.getUint16(name, true) === FAMILY_IPV6;
    if (isIpv6) return this.#names.getUint32(name + SOCKADDR_IPV6 + 4 * word);
    if (word === 3) return this.#names.getUint32(name + SOCKADDR_IPV4);
    return word === 2 ? 0xffff : 0;
  }
}

function addressOf({ buffer }: DataView): bigint {
  return koffi().address(new Uint8Array(buffer as ArrayBuffer));
}

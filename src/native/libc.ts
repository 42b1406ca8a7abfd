import { constants } from "node:os";
import { getSystemErrorMessage } from "node:util";

import { koffi, once } from "./koffi.ts";

/*
 * The system calls that Node.js does not offer, through koffi. Each returns what the C function returns, or the negated
 * errno: the caller knows what it tried and finds the words (`errnoText`).
 *
 * A call costs about a microsecond: right for set-up and for a scrape, never for a packet.
 */

const c = once(() => {
  const libc = koffi().load("libc.so.6");
  return {
    socket: libc.func("int socket(int domain, int type, int protocol)"),
    close: libc.func("int close(int fd)"),
    dup: libc.func("int dup(int fd)"),
    eventfd: libc.func("int eventfd(uint32_t initial, int flags)"),
    getrlimit: libc.func("int getrlimit(int resource, _Out_ uint64_t *limits)"),
    bind: libc.func("int bind(int fd, const uint8_t *address, uint32_t length)"),
    connect: libc.func("int connect(int fd, const uint8_t *address, uint32_t length)"),
    setsockopt: libc.func("int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)"),
    getsockopt: libc.func(
      "int getsockopt(int fd, int level, int name, _Inout_ uint8_t *value, _Inout_ uint32_t *length)",
    ),
    mmap: libc.func("int64_t mmap(int64_t address, size_t length, int prot, int flags, int fd, int64_t offset)"),
    munmap: libc.func("int munmap(int64_t address, size_t length)"),
    prctl: libc.func(
      "int prctl(int option, unsigned long first, unsigned long second, unsigned long third, unsigned long fourth)",
    ),
    signal: libc.func("intptr_t signal(int number, intptr_t handler)"),
    exit: libc.func("void _exit(int status)"),
    malloc_trim: libc.func("int malloc_trim(size_t pad)"),
    capset: libc.func("int capset(const uint8_t *header, const uint8_t *data)"),
    capget: libc.func("int capget(const uint8_t *header, _Out_ uint8_t *data)"),
    syscall: libc.func("long syscall(long number, int command, unsigned int flags, int cpu)"),
    send: libc.func("int64_t send(int fd, const uint8_t *bytes, size_t length, int flags)"),
    recv: libc.func("int64_t recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)"),
    recvmmsg: libc.func("int recvmmsg(int fd, int64_t messages, unsigned int count, int flags, int64_t timeout)"),
    getsockname: libc.func("int getsockname(int fd, _Inout_ uint8_t *address, _Inout_ uint32_t *length)"),
  };
});

/** Throws PromtapError if functions of C can't be called. */
export function requireLibc(): void {
  c();
}

export const { errno } = constants;

/** Words for a negated errno, as the calls below return it. */
export function errnoText(result: number): string {
  switch (-result) {
    case errno.EPERM:
    case errno.EACCES:
      return "not permitted";
    case errno.ENODEV:
    case errno.ENXIO:
      return "no such device";
    case errno.ENOMEM:
    case errno.ENOBUFS:
      return "out of memory";
    case errno.EMFILE:
    case errno.ENFILE:
      return "too many open files; raise LimitNOFILE, or ulimit -n";
    case errno.EAFNOSUPPORT:
    case errno.ENOSYS:
      return "not offered by this kernel";
    default:
      return getSystemErrorMessage(result);
  }
}

function orErrno(result: number): number {
  return result < 0 ? -koffi().errno() : result;
}

/** What koffi calls when a call in a helper thread is over. */
type Done = (error: unknown, result: number | bigint) => void;

/**
 * What a call that koffi makes in a helper thread returns; its callback finds errno as the call left it. `memory` that
 * the call is at is not collected before.
 */
function inBackground(call: (done: Done) => void, memory?: Uint8Array): Promise<number> {
  const held = { memory };
  return new Promise((resolve) => {
    call((_, result) => {
      held.memory = undefined;
      resolve(orErrno(Number(result)));
    });
  });
}

export function socket(domain: number, type: number, protocol: number): number {
  return orErrno(c().socket(domain, type, protocol));
}

export function close(fd: number): number {
  return orErrno(c().close(fd));
}

/**
 * Closes in a helper thread. The kernel takes 8 ms to part with a packet socket, and 25 with a ring, until no CPU can be
 * at it any more (synchronize_net in packet_release); those that are closed at the same time wait together.
 */
export function closeInBackground(fd: number): Promise<number> {
  return inBackground((done) => c().close.async(fd, done));
}

/** Gives memory back to the kernel, in a helper thread, that was freed and that the allocator keeps for the next that ask. */
export function trimMemoryInBackground(): Promise<number> {
  return inBackground((done) => c().malloc_trim.async(0, done));
}

export function dup(fd: number): number {
  return orErrno(c().dup(fd));
}

/** The cheapest kind of descriptor. */
export function eventfd(): number {
  return orErrno(c().eventfd(0, 0));
}

export const RLIMIT_NOFILE = 7;

/** The limit that is in force for this process. */
export function softLimit(resource: number): number {
  const limits = new BigUint64Array(2);
  c().getrlimit(resource, limits);
  return Number(limits[0]!);
}

export function bind(fd: number, address: Uint8Array): number {
  return orErrno(c().bind(fd, address, address.length));
}

export function connect(fd: number, address: Uint8Array): number {
  return orErrno(c().connect(fd, address, address.length));
}

export function setsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
  return orErrno(c().setsockopt(fd, level, name, value, value.length));
}

/** Sets an option in a helper thread, for one that the kernel takes its time for. */
export function setsockoptInBackground(fd: number, level: number, name: number, value: Uint8Array): Promise<number> {
  return inBackground((done) => c().setsockopt.async(fd, level, name, value, value.length, done), value);
}

/** Fills `value`; the option must be at least as long. */
export function getsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
  return orErrno(c().getsockopt(fd, level, name, value, [value.length]));
}

export function send(fd: number, bytes: Uint8Array): number {
  return orErrno(Number(c().send(fd, bytes, bytes.length, 0)));
}

/** Sends in a helper thread: the kernel may take its time. */
export function sendInBackground(fd: number, bytes: Uint8Array): Promise<number> {
  return inBackground((done) => c().send.async(fd, bytes, bytes.length, 0, done), bytes);
}

const MSG_DONTWAIT = 0x40;

/** Receives one message, waiting for none; -EAGAIN if there is none. */
export function recv(fd: number, bytes: Uint8Array): number {
  return orErrno(Number(c().recv(fd, bytes, bytes.length, MSG_DONTWAIT)));
}

/** Receives in a helper thread: the kernel may take its time to make the message. */
export function recvInBackground(fd: number, bytes: Uint8Array): Promise<number> {
  return inBackground((done) => c().recv.async(fd, bytes, bytes.length, MSG_DONTWAIT, done), bytes);
}

/** Receives up to `count` messages, waiting for none, into the `struct mmsghdr`s at an address. Returns how many. */
export function recvmmsg(fd: number, messages: bigint, count: number): number {
  return orErrno(c().recvmmsg(fd, messages, count, MSG_DONTWAIT, 0));
}

/** Fills `address` with what the socket is bound to. */
export function getsockname(fd: number, address: Uint8Array): number {
  return orErrno(c().getsockname(fd, address, [address.length]));
}

const SYS_MEMBARRIER = process.arch === "arm64" ? 283 : 324;
const MEMBARRIER_CMD_GLOBAL = 1;

/**
 * Waits in a helper thread until the kernel has left all that it had begun to read under RCU, which programs run under
 * (membarrier(2): synchronize_rcu). Some tens of milliseconds; -EINVAL if CPUs run without a tick (nohz_full).
 */
export function membarrierInBackground(): Promise<number> {
  return inBackground((done) => c().syscall.async(SYS_MEMBARRIER, MEMBARRIER_CMD_GLOBAL, 0, 0, done));
}

const PROT_READ_WRITE = 0x3;
const MAP_SHARED = 0x1;

/** Memory shared with the kernel. */
export interface Mapping {
  /** The only view of the memory: what reads it after `unmap` crashes the process. */
  readonly buffer: ArrayBuffer;
  unmap(): void;
}

/** Maps `lengthBytes` of `fd`, or returns the negated errno. */
export function mmap(fd: number, lengthBytes: number): Mapping | number {
  const address: number | bigint = c().mmap(0, lengthBytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (Number(address) === -1) return -koffi().errno();
  const buffer = koffi().view(BigInt(address), lengthBytes);
  return { buffer, unmap: () => void c().munmap(address, lengthBytes) };
}

/**
 * Calls `onReadable` whenever `fd` has something to read or an error to tell, until the returned function is called.
 *
 * In a turn of its own, because koffi calls outside of Node's scopes: what is thrown there is lost. And libuv stops to
 * watch what has told of an error (uv__poll_io in src/unix/poll.c), so the watch is started again.
 *
 * With a pause it is called only so long after there is something, so that more can be read in one go.
 */
export function watchReadable(fd: number, onReadable: () => void, pauseMs = 0): () => void {
  const events = { readable: true };
  let isOpen = true;
  const turn = (): void => {
    if (!isOpen) return;
    handle.start(events, next);
    onReadable();
  };
  const next = (): void => {
    if (pauseMs === 0) return void setImmediate(turn);
    // Else it would be told over and over in the meantime.
    handle.stop();
    setTimeout(turn, pauseMs);
  };
  const handle = koffi().node.poll(fd, events, next);
  return () => {
    isOpen = false;
    handle.close();
  };
}

const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;

/** What a packet socket saw and dropped since this was last asked; null if `fd` is no packet socket. */
export function packetStatistics(fd: number): { packets: number; drops: number } | null {
  const value = new Uint8Array(8);
  if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, value) < 0) return null;
  const words = new Uint32Array(value.buffer);
  return { packets: words[0]!, drops: words[1]! };
}

const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_DROP_MEMBERSHIP = 2;
const PACKET_MR_PROMISC = 1;

/**
 * Makes an interface take in every frame, as long as the packet socket exists, or takes that back. In a helper thread: the
 * kernel waits for whatever holds the interfaces (rtnl_lock in packet_mc_add).
 */
export function setPromiscuous(fd: number, interfaceIndex: number, isOn: boolean): Promise<number> {
  // struct packet_mreq: index, type u16, address length u16, address.
  const request = new DataView(new ArrayBuffer(16));
  request.setInt32(0, interfaceIndex, true);
  request.setUint16(4, PACKET_MR_PROMISC, true);
  const option = isOn ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP;
  return setsockoptInBackground(fd, SOL_PACKET, option, new Uint8Array(request.buffer));
}

const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_ATTACH_FILTER = 26;
const SO_ATTACH_REUSEPORT_CBPF = 51;

/** The pending error of a socket, by its errno, or 0; reading it clears it. */
export function takeSocketError(fd: number): number {
  const value = new Int32Array(1);
  const result = getsockopt(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(value.buffer));
  return result < 0 ? -result : value[0]!;
}

const CLASSIC_INSTRUCTION_BYTES = 8;

/** Attaches a classic BPF program, packed as `struct sock_filter`s, to a socket. */
export function attachFilter(fd: number, program: Uint8Array): number {
  return attachProgram(fd, SO_ATTACH_FILTER, program);
}

/** Likewise, one that says which of the sockets at an address has a packet (SO_REUSEPORT). */
export function attachChoice(fd: number, program: Uint8Array): number {
  return attachProgram(fd, SO_ATTACH_REUSEPORT_CBPF, program);
}

function attachProgram(fd: number, option: number, program: Uint8Array): number {
  // struct sock_fprog: u16 count, padding, pointer. The kernel copies the program before the call returns.
  const fprog = new DataView(new ArrayBuffer(16));
  fprog.setUint16(0, program.length / CLASSIC_INSTRUCTION_BYTES, true);
  fprog.setBigUint64(8, koffi().address(program), true);
  return setsockopt(fd, SOL_SOCKET, option, new Uint8Array(fprog.buffer));
}

const SIG_IGN = 1;

/** Makes the kernel ignore a signal, by its number, instead of ending the process. */
export function ignoreSignal(number: number): void {
  c().signal(number, SIG_IGN);
}

/** Ends the process without waiting for its threads, as `process.exit` does. */
export function exit(status: number): void {
  c().exit(status);
}

const PR_SET_NAME = 15;

/** Names this thread: at most 15 bytes. */
export function setThreadName(name: string): void {
  c().prctl(PR_SET_NAME, koffi().address(Buffer.from(`${name}\0`)), 0, 0, 0);
}

const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;

/** Takes a capability, by its number, from what this thread and its children can ever have. Needs CAP_SETPCAP. */
export function dropFromBoundingSet(capability: number): number {
  return orErrno(c().prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));
}

/** Whether a capability, by its number, is in what this thread and its children can ever have. */
export function isInBoundingSet(capability: number): boolean {
  return c().prctl(PR_CAPBSET_READ, capability, 0, 0, 0) === 1;
}

const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;

/** Lets children have a capability, by its number, that is permitted and inheritable. Linux 4.3. */
export function raiseAmbient(capability: number): number {
  return orErrno(c().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0));
}

/** Sets of capabilities, a bit each. */
export interface CapabilitySets {
  effective: bigint;
  permitted: bigint;
  inheritable: bigint;
}

/*
 * struct __user_cap_header_struct: version, thread (0 is this one); struct __user_cap_data_struct, twice: the lower
 * halves of the three sets, then the upper ones.
 */
const CAPABILITY_HEADER = new Uint8Array(Uint32Array.of(LINUX_CAPABILITY_VERSION_3, 0).buffer);
const CAPABILITY_DATA_BYTES = 24;

/** The capabilities of this thread. Asks the kernel and not /proc, which may not be there. */
export function capget(): CapabilitySets {
  const data = new DataView(new ArrayBuffer(CAPABILITY_DATA_BYTES));
  c().capget(CAPABILITY_HEADER, new Uint8Array(data.buffer));
  const setAt = (at: number): bigint =>
    BigInt(data.getUint32(at, true)) | (BigInt(data.getUint32(at + 12, true)) << 32n);
  return { effective: setAt(0), permitted: setAt(4), inheritable: setAt(8) };
}

/** Sets the capabilities of this thread. */
export function capset({ effective, permitted, inheritable }: CapabilitySets): number {
  const data = new DataView(new ArrayBuffer(CAPABILITY_DATA_BYTES));
  for (const [index, set] of [effective, permitted, inheritable].entries()) {
    data.setUint32(4 * index, Number(set & 0xffff_ffffn), true);
    data.setUint32(4 * index + 12, Number(set >> 32n), true);
  }
  return orErrno(c().capset(CAPABILITY_HEADER, new Uint8Array(data.buffer)));
}

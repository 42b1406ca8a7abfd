import koffi from "koffi";

/*
 * bpf(2) commands that only tests need: linux/bpf.h.
 *
 * BPF_PROG_TEST_RUN (net/bpf/test_run.c, bpf_prog_test_run_skb) makes a packet of the given bytes, which must begin with
 * an Ethernet header, takes that header off and derives the protocol from it. For a program of the traffic hooks it puts
 * the header back; a socket filter sees the packet from behind it, as in a socket of kind SOCK_DGRAM.
 */
const SYS_BPF = process.arch === "arm64" ? 280 : 321;
const BPF_MAP_LOOKUP_ELEM = 1;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_PROG_TEST_RUN = 10;
const ATTR_BYTES = 128;

const SKB_BYTES = 192;
const SKB_GSO_SIZE = 176;

const PAGE_BYTES = 4096;
const ETHERNET_HEADER_BYTES = 14;
const ETHERTYPE_NONE = 0xffff;

/** The longest frame: a page, less what the kernel keeps before and behind the packet. */
export const MAX_FRAME_BYTES = 3500;

const syscall = koffi
  .load("libc.so.6")
  .func("long syscall(long number, int command, _Inout_ uint8_t *attr, uint32_t size)");

function bpf(command: number, what: string, attr: DataView): void {
  if (Number(syscall(SYS_BPF, command, new Uint8Array(attr.buffer), ATTR_BYTES)) < 0) {
    throw new Error(`couldn't ${what}: errno ${koffi.errno()}`);
  }
}

export interface RunOptions {
  /** Payload of the packets that the frame stands for; 0 for a frame that stands for itself. */
  gsoSize?: number;
  repeat?: number;
}

/* The kernel is given their addresses, which do not keep them from being collected: they live as long as the module. */
const packet = new Uint8Array(PAGE_BYTES);
const context = new DataView(new ArrayBuffer(SKB_BYTES));
const packetAddress = koffi.address(packet);
const key = new Uint8Array(4);
const keyAddress = koffi.address(key);
const contextAddress = koffi.address(new Uint8Array(context.buffer));

/** Runs a program on a packet and returns its result, signed. */
export function testRun(programFd: number, data: Uint8Array, { gsoSize = 0, repeat = 1 }: RunOptions = {}): number {
  packet.set(data);
  context.setUint32(SKB_GSO_SIZE, gsoSize, true);
  const attr = new DataView(new ArrayBuffer(ATTR_BYTES));
  attr.setUint32(0, programFd, true);
  attr.setUint32(8, data.length, true);
  attr.setBigUint64(16, packetAddress, true);
  attr.setUint32(32, repeat, true);
  attr.setUint32(40, SKB_BYTES, true);
  attr.setBigUint64(48, contextAddress, true);
  bpf(BPF_PROG_TEST_RUN, `run the program on ${data.length} bytes`, attr);
  return attr.getInt32(4, true);
}

/** What to run a socket filter on, so that it sees these bytes as a packet of this EtherType. */
export function behindEthernet(bytes: Uint8Array, etherType: number = ETHERTYPE_NONE): Uint8Array {
  const data = new Uint8Array(ETHERNET_HEADER_BYTES + bytes.length);
  data[12] = etherType >> 8;
  data[13] = etherType & 0xff;
  data.set(bytes, ETHERNET_HEADER_BYTES);
  return data;
}

/** Reads the value of an array's element. */
export function readElement(mapFd: number, index: number, valueBytes: number): DataView {
  const value = new Uint8Array(valueBytes);
  elementCommand(BPF_MAP_LOOKUP_ELEM, "read an element", mapFd, index, value);
  return new DataView(value.buffer);
}

/** Replaces the value of an array's element. */
export function writeElement(mapFd: number, index: number, value: DataView): void {
  elementCommand(BPF_MAP_UPDATE_ELEM, "write an element", mapFd, index, new Uint8Array(value.buffer));
}

function elementCommand(command: number, what: string, mapFd: number, index: number, value: Uint8Array): void {
  new DataView(key.buffer).setUint32(0, index, true);
  const attr = new DataView(new ArrayBuffer(ATTR_BYTES));
  attr.setUint32(0, mapFd, true);
  attr.setBigUint64(8, keyAddress, true);
  attr.setBigUint64(16, koffi.address(value), true);
  bpf(command, what, attr);
}

/** By EtherType: bytes of the header that the kernel wants whole. */
const NETWORK_HEADER_BYTES: ReadonlyMap<number, number> = new Map([
  [0x0800, 20],
  [0x86dd, 40],
]);

/**
 * Whether the kernel runs a program on these bytes: it makes no packet of IP whose header is cut short (Linux 6.18). A
 * socket filter that expects an Ethernet header has one of no meaning before it, and so sees them all.
 */
export function canRun(hook: "socket" | "tcx" | "bare", bytes: ArrayLike<number>, etherType?: number): boolean {
  if (hook === "socket") return true;
  if (hook === "bare") return bytes.length >= (NETWORK_HEADER_BYTES.get(etherType!) ?? 0);
  if (bytes.length < ETHERNET_HEADER_BYTES) return false;
  const inner = (bytes[12]! << 8) | bytes[13]!;
  return bytes.length >= ETHERNET_HEADER_BYTES + (NETWORK_HEADER_BYTES.get(inner) ?? 0);
}

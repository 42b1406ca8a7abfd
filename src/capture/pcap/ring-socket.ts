import * as libc from "../../native/libc.ts";
import type { Link } from "../netlink.ts";
import { openPacketSocket, packetAddress, packetSocketRefusal, Promiscuity } from "../packet-socket.ts";
import { Ring } from "../ring/ring.ts";
import { BPF_RET_K, pack } from "../ring/snap-filter.ts";
import { ClassicBpf } from "./classic-bpf.ts";
import type { LiveProgram } from "./live-filter.ts";

/** Holds the largest frame that segments are merged to, 64 KiB, and what stands before it. */
const MAX_BLOCK_BYTES = 128 * 1024;
/** A ring still works with few blocks, but not with one. */
const MIN_BLOCKS = 4;

const NOTHING = pack([[BPF_RET_K, 0, 0, 0]]);

/** A packet socket of one interface with a ring, and the filter that the kernel did not take. */
export interface RingSocket {
  readonly fd: number;
  readonly ring: Ring;
  /** Undefined if the kernel filters. */
  readonly filter: ClassicBpf | undefined;
}

/** Opens a socket that receives nothing before `receive`: its filter is there before the first frame. Throws PromtapError. */
export async function openRingSocket(name: string, program: LiveProgram, ringBytes: number): Promise<RingSocket> {
  const fd = openPacketSocket(name, !program.framing.isCooked);
  const isTaken = libc.attachFilter(fd, program.kernel) >= 0;
  const attached = isTaken ? 0 : libc.attachFilter(fd, program.everything);
  const blockBytes = Math.min(MAX_BLOCK_BYTES, ringBytes / MIN_BLOCKS);
  const ring = attached < 0 ? attached : await Ring.open(fd, ringBytes, false, blockBytes);
  if (typeof ring !== "number") return { fd, ring, filter: isTaken ? undefined : new ClassicBpf(program.filter) };
  void libc.closeInBackground(fd);
  throw packetSocketRefusal(ring, `open ${name}`, attached < 0 ? "attach a filter" : "map a ring");
}

/** Starts receiving the frames of an interface, promiscuously. Throws PromtapError. */
export async function receive({ fd }: RingSocket, link: Link): Promise<void> {
  const { name, index } = link;
  await new Promiscuity(true).join(fd, link);
  // Last: what comes in from now on may come in by another ring too, which ends at once.
  const bound = libc.bind(fd, packetAddress(index));
  if (bound < 0) throw packetSocketRefusal(bound, `open ${name}`, "bind to it");
}

/** Stops receiving; what came can be read until it is closed. */
export function receiveNoMore({ fd }: RingSocket): void {
  libc.attachFilter(fd, NOTHING);
}

export async function closeRingSocket({ fd, ring }: RingSocket): Promise<void> {
  ring.close();
  await libc.closeInBackground(fd);
}

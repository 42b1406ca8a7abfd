import { readdirSync } from "node:fs";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import { type Cap, type CapModule, loadCap } from "../../native/cap.ts";
import * as libc from "../../native/libc.ts";
import type { Engine, Losses } from "../engine.ts";
import { linkTypeOf } from "./link-type.ts";

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;

const NO_PERMISSION =
  "CAP_NET_RAW is missing; run as root, or give the capability (setcap cap_net_raw+ep, AmbientCapabilities=)";

/**
 * libpcap's ring. In the immediate mode that `cap` asks for each frame takes a slot of the largest frame there may be:
 * 128 KiB where the interface merges segments (GRO, TSO) or is not Ethernet, else 2 KiB; so this holds 256 or 16,384
 * frames.
 */
const RING_BYTES = 32 * 1024 * 1024;

/** The snapshot length of `cap`. It does not tell the wire length: what is longer counts as this many bytes. */
const MAX_FRAME_BYTES = 65_535;

/** All interfaces share it: `cap` fills it and calls back before it goes on to the next frame. */
const frame = Buffer.alloc(MAX_FRAME_BYTES);

/** An expression of pcap-filter(7), "" lets everything through; and the flag that gave it, for the message. */
export interface Filter {
  readonly flag: string;
  readonly expression: string;
}

/** Takes a frame captured in bytes[0, capturedBytes), good until it returns. */
export type FrameTaker = (linkType: number, bytes: Uint8Array, capturedBytes: number) => void;

/** Tells why libpcap cannot capture here, or undefined where it can. */
export function probePcap(): string | undefined {
  try {
    loadCap();
  } catch (error) {
    return messageOf(error);
  }
  const fd = libc.socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0);
  if (fd >= 0) libc.close(fd);
  return fd < 0 ? `couldn't open a packet socket: ${NO_PERMISSION}` : undefined;
}

/**
 * Hands over the frames of an interface that is up, as libpcap shows them: promiscuously, on loopback once, and only
 * those that match the filter.
 *
 * Ends silently when the interface goes down: whoever opened it watches the link and opens a new one.
 */
export function openPcapTap(
  interfaceName: string,
  filter: Filter,
  take: FrameTaker,
  module: CapModule = loadCap(),
): Engine<unknown> {
  const cap = new module.Cap();
  const fdsBefore = openFds();
  const linkType = openCap(module, cap, interfaceName, filter);
  cap.on("packet", (capturedBytes: number) => take(linkType, frame, capturedBytes));
  const fds = fdsBefore === undefined ? undefined : openFds();
  const socket = fds?.find((fd) => fdsBefore?.includes(fd) === false && libc.packetStatistics(fd) !== null);
  return new PcapTap(cap, socket);
}

class PcapTap implements Engine<unknown> {
  readonly #cap: Cap;
  /** libpcap's packet socket, for its statistics; undefined once closed, or where it is not known. */
  #socket: number | undefined;
  #lostPackets = 0;

  constructor(cap: Cap, socket: number | undefined) {
    this.#cap = cap;
    this.#socket = socket;
  }

  /**
   * Has nothing to do, and could do nothing: `cap` reads when libuv tells it to. But epoll(7) tells in the order in which
   * things happened, so that what arrived before a request is counted before it is answered.
   */
  sync(): void {}

  retarget(): void {}

  losses(): Losses {
    if (this.#socket !== undefined) this.#lostPackets += libc.packetStatistics(this.#socket)?.drops ?? 0;
    return { packets: this.#lostPackets };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.losses();
    this.#socket = undefined;
    this.#cap.close();
  }
}

/**
 * `cap` keeps its socket to itself, but it opens it while we wait: it is the one that was not there before. Undefined
 * where it can't be told, without /proc or without a descriptor to read it with: then losses go uncounted.
 */
function openFds(): number[] | undefined {
  try {
    return readdirSync("/proc/self/fd").map(Number);
  } catch {
    return undefined;
  }
}

function openCap(module: CapModule, cap: Cap, interfaceName: string, filter: Filter): number {
  try {
    return linkTypeOf(cap.open(interfaceName, filter.expression, RING_BYTES, frame));
  } catch (cause) {
    cap.close();
    throw explain(module, interfaceName, filter, messageOf(cause), { cause });
  }
}

function explain(
  module: CapModule,
  interfaceName: string,
  filter: Filter,
  reason: string,
  options: ErrorOptions,
): PromtapError {
  if (filter.expression !== "" && opens(module, interfaceName)) return illegalFilter(filter, reason, options);
  const isPrivilege = /not permitted|permission|CAP_NET_RAW/i.test(reason);
  const why = isPrivilege ? NO_PERMISSION : reason;
  return new PromtapError(ErrorCode.HOST, `couldn't open ${interfaceName}: ${why}`, options);
}

/** The usage error for an expression that libpcap refuses. */
export function illegalFilter({ flag, expression }: Filter, reason: string, options?: ErrorOptions): PromtapError {
  const legal = "legal is an expression of pcap-filter(7)";
  return new PromtapError(
    ErrorCode.USAGE,
    `invalid --${flag} ${JSON.stringify(expression)}: ${reason}; ${legal}`,
    options,
  );
}

/** Throws PromtapError where an interface that is up does not open with the filter. Opens it for a moment. */
export function checkFilter(interfaceName: string, filter: Filter, module: CapModule = loadCap()): void {
  const cap = new module.Cap();
  openCap(module, cap, interfaceName, filter);
  cap.close();
}

/** Whether the interface opens without a filter: libpcap words its errors, but does not number them. */
function opens(module: CapModule, interfaceName: string): boolean {
  const cap = new module.Cap();
  try {
    cap.open(interfaceName, "", RING_BYTES, frame);
    return true;
  } catch {
    return false;
  } finally {
    cap.close();
  }
}

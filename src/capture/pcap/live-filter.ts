import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import { type FilterCompiler, loadCap } from "../../native/cap.ts";
import { SLL_HEADER_BYTES, SLL_PACKET_TYPE, SLL_PROTOCOL } from "../../packet/headers.ts";
import type { Link } from "../netlink.ts";
import {
  BPF_RET_K,
  EVERYTHING,
  IGNORE_OUTGOING,
  INSTRUCTION_BYTES,
  pack,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
  SKF_AD_PROTOCOL,
} from "../ring/snap-filter.ts";
import { type Filter, requireLegal } from "./filter.ts";
import { type Framing, framingOf } from "./link-type.ts";

const CLASS = 0x07;
const LOADS = [0x00, 0x01];
const MODE = 0xe0;
/** Loads from the frame: at an offset, at an offset from X, and of the length of an IPv4 header. */
const FRAME_MODES = [0x20, 0x40, 0xa0];

/** What an interface's socket is given. */
export interface LiveProgram {
  readonly framing: Framing;
  /** What is wanted of a frame. */
  readonly copiedBytes: number;
  /** For the kernel; it says how many bytes of a frame to copy. The kernel may refuse it: `protochain` jumps backward. */
  readonly kernel: Uint8Array;
  /** Takes the place of `kernel` then: everything that may be looked at. */
  readonly everything: Uint8Array;
  /** The filter alone, for what has `everything` of a frame. */
  readonly filter: Buffer;
}

/** A filter expression for packet sockets, which libpcap compiles for each kind of link. */
export class LiveFilter {
  readonly #filter: Filter;
  readonly #copiedBytes: number;
  readonly #load: () => FilterCompiler;
  /** By kind of link: there are few, and thousands of links. */
  readonly #programs = new Map<string, LiveProgram>();

  /** `copiedBytes`: what is wanted of a frame. */
  constructor(filter: Filter, copiedBytes = EVERYTHING, load: () => FilterCompiler = loadCap) {
    this.#filter = filter;
    this.#copiedBytes = copiedBytes;
    this.#load = load;
  }

  /** Throws PromtapError if the expression is not legal, or there is no libpcap. */
  requireLegal(): void {
    const compiler = this.#load();
    requireLegal(this.#filter, (linkType) => compiler.compileLiveFilter(linkType, this.#filter.expression));
  }

  /** Compiles for an interface, without touching it. Throws PromtapError if the expression means nothing there. */
  programFor(link: Link): LiveProgram {
    const { name, hardwareType, isLoopback } = link;
    const kind = `${hardwareType} ${isLoopback}`;
    const known = this.#programs.get(kind);
    if (known !== undefined) return known;
    try {
      const program = this.#compile(framingOf(hardwareType), isLoopback);
      this.#programs.set(kind, program);
      return program;
    } catch (cause) {
      const { flag, expression } = this.#filter;
      const why = `--${flag} ${JSON.stringify(expression)} can't be had there: ${messageOf(cause)}`;
      throw new PromtapError(ErrorCode.HOST, `couldn't open ${name}: ${why}`, { cause });
    }
  }

  #compile(framing: Framing, isLoopback: boolean): LiveProgram {
    const compiled = this.#load().compileLiveFilter(framing.linkType, this.#filter.expression);
    const filter = framing.isCooked ? withoutHeader(compiled) : compiled;
    const before = isLoopback ? IGNORE_OUTGOING : [];
    return {
      framing,
      copiedBytes: this.#copiedBytes,
      filter,
      kernel: Buffer.concat([pack(before), copying(filter, this.#copiedBytes)]),
      everything: pack([...before, [BPF_RET_K, 0, 0, EVERYTHING]]),
    };
  }
}

/** The program with so many bytes to copy wherever it lets a frame through. */
function copying(program: Buffer, bytes: number): Buffer {
  const copy = Buffer.from(program);
  for (let at = 0; at < copy.length; at += INSTRUCTION_BYTES) {
    const isPass = copy.readUInt16LE(at) === BPF_RET_K && copy.readUInt32LE(at + 4) !== 0;
    if (isPass) copy.writeUInt32LE(bytes, at + 4);
  }
  return copy;
}

/** The program for frames that begin behind the header that it was compiled for (fix_program in libpcap's pcap-linux.c). */
function withoutHeader(program: Buffer): Buffer {
  const copy = Buffer.from(program);
  for (let at = 0; at < copy.length; at += INSTRUCTION_BYTES) {
    const code = copy.readUInt16LE(at);
    const isOfFrame = LOADS.includes(code & CLASS) && FRAME_MODES.includes(code & MODE);
    if (isOfFrame) copy.writeUInt32LE(placeWithoutHeader(copy.readUInt32LE(at + 4)), at + 4);
  }
  return copy;
}

function placeWithoutHeader(place: number): number {
  if (place >= SKF_AD_OFF) return place;
  if (place >= SLL_HEADER_BYTES) return place - SLL_HEADER_BYTES;
  if (place === SLL_PROTOCOL) return SKF_AD_PROTOCOL;
  if (place === SLL_PACKET_TYPE) return SKF_AD_PKTTYPE;
  throw new Error(`byte ${place} of the link header is not known`);
}

import { type FilterCompiler, loadCap } from "../../native/cap.ts";
import { LINKTYPE_NULL } from "../../packet/link/link-types.ts";
import { ClassicBpf } from "./classic-bpf.ts";
import { type Filter, requireLegal } from "./filter.ts";

/** pcap(5): in either byte order, version 2.4, the largest snapshot length. */
const MAGIC = 0xa1b2c3d4;
const MAX_SNAPLEN = 262_144;
/** Stands for LINKTYPE_NULL in files of big-endian hosts, among the link types: none is negative. */
const BIG_ENDIAN_NULL = -1;

/** A filter expression for frames from files, of whatever link types. */
export class FileFilter {
  readonly #compiler: FilterCompiler;
  /** Of the same meaning, as far as a link type allows it; the first that it takes holds. */
  readonly #expressions: readonly string[];
  /** By link type; undefined if the expression means nothing for it. */
  readonly #programs = new Map<number, ClassicBpf | undefined>();

  /**
   * `isAsLive`: what is said of frames is said of those with a VLAN tag too, unless it is about VLANs, because a live
   * filter does not see the outermost tag: the kernel has taken it off. Else as tcpdump reads files. Throws PromtapError
   * if the expression is not legal.
   */
  constructor(filter: Filter, isAsLive = false, compiler: FilterCompiler = loadCap()) {
    const { expression } = filter;
    this.#compiler = compiler;
    this.#expressions = isAsLive && !/\bvlan\b/.test(expression) ? [behindTag(expression), expression] : [expression];
    requireLegal(filter, (linkType) => this.#compile(linkType, expression));
  }

  /** Whether the frame captured in bytes[start, end), of `wireBytes`, passes. Hot; does not allocate. */
  passes(linkType: number, bytes: Uint8Array, start: number, end: number, wireBytes: number): boolean {
    // An address family in the byte order of the host, below 2^16.
    if (linkType === LINKTYPE_NULL && bytes[start] === 0 && bytes[start + 1] === 0) linkType = BIG_ENDIAN_NULL;
    const program = this.#programFor(linkType);
    return program !== undefined && program.passes(bytes, start, end, wireBytes);
  }

  /** Whether the expression means anything for frames of this link type. libpcap has filters for most, but not for all. */
  isFor(linkType: number): boolean {
    return this.#programFor(linkType) !== undefined;
  }

  #programFor(linkType: number): ClassicBpf | undefined {
    let program = this.#programs.get(linkType);
    if (program !== undefined || this.#programs.has(linkType)) return program;
    for (const expression of this.#expressions) {
      try {
        program ??= this.#compile(linkType, expression);
      } catch {
        // Such as `ether host` on a link without Ethernet addresses: no frame has one.
      }
    }
    this.#programs.set(linkType, program);
    return program;
  }

  #compile(linkType: number, expression: string): ClassicBpf {
    return new ClassicBpf(this.#compiler.compileFileFilter(headerOf(linkType), expression));
  }
}

/** Behind `vlan` everything is read as in a frame with a tag, so that it stands last. */
function behindTag(expression: string): string {
  return `(${expression}) or (vlan and (${expression}))`;
}

/** The header of a pcap file of this link type. */
function headerOf(linkType: number): Uint8Array {
  const isLittleEndian = linkType !== BIG_ENDIAN_NULL;
  const view = new DataView(new ArrayBuffer(24));
  view.setUint32(0, MAGIC, isLittleEndian);
  view.setUint16(4, 2, isLittleEndian);
  view.setUint16(6, 4, isLittleEndian);
  view.setUint32(16, MAX_SNAPLEN, isLittleEndian);
  view.setUint32(20, isLittleEndian ? linkType : LINKTYPE_NULL, isLittleEndian);
  return new Uint8Array(view.buffer);
}

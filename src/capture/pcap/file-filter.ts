import { messageOf } from "../../errors.ts";
import { type FilterCompiler, loadCap } from "../../native/cap.ts";
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from "../../packet/link.ts";
import { ClassicBpf } from "./classic-bpf.ts";
import { type Filter, illegalFilter } from "./pcap-tap.ts";

/** What Linux calls LINKTYPE_RAW; all other types that can be parsed have one number for both. */
const DLT_RAW = 12;

/** A filter expression for frames from files, of whatever link types. */
export class FileFilter {
  readonly #filter: Filter;
  readonly #compiler: FilterCompiler;
  /** By link type; undefined where the expression means nothing for it. */
  readonly #programs = new Map<number, ClassicBpf | undefined>();

  /** Throws PromtapError where the expression is not legal. */
  constructor(filter: Filter, compiler: FilterCompiler = loadCap()) {
    this.#filter = filter;
    this.#compiler = compiler;
    try {
      this.#programs.set(LINKTYPE_ETHERNET, this.#compile(LINKTYPE_ETHERNET));
    } catch (cause) {
      throw illegalFilter(filter, messageOf(cause), { cause });
    }
  }

  /** Whether the frame captured in bytes[start, end), of `wireBytes`, passes. Hot; does not allocate. */
  passes(linkType: number, bytes: Uint8Array, start: number, end: number, wireBytes: number): boolean {
    let program = this.#programs.get(linkType);
    if (program === undefined && !this.#programs.has(linkType)) program = this.#tryLinkType(linkType);
    return program !== undefined && program.passes(bytes, start, end, wireBytes);
  }

  #tryLinkType(linkType: number): ClassicBpf | undefined {
    let program: ClassicBpf | undefined;
    try {
      program = this.#compile(linkType);
    } catch {
      // Such as `ether host` where there are no Ethernet addresses: no frame has one.
    }
    this.#programs.set(linkType, program);
    return program;
  }

  #compile(linkType: number): ClassicBpf {
    const number = linkType === LINKTYPE_RAW ? DLT_RAW : linkType;
    return new ClassicBpf(this.#compiler.compileFilter(number, this.#filter.expression));
  }
}

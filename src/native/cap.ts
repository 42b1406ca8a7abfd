import { EventEmitter } from "node:events";

import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { loadAddon } from "./addon.ts";
import { readAsset } from "./asset.ts";

/**
 * One capture of the npm package cap. Emits "packet" when the buffer given to `open` holds a frame.
 *
 * promtap does not capture by it: in the immediate mode that cap asks for, libpcap's ring has a slot of 64 KiB or more for
 * each frame, so that 66 MB an interface hold a burst of 256; and it tells neither the length of a frame nor its time.
 * The rings of capture/pcap do, behind the filters that libpcap compiles here.
 */
export interface Cap {
  /**
   * Starts capturing; returns the name of the link type. The buffer is overwritten by each frame and must be kept
   * referenced by the caller: cap keeps its address only. Throws Error with libpcap's message.
   */
  open(device: string, filter: string, kernelBufferBytes: number, buffer: Buffer): string;
  on(event: "packet", listener: (capturedBytes: number, truncated: boolean) => void): this;
  /** Stops capturing; false when it was not open. A closed one can't be opened again. */
  close(): boolean;
}

export interface CapModule {
  readonly Cap: new () => Cap;
}

/** What libpcap makes of an expression of pcap-filter(7): instructions of 8 bytes (struct bpf_insn). */
export interface FilterCompiler {
  /** For the frames of a file that begins with this header, as of pcap(5). Throws Error with libpcap's message. */
  compileFileFilter(header: Uint8Array, expression: string): Buffer;
  /**
   * For a packet socket, of a link type as DLT_ numbers it: the program asks the kernel for what it keeps beside the
   * frame, such as its VLAN tag. Throws Error with libpcap's message.
   */
  compileLiveFilter(linkType: number, expression: string): Buffer;
}

let loaded: (CapModule & FilterCompiler) | undefined;

/**
 * Loads cap with the libpcap inside it, once. The addon alone is needed: cap's JavaScript only makes its class an
 * EventEmitter, and decodes packets, which packet/ does. Throws if the build could not make it.
 */
export function loadCap(): CapModule & FilterCompiler {
  loaded ??= load();
  return loaded;
}

function load(): CapModule & FilterCompiler {
  const missing = readAsset("cap.node.missing");
  const advice = "use --engine ring; for --wialon there is no other way";
  if (missing !== undefined) {
    const why = `this promtap was built without it (${Buffer.from(missing).toString()})`;
    throw new PromtapError(ErrorCode.HOST, `couldn't load libpcap: ${why}; ${advice}`);
  }
  try {
    const module = loadAddon("cap.node") as CapModule & FilterCompiler;
    Object.setPrototypeOf(module.Cap.prototype, EventEmitter.prototype);
    return module;
  } catch (error) {
    throw new PromtapError(ErrorCode.HOST, `${messageOf(error)}; ${advice}`, { cause: error });
  }
}

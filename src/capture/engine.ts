import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { CapabilityName } from "../native/capabilities.ts";
import type { Packet } from "../packet/packet.ts";
import type { Link } from "./netlink.ts";

/** The engines, in no order; `--engine` takes all but `savefile`, which `--read` selects. */
export const EngineName = { BPF: "bpf", TCX: "tcx", RING: "ring", PCAP: "pcap", SAVEFILE: "savefile" } as const;
export type EngineName = (typeof EngineName)[keyof typeof EngineName];

/** What the kernel saw and could not hand over before it was counted; cumulative since the engine was opened. */
export interface Losses {
  packets: number;
}

/**
 * Counts the packets of one interface, whatever it is called, from the moment it is opened until it is disposed of; goes
 * on by itself when the interface was down.
 */
export interface Engine<Sink = InterfaceLedger> extends AsyncDisposable {
  /** Brings the sink up to date with all that the kernel has seen; called before every scrape. */
  sync(): void;
  /**
   * Counts into another sink from now on, and what came before into the one it had. Without a sink nothing is counted:
   * what comes waits for the next one, as far as there is room for it.
   */
  retarget(sink: Sink | undefined): void;
  losses(): Losses;
}

/** Takes the frames of one interface; the record is reused for the next one. */
export interface FrameSink {
  record(packet: Packet): void;
}

/**
 * Takes whole frames, parsed: bytes[start, end) is what was captured of one, good until it returns. `atSeconds`: when it
 * was, in seconds since 1970.
 */
export interface FrameReader {
  take(packet: Packet, linkType: number, bytes: Uint8Array, start: number, end: number, atSeconds: number): void;
  /** There are no more frames: the file is read to its end. */
  end(): void;
}

/** A kind of engine, one of which is opened for each interface. */
export interface EngineKind<Sink = InterfaceLedger> {
  readonly name: EngineName;
  /** Capabilities without which `open` fails at start. */
  readonly needs: readonly CapabilityName[];
  /** Those of them that are still needed later, to open an interface that comes or comes back. */
  readonly keeps: readonly CapabilityName[];
  /** Descriptors that an engine holds as long as it is open. */
  readonly descriptors: number;
  /** Tries what the engine needs of the host; returns why it can't work, or undefined. */
  probe(): Promise<string | undefined>;
  /** Starts to count. `siblings`: interfaces that share the memory set aside. Throws PromtapError. */
  open(link: Link, sink: Sink, siblings: number): Promise<Engine<Sink>>;
  /** Gives back what is kept of an interface whose engine is closed, if engines keep anything. */
  forget?(interfaceName: string): void;
}

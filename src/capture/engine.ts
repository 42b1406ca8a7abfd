import type { FurtherCounts, InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { RangeTable } from "../ledger/ranges.ts";
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
   * Likewise, but for what is counted by address, which is the most of it: for what looks at the rest every second. Yields
   * often enough not to hold the event loop. None if that is no less work.
   */
  syncTotals?(): Iterable<void>;
  /**
   * Counts into another sink from now on, and what came before into the one it had. Without a sink nothing is counted:
   * what comes waits for the next one, as far as there is room for it.
   */
  retarget(sink: Sink | undefined): void;
  losses(): Losses;
  /**
   * Makes ready to count by the rules of another kind of the same name. `siblings`: interfaces that share the memory set
   * aside. Throws PromtapError.
   */
  renew?(kind: EngineKind<Sink>, siblings: number): Renewal | undefined;
}

/** An engine that is about to count by other rules, with what it is attached to: no packet is missed or counted twice. */
export interface Renewal {
  /** Counts by them from now on, as far as the kernel has not begun with a packet yet. Throws PromtapError. */
  begin(): void;
  /** Counts into the sink what was counted before; to be called when the kernel is done with what it had begun. */
  finish(): void;
  /** Goes on as before, if it has not begun. */
  undo(): void;
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
  /**
   * A kind whose engines count in these ways besides by address, and have room for what there is of them now; none if
   * engines leave that to their sinks. Throws PromtapError if there is no room.
   */
  roomier?(further: FurtherCounts): EngineKind<Sink>;
  /** A kind that counts by other ranges; none if its engines know of no ranges. Throws PromtapError, likewise. */
  reranged?(ranges: RangeTable, maxAddresses: number): EngineKind<Sink>;
  /** Makes what its engines share in steps between which the event loop gets its turn. Throws PromtapError. */
  makeShared?(): Promise<void>;
  /** Gives up what engines of another kind have no need for any more, once they have been renewed. */
  close?(): void;
  /** Resolves when the kernel is done with all packets that it has begun with. */
  settled?(): Promise<void>;
  /** Gives back what is kept of an interface whose engine is closed, if engines keep anything. */
  forget?(interfaceName: string): void;
}

import type { Packet } from "../packet/packet.ts";

/** The ways to see packets, in no order; `--engine` takes all but `savefile`, which `--read` selects. */
export const EngineName = { RING: "ring", PCAP: "pcap", SAVEFILE: "savefile" } as const;
export type EngineName = (typeof EngineName)[keyof typeof EngineName];

/** What the kernel saw and could not hand over before it was counted; cumulative since the engine was opened. */
export interface Losses {
  packets: number;
}

/** Counts the packets of one interface into one ledger from the moment it is opened until it is disposed of. */
export interface Engine extends AsyncDisposable {
  /** Brings the ledger up to date with all that the kernel has seen; called before every scrape. */
  sync(): void;
  losses(): Losses;
}

/** Takes the frames of one interface; the record is reused for the next one. */
export interface FrameSink {
  record(packet: Packet): void;
}

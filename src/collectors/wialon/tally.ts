import { CODE_COUNT } from "./protocol/answer-code.ts";
import { CONTAINER_FAULTS } from "./protocol/container.ts";
import { TYPE_COUNT } from "./protocol/packet-type.ts";
import { type Series, SeriesTable } from "./series-table.ts";
import { SKIP_REASONS } from "./streams/reassembly.ts";
import type { Limit } from "../status.ts";
import { StreamLives } from "./streams/stream-lives.ts";

/** Columns of a pair of addresses, behind one for each type. */
export const PairColumn = {
  PARSE_ERRORS: TYPE_COUNT,
  CHECKSUM_ERRORS: TYPE_COUNT + 1,
  STREAMS: TYPE_COUNT + 2,
} as const;
export const PAIR_COLUMNS = TYPE_COUNT + 3;
/** Columns of a device. */
export const DeviceColumn = { PACKETS: 0, LAST_SEEN_SECONDS: 1 } as const;
export const DEVICE_COLUMNS = 2;

/** Label of all that has no series of its own. */
export const OTHER = "other";
export const OTHER_PAIR = `${OTHER} ${OTHER}`;

/** Upper bounds of the times that answers take, in seconds: from one network to a satellite link and a busy server. */
export const ANSWER_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ANSWER_BUCKETS = ANSWER_BOUNDS.length + 1;

/** Frames that are left out, by the reason. */
export const FRAME_FAULTS = ["fragment", "truncated", "malformed"] as const;
export type FrameFault = (typeof FRAME_FAULTS)[number];

/** All counts of Wialon IPS. By pair of addresses and by device up to a limit, see SeriesTable. */
export class Tally {
  rawPackets = 0;
  points = 0;
  compressedPackets = 0;
  compressedBytes = 0;
  streams = 0;
  evictedStreams = 0;
  readonly lives = new StreamLives();
  /** By type. */
  readonly bytes = new Float64Array(TYPE_COUNT);
  /** By code. */
  readonly logins = new Float64Array(CODE_COUNT);
  /** By type of the request and code. */
  readonly rejected = new Float64Array(TYPE_COUNT * CODE_COUNT);
  /** By type of the request and bucket; and the sum of each type. */
  readonly answers = new Float64Array(TYPE_COUNT * ANSWER_BUCKETS);
  readonly answerSeconds = new Float64Array(TYPE_COUNT);
  /** By SkipReason. */
  readonly skippedBytes = new Float64Array(SKIP_REASONS.length);
  readonly skippedFrames = new Map<FrameFault, number>(FRAME_FAULTS.map((fault) => [fault, 0]));
  readonly containerFaults = new Map(CONTAINER_FAULTS.map((fault) => [fault, 0]));
  /** Packets that runs before have lost, by interface. */
  readonly lostBefore = new Map<string, number>();
  /** By source and destination, with a space between. */
  readonly pairs: SeriesTable;
  /** By name; undefined if devices are not counted. */
  readonly devices: SeriesTable | undefined;

  readonly #limit: number;

  /** `limit`: how many pairs of addresses have series of their own, and how many devices. */
  constructor(limit: number, hasDevices: boolean) {
    this.#limit = limit;
    this.pairs = new SeriesTable(PAIR_COLUMNS, limit, OTHER_PAIR);
    if (hasDevices) this.devices = new SeriesTable(DEVICE_COLUMNS, limit, OTHER, DeviceColumn.LAST_SEEN_SECONDS);
  }

  /** The device of this name, or `other`; undefined if devices are not counted. */
  deviceOf(name: string): Series | undefined {
    return isDeviceName(name) ? this.devices?.claim(name) : this.devices?.other();
  }

  /** How many have series of their own, and may have. */
  limits(): Limit[] {
    const of = (name: string, table: SeriesTable): Limit => ({ name, used: table.count - 1, limit: this.#limit });
    const ofPairs = of("connections of trackers", this.pairs);
    return this.devices === undefined ? [ofPairs] : [of("trackers", this.devices), ofPairs];
  }

  addRejection(type: number, code: number): void {
    this.rejected[type * CODE_COUNT + code]!++;
  }

  addAnswer(type: number, seconds: number): void {
    const bucket = ANSWER_BOUNDS.findIndex((bound) => seconds <= bound);
    this.answers[type * ANSWER_BUCKETS + (bucket < 0 ? ANSWER_BOUNDS.length : bucket)]!++;
    this.answerSeconds[type]! += seconds;
  }

  /** Answers to requests of a type, by bucket: exclusive counts. */
  answersTo(type: number): Float64Array {
    return this.answers.subarray(type * ANSWER_BUCKETS, (type + 1) * ANSWER_BUCKETS);
  }
}

/** An IMEI, or a name that a device was given; what is not, may be anything, even a password in the wrong place. */
export function isDeviceName(name: string): boolean {
  return /^[0-9A-Za-z._-]{1,32}$/.test(name);
}

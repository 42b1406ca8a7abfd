import { CODE_COUNT } from "./protocol/answer-code.ts";
import { CONTAINER_FAULTS } from "./protocol/container.ts";
import { TYPE_COUNT } from "./protocol/packet-type.ts";
import { SKIP_REASONS } from "./streams/reassembly.ts";
import { StreamLives } from "./streams/stream-lives.ts";

/** Columns of a pair of addresses, behind one for each type. */
export const PairColumn = {
  PARSE_ERRORS: TYPE_COUNT,
  CHECKSUM_ERRORS: TYPE_COUNT + 1,
  STREAMS: TYPE_COUNT + 2,
} as const;
const PAIR_COLUMNS = TYPE_COUNT + 3;
/** Pairs whose counts lie in one piece: doubling the memory of many would leave as much behind. */
const PAIRS_A_CHUNK = 1024;

/** Label of all that has no room of its own. */
export const OTHER = "other";

/** Upper bounds of the times that answers take, in seconds: from one network to a satellite link and a busy server. */
export const ANSWER_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ANSWER_BUCKETS = ANSWER_BOUNDS.length + 1;

/** Frames that are left out, by the reason. */
export const FRAME_FAULTS = ["fragment", "truncated", "malformed"] as const;
export type FrameFault = (typeof FRAME_FAULTS)[number];

export interface Device {
  packets: number;
  lastSeenSeconds: number;
}

/** All counts of Wialon IPS. By pair of addresses and by device up to a limit; the rest goes to `other`. */
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
  /** Source and destination, with a space between. */
  readonly pairs: string[] = [];
  /** By name; undefined where devices are not counted. */
  readonly devices: Map<string, Device> | undefined;
  readonly #limit: number;
  readonly #pairIndex = new Map<string, number>();
  readonly #byPair: Float64Array[] = [];

  /** `limit`: how many pairs of addresses have series of their own, and how many devices. */
  constructor(limit: number, hasDevices: boolean) {
    this.#limit = limit;
    this.devices = hasDevices ? new Map() : undefined;
  }

  /** The pair of these addresses, or `other`. */
  pairOf(source: string, destination: string): number {
    const key = `${source} ${destination}`;
    const known = this.#pairIndex.get(key);
    if (known !== undefined) return known;
    if (this.pairs.length >= this.#limit && source !== OTHER) return this.pairOf(OTHER, OTHER);
    const pair = this.pairs.push(key) - 1;
    this.#pairIndex.set(key, pair);
    if (pair % PAIRS_A_CHUNK === 0) this.#byPair.push(new Float64Array(PAIRS_A_CHUNK * PAIR_COLUMNS));
    return pair;
  }

  /** Adds to a column of a pair: one of its types, or a PairColumn. Hot; does not allocate. */
  add(pair: number, column: number, count = 1): void {
    this.#byPair[Math.floor(pair / PAIRS_A_CHUNK)]![(pair % PAIRS_A_CHUNK) * PAIR_COLUMNS + column]! += count;
  }

  of(pair: number, column: number): number {
    return this.#byPair[Math.floor(pair / PAIRS_A_CHUNK)]![(pair % PAIRS_A_CHUNK) * PAIR_COLUMNS + column]!;
  }

  /** The device of this name, or `other`; undefined where devices are not counted. */
  deviceOf(name: string): Device | undefined {
    if (this.devices === undefined) return undefined;
    const known = this.devices.get(name);
    if (known !== undefined) return known;
    if (name !== OTHER && (this.devices.size >= this.#limit || !isDeviceName(name))) return this.deviceOf(OTHER);
    const device = { packets: 0, lastSeenSeconds: 0 };
    this.devices.set(name, device);
    return device;
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
function isDeviceName(name: string): boolean {
  return /^[0-9A-Za-z._-]{1,32}$/.test(name);
}

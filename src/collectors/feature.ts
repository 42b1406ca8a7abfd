import type { CaptureListener } from "../capture/capture.ts";
import type { FrameReader } from "../capture/engine.ts";
import type { Section } from "../config/section.ts";
import type { GeoDatabases } from "../geo/databases.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { CapabilityName } from "../native/capabilities.ts";
import type { ByteReader } from "../state/byte-reader.ts";
import type { Collector } from "./collector.ts";
import type { CustomerSlots } from "./customers.ts";
import type { Accounting } from "./produce/accounting.ts";
import type { CountedList, Limit } from "./status.ts";
import type { TrafficSource } from "./traffic.ts";

/** The bytes of what is kept from run to run, as it is at one moment, in pieces. The event loop has its turns. */
export type KeptWriter = (nextTurn: () => Promise<unknown>) => Promise<readonly Uint8Array[]>;

/** What has been made ready to go on by another value: nothing changes until it is committed, or undone. */
export interface Change {
  commit(): void;
  undo(): void;
}

/** Collectors that belong together, and what they hold; disposing gives that back. */
export interface Feature<Value = unknown> extends AsyncDisposable {
  readonly collectors: readonly Collector[];
  /** Capabilities that are needed as long as it runs. */
  readonly keeps: readonly CapabilityName[];
  /** What is shown the largest of; the same objects as long as it runs. */
  readonly lists?: readonly CountedList[];
  /** Bounds of what it counts. */
  limits?(): Limit[];
  /** Resolves when it counts all there is to count; without it, that is at once. */
  started?(): Promise<void>;
  /** Takes the frames of a file that is read. */
  readonly reader?: FrameReader;
  /**
   * What has it go on by another value with all that it has counted, or null if it has to be started again for that.
   * Throws PromtapError if this host does not allow it.
   */
  prepare?(value: Value): Promise<Change | null>;
  /** What is kept of its counts from run to run, by the name of its section. */
  readonly kept?: ReadonlyMap<string, KeptWriter>;
  /** Whether its counters are the kernel's own: nobody knows since when they count. */
  readonly tellsKernelCounts?: boolean;
}

type LogFields = Readonly<Record<string, string | number | bigint | boolean | Error>>;

/** Where a feature says what happens. */
export interface FeatureLog {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What a feature that is checked may build on. */
export interface CheckHost {
  readonly log: FeatureLog;
  /** Names and patterns of the interfaces that traffic is counted on, or would be if it were counted. */
  readonly interfaces: readonly string[];
  /** Savefile that is read instead of live traffic. */
  readonly readPath: string | null;
  /** Whether traffic is counted, live or from a file. */
  readonly isCounted: boolean;
  /** The databases of countries and ASes, opened once for all that ask. Throws PromtapError. */
  databases(): Promise<GeoDatabases>;
}

/** Counts of traffic that others report, in the place of captured traffic. */
export interface Reports {
  readonly ledger: Ledger;
  /** Calls `sync`, which brings the ledger up to date, before a page is made of it. */
  onSync(sync: () => void): Disposable;
}

/** What a feature may build on. */
export interface FeatureHost extends CheckHost {
  /** Aborts when the program is to end. */
  readonly signal: AbortSignal;
  readonly ledger: Ledger;
  readonly source: TrafficSource;
  /** What is counted and to be written elsewhere. */
  readonly accounting: Accounting;
  /** Undefined if traffic is captured, or nothing is counted that is reported. */
  readonly reports: Reports | undefined;
  /**
   * What `read` makes of the section that was kept under a name; undefined if there is none, or if it threw an Error:
   * then that is told, and the section set aside.
   */
  readonly resume: <T>(section: string, read: (reader: ByteReader) => T) => Promise<T | undefined>;
  /** What has series of customers, once there are lists of them. */
  readonly customers: () => CustomerSlots | undefined;
  /** Logs what becomes of interfaces. `what` is captured, such as " of Wialon IPS". */
  captureListener(what: string): CaptureListener;
}

/** A feature that the configuration turns on: collectors, and what they are to do. */
export interface FeatureKind<Value> {
  readonly section: Section<Value | null>;
  /**
   * The flag that turns it on, or several, if it needs no traffic: with that flag, traffic is counted only if the flags
   * of interfaces ask for it.
   */
  readonly standsAlone?: string | readonly string[];
  /** What of the host it builds on, so that it is started again when that changes. */
  readonly follows?: readonly ("interfaces" | "isCounted")[];
  /** What is legal but hardly meant; a sentence each. */
  warnings?(value: Value): string[];
  /** Throws PromtapError if it makes no sense on any host, which only a library can tell. Opens nothing. */
  judge?(value: Value, host: Pick<CheckHost, "readPath">): void;
  /** Throws PromtapError if this host does not allow it at all. */
  start(value: Value, host: FeatureHost): Promise<Feature<Value>>;
  /** Says what `start` would start, a line each, after trying it. Throws PromtapError. */
  check(value: Value, host: CheckHost): Promise<string[]>;
}

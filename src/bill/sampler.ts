import type { CustomerSlots } from "../collectors/customers.ts";
import type { FeatureLog } from "../collectors/feature.ts";
import type { TrafficSource } from "../collectors/traffic.ts";
import { messageOf } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { CustomerBytes, type CustomerSum, NONE } from "./customer-bytes.ts";
import { type Interval, INTERVAL_MS, intervalText, Intervals } from "./intervals.ts";
import { type KeptInterval, writeInterval } from "./kept-interval.ts";
import { SampleFolder } from "./samples/sample-folder.ts";

/** A clock that was set is noticed by then. */
const MAX_PAUSE_MS = 1000;

/** Where and for how long samples are kept. */
export interface Keeping {
  readonly folder: string;
  readonly days: number;
}

/** The time of day, in milliseconds since 1970, and a clock that never steps. */
export interface Clocks {
  wall(): number;
  steady(): number;
}

const CLOCKS: Clocks = { wall: () => Date.now(), steady: () => performance.now() };

/**
 * Makes a sample of what customers receive and send in every 5 minutes of the clock. What is counted before the first one
 * is over is kept in the state, so that a restart costs no more of it than of other counts.
 */
export class Sampler implements AsyncDisposable {
  /** The end of the last interval that was kept, in seconds since 1970; 0: there is none yet. */
  keptUntil = 0;
  failures = 0;
  readonly #source: TrafficSource;
  readonly #customers: CustomerSlots;
  readonly #log: FeatureLog;
  readonly #clocks: Clocks;
  readonly #bytes: CustomerBytes;
  readonly #intervals: Intervals;
  readonly #samples: SampleFolder;
  /** What a run before has counted of an interval that is over. */
  #left: KeptInterval | undefined;
  #error: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #keeping: Promise<void> = Promise.resolve();

  constructor(
    source: TrafficSource,
    ledger: Ledger,
    customers: CustomerSlots,
    { folder, days }: Keeping,
    log: FeatureLog,
    clocks = CLOCKS,
  ) {
    this.#source = source;
    this.#customers = customers;
    this.#log = log;
    this.#clocks = clocks;
    this.#samples = new SampleFolder(folder, days, () => clocks.wall());
    this.#intervals = new Intervals(clocks.wall(), clocks.steady());
    this.#bytes = new CustomerBytes(ledger, customers, (slot) => this.#samples.forget(slot));
  }

  /** Goes on from what a run before has kept. */
  async resume(kept: KeptInterval): Promise<void> {
    // It may have been written after the state was.
    if (await this.#samples.has(kept.number)) return;
    if (kept.number === this.#intervals.number) {
      this.#intervals.resume(kept);
      this.#bytes.carry(kept.sums);
    } else this.#left = kept;
  }

  /** Makes samples from now on, until it is disposed of. */
  begin(): void {
    this.#timer = setTimeout(() => void this.#lookAgain(), 0).unref();
  }

  async #lookAgain(): Promise<void> {
    await this.look();
    if (this.#timer === undefined) return;
    const leftMs = INTERVAL_MS - (this.#clocks.wall() % INTERVAL_MS);
    this.#timer = setTimeout(() => void this.#lookAgain(), Math.min(leftMs, MAX_PAUSE_MS)).unref();
  }

  /** Looks at the clock, and keeps what is over. */
  async look(): Promise<void> {
    if (this.#left !== undefined) {
      const left = this.#left;
      this.#left = undefined;
      await this.#keep(left, carriedSums(left));
    }
    const wallMs = this.#clocks.wall();
    const steadyMs = this.#clocks.steady();
    if (!this.#intervals.isOver(wallMs)) return;
    const over = this.#intervals.now(steadyMs);
    const step = this.#intervals.next(wallMs, steadyMs);
    if (step !== undefined) {
      const [from, to] = [intervalText(step.from), intervalText(step.to)];
      this.#log.warn("the clock was set, or stood still; samples for bills", { from, to });
    }
    await this.#keep(over, this.#take(true));
  }

  /** What is counted of the interval that is not over, for the state. */
  async write(nextTurn: () => Promise<unknown>): Promise<readonly Uint8Array[]> {
    await this.#keeping;
    using _ = this.#customers.slots.quota.hold();
    return await writeInterval(this.#intervals.now(this.#clocks.steady()), this.#take(false), nextTurn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#keeping;
    this.#bytes[Symbol.dispose]();
    await this.#samples[Symbol.asyncDispose]();
  }

  #take(isLast: boolean): Iterable<CustomerSum | undefined> {
    this.#source.sync();
    this.#bytes.read();
    return this.#bytes.take(isLast);
  }

  #keep(interval: Interval, sums: Iterable<CustomerSum | undefined>): Promise<void> {
    this.#keeping = this.#append(interval, sums);
    return this.#keeping;
  }

  /** What fails is told. */
  async #append(interval: Interval, sums: Iterable<CustomerSum | undefined>): Promise<void> {
    using _ = this.#customers.slots.quota.hold();
    try {
      await this.#samples.append(interval, sums);
      this.keptUntil = ((interval.number + 1) * INTERVAL_MS) / 1000;
      this.#tell(undefined);
    } catch (error) {
      this.failures++;
      this.#tell(messageOf(error));
    }
  }

  #tell(error: string | undefined): void {
    if (error === this.#error) return;
    this.#error = error;
    if (error === undefined) this.#log.info("keeps samples for bills again");
    else this.#log.error("couldn't keep a sample for bills", { error });
  }
}

function* carriedSums({ sums }: KeptInterval): Generator<CustomerSum> {
  for (const [labels, [bytesIn, bytesOut]] of sums) yield { slot: NONE, bytesIn, bytesOut, labels: () => labels };
}

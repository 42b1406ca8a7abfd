import { setTimeout as delay } from "node:timers/promises";
import { Cluster, EARLIEST, LATEST, type Source } from "./cluster.ts";
import { KafkaError } from "./connection.ts";
import { HEARTBEAT_MS, Membership } from "./membership.ts";
import { type MessageSink, type Progress, Reading } from "./reading.ts";

export { Cluster } from "./cluster.ts";

/** What is consumed, and where it begins. */
export interface Consumption extends Source {
  /** Null where partitions are fixed, and no offset is committed. */
  readonly group: string | null;
  /** Null with a group. */
  readonly partitions: readonly number[] | "all" | null;
  /** With a group, only where it has committed nothing. */
  readonly from: "earliest" | "latest";
}

/** Told of what changes; all of it is rare. */
export interface ConsumerListener {
  /** `error`: why brokers can't be read from; undefined when all partitions that are ours are being read. */
  changed(error: string | undefined): void;
  /** Which partitions are ours from now on. */
  assigned(partitions: readonly number[]): void;
}

/** Between commits; what may count twice is no more than what is counted in this time. */
const COMMIT_MS = 1000;
const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 10_000;
/** For the last commit and the farewell, before all connections are cut. */
const END_MS = 3000;

/**
 * Consumes a topic, by itself or as a member of a group. Whatever fails is tried again, for ever: the connections are
 * thrown away, and made anew after a pause. An offset is committed only when what stands before it has been counted.
 */
export class Consumer implements AsyncDisposable {
  /** Times that connections were lost, or could not be made. */
  failures = 0;
  /** Times that the group shared its partitions out. */
  rebalances = 0;
  commits = 0;
  /** Of the partitions that are ours. */
  readonly progress = new Map<number, Progress>();
  readonly topic: string;
  readonly #consumption: Consumption;
  readonly #sink: MessageSink;
  readonly #listener: ConsumerListener;
  readonly #membership: Membership | undefined;
  readonly #end = new AbortController();
  readonly #running: Promise<void>;
  #cluster: Cluster | undefined;
  #reading: Reading | undefined;
  /** How many partitions there were at first; those that come later are read from their beginning. */
  #firstPartitions: number | undefined;
  #error: string | undefined = "";
  #backoffMs = FIRST_BACKOFF_MS;

  constructor(consumption: Consumption, sink: MessageSink, listener: ConsumerListener) {
    this.topic = consumption.topic;
    this.#consumption = consumption;
    this.#sink = sink;
    this.#listener = listener;
    if (consumption.group !== null) this.#membership = new Membership(consumption.group, consumption.topic);
    this.#running = this.#run();
  }

  /** Whether all partitions that are ours are being read. */
  get isUp(): boolean {
    return this.#reading?.isComplete ?? false;
  }

  /** Commits what has been counted, and leaves the group. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    const cut = setTimeout(() => void this.#cluster?.[Symbol.asyncDispose](), END_MS);
    await this.#running;
    clearTimeout(cut);
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        await this.#session();
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof KafkaError)) throw error;
        this.#fail(error);
        // Not all instances at once.
        await delay(this.#backoffMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => {});
        this.#backoffMs = Math.min(this.#backoffMs * 2, LONGEST_BACKOFF_MS);
      }
    }
  }

  #fail(error: KafkaError): void {
    this.failures++;
    this.#report(error.message);
    if (!error.names.includes("UNKNOWN_TOPIC_OR_PARTITION")) return;
    // What is there when it comes, or comes again, is all new to us.
    this.progress.clear();
    this.#firstPartitions = 0;
    this.#membership?.reset();
  }

  #report(error: string | undefined): void {
    if (error !== this.#error) this.#listener.changed(error);
    this.#error = error;
  }

  /** Reads until it is ended, over one set of connections. Throws where they fail. */
  async #session(): Promise<void> {
    const { signal } = this.#end;
    await using cluster = await Cluster.connect(this.#consumption, signal);
    this.#cluster = cluster;
    this.#firstPartitions ??= cluster.partitionCount;
    while (!signal.aborted) {
      await untilAborted(this.#enter(cluster), signal);
      if (signal.aborted) break;
      await this.#read(cluster);
      if (!signal.aborted) await this.#commit();
    }
    await this.#leave();
  }

  /** Finds out which partitions are ours, and where to read them. */
  async #enter(cluster: Cluster): Promise<void> {
    const { group, partitions } = this.#consumption;
    const count = cluster.partitionCount;
    const membership = this.#membership;
    if (group === null || membership === undefined) {
      const all = Array.from({ length: count }, (_, partition) => partition);
      const fixed = partitions === "all" || partitions === null ? all : partitions;
      const missing = fixed.find((partition) => partition >= count);
      if (missing !== undefined) throw new KafkaError(`${this.topic} has ${count} partitions, and no ${missing}`);
      await this.#position(cluster, fixed, new Map());
      return;
    }
    membership.attach(await cluster.connection(await cluster.coordinator(group)));
    if (membership.hasMore(count) || !(await membership.isStable())) {
      this.progress.clear();
      while (!(await membership.join(count)));
      this.rebalances++;
    } else if (membership.partitions.every((partition) => this.progress.has(partition))) return;
    // Here, too, when connections were lost before it was known where to read what the group has given us.
    await this.#position(cluster, membership.partitions, await membership.committed());
    // So that who comes after us goes on here, even where nothing is ever sent.
    await this.#commit();
    this.#listener.assigned(membership.partitions);
  }

  /** Sets the partitions that are new to us to where they are to be read from. */
  async #position(cluster: Cluster, partitions: readonly number[], committed: Map<number, number>): Promise<void> {
    const isLate = (partition: number) =>
      this.#consumption.from === "earliest" || partition >= (this.#firstPartitions ?? 0);
    const unknown = partitions.filter((partition) => !this.progress.has(partition) && !committed.has(partition));
    const first = await cluster.offsets(unknown.filter(isLate), EARLIEST);
    const last = await cluster.offsets(
      unknown.filter((partition) => !isLate(partition)),
      LATEST,
    );
    for (const partition of partitions) {
      const known = committed.get(partition);
      const position = known ?? first.get(partition) ?? last.get(partition);
      if (this.progress.has(partition) || position === undefined) continue;
      this.progress.set(partition, { position, committed: known ?? -1, endOffset: position });
    }
  }

  /** Reads until the partitions must be shared out anew, or it is ended. */
  async #read(cluster: Cluster): Promise<void> {
    const membership = this.#membership;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#end.signal]);
    const listener = {
      failed: (error: KafkaError) => {
        this.failures++;
        this.#report(error.message);
      },
      completed: () => {
        this.#backoffMs = FIRST_BACKOFF_MS;
        this.#report(undefined);
      },
    };
    const reading = new Reading(cluster, this.progress, this.#sink, listener, signal);
    this.#reading = reading;
    const isOutgrown = (): boolean =>
      membership === undefined
        ? this.#consumption.partitions === "all" && cluster.partitionCount > this.progress.size
        : membership.hasMore(cluster.partitionCount);
    const tasks = [reading.run(isOutgrown)];
    if (membership !== undefined) tasks.push(beat(membership, signal), this.#commitAlways(reading, signal));
    try {
      await Promise.race(tasks);
    } finally {
      stop.abort();
      await Promise.allSettled(tasks);
      this.#reading = undefined;
    }
  }

  /** Commits what has been counted, until the group has moved on without us. */
  async #commitAlways(reading: Reading, signal: AbortSignal): Promise<void> {
    for (;;) {
      await delay(COMMIT_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const commit = this.#commit();
      // A commit that takes long must not let more be counted than fits between two.
      reading.hold = commit.catch(() => {});
      if (!(await commit)) return;
      reading.hold = undefined;
    }
  }

  async #commit(): Promise<boolean> {
    const membership = this.#membership;
    const offsets = [...this.progress].filter(([, { position, committed }]) => position !== committed);
    if (membership === undefined || offsets.length === 0) return true;
    const positions = new Map(offsets.map(([partition, { position }]) => [partition, position]));
    if (!(await membership.commit(positions))) return false;
    this.commits++;
    for (const [partition, position] of positions) {
      const progress = this.progress.get(partition);
      if (progress !== undefined) progress.committed = position;
    }
    return true;
  }

  async #leave(): Promise<void> {
    try {
      await this.#commit();
      await this.#membership?.leave();
    } catch {
      // The group notices by itself that we are gone, and reads again what was not committed.
    }
  }
}

/** Tells the group that we are alive, until it wants to share its partitions out. */
async function beat(membership: Membership, signal: AbortSignal): Promise<void> {
  do {
    await delay(HEARTBEAT_MS, undefined, { signal }).catch(() => {});
  } while (!signal.aborted && (await membership.isStable()));
}

/** Waits for work, but no longer than until the signal aborts; what it comes to then is of no interest. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  signal.addEventListener("abort", stop);
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    work.catch(() => {});
  }
}

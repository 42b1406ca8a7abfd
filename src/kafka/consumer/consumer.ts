import { setTimeout as delay } from "node:timers/promises";
import { Backoff } from "../backoff.ts";
import { Cluster, type Topic } from "../cluster.ts";
import type { Counting, MessageSink, Progress } from "./counting.ts";
import { KafkaError } from "../kafka-error.ts";
import { type Committed, Membership, SESSION_TIMEOUT_MS } from "./membership.ts";
import { EARLIEST, LATEST } from "./offsets.ts";
import { Reading } from "./reading.ts";

// A part of the binary has the client of Kafka for itself: what a check needs is in the same.
export { checkTopic } from "../topic-check.ts";

/** What is consumed, and where it begins. */
export interface Consumption extends Topic {
  /** Null if partitions are fixed, and no offset is committed. */
  readonly group: string | null;
  /** Null with a group. */
  readonly partitions: readonly number[] | "all" | null;
  /** With a group, only if it has committed nothing. */
  readonly from: "earliest" | "latest";
}

/** How far the messages are counted that counts from before stand for. */
export interface EarlierRun {
  /** Tells whether what a group has committed is of such a run. */
  readonly mark: string;
  /** Partition → offset of the next record to count. */
  readonly positions: ReadonlyMap<number, number>;
}

/** Told of what changes; all of it is rare. */
export interface ConsumerListener {
  /** `error`: why partitions are not being read, or brokers can't be reached; undefined when all is well. */
  changed(error: string | undefined): void;
  /** Which partitions are ours from now on. */
  assigned(partitions: readonly number[]): void;
}

/** Between heartbeats and commits; what may count twice is no more than what is counted in this time. */
const COMMIT_MS = 1000;
/** For the last commit and the farewell, before all connections are cut. */
const END_MS = 1000;

/**
 * Consumes a topic, by itself or as a member of a group. Whatever fails is tried again, for ever, and holds up nothing
 * else. An offset is committed only when what stands before it has been counted.
 */
export class Consumer implements AsyncDisposable {
  /** Times that brokers could not be reached, or were lost. */
  failures = 0;
  /** Times that the group shared its partitions out. */
  rebalances = 0;
  commits = 0;
  /** Of the partitions that are ours, as far as it is known. */
  readonly progress = new Map<number, Progress>();
  readonly topic: string;
  readonly #consumption: Consumption;
  readonly #sink: MessageSink;
  readonly #listener: ConsumerListener;
  readonly #membership: Membership | undefined;
  readonly #end = new AbortController();
  readonly #backoff = new Backoff();
  readonly #running: Promise<void>;
  #cluster: Cluster | undefined;
  #reading: Reading | undefined;
  /** How many partitions there were at first; those that come later are read from their beginning. */
  #firstPartitions: number | undefined;
  /** Whether it is known where the group has read our partitions up to. */
  #isPlaced = false;
  readonly #mark: string;
  /** Where an earlier run has counted partitions up to that a group has not given to anybody in this one. */
  readonly #earlier: Map<number, number>;
  /** Why the group's coordinator can't be reached. */
  #coordinatorError: string | undefined;
  #error: string | undefined = "";

  constructor(consumption: Consumption, sink: MessageSink, listener: ConsumerListener, earlier?: EarlierRun) {
    this.topic = consumption.topic;
    this.#mark = earlier?.mark ?? "";
    this.#earlier = new Map(earlier?.positions);
    this.#consumption = consumption;
    this.#sink = sink;
    this.#listener = listener;
    if (consumption.group === null) this.#goOn(consumption.partitions);
    else this.#membership = new Membership(consumption.group, consumption.topic, this.#mark);
    this.#running = this.#run();
  }

  /** Whether all partitions that are ours are being read. */
  get isUp(): boolean {
    return this.#reading?.unread === 0;
  }

  /** Partitions that are ours and are not being read. */
  get unread(): number {
    return this.#reading?.unread ?? this.progress.size;
  }

  /** Partition → offset of the next record to count, of all that is counted here and of what is still to be given out. */
  get positions(): Map<number, number> {
    const ours = [...this.progress].map(([partition, { position }]) => [partition, position] as const);
    return new Map([...this.#earlier, ...ours]);
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
        await this.#backoff.pause(signal);
      }
    }
  }

  #fail(error: KafkaError): void {
    this.failures++;
    this.#report(error.message);
    if (!error.names.includes("UNKNOWN_TOPIC_OR_PARTITION")) return;
    // What is there when it comes, or comes again, is all new to us.
    this.progress.clear();
    this.#earlier.clear();
    this.#firstPartitions = 0;
    this.#membership?.reset();
    this.#isPlaced = false;
  }

  #report(error: string | undefined): void {
    if (error !== this.#error) this.#listener.changed(error);
    this.#error = error;
  }

  /** Tells what is wrong, or that nothing is. */
  #reportState({ troubles, unread }: Reading): void {
    const all = this.#coordinatorError === undefined ? troubles : [...troubles, this.#coordinatorError];
    if (all.length > 0) this.#report(all.join("; "));
    else if (unread === 0) {
      this.#backoff.reset();
      this.#report(undefined);
    }
  }

  /** Reads until it is ended, or no broker can be asked which one leads what. Throws then. */
  async #session(): Promise<void> {
    const { signal } = this.#end;
    await using cluster = await Cluster.connect(this.#consumption, signal);
    this.#cluster = cluster;
    this.#firstPartitions ??= cluster.partitionCount;
    while (!signal.aborted) {
      const partitions = await untilAborted(this.#enter(cluster), signal);
      if (partitions === undefined) break;
      await this.#read(cluster, partitions);
      if (!signal.aborted) await this.#commit();
    }
    await this.#leave();
  }

  /** Finds out which partitions are ours, and, of those that a group has read before, where to go on. */
  async #enter(cluster: Cluster): Promise<readonly number[]> {
    const { group, partitions } = this.#consumption;
    const count = cluster.partitionCount;
    const membership = this.#membership;
    if (group === null || membership === undefined) {
      const all = Array.from({ length: count }, (_, partition) => partition);
      const fixed = partitions === "all" || partitions === null ? all : partitions;
      const missing = fixed.find((partition) => partition >= count);
      if (missing !== undefined) throw new KafkaError(`${this.topic} has ${count} partitions, and no ${missing}`);
      return fixed;
    }
    membership.attach(await cluster.coordinator(group));
    if (membership.hasMore(count) || !(await membership.isStable())) {
      this.#isPlaced = false;
      while (!(await membership.join(count)));
      this.rebalances++;
    }
    if (!this.#isPlaced) this.#place(membership.partitions, await membership.committed());
    this.#coordinatorError = undefined;
    return membership.partitions;
  }

  /** Begins where an earlier run has counted its fixed partitions up to; what has come to the topic since is all new. */
  #goOn(partitions: Consumption["partitions"]): void {
    if (this.#earlier.size === 0) return;
    const isAll = partitions === "all" || partitions === null;
    for (const [partition, position] of this.#earlier) {
      if (!isAll && !partitions.includes(partition)) continue;
      this.progress.set(partition, { position, committed: -1, endOffset: position });
    }
    if (isAll) this.#firstPartitions = Math.max(...this.#earlier.keys()) + 1;
    this.#earlier.clear();
  }

  /**
   * Goes on where the group has committed, unless that was us: then we have counted more since, or, if it was an earlier
   * run that was killed, what is kept of that has less.
   */
  #place(partitions: readonly number[], committed: ReadonlyMap<number, Committed>): void {
    for (const partition of this.progress.keys()) if (!partitions.includes(partition)) this.progress.delete(partition);
    for (const partition of partitions) {
      const { offset = -1, mark = this.#mark } = committed.get(partition) ?? {};
      const earlier = mark === this.#mark ? this.#earlier.get(partition) : undefined;
      const position = earlier ?? offset;
      if (position < 0 || this.progress.get(partition)?.committed === offset) continue;
      this.progress.set(partition, { position, committed: offset, endOffset: position });
    }
    this.#earlier.clear();
    this.#isPlaced = true;
    this.#listener.assigned(partitions);
  }

  /** Reads until the partitions must be shared out again, or it is ended. */
  async #read(cluster: Cluster, partitions: readonly number[]): Promise<void> {
    const membership = this.#membership;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#end.signal]);
    const isLate = (partition: number): boolean =>
      this.#consumption.from === "earliest" || partition >= (this.#firstPartitions ?? 0);
    const startOf = (partition: number): bigint => (isLate(partition) ? EARLIEST : LATEST);
    const isOutgrown = (): boolean =>
      membership === undefined
        ? this.#consumption.partitions === "all" && cluster.partitionCount > partitions.length
        : membership.hasMore(cluster.partitionCount);
    const listener = { failed: () => void this.failures++, changed: () => this.#reportState(reading) };
    const assignment = { partitions, progress: this.progress, startOf };
    const reading = new Reading(cluster, assignment, this.#sink, listener, signal);
    this.#reading = reading;
    const tasks = [reading.run(isOutgrown)];
    if (membership !== undefined) tasks.push(this.#keepPlace(cluster, membership, reading, signal));
    try {
      await Promise.race(tasks);
    } finally {
      stop.abort();
      await Promise.allSettled(tasks);
      this.#reading = undefined;
    }
  }

  /**
   * Commits what has been counted and tells the group that we are alive, until it wants to share its partitions out.
   * While its coordinator can't be reached reading goes on: for as long as the group gives our partitions to nobody else.
   */
  async #keepPlace(cluster: Cluster, membership: Membership, reading: Reading, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff();
    reading.counting.goodUntil = performance.now() + SESSION_TIMEOUT_MS;
    for (;;) {
      await delay(COMMIT_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        const asked = performance.now();
        if (!membership.isAttached) membership.attach(await cluster.coordinator(membership.group));
        if (!(await this.#commitBefore(reading.counting)) || !(await membership.isStable())) return;
        reading.counting.goodUntil = asked + SESSION_TIMEOUT_MS;
        this.#coordinatorError = undefined;
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof KafkaError)) throw error;
        membership.detach();
        this.failures++;
        this.#coordinatorError = `no coordinator of the group ${membership.group}: ${error.message}`;
        await backoff.pause(signal);
      }
      this.#reportState(reading);
    }
  }

  /** Commits; meanwhile nothing is counted, as long as a commit takes no longer than what lies between two. */
  async #commitBefore(counting: Counting): Promise<boolean> {
    const commit = this.#commit();
    const patience = delay(COMMIT_MS, undefined, { ref: false });
    counting.hold = Promise.race([commit.catch(() => {}), patience]);
    const isOurs = await commit;
    counting.hold = undefined;
    return isOurs;
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

/** Waits for work, but no longer than until the signal aborts; what it comes to then is of no interest. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = (): void => resolve(undefined);
  signal.addEventListener("abort", stop);
  try {
    return signal.aborted ? undefined : await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    work.catch(() => {});
  }
}

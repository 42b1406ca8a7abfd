import { messageOf } from "../errors.ts";
import { Backoff } from "./backoff.ts";
import { Cluster, type Topic } from "./cluster.ts";
import type { Connection } from "./connection.ts";
import { errorNames, KafkaError } from "./kafka-error.ts";
import { Lane } from "./lane.ts";

// A part of the binary has the client of Kafka for itself: what a check needs is in the same.
export { checkTopic } from "./topic-check.ts";

/** For so long a broker that may have a batch is waited for, before the next goes elsewhere. */
const PATIENCE_MS = 5000;
/** Most batches that brokers may have and have not acknowledged. */
const MAX_KEPT = 16;
/** Partitions take turns, from anywhere below: a fleet starts at once. */
const TURNS = 2 ** 31;

/** Answers after which a batch may be in the log all the same. */
const DOUBTFUL = ["NOT_ENOUGH_REPLICAS_AFTER_APPEND", "REQUEST_TIMED_OUT"];

/** What goes into a partition in one piece. */
interface Piece {
  readonly values: readonly Buffer[];
  /** Set if a broker may have it: then it goes to no other partition any more. */
  partition: number | undefined;
  /** Is told that it is sent. */
  readonly onSent: () => void;
}

/**
 * Appends records to a topic, a batch at a time. Whatever fails is tried again, for ever; meanwhile others go to the
 * partitions of those brokers that can be reached.
 */
export class Producer implements AsyncDisposable {
  /** Times that brokers could not be reached, or refused a batch. */
  failures = 0;
  readonly #target: Topic;
  readonly #onChange: (error: string | undefined) => void;
  readonly #lanes = new Map<number, Lane>();
  readonly #inFlight = new Set<Promise<void>>();
  /** Broker → why its partitions are left out. */
  readonly #leftOut = new Map<number, string>();
  /** What is going to be tried again → why it failed. */
  readonly #failed = new Map<object, string>();
  #cluster: Promise<Cluster> | undefined;
  #wasReached = false;
  #turn = Math.floor(Math.random() * TURNS);
  #error: string | undefined;

  /** `onChange` is told why brokers can't be reached or refuse, and undefined when all of them take records. */
  constructor(target: Topic, onChange: (error: string | undefined) => void) {
    this.#target = target;
    this.#onChange = onChange;
  }

  /** Whether brokers took what they were last sent. */
  get isUp(): boolean {
    return this.#wasReached && this.#failed.size === 0;
  }

  /** Connects; resolves when brokers are ready to take records. Throws only when the signal aborts. */
  async reach(signal: AbortSignal): Promise<void> {
    await this.#insist(async () => (await this.#connect(signal)).refresh(), signal);
  }

  /**
   * Appends records; `done` is told when all of them are acknowledged. Resolves then, or when the broker that may have
   * them has said nothing for a while: they are kept, and sent again beside what comes next. Throws only when the signal
   * aborts.
   */
  async send(values: readonly Buffer[], signal: AbortSignal, done: () => void = () => {}): Promise<void> {
    const overdue = Promise.withResolvers<void>();
    let patience: NodeJS.Timeout | undefined;
    const onSent = (): void => void (patience ??= setTimeout(overdue.resolve, PATIENCE_MS));
    const deliver = async (): Promise<void> => {
      await this.#deliver({ values, partition: undefined, onSent }, signal);
      done();
    };
    const delivery = deliver();
    this.#inFlight.add(delivery);
    const forget = (): void => {
      clearTimeout(patience);
      this.#inFlight.delete(delivery);
    };
    delivery.then(forget, forget);
    await Promise.race([delivery, overdue.promise]);
    while (this.#inFlight.size >= MAX_KEPT) await Promise.race(this.#inFlight);
  }

  /** Resolves when all that is kept is acknowledged. Throws only when the signal that it was sent with aborts. */
  async settle(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
  }

  /** Does it again and again, with pauses, until it does not throw. */
  async #insist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const backoff = new Backoff();
    for (;;) {
      try {
        const result = await unlessAborted(work(), signal);
        this.#wasReached = true;
        this.#failed.delete(work);
        this.#report();
        return result;
      } catch (error) {
        signal.throwIfAborted();
        this.failures++;
        this.#failed.set(work, messageOf(error));
        this.#report();
      }
      await backoff.pause(signal);
      await unlessAborted(this.#renew(), signal);
    }
  }

  #report(): void {
    const reasons = new Set([...this.#failed.values(), ...this.#leftOut.values()]);
    const error = reasons.size === 0 ? undefined : [...reasons].join("; ");
    if (error !== this.#error) this.#onChange(error);
    this.#error = error;
  }

  #connect(signal: AbortSignal): Promise<Cluster> {
    this.#cluster ??= Cluster.connect(this.#target, signal).catch((error: unknown) => {
      this.#cluster = undefined;
      throw error;
    });
    return this.#cluster;
  }

  /** Learns again which broker leads what; if none can be asked, all begins again with the next attempt. */
  async #renew(): Promise<void> {
    try {
      await (await this.#cluster)?.refresh();
    } catch {
      await this.#disconnect();
    }
  }

  async #disconnect(): Promise<void> {
    const cluster = this.#cluster?.catch(() => undefined);
    this.#cluster = undefined;
    await (await cluster)?.[Symbol.asyncDispose]();
  }

  async #deliver(piece: Piece, signal: AbortSignal): Promise<void> {
    const { values, onSent } = piece;
    const isTaken = await this.#insist(() => this.#append(piece, signal), signal);
    if (isTaken) return;
    const half = Math.ceil(values.length / 2);
    await this.#deliver({ values: values.slice(0, half), partition: undefined, onSent }, signal);
    await this.#deliver({ values: values.slice(half), partition: undefined, onSent }, signal);
  }

  /** False if the piece is too large for the brokers, and can be parted. */
  async #append(piece: Piece, signal: AbortSignal): Promise<boolean> {
    const cluster = await this.#connect(signal);
    const partition = this.#partitionFor(piece, cluster);
    const lane = this.#laneOf(partition);
    const wasInDoubt = piece.partition !== undefined;
    lane.isBusy = true;
    try {
      const connection = await this.#leaderOf(partition, cluster, signal);
      await lane.introduce(connection);
      piece.partition = partition;
      piece.onSent();
      const isTaken = await lane.append(connection, piece.values);
      piece.partition = undefined;
      return isTaken;
    } catch (error) {
      const isRefusal = errorNames(error).some((name) => !DOUBTFUL.includes(name));
      if (isRefusal) lane.rest();
      if (isRefusal && !wasInDoubt) piece.partition = undefined;
      throw error;
    } finally {
      lane.isBusy = piece.partition !== undefined;
    }
  }

  #partitionFor({ partition }: Piece, cluster: Cluster): number {
    if (partition !== undefined && partition < cluster.partitionCount) return partition;
    const all = Array.from({ length: cluster.partitionCount }, (_, each) => each);
    const led = all.filter((each) => cluster.leaderOf(each) !== undefined);
    if (led.length === 0) throw new KafkaError(`no partition of ${cluster.topic} has a leader`);
    const free = led.filter((each) => !this.#leftOut.has(cluster.leaderOf(each)!) && !this.#laneOf(each).isBusy);
    if (free.length === 0) {
      throw new KafkaError([...this.#leftOut.values()].join("; ") || "all partitions are waited for");
    }
    const rested = free.filter((each) => !this.#laneOf(each).isResting);
    const open = rested.length === 0 ? free : rested;
    return open[this.#turn++ % open.length]!;
  }

  #laneOf(partition: number): Lane {
    const lane = this.#lanes.get(partition) ?? new Lane(this.#target.topic, partition);
    this.#lanes.set(partition, lane);
    return lane;
  }

  async #leaderOf(partition: number, cluster: Cluster, signal: AbortSignal): Promise<Connection> {
    const leader = cluster.leaderOf(partition);
    if (leader === undefined) throw new KafkaError(`partition ${partition} of ${cluster.topic} has no leader`);
    const reason = this.#leftOut.get(leader);
    if (reason !== undefined) throw new KafkaError(reason);
    try {
      return await cluster.connection(leader);
    } catch (error) {
      void this.#leaveOut(leader, messageOf(error), signal);
      throw error;
    }
  }

  /** Leaves a broker out until it can be reached, or leads nothing any more. */
  async #leaveOut(broker: number, reason: string, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff();
    const isBack = async (): Promise<boolean> => {
      try {
        const cluster = await this.#connect(signal);
        return !cluster.leaders.has(broker) || (await cluster.connection(broker)).isUsable;
      } catch {
        return false;
      }
    };
    if (this.#leftOut.has(broker)) return;
    this.#leftOut.set(broker, reason);
    do await backoff.pause(signal);
    while (!signal.aborted && !(await isBack()));
    this.#leftOut.delete(broker);
    this.#report();
  }
}

/** Waits for work, but throws as soon as the signal aborts; what the work comes to then is of no interest. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abandon = (): void => reject(signal.reason);
  work.catch(() => {});
  if (signal.aborted) abandon();
  signal.addEventListener("abort", abandon);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}

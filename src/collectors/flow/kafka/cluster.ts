import { setTimeout as delay } from "node:timers/promises";
import {
  type Connection,
  type ConnectionOptions,
  findCoordinatorV2,
  listOffsetsV5,
  metadataV8,
} from "@platformatic/kafka";
import { type Address, type Brokers, call, KafkaError, loadSecurity, openConnection } from "./connection.ts";

/*
 * Versions of requests: those of Kafka 2.3 (2019), which 4.x still takes; from 2.4 on requests have tagged fields, and
 * nothing in them is needed here.
 */

type MetadataResponse = ReturnType<typeof metadataV8.parseResponse>;

/** Consumers, as opposed to transactions. */
const GROUP_KEY = 0;
/** This is what a consumer says for the number of a replica. */
const NO_REPLICA = -1;
const UNCOMMITTED = 0;
const UNKNOWN_EPOCH = -1;
/** For what a broker can answer at once. */
const ANSWER_TIMEOUT_MS = 5000;
const COORDINATOR_ATTEMPTS = 20;
const COORDINATOR_PAUSE_MS = 250;

/** Stand for offsets in ListOffsets, where a timestamp could stand. */
export const LATEST = -1n;
export const EARLIEST = -2n;

/** A topic, and where it is. */
export interface Source {
  readonly brokers: Brokers;
  readonly topic: string;
  /** Make the topic where there is none, as far as the brokers do that (auto.create.topics.enable). */
  readonly createsTopic?: boolean;
}

/**
 * The brokers that hold a topic, and who leads which partition. Connections for requests that are answered at once are
 * kept, one a broker. Disposing closes all.
 */
export class Cluster implements AsyncDisposable {
  readonly topic: string;
  readonly #options: ConnectionOptions;
  readonly #bootstrap: readonly Address[];
  readonly #createsTopic: boolean;
  readonly #signal: AbortSignal;
  readonly #connections = new Map<number, Promise<Connection>>();
  #main: Connection;
  #brokers = new Map<number, Address>();
  /** Partition → broker; none where no broker leads it now. */
  #leaders = new Map<number, number>();
  #partitionCount = 0;
  readonly #stopLooking = (): void => this.#main.close(() => {});

  private constructor(source: Source, options: ConnectionOptions, main: Connection, signal: AbortSignal) {
    this.topic = source.topic;
    this.#bootstrap = source.brokers.bootstrap;
    this.#createsTopic = source.createsTopic ?? false;
    this.#options = options;
    this.#main = main;
    this.#signal = signal;
    signal.addEventListener("abort", this.#stopLooking);
  }

  /**
   * Connects to the first broker that answers what it is asked, and learns who leads what. Once the signal aborts, no connection is
   * opened any more, and what is asked here gets no answer. Throws KafkaError.
   */
  static async connect(source: Source, signal: AbortSignal): Promise<Cluster> {
    const options = await loadSecurity(source.brokers);
    const reasons = new Set<string>();
    let left = source.brokers.bootstrap;
    while (left.length > 0) {
      const { main, at } = await connectToAny(left, options, signal, reasons);
      const cluster = new Cluster(source, options, main, signal);
      try {
        await cluster.refresh();
        return cluster;
      } catch (error) {
        await cluster[Symbol.asyncDispose]();
        // What one broker says of the topic, the others would say, too. One that says nothing is none to ask.
        if (!(error instanceof KafkaError) || error.names.length > 0) throw error;
        reasons.add(`${left[at]!.host}:${left[at]!.port}: ${error.message}`);
        left = left.slice(at + 1);
      }
    }
    throw unreachable(reasons);
  }

  get partitionCount(): number {
    return this.#partitionCount;
  }

  leaderOf(partition: number): number | undefined {
    return this.#leaders.get(partition);
  }

  /** Takes note that a broker does not lead a partition any more, until `refresh` tells who does. */
  forgetLeader(partition: number): void {
    this.#leaders.delete(partition);
  }

  /** Learns anew who leads what. */
  async refresh(): Promise<void> {
    if (!this.#main.isConnected()) {
      const known = [...this.#brokers.values(), ...this.#bootstrap];
      this.#main = (await connectToAny(known, this.#options, this.#signal)).main;
    }
    const { brokers, topics } = await this.#metadata();
    const found = topics.find(({ name }) => name === this.topic);
    if (found === undefined) throw new KafkaError(`the brokers say nothing of the topic ${this.topic}`);
    this.#brokers = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.#partitionCount = found.partitions.length;
    this.#leaders = new Map(
      found.partitions.filter(({ leaderId }) => leaderId >= 0).map((each) => [each.partitionIndex, each.leaderId]),
    );
  }

  /** A connection of its own, where an answer may be waited for; whoever asks for it closes it. */
  async open(broker: number, options: ConnectionOptions = {}, signal = this.#signal): Promise<Connection> {
    const address = this.#brokers.get(broker);
    if (address === undefined) throw new KafkaError(`broker ${broker} is not in the cluster`);
    return openConnection(address, { ...this.#options, ...options }, signal);
  }

  /** The connection to a broker for what is answered at once. */
  async connection(broker: number): Promise<Connection> {
    const kept = this.#connections.get(broker);
    const connection = await kept?.catch(() => undefined);
    if (connection?.isConnected() === true) return connection;
    // Whoever waited beside us may have opened another meanwhile.
    if (this.#connections.get(broker) === kept) this.#connections.set(broker, this.open(broker));
    return this.#connections.get(broker)!;
  }

  /** The broker that looks after a group. It may take a cluster a while to name the first. */
  async coordinator(group: string): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { coordinators } = await call(findCoordinatorV2.api, this.#main, GROUP_KEY, [group]);
        const { nodeId, host, port } = coordinators[0]!;
        this.#brokers.set(nodeId, { host, port });
        return nodeId;
      } catch (error) {
        const isEarly = error instanceof KafkaError && error.names.includes("COORDINATOR_NOT_AVAILABLE");
        if (!isEarly || attempt === COORDINATOR_ATTEMPTS) throw error;
        await delay(COORDINATOR_PAUSE_MS, undefined, { signal: this.#signal });
      }
    }
  }

  /** Asks the leaders of partitions for their first or next offset. */
  async offsets(partitions: readonly number[], which: bigint): Promise<Map<number, number>> {
    const byLeader = Map.groupBy(partitions, (partition) => {
      const leader = this.#leaders.get(partition);
      if (leader === undefined) throw new KafkaError(`partition ${partition} of ${this.topic} has no leader`);
      return leader;
    });
    const offsets = new Map<number, number>();
    for (const [leader, led] of byLeader) {
      const asked = led.map((partitionIndex) => ({
        partitionIndex,
        currentLeaderEpoch: UNKNOWN_EPOCH,
        timestamp: which,
      }));
      const connection = await this.connection(leader);
      const topic = { name: this.topic, partitions: asked };
      const { topics } = await call(listOffsetsV5.api, connection, NO_REPLICA, UNCOMMITTED, [topic]);
      for (const { partitionIndex, offset } of topics.flatMap((each) => each.partitions)) {
        offsets.set(partitionIndex, Number(offset));
      }
    }
    return offsets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const close = async (connection: Connection | Promise<Connection>): Promise<void> => (await connection).close();
    this.#signal.removeEventListener("abort", this.#stopLooking);
    const all = [this.#main, ...this.#connections.values()];
    this.#connections.clear();
    await Promise.allSettled(all.map(close));
  }

  async #metadata(): Promise<MetadataResponse> {
    try {
      return await call(metadataV8.api, this.#main, [this.topic], this.#createsTopic);
    } catch (error) {
      // A partition without a leader is an error to the client; what the answer says of the others is worth having.
      const response = answerOf(error);
      const topic = response?.topics.find(({ name }) => name === this.topic);
      if (response !== undefined && topic?.errorCode === 0) return response;
      if (error instanceof KafkaError && error.names.includes("UNKNOWN_TOPIC_OR_PARTITION")) {
        throw new KafkaError(`there is no topic ${this.topic}`, error.cause);
      }
      throw error;
    }
  }
}

function answerOf(error: unknown): MetadataResponse | undefined {
  const cause = error instanceof KafkaError ? error.cause : undefined;
  return cause instanceof Error && "response" in cause ? (cause.response as MetadataResponse) : undefined;
}

/** Connects to one of these brokers, for what any of them can answer; also tells which. `reasons`: why not to others. */
async function connectToAny(
  addresses: readonly Address[],
  options: ConnectionOptions,
  signal: AbortSignal,
  reasons = new Set<string>(),
): Promise<{ main: Connection; at: number }> {
  for (const [at, address] of addresses.entries()) {
    try {
      return { main: await openConnection(address, { ...options, requestTimeout: ANSWER_TIMEOUT_MS }, signal), at };
    } catch (error) {
      reasons.add(error instanceof Error ? error.message : String(error));
    }
  }
  throw unreachable(reasons);
}

function unreachable(reasons: ReadonlySet<string>): KafkaError {
  return new KafkaError(`couldn't connect to any broker (${[...reasons].join("; ")})`);
}

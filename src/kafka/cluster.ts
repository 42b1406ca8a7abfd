import { setTimeout as delay } from "node:timers/promises";
import { findCoordinatorV2, metadataV8 } from "@platformatic/kafka";
import { messageOf } from "../errors.ts";
import { Connection } from "./connection.ts";
import { firstAnswer, type Question } from "./first-answer.ts";
import { errorNames, KafkaError } from "./kafka-error.ts";
import { type Address, type Brokers, loadSecurity, type Security } from "./security.ts";

type Metadata = ReturnType<typeof metadataV8.parseResponse>;

/** Consumers, as opposed to transactions. */
const GROUP_KEY = 0;
const COORDINATOR_ATTEMPTS = 20;
const COORDINATOR_PAUSE_MS = 250;

/** A topic, and where it is. */
export interface Topic {
  readonly brokers: Brokers;
  readonly topic: string;
  /** Make the topic if there is none, as far as the brokers do that (auto.create.topics.enable). */
  readonly createsTopic?: boolean;
}

/**
 * The brokers that hold a topic, and which of them leads which partition. What any broker can answer is asked of
 * whichever does; connections to certain ones are kept, one a broker. Disposing closes all.
 */
export class Cluster implements AsyncDisposable {
  readonly topic: string;
  readonly #place: Topic;
  readonly #security: Security;
  readonly #signal: AbortSignal;
  /** Broker → the connection to it that is kept. */
  readonly #connections = new Map<number, Promise<Connection>>();
  /** To the broker that answered last. */
  #main: Connection | undefined;
  #brokers = new Map<number, Address>();
  /** Partition → broker; none if no broker leads it now. */
  #leaders = new Map<number, number>();
  #partitionCount = 0;
  readonly #stopAsking = (): void => this.#main?.close();

  private constructor(place: Topic, security: Security, signal: AbortSignal) {
    this.topic = place.topic;
    this.#place = place;
    this.#security = security;
    this.#signal = signal;
    signal.addEventListener("abort", this.#stopAsking);
  }

  /**
   * Learns which broker leads what from the first one that answers. Once the signal aborts, no connection is opened any
   * more, and what is asked here gets no answer. Throws KafkaError.
   */
  static async connect(place: Topic, signal: AbortSignal): Promise<Cluster> {
    const cluster = new Cluster(place, await loadSecurity(place.brokers), signal);
    try {
      await cluster.refresh();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get partitionCount(): number {
    return this.#partitionCount;
  }

  leaderOf(partition: number): number | undefined {
    return this.#leaders.get(partition);
  }

  /** All that lead a partition. */
  get leaders(): Set<number> {
    return new Set(this.#leaders.values());
  }

  /** Notes that a broker no longer leads a partition, until `refresh` tells which one does. */
  forgetLeader(partition: number): void {
    this.#leaders.delete(partition);
  }

  /** Learns again which broker leads what. */
  async refresh(): Promise<void> {
    const { brokers, topics } = await this.#ask((connection) => this.#metadata(connection));
    const found = topics.find(({ name }) => name === this.topic);
    if (found === undefined) throw new KafkaError(`the brokers say nothing of the topic ${this.topic}`);
    this.#brokers = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.#partitionCount = found.partitions.length;
    this.#leaders = new Map(
      found.partitions.filter(({ leaderId }) => leaderId >= 0).map((each) => [each.partitionIndex, each.leaderId]),
    );
  }

  /** A connection of its own, where an answer may be waited for; the caller closes it. */
  async open(broker: number, signal = this.#signal): Promise<Connection> {
    const address = this.#brokers.get(broker);
    if (address === undefined) throw new KafkaError(`broker ${broker} is not in the cluster`);
    return Connection.open(`broker ${broker} at ${address.host}:${address.port}`, address, this.#security, signal);
  }

  /** The connection to a broker that is kept. */
  async connection(broker: number): Promise<Connection> {
    const kept = this.#connections.get(broker);
    const connection = await kept?.catch(() => undefined);
    if (connection?.isUsable === true) return connection;
    // What waited beside us may have opened another meanwhile.
    if (this.#connections.get(broker) === kept) {
      connection?.close();
      this.#connections.set(broker, this.open(broker));
    }
    return this.#connections.get(broker)!;
  }

  /** The connection to the broker that looks after a group. It may take a cluster a while to name the first. */
  async coordinator(group: string): Promise<Connection> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { coordinators } = await this.#ask((main) => main.call(findCoordinatorV2.api, GROUP_KEY, [group]));
        const [found] = coordinators;
        if (found === undefined) throw new KafkaError(`the brokers say nothing of the group ${group}`);
        this.#brokers.set(found.nodeId, { host: found.host, port: found.port });
        return await this.connection(found.nodeId);
      } catch (error) {
        const isEarly = errorNames(error).includes("COORDINATOR_NOT_AVAILABLE");
        if (!isEarly || attempt === COORDINATOR_ATTEMPTS) throw error;
        await delay(COORDINATOR_PAUSE_MS, undefined, { signal: this.#signal });
      }
    }
  }

  /** Tries to reach all brokers that lead a partition; returns why it couldn't reach the others. */
  async unreachable(): Promise<string[]> {
    const attempts = await Promise.allSettled([...this.leaders].map((broker) => this.connection(broker)));
    return attempts.flatMap((attempt) => (attempt.status === "rejected" ? [messageOf(attempt.reason)] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener("abort", this.#stopAsking);
    this.#main?.close();
    const kept = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.allSettled(kept.map(async (connection) => (await connection).close()));
  }

  /** Asks the broker that answered last, or else the first of all that does. */
  async #ask<T>(question: Question<T>): Promise<T> {
    if (this.#main?.isUsable === true) {
      try {
        return await question(this.#main);
      } catch (error) {
        if (errorNames(error).length > 0) throw error;
      }
    }
    this.#main?.close();
    const all = [...this.#brokers.values(), ...this.#place.brokers.bootstrap];
    const addresses = new Map(all.map((address) => [`${address.host}:${address.port}`, address]));
    const { connection, answer } = await firstAnswer([...addresses.values()], this.#security, this.#signal, question);
    this.#main = connection;
    return answer;
  }

  async #metadata(connection: Connection): Promise<Metadata> {
    try {
      return await connection.call(metadataV8.api, [this.topic], this.#place.createsTopic ?? false);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      // A partition without a leader is an error to the client; what the answer says of the others is worth having.
      const metadata = error.response as Metadata | undefined;
      if (metadata?.topics.find(({ name }) => name === this.topic)?.errorCode === 0) return metadata;
      if (!error.names.includes("UNKNOWN_TOPIC_OR_PARTITION")) throw error;
      throw new KafkaError(`there is no topic ${this.topic}`, error.cause);
    }
  }
}

import { FindCoordinatorKeyTypes } from "@platformatic/kafka";
import { Gate } from "./gate.ts";
import { Kafka } from "./kafka.ts";

/** Brokers of a cluster, numbered from 1; the first also controls it, and is what the others can't do without. */
const BROKERS = [1, 2, 3] as const;
export type BrokerId = (typeof BROKERS)[number];

/** The other listeners are not for use here. */
const NOWHERE = ["SSL", "SASL_PLAINTEXT", "SASL_SSL"].map((name) => `${name}://127.0.0.1:1`);

/** Three brokers on 127.0.0.1, each behind a gate of its own: that is where they say that they are. */
export class KafkaCluster implements AsyncDisposable {
  readonly #brokers = new Map<BrokerId, Kafka>();
  readonly #gates = new Map<BrokerId, Gate>();

  /** Starts one and resolves when all of its brokers serve; about 15 s. */
  static async start(): Promise<KafkaCluster> {
    const cluster = new KafkaCluster();
    try {
      for (const id of BROKERS) cluster.#gates.set(id, await Gate.start());
      const first = await Kafka.start(undefined, cluster.#settings(1));
      cluster.#adopt(1, first);
      const join = async (id: BrokerId) => cluster.#adopt(id, await first.join(id, cluster.#settings(id)));
      await Promise.all([join(2), join(3)]);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  broker(id: BrokerId): Kafka {
    return this.#brokers.get(id)!;
  }

  gate(id: BrokerId): Gate {
    return this.#gates.get(id)!;
  }

  /** The gates of all brokers, as a list of addresses. */
  get addresses(): string {
    return [...this.#gates.values()].map(({ address }) => address).join(",");
  }

  /** Makes a topic: its partitions, from 0 on, have their replicas on these brokers, the first of which leads. */
  async createTopic(topic: string, replicas: readonly (readonly BrokerId[])[]): Promise<void> {
    const assignments = replicas.map((brokers, partition) => ({ partition, brokers: [...brokers] }));
    await this.broker(1).administer((admin) => admin.createTopics({ topics: [topic], assignments }));
  }

  /** The broker that looks after a group. */
  async coordinator(group: string): Promise<BrokerId> {
    const asked = { keyType: FindCoordinatorKeyTypes.GROUP, keys: [group] };
    const [found] = await this.broker(1).administer((admin) => admin.findCoordinator(asked));
    return found!.nodeId as BrokerId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#brokers.values()].map((broker) => broker[Symbol.asyncDispose]()));
    await Promise.all([...this.#gates.values()].map((gate) => gate[Symbol.asyncDispose]()));
  }

  #adopt(id: BrokerId, broker: Kafka): void {
    this.#brokers.set(id, broker);
    this.gate(id).target = Number(broker.address().split(":")[1]);
  }

  #settings(id: BrokerId): Record<string, string> {
    return {
      "advertised.listeners": [`PLAINTEXT://${this.gate(id).address}`, ...NOWHERE].join(","),
      "offsets.topic.replication.factor": "3",
      "offsets.topic.num.partitions": "6",
    };
  }
}

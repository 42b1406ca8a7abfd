import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Admin } from "@platformatic/kafka";
import { kafkaJars } from "../../scripts/kafka.ts";
import { Certificates } from "./certificates.ts";
import type { Namespace } from "./namespace.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { until } from "./waiting.ts";

const LISTENERS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] as const;
export type KafkaListener = (typeof LISTENERS)[number];

/** Who may log in, by PLAIN and by SCRAM. */
export const KAFKA_USER = { name: "alice", password: "correct horse" } as const;

/** A small heap in MiB, and what makes a virtual machine start fast. */
const HEAP_MIB = 256;
const JAVA = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", kafkaJars.join(":")];
/** Ends the program when the test that started it ends, however that comes. */
const UNORPHANED = ["setpriv", "--pdeathsig", "KILL"];
const CLUSTER = "promtapAAAAAAAAAAAAAAA";
const STARTED = "Kafka Server started";
const START_MS = 60_000;
/** Of the broker's log, so much is kept for the message of a failure. */
const KEPT_LOG = 20_000;

/**
 * A Kafka of one node on 127.0.0.1, with its data in a temporary folder: plain text, TLS that asks clients for a
 * certificate (SSL), and SASL with and without TLS. In a namespace it can be reached from there alone.
 */
export class Kafka implements AsyncDisposable {
  readonly certificates: Certificates;
  readonly #folder = new TemporaryFolder();
  readonly #namespace: Namespace | undefined;
  readonly #ports: ReadonlyMap<string, number>;
  /** The first of the brokers that make a cluster, which is also what controls it. */
  readonly #first: Kafka;
  readonly #id: number;
  #heapMib = HEAP_MIB;
  #process: ChildProcess | undefined;
  #log = "";

  private constructor(namespace: Namespace | undefined, ports: ReadonlyMap<string, number>, first?: Kafka, id = 1) {
    this.#namespace = namespace;
    this.#ports = ports;
    this.#first = first ?? this;
    this.#id = id;
    this.certificates = new Certificates(this.#folder.path);
  }

  /** Starts one and resolves when it serves; about 3 s. `settings`: besides its own, by their names in Kafka. */
  static async start(
    namespace?: Namespace,
    settings: Readonly<Record<string, string>> = {},
    heapMib = HEAP_MIB,
  ): Promise<Kafka> {
    const kafka = new Kafka(namespace, await freePorts([...LISTENERS, "CONTROLLER"]));
    kafka.#heapMib = heapMib;
    return Kafka.#start(kafka, settings);
  }

  /** Starts another broker of the same cluster. */
  async join(id: number, settings: Readonly<Record<string, string>> = {}): Promise<Kafka> {
    return Kafka.#start(new Kafka(this.#namespace, await freePorts(LISTENERS), this, id), settings);
  }

  static async #start(kafka: Kafka, settings: Readonly<Record<string, string>>): Promise<Kafka> {
    try {
      const lines = Object.entries({ ...kafka.#settings(), ...settings }).map(([name, value]) => `${name}=${value}\n`);
      writeFileSync(kafka.#properties, lines.join(""));
      const scram = [256, 512].flatMap((bits) => [
        "--add-scram",
        `SCRAM-SHA-${bits}=[name=${KAFKA_USER.name},password=${KAFKA_USER.password}]`,
      ]);
      const accounts = kafka.#first === kafka ? scram : [];
      await kafka.runTool("kafka.tools.StorageTool", ["format", "-t", CLUSTER, "-c", kafka.#properties, ...accounts]);
      await kafka.restart();
      return kafka;
    } catch (error) {
      await kafka[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Of the broker; the tools are processes of their own. */
  get pid(): number {
    return this.#process!.pid!;
  }

  /** Where a listener is found, as HOST:PORT. */
  address(listener: KafkaListener = "PLAINTEXT"): string {
    return `127.0.0.1:${this.#ports.get(listener)}`;
  }

  /** Starts it on its old ports and data, after `stop` or `kill`. */
  async restart(): Promise<void> {
    this.#log = "";
    const child = this.#spawn(["-Dlog4j2.level=INFO", "kafka.Kafka", this.#properties]);
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.#log = (this.#log + chunk.toString()).slice(-KEPT_LOG)));
    }
    await until("Kafka serves", () => this.#log.includes(STARTED) || hasEnded(child), START_MS);
    if (hasEnded(child)) throw new Error(`Kafka ended at once: ${this.#log}`);
  }

  /** Ends it in order, as an operator would. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Ends it as a power failure would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async createTopic(topic: string, partitions = 1): Promise<void> {
    if (this.#namespace !== undefined) {
      const numbers = ["--partitions", `${partitions}`, "--replication-factor", "1"];
      const where = ["--bootstrap-server", this.address()];
      await this.runTool("org.apache.kafka.tools.TopicCommand", [...where, "--create", "--topic", topic, ...numbers]);
      return;
    }
    await this.administer((admin) => admin.createTopics({ topics: [topic], partitions, replicas: 1 }));
  }

  /** Runs something as an administrator; not for a broker in a namespace. */
  async administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = new Admin({ clientId: "promtap-test", bootstrapBrokers: [this.address()] });
    try {
      return await work(admin);
    } finally {
      await admin.close();
    }
  }

  /**
   * Sends lines, each a record, with Kafka's own producer: `settings` are its properties, such as compression.type.
   * What comes in time is blocks of lines. Resolves when all were acknowledged.
   */
  async produce(
    topic: string,
    lines: Iterable<string> | AsyncIterable<string>,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const properties = Object.entries({ acks: "all", ...settings }).flatMap(([name, value]) => [
      "--command-property",
      `${name}=${value}`,
    ]);
    const where = ["--bootstrap-server", this.address(), "--topic", topic];
    await this.runTool("org.apache.kafka.tools.ConsoleProducer", [...where, ...properties], lines);
  }

  /** So many records of a topic, from the first on, with Kafka's own consumer. */
  async consume(topic: string, count: number): Promise<string[]> {
    const where = ["--bootstrap-server", this.address(), "--topic", topic];
    const what = ["--from-beginning", "--max-messages", `${count}`, "--timeout-ms", "30000"];
    const output = await this.runTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [...where, ...what]);
    return output.split("\n").slice(0, count);
  }

  /** Runs one of Kafka's tools to its end with lines as its input; returns what it printed. Throws when it fails. */
  async runTool(
    main: string,
    args: readonly string[],
    lines: Iterable<string> | AsyncIterable<string> = [],
  ): Promise<string> {
    const child = this.#spawn(["-Dlog4j2.level=WARN", main, ...args]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    }
    const ended = once(child, "close");
    await pipeline(Readable.from(Symbol.asyncIterator in lines ? lines : chunksOf(lines)), child.stdin!);
    const [status] = await ended;
    if (status !== 0) throw new Error(`${main} ended with ${status}: ${output}`);
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.#folder[Symbol.dispose]();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || hasEnded(child)) return;
    const closed = once(child, "close");
    child.kill(signal);
    await closed;
  }

  #spawn(command: readonly string[]): ChildProcess {
    const [program = "", ...args] = [...UNORPHANED, "java", `-Xmx${this.#heapMib}m`, ...JAVA, ...command];
    if (this.#namespace !== undefined) return this.#namespace.spawn([program, ...args], { stdio: "pipe" });
    return spawn(program, args, { stdio: "pipe" });
  }

  get #properties(): string {
    return join(this.#folder.path, "server.properties");
  }

  #settings(): Record<string, string> {
    const where = (name: string): string => `${name}://127.0.0.1:${this.#ports.get(name)}`;
    const listeners = LISTENERS.map(where).join(",");
    const isFirst = this.#first === this;
    return {
      "process.roles": isFirst ? "broker,controller" : "broker",
      "node.id": `${this.#id}`,
      "controller.quorum.voters": `1@127.0.0.1:${this.#first.#ports.get("CONTROLLER")}`,
      "controller.listener.names": "CONTROLLER",
      listeners: isFirst ? `${listeners},${where("CONTROLLER")}` : listeners,
      "advertised.listeners": listeners,
      "inter.broker.listener.name": "PLAINTEXT",
      "log.dirs": join(this.#folder.path, "data"),
      "auto.create.topics.enable": "false",
      "offsets.topic.replication.factor": "1",
      "offsets.topic.num.partitions": "1",
      "transaction.state.log.replication.factor": "1",
      "transaction.state.log.min.isr": "1",
      "transaction.state.log.num.partitions": "1",
      "group.initial.rebalance.delay.ms": "0",
      // A broker that was killed may register again only after the session of its former life.
      "broker.session.timeout.ms": "1000",
      "broker.heartbeat.interval.ms": "200",
      ...this.#security(),
    };
  }

  #security(): Record<string, string> {
    const { name, password } = KAFKA_USER;
    const module = "org.apache.kafka.common.security";
    const plain = `${module}.plain.PlainLoginModule required user_${name}="${password}";`;
    const scram = `${module}.scram.ScramLoginModule required;`;
    const logins = ["sasl_plaintext", "sasl_ssl"].flatMap((listener) => [
      [`listener.name.${listener}.plain.sasl.jaas.config`, plain],
      [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`, scram],
      [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`, scram],
    ]);
    return {
      "listener.security.protocol.map": `CONTROLLER:PLAINTEXT,${LISTENERS.map((each) => `${each}:${each}`).join(",")}`,
      "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
      ...Object.fromEntries(logins),
      "ssl.keystore.type": "PEM",
      "ssl.keystore.location": this.certificates.path("server.pem"),
      "ssl.truststore.type": "PEM",
      "ssl.truststore.location": this.certificates.path("ca.crt"),
      "listener.name.ssl.ssl.client.auth": "required",
    };
  }
}

/** Lines put together, so that a stream need not handle each of them. */
function* chunksOf(lines: Iterable<string>): Generator<string> {
  let chunk = "";
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < 65_536) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Ports that are free, one for each name; held all at once while they are chosen. */
async function freePorts(names: readonly string[]): Promise<Map<string, number>> {
  await using servers = new AsyncDisposableStack();
  const ports = new Map<string, number>();
  for (const name of names) {
    const server = servers.use(createServer());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.set(name, (server.address() as AddressInfo).port);
  }
  return ports;
}

import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { FlowRecords } from "../produce/flow-records.ts";
import { NetworkSet } from "../connections/network-set.ts";
import { AsNames } from "./as-names/as-names.ts";
import { FlowCollector, type FlowInput } from "./flow-collector.ts";
import { FlowIntake } from "./flow-intake.ts";
import { FlowList } from "./flow-list.ts";
import { FlowLedger } from "./flow-ledger.ts";
import { isAsKey } from "./key-writer.ts";
import { KafkaFamilies } from "./kafka-families.ts";
import { type FlowCounters, FLOWS_SECTION, readFlows, writeFlows } from "./kept/kept-flows.ts";
import type { KeptTopic } from "./kept/kept-kafka.ts";
import { SlotLabels } from "./slot-labels.ts";
import { FlowAccounts } from "./udp/flow-accounts.ts";
import { FlowSystems } from "./udp/flow-systems.ts";
import { openExporterNames } from "./udp/exporter-names.ts";
import type { ExportersOptions } from "./udp/exporters.ts";
import { openInterfaceNames } from "./udp/interface-names.ts";
import type { NamesFile } from "./udp/names-file.ts";
import { UDP_KEYS } from "./udp/record-writer.ts";
import { UdpFamilies } from "./udp/udp-families.ts";
import { type IntakeOptions, UdpIntake } from "./udp/udp-intake.ts";
import { UdpReceiver } from "./udp/udp-receiver.ts";
import type { FileListener } from "../../files/changing-file.ts";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import { readAsset } from "../../native/asset.ts";
import type { FeatureHost, FeatureKind, FeatureLog } from "../feature.ts";
import { type FlowConfig, flowSection } from "./section.ts";

type Kafka = NonNullable<FlowConfig["kafka"]>;
type Udp = NonNullable<FlowConfig["udp"]>;

/** Flow records, from Kafka and from exporters: counted together. */
export const flowFeature: FeatureKind<FlowConfig> = {
  section: flowSection,
  standsAlone: ["flow-topic", "flow-listen"],

  warnings({ kafka, udp, labels }) {
    if (kafka !== null || udp === null) return [];
    const untold = labels.filter((key) => !isAsKey(key) && !UDP_KEYS.includes(key));
    return untold.map((key) => `no datagram tells what --flow-labels calls ${key}: that label stays empty`);
  },

  async start(flow, { log, resume, reports, accounting, ...host }) {
    const { kafka, udp } = flow;
    if (flow.ownAs === 0) {
      log.warn("no AS is ours: give its number with --flow-asn", kafka === null ? {} : { topic: kafka.topic });
    }
    const names = await openNames(flow.asNamesPath, log);
    const exporters = udp === null ? {} : await exportersOf(udp, log);
    const accounts = reports === undefined || udp === null ? undefined : new FlowAccounts(reports.ledger);
    const systems = udp === null ? undefined : await systemsOf(udp, host);
    const make = (): FlowCounters => countersOf(flow, { ...exporters, accounts, systems }, log);
    const resumed = await resume(FLOWS_SECTION, (reader): Counted => {
      const counters = make();
      return { counters, earlier: readFlows(reader, counters) };
    });
    const counted = resumed ?? { counters: make(), earlier: undefined };
    const { counters } = counted;
    const { ledger } = counters;
    const labels = new SlotLabels(ledger.sets, flow.labels, names);
    await using held = new AsyncDisposableStack();
    const inputs: FlowInput[] = [];
    let receiver: UdpReceiver | undefined;
    if (udp !== null) {
      receiver = receive(udp, counters.udp!, { log, reports }, held);
      const input = new UdpFamilies(receiver, counters.udp!);
      inputs.push(input);
      accounting.add(held.use(new FlowRecords(ledger, flow, () => input.sync())));
    }
    let topic = (): KeptTopic | undefined => undefined;
    if (kafka !== null) {
      const consumed = await consume(kafka, counted, log, held);
      inputs.push(consumed.input);
      ({ topic } = consumed);
    }
    const parts = held.move();
    return {
      collectors: [new FlowCollector({ inputs, ledger, labels, names })],
      lists: [new FlowList(ledger, labels, inputs)],
      limits: () => [{ name: "flows", used: ledger.series, limit: ledger.quota.limit }],
      keeps: [],
      kept: new Map([[FLOWS_SECTION, (nextTurn) => writeFlows(counters, topic(), nextTurn)]]),
      async prepare(next) {
        if (next.maxSeries < ledger.quota.limit || !isDeepStrictEqual(fixedOf(next), fixedOf(flow))) return null;
        const nextNames = await openNames(next.asNamesPath, log);
        const others = next.udp === null ? {} : await exportersOf(next.udp, log);
        const listening = next.udp === null ? undefined : receiver?.prepare(next.udp.listen);
        return {
          commit() {
            ledger.quota.limit = next.maxSeries;
            names.use(nextNames);
            listening?.commit();
            if (next.udp !== null) counters.udp?.use({ ...next.udp, ...others });
          },
          undo: () => listening?.undo(),
        };
      },
      async [Symbol.asyncDispose]() {
        for (const input of inputs) input.sync();
        await parts.disposeAsync();
      },
    };
  },

  async check({ kafka, udp, asNamesPath }, { log, ...host }) {
    const names = await openNames(asNamesPath, log);
    if (udp !== null) await systemsOf(udp, host);
    return [
      ...(udp === null ? [] : await checkUdp(udp, log)),
      ...(kafka === null ? [] : [await checkKafka(kafka)]),
      `names of ASes: ${names.count}`,
    ];
  },
};

/** What can't be another without beginning to count again. */
function fixedOf({ kafka, udp, ownAs, labels }: FlowConfig) {
  return { kafka, udp: udp === null ? null : { sharers: udp.sharers, asSource: udp.asSource }, ownAs, labels };
}

/** Throws PromtapError if no database knows ASes that are to come from one. */
async function systemsOf({ asSource }: Udp, host: Pick<FeatureHost, "databases">): Promise<FlowSystems | undefined> {
  if (asSource === "record") return undefined;
  const databases = await host.databases();
  if (databases.hasSystems) return new FlowSystems(databases);
  throw new PromtapError(ErrorCode.HOST, "couldn't take ASes from a database: no file of --geoip-db has AS numbers");
}

async function exportersOf(udp: Udp, log: FeatureLog): Promise<ExportersOptions> {
  const [names, interfaces] = await openNamesFiles(udp, log);
  return { allowed: udp.exporters === null ? null : new NetworkSet(udp.exporters), names, interfaces };
}

/** What counts, and how far a run before has counted which topic. */
interface Counted {
  readonly counters: FlowCounters;
  readonly earlier: KeptTopic | undefined;
}

function countersOf(flow: FlowConfig, exporters: Omit<IntakeOptions, "sampling">, log: FeatureLog): FlowCounters {
  const { kafka, udp, labels } = flow;
  const ledger = new FlowLedger(flow);
  const counters = { ledger, labels, udp: undefined, kafka: undefined };
  return {
    ...counters,
    ...(udp === null ? {} : { udp: new UdpIntake(ledger, { ...udp, ...exporters }) }),
    ...(kafka === null ? {} : { kafka: kafkaIntakeOf(kafka, ledger, log) }),
  };
}

function kafkaIntakeOf({ topic, applySampling }: Kafka, ledger: FlowLedger, log: FeatureLog): FlowIntake {
  return new FlowIntake(ledger, applySampling, (refusal) =>
    log.warn("couldn't count a record; others are not logged for a minute", { topic, ...refusal }),
  );
}

function receive(
  { listen, sharers }: Udp,
  intake: UdpIntake,
  { log, reports }: Pick<FeatureHost, "log" | "reports">,
  held: AsyncDisposableStack,
): UdpReceiver {
  const tell = (address: string): void => log.info("receiving flows", { address });
  const receiver = held.use(new UdpReceiver(listen, intake, sharers, tell));
  if (reports !== undefined) held.use(reports.onSync(() => receiver.sync()));
  return receiver;
}

/** Of exporters, and of their interfaces, if there are such files. */
function openNamesFiles({ exporterNamesPath, interfaceNamesPath }: Udp, log: FeatureLog) {
  const open = async <Names>(
    path: string | null,
    of: string,
    openFile: (path: string, listener: FileListener) => Promise<NamesFile<Names>>,
  ): Promise<NamesFile<Names> | null> => {
    if (path === null) return null;
    return openFile(path, (error) => {
      if (error === undefined) log.info(`names of ${of} read again`, { path });
      else log.error(`names of ${of} changed, those before stay in use`, { path, error });
    });
  };
  return Promise.all([
    open(exporterNamesPath, "exporters", openExporterNames),
    open(interfaceNamesPath, "interfaces", openInterfaceNames),
  ]);
}

/** Counts a topic, from where a run before has counted it up to. */
async function consume(kafka: Kafka, { counters, earlier }: Counted, log: FeatureLog, held: AsyncDisposableStack) {
  const { topic } = kafka;
  const intake = counters.kafka!;
  const mark = earlier?.mark ?? randomUUID();
  const positions = earlier?.topic === topic ? earlier.positions : new Map<number, number>();
  // The client of Kafka is large: it is loaded only if it is used.
  const { Consumer } = await import("../../kafka/consumer/consumer.ts");
  const listener = {
    changed(error: string | undefined) {
      if (error === undefined) log.info("reading from Kafka", { topic });
      else log.error("couldn't read from Kafka", { topic, error });
    },
    assigned: (partitions: readonly number[]) =>
      log.info("got partitions", { topic, partitions: partitions.join(",") }),
  };
  const source = held.use(new Consumer(kafka, intake, listener, { mark, positions }));
  return {
    input: new KafkaFamilies(source, intake),
    topic: (): KeptTopic => ({ topic, mark, positions: source.positions }),
  };
}

async function checkUdp(udp: Udp, log: FeatureLog): Promise<string[]> {
  const [names, interfaces] = await openNamesFiles(udp, log);
  return [
    `would receive flows on ${udp.listen.map(({ name }) => name).join(", ")}`,
    ...(names === null ? [] : [`names of exporters: ${names.names.size}`]),
    ...(interfaces === null ? [] : [`exporters with names of interfaces: ${interfaces.names.size}`]),
  ];
}

async function checkKafka({ brokers, topic, group, partitions }: Kafka): Promise<string> {
  const { checkTopic } = await import("../../kafka/consumer/consumer.ts");
  try {
    const count = await checkTopic({ brokers, topic }, group);
    if (count === undefined) throw new Error(`there is no topic ${topic}`);
    const who = group === null ? "without a group" : `in the group ${group}`;
    const which = partitions === null || partitions === "all" ? "" : `: ${partitions.join(",")}`;
    return `would read flows from ${topic}, which has ${count} partitions, ${who}${which}`;
  } catch (error) {
    throw new PromtapError(ErrorCode.HOST, `couldn't read from Kafka: ${messageOf(error)}`, { cause: error });
  }
}

function openNames(path: string | null, log: FeatureLog): Promise<AsNames> {
  if (path === null) return AsNames.carried(readAsset("as-names.txt.zst"));
  return AsNames.open(path, (error) => {
    if (error === undefined) log.info("names of ASes read again", { path });
    else log.error("names of ASes changed, those before stay in use", { path, error });
  });
}

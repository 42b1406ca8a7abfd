import { isDeepStrictEqual } from "node:util";
import { NetworkSet } from "../connections/network-set.ts";
import { AsNames } from "./as-names/as-names.ts";
import { FlowCollector, type FlowInput } from "./flow-collector.ts";
import { FlowIntake } from "./flow-intake.ts";
import { FlowLedger } from "./flow-ledger.ts";
import { KafkaFamilies } from "./kafka-families.ts";
import { SlotLabels } from "./slot-labels.ts";
import { openExporterNames } from "./udp/exporter-names.ts";
import type { ExportersOptions } from "./udp/exporters.ts";
import { openInterfaceNames } from "./udp/interface-names.ts";
import type { NamesFile } from "./udp/names-file.ts";
import { UdpFamilies } from "./udp/udp-families.ts";
import { UdpIntake } from "./udp/udp-intake.ts";
import { UdpReceiver } from "./udp/udp-receiver.ts";
import type { FileListener } from "../../files/changing-file.ts";
import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import { readAsset } from "../../native/asset.ts";
import type { FeatureKind, FeatureLog } from "../feature.ts";
import { type FlowConfig, flowSection } from "./section.ts";

type Kafka = NonNullable<FlowConfig["kafka"]>;
type Udp = NonNullable<FlowConfig["udp"]>;

/** Flow records, from Kafka and from exporters: counted together. */
export const flowFeature: FeatureKind<FlowConfig> = {
  section: flowSection,
  standsAlone: ["flow-topic", "flow-listen"],

  async start(flow, { log }) {
    const { kafka, udp, maxSeries } = flow;
    if (flow.ownAs === 0) {
      log.warn("no AS is ours: give its number with --flow-asn", kafka === null ? {} : { topic: kafka.topic });
    }
    const names = await openNames(flow.asNamesPath, log);
    const ledger = new FlowLedger(flow);
    const labels = new SlotLabels(ledger.sets, flow.labels, names);
    await using held = new AsyncDisposableStack();
    const inputs: FlowInput[] = [];
    const intake = udp === null ? null : new UdpIntake(ledger, { ...udp, ...(await exportersOf(udp, log)) });
    if (udp !== null && intake !== null) inputs.push(receive(udp, intake, log, held));
    if (kafka !== null) inputs.push(await consume(kafka, ledger, log, held));
    const parts = held.move();
    return {
      collectors: [new FlowCollector({ inputs, ledger, labels, names, maxSeries })],
      keeps: [],
      async prepare(next) {
        if (next.udp === null || intake === null || !isDeepStrictEqual(fixedOf(next), fixedOf(flow))) return null;
        const { sampling } = next.udp;
        const exporters = await exportersOf(next.udp, log);
        return () => intake.use(sampling, exporters);
      },
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  },

  async check({ kafka, udp, asNamesPath }, { log }) {
    const names = await openNames(asNamesPath, log);
    return [
      ...(udp === null ? [] : await checkUdp(udp, log)),
      ...(kafka === null ? [] : [await checkKafka(kafka)]),
      `names of ASes: ${names.count}`,
    ];
  },
};

/** What can't be another without beginning to count again. */
function fixedOf({ udp, ...rest }: FlowConfig) {
  return { ...rest, listen: udp?.listen, direction: udp?.direction };
}

async function exportersOf(udp: Udp, log: FeatureLog): Promise<ExportersOptions> {
  const [names, interfaces] = await openNamesFiles(udp, log);
  return { allowed: udp.exporters === null ? null : new NetworkSet(udp.exporters), names, interfaces };
}

function receive({ listen }: Udp, intake: UdpIntake, log: FeatureLog, held: AsyncDisposableStack): UdpFamilies {
  const receiver = held.use(new UdpReceiver(listen, intake));
  for (const { name } of receiver.sockets) log.info("receiving flows", { address: name });
  return new UdpFamilies(receiver, intake);
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

async function consume(kafka: Kafka, ledger: FlowLedger, log: FeatureLog, held: AsyncDisposableStack) {
  const { topic } = kafka;
  const intake = new FlowIntake(ledger, kafka.applySampling, (refusal) =>
    log.warn("couldn't count a record; others are not logged for a minute", { topic, ...refusal }),
  );
  // The client of Kafka is large: it is loaded only if it is used.
  const { Consumer } = await import("../../kafka/consumer/consumer.ts");
  const source = new Consumer(kafka, intake, {
    changed(error) {
      if (error === undefined) log.info("reading from Kafka", { topic });
      else log.error("couldn't read from Kafka", { topic, error });
    },
    assigned: (partitions) => log.info("got partitions", { topic, partitions: partitions.join(",") }),
  });
  held.use(source);
  return new KafkaFamilies(source, intake);
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

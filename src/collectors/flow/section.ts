import {
  choice,
  type GivenFlags,
  illegal,
  list,
  nonEmpty,
  single,
  toggle,
  usageError,
  wholeNumber,
} from "../../config/flag.ts";
import { section, type ValueOf } from "../../config/section.ts";
import { MAX_PORT, UDP_FLAGS, udpOf } from "./udp/udp-flags.ts";

export const FLOW_STARTS = ["committed", "earliest", "latest"] as const;
export const SASL_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;
/** Keys of pmacct that flow-exporter makes labels of. */
export const FLOW_LABELS = ["as_src", "as_dst", "label", "iface_in", "iface_out"] as const;

const DEFAULT_PORT = 9092;
const MAX_AS = 2 ** 32 - 1;
const MAX_MAX_SERIES = 10_000_000;
/** Far above what clusters hold; a bound for what a typing error may ask for. */
const MAX_PARTITION = 1_000_000;
const MAX_LABELS = 32;
/** Topics as Kafka allows them; groups are freer, but names beyond these are asking for trouble. */
const NAME = /^[a-zA-Z0-9._-]{1,249}$/;
/** What a record's key must be to be the name of a label; those that begin with two underscores are Prometheus' own. */
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Labels that other keys make. */
const TAKEN_LABELS = ["source_as", "source_as_name", "destination_as", "destination_as_name", "hostname"];

const TITLE = "Flows";
const NEEDS_BROKERS = { needs: ["flow-brokers"] } as const;
const NEEDS_EITHER = { needs: ["flow-brokers", "flow-listen"] } as const;
const file = nonEmpty("a file");

const BROKER_FLAGS = {
  /** Where to ask for all the others. */
  bootstrap: list({
    name: "flow-brokers",
    aliases: ["brokers"],
    key: "flow.brokers",
    value: "HOST:PORT,...",
    separator: ",",
    needs: ["flow-topic", "flow-produce"],
    help: "Kafka brokers to ask for all the others.",
    parse: brokerOf,
  }),
  isTls: toggle({ name: "flow-tls", key: "flow.tls.enabled", ...NEEDS_BROKERS, help: "Speak TLS with the brokers." }),
  caPath: single({
    name: "flow-tls-ca",
    key: "flow.tls.ca_file",
    value: "FILE",
    ...NEEDS_BROKERS,
    help: "Certificates (PEM) of authorities to trust instead of the usual ones.",
    parse: file,
  }),
  certPath: single({
    name: "flow-tls-cert",
    key: "flow.tls.cert_file",
    value: "FILE",
    ...NEEDS_BROKERS,
    help: "Certificate (PEM) to show to the brokers.",
    parse: file,
  }),
  keyPath: single({
    name: "flow-tls-key",
    key: "flow.tls.key_file",
    value: "FILE",
    ...NEEDS_BROKERS,
    help: "Its key (PEM).",
    parse: file,
  }),
  mechanism: choice({
    name: "flow-sasl",
    key: "flow.sasl.mechanism",
    choices: SASL_MECHANISMS,
    default: "SCRAM-SHA-512",
    ...NEEDS_BROKERS,
    help: "How to log in, if there is a user.",
  }),
  user: single({
    name: "flow-sasl-user",
    key: "flow.sasl.user",
    value: "USER",
    ...NEEDS_BROKERS,
    help: "User to log in as.",
    parse: String,
  }),
  passwordPath: single({
    name: "flow-sasl-password-file",
    key: "flow.sasl.password_file",
    value: "FILE",
    ...NEEDS_BROKERS,
    help: "File whose first line is the password.",
    parse: String,
  }),
};

/** How to reach the brokers; null if no flag asks for them. */
const brokers = section(TITLE, BROKER_FLAGS, ({ bootstrap, isTls, caPath, certPath, keyPath, ...login }, given) => {
  if (bootstrap.length === 0) return null;
  if ((certPath === null) !== (keyPath === null)) {
    throw usageError("--flow-tls-cert and --flow-tls-key need each other");
  }
  const hasTls = isTls || caPath !== null || certPath !== null;
  return {
    bootstrap,
    /** Files in PEM; null if the brokers speak plain text. They are read at every connect, so that they may change. */
    tls: hasTls ? { caPath, certPath, keyPath } : null,
    sasl: saslOf(login, given),
  };
});
export type FlowBrokers = NonNullable<ValueOf<typeof brokers>>;

interface Login {
  mechanism: (typeof SASL_MECHANISMS)[number];
  user: string | null;
  passwordPath: string | null;
}

function saslOf({ mechanism, user, passwordPath }: Login, given: GivenFlags) {
  if (user !== null && passwordPath !== null && user !== "" && passwordPath !== "") {
    return { mechanism, user, passwordPath };
  }
  const name = ["flow-sasl", "flow-sasl-user", "flow-sasl-password-file"].find((each) => given.has(each));
  if (name !== undefined) throw usageError("SASL needs both --flow-sasl-user and --flow-sasl-password-file");
  return null;
}

/** The brokers, for all that asks for them. */
export function flowBrokersOf(given: GivenFlags): FlowBrokers | null {
  return brokers.read(given);
}

const FLAGS = {
  topic: single({
    name: "flow-topic",
    aliases: ["topic"],
    key: "flow.topic",
    value: "TOPIC",
    ...NEEDS_BROKERS,
    excludes: { once: "flows come as long as promtap runs" },
    help: "Topic with pmacct's flow records in JSON. With it, traffic is captured only if -i asks for it.",
    parse: nameOf,
  }),
  /** Number of the AS whose traffic is ours; 0 if it is not told. */
  ownAs: single({
    name: "flow-asn",
    aliases: ["asn"],
    key: "flow.asn",
    value: "NUMBER",
    default: "0",
    ...NEEDS_EITHER,
    help: "Number of the AS whose traffic is ours.",
    parse: wholeNumber(MAX_AS),
  }),
  group: single({
    name: "flow-group",
    key: "flow.group",
    value: "GROUP",
    default: "promtap",
    ...NEEDS_BROKERS,
    help: "Consumer group: its members share the partitions, and go on where it was.",
    parse: nameOf,
  }),
  partitions: single({
    name: "flow-partitions",
    aliases: ["partitions"],
    key: "flow.partitions",
    value: "all|N,...",
    ...NEEDS_BROKERS,
    excludes: { "flow-group": "a group shares the partitions out by itself" },
    help: "Read these partitions from now on, without a group.",
    parse: partitionsOf,
  }),
  start: choice({
    name: "flow-from",
    key: "flow.from",
    choices: FLOW_STARTS,
    default: "committed",
    ...NEEDS_BROKERS,
    help: "Where to begin; with a group, only if it has committed nothing yet.",
  }),
  /** Keys of the records that make labels. */
  labels: single({
    name: "flow-labels",
    key: "flow.labels",
    value: "KEY,...",
    default: FLOW_LABELS.join(","),
    ...NEEDS_EITHER,
    help: "Keys of the records that make labels, by any of pmacct's names.",
    parse: labelsOf,
  }),
  /** Most sets of labels that have series. */
  maxSeries: single({
    name: "flow-max-series",
    key: "flow.max_series",
    value: "N",
    default: "100000",
    ...NEEDS_EITHER,
    help: 'Most sets of labels that get series of their own; the rest is counted with "other" in every label.',
    parse: wholeNumber(MAX_MAX_SERIES),
  }),
  applySampling: toggle({
    name: "flow-apply-sampling",
    key: "flow.apply_sampling",
    ...NEEDS_BROKERS,
    help: "Multiply bytes and packets by the record's sampling_rate.",
  }),
  /** File with names of ASes, instead of those in the binary. */
  asNamesPath: single({
    name: "flow-as-names",
    key: "flow.as_names",
    value: "FILE",
    ...NEEDS_EITHER,
    help: "Names of ASes, instead of those in the binary: lines such as 15169 GOOGLE, or an mmdb file.",
    parse: file,
  }),
};

/** Where flows come from, and how they are counted; null if they come from nowhere. */
export const flowSection = section(TITLE, { ...BROKER_FLAGS, ...UDP_FLAGS, ...FLAGS }, (values, given) => {
  const { ownAs, labels, maxSeries, asNamesPath } = values;
  const kafka = kafkaOf(values, given);
  const udp = udpOf(values, given);
  if (kafka === null && udp === null) return null;
  return { kafka, udp, ownAs, labels, maxSeries, asNamesPath };
});
export type FlowConfig = NonNullable<ValueOf<typeof flowSection>>;

interface KafkaValues {
  topic: string | null;
  group: string;
  partitions: number[] | "all" | null;
  start: (typeof FLOW_STARTS)[number];
  applySampling: boolean;
}

/** What is consumed; null if nothing is. */
function kafkaOf({ topic, partitions, start, group, applySampling }: KafkaValues, given: GivenFlags) {
  const source = brokers.read(given);
  if (topic === null || source === null) return null;
  if (partitions !== null && given.has("flow-from") && start === "committed") {
    throw usageError("--flow-from=committed and --flow-partitions exclude each other: only a group commits offsets");
  }
  return {
    brokers: source,
    topic,
    /** Group that shares the partitions and keeps the offsets; null if partitions are fixed and no offset is kept. */
    group: partitions === null ? group : null,
    /** Fixed partitions, or "all"; null with a group. */
    partitions,
    /** Where to begin; with a group, only if it has no committed offset. */
    from: start === "earliest" ? ("earliest" as const) : ("latest" as const),
    applySampling,
  };
}

/** Number of the AS whose traffic is ours, for all that asks for it. */
export function ownAsOf(given: GivenFlags): number {
  return FLAGS.ownAs.read(given.get(FLAGS.ownAs.name));
}

function brokerOf(text: string, spelling: string): { host: string; port: number } {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-fA-F:.]+(?:%[^\s/:\]]+)?)\]|([^\s:[\]]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (host === undefined || number < 1 || number > MAX_PORT) {
    throw illegal(spelling, text, "HOST[:PORT],..., as in kafka1:9092,[2001:db8::1]:9092");
  }
  return { host, port: number };
}

/** Reads the name of a topic or a group. */
export function nameOf(name: string, spelling: string): string {
  if (NAME.test(name) && name !== "." && name !== "..") return name;
  throw illegal(spelling, name, "1 to 249 letters, digits, dots, underscores and dashes");
}

function partitionsOf(text: string, spelling: string): number[] | "all" {
  if (text === "all") return text;
  const numbers = text.split(",").map((part) => (/^[0-9]{1,7}$/.test(part) ? Number(part) : Number.NaN));
  if (numbers.every((number) => number <= MAX_PARTITION)) return [...new Set(numbers)];
  throw illegal(spelling, text, "all, or numbers such as 0,1,2");
}

function labelsOf(text: string, spelling: string): string[] {
  const labels = [...new Set(text.split(","))];
  const isLegal = (label: string): boolean => LABEL.test(label) && !TAKEN_LABELS.includes(label);
  if (labels.length <= MAX_LABELS && labels.every(isLegal)) return labels;
  throw illegal(spelling, text, `up to ${MAX_LABELS} keys of records, such as as_src,as_dst,label,ip_proto`);
}

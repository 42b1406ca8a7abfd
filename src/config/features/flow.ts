import { ErrorCode, PromtapError } from "../../errors.ts";
import { type GivenFlags, illegal, numberOf, oneOf } from "../values.ts";

export const FLOW_STARTS = ["committed", "earliest", "latest"] as const;
export const SASL_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;
/** Keys of pmacct that flow-exporter makes labels of. */
export const FLOW_LABELS = ["as_src", "as_dst", "label", "iface_in", "iface_out"] as const;

/** Default values, as they would be given. */
export const FLOW_DEFAULTS = {
  "flow-asn": "0",
  "flow-group": "promtap",
  "flow-from": "committed",
  "flow-labels": FLOW_LABELS.join(","),
  "flow-max-series": "100000",
  "flow-sasl": "SCRAM-SHA-512",
} as const;

const DEFAULT_PORT = 9092;
const HIGHEST_AS = 2 ** 32 - 1;
const HIGHEST_MAX_SERIES = 10_000_000;
/** Far above what clusters hold; a bound for what a typing error may ask for. */
const HIGHEST_PARTITION = 1_000_000;
const MAXIMUM_LABELS = 32;
/** Topics as Kafka allows them; groups are freer, but names beyond these are asking for trouble. */
const NAME = /^[a-zA-Z0-9._-]{1,249}$/;
/** What a record's key must be to be the name of a label; those that begin with two underscores are Prometheus' own. */
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Labels that other keys make. */
const TAKEN_LABELS = ["source_as", "source_as_name", "destination_as", "destination_as_name", "hostname"];

/** How to reach the brokers. */
export interface FlowBrokers {
  /** Where to ask for all the others. */
  bootstrap: { host: string; port: number }[];
  /** Files in PEM; null where the brokers speak plain text. They are read at every connect, so that they may change. */
  tls: { caPath: string | null; certPath: string | null; keyPath: string | null } | null;
  sasl: { mechanism: (typeof SASL_MECHANISMS)[number]; user: string; passwordPath: string } | null;
}

/** What is consumed, and how it is counted. */
export interface FlowConfig {
  topic: string;
  /** Number of the AS whose traffic is ours. */
  ownAs: number;
  /** Group that shares the partitions and keeps the offsets; null where partitions are fixed and no offset is kept. */
  group: string | null;
  /** Fixed partitions, or "all"; null with a group. */
  partitions: number[] | "all" | null;
  /** Where to begin; with a group, only where it has no committed offset. */
  from: "earliest" | "latest";
  /** Keys of the records that make labels. */
  labels: string[];
  /** Most sets of labels that have series. */
  maxSeries: number;
  /** Multiply by the record's sampling_rate. */
  applySampling: boolean;
  /** File with names of ASes, instead of those in the binary. */
  asNamesPath: string | null;
}

/** The brokers, wherever a flag asks for them. */
export function flowBrokersOf(given: GivenFlags): FlowBrokers | null {
  const brokers = given.get("flow-brokers")?.at(-1);
  if (brokers === undefined) {
    const needless = [...given.keys()].find((name) => name.startsWith("flow-"));
    if (needless !== undefined) throw usage(`--${needless} needs --flow-brokers`);
    return null;
  }
  return { bootstrap: brokers.split(",").map(brokerOf), tls: tlsOf(given), sasl: saslOf(given) };
}

/** What to consume; null where nothing is. */
export function flowOf(given: GivenFlags): FlowConfig | null {
  const value = (name: keyof typeof FLOW_DEFAULTS): string => given.get(name)?.at(-1) ?? FLOW_DEFAULTS[name];
  const topic = given.get("flow-topic")?.at(-1);
  if (!given.has("flow-brokers")) return null;
  if (topic === undefined) {
    if (given.has("flow-produce")) return null;
    throw usage("--flow-brokers needs --flow-topic");
  }
  if (given.has("once")) throw usage("--once and --flow-topic exclude each other: flows come as long as promtap runs");
  const partitions = partitionsOf(given.get("flow-partitions")?.at(-1));
  if (partitions !== null && given.has("flow-group")) {
    throw usage("--flow-partitions and --flow-group exclude each other: a group shares the partitions out by itself");
  }
  const from = oneOf("flow-from", value("flow-from"), FLOW_STARTS);
  if (partitions !== null && given.has("flow-from") && from === "committed") {
    throw usage("--flow-from=committed and --flow-partitions exclude each other: only a group commits offsets");
  }
  const asNamesPath = given.get("flow-as-names")?.at(-1);
  if (asNamesPath === "") throw illegal("--flow-as-names", asNamesPath, "a file");
  return {
    topic: nameOf("flow-topic", topic),
    ownAs: numberOf("flow-asn", value("flow-asn"), HIGHEST_AS),
    group: partitions === null ? nameOf("flow-group", value("flow-group")) : null,
    partitions,
    from: from === "earliest" ? "earliest" : "latest",
    labels: labelsOf(value("flow-labels")),
    maxSeries: numberOf("flow-max-series", value("flow-max-series"), HIGHEST_MAX_SERIES),
    applySampling: given.has("flow-apply-sampling"),
    asNamesPath: asNamesPath ?? null,
  };
}

/** Reads HOST, HOST:PORT or [IPv6]:PORT. */
function brokerOf(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-fA-F:.]+(?:%[^\s/:\]]+)?)\]|([^\s:[\]]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (host === undefined || number < 1 || number > 65_535) {
    throw illegal("--flow-brokers", text, "HOST[:PORT],..., as in kafka1:9092,[2001:db8::1]:9092");
  }
  return { host, port: number };
}

function tlsOf(given: GivenFlags): FlowBrokers["tls"] {
  const path = (name: string): string | null => {
    const value = given.get(name)?.at(-1);
    if (value === "") throw illegal(`--${name}`, value, "a file");
    return value ?? null;
  };
  const files = { caPath: path("flow-tls-ca"), certPath: path("flow-tls-cert"), keyPath: path("flow-tls-key") };
  if ((files.certPath === null) !== (files.keyPath === null)) {
    throw usage("--flow-tls-cert and --flow-tls-key need each other");
  }
  return given.has("flow-tls") || files.caPath !== null || files.certPath !== null ? files : null;
}

function saslOf(given: GivenFlags): FlowBrokers["sasl"] {
  const user = given.get("flow-sasl-user")?.at(-1);
  const passwordPath = given.get("flow-sasl-password-file")?.at(-1);
  const mechanism = oneOf("flow-sasl", given.get("flow-sasl")?.at(-1) ?? FLOW_DEFAULTS["flow-sasl"], SASL_MECHANISMS);
  if (user !== undefined && passwordPath !== undefined && user !== "" && passwordPath !== "") {
    return { mechanism, user, passwordPath };
  }
  const name = ["flow-sasl", "flow-sasl-user", "flow-sasl-password-file"].find((each) => given.has(each));
  if (name !== undefined) throw usage("SASL needs both --flow-sasl-user and --flow-sasl-password-file");
  return null;
}

/** Reads the name of a topic or a group. */
export function nameOf(flag: string, name: string): string {
  if (NAME.test(name) && name !== "." && name !== "..") return name;
  throw illegal(`--${flag}`, name, "1 to 249 letters, digits, dots, underscores and dashes");
}

function partitionsOf(text: string | undefined): FlowConfig["partitions"] {
  if (text === undefined || text === "all") return text ?? null;
  const numbers = text.split(",").map((part) => (/^[0-9]{1,7}$/.test(part) ? Number(part) : Number.NaN));
  if (numbers.every((number) => number <= HIGHEST_PARTITION)) return [...new Set(numbers)];
  throw illegal("--flow-partitions", text, "all, or numbers such as 0,1,2");
}

function labelsOf(text: string): string[] {
  const labels = [...new Set(text.split(","))];
  const isLegal = (label: string): boolean => LABEL.test(label) && !TAKEN_LABELS.includes(label);
  if (labels.length <= MAXIMUM_LABELS && labels.every(isLegal)) return labels;
  throw illegal("--flow-labels", text, `up to ${MAXIMUM_LABELS} keys of records, such as as_src,as_dst,label,ip_proto`);
}

function usage(message: string): PromtapError {
  return new PromtapError(ErrorCode.USAGE, message);
}

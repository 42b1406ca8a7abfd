import { ErrorCode, PromtapError } from "../errors.ts";
import type { ListenAddress } from "../http/listener.ts";
import { type Range, rangeSeries } from "../ledger/ranges.ts";
import { type ByConfig, byOf } from "./by.ts";
import { type FlowBrokers, type FlowConfig, flowBrokersOf, flowOf } from "./features/flow.ts";
import { geoDatabasesOf, geoipOf, type GeoipConfig } from "./features/geoip.ts";
import { patternsOf } from "./interfaces.ts";
import { type IptablesConfig, iptablesOf } from "./features/iptables.ts";
import { listenOf, telemetryPathOf } from "./listen.ts";
import { type LogConfig, loggingOf } from "./logging.ts";
import { type ProduceConfig, produceOf } from "./features/produce.ts";
import { MAXIMUM_IPV4_SERIES, parseRange } from "./range-syntax.ts";
import { type GivenFlags, illegal, numberOf, oneOf } from "./values.ts";
import { type WialonConfig, wialonOf } from "./features/wialon.ts";

export const ENGINES = ["auto", "bpf", "tcx", "ring", "pcap"] as const;
/** Engines that learn from the kernel which frames stand for several packets of the wire, and how they are made. */
export const WIRE_SIZE_ENGINES: readonly string[] = ["bpf", "tcx", "ring"];

/** What the command line asks for; every value in it is legal. */
export interface Config extends LogConfig {
  /** Names, globs, or "auto": every interface that is up but loopback. None where other collectors stand alone. */
  interfaces: string[];
  ranges: Range[];
  engine: (typeof ENGINES)[number];
  /** Filter expression of libpcap for the pcap engine; "" lets everything through. */
  filter: string;
  /** Count the packets that were on the wire, where the kernel shows several of them as one frame. */
  wireSizes: boolean;
  /** Keep the capabilities that are not needed once capture has started. */
  keepCapabilities: boolean;
  /** Savefile to count instead of live traffic, "-" for stdin. */
  readPath: string | null;
  /** Print one page instead of serving it. */
  once: boolean;
  /** Say what would run instead of running. */
  check: boolean;
  listen: ListenAddress[];
  telemetryPath: string;
  /** Part of the scrape's time that a collector may take, up to 1. */
  collectorShare: number;
  /** Most addresses that have series, over all interfaces. */
  maxAddresses: number;
  /** How traffic is counted by remote address. */
  by: ByConfig | null;
  /** The Kafka brokers that flows are read from or written to. */
  flowBrokers: FlowBrokers | null;
  /** Flow records to read from Kafka. */
  flow: FlowConfig | null;
  /** Flow records to write to Kafka. */
  produce: ProduceConfig | null;
  /** Files with the countries or AS numbers of addresses; none where those in the binary will do. */
  geoDatabases: string[];
  geoip: GeoipConfig | null;
  iptables: IptablesConfig | null;
  wialon: WialonConfig | null;
}

/** Default values, as they would be given. */
export const DEFAULTS = {
  interface: "auto",
  engine: "auto",
  "web.telemetry-path": "/metrics",
  "collector-share": "25",
  "max-addresses": "131072",
} as const;

const HIGHEST_MAX_ADDRESSES = 10_000_000;

/** Judges the flags given and fills in the defaults; throws a usage error, in one line, at the first that is not legal. */
export function configOf(given: GivenFlags): Config {
  refuseConflicts(given);
  const ranges = rangesOf(given.get("range") ?? []);
  const value = (name: keyof typeof DEFAULTS): string => given.get(name)?.at(-1) ?? DEFAULTS[name];
  return {
    interfaces: patternsOf("-i", given.get("interface") ?? (standsAlone(given) ? [] : [DEFAULTS.interface])),
    ranges,
    engine: oneOf("engine", value("engine"), ENGINES),
    filter: given.get("pcap.filter")?.at(-1) ?? "",
    wireSizes: given.has("wire-sizes"),
    keepCapabilities: given.has("keep-capabilities"),
    readPath: readPathOf(given.get("read")?.at(-1)),
    once: given.has("once"),
    check: given.has("check"),
    listen: listenOf(given),
    telemetryPath: telemetryPathOf(value("web.telemetry-path")),
    collectorShare: shareOf(value("collector-share")),
    ...loggingOf(given),
    maxAddresses: numberOf("max-addresses", value("max-addresses"), HIGHEST_MAX_ADDRESSES),
    by: byOf(given),
    flowBrokers: flowBrokersOf(given),
    flow: flowOf(given),
    produce: produceOf(given, ranges),
    geoDatabases: geoDatabasesOf(given),
    geoip: geoipOf(given),
    iptables: iptablesOf(given),
    wialon: wialonOf(given),
  };
}

/** Flags of collectors that need no traffic: with one of them, traffic is captured only where -i asks for it. */
const COLLECTOR_FLAGS: readonly string[] = ["flow-topic", "geoip", "iptables", "wialon"];
/** Flags that say how traffic is counted. */
const TRAFFIC_FLAGS = ["range", "engine", "pcap.filter", "wire-sizes", "max-addresses", "by"];

function standsAlone(given: GivenFlags): boolean {
  return COLLECTOR_FLAGS.some((name) => given.has(name)) && !given.has("interface");
}

function refuseConflicts(given: GivenFlags): void {
  const refuse = (name: string, other: string, advice: string): void => {
    if (!given.has(name) || !given.has(other)) return;
    throw new PromtapError(ErrorCode.USAGE, `--${name} and --${other} exclude each other; ${advice}`);
  };
  refuse("port", "web.listen-address", "give the port in the address, as in --web.listen-address=:9112");
  refuse("read", "interface", "a file is counted instead of live traffic");
  refuse("debug", "log.level", "--debug stands for --log.level=debug");
  refuse("read", "engine", "a file is counted instead of live traffic");
  const pointless = TRAFFIC_FLAGS.find((name) => given.has(name));
  if (standsAlone(given) && !given.has("read") && pointless !== undefined) {
    const alone = COLLECTOR_FLAGS.find((name) => given.has(name));
    throw new PromtapError(
      ErrorCode.USAGE,
      `--${pointless} needs -i: with --${alone}, traffic is counted only where -i asks for it`,
    );
  }
  const engine = given.get("engine")?.at(-1) ?? DEFAULTS.engine;
  if (given.has("pcap.filter") && engine !== "pcap") {
    throw new PromtapError(ErrorCode.USAGE, "--pcap.filter needs --engine=pcap: no other engine has a filter");
  }
  const canUnfold = engine === DEFAULTS.engine || WIRE_SIZE_ENGINES.includes(engine);
  if (given.has("wire-sizes") && (given.has("read") || !canUnfold)) {
    const needed = WIRE_SIZE_ENGINES.map((name) => `--engine=${name}`).join(" or ");
    const other = given.has("read") ? "a file does" : `${engine} does`;
    throw new PromtapError(ErrorCode.USAGE, `--wire-sizes needs ${needed}: ${other} not tell how frames were merged`);
  }
}

function rangesOf(texts: readonly string[]): Range[] {
  const ranges = texts.map(parseRange);
  let series = 0;
  for (const range of ranges) {
    if (range.version === 4) series += rangeSeries(range);
    if (series <= MAXIMUM_IPV4_SERIES) continue;
    const legal = `at most ${MAXIMUM_IPV4_SERIES}; a rollup length gives a series to each network, as in 10.0.0.0/8/24`;
    throw new PromtapError(
      ErrorCode.USAGE,
      `invalid -r ${JSON.stringify(range.text)}: with the ranges before it there are ${series} IPv4 series; legal is ${legal}`,
    );
  }
  return ranges;
}

function shareOf(percent: string): number {
  if (/^(?:[1-9][0-9]?|100)$/.test(percent)) return Number(percent) / 100;
  throw illegal("--collector-share", percent, "a percentage from 1 to 100");
}

function readPathOf(path: string | undefined): string | null {
  if (path === "") throw illegal("--read", path, "a pcap or pcapng file, or - for standard input");
  return path ?? null;
}

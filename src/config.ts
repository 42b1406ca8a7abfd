import { ErrorCode, PromtapError } from "./errors.ts";
import type { ListenAddress } from "./http/listener.ts";
import { type Range, rangeSeries } from "./ledger/ranges.ts";
import { parseAddress } from "./packet/address.ts";
import { MAXIMUM_IPV4_SERIES, parseRange } from "./range-syntax.ts";

export const ENGINES = ["auto", "bpf", "tcx", "ring", "pcap"] as const;
/** Engines that learn from the kernel which frames stand for several packets of the wire, and how they are made. */
export const WIRE_SIZE_ENGINES: readonly string[] = ["bpf", "tcx", "ring"];
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const LOG_FORMATS = ["logfmt", "json"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What the command line asks for; every value in it is legal. */
export interface Config {
  /** Names, globs, or "auto": every interface that is up but loopback. */
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
  logLevel: LogLevel;
  logFormat: LogFormat;
  /** Most addresses that have series, over all interfaces. */
  maxAddresses: number;
}

/**
 * Long names of the flags that were given → their values in the order given; "" for a flag that takes none. Of several
 * values where one is asked for, the last counts.
 */
export type GivenFlags = ReadonlyMap<string, readonly string[]>;

/** Default values, as they would be given. */
export const DEFAULTS = {
  interface: "auto",
  port: "9112",
  engine: "auto",
  "web.telemetry-path": "/metrics",
  "log.level": "info",
  "log.format": "logfmt",
  "max-addresses": "131072",
} as const;

const HIGHEST_PORT = 65_535;
const HIGHEST_MAX_ADDRESSES = 10_000_000;
/** Room for a path in sockaddr_un, without the closing zero: unix(7). */
const SOCKET_PATH_BYTES = 107;
/** What dev_valid_name of the kernel (net/core/dev.c) lets no name hold; patterns of names need none of it either. */
const INTERFACE_FORBIDS = /[\s/:]/;
/** Path characters of RFC 3986, section 3.3; no escapes, because a path is compared as it is requested. */
const URL_PATH = /^\/[\w.~!$&'()*+,;=:@/-]*$/;
/** Where the pages that tell the program's health are. */
const HEALTH_PATHS = /^\/(?:-\/|-$|healthz$)/;
const HOST_AND_PORT = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/;
/** RFC 1123, section 2.1; a last part of digits alone would be a broken IPv4 address. */
const HOST_NAME = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*(?![0-9]+$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;

/** Judges the flags given and fills in the defaults; throws a usage error, in one line, at the first that is not legal. */
export function configOf(given: GivenFlags): Config {
  refuseConflicts(given);
  const value = (name: keyof typeof DEFAULTS): string => given.get(name)?.at(-1) ?? DEFAULTS[name];
  return {
    interfaces: interfacesOf(given.get("interface") ?? [DEFAULTS.interface]),
    ranges: rangesOf(given.get("range") ?? []),
    engine: oneOf("engine", value("engine"), ENGINES),
    filter: given.get("pcap.filter")?.at(-1) ?? "",
    wireSizes: given.has("wire-sizes"),
    keepCapabilities: given.has("keep-capabilities"),
    readPath: readPathOf(given.get("read")?.at(-1)),
    once: given.has("once"),
    check: given.has("check"),
    listen: listenOf(given.get("web.listen-address"), value("port")),
    telemetryPath: telemetryPathOf(value("web.telemetry-path")),
    logLevel: oneOf("log.level", value("log.level"), LOG_LEVELS),
    logFormat: oneOf("log.format", value("log.format"), LOG_FORMATS),
    maxAddresses: numberOf("max-addresses", value("max-addresses"), HIGHEST_MAX_ADDRESSES),
  };
}

function refuseConflicts(given: GivenFlags): void {
  const refuse = (name: string, other: string, advice: string): void => {
    if (!given.has(name) || !given.has(other)) return;
    throw new PromtapError(ErrorCode.USAGE, `--${name} and --${other} exclude each other; ${advice}`);
  };
  refuse("port", "web.listen-address", "give the port in the address, as in --web.listen-address=:9112");
  refuse("read", "interface", "a file is counted instead of live traffic");
  refuse("read", "engine", "a file is counted instead of live traffic");
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

function interfacesOf(patterns: readonly string[]): string[] {
  for (const pattern of patterns) {
    if (pattern !== "" && !INTERFACE_FORBIDS.test(pattern)) continue;
    throw illegal("-i", pattern, "a name, a pattern such as veth*, or auto");
  }
  return [...new Set(patterns)];
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

function readPathOf(path: string | undefined): string | null {
  if (path === "") throw illegal("--read", path, "a pcap or pcapng file, or - for standard input");
  return path ?? null;
}

function listenOf(addresses: readonly string[] | undefined, port: string): ListenAddress[] {
  if (addresses !== undefined) return addresses.map(listenAddressOf);
  return [{ kind: "tcp", host: undefined, port: numberOf("p", port, HIGHEST_PORT) }];
}

function listenAddressOf(text: string): ListenAddress {
  const path = text.startsWith("unix:") ? text.slice("unix:".length) : text;
  if (path.startsWith("/")) return socketOf(text, path);
  const [, ipv6, name = "", port] = HOST_AND_PORT.exec(text) ?? [];
  const host = ipv6 ?? name;
  const legalHost = ipv6 === undefined ? isHost(name) : parseAddress(ipv6)?.version === 6;
  if (!legalHost || !(Number(port) <= HIGHEST_PORT)) {
    throw illegal("--web.listen-address", text, ":PORT, IPV4:PORT, [IPV6]:PORT, HOST:PORT or unix:/PATH");
  }
  return { kind: "tcp", host: host === "" ? undefined : host, port: Number(port) };
}

function isHost(text: string): boolean {
  return text === "" || parseAddress(text)?.version === 4 || HOST_NAME.test(text);
}

function socketOf(text: string, path: string): ListenAddress {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES || path.endsWith("/") || path.includes("\0")) {
    throw illegal("--web.listen-address", text, `a path of a file, of at most ${SOCKET_PATH_BYTES} bytes`);
  }
  return { kind: "unix", path };
}

function telemetryPathOf(path: string): string {
  if (URL_PATH.test(path) && !HEALTH_PATHS.test(path)) return path;
  throw illegal("--web.telemetry-path", path, "a path such as /metrics, but not /healthz or below /-/");
}

function oneOf<T extends string>(name: string, value: string, legal: readonly T[]): T {
  const found = legal.find((candidate) => candidate === value);
  if (found === undefined) throw illegal(`--${name}`, value, legal.join(", "));
  return found;
}

function numberOf(name: string, value: string, highest: number): number {
  if (/^[0-9]{1,15}$/.test(value) && Number(value) <= highest) return Number(value);
  throw illegal(name.length === 1 ? `-${name}` : `--${name}`, value, `a number from 0 to ${highest}`);
}

/** The value is in JSON, so that the message stays one line whatever was given. */
function illegal(flag: string, value: string, legal: string): PromtapError {
  return new PromtapError(ErrorCode.USAGE, `invalid ${flag} ${JSON.stringify(value)}; legal is ${legal}`);
}

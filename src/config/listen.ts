import type { ListenAddress } from "../http/listener.ts";
import type { UnixAddress } from "../http/unix-socket.ts";
import { parseAddress } from "../packet/address.ts";
import { illegal, list, nonEmpty, oneOf, single, toggle, usageError, wholeNumber } from "./flag.ts";
import { section } from "./section.ts";

const MAX_PORT = 65_535;
/** Room for a path in sockaddr_un, without the closing zero: unix(7). */
const MAX_SOCKET_PATH_BYTES = 107;
/** Path characters of RFC 3986, section 3.3; no escapes, because a path is compared as it is requested. */
const URL_PATH = /^\/[\w.~!$&'()*+,;=:@/-]*$/;
/** Where the pages that tell the program's health are. */
const HEALTH_PATHS = /^\/(?:-\/|-$|healthz$)/;
/** Names of interfaces: dev_valid_name of the kernel (net/core/dev.c). */
const SCOPE = /^[^\s/:%]{1,15}$/;
/** fe80::/10. */
const LINK_LOCAL_SHIFT = 118n;
const LINK_LOCAL = 0xfe80n >> 6n;
/** Names as groupadd(8) takes them, or a number. */
const GROUP = /^(?:[a-zA-Z_][a-zA-Z0-9_.-]{0,31}\$?|[0-9]{1,9})$/;
const HOST_AND_PORT = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/;
/** RFC 1123, section 2.1; a last part of digits alone would be a broken IPv4 address. */
const HOST_NAME = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*(?![0-9]+$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;

/** What the page at / may show. */
const STATUS_VIEWS = ["off", "summary", "full"] as const;

/** Addresses that connections may come from. */
export interface Allowed {
  readonly address: string;
  readonly length: number;
  readonly family: "ipv4" | "ipv6";
}

const FLAGS = {
  port: single({
    name: "port",
    short: "p",
    key: "web.port",
    value: "PORT",
    default: "9112",
    isRepeatable: true,
    excludes: { "web.listen-address": "give the port in the address, as in --web.listen-address=:9112" },
    help: "TCP port to serve on, on all addresses. The last one given counts.",
    parse: wholeNumber(MAX_PORT),
  }),
  addresses: list({
    name: "web.listen-address",
    aliases: ["addr", "metrics-listen-address"],
    key: "web.listen",
    value: "ADDRESS",
    help: "Address to serve on, instead of -p: :9112, 127.0.0.1:9112, [::1]:9112 or unix:/run/promtap.sock.",
    parse: String,
  }),
  /** Whether the page is served on sockets that systemd has opened. */
  servesSystemdSocket: toggle({
    name: "web.systemd-socket",
    key: "web.systemd_socket",
    excludes: {
      port: "the unit of the socket says where it listens",
      "web.listen-address": "the unit of the socket says where it listens",
    },
    help: "Serve on the sockets that systemd passes (LISTEN_FDS), and on nothing else.",
  }),
  /** Whether what is checked leaves out to listen for a moment. */
  triesNoAddress: toggle({
    name: "no-listen",
    needs: ["check"],
    help: "With --check, leave out the addresses, which a promtap that is running has.",
  }),
  mode: single({
    name: "web.socket-mode",
    key: "web.socket_mode",
    value: "MODE",
    default: "0660",
    help: "Permissions of unix sockets that are served on.",
    parse: modeOf,
  }),
  group: single({
    name: "web.socket-group",
    key: "web.socket_group",
    value: "GROUP",
    help: "Group of unix sockets that are served on, by name or number; else it is that of the process.",
    parse: groupOf,
  }),
  /** The file that says who may ask; null: anybody may. */
  webConfig: single({
    name: "web.config.file",
    key: "web.config_file",
    value: "FILE",
    help: "File in YAML for TLS, users with passwords, headers and a rate, as exporters of Prometheus have it.",
    parse: nonEmpty("a file in YAML"),
  }),
  /** From where connections may come; empty: from everywhere. */
  allow: list({
    name: "web.allow",
    key: "web.allow",
    value: "ADDRESS,...",
    separator: ",",
    help: "Addresses and prefixes that connections may come from; else they may from everywhere.",
    parse: allowedOf,
  }),
  /** Whether anybody may ask whether it runs. */
  isHealthOpen: toggle({
    name: "web.open-health",
    key: "web.open_health",
    help: "Let anybody ask for /-/healthy, without a password and from everywhere.",
  }),
  /** Pages at once; 0 is no limit. */
  maxRequests: single({
    name: "web.max-requests",
    key: "web.max_requests",
    value: "NUMBER",
    default: "40",
    help: "Pages of metrics at once, three quarters of them for one client; 0 is no limit.",
    parse: wholeNumber(1_000_000),
  }),
  /** Whether the web may ask for the configuration to be read again. */
  hasLifecycle: toggle({
    name: "web.enable-lifecycle",
    key: "web.enable_lifecycle",
    help: "Let POST and PUT of /-/reload read the configuration again.",
  }),
  /** What the page at / shows; null: all of it to this machine, to others no address. */
  status: single({
    name: "web.status",
    key: "web.status",
    value: "WHAT",
    help: "What the page at / shows: off (a list of links), summary (no address), full. Without it, full to this machine and summary to others.",
    parse: oneOf(STATUS_VIEWS),
  }),
  /** Whether the page leaves out what it tells of the process itself. */
  hidesProcess: toggle({
    name: "web.disable-exporter-metrics",
    key: "web.disable_exporter_metrics",
    help: "Leave the metrics of the process itself (process_*) out.",
  }),
  /** Whether OpenMetrics tells since when counters count. */
  hasCreated: toggle({
    name: "web.created",
    key: "web.created",
    help: "Say in OpenMetrics since when each counter counts (_created): nearly twice as many lines.",
  }),
  /** Path of the page. */
  telemetryPath: single({
    name: "web.telemetry-path",
    key: "web.telemetry_path",
    value: "PATH",
    default: "/metrics",
    help: "Path of the page of metrics.",
    parse: telemetryPathOf,
  }),
};

/** Where the page is served: at the addresses given, or at a port of all addresses. */
export const webSection = section("Output", FLAGS, ({ port, addresses, mode, group, ...rest }, given) => {
  const listen: ListenAddress[] = addresses.map((text) => listenAddressOf(text, { mode, group }));
  const namesAddress = listen.length > 0 || given.has("port");
  if (listen.length === 0) listen.push({ kind: "tcp", host: undefined, port });
  const needless = ["web.socket-mode", "web.socket-group"].find((name) => given.has(name));
  if (needless !== undefined && !listen.some(({ kind }) => kind === "unix")) {
    throw usageError(`--${needless} needs --web.listen-address=unix:/PATH`);
  }
  return { listen, namesAddress, ...rest };
});

type Access = Pick<UnixAddress, "mode" | "group">;

function listenAddressOf(text: string, access: Access): ListenAddress {
  const path = text.startsWith("unix:") ? text.slice("unix:".length) : text;
  if (path.startsWith("/")) return socketOf(text, path, access);
  const [, ipv6, name = "", port] = HOST_AND_PORT.exec(text) ?? [];
  const host = ipv6 ?? name;
  const legalHost = ipv6 === undefined ? isHost(name) : isIpv6(ipv6);
  if (!legalHost || !(Number(port) <= MAX_PORT)) {
    throw illegal("--web.listen-address", text, ":PORT, IPV4:PORT, [IPV6]:PORT, HOST:PORT or unix:/PATH");
  }
  return { kind: "tcp", host: host === "" ? undefined : host, port: Number(port) };
}

/** A link-local address, and no other, may say on which interface it is (RFC 4007 section 11). */
function isIpv6(text: string): boolean {
  const [, address = "", scope] = /^([^%]*)(?:%(.*))?$/s.exec(text)!;
  const parsed = parseAddress(address);
  if (parsed?.version !== 6) return false;
  return scope === undefined || (SCOPE.test(scope) && parsed.value >> LINK_LOCAL_SHIFT === LINK_LOCAL);
}

function isHost(text: string): boolean {
  return text === "" || parseAddress(text)?.version === 4 || HOST_NAME.test(text);
}

function socketOf(text: string, path: string, access: Access): ListenAddress {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES || path.endsWith("/") || path.includes("\0")) {
    throw illegal("--web.listen-address", text, `a path of a file, of at most ${MAX_SOCKET_PATH_BYTES} bytes`);
  }
  return { kind: "unix", path, ...access };
}

function modeOf(text: string, spelling: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw illegal(spelling, text, "three octal digits, such as 0660");
}

function groupOf(text: string, spelling: string): string {
  if (GROUP.test(text)) return text;
  throw illegal(spelling, text, "the name or the number of a group");
}

function allowedOf(text: string, spelling: string): Allowed {
  const [, address = "", digits] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(text.trim()) ?? [];
  const version = parseAddress(address)?.version;
  const bits = version === 6 ? 128 : 32;
  const length = Number(digits ?? bits);
  if (version === undefined || length > bits) throw illegal(spelling, text, "an address or a prefix, as in 10.0.0.0/8");
  return { address, length, family: version === 6 ? "ipv6" : "ipv4" };
}

function telemetryPathOf(path: string, spelling: string): string {
  if (URL_PATH.test(path) && !HEALTH_PATHS.test(path)) return path;
  throw illegal(spelling, path, "a path such as /metrics, but not /healthz or below /-/");
}
